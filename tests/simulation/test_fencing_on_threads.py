"""The house on threads, with a handler that really hangs in a port: given up, replaced, and released too late.

The simulated host lets an actor hang before its handler begins; here it hangs half-way through.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors import addresses
from bulkhead.app.house import Parts, tree
from bulkhead.chaos import house as houses
from bulkhead.chaos.house import House
from bulkhead.chaos.model.busting import BustingVenue
from bulkhead.ledger.apply import apply
from bulkhead.ledger.port import Entry, LedgerUnavailable
from bulkhead.ledger.sqlite import SqliteLedger
from messages.orders import SubmitOrder
from messages.records import OperatorActed, PortfolioRecorded
from messages.supervision import ChildState, NodeStatus
from messages.values import StopLevel
from supervisor.runtime.threaded import ThreadedHost
from supervisor.spec import AnySpec, ChildSpec, SupervisorSpec

STUCK_AFTER_S = 1.0
PATIENCE_S = 60.0
BROKER = addresses.broker("sim")


class Door:
    """Lets everybody through, but for the first one who comes while it is closed: until it is opened again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened = threading.Event()
        self._is_closed = False
        self.is_held = threading.Event()

    def close(self) -> None:
        self._is_closed = True

    def open(self) -> None:
        self._opened.set()

    def pass_through(self) -> bool:
        """True for the one that had to wait."""
        with self._lock:
            waits, self._is_closed = self._is_closed, False
        if waits:
            self.is_held.set()
            self._opened.wait(PATIENCE_S)
        return waits


def quick(spec: AnySpec) -> Any:
    if isinstance(spec, ChildSpec):
        return replace(spec, stuck_after_s=STUCK_AFTER_S)
    return replace(spec, children=tuple(quick(child) for child in spec.children))


def quick_tree(parts: Parts) -> SupervisorSpec:
    """The tree of the product, with less patience for what hangs."""
    spec: SupervisorSpec = quick(tree(parts))
    return spec


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(houses, "tree", quick_tree)
    # What was lost with an actor binds its strategy for so long.
    monkeypatch.setattr("actors.strategy.INTENT_VALID_S", 2.0)
    monkeypatch.setattr("actors.strategy.ANSWER_MARGIN_S", 1.0)
    host = ThreadedHost(seed=1)
    made = House(host, tmp_path, BustingVenue(seed=1, tick_s=0.02))
    yield made
    host.close()
    made.file.close()


def wait(what: Callable[[], Any], house: House) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, (house.gate.reasons(), house.states())
        time.sleep(0.005)


def row(house: House, name: str) -> NodeStatus:
    return next(node for node in house.host.status() if node.id == name)


def until_traded(house: House) -> None:
    before = len(house.venue.orders)
    wait(lambda: len(house.venue.orders) > before + 4, house)


def until_replaced(house: House, name: str) -> None:
    """It has been given up, and its successor has begun; the gate is open again."""
    wait(lambda: row(house, name).state is ChildState.READY and house.epoch(name) == 2, house)
    wait(lambda: house.gate.is_open, house)


def end_well(house: House) -> None:
    """Ends the session in order; then, with nobody else in the ledger, the books are the venue's."""
    house.stop_trading(StopLevel.HARD)
    wait(lambda: house.oms.figures().working == 0 and house.gate.is_recovered, house)
    wait(lambda: house.fills() == house.executed(), house)
    assert house.oms.figures().unknown == 0
    house.stop()
    wait(lambda: bool(house.root_downs), house)
    assert house.root_downs[0].reason == "shutdown"
    assert set(house.fills().values()) <= {1}
    assert house.balances() == house.venue.balances
    assert not house.venue.repeated_ids


@pytest.mark.lesson("L09", "L20")
def test_a_broker_that_hangs_in_the_venues_port_sends_nothing_when_it_comes_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, late = Door(), list[SubmitOrder]()
    submit = house.parts.orders.submit

    def slow_submit(command: SubmitOrder, issuer: str, epoch: int) -> None:
        if door.pass_through():
            late.append(command)
        submit(command, issuer, epoch)

    monkeypatch.setattr(house.parts.orders, "submit", slow_submit)
    wait(lambda: house.gate.is_open, house)
    until_traded(house)
    door.close()
    assert door.is_held.wait(PATIENCE_S)
    until_replaced(house, BROKER)
    until_traded(house)
    host = house.host
    assert isinstance(host, ThreadedHost)
    assert host.abandoned() == (BROKER,)
    broker = row(house, BROKER)
    assert broker.last_failure == f"TimeoutError: {BROKER} was given up: it has held SubmitOrder for more than 1 s"
    fenced = "FENCED: oms epoch 1 has ended"
    before = house.venue.withheld.count(fenced)  # what its successor took before the order manager was down
    door.open()
    wait(lambda: house.venue.withheld.count(fenced) == before + 1, house)
    wait(lambda: host.abandoned() == (), house)
    (command,) = late
    assert command.ticket.client_order_id not in house.venue.orders
    until_traded(house)
    end_well(house)


def entry(n: int) -> Entry:
    acted = OperatorActed(operator="test", action=f"write {n}", reason="a test", at_ns=n)
    return Entry(acted, n, "session", "correlation", None)


def test_a_ledger_with_somebody_inside_refuses_everybody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection: a second thread is refused and writes nothing, the first one ends its transaction unharmed."""
    door = Door()
    ledger = SqliteLedger(tmp_path / "ledger.db")

    def slow_apply(*given: Any) -> None:
        door.pass_through()
        apply(*given)

    monkeypatch.setattr("bulkhead.ledger.sqlite.apply", slow_apply)
    ledger.append([entry(1)])
    door.close()
    stuck = threading.Thread(target=lambda: ledger.append([entry(2)]))
    stuck.start()
    assert door.is_held.wait(PATIENCE_S)
    for n in (3, 4):
        with pytest.raises(LedgerUnavailable, match="within a transaction"):
            ledger.append([entry(n)])
    with pytest.raises(LedgerUnavailable, match="within a transaction"):
        ledger.load_recovery()
    door.open()
    stuck.join(PATIENCE_S)
    ledger.append([entry(5)])
    assert [event.at_ns for event in ledger.events()] == [1, 2, 5]
    ledger.close()


@pytest.mark.lesson("L10", "L20")
def test_a_ledger_that_hangs_inside_a_transaction_keeps_its_successor_out_and_no_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door()

    def slow_apply(connection: Any, record: Any, *given: Any) -> None:
        if isinstance(record, PortfolioRecorded):
            door.pass_through()
        apply(connection, record, *given)

    monkeypatch.setattr("bulkhead.ledger.sqlite.apply", slow_apply)
    wait(lambda: house.gate.is_open, house)
    until_traded(house)
    door.close()
    assert door.is_held.wait(PATIENCE_S)
    wait(lambda: house.epoch(addresses.LEDGER) == 2 and not house.gate.is_open, house)
    sent = len(house.venue.orders)
    time.sleep(0.5)
    assert row(house, addresses.LEDGER).state is ChildState.STARTING, "it waits for the last word of the one before"
    assert len(house.venue.orders) == sent, "no order without a record"
    door.open()
    until_replaced(house, addresses.LEDGER)
    until_traded(house)
    end_well(house)
