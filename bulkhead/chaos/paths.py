"""The ways in which the house recovers, as data: a name, a sentence, and how each is seen.

Seen in what is written down (`IN_RECORDS`), in what an actor takes (`IN_MESSAGES`), or, where it takes more than one
look, by `bulkhead/chaos/path_counter.py`. `bulkhead/chaos/vacuity.py` fails a run in which one of them was never
taken: a verdict over what never happened is worth nothing.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from bulkhead.chaos.faults import CATALOGUE, Group, group_of
from messages.base import Body
from messages.escapes import EscapeRecorded
from messages.failure import FailureMode
from messages.market_health import DataSource
from messages.records import (
    AppendFailed,
    DeadLetterRecorded,
    FillRecorded,
    OrderRecorded,
    OrphanFillSeen,
    ReconciliationRecorded,
    Record,
    RiskTripRecorded,
    SourceRecorded,
)
from messages.stops import ReductionRecorded, StopPlansRecorded
from messages.values import OrderStatus


class Path(NamedTuple):
    sentence: str
    groups: tuple[Group, ...] = ()
    """It takes a fault of one of these; none: the drawn faults of every catalogue bring it about."""
    mode: FailureMode | None = None
    """It takes a fault that must raise this alarm."""


def _of_modes() -> dict[str, Path]:
    made = {}
    for mode in FailureMode:
        made[f"gate.{mode}.shut"] = Path(f"{mode} has shut the gate", mode=mode)
        made[f"gate.{mode}.lifted"] = Path(f"what {mode} had shut was lifted again", mode=mode)
    return made


_LOSSES = (Group.TRANSPORT, Group.VENUE)
PATHS: Mapping[str, Path] = MappingProxyType(
    {
        "actor.restarted": Path("an actor ended and was started again", (Group.ACTOR,)),
        "actor.recovered": Path("an actor that was started again became ready", (Group.ACTOR,)),
        "supervisor.escalated": Path("a supervisor gave up, and left it to the one above it", (Group.ACTOR,)),
        "process.ended_by_itself": Path("the process ended by itself, to be started again", (Group.STORE, Group.ACTOR)),
        "process.came_back": Path("a later process compared the books and found them clean", (Group.PROCESS,)),
        "order.unknown": Path("an order's outcome was not known", _LOSSES),
        "order.found_by_query": Path("an unknown order was settled by asking the venue about it", _LOSSES),
        "order.found_by_snapshot": Path("an unknown order was settled by the venue's listing", _LOSSES),
        "order.found_by_its_report": Path("an unknown order was settled by a report that came late", _LOSSES),
        "order.proven_absent": Path("an unknown order was settled by its absence at the venue", _LOSSES),
        "order.settled_by_operator": Path("an unknown order was settled by an operator", (Group.OPERATOR,)),
        "order.sent_again": Path("an order that had never arrived was sent again", _LOSSES),
        "order.ended_late": Path("news of an order came after its end, and were booked"),
        "order.unknown_after_restart": Path("an order was sent by an incarnation that ended", (Group.PROCESS,)),
        "order.orphan_fill": Path("an execution came for an order that nobody knew yet"),
        "child.replaced": Path("a child order was cancelled and another sent in its place"),
        "cancel.after_timeout": Path("a cancel was sent because an order had not filled in time"),
        "cancel.repeated": Path("a cancel was sent again"),
        "fill.by_query_only": Path("a fill was first seen in the answer to a query", _LOSSES),
        "fill.by_snapshot_only": Path("a fill was first seen in a listing", (Group.PROCESS, *_LOSSES)),
        "report.duplicate_dropped": Path("an execution was told that is booked already, and was not booked"),
        "trade.reversed": Path("an execution was taken back", (Group.VENUE,)),
        "books.differed": Path("a comparison with the venue was not clean"),
        "latch.read_back": Path("a stop that only an operator lifts was read from disk at a start", (Group.PROCESS,)),
        "data.fallback": Path("quotes of a fallback source were in force", (Group.FEED,)),
        "data.none": Path("no source was fresh", (Group.FEED,)),
        "risk.tripped": Path("a limit of risk stopped trading"),
        "stop_plan.ran": Path("a stop plan ran"),
        "stop_plan.reduced": Path("a position was sold off step by step"),
        "stop_plan.escaped": Path("everything of a scope was cancelled and closed at the market"),
        "channel.came_back": Path("the order channel went down and came up again", (Group.VENUE, Group.TRANSPORT)),
        "ledger.refused": Path("a commit failed, and its sender was told", (Group.STORE,)),
        "letter.dead": Path("a message that nobody would handle was written down", (Group.ACTOR,)),
        "command.refused_as_stale": Path("a command of an incarnation that has ended was refused", (Group.ACTOR,)),
        **_of_modes(),
    }
)


def can_happen(path: Path) -> bool:
    """Whether a fault of the catalogue brings it about: else nobody is to wait for it."""
    if path.mode is not None:
        return any(fault.alarms is path.mode for fault in CATALOGUE.values())
    return not path.groups or any(group_of(name) in path.groups for name in CATALOGUE)


Sight = tuple[str, Callable[[Any], bool]]
"""Name of the path, and whether this record or message shows it."""


def _always(_: object) -> bool:
    return True


def _is_of_an_ended_incarnation(record: OrderRecorded) -> bool:
    return record.change == "unknown" and "earlier incarnation" in (record.order.reason or "")


IN_RECORDS: Mapping[type[Record], tuple[Sight, ...]] = MappingProxyType(
    {
        OrderRecorded: (
            ("order.unknown", lambda r: r.change == "unknown"),
            (
                "order.unknown_after_restart",
                _is_of_an_ended_incarnation,
            ),
            ("order.sent_again", lambda r: r.change == "resent"),
            ("order.ended_late", lambda r: r.is_late),
            ("child.replaced", lambda r: r.change == "created" and r.order.attempt > 0),
            ("trade.reversed", lambda r: r.change == "reversed"),
        ),
        FillRecorded: (
            ("fill.by_query_only", lambda r: r.source == "query"),
            ("fill.by_snapshot_only", lambda r: r.source == "snapshot"),
        ),
        OrphanFillSeen: (("order.orphan_fill", _always),),
        ReconciliationRecorded: (("books.differed", lambda r: not r.result.is_clean),),
        SourceRecorded: (
            ("data.fallback", lambda r: r.change.source in (DataSource.SNAPSHOT, DataSource.BROKER)),
            ("data.none", lambda r: r.change.source is DataSource.NONE),
        ),
        RiskTripRecorded: (("risk.tripped", _always),),
        StopPlansRecorded: (("stop_plan.ran", lambda r: any(plan.waits_for is None for plan in r.plans)),),
        ReductionRecorded: (("stop_plan.reduced", lambda r: bool(r.closes)),),
        EscapeRecorded: (("stop_plan.escaped", lambda r: r.is_over),),
        DeadLetterRecorded: (("letter.dead", _always),),
    }
)
IN_MESSAGES: Mapping[type[Body], tuple[Sight, ...]] = MappingProxyType(
    {
        AppendFailed: (("ledger.refused", _always),),
    }
)
SETTLED_BY: Mapping[str, str] = MappingProxyType(
    {
        "OrderStatusReported": "order.found_by_query",
        "VenueSnapshotTaken": "order.found_by_snapshot",
        "ResolveOrder": "order.settled_by_operator",
    }
)
"""By the message that the OMS worked on when an unknown order became known; anything else is a late report of it."""
OF_ABSENCE = (OrderStatus.FAILED, OrderStatus.PENDING_SUBMIT)
"""What an unknown order becomes that the venue has never had: given up, or sent again."""
REASON_OF_TIMEOUT = "adjust:"
"""Begins the reason of a cancel whose order has not filled in time."""
