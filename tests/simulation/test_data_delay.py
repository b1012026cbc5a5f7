"""A feed that falls silent, for one symbol or for all: what may still be sent on what stands in for it, and the way
back. Nothing here is believed of the actors: the gate, the ledger and what the venue was sent tell."""

from decimal import Decimal

import pytest

from actors import addresses
from bulkhead.chaos.model.market import ACCOUNT, VENUE
from messages.failure import FailureMode, FailureReported
from messages.market_health import DataSource
from messages.orders import OrderTicket
from messages.records import FailureRecorded, OrderRecorded, SourceRecorded
from messages.values import IntentType, OrderType, Side, StopLevel
from tests.simulation.conftest import NS_PER_S, Run, StartRun

SILENT, FLOWING = "BTCUSDT", "ETHUSDT"
MAX_SILENCE_S, LOOK_S, SETTLE_S = 30.0, 1.0, 5.0
SNAPSHOT, BROKER = DataSource.SNAPSHOT, DataSource.BROKER


def ticket(symbol: str, intent_type: IntentType) -> OrderTicket:
    return OrderTicket(
        client_order_id="probe",
        venue=VENUE,
        account=ACCOUNT,
        symbol=symbol,
        side=Side.BUY if intent_type.is_entry else Side.SELL,
        intent_type=intent_type,
        order_type=OrderType.MKT,
        quantity=Decimal(1),
    )


def may_leave(run: Run, symbol: str, intent_type: IntentType = IntentType.ENTRY) -> bool:
    """Whether the gate would let an order out now."""
    return run.house.gate.refusal(ticket(symbol, intent_type), addresses.OMS, run.house.epoch(addresses.OMS)) is None


def level(run: Run, scope: str) -> StopLevel | None:
    """That of the delay's own reason; None while it is not in force."""
    of = [r.level for r in run.house.gate.reasons() if r.reason_id == f"{FailureMode.DATA_DELAY.value}:{scope}"]
    return of[0] if of else None


def reports(run: Run) -> list[FailureReported]:
    failures = (record.failure for record in run.house.records(FailureRecorded))
    return [failure for failure in failures if failure.mode is FailureMode.DATA_DELAY]


def sources(run: Run, symbol: str = SILENT) -> list[DataSource]:
    return [each.change.source for each in run.house.records(SourceRecorded) if each.change.symbol == symbol]


def entries(run: Run, symbol: str, since_ns: int) -> int:
    made = (record.order for record in run.house.records(OrderRecorded) if record.change == "created")
    of = [row for row in made if row.ticket.symbol == symbol and row.created_ns > since_ns]
    return sum(1 for row in of if row.ticket.intent_type is IntentType.ENTRY)


@pytest.mark.failure_mode("DATA_DELAY")
@pytest.mark.req("S-10")
@pytest.mark.lesson("L14")
def test_one_silent_symbol_without_a_fallback_may_not_be_entered_and_the_other_trades_on(start: StartRun) -> None:
    run = start(seed=5)
    run.open_gate()
    run.work(30)
    run.house.venue.quotes_down = {SNAPSHOT, BROKER}
    run.house.venue.muted = {SILENT}
    began_ns = run.host.now_ns()
    run.until(lambda: not may_leave(run, SILENT))
    detected_s = (run.host.now_ns() - began_ns) / NS_PER_S
    assert MAX_SILENCE_S - 1 <= detected_s <= MAX_SILENCE_S + LOOK_S + 0.1
    assert (level(run, f"symbol:{SILENT}"), may_leave(run, FLOWING)) == (StopLevel.SOFT, True)
    assert may_leave(run, SILENT, IntentType.EXIT_FULL)
    shut_ns = run.host.now_ns()
    run.work(120)
    assert entries(run, SILENT, shut_ns) == 0
    assert entries(run, FLOWING, shut_ns) > 0
    run.house.venue.muted = set()
    began_ns = run.host.now_ns()
    run.until(lambda: may_leave(run, SILENT))
    assert SETTLE_S <= (run.host.now_ns() - began_ns) / NS_PER_S <= SETTLE_S + 2
    assert [report.recovered for report in reports(run)] == [False, True], "and no operator had to see to it"
    run.settle()
    assert run.house.differences() == ()


@pytest.mark.failure_mode("DATA_DELAY")
@pytest.mark.req("S-15")
def test_down_the_sources_and_back_with_the_source_on_every_decision(start: StartRun) -> None:
    run = start(seed=6)
    run.open_gate()
    run.work(30)
    venue = run.house.venue
    venue.muted = {SILENT}
    run.until(lambda: sources(run)[-1:] == [SNAPSHOT], step_s=1.0)
    assert (level(run, f"symbol:{SILENT}"), may_leave(run, SILENT)) == (StopLevel.REDUCED, True)
    venue.quotes_down = {SNAPSHOT}
    run.until(lambda: sources(run)[-1] is BROKER, step_s=1.0)
    assert may_leave(run, SILENT)
    venue.quotes_down = {SNAPSHOT, BROKER}
    run.until(lambda: sources(run)[-1] is DataSource.NONE, step_s=1.0)
    assert (level(run, f"symbol:{SILENT}"), may_leave(run, SILENT)) == (StopLevel.SOFT, False)
    venue.quotes_down = {SNAPSHOT}
    run.until(lambda: sources(run)[-1] is BROKER, step_s=1.0)
    venue.quotes_down = set()
    run.until(lambda: sources(run)[-1] is SNAPSHOT, step_s=1.0)
    venue.muted = set()
    run.until(lambda: sources(run)[-1] is DataSource.FEED, step_s=1.0)
    assert level(run, f"symbol:{SILENT}") is None
    run.work(30)
    changes = [(each.change.at_ns, each.change.source) for each in run.house.records(SourceRecorded)]
    for made in run.house.memory.decisions:
        if made.decision.symbol == SILENT:
            in_force = [source for at_ns, source in changes if at_ns <= made.decision_time_ns]
            assert made.source in (in_force or [DataSource.FEED])[-2:], "at one instant two may have been"
    assert {each.change.symbol for each in run.house.records(SourceRecorded)} == {SILENT}
    run.settle()
    assert run.house.differences() == ()


@pytest.mark.failure_mode("DATA_DELAY")
@pytest.mark.req("S-10")
def test_a_silent_feed_is_the_venues_delay(start: StartRun) -> None:
    run = start(seed=7)
    run.open_gate()
    run.house.venue.quotes_down = {SNAPSHOT, BROKER}
    run.house.venue.muted = {SILENT, FLOWING}
    run.until(lambda: level(run, f"venue:{VENUE}") is StopLevel.SOFT)
    assert not may_leave(run, FLOWING)
    run.house.venue.muted = set()
    run.until(lambda: may_leave(run, SILENT) and may_leave(run, FLOWING))
    assert {report.scope for report in reports(run)} <= {f"venue:{VENUE}", f"symbol:{SILENT}", f"symbol:{FLOWING}"}
    assert reports(run)[-1].recovered


@pytest.mark.failure_mode("DATA_DELAY")
@pytest.mark.req("S-10")
@pytest.mark.lesson("L14")
def test_a_delay_outlives_the_actor_that_reported_it_and_ends_with_the_ticks(start: StartRun) -> None:
    run = start(seed=8)
    run.open_gate()
    run.house.venue.quotes_down = {SNAPSHOT, BROKER}
    run.house.venue.muted = {SILENT}
    run.until(lambda: not may_leave(run, SILENT))
    run.house.poison(addresses.market_data("feed"))
    run.work(10)
    assert not may_leave(run, SILENT), "the next incarnation knows nothing of it, and does not take it back"
    run.house.venue.muted = set()
    run.until(lambda: may_leave(run, SILENT))
