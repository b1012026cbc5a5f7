"""Each actor in turn hangs over a message, is given up and replaced, and comes back when nobody waits for it any more.

What it says then must change nothing: its commands are refused, its reports move nothing, its evidence counts once.
"""

import pytest

from actors import addresses
from bulkhead.app.house import critical_names
from bulkhead.chaos.model.words import CALM, ROUGH, Faults
from bulkhead.ledger.port import LedgerPort
from messages.failure import FailureMode, FailureReported
from messages.market import FeedDisconnected, Trade
from messages.orders import (
    ExecutionReported,
    FillBooked,
    OrderChannelUp,
    OrderUpdated,
    SubmitOrder,
    VenueSnapshotTaken,
)
from messages.records import (
    Append,
    CommitNow,
    FillRecorded,
    OrderRecorded,
)
from messages.supervision import Ping
from messages.trading import OrderIntent, RiskApproved
from tests.simulation import hanging
from tests.simulation.conftest import Run, StartRun
from tests.simulation.failing_ledger import FailingLedger
from tests.simulation.hanging import Held, hang, ports, until_given_up, until_replaced, until_traded

FEED, HEADS = addresses.market_data("feed"), addresses.strategy("heads")
NOTED = FailureReported(mode=FailureMode.EXECUTION_DELAY, scope="symbol:XRPUSDT", detail="of no consequence")


def of_an_order(append: Append) -> bool:
    return any(isinstance(record, OrderRecorded) and record.change == "created" for record in append.records)


def of_a_fill(append: Append) -> bool:
    return any(isinstance(record, FillRecorded) for record in append.records)


ORDER_PATH = {
    "oms, approval": Held(addresses.OMS, RiskApproved),
    "oms, fill": Held(addresses.OMS, ExecutionReported),
    "oms, snapshot": Held(addresses.OMS, VenueSnapshotTaken),
    "broker, order": Held(addresses.broker("sim"), SubmitOrder),
    "broker, fill": Held(addresses.broker("sim"), ExecutionReported),
    "portfolio, fill": Held(addresses.PORTFOLIO, FillBooked),
    "risk guard, intent": Held(addresses.RISK_GUARD, OrderIntent),
    "failure handler, failure": Held(addresses.FAILURE_HANDLER, FailureReported, told=NOTED),
    "transport, ping": Held(addresses.transport("sim"), Ping, told=Ping()),
    "ledger, order": Held(addresses.LEDGER, Append, of_an_order),
    "ledger, fill": Held(addresses.LEDGER, Append, of_a_fill),
    "ledger, commit": Held(addresses.LEDGER, CommitNow),
}
BESIDE_IT = {
    "market data, print": Held(FEED, Trade),
    "strategy, print": Held(HEADS, Trade),
    "strategy, order": Held(HEADS, OrderUpdated),
}


def begun(start: StartRun, seed: int, faults: Faults = ROUGH) -> Run:
    run = start(seed=seed, faults=faults)
    run.work(8 + seed)
    run.open_gate()
    return run


def end_well(run: Run) -> None:
    """It trades on, to the end, and everything is where it belongs."""
    run.open_gate()
    until_traded(run)
    run.settle()
    assert run.house.differences() == ()
    hanging.assert_nothing_twice(run)
    assert not run.house.root_downs


@pytest.mark.lesson("L09", "L20")
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("case", ORDER_PATH)
def test_one_of_the_order_path_hangs_and_comes_back_late(start: StartRun, case: str, seed: int) -> None:
    run, held = begun(start, seed), ORDER_PATH[case]
    house, name = run.house, held.name
    assert name in critical_names("sim")
    message = hang(run, held)
    until_given_up(run, name)
    assert not house.gate.is_open, "entries stop in the instant in which it is given up"
    assert hanging.exits_may_leave(run)
    run.work(0.02)  # what was in the wire arrives
    entries, snapshots = hanging.entries(run), house.venue.snapshots
    until_replaced(run, name)
    run.open_gate()
    assert hanging.entries(run) == entries
    assert house.venue.snapshots > snapshots, "the books were compared before it opened"
    assert house.epoch(name) == 2
    until_traded(run)
    hanging.assert_on_record(run, name, message)

    before, evidence = ports(run), house.memory.evidence
    run.host.revive(name)
    assert ports(run) == before, "it writes nothing, and hands nothing to the venue"
    run.host.run_until_idle()
    assert house.memory.evidence - evidence == (case == "broker, fill"), "evidence is heard, however late"
    run.work(60)
    end_well(run)


@pytest.mark.parametrize("case", ORDER_PATH)
def test_one_of_the_order_path_comes_back_just_after_it_was_given_up(start: StartRun, case: str) -> None:
    """Its successor is not there yet. Only the ledger may still write: its successor reads that before anybody else."""
    run, held = begun(start, 3), ORDER_PATH[case]
    hang(run, held)
    until_given_up(run, held.name)
    written = ports(run).written
    run.host.revive(held.name)
    assert ports(run).written == written or held.name == addresses.LEDGER
    until_replaced(run, held.name)
    run.work(60)
    end_well(run)


@pytest.mark.parametrize("case", ORDER_PATH)
def test_one_of_the_order_path_comes_back_in_time(start: StartRun, case: str) -> None:
    """It took long, and nothing happened."""
    run, held = begun(start, 4), ORDER_PATH[case]
    hang(run, held)
    run.work(hanging.STUCK_AFTER_S - 0.5)
    run.host.revive(held.name)
    run.work(60)
    assert run.house.epoch(held.name) == 1
    assert not run.host.dead_letters
    end_well(run)


@pytest.mark.lesson("L20")
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("case", BESIDE_IT)
def test_one_beside_the_order_path_hangs_and_comes_back_late(start: StartRun, case: str, seed: int) -> None:
    """The gate stays open for the others."""
    run, held = begun(start, seed), BESIDE_IT[case]
    message = hang(run, held)
    until_given_up(run, held.name)
    assert run.house.gate.is_open
    until_replaced(run, held.name)
    until_traded(run)
    hanging.assert_on_record(run, held.name, message)
    before, decisions = ports(run), len(run.house.memory.decisions)
    run.host.revive(held.name)
    run.host.run_until_idle()
    assert ports(run) == before
    assert len(run.house.memory.decisions) == decisions
    run.work(60)
    end_well(run)


# -- late reports, which are neither commands nor evidence ------------------------------------------------------------


def given_up(run: Run, held: Held) -> None:
    hang(run, held)
    until_given_up(run, held.name)
    until_replaced(run, held.name)
    run.open_gate()


@pytest.mark.lesson("L14")
def test_a_late_report_of_a_broken_feed_shuts_nothing(start: StartRun) -> None:
    """By the time it comes the feed has long been back, and nobody would ever say so."""
    run = begun(start, 1, CALM)
    given_up(run, Held(FEED, FeedDisconnected, told=FeedDisconnected(feed="feed", reason="a test", attempt=3)))
    run.host.revive(FEED)
    run.work(60)
    assert not run.house.gate.reasons()


@pytest.mark.lesson("L34")
def test_a_late_word_that_the_stream_is_up_lifts_nothing(start: StartRun) -> None:
    """It was up when the order manager hung over the news, and is down by now."""
    run = begun(start, 1, CALM)
    hang_over_the_stream(run)
    run.house.venue.drop_stream()
    run.work(1)
    run.host.revive(addresses.OMS)
    run.work(30)
    assert run.house.gate.is_in_force("stream:sim")
    assert not run.house.gate.is_open


@pytest.mark.lesson("L34")
def test_the_word_that_the_stream_is_up_outlives_who_heard_it(start: StartRun) -> None:
    """It is said once. Whoever comes after must know it too, or no entry leaves until the stream breaks again."""
    run = begun(start, 1, CALM)
    hang_over_the_stream(run)
    end_well(run)


def hang_over_the_stream(run: Run) -> None:
    run.house.venue.drop_stream()
    run.host.run_until_idle()
    run.house.venue.raise_stream()
    hang(run, Held(addresses.OMS, OrderChannelUp))
    until_given_up(run, addresses.OMS)
    until_replaced(run, addresses.OMS)


def test_a_late_word_of_recovery_lifts_nothing(start: StartRun) -> None:
    """The failure handler hangs over good news that is old when it comes back."""
    run = begun(start, 1, CALM)
    silence = FailureReported(mode=FailureMode.DATA_DELAY, scope="all", detail="no tick")
    good_news = silence.model_copy(update={"recovered": True})
    given_up(run, Held(addresses.FAILURE_HANDLER, FailureReported, told=good_news))
    run.host.tell(addresses.FAILURE_HANDLER, silence, sender="test")
    run.host.run_until_idle()
    assert not run.house.gate.is_open
    run.host.revive(addresses.FAILURE_HANDLER)
    run.host.run_until_idle()
    assert run.house.gate.is_in_force("data_delay:all")


# -- a hole in the books ----------------------------------------------------------------------------------------------


@pytest.mark.lesson("L10")
def test_one_refused_fill_takes_what_was_built_on_it_along(start: StartRun) -> None:
    """The second fill of an order says that both are booked; without the first it must not be written."""
    ledgers: list[FailingLedger] = []

    def wrap(ledger: LedgerPort) -> LedgerPort:
        ledgers.append(FailingLedger(ledger))
        return ledgers[0]

    run = start(seed=1, faults=ROUGH, wrap=wrap)
    run.work(11)
    run.open_gate()
    ledgers[0].fail_once_over_a_fill()
    run.until(lambda: ledgers[0].refused == 1)
    run.work(10)
    run.rearm()
    run.work(50)
    end_well(run)
