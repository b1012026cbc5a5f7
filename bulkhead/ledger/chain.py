"""The hash chain of events: pure functions.

`hash = sha256(prev_hash + canonical JSON of all other fields)`, hex, where the payload counts as the text it is.
A chain proves that nothing between its two ends was changed, added or taken out; it cannot prove that its end was not
cut off, for which the files are compared with the ledger and with the session's own last words (verify.py).
"""

import hashlib
from collections.abc import Iterable
from json.encoder import encode_basestring
from typing import NamedTuple

from messages.records import LedgerEvent, Stream

GENESIS_HASH = "0" * 64
SCHEMA_VERSION = 1


class Head(NamedTuple):
    """The last link: what the next event is chained to."""

    seq: int
    hash: str


GENESIS = Head(0, GENESIS_HASH)


class Break(NamedTuple):
    """The first event at which a chain does not hold, and why."""

    seq: int
    reason: str


def canonical_text(event: LedgerEvent) -> str:
    """The JSON that is hashed: every field but the two hashes, keys sorted, no spaces.

    Written out by hand because it is on the order path; a test holds it against messages.catalogue.canonical.
    """
    quote = encode_basestring
    causation = "null" if event.causation_id is None else quote(event.causation_id)
    return (
        f'{{"at_ns":{event.at_ns},"causation_id":{causation},"correlation_id":{quote(event.correlation_id)},'
        f'"payload":{quote(event.payload)},"schema_version":{event.schema_version},"seq":{event.seq},'
        f'"session_id":{quote(event.session_id)},"stream":{quote(event.stream.value)},"type":{quote(event.type)}}}'
    )


def hash_of(event: LedgerEvent) -> str:
    """What the event's hash must be, from its other fields."""
    return hashlib.sha256((event.prev_hash + canonical_text(event)).encode()).hexdigest()


def link(
    head: Head,
    *,
    at_ns: int,
    stream: Stream,
    type_name: str,
    session_id: str,
    correlation_id: str,
    causation_id: str | None,
    payload: str,
) -> LedgerEvent:
    """The next event after `head`."""
    event = LedgerEvent(
        schema_version=SCHEMA_VERSION,
        seq=head.seq + 1,
        at_ns=at_ns,
        stream=stream,
        type=type_name,
        session_id=session_id,
        correlation_id=correlation_id,
        causation_id=causation_id,
        payload=payload,
        prev_hash=head.hash,
        hash="",
    )
    return event.model_copy(update={"hash": hash_of(event)})


def verify(events: Iterable[LedgerEvent], head: Head | None = GENESIS) -> Break | None:
    """The first break after `head`, or None. With `head` None the first event's word is taken for what was before."""
    for event in events:
        if head is not None and event.seq != head.seq + 1:
            return Break(event.seq, f"seq {event.seq} follows {head.seq}: something between is missing or doubled")
        if head is not None and event.prev_hash != head.hash:
            return Break(event.seq, "its prev_hash is not the hash of the event before it")
        if event.hash != hash_of(event):
            return Break(event.seq, "its content does not give its hash")
        head = Head(event.seq, event.hash)
    return None
