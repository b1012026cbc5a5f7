"""The venue's books: accounts, orders, fills and counters in one SQLite file, or in memory when no file is named.

What is committed here survives kill -9 of the simulator: the venue commits before it answers or publishes. The file has
one owner (it is locked while the simulator runs) and, unless its owner asks for it, is not flushed to the disk: it
outlives the process, not a loss of power, and in return no order waits for a disk. Money is text, exact. Ended orders
live only here, open ones also in the engine; beyond a set number the oldest ended orders are forgotten with their
fills.
"""

# ruff: noqa: S608 - every word put into SQL here is a constant of this module; values are always bound

import json
import sqlite3
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from bulkhead.venues.simulator.accounts import Account, Balance
from bulkhead.venues.simulator.engine import Counters
from bulkhead.venues.simulator.errors import SimulatorError
from bulkhead.venues.simulator.orders import NEW, PARTIALLY_FILLED, Fill, Order, Report

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS balance (
  account TEXT NOT NULL, asset TEXT NOT NULL, free TEXT NOT NULL, locked TEXT NOT NULL, PRIMARY KEY (account, asset)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS venue_order (
  order_id INTEGER PRIMARY KEY, account TEXT NOT NULL, symbol TEXT NOT NULL, client_order_id TEXT NOT NULL,
  is_buy INTEGER NOT NULL, type TEXT NOT NULL, time_in_force TEXT NOT NULL, price TEXT NOT NULL,
  quantity TEXT NOT NULL, leaves TEXT NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
  sequence INTEGER NOT NULL, status TEXT NOT NULL, locked TEXT NOT NULL, quote_filled TEXT NOT NULL,
  queue_ahead TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS order_by_client_id ON venue_order (account, client_order_id);
CREATE INDEX IF NOT EXISTS order_by_symbol ON venue_order (account, symbol, order_id);
CREATE INDEX IF NOT EXISTS order_open ON venue_order (order_id) WHERE status IN ('NEW', 'PARTIALLY_FILLED');
CREATE TABLE IF NOT EXISTS fill (
  symbol TEXT NOT NULL, trade_id INTEGER NOT NULL, order_id INTEGER NOT NULL, client_order_id TEXT NOT NULL,
  account TEXT NOT NULL, price TEXT NOT NULL, quantity TEXT NOT NULL, amount TEXT NOT NULL, commission TEXT NOT NULL,
  commission_asset TEXT NOT NULL, time_ms INTEGER NOT NULL, is_buyer INTEGER NOT NULL, is_maker INTEGER NOT NULL,
  PRIMARY KEY (symbol, trade_id, order_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fill_by_order ON fill (order_id);
CREATE INDEX IF NOT EXISTS fill_by_client_id ON fill (account, client_order_id);
"""
_ORDER_COLUMNS = (
    "order_id, account, symbol, client_order_id, is_buy, type, time_in_force, price, quantity, leaves, created_ms, "
    "updated_ms, sequence, status, locked, quote_filled, queue_ahead"
)
_FILL_COLUMNS = (
    "symbol, trade_id, order_id, client_order_id, account, price, quantity, amount, commission, commission_asset, "
    "time_ms, is_buyer, is_maker"
)
_PUT_ORDER = f"INSERT OR REPLACE INTO venue_order ({_ORDER_COLUMNS}) VALUES ({', '.join('?' * 17)})"
_PUT_FILL = f"INSERT INTO fill ({_FILL_COLUMNS}) VALUES ({', '.join('?' * 13)})"
_PUT_BALANCE = "INSERT OR REPLACE INTO balance (account, asset, free, locked) VALUES (?, ?, ?, ?)"
_PUT_META = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"
_TRIM_EVERY_ORDERS = 1_000
Value = str | int


class Books:
    """One connection, used from one thread at a time."""

    def __init__(
        self, path: Path | None, history_orders: int, *, synced: bool = False, one_thread: bool = True
    ) -> None:
        """`synced`: every commit is flushed to the disk. `one_thread` False: its owner hands it from thread to thread.
        Raises SimulatorError."""
        self._history_orders = history_orders
        self._trimmed_at = 0
        self.is_durable = path is not None
        try:
            self._db = sqlite3.connect(
                ":memory:" if path is None else path,
                isolation_level=None,
                timeout=1.0,
                check_same_thread=one_thread,
            )
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(f"PRAGMA synchronous = {'FULL' if synced else 'OFF'}")
            self._db.executescript(_SCHEMA)
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise SimulatorError(f"books file {path} cannot be used: {error}") from error

    def close(self) -> None:
        self._db.close()

    # -- start ----------------------------------------------------------------------------------------------------

    def load_account(self, name: str, opening: dict[str, Decimal]) -> tuple[Account, list[Order]]:
        """The account and its open orders, oldest first; `opening` balances are used when the books are new."""
        account = Account(name)
        rows = self._db.execute("SELECT asset, free, locked FROM balance WHERE account = ?", (name,)).fetchall()
        for asset, free, locked in rows:
            account.balances[asset] = Balance(Decimal(free), Decimal(locked))
        if not rows:
            account.balances = {asset: Balance(free) for asset, free in opening.items()}
            self._write([], (account,), tuple(opening), {})
        return account, self.open_orders(account)

    def open_orders(self, account: Account) -> list[Order]:
        """Oldest first."""
        found = self._db.execute(
            f"SELECT {_ORDER_COLUMNS} FROM venue_order WHERE status IN (?, ?) AND account = ? ORDER BY sequence",
            (NEW, PARTIALLY_FILLED, account.name),
        )
        return [_order(row, account) for row in found]

    def load_counters(self) -> Counters:
        counters = Counters()
        for name, value in self._db.execute("SELECT name, value FROM meta").fetchall():
            kind, _, symbol = name.partition("/")
            if kind == "order_id":
                counters.order_id = int(value)
            elif kind == "execution_id":
                counters.execution_id = int(value)
            elif kind == "trade_id":
                counters.trade_ids[symbol] = int(value)
        return counters

    def meta(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def metas(self, prefix: str) -> dict[str, str]:
        """What was put under names that begin with `prefix`, in the order of the names."""
        found = self._db.execute(
            "SELECT name, value FROM meta WHERE name >= ? AND name < ? ORDER BY name", (prefix, prefix + "\uffff")
        )
        return dict(found.fetchall())

    def drop_metas(self, names: Iterable[str]) -> None:
        self._db.executemany("DELETE FROM meta WHERE name = ?", [(name,) for name in names])

    def put_meta(self, values: dict[str, Value]) -> None:
        self._write([], (), (), values)

    def market_state(self) -> dict[str, float]:
        return {symbol: float(value) for symbol, value in json.loads(self.meta("market") or "{}").items()}

    # -- writing --------------------------------------------------------------------------------------------------

    def commit(
        self,
        reports: Sequence[Report],
        accounts: Iterable[Account],
        counters: Counters,
        *,
        trade_ids_too: bool = False,
    ) -> None:
        """Write in one transaction every order and fill of `reports`, changed balances and the id counters; those of
        trades only where asked for, since a market with trades of its own reserves them in blocks."""
        changed = [account for account in accounts if account.changed_assets]
        meta: dict[str, Value] = {"order_id": counters.order_id, "execution_id": counters.execution_id}
        if trade_ids_too:
            traded = {report.fill.symbol for report in reports if report.fill is not None}
            meta |= {f"trade_id/{symbol}": counters.trade_ids[symbol] for symbol in traded}
        self._write(reports, changed, None, meta)
        if counters.order_id >= self._trimmed_at + _TRIM_EVERY_ORDERS:
            self._trimmed_at = counters.order_id
            self._trim(counters.order_id - self._history_orders)

    def _write(
        self,
        reports: Sequence[Report],
        accounts: Iterable[Account],
        assets: tuple[str, ...] | None,
        meta: dict[str, Value],
    ) -> None:
        db = self._db
        db.execute("BEGIN")
        try:
            orders = {report.order.order_id: report.order for report in reports}
            db.executemany(_PUT_ORDER, [_order_row(order) for order in orders.values()])
            db.executemany(_PUT_FILL, [_fill_row(report.fill) for report in reports if report.fill is not None])
            for account in accounts:
                for asset in account.changed_assets if assets is None else assets:
                    balance = account.balance(asset)
                    db.execute(_PUT_BALANCE, (account.name, asset, str(balance.free), str(balance.locked)))
            db.executemany(_PUT_META, [(name, str(value)) for name, value in meta.items()])
        except BaseException:
            if db.in_transaction:  # a full disk has ended it already
                db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _trim(self, last_order_id: int) -> None:
        if last_order_id <= 0:
            return
        ended = "order_id <= ? AND status NOT IN ('NEW', 'PARTIALLY_FILLED')"
        self._db.execute(
            f"DELETE FROM fill WHERE order_id IN (SELECT order_id FROM venue_order WHERE {ended})", (last_order_id,)
        )
        self._db.execute(f"DELETE FROM venue_order WHERE {ended}", (last_order_id,))

    # -- reading --------------------------------------------------------------------------------------------------

    def find_order(
        self, account: Account, symbol: str, order_id: int | None, client_order_id: str | None
    ) -> Order | None:
        """By order id, else the newest with that client id."""
        if order_id is not None:
            where, key = "order_id = ?", order_id
        else:
            where, key = "client_order_id = ?", client_order_id  # type: ignore[assignment]
        row = self._db.execute(
            f"SELECT {_ORDER_COLUMNS} FROM venue_order WHERE account = ? AND symbol = ? AND {where} "
            "ORDER BY order_id DESC LIMIT 1",
            (account.name, symbol, key),
        ).fetchone()
        if row is None or (client_order_id is not None and row[3] != client_order_id):
            return None
        return _order(row, account)

    def orders(
        self, account: Account, symbol: str, from_id: int | None, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Order]:
        """Orders from an id or a start time on, oldest first; with neither, the newest `limit`."""
        where, arguments = _where(
            account, symbol, {"order_id >=": from_id, "created_ms >=": start_ms, "created_ms <=": end_ms}
        )
        direction = "ASC" if from_id is not None or start_ms is not None else "DESC"
        rows = self._db.execute(
            f"SELECT {_ORDER_COLUMNS} FROM venue_order WHERE {where} ORDER BY order_id {direction} LIMIT ?",
            (*arguments, limit),
        ).fetchall()
        return sorted((_order(row, account) for row in rows), key=lambda order: order.order_id)

    def fills(
        self,
        account: Account,
        symbol: str,
        from_trade_id: int | None,
        order_id: int | None,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
    ) -> list[Fill]:
        """Fills from a trade id or a start time on, oldest first; with neither, the newest `limit`."""
        limits = {"trade_id >=": from_trade_id, "order_id =": order_id, "time_ms >=": start_ms, "time_ms <=": end_ms}
        where, arguments = _where(account, symbol, limits)
        direction = "ASC" if from_trade_id is not None or start_ms is not None else "DESC"
        rows = self._db.execute(
            f"SELECT {_FILL_COLUMNS} FROM fill WHERE {where} ORDER BY trade_id {direction}, order_id LIMIT ?",
            (*arguments, limit),
        ).fetchall()
        return sorted((_fill(row) for row in rows), key=lambda fill: (fill.trade_id, fill.order_id))

    def all_fills(self, account: Account) -> list[Fill]:
        """Every fill that is kept, in the order in which they happened within a symbol."""
        rows = self._db.execute(
            f"SELECT {_FILL_COLUMNS} FROM fill WHERE account = ? ORDER BY time_ms, symbol, trade_id, order_id",
            (account.name,),
        )
        return [_fill(row) for row in rows]

    def fees(self, account: Account) -> dict[str, Decimal]:
        """Commission taken from the account so far, by asset."""
        totals: dict[str, Decimal] = {}
        query = "SELECT commission_asset, commission FROM fill WHERE account = ?"
        for asset, commission in self._db.execute(query, (account.name,)):
            totals[asset] = totals.get(asset, Decimal(0)) + Decimal(commission)
        return totals

    def counts_by_client_id(self, account: Account) -> dict[str, dict[str, int]]:
        """Number of orders and of executions under each client order id."""
        found: dict[str, dict[str, int]] = {}
        for table, word in (("venue_order", "orders"), ("fill", "executions")):
            query = f"SELECT client_order_id, COUNT(*) FROM {table} WHERE account = ? GROUP BY client_order_id"
            for client_order_id, count in self._db.execute(query, (account.name,)):
                found.setdefault(client_order_id, {"orders": 0, "executions": 0})[word] = count
        return found


def _where(account: Account, symbol: str, limits: dict[str, int | None]) -> tuple[str, list[Value]]:
    given = {condition: value for condition, value in limits.items() if value is not None}
    where = " AND ".join(["account = ?", "symbol = ?", *(f"{condition} ?" for condition in given)])
    return where, [account.name, symbol, *given.values()]


def _order_row(order: Order) -> tuple[Value, ...]:
    return (
        order.order_id,
        order.account.name,
        order.symbol,
        order.client_order_id,
        int(order.is_buy),
        order.type,
        order.time_in_force,
        str(order.price),
        str(order.quantity),
        str(order.leaves),
        order.created_ms,
        order.updated_ms,
        order.sequence,
        order.status,
        str(order.locked),
        str(order.quote_filled),
        str(order.queue_ahead),
    )


def _order(row: Sequence[str], account: Account) -> Order:
    order_id, _, symbol, client_order_id, is_buy, kind, tif, price, quantity, leaves, created, updated, sequence = row[
        :13
    ]
    return Order(
        order_id=int(order_id),
        account=account,
        symbol=symbol,
        client_order_id=client_order_id,
        is_buy=bool(is_buy),
        type=kind,
        time_in_force=tif,
        price=Decimal(price),
        quantity=Decimal(quantity),
        leaves=Decimal(leaves),
        created_ms=int(created),
        updated_ms=int(updated),
        sequence=int(sequence),
        status=row[13],
        locked=Decimal(row[14]),
        quote_filled=Decimal(row[15]),
        queue_ahead=Decimal(row[16]),
    )


def _fill_row(fill: Fill) -> tuple[Value, ...]:
    return (
        fill.symbol,
        fill.trade_id,
        fill.order_id,
        fill.client_order_id,
        fill.account,
        str(fill.price),
        str(fill.quantity),
        str(fill.amount),
        str(fill.commission),
        fill.commission_asset,
        fill.time_ms,
        int(fill.is_buyer),
        int(fill.is_maker),
    )


def _fill(row: Sequence[str]) -> Fill:
    symbol, trade_id, order_id, client_order_id, account, price, quantity, amount, fee, fee_asset, time_ms = row[:11]
    return Fill(
        symbol=symbol,
        trade_id=int(trade_id),
        order_id=int(order_id),
        client_order_id=client_order_id,
        account=account,
        price=Decimal(price),
        quantity=Decimal(quantity),
        amount=Decimal(amount),
        commission=Decimal(fee),
        commission_asset=fee_asset,
        time_ms=int(time_ms),
        is_buyer=bool(row[11]),
        is_maker=bool(row[12]),
    )
