"""What an actor's fault does to its neighbours on the threaded host: nothing that they could feel.

Each test lets two siblings beat every 5 ms, first beside a sound neighbour and then beside one that fails, and compares
the largest gaps. Wherever the machine itself has a bad moment the control run has one too, or the test is taken again.
"""

import gc
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from messages.failure import FailureMode
from messages.supervision import ChildState, Ping, RestartChild, StopChild
from supervisor.runtime.behaviour import Context
from supervisor.runtime.threaded import ThreadedHost
from supervisor.spec import Budget
from tests.supervisor.letters import Data, Order
from tests.supervisor.ward import HEARTS, NEIGHBOUR, STUCK_AFTER_S, Ward, feel_nothing, watch

SWITCH_INTERVAL_S = 0.0002
"""As `bulkhead run` sets it."""


@pytest.fixture
def host() -> Iterator[ThreadedHost]:
    made = ThreadedHost(seed=1)
    made.on_exhausted = lambda names: None
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()  # all that the test suite keeps: a collection of that is no neighbour's doing
    yield made
    gc.unfreeze()
    sys.setswitchinterval(before)
    for node in made.status():
        made.abandon(node.id, "the test is over", "killed")
    made.close()


# -- a handler that hangs ----------------------------------------------------------------------------------------------


class Hang:
    """Three ways to wait for ever in a call that releases the interpreter's lock, and the way back from each."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._reader, self._writer = socket.socketpair()
        self.deeds: dict[str, Callable[[Context], None]] = {
            "event": self._wait,
            "sleep": self._sleep,
            "socket": self._read,
        }

    def _wait(self, _: Context) -> None:
        self._event.wait(60)

    def _sleep(self, _: Context) -> None:
        while not self._event.is_set():
            time.sleep(0.5)

    def _read(self, _: Context) -> None:
        self._reader.recv(1)

    def let_go(self) -> None:
        self._event.set()
        self._writer.close()

    def close(self) -> None:
        self.let_go()
        self._reader.close()


@pytest.fixture
def hang() -> Iterator[Hang]:
    made = Hang()
    yield made
    made.close()


@pytest.mark.lesson("L20", "L30")
@pytest.mark.parametrize("deed", ["event", "sleep", "socket"])
def test_one_hangs(host: ThreadedHost, hang: Hang, deed: str) -> None:
    """It is given up after its limit, replaced, and reported with the place where it hangs; the siblings answer."""
    ward = Ward(host, budget=Budget(intensity=100), deeds=hang.deeds)
    ward.grow()

    def fault() -> None:
        before = ward.row().epoch
        ward.ask(deed)
        watch()
        ward.until(lambda: ward.row().state is ChildState.READY and ward.row().epoch > before)

    feel_nothing(ward, f"hang ({deed})", fault)
    row, first = ward.row(), ward.downs()[0]
    assert first.reason == "stuck"
    assert "Stack of the thread neighbour.1 that gave no answer" in first.detail
    assert {"event": "wait(60)", "sleep": "time.sleep(0.5)", "socket": "recv(1)"}[deed] in first.detail
    assert row.last_failure is not None
    assert f"it has held TimerFired for more than {STUCK_AFTER_S:g} s" in row.last_failure
    assert [(each.mode, each.recovered) for each in ward.reports()][:2] == [
        (FailureMode.ACTOR_STUCK, False),
        (FailureMode.ACTOR_STUCK, True),
    ]
    assert set(host.abandoned()) == {NEIGHBOUR}
    assert host.dead_letters == len(ward.downs()), "each time the message in hand, and nothing else"
    hang.let_go()
    ward.until(lambda: host.abandoned() == ())


@pytest.mark.lesson("L30")
def test_the_pulse_of_the_house_tells_who_hangs(host: ThreadedHost, hang: Hang) -> None:
    ward = Ward(host, stuck_after_s=60, deeds=hang.deeds)
    ward.grow()
    ward.ask("event")
    ward.until(lambda: ward.row().busy_since_ns is not None)
    asked_ns = time.monotonic_ns()
    for name in (*HEARTS, NEIGHBOUR):
        host.tell(name, Ping(), sender="test")
    ward.until(lambda: all((host.answered_ns(name) or 0) >= asked_ns for name in HEARTS))
    assert host.answered_ns(NEIGHBOUR) is None
    assert ward.row().mailbox_depth == 1
    hang.let_go()
    ward.until(lambda: (host.answered_ns(NEIGHBOUR) or 0) >= asked_ns)


def test_three_hang_for_good(host: ThreadedHost, hang: Hang) -> None:
    """The house is told their names, once there are too many; until it ends, the others go on."""
    exhausted: list[tuple[str, ...]] = []
    host.on_exhausted = exhausted.append
    names = ("a", "b", "c")
    ward = Ward(host, neighbours=names, budget=Budget(intensity=1000), deeds=hang.deeds)
    ward.grow()

    def fault() -> None:
        for name, deed in zip(names, hang.deeds, strict=True):
            ward.ask(deed, name)
        watch()
        ward.until(lambda: bool(exhausted))

    feel_nothing(ward, "three hang", fault)
    assert [set(told) for told in exhausted[:1]] == [set(names)]


# -- a handler that raises ---------------------------------------------------------------------------------------------


class Beyond(BaseException):
    pass


def raising(error: BaseException) -> Callable[[Context], None]:
    def deed(_: Context) -> None:
        raise error

    return deed


@pytest.mark.lesson("L20", "L21")
@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), Beyond("out of this world")])
def test_one_raises_what_is_no_exception(host: ThreadedHost, error: BaseException) -> None:
    """pykka would stop every actor of the process."""
    ward = Ward(host, budget=Budget(intensity=1000), deeds={"raise": raising(error)})
    ward.grow()

    def fault() -> None:
        for _ in range(10):
            before = ward.row().epoch
            ward.ask("raise")
            ward.until(lambda before=before: ward.row().state is ChildState.READY and ward.row().epoch > before)  # type: ignore[misc]

    feel_nothing(ward, f"ten times {type(error).__name__}", fault)
    assert {down.reason for down in ward.downs()} == {"fatal"}
    assert (ward.row().last_failure or "").startswith(type(error).__name__)
    assert {name: ward.row(name).epoch for name in HEARTS} == dict.fromkeys(HEARTS, 1)
    assert not host.abandoned()


# -- a flood -----------------------------------------------------------------------------------------------------------

DATA, ORDERS = 50_000, 5_000


@pytest.mark.lesson("L19")
def test_one_floods_a_sibling(host: ThreadedHost) -> None:
    """The flooded sibling beats on too; of the orders none is lost, of the data only what is counted as dropped."""
    victim = HEARTS[0]

    def flood(ctx: Context) -> None:
        for n in range(DATA):
            ctx.tell(victim, Data(n=n))
            if n % (DATA // ORDERS) == 0:
                ctx.tell(victim, Order(n=n))

    def toil(ctx: Context) -> None:
        """As much work as it is to send or to take them, and nobody hears of it."""
        for n in range(DATA + ORDERS):
            ctx.seal(victim, Data(n=n))

    names = (NEIGHBOUR, "another")
    ward = Ward(host, neighbours=names, stuck_after_s=60, deeds={"flood": flood, "toil": toil})
    ward.grow()

    def carry_out(deed: str, *by: str) -> None:
        before = [ward.row(name).handled for name in by]
        for name in by:
            ward.ask(deed, name)
        ward.until(lambda: all(ward.row(name).handled > n for name, n in zip(by, before, strict=True)))
        ward.until(lambda: ward.row(victim).mailbox_depth == 0)

    what = f"a flood of {DATA} ticks and {ORDERS} orders"
    feel_nothing(ward, what, lambda: carry_out("flood", NEIGHBOUR), lambda: carry_out("toil", *names))
    floods = ward.row("another").handled
    ward.until(lambda: ward.row(victim).busy_since_ns is None)
    got, dropped = ward.got[victim], ward.row(victim).dropped
    assert got.orders == list(range(0, DATA, DATA // ORDERS)) * floods
    assert got.data + dropped == DATA * floods
    assert host.dead_letters == 0


# -- an init that fails ------------------------------------------------------------------------------------------------


def fall(_: Context) -> None:
    raise ValueError("it falls")


def begin_anew(ward: Ward) -> None:
    """The operator starts the neighbour with a fresh budget."""
    ward.heard.clear()
    if ward.row().state is ChildState.READY:
        ward.host.tell("ward", StopChild(child=NEIGHBOUR), sender="test")
        ward.until(lambda: len(ward.downs()) == 1)
    ward.starts = 0
    ward.heard.clear()
    ward.host.tell("ward", RestartChild(child=NEIGHBOUR), sender="test")
    ward.until(lambda: ward.row().state is ChildState.READY)


@pytest.mark.lesson("L35")
def test_one_fails_to_start_until_its_budget_is_spent(host: ThreadedHost) -> None:
    """Three restarts are allowed in a minute: the fourth failure is the last, and it is parked alone."""
    ward = Ward(host, deeds={"fall": fall}, failing_starts=1_000)
    ward.grow()

    def fault() -> None:
        begin_anew(ward)
        ward.ask("fall")
        ward.until(lambda: ward.row().state is ChildState.PARKED)
        watch()

    feel_nothing(ward, "parked", fault)
    assert ward.starts == 4, "the first, and three restarts"
    assert [down.reason for down in ward.downs()] == ["error", *["init_error"] * 3]
    (report,) = ward.reports()
    assert (report.mode, report.scope) == (FailureMode.ACTOR_CRASH_LOOP, NEIGHBOUR)
    assert report.detail == "neighbour used up its restart budget: RuntimeError: start 4 fails"
    row = ward.row()
    assert (row.state, row.restarts_in_window, row.last_failure) == (
        ChildState.PARKED, 4, "RuntimeError: start 4 fails",
    )  # fmt: skip
    assert all(ward.row(name).state is ChildState.READY for name in (*HEARTS, "ward"))


@pytest.mark.lesson("L35")
def test_with_a_budget_of_fifty_the_fiftieth_restart_may_be_the_first_that_works(host: ThreadedHost) -> None:
    ward = Ward(host, budget=Budget(intensity=50), deeds={"fall": fall}, failing_starts=49)
    ward.grow()

    def fault() -> None:
        begin_anew(ward)
        ward.ask("fall")
        ward.until(lambda: ward.row().state in (ChildState.READY, ChildState.PARKED) and ward.starts == 51)
        watch()

    feel_nothing(ward, "fifty restarts", fault)
    assert (ward.row().state, ward.row().restarts_in_window) == (ChildState.READY, 50)
    assert [down.reason for down in ward.downs()] == ["error", *["init_error"] * 49]
    assert not ward.reports()
