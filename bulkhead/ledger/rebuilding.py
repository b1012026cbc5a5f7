"""A ledger's tables made again from its events alone and from the exported files alone, compared, and written if asked.

    events of the ledger ──┐
                           ├──> draft (a ledger of its own, in a temporary folder) ──> compared row by row ──> DEST
    exported files ────────┘

The original is only read. A draft gets the name DEST when its events are one unbroken chain, whether or not the
original agrees: what is made from a chain is the truth, and the tables are not. Not checked: that the chain's end was
not cut off, which `bulkhead verify` does for the files of a session.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import Field
from sqlalchemy import Connection, func, select

from bulkhead.ledger import chain, migrate, schema
from bulkhead.ledger.connect import close, open_writer, snapshot, transaction
from bulkhead.ledger.files import check_name_free, give_name, sync_file
from bulkhead.ledger.rebuild import (
    EVENTS_PER_STEP,
    TABLES,
    Difference,
    RebuildFailed,
    chained,
    comparable,
    compare,
    exported_events,
    fill,
)
from bulkhead.ledger.sqlite import LedgerReader, named_errors, read_head
from messages.records import LedgerEvent
from messages.values import Value

Progress = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much."""


class Source(StrEnum):
    EVENTS = "events"
    FILES = "files"


class Made(Value):
    """What one source gave."""

    source: Source
    ok: bool
    events: int = 0
    rows: dict[str, int] = Field(default_factory=dict)
    """By table."""
    differences: tuple[Difference, ...] = ()
    """The first ones."""
    error: str | None = None
    """Why the tables could not be made from it; nothing was compared then."""


class RebuildReport(Value):
    ledger: str
    head_seq: int | None
    """Its last event; None: there is no ledger, and nothing was compared."""
    made: tuple[Made, ...]
    written: str | None = None
    """The new ledger."""

    @property
    def ok(self) -> bool:
        return all(made.ok for made in self.made)


def rebuild_ledger(
    ledger: Path,
    session_dirs: Sequence[Path],
    sources: Sequence[Source],
    dest: Path | None,
    on_progress: Progress = lambda what, done, total: None,
) -> RebuildReport:
    """Make and compare; with `dest`, keep what the first of the sources gave as a new ledger under that name.

    `session_dirs` are used for a ledger that is not there; one that is says itself which sessions it has, and they are
    looked for beside each other in `session_dirs`. Raises LedgerUnavailable, LedgerNewer, NameTaken, OSError.
    """
    if dest is not None:
        check_name_free(dest)
    reader = LedgerReader(ledger) if ledger.exists() else None
    try:
        with TemporaryDirectory(prefix=".rebuild.", dir=None if dest is None else dest.parent) as folder:
            run = _Run(reader, session_dirs, Path(folder), on_progress)
            with _moment(reader):
                made = tuple(run.make(source) for source in sources)
            written = dest is not None and made[0].error is None
            if dest is not None and written:
                draft = run.draft(sources[0])
                sync_file(draft)
                give_name(draft, dest)
            head_seq = None if reader is None else run.head_seq
            return RebuildReport(
                ledger=str(ledger), head_seq=head_seq, made=made, written=str(dest) if written else None
            )
    finally:
        if reader is not None:
            reader.close()


@contextmanager
def _moment(reader: LedgerReader | None) -> Iterator[None]:
    if reader is None:
        yield
        return
    with named_errors(reader.path), snapshot(reader.connection):
        yield


class _Run:
    def __init__(
        self, reader: LedgerReader | None, session_dirs: Sequence[Path], folder: Path, on_progress: Progress
    ) -> None:
        self._reader = reader
        self._dirs = {path.name: path for path in session_dirs}
        self._folder = folder
        self._on_progress = on_progress
        self.head_seq = 0 if reader is None else read_head(reader.connection).seq

    def draft(self, source: Source) -> Path:
        return self._folder / f"{source.value}.db"

    def make(self, source: Source) -> Made:
        """In a draft of its own. What cannot be made is said, never raised: the other source may do."""
        broken: list[chain.Break] = []
        try:
            given = self._counted(f"making tables from {source.value}", chained(self._events(source), broken))
            with named_errors(self.draft(source)), _created(self.draft(source)) as connection:
                count = fill(connection, given)
                rows = _count_rows(connection)
                differences = self._compare(source, connection)
                connection.exec_driver_sql("PRAGMA journal_mode=DELETE")  # one file, without companions
        except (RebuildFailed, OSError) as error:
            return Made(source=source, ok=False, error=str(error))
        error_text = None
        if broken:
            error_text = f"the chain is broken at event {broken[0].seq}: {broken[0].reason}"
        elif count == 0:
            error_text = "there is no event"
        is_ok = error_text is None and not differences
        return Made(source=source, ok=is_ok, events=count, rows=rows, differences=differences, error=error_text)

    def _events(self, source: Source) -> Iterable[LedgerEvent]:
        if source is Source.FILES:
            return exported_events(self._session_dirs())
        if self._reader is None:
            raise RebuildFailed("there is no ledger to take the events from; its exported files may do")
        return self._reader.events()

    def _session_dirs(self) -> Sequence[Path]:
        if self._reader is None:
            return _from_the_first_event(tuple(self._dirs.values()))
        events = schema.events
        named = self._reader.connection.scalars(select(events.c.session_id).distinct().order_by(events.c.session_id))
        needed = tuple(named)
        missing = [name for name in needed if name not in self._dirs]
        if missing:
            more = f" and of {len(missing) - 1} more" if len(missing) > 1 else ""
            raise RebuildFailed(f"the files of session {missing[0]}{more} are not there, and the ledger has its events")
        return [self._dirs[name] for name in needed]

    def _counted(self, what: str, events: Iterable[LedgerEvent]) -> Iterator[LedgerEvent]:
        for number, event in enumerate(events, 1):
            if number % EVENTS_PER_STEP == 0:
                self._on_progress(what, number, max(number, self.head_seq))
            yield event

    def _compare(self, source: Source, made: Connection) -> tuple[Difference, ...]:
        if self._reader is None:
            return ()
        real = self._reader.connection
        names = [table.name for table, _ in comparable(real)]
        total = sum(count for name, count in _count_rows(real, names).items())
        done = 0

        def on_row() -> None:
            nonlocal done
            done += 1
            if done % EVENTS_PER_STEP == 0:
                self._on_progress(f"comparing what the {source.value} gave", done, total)

        return compare(real, made, on_row)


@contextmanager
def _created(path: Path) -> Iterator[Connection]:
    connection = open_writer(path)
    try:
        with transaction(connection):
            migrate.upgrade(connection)
        yield connection
    finally:
        close(connection)


def _count_rows(connection: Connection, names: Iterable[str] | None = None) -> dict[str, int]:
    wanted = {table.name for table in TABLES} if names is None else set(names)
    return {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0
        for table in TABLES
        if table.name in wanted
    }


def _from_the_first_event(folders: Sequence[Path]) -> Sequence[Path]:
    """The latest sessions back to the one that began the chain: a ledger that was begun anew has older ones beside."""
    for index in range(len(folders) - 1, -1, -1):
        if next((event.seq for event in exported_events([folders[index]])), None) == 1:
            return folders[index:]
    return folders
