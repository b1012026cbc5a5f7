"""The operator's desk: what a person at the command line asks of a running tree, and what came of it.

A request is a file in the session's folder `control/`, put there whole by a rename; the desk is an actor that finds it,
writes the act into the ledger, asks the child's supervisor, and puts the answer beside it. So only who may write the
session's files may ask, nothing listens on a port, and an operator's act is on record before it is carried out.
"""

import json
import os
import time
from enum import StrEnum
from pathlib import Path

from loguru import logger
from pydantic import ValidationError

from actors import addresses
from messages.records import Append, AppendFailed, OperatorActed
from messages.supervision import ChildAnswer, ChildCommand, Outcome, RestartChild, StopChild, TimerFired
from messages.values import Nanoseconds, Value
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.host import Host

FOLDER = "control"
LOOK_EVERY_S = 0.25
MAX_AGE_S = 30.0
"""A request that nobody took for so long is refused: its author has long given up."""
_REQUEST, _ANSWER = ".request.json", ".answer.json"


class Action(StrEnum):
    RESTART = "restart"
    STOP = "stop"


COMMANDS: dict[Action, type[ChildCommand]] = {Action.RESTART: RestartChild, Action.STOP: StopChild}


class Request(Value):
    action: Action
    child: str
    operator: str
    reason: str
    at_ns: Nanoseconds


class Answer(Value):
    outcome: Outcome
    detail: str = ""


def ask(folder: Path, request: Request, timeout_s: float) -> Answer | None:
    """Put the request on the desk of the session `folder` and wait; None when nobody answered. Raises OSError."""
    control = folder / FOLDER
    control.mkdir(exist_ok=True)
    stem = f"{request.at_ns}-{os.getpid()}"
    _put(control / f"{stem}{_REQUEST}", request)
    answer, deadline = control / f"{stem}{_ANSWER}", time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if answer.exists():
            return Answer.model_validate_json(answer.read_bytes())
        time.sleep(0.05)
    (control / f"{stem}{_REQUEST}").unlink(missing_ok=True)
    return None


def _put(path: Path, content: Value) -> None:
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(content.model_dump_json(), encoding="utf-8")
    os.replace(draft, path)


class DeskActor(Behaviour):
    """One request at a time. `folder` is the session's."""

    def __init__(self, folder: Path, host: Host) -> None:
        self._folder = folder / FOLDER
        self._host = host
        self._open: dict[str, Path] = {}

    def on_start(self, ctx: Context) -> None:
        self._folder.mkdir(exist_ok=True)
        ctx.after(LOOK_EVERY_S, "look")

    @receives(TimerFired)
    def on_look(self, _: TimerFired, ctx: Context) -> None:
        try:
            for path in sorted(self._folder.glob(f"*{_REQUEST}")):
                self._take(path, ctx)
        except OSError as error:
            logger.warning("the operator's desk {} cannot be read: {}", self._folder, error)
        ctx.after(LOOK_EVERY_S, "look")

    def _take(self, path: Path, ctx: Context) -> None:
        answer = path.with_name(path.name.replace(_REQUEST, _ANSWER))
        try:
            request = Request.model_validate_json(path.read_bytes())
        except (ValidationError, json.JSONDecodeError) as error:
            path.unlink(missing_ok=True)
            _put(answer, Answer(outcome=Outcome.BAD_SPEC, detail=f"the request cannot be read: {error}"))
            return
        path.unlink(missing_ok=True)
        supervisor = self._host.parent_of(request.child)
        if supervisor is None:
            _put(answer, Answer(outcome=Outcome.NOT_FOUND))
        elif ctx.now_ns() - request.at_ns > MAX_AGE_S * 1e9:
            _put(answer, Answer(outcome=Outcome.FAILED, detail="the request was too old"))
        else:
            self._open[request.child] = answer
            command = COMMANDS[request.action](child=request.child, reply_to=ctx.name)
            self._carry_out(request, supervisor, command, ctx)

    def _carry_out(self, request: Request, supervisor: str, command: ChildCommand, ctx: Context) -> None:
        """On record first: the ledger posts the command once the act is on disk."""
        acted = OperatorActed(
            operator=request.operator,
            action=f"{request.action} {request.child}",
            reason=request.reason,
            at_ns=ctx.now_ns(),
        )
        ctx.tell(addresses.LEDGER, Append(records=(acted,), release=(ctx.seal(supervisor, command),)))

    @receives(ChildAnswer)
    def on_answer(self, told: ChildAnswer, _: Context) -> None:
        path = self._open.pop(told.child, None)
        if path is not None:
            _put(path, Answer(outcome=told.outcome, detail=told.detail))

    @receives(AppendFailed)
    def on_append_failed(self, failed: AppendFailed, _: Context) -> None:
        """Unrecorded acts are not carried out."""
        for path in self._open.values():
            _put(path, Answer(outcome=Outcome.FAILED, detail=f"the act could not be recorded: {failed.reason}"))
        self._open.clear()
