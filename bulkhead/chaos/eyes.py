"""What can be seen of a house from outside, told in the instant in which it happens.

A watcher overrides what it wants to see; nothing else is called, so a run costs what is looked at. Watchers read, they
never act: the one that strikes is the director.
"""

from collections.abc import Callable, Sequence
from typing import Any

from bulkhead.chaos.model.order import Order
from bulkhead.chaos.plan import Strike
from bulkhead.ledger.port import Entry
from messages.base import Envelope, Evidence, Letter
from messages.orders import CancelOrder, OrderTicket, QueryOrder, TakeVenueSnapshot, VenueExecution
from messages.records import LedgerEvent
from messages.reversals import ExecutionReversed
from messages.supervision import ChildDown
from messages.trading import DecisionMade

Question = CancelOrder | QueryOrder | TakeVenueSnapshot


class Watcher:
    """Each method is one thing that can be seen. They are called in the order in which watchers were added."""

    # -- the process --------------------------------------------------------------------------------------------------

    def born(self) -> None:
        """A process has begun: its tree is about to grow. Nothing of an earlier one is alive."""

    def killed(self) -> None:
        """The process is gone from one instant to the next; only what is on disk is left, and what was on the wire."""

    def started(self, name: str, epoch: int) -> None:
        """An incarnation begins."""

    def became_ready(self, name: str) -> None: ...

    def ended(self, down: ChildDown) -> None:
        """An incarnation has ended, or was given up."""

    def handling(self, name: str, epoch: int, envelope: Envelope) -> None:
        """It takes this message, now."""

    def delivered(self, letter: Letter) -> None:
        """A message comes to an address, whether or not anybody is there: told by the host, before its mailbox."""

    def dead(self, letter: Letter, reason: str) -> None:
        """A message has become a dead letter."""

    def gate_moved(self) -> None:
        """The reasons in force have changed."""

    # -- the disk -----------------------------------------------------------------------------------------------------

    def committing(self, entries: Sequence[Entry]) -> None:
        """A group is about to be written."""

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        """A group is on disk. What it releases has not been posted yet."""

    def decided(self, made: DecisionMade) -> None:
        """A strategy's decision has reached the recorder."""

    # -- the wire -----------------------------------------------------------------------------------------------------

    def submitting(self, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        """An order is handed to the wire; the guard has not been asked."""

    def left(self, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        """The guard has let it go: its bytes are on the wire."""

    def withheld(self, ticket: OrderTicket, refusal: str) -> None:
        """The guard has refused it; nothing of it leaves."""

    def asked(self, question: Question) -> None:
        """A cancel or a question is handed to the wire."""

    def told(self, evidence: Evidence) -> None:
        """The venue's word reaches our socket."""

    def restamped(self, before: Evidence, now: Evidence) -> None:
        """Our side has stamped it by its own clocks: it is the same word still."""

    # -- the venue ----------------------------------------------------------------------------------------------------

    def accepted(self, order: Order) -> None:
        """It is on the venue's book."""

    def executed(self, order: Order, execution: VenueExecution) -> None: ...

    def reversed_(self, order: Order, said: ExecutionReversed) -> None:
        """An execution does not stand."""

    # -- the experiment -----------------------------------------------------------------------------------------------

    def struck(self, strike: Strike) -> None:
        """A fault begins."""

    def healed(self, strike: Strike) -> None:
        """A fault is over."""

    def healing(self) -> None:
        """The safety phase is over: from now on nothing is broken any more."""

    def rearming(self) -> None:
        """Told by `recovery.come_right`: the time to come right, with an operator's help, is over or was not needed."""

    def at_rest(self) -> None:
        """Nothing is under way, and nobody will act again: the last look."""


def overrides(watcher: Watcher, name: str) -> bool:
    return getattr(type(watcher), name) is not getattr(Watcher, name)


class Eyes:
    """Calls every watcher that wants to see a thing."""

    def __init__(self) -> None:
        self._seeing: dict[str, list[Callable[..., None]]] = {
            name: [] for name, member in vars(Watcher).items() if callable(member)
        }

    def add(self, watcher: Watcher) -> None:
        for name, seeing in self._seeing.items():
            if overrides(watcher, name):
                seeing.append(getattr(watcher, name))

    def who_sees(self, what: str) -> list[Callable[..., None]]:
        """The list itself, which later watchers are added to: for whoever tells thousands of a thing."""
        return self._seeing[what]

    def tell(self, what: Callable[..., None], *arguments: Any) -> None:
        """`what` is the method of Watcher."""
        for see in self._seeing[what.__name__]:
            see(*arguments)
