"""Tables come from revisions, all at once, and a newer file is left alone."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from bulkhead.ledger import migrate, schema
from bulkhead.ledger.port import LedgerNewer, LedgerUnavailable
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from tests.ledger.stories import entry, order_recorded


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
