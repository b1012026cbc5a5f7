"""An actor that does not come back from a message: given up, fenced and replaced; and when too many are, the exit."""

import subprocess
import sys
from dataclasses import replace
from threading import Event, Thread
from threading import enumerate as all_threads
from typing import ClassVar

import pytest

from messages.failure import FailureMode
from messages.supervision import ChildState, StopChild, TimerFired
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.cell import Cell
from supervisor.runtime.threaded import STUCK_EXIT_CODE
from supervisor.spec import Budget, ChildSpec, GiveUp, Restart, Strategy
from tests.supervisor.hosts import Driver, Simulated, Threaded, in_processes, in_simulation, on_all_hosts, on_threads
from tests.supervisor.letters import Order, Proof
from tests.supervisor.otp.kit import AT_ONCE, LET_GO, NOT_SOON, grow, note, sup, worker, workers

LIMIT_S = 0.5


def limited(name: str, limit_s: float = LIMIT_S) -> ChildSpec:
    return replace(worker(name), stuck_after_s=limit_s)


@on_all_hosts
def test_one_that_is_stuck_is_replaced_and_keeps_what_waits(driver: Driver) -> None:
    """The message that it hangs over is a dead letter with its chain; the report says what and for how long."""
    tree = grow(driver, sup("root", limited("a"), worker("b")))
    tree.hang("a")
    tree.poke("a", "next")
    tree.until(lambda: tree.says("next a 2"))
    (down,) = tree.downs("a")
    assert (down.epoch, down.reason) == (1, "stuck")
    assert "a was given up: it has held TimerFired for more than 0.5 s" in down.detail
    (letter,) = tree.dead_letters()
    assert (letter.to, letter.correlation_id) == ("a", down.correlation_id)
    assert (tree.row("a").epoch, tree.row("b").epoch) == (2, 1)
    assert tree.row("a").restarts_in_window == 1


def test_it_is_reported_as_a_failure_until_its_successor_is_ready(driver: Driver) -> None:
    tree = grow(driver, sup("root", limited("a")))
    tree.hang_until_given_up("a")
    tree.until_ready("a", 2)
    tree.settle("root")
    assert [(each.mode, each.scope, each.recovered) for each in tree.reports()] == [
        (FailureMode.ACTOR_STUCK, "a", False),
        (FailureMode.ACTOR_STUCK, "a", True),
    ]


def test_a_failure_does_not_outlive_the_one_that_failed(driver: Driver) -> None:
    """A temporary child is forgotten, and nobody would ever answer again in its name."""
    tree = grow(driver, sup("root", replace(limited("a"), restart=Restart.TEMPORARY)))
    tree.hang_until_given_up("a")
    assert [each.recovered for each in tree.reports()] == [False, True]
    assert tree.children("root") == []


def test_a_failure_does_not_outlive_the_supervisor_that_reported_it(driver: Driver) -> None:
    """Its next incarnation knows nothing of it."""
    slow = replace(limited("a"), backoff=NOT_SOON)
    tree = grow(driver, sup("root", worker("r"), sup("s", slow), strategy=Strategy.ONE_FOR_ALL))
    tree.hang_until_given_up("a")
    tree.fell("r")
    tree.until(lambda: tree.row("s").epoch == 2 and tree.is_ready("s"))
    assert [each.recovered for each in tree.reports()] == [False, True]


def test_a_failure_does_not_outlive_a_supervisor_that_died(driver: Driver) -> None:
    """It can say nothing any more, so its own supervisor says it."""
    slow = replace(limited("a"), backoff=NOT_SOON)
    tree = grow(driver, sup("root", sup("s", sup("t", slow))))
    tree.hang_until_given_up("a")
    driver.host.abandon("s", "killed by the test", "killed")
    tree.until_ready("s", 2)
    tree.settle("root")
    assert [(each.scope, each.recovered) for each in tree.reports()] == [("a", False), ("a", True)]


@in_simulation
def test_the_limit_is_the_limit(driver: Driver) -> None:
    tree = grow(driver, sup("root", limited("a", 7)))
    tree.hang("a")
    driver.pass_time(6.9)
    assert tree.row("a").epoch == 1
    driver.pass_time(0.2)
    assert tree.row("a").epoch > 1


@in_simulation
def test_one_without_a_limit_may_take_for_ever(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a")))
    tree.hang("a")
    driver.pass_time(86_400)
    tree.let_go("a")
    tree.confirm("a")
    assert tree.downs("a") == []


@in_simulation
def test_each_message_has_the_whole_limit(driver: Driver) -> None:
    tree = grow(driver, sup("root", limited("a", 7)))
    for _ in range(5):
        tree.hang("a")
        driver.pass_time(5)
        tree.let_go("a")
    tree.confirm("a")
    assert tree.downs("a") == []


@in_simulation
def test_while_it_stops_the_deadline_of_the_stop_counts(driver: Driver) -> None:
    """Thirty seconds, though each message may take seven at most."""
    tree = grow(driver, sup("root", limited("a", 7)))
    assert isinstance(driver, Simulated)
    driver.sim.hang("a")
    tree.tell("root", StopChild(child="a"))
    driver.pass_time(29.9)
    assert tree.state("a") is ChildState.STOPPING
    driver.pass_time(0.2)
    assert tree.state("a") is ChildState.ABANDONED
    assert tree.reports() == [], "what was to stop has stopped, one way or the other"


@in_simulation
def test_a_supervisor_that_comes_back_after_all_has_no_hands(driver: Driver) -> None:
    """What it meant to do to its children would be done to its successor's."""
    tree = grow(driver, sup("root", replace(sup("s", worker("a")), stuck_after_s=2)))
    assert isinstance(driver, Simulated)
    driver.sim.hang("s")
    tree.tell("s", StopChild(child="a"))
    driver.pass_time(3)
    assert [tree.row(name).epoch for name in "sa"] == [2, 2]
    driver.sim.revive("s")
    driver.pass_time(60)
    assert (tree.states("sa"), tree.row("a").epoch) == (["ready", "ready"], 2)


@in_simulation
def test_what_a_supervisor_reads_too_late_does_not_bind_its_successors(driver: Driver) -> None:
    """The command is a dead letter by then, and whoever asked has been told so."""
    tree = grow(driver, sup("root", replace(sup("s", worker("a")), stuck_after_s=2)))
    assert isinstance(driver, Simulated)
    driver.sim.hang("s")
    tree.tell("s", StopChild(child="a"))
    driver.pass_time(3)
    driver.sim.revive("s")
    driver.host.abandon("s", "killed by the test", "killed")
    tree.until_ready("s", 3)
    assert tree.state("a") is ChildState.READY
    assert tree.answers(StopChild(child="a")) == []


@pytest.mark.parametrize("restart", [Restart.PERMANENT, Restart.TRANSIENT])
def test_it_is_an_abnormal_end(driver: Driver, restart: Restart) -> None:
    tree = grow(driver, sup("root", replace(limited("a"), restart=restart)))
    tree.hang_until_given_up("a")
    tree.until_ready("a", 2)


def test_it_takes_its_group_along(driver: Driver) -> None:
    tree = grow(driver, sup("root", limited("a"), worker("b"), strategy=Strategy.REST_FOR_ONE))
    tree.hang_until_given_up("a")
    tree.until_ready("b", 2)
    assert tree.lines[2:] == ["stop b", "start a", "start b"]


def test_it_is_charged_like_any_other_failure(driver: Driver) -> None:
    spec = sup("root", limited("a"), worker("b"), budget=Budget(intensity=0), on_give_up=GiveUp.PARK)
    tree = grow(driver, spec)
    tree.hang_until_given_up("a")
    assert tree.states("ab") == ["parked", "ready"]


def test_a_start_that_does_not_end_is_given_up_and_tried_again(driver: Driver) -> None:
    """Once it has been up: a restart that hangs is a failed restart."""
    slow = replace(worker("a", silent=(2,)), ready_timeout_s=LIMIT_S)
    tree = grow(driver, sup("root", slow, worker("b")))
    tree.fell("a")
    tree.until_ready("a", 3)
    assert [down.reason for down in tree.downs("a")] == ["error", "stuck"]
    assert "not ready within 0.5 s" in tree.downs("a")[1].detail
    assert tree.row("a").restarts_in_window == 2


def test_one_that_was_stopped_too_late_is_shown_as_abandoned(driver: Driver) -> None:
    tree = grow(driver, sup("root", replace(worker("a"), shutdown_s=0.2)))
    tree.hang("a")
    tree.outcome(StopChild(child="a"))
    assert tree.state("a") is ChildState.ABANDONED


@in_processes
def test_a_process_that_is_stuck_is_ended_for_good(driver: Driver) -> None:
    tree = grow(driver, sup("root", limited("a")))
    pid = tree.row("a").pid
    tree.hang_until_given_up("a")
    tree.until_ready("a", 2)
    assert tree.row("a").pid != pid
    assert isinstance(driver, Threaded)
    assert driver.threaded.abandoned() == ()


@on_threads
@pytest.mark.parametrize(("victim", "ended"), [("a", "a"), ("s", "sab")])
def test_the_gate_hears_of_each_end_before_the_first_fence(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, victim: str, ended: str
) -> None:
    """A process takes a moment to be ended; by then nobody counts on it any more, nor on what ends with it."""
    may_end, fencing = Event(), Event()

    def fence(_: Cell) -> str:
        fencing.set()
        assert may_end.wait(timeout=30)
        return ""

    tree = grow(driver, sup("root", sup("s", *workers("ab"))))
    told: list[tuple[str, bool]] = []
    driver.host.on_liveness = lambda name, is_up: told.append((name, is_up))
    monkeypatch.setattr(Cell, "fence", fence)
    giving_up = Thread(target=driver.host.abandon, args=(victim, "killed by the test"))
    giving_up.start()
    assert fencing.wait(timeout=30)
    assert told[0] == (victim, False)
    row = tree.row(victim)
    assert (row.state, row.epoch) == (ChildState.ABANDONED, 2)
    may_end.set()
    giving_up.join()
    for name in ended:
        tree.until_ready(name, 2)
    assert sorted(name for name, is_up in told if not is_up) == sorted(ended)


@on_threads
def test_what_ends_with_its_supervisor_ends_all_at_once(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not one by one, as each of them has been fenced."""
    may_end, fencing = Event(), Event()

    def fence(cell: Cell) -> str:
        if cell.name != "s":
            fencing.set()
            assert may_end.wait(timeout=30)
        return ""

    tree = grow(driver, sup("root", sup("s", *workers("ab"))))
    told: list[tuple[str, bool]] = []
    driver.host.on_liveness = lambda name, is_up: told.append((name, is_up))
    monkeypatch.setattr(Cell, "fence", fence)
    giving_up = Thread(target=driver.host.abandon, args=("s", "killed by the test"))
    giving_up.start()
    assert fencing.wait(timeout=30)
    assert told == [("s", False), ("a", False), ("b", False)]
    assert [(tree.state(name), tree.row(name).epoch) for name in "ab"] == [(ChildState.STOPPED, 2)] * 2
    may_end.set()
    giving_up.join()
    tree.until_ready("s", 2)


# -- threads, which cannot be ended ------------------------------------------------------------------------------------


class Sleeper(Behaviour):
    """Sleeps over its first message, and speaks in its sleep when it wakes."""

    woke: ClassVar[Event] = Event()

    @receives(TimerFired)
    def on_timer(self, timer: TimerFired, ctx: Context) -> None:
        if timer.key == "sleep":
            LET_GO.wait(timeout=60)
            ctx.tell("reader", Order(n=ctx.epoch))
            ctx.tell("reader", Proof(n=ctx.epoch))
            ctx.after(0, "never")
            ctx.ready()
            ctx.end("normal")
            self.woke.set()
        else:
            note(ctx, f"{timer.key} {ctx.epoch}")


class Reader(Behaviour):
    @receives(Order)
    def on_order(self, order: Order, ctx: Context) -> None:
        note(ctx, f"order of {order.n}")

    @receives(Proof)
    def on_proof(self, proof: Proof, ctx: Context) -> None:
        note(ctx, f"proof of {proof.n}")


@on_threads
@pytest.mark.lesson("L20")
def test_a_thread_that_comes_back_after_all_works_for_nobody(driver: Driver) -> None:
    """It takes no message, its commands are refused, its end is no event; what it saw counts as evidence."""
    Sleeper.woke.clear()
    sleeper = ChildSpec(id="a", factory=Sleeper, stuck_after_s=LIMIT_S, backoff=AT_ONCE)
    tree = grow(driver, sup("root", sleeper, ChildSpec(id="reader", factory=Reader)))
    tree.poke("a", "sleep")
    tree.until(lambda: len(tree.downs("a")) == 1)
    tree.settle("root")
    tree.until_ready("a", 2)
    (down,) = tree.downs("a")
    assert "Stack of the thread a.1 that gave no answer" in down.detail
    assert "LET_GO.wait(timeout=60)" in down.detail

    LET_GO.set()
    tree.until(Sleeper.woke.is_set)
    for n in range(20):
        tree.poke("a", f"note {n}")
    tree.until(lambda: tree.says("note 19 2") and tree.says("proof of 1"))
    tree.until(lambda: "a.1" not in {thread.name for thread in all_threads()})
    tree.settle("root")
    assert [line for line in tree.lines if "note" in line] == [f"note {n} 2" for n in range(20)]
    assert "order of 1" not in tree.lines
    assert (len(tree.downs("a")), tree.row("a").epoch, tree.is_ready("a")) == (1, 2, True)


class Riser(Behaviour):
    """Takes too long over its second start, only to find that there is nothing to do."""

    def on_start(self, ctx: Context) -> None:
        if ctx.epoch == 2:
            LET_GO.wait(timeout=60)
            ctx.end("ignore")

    def on_stop(self, ctx: Context, reason: str) -> None:
        note(ctx, f"stop {ctx.epoch}")

    @receives(TimerFired)
    def on_timer(self, _: TimerFired, __: Context) -> None:
        raise ValueError("crashed on purpose")


@on_threads
def test_a_start_that_comes_to_its_end_after_all_ends_nothing(driver: Driver) -> None:
    """Its successor is not shown as stopping, and is watched over like any other."""
    tree = grow(driver, sup("root", ChildSpec(id="a", factory=Riser, ready_timeout_s=LIMIT_S, backoff=AT_ONCE)))
    tree.poke("a", "crash")
    tree.until_ready("a", 3)
    LET_GO.set()
    tree.until(lambda: "a.2" not in {thread.name for thread in all_threads()})
    assert tree.is_ready("a")
    assert tree.lines == []


@on_threads
def test_when_too_many_threads_are_abandoned_the_process_is_to_end(driver: Driver) -> None:
    """Three by default. One that has come back does not count."""
    assert isinstance(driver, Threaded)
    exhausted: list[tuple[str, ...]] = []
    driver.threaded.on_exhausted = exhausted.append
    tree = grow(driver, sup("root", *(limited(name) for name in "abcd")))
    tree.hang_until_given_up("a")
    tree.until_ready("a", 2)
    LET_GO.set()
    tree.until(lambda: driver.threaded.abandoned() == ())
    LET_GO.clear()
    for name in "bc":
        tree.hang_until_given_up(name)
    assert driver.threaded.abandoned() == ("b", "c")
    assert exhausted == []
    tree.hang("d")
    tree.until(lambda: bool(exhausted))
    assert exhausted == [("b", "c", "d")]


PROGRAM = """
from tests.supervisor.hosts import Threaded
from tests.supervisor.otp.kit import grow, sup
from tests.supervisor.otp.test_stuck import limited
driver = Threaded()
tree = grow(driver, sup("root", *(limited(name, 0.1) for name in "abc")))
for name in "abc":
    tree.hang(name)
driver.until(lambda: False)
"""


@pytest.mark.process
def test_the_process_ends_by_itself_and_says_why() -> None:
    """At once, with a code of its own, to be started again from disk."""
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == STUCK_EXIT_CODE == 7
    assert "3 actors hang and cannot be ended (a, b, c); the process ends now" in ended.stderr
