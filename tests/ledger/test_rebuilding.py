"""A ledger made again, from its events and from its files: compared, named, and written under a new name."""

import sqlite3
from pathlib import Path

import pytest

from bulkhead.ledger.export import Exporter
from bulkhead.ledger.files import NameTaken
from bulkhead.ledger.rebuilding import Made, RebuildReport, Source, rebuild_ledger
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from bulkhead.ledger.verify import verify_session
from tests.ledger.stories import entry, housekeeping, order_recorded, session_folder, story

BOTH = (Source.EVENTS, Source.FILES)
SESSIONS = ("s-1", "s-2", "s-3")


@pytest.fixture
def told(path: Path) -> Path:
    """A ledger of three sessions, and the files of each."""
    ledger = SqliteLedger(path)
    for number, session_id in enumerate(SESSIONS):
        exporter = Exporter(session_folder(path.parent, session_id).path)
        for batch in story(3, session_id, number * 3):
            exporter.append(ledger.append(batch))
        if number == 1:
            exporter.append(ledger.append([each._replace(session_id=session_id) for each in housekeeping()]))
        exporter.close()
    ledger.close()
    return path


def folders(path: Path) -> list[Path]:
    return [path.parent / "sessions" / name for name in SESSIONS]


def made_of(path: Path, *sources: Source, dest: Path | None = None) -> RebuildReport:
    return rebuild_ledger(path, folders(path), sources or BOTH, dest)


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}  # noqa: S608
    connection.close()
    return found


@pytest.mark.req("P-16")
def test_events_and_files_of_several_sessions_give_every_row(told: Path) -> None:
    before = told.read_bytes()
    report = made_of(told)
    assert report.ok, report
    assert [made.source for made in report.made] == list(BOTH)
    assert report.made[0].rows == report.made[1].rows == {name: len(rows) for name, rows in _tables(told).items()}
    for table in ("orders", "fills", "positions", "trades"):
        assert report.made[0].rows[table] > 0
    assert report.made[0].events == report.made[1].events == report.head_seq
    assert told.read_bytes() == before
    assert RebuildReport.model_validate_json(report.model_dump_json()) == report


def _tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    return {name: rows for name, rows in content(path).items() if name != "alembic_version"}


@pytest.mark.parametrize(
    ("statement", "table", "key", "column", "real", "made"),
    [
        ("UPDATE fills SET price = '1' WHERE fill_id = 'sim:BTCUSDT:4'", "fills", "sim:BTCUSDT:4", "price", "1", "64"),
        ("UPDATE orders SET reason = 'x' WHERE client_order_id = 'o7'", "orders", "o7", "reason", "x", None),
        ("UPDATE positions SET quantity = '7'", "positions", "momentum/sim/paper/BTCUSDT", "quantity", "7", "0.08"),
        ("UPDATE trades SET pnl = '9' WHERE trade_id = 't0'", "trades", "t0", "pnl", "9", "-0.1"),
    ],
)
def test_a_tampered_row_is_named_with_both_values(
    told: Path, statement: str, table: str, key: str, column: str, real: str, made: str | None
) -> None:
    change(told, statement)
    report = made_of(told)
    assert not report.ok
    for each in report.made:
        (found,) = each.differences
        assert (found.table, found.key, found.column, found.real) == (table, key, column, real)
        assert found.made == made if made is None else (found.made or "").startswith(made)


def test_a_row_too_many_and_a_row_too_few_are_told_apart(told: Path) -> None:
    change(told, "DELETE FROM trades WHERE trade_id = 't1'", "INSERT INTO fill_totals VALUES ('v','a','fee','X','1')")
    found = {(each.table, each.key, each.what) for each in made_of(told, Source.EVENTS).made[0].differences}
    assert found == {
        ("trades", "t1", "the row is missing"),
        ("fill_totals", "v/a/fee/X", "the row is not in the events"),
    }


def one(report: RebuildReport) -> Made:
    assert not report.ok
    (made,) = report.made
    return made


def test_a_tampered_event_breaks_the_chain_and_gives_no_new_ledger(told: Path) -> None:
    change(told, "UPDATE events SET at_ns = at_ns + 1 WHERE seq = 12")
    dest = told.with_name("new.db")
    made = one(made_of(told, Source.EVENTS, dest=dest))
    assert made.error == "the chain is broken at event 12: its content does not give its hash"
    assert not dest.exists()
    files = made_of(told, Source.FILES).made[0]
    assert next((each.table, each.key, each.column) for each in files.differences) == ("events", "12", "at_ns")


def test_files_that_lack_a_line_are_named(told: Path) -> None:
    fills = folders(told)[1] / "obs_orders_fills.jsonl"
    lines = fills.read_bytes().splitlines(keepends=True)
    fills.write_bytes(b"".join([*lines[:4], *lines[5:]]))
    made = one(made_of(told, Source.FILES))
    assert "something between is missing" in (made.error or "")
    assert made.differences
    fills.write_bytes(b"".join(lines)[:-20])
    assert one(made_of(told, Source.FILES)).error == f"s-2/{fills.name}, line {len(lines)}: its end is missing"


def test_files_of_a_session_that_are_not_there_are_named(told: Path) -> None:
    made = one(rebuild_ledger(told, folders(told)[1:], [Source.FILES], None))
    assert made.error == "the files of session s-1 are not there, and the ledger has its events"


@pytest.mark.parametrize("source", list(Source))
def test_a_new_ledger_has_every_row_and_can_be_written_to(told: Path, source: Source) -> None:
    dest = told.with_name("new.db")
    report = made_of(told, source, dest=dest)
    assert report.ok
    assert report.written == str(dest)
    assert content(dest) == content(told)
    assert sorted(found.name for found in told.parent.glob("new.db*")) == ["new.db"]
    assert not list(told.parent.glob(".rebuild.*"))
    assert verify_session(folders(told)[0], dest).ok
    ledger = SqliteLedger(dest)
    ledger.append([entry(order_recorded(77), session_id="s-3")])
    ledger.close()


def test_tampered_tables_are_put_right_in_the_new_ledger_and_stay_in_the_old(told: Path) -> None:
    whole = content(told)
    change(told, "UPDATE positions SET quantity = '7'", "DELETE FROM fills")
    dest = told.with_name("new.db")
    report = made_of(told, Source.EVENTS, dest=dest)
    assert not report.ok
    assert report.written
    assert content(dest) == whole
    assert not content(told)["fills"]


def test_nothing_is_overwritten(told: Path) -> None:
    dest = told.with_name("new.db")
    for name in ("new.db", "new.db-wal"):
        dest.with_name(name).write_text("mine")
        with pytest.raises(NameTaken, match="nothing is overwritten"):
            made_of(told, dest=dest)
        dest.with_name(name).unlink()


def test_a_lost_ledger_comes_back_from_the_files(told: Path) -> None:
    whole = content(told)
    told.unlink()
    dest = told.with_name("new.db")
    report = made_of(told, Source.FILES, dest=dest)
    assert report.ok
    assert report.head_seq is None
    assert content(dest) == whole


def test_of_a_lost_ledger_that_was_begun_anew_only_its_own_sessions_count(told: Path) -> None:
    told.unlink()
    ledger = SqliteLedger(told)
    exporter = Exporter(session_folder(told.parent, "s-4").path)
    for batch in story(2, "s-4"):
        exporter.append(ledger.append(batch))
    exporter.close()
    ledger.close()
    whole = content(told)
    told.unlink()
    dest = told.with_name("new.db")
    sessions = [*folders(told), told.parent / "sessions" / "s-4"]
    assert rebuild_ledger(told, sessions, [Source.FILES], dest).ok
    assert content(dest) == whole


def test_without_a_ledger_there_are_no_events(told: Path) -> None:
    told.unlink()
    assert "no ledger to take the events from" in (one(made_of(told, Source.EVENTS)).error or "")


def test_long_work_says_how_far_it_is(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, int, int]] = []
    monkeypatch.setattr("bulkhead.ledger.rebuilding.EVENTS_PER_STEP", 10)
    rebuild_ledger(told, folders(told), BOTH, None, lambda *what: said.append(what))
    assert {what for what, _, _ in said} == {
        *("making tables from events", "comparing what the events gave"),
        *("making tables from files", "comparing what the files gave"),
    }
    assert all(0 < done <= total for _, done, total in said)


def test_the_reader_beside_it_is_left_alone(told: Path) -> None:
    reader = LedgerReader(told)
    assert made_of(told).ok
    assert next(reader.events()).seq == 1
    reader.close()
