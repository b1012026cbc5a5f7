"""Orders as KIS numbers them: a number per request and day, and what the matching engine does not keep.

Each new order, amendment and cancellation has a number of its own, and tomorrow they begin with 1 again. A record of an
order leads to the engine's order by the client id, which is the number; what was filled is read there and nowhere else.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from bulkhead.venues.simulator.accounts import ZERO, Account
from bulkhead.venues.simulator.books import Books
from bulkhead.venues.simulator.kis.hours import date_text
from bulkhead.venues.simulator.orders import Order

Channel = Literal["api", "manual"]
Request = Literal["new", "amend", "cancel"]
_PREFIX = "kis/row/"
Key = tuple[str, int]
"""Date (YYYYMMDD) and number."""


@dataclass(slots=True, eq=False)
class Record:
    """One row of the day's list. `order` is None for a cancellation, and for what the exchange has rejected."""

    date: str
    branch: str
    number: int
    account: Account
    symbol: str
    is_buy: bool
    division: str
    quantity: Decimal
    price: Decimal
    placed_ms: int
    channel: Channel
    request: Request = "new"
    original: int | None = None
    refused: Decimal = ZERO
    order: Order | None = field(default=None, repr=False)

    @property
    def key(self) -> Key:
        return self.date, self.number

    @property
    def odno(self) -> str:
        return f"{self.number:010d}"

    @property
    def client_order_id(self) -> str:
        return f"{self.date}-{self.branch}-{self.odno}"

    @property
    def filled(self) -> Decimal:
        return ZERO if self.order is None else self.order.filled

    @property
    def amount(self) -> Decimal:
        return ZERO if self.order is None else self.order.quote_filled

    @property
    def remaining(self) -> Decimal:
        return self.order.leaves if self.order is not None and self.order.is_open else ZERO

    @property
    def cancelled(self) -> Decimal:
        """Whatever ended unfilled: cancelled, amended away, expired at the close, the rest of an IOC order."""
        return self.quantity - self.filled - self.remaining - self.refused

    @property
    def is_open(self) -> bool:
        return self.order is not None and self.order.is_open


_KEPT = ("branch", "symbol", "is_buy", "division", "placed_ms", "channel", "request", "original")


class Records:
    """Every record that is kept, by its key, oldest first."""

    def __init__(self, store: Books, branch: str, most: int) -> None:
        self._store = store
        self._branch = branch
        self._most = most
        self._by_key: dict[Key, Record] = {}
        self._last: dict[str, int] = {}
        self._by_client_id: dict[str, Record] = {}

    def load(self, accounts: Iterable[Account]) -> None:
        """Those of an earlier run. One whose order was never written is forgotten: nobody was told its number."""
        named = {account.name: account for account in accounts}
        lost = []
        for name, text in self._store.metas(_PREFIX).items():
            row = json.loads(text)
            day, _, number = name.removeprefix(_PREFIX).partition("-")
            account = named[row["account"]]
            record = Record(
                date=day,
                number=int(number),
                account=account,
                quantity=Decimal(row["quantity"]),
                price=Decimal(row["price"]),
                refused=Decimal(row["refused"]),
                **{key: row[key] for key in _KEPT},
            )
            if row["has_order"]:
                client_id = record.client_order_id
                record.order = account.open_by_client_id.get(client_id) or self._store.find_order(
                    account, record.symbol, None, client_id
                )
                if record.order is None:
                    lost.append(name)
                    continue
            self._keep(record)
        self._store.drop_metas(lost)

    def next_number(self, day: date) -> int:
        return self._last.get(date_text(day), 0) + 1

    def new(self, day: date, **values: object) -> Record:
        """With the day's next number, which is used up by `add` only."""
        return Record(date=date_text(day), branch=self._branch, number=self.next_number(day), **values)  # type: ignore[arg-type]

    def add(self, *records: Record) -> None:
        """Write and keep them."""
        self._store.put_meta({self._name(record): _json(record) for record in records})
        for record in records:
            self._keep(record)
        while len(self._by_key) > self._most:
            oldest = next(iter(self._by_key.values()))
            if oldest.is_open:
                break
            del self._by_key[oldest.key], self._by_client_id[oldest.client_order_id]
            self._store.drop_metas([self._name(oldest)])

    def _keep(self, record: Record) -> None:
        self._by_key[record.key] = record
        self._by_client_id[record.client_order_id] = record
        self._last[record.date] = max(record.number, self._last.get(record.date, 0))

    def _name(self, record: Record) -> str:
        return f"{_PREFIX}{record.date}-{record.odno}"

    def of_order(self, order: Order) -> Record | None:
        return self._by_client_id.get(order.client_order_id)

    def get(self, day: date, number: int) -> Record | None:
        return self._by_key.get((date_text(day), number))

    def find(self, text: str, today: date) -> Record | None:
        """By "YYYYMMDD-branch-number", or by a number of today with or without its leading zeros."""
        day, _, rest = text.rpartition("-") if "-" in text else (date_text(today), "", text)
        if not rest.isdecimal():
            return None
        return self._by_key.get((day.partition("-")[0], int(rest)))

    def all(self) -> list[Record]:
        return list(self._by_key.values())


def _json(record: Record) -> str:
    kept: dict[str, object] = {key: getattr(record, key) for key in _KEPT}
    kept |= {name: str(getattr(record, name)) for name in ("quantity", "price", "refused")}
    kept |= {"account": record.account.name, "has_order": record.order is not None}
    return json.dumps(kept)
