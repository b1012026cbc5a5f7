"""The rest of a child: cancel, proof, replacement; nearer the market, within bounds, a few times."""

from decimal import Decimal
from typing import Any

import pytest

from bulkhead.execution.stages.adjust import (
    ADJUST_REASON,
    Adjusted,
    AdjustInput,
    AdjustSettings,
    CancelFirst,
    GaveUp,
    GiveUp,
    Replace,
    Wait,
    adjust,
    bounded,
    is_proven_ended,
)
from messages.orders import OrderRow
from messages.values import IntentType, OrderStatus, Side, TimeInForce
from tests.execution.orders import KRX_LIKE, NS_PER_S, T0, D, Rules, market, order

LATE = T0 + 61 * NS_PER_S
OURS = f"{ADJUST_REASON}attempt 1"
KEYS = tuple("b" + letter * 32 for letter in "acde")


def step(*attempts: OrderRow, **changes: Any) -> Adjusted:
    fields: dict[str, Any] = {
        "attempts": attempts,
        "rules": Rules(),
        "market": market("100.06", "100.12", at_ns=LATE),
        "settings": AdjustSettings(),
        "now_ns": LATE,
    }
    return adjust(AdjustInput(**{**fields, **changes}))


def working(filled: str = "0", **changes: Any) -> OrderRow:
    status = OrderStatus.SUBMITTED if filled == "0" else OrderStatus.PARTIAL
    return order(status, filled, venue_order_id="v1", **changes)


def cancelled(filled: str = "0", **changes: Any) -> OrderRow:
    return order(OrderStatus.CANCELLED, filled, **{"reason": OURS, "updated_ns": LATE, **changes})


def given_up(outcome: Adjusted) -> GiveUp:
    assert isinstance(outcome, GiveUp), outcome
    assert outcome.check
    assert outcome.value
    assert outcome.limit
    assert outcome.detail
    return outcome


def replaced(outcome: Adjusted) -> Replace:
    assert isinstance(outcome, Replace), outcome
    return outcome


# -- cancel, proof, replacement ---------------------------------------------------------------------------------------


def test_first_the_cancel() -> None:
    outcome = step(working("4"))
    assert outcome == CancelFirst(KEYS[0], "BTCUSDT", f"{ADJUST_REASON}attempt 1 at 100.08", D(6), D("100.08"))


def test_then_the_replacement_of_what_no_attempt_has_filled() -> None:
    assert step(cancelled("4")) == Replace(0, 1, D(6), D("100.08"))
    second = step(cancelled("4"), cancelled("1", key=KEYS[1], quantity="6", limit="100.08", attempt=1))
    assert second == Replace(0, 2, D(5), D("100.10"))


@pytest.mark.parametrize("status", [OrderStatus.PENDING_SUBMIT, OrderStatus.PENDING_CANCEL, OrderStatus.UNKNOWN])
def test_no_replacement_without_proof(status: OrderStatus) -> None:
    row = order(status, reason=OURS)
    assert isinstance(step(row), Wait)
    assert not is_proven_ended(row)


def test_our_own_conclusion_is_no_proof() -> None:
    outcome = given_up(step(order(OrderStatus.FAILED)))
    assert (outcome.why, outcome.rest, outcome.is_working) == (GaveUp.NEVER_SENT, D(10), False)


def test_what_the_venue_let_expire_is_replaced() -> None:
    assert replaced(step(order(OrderStatus.EXPIRED, "3"))).quantity == D(7)


def test_a_reject_is_final() -> None:
    assert given_up(step(order(OrderStatus.REJECTED, reason="-2010: no"))).why is GaveUp.REJECTED


def test_what_others_have_cancelled_stays_cancelled() -> None:
    outcome = given_up(step(cancelled(reason="daily loss")))
    assert (outcome.why, outcome.value) == (GaveUp.ENDED_BY_OTHERS, "daily loss")
    assert given_up(step(cancelled(reason=None))).why is GaveUp.ENDED_BY_OTHERS


def test_a_stopped_intent_is_not_worked_any_more() -> None:
    outcome = given_up(step(cancelled(), stopped="the stop plan runs"))
    assert (outcome.why, outcome.detail) == (GaveUp.STOPPED, "the stop plan runs")
    assert given_up(step(working(), stopped="the stop plan runs")).is_working


def test_a_fill_after_the_cancel_ends_the_live_attempt() -> None:
    """The venue broke its word: 7 filled and 6 working are more than 10."""
    outcome = step(cancelled("7"), working(key=KEYS[1], quantity="6", attempt=1), stopped="even then")
    assert isinstance(outcome, CancelFirst)
    assert (outcome.client_order_id, outcome.quantity, outcome.limit_price) == (KEYS[1], D(0), None)
    pending = order(OrderStatus.PENDING_CANCEL, key=KEYS[1], quantity="6", attempt=1)
    assert isinstance(step(cancelled("7"), pending), Wait)
    again = step(cancelled("7"), cancelled(key=KEYS[1], quantity="6", attempt=1))
    assert replaced(again).quantity == D(3)


def test_an_attempt_that_is_not_in_the_books_may_have_filled() -> None:
    outcome = given_up(step(cancelled(attempt=1)))
    assert (outcome.why, outcome.value, outcome.limit) == (GaveUp.INCOMPLETE, "1", "0..1")


def test_a_filled_child_needs_nothing() -> None:
    outcome = given_up(step(order(OrderStatus.FILLED, "10")))
    assert (outcome.why, outcome.rest) == (GaveUp.NOTHING_LEFT, D(0))


@pytest.mark.parametrize(
    "attempts",
    [(), (working(), working(child=1)), (working(), working(intent_id="i2")), (working(), working())],
)
def test_attempts_of_two_children_are_not_mixed(attempts: tuple[OrderRow, ...]) -> None:
    with pytest.raises(ValueError, match="adjust"):
        step(*attempts)


# -- how often, and how little ----------------------------------------------------------------------------------------


def attempts_until(number: int) -> list[OrderRow]:
    return [cancelled(key=KEYS[attempt], attempt=attempt) for attempt in range(number + 1)]


def test_three_adjustments_at_most() -> None:
    assert replaced(step(*attempts_until(2))).attempt == 3
    outcome = given_up(step(*attempts_until(3)))
    assert (outcome.why, outcome.value, outcome.limit) == (GaveUp.ATTEMPTS_USED, "3", "3")
    assert given_up(step(*attempts_until(2), working(key=KEYS[3], attempt=3))).is_working


def test_settings_may_ask_for_fewer_adjustments_and_not_for_more() -> None:
    assert given_up(step(working(), settings=AdjustSettings(max_adjustments=0))).why is GaveUp.ATTEMPTS_USED
    outcome = given_up(step(working(), settings=AdjustSettings(max_adjustments=4)))
    assert (outcome.why, outcome.value, outcome.limit) == (GaveUp.SETTINGS_IMPOSSIBLE, "4", "0..3")


@pytest.mark.parametrize("bps", ["51", "-1", "NaN", "Infinity"])
def test_settings_may_not_allow_a_larger_move(bps: str) -> None:
    assert given_up(step(working(), settings=AdjustSettings(max_move_bps=D(bps)))).check == "max_move_bps"


@pytest.mark.parametrize(
    ("rules", "check"),
    [
        (Rules(min_quantity=D("0.5")), "min_quantity"),
        (Rules(lot_size=D(1), min_quantity=D(0)), "min_quantity"),
        (Rules(min_notional=D(41)), "min_notional"),
    ],
)
def test_a_rest_below_the_minimum_is_given_up_and_said_so(rules: Rules, check: str) -> None:
    outcome = given_up(step(cancelled("9.6"), rules=rules))
    assert (outcome.why, outcome.check, outcome.rest) == (GaveUp.BELOW_MINIMUM, check, D("0.4"))
    assert given_up(step(working("9.6"), rules=rules)).is_working, "and is left to work where it works"


def test_an_unknown_instrument() -> None:
    assert given_up(step(cancelled(), rules=None)).why is GaveUp.INSTRUMENT_UNKNOWN


@pytest.mark.parametrize(
    "row",
    [
        order(OrderStatus.PARTIAL, "1", limit=None),
        cancelled(limit=None),
    ],
)
def test_a_market_order_has_no_price_to_adjust(row: OrderRow) -> None:
    assert given_up(step(row)).why is GaveUp.NOT_ADJUSTABLE


def test_what_does_not_fill_at_once_was_not_wanted() -> None:
    row = order(OrderStatus.EXPIRED, "1")
    at_once = row.model_copy(update={"ticket": row.ticket.model_copy(update={"time_in_force": TimeInForce.IOC})})
    assert given_up(step(at_once)).why is GaveUp.NOT_ADJUSTABLE


# -- when -------------------------------------------------------------------------------------------------------------


def test_it_may_work_for_a_while_first() -> None:
    row = working(submitted_ns=T0 + 5)
    outcome = step(row, now_ns=T0 + 6)
    assert isinstance(outcome, Wait)
    assert outcome.until_ns == T0 + 5 + 60 * NS_PER_S


def test_after_news_of_it_an_order_is_left_alone_for_a_moment() -> None:
    """Else a venue that refuses each cancel would be asked as fast as it answers."""
    refused = working(updated_ns=LATE, reason="-2011: too late")
    outcome = step(refused)
    assert isinstance(outcome, Wait)
    assert outcome.until_ns == LATE + NS_PER_S
    assert isinstance(step(refused, now_ns=LATE + NS_PER_S), CancelFirst)


@pytest.mark.parametrize(
    "changes",
    [
        {"gate_refusal": "shut"},
        {"market": None},
        {"market": market("100.2", "100.1", at_ns=LATE)},
        {"market": market(at_ns=T0)},
    ],
)
def test_a_shut_gate_and_a_blind_market_are_waited_for_but_not_without_end(changes: dict[str, Any]) -> None:
    assert isinstance(step(working(), **changes), Wait)
    until_ns = LATE + 60 * NS_PER_S
    outcome = step(cancelled(), **changes)
    assert isinstance(outcome, Wait)
    assert outcome.until_ns == until_ns
    assert given_up(step(cancelled(), **changes, now_ns=until_ns)).why is GaveUp.WAITED


def test_what_works_is_waited_for_as_long_as_it_works() -> None:
    wait = Wait("shut")
    given = AdjustInput((working(),), Rules(), None, AdjustSettings(), LATE * 2)
    assert bounded(wait, given) is wait


def test_an_order_that_is_as_near_as_allowed_is_left_alone() -> None:
    assert isinstance(step(working(limit="100.08")), Wait)
    assert isinstance(step(working(limit="100.09")), Wait)


# -- the price --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("attempt", "price"), [(1, "100.08"), (2, "100.10"), (3, "100.12")])
def test_a_buyer_goes_from_the_bid_to_the_ask(attempt: int, price: str) -> None:
    assert replaced(step(*attempts_until(attempt - 1))).limit_price == D(price)


@pytest.mark.parametrize(("attempt", "price"), [(1, "100.10"), (2, "100.08"), (3, "100.06")])
def test_a_seller_goes_from_the_ask_to_the_bid(attempt: int, price: str) -> None:
    rows = [cancelled(key=KEYS[number], attempt=number, side=Side.SELL) for number in range(attempt)]
    assert replaced(step(*rows)).limit_price == D(price)


def test_a_price_between_two_ticks_is_rounded_away_from_the_market() -> None:
    quotes = market("100", "100.02", at_ns=LATE)
    assert replaced(step(cancelled(limit="99.9"), market=quotes)).limit_price == D(100)
    assert replaced(step(cancelled(limit="99.9", side=Side.SELL), market=quotes)).limit_price == D("100.02")


@pytest.mark.parametrize(
    ("side", "bid", "ask", "price"),
    [
        (Side.BUY, "101", "101.1", "100.5"),
        (Side.BUY, "99", "99.1", "99.5"),
        (Side.SELL, "101", "101.1", "100.5"),
        (Side.SELL, "99", "99.1", "99.5"),
    ],
)
def test_the_total_move_is_half_a_per_cent_of_the_first_price(side: Side, bid: str, ask: str, price: str) -> None:
    quotes = market(bid, ask, at_ns=LATE)
    first = cancelled(side=side, limit="100")
    second = cancelled(side=side, key=KEYS[1], limit="100.4", attempt=1)
    assert replaced(step(first, market=quotes)).limit_price == D(price)
    assert replaced(step(first, second, market=quotes)).limit_price == D(price), "from the first, not from the last"


@pytest.mark.parametrize(
    ("side", "bid", "kind", "is_given_up"),
    [
        (Side.BUY, "105", IntentType.ENTRY, True),
        (Side.BUY, "95", IntentType.ENTRY, True),
        (Side.SELL, "105", IntentType.EXIT_FULL, True),
        (Side.SELL, "95", IntentType.EXIT_FULL, False),
        (Side.BUY, "105", IntentType.EXIT_FULL, False),
        (Side.BUY, "95", IntentType.EXIT_FULL, True),
    ],
)
def test_the_collar_is_never_left(side: Side, bid: str, kind: IntentType, is_given_up: bool) -> None:
    """An exit on the better side of the market waits there, and does no harm."""
    quotes = market(bid, str(D(bid) + Decimal("0.1")), at_ns=LATE)
    outcome = step(cancelled(side=side, intent_type=kind), market=quotes)
    if is_given_up:
        assert given_up(outcome).why is GaveUp.PRICE_BOUND
    else:
        assert abs(replaced(outcome).limit_price - 100) <= D("0.5")


def test_a_tick_that_is_wider_than_the_bounds_leaves_no_price() -> None:
    outcome = given_up(step(cancelled(limit="100.3"), rules=Rules(tick_size=D(1)), settings=AdjustSettings(3, D(10))))
    assert outcome.why is GaveUp.PRICE_BOUND


@pytest.mark.parametrize(
    ("side", "limit", "quotes", "price"),
    [
        # A third of the way from 19,980 to 20,050 is 20,003.3: in the band of 50 by now, and 20,000 is its edge.
        (Side.BUY, "19980", ("19980", "20050"), "20000"),
        # A third of the way down from 20,050 to 19,950: 20,016.7, rounded up to a tick of 50.
        (Side.SELL, "20050", ("19950", "20050"), "20050"),
        # From 20,000 to 19,970: 19,990, on the tick of 10 below the edge.
        (Side.SELL, "20000", ("19970", "20000"), "19990"),
    ],
)
def test_a_new_price_is_on_the_tick_of_the_band_that_it_comes_to(
    side: Side, limit: str, quotes: tuple[str, str], price: str
) -> None:
    kind = IntentType.ENTRY if side is Side.BUY else IntentType.EXIT_FULL
    before = cancelled(side=side, limit=limit, intent_type=kind, quantity="5")
    outcome = replaced(step(before, rules=KRX_LIKE, market=market(*quotes, at_ns=LATE)))
    assert outcome.limit_price == D(price)


def test_the_bounds_too_are_rounded_inwards_to_the_tick_of_their_own_band() -> None:
    # At most 0.1 % above 19,990 are 20,009.99, which is no price; the next one below is 20,000.
    before, quotes = cancelled(limit="19990", quantity="5"), market("20050", "20150", at_ns=LATE)
    outcome = replaced(step(before, rules=KRX_LIKE, market=quotes, settings=AdjustSettings(3, D(10))))
    assert outcome.limit_price == D(20_000)
