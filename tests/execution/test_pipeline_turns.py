"""A split through the pipeline: what is sent at once, what later, and what replaces what does not fill."""

from typing import Any

import pytest

from bulkhead.execution.ids import order_id_for
from bulkhead.execution.micro_pipeline import (
    STAGES,
    PipelineSettings,
    Planned,
    Splitting,
    plan,
    plan_adjustment,
    plan_child,
)
from bulkhead.execution.rules import Refused
from bulkhead.execution.stages.adjust import ADJUST_REASON, AdjustSettings, CancelFirst, GaveUp, GiveUp, Wait
from bulkhead.execution.stages.split import Child, SplitFacts, SplitSettings
from messages.codes import ErrorCode
from messages.orders import OrderRow
from messages.trading import OrderIntent
from messages.values import IntentType, OrderStatus, Side, SplitPolicy
from tests.execution.orders import NS_PER_S, T0, D, Rules, intent, market, order

IN_FOUR = Splitting(SplitSettings(max_children=4, horizon_s=60.0))
LATER = T0 + 30 * NS_PER_S


def around(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "session_id": "s1",
        "instrument": Rules(),
        "orders": (),
        "gate_refusal": None,
        "settings": PipelineSettings(),
        "now_ns": T0,
        "market": market(),
    }
    return {**fields, **changes}


def planned(wish: OrderIntent, **changes: Any) -> Planned:
    outcome = plan(wish, **around(splitting=IN_FOUR, **changes))
    assert isinstance(outcome, Planned), outcome
    return outcome


# -- plan -------------------------------------------------------------------------------------------------------------


def test_the_first_child_goes_at_once_and_the_others_wait_for_their_turn() -> None:
    wish = intent(split=SplitPolicy.TWAP)
    outcome = planned(wish)
    (row,) = outcome.orders
    assert (row.child, row.ticket.quantity, row.ticket.client_order_id) == (0, D("0.25"), order_id_for(wish, "s1"))
    assert [child.number for child in outcome.later] == [1, 2, 3]
    assert row.ticket.quantity + sum(child.quantity for child in outcome.later) == D(1)
    assert outcome.policy is SplitPolicy.TWAP
    assert outcome.checks[-1] == "split TWAP asked for"


def test_who_plans_late_sends_every_turn_that_has_passed() -> None:
    outcome = planned(
        intent(split=SplitPolicy.TWAP), now_ns=T0 + 60 * NS_PER_S, market=market(at_ns=T0 + 60 * NS_PER_S)
    )
    assert (len(outcome.orders), outcome.later) == (4, ())
    assert len({row.ticket.client_order_id for row in outcome.orders}) == 4


def test_planning_a_split_twice_makes_the_same_schedule_and_another_intent_another() -> None:
    wish = intent(split=SplitPolicy.TWAP)
    assert planned(wish) == planned(wish)
    assert planned(wish).later != planned(intent(split=SplitPolicy.TWAP, intent_id="i2")).later


@pytest.mark.parametrize("splitting", [None, IN_FOUR])
def test_a_single_order_is_the_same_whether_its_caller_can_wait_or_not(splitting: Splitting | None) -> None:
    for now_ns in (T0 - 1, T0):  # also where our clock is behind the decision's
        outcome = plan(intent(), **around(splitting=splitting, now_ns=now_ns))
        assert isinstance(outcome, Planned)
        assert (len(outcome.orders), outcome.later) == (1, ())
        assert outcome.orders[0].ticket.quantity == D(1)


def test_a_split_passes_the_same_stages() -> None:
    ended: list[str] = []
    planned(intent(split=SplitPolicy.TWAP), on_stage=ended.append)
    assert tuple(ended) == STAGES


def test_auto_looks_at_what_the_market_shows() -> None:
    seen = market().model_copy(update={"ask_quantity": D("0.5")})
    wish = intent(split=SplitPolicy.AUTO, limit_price=D(100))
    assert planned(wish, market=seen).policy is SplitPolicy.ICEBERG
    assert planned(wish).policy is SplitPolicy.SINGLE
    known = Splitting(SplitSettings(), SplitFacts(average_daily_volume=D(10)))
    outcome = plan(wish, **around(splitting=known))
    assert isinstance(outcome, Planned)
    assert outcome.policy is SplitPolicy.TWAP


def test_an_entry_that_cannot_be_split_is_refused() -> None:
    outcome = plan(intent(split=SplitPolicy.VWAP), **around(splitting=IN_FOUR))
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.check) == (ErrorCode.NUMBER_IMPOSSIBLE, "volume_curve")


def test_an_exit_that_cannot_be_split_goes_whole() -> None:
    wish = intent(split=SplitPolicy.VWAP, side=Side.SELL, intent_type=IntentType.EXIT_FULL)
    outcome = planned(wish, confirmed_position=D(1))
    assert [row.ticket.quantity for row in outcome.orders] == [D(1)]
    assert "split SINGLE, for NUMBER_IMPOSSIBLE" in outcome.checks[-1]


def test_a_cut_exit_splits_what_is_left_of_it() -> None:
    wish = intent(split=SplitPolicy.TWAP, side=Side.SELL, intent_type=IntentType.EXIT_FULL, quantity=D(5))
    outcome = planned(wish, confirmed_position=D(2))
    assert outcome.orders[0].ticket.quantity + sum(child.quantity for child in outcome.later) == D(2)


# -- a turn -----------------------------------------------------------------------------------------------------------

SECOND = Child(1, D("0.25"), None, due_after_ns=15 * NS_PER_S)


def test_a_child_has_the_id_of_its_number_whoever_plans_it() -> None:
    wish = intent(split=SplitPolicy.TWAP)
    outcome = plan_child(wish, SECOND, **around(now_ns=LATER, market=market(at_ns=LATER)))
    assert isinstance(outcome, Planned)
    (row,) = outcome.orders
    assert (row.child, row.ticket.client_order_id) == (1, order_id_for(wish, "s1", child=1))
    assert (row.ticket.quantity, row.created_ns) == (D("0.25"), LATER)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"gate_refusal": "shut"}, ErrorCode.GATE_SHUT),
        ({"market": market(at_ns=T0)}, ErrorCode.MARKET_STALE),
        ({"market": None}, ErrorCode.MARKET_MISSING),
        ({"orders": (order(OrderStatus.UNKNOWN),)}, ErrorCode.SYMBOL_FROZEN),
        ({"instrument": None}, ErrorCode.INSTRUMENT_UNKNOWN),
    ],
)
def test_a_child_is_prechecked_again_when_its_turn_comes(changes: dict[str, Any], code: ErrorCode) -> None:
    given = around(now_ns=LATER, **{"market": market(at_ns=LATER), **changes})
    outcome = plan_child(intent(split=SplitPolicy.TWAP), SECOND, **given)
    assert isinstance(outcome, Refused)
    assert outcome.code == code


def test_a_child_of_an_exit_is_cut_to_what_is_still_held() -> None:
    wish = intent(side=Side.SELL, intent_type=IntentType.EXIT_FULL)
    outcome = plan_child(wish, SECOND, **around(confirmed_position=D("0.1")))
    assert isinstance(outcome, Planned)
    assert outcome.orders[0].ticket.quantity == D("0.1")


# -- adjustments ------------------------------------------------------------------------------------------------------

WISH = intent(limit_price=D(100), quantity=D(10))
LATE = T0 + 61 * NS_PER_S


def adjusted(*attempts: OrderRow, wish: OrderIntent = WISH, **changes: Any) -> Planned | CancelFirst | Wait | GiveUp:
    given = around(now_ns=LATE, **{"market": market("100.06", "100.12", at_ns=LATE), "orders": attempts, **changes})
    return plan_adjustment(wish, attempts, **{"adjusting": AdjustSettings(), **given})


def first(status: OrderStatus, filled: str = "0", **changes: Any) -> OrderRow:
    fields: dict[str, Any] = {"reason": f"{ADJUST_REASON}attempt 1", "updated_ns": LATE}
    return order(status, filled, key=order_id_for(WISH, "s1"), **{**fields, **changes})


def test_a_replacement_has_an_id_of_its_own() -> None:
    outcome = adjusted(first(OrderStatus.CANCELLED, "4"))
    assert isinstance(outcome, Planned)
    (row,) = outcome.orders
    assert (row.attempt, row.ticket.quantity, row.ticket.limit_price) == (1, D(6), D("100.08"))
    assert row.ticket.client_order_id == order_id_for(WISH, "s1", attempt=1) != order_id_for(WISH, "s1")
    assert row.status is OrderStatus.PENDING_SUBMIT


def test_an_order_that_could_not_be_replaced_now_is_not_cancelled_for_it() -> None:
    working = first(OrderStatus.PARTIAL, "4", updated_ns=T0)
    assert isinstance(adjusted(working), CancelFirst)
    frozen = (order(OrderStatus.UNKNOWN, key="b" + "f" * 32),)
    waits = adjusted(working, orders=frozen)
    assert isinstance(waits, Wait)
    assert waits.reason.startswith(ErrorCode.SYMBOL_FROZEN)


def test_a_refused_replacement_is_waited_for_and_not_without_end() -> None:
    frozen = (order(OrderStatus.UNKNOWN, key="b" + "f" * 32),)
    waits = adjusted(first(OrderStatus.CANCELLED, "4"), orders=frozen)
    assert isinstance(waits, Wait)
    assert waits.until_ns == LATE + 60 * NS_PER_S
    over = adjusted(first(OrderStatus.CANCELLED, "4", updated_ns=T0), orders=frozen)
    assert isinstance(over, GiveUp)
    assert over.why is GaveUp.WAITED


def test_an_intent_that_has_expired_is_not_worked_any_more() -> None:
    wish = intent(limit_price=D(100), quantity=D(10), expires_at_ns=LATE - 1)
    outcome = adjusted(first(OrderStatus.CANCELLED, "4"), wish=wish)
    assert isinstance(outcome, GiveUp)
    assert (outcome.why, outcome.detail, outcome.rest) == (GaveUp.STOPPED, "its intent has expired", D(6))


def test_the_stricter_collar_holds() -> None:
    narrow = AdjustSettings(price_collar_bps=D(0))
    outcome = adjusted(first(OrderStatus.CANCELLED, "4"), adjusting=narrow)
    assert isinstance(outcome, Planned)
    assert outcome.orders[0].ticket.limit_price == D("100.09"), "the very middle"


def test_an_exit_is_replaced_by_no_more_than_is_held() -> None:
    wish = intent(limit_price=D(100), quantity=D(10), side=Side.SELL, intent_type=IntentType.EXIT_FULL)
    ended = first(OrderStatus.CANCELLED, "4", side=Side.SELL, intent_type=IntentType.EXIT_FULL)
    outcome = adjusted(ended, wish=wish, confirmed_position=D(5))
    assert isinstance(outcome, Planned)
    assert outcome.orders[0].ticket.quantity == D(5)
