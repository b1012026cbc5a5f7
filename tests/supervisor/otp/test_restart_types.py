"""Who comes back: permanent always, transient after an abnormal end, temporary never."""

import os
import signal

import pytest

from messages.supervision import ChildState, Outcome, RestartChild, StopChild
from supervisor.spec import Budget, Restart, Strategy
from tests.supervisor.hosts import Driver, in_processes
from tests.supervisor.otp.kit import NOT_SOON, PLENTY, Tree, grow, sup, worker

ENDS = {
    "normal": "end normal",
    "shutdown": "end shutdown",
    "shutdown with a word": "end shutdown the work is done",
    "another word": "end tired",
    "an exception": "crash",
    "no ordinary exception": "fatal",
}
ABNORMAL = ("another word", "an exception", "no ordinary exception")


def fate(tree: Tree, name: str) -> str:
    """Of a child that has just ended, and whose restart would be at once."""
    if name not in tree.children("root"):
        return "forgotten"
    if tree.state(name) is ChildState.STOPPED:
        return "stopped"
    tree.until_ready(name, 2)
    return "restarted"


def deserved(restart: Restart, end: str) -> str:
    return {
        Restart.PERMANENT: "restarted",
        Restart.TRANSIENT: "restarted" if end in ABNORMAL else "stopped",
        Restart.TEMPORARY: "forgotten",
    }[restart]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("restart", Restart)
def test_which_end_is_followed_by_a_restart(driver: Driver, restart: Restart, end: str) -> None:
    tree = grow(driver, sup("root", worker("a", restart=restart), worker("b")))
    tree.fell("a", ENDS[end])
    expected = deserved(restart, end)
    assert fate(tree, "a") == expected
    counts = {"restarted": (2, 2, 0, 2), "stopped": (2, 1, 0, 2), "forgotten": (1, 1, 0, 1)}[expected]
    assert tree.counts("root") == counts
    assert tree.row("b").epoch == 1


@in_processes
def test_which_end_of_a_process_is_followed_by_a_restart(driver: Driver) -> None:
    """The same nine, in one tree, since processes are slow to start."""
    pairs = {
        f"{restart} {end}": (restart, end) for restart in Restart for end in ("normal", "shutdown", "an exception")
    }
    children = tuple(worker(name, restart=restart) for name, (restart, _) in pairs.items())
    tree = grow(driver, sup("root", *children, budget=PLENTY))
    for name, (_, end) in pairs.items():
        tree.fell(name, ENDS[end])
    assert {name: fate(tree, name) for name in pairs} == {name: deserved(*pair) for name, pair in pairs.items()}


@pytest.mark.parametrize(
    ("how", "reason", "detail"),
    [
        ("end normal", "normal", ""),
        ("end shutdown the work is done", "shutdown", "the work is done"),
        ("end tired of it all", "tired", "of it all"),
    ],
)
def test_an_end_of_its_own_is_reported_in_its_own_words_after_its_on_stop(
    driver: Driver, how: str, reason: str, detail: str
) -> None:
    tree = grow(driver, sup("root", worker("a", restart=Restart.TRANSIENT)))
    down = tree.fell("a", how)
    assert (down.reason, down.detail, down.correlation_id) == (reason, detail, None)
    assert "stop a" in tree.lines
    assert tree.dead_letters() == [], "the message that it ended over has been handled"


@in_processes
def test_a_process_killed_from_outside_is_an_abnormal_end(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a", restart=Restart.TRANSIENT), worker("b")))
    pid = tree.row("a").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    tree.until(lambda: len(tree.downs("a")) == 1)
    assert tree.downs("a")[0].reason == "killed"
    tree.until_ready("a", 2)
    assert tree.row("a").pid not in (None, pid)
    assert tree.row("b").epoch == 1


def test_a_transient_child_that_has_ended_can_be_asked_for_again(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a", restart=Restart.TRANSIENT)))
    tree.fell("a", "end normal")
    assert tree.outcome(RestartChild(child="a")) is Outcome.DONE
    tree.fell("a", "end shutdown")
    assert tree.state("a") is ChildState.STOPPED
    assert tree.row("a").restarts_in_window == 0, "no end of these was a failure"


def test_a_transient_child_that_ends_in_peace_when_restarted_has_ended(driver: Driver) -> None:
    """It failed once; its second life has nothing to do."""
    children = (worker("a", restart=Restart.TRANSIENT, ignores=(2,)),)
    tree = grow(driver, sup("root", *children))
    tree.fell("a")
    tree.until(lambda: len(tree.downs("a")) == 2)
    tree.settle("root")
    assert [down.reason for down in tree.downs("a")] == ["error", "ignore"]
    assert (tree.state("a"), tree.row("a").restarts_in_window) == (ChildState.STOPPED, 1)


def test_a_transient_child_whose_restart_fails_is_tried_again(driver: Driver) -> None:
    children = (worker("a", restart=Restart.TRANSIENT, fails=(2, 3)),)
    tree = grow(driver, sup("root", *children))
    tree.fell("a")
    tree.until_ready("a", 4)
    assert [down.reason for down in tree.downs("a")] == ["error", "init_error", "init_error"]


@pytest.mark.lesson("L21")
@pytest.mark.parametrize("restart", Restart)
def test_a_failure_is_told_whether_or_not_it_is_followed_by_a_restart(driver: Driver, restart: Restart) -> None:
    """One report each, with the trace and with what it was working on."""
    tree = grow(driver, sup("root", worker("a", restart=restart), budget=PLENTY))
    tree.poke("a", "crash", correlation_id="tick-7")
    tree.until(lambda: len(tree.downs("a")) == 1)
    tree.settle("root")
    (down,) = tree.downs("a")
    assert (down.epoch, down.reason, down.correlation_id) == (1, "error", "tick-7")
    assert "ValueError: crashed on purpose" in down.detail
    assert "on_poke" in down.detail


def test_a_temporary_failure_is_not_charged(driver: Driver) -> None:
    children = (worker("a", restart=Restart.TEMPORARY), worker("b"))
    tree = grow(driver, sup("root", *children, budget=Budget(intensity=0)))
    tree.fell("a")
    assert tree.children("root") == ["b"]
    assert tree.is_ready("root")


@pytest.mark.parametrize("strategy", Strategy)
def test_a_temporary_failure_is_no_reason_to_restart_the_others(driver: Driver, strategy: Strategy) -> None:
    children = (worker("a", restart=Restart.TEMPORARY), worker("b"))
    tree = grow(driver, sup("root", *children, strategy=strategy))
    tree.fell("a")
    assert tree.lines == ["start a", "start b"]


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_a_temporary_bystander_is_forgotten_and_not_charged(driver: Driver, strategy: Strategy) -> None:
    """The budget is one failure, and one failure is what there is."""
    children = (worker("a"), worker("b", restart=Restart.TEMPORARY), worker("c"))
    spec = sup("root", *children, strategy=strategy, budget=Budget(intensity=1))
    tree = grow(driver, spec)
    tree.fell("a")
    tree.until_ready("c", 2)
    assert tree.lines == ["start a", "start b", "start c", "stop c", "stop b", "start a", "start c"]
    assert tree.children("root") == ["a", "c"]
    assert tree.row("a").restarts_in_window == 1
    assert tree.is_ready("root")


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("how", ["end normal", "crash", "asked"])
def test_nothing_is_kept_of_a_temporary_child_that_has_ended(driver: Driver, strategy: Strategy, how: str) -> None:
    """Unlike the others: those wait to be asked for, or to be restarted."""
    children = (
        worker("a", restart=Restart.TEMPORARY),
        worker("b", restart=Restart.TRANSIENT),
        worker("c", backoff=NOT_SOON),
    )
    tree = grow(driver, sup("root", *children, strategy=strategy, budget=PLENTY))
    for name in "abc":
        if how == "asked":
            tree.outcome(StopChild(child=name))
        else:
            tree.fell(name, how)
    assert "a" not in driver.host
    assert tree.outcome(RestartChild(child="a")) is Outcome.NOT_FOUND
    assert tree.outcome(RestartChild(child="c")) is (Outcome.DONE if how == "asked" else Outcome.RESTARTING)
    tree.poke("a", "is anybody there?")
    assert [letter.reason for letter in tree.dead_letters() if letter.to == "a"][-1] == "no such address"


def test_a_temporary_child_comes_back_with_its_supervisor(driver: Driver) -> None:
    """As part of its spec: the supervisor that forgot it has ended too."""
    inner = sup("s", worker("a", restart=Restart.TEMPORARY), worker("b"), budget=Budget(intensity=0))
    tree = grow(driver, sup("root", inner))
    tree.fell("a")
    tree.fell("b")
    tree.until(lambda: tree.row("s").epoch == 2 and tree.is_ready("s"))
    assert tree.states("ab") == ["ready", "ready"]
