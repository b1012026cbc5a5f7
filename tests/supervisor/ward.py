"""A ward: two siblings that beat every 5 ms beside a neighbour that fails on demand, and a measure of their gaps."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from messages.base import Body
from messages.failure import FailureReported
from messages.supervision import ChildDown, ChildState, NodeStatus, TimerFired
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.threaded import ThreadedHost
from supervisor.spec import Backoff, Budget, ChildSpec, GiveUp, SupervisorSpec
from supervisor.supervisor import Supervisor
from tests.supervisor.letters import Data, Order

BEAT_S = 0.005
WATCHED_S = 0.8
ALLOWED_S = 0.1
ATTEMPTS = 4
STUCK_AFTER_S = 0.4
PATIENCE_S = 30.0
HEARTS = ("left", "right")
NEIGHBOUR = "neighbour"
NURSE = "nurse"


@dataclass
class Got:
    """What a heart was sent: numbers only, since keeping the messages would cost collections that all can feel."""

    orders: list[int] = field(default_factory=list)
    data: int = 0


class Heart(Behaviour):
    """Beats by its own timer, and takes whatever it is sent."""

    def __init__(self, beats: list[int], got: "Got") -> None:
        self._beats, self._got = beats, got

    def on_start(self, ctx: Context) -> None:
        ctx.after(BEAT_S, "beat")

    @receives(TimerFired)
    def on_beat(self, _: TimerFired, ctx: Context) -> None:
        self._beats.append(ctx.monotonic_ns())
        ctx.after(BEAT_S, "beat")

    @receives(Order)
    def on_order(self, order: Order, _: Context) -> None:
        self._got.orders.append(order.n)

    @receives(Data)
    def on_data(self, _: Data, __: Context) -> None:
        self._got.data += 1


class Neighbour(Behaviour):
    """Does what its next message is the key of."""

    def __init__(self, ward: "Ward") -> None:
        self._ward = ward

    def on_start(self, ctx: Context) -> None:
        self._ward.starts += 1
        if 2 <= self._ward.starts < 2 + self._ward.failing_starts:
            raise RuntimeError(f"start {self._ward.starts} fails")

    @receives(TimerFired)
    def on_deed(self, deed: TimerFired, ctx: Context) -> None:
        self._ward.deeds[deed.key](ctx)


class Nurse(Behaviour):
    """Hears of every failure."""

    def __init__(self, heard: list[Body]) -> None:
        self._heard = heard

    @receives(Body)
    def on_body(self, body: Body, _: Context) -> None:
        self._heard.append(body)


@dataclass
class Ward:
    """A tree of two hearts and their neighbour, on a real host."""

    host: ThreadedHost
    neighbours: tuple[str, ...] = (NEIGHBOUR,)
    budget: Budget = field(default_factory=Budget)
    stuck_after_s: float = STUCK_AFTER_S
    deeds: dict[str, Callable[[Context], None]] = field(default_factory=dict)
    failing_starts: int = 0
    starts: int = 0
    beats: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in HEARTS})
    got: dict[str, Got] = field(default_factory=lambda: {name: Got() for name in HEARTS})
    heard: list[Body] = field(default_factory=list)

    def grow(self) -> None:
        hearts = [
            ChildSpec(id=name, factory=lambda name=name: Heart(self.beats[name], self.got[name]))  # type: ignore[misc]
            for name in HEARTS
        ]
        sick = ChildSpec(
            id=NEIGHBOUR, factory=lambda: Neighbour(self), backoff=Backoff(0, 0), stuck_after_s=self.stuck_after_s
        )
        children = (hearts[0], *(replace(sick, id=name) for name in self.neighbours), hearts[1])
        spec = SupervisorSpec(id="ward", children=children, budget=self.budget, on_give_up=GiveUp.PARK)
        self.host.start_child(NURSE, lambda: Nurse(self.heard), parent=None)
        self.host.start_child("ward", lambda: Supervisor(spec, self.host, NURSE), parent=None, kind="supervisor")
        self.until(lambda: all(node.state is ChildState.READY for node in self.host.status()))

    def row(self, name: str = NEIGHBOUR) -> NodeStatus:
        return next(node for node in self.host.status() if node.id == name)

    def downs(self, name: str = NEIGHBOUR) -> list[ChildDown]:
        return [body for body in self.heard if isinstance(body, ChildDown) and body.child == name]

    def reports(self) -> list[FailureReported]:
        return [body for body in self.heard if isinstance(body, FailureReported)]

    def ask(self, deed: str, name: str = NEIGHBOUR) -> None:
        self.host.tell(name, TimerFired(key=deed), sender="test")

    def until(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not what():
            assert time.monotonic() < deadline, self.host.status()
            time.sleep(0.002)

    def gap_s(self, while_: Callable[[], None]) -> float:
        """The largest gap between the beats of any heart, from before `while_` to the first beats after it."""
        begin_ns = time.monotonic_ns()
        while_()
        end_ns = time.monotonic_ns()
        self.until(lambda: all(beats[-1] > end_ns for beats in self.beats.values()))
        return max(largest_gap_s(beats, begin_ns) for beats in self.beats.values())


def largest_gap_s(beats: list[int], begin_ns: int) -> float:
    seen = [at_ns for at_ns in beats if at_ns >= begin_ns]
    return max(later - earlier for earlier, later in zip([begin_ns, *seen], seen, strict=False)) / 1e9


def watch() -> None:
    time.sleep(WATCHED_S)


def feel_nothing(ward: Ward, what: str, fault: Callable[[], None], control: Callable[[], None] = watch) -> None:
    """Assert that the hearts beat as evenly during `fault` as during `control`, in one of several attempts."""
    figures = []
    for _ in range(ATTEMPTS):
        control_s, fault_s = ward.gap_s(control), ward.gap_s(fault)
        figures.append(f"{fault_s * 1e3:.1f} ms, without the fault {control_s * 1e3:.1f} ms")
        if fault_s <= max(ALLOWED_S, 3 * control_s):
            print(f"\n{what}: largest gap {figures[-1]}")
            return
    raise AssertionError(f"{what}: a sibling's heart stood still: {figures}")
