"""Each row of the failure table in virtual time: when it is seen, what may leave meanwhile, its end and its re-arming.

What a mode's level means is written here by hand, beside the gate: SOFT lets exits out and no entry, HARD neither,
REDUCED both; of the plan only what belongs to it is asked for. A row that this file does not hit is hit by the test
that bears its mark.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from actors import addresses
from actors.instrument_master import CHECK_S, REPORTED_AFTER
from bulkhead.chaos.model.market import VENUE
from bulkhead.chaos.model.ports import ModelOrders
from bulkhead.chaos.model.words import CALM, Faults
from bulkhead.ledger.port import LedgerPort
from messages.clock import AuthAccepted, AuthRefused
from messages.failure import FailureMode, FailureReported, StopReason
from messages.market import FeedConnected, FeedDisconnected
from messages.orders import OrderEvidence
from messages.rates import RateLimitOver, RateLimitReached
from messages.records import FailureRecorded
from messages.supervision import ChildState, RestartChild
from messages.values import StopLevel, StopPlan
from tests.simulation.conftest import NS_PER_S, Run, StartRun
from tests.simulation.failing_ledger import FailingLedger
from tests.simulation.hanging import Held, hang, until_replaced
from tests.simulation.test_instruments import ask_anew, port_of

SCOPES = frozenset({"all", f"venue:{VENUE}", "symbol:BTCUSDT", "strategy:heads"})
"""Of an order of the strategy heads."""
OTHERS = frozenset({"all", f"venue:{VENUE}", "symbol:ETHUSDT", "strategy:tails"})
STEP_S = 0.05


class Allowed(NamedTuple):
    entry: bool
    exit: bool


BOTH, EXITS, NEITHER = Allowed(True, True), Allowed(False, True), Allowed(False, False)


def allowed(run: Run, scopes: frozenset[str] = SCOPES) -> Allowed:
    gate = run.house.gate
    return Allowed(*(gate.refusal_in(scopes, is_entry=is_entry) is None for is_entry in (True, False)))


def reasons_of(run: Run, mode: FailureMode) -> list[StopReason]:
    return [reason for reason in run.house.gate.reasons() if reason.reason_id.startswith(f"{mode.value}:")]


def reports_of(run: Run, mode: FailureMode) -> list[FailureReported]:
    return [r.failure for r in run.house.records(FailureRecorded) if r.failure.mode is mode]


def seen_after(run: Run, mode: FailureMode, patience_s: float = 120.0) -> float:
    """Virtual seconds until its reason is in force."""
    began_ns = run.host.monotonic_ns()
    run.until(lambda: bool(reasons_of(run, mode)), patience_s, STEP_S)
    return (run.host.monotonic_ns() - began_ns) / NS_PER_S


def over_after(run: Run, mode: FailureMode, patience_s: float = 180.0) -> float:
    began_ns = run.host.monotonic_ns()
    run.until(lambda: not reasons_of(run, mode), patience_s, STEP_S)
    return (run.host.monotonic_ns() - began_ns) / NS_PER_S


def entries(run: Run, symbol: str | None = None) -> int:
    orders = (order.ticket for order in run.house.venue.orders.values())
    return sum(ticket.intent_type.is_entry and symbol in (None, ticket.symbol) for ticket in orders)


def no_entry_for(run: Run, seconds: float, symbol: str | None = None) -> None:
    """What was on its way may still arrive; then nothing that opens anything comes any more."""
    run.work(1)
    before = entries(run, symbol)
    run.work(seconds)
    assert entries(run, symbol) == before


def trades_again(run: Run) -> None:
    before = entries(run)
    run.until(lambda: entries(run) > before)


def wait_for_the_operator(run: Run, mode: FailureMode, level: StopLevel) -> None:
    """It is over, and stays in force until somebody re-arms it; then everything goes on."""
    run.until(lambda: reports_of(run, mode)[-1].recovered)
    run.work(30)
    (reason,) = reasons_of(run, mode)
    assert (reason.level, reason.needs_operator) == (level, True)
    assert any(path.name.startswith(mode.value.replace("_", "-")) for path in (run.folder / "stop").iterdir())
    run.rearm()
    assert not list((run.folder / "stop").glob("*.json"))
    run.open_gate()
    trades_again(run)


def tell_orders(run: Run, body: object) -> None:
    sink = run.house.venue.order_sink
    assert sink is not None
    sink(body)  # type: ignore[arg-type]


@pytest.mark.failure_mode("EXCHANGE_DISCONNECT")
def test_exchange_disconnect(start: StartRun) -> None:
    run = start()
    run.open_gate()
    sink = run.house.venue.feed_sink
    assert sink is not None
    for attempt in (1, 2):
        sink(FeedDisconnected(feed="feed", reason="refused", attempt=attempt))
        run.work(1)
        assert not reasons_of(run, FailureMode.EXCHANGE_DISCONNECT)
    sink(FeedDisconnected(feed="feed", reason="refused", attempt=3))
    assert seen_after(run, FailureMode.EXCHANGE_DISCONNECT) < 1
    (reason,) = reasons_of(run, FailureMode.EXCHANGE_DISCONNECT)
    assert (reason.level, reason.effective_plan, reason.is_technical) == (StopLevel.MEDIUM, StopPlan.REDUCE, True)
    assert allowed(run) == EXITS
    sink(FeedConnected(feed="feed"))
    wait_for_the_operator(run, FailureMode.EXCHANGE_DISCONNECT, StopLevel.MEDIUM)


@pytest.mark.failure_mode("EXECUTION_DELAY")
@pytest.mark.req("S-12")
@pytest.mark.lesson("L01")
def test_execution_delay(start: StartRun) -> None:
    run = start(seed=3)
    run.open_gate()
    port = port_of(run)
    port.loses_questions = True
    run.house.venue.faults = Faults(lost_request=1.0)
    run.until(lambda: run.house.oms.figures().unknown > 0)
    run.house.venue.faults = CALM
    (symbol,) = {row.ticket.symbol for row in run.house.file.load_recovery().orders if row.status == "UNKNOWN"}
    assert 59.0 <= seen_after(run, FailureMode.EXECUTION_DELAY) <= 70.0
    (reason,) = reasons_of(run, FailureMode.EXECUTION_DELAY)
    assert reason.scope == f"symbol:{symbol}"
    scopes = frozenset({"all", reason.scope})
    assert allowed(run, scopes) == EXITS
    no_entry_for(run, 20, symbol)
    port.loses_questions = False
    run.house.poison(addresses.OMS)  # who comes after it finds the answer before it has missed it, and ends the delay
    assert over_after(run, FailureMode.EXECUTION_DELAY) < 30
    run.open_gate()
    assert allowed(run, scopes) == BOTH


@pytest.mark.failure_mode("RATE_LIMIT")
def test_rate_limit(start: StartRun) -> None:
    run = start()
    run.open_gate()
    tell_orders(run, RateLimitReached(venue=VENUE, reason="429"))
    assert seen_after(run, FailureMode.RATE_LIMIT) < 1
    (reason,) = reasons_of(run, FailureMode.RATE_LIMIT)
    assert (reason.level, reason.effective_plan) == (StopLevel.REDUCED, StopPlan.NONE)
    assert allowed(run) == BOTH
    tell_orders(run, RateLimitOver(venue=VENUE))
    assert over_after(run, FailureMode.RATE_LIMIT) < 1


@pytest.mark.failure_mode("BROKER_DISCONNECT")
@pytest.mark.req("S-14")
@pytest.mark.lesson("L34")
def test_broker_disconnect(start: StartRun) -> None:
    run = start()
    run.open_gate()
    run.house.venue.drop_stream()
    run.work(1)
    assert allowed(run) == EXITS, "down, and not given up: the books are in doubt"
    assert 57.0 <= seen_after(run, FailureMode.BROKER_DISCONNECT) <= 60.0
    (reason,) = reasons_of(run, FailureMode.BROKER_DISCONNECT)
    assert (reason.level, reason.effective_plan, reason.is_technical) == (StopLevel.HARD, StopPlan.FLATTEN, True)
    assert allowed(run) == NEITHER
    no_entry_for(run, 20)
    run.house.venue.raise_stream()
    wait_for_the_operator(run, FailureMode.BROKER_DISCONNECT, StopLevel.HARD)


@pytest.mark.failure_mode("ACTOR_CRASH_LOOP")
def test_actor_crash_loop_of_a_strategy_stops_that_strategy(start: StartRun) -> None:
    run = start()
    run.open_gate()
    name = addresses.strategy("heads")
    began_ns = run.host.monotonic_ns()
    while not reasons_of(run, FailureMode.ACTOR_CRASH_LOOP):
        run.house.poison(name)
        run.work(3)
        assert run.host.monotonic_ns() - began_ns < 60 * NS_PER_S
    assert run.house.states()[name] is ChildState.PARKED
    assert allowed(run) == EXITS
    assert allowed(run, OTHERS) == BOTH
    before = entries(run, "ETHUSDT")
    run.work(30)
    assert entries(run, "ETHUSDT") > before, "its neighbour trades on"
    run.host.tell("seat:heads", RestartChild(child=name), sender="test")
    over_after(run, FailureMode.ACTOR_CRASH_LOOP)
    assert reports_of(run, FailureMode.ACTOR_CRASH_LOOP)[-1].by_operator
    run.until(lambda: run.house.states()[name] is ChildState.READY)
    assert allowed(run) == BOTH


@pytest.mark.failure_mode("ACTOR_CRASH_LOOP")
@pytest.mark.parametrize("name", [addresses.OMS, addresses.LEDGER, addresses.FAILURE_HANDLER])
def test_actor_crash_loop_of_the_order_path_ends_the_process_and_stops_the_next_one(start: StartRun, name: str) -> None:
    run = start()
    run.open_gate()
    began_ns = run.host.monotonic_ns()
    while not run.house.root_downs:
        run.house.poison(name)
        run.work(2)
        assert run.host.monotonic_ns() - began_ns < 120 * NS_PER_S
    assert not allowed(run).entry
    run.house.file.close()
    later = start(before=run)
    (reason,) = reasons_of(later, FailureMode.ACTOR_CRASH_LOOP)
    assert (reason.reason_id, reason.level, reason.scope) == ("actor_crash_loop:all", StopLevel.SOFT, "all")
    no_entry_for(later, 30)
    later.rearm()
    later.open_gate()
    trades_again(later)


@pytest.mark.failure_mode("ACTOR_CRASH_LOOP")
def test_actor_crash_loop_of_the_market_data_stops_all_entries(start: StartRun) -> None:
    run = start()
    run.open_gate()
    name = addresses.market_data("feed")
    while not reasons_of(run, FailureMode.ACTOR_CRASH_LOOP):
        run.house.poison(name)
        run.work(3)
    assert run.house.states()[name] is ChildState.PARKED
    assert allowed(run) == allowed(run, OTHERS) == EXITS


@pytest.mark.failure_mode("ACTOR_STUCK")
def test_actor_stuck(start: StartRun) -> None:
    run = start()
    run.open_gate()
    hang(run, Held(addresses.OMS, OrderEvidence))
    assert 4.9 <= seen_after(run, FailureMode.ACTOR_STUCK) <= 5.2
    assert allowed(run) == EXITS
    until_replaced(run, addresses.OMS)
    assert over_after(run, FailureMode.ACTOR_STUCK) < 5
    run.open_gate()
    trades_again(run)


def failing(ledgers: list[FailingLedger]) -> Callable[[LedgerPort], LedgerPort]:
    def wrap(ledger: LedgerPort) -> LedgerPort:
        ledgers.append(FailingLedger(ledger))
        return ledgers[-1]

    return wrap


@pytest.mark.failure_mode("LEDGER_FAILURE")
@pytest.mark.lesson("L10")
def test_ledger_failure(start: StartRun) -> None:
    ledgers: list[FailingLedger] = []
    run = start(wrap=failing(ledgers))
    run.open_gate()
    ledgers[0].fail(is_full=True)
    assert seen_after(run, FailureMode.LEDGER_FAILURE) < 15, "as soon as something is to be written"
    (reason,) = reasons_of(run, FailureMode.LEDGER_FAILURE)
    assert (reason.level, reason.effective_plan) == (StopLevel.HARD, StopPlan.NONE), "cancels only"
    assert allowed(run) == NEITHER
    no_entry_for(run, 20)
    ledgers[0].fail(is_full=False)
    run.until(lambda: allowed(run) == EXITS)
    wait_for_the_operator(run, FailureMode.LEDGER_FAILURE, StopLevel.SOFT)


@pytest.mark.failure_mode("CLOCK_SKEW")
def test_clock_skew_of_the_venue(start: StartRun) -> None:
    run = start()
    run.open_gate()
    port_of(run).clock_ahead_ns = 900_000_000
    run.work(60)
    assert allowed(run) == BOTH, "within the budget"
    port_of(run).clock_ahead_ns = -1_100_000_000
    assert seen_after(run, FailureMode.CLOCK_SKEW) <= 30.1
    assert allowed(run) == EXITS
    no_entry_for(run, 60)
    port_of(run).clock_ahead_ns = 0
    assert 58.0 <= over_after(run, FailureMode.CLOCK_SKEW) <= 92.0
    trades_again(run)


@pytest.mark.failure_mode("CLOCK_SKEW")
@pytest.mark.parametrize("jump_s", [-0.6, 0.6])
def test_clock_skew_by_a_jump_of_our_own_clock(start: StartRun, jump_s: float) -> None:
    """Within the venue's budget, so that only the monotonic clock can tell."""
    run = start()
    run.open_gate()
    run.host.virtual_clock.set_wall_by(int(jump_s * NS_PER_S))
    assert seen_after(run, FailureMode.CLOCK_SKEW) <= 1.1
    assert allowed(run) == EXITS
    assert 58.0 <= over_after(run, FailureMode.CLOCK_SKEW) <= 61.0
    trades_again(run)


@pytest.mark.failure_mode("CLOCK_SKEW")
def test_clock_skew_is_not_forgotten_with_who_saw_it(start: StartRun) -> None:
    run = start()
    run.open_gate()
    port_of(run).clock_ahead_ns = 2_000_000_000
    seen_after(run, FailureMode.CLOCK_SKEW)
    port_of(run).clock_ahead_ns = 0
    run.work(1)
    run.house.poison(addresses.CLOCK_WATCH)
    run.work(40)
    assert allowed(run) == EXITS
    over_after(run, FailureMode.CLOCK_SKEW)


@pytest.mark.failure_mode("POSITION_DRIFT")
@pytest.mark.lesson("L08")
def test_position_drift(start: StartRun) -> None:
    run = start()
    run.open_gate()
    balances = run.house.venue.balances
    balances["BTC"] += 1
    assert seen_after(run, FailureMode.POSITION_DRIFT) < 90, "two comparisons, 30 s apart, and one at each look again"
    (reason,) = reasons_of(run, FailureMode.POSITION_DRIFT)
    assert reason.scope == "symbol:BTCUSDT"
    assert allowed(run) == EXITS
    assert allowed(run, OTHERS) == BOTH
    no_entry_for(run, 30, "BTCUSDT")
    balances["BTC"] -= 1
    run.work(90)
    assert reasons_of(run, FailureMode.POSITION_DRIFT), "an operator looks at it, also when it has gone"
    run.rearm()
    assert allowed(run) == BOTH


@pytest.mark.failure_mode("SPLIT_BRAIN")
def test_split_brain(start: StartRun) -> None:
    ledgers: list[FailingLedger] = []
    run = start(wrap=failing(ledgers))
    run.open_gate()
    ledgers[0].is_taken = True
    assert seen_after(run, FailureMode.SPLIT_BRAIN) <= 1.1
    assert allowed(run) == NEITHER
    run.until(lambda: bool(run.house.left), patience_s=0.1)
    assert run.house.left == ["somebody else has written into it"], "the process would have ended here"
    assert not list((run.folder / "stop").glob("*.json")), "or it would stop the one that has the account now"


@pytest.mark.failure_mode("AUTH_EXPIRED")
def test_auth_expired(start: StartRun) -> None:
    run = start()
    run.open_gate()
    tell_orders(run, AuthRefused(venue=VENUE, reason="Invalid API-key (-2015)"))
    assert seen_after(run, FailureMode.AUTH_EXPIRED) < 1
    assert allowed(run) == EXITS
    no_entry_for(run, 20)
    tell_orders(run, AuthAccepted(venue=VENUE))
    assert over_after(run, FailureMode.AUTH_EXPIRED) < 1
    trades_again(run)


@pytest.mark.failure_mode("INSTRUMENTS_OLD")
def test_instruments_old(start: StartRun) -> None:
    run = start()
    run.open_gate()
    run.work(61)
    port = port_of(run)
    assert isinstance(port, ModelOrders)
    port.is_mute = True
    ask_anew(run)
    took_s = seen_after(run, FailureMode.INSTRUMENTS_OLD, patience_s=600)
    assert (REPORTED_AFTER - 1) * CHECK_S <= took_s <= REPORTED_AFTER * CHECK_S + 1
    assert allowed(run) == BOTH
    port.is_mute = False
    assert over_after(run, FailureMode.INSTRUMENTS_OLD) <= CHECK_S + 1
