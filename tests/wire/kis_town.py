"""A house at the simulated KIS, in venue time that runs faster than the wall.

The real tree on threads, the real adapter over real sockets, a real ledger, and the venue as a process of its own.
"""

import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from actors import addresses
from bulkhead.app.house import ROOT, LoadedStrategy, Parts, tree, watch_over
from bulkhead.app.live_run import NeverCame, until
from bulkhead.app.settings import check_settings
from bulkhead.app.simulator_process import SimulatorProcess
from bulkhead.chaos.memory import Memory
from bulkhead.chaos.oracle import LedgerFile
from bulkhead.ledger.sqlite import SqliteLedger
from bulkhead.strategy.api import Strategy
from bulkhead.venues.adapters.kis import KisFeed, KisOrders, KisSession, KisSettings
from bulkhead.venues.simulator.kis.settings import (
    DEMO_KIS_ACCOUNT,
    DEMO_KIS_APP_KEY,
    DEMO_KIS_APP_SECRET,
    DEMO_KIS_HTS_ID,
    KisSection,
)
from bulkhead.venues.simulator.settings import SimulatorSettings
from messages.base import Command
from messages.failure import CancelEntries, StopReason
from messages.supervision import ChildDown
from messages.values import StopLevel
from supervisor.gate import RECOVERY_REASON, Gate
from supervisor.latch import StopLatch
from supervisor.recorded import RecordedOnly
from supervisor.runtime.threaded import ThreadedHost
from supervisor.spec import SupervisorSpec, nodes
from supervisor.supervisor import Supervisor
from supervisor.validation import validate

NS_PER_S = 1_000_000_000
PATIENCE_S = 60.0
"""Of the wall's."""
_MANY = 1_000_000_000
WIDE_LIMITS: dict[str, Any] = {
    "currency": "KRW",
    **dict.fromkeys(("max_consecutive_losses", "max_consecutive_rejects", "max_orders_per_s", "max_daily_loss"), _MANY),
    **dict.fromkeys(("max_drawdown", "max_orders_per_day", "max_trades_per_day", "max_symbol_exposure"), _MANY),
    **dict.fromkeys(("max_gross_exposure", "max_order_notional"), _MANY),
    "max_slippage_bps_p95": 10_000,
    "max_market_age_s": 3_600,
    "min_reject_sample": 500,
}


class FastClock:
    """The venue's own time, read from the same wall: start + (wall - wall at start) x speed."""

    def __init__(self, told: dict[str, int]) -> None:
        self._start_ns, self._wall_ns = told["start_ns"], told["wall_start_ns"]
        self.speed = told["speed_millionths"] / 1_000_000
        self._zero_ns = time.monotonic_ns() - (time.time_ns() - self._wall_ns)

    def monotonic_ns(self) -> int:
        return int((time.monotonic_ns() - self._zero_ns) * self.speed)

    def now_ns(self) -> int:
        return self._start_ns + self.monotonic_ns()

    def pause(self, seconds: float) -> None:
        time.sleep(seconds / self.speed)


class KisVenue:
    """The simulated venue, from outside."""

    def __init__(self, process: SimulatorProcess) -> None:
        self.port = process.port

    def call(self, path: str, body: dict[str, object] | None = None) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}{path}"
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10) as answer:
            return dict(json.loads(answer.read()))

    def books(self) -> dict[str, Any]:
        return self.call("/sim/books")

    def by_hand(self, **order: object) -> dict[str, Any] | None:
        """Placed, changed or cancelled by hand; None when the venue refuses it."""
        try:
            return self.call("/sim/kis/manual", order)
        except urllib.error.HTTPError as error:
            with error:
                return None


def simulator(starts_at_ms: int, speed: int, kis: KisSection, **more: object) -> SimulatorProcess:
    return SimulatorProcess(
        SimulatorSettings.model_validate(
            {"dialect": "kis", "kis": kis, "clock_starts_at_ms": starts_at_ms, "clock_speed": speed, **more}
        )
    )


class KisTown:
    """Grown by `grow`; ends with `stop`."""

    def __init__(
        self, folder: Path, venue: KisVenue, strategies: dict[str, Strategy], host_kind: str = "paper"
    ) -> None:
        self.folder, self.venue = folder, venue
        self.clock = FastClock(venue.books()["clock"])
        self.host = ThreadedHost(seed=1, clock=self.clock, max_abandoned=10)
        self.faults: list[str] = []
        self.sent: dict[str, int] = {}
        """How often the bytes of each order were in the socket."""
        self.memory = Memory()
        self.root_downs: list[ChildDown] = []
        symbols = tuple(dict.fromkeys(symbol for each in strategies.values() for symbol in each.symbols))
        now_ns = self.clock.now_ns()
        start = StopReason(reason_id=RECOVERY_REASON, level=StopLevel.SOFT, cause="not compared yet", since_ns=now_ns)
        self.gate = Gate((start,), self.host.current_epoch, StopLatch(folder / "stop"))
        recorded = RecordedOnly(self.gate)
        self.session = KisSession(
            self._settings(symbols, host_kind),
            now_ns=self.clock.now_ns,
            monotonic_ns=self.clock.monotonic_ns,
            rng=random.Random(1),
            on_fault=lambda where, error: self.faults.append(f"{where}: {error!r}"),
            pause=self.clock.pause,
        )
        self.orders = KisOrders(self.session, guard=recorded, on_sent=self._on_sent)
        self.path = folder / "ledger.db"
        self.ledger = SqliteLedger(self.path)
        self.ledger.connection.exec_driver_sql("PRAGMA synchronous=OFF")  # no power is cut here
        self.left: list[str] = []
        """Why the process would have ended at once."""
        self.parts = Parts(
            settings=self._house_settings(strategies),
            session_id="s-kis",
            currency="KRW",
            host=self.host,
            gate=self.gate,
            recorded=recorded,
            ledger=self.ledger,
            orders=self.orders,
            feed=KisFeed(self.session),
            instruments={rules.symbol: rules for rules in self.orders.load_instruments()},
            strategies=tuple(
                LoadedStrategy(name, each.symbols, lambda each=each: each, ())  # type: ignore[misc]
                for name, each in strategies.items()
            ),
            open_sinks=self.memory.open,
            leave=self.left.append,
        )

    def _on_sent(self, client_order_id: str, _: int) -> None:
        self.sent[client_order_id] = self.sent.get(client_order_id, 0) + 1

    def _settings(self, symbols: tuple[str, ...], host_kind: str) -> KisSettings:
        return KisSettings.model_validate(
            {
                "venue": "kis",
                "account": "paper",
                "host": host_kind,
                "rest_url": f"http://127.0.0.1:{self.venue.port}",
                "ws_url": f"ws://127.0.0.1:{self.venue.port}/tryitout",
                "app_key": DEMO_KIS_APP_KEY,
                "app_secret": DEMO_KIS_APP_SECRET,
                "account_number": DEMO_KIS_ACCOUNT,
                "hts_id": DEMO_KIS_HTS_ID,
                "symbols": symbols,
                "commission_rate": "0.00015",
                "sell_tax_rate": "0.0020",
            }
        )

    @staticmethod
    def _house_settings(strategies: dict[str, Strategy]) -> Any:
        listed = [
            {
                "id": name,
                "use": "test",
                "symbols": list(each.symbols),
                "sizing": {"kind": "fixed_notional", "notional": "1000000"},
                "host": "thread",
            }
            for name, each in strategies.items()
        ]
        data = {
            "venue": {"name": "kis", "account": "paper", "max_silence_s": 600.0},
            "risk": WIDE_LIMITS,
            "strategies": listed,
            "execution": {"max_market_age_s": 600.0, "max_spread_bps": 1_000},
            # A minute of the venue's is a second of the wall's, and a busy machine stands still for longer than that.
            "detection": {"channel_timeout_s": 600.0},
            "market_data": {"max_lag_s": 600.0},
        }
        return check_settings(data, "test")

    # -- life ---------------------------------------------------------------------------------------------------------

    def grow(self) -> None:
        watch_over(self.parts)
        spec = _patient(tree(self.parts), self.clock.speed)
        validate(spec)
        for node, parent in nodes(spec):
            self.host.register(node.id, parent, "supervisor" if isinstance(node, SupervisorSpec) else "worker")
        self.host.on_orphan_down = self.root_downs.append
        self.host.start_child(
            ROOT, lambda: Supervisor(spec, self.host, addresses.FAILURE_HANDLER), parent=None, kind="supervisor"
        )
        self.until(lambda: self.gate.is_open, "the gate is open")

    def stop(self) -> None:
        self.host.on_liveness = lambda name, is_up: None
        self.host.stop_child(ROOT, "the test ends")
        self.until(lambda: self.root_downs, "the tree is down")
        self.host.close()

    def end_trading(self) -> None:
        stopping = StopReason(
            reason_id="session:stopping", level=StopLevel.SOFT, cause="the day ends", since_ns=self.clock.now_ns()
        )
        self.gate.shut(stopping, by=None)
        self.tell(CancelEntries(reason="the day ends", everything=True))

    def tell(self, command: Command, to: str = addresses.OMS) -> None:
        self.host.tell(to, command, sender="test")

    def until(self, what: Callable[[], Any], why: str, patience_s: float = PATIENCE_S) -> Any:
        try:
            return until(what, why, patience_s)
        except NeverCame as error:
            reasons = "; ".join(f"{each.reason_id}: {each.cause}" for each in self.gate.reasons())
            raise AssertionError(f"{error}; {reasons or 'the gate is open'}; {self.faults[-3:]}") from None

    # -- asking -------------------------------------------------------------------------------------------------------

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return LedgerFile(self.path).rows(query)


def _patient(spec: SupervisorSpec, speed: float) -> SupervisorSpec:
    """Deadlines of the machine's, told in seconds that go by faster."""

    def patient(node: Any) -> Any:
        slower = {name: getattr(node, name) * speed for name in ("stuck_after_s", "ready_timeout_s", "shutdown_s")}
        if isinstance(node, SupervisorSpec):
            return replace(node, **slower, children=tuple(patient(each) for each in node.children))
        return replace(node, **slower)

    found: SupervisorSpec = patient(spec)
    return found
