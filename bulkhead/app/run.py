"""`bulkhead run`: a session from its first check to its summary."""

import faulthandler
import gzip
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType

from loguru import logger

from actors import addresses
from actors.oms_seat import OmsFigures
from actors.reconciler import Reconciler
from bulkhead.app import exit_codes
from bulkhead.app.alerting import TREE_ENDED, end_session
from bulkhead.app.console import Console, TapeProgress
from bulkhead.app.driver import Driver, TapeDriver, ThreadedDriver
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.house import ROOT, critical_names, tree
from bulkhead.app.notify import GUARD_ENV, Notifier, end_with_parent
from bulkhead.app.report import figures_of, status_of
from bulkhead.app.session import Session, app_log, finish_session, open_session
from bulkhead.app.settings import Settings
from bulkhead.app.stops.of_session import stop_threads_of
from bulkhead.app.tiers import TierOverride
from bulkhead.app.venue import Venue, adapter_of
from bulkhead.app.venue_making import OnSent
from bulkhead.app.vigil import Vigil
from bulkhead.monitor.kpi import Kpi, write_summary
from bulkhead.monitor.legs import write_trade_log
from bulkhead.monitor.status import FILE_NAME as STATUS_FILE
from bulkhead.monitor.status import RunState, StatusReport, write_status
from bulkhead.monitor.summary import summarise
from bulkhead.venues.simulator.settings import SimulatorSettings
from bulkhead.venues.simulator.tape import symbol_of
from messages.failure import CancelEntries
from messages.orders import Reconcile
from messages.supervision import ChildDown
from supervisor.gate import SESSION_REASON, doubt
from supervisor.policy import NORMAL_ENDS
from supervisor.runtime.host import Host
from supervisor.runtime.mailbox import Bounds
from supervisor.runtime.simulated import SimulatedHost
from supervisor.runtime.threaded import ThreadedHost
from supervisor.spec import SupervisorSpec, nodes
from supervisor.supervisor import Supervisor
from supervisor.validation import validate

SWITCH_INTERVAL_S = 0.0002
"""CPython's default of 5 ms lets one busy thread hold the order path up at every hand-over. Beside a busy strategy the
median of tick-to-order is 10 ms at 0.5 ms and 6 ms at 0.2 ms; at 0.05 ms its p99 doubles. Alone: no difference."""
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 45.0
CANCEL_TIMEOUT_S = 5.0
STATUS_INTERVAL_S = 1.0
STDERR_FD = 2
CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class RunOptions:
    for_s: float | None = None
    """Stop by itself after this long; None: when told to, or when the tape has ended."""
    tape_files: tuple[Path, ...] = ()
    speed: float | None = None
    """How many times faster than recorded the tape plays; None: as fast as everything can follow."""
    as_json: bool = False
    quiet: bool = False
    on_sent: OnSent | None = None
    simulator: SimulatorSettings | None = None
    """Replaces what the settings say of the simulated venue."""
    bounds: Bounds = field(default_factory=Bounds)
    override: TierOverride | None = None


@dataclass
class Outcome:
    """How a session ended."""

    session_id: str
    folder: Path
    reason: str
    code: ExitCode
    kpi: Kpi
    tape: list[dict[str, object]] = field(default_factory=list)


class Interrupts:
    """SIGINT, SIGTERM and a closed terminal ask for an ordered end; a second SIGINT ends at once."""

    def __init__(self) -> None:
        self.reason: str | None = None

    def __call__(self, number: int, _: FrameType | None) -> None:
        if self.reason is not None and number == signal.SIGINT:
            sys.stderr.write("stopped at once; the next start recovers from the ledger\n")
            exit_codes.leave_at_once(ExitCode.ERROR)
        self.reason = signal.Signals(number).name


def _is_ignored(number: signal.Signals) -> bool:
    """As `nohup` asks for."""
    return signal.getsignal(number) is signal.SIG_IGN


@contextmanager
def caught_signals() -> Iterator[Interrupts]:
    """Only in the main thread, as Python wants it; elsewhere nothing is caught."""
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    before = {number: signal.signal(number, interrupts) for number in CAUGHT if not _is_ignored(number)}
    # Written by the interpreter itself, so also while a thread holds the GIL: a guard asks for it before it kills.
    faulthandler.register(signal.SIGUSR1, file=STDERR_FD, all_threads=True)
    try:
        yield interrupts
    finally:
        faulthandler.unregister(signal.SIGUSR1)
        for number, handler in before.items():
            signal.signal(number, handler)


def run(settings: Settings, options: RunOptions) -> Outcome:
    """Run one session to its end. Raises Stopped when it cannot start."""
    settings = settings.with_tape(tuple(dict.fromkeys(symbol_of(path) for path in options.tape_files)))
    simulator = options.simulator or simulator_settings(settings, options)
    if options.tape_files:
        host: Host = SimulatedHost(settings.session.seed, start_ns=0, fifo=True)
    else:
        host = ThreadedHost(
            settings.session.seed, bounds=options.bounds, max_abandoned=settings.session.max_abandoned_threads
        )
        host.on_output = log_output
        host.on_exhausted = leave_stuck
    tapes: list[TapeDriver] = []

    def on_venue(venue: Venue) -> None:
        if venue.tape is not None and isinstance(host, SimulatedHost):
            tapes.append(TapeDriver(host, venue, venue.tape, options.speed))

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    if os.environ.get(GUARD_ENV) == "1":
        end_with_parent()
    opened = open_session(
        settings, host, simulator, on_venue=on_venue, on_sent=options.on_sent, override=options.override
    )
    with closing(host), caught_signals() as interrupts, opened as session, app_log(session):
        with Console(session, options.as_json, options.quiet) as console, stop_threads_of(session):
            runner = Runner(session, options, tapes[0] if tapes else ThreadedDriver(), interrupts, console)
            outcome = runner.run()
            end_session(session.alerts, outcome.session_id, outcome.reason, outcome.code)
        console.summary(outcome.kpi, outcome.tape, outcome.reason)
    return outcome


def log_output(name: str, line: str) -> None:
    """What a strategy prints goes to the session's app.log, under its name."""
    logger.bind(actor=name).info("{} prints: {}", name, line)


def log_down(down: ChildDown) -> None:
    """One line for people, and the whole story for app.log."""
    if down.reason in NORMAL_ENDS:
        return
    logger.warning("{} has ended ({}): {}", down.child, down.reason, _last_line(down.detail))
    logger.info("the end of {}, incarnation {}:\n{}", down.child, down.epoch, down.detail)


def leave_stuck(names: tuple[str, ...]) -> None:
    """At once, and without asking anybody: what hangs may be what would be asked."""
    logger.critical("{} actors hang and cannot be ended ({}): the process ends", len(names), ", ".join(names))
    exit_codes.leave_at_once(ExitCode.STUCK)


def simulator_settings(settings: Settings, options: RunOptions) -> SimulatorSettings | None:
    """The venue to start for this run; None when the configuration names one that is there already."""
    section = settings.simulator
    if options.tape_files:
        if settings.paper.is_local:
            sentence = 'a recorded tape brings its own venue: take paper.execution = "fill_model" out to replay it'
            raise Stopped(ExitCode.CONFIG, sentence)
        for path in options.tape_files:
            if not path.is_file():
                raise Stopped(
                    ExitCode.CONFIG, f"{path} does not exist; --replay-ticks takes a CSV of ticks, plain or gzip"
                )
        return SimulatorSettings(
            market="tape",
            tape_files=options.tape_files,
            lockstep=True,
            commission_bps=section.commission_bps,
            commission_in=section.commission_in,
        )
    if not settings.venue.start_simulator:
        return None
    common = {
        "seed": section.seed,
        "events_per_s": section.events_per_s,
        "symbols": section.symbols,
        "books_file": section.books_file or settings.session.ledger_file.with_suffix(".venue.db"),
    }
    return SimulatorSettings.model_validate({**common, **adapter_of(settings).simulated(settings)})


def count_rows(path: Path) -> int:
    """Rows of a tape file, its header left out: for saying how far it has been played. 0 when it cannot be read."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return max(0, sum(chunk.count(b"\n") for chunk in iter(partial(file.read, 1 << 20), b"")) - 1)
    except OSError:
        return 0  # the simulator says what is wrong with it


class Runner:
    """Grows the tree, keeps it running until something ends it, and takes it down in order."""

    def __init__(
        self, session: Session, options: RunOptions, driver: Driver, interrupts: Interrupts, console: Console
    ) -> None:
        self._session = session
        self._options = options
        self._driver = driver
        self._interrupts = interrupts
        self._console = console
        self._host = session.parts.host
        self._gate = session.parts.gate
        self._root_down: ChildDown | None = None
        self._state = RunState.STARTING
        self._started_ns = time.time_ns()
        self._next_status = 0.0
        self._last_report: StatusReport | None = None
        self._notifier = Notifier.from_environment()
        names = critical_names(session.settings.venue.name)
        self._vigil: Vigil | None = None
        if isinstance(self._host, ThreadedHost):
            told = (self._notifier, session.alerts, session.verdicts)
            self._vigil = Vigil(self._host, self._gate, names, *told)
        self._tape_rows = sum(count_rows(path) for path in options.tape_files)

    def run(self) -> Outcome:
        reason, code = "the tree could not be grown", ExitCode.ERROR
        try:
            self._grow()
            reason, code = self._work()
        except Stopped as stopped:
            reason, code = stopped.sentence, stopped.code
        finally:
            self._shut_down(reason)
        finish_session(self._session, reason, is_orderly=code is ExitCode.OK)
        tape = self._tape_report()
        kpi = summarise(self._session.folder.path)
        write_summary(self._session.folder.path, kpi)
        write_trade_log(self._session.folder.path)
        self._state = RunState.STOPPED
        self._write_status()
        return Outcome(self._session.session_id, self._session.folder.path, reason, code, kpi, tape)

    # -- start --------------------------------------------------------------------------------------------------------

    def _grow(self) -> None:
        spec = tree(self._session.parts)
        validate(spec)
        for node, parent in nodes(spec):
            kind = "supervisor" if isinstance(node, SupervisorSpec) else "worker"
            self._host.register(node.id, parent, kind)
        self._host.on_orphan_down = self._note_root_down
        self._host.on_down = log_down
        self._host.start_child(
            ROOT, lambda: Supervisor(spec, self._host, addresses.FAILURE_HANDLER), parent=None, kind="supervisor"
        )
        self._state = RunState.RECOVERING
        if not self._until(lambda: self._is_down or self._is_recovered, START_TIMEOUT_S):
            raise Stopped(ExitCode.TIMEOUT, f"not recovered within {START_TIMEOUT_S:.0f} s: {self._why_shut()}")
        if self._root_down is not None:
            raise Stopped(ExitCode.ERROR, f"the tree did not start: {_last_line(self._root_down.detail)}")
        self._state = RunState.TRADING
        self._notifier.ready()
        if self._vigil is not None:
            self._vigil.begin()

    @property
    def _is_recovered(self) -> bool:
        feeds = figures_of(self._host).feed
        return self._gate.is_recovered and feeds is not None and feeds.connected

    @property
    def _is_down(self) -> bool:
        return self._root_down is not None

    def _note_root_down(self, down: ChildDown) -> None:
        self._root_down = down

    def _why_shut(self) -> str:
        return "; ".join(f"{reason.reason_id}: {reason.cause}" for reason in self._gate.reasons()) or "the gate is open"

    # -- work ---------------------------------------------------------------------------------------------------------

    def _work(self) -> tuple[str, ExitCode]:
        deadline = None if self._options.for_s is None else time.monotonic() + self._options.for_s
        while True:
            if self._root_down is not None:
                return f"{TREE_ENDED}: {_last_line(self._root_down.detail)}", ExitCode.ERROR
            if self._interrupts.reason is not None:
                return self._interrupts.reason, ExitCode.OK
            if deadline is not None and time.monotonic() >= deadline:
                return f"ran for {self._options.for_s:g} s", ExitCode.OK
            if not self._driver.step():
                return "the tape has ended", ExitCode.OK
            self._show()

    def _until(self, what: Callable[[], bool], timeout_s: float) -> bool:
        def step() -> bool:
            self._show()
            return what() or self._interrupts.reason is not None

        return self._driver.until(step, timeout_s)

    def _show(self) -> None:
        if self._vigil is not None:
            self._vigil.look(time.monotonic_ns())
            self._console.note(self._vigil.news())
        if time.monotonic() >= self._next_status:
            self._next_status = time.monotonic() + STATUS_INTERVAL_S
            self._write_status()
            self._notifier.status(f"{self._state.value}, {'gate open' if self._gate.is_open else self._why_shut()}")
            if self._vigil is None:
                self._notifier.watchdog()  # a tape is played in this very thread: to be here is progress

    def _write_status(self) -> None:
        report = status_of(self._session, self._state, self._started_ns)
        if self._last_report is not None and self._is_down:
            # The tree is gone and counts nothing any more: what it last said stands, with the end noted.
            report = self._last_report.model_copy(
                update={"written_at_ns": report.written_at_ns, "state": report.state, "tree": report.tree}
            )
        self._last_report = report
        try:
            write_status(self._session.folder.path / STATUS_FILE, report)
        except OSError as error:
            logger.warning("status.json cannot be written: {}", error)
        if self._is_down:
            return
        rows = self._driver.rows
        tape = None if rows is None else TapeProgress(rows, self._tape_rows)
        self._console.show(report, figures_of(self._host), tape)

    # -- stop ---------------------------------------------------------------------------------------------------------

    def _shut_down(self, reason: str) -> None:
        """No new entries, working ones cancelled, the books compared a last time, the tree down in reverse order."""
        self._state = RunState.STOPPING
        self._notifier.stopping()
        if self._vigil is not None:
            self._vigil.end()
        if not self._is_down and not self._driver.is_lost:
            self._gate.shut(doubt(SESSION_REASON, reason, self._host.now_ns()), by=None)
            if self._session.settings.session.on_stop == "cancel_entries":
                self._host.tell(addresses.OMS, CancelEntries(reason=f"the session ends: {reason}"), sender="run")
                self._driver.until(lambda: self._is_down or self._oms().working == 0, CANCEL_TIMEOUT_S)
            before = self._oms().reconciliations
            self._host.tell(addresses.OMS, Reconcile(reason="the session ends"), sender="run")
            self._driver.until(lambda: self._is_down or self._oms().reconciliations > before, CANCEL_TIMEOUT_S)
            self._driver.until(lambda: self._is_down or self._gate.is_recovered, CANCEL_TIMEOUT_S)
        self._write_status()
        self._host.on_liveness = lambda name, is_up: None  # from here on every end is meant
        if not self._is_down:
            self._host.stop_child(ROOT, reason)
            if not self._driver.until(lambda: self._is_down, STOP_TIMEOUT_S):
                logger.error("the tree did not stop within {} s; the ledger has everything", STOP_TIMEOUT_S)

    def _oms(self) -> OmsFigures:
        oms = self._host.behaviour(addresses.OMS)
        if isinstance(oms, Reconciler):
            return oms.figures()
        return OmsFigures()

    def _tape_report(self) -> list[dict[str, object]]:
        if self._driver.is_lost:
            return []
        files = self._driver.report().get("files", [])
        return files if isinstance(files, list) else []


def _last_line(detail: str) -> str:
    return next(iter(detail.strip().splitlines()[-1:]), "no detail")
