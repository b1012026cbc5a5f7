"""No check that belongs to entries holds back an exit, whatever the house knows or does not know at that moment."""

from decimal import Decimal
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulkhead.risk.exposure import EMPTY, Exposure, Reservation
from bulkhead.risk.health import HealthBoard
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.pretrade import CHECKS, check
from bulkhead.risk.rate import OrderRate
from bulkhead.risk.verdict import Passed, Refused, Situation
from messages.codes import ErrorCode
from messages.market_health import DataHealth
from messages.portfolio import PortfolioSnapshot
from messages.trading_day import Hours, utc_day
from messages.values import IntentType, Side
from tests.execution.orders import market
from tests.risk.portfolios import NS_PER_S, T0, D, broken, intent, portfolio, position
from tests.risk.test_pretrade_more import health

STRICT = RiskLimits.model_validate(
    {
        "max_positions": 1,
        "max_order_notional": 5,
        "max_symbol_exposure": 5,
        "max_gross_exposure": 5,
        "max_sector_exposure": 5,
        "max_net_exposure": 1,
        "max_adv_share": "0.0001",
        "max_order_quantity": "0.001",
        "sectors": {"ETHUSDT": "majors"},
        "adv_notional": {"ETHUSDT": 1},
        "currency": "KRW",
        "max_orders_per_s": 1,
        "max_orders_per_day": 1,
        "max_trades_per_day": 1,
        "min_cash": 10**12,
        "max_spread_bps": "0.01",
        "price_collar_bps": "0.01",
        "max_order_slippage_bps": "0.01",
        "max_market_age_s": 0.001,
        "no_entry_first_s": 40_000,
        "no_entry_last_s": 40_000,
    }
)
"""Nothing here lets any entry pass."""
NUMBERS = st.decimals(allow_nan=True, allow_infinity=True, places=None)
MARKETS = st.one_of(
    st.none(),
    st.builds(lambda at: market("0.01", "9999", at_ns=at), st.integers(0, 2 * T0)),
    st.builds(lambda bid: market().model_copy(update={"bid": bid}), NUMBERS),
)
BOARDS = st.sampled_from(
    [HealthBoard({}), HealthBoard({"feed": health(is_sound=False)}), HealthBoard({"feed": health(symbol="OTHER")})]
)
EXPOSURES = st.builds(
    lambda notional: Exposure({"e": Reservation("e", "trend", "BTCUSDT", Side.BUY, notional, True)}), NUMBERS
)


def portfolios(held: str) -> st.SearchStrategy[PortfolioSnapshot | None]:
    mine, other = position(held), position("1", symbol="ETHUSDT")
    return st.one_of(
        st.none(),
        st.builds(lambda cash: broken(portfolio(mine), cash=cash), NUMBERS),
        st.builds(lambda figure: broken(portfolio(mine), equity=figure, drawdown=figure, day_pnl=figure), NUMBERS),
        st.builds(lambda at_ns: portfolio(at_ns=at_ns), st.integers(0, T0 - 31 * NS_PER_S)),  # stale, and empty
        st.builds(lambda n: portfolio(mine, other.model_copy(update={"quantity": n})), NUMBERS),
        st.builds(lambda n: portfolio(mine.model_copy(update={"quantity": n})), st.just(Decimal("NaN"))),
    )


@st.composite
def situations(draw: st.DrawFn, held: str) -> Situation:
    hours = draw(st.sampled_from([None, Hours(T0 - 1, T0 + 1), Hours(T0 + 5, T0 + 9)]))
    return Situation(
        now_ns=T0,
        portfolio=draw(portfolios(held)),
        exposure=draw(st.one_of(st.just(EMPTY), EXPOSURES)),
        rate=OrderRate((T0,) * 5, utc_day(T0).start_ns, 10**9, 10**9),
        marks={"BTCUSDT": draw(NUMBERS), "ETHUSDT": draw(NUMBERS)},
        today=utc_day(T0)._replace(has_sessions=True, session=hours),
        health=draw(BOARDS),
        resting_until_ns={"trend": 2 * T0},
        is_restored=draw(st.booleans()),
    )


def exit_of(quantity: Decimal, kind: IntentType, side: Side, **changes: Any) -> Any:
    return intent(1, side=side, intent_type=kind, quantity=quantity, **changes)


@settings(max_examples=300, deadline=None)
@given(
    now=situations("-7"),
    quantity=st.decimals("0.001", "7", places=3),
    kind=st.sampled_from([IntentType.EXIT_FULL, IntentType.EXIT_PARTIAL]),
    limit=st.one_of(st.none(), st.decimals("0.01", "100000", places=2)),
    seen=MARKETS,
)
def test_an_exit_of_what_is_held_is_approved_in_any_situation(
    now: Situation, quantity: Decimal, kind: IntentType, limit: Decimal | None, seen: Any
) -> None:
    wish = exit_of(quantity, kind, Side.BUY, limit_price=limit).model_copy(update={"market": seen})
    outcome = check(wish, STRICT, now)
    assert isinstance(outcome, Passed), outcome
    assert outcome.reserved_notional == 0
    entry = wish.model_copy(update={"intent_type": IntentType.ENTRY})
    assert isinstance(check(entry, STRICT, now), Refused), "and no entry is"


@example(D("NaN"), portfolio(position("7")))
@example(D("7.001"), portfolio(position("7")))
@example(D(1), portfolio(position("-7")))
@given(st.one_of(NUMBERS, st.decimals("0.001", "20", places=3)), st.just(portfolio(position("7"))))
def test_an_exit_is_refused_for_three_reasons_only(quantity: Decimal, known: PortfolioSnapshot) -> None:
    wish = exit_of(D(1), IntentType.EXIT_PARTIAL, Side.SELL).model_copy(update={"quantity": quantity})
    held = sum((each.quantity for each in known.positions), D(0))
    outcome = check(wish, STRICT, Situation(T0, known))
    if not quantity.is_finite() or quantity <= 0:
        expected: set[ErrorCode] = {ErrorCode.NUMBER_IMPOSSIBLE}
    elif quantity > held:
        expected = {ErrorCode.EXIT_EXCEEDS_POSITION, ErrorCode.NOTHING_TO_EXIT}
    else:
        assert isinstance(outcome, Passed)
        outcome = check(wish, STRICT, Situation(T0, known, seen_actions={wish.action_key}))
        expected = {ErrorCode.INTENT_DUPLICATE}
    assert isinstance(outcome, Refused)
    assert outcome.code in expected


def test_every_check_of_an_entry_can_refuse_or_has_no_say() -> None:
    """So that the tests above hold each of them: one that never refuses would not be missed."""
    assert len(CHECKS) == len(set(CHECKS)) == 23


def test_an_old_health_is_no_reason_either() -> None:
    old = DataHealth(feed="feed", symbols=(), at_ns=0)
    now = Situation(T0, portfolio(position("7")), health=HealthBoard({"feed": old}))
    assert isinstance(check(exit_of(D(7), IntentType.EXIT_FULL, Side.SELL), STRICT, now), Passed)
