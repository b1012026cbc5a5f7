"""The states of an order, as a table.

`TABLE` maps (status, event) to the next status; `ILLEGAL` names every pair that must not happen. Between them they hold
every pair there is, and a test counts. A pair that is illegal raises IllegalTransition and changes nothing.

Rules that the table keeps:
- States only rise, unless the venue takes an execution back. An acknowledgement that comes after a fill, or after the
  end, changes nothing.
- Only the venue's word ends UNKNOWN (a proof of absence is the venue's word, too).
- CANCELLED, EXPIRED, FILLED and REJECTED are the venue's words and stand, except that executions are always believed:
  a late one is booked. A part fill of a REJECTED order is two words of the venue against each other: UNKNOWN.
- FAILED is our own conclusion ("never reached the venue"); any word of the venue overrules it.
- A reject that comes after a fill proves nothing about the rest: UNKNOWN.

What it is not: it knows no quantities. `order_events.apply` chooses the event from them.
"""

from collections.abc import Mapping
from enum import StrEnum

from messages.values import OrderStatus as S


class Event(StrEnum):
    """What may happen to an order. `_PART_FILLED` and `_UNANSWERED` say what was known of it when it happened."""

    ACCEPTED = "accepted"
    ACCEPTED_PART_FILLED = "accepted, part filled"
    PARTIAL_FILL = "partial fill"
    FULL_FILL = "full fill"
    OVERFILL = "overfill"
    EXECUTION_REVERSED = "execution reversed"
    LAST_EXECUTION_REVERSED = "last execution reversed"
    REJECTED = "rejected"
    REJECTED_PART_FILLED = "rejected, part filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NOT_SENT = "not sent"
    OUTCOME_UNKNOWN = "outcome unknown"
    CANCEL_REJECTED = "cancel rejected"
    CANCEL_REJECTED_PART_FILLED = "cancel rejected, part filled"
    CANCEL_REJECTED_UNANSWERED = "cancel rejected, submit unanswered"
    CANCEL_UNKNOWN = "cancel outcome unknown"
    CANCEL_REQUESTED = "cancel requested"
    NOT_SENT_FINAL = "not sent, given up"
    PROVEN_ABSENT = "proven absent"
    RESENT = "proven absent, sent again"


E = Event
OURS: frozenset[Event] = frozenset({E.CANCEL_REQUESTED, E.NOT_SENT_FINAL, E.PROVEN_ABSENT, E.RESENT})
"""Events that we bring about; all others are evidence, which is never refused."""
FILLS: frozenset[Event] = frozenset({E.PARTIAL_FILL, E.FULL_FILL, E.OVERFILL})


REVERSALS: tuple[Event, ...] = (E.EXECUTION_REVERSED, E.LAST_EXECUTION_REVERSED)


class IllegalTransition(RuntimeError):
    """A step that the table forbids; a fault of ours, never the venue's. Nothing was changed."""

    def __init__(self, status: S, event: Event, detail: str = "") -> None:
        super().__init__(f"an order that is {status} cannot become '{event}'{': ' + detail if detail else ''}")
        self.status = status
        self.event = event


# What an open order makes of evidence that says nothing new about it, or only something about another request.
_WAITING = (E.NOT_SENT, E.CANCEL_UNKNOWN)
# What an ended order makes of news that are older than its end.
_STALE = (E.NOT_SENT, E.CANCEL_UNKNOWN, E.OUTCOME_UNKNOWN, E.CANCELLED, E.EXPIRED)
_CANCEL_REFUSALS = (E.CANCEL_REJECTED, E.CANCEL_REJECTED_PART_FILLED, E.CANCEL_REJECTED_UNANSWERED)
_ENDS = {E.FULL_FILL: S.FILLED, E.OVERFILL: S.FILLED, E.CANCELLED: S.CANCELLED, E.EXPIRED: S.EXPIRED}


def _stay(status: S, *events: Event) -> dict[Event, S]:
    return dict.fromkeys(events, status)


def _ended_with_rest(status: S) -> dict[Event, S]:
    """CANCELLED and EXPIRED: the rest is gone, yet an execution may still be told of."""
    return {
        **_stay(status, *_STALE, *_CANCEL_REFUSALS, E.ACCEPTED, E.ACCEPTED_PART_FILLED),
        **_stay(status, E.REJECTED, E.REJECTED_PART_FILLED, E.PARTIAL_FILL, *REVERSALS),
        E.FULL_FILL: S.FILLED,
        E.OVERFILL: S.FILLED,
    }


_ROWS: Mapping[S, Mapping[Event, S]] = {
    S.PENDING_SUBMIT: {
        **_ENDS,
        **_stay(S.PENDING_SUBMIT, *_WAITING, E.CANCEL_REJECTED, E.CANCEL_REJECTED_UNANSWERED, E.RESENT),
        E.ACCEPTED: S.SUBMITTED,
        E.PARTIAL_FILL: S.PARTIAL,
        E.REJECTED: S.REJECTED,
        E.OUTCOME_UNKNOWN: S.UNKNOWN,
        E.CANCEL_REQUESTED: S.PENDING_CANCEL,
        E.NOT_SENT_FINAL: S.FAILED,
        E.PROVEN_ABSENT: S.FAILED,
    },
    S.SUBMITTED: {
        **_ENDS,
        # The submit has been answered, so a lost reply to it says nothing any more.
        **_stay(S.SUBMITTED, *_WAITING, E.OUTCOME_UNKNOWN, E.ACCEPTED),
        **_stay(S.SUBMITTED, E.CANCEL_REJECTED, E.CANCEL_REJECTED_UNANSWERED),
        E.PARTIAL_FILL: S.PARTIAL,
        E.REJECTED: S.REJECTED,
        E.CANCEL_REQUESTED: S.PENDING_CANCEL,
    },
    S.PARTIAL: {
        **_ENDS,
        **_stay(S.PARTIAL, *_WAITING, E.OUTCOME_UNKNOWN, E.ACCEPTED_PART_FILLED),
        **_stay(S.PARTIAL, E.PARTIAL_FILL, E.CANCEL_REJECTED_PART_FILLED, E.EXECUTION_REVERSED),
        E.LAST_EXECUTION_REVERSED: S.SUBMITTED,
        E.REJECTED_PART_FILLED: S.UNKNOWN,
        E.CANCEL_REQUESTED: S.PENDING_CANCEL,
    },
    S.PENDING_CANCEL: {
        **_ENDS,
        **_stay(S.PENDING_CANCEL, *REVERSALS),
        **_stay(S.PENDING_CANCEL, *_WAITING, E.ACCEPTED, E.ACCEPTED_PART_FILLED, E.PARTIAL_FILL, E.CANCEL_REQUESTED),
        E.REJECTED: S.REJECTED,
        E.REJECTED_PART_FILLED: S.UNKNOWN,
        E.OUTCOME_UNKNOWN: S.UNKNOWN,
        E.CANCEL_REJECTED: S.SUBMITTED,
        E.CANCEL_REJECTED_PART_FILLED: S.PARTIAL,
        E.CANCEL_REJECTED_UNANSWERED: S.PENDING_SUBMIT,
        E.NOT_SENT_FINAL: S.FAILED,
        E.PROVEN_ABSENT: S.FAILED,
    },
    S.UNKNOWN: {
        **_ENDS,
        **_stay(S.UNKNOWN, *REVERSALS),
        **_stay(S.UNKNOWN, *_WAITING, *_CANCEL_REFUSALS, E.OUTCOME_UNKNOWN, E.REJECTED_PART_FILLED, E.CANCEL_REQUESTED),
        E.ACCEPTED: S.SUBMITTED,
        E.ACCEPTED_PART_FILLED: S.PARTIAL,
        E.PARTIAL_FILL: S.PARTIAL,
        E.REJECTED: S.REJECTED,
        E.PROVEN_ABSENT: S.FAILED,
        E.RESENT: S.PENDING_SUBMIT,
    },
    S.FILLED: {
        **_stay(S.FILLED, *_STALE, E.ACCEPTED_PART_FILLED, E.REJECTED_PART_FILLED, E.CANCEL_REJECTED_PART_FILLED),
        E.OVERFILL: S.FILLED,
        # The venue does not put the order back; if it does, its next word says so.
        **_stay(S.CANCELLED, *REVERSALS),
    },
    S.REJECTED: {
        **_stay(S.REJECTED, *_STALE, E.ACCEPTED, E.REJECTED, E.CANCEL_REJECTED, E.CANCEL_REJECTED_UNANSWERED),
        E.PARTIAL_FILL: S.UNKNOWN,
        E.FULL_FILL: S.FILLED,
        E.OVERFILL: S.FILLED,
    },
    S.CANCELLED: _ended_with_rest(S.CANCELLED),
    S.EXPIRED: _ended_with_rest(S.EXPIRED),
    S.FAILED: {
        **_ENDS,
        **_stay(S.FAILED, *_WAITING, E.CANCEL_REJECTED, E.CANCEL_REJECTED_UNANSWERED),
        E.ACCEPTED: S.SUBMITTED,
        E.PARTIAL_FILL: S.PARTIAL,
        E.REJECTED: S.REJECTED,
        E.OUTCOME_UNKNOWN: S.UNKNOWN,
    },
}

TABLE: Mapping[tuple[S, Event], S] = {
    (status, event): after for status, row in _ROWS.items() for event, after in row.items()
}

# Nothing is filled yet in these, or something is: the other variant of an event cannot arise.
_NEEDS_FILLED = (E.ACCEPTED_PART_FILLED, E.REJECTED_PART_FILLED, E.CANCEL_REJECTED_PART_FILLED)
_NEEDS_UNFILLED = (E.ACCEPTED, E.REJECTED, E.CANCEL_REJECTED, E.CANCEL_REJECTED_UNANSWERED)
_GIVING_UP = (E.NOT_SENT_FINAL, E.PROVEN_ABSENT, E.RESENT)

ILLEGAL: Mapping[S, frozenset[Event]] = {
    # Nothing is executed yet that could be taken back.
    S.PENDING_SUBMIT: frozenset({*_NEEDS_FILLED, *REVERSALS}),
    S.SUBMITTED: frozenset({*_NEEDS_FILLED, *_GIVING_UP, *REVERSALS}),
    S.PARTIAL: frozenset({*_NEEDS_UNFILLED, *_GIVING_UP}),
    S.PENDING_CANCEL: frozenset({E.RESENT}),
    S.UNKNOWN: frozenset({E.NOT_SENT_FINAL}),
    # Whatever is executed beyond a filled order is an overfill.
    S.FILLED: frozenset({*_NEEDS_UNFILLED, *OURS, E.PARTIAL_FILL, E.FULL_FILL}),
    S.REJECTED: frozenset({*_NEEDS_FILLED, *OURS, *REVERSALS}),
    S.CANCELLED: OURS,
    S.EXPIRED: OURS,
    S.FAILED: frozenset({*_NEEDS_FILLED, *OURS, *REVERSALS}),
}


def next_status(status: S, event: Event) -> S:
    """The status after `event`. Raises IllegalTransition."""
    after = TABLE.get((status, event))
    if after is None:
        raise IllegalTransition(status, event)
    return after


def as_mermaid() -> str:
    """The state diagram drawn from the table. Edges that lead out of an ended state are marked late.

    Events that leave a status as it is are not drawn; the table in the text beside it has them.
    """
    edges: dict[tuple[S, S], list[str]] = {}
    for (before, event), after in TABLE.items():
        if before is not after:
            edges.setdefault((before, after), []).append(event.value)
    lines = ["stateDiagram-v2", "    [*] --> PENDING_SUBMIT: recorded, before the first byte leaves"]
    for (before, after), events in edges.items():
        late = "late: " if before.is_terminal else ""
        lines.append(f"    {before} --> {after}: {late}{' / '.join(events)}")
    lines += [f"    {status} --> [*]" for status in S if status.is_terminal]
    return "\n".join(lines) + "\n"
