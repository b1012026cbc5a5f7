"""When the budget is spent: up to the parent, or parked; and how trees of supervisors fall and rise."""

import pytest

from messages.failure import FailureMode
from messages.supervision import ChildState, Outcome, RestartChild, StartChild, StopChild
from supervisor.spec import Budget, GiveUp, Restart, Strategy, SupervisorSpec
from tests.supervisor.hosts import Driver
from tests.supervisor.letters import Note
from tests.supervisor.otp.kit import PLENTY, Tree, grow, sup, worker, workers

NONE_AT_ALL = Budget(intensity=0)


def until_back(tree: Tree, name: str, epoch: int) -> None:
    tree.until_ready(name, epoch)
    tree.settle("root")


@pytest.mark.parametrize("strategy", Strategy)
def test_what_is_given_up_stops_the_others_in_reverse_and_ends(driver: Driver, strategy: Strategy) -> None:
    tree = grow(driver, sup("root", *workers("abcd"), strategy=strategy, budget=NONE_AT_ALL))
    tree.fell("b")
    end = tree.until_ended()
    assert (end.reason, end.detail) == ("escalated", "b used up its restart budget: ValueError: crashed on purpose")
    assert tree.lines[4:] == ["stop d", "stop c", "stop a"]
    assert tree.states("abcd") == ["stopped"] * 4


@pytest.mark.parametrize("restart", [Restart.PERMANENT, Restart.TRANSIENT])
def test_an_escalation_is_a_failure_for_the_parent(driver: Driver, restart: Restart) -> None:
    """Never a peaceful end. The one above starts it all again; its siblings go on as if nothing were."""
    inner = sup("s", *workers("bc"), budget=NONE_AT_ALL, restart=restart)
    tree = grow(driver, sup("root", worker("a"), inner))
    tree.fell("c")
    until_back(tree, "s", 2)
    assert tree.downs("s")[0].reason == "escalated"
    assert tree.lines[3:] == ["stop b", "start b", "start c"]
    assert [tree.row(name).epoch for name in "abcs"] == [1, 2, 2, 2]
    assert tree.row("s").restarts_in_window == 1


def test_a_temporary_supervisor_that_escalates_is_forgotten_with_what_it_had(driver: Driver) -> None:
    inner = sup("s", *workers("bc"), budget=NONE_AT_ALL, restart=Restart.TEMPORARY)
    tree = grow(driver, sup("root", worker("a"), inner))
    tree.poke("b", "crash")
    tree.until(lambda: driver.host.names() == {"root", "a", "notebook"})
    tree.settle("root")
    assert tree.is_ready("root")


def test_an_escalation_climbs_until_somebody_has_a_budget_left(driver: Driver) -> None:
    s3 = sup("u", *workers("c"), budget=NONE_AT_ALL)
    s2 = sup("t", worker("b"), s3, budget=NONE_AT_ALL)
    tree = grow(driver, sup("root", worker("a"), sup("s", s2, budget=Budget(intensity=1))))
    tree.fell("c")
    until_back(tree, "t", 2)
    assert [tree.row(name).epoch for name in "astuc"] == [1, 1, 2, 2, 2]
    tree.fell("c")
    until_back(tree, "s", 2)
    assert [tree.row(name).epoch for name in "astuc"] == [1, 2, 3, 3, 3]


def test_at_the_top_the_escalation_is_the_end_of_all(driver: Driver) -> None:
    inner = sup("s", *workers("bc"), budget=NONE_AT_ALL)
    tree = grow(driver, sup("root", worker("a"), inner, worker("d"), budget=NONE_AT_ALL))
    tree.fell("b")
    end = tree.until_ended()
    assert end.reason == "escalated"
    assert end.detail.startswith("s used up its restart budget: b used up its restart budget: ValueError")
    assert tree.lines[4:] == ["stop c", "stop d", "stop a"]


def test_a_supervisor_that_cannot_come_back_is_a_failed_restart(driver: Driver) -> None:
    """Its first start failed once more: charged like any other, and tried again."""
    inner = sup("s", worker("b"), worker("c", fails=(2, 3)), budget=NONE_AT_ALL)
    tree = grow(driver, sup("root", worker("a"), inner, budget=PLENTY))
    tree.fell("b")
    until_back(tree, "s", 4)
    assert [down.reason for down in tree.downs("s")] == ["escalated", "start_failed", "start_failed"]
    assert tree.row("s").restarts_in_window == 3


@pytest.mark.parametrize("strategy", Strategy)
def test_what_is_parked_stays_down_and_the_others_go_on(driver: Driver, strategy: Strategy) -> None:
    spec = sup("root", *workers("abc"), strategy=strategy, budget=NONE_AT_ALL, on_give_up=GiveUp.PARK)
    tree = grow(driver, spec)
    tree.fell("b")
    assert tree.states("abc") == ["ready", "parked", "ready"]
    tree.poke("b", "later")
    assert tree.row("b").mailbox_depth == 1
    assert tree.outcome(RestartChild(child="b")) is Outcome.DONE
    tree.until(lambda: tree.says("later b 2"))


@pytest.mark.lesson("L36")
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_what_is_parked_does_not_come_back_with_its_siblings(driver: Driver, strategy: Strategy) -> None:
    children = (worker("a"), worker("b", fails=(2, 3)), worker("c"))
    spec = sup("root", *children, strategy=strategy, budget=Budget(intensity=2), on_give_up=GiveUp.PARK)
    tree = grow(driver, spec)
    tree.fell("b")
    tree.until(lambda: tree.states("abc") == ["ready", "parked", "ready"])
    tree.settle("root")
    tree.fell("a")
    assert tree.states("ab") == ["parked", "parked"], "the budget is spent for this one too"
    assert tree.outcome(RestartChild(child="a")) is Outcome.DONE
    epoch = tree.row("a").epoch
    tree.fell("a")
    tree.until_ready("a", epoch + 1)
    tree.until(lambda: tree.is_ready("c"))
    assert tree.state("b") is ChildState.PARKED


@pytest.mark.lesson("L36")
def test_what_is_held_stays_down_when_its_supervisor_comes_back(driver: Driver) -> None:
    """Whoever fails on the way up: an operator's word, or a spent budget, stands until an operator takes it back."""
    inner = sup("s", *workers("abc"), budget=NONE_AT_ALL, on_give_up=GiveUp.PARK)
    tree = grow(driver, sup("root", worker("r"), inner, strategy=Strategy.ONE_FOR_ALL))
    tree.outcome(StopChild(child="a"), of="s")
    tree.fell("b")
    tree.fell("r")
    until_back(tree, "s", 2)
    assert tree.states("rabc") == ["ready", "stopped", "parked", "ready"]
    for name in "ab":
        assert tree.outcome(RestartChild(child=name), of="s") is Outcome.DONE
    tree.fell("r")
    until_back(tree, "s", 3)
    assert tree.states("rabc") == ["ready"] * 4


def test_a_supervisor_can_be_parked_with_what_it_has(driver: Driver) -> None:
    inner = sup("s", *workers("bc"), budget=NONE_AT_ALL)
    tree = grow(driver, sup("root", worker("a"), inner, budget=NONE_AT_ALL, on_give_up=GiveUp.PARK))
    tree.fell("b")
    tree.until_state("s", ChildState.PARKED)
    assert tree.states("abc") == ["ready", "stopped", "stopped"]
    assert tree.outcome(RestartChild(child="s")) is Outcome.DONE
    assert tree.states("sbc") == ["ready"] * 3


def test_each_way_of_giving_up_says_whom_it_concerns(driver: Driver) -> None:
    inner = sup("s", *workers("b"), budget=NONE_AT_ALL)
    tree = grow(driver, sup("root", worker("a"), inner, budget=NONE_AT_ALL, on_give_up=GiveUp.PARK))
    tree.fell("b")
    tree.until_state("s", ChildState.PARKED)
    assert [(each.mode, each.scope) for each in tree.reports()] == [
        (FailureMode.ACTOR_CRASH_LOOP, "all"),
        (FailureMode.ACTOR_CRASH_LOOP, "s"),
    ]


@pytest.mark.parametrize("strategy", Strategy)
def test_a_supervisor_that_is_killed_takes_its_children_along(driver: Driver, strategy: Strategy) -> None:
    """None of them outlives it and none lives twice."""
    inner = sup("s", worker("b"), sup("t", *workers("c")), strategy=strategy)
    tree = grow(driver, sup("root", worker("a"), inner))
    driver.host.abandon("s", "killed by the test", "killed")
    tree.until(lambda: tree.row("s").epoch == 2)
    until_back(tree, "s", 2)
    assert [tree.row(name).epoch for name in "astbc"] == [1, 2, 2, 2, 2]
    assert tree.lines == ["start a", "start b", "start c", "start b", "start c"], "nobody was left to stop them"
    for name in "bc":
        tree.poke(name, "here")
        tree.confirm(name)
    assert tree.lines[5:] == ["here b 2", "here c 2"]


def test_a_supervisor_that_fails_by_itself_is_one_more_failed_child(driver: Driver) -> None:
    """By a message that it has no handler for, which is never ignored."""
    tree = grow(driver, sup("root", worker("a"), sup("s", *workers("b"))))
    driver.host.tell("s", Note(), sender="test")
    tree.until(lambda: tree.row("s").epoch == 2)
    until_back(tree, "s", 2)
    (down,) = tree.downs("s")
    assert down.reason == "error"
    assert "has no handler for Note" in down.detail
    assert [tree.row(name).epoch for name in "ab"] == [1, 2]


def test_a_worker_below_can_be_stopped_and_started_again_on_its_own(driver: Driver) -> None:
    tree = grow(driver, sup("root", sup("s", *workers("a"))))
    assert tree.outcome(StopChild(child="a"), of="s") is Outcome.DONE
    assert tree.outcome(RestartChild(child="a"), of="s") is Outcome.DONE
    assert [tree.row(name).epoch for name in "sa"] == [1, 2]


def big_tree() -> SupervisorSpec:
    return sup(
        "root",
        sup("s", *workers("ab")),
        sup("t", template=lambda name, _: worker(name, fails=(2,) if name == "c" else ()), budget=Budget(intensity=1)),
        sup("u", restart=Restart.TRANSIENT),
        strategy=Strategy.ONE_FOR_ALL,
    )


def test_a_tree_falls_only_as_far_as_it_must(driver: Driver) -> None:
    """Counts on every level, with children of the spec, added ones, and a supervisor that an operator has stopped."""
    tree = grow(driver, big_tree())
    tree.outcome(StopChild(child="u"))
    assert tree.counts("root") == (3, 2, 3, 0)
    for name in "cd":
        tree.outcome(StartChild(child=name), of="t")
    assert (tree.counts("s"), tree.counts("t")) == ((2, 2, 0, 2), (2, 2, 0, 2))

    tree.fell("d")
    tree.until_ready("d", 2)
    assert [tree.row(name).epoch for name in "stabc"] == [1, 1, 1, 1, 1]
    assert tree.counts("t") == (2, 2, 0, 2)

    tree.fell("c")  # and once more: the budget was one
    tree.until(lambda: tree.row("t").epoch == 2 and tree.is_ready("t"))
    tree.settle("root")
    assert (tree.counts("s"), tree.counts("t")) == ((2, 2, 0, 2), (0, 0, 0, 0))
    assert [tree.row(name).epoch for name in "stab"] == [2, 2, 2, 2]
    assert tree.state("u") is ChildState.STOPPED, "an operator's word outlasts a group restart (L36)"
