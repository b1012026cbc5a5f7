"""A house of bulkhead.app.house.tree around the model venue, on either host, and what can be asked of it afterwards."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from actors import addresses
from actors.reconciler import Reconciler
from actors.recorder import DecisionSink, EventSink, InputSink
from bulkhead.app.house import ROOT, InboxDoor, LoadedStrategy, Parts, tree, watch_over
from bulkhead.app.settings import Settings, check_settings
from bulkhead.execution.exact import plain
from bulkhead.execution.reversals import SUFFIX
from bulkhead.ledger.inbox import Inbox
from bulkhead.ledger.port import LedgerPort
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from bulkhead.market.sources import FALLBACKS
from bulkhead.monitor.alerting.actor import AlertDoor
from bulkhead.strategy.api import Answer, Strategy, Tick, View
from messages.base import Body, Envelope, Lane
from messages.catalogue import record_from_json
from messages.failure import CancelEntries, StopReason
from messages.market import Quote, Trade
from messages.records import FillRecorded, LedgerEvent, Record
from messages.supervision import ChildDown, ChildState
from messages.trading import Decision, DecisionMade
from messages.values import Side, SplitPolicy, StopLevel, StopPlan
from supervisor.gate import RECOVERY_REASON, Gate
from supervisor.latch import StopLatch
from supervisor.recorded import RecordedOnly
from supervisor.runtime.host import Host
from supervisor.spec import SupervisorSpec, nodes
from supervisor.supervisor import Supervisor
from supervisor.validation import validate
from tests.simulation.busting import BustingVenue
from tests.simulation.market import ACCOUNT, INSTRUMENTS, LOT, OPENING, VENUE
from tests.simulation.model_venue import ADDRESS, CALM, Faults, ModelVenue
from tests.simulation.ports import ModelFeed, ModelOrders, ModelQuotes

R = TypeVar("R", bound=Record)
SESSION = "s-sim"
WIDE_LIMITS = {
    "max_consecutive_rejects": 1_000,
    "max_consecutive_losses": 10_000,
    "cooldown_s": 0,
    "max_slippage_bps_p95": "10000",
    "max_daily_loss": "100000",
    "max_drawdown": "100000",
}
"""A die is no good trader, and a busy machine no quick one: nothing here is meant to trip."""
QUICK_WORK = {
    "fill_timeout_s": 4.0,
    "split": {"horizon_s": 12.0, "max_children": 4, "iceberg_visible_quantity": "2"},
}
"""Turns and prices move on within the seconds of a test."""
START_NS = 1_735_689_600_000_000_000


class Poison(Body):
    """No behaviour has a handler for it: whoever takes it dies over it."""

    lane = Lane.SYSTEM


class Flipper(Strategy):
    """Buys and sells by the throw of its seeded die, so that much happens in little time."""

    def on_tick(self, tick: Tick, view: View) -> Answer:
        if isinstance(tick, Quote) or view.working(tick.symbol) != 0:
            return None
        throw = view.rng.random()
        if throw > 0.3:
            return Decision.hold(tick.symbol, "the die says wait") if throw > 0.9 else None
        if view.position(tick.symbol) >= LOT:
            return Decision.exit(tick.symbol, "the die says leave")
        return Decision.enter(tick.symbol, Side.BUY, "the die says go", **_ways_in(throw, tick.price))


def _ways_in(throw: float, price: Decimal) -> dict[str, object]:
    """Taken at once, resting below the market, in parts over time, or one part after the other."""
    if throw < 0.1:
        return {"limit_price": price + Decimal("0.05")}
    if throw < 0.13:
        return {"limit_price": price - Decimal("0.04")}
    if throw < 0.16:
        return {"split": SplitPolicy.TWAP}
    if throw < 0.18:
        return {"split": SplitPolicy.ICEBERG, "limit_price": price}
    return {}


@dataclass
class Memory:
    """What the recorder is told, kept in memory: the three sinks in one."""

    decisions: list[DecisionMade] = field(default_factory=list)
    events: list[LedgerEvent] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    ticks: int = 0
    evidence: int = 0

    def append(self, events: Sequence[LedgerEvent]) -> None:
        self.events.extend(events)

    def write(
        self, made: DecisionMade, *, at_ns: int, session_id: str, correlation_id: str, causation_id: str | None
    ) -> None:
        self.decisions.append(made)

    def write_outcome(
        self,
        decision_id: str,
        outcome: dict[str, str],
        *,
        at_ns: int,
        session_id: str,
        correlation_id: str,
        causation_id: str | None,
    ) -> None:
        self.outcomes.append(decision_id)

    def add_tick(self, tick: Trade | Quote) -> None:
        self.ticks += 1

    def add_evidence(self, envelope: Envelope) -> None:
        self.evidence += 1

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def open(self) -> tuple[EventSink, DecisionSink, InputSink]:
        return self, self, self


def settings(owners: tuple[str, ...] = ()) -> Settings:
    strategies = [
        {
            "id": name,
            "use": "flipper",
            "symbols": [symbol],
            "sizing": {"kind": "fixed_notional", "notional": "500"},
            "host": "thread",
        }
        for name, symbol in (("heads", "BTCUSDT"), ("tails", "ETHUSDT"))
    ]
    data = {
        "venue": {"name": VENUE, "account": ACCOUNT},
        "strategies": strategies,
        "risk": WIDE_LIMITS,
        "execution": QUICK_WORK,
        "inbox": {"enabled": bool(owners), "owners": owners},
    }
    return check_settings(data, "test")


class House:
    """Grown by the constructor; the tests drive the host."""

    def __init__(
        self,
        host: Host,
        folder: Path,
        seed: int,
        faults: Faults = CALM,
        *,
        session_id: str = SESSION,
        tick_s: float = 0.5,
        wrap: Callable[[LedgerPort], LedgerPort] = lambda ledger: ledger,
        owners: tuple[str, ...] = (),
        kind: type[ModelVenue] = BustingVenue,
        alerts: AlertDoor | None = None,
    ) -> None:
        """`owners` of positions that are changed through an inbox, `<folder>/inbox.db`; without any there is none."""
        self.host = host
        self.memory = Memory()
        self.root_downs: list[ChildDown] = []
        self.left: list[str] = []
        """Why the process would have ended at once."""
        now_ns = host.now_ns()
        latch = StopLatch(folder / "stop")
        start = StopReason(reason_id=RECOVERY_REASON, level=StopLevel.SOFT, cause="not compared yet", since_ns=now_ns)
        self.gate = Gate((start, *latch.load(now_ns)), host.current_epoch, latch)
        recorded = RecordedOnly(self.gate)
        self.venue = kind(recorded, seed, faults, tick_s)
        self.file = SqliteLedger(folder / "ledger.db")
        self.file.connection.exec_driver_sql("PRAGMA synchronous=OFF")  # no power is cut here, and syncs take seconds
        self.parts = Parts(
            settings=settings(owners),
            session_id=session_id,
            currency="USDT",
            host=host,
            gate=self.gate,
            recorded=recorded,
            ledger=wrap(self.file),
            orders=ModelOrders(host, self.venue),
            feed=ModelFeed(host, self.venue),
            quotes=tuple(ModelQuotes(source, host, self.venue) for source in FALLBACKS),
            instruments=INSTRUMENTS,
            strategies=tuple(
                LoadedStrategy(s.id, s.traded, lambda s=s: Flipper(s.traded, Flipper.Parameters()), (5,))  # type: ignore[misc]
                for s in settings().strategies
            ),
            open_sinks=self.memory.open,
            leave=self.left.append,
            inbox=InboxDoor(lambda: Inbox(folder / "inbox.db"), lambda: LedgerReader(folder / "ledger.db"))
            if owners
            else None,
            alerts=alerts,
        )
        watch_over(self.parts)
        self._grow()

    def _grow(self) -> None:
        spec = tree(self.parts)
        validate(spec)
        for node, parent in nodes(spec):
            self.host.register(node.id, parent, "supervisor" if isinstance(node, SupervisorSpec) else "worker")
        self.host.on_orphan_down = self.root_downs.append
        self.host.start_child(ADDRESS, lambda: self.venue, parent=None)
        self.host.start_child(
            ROOT, lambda: Supervisor(spec, self.host, addresses.FAILURE_HANDLER), parent=None, kind="supervisor"
        )

    # -- acting -------------------------------------------------------------------------------------------------------

    def poison(self, name: str) -> None:
        self.host.tell(name, Poison(), sender="test")

    def stop_trading(self, level: StopLevel = StopLevel.SOFT) -> None:
        """At HARD exits, too, so that the venue has had its last order; what is held is not sold at either level."""
        stopping = StopReason(
            reason_id="session:stopping",
            level=level,
            cause="the test ends",
            since_ns=self.host.now_ns(),
            plan=StopPlan.CANCEL_ENTRIES,
        )
        self.gate.shut(stopping, by=None)
        cancel = CancelEntries(reason="the test ends", everything=level is StopLevel.HARD)
        self.host.tell(addresses.OMS, cancel, sender="test")

    def stop(self) -> None:
        self.host.stop_child(ROOT, "the test ends")

    # -- asking -------------------------------------------------------------------------------------------------------

    def states(self) -> dict[str, ChildState]:
        return {node.id: node.state for node in self.host.status()}

    def epoch(self, name: str) -> int:
        return self.host.current_epoch(name)

    @property
    def oms(self) -> Reconciler:
        found = self.host.behaviour(addresses.OMS)
        assert isinstance(found, Reconciler)
        return found

    def records(self, kind: type[R]) -> list[R]:
        """Every record of one kind, from the first event of the ledger on."""
        found = [event for event in self.file.events() if event.type == kind.__name__]
        return [kind.model_validate(record_from_json(json.loads(event.payload))) for event in found]

    def fills(self) -> Counter[str]:
        """How often each execution was written down that was not taken back."""
        written = Counter(record.fill.fill_id for record in self.records(FillRecorded))
        for fill_id in [key for key in written if key.endswith(SUFFIX)]:
            assert written.pop(fill_id) == 1, "taken back once"
            assert written.pop(fill_id.removesuffix(SUFFIX)) == 1
        return written

    def executed(self) -> Counter[str]:
        return Counter(f"{VENUE}:{e.symbol}:{e.execution_id}" for e in self.venue.executions)

    def balances(self) -> dict[str, Decimal]:
        """What our ledger says the account holds."""
        loaded = self.file.load_recovery()
        assert loaded.opening_balances is not None
        held = {balance.asset: balance.total for balance in loaded.opening_balances}
        for key, change in loaded.balance_changes.items():
            symbol, _, part = key.partition(":")
            rules = INSTRUMENTS.get(symbol)
            asset = key if rules is None else rules.base_asset if part == "base" else rules.quote_asset
            held[asset] = held.get(asset, Decimal(0)) + change
        return held

    def positions(self) -> dict[str, Decimal]:
        """Recorded positions, added up by base asset."""
        loaded = self.file.load_recovery()
        assert not loaded.unapplied_fills
        found: dict[str, Decimal] = {}
        for position in loaded.positions:
            asset = INSTRUMENTS[position.symbol].base_asset
            found[asset] = found.get(asset, Decimal(0)) + position.quantity
        return found

    def assert_books_are_the_venues(self) -> None:
        """Every execution booked, each once; cash and positions to the last digit."""
        assert self.fills() == self.executed()
        assert set(self.fills().values()) <= {1}
        self.assert_balances_are_the_venues()

    def assert_balances_are_the_venues(self) -> None:
        assert {asset: plain(total) for asset, total in self.balances().items()} == {
            asset: plain(total) for asset, total in self.venue.balances.items()
        }
        traded = {asset: total - OPENING[asset] for asset, total in self.venue.balances.items() if asset != "USDT"}
        ours = self.positions()
        assert {asset: ours.get(asset, Decimal(0)) for asset in traded} == traded
        assert not self.venue.repeated_ids
        assert self.oms.figures().unknown == 0
