"""The order in which the test files begin: long ones first, so that all workers end together."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LONG_FILES = (
    "process/test_paper.py",
    "simulation/test_inbox.py",
    "simulation/test_data_delay.py",
    "process/test_paper_fill_model.py",
    "process/test_operator.py",
    "process/test_kis.py",
    "process/test_compartments.py",
    "simulation/test_instruments.py",
    "process/test_guard.py",
    "process/test_inbox.py",
    "process/test_tape.py",
    "process/test_canaries.py",
    "simulation/test_failure_modes.py",
    "wire/test_failure_modes.py",
    "simulation/test_numbered.py",
    "wire/test_fallback.py",
    "wire/test_kis_day.py",
    "process/test_ending.py",
    "app/test_simulator_command.py",
    "app/test_session_records.py",
    "process/test_split_brain.py",
    "process/test_kill_rounds.py",
    "wire/test_traps.py",
    "venues/conformance/test_suite.py",
    "app/bench/test_stages.py",
    "process/test_rate_limit.py",
    "real/test_kis_steps.py",
    "app/test_reading.py",
    "simulation/test_house.py",
    "simulation/test_fencing.py",
    "simulation/test_fencing_on_threads.py",
    "process/test_alerts.py",
    "process/test_gil.py",
    "app/test_top.py",
    "app/test_backup.py",
    "app/bench/test_recovery.py",
    "supervisor/otp/test_scale.py",
    "supervisor/test_ahead.py",
    "execution/test_adjust_random.py",
)
"""Longest first, as measured: with several workers a long file that begins last keeps one of them busy alone. A name
that is missing here costs time and nothing else."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files in that order, then all others as they come. The order within a file stays."""
    place = {TESTS / name: number for number, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: place.get(item.path, len(place)))
