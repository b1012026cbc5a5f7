"""A plan: everything that one run depends on, as data. The same plan and the same code give the same run.

A strike waits for its moment from `at_s` on, and begins there; where the moment does not come within `PATIENCE_S`, it
begins anyway. Written as JSON it is a seed file; one of another version is refused.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from messages.values import Value

VERSION: Final = 1
PATIENCE_S = 20.0


class VenueKind(StrEnum):
    IDS = "ids"
    """Keeps our ids and tells executions."""
    NUMBERED = "numbered"
    """Keeps no id of ours and tells totals."""


class Moment(StrEnum):
    """When a strike begins."""

    ANY = "any"
    STEP = "step"
    """Right before the message of this number is handled: `at_step`."""
    WRITING = "writing"
    """A group is about to be written."""
    WRITTEN = "written"
    """A group is on disk, and what it releases has not been posted."""
    SENDING = "sending"
    """An order's bytes are on the wire, and no answer is here."""
    EXECUTED = "executed"
    """The venue has filled, and nobody here knows."""
    RECOVERING = "recovering"
    """The books are not compared yet."""


class Strike(Value):
    """One fault, once."""

    fault: str
    at_s: float = Field(ge=0)
    """Of the run's own time."""
    moment: Moment = Moment.ANY
    at_step: int | None = Field(None, ge=0)
    lasts_s: float = Field(0.0, ge=0)
    """0: an instant."""
    target: str | None = None
    """An actor, a symbol, a strategy: what the fault wants one of."""
    amount: float | None = None
    """Seconds, a share or a count: what the fault wants one of."""


class Plan(Value):
    version: Literal[1] = VERSION
    seed: int = Field(ge=0)
    venue: VenueKind = VenueKind.IDS
    minutes: float = Field(10.0, gt=0, le=24 * 60)
    """Of the safety phase; healing comes after it."""
    tick_s: float = Field(0.5, gt=0)
    """Between two steps of a symbol's price."""
    strikes: tuple[Strike, ...] = ()
    has_tight_limits: bool = False
    """The limits of risk are such that they bind."""


class BadPlan(ValueError):
    """The file holds no plan that can be played; the message says why."""


def read(path: Path) -> Plan:
    """Raises BadPlan, or OSError."""
    text = path.read_text(encoding="utf-8")
    try:
        return Plan.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if where == "version":
            raise BadPlan(f"{path}: version {first['input']!r}, and this Bulkhead plays version {VERSION}") from error
        raise BadPlan(f"{path}: {where}: {first['msg']}") from error


def write(plan: Plan, path: Path) -> None:
    """Whatever is as usual is left out. Raises OSError."""
    fields = {"version": VERSION, **plan.model_dump(mode="json", exclude_defaults=True)}
    path.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
