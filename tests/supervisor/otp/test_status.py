"""The status query: one row for every node, in every state, and what each figure of it means."""

import os
from dataclasses import replace

from messages.supervision import ChildState, RestartChild, StopChild
from supervisor.spec import Backoff, Budget, GiveUp, Strategy, SupervisorSpec
from tests.supervisor.hosts import Driver, Simulated, in_processes, in_simulation
from tests.supervisor.otp.kit import NOT_SOON, PLENTY, Tree, grow, sup, worker, workers


def test_there_is_a_row_for_every_node_with_its_place_in_the_tree(driver: Driver) -> None:
    grow(driver, sup("root", worker("a"), sup("s", *workers("bc")), worker("d")))
    rows = [(row.id, row.kind, row.parent) for row in driver.host.status() if row.id != "notebook"]
    assert rows == [
        ("root", "supervisor", None),
        ("a", "worker", "root"),
        ("s", "supervisor", "root"),
        ("b", "worker", "s"),
        ("c", "worker", "s"),
        ("d", "worker", "root"),
    ]


def test_each_state_is_shown(driver: Driver) -> None:
    """One child in each of them, at the same time."""
    children = (
        worker("a"),
        worker("b", silent=(2,)),
        worker("c", backoff=NOT_SOON),
        worker("d"),
        worker("e"),
        replace(worker("f"), shutdown_s=0.2),
    )
    parked = sup("s", worker("g"), budget=Budget(intensity=0), on_give_up=GiveUp.PARK)
    tree = grow(driver, sup("root", *children, parked, budget=PLENTY))
    for name in "bcg":
        tree.fell(name)
    for name in "df":
        tree.hang(name)
    tree.tell("root", StopChild(child="d"))
    for name in "ef":
        tree.outcome(StopChild(child=name))
    tree.until_state("b", ChildState.STARTING)
    shown = ["ready", "starting", "restarting", "stopping", "stopped", "abandoned", "parked"]
    assert tree.states("abcdefg") == shown
    assert sorted(shown) == sorted(ChildState)


def test_an_epoch_rises_by_one_with_each_life(driver: Driver) -> None:
    """Whether it was lost by a failure, a group, an operator, or a failed start."""
    tree = grow(driver, sup("root", worker("a", fails=(3,)), budget=PLENTY))
    assert tree.row("a").epoch == 1
    tree.fell("a")
    tree.until_ready("a", 2)
    tree.fell("a")
    tree.until_ready("a", 4)
    tree.outcome(StopChild(child="a"))
    assert tree.row("a").epoch == 4
    tree.outcome(RestartChild(child="a"))
    assert tree.row("a").epoch == 5


def test_the_last_failure_is_named_until_another_one_takes_its_place(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a", fails=(3,)), budget=PLENTY))
    assert tree.row("a").last_failure is None
    tree.fell("a")
    tree.until_ready("a", 2)
    assert tree.row("a").last_failure == "ValueError: crashed on purpose"
    tree.fell("a", "fatal")
    tree.until_ready("a", 4)
    assert tree.row("a").last_failure == "RuntimeError: no luck today"
    tree.outcome(StopChild(child="a"))
    assert tree.row("a").last_failure == "RuntimeError: no luck today", "an ordered end is no failure"


@in_simulation
def test_the_count_of_restarts_is_of_the_window(driver: Driver) -> None:
    """It comes down again by itself when the window has passed them."""
    tree = grow(driver, sup("root", *workers("ab"), budget=Budget(intensity=9, period_s=10)))
    tree.fell("a")
    driver.pass_time(4)
    tree.fell("a")
    assert tree.row("a").restarts_in_window == 2
    driver.pass_time(10.1)
    assert tree.row("a").restarts_in_window == 0


@in_simulation
def test_what_waits_is_counted_and_the_oldest_has_its_age(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a", backoff=NOT_SOON)))
    tree.fell("a")
    driver.pass_time(1)
    assert (tree.row("a").mailbox_depth, tree.row("a").oldest_message_age_s) == (0, 0.0)
    tree.poke("a", "first")
    driver.pass_time(2)
    tree.poke("a", "second")
    driver.pass_time(3)
    assert (tree.row("a").mailbox_depth, tree.row("a").oldest_message_age_s) == (2, 5.0)


@in_simulation
def test_who_is_busy_is_shown_with_the_time_since_when(driver: Driver) -> None:
    """And not beyond the end of its life."""
    tree = grow(driver, sup("root", replace(worker("a", backoff=Backoff(min_s=9, max_s=9)), stuck_after_s=20)))
    driver.pass_time(5)
    assert tree.row("a").busy_since_ns is None
    since_ns = driver.host.now_ns()
    tree.hang("a")
    driver.pass_time(10)
    assert tree.row("a").busy_since_ns == since_ns
    driver.pass_time(10.1)
    assert (tree.state("a"), tree.row("a").busy_since_ns) == (ChildState.RESTARTING, None)


def test_what_was_handled_is_counted_through_all_lives(driver: Driver) -> None:
    """Not the message that killed."""
    tree = grow(driver, sup("root", *workers("a")))
    for key in ("one", "two"):
        tree.poke("a", key)
    tree.confirm("a")
    tree.fell("a")
    tree.confirm("a")
    tree.until(lambda: tree.row("a").handled == 4)


def test_a_thread_has_no_process_of_its_own(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("a")))
    assert (tree.row("a").host, tree.row("a").pid) == ("thread", None)


@in_processes
def test_a_process_is_shown_with_its_pid(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("a")))
    row = tree.row("a")
    assert row.host == "process"
    assert row.pid not in (None, os.getpid())
    assert (tree.row("root").host, tree.row("root").pid) == ("thread", None)
    tree.outcome(StopChild(child="a"))
    assert tree.row("a").pid is None


def test_the_status_can_be_asked_while_a_supervisor_waits_for_a_child(driver: Driver) -> None:
    """It is the host that answers, and nobody needs to listen for that."""
    spec: SupervisorSpec = sup("root", *workers("ab"))
    tree: Tree = grow(driver, spec)
    tree.hang("b")
    driver.host.stop_child("root", "the test ends")
    tree.until_state("b", ChildState.STOPPING)
    assert (tree.state("root"), tree.state("a")) == (ChildState.STOPPING, ChildState.READY)


def test_no_restart_is_shown_that_ended_with_the_supervisor(driver: Driver) -> None:
    """It is not coming back by itself: nobody is left who would start it."""
    inner = sup("s", worker("a", backoff=NOT_SOON), worker("b"))
    tree = grow(driver, sup("root", inner, budget=Budget(intensity=0), on_give_up=GiveUp.PARK))
    tree.fell("a")
    driver.host.abandon("s", "killed by the test", "killed")
    tree.until_state("s", ChildState.PARKED)
    assert tree.states("ab") == ["stopped", "stopped"]


def test_no_restart_is_shown_of_one_that_an_operator_has_stopped(driver: Driver) -> None:
    """Though the supervisor that was asked for it ended before it came to that."""
    inner = sup("s", worker("a", backoff=NOT_SOON), worker("b"), strategy=Strategy.ONE_FOR_ALL)
    tree = grow(driver, sup("root", inner))
    tree.hang("b")
    tree.fell("a")
    tree.tell("s", StopChild(child="a"))
    tree.settle("s")
    driver.host.abandon("s", "killed by the test", "killed")
    tree.until_ready("s", 2)
    assert tree.states("ab") == ["stopped", "ready"]


@in_simulation
def test_what_a_supervisor_hears_late_does_not_raise_the_dead(driver: Driver) -> None:
    """It reads that a child is ready when that has been given up already."""
    tree = grow(driver, sup("root", worker("a", silent=(2,))))
    assert isinstance(driver, Simulated)
    tree.fell("a")
    tree.until_state("a", ChildState.STARTING)
    driver.sim.hang("root")
    tree.poke("a", "ready")
    tree.until_state("a", ChildState.READY)
    driver.host.abandon("a", "given up by the test")
    driver.sim.revive("root")
    assert tree.state("a") is ChildState.ABANDONED
