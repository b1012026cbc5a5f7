"""The traps of this wire, each with the proof that it is one: what the venue would do to whoever walks into it."""

import time
from collections.abc import Callable
from contextlib import closing
from decimal import ROUND_DOWN, Decimal

import pytest

from actors import reconciler
from bulkhead.venues.simulator.process import in_thread
from bulkhead.venues.simulator.settings import SimulatorSettings
from tests.venues.simulator.kit import Client
from tests.wire.kit import ABSENT_AFTER_S, ANSWER_WITHIN_S, RECV_WINDOW_MS, SYMBOLS, Town

pytestmark = pytest.mark.process
SYMBOL = "BTCUSDT"
MANY = 100
DRIFT = "position_drift:all"
NOBODY_KNOWS = {"query": "arrival", "list": "arrival"}
ALL_GO = dict.fromkeys(("order", "cancel", "query", "list"))


def stays(what: Callable[[], bool], seconds: float) -> bool:
    """Whether it holds all the time: that nothing happens has no condition to wait for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not what():
            return False
        time.sleep(0.05)
    return True


@pytest.mark.code("BROKER_TIMEOUT_TRANSIENT")
@pytest.mark.req("P-13")
@pytest.mark.lesson("L01", "L05")
def test_an_id_that_is_filled_already_would_buy_twice_and_is_never_sent_again(here: Town) -> None:
    """newClientOrderId is unique among open orders only."""
    here.fault(spoil={"requests": "order", "answer": "none"}, lose_reports=MANY, hold=NOBODY_KNOWS)
    key = here.bought(SYMBOL, crosses=True)
    assert here.until_status(key, "ERROR").reason.startswith("BROKER_TIMEOUT_TRANSIENT: ")
    here.fault(lose_reports=0)
    assert here.at_venue(key)["orders"] == 1
    assert stays(lambda: here.row(key).status == "ERROR" and here.at_venue(key)["orders"] == 1, ABSENT_AFTER_S + 0.5)
    here.fault(hold=ALL_GO)
    here.until_status(key, "FILLED")
    here.settle()
    assert here.changes(key).count("unknown") == 1
    assert "resent" not in here.changes(key)


def test_the_venue_takes_an_id_again_whose_order_is_filled() -> None:
    """The proof that the trap is one: here the same order, sent again as it was, buys twice."""
    with in_thread(SimulatorSettings(events_per_s=0)) as venue, closing(Client(venue.http_url)) as client:
        again = [client.order(type="MARKET", quantity="0.01", newClientOrderId="same") for _ in range(2)]
        assert [answer.json()["status"] for answer in again] == ["FILLED", "FILLED"]
        assert client.books()["by_client_order_id"]["same"] == {"orders": 2, "executions": 2}


@pytest.mark.code("ORDER_PROVEN_ABSENT")
@pytest.mark.lesson("L28")
@pytest.mark.parametrize("is_in_time", [True, False], ids=["within-its-validity", "after-it"])
def test_no_such_order_right_after_a_timeout_proves_nothing(here: Town, is_in_time: bool) -> None:
    """The request waits at the venue's door while -2013 is answered for it. Carried out in time, it is an order; later
    the venue refuses it, and so it was absent: both ends without a second one."""
    here.fault(hold={"order": "arrival"})
    key = here.bought(SYMBOL)
    here.until_held("order")
    here.until_status(key, "ERROR")  # the read timeout has passed
    if is_in_time:
        assert ANSWER_WITHIN_S < RECV_WINDOW_MS / 1_000
        here.fault(hold=ALL_GO)
        here.until_status(key, "SUBMITTED")
        assert here.at_venue(key)["orders"] == 1
    else:
        began = time.monotonic()
        row = here.until_status(key, "FAILED")
        assert time.monotonic() - began > ABSENT_AFTER_S - ANSWER_WITHIN_S - 0.5, "not before its validity has passed"
        assert "ORDER_PROVEN_ABSENT" in row.reason
        assert here.closing_code(key) == "ORDER_PROVEN_ABSENT"
        here.fault(hold=ALL_GO)
        here.until(lambda: not here.venue.faults()["held"].get("order"), "it goes on, too late")
        assert here.at_venue(key)["orders"] == 0
    here.settle()
    assert here.posted[key] <= 1


@pytest.mark.code("ORDER_NOT_SENT")
@pytest.mark.lesson("L18")
def test_a_storm_that_outlasts_the_retries_ends_the_order_and_not_the_trading(here: Town) -> None:
    here.fault(rate_limit_next=1_000)
    key = here.bought(SYMBOL)
    row = here.until_status(key, "FAILED")
    assert "-1003" in row.reason or "RATE_LIMITED" in row.reason
    assert here.closing_code(key) == "ORDER_NOT_SENT"
    here.fault(rate_limit_next=0)
    assert here.at_venue(key) == {"orders": 0, "executions": 0}
    here.until_open()
    here.until_status(here.bought(SYMBOL), "SUBMITTED")


@pytest.mark.code("BROKER_REJECTED")
@pytest.mark.lesson("L02")
def test_what_the_venue_rejects_is_rejected_once_with_its_words(here: Town) -> None:
    """4xx with a business code: final, no retry, and the raw reason is kept. Somebody holds the money by hand."""
    price = (here.bid(SYMBOL) * Decimal("0.9")).quantize(Decimal("0.01"))
    free = Decimal(here.venue.books()["balances"]["USDT"]["free"])
    with here.stranger("by-hand", SYMBOL, price, ((free - 20) / price).quantize(Decimal("0.00001"), ROUND_DOWN)):
        # The stream tells of an order that is not ours: the books are compared, and it is foreign.
        here.until(lambda: here.ledger.rows("select 1 from events where type = 'ForeignOrderSeen'"), "it is seen")
        here.until_open()
        key = here.bought(SYMBOL)
        assert "-2010" in here.until_status(key, "REJECTED").reason
        assert here.closing_code(key) == "BROKER_REJECTED"
    here.settle()
    assert here.posted[key] == 1


@pytest.mark.code("POSITION_SYNC_FAIL")
@pytest.mark.lesson("L11")
@pytest.mark.req("X-08")
def test_doubt_that_no_comparison_can_end_goes_to_an_operator_and_is_not_chased_for_ever(
    here: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order rests there that bears our mark and stands in no book of ours. Bounded, then escalated, once."""
    monkeypatch.setattr(reconciler, "DOUBTFUL_FOR_S", 2.0)  # nobody waits for a minute
    resting = here.bought("ETHUSDT")
    here.until_status(resting, "SUBMITTED")
    stranger = "b" + "a" * 32
    try:
        with here.stranger(stranger, SYMBOL, here.bid(SYMBOL), Decimal("0.001")):
            here.until(lambda: here.gate.is_in_force(DRIFT), "an operator is asked")
            rounds = here.reconciliations()
            here.until(lambda: here.reconciliations() > rounds + 3, "the comparing goes on")
            failures = here.ledger.rows("select payload from events where type = 'FailureRecorded'")
            assert sum("POSITION_SYNC_FAIL: " in payload for (payload,) in failures) == 1
            assert here.refused(lambda: here.buy(SYMBOL))["code"] == "GATE_SHUT"
            here.cancel("ETHUSDT")  # cancels still work
            here.until_status(resting, "CANCELLED")
            assert stranger in here.open_at_venue(), "what an operator must decide on is not touched"
    finally:
        here.gate.lift(DRIFT, by=None)  # as the operator


@pytest.mark.code("SYMBOL_FROZEN")
def test_all_symbols_are_frozen_one_by_one(here: Town) -> None:
    """One order of unknown outcome holds back entries in its own symbol, and in no other."""
    here.fault(spoil={"requests": "order", "answer": "none"}, lose_reports=MANY, hold=NOBODY_KNOWS)
    key = here.bought(SYMBOL)
    here.until_status(key, "ERROR")
    here.fault(lose_reports=0)
    assert here.refused(lambda: here.buy(SYMBOL))["code"] == "SYMBOL_FROZEN"
    others = [here.bought(symbol) for symbol in SYMBOLS if symbol != SYMBOL]
    for other in others:
        here.until_status(other, "SUBMITTED")
    here.fault(hold=ALL_GO)
    here.until_status(key, "SUBMITTED")
    here.until_status(here.bought(SYMBOL), "SUBMITTED")
    here.settle()
