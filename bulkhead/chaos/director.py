"""The director: begins each strike of a plan when its moment has come, and ends it when its time is over.

Strikes that wait for a moment are armed at their time; the first such moment takes the oldest of them. Nothing else
acts on the world while a plan is played.
"""

from collections.abc import Sequence
from heapq import heappop, heappush

from bulkhead.chaos.eyes import Watcher
from bulkhead.chaos.model.order import Order
from bulkhead.chaos.plan import PATIENCE_S, Moment, Strike
from bulkhead.chaos.strikes import DOES, Heal
from bulkhead.chaos.world import World
from bulkhead.ledger.port import Entry
from messages.base import Envelope
from messages.orders import OrderTicket, VenueExecution
from messages.records import LedgerEvent


class Director(Watcher):
    def __init__(self, world: World, strikes: Sequence[Strike]) -> None:
        self._world = world
        self._coming = sorted(strikes, key=lambda strike: strike.at_s, reverse=True)
        self._armed: list[Strike] = []
        self._by_step = {s.at_step: s for s in strikes if s.moment is Moment.STEP}
        self._under_way: list[tuple[float, int, Strike, Heal]] = []
        """A heap by when it is over."""
        self._begun = 0
        self.step = 0
        """Messages taken, over all processes."""
        world.eyes.add(self)

    def go_on(self, until_s: float) -> None:
        """Play up to this time of the world."""
        world = self._world
        while (now_s := world.elapsed_s()) < until_s:
            self._arm(now_s)
            self._heal_those_over(now_s)
            world.run_until(min(until_s, max(now_s + 0.001, self._next_s())))

    def heal_all(self) -> None:
        """Nothing is broken any more, and nothing will be."""
        self._coming, self._armed, self._by_step = [], [], {}
        while self._under_way:
            self._heal(*heappop(self._under_way)[2:])

    # -- time ---------------------------------------------------------------------------------------------------------

    def _next_s(self) -> float:
        times = [strike.at_s + PATIENCE_S for strike in self._armed]
        if self._coming:
            times.append(self._coming[-1].at_s)
        if self._under_way:
            times.append(self._under_way[0][0])
        return min(times, default=float("inf"))

    def _arm(self, now_s: float) -> None:
        while self._coming and self._coming[-1].at_s <= now_s:
            strike = self._coming.pop()
            if strike.moment is Moment.ANY:
                self._strike(strike)
            elif strike.moment is not Moment.STEP:
                self._armed.append(strike)
        for strike in [each for each in self._armed if each.at_s + PATIENCE_S <= now_s]:
            self._armed.remove(strike)
            self._strike(strike)

    def _heal_those_over(self, now_s: float) -> None:
        while self._under_way and self._under_way[0][0] <= now_s:
            self._heal(*heappop(self._under_way)[2:])

    def _heal(self, strike: Strike, heal: Heal) -> None:
        heal()
        self._world.eyes.tell(Watcher.healed, strike)

    def _strike(self, strike: Strike) -> None:
        world = self._world
        self._begun += 1
        world.eyes.tell(Watcher.struck, strike)
        heal = DOES[strike.fault](world, strike)
        if heal is not None:
            heappush(self._under_way, (world.elapsed_s() + strike.lasts_s, self._begun, strike, heal))

    # -- moments ------------------------------------------------------------------------------------------------------

    def _it_is(self, moment: Moment) -> None:
        for strike in self._armed:
            if strike.moment is moment:
                self._armed.remove(strike)
                self._strike(strike)
                return

    def handling(self, name: str, epoch: int, envelope: Envelope) -> None:
        self.step += 1
        strike = self._by_step.pop(self.step, None)
        if strike is not None:
            self._strike(strike)

    def committing(self, entries: Sequence[Entry]) -> None:
        self._it_is(Moment.WRITING)

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        self._it_is(Moment.WRITTEN)

    def left(self, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        self._it_is(Moment.SENDING)

    def executed(self, order: Order, execution: VenueExecution) -> None:
        self._it_is(Moment.EXECUTED)

    def became_ready(self, name: str) -> None:
        if self._armed and not self._world.house.gate.is_recovered:
            self._it_is(Moment.RECOVERING)
