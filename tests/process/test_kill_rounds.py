"""The script that kills the run over and over, in small; and its oracle, which must be able to go red."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from rich.progress import Progress

from bulkhead.chaos import kill_rounds
from bulkhead.chaos.kill_rounds import Rounds, Verdict
from bulkhead.chaos.oracle import LedgerFile, VenueBooks, differences, entries_before_recovery, left_behind, overworked

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Verdict]:
    folder = tmp_path_factory.mktemp("rounds")
    with Progress(disable=True) as progress:
        return folder, Rounds(folder, seed=3).go(5, progress)


@pytest.mark.lesson("L09", "L13")
def test_a_run_that_is_killed_over_and_over_doubles_and_loses_nothing(rounds: tuple[Path, Verdict]) -> None:
    _, verdict = rounds
    assert verdict.violations == ()
    assert sum(verdict.killed_while.values()) == verdict.rounds == 5
    assert verdict.executions > 0


class Stated(VenueBooks):
    """A venue that says what it is told to."""

    def __init__(self, orders: dict[str, int], balances: dict[str, dict[str, str]], executions: int) -> None:
        super().__init__()
        self._said = {
            "by_client_order_id": {
                key: {"orders": count, "executions": executions if at == 0 else 0}
                for at, (key, count) in enumerate(orders.items())
            },
            "balances": balances,
        }

    def books(self) -> object:
        return self._said


def test_the_oracle_sees_a_doubled_order_a_lost_fill_and_a_wrong_balance(
    rounds: tuple[Path, Verdict], tmp_path: Path
) -> None:
    folder, verdict = rounds
    ledger = LedgerFile(folder / "logs" / "ledger.db")
    cash = {"USDT": {"free": "1", "locked": "0"}}
    found = differences(Stated({"a": 2, "b": 1}, cash, verdict.executions + 1), ledger)
    assert "a was accepted 2 times" in found
    assert f"{verdict.executions} fills are booked, {verdict.executions + 1} were executed" in found
    assert any(line.startswith("USDT: we hold ") for line in found)

    copy = tmp_path / "ledger.db"
    shutil.copy(folder / "logs" / "ledger.db", copy)
    assert entries_before_recovery(LedgerFile(copy)) == ()
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("delete from events where type = 'ReconciliationRecorded'")
        connection.execute("update orders set filled = quantity + 1 where rowid in (select min(rowid) from orders)")
        connection.execute(
            "insert into deadlines (id, due_ns, kind, payload, seq) select 'child/x', 0, 'child',"
            " json_object('intent_id', min(intent_id)), 1 from order_intents where status = 'DONE'"
        )
        connection.commit()
    assert "made the entry" in entries_before_recovery(LedgerFile(copy))[0]
    assert "at work of" in overworked(LedgerFile(copy))[0]
    assert "left behind" in left_behind(LedgerFile(copy))[0]


def test_a_verdict_without_what_had_to_happen_is_none() -> None:
    verdict = Verdict(
        seed=1, rounds=100, killed_while={"trading": 100}, faults={}, orders=1, executions=0, children=0,
        fills_while_down=0,
        gate_open_s=(), violations=(),
    )  # fmt: skip
    assert "a fill while the run was down" in verdict.missing
    assert "a kill while starting" in verdict.missing
    assert len(verdict.missing) == 3 + len(kill_rounds.FAULTS)
