"""Body and Envelope: what a message is, and what travels with it.

A `Body` says what happened or what is asked; an `Envelope` says who sent it, when, in which order, and because of what.
Behaviours only ever write bodies; the runtime seals them. Chains can be walked both ways: `correlation_id` names the
tick or timer that began it, `causation_id` the message that caused this one.
"""

from enum import IntEnum, StrEnum
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field, SerializeAsAny

from messages.values import Nanoseconds, Value

V = TypeVar("V", bound=Value)


class Lane(IntEnum):
    """Mailbox lanes, first served first."""

    SYSTEM = 0
    ORDER = 1
    DATA = 2


class Nature(StrEnum):
    COMMAND = "command"
    """Imperative. Refused at the ports when its sender's incarnation has ended."""
    EVIDENCE = "evidence"
    """What a venue said. Never refused, never dropped."""
    EVENT = "event"
    """What one of our own parts did or saw."""


class Body(Value):
    """Base of every message; a subclass states its lane and nature."""

    lane: ClassVar[Lane] = Lane.ORDER
    nature: ClassVar[Nature] = Nature.EVENT
    is_refusable: ClassVar[bool] = False
    """May be refused with BUSY, and not queued, while too many such wait at the receiver; see `needs_credit`."""
    is_conflated: ClassVar[bool] = False
    """Has a `conflation_key`."""

    @property
    def needs_credit(self) -> bool:
        """Of a refusable one: whether this very message is."""
        return self.is_refusable

    @property
    def subject(self) -> str:
        """What it is about, by its id, for telling the sender what was refused."""
        return ""

    def conflation_key(self) -> str | None:
        """Key under which a newer message may replace this one in a lagging reader's queue; None: never replaced."""
        return None


class Command(Body):
    nature = Nature.COMMAND


class Evidence(Body):
    nature = Nature.EVIDENCE


class Envelope(Value):
    """A sealed message.

    `id` is `<sender>.<epoch>.<seq>`, unique within a session without any randomness; `at_ns` is the sender's trading
    clock, `received_at_ns` the trading clock when our process first got it (equal for messages born inside).
    """

    id: str
    sender: str
    seq: Annotated[int, Field(ge=0)]
    epoch: Annotated[int, Field(ge=0)]
    at_ns: Nanoseconds
    received_at_ns: Nanoseconds
    correlation_id: str
    causation_id: str | None
    body: SerializeAsAny[Body]


class Letter(Value):
    """An envelope with its address: sealed now, posted later (for example once a commit is on disk)."""

    to: str
    envelope: Envelope


_ENVELOPE_FIELDS, _LETTER_FIELDS = set(Envelope.model_fields), set(Letter.model_fields)
_set = object.__setattr__


def envelope_of(
    body: Body,
    *,
    sender: str,
    epoch: int,
    seq: int,
    own_id: str,
    at_ns: int,
    correlation_id: str,
    causation_id: str | None,
) -> Envelope:
    """As `Envelope(...)` makes it, for the runtime alone: its parts were made by the runtime in this very instant, and
    nothing of them is looked at again. What comes from anywhere else is validated."""
    fields = {
        "id": own_id,
        "sender": sender,
        "seq": seq,
        "epoch": epoch,
        "at_ns": at_ns,
        "received_at_ns": at_ns,
        "correlation_id": correlation_id,
        "causation_id": causation_id,
        "body": body,
    }
    return _made(Envelope, fields, _ENVELOPE_FIELDS)


def letter_to(to: str, envelope: Envelope) -> Letter:
    """As `Letter(...)` makes it; like `envelope_of`."""
    return _made(Letter, {"to": to, "envelope": envelope}, _LETTER_FIELDS)


def _made(kind: type[V], fields: dict[str, Any], names: set[str]) -> V:
    """What `BaseModel.model_construct` does, without asking what each field is: two of these go with each message."""
    made = kind.__new__(kind)
    _set(made, "__dict__", fields)
    _set(made, "__pydantic_fields_set__", names.copy())
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made
