"""Where a test has its hands in a house: what the strategy decides, and when an order passes from us to the wire."""

import threading
from collections import Counter, deque

from bulkhead.strategy.api import Answer, Strategy, View
from bulkhead.venues.port import WriteGuard
from messages.orders import OrderTicket
from messages.trading import Decision
from messages.values import MarketSnapshot

LONGEST_S = 30.0
"""An order is not kept for longer, whatever became of the test."""


class Puppet(Strategy):
    """Decides what the test has put into `wishes`, whenever it is woken."""

    wishes: deque[Decision]
    seen: dict[str, MarketSnapshot]
    held: threading.Event | None = None
    """Its next call waits for this, and no call after it."""

    def on_timer(self, key: str, view: View) -> Answer:
        held, self.held = self.held, None
        if held is not None:
            held.wait(LONGEST_S)
            return None  # too late: whoever has its place looks for itself
        self._look(view)
        return [self.wishes.popleft() for _ in range(len(self.wishes))]

    def on_tick(self, tick: object, view: View) -> Answer:
        self._look(view)
        return None

    def _look(self, view: View) -> None:
        self.seen.update({symbol: market for symbol in self.symbols if (market := view.market(symbol)) is not None})


class Turnstile:
    """The house's write guard, which can keep an order where its connection stands and no byte of it has left."""

    def __init__(self, gate: WriteGuard) -> None:
        self._gate = gate
        self._open = threading.Event()
        self._open.set()
        self._asked: Counter[str] = Counter()
        self.waiting: str | None = None

    def shut(self) -> None:
        self._open.clear()

    def let_go(self) -> None:
        self._open.set()

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        """Asked twice for each send: before the connection is looked for, and when it stands."""
        self._asked[ticket.client_order_id] += 1
        if self._asked[ticket.client_order_id] % 2 == 0 and not self._open.is_set():
            self.waiting = ticket.client_order_id
            self._open.wait(LONGEST_S)
            self.waiting = None
        return self._gate.refusal(ticket, issuer, epoch)
