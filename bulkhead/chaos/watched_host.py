"""The simulated host, seen from outside, in whose middle the power may be cut."""

from collections.abc import Callable

from bulkhead.chaos.eyes import Eyes, Watcher
from messages.base import Envelope
from messages.supervision import ChildDown
from supervisor.runtime.cell import AnyCell
from supervisor.runtime.host import Factory
from supervisor.runtime.simulated import SimulatedHost
from supervisor.runtime.slot import Incarnation


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
        self.on_down = self._on_down
        self.will_raise: dict[str, tuple[BaseException, Callable[[], None]]] = {}
        """By name: what its handler raises over the next message, and who is told that it has."""
        self.cut: PowerCut | None = None
        """Comes before the next message is handled."""

    def _on_down(self, down: ChildDown) -> None:
        self._eyes.tell(Watcher.ended, down)

    def _run(self, one: Incarnation, factory: Factory) -> None:
        self._eyes.tell(Watcher.started, one.slot.name, one.epoch)
        super()._run(one, factory)

    def _handle(self, one: Incarnation, cell: AnyCell, envelope: Envelope) -> None:
        for see in self._seen_handling:
            see(one.slot.name, one.epoch, envelope)
        if self.cut is not None:
            raise self.cut
        super()._handle(one, cell, envelope)

    def _feed(self, one: Incarnation, cell: AnyCell, envelope: Envelope) -> bool:
        planned = self.will_raise.pop(one.slot.name, None)
        if planned is None or not self._takes_in_hand(one, envelope):
            return super()._feed(one, cell, envelope)
        error, count = planned
        count()
        self._died(one, "error", error, envelope)
        return False

    def _died(self, one: Incarnation, reason: str, error: BaseException, culprit: Envelope | None = None) -> None:
        if isinstance(error, PowerCut):
            raise error
        super()._died(one, reason, error, culprit)
