"""What was approved counts in full until the portfolio shows what became of it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.risk.exposure import (
    EMPTY,
    held_notional,
    open_positions,
    rebuilt,
    release,
    reserve,
    reserved_notional,
    settle,
    worst_case_notional,
)
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.pretrade import Refused, Situation, check
from messages.codes import ErrorCode
from messages.intents import IntentClosed
from messages.values import IntentType, OrderStatus, Side
from tests.execution.orders import market, order
from tests.risk.portfolios import NS_PER_S, T0, D, broken, exit_intent, intent, portfolio, position


def closed(number: int, filled: str, notional: str) -> IntentClosed:
    return IntentClosed(intent_id=f"i{number}", symbol="BTCUSDT", filled=D(filled), filled_notional=D(notional))


@pytest.mark.parametrize(
    ("limit", "side", "expected"),
    [(None, Side.BUY, "102"), ("101", Side.BUY, "101"), ("90", Side.BUY, "100"), ("90", Side.SELL, "100")],
)
def test_the_worst_case_of_an_order(limit: str | None, side: Side, expected: str) -> None:
    wish = intent(side=side, limit_price=None if limit is None else D(limit))
    assert worst_case_notional(wish, D(200)) == D(expected)


def test_without_any_price_there_is_no_worst_case() -> None:
    assert worst_case_notional(intent(market=None), D(200)) is None
    assert worst_case_notional(intent(market=None, limit_price=D(90)), D(200)) == D(90)


def test_a_price_that_is_no_number_stays_one() -> None:
    bad = market().model_copy(update={"bid": Decimal("NaN")})
    worst = worst_case_notional(intent(limit_price=D(90)).model_copy(update={"market": bad}), D(200))
    assert worst is not None
    assert worst.is_nan()


def test_a_reservation_lasts_until_the_portfolio_has_its_fills() -> None:
    exposure = reserve(EMPTY, intent(1), D(102))
    exposure = reserve(exposure, intent(2, symbol="ETHUSDT"), D(50))
    assert reserved_notional(exposure) == D(152)
    exposure = release(exposure, closed(1, "0.5", "50.5"), T0)
    assert reserved_notional(exposure, "BTCUSDT") == D("50.5")
    exposure = settle(exposure, portfolio(at_ns=T0 + NS_PER_S), settle_s=1.0)
    assert reserved_notional(exposure, "BTCUSDT") == D("50.5")
    exposure = settle(exposure, portfolio(at_ns=T0 + NS_PER_S + 1), settle_s=1.0)
    assert reserved_notional(exposure, "BTCUSDT") == 0
    assert reserved_notional(exposure, "ETHUSDT") == D(50)


def test_what_was_not_filled_is_free_at_once() -> None:
    assert release(reserve(EMPTY, intent(), D(102)), closed(1, "0", "0"), T0) == EMPTY


def test_an_intent_that_is_not_reserved_releases_nothing() -> None:
    exposure = reserve(EMPTY, intent(), D(102))
    assert release(exposure, closed(9, "0", "0"), T0) is exposure


def test_an_exit_reserves_nothing() -> None:
    exposure = reserve(EMPTY, exit_intent(), D(102))
    assert reserved_notional(exposure) == 0
    assert release(exposure, closed(1, "1", "100"), T0) == EMPTY


@pytest.mark.lesson("L01")
@pytest.mark.parametrize("status", [OrderStatus.PENDING_SUBMIT, OrderStatus.UNKNOWN, OrderStatus.PENDING_CANCEL])
def test_lesson_l01_in_flight_and_unknown_orders_count_in_full_after_a_restart(status: OrderStatus) -> None:
    rows = [order(status, "0"), order(status, child=1)]
    assert reserved_notional(rebuilt(rows, {"i1": D(2040)})) == D(2040)
    assert reserved_notional(rebuilt(rows, {})) == D(2000)
    assert reserved_notional(rebuilt([order(status, intent_type=IntentType.EXIT_FULL)], {"i1": D(5)})) == 0


def test_a_market_order_of_untold_worth_is_valued_at_the_mark_or_refuses_entries() -> None:
    rows = [order(OrderStatus.UNKNOWN, limit=None)]
    assert reserved_notional(rebuilt(rows, {}, marks={"BTCUSDT": D(100)})) == D(1000)
    unvalued = rebuilt(rows, {})
    assert reserved_notional(unvalued).is_nan()
    other = check(intent(2), RiskLimits(), Situation(T0, portfolio(), unvalued))
    assert isinstance(other, Refused)
    assert other.code is ErrorCode.NUMBER_IMPOSSIBLE


def test_longs_and_shorts_do_not_cancel_out() -> None:
    held = portfolio(position("2"), position("-1", strategy_id="other"))
    assert held_notional(held, {}) == D(300)
    assert held_notional(held, {"BTCUSDT": D(110)}, "BTCUSDT") == D(330)
    assert held_notional(held, {}, "ETHUSDT") == 0


@pytest.mark.lesson("L27")
def test_lesson_l27_an_open_entry_is_counted_beside_positions_and_not_as_one() -> None:
    exposure = reserve(EMPTY, intent(), D(102))
    assert held_notional(portfolio(), {}) == 0
    assert open_positions(exposure, portfolio(), {}, D(5)) == {("trend", "BTCUSDT")}


def test_dust_is_no_position_and_what_cannot_be_valued_is_one() -> None:
    assert open_positions(EMPTY, portfolio(position("0.04")), {}, D(5)) == frozenset()
    assert open_positions(EMPTY, portfolio(position("0.06")), {}, D(5)) == {("trend", "BTCUSDT")}
    odd = position("0.01").model_copy(update={"average_price": Decimal("NaN")})
    assert open_positions(EMPTY, broken(portfolio(odd)), {}, D(5)) == {("trend", "BTCUSDT")}


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 100)), max_size=30))
def test_the_sum_of_reservations_never_falls_below_what_is_open(steps: list[tuple[int, bool, int]]) -> None:
    exposure, open_intents = EMPTY, {}
    for number, is_new, amount in steps:
        if is_new:
            exposure = reserve(exposure, intent(number), D(amount))
            open_intents[number] = D(amount)
        else:
            exposure = release(exposure, closed(number, "0", "0"), T0)
            open_intents.pop(number, None)
        assert reserved_notional(exposure) == sum(open_intents.values(), D(0))
