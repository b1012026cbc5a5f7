"""Limits that contradict each other are refused at the start, all of them in one go, with words that say which."""

from typing import Any

import pytest
from pydantic import ValidationError

from bulkhead.risk.contradictions import missing_symbols, window_contradictions
from bulkhead.risk.limits import RiskLimits
from messages.trading_day import NS_PER_S, Hours, TradingDay, utc_day
from tests.risk.portfolios import T0, D

SECTORS = {"BTCUSDT": "majors"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"max_daily_loss": 1_000, "max_weekly_loss": 999}, "max_daily_loss = 1000.*max_weekly_loss = 999"),
        ({"max_daily_loss": 1_000, "max_drawdown": 999}, "max_daily_loss = 1000.*max_drawdown = 999"),
        ({"max_weekly_loss": 3_000, "max_drawdown": 2_000}, "max_weekly_loss = 3000.*max_drawdown = 2000"),
        ({"max_net_exposure": 50_001}, "max_net_exposure = 50001.*max_gross_exposure = 50000"),
        ({"max_sector_exposure": 60_000, "sectors": SECTORS}, "max_sector_exposure = 60000.*max_gross_exposure"),
        ({"max_sector_exposure": 9_999, "sectors": SECTORS}, "max_symbol_exposure = 10000.*max_sector_exposure"),
        ({"max_sector_exposure": 20_000}, r"\[risk.sectors\] is empty"),
        ({"max_adv_share": "0.1"}, r"\[risk.adv_notional\] is empty"),
        ({"no_entry_first_s": 43_200, "no_entry_last_s": 43_200}, "leave nothing of any day"),
        ({"min_slippage_sample": 501}, "above the 500 fills"),
        ({"min_reject_sample": 501}, "above the 500 orders"),
        ({"max_portfolio_age_s": 10}, "told every 10 s"),
        ({"approach_share": "0.1", "approach_clear_share": "0.1"}, "never again"),
        ({"trips": {"max_daily_los": {}}}, "trips.max_daily_los: no such limit trips"),
        ({"trips": {"max_daily_loss": {"level": "REDUCED"}}}, "entries go on"),
        ({"trips": {"max_daily_loss": {"scope": "symbol"}}}, "concerns no single symbol"),
        ({"trips": {"max_late_share": {"scope": "strategy"}}}, "concerns no single strategy"),
        ({"trips": {"max_consecutive_losses": {"rearm": "automatic"}}}, "cannot fall while entries are stopped"),
        ({"trips": {"impossible_number": {"rearm": "automatic"}}}, "cannot fall"),
        ({"trips": {"max_daily_loss": {"rearm": "automatic", "level": "HARD"}}}, "lifted by an operator"),
        ({"trips": {"max_daily_loss": {"rearm": "automatic"}}, "trip_level": "HARD"}, "lifted by an operator"),
        ({"trips": {"max_daily_loss": {"levl": "SOFT"}}}, "Extra inputs"),
        ({"trips": {"max_daily_loss": {"rearm": "sometimes"}}}, "operator"),
    ],
)
def test_each_contradiction_has_its_words(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        RiskLimits.model_validate(values)


@pytest.mark.parametrize(
    "values",
    [
        {"max_daily_loss": 1_000, "max_weekly_loss": 1_000, "max_drawdown": 1_000},
        {"max_daily_loss": 50_000},  # the drawdown's default is no word of the user's
        {"max_net_exposure": 50_000},
        {"max_sector_exposure": 10_000, "sectors": SECTORS},
        {"max_adv_share": "0.1", "adv_notional": {"BTCUSDT": 5}},
        {"max_portfolio_age_s": 10.1},
        {"trips": {"max_daily_loss": {"rearm": "automatic"}, "max_late_share": {"scope": "symbol", "level": "SOFT"}}},
        {"trips": {"max_drawdown": {"level": "HARD"}}},
    ],
)
def test_what_meets_at_the_edge_is_no_contradiction(values: dict[str, Any]) -> None:
    RiskLimits.model_validate(values)


def test_several_are_told_at_once() -> None:
    wrong = {"max_weekly_loss": 5, "max_net_exposure": 60_000, "trips": {"nothing": {}}, "trip_level": "RUN"}
    with pytest.raises(ValidationError) as refused:
        RiskLimits.model_validate(wrong)
    (fault,) = refused.value.errors()
    for words in ("max_weekly_loss", "max_net_exposure", "trips.nothing", "trip_level"):
        assert words in fault["msg"]


def test_the_week_and_the_net_have_limits_without_being_named() -> None:
    limits = RiskLimits(max_daily_loss=D(70))
    assert (limits.weekly_loss_limit, limits.net_exposure_limit) == (D(210), limits.max_gross_exposure)


def test_symbols_without_a_value_that_a_limit_needs_are_named() -> None:
    limits = RiskLimits.model_validate(
        {"max_sector_exposure": 20_000, "sectors": SECTORS, "max_adv_share": "0.1", "adv_notional": {"ETHUSDT": 5}}
    )
    assert missing_symbols(limits, ("BTCUSDT", "ETHUSDT")) == [
        "risk.max_sector_exposure is set and [risk.sectors] lacks ETHUSDT",
        "risk.max_adv_share is set and [risk.adv_notional] lacks BTCUSDT",
    ]
    assert missing_symbols(RiskLimits(), ("BTCUSDT",)) == []


@pytest.mark.parametrize(
    ("first_s", "last_s", "length_s", "is_refused"),
    [(0, 0, 100, False), (50, 49, 100, False), (50, 50, 100, True), (0, 200, 100, True)],
)
def test_windows_that_leave_no_session_are_refused(
    first_s: float, last_s: float, length_s: int, is_refused: bool
) -> None:
    day = TradingDay(T0, T0, has_sessions=True, session=Hours(T0, T0 + length_s * NS_PER_S))
    limits = RiskLimits(no_entry_first_s=first_s, no_entry_last_s=last_s)
    assert bool(window_contradictions(limits, day)) is is_refused


def test_a_market_that_never_closes_has_no_first_minutes() -> None:
    (words,) = window_contradictions(RiskLimits(no_entry_first_s=60), utc_day(T0))
    assert "never opens or closes" in words
    assert window_contradictions(RiskLimits(), utc_day(T0)) == []
