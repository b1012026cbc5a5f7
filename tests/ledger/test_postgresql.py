"""The revisions on a real PostgreSQL, where one is installed: a cluster of its own, on a socket in a scratch folder.

The ledger runs on SQLite; PostgreSQL comes behind the same port later, and the schema must be ready for it.
"""

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from bulkhead.ledger import migrate, schema

IS_HERE = all(map(shutil.which, ("initdb", "pg_ctl", "psql")))
pytestmark = pytest.mark.skipif(not IS_HERE, reason="no PostgreSQL here (Debian: apt install postgresql)")
USER, GROUP = ("nobody", "nogroup") if os.geteuid() == 0 else (None, None)
"""PostgreSQL refuses to run as root."""


def offline_sql(head: str = migrate.HEAD) -> str:
    """Every revision as the SQL that it would run."""
    script = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
    said = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql",
        opts={"fn": lambda revision, _: script._upgrade_revs(head, revision), "as_sql": True, "output_buffer": said},
    )
    with Operations.context(context):
        context.run_migrations()
    return said.getvalue()


class Cluster:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str, text: str = "") -> str:
        done = subprocess.run(
            command,
            check=False,
            input=text,
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=60,
            user=USER,
            group=GROUP,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sql(self, text: str) -> str:
        quiet = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
        where = (f"--host={self.folder}", "--dbname=postgres", "--username=bulkhead")
        return self.run("psql", *quiet, *where, text=text)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="bulkhead-pg-"))
    folder.chmod(0o777)
    made = Cluster(folder)
    data = str(folder / "data")
    made.run("initdb", "--pgdata", data, "--username=bulkhead", "--auth=trust", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    made.run("pg_ctl", "--pgdata", data, "--wait", "--log", str(folder / "log"), "--options", options, "start")
    try:
        yield made
    finally:
        made.run("pg_ctl", "--pgdata", data, "--wait", "--mode=immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def test_it_takes_every_revision_and_has_the_tables_of_the_schema(cluster: Cluster) -> None:
    cluster.sql(offline_sql())
    found = cluster.sql("select tablename from pg_tables where schemaname = 'public'").split()
    assert set(found) == {*schema.metadata.tables, "alembic_version"}
    columns = cluster.sql(
        "select table_name || '.' || column_name from information_schema.columns where table_schema = 'public'"
    ).split()
    wanted = {f"{table.name}.{column.name}" for table in schema.metadata.tables.values() for column in table.columns}
    assert wanted == {name for name in columns if not name.startswith("alembic_version.")}


def test_its_numbers_are_exact(cluster: Cluster) -> None:
    cluster.sql("create table exact (value numeric)")
    cluster.sql("insert into exact values (0.1), (0.2), (12345678901234567890.123456789012345678)")
    assert cluster.sql("select sum(value) from exact").strip() == "12345678901234567890.423456789012345678"
