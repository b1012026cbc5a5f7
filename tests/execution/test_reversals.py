"""What the venue takes back is reversed in every sum, and never edited."""

import pytest

from bulkhead.execution.order_events import apply
from bulkhead.execution.order_table import REVERSALS, TABLE, IllegalTransition
from bulkhead.execution.reversals import SUFFIX, reverse
from messages.orders import OrderRow
from messages.reversals import ExecutionReversed
from messages.values import OrderStatus as S
from messages.values import Side
from tests.execution.orders import ID, T0, D, executed, order
from tests.execution.test_accounting import book


def taken_back(quantity: str, number: int = 1, price: str = "100", fee: str = "0.1") -> ExecutionReversed:
    return ExecutionReversed(
        client_order_id=ID,
        symbol="BTCUSDT",
        execution_id=str(number),
        side=Side.BUY,
        quantity=D(quantity),
        price=D(price),
        fee=D(fee),
        fee_asset="USDT",
        venue_time_ns=T0 + 9,
    )


@pytest.mark.parametrize(
    ("status", "filled", "back", "after"),
    [
        (S.PARTIAL, "4", "4", S.SUBMITTED),
        (S.PARTIAL, "6", "4", S.PARTIAL),
        (S.FILLED, "10", "4", S.CANCELLED),
        (S.FILLED, "10", "10", S.CANCELLED),
        (S.CANCELLED, "4", "4", S.CANCELLED),
        (S.PENDING_CANCEL, "4", "4", S.PENDING_CANCEL),
        (S.UNKNOWN, "4", "1", S.UNKNOWN),
    ],
)
def test_the_order_and_its_fill(status: S, filled: str, back: str, after: S) -> None:
    row = order(status, filled)
    applied = reverse(row, taken_back(back), T0 + 10)
    assert (applied.order.status, applied.order.filled) == (after, D(filled) - D(back))
    assert applied.order.filled_notional == applied.order.filled * 100
    assert (applied.change, applied.is_alarm) == ("reversed", True)
    fill = applied.fill
    assert fill is not None
    assert (fill.side, fill.quantity, fill.price, fill.fee) == (Side.SELL, D(back), D(100), D("-0.1"))
    assert fill.fill_id == f"sim:BTCUSDT:1{SUFFIX}"


def test_more_than_is_booked_is_not_taken_back_but_said() -> None:
    row = order(S.PARTIAL, "3")
    applied = reverse(row, taken_back("4"), T0)
    assert (applied.order, applied.change, applied.fill, applied.is_alarm) == (row, None, None, True)
    assert applied.notes == ("execution 1 of 4 is taken back, and only 3 is booked",)


def test_a_corrected_execution_is_the_old_one_back_and_a_new_one() -> None:
    row = apply(order(S.SUBMITTED), executed("4", 1, price="100"), T0).order
    row = reverse(row, taken_back("4"), T0).order
    row = apply(row, executed("4", 2, price="99"), T0).order
    assert (row.status, row.filled, row.filled_notional) == (S.PARTIAL, D(4), D(396))


def test_position_and_cash_are_what_they_were() -> None:
    bought = apply(order(S.SUBMITTED, quantity="4"), executed("4", 1, fee=D("0.1")), T0)
    assert bought.fill is not None
    back = reverse(bought.order, taken_back("4"), T0).fill
    assert back is not None
    steps = book(bought.fill, back)
    assert steps[-1].position.quantity == 0
    assert steps[-1].position.realised_pnl == 0
    assert steps[-1].position.fees_quote == 0


def test_nothing_is_taken_back_from_an_order_that_has_nothing() -> None:
    for status in (S.PENDING_SUBMIT, S.SUBMITTED, S.REJECTED, S.FAILED):
        assert not any((status, event) in TABLE for event in REVERSALS)
    row: OrderRow = order(S.REJECTED, "4")
    with pytest.raises(IllegalTransition):
        reverse(row, taken_back("1"), T0)
