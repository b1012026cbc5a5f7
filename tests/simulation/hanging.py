"""Actors of the simulated house that hang over a message of the test's choice, and what must hold of them."""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest.mock import patch

from bulkhead.app.house import GUARD_NAMES
from bulkhead.chaos.model.ports import ModelOrders
from messages.base import Body, Envelope
from messages.failure import FailureMode
from messages.records import (
    ChildDownRecorded,
    DeadLetterRecorded,
    FailureRecorded,
    IntentRecorded,
    OrderRecorded,
)
from messages.supervision import ChildState
from supervisor.runtime.cell import AnyCell
from supervisor.runtime.slot import Incarnation
from tests.simulation.conftest import Run

STUCK_AFTER_S = 5.0
"""What a spec allows when it does not say."""


def anything(_: Any) -> bool:
    return True


class Held(NamedTuple):
    """Over which message an actor is to hang: of this kind, and if `is_it` says so of its body."""

    name: str
    kind: type[Body]
    is_it: Callable[[Any], bool] = anything
    told: Body | None = None
    """Sent by the test, where nobody else may say such a thing for a long time."""


def hang(run: Run, held: Held) -> Envelope:
    """Let it run until that actor takes such a message, which it does not finish. Returns the message."""
    taken: list[Envelope] = []
    handle = run.host._handle

    def watch(one: Incarnation, cell: AnyCell, envelope: Envelope) -> None:
        body = envelope.body
        if not taken and one.slot.name == held.name and isinstance(body, held.kind) and held.is_it(body):
            taken.append(envelope)
            run.host.hang(held.name)
        handle(one, cell, envelope)

    with patch.object(run.host, "_handle", watch):
        if held.told is not None:
            run.host.tell(held.name, held.told, sender="test")
        run.until(lambda: bool(taken))
    return taken[0]


def until_given_up(run: Run, name: str) -> None:
    before = run.house.epoch(name)
    run.until(lambda: run.house.epoch(name) > before, patience_s=STUCK_AFTER_S + 1)


def until_replaced(run: Run, name: str) -> None:
    run.until(lambda: run.house.states()[name] is ChildState.READY)


def until_traded(run: Run) -> None:
    """Both strategies have sent another order, but for one whose order rests where the market does not come."""
    before = len(run.house.venue.orders)

    def traded() -> bool:
        orders = list(run.house.venue.orders.values())
        resting = {order.ticket.symbol for order in orders if not order.status.is_terminal}
        later = {order.ticket.symbol for order in orders[before:]}
        return bool(later) and later | resting == {"BTCUSDT", "ETHUSDT"}

    run.until(traded)


def entries(run: Run) -> int:
    """How many orders that open or enlarge a position have reached the venue."""
    return sum(order.ticket.intent_type.is_entry for order in run.house.venue.orders.values())


def exits_may_leave(run: Run) -> bool:
    return run.house.gate.refusal_in(frozenset({"all"}), is_entry=False) is None


class Ports(NamedTuple):
    """How often somebody has used them: the ledger's last event, and what was handed to the venue."""

    written: int
    handed_in: int


def ports(run: Run) -> Ports:
    orders = run.house.parts.orders
    assert isinstance(orders, ModelOrders)
    return Ports(run.house.file.head.seq, orders.handed_in)


def assert_on_record(run: Run, name: str, message: Envelope) -> None:
    """One report of one death with what it held, the message that nobody will ever handle, and the failure's end."""
    house = run.house
    held = f"{name} was given up: it has held {type(message.body).__name__} for more than {STUCK_AFTER_S:g} s"
    (row,) = (node for node in run.host.status() if node.id == name)
    assert (row.state, row.epoch, row.last_failure) == (ChildState.READY, 2, f"TimeoutError: {held}")
    stuck = [r.failure for r in house.records(FailureRecorded) if r.failure.mode is FailureMode.ACTOR_STUCK]
    assert (stuck[-1].scope, stuck[-1].recovered) == (name, True)
    if name in GUARD_NAMES:
        return  # who would write it down goes down with it
    assert [(failure.scope, failure.recovered) for failure in stuck] == [(name, False), (name, True)]
    assert held in stuck[0].detail
    (down,) = (r.down for r in house.records(ChildDownRecorded) if r.down.child == name)
    assert (down.reason, down.epoch, down.correlation_id) == ("stuck", 1, message.correlation_id)
    (letter,) = (r.letter for r in house.records(DeadLetterRecorded) if r.letter.message_id == message.id)
    assert letter.to == name


def assert_nothing_twice(run: Run) -> None:
    """Each intent and each order is written down once, each execution booked once; no order is sent twice."""
    house = run.house
    created = Counter(r.order.ticket.client_order_id for r in house.records(OrderRecorded) if r.change == "created")
    intents = Counter(r.intent.intent_id for r in house.records(IntentRecorded))
    assert {*created.values(), *intents.values(), *house.fills().values()} == {1}
    assert created.keys() >= house.venue.orders.keys(), "no order was sent that is not on disk"
    assert not house.venue.repeated_ids
