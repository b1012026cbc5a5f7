"""Whose turn it is: by the clock, or by what has filled; and never twice."""

from bulkhead.execution.stages.schedule import due, quantity_of
from bulkhead.execution.stages.split import Child
from messages.values import OrderStatus
from tests.execution.orders import T0, D, order

OVER_TIME = (Child(0, D(5), None), Child(1, D(5), None, due_after_ns=10), Child(2, D(5), None, due_after_ns=20))
ICEBERG = (Child(0, D(10), D(100)), Child(1, D(10), D(100), waits_for=0), Child(2, D(10), D(100), waits_for=1))
OTHER = "b" + "c" * 32


def test_a_turn_comes_at_its_time() -> None:
    turns = due(OVER_TIME, (), T0, T0 + 9)
    assert (turns.now, turns.later, turns.next_ns) == (OVER_TIME[:1], OVER_TIME[1:], T0 + 10)
    assert due(OVER_TIME, (), T0, T0 + 10).now == OVER_TIME[:2]


def test_who_comes_late_finds_every_turn_that_has_passed() -> None:
    turns = due(OVER_TIME, (), T0, T0 + 1_000)
    assert (turns.now, turns.later, turns.next_ns) == (OVER_TIME, (), None)


def test_a_turn_is_never_given_twice_not_even_after_a_restart() -> None:
    for status in OrderStatus:
        assert due(OVER_TIME, (order(status),), T0, T0).now == ()


def test_an_iceberg_goes_on_when_its_predecessor_is_filled() -> None:
    assert due(ICEBERG, (), T0, T0).now == ICEBERG[:1]
    partly = due(ICEBERG, (order(OrderStatus.PARTIAL, "9"),), T0, T0)
    assert (partly.now, partly.later, partly.stalled) == ((), ICEBERG[1:], ())
    assert partly.next_ns is None, "only evidence brings its turn"
    assert due(ICEBERG, (order(OrderStatus.FILLED, "10"),), T0, T0).now == ICEBERG[1:2]


def test_all_attempts_of_the_predecessor_count_together() -> None:
    attempts = (
        order(OrderStatus.CANCELLED, "4"),
        order(OrderStatus.FILLED, "6", key=OTHER, quantity="6", attempt=1),
    )
    assert quantity_of(attempts) == D(10)
    assert due(ICEBERG, attempts, T0, T0).now == ICEBERG[1:2]


def test_an_iceberg_stalls_where_its_predecessor_ended_unfilled() -> None:
    ended = (order(OrderStatus.CANCELLED, "9"),)
    assert due(ICEBERG, ended, T0, T0).stalled == ICEBERG[1:2]
    assert due(ICEBERG, ended, T0, T0, passed_over={0}).now == ICEBERG[1:2]


def test_an_unknown_predecessor_is_neither_filled_nor_ended() -> None:
    turns = due(ICEBERG, (order(OrderStatus.UNKNOWN),), T0, T0)
    assert (turns.now, turns.stalled) == ((), ())


def test_a_child_that_is_given_up_before_its_turn_has_none() -> None:
    assert due(OVER_TIME, (), T0, T0, passed_over={0}).now == ()


def test_no_attempts_were_to_fill_nothing() -> None:
    assert quantity_of(()) == 0
