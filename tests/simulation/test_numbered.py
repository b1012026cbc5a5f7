"""A venue that keeps no ids and tells no executions: nothing sent twice, no fill lost, no stranger's order taken.

First each thing by itself, then whatever happens in whatever order: see interleaving.py.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, rule

from actors import addresses
from bulkhead.chaos.model.market import INSTRUMENTS, OPENING
from bulkhead.chaos.model.numbered import NumberedOrder, NumberedVenue
from bulkhead.chaos.model.words import CALM, Faults
from bulkhead.execution.claiming import is_in_doubt
from messages.operator import ResolveOrder
from messages.orders import OrderRow
from messages.records import ForeignOrderSeen
from tests.simulation.conftest import Run
from tests.simulation.interleaving import Interleaving

LOST_REPLIES = Faults(lost_reply=0.2, duplicate=0.3)
ANY_LOST = Faults(lost_request=0.1, lost_reply=0.1, late_ack=0.2, duplicate=0.3)
ROUNDS = 40


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[list[Run]]:
    found: list[Run] = []
    yield found
    for run in found:
        run.house.file.close()


def begin(runs: list[Run], tmp_path: Path, faults: Faults) -> Run:
    runs.append(Run(tmp_path, 7, faults, lambda ledger: ledger, kind=NumberedVenue))
    runs[-1].open_gate()
    return runs[-1]


def numbered(run: Run) -> NumberedVenue:
    venue = run.house.venue
    assert isinstance(venue, NumberedVenue)
    return venue


def in_doubt(run: Run) -> list[OrderRow]:
    rows = run.house.file.load_recovery().orders
    return [row for row in rows if is_in_doubt(row) and row.status == "UNKNOWN"]


def tell_the_truth(run: Run) -> int:
    """An operator looks into the venue's own app, and says of each order in doubt what became of it."""
    told = 0
    for _ in range(ROUNDS):
        waiting = in_doubt(run)
        if not waiting:
            break
        for row in waiting:
            told += 1
            key = row.ticket.client_order_id
            command = ResolveOrder(
                request_id=f"r{told}",
                operator="mina",
                reason="looked",
                reply_to="test",
                order_id=key,
                venue_order_id=numbered(run).truth_of(key),
            )
            run.host.tell(addresses.OMS, command, sender="test")
        run.work(10)
    return told


def assert_books_are_the_venues(run: Run) -> None:
    """Totals of each order, money and holdings; and each order of ours is the one that it was sent as."""
    venue = numbered(run)
    rows = run.house.file.connection.exec_driver_sql("select client_order_id, filled, venue_order_id from orders").all()
    ours = {key: (Decimal(filled), number) for key, filled, number in rows}
    for key, order in venue.orders.items():
        assert isinstance(order, NumberedOrder)
        if not key.startswith("by-hand"):
            assert ours[key] == (order.filled, order.venue_order_id), key
    assert set(run.house.fills().values()) <= {1}
    booked = run.house.balances()
    for asset, total in venue.balances.items():
        assert abs(booked[asset] - total) < Decimal("1e-9"), asset
    held = run.house.positions()
    for asset in {rules.base_asset for rules in INSTRUMENTS.values()}:
        assert held.get(asset, Decimal(0)) == venue.balances[asset] - OPENING[asset]
    assert not venue.repeated_ids
    assert run.house.oms.figures().unknown == 0


@pytest.mark.parametrize("faults", [CALM, LOST_REPLIES])
def test_what_arrived_is_found_again_without_anybodys_help(runs: list[Run], tmp_path: Path, faults: Faults) -> None:
    run = begin(runs, tmp_path, faults)
    run.work(240)
    numbered(run).faults = CALM
    run.settle()
    assert len(numbered(run).orders) > 30
    assert not in_doubt(run)
    assert not run.house.records(ForeignOrderSeen)
    assert_books_are_the_venues(run)


def test_what_may_be_lost_waits_for_an_operator_and_nothing_else_does(runs: list[Run], tmp_path: Path) -> None:
    run = begin(runs, tmp_path, ANY_LOST)
    for _ in range(18):
        run.work(20)
        tell_the_truth(run)
    numbered(run).faults = CALM
    run.work(5)
    tell_the_truth(run)
    run.settle()
    assert len(numbered(run).orders) > 30
    assert_books_are_the_venues(run)


@pytest.mark.failure_mode("ORDER_IN_DOUBT")
def test_a_twin_placed_by_hand_is_not_taken_for_an_order_that_never_arrived(runs: list[Run], tmp_path: Path) -> None:
    run = begin(runs, tmp_path, Faults(lost_request=1.0))
    run.until(lambda: bool(in_doubt(run)))
    (row, *_) = in_doubt(run)
    numbered(run).place_by_hand(row.ticket, run.host.now_ns())
    run.work(90)
    assert row.ticket.client_order_id in [each.ticket.client_order_id for each in in_doubt(run)]
    assert "order_in_doubt:symbol:" + row.ticket.symbol in [reason.reason_id for reason in run.house.gate.reasons()]
    numbered(run).faults = CALM
    assert tell_the_truth(run) > 0
    run.settle()
    assert_books_are_the_venues(run)


class NumberedInterleaving(Interleaving):
    kind = NumberedVenue

    @rule()
    def somebody_places_a_twin_by_hand(self) -> None:
        """Of an order in doubt where there is one, else of any."""
        venue = numbered(self.run)
        keys = [row.ticket.client_order_id for row in in_doubt(self.run)]
        orders = [venue.orders[key] for key in keys if key in venue.orders] or list(venue.orders.values())
        if orders:
            venue.place_by_hand(orders[-1].ticket, self.run.host.now_ns())

    @invariant()
    def no_strangers_order_is_ours(self) -> None:
        orders = self.run.house.venue.orders
        theirs = {order.venue_order_id for key, order in orders.items() if key.startswith("by-hand")}
        taken = {number for (number,) in self.rows("select venue_order_id from orders")}
        assert not taken & theirs

    @invariant()
    def nothing_is_booked_that_was_not_filled(self) -> None:
        for key, filled in self.rows("select client_order_id, filled from orders"):
            order = self.run.house.venue.orders.get(key)
            assert Decimal(filled) <= (Decimal(0) if order is None else order.filled), key

    @invariant()
    def one_order_at_a_time_is_without_an_answer(self) -> None:
        rows = self.run.house.file.load_recovery().orders
        sides = [(row.ticket.symbol, row.ticket.side) for row in rows if is_in_doubt(row)]
        assert len(sides) == len(set(sides))

    def be_told(self) -> None:
        tell_the_truth(self.run)

    def compare(self) -> None:
        assert_books_are_the_venues(self.run)


NumberedInterleaving.TestCase.settings = settings(
    max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
TestNumberedInterleaving = pytest.mark.timeout(400)(NumberedInterleaving.TestCase)
