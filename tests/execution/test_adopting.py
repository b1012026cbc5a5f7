"""What is adopted: a holding at the mark, without profit or loss; an order that is watched and not worked."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.execution.accounting import FillContext, Holding, apply_fill, flat
from bulkhead.execution.adopting import ADOPTED, adopted_intent, adopted_row, is_adopted, take_in
from messages.adjustments import AdjustmentRecorded
from messages.values import IntentType, OrderStatus, OrderType, Origin, Side
from tests.execution.orders import T0, fill, venue_order

D = Decimal
CONTEXT = FillContext("BTC", "USDT", D("0.001"))
amounts = st.decimals(D("-50"), D(50), places=8).filter(bool)
prices = st.decimals(D("0.01"), D(1000), places=4)


def adopted(amount: Decimal, price: Decimal | None, **changes: object) -> AdjustmentRecorded:
    fields = {
        "adjustment_id": "operator:1",
        "kind": "ADOPTED",
        "venue": "sim",
        "account": "paper",
        "asset": "BTC",
        "amount": amount,
        "symbol": "BTCUSDT",
        "strategy_id": "trend",
        "price": price,
        "source": "operator",
        "reason": "a test",
        "effective_ns": T0,
    }
    return AdjustmentRecorded.model_validate({**fields, **changes})


def holding(quantity: str, price: str) -> Holding:
    first = fill(Side.BUY if D(quantity) > 0 else Side.SELL, abs(D(quantity)), price)
    return apply_fill(flat(first), first, CONTEXT).holding


def profit(held: Holding, mark: Decimal) -> Decimal:
    return held.position.realised_pnl + held.quantity * mark - held.cost


@given(held=amounts, paid=prices, change=amounts, mark=prices)
def test_nobody_makes_or_loses_money_by_an_adoption(
    held: Decimal, paid: Decimal, change: Decimal, mark: Decimal
) -> None:
    before = holding(f"{held:f}", f"{paid:f}")
    after = take_in(before, adopted(change, mark), CONTEXT).holding
    assert after.quantity == before.quantity + change
    assert abs(profit(after, mark) - profit(before, mark)) < D("1e-12")


def test_a_new_holding_is_at_the_mark_and_names_no_fill() -> None:
    booked = take_in(None, adopted(D("0.5"), D(3000)), CONTEXT)
    position = booked.position
    assert (position.quantity, position.average_price, position.realised_pnl) == (D("0.5"), D(3000), D(0))
    assert position.last_fill_id is None
    assert take_in(holding("1", "100"), adopted(D(1), D(200)), CONTEXT).position.last_fill_id == "sim:BTCUSDT:1"


def test_a_holding_that_is_taken_away_ends_its_trade() -> None:
    booked = take_in(holding("1", "100"), adopted(D(-1), D(120)), CONTEXT)
    assert booked.round_trip is not None
    assert (booked.round_trip.pnl, booked.position.quantity) == (D(20), D(0))


def test_what_changes_no_position_is_refused() -> None:
    other = adopted(D(1), None, kind="OTHER")
    with pytest.raises(ValueError, match="changes no position"):
        take_in(None, other, CONTEXT)


@pytest.mark.parametrize(
    ("position", "side", "kind"),
    [
        ("0", Side.BUY, IntentType.ENTRY),
        ("5", Side.BUY, IntentType.ENTRY),
        ("5", Side.SELL, IntentType.ENTRY),
        ("10", Side.SELL, IntentType.EXIT_PARTIAL),
        ("-10", Side.BUY, IntentType.EXIT_PARTIAL),
    ],
)
def test_an_order_that_only_makes_a_position_smaller_is_an_exit(position: str, side: Side, kind: IntentType) -> None:
    order = venue_order(OrderStatus.SUBMITTED, key="by-hand", side=side, limit_price=D(100))
    assert adopted_intent(order, "trend", "sim", "paper", D(position), "so", T0).intent_type is kind


def test_an_adopted_order_begins_with_nothing_filled_whatever_the_venue_lists() -> None:
    order = venue_order(OrderStatus.PARTIAL, "4", key="by-hand", limit_price=D(0), order_type="MARKET")
    intent = adopted_intent(order, "trend", "sim", "paper", D(0), "so", T0)
    assert (intent.origin, intent.order_type, intent.reason_codes) == (Origin.OPERATOR, OrderType.MKT, (ADOPTED,))
    assert is_adopted(intent)
    row = adopted_row(intent, order, T0)
    assert (row.status, row.filled, row.venue_order_id) == (OrderStatus.SUBMITTED, D(0), "v1")
    assert row.ticket.client_order_id == "by-hand"
