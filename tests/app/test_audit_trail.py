"""The audit file and the ledger: each act is taken once, by whichever run comes first."""

import time
from pathlib import Path

import pytest

from bulkhead.app.audit import record
from bulkhead.app.audit_trail import AuditTrail, about
from bulkhead.ledger import audit_file
from bulkhead.ledger.port import Entry
from bulkhead.ledger.sqlite import SqliteLedger
from messages.records import OperatorActed

ACT: dict[str, object] = {"action": "kill", "operator": "ada", "reason": "enough"}


class Run:
    """What a session does of it: opens the trail, takes what is new, and writes it into its ledger."""

    def __init__(self, folder: Path, *, since_ns: int = 0, name: str = "ledger.db") -> None:
        self.ledger = SqliteLedger(folder / name)
        self.trail = AuditTrail(folder, folder / name, self.ledger.load_audit_ids(), since_ns=since_ns)

    def write(self, acts: tuple[OperatorActed, ...]) -> list[str]:
        self.ledger.append([Entry(act, 1, "s", "c", None) for act in acts])
        return [act.action for act in acts]

    def take(self) -> list[str]:
        return self.write(self.trail.take())

    def end(self) -> list[str]:
        left = self.write(self.trail.take_all_but(self.ledger.load_audit_ids()))
        self.ledger.close()
        return left


def act(folder: Path, **more: object) -> None:
    record(audit_file.path_in(folder), {**ACT, **more})


@pytest.mark.req("S-17")
def test_what_was_done_while_nothing_ran_is_taken_once_by_the_next_run(tmp_path: Path) -> None:
    act(tmp_path)
    act(tmp_path, action="resume", state="asked")
    act(tmp_path, action="resume", state="done")
    run = Run(tmp_path)
    assert run.take() == ["kill", "resume", "resume done"]
    act(tmp_path, action="kill again")
    assert (run.take(), run.take(), run.end()) == (["kill again"], [], [])
    assert Run(tmp_path).take() == []


def test_what_was_taken_and_not_written_is_made_up_for_at_the_end(tmp_path: Path) -> None:
    run = Run(tmp_path)
    act(tmp_path)
    assert len(run.trail.take()) == 1
    assert run.end() == ["kill"]
    assert Run(tmp_path).end() == []


def test_what_a_run_that_died_had_taken_the_next_one_takes(tmp_path: Path) -> None:
    run = Run(tmp_path)
    act(tmp_path)
    run.trail.take()
    run.ledger.close()
    assert Run(tmp_path).take() == ["kill"]


def test_an_act_of_the_run_itself_is_not_taken_again(tmp_path: Path) -> None:
    run = Run(tmp_path)
    written = run.trail.record("restart x", "ada", "mended", session="s")
    assert run.take() == []
    run.write((written,))
    assert (run.end(), Run(tmp_path).take()) == ([], [])


def test_a_ledger_takes_what_is_about_itself_or_about_none(tmp_path: Path) -> None:
    act(tmp_path, action="mine", **about(tmp_path / "ledger.db"))
    act(tmp_path, action="other", **about(tmp_path / "other.db"))
    act(tmp_path, action="all")
    assert Run(tmp_path).take() == ["mine", "all"]
    assert Run(tmp_path, name="other.db").take() == ["other", "all"]


def test_a_ledger_that_begins_anew_takes_only_what_comes_then(tmp_path: Path) -> None:
    act(tmp_path)
    run = Run(tmp_path, since_ns=time.time_ns())
    act(tmp_path, action="kill again")
    assert (run.take(), run.end()) == (["kill again"], [])


def test_a_line_that_is_not_whole_yet_waits(tmp_path: Path) -> None:
    act(tmp_path)
    path = audit_file.path_in(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    run = Run(tmp_path)
    assert run.take() == []
    path.write_bytes(whole)
    assert run.take() == ["kill"]


def test_an_edited_line_is_not_taken(tmp_path: Path) -> None:
    act(tmp_path)
    act(tmp_path, action="resume")
    path = audit_file.path_in(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"ada"', b'"eve"', 1) + b"by hand\n{}\n")
    assert Run(tmp_path).take() == ["resume"]


def test_a_file_that_was_put_aside_begins_anew(tmp_path: Path) -> None:
    act(tmp_path, reason="a long one, so that the new file is the shorter")
    run = Run(tmp_path)
    run.take()
    audit_file.path_in(tmp_path).rename(tmp_path / "aside")
    act(tmp_path, action="resume")
    assert run.take() == ["resume"]
