"""The bench of the recovery, small: a run starts on the history that it writes, and its gate opens."""

from contextlib import closing
from pathlib import Path

import pytest

from bulkhead.app.bench import recovery
from bulkhead.ledger.sqlite import SqliteLedger


def test_the_history_leaves_nothing_to_recover(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    recovery.write_history(path, 20)
    with closing(SqliteLedger(path)) as ledger:
        loaded = ledger.load_recovery()
    assert not loaded.unapplied_fills
    assert set(loaded.balance_changes.values()) == {0}


@pytest.mark.process
def test_a_run_recovers_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "FILLS", 20)
    monkeypatch.setattr(recovery, "KILLS", 1)

    figures = recovery.measure(tmp_path)

    assert figures.with_history_s > 0
    assert figures.without_history_s > 0
    assert figures.load_ms > 0
