"""What a codec hands to a transport and what it gets back: plain records, no I/O, no venue.

`HttpFact` is everything that can be known after trying one request. The split between `NothingLeft` and `NoVerdict`
is the one that keeps an order from being sent twice: only a transport can draw it, and it may say `NothingLeft` only
with proof.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

RAW_LIMIT_CHARS = 16_384
"""A peer's words are kept verbatim up to here; a ledger row must not grow with what a broken peer sends."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One HTTP request, ready for the socket: `query` is already encoded (and signed, where the call is signed)."""

    method: str
    path: str
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Not shown, like the query: they carry the key and the signature."""
    costs: Mapping[str, int] = field(default_factory=dict)
    """What the venue counts for it, by kind of limit."""
    body: str = field(default="", repr=False)
    """Sent as UTF-8; empty for none. Not shown either: it may carry a secret."""

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


class NotSupported(ValueError):
    """Our own ticket asks for what the venue does not have; nothing is sent."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `limit` of `kind` (weight, orders, requests: the venue's own word) in each `length_s`."""

    kind: str
    length_s: int
    limit: int
    is_aligned: bool = True
    """The venue's windows begin at multiples of their length on its clock (Unix time), instead of sliding."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole HTTP answer; header names are lower case."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NothingLeft:
    """Proven: no byte of the request was handed to the socket."""

    reason: str
    is_withheld: bool = False
    """By our own last check, not by a failure."""


@dataclass(frozen=True, slots=True)
class NoVerdict:
    """Bytes may have left, and no whole answer came back."""

    reason: str


HttpFact = Answered | NothingLeft | NoVerdict


@dataclass(frozen=True, slots=True)
class ProtocolError:
    """The peer sent something this codec cannot read."""

    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Received:
    """When a message got here: on the trading clock, and on the monotonic one for measuring spans."""

    at_ns: int
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """Well-formed, understood, and not for us."""

    kind: str


class Family(StrEnum):
    """The outcome of a call that changes something at the venue."""

    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"
    """Proven not to have reached the matching engine: the same request may be sent again."""
    REJECTED = "rejected"
    """The venue said no. Final."""
    UNKNOWN = "unknown"
    """No verdict. Ask before doing anything else."""


@dataclass(frozen=True, slots=True)
class Verdict:
    family: Family
    code: str
    reason: str
    retry_after_s: float | None = None
    raw: str = ""


def clipped(text: str) -> str:
    """`text` fit for a message: at most RAW_LIMIT_CHARS, and no lone surrogates (JSON escapes can carry them)."""
    return text[:RAW_LIMIT_CHARS].encode("utf-8", "replace").decode("utf-8")
