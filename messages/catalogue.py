"""The closed catalogue: every message there is, by name, and JSON in and out for each.

A body class that is not found here cannot be posted or read; tests/messages holds the catalogue against the classes
defined in this package, so that a new message cannot be forgotten.
"""

import json
from types import ModuleType
from typing import Any

from messages import (
    adjustments,
    clock,
    escapes,
    failure,
    inbox,
    instruments,
    intents,
    market,
    market_health,
    operator,
    orders,
    portfolio,
    rates,
    records,
    reversals,
    risk_history,
    stops,
    supervision,
    trading,
)
from messages.base import Body, Command, Envelope, Evidence, Letter
from messages.records import Append, Record

_MODULES: tuple[ModuleType, ...] = (
    *(market, trading, orders, intents, portfolio, failure, supervision, records),
    *(adjustments, escapes, reversals, inbox, instruments, market_health, operator, rates),
    *(risk_history, clock, stops),
)
_ABSTRACT: frozenset[type] = frozenset(
    {
        Body,
        Command,
        Evidence,
        Record,
        market.MarketData,
        orders.OrderEvidence,
        supervision.ChildCommand,
        operator.OperatorCommand,
    }
)


def _find(base: type) -> dict[str, type[Any]]:
    return {
        name: thing
        for module in _MODULES
        for name, thing in vars(module).items()
        if isinstance(thing, type) and issubclass(thing, base) and thing not in _ABSTRACT
    }


BODIES: dict[str, type[Body]] = _find(Body)
RECORDS: dict[str, type[Record]] = _find(Record)
_APPROVED = "RiskApproved[OrderIntent]"
BODIES.pop("RiskApproved")
BODIES[_APPROVED] = trading.RiskApproved[trading.OrderIntent]


class UnknownMessage(ValueError):
    """JSON names a message that is not in the catalogue."""


def name_of(item: Body | Record) -> str:
    """The catalogue's name of a body or record."""
    return type(item).__name__


def body_to_json(body: Body) -> dict[str, Any]:
    """`{"type": …, **fields}` of plain JSON types; nested records and letters carry their own type."""
    fields = body.model_dump(mode="json")
    if isinstance(body, Append):
        fields["records"] = [record_to_json(record) for record in body.records]
        fields["release"] = [letter_to_json(letter) for letter in body.release]
    return {"type": name_of(body), **fields}


def body_from_json(data: dict[str, Any]) -> Body:
    """Inverse of `body_to_json`. Raises UnknownMessage, or pydantic's ValidationError for a bad field."""
    fields = dict(data)
    name = fields.pop("type", None)
    if name not in BODIES:
        raise UnknownMessage(f"no message is called {name!r}")
    if name == "Append":
        fields["records"] = [record_from_json(record) for record in fields["records"]]
        fields["release"] = [letter_from_json(letter) for letter in fields["release"]]
    return BODIES[name].model_validate(fields)


def record_to_json(record: Record) -> dict[str, Any]:
    return {"type": name_of(record), **record.model_dump(mode="json")}


def record_from_json(data: dict[str, Any]) -> Record:
    """Inverse of `record_to_json`. Raises UnknownMessage, or pydantic's ValidationError for a bad field."""
    fields = dict(data)
    name = fields.pop("type", None)
    if name not in RECORDS:
        raise UnknownMessage(f"no record is called {name!r}")
    return RECORDS[name].model_validate(fields)


def envelope_to_json(envelope: Envelope) -> dict[str, Any]:
    fields = envelope.model_dump(mode="json", exclude={"body"})
    return {**fields, "body": body_to_json(envelope.body)}


def envelope_from_json(data: dict[str, Any]) -> Envelope:
    return Envelope.model_validate({**data, "body": body_from_json(data["body"])})


def letter_to_json(letter: Letter) -> dict[str, Any]:
    return {"to": letter.to, "envelope": envelope_to_json(letter.envelope)}


def letter_from_json(data: dict[str, Any]) -> Letter:
    return Letter(to=data["to"], envelope=envelope_from_json(data["envelope"]))


def canonical(data: dict[str, Any]) -> str:
    """JSON with sorted keys and no spaces: the text that is hashed and compared."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
