"""From an approved intent to its order rows, and back from the rows to the intent's progress."""

from typing import Any

import pytest

from bulkhead.execution.ids import order_id_for
from bulkhead.execution.micro_pipeline import STAGES, PipelineSettings, Planned, plan
from bulkhead.execution.rules import Refused
from bulkhead.execution.stages.monitor import closing, deadline_of, watch
from bulkhead.execution.stages.split import split
from messages.codes import ErrorCode
from messages.trading import OrderIntent
from messages.values import IntentType, OrderStatus, Side, SplitPolicy
from tests.execution.orders import NS_PER_S, T0, D, Rules, intent, order


def planned(wish: OrderIntent, **changes: Any) -> Planned | Refused:
    fields: dict[str, Any] = {
        "session_id": "s1",
        "instrument": Rules(),
        "orders": (),
        "gate_refusal": None,
        "settings": PipelineSettings(),
        "now_ns": T0,
    }
    return plan(wish, **{**fields, **changes})


def test_an_approved_intent_becomes_one_order_that_may_be_recorded() -> None:
    wish = intent(limit_price=D(100))
    outcome = planned(wish)
    assert isinstance(outcome, Planned)
    (row,) = outcome.orders
    assert row.ticket.client_order_id == order_id_for(wish, "s1")
    assert (row.status, row.filled, row.created_ns) == (OrderStatus.PENDING_SUBMIT, D(0), T0)
    assert (row.ticket.quantity, row.ticket.limit_price, row.ticket.intent_type) == (D(1), D(100), IntentType.ENTRY)
    assert (row.intent_id, row.correlation_id, row.strategy_id) == ("i1", "feed.0.1", "trend")


def test_planning_twice_makes_the_same_order() -> None:
    assert planned(intent()) == planned(intent())


def test_a_cut_exit_sends_what_is_left() -> None:
    wish = intent(side=Side.SELL, intent_type=IntentType.EXIT_FULL, quantity=D(5))
    outcome = planned(wish, confirmed_position=D(2))
    assert isinstance(outcome, Planned)
    assert outcome.orders[0].ticket.quantity == D(2)


@pytest.mark.req("N-07")
def test_each_stage_is_told_when_it_has_ended() -> None:
    ended: list[str] = []
    planned(intent(), on_stage=ended.append)
    assert tuple(ended) == STAGES
    ended.clear()
    planned(intent(), gate_refusal="shut", on_stage=ended.append)
    assert ended == ["precheck"]


@pytest.mark.req("N-02")
@pytest.mark.parametrize("policy", [SplitPolicy.TWAP, SplitPolicy.VWAP, SplitPolicy.ICEBERG, SplitPolicy.AUTO])
def test_other_splits_are_refused_and_not_silently_sent_whole(policy: SplitPolicy) -> None:
    outcome = planned(intent(split=policy))
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.value) == (ErrorCode.SPLIT_UNSUPPORTED, policy.value)


@pytest.mark.req("N-02")
def test_a_single_split_keeps_the_quantity_exactly() -> None:
    children = split(intent(), D("0.123"))
    assert not isinstance(children, Refused)
    assert [child.quantity for child in children] == [D("0.123")]


# -- monitor ----------------------------------------------------------------------------------------------------------


@pytest.mark.req("N-04")
def test_children_add_up() -> None:
    progress = watch([order(OrderStatus.FILLED, "10"), order(OrderStatus.PARTIAL, "5", child=1)], T0)
    assert (progress.quantity, progress.filled, progress.leaves) == (D(20), D(15), D(5))
    assert progress.fill_ratio == D("0.75")
    assert progress.average_price == D(100)
    assert not progress.is_terminal
    assert closing(progress) is None


def test_an_intent_is_closed_when_every_child_has_ended() -> None:
    progress = watch([order(OrderStatus.FILLED, "10"), order(OrderStatus.CANCELLED, "5", child=1)], T0)
    closed = closing(progress)
    assert closed is not None
    assert (closed.intent_id, closed.filled, closed.filled_notional) == ("i1", D(15), D(1500))


def test_nothing_filled_has_no_price() -> None:
    assert watch([order()], T0).average_price is None


@pytest.mark.req("S-12", "N-04")
@pytest.mark.parametrize(("late_ns", "is_overdue"), [(0, False), (1, True), (-1, False)])
def test_an_answer_is_owed_for_sixty_seconds(late_ns: int, is_overdue: bool) -> None:
    progress = watch([order()], T0 + 60 * NS_PER_S + late_ns)
    assert progress.awaiting[0].due_ns == T0 + 60 * NS_PER_S
    assert bool(progress.overdue) == is_overdue


@pytest.mark.parametrize(
    ("status", "since_ns"),
    [
        (OrderStatus.PENDING_SUBMIT, T0),
        (OrderStatus.UNKNOWN, T0),
        (OrderStatus.PENDING_CANCEL, T0 + 7),
        (OrderStatus.SUBMITTED, None),
        (OrderStatus.FILLED, None),
    ],
)
def test_who_owes_an_answer_since_when(status: OrderStatus, since_ns: int | None) -> None:
    deadline = deadline_of(order(status, updated_ns=T0 + 7), answer_timeout_s=1.0)
    assert (None if deadline is None else deadline.due_ns - NS_PER_S) == since_ns


def test_children_of_two_intents_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="exactly one intent"):
        watch([order(), order(intent_id="i2")], T0)
    with pytest.raises(ValueError, match="exactly one intent"):
        watch([], T0)
