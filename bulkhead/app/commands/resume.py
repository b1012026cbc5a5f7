"""`bulkhead resume`: an operator lifts what is latched, all of it or by name.

A live run is asked to lift it (its desk records the act, then its gate opens). While nothing runs the files go, with
the ledger's lock held, so that no run can start between the look and the lifting. Who, why and when stand in the audit
file, synced, before anything is lifted.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bulkhead.app.audit import current_user, positions_then, record
from bulkhead.app.commands.output import write, write_json
from bulkhead.app.commands.places import latched, living_sessions, reason_words, stop_dir_of
from bulkhead.app.desk_requests import Action, Request, ask
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import SessionSettings, Settings
from bulkhead.ledger import audit_file
from bulkhead.ledger.lock import OwnerLock
from bulkhead.ledger.port import LedgerInUse, LedgerUnavailable
from messages.failure import StopReason
from messages.supervision import Outcome
from supervisor.latch import UNREADABLE, StopLatch


class Asked(NamedTuple):
    why: str
    operator: str | None
    reason_ids: tuple[str, ...]
    """Empty: all but those that stand for a file which cannot be read."""
    timeout_s: float
    as_json: bool


def run(settings: Settings, asked: Asked) -> ExitCode:
    """Raises Stopped when no reason was given, when a named one is not there, or when it cannot be recorded."""
    if not asked.why.strip():
        raise Stopped(ExitCode.ERROR, "--reason needs words: why may trading go on?")
    folder = _live_folder(settings)
    if folder is not None:
        return _resume_live(settings, folder, asked)
    with _nothing_runs(settings.session.ledger_file):
        reasons = latched(settings.session.stop_dir)
        mine = _named(reasons, asked.reason_ids)
        if not asked.as_json:
            for reason in reasons:
                write(reason_words(reason))
        if mine:
            mine = _lift(settings.session, mine, asked)
    left = [reason for reason in reasons if reason not in mine]
    if asked.as_json:
        write_json({"lifted": _dump(mine), "left": _dump(left)})
    elif reasons:
        write(f"lifted: {len(mine)}")
    else:
        write("nothing to lift: no stop reason is latched")
    return _told_what_is_left(left, asked, settings.session.stop_dir)


def _named(reasons: Sequence[StopReason], reason_ids: tuple[str, ...]) -> list[StopReason]:
    """Those that are meant. Raises Stopped for a name that is not latched."""
    known = {reason.reason_id: reason for reason in reasons}
    missing = [reason_id for reason_id in reason_ids if reason_id not in known]
    if missing:
        sentence = f"no stop reason {', '.join(missing)} is latched; there are: {', '.join(known) or 'none'}"
        raise Stopped(ExitCode.NOT_FOUND, sentence)
    if reason_ids:
        return [known[reason_id] for reason_id in dict.fromkeys(reason_ids)]
    return [reason for reason in reasons if not reason.reason_id.startswith(UNREADABLE)]


def _told_what_is_left(left: Sequence[StopReason], asked: Asked, stop_dir: Path) -> ExitCode:
    unreadable = [reason.reason_id for reason in left if reason.reason_id.startswith(UNREADABLE)]
    if unreadable and not asked.reason_ids:
        sentence = f"{len(unreadable)} stop reasons cannot be read and stay in force; look at the files in {stop_dir}"
        raise Stopped(ExitCode.ERROR, f"{sentence}, then lift each by name: --id '{unreadable[0]}'")
    return ExitCode.OK


# -- beside a live run ------------------------------------------------------------------------------------------------


def _live_folder(settings: Settings) -> Path | None:
    """Of the run that has this configuration's stops in force, if one lives."""
    try:
        living = living_sessions(settings.session.logs_dir)
    except OSError:
        return None
    wanted = settings.session.stop_dir.resolve()
    return next(
        (folder for folder in living if stop_dir_of(folder, settings.session.logs_dir).resolve() == wanted), None
    )


def _resume_live(settings: Settings, folder: Path, asked: Asked) -> ExitCode:
    """The run lifts them itself, once the act stands in its ledger; here it stands in the audit file before."""
    common = _common(settings.session, asked)
    record(_audit(settings), {**common, "state": "asked", "ids": list(asked.reason_ids), "session": folder.name})
    request = Request(
        action=Action.RESUME,
        subject="\n".join(asked.reason_ids),
        operator=asked.operator or current_user(),
        reason=asked.why.strip(),
        at_ns=time.time_ns(),
    )
    try:
        answer = ask(folder, request, asked.timeout_s)
    except OSError as error:
        raise Stopped(ExitCode.ERROR, f"the request cannot be written to {folder}: {error.strerror or error}") from None
    if answer is None:
        sentence = f"the run has not answered within {asked.timeout_s:g} s, and nothing may be lifted"
        raise Stopped(ExitCode.TIMEOUT, f"{sentence}; see `bulkhead status`, or stop it and resume then")
    if answer.outcome is not Outcome.DONE:
        record(_audit(settings), {**common, "state": "failed", "error": answer.detail})
        code = ExitCode.NOT_FOUND if answer.outcome is Outcome.NOT_FOUND else ExitCode.ERROR
        raise Stopped(code, answer.detail)
    lifted, left = ([each for each in answer.facts[name].split("\n") if each] for name in ("lifted", "left"))
    _set_aside(StopLatch(settings.session.stop_dir), lifted)
    record(_audit(settings), {**common, "state": "done", "lifted": lifted})
    if asked.as_json:
        write_json({"session": folder.name, "lifted": lifted, "left": left})
    else:
        nothing = "nothing" if left else "nothing; no stop reason of an operator is in force"
        write(f"{folder.name} has lifted: {', '.join(lifted) or nothing}")
        if left:
            write(f"in force still: {', '.join(left)}")
    unreadable = [reason_id for reason_id in left if reason_id.startswith(UNREADABLE)]
    if unreadable and not asked.reason_ids:
        sentence = f"what stands for files that cannot be read stays in force: {', '.join(unreadable)}"
        raise Stopped(ExitCode.ERROR, f"{sentence}; look at them, then lift each by name with --id")
    return ExitCode.OK


def _set_aside(latch: StopLatch, lifted: Sequence[str]) -> None:
    """Else they would be in force again at the next start."""
    for reason_id in lifted:
        if reason_id.startswith(UNREADABLE) and reason_id != UNREADABLE:
            try:
                latch.set_aside(reason_id)
            except OSError as error:
                sentence = f"{reason_id} is lifted, but its file stays and stops the next start"
                raise Stopped(ExitCode.ERROR, f"{sentence}: {error}") from None


def _audit(settings: Settings) -> Path:
    return audit_file.path_in(settings.session.logs_dir)


def _common(session: SessionSettings, asked: Asked) -> dict[str, object]:
    operator = asked.operator or current_user()
    return {"action": "resume", "operator": operator, "reason": asked.why.strip(), "ledger": str(session.ledger_file)}


# -- while nothing runs -----------------------------------------------------------------------------------------------


@contextmanager
def _nothing_runs(ledger_file: Path) -> Iterator[None]:
    if not ledger_file.parent.is_dir():
        yield  # no run can have this ledger open
        return
    try:
        lock = OwnerLock(ledger_file)
    except LedgerInUse as error:
        who = "a run" if error.holder_pid is None else f"the run of process {error.holder_pid}"
        sentence = f"{who} holds the ledger, and has no live status to ask it by: stop it first"
        raise Stopped(ExitCode.ERROR, sentence) from None
    except LedgerUnavailable as error:
        raise Stopped(ExitCode.ERROR, f"it cannot be made sure that nothing runs: {error}") from None
    try:
        yield
    finally:
        lock.release()


def _lift(session: SessionSettings, reasons: Sequence[StopReason], asked: Asked) -> list[StopReason]:
    """Those that were lifted: what was latched anew meanwhile nobody has looked at."""
    latch, audit = StopLatch(session.stop_dir), audit_file.path_in(session.logs_dir)
    common = _common(session, asked)
    then = {"positions": positions_then(session.ledger_file), "reasons": _dump(reasons)}
    record(audit, {**common, "state": "asked", **then})
    done: list[StopReason] = []
    try:
        for reason in reasons:
            if reason.reason_id.startswith(UNREADABLE):
                latch.set_aside(reason.reason_id)
            elif latch.read(latch.path_of(reason.reason_id).name, 0) == reason:
                latch.remove(reason.reason_id)
            else:
                continue
            done.append(reason)
    except OSError as error:
        lifted = [reason.reason_id for reason in done]
        record(audit, {**common, "state": "failed", "lifted": lifted, "error": str(error)})
        sentence = f"lifted {len(done)} of {len(reasons)} stop reasons, then: {error}; the rest stays in force"
        raise Stopped(ExitCode.ERROR, sentence) from None
    record(audit, {**common, "state": "done", "lifted": [reason.reason_id for reason in done]})
    return done


def _dump(reasons: Sequence[StopReason]) -> list[dict[str, object]]:
    return [reason.model_dump(mode="json") for reason in reasons]
