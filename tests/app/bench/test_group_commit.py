"""The bench of the group commit, small."""

from pathlib import Path

import pytest

from bulkhead.app.bench import group_commit


def test_what_waits_together_shares_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "SECONDS", 0.2)

    figures = group_commit.measure(tmp_path)

    assert figures.commit.count == 100
    assert figures.appends_per_commit > 1
    assert figures.p99_syncs > 0
