"""The gate: the strictest reason wins, exits pass where entries do not, and only a comparison ends a doubt."""

from pathlib import Path
from typing import NamedTuple

import pytest

from messages.failure import StopReason
from messages.values import IntentType, StopLevel, StopPlan
from supervisor.gate import LEDGER_REASON, RECOVERY_REASON, Gate
from supervisor.latch import StopLatch
from tests.execution.orders import order


class NoLatch:
    """Keeps nothing, or fails as a full disk does."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.written: list[str] = []

    def write(self, reason: StopReason) -> None:
        if self.fails:
            raise OSError("no space left on device")
        self.written.append(reason.reason_id)

    def remove(self, reason_id: str) -> None:
        if self.fails:
            raise OSError("read-only file system")
        self.written = [each for each in self.written if each != reason_id]


def reason(reason_id: str, level: StopLevel, scope: str = "all", *, needs_operator: bool = False) -> StopReason:
    return StopReason(
        reason_id=reason_id, level=level, scope=scope, cause="a test", since_ns=1, needs_operator=needs_operator
    )


def gate(*reasons: StopReason, epoch: int = 1, latch: NoLatch | None = None) -> Gate:
    return Gate(reasons, lambda name: epoch, latch or NoLatch())


ENTRY = order().ticket
EXIT = order(intent_type=IntentType.EXIT_FULL).ticket


@pytest.mark.parametrize(
    ("level", "entry_leaves", "exit_leaves"),
    [
        (StopLevel.RUN, True, True),
        (StopLevel.REDUCED, True, True),
        (StopLevel.SOFT, False, True),
        (StopLevel.MEDIUM, False, True),
        (StopLevel.HARD, False, False),
    ],
)
@pytest.mark.req("S-09")
def test_what_leaves_at_each_level(level: StopLevel, entry_leaves: bool, exit_leaves: bool) -> None:
    one = gate(reason("r", level))
    assert (one.refusal(ENTRY, "oms", 1) is None) is entry_leaves
    assert (one.refusal(EXIT, "oms", 1) is None) is exit_leaves
    assert one.is_open is entry_leaves


def test_the_strictest_wins_and_lifting_it_leaves_the_others() -> None:
    one = gate(reason("a", StopLevel.SOFT), reason("b", StopLevel.HARD))
    assert one.level() is StopLevel.HARD
    assert one.lift("b", by=None)
    assert not one.lift("b", by=None)
    assert one.level() is StopLevel.SOFT
    assert not one.is_open


@pytest.mark.parametrize(
    ("scope", "refused"),
    [("all", True), ("venue:sim", True), ("symbol:BTCUSDT", True), ("venue:other", False), ("symbol:ETHUSDT", False)],
)
def test_a_reason_reaches_as_far_as_its_scope(scope: str, refused: bool) -> None:
    one = gate(reason("r", StopLevel.SOFT, scope))
    said = one.refusal(ENTRY, "oms", 1)
    assert (said is not None) is refused
    assert said is None or said.startswith("GATE_SHUT")


@pytest.mark.parametrize(("epoch", "leaves"), [(2, False), (3, True), (4, True)])
def test_an_ended_incarnation_is_fenced_even_through_an_open_gate(epoch: int, leaves: bool) -> None:
    said = gate(epoch=3).refusal(EXIT, "oms", epoch)
    assert (said is None) is leaves
    assert leaves or (said or "").startswith("FENCED")


@pytest.mark.lesson("L13")
def test_only_a_comparison_begun_after_the_last_doubt_opens_it() -> None:
    one = gate()
    one.require_recovery("a crash", 1, by=None)
    began = one.doubts
    one.require_recovery("another, while the comparison ran", 2, by=None)
    assert not one.recovered(began, by=None)
    assert one.level() is StopLevel.SOFT
    assert one.recovered(one.doubts, by=None)
    assert one.level() is StopLevel.RUN
    assert one.is_recovered


def test_a_recovery_removes_only_its_own_reason() -> None:
    one = gate(reason("risk:max_daily_loss", StopLevel.MEDIUM))
    one.require_recovery("start", 1, by=None)
    one.ledger_failed("disk full", 1, by=None)
    assert one.recovered(one.doubts, by=None)
    assert {r.reason_id for r in one.reasons()} == {"risk:max_daily_loss", LEDGER_REASON}
    one.ledger_works("it writes again", 2, by=None)
    assert {r.reason_id for r in one.reasons()} == {"risk:max_daily_loss", LEDGER_REASON}, "an operator re-arms it"
    assert not one.is_in_force(RECOVERY_REASON)


def test_what_an_operator_must_lift_is_never_made_milder_or_narrower() -> None:
    latch = NoLatch()
    one = gate(latch=latch)
    assert one.shut(reason("r", StopLevel.MEDIUM, "symbol:BTCUSDT", needs_operator=True), by=None)
    assert not one.shut(reason("r", StopLevel.SOFT, "symbol:BTCUSDT", needs_operator=True), by=None)
    assert not one.shut(reason("r", StopLevel.RUN, "symbol:BTCUSDT"), by=None)
    assert one.level(frozenset({"symbol:BTCUSDT"})) is StopLevel.MEDIUM
    assert one.shut(reason("r", StopLevel.HARD, "symbol:BTCUSDT", needs_operator=True), by=None)
    assert one.shut(reason("r", StopLevel.SOFT, "symbol:ETHUSDT", needs_operator=True), by=None)
    (left,) = one.reasons()
    assert (left.level, left.scope, left.needs_operator) == (StopLevel.HARD, "all", True)
    assert latch.written == ["r", "r", "r"]


@pytest.mark.req("S-09")
def test_a_mode_softens_and_hardens_again_while_nobody_has_to_lift_it() -> None:
    one = gate()
    assert one.shut(reason("data_delay:symbol:BTCUSDT", StopLevel.SOFT, "symbol:BTCUSDT"), by=None)
    assert one.refusal(ENTRY, "oms", 1, "trend")
    assert one.shut(reason("data_delay:symbol:BTCUSDT", StopLevel.REDUCED, "symbol:BTCUSDT"), by=None)
    assert one.refusal(ENTRY, "oms", 1, "trend") is None
    assert one.levels() == {"symbol:BTCUSDT": StopLevel.REDUCED}
    assert not one.shut(reason("data_delay:symbol:BTCUSDT", StopLevel.REDUCED, "symbol:BTCUSDT"), by=None)
    assert one.shut(reason("data_delay:symbol:BTCUSDT", StopLevel.SOFT, "symbol:BTCUSDT"), by=None)
    assert one.refusal(ENTRY, "oms", 1, "trend")


@pytest.mark.req("S-09")
@pytest.mark.parametrize(("owner", "leaves"), [("trend", False), ("other", True), (None, False)])
def test_a_stop_of_one_strategy_holds_its_orders_back_and_those_of_nobody_known(
    owner: str | None, leaves: bool
) -> None:
    one = gate(reason("kill:HARD:strategy:trend", StopLevel.HARD, "strategy:trend"))
    for ticket in (ENTRY, EXIT):
        assert (one.refusal(ticket, "oms", 1, owner) is None) is leaves


def test_two_files_of_one_reason_leave_the_stricter_in_force() -> None:
    hard = reason("kill:x", StopLevel.HARD, needs_operator=True)
    one = gate(hard, reason("kill:x", StopLevel.SOFT, needs_operator=True))
    assert one.level() is StopLevel.HARD


def test_what_an_operator_confirms_is_his_own_from_then_on_and_stays_so() -> None:
    latch = NoLatch()
    one = gate(latch=latch)
    technical = reason("exchange_disconnect:all", StopLevel.MEDIUM, needs_operator=True).model_copy(
        update={"is_technical": True}
    )
    one.shut(technical, by=None)
    assert one.confirm("exchange_disconnect:all", "confirmed by kim", by=None)
    assert not one.confirm("exchange_disconnect:all", "again", by=None)
    assert not one.confirm("nothing", "no such", by=None)
    assert not one.shut(technical, by=None), "the same report again takes nothing back"
    (left,) = one.reasons()
    assert not left.is_technical
    assert left.cause.endswith("confirmed by kim")
    assert latch.written == ["exchange_disconnect:all"] * 2


def test_what_the_house_doubts_stops_entries_and_touches_nothing_that_exists() -> None:
    one = gate()
    one.require_recovery("a crash", 1, by=None)
    one.ledger_failed("disk full", 1, by=None)
    assert {r.effective_plan for r in one.reasons()} == {StopPlan.NONE}
    assert one.level() is StopLevel.HARD, "what cannot be written down is not sent: cancels only"


@pytest.mark.lesson("L22")
def test_it_shuts_even_where_the_latch_cannot_be_written() -> None:
    one = gate(latch=NoLatch(fails=True))
    assert one.shut(reason("risk:x", StopLevel.HARD, needs_operator=True), by=None)
    assert one.refusal(EXIT, "oms", 1)
    assert one.unlatched == {"risk:x"}


def test_only_what_an_operator_must_lift_is_latched() -> None:
    latch = NoLatch()
    one = gate(latch=latch)
    one.shut(reason("down:oms", StopLevel.SOFT), by=None)
    one.shut(reason("risk:x", StopLevel.SOFT, needs_operator=True), by=None)
    assert latch.written == ["risk:x"]


@pytest.mark.lesson("L36")
def test_a_latched_stop_outlives_the_process(tmp_path: Path) -> None:
    first = Gate((), lambda name: 1, StopLatch(tmp_path))
    first.shut(reason("risk:x", StopLevel.MEDIUM, needs_operator=True), by=None)
    latch = StopLatch(tmp_path)
    second = Gate(latch.load(now_ns=9), lambda name: 1, latch)
    assert second.level() is StopLevel.MEDIUM


def test_each_change_is_told_and_counted_and_no_other() -> None:
    watched = gate()
    told: list[int] = []
    watched.on_change = lambda: told.append(watched.changes)
    assert watched.shut(reason("a", StopLevel.SOFT), by=None)
    assert not watched.shut(reason("a", StopLevel.SOFT), by=None)
    watched.require_recovery("a doubt", 1, by=None)
    assert watched.lift("a", by=None)
    assert not watched.lift("a", by=None)
    assert watched.recovered(watched.doubts, by=None)
    assert told == [1, 2, 3, 4]


def test_what_an_operator_lifts_leaves_the_disk_too() -> None:
    latch = NoLatch()
    one = gate(latch=latch)
    one.shut(reason("actor_crash_loop:a", StopLevel.SOFT, needs_operator=True), by=None)
    assert one.lift("actor_crash_loop:a", by=None)
    assert latch.written == []
    one.shut(reason("actor_crash_loop:a", StopLevel.SOFT, needs_operator=True), by=None)
    latch.fails = True
    assert one.lift("actor_crash_loop:a", by=None)
    assert one.unlatched == {"actor_crash_loop:a"}


@pytest.mark.lesson("L36")
def test_what_the_disk_refused_is_latched_once_it_takes_it_as_it_is_by_then() -> None:
    latch = NoLatch(fails=True)
    one = gate(latch=latch)
    for name in ("risk:x", "risk:y"):
        one.shut(reason(name, StopLevel.HARD, needs_operator=True), by=None)
    one.lift("risk:y", by=None)
    one.settle()
    assert one.unlatched == {"risk:x", "risk:y"}
    latch.fails = False
    one.settle()
    assert latch.written == ["risk:x"]
    assert not one.unlatched


class Speaking(NamedTuple):
    name: str
    epoch: int


@pytest.mark.lesson("L20")
def test_one_that_was_given_up_moves_nothing() -> None:
    latch = NoLatch()
    one = gate(reason("down:feed", StopLevel.SOFT), epoch=2, latch=latch)
    one.require_recovery("a crash", 1, by=Speaking("oms", 2))
    doubts, changes, late = one.doubts, one.changes, Speaking("oms", 1)
    assert not one.shut(reason("risk:x", StopLevel.HARD, needs_operator=True), by=late)
    assert not one.lift("down:feed", by=late)
    assert not one.recovered(doubts, by=late)
    one.require_recovery("a late doubt", 2, by=late)
    one.ledger_failed("a late failure", 3, by=late)
    one.ledger_works("late news", 3, by=late)
    assert (one.doubts, one.changes, latch.written) == (doubts, changes, [])
    assert one.recovered(doubts, by=Speaking("oms", 2))
    assert one.lift("down:feed", by=None)


@pytest.mark.lesson("L22")
def test_what_was_said_again_since_it_was_asked_for_is_not_lifted() -> None:
    one = gate(reason("kill:HARD:all", StopLevel.HARD, needs_operator=True))
    again = reason("kill:HARD:all", StopLevel.HARD, needs_operator=True).model_copy(update={"since_ns": 50})
    assert not one.shut(again, by=None, is_latched=True), "it is as strict already"
    assert not one.lift("kill:HARD:all", by=None, unless_said=(40, 60))
    assert one.lift("kill:HARD:all", by=None, unless_said=(50, 60))
    one.shut(again, by=None)
    assert one.lift("kill:HARD:all", by=None, unless_said=(10, 20)), "of a clock that has been put back"
