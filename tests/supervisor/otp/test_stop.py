"""The stop: in reverse, each child within its own deadline; what does not answer is given up, and holds nobody up."""

from dataclasses import replace
from math import inf

import pytest

from messages.supervision import ChildState, Outcome, RestartChild, StopChild
from supervisor.spec import BRUTAL, Backoff, Restart, Strategy
from tests.supervisor.hosts import Driver, in_simulation, on_all_hosts
from tests.supervisor.otp.kit import NOT_SOON, Tree, grow, sup, worker, workers


def reasons(tree: Tree, names: str) -> list[str]:
    tree.catch_up()
    return [down.reason for name in names for down in tree.downs(name)]


def test_a_child_may_have_all_the_time_it_wants(driver: Driver) -> None:
    """Both kinds: a worker and a supervisor."""
    inner = sup("s", *workers("b"), shutdown_s=inf)
    tree = grow(driver, sup("root", replace(worker("a"), shutdown_s=inf), inner))
    tree.stop()
    assert tree.lines[2:] == ["stop b", "stop a"]
    assert reasons(tree, "as") == ["shutdown", "shutdown"]


@on_all_hosts
def test_a_child_that_misses_its_deadline_is_given_up(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a"), replace(worker("b"), shutdown_s=0.2)))
    tree.hang("b")
    assert tree.stop().reason == "shutdown"
    assert tree.lines[2:] == ["stop a"]
    assert reasons(tree, "ba") == ["stuck", "shutdown"]
    assert "not stopped within 0.2 s" in tree.downs("b")[0].detail


@on_all_hosts
def test_a_brutal_stop_asks_nothing(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a"), replace(worker("b"), shutdown_s=BRUTAL), worker("c")))
    tree.stop()
    assert tree.lines[3:] == ["stop c", "stop a"]
    assert reasons(tree, "cba") == ["shutdown", "killed", "shutdown"]


def test_a_brutal_stop_of_a_supervisor_takes_what_is_below_it(driver: Driver) -> None:
    """Which comes back with it, under the same addresses."""
    brutal = tuple(replace(each, shutdown_s=BRUTAL) for each in workers("bc"))
    inner = sup("s", *brutal, shutdown_s=BRUTAL)
    tree = grow(driver, sup("root", worker("a"), inner))
    assert tree.outcome(StopChild(child="s")) is Outcome.DONE
    assert tree.states("asbc") == ["ready", "stopped", "stopped", "stopped"]
    assert tree.lines == ["start a", "start b", "start c"]

    assert tree.outcome(RestartChild(child="s")) is Outcome.DONE
    assert [tree.row(name).epoch for name in "asbc"] == [1, 2, 2, 2]


@in_simulation
def test_each_child_has_a_deadline_of_its_own(driver: Driver) -> None:
    """The second one's begins when the first one's has passed."""
    children = (replace(worker("a"), shutdown_s=7), replace(worker("b"), shutdown_s=5))
    tree = grow(driver, sup("root", *children))
    for name in "ab":
        tree.hang(name)
    driver.host.stop_child("root", "the test ends")
    driver.pass_time(4.9)
    assert tree.states("ab") == ["ready", "stopping"]
    driver.pass_time(0.2)
    assert tree.states("ab") == ["stopping", "abandoned"]
    driver.pass_time(6.8)
    assert tree.state("a") is ChildState.STOPPING
    driver.pass_time(0.2)
    assert tree.end() is not None


def test_a_child_that_ignores_its_stop_holds_nobody_up(driver: Driver) -> None:
    """While it is waited for, its supervisor answers, restarts another, and stops a third."""
    tree = grow(driver, sup("root", *workers("abc")))
    tree.hang("a")
    tree.tell("root", StopChild(child="a"))
    assert tree.outcome(RestartChild(child="a")) is Outcome.RUNNING
    tree.fell("b")
    tree.until_ready("b", 2)
    assert tree.outcome(StopChild(child="c")) is Outcome.DONE
    assert tree.states("abc") == ["stopping", "ready", "stopped"]


def test_a_child_that_fails_while_it_stops_has_stopped(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("ab")))
    tree.poke("b", "fail_to_stop")
    assert tree.outcome(StopChild(child="b")) is Outcome.DONE
    (down,) = tree.downs("b")
    assert down.reason == "stop_error"
    assert "does not want to stop" in down.detail
    assert (tree.state("b"), tree.row("b").restarts_in_window) == (ChildState.STOPPED, 0)


def test_a_child_that_dies_by_itself_while_it_is_to_stop_is_not_restarted(driver: Driver) -> None:
    """Its last message comes before the stop and kills it."""
    tree = grow(driver, sup("root", *workers("a")))
    tree.hang("a")
    tree.poke("a", "crash")
    tree.tell("root", StopChild(child="a"))
    tree.until_state("a", ChildState.STOPPING)
    tree.let_go("a")
    tree.until_state("a", ChildState.STOPPED)
    tree.settle("root")
    assert (tree.starts("a"), tree.state("a")) == (1, ChildState.STOPPED)


@pytest.mark.parametrize("strategy", Strategy)
def test_a_stop_does_not_wait_for_a_restart(driver: Driver, strategy: Strategy) -> None:
    """The child waits for its next attempt in an hour; nothing of it is started any more."""
    children = (worker("a"), worker("b", backoff=NOT_SOON), worker("c"))
    tree = grow(driver, sup("root", *children, strategy=strategy))
    tree.fell("b")
    assert tree.state("b") is ChildState.RESTARTING
    assert tree.stop().reason == "shutdown"
    assert (tree.starts("a"), tree.starts("b"), tree.starts("c")) == (1, 1, 1)
    assert sorted(tree.lines[3:]) == ["stop a", "stop c"]


def test_a_stop_of_all_waits_for_the_stop_that_is_under_way(driver: Driver) -> None:
    """So that the order holds."""
    tree = grow(driver, sup("root", *workers("ab")))
    tree.hang("b")
    tree.tell("root", StopChild(child="b"))
    tree.until_state("b", ChildState.STOPPING)
    driver.host.stop_child("root", "the test ends")
    tree.settle("root")
    assert tree.state("a") is ChildState.READY
    tree.let_go("b")
    tree.until_ended()
    assert tree.lines[2:] == ["stop b", "stop a"]


def test_what_dies_while_everything_stops_is_not_restarted(driver: Driver) -> None:
    children = (worker("a"), worker("b"))
    tree = grow(driver, sup("root", *children))
    tree.hang("b")
    driver.host.stop_child("root", "the test ends")
    tree.until_state("b", ChildState.STOPPING)
    tree.poke("a", "crash")
    tree.until(lambda: len(tree.downs("a")) == 1)
    tree.let_go("b")
    assert tree.until_ended().reason == "shutdown"
    assert (tree.starts("a"), tree.starts("b")) == (1, 1)


@in_simulation
def test_a_restart_that_falls_due_while_everything_stops_is_not_made(driver: Driver) -> None:
    children = (worker("a", backoff=Backoff(min_s=2, max_s=2)), worker("b"))
    tree = grow(driver, sup("root", *children))
    tree.hang("b")
    tree.fell("a")
    driver.host.stop_child("root", "the test ends")
    driver.pass_time(25)
    assert tree.state("b") is ChildState.STOPPING
    tree.until_ended()
    assert tree.starts("a") == 1


def test_commands_that_come_while_everything_stops_are_refused_and_answered(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("ab")))
    tree.outcome(StopChild(child="a"))
    tree.hang("b")
    driver.host.stop_child("root", "the test ends")
    tree.until_state("b", ChildState.STOPPING)
    assert tree.outcome(RestartChild(child="a")) is Outcome.STOPPING
    assert tree.outcome(StopChild(child="b")) is Outcome.STOPPING
    assert tree.outcome(StopChild(child="nobody")) is Outcome.NOT_FOUND
    tree.let_go("b")
    tree.until_ended()


def test_what_was_asked_before_is_answered_when_everything_stops(driver: Driver) -> None:
    """An operator's restart that is still on its way."""
    tree = grow(driver, sup("root", worker("a"), worker("b", silent=(2,))))
    tree.outcome(StopChild(child="b"))
    tree.tell("root", RestartChild(child="b"))
    tree.until_state("b", ChildState.STARTING)
    assert tree.stop().reason == "shutdown"
    assert tree.answers(RestartChild(child="b")) == [Outcome.STOPPING]


@pytest.mark.parametrize("restart", Restart)
def test_the_order_to_stop_is_not_an_end_that_a_restart_type_speaks_of(driver: Driver, restart: Restart) -> None:
    tree = grow(driver, sup("root", worker("a", restart=restart), worker("b")))
    assert tree.outcome(StopChild(child="a")) is Outcome.DONE
    tree.settle("root")
    assert tree.starts("a") == 1
    assert ("a" in tree.children("root")) is (restart is not Restart.TEMPORARY)


def test_the_reason_of_the_stop_is_what_the_children_hear_last(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a"), sup("s", *workers("b"))))
    end = tree.stop()
    assert (end.reason, end.detail) == ("shutdown", "the test ends")
    for name in "abs":
        assert tree.downs(name)[0].detail == "the test ends"


def test_a_stop_for_an_incarnation_that_has_ended_does_not_end_the_next_one(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("a")))
    tree.hang("a")
    tree.poke("a", "crash")
    driver.host.stop_child("a", "meant for the first")
    tree.let_go("a")
    tree.until_ready("a", 2)
    tree.poke("a", "still here")
    tree.until(lambda: tree.says("still here a 2"))
    assert "stop a" not in tree.lines
