"""Fills into balances, positions, profit and round trips: exact, in any sequence."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.execution.accounting import (
    Booked,
    FillContext,
    Holding,
    apply_fill,
    balance_changes,
    flat,
    is_flat,
    restored,
    slippage_bps,
)
from bulkhead.execution.exact import exact
from bulkhead.execution.trades import RECENT_ORDERS
from messages.orders import Fill
from messages.values import Side
from tests.execution.orders import T0, D, fill

CONTEXT = FillContext("BTC", "USDT", D("0.001"))
ZERO = D(0)


def book(*fills: Fill, context: FillContext = CONTEXT) -> list[Booked]:
    holding, steps = flat(fills[0]), []
    for one in fills:
        step = apply_fill(holding, one, context)
        steps.append(step)
        holding = step.holding
    return steps


def test_average_cost_of_a_long() -> None:
    *_, last = book(fill(Side.BUY, "1", "100"), fill(Side.BUY, "3", "120", 2), fill(Side.SELL, "2", "130", 3))
    assert (last.position.quantity, last.position.average_price) == (D(2), D(115))
    assert last.realised == D(30)
    assert (last.position.last_fill_id, last.position.updated_ns) == ("sim:BTCUSDT:3", T0 + 3)


def test_average_cost_of_a_short() -> None:
    *_, last = book(fill(Side.SELL, "2", "100"), fill(Side.SELL, "2", "110", 2), fill(Side.BUY, "1", "95", 3))
    assert (last.position.quantity, last.position.average_price) == (D(-3), D(105))
    assert last.realised == D(10)
    assert last.holding.cost == D(-315)


def test_through_zero_one_trade_ends_and_another_begins() -> None:
    steps = book(
        fill(Side.BUY, "1", "100"), fill(Side.SELL, "3", "110", 2, fee=D("0.3")), fill(Side.BUY, "2", "105", 3)
    )
    first, second = steps[1].round_trip, steps[2].round_trip
    assert first is not None
    assert second is not None
    assert (first.pnl, first.fees, first.quantity, first.exit_price) == (D("9.9"), D("0.1"), D(1), D(110))
    assert steps[1].position.quantity == D(-2)
    assert steps[1].position.average_price == D(110)
    assert (second.pnl, second.fees, second.entry_price) == (D("9.8"), D("0.2"), D(110))
    assert first.trade_id != second.trade_id
    assert steps[2].position.realised_pnl == first.pnl + second.pnl


@pytest.mark.req("D-03")
def test_a_round_trip_tells_its_prices_times_and_result() -> None:
    context = CONTEXT._replace(decision_price=D(100), order_quantity=D(2))
    steps = book(
        fill(Side.BUY, "1", "101", 1, fee=D("0.1")), fill(Side.SELL, "1", "99", 2, fee=D("0.1")), context=context
    )
    trade = steps[-1].round_trip
    assert trade is not None
    assert (trade.entry_price, trade.exit_price, trade.pnl, trade.fees) == (D(101), D(99), D("-2.2"), D("0.2"))
    assert (trade.entry_ns, trade.exit_ns, trade.trade_result, trade.currency) == (T0 + 1, T0 + 2, "loss", "USDT")
    assert (trade.buy_slippage_bps, trade.sell_slippage_bps) == (D(100), D(100))
    assert trade.buy_fill_ratio == D("0.5")


def test_a_fee_in_the_base_asset_is_no_part_that_was_not_filled() -> None:
    context = CONTEXT._replace(order_quantity=D(1))
    fee = {"fee": D("0.001"), "fee_asset": "BTC"}
    trade = book(fill(Side.BUY, "1", "100", 1, **fee), fill(Side.SELL, "0.999", "99", 2), context=context)[
        -1
    ].round_trip
    assert trade is not None
    assert (trade.quantity, trade.buy_fill_ratio) == (D("0.999"), D(1))


@pytest.mark.req("D-03")
def test_slippage_is_positive_when_worse() -> None:
    assert slippage_bps(Side.BUY, D(101), D(100)) == D(100)
    assert slippage_bps(Side.SELL, D(101), D(100)) == D(-100)


def test_slippage_of_a_trade_is_unknown_where_the_decision_price_is() -> None:
    trade = book(fill(Side.BUY, "1", "100"), fill(Side.SELL, "1", "110", 2))[-1].round_trip
    assert trade is not None
    assert (trade.buy_slippage_bps, trade.buy_fill_ratio, trade.trade_result) == (None, D(1), "win")


# -- fees -------------------------------------------------------------------------------------------------------------


def test_a_fee_in_the_base_asset_reduces_what_is_held() -> None:
    (step,) = book(fill(Side.BUY, "1", "100", fee=D("0.01"), fee_asset="BTC"))
    assert step.position.quantity == D("0.99")
    assert step.balances == {"BTC": D("0.99"), "USDT": D(-100)}
    assert (step.realised, step.fee_quote, step.position.average_price) == (D(-1), D(1), D(100))


def test_a_fee_in_the_quote_asset_reduces_cash() -> None:
    (step,) = book(fill(Side.SELL, "1", "100", fee=D("0.1")))
    assert step.balances == {"BTC": D(-1), "USDT": D("99.9")}
    assert step.realised == D("-0.1")


@pytest.mark.parametrize(("rate", "fee_quote", "is_valued"), [(None, "0", False), ("300", "3", True)])
def test_a_fee_in_a_third_asset_is_valued_only_at_a_given_rate(
    rate: str | None, fee_quote: str, is_valued: bool
) -> None:
    context = CONTEXT._replace(fee_rate=None if rate is None else D(rate))
    (step,) = book(fill(Side.BUY, "1", "100", fee=D("0.01"), fee_asset="BNB"), context=context)
    assert step.balances == {"BTC": D(1), "USDT": D(-100), "BNB": D("-0.01")}
    assert (step.fee_quote, step.is_fee_valued, step.realised) == (D(fee_quote), is_valued, -D(fee_quote))


def test_a_tax_is_an_expense_in_the_quote_asset() -> None:
    (step,) = book(fill(Side.SELL, "1", "100", tax=D("0.2")))
    assert step.balances["USDT"] == D("99.8")
    assert step.realised == D("-0.2")


# -- dust -------------------------------------------------------------------------------------------------------------


def test_a_rest_below_one_lot_ends_the_trade_and_is_carried() -> None:
    steps = book(
        fill(Side.BUY, "1", "100", 1, fee=D("0.0005"), fee_asset="BTC"),
        fill(Side.SELL, "0.999", "110", 2),
        fill(Side.BUY, "1", "100", 3),
        fill(Side.SELL, "1", "100", 4),
    )
    assert steps[1].round_trip is not None
    assert steps[1].position.quantity == D("0.0005")
    assert steps[1].holding.cost == D("0.05")
    assert steps[2].round_trip is None
    assert steps[3].round_trip is not None
    assert steps[3].position.quantity == D("0.0005")


def test_dust_on_the_other_side_joins_the_next_trade() -> None:
    dust = flat(fill(Side.BUY, "1", "1"))
    dust = Holding(position=dust.position.model_copy(update={"quantity": D("-0.0004")}), cost=D("-0.04"))
    step = apply_fill(dust, fill(Side.BUY, "1", "110"), CONTEXT)
    assert step.round_trip is None
    assert step.holding.trade is not None
    assert (step.position.quantity, step.realised) == (D("0.9996"), D("-0.004"))


def test_dust_that_is_sold_is_no_trade() -> None:
    dust = flat(fill(Side.BUY, "1", "1"))
    dust = Holding(position=dust.position.model_copy(update={"quantity": D("0.0004")}), cost=D("0.04"))
    step = apply_fill(dust, fill(Side.SELL, "0.0004", "110"), CONTEXT)
    assert (step.round_trip, step.holding.trade, step.position.quantity) == (None, None, D(0))
    assert step.realised == D("0.004")


@pytest.mark.parametrize(("quantity", "expected"), [("0.0009", True), ("-0.0009", True), ("0.001", False)])
def test_flat_is_below_one_lot(quantity: str, expected: bool) -> None:
    assert is_flat(D(quantity), CONTEXT.lot_size) == expected


# -- after a restart --------------------------------------------------------------------------------------------------


def test_a_restored_position_goes_on_at_its_average_price() -> None:
    *_, before = book(fill(Side.BUY, "1", "100"), fill(Side.BUY, "1", "110", 2))
    holding = restored(before.position)
    assert holding.cost == before.holding.cost
    after = apply_fill(holding, fill(Side.SELL, "2", "120", 3), CONTEXT)
    assert after.realised == D(30)
    assert after.round_trip is not None
    assert (after.round_trip.entry_price, after.round_trip.quantity, after.round_trip.pnl) == (D(105), D(2), D(30))


def test_a_restored_short_goes_on_too() -> None:
    *_, before = book(fill(Side.SELL, "2", "100"))
    after = apply_fill(restored(before.position), fill(Side.BUY, "2", "90", 2), CONTEXT)
    assert after.round_trip is not None
    assert (after.round_trip.entry_price, after.round_trip.exit_price, after.realised) == (D(100), D(90), D(20))


def test_a_fill_of_another_holding_is_refused() -> None:
    holding = flat(fill(Side.BUY, "1", "1"))
    with pytest.raises(ValueError, match="does not belong"):
        apply_fill(holding, fill(Side.BUY, "1", "1", strategy_id="other"), CONTEXT)


def test_memory_of_a_long_trade_is_bounded() -> None:
    context = CONTEXT._replace(order_quantity=D(1))
    fills = [fill(Side.BUY, "1", "100", n, client_order_id=f"b{n}") for n in range(RECENT_ORDERS + 10)]
    trade = book(*fills, context=context)[-1].holding.trade
    assert trade is not None
    assert len(trade.buys.recent_orders) == RECENT_ORDERS
    assert trade.buys.ordered == RECENT_ORDERS + 10


# -- properties -------------------------------------------------------------------------------------------------------

quantities = st.decimals("0.001", "50", places=3)
prices = st.decimals("0.01", "90000", places=2)


@st.composite
def fills_of_one_holding(draw: st.DrawFn) -> list[Fill]:
    made = []
    for number in range(draw(st.integers(1, 25))):
        quantity, price = draw(quantities), draw(prices)
        fee_asset = draw(st.sampled_from(["USDT", "BTC", "BNB"]))
        with exact():
            worth = {"USDT": quantity * price, "BTC": quantity, "BNB": Decimal(1)}[fee_asset]
            fee = worth * draw(st.sampled_from([Decimal(0), Decimal("0.00075"), Decimal("-0.0001")]))
        changes: dict[str, Any] = {"fee": fee, "fee_asset": fee_asset, "tax": draw(st.sampled_from([D(0), D("0.01")]))}
        made.append(fill(draw(st.sampled_from(list(Side))), quantity, price, number, **changes))
    return made


contexts = st.builds(CONTEXT._replace, fee_rate=st.none() | st.just(D("312.5")))


@pytest.mark.req("P-07")
@given(fills_of_one_holding(), contexts)
def test_no_money_is_made_or_lost_by_the_books(fills: list[Fill], context: FillContext) -> None:
    cost, third = ZERO, ZERO
    with exact():
        for one, step in zip(fills, book(*fills, context=context), strict=True):
            if one.fee_asset == "BNB":
                third = one.fee * (context.fee_rate or ZERO)
            else:
                third = ZERO
            cash = step.balances.get("USDT", ZERO)
            assert cash + (step.holding.cost - cost) - third == step.realised
            cost = step.holding.cost


@given(fills_of_one_holding())
def test_sums_of_changes_are_the_position(fills: list[Fill]) -> None:
    steps = book(*fills)
    last = steps[-1].position
    with exact():
        assert sum((step.balances.get("BTC", ZERO) for step in steps), ZERO) == last.quantity
        assert sum((step.realised for step in steps), ZERO) == last.realised_pnl
        assert sum((step.fee_quote for step in steps), ZERO) == last.fees_quote
    for one, step in zip(fills, steps, strict=True):
        assert step.balances == balance_changes(one, "BTC", "USDT")


@given(fills_of_one_holding())
def test_profit_of_all_trades_is_the_profit_of_the_position(fills: list[Fill]) -> None:
    """Dust that is sold outside a trade is the only profit that belongs to none."""
    steps = book(*fills)
    with exact():
        ended = sum((step.round_trip.pnl for step in steps if step.round_trip is not None), ZERO)
        running = steps[-1].holding.trade
        outside = ZERO
        for before, step in zip([None, *steps], steps, strict=False):
            had_trade = before is not None and before.holding.trade is not None
            if not had_trade and step.holding.trade is None and step.round_trip is None:
                outside += step.realised
        assert ended + (ZERO if running is None else running.pnl) + outside == steps[-1].position.realised_pnl


@given(fills_of_one_holding(), st.integers(0, 25))
def test_replaying_the_same_fills_gives_the_same_books(fills: list[Fill], cut: int) -> None:
    whole = book(*fills)
    assert book(*fills) == whole
    head, tail = fills[:cut], fills[cut:]
    holding = book(*head)[-1].holding if head else flat(fills[0])
    for one in tail:
        holding = apply_fill(Holding.model_validate_json(holding.model_dump_json()), one, CONTEXT).holding
    assert holding == whole[-1].holding


@given(fills_of_one_holding())
def test_a_flat_position_costs_nothing(fills: list[Fill]) -> None:
    for step in book(*fills):
        if step.position.quantity == 0:
            assert step.holding.cost == 0
            assert step.position.average_price == 0
        assert step.holding.cost * step.position.quantity >= 0
