"""From any older file to the newest tables; a newer file is refused untouched.

Alembic is imported only when there is something to migrate: opening a file that is up to date costs one query.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect

from bulkhead.ledger.port import LedgerNewer, LedgerUnavailable

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Every revision this version knows, oldest first."""
HEAD = REVISIONS[-1]
_FOLDER = Path(__file__).parent / "migrations"


def check(connection: Connection, name: str) -> str | None:
    """The file's revision, None for an empty file; reads only.

    Raises LedgerNewer for a revision unknown here, LedgerUnavailable for a database that is not a ledger.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise LedgerUnavailable(f"{name} is a database, but not a Bulkhead ledger")
    revision: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision is not None and revision not in REVISIONS:
        raise LedgerNewer(
            f"{name} has schema revision {revision}, and this version of Bulkhead knows up to {HEAD}: install the "
            "version that wrote it, or a later one. The file was not touched."
        )
    return revision


def upgrade(connection: Connection) -> None:
    """Bring the tables to HEAD. The caller has begun a transaction, so that it happens wholly or not at all."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(_FOLDER))

    def steps(revision: Any, _context: MigrationContext) -> Any:
        return script._upgrade_revs(HEAD, revision)

    context = MigrationContext.configure(connection, opts={"fn": steps, "transactional_ddl": False})
    with Operations.context(context):
        context.run_migrations()
