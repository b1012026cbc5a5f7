"""A house of bulkhead.app.house.tree around the model venue, on either host, and what can be asked of it afterwards."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from actors import addresses
from actors.reconciler import Reconciler
from bulkhead.app.house import ROOT, InboxDoor, LoadedStrategy, Parts, tree, watch_over
from bulkhead.app.settings import Settings, check_settings
from bulkhead.chaos.memory import Memory
from bulkhead.chaos.model.market import ACCOUNT, INSTRUMENTS, OPENING, VENUE
from bulkhead.chaos.model.ports import ModelFeed, ModelOrders, ModelQuotes
from bulkhead.chaos.model.venue import ADDRESS, ModelVenue
from bulkhead.chaos.strategies import Flipper
from bulkhead.execution.exact import plain
from bulkhead.execution.reversals import SUFFIX
from bulkhead.ledger.inbox import Inbox
from bulkhead.ledger.port import LedgerPort
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from bulkhead.market.sources import FALLBACKS
from bulkhead.monitor.alerting.actor import AlertDoor
from messages.base import Body, Lane
from messages.catalogue import record_from_json
from messages.failure import CancelEntries, StopReason
from messages.records import FillRecorded, Record
from messages.supervision import ChildDown, ChildState
from messages.values import StopLevel, StopPlan
from supervisor.gate import RECOVERY_REASON, Gate
from supervisor.latch import StopLatch
from supervisor.latch_watch import LatchWatch, WatchedGate
from supervisor.recorded import RecordedOnly
from supervisor.runtime.host import Host
from supervisor.spec import SupervisorSpec, nodes
from supervisor.supervisor import Supervisor
from supervisor.validation import validate

R = TypeVar("R", bound=Record)
SESSION = "s-sim"
ZERO = Decimal(0)
WIDE_LIMITS = {
    "max_consecutive_rejects": 1_000,
    "max_consecutive_losses": 10_000,
    "cooldown_s": 0,
    "max_slippage_bps_p95": "10000",
    "max_daily_loss": "100000",
    "max_drawdown": "100000",
}
"""A die is no good trader, and a busy machine no quick one: nothing here is meant to trip."""
TIGHT_LIMITS = {
    **WIDE_LIMITS,
    "max_order_notional": "600",
    "max_symbol_exposure": "700",
    "max_gross_exposure": "800",
    "max_orders_per_s": 2,
    "max_consecutive_rejects": 5,
    "max_daily_loss": "5",
    "max_drawdown": "8",
}
"""So that each of them binds now and then: both strategies at once are too much for one account."""
QUICK_WORK = {
    "fill_timeout_s": 4.0,
    "split": {"horizon_s": 12.0, "max_children": 4, "iceberg_visible_quantity": "2"},
}
"""Turns and prices move on within the seconds of a test."""
START_NS = 1_735_689_600_000_000_000


class Poison(Body):
    """No behaviour has a handler for it: whoever takes it dies over it."""

    lane = Lane.SYSTEM


def settings(owners: tuple[str, ...], limits: Mapping[str, object]) -> Settings:
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
        "risk": limits,
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
        venue: ModelVenue,
        *,
        session_id: str = SESSION,
        wrap: Callable[[LedgerPort], LedgerPort] = lambda ledger: ledger,
        owners: tuple[str, ...] = (),
        alerts: AlertDoor | None = None,
        limits: Mapping[str, object] | None = None,
        leave: Callable[[str], None] | None = None,
    ) -> None:
        """`owners` of positions that are changed through an inbox, `<folder>/inbox.db`; without any there is none.

        `leave` ends the process at once and does not return; without it, it is noted in `left` that it would have."""
        self.host = host
        self.memory = Memory()
        self.root_downs: list[ChildDown] = []
        self.left: list[str] = []
        """Why the process would have ended at once."""
        now_ns = host.now_ns()
        self.latch = StopLatch(folder / "stop")
        self.watch = LatchWatch(self.latch, host.now_ns, time.time_ns)
        """What others have latched; looked at before each write. The thread that looks besides is the caller's."""
        start = StopReason(reason_id=RECOVERY_REASON, level=StopLevel.SOFT, cause="not compared yet", since_ns=now_ns)
        self.gate = Gate((start, *self.latch.load(now_ns)), host.current_epoch, self.watch)
        self.watch.serve(self.gate)
        recorded = RecordedOnly(WatchedGate(self.gate, self.watch))
        self.venue = venue
        venue.guard = recorded
        self.file = SqliteLedger(folder / "ledger.db")
        self.file.connection.exec_driver_sql("PRAGMA synchronous=OFF")  # no power is cut here, and syncs take seconds
        self.parts = Parts(
            settings=settings(owners, WIDE_LIMITS if limits is None else limits),
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
                for s in settings((), WIDE_LIMITS).strategies
            ),
            open_sinks=self.memory.open,
            leave=leave or self.left.append,
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

    def differences(self) -> tuple[str, ...]:
        """What our books and the venue's do not agree about once nothing is under way: executions booked once each,
        cash and positions to the last digit."""
        wrong = [f"{key}: booked {count} times" for key, count in self.fills().items() if count > 1]
        missing, invented = self.executed() - self.fills(), self.fills() - self.executed()
        wrong += [f"{key}: executed and not booked" for key in missing]
        wrong += [f"{key}: booked and not executed" for key in invented]
        return (*wrong, *self.balance_differences())

    def balance_differences(self) -> tuple[str, ...]:
        ours, theirs = self.balances(), self.venue.balances
        wrong = [
            f"{asset}: we hold {plain(ours.get(asset, ZERO))}, the venue says {plain(theirs.get(asset, ZERO))}"
            for asset in sorted(ours.keys() | theirs.keys())
            if ours.get(asset, ZERO) != theirs.get(asset, ZERO)
        ]
        positions = self.positions()
        traded = {asset: total - OPENING[asset] for asset, total in theirs.items() if asset != "USDT"}
        wrong += [
            f"{asset}: positions add up to {plain(positions.get(asset, ZERO))}, traded was {plain(change)}"
            for asset, change in traded.items()
            if positions.get(asset, ZERO) != change
        ]
        wrong += [f"{key} was handed in again though it had been accepted" for key in self.venue.repeated_ids]
        unknown = self.oms.figures().unknown
        return (*wrong, *([f"{unknown} orders are unknown"] if unknown else []))
