"""What the children of an intent come to: attempts of one child are one child, and the ratio has its bounds."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bulkhead.execution.stages.monitor import closing, fill_deadline_of, watch
from bulkhead.execution.stages.split import Child
from messages.values import OrderStatus
from tests.execution.orders import NS_PER_S, T0, D, order

KEYS = tuple("b" + letter * 32 for letter in "acde")


def test_what_a_child_was_to_fill_counts_once_over_all_its_attempts() -> None:
    attempts = (
        order(OrderStatus.CANCELLED, "4"),
        order(OrderStatus.PARTIAL, "3", key=KEYS[1], quantity="6", attempt=1),
    )
    progress = watch(attempts, T0)
    assert (progress.quantity, progress.filled, progress.leaves) == (D(10), D(7), D(3))
    assert (progress.fill_ratio, progress.fill_pct) == (D("0.7"), D(70))


def test_what_is_still_to_be_sent_counts_and_keeps_the_intent_open() -> None:
    filled = (order(OrderStatus.FILLED, "10"),)
    progress = watch(filled, T0, unsent=(Child(1, D(30), None),))
    assert (progress.fill_pct, progress.is_terminal, closing(progress)) == (D(25), False, None)
    assert watch(filled, T0).is_terminal


def test_a_rest_that_is_to_be_replaced_keeps_the_intent_open() -> None:
    ended = (order(OrderStatus.CANCELLED, "4"),)
    assert not watch(ended, T0, is_adjusting=True).is_terminal
    assert watch(ended, T0).is_terminal


def test_too_much_in_one_child_does_not_hide_what_another_lacks() -> None:
    progress = watch((order(OrderStatus.FILLED, "15"), order(OrderStatus.CANCELLED, key=KEYS[1], child=1)), T0)
    assert (progress.fill_pct, progress.filled, progress.overfilled) == (D(50), D(15), D(5))


@given(filled=st.lists(st.decimals(0, 30, places=3), min_size=1, max_size=4))
def test_the_ratio_lies_between_nothing_and_all(filled: list[Decimal]) -> None:
    rows = [order(OrderStatus.PARTIAL, str(part), key=KEYS[n], child=n) for n, part in enumerate(filled)]
    progress = watch(rows, T0)
    assert 0 <= progress.fill_pct <= 100
    assert (progress.fill_pct == 100) == all(part >= 10 for part in filled)
    assert progress.filled == sum(filled)


def test_an_order_is_slow_after_a_minute_of_work() -> None:
    row = order(OrderStatus.PARTIAL, "4", submitted_ns=T0 + 5)
    due_ns = T0 + 5 + 60 * NS_PER_S
    assert watch((row,), due_ns).slow == ()
    (slow,) = watch((row,), due_ns + 1).slow
    assert (slow.client_order_id, slow.due_ns) == (KEYS[0], due_ns)


def test_how_long_an_order_may_work_is_a_setting() -> None:
    row = order(OrderStatus.SUBMITTED)
    assert watch((row,), T0 + 2 * NS_PER_S, fill_timeout_s=1.0).slow
    assert not watch((row,), T0 + 2 * NS_PER_S).slow


def test_only_what_works_can_be_slow() -> None:
    for status in OrderStatus:
        is_working = status in {OrderStatus.SUBMITTED, OrderStatus.PARTIAL}
        assert (fill_deadline_of(order(status)) is not None) == is_working
