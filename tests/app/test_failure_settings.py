"""`[failure_modes.<mode>]` and `[detection]`: what may be set, and what is refused with a sentence at the start."""

from typing import Any

import pytest

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import check_settings
from messages.failure import FailureMode
from messages.values import StopLevel
from supervisor.failure_modes import TABLE


def refused(data: dict[str, Any]) -> str:
    with pytest.raises(Stopped) as stopped:
        check_settings(data, "config.toml")
    assert stopped.value.code is ExitCode.CONFIG
    return stopped.value.sentence


@pytest.mark.parametrize(
    ("mode", "section", "words"),
    [
        ("broker_disconnect", {"level": "REDUCED"}, "level = REDUCED is milder than SOFT"),
        ("execution_delay", {"level": "RUN"}, "level = RUN is milder than SOFT"),
        ("rate_limit", {"level": "RUN"}, "level = RUN is milder than REDUCED"),
        ("ledger_failure", {"level": "MEDIUM"}, "level = MEDIUM is milder than HARD"),
        ("ledger_failure", {"needs_operator": False}, "only an operator can know"),
        ("position_drift", {"needs_operator": False}, "only an operator can know"),
        ("inbox_unavailable", {"needs_operator": True}, "at level RUN there is nothing to re-arm"),
        ("inbox_unavailable", {"scope": "all"}, "at level RUN it stops nothing"),
        ("split_brain", {"needs_operator": True}, "the process ends"),
        ("data_delay", {"scope": "venue:sim"}, "Input should be 'all'"),
        ("data_delay", {"level": "SOFTER"}, "level"),
        ("data_delay", {"levle": "SOFT"}, "did you mean level?"),
        ("data_dealy", {"level": "SOFT"}, "Input should be 'data_delay'"),
    ],
)
def test_what_contradicts_the_table_is_refused(mode: str, section: dict[str, Any], words: str) -> None:
    assert words in refused({"failure_modes": {mode: section}})


@pytest.mark.parametrize("mode", FailureMode)
@pytest.mark.parametrize("level", StopLevel)
def test_no_setting_is_milder_than_the_floor(mode: FailureMode, level: StopLevel) -> None:
    data = {"failure_modes": {mode.value: {"level": level.name}}}
    if level < TABLE[mode].floor:
        assert "milder" in refused(data)
    else:
        assert check_settings(data, "t").failure_modes[mode].level is level


def test_a_mode_may_be_left_to_its_recovery_where_that_can_be_seen() -> None:
    data = {"failure_modes": {"exchange_disconnect": {"needs_operator": False, "level": "SOFT"}}}
    assert check_settings(data, "t").failure_modes[FailureMode.EXCHANGE_DISCONNECT].needs_operator is False


def test_a_settle_time_in_which_nobody_looks_is_refused() -> None:
    words = refused({"detection": {"clock_settle_s": 5.0, "clock_check_interval_s": 30.0}})
    assert "nobody would look in between" in words
