"""KIS's WebSocket: subscribing, its answers, the venue's pings, and the frames that carry data. Never raises.

One socket of an app key carries market data and notices alike. Control messages are JSON; data comes as
`0|H0STCNT0|002|field^field^…`: encrypted or not, which stream, how many records, and their fields one after another.
"""

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.facts import ProtocolError, clipped
from bulkhead.venues.wire.fields import JsonObject, Malformed
from bulkhead.venues.wire.kis_cipher import NoticeKey
from bulkhead.venues.wire.kis_fields import guarded_secret, optional_text, without_secrets

PINGPONG = "PINGPONG"

_FRAME = re.compile(r"([01])\|([A-Z0-9]{4,12})\|([0-9]{3})\|(.*)", re.DOTALL)
_SUBSCRIBE, _UNSUBSCRIBE = "1", "2"


class Meaning(StrEnum):
    """What an answer to a subscription means for the connection."""

    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    REFUSED = "refused"
    """This registration only."""
    KEY_REFUSED = "key_refused"
    """Nothing will be carried until there is another approval key, or the other session of this app key has ended."""


SUBSCRIBED = "OPSP0000"

CODES: dict[str, tuple[Meaning, str]] = {
    # Told by independent clients. A code that is not here is a refusal, whatever rt_cd says.
    SUBSCRIBED: (Meaning.SUBSCRIBED, "subscribed"),
    "OPSP0001": (Meaning.UNSUBSCRIBED, "unsubscribed"),
    "OPSP0002": (Meaning.SUBSCRIBED, "was subscribed already"),
    "OPSP0003": (Meaning.UNSUBSCRIBED, "to be unsubscribed, and there was no such registration"),
    "OPSP0007": (Meaning.REFUSED, "an error inside the server"),
    "OPSP0008": (Meaning.REFUSED, "more registrations than the venue allows"),
    "OPSP0010": (Meaning.KEY_REFUSED, "invalid app key"),
    "OPSP0011": (Meaning.KEY_REFUSED, "invalid approval key"),
    "OPSP8991": (Meaning.REFUSED, "no such stream"),
    "OPSP8992": (Meaning.REFUSED, "no such symbol or HTS id"),
    "OPSP8996": (Meaning.KEY_REFUSED, "another session uses this app key"),
}


@dataclass(frozen=True, slots=True)
class Ack:
    """The answer to one subscription or its end."""

    tr_id: str
    tr_key: str = field(repr=False)
    """A symbol, or the HTS id of a person."""
    meaning: Meaning
    code: str
    reason: str
    notice_key: NoticeKey | None
    """With the notices' registration only. Judge by this, not by header.encrypt: the official samples disagree."""


@dataclass(frozen=True, slots=True)
class Ping:
    """To be answered with a pong control frame that carries this very text, as the official samples do."""

    text: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Data of one stream, not read yet. `repr` shows no payload: a notice names a person and an account."""

    is_encrypted: bool
    tr_id: str
    count: int
    payload: str = field(repr=False)


# -- requests ---------------------------------------------------------------------------------------------------------


def subscribe(approval_key: str, tr_id: str, tr_key: str, customer: str = "P") -> str:
    """`tr_key` is a symbol; for notices the HTS id, not the account: they carry every account of that id."""
    return _registration(approval_key, _SUBSCRIBE, tr_id, tr_key, customer)


def unsubscribe(approval_key: str, tr_id: str, tr_key: str, customer: str = "P") -> str:
    return _registration(approval_key, _UNSUBSCRIBE, tr_id, tr_key, customer)


def _registration(approval_key: str, what: str, tr_id: str, tr_key: str, customer: str) -> str:
    header = {"approval_key": approval_key, "custtype": customer, "tr_type": what, "content-type": "utf-8"}
    return json.dumps({"header": header, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}})


# -- messages ---------------------------------------------------------------------------------------------------------

Message = Frame | Ack | Ping | ProtocolError


def message(text: str) -> Message:
    """One text frame of the socket."""
    return guarded_secret(text, lambda: _message(text))


def _message(text: str) -> Message:
    if text[:1] in ("0", "1"):
        return _frame(text)
    outer = fields.as_object(fields.parse(text), "message")
    header = fields.as_object(outer.get("header"), "header")
    tr_id = fields.text(header, "tr_id")
    if tr_id == PINGPONG:
        return Ping(text)
    return _ack(tr_id, optional_text(header, "tr_key"), fields.as_object(outer.get("body"), "body"))


def _frame(text: str) -> Frame:
    match = _FRAME.fullmatch(text)
    if match is None:
        raise Malformed("neither a control message nor 0|TR|NNN|fields")
    count = int(match[3])
    if not count or not match[4]:
        raise Malformed("a data frame without records")
    return Frame(match[1] == "1", match[2], count, match[4])


def _ack(tr_id: str, tr_key: str, body: JsonObject) -> Ack:
    result, code, words = fields.text(body, "rt_cd"), fields.text(body, "msg_cd"), optional_text(body, "msg1")
    if code == SUBSCRIBED and result != "0":
        raise Malformed("the words of a success with an rt_cd that is none")
    meaning, why = CODES.get(code, (Meaning.REFUSED, "a code that is in no list"))
    reason = clipped(without_secrets(f"{why} (rt_cd {result}: {words})"))
    key = None
    if "output" in body:
        output = fields.as_object(body["output"], "output")
        if "key" in output or "iv" in output:
            key = NoticeKey(fields.text(output, "key"), fields.text(output, "iv"))
    return Ack(without_secrets(tr_id), tr_key, meaning, without_secrets(code), reason, key)


# -- records ----------------------------------------------------------------------------------------------------------


def records(payload: str, count: int, names: tuple[str, ...], widths: tuple[int, ...]) -> tuple[JsonObject, ...]:
    """The records of a payload by field name, as far as `names` go; `widths` are the layouts that the venue has had.

    A width is known only from the number of records that the frame states, so it must divide exactly, and be one of
    those: read by a guessed width, one symbol's price would be taken for another's. Raises Malformed.
    """
    values = payload.split("^")
    width, rest = divmod(len(values), count)
    if rest or width not in widths:
        known = " or ".join(str(each) for each in widths)
        raise Malformed(f"{len(values)} fields in {count} records: a record has {known}")
    return tuple(dict(zip(names, values[at : at + width], strict=False)) for at in range(0, len(values), width))
