"""`[failure_modes.<mode>]` and `[detection]` of a configuration: what each failure mode does, and when it is seen.

A mode can be made stricter, and as mild as its floor in supervisor/failure_modes.py: what concerns orders stays SOFT at
least, and what only an operator can judge is never re-armed by itself. Anything else is refused at the start.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from bulkhead.app.execution_settings import PositiveSeconds, Section
from messages.failure import FailureMode
from messages.values import StopLevel
from supervisor.failure_modes import ALL, TABLE, Row

Milliseconds = Annotated[int, Field(ge=1)]


class ModeSection(Section):
    """What is unset stays as the table of docs/FAILURE_MODES.md says."""

    level: StopLevel | None = None
    """How strict the gate becomes; a plan that the table does not name goes with it."""
    needs_operator: bool | None = None
    """Whether only an operator re-arms it."""
    scope: Literal["all"] | None = None
    """`"all"`: it stops everything, and not only what it concerns."""

    @field_validator("level", mode="before")
    @classmethod
    def _level_by_name(cls, value: object) -> object:
        return StopLevel[value] if isinstance(value, str) and value in StopLevel.__members__ else value


class DetectionSection(Section):
    """`[detection]`: when a failure is called one, where no other table says so."""

    channel_attempts: Annotated[int, Field(ge=1)] = 5
    """So many attempts at the order channel that fail in a row are a broker disconnect."""
    channel_timeout_s: PositiveSeconds = 60.0
    """And so is an order channel that has been down for this long, whatever became of the attempts."""
    max_clock_skew_ms: Milliseconds = 1_000
    """Between our clock and the venue's; what a slow answer may account for is not counted."""
    max_clock_jump_ms: Milliseconds = 500
    """Of the wall's clock against the monotonic one, from one second to the next."""
    clock_check_interval_s: PositiveSeconds = 30.0
    """The venue is asked for its time this often, where it has one."""
    clock_settle_s: PositiveSeconds = 60.0
    """So long the clocks must be in order before entries are allowed again."""

    @model_validator(mode="after")
    def _settles_after_a_look(self) -> "DetectionSection":
        if self.clock_settle_s < self.clock_check_interval_s:
            raise ValueError(
                f"clock_settle_s = {self.clock_settle_s:g} is shorter than clock_check_interval_s ="
                f" {self.clock_check_interval_s:g}: nobody would look in between"
            )
        return self


def checked(sections: Mapping[FailureMode, ModeSection]) -> Mapping[FailureMode, ModeSection]:
    """Raises ValueError for what the table forbids."""
    for mode, section in sections.items():
        row = TABLE[mode]
        level = row.level if section.level is None else section.level
        if level < row.floor:
            raise ValueError(f"{mode.value}: level = {level.name} is milder than {row.floor.name}, which it needs")
        if row.needs_operator and section.needs_operator is False and not row.may_rearm_itself:
            raise ValueError(f"{mode.value}: needs_operator = false, but {row.recovers}: only an operator can know")
        if section.needs_operator and level is StopLevel.RUN:
            raise ValueError(f"{mode.value}: needs_operator = true, but at level RUN there is nothing to re-arm")
        if section.needs_operator and row.ends_process:
            raise ValueError(f"{mode.value}: needs_operator = true, but the process ends and cannot be re-armed")
        if section.scope == ALL and level is StopLevel.RUN:
            raise ValueError(f'{mode.value}: scope = "all", but at level RUN it stops nothing')
    return sections


def table_of(sections: Mapping[FailureMode, ModeSection]) -> dict[FailureMode, Row]:
    """The table with what was set; the sections have been checked."""
    return {mode: _set(row, sections.get(mode)) for mode, row in TABLE.items()}


def _set(row: Row, section: ModeSection | None) -> Row:
    if section is None:
        return row
    level = row.level if section.level is None else section.level
    return row._replace(
        level=level,
        eases_to=None if row.eases_to is None else min(row.eases_to, level),
        needs_operator=row.needs_operator if section.needs_operator is None else section.needs_operator,
        is_widened=section.scope == ALL,
    )
