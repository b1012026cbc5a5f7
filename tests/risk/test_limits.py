"""Limits refuse what is misspelt, impossible or contradictory, at start and with words."""

from typing import Any

import pytest
from pydantic import ValidationError

from bulkhead.risk.limits import GuardNotEnabled, RiskLimits, require_guard
from messages.codes import ErrorCode
from messages.values import Mode, StopLevel

UNITS = ("_s", "_bps", "_bps_p95", "_notional", "_exposure", "_cash", "_loss", "_drawdown", "_quantity", "_per_day")
TABLES = {"trips", "sectors", "adv_notional"}
COUNTS = ("_positions", "_rejects", "_losses", "_sample", "_rate", "_share", "_per_s")


def test_the_defaults_do_not_contradict() -> None:
    assert RiskLimits().enabled


def test_every_limit_says_its_unit() -> None:
    others = {"enabled", "currency", "trip_level", "trip_scope", *TABLES}
    for name in set(RiskLimits.model_fields) - others:
        assert name.endswith(UNITS + COUNTS), name


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"max_order_notional": 20_000}, "max_symbol_exposure"),
        ({"max_symbol_exposure": 60_000}, "max_gross_exposure"),
        ({"max_orders_per_s": 10, "max_orders_per_day": 5}, "max_orders_per_day"),
        ({"dust_notional": 6_000}, "max_order_notional"),
        ({"trip_level": "REDUCED"}, "entries go on"),
        ({"max_daily_los": 5}, "Extra inputs"),
        ({"max_daily_loss": 0}, "greater than 0"),
        ({"max_daily_loss": -5}, "greater than 0"),
        ({"max_drawdown": "NaN"}, "finite"),
        ({"max_reject_rate": 1}, "less than 1"),
        ({"max_market_age_s": float("nan")}, "finite"),
        ({"trip_scope": "everything"}, "pattern"),
        ({"trip_level": "SOMETIMES"}, "trip_level"),
    ],
)
def test_contradictions_and_slips_are_refused_with_words(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        RiskLimits.model_validate(values)


@pytest.mark.parametrize("level", ["SOFT", StopLevel.SOFT, 2])
def test_a_level_may_be_named(level: object) -> None:
    assert RiskLimits.model_validate({"trip_level": level}).trip_level is StopLevel.SOFT


def test_live_needs_the_guard() -> None:
    off = RiskLimits(enabled=False)
    with pytest.raises(GuardNotEnabled) as refused:
        require_guard(off, Mode.LIVE)
    assert refused.value.code is ErrorCode.LIVE_GUARD_NOT_ENABLED
    require_guard(off, Mode.PAPER)
    require_guard(RiskLimits(), Mode.LIVE)
