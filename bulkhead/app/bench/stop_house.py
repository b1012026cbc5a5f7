"""A house with the hands of the stop bench in it: it hangs an actor, queues ticks, hands entries in, and trips."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from actors import addresses
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.house import ROOT, tree
from bulkhead.app.house_market import FEED
from bulkhead.app.session import Session, open_session
from bulkhead.app.settings import Settings, check_settings
from bulkhead.app.simulator_process import SimulatorProcess
from bulkhead.app.stops.notes import EMERGENCY_FILE
from bulkhead.app.stops.of_session import stop_threads_of
from bulkhead.venues.port import WriteGuard
from bulkhead.venues.simulator.settings import Limits, SimulatorSettings
from messages.base import Body
from messages.failure import StopReason
from messages.market import Trade
from messages.orders import OrderRow, OrderTicket, SubmitOrder
from messages.portfolio import PortfolioSnapshot
from messages.supervision import TimerFired
from messages.values import IntentType, OrderStatus, OrderType, Side, StopLevel, TimeInForce
from supervisor.gate import Gate
from supervisor.latch import StopLatch
from supervisor.runtime.behaviour import Context
from supervisor.runtime.mailbox import Bounds
from supervisor.runtime.threaded import ThreadedHost
from supervisor.spec import SupervisorSpec, nodes
from supervisor.supervisor import Supervisor

SYMBOL, VENUE, STRATEGY = "BTCUSDT", "sim", "resting"
TICKS = 100_000
RESTING = 8
RETRY_S = 2.0
PATIENCE_S = 30.0
QUANTITY, PRICE_SHARE = Decimal("0.01"), Decimal("0.99")
KILL = "kill:SOFT:all"
_MANY = 10**9


@dataclass
class Looks:
    """A write guard that notes when an entry was let out. The gate is asked right after `began_ns` is read. It can hold
    the lane up right before that."""

    guard: WriteGuard
    may_look: threading.Event = field(default_factory=threading.Event)
    let_out: list[tuple[str, int]] = field(default_factory=list)
    held_back: list[tuple[str, int]] = field(default_factory=list)

    is_waiting: threading.Event = field(default_factory=threading.Event)
    """An entry stands before the last look."""

    def begun_since(self, ns: int) -> set[str]:
        """Entries that came to the last look after this monotonic time, let out or not."""
        return {key for key, began_ns in (*self.let_out, *self.held_back) if began_ns > ns}

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        if not self.may_look.is_set() and ticket.intent_type.is_entry:
            self.is_waiting.set()
        self.may_look.wait(PATIENCE_S)
        began_ns = time.monotonic_ns()
        refusal = self.guard.refusal(ticket, issuer, epoch)
        if ticket.intent_type.is_entry:
            (self.let_out if refusal is None else self.held_back).append((ticket.client_order_id, began_ns))
        return refusal


class House:
    """One house with the hands of the bench in it."""

    def __init__(self, session: Session, host: ThreadedHost, port: int, sent: list[tuple[str, int]], looks: Looks):
        self.session, self.host, self.port, self.sent, self.looks = session, host, port, sent, looks
        self.gate: Gate = session.parts.gate
        self.released = threading.Event()
        self._orders = 0
        self._bid = Decimal(0)

    # -- what is done to it -------------------------------------------------------------------------------------------

    def hang(self, name: str) -> None:
        """The next message to it takes until the bench is over."""
        behaviour = self.host.behaviour(name)
        if behaviour is None:
            raise Stopped(ExitCode.ERROR, f"there is no {name} to hang")
        is_held, released = threading.Event(), self.released

        def hold(body: Body, ctx: Context) -> None:
            is_held.set()
            released.wait(PATIENCE_S * 10)

        vars(behaviour)["receive"] = hold
        self.host.tell(name, TimerFired(key="hang"), sender="bench")
        if not is_held.wait(PATIENCE_S):
            raise Stopped(ExitCode.ERROR, f"{name} does not hang")

    def queue_ticks(self, count: int) -> None:
        now_ns = time.time_ns()
        tick = Trade(
            venue=VENUE,
            symbol=SYMBOL,
            price=self._bid,
            quantity=QUANTITY,
            trade_id="1",
            event_time_ns=now_ns,
            received_at_ns=now_ns,
            received_monotonic_ns=time.monotonic_ns(),
        )
        for _ in range(count):
            self.host.tell(addresses.market_data(FEED), tick, sender="bench")

    def hand_in(self, count: int, time_in_force: TimeInForce) -> None:
        """Entries past every actor: on record, and in the adapter's lane."""
        epoch = self.host.current_epoch(addresses.OMS)
        rows = [self._row(time_in_force) for _ in range(count)]
        self.session.parts.recorded.note(rows)
        for row in rows:
            self.session.venue.orders.submit(SubmitOrder(ticket=row.ticket), addresses.OMS, epoch)

    def _row(self, time_in_force: TimeInForce) -> OrderRow:
        self._orders += 1
        ticket = OrderTicket(
            client_order_id=f"bench-{self._orders}",
            venue=VENUE,
            account=self.session.settings.venue.account,
            symbol=SYMBOL,
            side=Side.BUY,
            order_type=OrderType.LMT,
            quantity=QUANTITY,
            limit_price=(self._bid * PRICE_SHARE).quantize(Decimal("0.1")),
            time_in_force=time_in_force,
            intent_type=IntentType.ENTRY,
        )
        return OrderRow(
            ticket=ticket,
            intent_id=ticket.client_order_id,
            correlation_id="bench",
            strategy_id=STRATEGY,
            status=OrderStatus.PENDING_SUBMIT,
            filled=Decimal(0),
            filled_notional=Decimal(0),
            created_ns=time.time_ns(),
            updated_ns=time.time_ns(),
        )

    def rest_one(self) -> None:
        """Have an entry of ours rest at the venue. One that comes while the broker is replaced, or over the last trip's
        echo, is refused: it is handed in anew."""
        handed_in_at = -RETRY_S

        def rests() -> bool:
            nonlocal handed_in_at
            self._lift()
            if any(key.startswith("bench-") for key in self.at_venue()):
                return True
            if time.monotonic() - handed_in_at > RETRY_S:
                handed_in_at = time.monotonic()
                self.hand_in(2, TimeInForce.GTC)
            return False

        self.until(rests, "an entry rests")

    def trip(self, *, by_kill: bool) -> int:
        """Trip, and the monotonic nanosecond since when the gate is shut, or the file there."""
        if by_kill:
            stop = StopReason(
                reason_id=KILL, level=StopLevel.SOFT, cause="the bench", since_ns=time.time_ns(), needs_operator=True
            )
            StopLatch(self.session.settings.session.stop_dir).write(stop)
            return time.monotonic_ns()
        shut_ns: list[int] = []
        is_shut = threading.Event()
        told = self.gate.on_change

        def on_change() -> None:
            if not self.gate.is_open and not shut_ns:
                shut_ns.append(time.monotonic_ns())
                is_shut.set()
            told()

        self.gate.on_change = on_change
        self.host.tell(addresses.RISK_GUARD, self._snapshot(-10_000), sender=addresses.PORTFOLIO)
        came = is_shut.wait(PATIENCE_S)
        self.gate.on_change = told
        if not came:
            raise Stopped(ExitCode.ERROR, "the risk guard did not trip")
        return shut_ns[0]

    def _snapshot(self, day_pnl: int) -> PortfolioSnapshot:
        numbers = dict.fromkeys(("equity", "cash", "peak_equity"), Decimal(100_000))
        zeros = dict.fromkeys(("realised_pnl", "unrealised_pnl", "drawdown"), Decimal(0))
        return PortfolioSnapshot(
            venue=VENUE,
            account=self.session.settings.venue.account,
            currency="USDT",
            day_pnl=Decimal(day_pnl),
            positions=(),
            balances=(),
            at_ns=time.time_ns(),
            **numbers,
            **zeros,
        )

    def open_again(self) -> None:
        """The loss is made good; the guard may trip over the last word of it once more before it hears of that."""
        self.host.tell(addresses.RISK_GUARD, self._snapshot(0), sender=addresses.PORTFOLIO)

        def is_open() -> bool:
            self._lift()
            return self.gate.is_open

        self.until(is_open, "the gate is open again")

    def _lift(self) -> None:
        """As an operator does."""
        for reason in self.gate.reasons():
            if reason.needs_operator:
                self.gate.lift(reason.reason_id, by=None)

    # -- what is asked of it ------------------------------------------------------------------------------------------

    def at_venue(self) -> frozenset[str]:
        """Client order ids of what works there, by its own books."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/sim/books", timeout=10) as answer:
            return frozenset(order["clientOrderId"] for order in json.load(answer)["open_orders"])

    def until(self, what: Callable[[], bool], why: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not what():
            if time.monotonic() >= deadline:
                reasons = "; ".join(f"{each.reason_id}: {each.cause}" for each in self.gate.reasons())
                raise Stopped(ExitCode.ERROR, f"it never came true that {why} ({reasons or 'the gate is open'})")
            time.sleep(0.01)

    def until_looked_at(self, since_ns: int) -> None:
        """Some entry has come to the last look after this monotonic time."""
        self.until(lambda: bool(self.looks.begun_since(since_ns)), "an entry is looked at")

    def know_the_price(self) -> None:
        prices = [each.ticket.limit_price for each in self.session.tap.working()]
        self._bid = max(price for price in prices if price is not None)

    def reported(self) -> frozenset[str]:
        path = self.session.settings.session.logs_dir / "audit" / EMERGENCY_FILE
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        said = (json.loads(line) for line in lines)
        return frozenset(each["client_order_id"] for each in said if each["state"] == "not cancelled")


@contextmanager
def grown(folder: Path) -> Iterator[House]:
    folder.mkdir(parents=True)
    limits = Limits(request_weight_per_minute=_MANY, orders_per_10s=_MANY)
    sent: list[tuple[str, int]] = []
    with ExitStack() as stack:
        process = stack.enter_context(SimulatorProcess(SimulatorSettings(symbols=(SYMBOL,), limits=limits)))
        settings = _settings(folder, process.port)
        host = ThreadedHost(settings.session.seed, bounds=Bounds(data=2 * TICKS), max_abandoned=100)
        stack.callback(host.close)
        looked: list[Looks] = []

        def watched(guard: WriteGuard) -> WriteGuard:
            looked.append(Looks(guard))
            looked[0].may_look.set()
            return looked[0]

        session = stack.enter_context(
            open_session(settings, host, None, on_sent=lambda key, at_ns: sent.append((key, at_ns)), on_guard=watched)
        )
        stack.enter_context(stop_threads_of(session))
        spec = tree(session.parts)
        for node, parent in nodes(spec):
            host.register(node.id, parent, "supervisor" if isinstance(node, SupervisorSpec) else "worker")
        is_down = threading.Event()
        host.on_orphan_down = lambda _: is_down.set()
        host.start_child(
            ROOT, lambda: Supervisor(spec, host, addresses.FAILURE_HANDLER), parent=None, kind="supervisor"
        )
        house = House(session, host, process.port, sent, looked[0])
        try:
            house.until(lambda: house.gate.is_open, "the gate is open")
            yield house
        finally:
            house.released.set()
            host.on_liveness = lambda name, is_up: None
            host.stop_child(ROOT, "the bench ends")
            is_down.wait(PATIENCE_S)


def _settings(folder: Path, port: int) -> Settings:
    stream = f"ws://127.0.0.1:{port}"
    unlimited = ("max_orders_per_s", "max_orders_per_day", "max_trades_per_day", "max_consecutive_losses")
    return check_settings(
        {
            "session": {
                "logs_dir": folder / "logs",
                "ledger_file": folder / "logs" / "ledger.db",
                "stop_dir": folder / "stop",
            },
            "venue": {
                "start_simulator": False,
                "rest_url": f"http://127.0.0.1:{port}",
                "ws_api_url": f"{stream}/ws-api/v3",
                "stream_url": stream,
            },
            "risk": {
                **dict.fromkeys(unlimited, _MANY),
                "max_daily_loss": 1_000,
                "trip_level": "SOFT",
                "cooldown_s": 0,
            },
            "strategies": [
                {
                    "id": STRATEGY,
                    "use": "bulkhead.app.bench.strategies:Resting",
                    "symbols": [SYMBOL],
                    "sizing": {"notional": "100"},
                    "parameters": {"count": RESTING},
                    "host": "thread",
                }
            ],
        },
        "bench",
    )
