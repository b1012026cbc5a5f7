"""Settings of the KIS dialect: what is refused, and what a command line must not show."""

import json
import subprocess
import sys

import pytest
from pydantic import ValidationError

from bulkhead.app.simulator_process import SimulatorProcess
from bulkhead.venues.simulator.errors import SimulatorError
from bulkhead.venues.simulator.process import in_thread
from bulkhead.venues.simulator.settings import DEMO_KIS_APP_KEY, DEMO_KIS_APP_SECRET, SimulatorSettings
from tests.venues.simulator.kis.kit import at_ms, settings


@pytest.mark.parametrize(
    "values",
    [
        {"dialect": "kis", "market": "tape", "tape_files": ["x.csv"]},
        {"dialect": "kis", "symbols": ["BTCUSDT"]},
        {"dialect": "binance", "symbols": ["005930"]},
        {"dialect": "kis", "kis": {"account_number": "1234"}},
        {"dialect": "kis", "kis": {"app_key": "short"}},
        {"dialect": "kis", "kis": {"host": "test"}},
        {"dialect": "kis", "kis": {"notice_fields": 24}},
        {"dialect": "kis", "clock_speed": 0},
        {"market": "tape", "tape_files": ["x.csv"], "clock_speed": 2},
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SimulatorSettings.model_validate(values)


def test_a_day_that_no_calendar_covers_is_said_in_a_sentence() -> None:
    made = settings(always_open=False, clock_starts_at_ms=at_ms("2055-03-03 09:00:00"))
    with pytest.raises(SimulatorError, match="no trading hours"), in_thread(made):
        pass


def test_no_key_is_on_the_command_line_of_a_simulator() -> None:
    shown = SimulatorProcess(settings())._settings_json()
    assert DEMO_KIS_APP_KEY not in shown
    assert DEMO_KIS_APP_SECRET not in shown
    assert SimulatorSettings.model_validate_json(shown).dialect == "kis"


def test_it_runs_as_a_process() -> None:
    more = json.dumps({"events_per_s": 0, "exit_with_parent": True, "kis": {"always_open": True}})
    command = [sys.executable, "-m", "bulkhead.venues.simulator", "--dialect", "kis", "--settings-json", more]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(20) == 0
    assert (ready["ready"], ready["dialect"]) == (True, "kis")
