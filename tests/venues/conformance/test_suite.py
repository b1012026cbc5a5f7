"""The suite itself: a venue that breaks a promise turns the checks that name it red, and no other."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

from bulkhead.venues.conformance.check import Check, why_not
from bulkhead.venues.conformance.desk import PromiseBroken
from bulkhead.venues.conformance.suite import CHECKS
from bulkhead.venues.port import WriteGuard
from tests.venues.conformance import broken_orders as orders
from tests.venues.conformance import broken_words as words
from tests.venues.conformance import totals
from tests.venues.conformance.between import Between, BrokenHarness, EarlyGate, OpenGate
from tests.venues.conformance.binance import binance
from tests.venues.conformance.kis import kis
from tests.venues.conformance.paper import paper

pytestmark = pytest.mark.process


class Broken(NamedTuple):
    kind: type[Between]
    red: str
    """Names of the checks that must fail; every other one must pass."""
    gate: Callable[[WriteGuard], WriteGuard] = lambda guard: guard


GATE = "gate-shut gate-asked-last gate-shuts-meanwhile gate-broken"
ON_PAPER = (
    Broken(Between, ""),
    Broken(Between, GATE, OpenGate),
    Broken(orders.AsksTheGateEarly, "gate-shuts-meanwhile", EarlyGate),
    Broken(orders.DoublesAnswers, "one-answer"),
    Broken(orders.LosesRejections, "one-answer bad-tickets"),
    Broken(orders.CallsUnknownUnsent, "lost-reply lost-request"),
    Broken(orders.ResendsByItself, "lost-reply lost-request"),
    Broken(orders.RoundsToTheLot, "bad-tickets"),
    Broken(orders.RestsForEver, "time-in-force ends-are-told"),
    Broken(orders.NeedsALimit, "market-orders"),
    Broken(orders.HasNoMarketOrders, "no-market-orders"),
    Broken(orders.SendsAgainUnderANewId, "one-id-one-order one-id-for-ever"),
    Broken(orders.SendsAgainAfterTheEnd, "one-id-for-ever"),
    Broken(orders.DoublesCancelAnswers, "one-cancel-answer"),
    Broken(orders.AsksTheGateForCancels, "cancel-passes-the-gate"),
    Broken(orders.LosesEarlyCancels, "cancel-never-overtakes cancelled-unsent"),
    Broken(orders.CancelsFirst, "cancel-never-overtakes cancelled-unsent refusal-waits-for-the-order"),
    Broken(orders.RefusesFirst, "refusal-waits-for-the-order"),
    Broken(orders.CallsUnknownCancelled, "lost-cancel"),
    Broken(words.DropsFills, "fills-told"),
    Broken(words.DropsFillsOfArrivals, "crossing-is-told"),
    Broken(words.RenumbersFills, "one-id-one-fill"),
    Broken(words.AddsNothingUp, "cumulative-grows"),
    Broken(words.TurnsSides, "fills-on-the-grid"),
    Broken(words.KeepsEndsToItself, "ends-are-told"),
    Broken(words.MiscountsInQueries, "query-truth"),
    Broken(words.CallsFailureAbsence, "query-fails-as-such nothing-after-the-end"),
    Broken(words.ShowsOpenOrdersOnly, "snapshot-complete"),
    Broken(words.ForgetsExecutions, "snapshot-complete unheard-is-listed"),
    Broken(words.ShowsWhatItHas, "snapshot-whole-or-failed nothing-after-the-end"),
    Broken(words.HidesMoney, "balances-add-up"),
    Broken(words.ListsNothing, "instruments"),
    Broken(words.LivesInAnotherZone, "preflight"),
    Broken(words.HasAnotherName, "capabilities"),
    Broken(words.ListensBeforeItOpens, "before-open"),
    Broken(words.NeverSaysDown, "channel-is-told"),
    Broken(words.SpeaksOfAnOlderChannel, "channel-is-told"),
    Broken(words.DeafAfterACut, "channel-comes-back"),
    Broken(words.CountsToOne, "pending-counts"),
    Broken(words.CountsOffEarly, "pending-counts"),
    Broken(words.Blocks, "never-blocks"),
    Broken(words.ClosesLate, "closes-in-time"),
    Broken(words.NamesTheEndOtherwise, "nothing-after-the-end"),
    Broken(words.ForgetsWhenClosed, "opens-again"),
    Broken(words.HearsOneThread, "many-threads"),
    Broken(words.ShowsItsKey, "no-secrets"),
)
WITHOUT_IDS = (
    Broken(totals.TellsTotals, ""),
    Broken(totals.TellsExecutionsToo, "totals-and-no-executions"),
    Broken(totals.ListsExecutionsToo, "totals-and-no-executions"),
    Broken(totals.TellsNothingUnasked, "fills-told crossing-is-told channel-comes-back"),
    Broken(totals.TellsEachFillAsATotal, "fills-told totals-add-up"),
    Broken(totals.LosesMoney, "totals-add-up"),
    Broken(totals.KeepsEndsOfTotalsToItself, "ends-are-told"),
    Broken(totals.ListsNoFills, "snapshot-complete unheard-is-listed"),
)
OVER_THE_WIRE_OF_KIS = (
    Broken(orders.CancelsInTurn, "cancel-not-delayed"),
    Broken(totals.AnswersUnasked, "query-truth"),
    Broken(totals.StatesNoCosts, "balances-add-up"),
)
OVER_A_WIRE = (
    Broken(orders.CallsUnsentUnknown, "away-is-not-sent"),
    Broken(orders.CallsAWrongKeyFinal, "wrong-key"),
    Broken(orders.CancelsInTurn, "cancel-not-delayed"),
    Broken(words.CallsFailureAbsence, "away-is-said"),
    Broken(words.TakesAnyKey, "key-refused"),
    Broken(words.KeepsNoWords, "raw-is-kept"),
)
NEED_A_WIRE = tuple(check for check in CHECKS if check.name in " ".join(case.red for case in OVER_A_WIRE).split())


NEED_KIS = tuple(check for check in CHECKS if check.name in " ".join(case.red for case in OVER_THE_WIRE_OF_KIS).split())


def red(makes: Callable[[], Any], broken: Broken, checks: Iterable[Check], patience_s: float) -> set[str]:
    failed = set()
    for check in checks:
        with makes() as inner:
            harness: Any = BrokenHarness(inner, broken.kind, broken.gate, patience_s)
            try:
                if why_not(check, harness) is None:
                    check.run(harness)
            except PromiseBroken:
                failed.add(check.name)
    return failed


def title(broken: Broken) -> str:
    return f"{broken.kind.__name__}-{broken.red.replace(' ', '+') or 'nothing'}"


@pytest.mark.parametrize("broken", ON_PAPER, ids=title)
def test_what_is_broken_turns_red_and_nothing_else(broken: Broken) -> None:
    assert red(paper, broken, CHECKS, patience_s=1.0) == set(broken.red.split())


@pytest.mark.parametrize("broken", OVER_A_WIRE, ids=title)
def test_what_is_broken_over_a_wire_turns_red(broken: Broken) -> None:
    assert red(binance, broken, NEED_A_WIRE, patience_s=3.0) == set(broken.red.split())


@pytest.mark.parametrize("broken", WITHOUT_IDS, ids=title)
def test_what_is_broken_of_a_venue_without_ids_turns_red_and_nothing_else(broken: Broken) -> None:
    assert red(totals.paper_without_costs, broken, CHECKS, patience_s=1.0) == set(broken.red.split())


@pytest.mark.parametrize("broken", OVER_THE_WIRE_OF_KIS, ids=title)
def test_what_is_broken_over_the_wire_of_kis_turns_red(broken: Broken) -> None:
    assert red(kis, broken, NEED_KIS, patience_s=3.0) == set(broken.red.split())


def test_every_check_can_fail() -> None:
    cases = (*ON_PAPER, *WITHOUT_IDS, *OVER_A_WIRE, *OVER_THE_WIRE_OF_KIS)
    assert {name for case in cases for name in case.red.split()} == {check.name for check in CHECKS}


def test_each_check_has_a_name_of_its_own_and_one_sentence() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check.promise.endswith("."), check.name
        assert check.promise.count(". ") == 0, check.name


def test_what_a_venue_omits_is_a_check_and_has_a_reason() -> None:
    names = {check.name for check in CHECKS}
    for makes in (binance, kis, paper):
        with makes() as harness:
            assert set(harness.omitted) <= names
            assert all(harness.omitted.values())
