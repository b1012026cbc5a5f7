"""A session that was not touched verifies; whatever is done to its files is found where it was done."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulkhead.ledger.decisions import DecisionWriter
from bulkhead.ledger.export import Exporter
from bulkhead.ledger.port import LedgerUnavailable
from bulkhead.ledger.session import METADATA_NAME, SessionFolder
from bulkhead.ledger.sqlite import SqliteLedger
from bulkhead.ledger.verify import VerifyReport, verify_session
from tests.ledger.stories import START_NS, session_folder, story
from tests.ledger.test_decisions import made, write

EXPORTED = ("ops", "obs_orders_fills", "obs_trades", "risk_events", "failures", "portfolio")
FILES = [f"{stream}.jsonl" for stream in (*EXPORTED, "obs_decisions")]


class Session:
    """A finished session with its ledger."""

    def __init__(self, logs_dir: Path) -> None:
        self.ledger = logs_dir / "ledger.db"
        self.path = session_folder(logs_dir).path
        ledger = SqliteLedger(self.ledger)
        exporter = Exporter(self.path)
        decisions = DecisionWriter(self.path / "obs_decisions.jsonl")
        for number in range(4):
            write(decisions, made(number))
        for batch in story(3):
            exporter.append(ledger.append(batch))
        SessionFolder.open(self.path).finish(
            START_NS,
            "asked to",
            last_seq=ledger.head.seq,
            decision_lines=decisions.head.seq,
            decision_hash=decisions.head.hash,
        )
        for each in (exporter, decisions, ledger):
            each.close()
        self.whole = {name: (self.path / name).read_bytes() for name in FILES}

    def restore(self) -> None:
        for name, data in self.whole.items():
            (self.path / name).write_bytes(data)

    def lines(self, name: str, change: Callable[[list[bytes]], object]) -> None:
        lines = self.whole[name].splitlines(keepends=True)
        change(lines)
        (self.path / name).write_bytes(b"".join(lines))

    def verify(self, *, with_ledger: bool = True) -> VerifyReport:
        return verify_session(self.path, self.ledger if with_ledger else None)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return Session(tmp_path_factory.mktemp("logs"))


@pytest.fixture
def files(shared: Session) -> Session:
    """For tests that change nothing but files."""
    shared.restore()
    return shared


both = pytest.mark.parametrize("with_ledger", [True, False], ids=["with ledger", "files alone"])


def first(report: VerifyReport) -> tuple[str, int | None, str]:
    assert not report.ok
    return report.findings[0].file, report.findings[0].line, report.findings[0].what


@both
def test_an_untouched_session_verifies(session: Session, with_ledger: bool) -> None:
    report = session.verify(with_ledger=with_ledger)
    assert (report.ok, report.findings) == (True, ())
    assert report.counts["obs_orders_fills.jsonl"] == 18
    assert report.counts["obs_decisions.jsonl"] == 4
    assert report.counts["balances_checked"] == 1
    assert VerifyReport.model_validate_json(report.model_dump_json()) == report


@both
@pytest.mark.parametrize("name", FILES)
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_flipped_bit_is_found_in_its_line(data: st.DataObject, shared: Session, name: str, with_ledger: bool) -> None:
    whole = bytearray(shared.whole[name])
    place = data.draw(st.integers(0, len(whole) - 1))
    line = whole[:place].count(b"\n") + 1
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    shared.restore()
    (shared.path / name).write_bytes(whole)
    report = shared.verify(with_ledger=with_ledger)
    found = [finding for finding in report.findings if finding.file == name]
    assert found, report
    assert found[0].line in {line, line + 1}


@pytest.mark.parametrize("name", FILES)
def test_a_deleted_line_is_found_where_it_was(files: Session, name: str) -> None:
    for index in range(files.whole[name].count(b"\n")):
        files.lines(name, lambda lines, index=index: lines.pop(index))  # type: ignore[misc]
        file, line, what = first(files.verify())
        assert (file, line) == (name, index + 1)
        assert "missing" in what or "cut off" in what or "follows" in what


@pytest.mark.parametrize("name", FILES)
def test_a_deleted_line_is_noticed_without_a_ledger(files: Session, name: str) -> None:
    for index in range(files.whole[name].count(b"\n")):
        files.lines(name, lambda lines, index=index: lines.pop(index))  # type: ignore[misc]
        assert not files.verify(with_ledger=False).ok


@both
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("cut", [1, 100])
def test_a_cut_file_is_found_at_its_end(files: Session, name: str, cut: int, with_ledger: bool) -> None:
    (files.path / name).write_bytes(files.whole[name][:-cut])
    file, line, what = first(files.verify(with_ledger=with_ledger))
    assert (file, line) == (name, files.whole[name].count(b"\n"))
    assert what == "the line is torn: its end is missing"


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(files: Session, name: str) -> None:
    (files.path / name).unlink()
    assert first(files.verify())[:2] == (name, 1)


@both
def test_a_doubled_line_and_swapped_lines_are_named(files: Session, with_ledger: bool) -> None:
    files.lines("portfolio.jsonl", lambda lines: lines.insert(2, lines[1]))
    file, line, what = first(files.verify(with_ledger=with_ledger))
    assert (file, line) == ("portfolio.jsonl", 3)
    assert "doubled or out of order" in what
    files.lines("portfolio.jsonl", lambda lines: lines.insert(0, lines.pop(1)))
    found = files.verify(with_ledger=with_ledger).findings
    assert ("portfolio.jsonl", 2) in {(finding.file, finding.line) for finding in found}


def test_a_line_in_the_wrong_file_is_named(files: Session) -> None:
    lines = (*files.whole["failures.jsonl"].splitlines(keepends=True), files.whole["ops.jsonl"])
    (files.path / "failures.jsonl").write_bytes(b"".join(lines))
    file, line, what = first(files.verify())
    assert (file, line) == ("failures.jsonl", 2)
    assert "of stream ops" in what


def test_a_time_rewritten_for_the_reader_alone_is_named(files: Session) -> None:
    """`at` is not hashed, since it says the same as `at_ns`; so it must say the same."""
    whole = files.whole["ops.jsonl"]
    (files.path / "ops.jsonl").write_bytes(whole.replace(b'"at":"2025', b'"at":"2024', 1))
    assert first(files.verify()) == ("ops.jsonl", 1, "event 1 is not written as it was exported")


def rewrite(ledger: Path, *statements: str) -> None:
    connection = sqlite3.connect(ledger)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_ledger_changed_behind_the_files_is_named(session: Session) -> None:
    rewrite(session.ledger, "UPDATE events SET correlation_id = 'other' WHERE seq = 5")
    found = {finding.what for finding in session.verify().findings}
    assert "event 5 is not what the ledger has" in found
    assert "event 5: its content does not give its hash" in found


def test_events_taken_out_of_the_ledger_are_named(session: Session) -> None:
    rewrite(session.ledger, "DELETE FROM events WHERE seq = 5 OR seq > 20")
    report = session.verify()
    found = [finding.what for finding in report.findings]
    assert "event 5 is not in the ledger" in found
    assert "event 21 is not in the ledger" in found


def test_a_changed_table_is_named(session: Session) -> None:
    rewrite(session.ledger, "UPDATE orders SET filled = '1' WHERE client_order_id = 'o1'")
    file, line, what = first(session.verify())
    assert (file, line) == ("ledger.db", None)
    assert what.startswith("table orders, row o1: filled is 1 and should be 0")


def test_many_findings_of_one_file_are_counted_and_not_listed(files: Session) -> None:
    (files.path / "portfolio.jsonl").write_bytes(b"nonsense\n" * 50)
    report = files.verify()
    assert report.counts["findings_left_off"] == 30
    assert first(report)[:2] == ("portfolio.jsonl", 1)


def test_a_forged_end_of_the_decisions_is_found(files: Session) -> None:
    name = "obs_decisions.jsonl"
    files.lines(name, lambda lines: lines.pop())
    writer = DecisionWriter(files.path / name)
    write(writer, made(77))
    writer.close()
    assert first(files.verify()) == (name, 4, "the last hash is not the one that the session ended with")


def test_metadata_that_cannot_be_read_are_a_finding(session: Session) -> None:
    (session.path / METADATA_NAME).write_text("{}")
    assert first(session.verify())[0] == METADATA_NAME


@pytest.mark.parametrize("line", [b"[]", b"5", b"{}", b'{"payload":1}', b'{"at_ns":' + b"9" * 30 + b"}"])
def test_lines_that_are_no_events_are_findings(files: Session, line: bytes) -> None:
    (files.path / "failures.jsonl").write_bytes(line + b"\n")
    assert first(files.verify())[:2] == ("failures.jsonl", 1)


def test_a_time_beyond_all_calendars_is_a_finding(files: Session) -> None:
    event = json.loads(files.whole["failures.jsonl"])
    event["at_ns"] = 10**40
    (files.path / "failures.jsonl").write_text(json.dumps(event) + "\n")
    assert first(files.verify())[:2] == ("failures.jsonl", 1)


def test_a_ledger_that_is_not_there_is_an_error(session: Session, tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable):
        verify_session(session.path, tmp_path / "nowhere.db")


def test_a_session_after_the_first_is_checked_without_its_predecessors(session: Session, tmp_path: Path) -> None:
    folder = session_folder(tmp_path, "s-2").path
    ledger, exporter = SqliteLedger(session.ledger), Exporter(folder)
    for batch in story(2, "s-2", first=3):
        exporter.append(ledger.append(batch))
    exporter.close()
    ledger.close()
    assert verify_session(folder, session.ledger).ok
    alone = verify_session(folder, None)
    assert alone.ok
    assert "balances_checked" not in alone.counts
    assert session.verify().ok
