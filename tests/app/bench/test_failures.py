"""The bench of the failure modes: each is measured, or it says why not; and one case over a real run."""

from pathlib import Path

import pytest

from bulkhead.app.bench import failures
from messages.failure import FailureMode


def test_each_mode_is_measured_or_it_is_said_why_not() -> None:
    measured = [case.mode for case in failures.CASES]
    assert len(set(measured)) == len(measured)
    assert {*measured, FailureMode.SPLIT_BRAIN, *failures.NOT_MEASURED} == set(FailureMode)
    assert not {*measured, FailureMode.SPLIT_BRAIN} & set(failures.NOT_MEASURED)


@pytest.mark.process
def test_a_case_is_seen_and_over_and_the_run_ends_when_its_ledger_is_taken(tmp_path: Path) -> None:
    cases = tuple(case for case in failures.CASES if case.mode is FailureMode.AUTH_EXPIRED)
    found = failures.measure(tmp_path, cases).modes
    assert set(found) == {"auth_expired", "split_brain"}
    refused = found["auth_expired"]
    assert 0 < refused.seen_s < 20
    assert refused.over_s is not None
    assert found["split_brain"].rearm == "ends, exit code 8"
