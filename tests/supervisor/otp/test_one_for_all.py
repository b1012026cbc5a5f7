"""one_for_all: when one fails, all go down in reverse and come back in order, and they begin again until all are up."""

import pytest

from messages.supervision import ChildState
from supervisor.spec import Budget, GiveUp, Restart, Strategy
from tests.supervisor.hosts import Driver, in_simulation, on_all_hosts
from tests.supervisor.otp.kit import NOT_SOON, PLENTY, Tree, grow, sup, worker, workers

ALL = Strategy.ONE_FOR_ALL


@on_all_hosts
def test_all_go_down_in_reverse_and_come_back_in_order(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("abc"), strategy=ALL))
    tree.fell("b")
    tree.until_ready("c", 2)
    assert tree.lines[3:] == ["stop c", "stop a", "start a", "start b", "start c"]
    assert [tree.row(name).epoch for name in "abc"] == [2, 2, 2]
    assert tree.counts("root") == (3, 3, 0, 3)


def test_a_group_restart_is_one_failure(driver: Driver) -> None:
    """However many go down with it. The third failure is one too many."""
    tree = grow(driver, sup("root", *workers("abcd"), strategy=ALL, budget=Budget(intensity=2)))
    tree.fell("a")
    tree.until_ready("d", 2)
    tree.fell("d")
    tree.until_ready("d", 3)
    assert tree.row("d").restarts_in_window == 2
    tree.fell("b")
    assert tree.until_ended().reason == "escalated"
    assert tree.lines[-3:] == ["stop d", "stop c", "stop a"]


def test_a_child_that_cannot_come_back_ends_it_for_all(driver: Driver) -> None:
    children = (worker("a"), worker("b", fails=tuple(range(2, 10))))
    tree = grow(driver, sup("root", *children, strategy=ALL, budget=Budget(intensity=4)))
    tree.poke("a", "crash")
    assert tree.until_ended().reason == "escalated"
    assert [down.reason for down in tree.downs("b")] == ["shutdown", *["init_error"] * 4]
    assert tree.starts("a") == 5
    assert tree.lines[-3:] == ["start a", "start b", "stop a"]


def test_when_one_fails_to_come_back_those_that_did_go_down_again(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a"), worker("b", fails=(2,)), worker("c"), strategy=ALL))
    tree.fell("a")
    tree.until_ready("c", 2)
    assert tree.lines[3:] == [
        *("stop c", "stop b"),
        *("start a", "start b"),  # which fails
        "stop a",
        *("start a", "start b", "start c"),
    ]
    assert [tree.row(name).epoch for name in "abc"] == [3, 3, 2]
    assert tree.row("b").restarts_in_window == 2


def test_when_one_fails_to_come_back_before_the_one_that_failed_all_begin_again(driver: Driver) -> None:
    """The one that failed had not had its turn; it must not come back without the others."""
    tree = grow(driver, sup("root", worker("a"), worker("b", fails=(2,)), worker("c"), strategy=ALL))
    tree.fell("c")
    tree.until_ready("c", 2)
    assert tree.lines[3:] == [
        *("stop b", "stop a"),
        *("start a", "start b"),  # which fails
        "stop a",
        *("start a", "start b", "start c"),
    ]
    assert [tree.row(name).epoch for name in "abc"] == [3, 3, 2]
    assert tree.row("b").restarts_in_window == 2


def test_nobody_works_beside_a_missing_neighbour(driver: Driver) -> None:
    """They go down when it fails, not when it is due."""
    tree = grow(driver, sup("root", worker("a"), worker("b", backoff=NOT_SOON), worker("c"), strategy=ALL))
    tree.fell("b")
    tree.until(lambda: tree.states("abc") == ["stopped", "restarting", "stopped"])
    assert tree.lines[3:] == ["stop c", "stop a"]
    assert tree.counts("root") == (3, 0, 0, 3)


def test_two_that_fail_together_are_one_failure(driver: Driver) -> None:
    """The second one was about to be stopped for the first: its own end makes no difference."""
    tree = grow(driver, sup("root", *workers("abc"), strategy=ALL, budget=Budget(intensity=1)))
    tree.hang("c")
    tree.poke("a", "crash")
    tree.until_state("c", ChildState.STOPPING)
    tree.poke("b", "crash")
    tree.until(lambda: len(tree.downs("b")) == 1)
    tree.let_go("c")
    tree.until(lambda: all(tree.is_ready(name) for name in "abc"))
    tree.settle("root")
    assert [tree.row(name).epoch for name in "abc"] == [2, 2, 2]
    assert tree.row("c").restarts_in_window == 1


def test_a_child_that_still_starts_is_taken_down_at_once(driver: Driver) -> None:
    """Not when it is ready, which may never be."""
    tree = grow(driver, sup("root", worker("a"), worker("b", silent=(2,)), strategy=ALL, budget=PLENTY))
    tree.fell("a")
    tree.until_state("b", ChildState.STARTING)
    tree.fell("a")
    tree.until_ready("b", 3)
    assert tree.lines[2:] == ["stop b", "start a", "start b", "stop b", "start a", "start b"]


def test_a_failure_during_the_first_start_takes_down_what_has_started(driver: Driver) -> None:
    """The start goes on with a group restart, and it is ready when all are."""
    tree = Tree(driver, sup("root", worker("a"), worker("b", silent=(1,)), worker("c"), strategy=ALL))
    tree.until(lambda: tree.says("start b"))
    tree.fell("a")
    tree.until_ready("root", 1)
    assert tree.lines == ["start a", "start b", "stop b", "start a", "start b", "start c"]
    assert [tree.row(name).epoch for name in "abc"] == [2, 2, 1]


@in_simulation
def test_the_next_ones_wait_until_the_ones_before_are_down(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("abc"), strategy=ALL))
    tree.hang("b")
    tree.fell("a")
    driver.pass_time(10)
    assert tree.states("abc") == ["restarting", "stopping", "stopped"]
    tree.let_go("b")
    tree.until_ready("c", 2)


def test_a_transient_one_that_has_ended_in_peace_comes_back_with_the_group(driver: Driver) -> None:
    """A group restart begins again with everybody who belongs to it."""
    tree = grow(driver, sup("root", worker("a", restart=Restart.TRANSIENT), worker("b"), strategy=ALL))
    tree.fell("a", "end normal")
    assert tree.states("ab") == ["stopped", "ready"]
    tree.fell("b")
    tree.until_ready("b", 2)
    assert tree.row("a").epoch == 2


def test_the_others_go_on_without_the_one_that_is_parked(driver: Driver) -> None:
    children = (worker("a"), worker("b", fails=(2, 3)), worker("c"))
    spec = sup("root", *children, strategy=ALL, budget=Budget(intensity=2), on_give_up=GiveUp.PARK)
    tree = grow(driver, spec)
    tree.fell("b")
    tree.until(lambda: tree.states("abc") == ["ready", "parked", "ready"])
    tree.settle("root")
    assert tree.states("abc") == ["ready", "parked", "ready"]


@pytest.mark.parametrize("name", ["a", "b"])
def test_supervisors_are_members_like_any_other(driver: Driver, name: str) -> None:
    """One that is given up below takes its siblings along; one that is a sibling goes down with what it has."""
    inner = sup("s", *workers("bc"), budget=Budget(intensity=0))
    tree = grow(driver, sup("root", worker("a"), inner, strategy=ALL))
    tree.fell(name)
    tree.until(lambda: tree.row("s").epoch == 2 and tree.is_ready("s"))
    assert tree.lines[3:] == [
        *(["stop c", "stop b"] if name == "a" else ["stop c", "stop a"]),
        *("start a", "start b", "start c"),
    ]


def test_a_neighbour_with_nothing_to_do_is_not_asked_twice(driver: Driver) -> None:
    """It was to start again with the one that failed, and then without it."""
    children = (worker("a", fails=(2,)), worker("b", ignores=(2,)))
    tree = grow(driver, sup("root", *children, strategy=ALL, budget=Budget(intensity=1), on_give_up=GiveUp.PARK))
    tree.fell("a")
    tree.until_state("a", ChildState.PARKED)
    tree.until(lambda: tree.starts("b") > 1)
    tree.settle("root")
    assert tree.states("ab") == ["parked", "stopped"]
    assert (tree.starts("a"), tree.starts("b")) == (2, 2)
