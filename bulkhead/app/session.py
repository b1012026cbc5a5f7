"""A session from preflight to the last exported line: what `run` opens, and closes again whatever happens."""

import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from loguru import logger

from bulkhead.app import alerting, preflight
from bulkhead.app.audit_trail import AuditTrail
from bulkhead.app.calendars import calendars
from bulkhead.app.code_version import code_version
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.flat import changes
from bulkhead.app.house import InboxDoor, LoadedStrategy, Parts, watch_over
from bulkhead.app.live_checks import check_live
from bulkhead.app.logs import session_log
from bulkhead.app.settings import SessionSettings, Settings
from bulkhead.app.sinks import ConfigSnapshot, ExportSink, open_sinks, snapshot_config
from bulkhead.app.stops.tap import OrderTap, TappedGuard, tapped
from bulkhead.app.tiers import TierOverride
from bulkhead.app.trading_days import check_windows
from bulkhead.app.venue import Venue, connect, open_paper_books
from bulkhead.app.venue_making import OnSent
from bulkhead.ledger.decisions import FILE_NAME as DECISIONS_FILE
from bulkhead.ledger.decisions import DecisionWriter
from bulkhead.ledger.inbox import Inbox
from bulkhead.ledger.jsonl import LineDamaged
from bulkhead.ledger.lock import check_unowned
from bulkhead.ledger.port import Entry, LedgerInUse, LedgerNewer, LedgerUnavailable
from bulkhead.ledger.session import SessionFolder, SessionFolderError, SessionMetadata, session_paths
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from bulkhead.market.calendar import Calendar
from bulkhead.monitor.alerting.actor import AlertDoor
from bulkhead.monitor.alerting.outbox import Verdicts
from bulkhead.venues.port import WriteGuard
from bulkhead.venues.simulator.settings import SimulatorSettings
from messages.instruments import Instrument, InstrumentsRecorded
from messages.records import (
    ConfigSnapshotRecorded,
    LeaseReleased,
    LeaseTaken,
    OperatorActed,
    Record,
    SessionStarted,
    SessionStopped,
)
from supervisor.gate import RECOVERY_REASON, Gate, doubt
from supervisor.latch import StopLatch
from supervisor.latch_watch import RECENT_NS, LatchWatch, WatchedGate
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
    alerts: alerting.Alerts | None
    """None while a tape is played: what happened long ago is no news to anybody."""
    verdicts: Verdicts | None
    """What each alert target says of the message of the start."""
    config: ConfigSnapshot
    lease_epoch: int
    """Rises with every start on this account."""
    latch_watch: LatchWatch
    """Sees what the command line latches while this session runs."""
    tap: OrderTap
    """Knows which orders may be working, whatever the actors know."""
    changes: tuple[str, ...] = ()
    """Of the settings, since the last session on this ledger."""
    notes: tuple[str, ...] = ()
    """For app.log, which begins when all this is open."""


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
    override: TierOverride | None = None,
    on_guard: Callable[[WriteGuard], WriteGuard] = lambda guard: guard,
) -> Iterator[Session]:
    """Check everything, then open it. `simulator` is the venue to start, None for one that is there already.

    `on_guard` may stand between the venue and the last look before each write, to see it. `on_venue` is called when the
    venue is connected and nothing has been asked of it. Raises Stopped with one sentence; nothing has been written by
    then.
    """
    begins_ns = time.time_ns()
    strategies, hours = _looked_at(settings, override)
    with ExitStack() as stack:
        gate, watch = _gate(settings, host)
        recorded, tap, guard = _last_look(gate, watch, host)
        venue = stack.enter_context(connect(settings, simulator, host, on_guard(guard), on_sent))
        on_venue(venue)
        if venue.paper is not None:
            open_paper_books(venue.paper, settings)
        is_replay = venue.owns_trading_clock
        listed = preflight.ask_venue(venue.orders, settings, host.now_ns, has_our_clock=not is_replay)
        rights = preflight.check_rights(venue.orders, settings)
        currency = preflight.currency_of(settings, listed)
        if settings.session.fresh_ledger:
            begin_anew(settings.session, begins_ns)
        ledger = _open_ledger(settings.session.ledger_file)
        stack.callback(ledger.close)
        instruments = preflight.with_earlier(listed, ledger.load_instruments(), ledger.load_booked_symbols())
        _export_earlier_sessions(settings.session.logs_dir, settings.session.ledger_file)
        audit, acts = _audit_of(settings.session, ledger, begins_ns)
        session_id = new_session_id()
        alerts = None if venue.owns_trading_clock else stack.enter_context(alerting.open_alerts(settings, session_id))
        verdicts = None if alerts is None else alerting.begin_session(alerts, settings, session_id)
        folder, config = _create_folder(settings, strategies, session_id, host.now_ns(), is_replay=is_replay)
        parts = Parts(
            settings=settings,
            session_id=session_id,
            currency=currency,
            host=host,
            gate=gate,
            recorded=recorded,
            ledger=ledger,
            orders=tapped(venue.orders, tap),
            feed=venue.feed,
            quotes=venue.wire.quotes,
            calendars=hours,
            instruments=instruments,
            strategies=strategies,
            earlier_owners=ledger.load_owners(),
            refreshes_instruments=not venue.owns_trading_clock,
            open_sinks=lambda: open_sinks(folder.path, settings.session.ledger_file),
            inbox=None if venue.owns_trading_clock else _inbox_door(settings),
            leave=partial(alerting.leave_fenced, alerts),
            folder=None if venue.owns_trading_clock else folder.path,
            audit=audit,
            alerts=None if alerts is None else AlertDoor(alerts.post, alerts.status),
        )
        watch_over(parts)
        opened = _Opened(folder, config, ledger, venue, watch, tap, alerts, verdicts)
        session = _session(parts, opened, rights)
        _note(session, *_beginning(session, tuple(listed.values()), host.now_ns()), *acts)
        yield session


def _looked_at(
    settings: Settings, override: TierOverride | None
) -> tuple[tuple[LoadedStrategy, ...], dict[str, Calendar]]:
    """What can be refused before anything is asked or opened: the strategies that will run, and when they may trade."""
    preflight.check_guard(settings)
    alerting.check_alerts(settings)
    hours = calendars(settings)
    check_windows(settings, hours)
    strategies = preflight.load_strategies(settings, override)
    check_live(settings, strategies)
    for needed in (settings.session.logs_dir, settings.session.ledger_file.parent):
        preflight.check_writable(needed)
    _check_unowned(settings.session.ledger_file)
    return strategies, hours


class _Opened(NamedTuple):
    """What a session holds beside its parts."""

    folder: SessionFolder
    config: ConfigSnapshot
    ledger: SqliteLedger
    venue: Venue
    latch_watch: LatchWatch
    tap: OrderTap
    alerts: alerting.Alerts | None
    verdicts: Verdicts | None


def _session(parts: Parts, opened: _Opened, rights: str) -> Session:
    settings, ledger = parts.settings, opened.ledger
    changed = _changed(ledger.load_last_config(), opened.config)
    return Session(
        settings=settings,
        session_id=parts.session_id,
        parts=parts,
        lease_epoch=ledger.lease_epoch(settings.venue.name, settings.venue.account) + 1,
        changes=changed,
        notes=(rights, *(f"changed since the last session on this ledger: {each}" for each in changed)),
        **opened._asdict(),
    )


def app_log(session: Session) -> AbstractContextManager[None]:
    """The session's app.log, while it is entered."""
    return session_log(session.folder.path, session.notes)


def finish_session(session: Session, reason: str, *, is_orderly: bool | None = None) -> None:
    """Write the last event, bring the exports up to it, and fill in how the session ended."""
    now_ns = session.parts.host.now_ns()
    venue, account = session.settings.venue.name, session.settings.venue.account
    last = _note(
        session,
        *_acts_left(session),
        LeaseReleased(venue=venue, account=account, epoch=session.lease_epoch, at_ns=now_ns),
        SessionStopped(session_id=session.session_id, reason=reason, at_ns=now_ns),
    )
    ExportSink(session.folder.path, session.settings.session.ledger_file).close()
    decisions = DecisionWriter(session.folder.path / DECISIONS_FILE)
    head = decisions.head
    decisions.close()
    session.folder.finish(
        now_ns, reason, last_seq=last, decision_lines=head.seq, decision_hash=head.hash, ended_in_order=is_orderly
    )


def _gate(settings: Settings, host: Host) -> tuple[Gate, LatchWatch]:
    """Shut from the first moment: until the books have been compared, and for whatever an operator must lift."""
    now_ns = host.now_ns()
    latch = StopLatch(settings.session.stop_dir)
    watch = LatchWatch(latch, host.now_ns, time.time_ns)
    start = doubt(RECOVERY_REASON, "not compared yet", now_ns)
    latched = () if settings.session.fresh_ledger else latch.load(now_ns)
    gate = Gate((start, *latched), host.current_epoch, watch)
    watch.serve(gate)
    return gate, watch


def _last_look(gate: Gate, watch: LatchWatch, host: Host) -> tuple[RecordedOnly, OrderTap, TappedGuard]:
    """Asked right before a write: is it latched, on disk, let out by the gate? And who knows then that it works."""
    recorded, tap = RecordedOnly(WatchedGate(gate, watch)), OrderTap(host.monotonic_ns)
    recorded.on_noted = tap.noted
    return recorded, tap, TappedGuard(recorded, tap, recorded.owner_of)


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


def begin_anew(session: SessionSettings, begins_ns: int) -> None:
    """Keep the last ledger as `<name>.previous` and forget its stop reasons; refused while another process uses it.
    What was latched since this start began is meant for this run."""
    path = session.ledger_file
    if path.exists():
        _open_ledger(path).close()  # which also writes its log into it: one file is left
        path.replace(path.with_name(f"{path.name}.previous"))
    for latched in session.stop_dir.glob("*.json"):
        if latched.lstat().st_mtime_ns < begins_ns - RECENT_NS:
            latched.unlink()


def _create_folder(
    settings: Settings, strategies: tuple[LoadedStrategy, ...], session_id: str, now_ns: int, *, is_replay: bool
) -> tuple[SessionFolder, ConfigSnapshot]:
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
            is_replay=is_replay,
            fingerprints={each.strategy_id: each.fingerprint for each in strategies},
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
    settings = ConfigSnapshotRecorded(
        config_snapshot_id=config.snapshot_id,
        content=config.content,
        at_ns=now_ns,
        changes=session.changes,
    )
    rules = InstrumentsRecorded(venue=venue.name, version=listed[0].version, instruments=listed, at_ns=now_ns)
    return started, lease, settings, rules


def _audit_of(
    session: SessionSettings, ledger: SqliteLedger, begins_ns: int
) -> tuple[AuditTrail, tuple[OperatorActed, ...]]:
    """The trail, and what operators did since the last run on this ledger."""
    try:
        known = ledger.load_audit_ids()
        since_ns = begins_ns if session.fresh_ledger else 0
        audit = AuditTrail(session.logs_dir, session.ledger_file, known, since_ns=since_ns)
        return audit, audit.take()
    except OSError as error:
        sentence = f"the audit file below {session.logs_dir} cannot be read ({error.strerror or error}): correct that"
        raise Stopped(ExitCode.ERROR, f"{sentence}; nothing is done unrecorded") from None


def _acts_left(session: Session) -> tuple[OperatorActed, ...]:
    """What the ledger has not got of the audit file: it was refused, or nobody looked after it."""
    audit = session.parts.audit
    try:
        return () if audit is None else audit.take_all_but(session.ledger.load_audit_ids())
    except OSError as error:
        logger.warning("what operators did stays in the audit file until the next start: {}", error)
        return ()


def _changed(before: str | None, config: ConfigSnapshot) -> tuple[str, ...]:
    """What differs from the settings of the last session on this ledger."""
    return () if before is None else changes(json.loads(before), json.loads(config.content))


def _note(session: Session, *records: Record) -> int:
    """Append records of the session itself, while no actor owns the ledger. Returns the last one's seq."""
    now_ns, origin = session.parts.host.now_ns(), f"session:{session.session_id}"
    entries = [Entry(record, now_ns, session.session_id, origin, None) for record in records]
    return session.ledger.append(entries)[-1].seq
