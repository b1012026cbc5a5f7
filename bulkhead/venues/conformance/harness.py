"""What a venue's tests bring to the suite: a fresh account at the venue's own simulator, and ways to make it misbehave.

The suite knows the port and this protocol, and nothing of any venue. A harness serves one check: its account holds no
order of ours when the check begins, and nobody but the check trades with it.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

from bulkhead.venues.port import OrderVenue, WriteGuard
from messages.orders import OrderTicket
from messages.values import Name, Price, Quantity, Symbol, Value

OnFault = Callable[[str, Exception], None]
"""Told where our own code failed, and the error; any thread may call it."""


class Flaw(StrEnum):
    """What is wrong with an adapter that a check asks for."""

    WRONG_KEY = "its key is wrong"
    AWAY = "the venue cannot be connected to"
    DEAF = "the stream of order updates never comes up, so that only answers are told"


class Asked(StrEnum):
    """A kind of request, as the venue sees it."""

    ORDER = "order"
    CANCEL = "cancel"
    QUERY = "query"
    SNAPSHOT = "snapshot"


class Terms(Value):
    """Orders with which the suite can do its work, by the venue's rules."""

    venue: Name
    account: Name
    symbol: Symbol
    base_asset: str
    quote_asset: str
    resting_price: Price
    """A buy at it rests; it may be nobody else's price."""
    crossing_price: Price
    """A buy at it meets the market at once, and whole."""
    quantity: Quantity
    """A permitted one. Each order of a check is some lots larger, so that no two are alike; half of it is permitted."""
    lot_size: Quantity
    too_large: Quantity
    """More than the venue, or the account, permits; on the lot."""


class Harness(Protocol):
    @property
    def terms(self) -> Terms: ...

    @property
    def patience_s(self) -> float:
        """How long a check waits for something that was promised."""

    @property
    def omitted(self) -> Mapping[str, str]:
        """Names of checks that cannot be asked of this venue, each with the reason why nothing is lost by that."""

    @property
    def flaws(self) -> frozenset[Flaw]:
        """The flaws with which `make` can make an adapter; a check that needs another is not applied."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Words that no message, error or report may show: keys, and the marks of a signed request."""

    def now_ns(self) -> int:
        """The clock that the adapter stamps its evidence with, Unix ns."""

    def monotonic_ns(self) -> int: ...

    def make(self, guard: WriteGuard, on_fault: OnFault, flaw: Flaw | None = None) -> OrderVenue:
        """An adapter of the account, not opened yet. A check opens the last one made, and closes it."""

    def fill(self, ticket: OrderTicket, quantity: Quantity) -> None:
        """Somebody trades so much with this resting order; returns when the venue has booked it."""

    def fill_unheard(self, ticket: OrderTicket, quantity: Quantity) -> None:
        """The same, and the stream of order updates does not tell it."""

    def lose(self, asked: Asked, *, is_carried_out: bool) -> None:
        """The next request of this kind reaches the venue, is carried out or not, and is never answered."""

    def hold(self, asked: Asked) -> None:
        """Requests of this kind arrive from now on, and nothing comes of them until they are let go. Where that holds
        up all others, omit `cancel-not-delayed` and say why."""

    def let_go(self) -> None:
        """All that was held goes on, and nothing is held any more."""

    def cut_channel(self) -> None:
        """The stream of order updates breaks now; it may come back at once."""

    def taken(self, ticket: OrderTicket) -> int:
        """How many orders like this one the venue has ever taken, by its own books: by the client order id, or where
        the venue keeps none, by symbol, side and quantity."""

    def rests(self, ticket: OrderTicket) -> bool:
        """Whether the venue's own books have something of it open."""
