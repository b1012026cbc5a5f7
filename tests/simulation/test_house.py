"""The whole house in virtual time against the model venue: repeatable, and right to the last digit."""

from collections import Counter
from decimal import Decimal

import pytest

from bulkhead.chaos.house import SESSION
from bulkhead.chaos.model.busting import busting
from bulkhead.chaos.model.words import CALM, ROUGH, Faults
from bulkhead.execution.reversals import SUFFIX
from messages.catalogue import body_to_json, canonical
from messages.records import FillRecorded, OrderRecorded
from messages.values import OrderStatus
from tests.simulation.conftest import Run, StartRun

MINUTES_10 = 600.0


def decisions(run: Run) -> list[str]:
    return [canonical(body_to_json(made)) for made in run.house.memory.decisions]


@pytest.mark.req("P-02")
@pytest.mark.req("P-03")
@pytest.mark.req("P-06")
@pytest.mark.req("P-07")
@pytest.mark.req("X-10")
@pytest.mark.lesson("L02")
@pytest.mark.lesson("L06")
@pytest.mark.lesson("L26")
def test_ten_rough_minutes_end_with_the_venues_books(start: StartRun) -> None:
    run = start(seed=1, faults=ROUGH)
    run.work(MINUTES_10)
    assert len(run.house.venue.executions) > 500
    assert {symbol for made in run.house.memory.decisions for symbol in [made.decision.symbol]} == {
        "BTCUSDT",
        "ETHUSDT",
    }
    run.settle()
    assert run.house.differences() == ()
    statuses = Counter(order.status for order in run.house.file.load_recovery().orders)
    assert statuses[OrderStatus.FILLED] > 200
    assert statuses[OrderStatus.REJECTED] > 0
    resent = [record for record in run.house.records(OrderRecorded) if record.change == "resent"]
    assert resent, "a lost request is proven absent in the end, and made again"


def test_a_calm_run_raises_no_alarm(start: StartRun) -> None:
    run = start(faults=CALM)
    run.work(120)
    assert run.house.gate.is_open
    assert run.host.dead_letters == 0
    assert not [event for event in run.house.memory.events if event.stream == "failures"]
    assert all(node.epoch == 1 for node in run.host.status())


@pytest.mark.req("S-06")
def test_the_same_seed_gives_the_same_trace_and_decisions(start: StartRun) -> None:
    first, second = start(seed=7, faults=ROUGH), start(seed=7, faults=ROUGH)
    for run in (first, second):
        run.work(60)
    assert len(decisions(first)) > 50
    assert first.host.trace_hash() == second.host.trace_hash()
    assert decisions(first) == decisions(second)
    assert first.house.venue.executions == second.house.venue.executions


def test_another_seed_gives_another_trace(start: StartRun) -> None:
    first, second = start(seed=7, faults=ROUGH), start(seed=8, faults=ROUGH)
    for run in (first, second):
        run.work(30)
    assert first.host.trace_hash() != second.host.trace_hash()
    assert decisions(first) != decisions(second)


@pytest.mark.lesson("L01")
@pytest.mark.lesson("L05")
@pytest.mark.parametrize(
    "faults",
    [
        Faults(lost_reply=1.0),
        Faults(lost_request=0.5),
        Faults(not_sent=0.5),
        Faults(late_ack=1.0),
        Faults(duplicate=1.0),
    ],
    ids=["replies lost", "requests lost", "not sent", "ack after fill", "told twice"],
)
def test_each_fault_alone(start: StartRun, faults: Faults) -> None:
    run = start(seed=3, faults=faults)
    run.work(60)
    run.house.venue.faults = CALM
    run.settle()
    assert run.house.venue.executions
    assert run.house.differences() == ()


@pytest.mark.req("P-15")
@pytest.mark.lesson("L08")
@pytest.mark.lesson("L09")
@pytest.mark.lesson("L10")
@pytest.mark.lesson("L27")
@pytest.mark.lesson("L32")
def test_a_second_session_goes_on_from_the_ledger(start: StartRun) -> None:
    """The process ends without a word; the next one finds the same ledger and the same venue."""
    run = start(seed=5, faults=ROUGH)
    run.work(45)
    run.house.file.close()
    resumed = start(seed=5, before=run)
    resumed.work(45)
    resumed.settle()
    assert resumed.house.differences() == ()
    assert {event.session_id for event in resumed.house.file.events()} == {SESSION, f"{SESSION}-2"}


@pytest.mark.lesson("L10")
def test_nothing_is_sent_before_the_books_were_compared(start: StartRun) -> None:
    run = start()
    run.until(lambda: run.house.venue.snapshots == 1, step_s=0.001)
    assert not run.house.venue.orders
    assert run.house.gate.refusal_in(frozenset({"all"}), is_entry=True)
    run.open_gate()
    run.until(lambda: bool(run.house.venue.orders))


def test_what_is_recorded_of_an_order_only_goes_forward(start: StartRun) -> None:
    """Filled quantities never fall, and what has ended never lives again."""
    run = start(seed=2, faults=ROUGH)
    run.work(60)
    filled: dict[str, Decimal] = {}
    ended: dict[str, OrderStatus] = {}
    for record in run.house.records(OrderRecorded):
        key, order = record.order.ticket.client_order_id, record.order
        assert order.filled >= filled.get(key, Decimal(0))
        assert key not in ended or order.status.is_terminal
        filled[key] = order.filled
        if order.status.is_terminal:
            ended[key] = order.status
    assert len(ended) > 20


@pytest.mark.parametrize("faults", [CALM, ROUGH], ids=["calm", "rough"])
def test_trades_that_do_not_stand_are_taken_back_in_all_books(start: StartRun, faults: Faults) -> None:
    run = start(seed=6, faults=faults)
    busting(run.house.venue).bust_share = 0.2
    run.work(60)
    run.house.venue.drop_stream()
    run.work(5)
    run.house.venue.raise_stream()
    run.work(60)
    busting(run.house.venue).bust_share = 0.0
    run.settle()
    assert len(busting(run.house.venue).busted) > 15
    reversed_ids = {r.fill.fill_id for r in run.house.records(FillRecorded) if r.fill.fill_id.endswith(SUFFIX)}
    assert len(reversed_ids) >= len(busting(run.house.venue).busted) * 3 // 4
    assert run.house.differences() == ()
