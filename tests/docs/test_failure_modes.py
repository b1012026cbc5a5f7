"""Each row of the failure table is brought about by tests that name it: over the wire, and in simulation."""

import pytest

from messages.failure import FailureMode
from tests.docs.marks import marked

WIRE, SIMULATION = ("tests/wire/", "tests/process/"), ("tests/simulation/",)
MARKS = marked("failure_mode")


def test_every_mark_names_a_row() -> None:
    assert set(MARKS) <= {mode.name for mode in FailureMode}


@pytest.mark.parametrize("mode", FailureMode)
@pytest.mark.parametrize("where", [WIRE, SIMULATION], ids=["over the wire", "in simulation"])
def test_a_row_is_hit_by_a_test_that_names_it(mode: FailureMode, where: tuple[str, ...]) -> None:
    """That such a test reports this mode and no other is held while it runs: tests/failure_modes.py."""
    found = [test for test in MARKS.get(mode.name, ()) if test.startswith(where)]
    assert found, f"no test in {' or '.join(where)} is marked with {mode.name}"
