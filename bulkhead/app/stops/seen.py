"""That a run has seen a stop, and what became of the orders it concerns: a file beside the latch, for whoever waits.

Below `<stop_dir>/seen/`, one for each latch file and session. It is no stop itself, and nothing depends on it.
"""

import os
from pathlib import Path

from pydantic import Field, ValidationError

from messages.values import Nanoseconds, Value

FOLDER = "seen"


class OrderEnd(Value):
    """What became of an order that worked when the stop was seen."""

    client_order_id: str
    strategy_id: str | None
    symbol: str
    state: str
    """`working`, `cancel asked`, `cancelled`, `filled`, `ended`, or `not cancelled`."""
    detail: str = ""


class Seen(Value):
    session_id: str
    pid: int
    reason_id: str
    seen_ns: Nanoseconds
    """By the wall clock: the gate was shut by then."""
    orders: tuple[OrderEnd, ...] = Field(default=())
    """In scope of its plan, and working when it was seen."""
    is_over: bool
    """Nothing of them works any more, or nobody looks further."""


def path_of(stop_dir: Path, file_name: str, session_id: str) -> Path:
    return stop_dir / FOLDER / f"{file_name}.{session_id}"


def write_seen(stop_dir: Path, file_name: str, seen: Seen) -> None:
    """Whole or not at all. Raises OSError."""
    path = path_of(stop_dir, file_name, seen.session_id)
    path.parent.mkdir(exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(seen.model_dump_json(), encoding="utf-8")
    os.replace(draft, path)


def read_seen(stop_dir: Path, file_name: str, session_id: str, since_ns: int) -> Seen | None:
    """None when there is none that is as new as `since_ns`."""
    try:
        seen = Seen.model_validate_json(path_of(stop_dir, file_name, session_id).read_bytes())
    except (OSError, ValidationError):
        return None
    return seen if seen.seen_ns >= since_ns else None
