"""What goes wrong, and when: a seeded plan of bursts, in between the steps of the scheduler and between the timers."""

from collections.abc import Callable
from random import Random

from messages.base import Body
from messages.supervision import Ping, RemoveChild, RestartChild, StartChild, Stop, StopChild
from tests.supervisor.letters import Data, Note, Order, Proof, Urgent
from tests.supervisor.stress.actors import STRANGERS, Stage
from tests.supervisor.stress.invariants import CONSOLE
from tests.supervisor.stress.mail import Intent
from tests.supervisor.stress.trees import Tree
from tests.supervisor.stress.watched import WatchedHost

DEATHS = ("error", "error", "error after", "fatal", "normal", "tired")
BAD_STARTS = ("error", "error", "fatal", "never ready", "ignore", "normal", "slow")


class Injector:
    """Does one thing to the tree at a time."""

    def __init__(self, host: WatchedHost, stage: Stage, tree: Tree, rng: Random) -> None:
        self._host, self._stage, self._tree, self._rng = host, stage, tree, rng
        self.faults = 0

    def inject(self) -> None:
        rng = self._rng
        kinds = _KINDS
        what = rng.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]
        self.faults += 1
        self._host.oracle.events[f"fault: {what.__name__.strip('_')}"] += 1
        self._host.oracle.note("-- {}", what.__name__)
        what(self)

    # -- whom ---------------------------------------------------------------------------------------------------------

    def _worker(self) -> str:
        living = [name for name in self._host.oracle.living if name not in self._host.oracle.supervisors]
        known = [name for name in living if name != CONSOLE]
        return self._rng.choice(known or [*self._tree.workers, *STRANGERS])

    def _supervisor(self) -> str:
        known = sorted(self._host.oracle.supervisors)
        name = self._rng.choice(known)
        return self._rng.choice(known) if name == "root" and self._rng.random() < 0.9 else name

    def _anybody(self) -> str:
        return self._rng.choice([*self._tree.workers, *self._tree.supervisors, *self._tree.added, *STRANGERS])

    def _somebody_down(self) -> str:
        oracle = self._host.oracle
        down = [name for name in oracle.parents if name not in oracle.living]
        return self._rng.choice(down) if down else self._anybody()

    def _tell(self, to: str, body: Body) -> None:
        self._host.tell(to, body, sender="operator")

    # -- faults -------------------------------------------------------------------------------------------------------

    def _death(self) -> None:
        name = self._worker()
        self._stage.scripts[name].die.append(self._rng.choice(DEATHS))
        self._tell(name, self._rng.choice((Note(n=1), Order(n=1), Urgent(n=1), Data(n=1))))

    def _bad_starts(self) -> None:
        name = self._worker()
        how = self._rng.choice(BAD_STARTS)
        self._stage.scripts[name].fail_starts.extend([how] * self._rng.choice((1, 1, 2, 4)))
        self._stage.scripts[name].die.append("error")
        self._tell(name, Note())

    def _crash_loop(self) -> None:
        name = self._worker()
        for _ in range(self._rng.randint(2, 7)):
            self._stage.scripts[name].die.append("error")
            self._tell(name, Note())

    def _hang(self) -> None:
        name = self._worker()
        if name not in self._host.hung():
            self._host.hang(name)
            self._tell(name, self._rng.choice((Note(n=2), Order(n=2), Proof(n=2))))

    def _hang_at_stop(self) -> None:
        name = self._worker()
        parent = self._host.oracle.parents.get(name)
        if name not in self._host.hung() and parent is not None:
            self._host.hang(name)
            if self._rng.random() < 0.5:
                self._tell(parent, StopChild(child=name, reply_to=CONSOLE))
            else:
                self._tell(name, Stop(reason="from outside", epoch_meant=self._rng.choice((None, 1))))

    def _hang_supervisor(self) -> None:
        name = self._supervisor()
        if name not in self._host.hung():
            self._host.hang(name)
            if self._rng.random() < 0.7:
                self._ask(name, self._anybody())
            else:
                self._tell(name, Stop(reason="from outside"))

    def _revive(self) -> None:
        if hung := self._host.hung():
            self._host.revive(self._rng.choice(hung))

    def _stop_error(self) -> None:
        name = self._worker()
        self._stage.scripts[name].stop_errors += 1
        if self._rng.random() < 0.5:
            self._tell(name, Stop(reason="from outside"))

    def _stop_from_outside(self) -> None:
        name = self._worker() if self._rng.random() < 0.8 else self._supervisor()
        if name != "root":
            self._tell(name, Stop(reason="from outside", epoch_meant=self._rng.choice((None, None, 1, 2))))

    def _kill_supervisor(self) -> None:
        """By a message that it has no handler for."""
        self._tell(self._supervisor(), Note())

    def _ping(self) -> None:
        self._tell(self._worker(), Ping())

    def _unknown(self) -> None:
        self._tell(self._rng.choice(STRANGERS), self._rng.choice((Note(), Order(), Data(), Intent())))

    def _flood(self) -> None:
        name = self._worker()
        for at in range(self._rng.randint(20, 120)):
            make = self._rng.choice((Note, Proof, Data, Intent, Urgent) if at % 4 else (Data,))
            self._tell(name, make(n=0))

    # -- the operator -------------------------------------------------------------------------------------------------

    def _operator(self) -> None:
        name = self._somebody_down() if self._rng.random() < 0.5 else self._anybody()
        parent = self._host.oracle.parents.get(name)
        if parent is None or self._rng.random() < 0.05:
            parent = self._supervisor()
        for _ in range(self._rng.choice((1, 1, 1, 2, 3))):
            self._ask(parent, name)

    def _ask(self, parent: str, name: str) -> None:
        command = self._rng.choice((StopChild, StopChild, RestartChild, RestartChild, RemoveChild))
        # Of the others the oracle learns by the answer whether they were taken or refused.
        reply_to = None if command is StopChild and self._rng.random() < 0.2 else CONSOLE
        self._tell(parent, command(child=name, reply_to=reply_to))

    def _operator_adds(self) -> None:
        if self._tree.added:
            dynamic = [n for n in sorted(self._host.oracle.families) if self._host.oracle.families[n].spec.template]
            name = self._rng.choice([*self._tree.added, *self._tree.added, *self._tree.workers])
            kind = self._rng.choice(("", "", "", "", "supervisor", "misnamed", "error"))
            parent = self._rng.choice(dynamic) if dynamic else self._supervisor()
            if self._rng.random() < 0.2:
                self._stage.scripts[name].fail_starts.append(self._rng.choice(BAD_STARTS))
            self._tell(parent, StartChild(child=name, arguments={"kind": kind}, reply_to=CONSOLE))


_KINDS: tuple[tuple[Callable[[Injector], None], int], ...] = (
    (Injector._death, 8),
    (Injector._bad_starts, 5),
    (Injector._crash_loop, 2),
    (Injector._hang, 4),
    (Injector._hang_at_stop, 2),
    (Injector._hang_supervisor, 1),
    (Injector._revive, 4),
    (Injector._stop_error, 2),
    (Injector._stop_from_outside, 2),
    (Injector._kill_supervisor, 1),
    (Injector._ping, 1),
    (Injector._unknown, 1),
    (Injector._flood, 1),
    (Injector._operator, 9),
    (Injector._operator_adds, 4),
)
