"""Requests on the operator's desk, and their answers, as files in the session's folder: the command's side of it.

A request is put there whole by a rename, and its answer beside it. So only who may write the session's files may ask,
and nothing listens on a port.
"""

import os
import time
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field

from messages.supervision import Outcome
from messages.values import Name, Nanoseconds, Symbol, Value

FOLDER = "control"
REQUEST, ANSWER = ".request.json", ".answer.json"


class Action(StrEnum):
    RESTART = "restart"
    STOP = "stop"
    RECONCILE = "reconcile"
    FLATTEN = "flatten"
    RESUME = "resume"
    CONFIRM_PLAN = "confirm plan"
    ADOPT_ORDER = "adopt order"
    ADOPT_DRIFT = "adopt drift"
    RESOLVE_ORDER = "resolve"
    IGNORE_ORDER = "ignore order"
    IGNORE_FILL = "ignore fill"
    IGNORE_DRIFT = "ignore drift"


class Request(Value):
    action: Action
    child: str = ""
    """Of RESTART and STOP."""
    subject: str = ""
    """The order, execution or asset that is decided about."""
    number: str | None = None
    """Of RESOLVE_ORDER: the venue's number of the order; None: it never arrived."""
    strategy_id: Name | None = None
    symbol: Symbol | None = None
    operator: str
    reason: str
    at_ns: Nanoseconds

    @property
    def words(self) -> str:
        """As the act goes on record."""
        parts = [self.action.value, self.child or self.subject]
        parts += [f"--strategy {self.strategy_id}"] if self.strategy_id is not None else []
        parts += [f"--symbol {self.symbol}"] if self.symbol is not None else []
        if self.action is Action.RESOLVE_ORDER:
            parts += ["--never-arrived"] if self.number is None else [f"--is {self.number}"]
        return " ".join(part for part in parts if part)


class Answer(Value):
    outcome: Outcome
    detail: str = ""
    facts: dict[str, Any] = Field(default_factory=dict)
    """Plain JSON."""


def request_id_of(path: Path) -> str:
    """Unique: the time of the asking and the process that asked."""
    return path.name.removesuffix(REQUEST)


def answer_path(control: Path, request_id: str) -> Path:
    return control / f"{request_id}{ANSWER}"


def put(path: Path, content: Value) -> None:
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(content.model_dump_json(), encoding="utf-8")
    os.replace(draft, path)


def ask(folder: Path, request: Request, timeout_s: float) -> Answer | None:
    """Put the request on the desk of the session `folder` and wait; None when nobody answered. Raises OSError."""
    control = folder / FOLDER
    control.mkdir(exist_ok=True)
    path = control / f"{stem_of(request)}{REQUEST}"
    put(path, request)
    answer, deadline = answer_path(control, stem_of(request)), time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if answer.exists():
            return Answer.model_validate_json(answer.read_bytes())
        time.sleep(0.05)
    path.unlink(missing_ok=True)
    return None


def stem_of(request: Request) -> str:
    """The id of a request that this process makes."""
    return f"{request.at_ns}-{os.getpid()}"
