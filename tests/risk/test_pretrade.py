"""Each limit refuses at its number and not before; exits are never held back; bad numbers disable nothing."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.risk.exposure import EMPTY, Exposure, reserve
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.pretrade import CHECKS, Passed, Refused, Situation, check
from bulkhead.risk.rate import OrderRate
from messages.codes import ErrorCode
from messages.trading import OrderIntent
from messages.values import IntentType, Side
from tests.execution.orders import market
from tests.risk.portfolios import NS_PER_S, T0, D, broken, exit_intent, intent, portfolio, position

DAY = T0 // (86_400 * NS_PER_S)
DAY_START = DAY * 86_400 * NS_PER_S


def ask(wish: OrderIntent, limits: RiskLimits | None = None, **changes: Any) -> Passed | Refused:
    now = changes.get("now_ns", T0)
    fields: dict[str, Any] = {"portfolio": portfolio(at_ns=now), "now_ns": T0}
    return check(wish, limits or RiskLimits(), Situation(**{**fields, **changes}))


def refused(outcome: Passed | Refused) -> Refused:
    assert isinstance(outcome, Refused), outcome
    assert outcome.detail
    return outcome


def reserved(notional: str, symbol: str = "BTCUSDT", side: Side = Side.BUY) -> Exposure:
    return reserve(EMPTY, intent(9, symbol=symbol, side=side), D(notional))


def test_an_approval_explains_itself_and_reserves_the_worst_case() -> None:
    outcome = ask(intent(limit_price=D(101)))
    assert isinstance(outcome, Passed)
    assert outcome.reserved_notional == D(101)
    assert "max_order_notional 101<=5000" in outcome.checks
    assert "price_collar_bps 100<=200" in outcome.checks
    assert "min_cash 99899>=0" in outcome.checks
    assert len(outcome.checks) == 1 + len(CHECKS)


# The wish is one at 100 with a limit, so that its worst case is exactly 100. Each row: the limit at its last passing
# number, and what pushes it over.
MAJORS = {"BTCUSDT": "majors", "ETHUSDT": "majors", "XRPUSDT": "others"}
WISH: dict[str, Any] = {"limit_price": D(100)}
EDGES: list[tuple[ErrorCode, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (ErrorCode.RISK_ORDER_NOTIONAL, {"max_order_notional": 100}, {}, {"quantity": D("1.001")}),
    (ErrorCode.RISK_ORDER_QUANTITY, {"max_order_quantity": 1}, {}, {"quantity": D("1.001")}),
    (
        ErrorCode.RISK_SYMBOL_EXPOSURE,
        {"max_symbol_exposure": 300, "max_order_notional": 200},
        {"portfolio": portfolio(position("-1")), "exposure": reserved("100")},
        {"quantity": D("1.001")},
    ),
    (
        ErrorCode.RISK_GROSS_EXPOSURE,
        {"max_gross_exposure": 300, "max_symbol_exposure": 300, "max_order_notional": 200},
        {"portfolio": portfolio(position("1", symbol="ETHUSDT")), "exposure": reserved("100", "XRPUSDT")},
        {"quantity": D("1.001")},
    ),
    (
        ErrorCode.RISK_MIN_CASH,
        {"min_cash": 500},
        {"portfolio": portfolio(cash=D(700)), "exposure": reserved("100", "ETHUSDT")},
        {"quantity": D("1.001")},
    ),
    (
        ErrorCode.RISK_SECTOR_EXPOSURE,
        {"max_sector_exposure": 300, "max_symbol_exposure": 300, "max_order_notional": 200, "sectors": MAJORS},
        {"portfolio": portfolio(position("1", symbol="ETHUSDT")), "exposure": reserved("100", "ETHUSDT")},
        {"quantity": D("1.001")},
    ),
    (
        ErrorCode.RISK_NET_EXPOSURE,
        {"max_net_exposure": 150},
        {"portfolio": portfolio(position("-0.5", symbol="ETHUSDT")), "exposure": reserved("100", "ETHUSDT")},
        {"quantity": D("1.001")},
    ),
    (
        ErrorCode.RISK_ADV_SHARE,
        {"max_adv_share": "0.2", "adv_notional": {"BTCUSDT": 1_000}},
        {"exposure": reserved("100")},
        {"quantity": D("1.001")},
    ),
    (ErrorCode.RISK_ORDER_SLIPPAGE, {"max_order_slippage_bps": 50}, {}, {"limit_price": D("100.51")}),
    (ErrorCode.PRICE_OUTSIDE_COLLAR, {"price_collar_bps": 100}, {}, {"limit_price": D("101.01")}),
    (ErrorCode.PRICE_OUTSIDE_COLLAR, {"price_collar_bps": 100}, {}, {"limit_price": D("98.99")}),
    (ErrorCode.SPREAD_TOO_WIDE, {"max_spread_bps": 2}, {}, {"market": market("99.98", "100.02")}),
    (ErrorCode.SPREAD_TOO_WIDE, {"max_spread_bps": 2}, {}, {"market": market("100.01", "99.99")}),
]


@pytest.mark.code("RISK_ORDER_QUANTITY", "RISK_SYMBOL_EXPOSURE", "RISK_GROSS_EXPOSURE", "RISK_MIN_CASH")
@pytest.mark.code("RISK_SECTOR_EXPOSURE", "RISK_NET_EXPOSURE", "RISK_ADV_SHARE", "RISK_ORDER_SLIPPAGE")
@pytest.mark.req("P-04")
@pytest.mark.req("P-18")
@pytest.mark.parametrize(("code", "limits", "situation", "push"), EDGES)
def test_a_limit_refuses_beyond_its_number_and_not_at_it(
    code: ErrorCode, limits: dict[str, Any], situation: dict[str, Any], push: dict[str, Any]
) -> None:
    set_to = RiskLimits.model_validate(limits)
    assert isinstance(ask(intent(**WISH), set_to, **situation), Passed)
    outcome = refused(ask(intent(**{**WISH, **push}), set_to, **situation))
    assert outcome.code is code
    assert outcome.limit_name in RiskLimits.model_fields


@pytest.mark.code("RISK_MAX_POSITIONS")
@pytest.mark.req("P-04", "S-07")
def test_one_position_more_than_allowed() -> None:
    limits = RiskLimits(max_positions=2)
    held = portfolio(position("1", symbol="ETHUSDT"))
    assert isinstance(ask(intent(), limits, portfolio=held), Passed)
    in_flight = reserved("100", "XRPUSDT")
    assert refused(ask(intent(), limits, portfolio=held, exposure=in_flight)).code is ErrorCode.RISK_MAX_POSITIONS
    full = portfolio(position("1", symbol="ETHUSDT"), position("1"))
    assert isinstance(ask(intent(), limits, portfolio=full), Passed), "adding to what is held opens nothing"


def test_a_sale_spends_no_cash() -> None:
    assert isinstance(ask(intent(side=Side.SELL), portfolio=portfolio(cash=D(0))), Passed)


@pytest.mark.lesson("L28")
@pytest.mark.parametrize(
    ("age_ns", "passes"),
    [(10 * NS_PER_S, True), (10 * NS_PER_S + 1, False), (-10 * NS_PER_S, True), (-10 * NS_PER_S - 1, False)],
)
def test_lesson_l28_the_age_of_the_market_is_tested_on_both_sides(age_ns: int, passes: bool) -> None:
    outcome = ask(intent(market=market(at_ns=T0 - age_ns)))
    assert isinstance(outcome, Passed) == passes
    if isinstance(outcome, Refused):
        assert outcome.code is ErrorCode.MARKET_STALE


def test_a_feed_of_prints_alone_has_no_spread_to_judge() -> None:
    prints = market().model_copy(update={"bid": None, "ask": None})
    outcome = ask(intent(market=prints))
    assert isinstance(outcome, Passed)
    assert "max_spread_bps unquoted" in outcome.checks


@pytest.mark.parametrize("bad", [D(0), D(-1), D("NaN"), D("sNaN"), D("Infinity")])
@pytest.mark.parametrize("name", ["quantity", "limit_price"])
@pytest.mark.parametrize("kind", [IntentType.ENTRY, IntentType.EXIT_FULL])
def test_what_no_order_can_have_is_refused_of_an_exit_too(kind: IntentType, name: str, bad: Decimal) -> None:
    """The types refuse it first; past them it would end whoever compares with it."""
    outcome = refused(ask(intent(**WISH).model_copy(update={"intent_type": kind, name: bad})))
    assert (outcome.code, outcome.limit_name) == (ErrorCode.NUMBER_IMPOSSIBLE, name)


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_a_mark_that_is_no_number_never_helps_an_entry_through(mark: Decimal) -> None:
    held = portfolio(position("60", symbol="ETHUSDT"))
    outcome = ask(intent(), RiskLimits(), portfolio=held, marks={"ETHUSDT": mark})
    if isinstance(outcome, Passed):
        assert mark.is_finite()
        assert abs(mark) * 60 <= RiskLimits().max_gross_exposure


# -- how often --------------------------------------------------------------------------------------------------------


@pytest.mark.code("RISK_ORDER_RATE")
def test_orders_per_second_are_counted_in_a_sliding_window() -> None:
    limits = RiskLimits(max_orders_per_s=2)
    rate = OrderRate().with_order(T0, DAY_START).with_order(T0 + 1, DAY_START)
    assert refused(ask(intent(), limits, rate=rate, now_ns=T0 + NS_PER_S - 1)).code is ErrorCode.RISK_ORDER_RATE
    assert isinstance(ask(intent(), limits, rate=rate, now_ns=T0 + NS_PER_S), Passed)


@pytest.mark.code("RISK_ORDERS_PER_DAY", "RISK_TRADES_PER_DAY")
@pytest.mark.parametrize(
    ("count", "code", "limits"),
    [
        (OrderRate.with_order, ErrorCode.RISK_ORDERS_PER_DAY, {"max_orders_per_day": 10}),
        (OrderRate.with_trade, ErrorCode.RISK_TRADES_PER_DAY, {"max_trades_per_day": 10}),
    ],
)
@pytest.mark.req("S-07")
def test_days_are_counted_and_begin_anew(
    count: Callable[[OrderRate, int, int], OrderRate], code: ErrorCode, limits: dict[str, Any]
) -> None:
    rate, set_to = OrderRate(), RiskLimits.model_validate(limits)
    for _ in range(9):
        rate = count(rate, T0, DAY_START)
    later = T0 + 2 * NS_PER_S
    fresh = intent(market=market(at_ns=later))
    assert isinstance(ask(fresh, set_to, rate=rate, now_ns=later), Passed)
    rate = count(rate, T0, DAY_START)
    assert refused(ask(fresh, set_to, rate=rate, now_ns=later)).code is code
    tomorrow = (DAY + 1) * 86_400 * NS_PER_S
    next_day = intent(market=market(at_ns=tomorrow))
    assert isinstance(ask(next_day, set_to, rate=rate, now_ns=tomorrow), Passed)


@pytest.mark.parametrize("how", ["held", "in flight"])
def test_every_position_that_is_open_is_a_trade_to_come(how: str) -> None:
    """Else ten could be opened for one trade that is left of the day, and each would be finished."""
    rate = OrderRate().with_trade(T0, DAY_START)
    is_held = how == "held"
    known = (
        {"portfolio": portfolio(position("1", symbol="ETHUSDT"))} if is_held else {"exposure": reserved("1", "ETHUSDT")}
    )
    found = refused(ask(intent(), RiskLimits(max_trades_per_day=2), rate=rate, **known))
    assert (found.code, found.value) == (ErrorCode.RISK_TRADES_PER_DAY, "3")
    assert isinstance(ask(intent(), RiskLimits(max_trades_per_day=3), rate=rate, **known), Passed)
    more = intent(symbol="ETHUSDT", market=market().model_copy(update={"symbol": "ETHUSDT"}))
    assert isinstance(ask(more, RiskLimits(max_trades_per_day=2), rate=rate, **known), Passed), "it is one trade still"


def test_a_clock_that_steps_back_gives_no_day_back() -> None:
    rate = OrderRate().with_order(T0, DAY_START)
    one_day = 86_400 * NS_PER_S
    assert rate.at(T0 - one_day, DAY_START - one_day).orders_today == 1


# -- duplicates, exits, disabled -----------------------------------------------------------------------------------


def test_the_same_intent_or_decision_is_refused_even_as_an_exit() -> None:
    for wish in (intent(9), exit_intent(9)):
        assert refused(ask(wish, exposure=reserved("1"))).code is ErrorCode.INTENT_DUPLICATE
        assert refused(ask(wish, seen_actions={"k9"})).code is ErrorCode.INTENT_DUPLICATE


def test_no_limit_holds_back_an_exit() -> None:
    strict = RiskLimits(
        max_positions=1,
        max_order_notional=D(5),
        max_symbol_exposure=D(5),
        max_gross_exposure=D(5),
        max_orders_per_s=1,
        max_orders_per_day=1,
        max_trades_per_day=1,
        min_cash=D(10**9),
    )
    busy = OrderRate().with_order(T0, DAY_START).with_trade(T0, DAY_START)
    for bad in (None, portfolio(position("50")), broken(portfolio(position("50")), cash=Decimal("NaN"))):
        outcome = ask(exit_intent(market=None), strict, rate=busy, portfolio=bad)
        assert isinstance(outcome, Passed)
        assert outcome.reserved_notional == 0


def test_a_disabled_guard_still_reserves_and_refuses_duplicates() -> None:
    off = RiskLimits(enabled=False)
    outcome = ask(intent(quantity=D(10**6)), off, portfolio=None)
    assert isinstance(outcome, Passed)
    assert outcome.reserved_notional == D(102) * 10**6
    assert refused(ask(intent(), off, seen_actions={"k1"})).code is ErrorCode.INTENT_DUPLICATE


@pytest.mark.code("RISK_PORTFOLIO_MISSING")
@pytest.mark.parametrize(
    ("code", "wish", "changes"),
    [
        (ErrorCode.RISK_PORTFOLIO_MISSING, intent(), {"portfolio": None}),
        (ErrorCode.MARKET_MISSING, intent(market=None), {}),
        (ErrorCode.MARKET_MISSING, intent(market=None, limit_price=D(100)), {}),
    ],
)
def test_what_cannot_be_judged_is_refused(code: ErrorCode, wish: OrderIntent, changes: dict[str, Any]) -> None:
    assert refused(ask(wish, **changes)).code is code


@pytest.mark.lesson("L24")
@pytest.mark.parametrize("bad", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
def test_lesson_l24_a_number_that_cannot_be_refuses_and_disables_nothing(bad: Decimal) -> None:
    odd_position = position("1", symbol="ETHUSDT").model_copy(update={"quantity": bad})
    for changes in (
        {"portfolio": broken(portfolio(), cash=bad)},
        {"portfolio": broken(portfolio(), equity=bad)},
        {"portfolio": portfolio().model_copy(update={"positions": (odd_position,)})},
        {"marks": {"ETHUSDT": bad}},
    ):
        assert refused(ask(intent(), **changes)).code is ErrorCode.NUMBER_IMPOSSIBLE
    odd_market = market().model_copy(update={"bid": bad})
    wish = intent().model_copy(update={"market": odd_market})
    assert refused(ask(wish)).code is ErrorCode.NUMBER_IMPOSSIBLE


@given(
    st.decimals(allow_nan=True, allow_infinity=True),
    st.decimals("0.001", "1000", places=3),
    st.decimals("-100", "100", places=3),
)
def test_no_portfolio_makes_an_entry_pass_beyond_the_gross_limit(
    cash: Decimal, quantity: Decimal, held: Decimal
) -> None:
    limits = RiskLimits()
    state = broken(portfolio(position(str(held))), cash=cash)
    outcome = ask(intent(quantity=quantity, limit_price=D(100)), limits, portfolio=state)
    if isinstance(outcome, Passed):
        assert abs(held) * 100 + quantity * 100 <= limits.max_symbol_exposure
        assert cash.is_finite()
        assert cash - quantity * 100 >= limits.min_cash
