"""The simulated host, seen from outside, in whose middle the power may be cut, and whose actors can be told to fail.

What is done to actors is in `bulkhead/chaos/afflictions.py`; a process that is stopped (SIGSTOP) is in
`bulkhead/chaos/frozen.py`. The venue lives on this host, too, but it is no part of our process: its clock is the true
one, which nobody sets, and it goes on while the house is stopped.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from bulkhead.chaos.afflictions import Afflictions, Break, StopsBadly, Where
from bulkhead.chaos.eyes import Eyes, Watcher
from bulkhead.chaos.frozen import FROZEN_TOO, Frozen
from bulkhead.chaos.model.venue import ADDRESS
from messages.base import Body, Envelope, Letter
from messages.market import Quote, Trade
from messages.orders import OrderStatusReported, VenueSnapshotTaken
from messages.supervision import ChildDown
from supervisor.runtime.cell import AnyCell, Cell
from supervisor.runtime.host import Factory
from supervisor.runtime.simulated import SimulatedHost
from supervisor.runtime.slot import Incarnation
from supervisor.runtime.timers import Timer

NS_PER_S = 1_000_000_000


class PowerCut(BaseException):
    """The process is gone, in the middle of whatever it did. No actor sees it: none is left to see anything."""

    def __init__(self, pause_s: float) -> None:
        super().__init__(f"killed, and down for {pause_s:g} s")
        self.pause_s = pause_s


class WatchedHost(SimulatedHost):
    def __init__(self, seed: int, start_ns: int, eyes: Eyes) -> None:
        super().__init__(seed, start_ns)
        self._eyes = eyes
        self._seen_handling = eyes.who_sees("handling")
        self._seen_delivered = eyes.who_sees("delivered")
        self.on_down = self._on_down
        self.afflictions = Afflictions()
        self.cut: PowerCut | None = None
        """Comes before the next message is handled."""
        self._calls: list[tuple[int, int, Callable[[], None]]] = []
        """A heap of what is not an actor's to do, by when."""
        self._call_numbers = count()
        self._frozen: Frozen | None = None
        self._is_to_freeze = False

    def _on_down(self, down: ChildDown) -> None:
        self._eyes.tell(Watcher.ended, down)

    def deliver(self, letter: Letter) -> None:
        for see in self._seen_delivered:
            see(letter)
        super().deliver(letter)

    # -- time ---------------------------------------------------------------------------------------------------------

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """Of the experiment, or of a thread that is no actor. Ends with the process."""
        heappush(self._calls, (self.monotonic_ns() + round(delay_s * NS_PER_S), next(self._call_numbers), call))

    @property
    def wall_ahead_ns(self) -> int:
        """Our clock less the true one."""
        return self.now_ns() - self.monotonic_ns()

    def next_timer_ns(self) -> int | None:
        # Who is stuck is not looked for while nobody runs.
        due_ns = super().next_timer_ns() if self._frozen is None else self._timers.next_due_ns()
        if not self._calls:
            return due_ns
        return self._calls[0][0] if due_ns is None else min(due_ns, self._calls[0][0])

    def _give_up_stuck(self) -> None:
        while self._calls and self._calls[0][0] <= self.monotonic_ns():
            heappop(self._calls)[2]()
        if self._frozen is None:
            super()._give_up_stuck()

    def _fire_due(self) -> None:
        if self._frozen is None:
            super()._fire_due()
            return
        for timer in list(self._timers.pop_due(self.monotonic_ns())):
            if timer.owner == ADDRESS:
                self._fire(timer)
            else:
                self._frozen.timers.append(timer)

    def _fire(self, timer: Timer) -> None:
        if self.current_epoch(timer.owner) == timer.epoch:
            now_ns = self.now_ns()
            fresh = timer.envelope.model_copy(update={"at_ns": now_ns, "received_at_ns": now_ns})
            self.deliver(Letter(to=timer.owner, envelope=fresh))

    # -- a process that is stopped ------------------------------------------------------------------------------------

    @property
    def is_frozen(self) -> bool:
        return self._is_to_freeze or self._frozen is not None

    def freeze(self) -> None:
        """From the next message on none is handled but the venue's, until `thaw`."""
        self._is_to_freeze = True

    def thaw(self) -> None:
        """What has come meanwhile is read now, and what was due is late."""
        self._is_to_freeze = False
        frozen, self._frozen = self._frozen, None
        if frozen is None:
            return
        self._turns, self._starting = frozen.turns, frozen.starting
        for slot in frozen.slots:
            self._turns.add(slot)
        for timer in frozen.timers:
            self._fire(timer)
        for letter in frozen.letters:
            self.deliver(letter)
        for to, body, sender, correlation_id in frozen.told:
            super().tell(to, self._as_received(body), sender, correlation_id)

    def _step(self) -> bool:
        if self._is_to_freeze:
            self._is_to_freeze = False
            self._frozen = Frozen(self._turns, self._starting)
            self._turns, self._starting = self._frozen, self._frozen.nobody_starts
        return super()._step()

    def tell(self, to: str, body: Body, sender: str, correlation_id: str | None = None) -> None:
        if self._frozen is not None and to != ADDRESS:
            self._frozen.told.append((to, body, sender, correlation_id))
            return
        super().tell(to, self._as_received(body) if self.wall_ahead_ns else body, sender, correlation_id)

    def _as_received(self, body: Body) -> Body:
        """What our side stamps is stamped by our clocks, and when it comes."""
        if isinstance(body, Quote | Trade):
            stamps = {"received_at_ns": self.now_ns(), "received_monotonic_ns": self.monotonic_ns()}
            return body.model_copy(update=stamps)
        if isinstance(body, OrderStatusReported | VenueSnapshotTaken):
            now = body.model_copy(update={"as_of_ns": body.as_of_ns + self.wall_ahead_ns})
            self._eyes.tell(Watcher.restamped, body, now)
            return now
        return body

    # -- actors -------------------------------------------------------------------------------------------------------

    def _run(self, one: Incarnation, factory: Factory) -> None:
        self._eyes.tell(Watcher.started, one.slot.name, one.epoch)
        super()._run(one, factory)

    def _make_cell(self, one: Incarnation, factory: Factory) -> AnyCell:
        breaks = self.afflictions.take(Where.INIT, one.slot.name)
        if breaks is not None:
            raise breaks.happens()
        cell = super()._make_cell(one, factory)
        if one.slot.name == ADDRESS and isinstance(cell, Cell):
            cell.context.now_ns = self.monotonic_ns
        return cell

    def _handle(self, one: Incarnation, cell: AnyCell, envelope: Envelope) -> None:
        name = one.slot.name
        for see in self._seen_handling:
            see(name, one.epoch, envelope)
        if self.cut is not None:
            raise self.cut
        afflictions = self.afflictions
        if afflictions.holds:
            held = afflictions.hold_of(name, envelope.body)
            if held is not None and name not in self._hung:
                self.hang(name)
                held.happens()
                if held.seconds is not None:
                    self.later(held.seconds, lambda: self._come_back(one, name))
        super()._handle(one, cell, envelope)

    def _come_back(self, one: Incarnation, name: str) -> None:
        hung = self._hung.get(name)
        if hung is None or hung.one is not one:
            return  # its name hangs in another incarnation by now
        if self._frozen is not None:
            self.later(0.1, lambda: self._come_back(one, name))
        else:
            self.revive(name)

    def _feed(self, one: Incarnation, cell: AnyCell, envelope: Envelope) -> bool:
        name, body, afflictions = one.slot.name, envelope.body, self.afflictions
        if self._frozen is not None and isinstance(body, FROZEN_TOO):
            self._frozen.letters.append(Letter(to=name, envelope=envelope))
            return True
        if afflictions.swallows(self, name, body):
            return True
        breaks = afflictions.of_message(name, envelope) if afflictions.breaks else None
        if breaks is None or not self._takes_in_hand(one, envelope):
            return super()._feed(one, cell, envelope)
        return self._break(breaks, one, cell, envelope)

    def _break(self, breaks: Break, one: Incarnation, cell: AnyCell, envelope: Envelope) -> bool:
        """Its handler raises over the message, before it has done anything, or when it has done all."""
        error: BaseException = breaks.error
        if breaks.where is Where.AFTER:
            try:
                cell.step(envelope)
            except PowerCut:
                raise
            except BaseException as own:  # noqa: BLE001 - turned into the one report of this death
                error = own
        if not one.is_over:
            breaks.happens()
            self._died(one, "error" if isinstance(error, Exception) else "fatal", error, envelope)
        return False

    def _stop(self, one: Incarnation, cell: AnyCell, reason: str, detail: str) -> bool:
        breaks = self.afflictions.take(Where.STOP, one.slot.name)
        if breaks is None:
            return super()._stop(one, cell, reason, detail)
        return super()._stop(one, StopsBadly(cell, breaks), reason, detail)

    def _died(self, one: Incarnation, reason: str, error: BaseException, culprit: Envelope | None = None) -> None:
        if isinstance(error, PowerCut):
            raise error
        super()._died(one, reason, error, culprit)
