"""Which limits may trip, and what a trip of each does: how strict the gate becomes, for what, and who arms it again.

A limit that trips without being asked to is in force with the defaults of `[risk]`; a table `[risk.trips.<limit>]` says
otherwise for it. The others only alert until such a table names them. Pure data, no checks: contradictions.py has them.
"""

from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field

from messages.values import StopLevel, Value

Scope = Annotated[str, Field(pattern=r"^(all|(venue|strategy|symbol):[A-Za-z0-9._-]+)$")]
TripScope = Annotated[str, Field(pattern=r"^(all|strategy|symbol|(venue|strategy|symbol):[A-Za-z0-9._-]+)$")]


def _by_name(value: object) -> object:
    return StopLevel[value] if isinstance(value, str) and value in StopLevel.__members__ else value


Level = Annotated[StopLevel, BeforeValidator(_by_name)]
"""By its name or its number."""


class Rearm(StrEnum):
    OPERATOR = "operator"
    """In force, over restarts too, until `bulkhead resume`."""
    AUTOMATIC = "automatic"
    """Lifted once the figure lies below the share of its limit at which an alert may come again."""


class TripRule(Value):
    """`[risk.trips.<limit>]`: what a trip of this limit does."""

    level: Level | None = None
    """How strict the gate becomes; None: as `risk.trip_level`."""
    scope: TripScope | None = None
    """None: as `risk.trip_scope`. `strategy` or `symbol` alone: of the one concerned, where the limit has one."""
    rearm: Rearm = Rearm.OPERATOR
    """`automatic` where the figure can fall while entries are stopped, and nothing is flattened."""


class Kind(NamedTuple):
    """What is true of a limit, whatever the settings say."""

    trips_unasked: bool
    falls_by_itself: bool
    """Its figure can come back while entries are stopped."""
    subjects: frozenset[str] = frozenset()
    """Narrower scopes that one of its findings has."""


SYMBOL = frozenset({"symbol"})

TRIPPABLE: dict[str, Kind] = {
    "max_daily_loss": Kind(True, True),
    "max_weekly_loss": Kind(True, True),
    "max_drawdown": Kind(True, True),
    "max_consecutive_rejects": Kind(True, False),
    "max_reject_rate": Kind(True, False),
    "max_slippage_bps_p95": Kind(True, False),
    "max_consecutive_losses": Kind(True, False),
    "impossible_number": Kind(True, False),
    "max_order_slippage_bps": Kind(False, False, frozenset({"strategy", "symbol"})),
    "max_late_share": Kind(False, True, SYMBOL),
    "max_portfolio_age_s": Kind(False, True),
}


class Trip(NamedTuple):
    """A rule with every default filled in."""

    level: StopLevel
    scope: str
    rearm: Rearm
    subject: str = ""
    """Of which strategy or symbol, where the scope is that of the one concerned: each has a reason of its own."""


def reason_id(limit_name: str, subject: str = "") -> str:
    """Of the stop reason that a trip puts in force."""
    return f"risk:{limit_name}:{subject}" if subject else f"risk:{limit_name}"


def limit_of(stop_reason_id: str) -> str | None:
    """The limit that a stop reason is about; None when it is not a trip's."""
    kind, _, rest = stop_reason_id.partition(":")
    return rest.partition(":")[0] if kind == "risk" else None
