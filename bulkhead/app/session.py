"""A session from preflight to the last exported line: what `run` opens, and closes again whatever happens."""

import importlib.metadata
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from loguru import logger

from bulkhead.app import preflight
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.house import InboxDoor, Parts, watch_over
from bulkhead.app.settings import SessionSettings, Settings
from bulkhead.app.sinks import ConfigSnapshot, ExportSink, open_sinks, snapshot_config
from bulkhead.app.venue import Venue, connect, open_paper_books
from bulkhead.ledger.decisions import FILE_NAME as DECISIONS_FILE
from bulkhead.ledger.decisions import DecisionWriter
from bulkhead.ledger.inbox import Inbox
from bulkhead.ledger.jsonl import LineDamaged
from bulkhead.ledger.lock import check_unowned
from bulkhead.ledger.port import Entry, LedgerInUse, LedgerNewer, LedgerUnavailable
from bulkhead.ledger.session import SessionFolder, SessionFolderError, SessionMetadata, session_paths
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from bulkhead.venues.adapters.binance import OnSent
from bulkhead.venues.simulator.settings import SimulatorSettings
from messages.failure import StopReason
from messages.instruments import Instrument, InstrumentsRecorded
from messages.records import (
    ConfigSnapshotRecorded,
    LeaseReleased,
    LeaseTaken,
    Record,
    SessionStarted,
    SessionStopped,
)
from messages.values import StopLevel
from supervisor.gate import RECOVERY_REASON, Gate
from supervisor.latch import StopLatch
from supervisor.recorded import RecordedOnly
from supervisor.runtime.host import Host


@dataclass(frozen=True)
class Session:
    """Everything open; the tree is not grown yet."""

    settings: Settings
    session_id: str
    folder: SessionFolder
    ledger: SqliteLedger
    venue: Venue
    parts: Parts
    config: ConfigSnapshot
    lease_epoch: int
    """Rises with every start on this account."""


def code_version() -> str:
    """The installed version."""
    return importlib.metadata.version("bulkhead")


def new_session_id() -> str:
    """Sortable by time, distinct within a second."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


@contextmanager
def open_session(
    settings: Settings,
    host: Host,
    simulator: SimulatorSettings | None,
    *,
    on_venue: Callable[[Venue], None] = lambda venue: None,
    on_sent: OnSent | None = None,
) -> Iterator[Session]:
    """Check everything, then open it. `simulator` is the venue to start, None for one that is there already.

    `on_venue` is called when the venue is connected and nothing has been asked of it. Raises Stopped with one sentence;
    nothing has been written by then.
    """
    preflight.check_guard(settings)
    strategies = preflight.load_strategies(settings)
    for needed in (settings.session.logs_dir, settings.session.ledger_file.parent):
        preflight.check_writable(needed)
    _check_unowned(settings.session.ledger_file)
    with ExitStack() as stack:
        gate = _gate(settings, host)
        recorded = RecordedOnly(gate)
        venue = stack.enter_context(connect(settings, simulator, host, recorded, on_sent))
        on_venue(venue)
        if venue.paper is not None:
            open_paper_books(venue.paper, settings)
        listed = preflight.ask_venue(venue.orders, settings, host.now_ns, has_our_clock=not venue.owns_trading_clock)
        currency = preflight.currency_of(settings, listed)
        if settings.session.fresh_ledger:
            _begin_anew(settings.session)
        ledger = _open_ledger(settings.session.ledger_file)
        stack.callback(ledger.close)
        instruments = preflight.with_earlier(listed, ledger.load_instruments(), ledger.load_booked_symbols())
        _export_earlier_sessions(settings.session.logs_dir, settings.session.ledger_file)
        session_id = new_session_id()
        folder, config = _create_folder(settings, session_id, host.now_ns())
        parts = Parts(
            settings=settings,
            session_id=session_id,
            currency=currency,
            host=host,
            gate=gate,
            recorded=recorded,
            ledger=ledger,
            orders=venue.orders,
            feed=venue.feed,
            instruments=instruments,
            strategies=strategies,
            earlier_owners=ledger.load_owners(),
            refreshes_instruments=not venue.owns_trading_clock,
            open_sinks=lambda: open_sinks(folder.path, settings.session.ledger_file),
            inbox=None if venue.owns_trading_clock else _inbox_door(settings),
            folder=None if venue.owns_trading_clock else folder.path,
        )
        watch_over(parts)
        epoch = ledger.lease_epoch(settings.venue.name, settings.venue.account) + 1
        session = Session(settings, session_id, folder, ledger, venue, parts, config, epoch)
        _note(session, *_beginning(session, tuple(listed.values()), host.now_ns()))
        yield session


def finish_session(session: Session, reason: str) -> None:
    """Write the last event, bring the exports up to it, and fill in how the session ended."""
    now_ns = session.parts.host.now_ns()
    venue, account = session.settings.venue.name, session.settings.venue.account
    last = _note(
        session,
        LeaseReleased(venue=venue, account=account, epoch=session.lease_epoch, at_ns=now_ns),
        SessionStopped(session_id=session.session_id, reason=reason, at_ns=now_ns),
    )
    ExportSink(session.folder.path, session.settings.session.ledger_file).close()
    decisions = DecisionWriter(session.folder.path / DECISIONS_FILE)
    head = decisions.head
    decisions.close()
    session.folder.finish(now_ns, reason, last_seq=last, decision_lines=head.seq, decision_hash=head.hash)


def _gate(settings: Settings, host: Host) -> Gate:
    """Shut from the first moment: until the books have been compared, and for whatever an operator must lift."""
    now_ns = host.now_ns()
    latch = StopLatch(settings.session.stop_dir)
    start = StopReason(reason_id=RECOVERY_REASON, level=StopLevel.SOFT, cause="not compared yet", since_ns=now_ns)
    latched = () if settings.session.fresh_ledger else latch.load(now_ns)
    return Gate((start, *latched), host.current_epoch, latch)


def _inbox_door(settings: Settings) -> InboxDoor | None:
    """Nothing is opened yet: a file that cannot be read must not keep the house from starting."""
    if not settings.inbox.enabled:
        return None
    return InboxDoor(lambda: Inbox(settings.inbox_file), lambda: LedgerReader(settings.session.ledger_file))


def _check_unowned(path: Path) -> None:
    """Before a venue is started, which would trip over the same other run and name a file that nobody knows."""
    try:
        check_unowned(path)
    except LedgerInUse as error:
        words = f"a run is going on: {error}, or give this one a session.ledger_file of its own"
        raise Stopped(ExitCode.FENCED, words) from None
    except LedgerUnavailable as error:
        raise Stopped(ExitCode.ERROR, str(error)) from None


def _open_ledger(path: Path) -> SqliteLedger:
    try:
        return SqliteLedger(path)
    except LedgerInUse as error:
        raise Stopped(ExitCode.FENCED, str(error)) from None
    except LedgerNewer as error:
        raise Stopped(ExitCode.CONFIG, str(error)) from None
    except LedgerUnavailable as error:
        raise Stopped(ExitCode.ERROR, f"the ledger {path} cannot be opened: {error}") from None


def _begin_anew(session: SessionSettings) -> None:
    """Keep the last ledger as `<name>.previous` and forget its stop reasons; refused while another process uses it."""
    path = session.ledger_file
    if path.exists():
        _open_ledger(path).close()  # which also writes its log into it: one file is left
        path.replace(path.with_name(f"{path.name}.previous"))
    for latched in session.stop_dir.glob("*.json"):
        latched.unlink()


def _create_folder(settings: Settings, session_id: str, now_ns: int) -> tuple[SessionFolder, ConfigSnapshot]:
    at_iso = datetime.fromtimestamp(now_ns / 1e9, UTC).isoformat()
    logs_dir = settings.session.logs_dir
    try:
        config = snapshot_config(settings, logs_dir, at_iso, code_version(), "startup")
        metadata = SessionMetadata(
            session_id=session_id,
            mode=settings.session.mode,
            venue=settings.venue.name,
            account_masked=preflight.mask(settings.venue.account),
            strategies=tuple(strategy.id for strategy in settings.strategies),
            config_snapshot_id=config.snapshot_id,
            code_version=code_version(),
            seed=settings.session.seed,
            started_ns=now_ns,
        )
        return SessionFolder.create(logs_dir, session_id, metadata), config
    except SessionFolderError as error:
        raise Stopped(ExitCode.CONFIG, str(error)) from None
    except OSError as error:
        raise Stopped(ExitCode.CONFIG, f"cannot write below {logs_dir}: {error.strerror or error}") from None


def _export_earlier_sessions(logs_dir: Path, ledger_file: Path) -> None:
    """A run that was killed has left its last events in the ledger only: they go to its folder now."""
    for path in session_paths(logs_dir)[-1:]:
        try:
            if SessionFolder.open(path).metadata.stopped_ns is None:
                ExportSink(path, ledger_file).close()
        except (OSError, LineDamaged) as error:
            logger.warning("the exports of the session before this one stay as they are: {}", error)


def _beginning(session: Session, listed: tuple[Instrument, ...], now_ns: int) -> tuple[Record, ...]:
    """All in one commit: a session never stands there without its lease or its settings. `listed` is what the venue has
    just said."""
    metadata, venue = session.folder.metadata, session.settings.venue
    started = SessionStarted(
        session_id=session.session_id,
        mode=metadata.mode,
        venue=metadata.venue,
        account_masked=metadata.account_masked,
        strategies=metadata.strategies,
        config_snapshot_id=metadata.config_snapshot_id,
        code_version=metadata.code_version,
        seed=metadata.seed,
        at_ns=now_ns,
    )
    lease = LeaseTaken(
        venue=venue.name,
        account=venue.account,
        owner=f"{socket.gethostname()}:{os.getpid()}",
        epoch=session.lease_epoch,
        at_ns=now_ns,
    )
    config = session.config
    settings = ConfigSnapshotRecorded(config_snapshot_id=config.snapshot_id, content=config.content, at_ns=now_ns)
    rules = InstrumentsRecorded(venue=venue.name, version=listed[0].version, instruments=listed, at_ns=now_ns)
    return started, lease, settings, rules


def _note(session: Session, *records: Record) -> int:
    """Append records of the session itself, while no actor owns the ledger. Returns the last one's seq."""
    now_ns, origin = session.parts.host.now_ns(), f"session:{session.session_id}"
    entries = [Entry(record, now_ns, session.session_id, origin, None) for record in records]
    return session.ledger.append(entries)[-1].seq
