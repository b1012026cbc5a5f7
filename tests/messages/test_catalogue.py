"""The catalogue is closed, and every message in it comes back from JSON as it was."""

import importlib
import json
import pkgutil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

import messages
from messages import market, operator, orders, supervision
from messages.base import Body, Command, Envelope, Evidence, Lane, Letter, Nature
from messages.catalogue import (
    BODIES,
    RECORDS,
    UnknownMessage,
    body_from_json,
    body_to_json,
    canonical,
    envelope_from_json,
    envelope_to_json,
    letter_from_json,
    letter_to_json,
    name_of,
    record_from_json,
    record_to_json,
)
from messages.failure import StopLevelChanged
from messages.orders import SubmitOrder
from messages.records import Append, FillRecorded, Record, Stream
from messages.trading import RiskApproved
from tests.actors.kit import enveloped
from tests.execution.orders import order
from tests.ledger.generated import instances
from tests.ledger.stories import fill_recorded

few = settings(max_examples=8, suppress_health_check=list(HealthCheck))
ABSTRACT = {
    Body,
    Command,
    Evidence,
    Record,
    market.MarketData,
    orders.OrderEvidence,
    RiskApproved,
    supervision.ChildCommand,
    operator.OperatorCommand,
}


def through_text(data: dict[str, Any]) -> dict[str, Any]:
    """As it would be read from a file."""
    read: dict[str, Any] = json.loads(canonical(data))
    return read


def defined(base: type[BaseModel]) -> set[type]:
    """Every subclass that some module of messages/ defines, found without asking the catalogue."""
    modules = [importlib.import_module(f"messages.{info.name}") for info in pkgutil.iter_modules(messages.__path__)]
    found = {
        thing
        for module in modules
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, base) and thing.__module__ == module.__name__
    }
    return {thing for thing in found - ABSTRACT if "[" not in thing.__name__}  # a generic, spelt out


def test_every_body_is_in_the_catalogue() -> None:
    approved = BODIES["RiskApproved[OrderIntent]"]
    assert set(BODIES.values()) - {approved} == defined(Body)
    assert issubclass(approved, RiskApproved)


def test_every_record_is_in_the_catalogue() -> None:
    assert set(RECORDS.values()) == defined(Record)


@pytest.mark.parametrize("name", sorted(set(BODIES) - {"Append"}))
@few
@given(data=st.data())
def test_every_body_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    body: Body = data.draw(instances(BODIES[name]))
    assert name_of(body) == name
    again = body_from_json(through_text(body_to_json(body)))
    assert again == body
    assert type(again) is type(body)
    assert canonical(body_to_json(again)) == canonical(body_to_json(body))


@pytest.mark.parametrize("name", sorted(RECORDS))
@few
@given(data=st.data())
def test_every_record_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    record: Record = data.draw(instances(RECORDS[name]))
    again = record_from_json(through_text(record_to_json(record)))
    assert again == record
    assert isinstance(record.stream, Stream)


@few
@given(data=st.data())
def test_an_append_keeps_the_kinds_of_what_is_nested_in_it(data: st.DataObject) -> None:
    records = tuple(
        data.draw(instances(RECORDS[name])) for name in ("FillRecorded", "OrderRecorded", "FailureRecorded")
    )
    bodies = [data.draw(instances(BODIES[name])) for name in ("SubmitOrder", "FillBooked", "RiskApproved[OrderIntent]")]
    letters = tuple(Letter(to="broker:sim", envelope=enveloped(body)) for body in bodies)
    inner = Append(records=records, release=letters)
    outer = Append(records=(), release=(Letter(to="ledger", envelope=enveloped(inner)),))
    for append in (inner, outer):
        assert body_from_json(through_text(body_to_json(append))) == append


def test_envelopes_and_letters_come_back_as_they_were() -> None:
    envelope = enveloped(SubmitOrder(ticket=order().ticket), correlation_id="tick-1")
    assert envelope_from_json(through_text(envelope_to_json(envelope))) == envelope
    letter = Letter(to="broker:sim", envelope=envelope)
    assert letter_from_json(through_text(letter_to_json(letter))) == letter


@pytest.mark.parametrize("name", [None, "", "Nothing", "Body", "Record", "Command", "RiskApproved", "submitorder", 7])
def test_unknown_names_are_refused(name: object) -> None:
    with pytest.raises(UnknownMessage):
        body_from_json({"type": name})
    with pytest.raises(UnknownMessage):
        record_from_json({"type": name})


def test_a_record_is_no_body_and_a_body_no_record() -> None:
    with pytest.raises(UnknownMessage):
        body_from_json(record_to_json(fill_recorded(1)))
    with pytest.raises(UnknownMessage):
        record_from_json(body_to_json(SubmitOrder(ticket=order().ticket)))


def test_a_misspelt_field_is_refused() -> None:
    data = record_to_json(fill_recorded(1))
    data["suorce"] = data.pop("source")
    with pytest.raises(ValidationError):
        record_from_json(data)


def test_canonical_text_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical({"b": 1, "a": {"d": "é", "c": 2}}) == '{"a":{"c":2,"d":"é"},"b":1}'


# -- lanes and natures ------------------------------------------------------------------------------------------------

COMMANDS = {
    "SubmitOrder",
    "CancelOrder",
    "QueryOrder",
    "TakeVenueSnapshot",
    "TellChannel",
    "Reconcile",
    "OrderIntent",
    "RiskApproved[OrderIntent]",
    "Append",
    "AskVenueTime",
    "LoadInstruments",
    "LoadRecovery",
    "LoadRiskHistory",
    "RebasePeak",
    "TellMarket",
    "TellState",
    "ReconcilePortfolio",
    "CancelEntries",
    "Escape",
    "ConfirmPlan",
    "LiftStops",
    "SetReductions",
    "AdoptOrder",
    "IgnoreStranger",
    "ResolveOrder",
    "SettleDrift",
    "RemoveChild",
    "RestartChild",
    "RestartDue",
    "StartChild",
    "StopChild",
    "Stop",
    "TimerFired",
}


def test_commands_are_those_and_no_others() -> None:
    """A command of an ended incarnation is refused: each name here was a decision."""
    assert {name for name, body in BODIES.items() if body.nature is Nature.COMMAND} == COMMANDS


def test_all_that_a_venue_says_of_orders_and_rules_is_evidence() -> None:
    evidence = {body for body in BODIES.values() if body.nature is Nature.EVIDENCE}
    assert evidence == {body for body in BODIES.values() if issubclass(body, Evidence)}
    assert {body.lane for body in evidence} == {Lane.ORDER}
    modules = ("orders", "reversals", "instruments", "rates", "clock")
    assert {body.__module__ for body in evidence} == {f"messages.{name}" for name in modules}


def test_only_market_data_and_marks_may_be_dropped() -> None:
    on_data = {name for name, body in BODIES.items() if body.lane is Lane.DATA}
    assert on_data == {"Trade", "Quote", "Book", "Bar", "Marks"}


def test_supervision_and_stops_come_first() -> None:
    for body in BODIES.values():
        if body.__module__ == "messages.supervision":
            assert body.lane is Lane.SYSTEM, body
    assert BODIES["CancelEntries"].lane is Lane.SYSTEM
    assert BODIES["RiskTripped"].lane is Lane.SYSTEM
    assert StopLevelChanged.lane is Lane.SYSTEM


@few
@given(data=st.data())
def test_only_quotes_books_and_marks_are_conflated(data: st.DataObject) -> None:
    for name in ("Quote", "Book", "Marks"):
        assert data.draw(instances(BODIES[name])).conflation_key() is not None
    for name in ("Trade", "Bar", "ExecutionReported", "OrderIntent"):
        assert data.draw(instances(BODIES[name])).conflation_key() is None


def test_an_envelope_refuses_what_is_no_body() -> None:
    with pytest.raises(ValidationError):
        Envelope.model_validate({**enveloped(order_submit()).model_dump(exclude={"body"}), "body": fill_recorded(1)})
    assert isinstance(fill_recorded(1), FillRecorded)


def order_submit() -> SubmitOrder:
    return SubmitOrder(ticket=order().ticket)
