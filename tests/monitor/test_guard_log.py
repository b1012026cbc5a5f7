"""The guard's last word, and when it is none."""

import json
from pathlib import Path

import pytest

from bulkhead.monitor.guard_log import gave_up

AT = "2025-01-31T12:00:01.234+00:00"
AT_NS = 1_738_324_801_234_000_000
LAST = {"at": AT, "pid": 7, "event": "gave_up", "cause": "exit code 1 (ERROR)", "sentence": "the run failed"}


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "guard.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("last_start_ns", [None, 0, AT_NS - 1_000])
def test_the_last_line_counts(tmp_path: Path, last_start_ns: int | None) -> None:
    found = gave_up(written(tmp_path, '{"event": "started"}', json.dumps(LAST)), last_start_ns)
    assert found is not None
    assert abs(found.at_ns - AT_NS) < 1_000
    assert found.sentence == "the run failed"


def test_the_end_of_a_long_file_is_enough(tmp_path: Path) -> None:
    assert gave_up(written(tmp_path, *['{"event": "ready"}'] * 50_000, json.dumps(LAST)), None) is not None


def test_a_line_without_a_sentence_has_its_cause(tmp_path: Path) -> None:
    found = gave_up(written(tmp_path, json.dumps({**LAST, "sentence": None})), None)
    assert found is not None
    assert found.sentence == "exit code 1 (ERROR)"


def test_a_run_that_was_started_since_ends_it(tmp_path: Path) -> None:
    assert gave_up(written(tmp_path, json.dumps(LAST)), AT_NS + 10**9) is None
    assert gave_up(written(tmp_path, json.dumps(LAST), '{"event": "started"}'), None) is None


@pytest.mark.parametrize(
    "last",
    [
        "",
        "not JSON",
        "[]",
        "[" * 10_000,
        json.dumps(LAST)[:-9],
        json.dumps({**LAST, "at": "yesterday"}),
        json.dumps({**LAST, "at": None}),
        json.dumps({**LAST, "at": "0001-01-01T00:00:00+00:00"}),
        json.dumps({**LAST, "sentence": {"a": 1}}),
        json.dumps({"event": "gave_up"}),
    ],
)
def test_what_cannot_be_read_says_nothing(tmp_path: Path, last: str) -> None:
    assert gave_up(written(tmp_path, last), None) is None


def test_no_file_says_nothing(tmp_path: Path) -> None:
    assert gave_up(tmp_path / "guard.jsonl", None) is None
    assert gave_up(tmp_path, None) is None
    assert gave_up(written(tmp_path), None) is None
