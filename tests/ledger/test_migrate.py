"""Tables come from revisions, all at once, and a newer file is left alone."""

import io
import re
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from bulkhead.ledger import migrate, schema
from bulkhead.ledger.port import DuplicateRecord, LedgerNewer, LedgerUnavailable
from bulkhead.ledger.rebuild import check_tables
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from bulkhead.venues.krx import TICK_BANDS
from messages.records import OrderAliasRecorded
from messages.values import OrderStatus
from tests.ledger.stories import alias, entry, instruments, order_recorded

FROM_0001 = Path(__file__).with_name("ledger_0001.sql")
"""Written by the version of Bulkhead that knew revision 0001 only: a session, and three orders that are open."""
FROM_0002 = Path(__file__).with_name("ledger_0002.sql")
"""The same of 0002, with a row in each of its tables."""
FROM_0004 = Path(__file__).with_name("ledger_0004.sql")
"""The same of 0004; its trading rules know one tick for every price."""


@pytest.fixture
def old(path: Path) -> Path:
    return written(path, FROM_0001)


def written(path: Path, dump: Path) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(dump.read_text(encoding="utf-8"))
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    return path


def set_revision(path: Path, revision: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.commit()
    connection.close()


@pytest.mark.req("X-02")
def test_the_revisions_give_the_tables_of_the_schema(ledger: SqliteLedger) -> None:
    context = MigrationContext.configure(ledger.connection)
    assert compare_metadata(context, schema.metadata) == []
    assert context.get_current_revision() == migrate.HEAD


def test_the_known_revisions_are_those_in_the_folder() -> None:
    script = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
    assert tuple(reversed([found.revision for found in script.walk_revisions()])) == migrate.REVISIONS


def test_the_schema_is_valid_for_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    texts = {table.name: str(CreateTable(table).compile(dialect=dialect)) for table in schema.metadata.sorted_tables}
    assert "seq BIGINT NOT NULL" in texts["events"]
    assert "price NUMERIC NOT NULL" in texts["fills"]


def test_a_newer_file_is_refused_and_not_touched(path: Path) -> None:
    SqliteLedger(path).close()
    set_revision(path, "0099")
    before = path.read_bytes()
    with pytest.raises(LedgerNewer, match=r"revision 0099.*install the version that wrote it"):
        SqliteLedger(path)
    with pytest.raises(LedgerNewer):
        LedgerReader(path)
    assert path.read_bytes() == before


def test_a_foreign_database_is_refused_and_not_touched(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(LedgerUnavailable, match="not a Bulkhead ledger"):
        SqliteLedger(path)
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_ledger(path: Path) -> None:
    path.touch()
    ledger = SqliteLedger(path)
    ledger.append([entry(order_recorded(1))])
    ledger.close()


def test_a_migration_that_fails_halfway_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(connection: Connection) -> None:
        schema.events.create(connection)
        raise OSError("the disk went away")

    with monkeypatch.context() as patch:
        patch.setattr(migrate, "upgrade", half)
        with pytest.raises(OSError, match="went away"):
            SqliteLedger(path)
    with pytest.raises(LedgerUnavailable, match="empty"):
        LedgerReader(path)
    SqliteLedger(path).close()


# -- from 0001 --------------------------------------------------------------------------------------------------------


def aliases(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT client_order_id, venue_order_id, venue_date FROM order_aliases ORDER BY 2")
    found = rows.fetchall()
    connection.close()
    return found


@pytest.mark.req("X-02")
def test_a_file_of_0001_with_open_orders_is_brought_up_to_date(old: Path) -> None:
    ledger = SqliteLedger(old)
    assert {
        row.ticket.client_order_id: row.status for row in ledger.load_recovery().orders if row.intent_id != "i0"
    } == {
        "o11": OrderStatus.PARTIAL,
        "o12": OrderStatus.UNKNOWN,
        "o13": OrderStatus.PENDING_SUBMIT,
    }
    assert {intent.intent_id for intent in ledger.load_recovery().open_intents} == {"i11", "i12", "i13"}
    assert aliases(old) == [("o11", "901", None), ("o11", "902", None), ("o12", "903", None)]
    ledger.append([entry(order_recorded(13)), entry(alias(13, "904", "20250101"))])
    context = MigrationContext.configure(ledger.connection)
    assert compare_metadata(context, schema.metadata) == []
    ledger.close()
    reader = LedgerReader(old)
    assert check_tables(reader) == (), "the events give what the revision filled in"
    reader.close()


@pytest.mark.req("X-02")
def test_a_file_of_0002_with_open_orders_is_brought_up_to_date(path: Path) -> None:
    """Its orders name no version of the trading rules, and go on."""
    reader = LedgerReader(written(path, FROM_0002))
    assert check_tables(reader) == (), "as it is"
    reader.close()
    ledger = SqliteLedger(path)
    open_rows = {row.ticket.client_order_id: row for row in ledger.load_recovery().orders if row.intent_id != "i0"}
    assert {key: row.status for key, row in open_rows.items()} == {
        "o11": OrderStatus.PARTIAL,
        "o12": OrderStatus.UNKNOWN,
        "o13": OrderStatus.PENDING_SUBMIT,
    }
    assert {row.instruments_version for row in open_rows.values()} == {None}
    ledger.append([entry(instruments("v1"))])
    changed = order_recorded(13).order.model_copy(update={"instruments_version": "v1"})
    ledger.append([entry(order_recorded(13).model_copy(update={"order": changed}))])
    assert compare_metadata(MigrationContext.configure(ledger.connection), schema.metadata) == []
    found = ledger.connection.exec_driver_sql(
        "SELECT client_order_id, instruments_version FROM orders WHERE is_open ORDER BY 1"
    )
    assert [tuple(row) for row in found] == [("o11", None), ("o12", None), ("o13", "v1")]
    ledger.close()
    reader = LedgerReader(path)
    assert check_tables(reader) == ()
    reader.close()


@pytest.mark.req("X-02")
def test_a_file_of_0004_keeps_its_one_tick_and_takes_bands_from_now_on(path: Path) -> None:
    reader = LedgerReader(written(path, FROM_0004))
    assert check_tables(reader) == (), "as it is"
    reader.close()
    ledger = SqliteLedger(path)
    assert {row.ticket.client_order_id for row in ledger.load_recovery().orders} >= {"o11", "o12", "o13"}
    (rules,) = ledger.load_instruments().values()
    assert (rules.version, rules.tick_size, rules.tick_bands) == ("v1", Decimal("0.01"), ())
    banded = instruments("v2", tick_size=Decimal(1), tick_bands=TICK_BANDS)
    ledger.append([entry(banded)])
    assert ledger.load_instruments() == {"BTCUSDT": banded.instruments[0]}
    assert compare_metadata(MigrationContext.configure(ledger.connection), schema.metadata) == []
    ledger.close()
    reader = LedgerReader(path)
    assert check_tables(reader) == (), "the events give the bands, too"
    reader.close()


def test_an_old_file_with_a_changed_row_is_found_out_as_it_is(path: Path) -> None:
    """Of a table that has gained a column, the others are compared."""
    connection = sqlite3.connect(written(path, FROM_0002))
    connection.execute("UPDATE orders SET quantity = '7' WHERE client_order_id = 'o11'")
    connection.commit()
    connection.close()
    reader = LedgerReader(path)
    (found,) = check_tables(reader)
    assert (found.table, found.key, found.column, found.real) == ("orders", "o11", "quantity", "7")
    reader.close()


def test_an_old_file_is_read_and_checked_as_it_is(old: Path) -> None:
    """`bulkhead verify` before the first start of a new version: it changes nothing."""
    reader = LedgerReader(old)
    assert check_tables(reader) == ()
    reader.close()
    set_revision(old, migrate.HEAD)
    reader = LedgerReader(old)
    with pytest.raises(Exception, match="no such"):
        check_tables(reader)
    reader.close()


def test_a_file_that_cannot_be_brought_up_to_date_stays_as_it_was(old: Path) -> None:
    connection = sqlite3.connect(old)
    connection.execute("UPDATE events SET payload = '{}' WHERE type = 'OrderRecorded'")
    connection.commit()
    connection.close()
    with pytest.raises(KeyError):
        SqliteLedger(old)
    reader = LedgerReader(old)
    assert migrate.check(reader.connection, "it") == "0001"
    reader.close()


def test_there_is_no_way_down(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SqliteLedger(old).close()
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "REVISIONS", ("0001",))
        patch.setattr(migrate, "HEAD", "0001")
        with pytest.raises(LedgerNewer, match="revision 0007"):
            SqliteLedger(old)
    newest = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations")).get_revision(migrate.HEAD)
    with pytest.raises(NotImplementedError, match="put a backup back"):
        newest.module.downgrade()


def test_a_number_is_unique_where_its_date_is_given(old: Path) -> None:
    ledger = SqliteLedger(old)
    ledger.append([entry(alias(1, "7")), entry(alias(2, "7"))])
    ledger.append([entry(alias(1, "7", "20250101", "01")), entry(alias(2, "7", "20250102", "01"))])
    ledger.append([entry(alias(3, "7", "20250101", "02"))])
    with pytest.raises(DuplicateRecord, match="order_aliases"):
        ledger.append([entry(alias(4, "7", "20250101", "01"))])
    assert isinstance(alias(1, "7"), OrderAliasRecorded)
    ledger.close()


def test_the_revisions_are_valid_for_postgresql() -> None:
    """As SQL, wherever no PostgreSQL is installed; and they make the same tables as the schema."""
    script = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
    said = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql",
        opts={
            "fn": lambda revision, _: script._upgrade_revs(migrate.HEAD, revision),
            "as_sql": True,
            "output_buffer": said,
        },
    )
    with Operations.context(context):
        context.run_migrations()
    text = " ".join(said.getvalue().split())
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in schema.metadata.sorted_tables:
        wanted = " ".join(str(CreateTable(table).compile(dialect=dialect)).split())
        added = frozenset(re.findall(rf"ALTER TABLE {table.name} ADD COLUMN ([^;]+);", text))
        assert _columns(wanted) in {_columns(made) | added for made in _made(text, table.name)}
        for index in table.indexes:
            assert " ".join(str(CreateIndex(index).compile(dialect=dialect)).split()) in text
    assert "amount NUMERIC NOT NULL" in text


def _made(text: str, table: str) -> list[str]:
    return [f"CREATE TABLE {table} ({part}" for part in text.split(f"CREATE TABLE {table} (")[1:]]


def _columns(statement: str) -> frozenset[str]:
    """What stands in the brackets, in whatever order."""
    inside = statement[statement.index("(") + 1 :].split(";")[0].strip()
    return frozenset(part.strip() for part in inside.removesuffix(")").split(", "))
