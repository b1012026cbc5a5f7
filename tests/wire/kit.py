"""A house on the wire: the real tree on threads, the real adapter, a real ledger, and a simulated venue as a process.

Nothing happens by itself: the venue's market stands still, and the one strategy does what the test says. So a test
brings an order into a state, lets a fault strike at that very instant, and asks the two who know, the venue's books and
the ledger file, what came of it. Nothing of the order path is believed here.
"""

import json
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from actors import addresses
from bulkhead.app.house import ROOT, LoadedStrategy, tree
from bulkhead.app.live_run import NeverCame, Table, until
from bulkhead.app.report import figures_of
from bulkhead.app.session import Session, finish_session, open_session
from bulkhead.app.settings import Settings, check_settings
from bulkhead.chaos.oracle import QUOTE, LedgerFile, differences
from bulkhead.venues.adapters.binance import BinanceFeed, BinanceOrders
from bulkhead.venues.transport.http import HttpSettings
from bulkhead.venues.transport.ws import BackoffSettings
from messages.codes import ErrorCode
from messages.failure import CancelEntries
from messages.supervision import ChildDown, TimerFired
from messages.trading import Decision
from messages.values import MarketSnapshot, Side
from supervisor.runtime.threaded import ThreadedHost
from supervisor.spec import SupervisorSpec, nodes
from supervisor.supervisor import Supervisor
from supervisor.validation import validate
from tests.process.kit import Simulator, ladder, simulator, write_config
from tests.venues.adapters.kit import settings as adapter_settings
from tests.venues.simulator.kit import Client
from tests.wire.hands import Puppet, Turnstile

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
QUANTITY = {"BTCUSDT": Decimal("0.002"), "ETHUSDT": Decimal("0.04"), "SOLUSDT": Decimal("0.8")}
"""Some 120 USDT each: many of them fit beside each other into the limits."""
PUPPET = addresses.strategy("puppet")
RECV_WINDOW_MS = 1_500
ABSENT_AFTER_S = RECV_WINDOW_MS / 1_000 + 1.0
"""The request's validity and the margin of bulkhead.execution.reconcile: before that nothing is proven absent."""
ANSWER_WITHIN_S = 0.5
"""The adapter's read timeout: what is held at the venue for longer has no verdict."""
PATIENCE_S = 30.0
BETWEEN_TICKS_S = 0.4
"""Longer than data has to flow until it is sound. Each tick takes from a book that stands still, so there are few."""
_MANY = 1_000_000
WIDE_LIMITS = {
    **dict.fromkeys(("max_consecutive_losses", "max_consecutive_rejects", "max_orders_per_s", "max_daily_loss"), _MANY),
    **dict.fromkeys(("max_drawdown", "max_orders_per_day", "max_trades_per_day"), _MANY),
    "max_slippage_bps_p95": 10_000,
    "cooldown_s": 0,
    "max_market_age_s": 3_600,
    "max_symbol_exposure": 40_000,
    "min_reject_sample": 500,
}
CALM: dict[str, object] = {
    **dict.fromkeys(("lose_order_replies", "hide_orders_ms", "reply_latency_ms", "rate_limit_next", "lose_reports"), 0),
    **dict.fromkeys(("repeat_reports", "acks_after_fills", "refuse_keys", "fail_public", "halt_market"), False),
    "clock_ahead_ms": 0,
    "refuse_streams": "none",
    "hold": dict.fromkeys(("order", "cancel", "query", "list")),
}


Tables = Mapping[str, Mapping[str, object]]
NO_TABLES: Tables = MappingProxyType({})


class Row(NamedTuple):
    client_order_id: str
    intent_id: str
    symbol: str
    status: str
    """The public word: ERROR is UNKNOWN."""
    quantity: Decimal
    filled: Decimal
    reason: str


class Town:
    def __init__(self, folder: Path, venue: Simulator, host: ThreadedHost, session: Session) -> None:
        self.folder, self.venue, self.host = folder, venue, host
        self.ledger = LedgerFile(folder / "logs" / "ledger.db")
        self.gate = session.parts.gate
        self.turnstile = Turnstile(self.gate)
        self.faults: list[str] = []
        self.posted: Counter[str] = Counter()
        """How often the bytes of each order were in the socket."""
        self.strangers: set[str] = set()
        """Orders that a test places by hand: in no book of ours."""
        self._puppet = Puppet(SYMBOLS, Puppet.Parameters())
        self._puppet.wishes, self._puppet.seen = deque(), {}
        self._wishes = 0
        self.is_spent = False
        """The next test is to have a town of its own."""
        self._root_downs: list[ChildDown] = []
        self.orders, feed = self._adapters(venue.port)
        puppet = LoadedStrategy("puppet", SYMBOLS, lambda: self._puppet, ())
        self.left: list[str] = []
        """Why the process would have ended at once."""
        self.parts = replace(session.parts, orders=self.orders, feed=feed, strategies=(puppet,), leave=self.left.append)

    def _adapters(self, port: int) -> tuple[BinanceOrders, BinanceFeed]:
        settings = adapter_settings(
            port,
            venue="sim",
            account="paper",
            symbols=SYMBOLS,
            recv_window_ms=RECV_WINDOW_MS,
            http=HttpSettings(connect_timeout_s=1.0, read_timeout_s=ANSWER_WITHIN_S),
            # Cut over and over: a connection that comes up is sound at once, or an operator would be asked for.
            backoff=BackoffSettings(first_s=0.4, cap_s=0.4, stable_after_s=0.0),
        )

        def on_fault(where: str, error: Exception) -> None:
            self.faults.append(f"{where}: {error!r}")

        def on_sent(client_order_id: str, _: int) -> None:
            self.posted[client_order_id] += 1

        now_ns, monotonic_ns, rng = self.host.now_ns, self.host.monotonic_ns, random.Random(1)
        orders = BinanceOrders(
            settings,
            guard=self.turnstile,
            now_ns=now_ns,
            monotonic_ns=monotonic_ns,
            rng=rng,
            on_fault=on_fault,
            on_sent=on_sent,
        )
        return orders, BinanceFeed(settings, now_ns=now_ns, monotonic_ns=monotonic_ns, rng=rng, on_fault=on_fault)

    def grow(self) -> None:
        self.orders.load_instruments()  # which also teaches it the venue's limits
        spec = tree(self.parts)
        validate(spec)
        for node, parent in nodes(spec):
            self.host.register(node.id, parent, "supervisor" if isinstance(node, SupervisorSpec) else "worker")
        self.host.on_orphan_down = self._root_downs.append
        self.host.start_child(
            ROOT, lambda: Supervisor(spec, self.host, addresses.FAILURE_HANDLER), parent=None, kind="supervisor"
        )
        self.until_open()
        self.learn_markets()

    def learn_markets(self) -> None:
        """Also for a strategy that was started anew, and knows none."""
        self.until(self._feed_is_up, "the feed is connected")  # each trade before that takes from the book in vain
        self._puppet.seen.clear()
        self.until(self._markets_are_known, "a market of each symbol is known")

    def make_data_sound(self) -> None:
        """After a cut ticks have to flow for a while before there are entries."""
        self.learn_markets()
        time.sleep(BETWEEN_TICKS_S)
        self.learn_markets()

    def _feed_is_up(self) -> bool:
        feed = figures_of(self.host).feed
        return feed is not None and feed.connected

    def _markets_are_known(self) -> bool:
        """The books stand still, so somebody has to trade before there is a price."""
        for symbol in SYMBOLS:
            if symbol not in self._puppet.seen:
                self.venue.call("/sim/trade", {"symbol": symbol, "is_buy": True, "quantity": "0.1"})
                self.venue.call("/sim/trade", {"symbol": symbol, "is_buy": False, "quantity": "0.1"})
        return all(
            (market := self._puppet.seen.get(symbol)) is not None and market.bid is not None and market.ask is not None
            for symbol in SYMBOLS
        )

    def stop(self) -> None:
        self.turnstile.let_go()
        self.host.on_liveness = lambda name, is_up: None
        self.host.stop_child(ROOT, "the test ends")
        self.until(lambda: self._root_downs, "the tree is down")

    # -- acting -------------------------------------------------------------------------------------------------------

    def wish(self, decision: Decision) -> None:
        self._puppet.wishes.append(decision)
        self.host.tell(PUPPET, TimerFired(key="look"), sender="test")

    def buy(self, symbol: str, *, crosses: bool = False, quantity: Decimal | None = None) -> str:
        """Decide an entry; returns the reason that marks it. One that does not cross rests on the best bid."""
        market = self._puppet.seen[symbol]
        assert market.bid is not None
        assert market.ask is not None
        price = (market.ask * Decimal("1.005")).quantize(Decimal("0.01")) if crosses else market.bid
        self._wishes += 1
        reason = f"wish {self._wishes}"
        size = QUANTITY[symbol] if quantity is None else quantity
        self.wish(Decision.enter(symbol, Side.BUY, reason, limit_price=price, quantity=size))
        return reason

    def bought(self, symbol: str, *, crosses: bool = False) -> str:
        """The client order id of a new entry, as soon as it is on disk. Decided again while the feed's data is not
        sound yet: after a cut, ticks have to come before there are entries."""

        def entered() -> Row | None:
            refused = self._refused_for_data()
            wish = self.buy(symbol, crosses=crosses)
            self.until(lambda: self._find(wish) or self._refused_for_data() > refused, f"an answer to {wish}")
            if (row := self._find(wish)) is None:
                self.make_data_sound()
            return row

        found: Row = self.until(entered, "an entry is on disk")
        return found.client_order_id

    def _refused_for_data(self) -> int:
        query = "select payload from events where type = 'RiskRefusalRecorded'"
        return sum(ErrorCode.RISK_DATA_UNSOUND in payload for (payload,) in self.ledger.rows(query))

    def hang(self) -> threading.Event:
        """The strategy does not come back from its next call, until the event is set."""
        self._puppet.held = held = threading.Event()
        self.host.tell(PUPPET, TimerFired(key="look"), sender="test")
        return held

    def cancel(self, symbol: str) -> None:
        self.host.tell(addresses.OMS, CancelEntries(reason="the test says so", symbol=symbol), sender="test")

    @contextmanager
    def stranger(self, client_order_id: str, symbol: str, price: Decimal, quantity: Decimal) -> Iterator[None]:
        """An order that somebody places by hand in the same account rests meanwhile."""
        self.strangers.add(client_order_id)
        with closing(Client(f"http://127.0.0.1:{self.venue.port}")) as client:
            placed = client.order(
                symbol=symbol, price=f"{price:f}", quantity=f"{quantity:f}", newClientOrderId=client_order_id
            )
            assert placed.json()["status"] == "NEW", placed.text
            try:
                yield
            finally:
                client.signed("DELETE", "order", symbol=symbol, origClientOrderId=client_order_id)

    def fault(self, **switches: object) -> None:
        self.venue.fault(**switches)

    def calm(self) -> None:
        self.turnstile.let_go()
        self.until(self.venue.answers, "the venue answers")
        for kind in ("order", "cancel", "query", "list"):
            self.fault(spoil={"requests": kind, "count": 0})
        self.fault(**CALM)

    def fill(self, client_order_id: str, share: str | None = None, after_s: float = 0.0) -> None:
        """Somebody trades with our resting order: `share` of its quantity, or all that is left."""
        body: dict[str, object] = {"client_order_id": client_order_id, "after_s": after_s}
        if share is not None:
            body["quantity"] = str(self.row(client_order_id).quantity * Decimal(share))
        self.venue.call("/sim/fill", body)

    # -- asking -------------------------------------------------------------------------------------------------------

    def until(self, what: Callable[[], Any], why: str) -> Any:
        try:
            return until(what, why, PATIENCE_S)
        except NeverCame as error:
            raise AssertionError(f"{error}; {self.story()}") from None

    def market(self, symbol: str) -> MarketSnapshot:
        """As the strategy saw it last."""
        return self._puppet.seen[symbol]

    def config(self, folder: Path) -> Path:
        """For another process that wants the same ledger and venue; written below `folder`."""
        session: Table = {"ledger_file": str(self.folder / "logs" / "ledger.db")}
        return write_config(folder, self.venue.port, strategies=ladder(), session=session)

    def bid(self, symbol: str) -> Decimal:
        """The best one, our own orders included."""
        bid = self.market(symbol).bid
        assert bid is not None
        return bid

    def reconciliations(self) -> int:
        return len(self.ledger.rows("select 1 from events where type = 'ReconciliationRecorded'"))

    def until_open(self) -> None:
        self.until(lambda: self.gate.is_open, "the gate is open")

    def until_held(self, kind: str) -> None:
        self.until(lambda: self.venue.faults()["held"].get(kind), f"a {kind} request is held at the venue")

    def until_status(self, client_order_id: str, *statuses: str) -> Row:
        self.until(lambda: self.row(client_order_id).status in statuses, f"{client_order_id} is {statuses}")
        return self.row(client_order_id)

    def rows(self) -> list[Row]:
        found = self.ledger.rows(
            "select client_order_id, intent_id, symbol, status, quantity, filled, coalesce(reason, '') from orders"
        )
        return [Row._make((*row[:4], Decimal(row[4]), Decimal(row[5]), row[6])) for row in found]

    def row(self, client_order_id: str) -> Row:
        return next(row for row in self.rows() if row.client_order_id == client_order_id)

    def order_of(self, wish: str) -> Row:
        row: Row = self.until(lambda: self._find(wish), f"the order of {wish} is on disk")
        return row

    def _find(self, wish: str) -> Row | None:
        intents = self.ledger.rows("select intent_id, payload from order_intents")
        wished = {intent_id for intent_id, payload in intents if f'"{wish}"' in payload}
        return next((row for row in self.rows() if row.intent_id in wished), None)

    def refused(self, hand_in: Callable[[], object]) -> dict[str, str]:
        """Hand something in; the refusal that is recorded then, by the risk guard or by the precheck."""
        query = "select payload from events where type in ('RiskRefusalRecorded', 'IntentStatusChanged') order by seq"
        before = len(self.ledger.rows(query))
        hand_in()

        def look() -> dict[str, str] | None:
            for (payload,) in self.ledger.rows(query)[before:]:
                told: dict[str, Any] = json.loads(payload)
                if "refusal" in told:
                    return dict(told["refusal"])
                if told["status"] == "REJECTED":
                    return {"code": told["code"], "detail": told["reason"]}
            return None

        found: dict[str, str] = self.until(look, "a refusal is on record")
        return found

    def closing_code(self, client_order_id: str) -> str | None:
        """With which the intent of an order was closed."""
        intent_id = self.row(client_order_id).intent_id
        query = "select payload from events where type = 'IntentStatusChanged' order by seq desc"

        def look() -> dict[str, Any] | None:
            told = (json.loads(payload) for (payload,) in self.ledger.rows(query))
            return next((each for each in told if each["intent_id"] == intent_id), None)

        closed: dict[str, str | None] = self.until(look, f"the intent of {client_order_id} is closed")
        return closed["code"]

    def changes(self, client_order_id: str) -> list[str]:
        """What happened to an order, in the words of its records."""
        found = self.ledger.rows("select payload from events where type = 'OrderRecorded' order by seq")
        return [json.loads(payload)["change"] for (payload,) in found if client_order_id in payload]

    def at_venue(self, client_order_id: str) -> dict[str, int]:
        """How many orders, and how many executions, the venue has under this id."""
        counts: dict[str, int] = self.venue.books()["by_client_order_id"].get(
            client_order_id, {"orders": 0, "executions": 0}
        )
        return counts

    def open_at_venue(self) -> set[str]:
        return {order["clientOrderId"] for order in self.venue.books()["open_orders"]}

    def story(self) -> str:
        reasons = "; ".join(f"{reason.reason_id}: {reason.cause}" for reason in self.gate.reasons()) or "gate open"
        return f"{reasons}; {self.rows()[-3:]}; {self.faults}"

    # -- what must hold -----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Until the gate is open, nothing waits for a verdict, and nothing is under way."""

        def is_settled() -> bool:
            waiting = {"PENDING_SUBMIT", "PENDING_CANCEL", "ERROR"}
            feed = figures_of(self.host).feed
            return (
                self.gate.is_open
                and feed is not None
                and feed.connected
                and self.orders.pending() == 0
                and not any(row.status in waiting for row in self.rows())
                and self.wrong() == ()
            )

        try:
            until(is_settled, "all is settled", PATIENCE_S)
        except NeverCame:
            raise AssertionError(f"not settled: {self.wrong()}; {self.story()}") from None

    def wrong(self) -> tuple[str, ...]:
        """Where venue and ledger differ, order by order, fill by fill, asset by asset."""
        books, rows = self.venue.books(), self.rows()
        by_id = books["by_client_order_id"]
        wrong = list(differences(self.venue, self.ledger))
        booked = Counter(key for (key,) in self.ledger.rows("select client_order_id from fills"))
        for row in rows:
            there = by_id.get(row.client_order_id, {"orders": 0, "executions": 0})
            if booked[row.client_order_id] != there["executions"]:
                wrong.append(f"{row}: {booked[row.client_order_id]} fills booked, {there['executions']} executed")
            if row.filled > row.quantity:
                wrong.append(f"{row}: filled beyond its quantity")
        sent = Counter[str]()
        for row in rows:
            sent[row.intent_id] += by_id.get(row.client_order_id, {"orders": 0})["orders"]
        wrong += [f"{intent_id} made {count} orders at the venue" for intent_id, count in sent.items() if count > 1]
        unknown = by_id.keys() - {row.client_order_id for row in rows} - self.strangers
        wrong += [f"{key} is at the venue and not in the ledger" for key in unknown]
        ours = {row.client_order_id for row in rows if row.status in ("SUBMITTED", "PARTIAL", "PENDING_CANCEL")}
        if ours != (theirs := self.open_at_venue() - self.strangers):
            wrong.append(f"open here {ours}, at the venue {theirs}")
        return (*wrong, *self._wrong_positions())

    def _wrong_positions(self) -> Iterator[str]:
        """The portfolio's own books against the fills."""
        net = self.ledger.net()
        held = {symbol: Decimal(q) for symbol, q in self.ledger.rows("select symbol, quantity from positions")}
        for symbol in SYMBOLS:
            base = net.get(symbol.removesuffix(QUOTE), Decimal(0))
            if held.get(symbol, Decimal(0)) != base:
                yield f"{symbol}: position {held.get(symbol)}, by its fills {base}"

    def clear(self) -> None:
        """Leave nothing open for the next one."""
        self.calm()
        for symbol in SYMBOLS:
            self.cancel(symbol)
        self.until(lambda: not self.open_at_venue(), "nothing of ours rests at the venue")
        self.settle()


@contextmanager
def town(
    folder: Path,
    tables: Tables = NO_TABLES,
    *,
    events_per_s: int = 0,
    max_silence_s: float = 3_600.0,
    **market_data: float,
) -> Iterator[Town]:
    """A venue and a house that trades there, until the end of the context. Its market moves by itself only with
    `events_per_s`; `tables` change the house's settings."""
    many = {"request_weight_per_minute": _MANY, "orders_per_10s": _MANY}
    with ExitStack() as stack:
        venue = stack.enter_context(simulator(folder, events_per_s=events_per_s, symbols=SYMBOLS, limits=many))
        host = ThreadedHost(seed=1)
        stack.callback(host.close)
        changed: Tables = {**tables, "venue": {"max_silence_s": max_silence_s, **tables.get("venue", {})}}
        quick = {"settle_s": 0.2, "health_interval_s": 0.2, **market_data}
        changed = {**changed, "market_data": {**quick, **tables.get("market_data", {})}}
        session = stack.enter_context(open_session(_settings(folder, venue.port, changed), host, None))
        made = Town(folder, venue, host, session)
        try:
            made.grow()
            yield made
        finally:
            made.stop()
        finish_session(session, "the test ended")


def _settings(folder: Path, port: int, tables: Tables) -> Settings:
    logs, stream = folder / "logs", f"ws://127.0.0.1:{port}"
    data: dict[str, Any] = {
        "session": {"logs_dir": str(logs), "ledger_file": str(logs / "ledger.db"), "stop_dir": str(logs / "stop")},
        "venue": {
            "start_simulator": False,
            "rest_url": f"http://127.0.0.1:{port}",
            "ws_api_url": f"{stream}/ws-api/v3",
            "stream_url": stream,
        },
        "execution": {
            "query_unknown_interval_s": 0.6,
            "reconcile_interval_s": 0.5,
            "reconcile_interval_without_stream_s": 0.6,
            "max_market_age_s": 3_600.0,
        },
        "risk": {"currency": QUOTE, **WIDE_LIMITS},
        "strategies": [
            {
                "id": "puppet",
                "use": "bulkhead.chaos.strategies:Ladder",  # the test's own puppet takes its seat
                "symbols": list(SYMBOLS),
                "sizing": {"kind": "fixed_notional", "notional": "100"},
                "host": "thread",
            }
        ],
    }
    for name, table in tables.items():
        data[name] = {**data.get(name, {}), **table}
    return check_settings(data, "test")
