"""Getting out: cancel everything, close what was filled and nothing more, and say so."""

from decimal import Decimal
from typing import Any

import pytest

from bulkhead.execution.stages.escape import (
    CANCEL_WAIT_S,
    Cancel,
    Close,
    EscapeInput,
    EscapeRound,
    Position,
    Scope,
    escape,
    trigger_of,
)
from bulkhead.execution.stages.monitor import watch
from messages.codes import ErrorCode
from messages.escapes import EscapeTrigger
from messages.orders import OrderRow
from messages.values import IntentType, OrderStatus, Side
from tests.execution.orders import NS_PER_S, T0, D, Rules, intent, order

KEYS = tuple("b" + letter * 32 for letter in "acdefg")
SENT = (OrderStatus.PENDING_SUBMIT, OrderStatus.SUBMITTED, OrderStatus.PARTIAL, OrderStatus.UNKNOWN)
PATIENCE_NS = int(CANCEL_WAIT_S * NS_PER_S)
REASON = "risk_guard: daily loss"


def held(quantity: str | Decimal = "10", **changes: Any) -> Position:
    fields: dict[str, Any] = {"strategy_id": "trend", "venue": "sim", "account": "paper", "symbol": "BTCUSDT"}
    return Position(**{**fields, "quantity": D(quantity), **changes})


def get_out(*orders: OrderRow, positions: tuple[Position, ...] = (held(),), **changes: Any) -> EscapeRound:
    fields: dict[str, Any] = {
        "trigger": EscapeTrigger.RISK_GUARD,
        "reason": "daily loss",
        "scope": Scope(),
        "is_closing": True,
        "orders": orders,
        "closed": (),
        "positions": positions,
        "rules": {"BTCUSDT": Rules()},
        "prices": {"BTCUSDT": D(100)},
        "began_ns": T0,
        "now_ns": T0,
    }
    return escape(EscapeInput(**{**fields, **changes}))


def exiting(status: OrderStatus, quantity: str, key: str = KEYS[1], **changes: Any) -> OrderRow:
    fields: dict[str, Any] = {"side": Side.SELL, "intent_type": IntentType.EXIT_PARTIAL, "intent_id": "i2"}
    return order(status, key=key, quantity=quantity, **{**fields, **changes})


def closed_quantities(outcome: EscapeRound) -> list[Decimal]:
    return [close.quantity for close in outcome.closes]


# -- cancels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", SENT)
def test_everything_that_has_not_ended_is_cancelled_the_unknown_too(status: OrderStatus) -> None:
    outcome = get_out(order(status), is_closing=False)
    assert outcome.cancels == (Cancel(KEYS[0], "BTCUSDT", REASON),)
    assert outcome.event.cancelled == (KEYS[0],)
    assert not outcome.is_over


def test_what_has_ended_needs_no_cancel() -> None:
    ended = [order(status) for status in OrderStatus if status.is_terminal]
    outcome = get_out(*ended, positions=())
    assert (outcome.cancels, outcome.is_over) == ((), True)


def test_a_cancel_on_its_way_is_not_sent_again() -> None:
    rows = (order(OrderStatus.PENDING_CANCEL), order(OrderStatus.UNKNOWN, key=KEYS[1], reason=REASON))
    outcome = get_out(*rows, is_closing=False)
    assert (outcome.cancels, outcome.event.pending) == ((), (KEYS[0], KEYS[1]))
    assert not outcome.is_over


@pytest.mark.parametrize(
    ("scope", "count"),
    [
        (Scope(), 4),
        (Scope(intent=intent()), 1),
        (Scope(strategy_id="trend"), 3),
        (Scope(symbol="BTCUSDT"), 3),
        (Scope(venue="sim"), 4),
        (Scope(venue="other"), 0),
        (Scope(strategy_id="trend", symbol="ETHUSDT"), 1),
    ],
)
def test_only_what_lies_in_the_scope_is_cancelled(scope: Scope, count: int) -> None:
    rows = (
        order(OrderStatus.SUBMITTED),
        order(OrderStatus.SUBMITTED, key=KEYS[1], intent_id="i2"),
        order(OrderStatus.SUBMITTED, key=KEYS[2], intent_id="i3", strategy_id="other"),
        order(OrderStatus.SUBMITTED, key=KEYS[3], intent_id="i4", symbol="ETHUSDT"),
    )
    assert len(get_out(*rows, scope=scope, is_closing=False).cancels) == count


def test_a_milder_plan_leaves_the_exits() -> None:
    rows = (order(OrderStatus.SUBMITTED), exiting(OrderStatus.SUBMITTED, "4"))
    outcome = get_out(*rows, is_closing=False, keeps_exits=True)
    assert [cancel.client_order_id for cancel in outcome.cancels] == [KEYS[0]]


def test_an_exit_at_the_market_is_left_to_do_what_a_close_would() -> None:
    rows = (exiting(OrderStatus.SUBMITTED, "4", limit=None),)
    assert get_out(*rows).cancels == ()
    assert len(get_out(*rows, is_closing=False).cancels) == 1


# -- closes -----------------------------------------------------------------------------------------------------------


def test_without_being_asked_nothing_is_closed() -> None:
    assert get_out(is_closing=False).closes == ()


@pytest.mark.parametrize(("position", "side"), [("10", Side.SELL), ("-10", Side.BUY)])
def test_what_is_held_is_closed_on_the_other_side(position: str, side: Side) -> None:
    outcome = get_out(positions=(held(position),))
    assert outcome.closes == (Close("trend", "sim", "paper", "BTCUSDT", side, D(10)),)
    assert not outcome.is_over


@pytest.mark.parametrize("status", [*SENT, OrderStatus.PENDING_CANCEL])
def test_what_exits_may_still_fill_is_not_closed_twice(status: OrderStatus) -> None:
    """Nine of ten may still be sold, also where its cancel is on the way or nobody knows."""
    assert closed_quantities(get_out(exiting(status, "9"))) == [D(1)]
    assert closed_quantities(get_out(exiting(status, "10"))) == []
    assert closed_quantities(get_out(exiting(status, "15"))) == []


def test_exits_outside_the_scope_count_too() -> None:
    entry = intent(quantity=D(10))
    filled = order(OrderStatus.FILLED, "10")
    outcome = get_out(filled, exiting(OrderStatus.UNKNOWN, "4"), scope=Scope(intent=entry))
    assert outcome.cancels == ()
    assert closed_quantities(outcome) == [D(6)]


def test_another_strategys_exits_are_of_another_position() -> None:
    assert closed_quantities(get_out(exiting(OrderStatus.SUBMITTED, "4", strategy_id="other"))) == [D(10)]


def test_of_an_entry_only_what_it_has_filled_is_closed_and_only_once() -> None:
    scope = Scope(intent=intent(quantity=D(10)))
    entry = order(OrderStatus.CANCELLED, "3")
    assert closed_quantities(get_out(entry, scope=scope)) == [D(3)]
    close = exiting(OrderStatus.PENDING_SUBMIT, "3", limit=None)
    assert closed_quantities(get_out(entry, close, closed=(close,), scope=scope)) == []
    done = exiting(OrderStatus.FILLED, "3", filled="3", limit=None)
    after = get_out(entry, closed=(done,), scope=scope, positions=(held("7"),))
    assert (closed_quantities(after), after.is_over) == ([], True)


def test_of_an_exit_what_it_has_not_filled_is_closed() -> None:
    wish = intent(intent_id="i2", side=Side.SELL, intent_type=IntentType.EXIT_PARTIAL, quantity=D(6))
    ended = exiting(OrderStatus.CANCELLED, "6", filled="2")
    assert closed_quantities(get_out(ended, scope=Scope(intent=wish), positions=(held("8"),))) == [D(4)]


def test_a_position_on_the_other_side_is_not_of_this_intent() -> None:
    outcome = get_out(order(OrderStatus.FILLED, "10"), scope=Scope(intent=intent()), positions=(held("-5"),))
    assert (outcome.closes, outcome.is_over) == ((), True)


def test_a_close_waits_until_what_it_could_trade_against_is_cancelled() -> None:
    entry = order(OrderStatus.SUBMITTED)
    first = get_out(entry)
    assert (first.closes, first.waiting, first.retry_ns) == ((), (KEYS[0],), T0 + PATIENCE_NS)
    pending = order(OrderStatus.PENDING_CANCEL, updated_ns=T0 + 1)
    assert get_out(pending, now_ns=T0 + 1).closes == ()
    assert closed_quantities(get_out(order(OrderStatus.CANCELLED))) == [D(10)]


def test_but_not_for_long_and_not_for_the_unknown() -> None:
    refused_again_and_again = order(OrderStatus.SUBMITTED, updated_ns=T0 + PATIENCE_NS)
    assert closed_quantities(get_out(refused_again_and_again, now_ns=T0 + PATIENCE_NS)) == [D(10)]
    assert closed_quantities(get_out(order(OrderStatus.UNKNOWN))) == [D(10)]


def test_a_close_is_cut_to_one_orders_maximum_and_whole_lots() -> None:
    assert closed_quantities(get_out(positions=(held("250"),))) == [D(100)]
    assert closed_quantities(get_out(positions=(held("1.2345"),))) == [D("1.234")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"positions": (held("0.0004"),)}, ErrorCode.QUANTITY_TOO_SMALL),
        ({"positions": (held("0.04"),)}, ErrorCode.NOTIONAL_TOO_SMALL),
        ({"rules": {}}, ErrorCode.INSTRUMENT_UNKNOWN),
        ({"positions": (held("NaN"),)}, ErrorCode.NUMBER_IMPOSSIBLE),
    ],
)
def test_what_cannot_be_closed_is_said_with_its_numbers(changes: dict[str, Any], code: ErrorCode) -> None:
    outcome = get_out(**changes)
    assert outcome.closes == ()
    (left,) = outcome.event.left_over
    assert left.refused.code == code
    assert left.refused.value
    assert left.refused.limit
    assert outcome.is_over, "another round would change nothing"


@pytest.mark.parametrize("prices", [{}, {"BTCUSDT": D("NaN")}])
def test_without_a_price_getting_out_is_tried(prices: dict[str, Decimal]) -> None:
    assert closed_quantities(get_out(positions=(held("0.04"),), prices=prices)) == [D("0.04")]


def test_it_is_over_when_nothing_works_and_nothing_is_held() -> None:
    assert get_out(positions=(held("0"),)).is_over
    assert not get_out(exiting(OrderStatus.UNKNOWN, "10", limit=None)).is_over


# -- the event and the triggers ---------------------------------------------------------------------------------------


def test_the_event_says_what_was_done_and_what_is_in_doubt() -> None:
    rows = (order(OrderStatus.UNKNOWN), exiting(OrderStatus.PENDING_CANCEL, "4"))
    event = get_out(*rows, scope=Scope(strategy_id="trend", symbol="BTCUSDT"), now_ns=T0 + 1).event
    assert (event.priority, event.trigger, event.reason, event.at_ns) == (
        "P0",
        EscapeTrigger.RISK_GUARD,
        "daily loss",
        T0 + 1,
    )
    assert event.scope == "strategy:trend symbol:BTCUSDT"
    assert (event.cancelled, event.pending, event.unknown) == ((KEYS[0],), (KEYS[1],), (KEYS[0],))
    assert [close.quantity for close in event.closes] == [D(6)]
    assert event.positions == (held(),)


@pytest.mark.parametrize(
    ("scope", "name"), [(Scope(), "all"), (Scope(venue="sim"), "venue:sim"), (Scope(intent=intent()), "intent:i1")]
)
def test_a_scope_has_a_name(scope: Scope, name: str) -> None:
    assert scope.name == name


def test_the_kill_switch_counts_more_than_the_guard_and_the_guard_more_than_time() -> None:
    progress = watch((order(OrderStatus.PARTIAL, "4"),), T0 + 61 * NS_PER_S)
    assert trigger_of(progress, gave_up=True, guard="loss", kill="operator") == (EscapeTrigger.KILL_SWITCH, "operator")
    assert trigger_of(progress, gave_up=True, guard="loss") == (EscapeTrigger.RISK_GUARD, "loss")
    late = trigger_of(progress, gave_up=True)
    assert late is not None
    assert late[0] is EscapeTrigger.TIMEOUT
    assert "40 %" in late[1]
    assert trigger_of(None, guard="loss") == (EscapeTrigger.RISK_GUARD, "loss")


def test_a_slow_order_is_adjusted_before_it_is_escaped_from() -> None:
    progress = watch((order(OrderStatus.PARTIAL, "4"),), T0 + 61 * NS_PER_S)
    assert trigger_of(progress) is None
    in_time = watch((order(OrderStatus.PARTIAL, "4"),), T0)
    assert trigger_of(in_time, gave_up=True) is None
