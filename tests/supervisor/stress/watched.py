"""The simulated host, with an ear at each of its doors: it does what it does, and the oracle hears of it."""

from messages.base import Envelope, Letter
from messages.supervision import ChildDown
from supervisor.runtime.cell import AnyCell
from supervisor.runtime.host import Factory
from supervisor.runtime.mailbox import Bounds, Mailbox, Put
from supervisor.runtime.process import Compartment
from supervisor.runtime.simulated import Runaway, SimulatedHost
from supervisor.runtime.slot import Incarnation
from tests.supervisor.stress.invariants import Oracle

S_NS = 1_000_000_000
START_NS = S_NS
MOST_STEPS_AT_ONCE = 50_000


class WatchedMailbox(Mailbox):
    def __init__(self, bounds: Bounds, name: str, oracle: Oracle) -> None:
        super().__init__(bounds)
        self._name, self._oracle = name, oracle

    def put(self, envelope: Envelope) -> Put:
        verdict = super().put(envelope)
        self._oracle.post.put(self._name, envelope, verdict)
        return verdict

    def take_nowait(self, reader: int = 0) -> Envelope | None:
        envelope = super().take_nowait(reader)
        self._oracle.post.took(self._name, reader, envelope)
        return envelope

    def close(self) -> tuple[Envelope, ...]:
        left = super().close()
        self._oracle.post.closed(self._name, left)
        return left


class WatchedHost(SimulatedHost):
    def __init__(self, seed: int, bounds: Bounds) -> None:
        super().__init__(seed, START_NS, bounds=bounds)
        self.oracle = Oracle(bounds)
        self.oracle.host = self
        self.scheduled = 0
        """Steps of the scheduler, starts included."""
        self._at_once = 0
        self.on_dead_letter = self.oracle.post.dead
        self.on_liveness = self.oracle.liveness
        self.on_orphan_down = self._root_down

    def _root_down(self, event: ChildDown) -> None:
        self.oracle.down(event, None)

    # -- incarnations -------------------------------------------------------------------------------------------------

    def start_child(
        self,
        name: str,
        factory: Factory,
        *,
        parent: str | None,
        kind: str = "worker",
        topics: tuple[str, ...] = (),
        stuck_after_s: float = 5.0,
        compartment: Compartment | None = None,
    ) -> int:
        epoch = super().start_child(
            name,
            factory,
            parent=parent,
            kind=kind,
            topics=topics,
            stuck_after_s=stuck_after_s,
            compartment=compartment,
        )
        self.oracle.started(name, parent, kind, epoch)
        return epoch

    def child_ready(self, name: str, epoch: int) -> None:
        self.oracle.became_ready(name, epoch)
        super().child_ready(name, epoch)

    def stop_child(self, name: str, reason: str) -> None:
        self.oracle.stopped(name)
        super().stop_child(name, reason)

    def abandon(self, name: str, why: str, reason: str = "stuck") -> None:
        self.oracle.abandoned(name, why, reason)
        super().abandon(name, why, reason)

    def register(self, name: str, parent: str | None, kind: str = "worker") -> bool:
        is_free = super().register(name, parent, kind)
        if is_free:
            self._slots[name].mailbox = WatchedMailbox(self._bounds, name, self.oracle)
            self.oracle.registered(name, parent)
        return is_free

    def remove_child(self, name: str) -> None:
        before = set(self._slots)
        super().remove_child(name)
        for gone in before - set(self._slots):
            self.oracle.removed(gone)

    def gone(self, name: str, reason: str) -> None:
        self.oracle.root_is_gone = self.oracle.root_is_gone or name == self.oracle.root
        super().gone(name, reason)

    # -- watching -----------------------------------------------------------------------------------------------------

    def watch(self, watcher: str, epoch: int, target: str) -> None:
        self.oracle.watched(watcher, epoch, target)
        super().watch(watcher, epoch, target)

    def unwatch(self, watcher: str, epoch: int, target: str) -> None:
        self.oracle.unwatched(watcher, epoch, target)
        super().unwatch(watcher, epoch, target)

    # -- timers -------------------------------------------------------------------------------------------------------

    def set_timer(self, owner: str, epoch: int, key: str, delay_s: float, envelope: Envelope) -> None:
        self.oracle.timers[envelope.id] = (owner, epoch)
        super().set_timer(owner, epoch, key, delay_s, envelope)

    # -- messages -----------------------------------------------------------------------------------------------------

    def deliver(self, letter: Letter) -> None:
        self.oracle.delivering(letter)
        self.oracle.post.posting(letter)
        super().deliver(letter)
        self.oracle.post.posted()

    def _feed(self, one: Incarnation, cell: AnyCell, envelope: Envelope) -> bool:
        name = one.slot.name
        goes_on = super()._feed(one, cell, envelope)
        self.oracle.post.fed(name, envelope, ends_itself=cell.ends_itself)
        self.oracle.fed_stop(name, one.epoch, envelope.id, has_ended=one.is_over)
        return goes_on

    # -- driving ------------------------------------------------------------------------------------------------------

    def _step(self) -> bool:
        did = super()._step()
        self.scheduled += did
        self._at_once += did
        if self._at_once > MOST_STEPS_AT_ONCE:
            raise Runaway(self.oracle.history())
        self.oracle.sweep()
        return did

    def step(self, most: int) -> None:
        """At most so many single steps."""
        for _ in range(most):
            if not self._step():
                return

    def run_until_idle(self) -> int:
        steps = super().run_until_idle()
        self._at_once = 0
        self.oracle.at_rest()
        return steps

    def revive(self, name: str) -> None:
        is_late = self._hung[name].one.is_over
        self.oracle.events["revived late" if is_late else "revived"] += 1
        self.oracle.note("revive {} {}", name, "late" if is_late else "")
        self.oracle.is_late = name if is_late else ""
        super().revive(name)
        self.oracle.is_late = ""
        self.oracle.sweep()

    # -- for the faults -----------------------------------------------------------------------------------------------

    def hung(self) -> list[str]:
        """Who does not come back from a message."""
        return sorted(self._hung)

    def calm(self) -> None:
        """No planned hang is left, and whoever hangs comes back."""
        self._will_hang.clear()
        for name in self.hung():
            self.revive(name)
