"""What `bulkhead doctor` looks at on this machine. Each check changes nothing, and says what to do about what it finds.

What it asks of the venue is in checks_venue.py.
"""

import fcntl
import os
import platform
import sqlite3
import tempfile
from enum import StrEnum
from pathlib import Path

from bulkhead.app import preflight
from bulkhead.app.alerting import make_heartbeat, make_targets
from bulkhead.app.code_version import code_version
from bulkhead.app.commands.alerts import last_test
from bulkhead.app.commands.places import free_bytes, latched, reason_words, status_of
from bulkhead.app.exit_codes import Stopped
from bulkhead.app.settings import Settings
from bulkhead.ledger import chain, migrate
from bulkhead.ledger.port import LedgerNewer, LedgerUnavailable
from bulkhead.ledger.sqlite import LedgerReader, read_head
from bulkhead.monitor.lines import current_session
from bulkhead.monitor.status import Liveness
from messages.values import Mode, Value
from supervisor.latch import UNREADABLE

FAIL_BELOW_BYTES = 200_000_000
WARN_BELOW_BYTES = 2_000_000_000
"""A busy day writes some hundred MB; the rest is for the days on which nobody looks."""
QUICK_EVENTS = 500
"""How much of the chain's end the quick check reads; `bulkhead verify` reads all of it."""
OLDEST_SQLITE = (3, 35, 0)
ANY_TAPE = ("TAPEUSD",)
"""Stands in for the symbols of a tape that is only named when a run starts."""


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(Value):
    name: str
    level: Level
    said: str
    advice: str = ""


def ok(name: str, said: str) -> Check:
    return Check(name=name, level=Level.OK, said=said)


def warn(name: str, said: str, advice: str) -> Check:
    return Check(name=name, level=Level.WARN, said=said, advice=advice)


def fail(name: str, said: str, advice: str) -> Check:
    return Check(name=name, level=Level.FAIL, said=said, advice=advice)


def versions() -> list[Check]:
    said = f"Bulkhead {code_version()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        return [fail("versions", said, f"use a Python whose SQLite is {oldest} or later")]
    return [ok("versions", said)]


def strategies(settings: Settings) -> list[Check]:
    """Each is imported, given its parameters and made once."""
    if not settings.strategies:
        return [
            warn("strategies", "none is configured", "add one under [[strategies]], or `bulkhead new-strategy NAME`")
        ]
    try:
        preflight.check_guard(settings)
        loaded = preflight.load_strategies(settings.with_tape(ANY_TAPE))
    except Stopped as stopped:
        return [fail("strategies", stopped.sentence, "correct the configuration or the strategy it names")]
    checks = []
    for strategy in loaded:
        try:
            strategy.make()
        except Exception as error:  # noqa: BLE001 - whatever a user's __init__ raises is a finding
            said = f"{strategy.strategy_id}: its __init__ raises {type(error).__name__}: {error}"
            checks.append(fail("strategies", said, "correct its code; `pytest` on its bench shows where"))
    return checks or [ok("strategies", f"{', '.join(strategy.strategy_id for strategy in loaded)} can be started")]


def folders(settings: Settings) -> list[Check]:
    """Writing is tried, since rights alone do not tell (a full or read-only disk, root)."""
    session = settings.session
    wanted = dict.fromkeys((session.logs_dir, session.ledger_file.parent, session.stop_dir))
    checks = [found for folder in wanted for found in _folder(folder)]
    return checks or [ok("folders", f"{session.logs_dir} can be written, {_space(session.logs_dir)} free")]


def _folder(folder: Path) -> list[Check]:
    there = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        free = free_bytes(there)
    except OSError as error:
        said = f"{folder} cannot be written: {error.strerror or error}"
        return [fail("folders", said, "change its rights, or session.logs_dir, ledger_file and stop_dir")]
    if free < FAIL_BELOW_BYTES:
        return [fail("folders", f"only {_space(folder)} free for {folder}", "make room: a full disk shuts the gate")]
    if free < WARN_BELOW_BYTES:
        return [warn("folders", f"{_space(folder)} free for {folder}", "make room before a long run")]
    return []


def _nearest(folder: Path) -> Path:
    """The folder, or the one above it in which it will be made."""
    for place in (folder, *folder.parents):
        if place.exists():
            return place
    return Path()


def _space(folder: Path) -> str:
    return f"{free_bytes(_nearest(folder)) / 1e9:,.1f} GB"


def ledger(path: Path) -> list[Check]:
    """Opens it for reading only, beside whoever owns it."""
    if not path.exists():
        return [ok("ledger", f"{path} does not exist yet; the first run makes it")]
    try:
        reader = LedgerReader(path)
    except LedgerNewer as error:
        return [fail("ledger", str(error), "install that version; do not delete the ledger")]
    except LedgerUnavailable as error:
        return [fail("ledger", str(error), "check its rights; bring it back from a backup if it is damaged")]
    try:
        revision = migrate.check(reader.connection, str(path))
        head = read_head(reader.connection)
        broken = chain.verify(reader.events(max(0, head.seq - QUICK_EVENTS)), None)
    except LedgerUnavailable as error:
        return [fail("ledger", str(error), "bring it back from a backup; nothing is traded on a damaged ledger")]
    finally:
        reader.close()
    is_newest = revision == migrate.HEAD
    older = "" if is_newest else f", brought to {migrate.HEAD} at the next start"
    checks = [ok("ledger", f"{path}: schema {revision}{older}, {head.seq:,} events, {_owner(path)}")]
    if broken is None:
        checks.append(ok("chain", f"the last {min(head.seq, QUICK_EVENTS):,} events are intact"))
    else:
        said = f"event {broken.seq}: {broken.reason}"
        checks.append(fail("chain", said, "someone has changed the ledger: keep a copy, then `bulkhead verify`"))
    return checks


def _owner(path: Path) -> str:
    """Who holds the lock. It is asked for shared and given back at once: two doctors do not disturb each other."""
    lock = path.with_name(path.name + ".lock")
    try:
        fd = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return "in use by nobody"
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(fd, 32, 0).decode(errors="replace").strip()
        return f"in use by process {holder}" if holder.isdigit() else "in use by another process"
    finally:
        os.close(fd)
    return "in use by nobody"


def last_session(logs_dir: Path) -> list[Check]:
    folder = current_session(logs_dir / "sessions")
    if folder is None:
        return [ok("session", "none yet")]
    view = status_of(folder)
    said = f"{folder.name}: {view.detail}"
    if view.liveness is Liveness.STALE:
        return [
            fail("session", said, "it hangs: see its app.log; kill it, and the next start recovers from the ledger")
        ]
    if view.liveness in (Liveness.DEAD, Liveness.ABSENT):
        return [warn("session", said, "the next `bulkhead run` recovers it from the ledger")]
    return [ok("session", said)]


def stop_latch(stop_dir: Path) -> list[Check]:
    checks = []
    for reason in latched(stop_dir):
        advice = "find out why, then `bulkhead resume --reason …`; until then no entry is sent"
        if reason.reason_id.startswith(UNREADABLE):
            advice = f"look at the file in {stop_dir}, then `bulkhead resume --id …`; until then only cancels are sent"
        checks.append(warn("stop latch", reason_words(reason), advice))
    return checks or [ok("stop latch", "no stop reason is latched")]


def alerts(settings: Settings) -> list[Check]:
    """Whether anybody is told. Sends nothing: that is `bulkhead alerts test`."""
    if settings.alerts.urls_env is None:
        said = "log only: nobody is told when something happens"
        if settings.session.mode is Mode.PAPER:
            return [ok("alerts", said)]
        judged = fail if settings.alerts.required else warn
        return [judged("alerts", said, "name apprise URLs by alerts.urls_env, see docs/ALERTS.md")]
    try:
        targets = make_targets(settings.alerts, "Bulkhead")
        make_heartbeat(settings.alerts)
    except Stopped as stopped:
        return [fail("alerts", stopped.sentence, "set it as docs/ALERTS.md says")]
    said = f"{len(targets)} targets: {', '.join(target.name for target in targets)}"
    tested = last_test(settings.session.logs_dir)
    if tested is None or not tested.ok:
        found = "never tried out" if tested is None else f"the test of {tested.at} failed"
        return [warn("alerts", f"{said}; {found}", "`bulkhead alerts test`")]
    return [ok("alerts", f"{said}; tried out at {tested.at}")]
