"""Fills of a venue without execution ids: what an order's totals have grown by, told once, in whatever steps."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.execution.growth import NOTHING, Totals, grown, grown_stranger
from bulkhead.execution.order_events import apply
from messages.costs import TradingCosts
from messages.orders import OrderRow, VenueOrder
from messages.values import OrderStatus, Side
from tests.execution.orders import T0, D, order, venue_order

COSTS = TradingCosts(asset="KRW", commission_rate=D("0.00014"), sell_tax_rate=D("0.0020"), unit=D(1))


def shown(filled: str, notional: str, side: Side = Side.BUY) -> VenueOrder:
    return venue_order(OrderStatus.PARTIAL, filled, filled_notional=D(notional), side=side)


def book(row: OrderRow, *told: VenueOrder, costs: TradingCosts | None = COSTS) -> tuple[OrderRow, list[str]]:
    """The row after each, and the fills in words."""
    fills = []
    for listed in told:
        for execution in grown(row, listed, costs, T0):
            applied = apply(row, execution, T0)
            assert applied.fill is not None
            fills.append(f"{applied.fill.fill_id}: {applied.fill.quantity} at {applied.fill.price.normalize():f}")
            row = applied.order
    return row, fills


def test_the_same_total_told_again_adds_nothing() -> None:
    row, fills = book(order(), shown("4", "400"), shown("4", "400"), shown("4", "400"))
    assert row.filled == 4
    assert fills == ["sim:BTCUSDT:v1@4: 4 at 100"]


def test_two_equal_fills_of_one_second_add_their_sum() -> None:
    """A notice of each would look like the other told twice; the total does not."""
    one_by_one, fills = book(order(), shown("3", "300"), shown("6", "600"))
    at_once, fill = book(order(), shown("6", "600"))
    assert one_by_one.filled == at_once.filled == 6
    assert (len(fills), len(fill)) == (2, 1)
    assert one_by_one.filled_notional == at_once.filled_notional


def test_an_older_listing_takes_nothing_back() -> None:
    row, fills = book(order(), shown("6", "600"), shown("3", "300"))
    assert (row.filled, len(fills)) == (D(6), 1)


def test_what_was_booked_before_a_restart_is_not_booked_again() -> None:
    """Nothing is remembered but the row, which is in the ledger."""
    row = order(OrderStatus.PARTIAL, "4", venue_order_id="v1")
    _, fills = book(row, shown("10", "1003"))
    assert fills == ["sim:BTCUSDT:v1@10: 6 at 100.5"]


def test_its_price_is_that_of_the_growth_and_not_of_the_whole() -> None:
    _, fills = book(order(), shown("5", "500"), shown("10", "1050"))
    assert fills[1] == "sim:BTCUSDT:v1@10: 5 at 110"


def test_amounts_that_contradict_what_was_booked_still_fill_at_the_venues_average() -> None:
    row = order(OrderStatus.PARTIAL, "4", venue_order_id="v1").model_copy(update={"filled_notional": D(900)})
    _, fills = book(row, shown("8", "800"))
    assert fills == ["sim:BTCUSDT:v1@8: 4 at 100"]


@pytest.mark.parametrize(("before", "shares", "amount"), [("0", "4", "0"), ("3", "6", "500"), ("3", "6", "0")])
def test_shares_without_their_amount_wait_for_it(before: str, shares: str, amount: str) -> None:
    """500 won for three shares are no whole number of won each: the sum in our row is a hair off."""
    row, _ = book(order(), shown(before, "500" if before != "0" else "0"))
    assert book(row, shown(shares, amount))[1] == []
    assert len(book(row, shown(shares, amount), shown(shares, "1000"))[1]) == 1
    assert grown_stranger(shown(shares, amount), Totals(row.filled, row.filled_notional), COSTS, T0) == []


@pytest.mark.parametrize(("side", "commission", "tax"), [(Side.BUY, 14, 0), (Side.SELL, 14, 200)])
def test_costs_are_rounded_down_and_the_tax_is_on_sales(side: Side, commission: int, tax: int) -> None:
    execution = grown(order(side=side), shown("10", "100400", side), COSTS, T0)[0]
    assert (execution.fee, execution.tax, execution.fee_asset) == (D(commission), D(tax), "KRW")


def test_without_costs_nothing_is_charged() -> None:
    execution = grown(order(), shown("10", "100400"), None, T0)[0]
    assert (execution.fee, execution.tax) == (D(0), D(0))


prints = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 2_000_000)), min_size=1, max_size=12)


@given(prints, st.sets(st.integers(0, 11)), st.sampled_from(Side))
def test_in_whatever_steps_it_is_seen_to_grow_money_and_shares_come_to_the_same(
    trades: list[tuple[int, int]], looks: set[int], side: Side
) -> None:
    """Trades of (shares, won each); a look after some of them, and one after the last."""
    row = order(quantity="200", side=side)
    filled = notional = 0
    charged = Decimal(0)
    spent = Decimal(0)
    for number, (quantity, price) in enumerate(trades):
        filled, notional = filled + quantity, notional + quantity * price
        if number not in looks and number != len(trades) - 1:
            continue
        for execution in grown(row, shown(str(filled), str(notional), side), COSTS, T0):
            charged += execution.fee + execution.tax
            spent += execution.quantity * execution.price
            row = apply(row, execution, T0).order
    assert row.filled == filled
    assert abs(spent - notional) < D("0.001")
    rates = COSTS.commission_rate, COSTS.sell_tax_rate if side is Side.SELL else D(0)
    assert charged == sum((notional * rate) // 1 for rate in rates)


def test_a_strangers_growth_is_told_beside_what_is_noted_of_it() -> None:
    first = grown_stranger(shown("4", "400"), NOTHING, COSTS, T0)
    then = grown_stranger(shown("10", "1000"), Totals(D(4), D(400)), COSTS, T0)
    assert [(e.execution_id, e.quantity) for e in (*first, *then)] == [("v1@4", D(4)), ("v1@10", D(6))]
    assert grown_stranger(shown("10", "1000"), Totals(D(10), D(1000)), COSTS, T0) == []
