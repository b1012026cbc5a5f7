"""Our own orders in memory: what is working, what is unknown, what ended lately. A view of the ledger, never the truth.

Pure state; the OMS is its only user. (The venue's book of bids and asks is something else.)
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from bulkhead.execution.fills import FillBook
from bulkhead.execution.stages.split import Child
from messages.orders import OrderRow
from messages.trading import OrderIntent
from messages.values import OrderStatus

ENDED_KEPT = 1_000
"""Ended orders remembered, so that late evidence finds its order without asking the ledger. Those of an open intent
come on top: what its children have filled is not known without them."""


class OrderBook:
    def __init__(
        self, rows: Iterable[OrderRow] = (), intents: Iterable[OrderIntent] = (), fill_ids: Iterable[str] = ()
    ) -> None:
        self._open: dict[str, OrderRow] = {}
        self._ended: dict[str, OrderRow] = {}
        self._intents: dict[str, OrderIntent] = {intent.intent_id: intent for intent in intents}
        self._children: dict[str, list[str]] = {}
        self._later: dict[str, dict[int, Child]] = {}
        self._stopping: dict[str, str] = {}
        self.fills = FillBook(fill_ids)
        for row in rows:
            self.put(row)

    def put(self, row: OrderRow) -> None:
        """Keep the newest state of an order."""
        key = row.ticket.client_order_id
        children = self._children.setdefault(row.intent_id, [])
        if key not in children:
            children.append(key)
        if not row.status.is_terminal:
            self._ended.pop(key, None)
            self._open[key] = row
            return
        self._open.pop(key, None)
        self._ended[key] = row
        if len(self._ended) > ENDED_KEPT:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = next((row for row in self._ended.values() if row.intent_id not in self._intents), None)
        if oldest is not None:
            del self._ended[oldest.ticket.client_order_id]
            self._forget_child(oldest)

    def _forget_child(self, row: OrderRow) -> None:
        children = self._children.get(row.intent_id)
        if children is not None:
            children.remove(row.ticket.client_order_id)
            if not children:
                del self._children[row.intent_id]

    def get(self, client_order_id: str) -> OrderRow | None:
        return self._open.get(client_order_id) or self._ended.get(client_order_id)

    def open_rows(self) -> tuple[OrderRow, ...]:
        return tuple(self._open.values())

    def all_rows(self) -> tuple[OrderRow, ...]:
        return (*self._open.values(), *self._ended.values())

    def of_strategy(self, strategy_id: str | None) -> tuple[OrderRow, ...]:
        """Unfinished orders of one strategy; of all when None."""
        return tuple(row for row in self._open.values() if strategy_id is None or row.strategy_id == strategy_id)

    def of_symbol(self, symbol: str) -> tuple[OrderRow, ...]:
        return tuple(row for row in self._open.values() if row.ticket.symbol == symbol)

    def unknown(self) -> tuple[OrderRow, ...]:
        return tuple(row for row in self._open.values() if row.status is OrderStatus.UNKNOWN)

    # -- intents ------------------------------------------------------------------------------------------------------

    def add_intent(self, intent: OrderIntent) -> None:
        self._intents[intent.intent_id] = intent

    def intent(self, intent_id: str) -> OrderIntent | None:
        """An intent that is not closed yet."""
        return self._intents.get(intent_id)

    def close_intent(self, intent_id: str) -> None:
        self._intents.pop(intent_id, None)
        self._later.pop(intent_id, None)
        self._stopping.pop(intent_id, None)

    def open_intents(self) -> tuple[OrderIntent, ...]:
        return tuple(self._intents.values())

    def children(self, intent_id: str) -> tuple[OrderRow, ...]:
        rows = (self.get(key) for key in self._children.get(intent_id, ()))
        return tuple(row for row in rows if row is not None)

    def put_later(self, intent_id: str, child: Child) -> None:
        """A child whose turn is to come."""
        self._later.setdefault(intent_id, {})[child.number] = child

    def drop_later(self, intent_id: str, number: int) -> None:
        """It has an order now, or will have none."""
        self._later.get(intent_id, {}).pop(number, None)

    def later(self, intent_id: str) -> Mapping[int, Child]:
        return self._later.get(intent_id, {})

    def stop_working(self, intent_id: str, reason: str) -> None:
        """Nothing new is sent for the intent any more."""
        self._stopping[intent_id] = reason

    def stopping(self, intent_id: str) -> str | None:
        return self._stopping.get(intent_id)

    def filled(self, intent_id: str) -> tuple[Decimal, Decimal]:
        """Quantity and notional filled over all orders of the intent."""
        rows = self.children(intent_id)
        return (
            sum((row.filled for row in rows), Decimal(0)),
            sum((row.filled_notional for row in rows), Decimal(0)),
        )
