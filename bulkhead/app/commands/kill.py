"""`bulkhead kill`: stop now, whether or not anything of the run still answers.

It asks nobody: it writes the latch file, which the transport of a live run reads before each write of an order and
which holds at every start until an operator lifts it. Recorded first; but a record that cannot be written is no reason
to go on trading. Then it waits, for so long as it is told, for each live run to say that it has seen it.

Exit code 0 when it is latched and every live run has seen it, 5 when one has not said so in time, 1 when nothing could
be latched.
"""

import re
import sys
import time
from pathlib import Path
from typing import NamedTuple

from bulkhead.app.audit import current_user, record
from bulkhead.app.commands.output import write, write_json
from bulkhead.app.commands.places import living_sessions, stop_dir_of
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import Settings, load_settings
from bulkhead.app.stops.seen import Seen, read_seen
from bulkhead.ledger import audit_file
from messages.failure import StopReason
from messages.values import StopLevel
from supervisor.latch import StopLatch

LEVELS = (StopLevel.SOFT, StopLevel.MEDIUM, StopLevel.HARD)
SCOPE = re.compile(r"all|venue:[a-z0-9][a-z0-9._-]*|strategy:[a-z0-9][a-z0-9._-]*|symbol:[A-Z0-9][A-Z0-9._-]*")
LOOK_EVERY_S = 0.02


class Asked(NamedTuple):
    level: str
    scope: str
    why: str
    operator: str | None
    config: Path
    stop_dir: Path | None
    logs_dir: Path | None
    timeout_s: float
    as_json: bool


class Target(NamedTuple):
    """A folder to latch in, and the live session that reads it, if there is one."""

    stop_dir: Path
    session_id: str | None = None


def run(asked: Asked) -> ExitCode:
    """Raises Stopped when nothing was latched."""
    reason = _reason(asked)
    settings, trouble = _settings(asked)
    logs_dir = asked.logs_dir or (settings.session.logs_dir if settings else Path("logs"))
    targets = targets_of(logs_dir, asked.stop_dir or (settings.session.stop_dir if settings else None))
    if not targets:
        sentence = f"{trouble}; nothing runs under {logs_dir}, so say where with --stop-dir"
        raise Stopped(ExitCode.CONFIG, sentence)
    warnings = _unknown(reason.scope, settings)
    warnings += _record(logs_dir, asked, reason, targets)
    latched, failed = _latch(reason, targets)
    if not latched:
        raise Stopped(ExitCode.ERROR, f"NOTHING IS STOPPED: {'; '.join(failed)}; cancel at the venue, end the process")
    if not asked.as_json:
        for target in latched:
            write(f"latched {reason.level.name} for {reason.scope} in {target.stop_dir}")
    seen = _await(reason, [target for target in latched if target.session_id], asked.timeout_s)
    return _report(asked, reason, latched, seen, [*warnings, *failed])


def _reason(asked: Asked) -> StopReason:
    if not asked.why.strip():
        raise Stopped(ExitCode.ERROR, "--reason needs words: they go on record")
    level = next((level for level in LEVELS if level.name == asked.level.upper()), None)
    if level is None:
        raise Stopped(
            ExitCode.ERROR, f"--level is one of {', '.join(each.name for each in LEVELS)}, not {asked.level!r}"
        )
    if SCOPE.fullmatch(asked.scope) is None:
        sentence = "--scope is all, venue:<name>, strategy:<id> or symbol:<SYMBOL>"
        raise Stopped(ExitCode.ERROR, f"{sentence}, not {asked.scope!r}")
    return StopReason(
        reason_id=f"kill:{level.name}:{asked.scope}",
        level=level,
        scope=asked.scope,
        cause=f"{asked.operator or current_user()}: {asked.why.strip()}",
        since_ns=time.time_ns(),
        needs_operator=True,
    )


def _settings(asked: Asked) -> tuple[Settings | None, str]:
    """A configuration that cannot be read must not keep a kill from its folder."""
    try:
        return load_settings(asked.config), ""
    except Stopped as stopped:
        return None, stopped.sentence


def targets_of(logs_dir: Path, configured: Path | None) -> list[Target]:
    """The folder of the configuration, and that of each live run under `logs_dir`, as it runs: a kill that names the
    wrong configuration stops what runs all the same."""
    found = [Target(stop_dir_of(folder, logs_dir), folder.name) for folder in _living(logs_dir)]
    known = {target.stop_dir.resolve() for target in found}
    if configured is not None and configured.resolve() not in known:
        found.append(Target(configured))
    return found


def _living(logs_dir: Path) -> list[Path]:
    try:
        return living_sessions(logs_dir)
    except OSError:
        return []


def _unknown(scope: str, settings: Settings | None) -> list[str]:
    """A name that nothing has stops nothing, and is latched all the same."""
    kind, _, name = scope.partition(":")
    if settings is None or kind == "all":
        return []
    strategies = {each.id for each in settings.strategies} | set(settings.inbox.owners)
    symbols = {symbol for each in settings.strategies if each.symbols != "tape" for symbol in each.symbols}
    known = {"strategy": strategies, "venue": {settings.venue.name}, "symbol": symbols}[kind]
    if name in known or not known:
        return []
    return [
        f"the configuration knows no {kind} {name!r} (it has {', '.join(sorted(known))}): look whether you meant it"
    ]


def _record(logs_dir: Path, asked: Asked, reason: StopReason, targets: list[Target]) -> list[str]:
    action = {
        "action": f"kill --level {reason.level.name} --scope {reason.scope}",
        "operator": asked.operator or current_user(),
        "reason": asked.why.strip(),
        "state": "asked",
        "stop_dirs": [str(target.stop_dir) for target in targets],
    }
    try:
        record(audit_file.path_in(logs_dir), action)
    except Stopped as stopped:
        return [f"it goes unrecorded, and is carried out: {stopped.sentence}"]
    return []


def _latch(reason: StopReason, targets: list[Target]) -> tuple[list[Target], list[str]]:
    latched, failed = [], []
    for target in targets:
        try:
            StopLatch(target.stop_dir).write(reason)
            latched.append(target)
        except OSError as error:
            failed.append(f"{target.stop_dir} cannot be written ({error.strerror or error})")
    return latched, failed


def _await(reason: StopReason, running: list[Target], timeout_s: float) -> dict[str, Seen]:
    """By session: what each has last said of it; all of them, or what came in time."""
    deadline = time.monotonic() + timeout_s
    found: dict[str, Seen] = {}
    while True:
        for target in running:
            name = StopLatch(target.stop_dir).path_of(reason.reason_id).name
            seen = read_seen(target.stop_dir, name, target.session_id or "", reason.since_ns)
            if seen is not None:
                found[seen.session_id] = seen
        is_over = len(found) == len(running) and all(seen.is_over for seen in found.values())
        if is_over or time.monotonic() >= deadline:
            return found
        time.sleep(LOOK_EVERY_S)


def _report(
    asked: Asked, reason: StopReason, latched: list[Target], seen: dict[str, Seen], warnings: list[str]
) -> ExitCode:
    running = [target.session_id for target in latched if target.session_id]
    unheard = [session_id for session_id in running if session_id not in seen]
    if asked.as_json:
        write_json(
            {
                "reason": reason.model_dump(mode="json"),
                "latched": [str(target.stop_dir) for target in latched],
                "seen": {session_id: each.model_dump(mode="json") for session_id, each in seen.items()},
                "not_seen_by": unheard,
                "warnings": warnings,
            }
        )
    else:
        if not running:
            write("nothing runs: it is in force at the next start, until `bulkhead resume`")
        for session_id, each in seen.items():
            _show(session_id, each, reason)
    for warning in warnings:
        sys.stderr.write(f"bulkhead: {warning}\n")
    if unheard:
        sentence = f"latched, and {', '.join(unheard)} has not said within {asked.timeout_s:g} s that it has seen it"
        raise Stopped(ExitCode.TIMEOUT, f"{sentence}: look at the venue, end the process if it still sends")
    return ExitCode.OK


def _show(session_id: str, seen: Seen, reason: StopReason) -> None:
    write(f"{session_id} has seen it after {(seen.seen_ns - reason.since_ns) / 1e6:.0f} ms: {_done(reason)}")
    for order in seen.orders:
        whose = f" of {order.strategy_id}" if order.strategy_id else ""
        why = f" ({order.detail})" if order.detail else ""
        write(f"  {order.state}: {order.client_order_id} in {order.symbol}{whose}{why}")
    if not seen.orders:
        write("  no order worked that it cancels")
    write(f"`bulkhead resume --id {reason.reason_id} --reason …` lifts it")


def _done(reason: StopReason) -> str:
    """What the level does, in words."""
    where = "" if reason.scope == "all" else f" for {reason.scope}"
    if reason.level is StopLevel.HARD:
        return f"nothing but the way out is sent{where}; all orders are cancelled, and what is held is closed"
    held = "; what is held is sold off bit by bit" if reason.level is StopLevel.MEDIUM else ", and what is held stays"
    return f"no entry is sent{where}; working ones are cancelled{held}"
