"""Watch: what is kept in mind, read back, and judged once."""

from decimal import Decimal
from typing import Any

import pytest

from bulkhead.execution.recent import Recent
from bulkhead.risk.cooldown import Cooldowns, after_trade
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.trips import reason_id
from bulkhead.risk.verdict import Passed, Refused
from bulkhead.risk.watch import Watch
from messages.failure import LimitApproached
from messages.intents import IntentClosed
from messages.orders import OrderRow, OrdersTold
from messages.portfolio import PortfolioSnapshot, RoundTrip
from messages.risk_history import RiskHistoryLoaded
from messages.trading_day import utc_day
from messages.values import OrderStatus, Side
from tests.execution.orders import market, order
from tests.risk.portfolios import NS_PER_S, T0, D, booked, broken, intent, portfolio, position, trade, update
from tests.risk.test_pretrade_more import health

DAY = utc_day(T0)


def history(**changes: Any) -> RiskHistoryLoaded:
    fields: dict[str, Any] = {"day_start_ns": DAY.start_ns, "orders_today": 0, "trades_today": 0}
    return RiskHistoryLoaded(**{**fields, **changes})


def watch(past: RiskHistoryLoaded | None = None, **limits: Any) -> Watch:
    made = Watch(RiskLimits.model_validate(limits), Recent(100))
    made.restore(past or history())
    made.on_portfolio(portfolio())
    return made


def lost(number: int, at_s: float = 0, pnl: str = "-1", owner: str = "trend") -> RoundTrip:
    at_ns = T0 + int(at_s * NS_PER_S)
    return trade(pnl).model_copy(update={"trade_id": f"t{number}", "exit_ns": at_ns, "strategy_id": owner})


def tripped(made: Watch, now_ns: int = T0, in_force: tuple[str, ...] = ()) -> list[str]:
    return [trip.limit_name for trip in made.judge(in_force, now_ns).trips]


def near(made: Watch, now_ns: int = T0) -> list[tuple[str, str]]:
    alerts: tuple[LimitApproached, ...] = made.judge((), now_ns).alerts
    return [(alert.limit_name, alert.about) for alert in alerts]


# -- the past ---------------------------------------------------------------------------------------------------------


@pytest.mark.req("S-07")
def test_counts_of_the_day_go_on_from_what_was_read_back() -> None:
    made = watch(history(orders_today=4), max_orders_per_day=5, max_orders_per_s=5)
    assert isinstance(made.ask(intent(1), T0), Passed)
    assert not isinstance(made.ask(intent(2), T0), Passed)
    made = watch(history(trades_today=4), max_trades_per_day=5)
    made.on_trade(lost(1), T0)
    assert not isinstance(made.ask(intent(1), T0), Passed)


def test_the_counts_of_another_day_count_for_nothing() -> None:
    yesterday = DAY.start_ns - 86_400 * NS_PER_S
    made = watch(history(day_start_ns=yesterday, orders_today=5), max_orders_per_day=5, max_orders_per_s=5)
    assert isinstance(made.ask(intent(1), T0), Passed)


@pytest.mark.parametrize("losses", [2, 3])
def test_a_row_of_losses_goes_on_over_a_restart(losses: int) -> None:
    past = history(trades=tuple(lost(number, number) for number in range(losses)))
    made = watch(past, max_consecutive_losses=3)
    assert tripped(made) == (["max_consecutive_losses"] if losses == 3 else [])
    made.on_trade(lost(9), T0)
    assert tripped(made) == ["max_consecutive_losses"]


def ended(number: int, status: OrderStatus = OrderStatus.REJECTED, at_s: int = 0) -> OrderRow:
    return order(status, key=f"b{number}", updated_ns=T0 + at_s * NS_PER_S)


def test_rejects_and_slippage_go_on_over_a_restart() -> None:
    rejected = tuple(ended(number, at_s=number) for number in range(3))
    assert tripped(watch(history(ended_orders=rejected), max_consecutive_rejects=3)) == ["max_consecutive_rejects"]
    fills = tuple(booked(Side.BUY, "102") for _ in range(3))
    assert tripped(watch(history(fills=fills), min_slippage_sample=3)) == ["max_slippage_bps_p95"]


def test_what_an_operator_armed_again_counts_from_there() -> None:
    rejected = tuple(ended(number, at_s=number) for number in range(4))
    past = history(ended_orders=rejected, rearmed_ns={"max_consecutive_rejects": T0 + 2 * NS_PER_S})
    made = watch(past, max_consecutive_rejects=3)
    assert tripped(made) == [], "one reject since then"
    for number in (5, 6):
        made.on_order(update(OrderStatus.REJECTED, number=number))
    assert tripped(made) == ["max_consecutive_rejects"]


def test_what_was_heard_before_the_past_was_read_counts_once() -> None:
    made = Watch(RiskLimits(max_consecutive_losses=3), Recent(100))
    for number in (1, 2):
        made.on_trade(lost(number, number), T0)
    made.restore(history(trades=(lost(0), lost(1, 1)), trades_today=2))
    assert made.rate.trades_today == 3
    assert tripped(made) == ["max_consecutive_losses"], "0 and 1 from the disk, 2 had not reached it"


def test_the_ledger_is_asked_for_as_much_as_the_longest_row_needs() -> None:
    assert Watch(RiskLimits(), Recent(1)).depth == 500
    assert Watch(RiskLimits(max_consecutive_losses=700), Recent(1)).depth == 700
    assert Watch(RiskLimits(max_consecutive_losses=10**6), Recent(1)).depth == 10_000


# -- pauses -----------------------------------------------------------------------------------------------------------


def rested(*trades: RoundTrip, after: int = 2, for_s: float = 60) -> Cooldowns:
    limits = RiskLimits(cooldown_after_losses=after, cooldown_s=for_s)
    cooldowns = Cooldowns()
    for each in trades:
        cooldowns = after_trade(cooldowns, each, limits)
    return cooldowns


@pytest.mark.req("S-08")
def test_a_row_of_losses_pauses_its_strategy_from_the_last_loss_on() -> None:
    assert rested(lost(1, 1)).until_ns == {}
    assert rested(lost(1, 1), lost(2, 5)).until_ns == {"trend": T0 + 65 * NS_PER_S}
    assert rested(lost(1, 1), lost(2, 5, owner="other")).until_ns == {}
    assert rested(lost(1, 1), lost(2, 2, "1"), lost(3, 5)).until_ns == {}, "a win ends the row"
    assert rested(lost(1, 1), lost(2, 2, "0"), lost(3, 5)).until_ns, "an even trade does not"
    assert rested(lost(1, 1), lost(2, 5), for_s=0).until_ns == {}
    again = rested(lost(1, 1), lost(2, 5), lost(3, 6))
    assert again.until_ns == {"trend": T0 + 65 * NS_PER_S}, "the row begins anew after the pause was set"


def test_a_result_that_is_no_number_is_a_loss() -> None:
    odd = lost(1).model_copy(update={"pnl": Decimal("NaN")})
    assert rested(odd, odd).until_ns


def test_a_pause_outlives_a_restart() -> None:
    past = history(trades=(lost(1, -30), lost(2, -20)))
    made = watch(past, cooldown_after_losses=2, cooldown_s=60)
    assert not isinstance(made.ask(intent(1), T0), Passed)
    later = T0 + 41 * NS_PER_S
    made.on_portfolio(portfolio(at_ns=later))
    fresh = intent(2).model_copy(update={"market": intent().market.model_copy(update={"event_time_ns": later})})  # type: ignore[union-attr]
    assert isinstance(made.ask(fresh, later), Passed)


# -- alerts and single orders -----------------------------------------------------------------------------------------


@pytest.mark.req("S-19")
def test_exposures_and_counts_alert_once_until_they_are_well_below() -> None:
    made = watch(max_symbol_exposure=1_000, max_order_notional=1_000, max_gross_exposure=5_000)
    assert near(made) == []
    for quantity, due in (("7.9", []), ("8", ["BTCUSDT"]), ("8.5", []), ("7.5", []), ("8.1", []), ("6.9", [])):
        made.on_portfolio(portfolio(position(quantity)))
        assert near(made) == [("max_symbol_exposure", about) for about in due], quantity
    made.on_portfolio(portfolio(position("9")))
    assert near(made) == [("max_symbol_exposure", "BTCUSDT")]
    made.on_portfolio(portfolio(position("9"), position("8", symbol="ETHUSDT")))
    assert near(made) == [("max_symbol_exposure", "ETHUSDT")]


def test_orders_of_the_day_alert_as_they_come_near() -> None:
    made = watch(history(orders_today=3), max_orders_per_day=5, max_orders_per_s=5)
    assert near(made) == []
    made.ask(intent(1), T0)
    assert near(made) == [("max_orders_per_day", "")]


def test_a_trip_does_not_alert_on_its_way_back() -> None:
    made = watch(max_daily_loss=100)
    made.on_portfolio(portfolio(day_pnl=D(-100)))
    assert tripped(made) == ["max_daily_loss"]
    made.on_portfolio(portfolio(day_pnl=D(-85)))
    assert near(made) == []


@pytest.mark.req("S-08")
def test_one_order_that_slipped_too_far_alerts_once_and_trips_where_it_is_asked_to() -> None:
    bad = booked(Side.BUY, "103")
    made = watch(max_order_slippage_bps=250)
    made.on_fill(bad)
    (alert,) = made.judge((), T0).alerts
    assert (alert.limit_name, alert.about, alert.value) == ("max_order_slippage_bps", bad.fill.client_order_id, "300")
    assert made.judge((), T0).alerts == ()
    rule = {"max_order_slippage_bps": {"level": "SOFT", "scope": "symbol"}}
    made = watch(max_order_slippage_bps=250, trips=rule)
    made.on_fill(bad)
    (trip,) = made.judge((), T0).trips
    assert (trip.level.name, trip.scope) == ("SOFT", "symbol:BTCUSDT")
    made.on_fill(booked(Side.SELL, "103"))
    assert tripped(made) == [], "better than asked is never too far"


# -- data, trips by setting -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("late", "trips"), [(19, []), (20, ["max_late_share"])])
def test_late_ticks_trip_for_their_symbol_and_lift_themselves(late: int, trips: list[str]) -> None:
    rule = {"max_late_share": {"level": "SOFT", "scope": "symbol", "rearm": "automatic"}}
    made = watch(trips=rule)
    made.on_health(health(ticks=100, late=late))
    found = made.judge((), T0)
    assert [trip.limit_name for trip in found.trips] == trips
    for trip in found.trips:
        reason = reason_id(trip.limit_name, trip.about)
        assert (trip.scope, trip.rearm, reason) == ("symbol:BTCUSDT", "automatic", "risk:max_late_share:BTCUSDT")
        made.on_health(health(ticks=100, late=14))
        assert made.judge((reason,), T0).lifts == (), "not well below yet"
        made.on_health(health(ticks=100, late=13))
        assert made.judge((reason,), T0).lifts == (reason,)


def test_late_ticks_alert_where_nothing_is_said_about_them() -> None:
    made = watch()
    made.on_health(health(ticks=100, late=50))
    assert near(made) == [("max_late_share", "BTCUSDT")]
    made = watch()
    made.on_health(health(ticks=99, late=50))
    assert near(made) == [], "too few to judge"


def test_a_trip_that_an_operator_must_lift_never_lifts_itself() -> None:
    made = watch(max_daily_loss=100)
    assert made.judge(("risk:max_daily_loss", "down:oms"), T0).lifts == ()


def test_an_old_portfolio_trips_where_it_is_asked_to() -> None:
    made = watch(trips={"max_portfolio_age_s": {"level": "SOFT", "rearm": "automatic"}})
    assert tripped(made, T0 + 29 * NS_PER_S) == []
    assert tripped(made, T0 + 30 * NS_PER_S) == ["max_portfolio_age_s"]
    assert tripped(watch(), T0 + 30 * NS_PER_S) == []


def test_a_drawdown_that_was_lifted_is_measured_from_then_on() -> None:
    """Also until Portfolio tells of the new peak, and never from further down than equity was since."""
    made = watch(max_drawdown=100, max_daily_loss=50)

    def at(equity: str, peak: str = "1000") -> PortfolioSnapshot:
        return portfolio(equity=D(equity), peak_equity=D(peak), drawdown=D(peak) - D(equity))

    made.on_portfolio(at("900"))
    assert tripped(made) == ["max_drawdown"]
    made.rearm("max_drawdown")
    assert tripped(made) == []
    made.on_portfolio(at("950"))
    made.on_portfolio(at("851"))
    assert tripped(made) == []
    made.on_portfolio(at("850"))
    assert tripped(made) == ["max_drawdown"], "100 below the 950 since"
    made.on_portfolio(at("900", peak="950"))
    assert tripped(made) == []


# -- what may be held --------------------------------------------------------------------------------------------------


def test_what_filled_is_not_forgotten_when_the_order_manager_begins_anew() -> None:
    """Its intent has ended, so no order tells of it, and no portfolio has it yet."""
    made = watch(max_symbol_exposure=150, max_order_notional=120)
    assert isinstance(made.ask(intent(1), T0), Passed)
    made.release(IntentClosed(intent_id="i1", symbol="BTCUSDT", filled=D(1), filled_notional=D(100)), T0)
    made.on_orders_told(OrdersTold(orders=(), reserved_notional={}))
    assert not isinstance(made.ask(intent(2), T0), Passed)
    made.on_portfolio(portfolio(at_ns=T0 + 2 * NS_PER_S))
    later = intent(3).model_copy(update={"market": market(at_ns=T0 + 2 * NS_PER_S)})
    assert isinstance(made.ask(later, T0 + 2 * NS_PER_S), Passed)


@pytest.mark.parametrize("mark", ["0", "-1"])
def test_a_mark_of_nothing_is_no_price_and_its_own_market_does_not_hide_it(mark: str) -> None:
    made = watch()
    made.on_marks({"BTCUSDT": D(mark)})
    verdict = made.ask(intent(1), T0)
    assert isinstance(verdict, Refused)
    assert verdict.limit_name == "mark of BTCUSDT"
    assert tripped(made) == ["impossible_number"]


# -- numbers that cannot be -------------------------------------------------------------------------------------------


@pytest.mark.lesson("L24")
@pytest.mark.parametrize("bad", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
def test_impossible_marks_health_and_portfolios_trip(bad: Decimal) -> None:
    made = watch()
    made.on_marks({"ETHUSDT": bad})
    assert tripped(made) == ["impossible_number"]
    assert not isinstance(made.ask(intent(1), T0), Passed)
    made.on_marks({"ETHUSDT": D(5)})
    assert tripped(made) == []
    made = watch()
    made.on_health(health(lag_ms=float(bad)))
    assert tripped(made) == ["impossible_number"]
    made = watch()
    made.on_portfolio(broken(portfolio(), week_pnl=bad))
    assert "impossible_number" in tripped(made)
