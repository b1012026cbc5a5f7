"""What a protocol brings to the simulated venue: its listener, its routes, and what it adds to our own side.

One venue speaks one of them. `open` is called once, when the venue exists and before it serves anybody.
"""

from typing import Protocol

from starlette.routing import BaseRoute

from bulkhead.venues.simulator.faults import FaultRequest
from bulkhead.venues.simulator.orders import Order
from bulkhead.venues.simulator.outsiders import FillRequest
from bulkhead.venues.simulator.venue import House, Listener, Venue


class Dialect(Protocol):
    @property
    def listener(self) -> Listener:
        """Takes what the venue makes public and what it tells its accounts."""

    @property
    def house(self) -> House | None:
        """Markets, fees and accounts of its own; None: Binance's."""

    def open(self, venue: Venue) -> None: ...

    def routes(self) -> list[BaseRoute]: ...

    def books(self) -> dict[str, object]:
        """What GET /sim/books says besides balances and counts."""

    def find(self, asked: FillRequest) -> Order | None:
        """The open order that a test wants filled."""

    def lets_market_move(self) -> bool:
        """Asked before each step of the market: whether anybody may trade now. Time has passed."""

    def on_faults(self, request: FaultRequest) -> None:
        """Switches were set; those that are only the dialect's are carried out here."""
