"""What the simulator's tests share: a small venue, a signing client of their own, and generated tapes.

The client signs and parses with code of its own, so that the server is not tested against itself.
"""

import gzip
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from websockets.sync.client import ClientConnection, connect

from bulkhead.venues.simulator.accounts import Account, Balance
from bulkhead.venues.simulator.engine import Counters, Engine
from bulkhead.venues.simulator.instruments import MarketRules, equity_rules, synthetic_rules
from bulkhead.venues.simulator.orderbook import Book, OrderBook
from bulkhead.venues.simulator.orders import OrderRequest, PublicTrade, Report
from bulkhead.venues.simulator.process import RunningSimulator
from bulkhead.venues.simulator.settings import DEMO_API_KEY, DEMO_API_SECRET, SimulatorSettings
from bulkhead.venues.simulator.tape_book import TapeBook

D = Decimal
QUIET = SimulatorSettings(events_per_s=0, symbols=("BTCUSDT", "ETHUSDT"))
"""A synthetic venue whose books stand still."""
HEADER = "event_time_ms,kind,price,size,bid,bid_size,ask,ask_size,exchange,suspicious"
T0 = 1_381_411_800_000
"""2013-10-10 09:30:00 in New York."""
ANSWER_WITHIN_S = 5.0


def btc_rules(max_open_orders: int = 200) -> MarketRules:
    return synthetic_rules(max_open_orders)["BTCUSDT"]


def btc_book() -> OrderBook:
    return OrderBook(btc_rules(), 0)


def bac_book() -> TapeBook:
    return TapeBook(equity_rules("BAC", 200), 0)


def engine(book: Book | None = None, bps: str = "0", in_quote: bool = False) -> Engine:
    found = book or btc_book()
    made = Engine({found.rules.symbol: found}, D(bps), in_quote, Counters())
    made.now_ms = 1_000
    return made


def account(made: Engine, name: str = "client", **balances: str) -> Account:
    """An account with these free balances."""
    created = Account(name)
    created.balances = {asset: Balance(D(free)) for asset, free in balances.items()}
    made.accounts[name] = created
    return created


def limit(
    side: str, quantity: str, price: str, tif: str = "GTC", number: str = "a1", symbol: str = "BTCUSDT"
) -> OrderRequest:
    return OrderRequest(symbol, side == "BUY", "LIMIT", tif, D(quantity), D(price), number)


def market(side: str, quantity: str, number: str = "m1", symbol: str = "BTCUSDT") -> OrderRequest:
    return OrderRequest(symbol, side == "BUY", "MARKET", "GTC", D(quantity), None, number)


class Recorder:
    """A listener that keeps everything it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []
        self.reports: list[Report] = []

    def on_trade(self, trade: PublicTrade) -> None:
        self.events.append(("trade", trade.symbol, trade.trade_id, trade.price, trade.quantity, trade.is_buyer_maker))

    def on_top(self, book: Book) -> None:
        self.events.append(("top", book.rules.symbol, book.update_id, *book.last_top))

    def wants_depth(self, symbol: str) -> bool:
        return False

    def on_depth(self, book: Book, time_ms: int) -> None: ...

    def on_account(self, account: Account, reports: list[Report], assets: set[str], time_ms: int) -> None:
        self.reports.extend(reports)


def tape(path: Path, rows: Iterable[str], header: str = HEADER) -> Path:
    """Write a tape; gzipped when the name says so."""
    text = "\n".join([header, *rows, ""])
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def bid(at: int, price: str, size: int, exchange: str = "Q") -> str:
    return f"{T0 + at},quote,,,{price},{size or ''},,,{exchange},0"


def ask(at: int, price: str, size: int, exchange: str = "Q") -> str:
    return f"{T0 + at},quote,,,,,{price},{size or ''},{exchange},0"


def trade(at: int, price: str, size: int, exchange: str = "Q", suspicious: int = 0) -> str:
    return f"{T0 + at},trade,{price},{size},,,,,{exchange},{suspicious}"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def sign(payload: str, secret: str = DEMO_API_SECRET) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


class Client:
    """A REST client of the simulator."""

    def __init__(self, base_url: str, key: str = DEMO_API_KEY) -> None:
        self.http = httpx.Client(base_url=base_url, headers={"X-MBX-APIKEY": key}, timeout=ANSWER_WITHIN_S)

    def signed(self, method: str, path: str, **params: object) -> httpx.Response:
        """`timestamp` may be given; the query carries everything."""
        query = urlencode({"timestamp": now_ms(), **params})
        return self.http.request(method, f"/api/v3/{path}?{query}&signature={sign(query)}")

    def order(self, **params: object) -> httpx.Response:
        defaults: dict[str, object] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01"}
        if params.get("type", "LIMIT") == "LIMIT":
            defaults |= {"timeInForce": "GTC", "price": "50000"}
        merged = {name: value for name, value in (defaults | params).items() if value is not None}
        return self.signed("POST", "order", **merged)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def faults(self, **switches: object) -> None:
        self.http.post("/sim/faults", json=switches).raise_for_status()

    def books(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/sim/books").json()
        return found

    def close(self) -> None:
        self.http.close()


def open_ws(sim: RunningSimulator, path: str) -> ClientConnection:
    return connect(sim.ws_url + path, compression=None, proxy=None)


def receive(connection: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(connection.recv(ANSWER_WITHIN_S))
    return message


def ask_ws(connection: ClientConnection, request: Mapping[str, object]) -> dict[str, Any]:
    connection.send(json.dumps(request))
    return receive(connection)


def subscribe_user(connection: ClientConnection, number: int = 1, secret: str = DEMO_API_SECRET) -> dict[str, Any]:
    params: dict[str, object] = {"apiKey": DEMO_API_KEY, "timestamp": now_ms()}
    params["signature"] = sign("&".join(f"{name}={params[name]}" for name in sorted(params)), secret)
    request = {"id": number, "method": "userDataStream.subscribe.signature", "params": params}
    return ask_ws(connection, request)
