"""What may be asked of a supervisor while it runs: every command, every answer, in every state of the child."""

from dataclasses import replace

import pytest

from messages.supervision import (
    ChildAnswer,
    ChildDown,
    ChildState,
    Outcome,
    RemoveChild,
    RestartChild,
    StartChild,
    StopChild,
    TimerFired,
)
from supervisor.spec import Budget, GiveUp, Restart, Strategy
from tests.supervisor.hosts import Driver, on_all_hosts
from tests.supervisor.otp.kit import NOT_SOON, PLENTY, Tree, grow, sup, worker, workers


@on_all_hosts
def test_a_child_is_stopped_started_again_and_removed(driver: Driver) -> None:
    """The whole round, with the counts after each step."""
    tree = grow(driver, sup("root", *workers("a")))
    assert tree.counts("root") == (1, 1, 0, 1)

    assert tree.outcome(StopChild(child="a")) is Outcome.DONE
    assert tree.state("a") is ChildState.STOPPED
    assert tree.counts("root") == (1, 0, 0, 1)

    assert tree.outcome(RestartChild(child="a")) is Outcome.DONE
    assert (tree.state("a"), tree.row("a").epoch) == (ChildState.READY, 2)
    assert tree.counts("root") == (1, 1, 0, 1)

    tree.fell("a")
    tree.until_ready("a", 3)
    assert tree.outcome(StopChild(child="a")) is Outcome.DONE
    assert tree.outcome(RemoveChild(child="a")) is Outcome.DONE
    assert tree.children("root") == []
    assert tree.outcome(RestartChild(child="a")) is Outcome.NOT_FOUND
    assert tree.stop().reason == "shutdown"


def test_commands_for_a_child_that_runs(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("a")))
    assert tree.outcome(RemoveChild(child="a")) is Outcome.RUNNING
    assert tree.outcome(RestartChild(child="a")) is Outcome.ALREADY_STARTED
    assert tree.outcome(StartChild(child="a")) is Outcome.ALREADY_STARTED
    assert (tree.state("a"), tree.row("a").epoch) == (ChildState.READY, 1)


def test_commands_for_a_child_that_nobody_knows(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a"), sup("s", *workers("b"))))
    for command in (StopChild(child="b"), RestartChild(child="b"), RemoveChild(child="b")):
        assert tree.outcome(command) is Outcome.NOT_FOUND, "b is a child of s, not of root"
    assert tree.outcome(StartChild(child="b")) is Outcome.NO_TEMPLATE
    assert tree.is_ready("b")


def test_commands_for_a_child_that_is_stopped(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("a")))
    assert tree.outcome(StopChild(child="a")) is Outcome.DONE
    assert tree.outcome(StopChild(child="a")) is Outcome.DONE, "stopped is stopped"
    assert tree.outcome(StartChild(child="a")) is Outcome.ALREADY_PRESENT
    assert tree.lines == ["start a", "stop a"]


def test_commands_for_a_child_that_starts(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a", silent=(2,))))
    tree.outcome(StopChild(child="a"))
    tree.tell("root", RestartChild(child="a"))
    tree.until_state("a", ChildState.STARTING)
    assert tree.outcome(RemoveChild(child="a")) is Outcome.RUNNING
    assert tree.outcome(StartChild(child="a")) is Outcome.ALREADY_STARTED
    assert tree.outcome(RestartChild(child="a")) is Outcome.ALREADY_STARTED
    assert tree.answers(RestartChild(child="a")) == [Outcome.ALREADY_STARTED], "the first is not answered yet"
    tree.poke("a", "ready")
    tree.until(lambda: len(tree.answers(RestartChild(child="a"))) == 2)
    assert tree.answers(RestartChild(child="a"))[1] is Outcome.DONE


def test_commands_for_a_child_that_stops(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("a")))
    tree.hang("a")
    for _ in range(2):
        tree.tell("root", StopChild(child="a"))
    tree.until_state("a", ChildState.STOPPING)
    assert tree.outcome(RemoveChild(child="a")) is Outcome.RUNNING
    assert tree.outcome(RestartChild(child="a")) is Outcome.RUNNING
    assert tree.outcome(StartChild(child="a")) is Outcome.ALREADY_PRESENT
    assert tree.answers(StopChild(child="a")) == []
    tree.let_go("a")
    tree.until(lambda: tree.answers(StopChild(child="a")) == [Outcome.DONE, Outcome.DONE])


@pytest.mark.parametrize("strategy", Strategy)
def test_commands_for_a_child_that_waits_for_its_restart(driver: Driver, strategy: Strategy) -> None:
    """Nothing hangs in the loop: not the child's commands, not the other children, not the stop."""
    children = (worker("a"), worker("b", backoff=NOT_SOON), worker("c"))
    spec = sup("root", *children, strategy=strategy, budget=PLENTY)
    tree = grow(driver, spec)
    tree.fell("b")
    assert tree.state("b") is ChildState.RESTARTING
    assert tree.outcome(StartChild(child="b")) is Outcome.ALREADY_STARTED
    assert tree.outcome(RestartChild(child="b")) is Outcome.RESTARTING
    assert tree.outcome(RemoveChild(child="b")) is Outcome.RESTARTING

    assert tree.outcome(StopChild(child="b")) is Outcome.DONE
    assert tree.state("b") is ChildState.STOPPED
    assert tree.outcome(RestartChild(child="b")) is Outcome.DONE
    tree.until_ready("b", 2)

    tree.fell("b")
    assert tree.stop().reason == "shutdown"
    assert tree.starts("b") == 2


def test_a_child_that_starts_for_ever_can_be_stopped(driver: Driver) -> None:
    """The stop does not wait for it to be ready, and what came later goes on."""
    endless = replace(worker("a", silent=(1,)), ready_timeout_s=1_800)
    tree = Tree(driver, sup("root", endless, worker("b")))
    tree.until(lambda: tree.says("start a"))
    assert tree.outcome(StopChild(child="a")) is Outcome.DONE
    tree.until_ready("root", 1)
    assert tree.lines == ["start a", "stop a", "start b"]
    assert tree.states("ab") == ["stopped", "ready"]


def test_a_stop_overtakes_a_restart_that_was_asked_for(driver: Driver) -> None:
    """Whoever wanted it to run is told that it will not."""
    tree = grow(driver, sup("root", worker("a", silent=(2,))))
    tree.outcome(StopChild(child="a"))
    tree.tell("root", RestartChild(child="a"))
    tree.until_state("a", ChildState.STARTING)
    assert tree.outcome(StopChild(child="a")) is Outcome.DONE
    assert tree.answers(RestartChild(child="a")) == [Outcome.STOPPING]
    assert tree.state("a") is ChildState.STOPPED


def test_a_restart_that_was_asked_for_is_answered_when_it_has_come_about(driver: Driver) -> None:
    """Though a sibling's failure took the child down again in between."""
    tree = grow(driver, sup("root", worker("a"), worker("b", silent=(2, 3)), strategy=Strategy.ONE_FOR_ALL))
    tree.outcome(StopChild(child="b"))
    tree.tell("root", RestartChild(child="b"))
    tree.until_state("b", ChildState.STARTING)
    tree.fell("a")
    tree.until(lambda: tree.starts("b") == 3)
    assert tree.answers(RestartChild(child="b")) == []
    tree.poke("b", "ready")
    tree.until(lambda: tree.answers(RestartChild(child="b")) == [Outcome.DONE])


def test_a_restart_that_was_asked_for_is_answered_when_the_child_is_removed_first(driver: Driver) -> None:
    """Its turn had not come: in a group one is started after the other."""
    tree = grow(driver, sup("root", worker("a", silent=(2,)), worker("b"), strategy=Strategy.ONE_FOR_ALL))
    for name in "ab":
        tree.outcome(StopChild(child=name))
    for name in "ab":
        tree.tell("root", RestartChild(child=name))
    assert tree.outcome(RemoveChild(child="b")) is Outcome.DONE
    assert tree.answers(RestartChild(child="b")) == [Outcome.NOT_FOUND]


def test_a_child_that_is_to_stop_next_and_dies_before_has_stopped(driver: Driver) -> None:
    """In a group one is stopped after the other; its turn had not come."""
    tree = grow(driver, sup("root", *workers("ab"), strategy=Strategy.ONE_FOR_ALL))
    tree.hang("a")
    for name in "ab":
        tree.tell("root", StopChild(child=name))
    tree.fell("b")
    assert tree.states("ab") == ["stopping", "stopped"]
    assert tree.answers(StopChild(child="b")) == [Outcome.DONE]
    tree.let_go("a")
    tree.until(lambda: tree.answers(StopChild(child="a")) == [Outcome.DONE])
    assert tree.starts("b") == 1


def test_a_restart_that_an_operator_wanted_and_that_fails_is_his_to_decide(driver: Driver) -> None:
    """He is told why; nothing is charged, and nothing is tried again behind his back."""
    tree = grow(driver, sup("root", worker("a", fails=(2,)), worker("b")))
    tree.outcome(StopChild(child="a"))
    answer = tree.ask(RestartChild(child="a"))
    assert answer.outcome is Outcome.FAILED
    assert "no luck today" in answer.detail
    tree.settle("root")
    assert (tree.state("a"), tree.row("a").restarts_in_window, tree.starts("a")) == (ChildState.STOPPED, 0, 2)
    assert tree.counts("root") == (2, 1, 0, 2)
    assert tree.outcome(RestartChild(child="a")) is Outcome.DONE
    assert tree.row("a").epoch == 3


def test_what_an_operator_could_not_start_is_not_started_by_its_siblings(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a"), worker("b", fails=(2,)), strategy=Strategy.ONE_FOR_ALL))
    tree.outcome(StopChild(child="b"))
    assert tree.outcome(RestartChild(child="b")) is Outcome.FAILED
    tree.fell("a")
    tree.until_ready("a", 2)
    tree.settle("root")
    assert tree.state("b") is ChildState.STOPPED
    assert tree.starts("b") == 2


def test_a_restart_with_nothing_to_do_is_done(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a", ignores=(2,))))
    tree.outcome(StopChild(child="a"))
    assert tree.outcome(RestartChild(child="a")) is Outcome.DONE
    assert tree.state("a") is ChildState.STOPPED


def test_an_operators_restart_begins_with_a_fresh_budget(driver: Driver) -> None:
    spec = sup("root", *workers("a"), budget=Budget(intensity=1), on_give_up=GiveUp.PARK)
    tree = grow(driver, spec)
    tree.fell("a")
    tree.until_ready("a", 2)
    tree.fell("a")
    assert tree.state("a") is ChildState.PARKED
    assert tree.outcome(StartChild(child="a")) is Outcome.ALREADY_PRESENT
    assert tree.outcome(StopChild(child="a")) is Outcome.DONE
    assert tree.outcome(RestartChild(child="a")) is Outcome.DONE
    assert tree.row("a").restarts_in_window == 0
    tree.fell("a")
    tree.until_ready("a", 4)
    given_up, seen_to = tree.reports()
    assert given_up.model_copy(update={"detail": seen_to.detail, "recovered": True, "by_operator": True}) == seen_to


def test_a_parked_child_can_be_removed(driver: Driver) -> None:
    spec = sup("root", *workers("ab"), budget=Budget(intensity=0), on_give_up=GiveUp.PARK)
    tree = grow(driver, spec)
    tree.fell("a")
    assert tree.outcome(RemoveChild(child="a")) is Outcome.DONE
    assert tree.children("root") == ["b"]


@pytest.mark.lesson("L36")
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_what_an_operator_has_stopped_stays_stopped_when_its_siblings_restart(
    driver: Driver, strategy: Strategy
) -> None:
    """Circus once raised a service that its operator had put down."""
    spec = sup("root", *workers("abc"), strategy=strategy, budget=PLENTY)
    tree = grow(driver, spec)
    tree.outcome(StopChild(child="b"))
    for epoch in (2, 3):
        tree.fell("a")
        tree.until_ready("c", epoch)
        tree.settle("root")
    assert tree.states("abc") == ["ready", "stopped", "ready"]
    assert tree.starts("b") == 1

    assert tree.outcome(RestartChild(child="b")) is Outcome.DONE
    tree.fell("a")
    tree.until_ready("c", 4)
    assert tree.row("b").epoch == 3, "asked for again, it is one of them again"


@pytest.mark.lesson("L36")
def test_a_child_stopped_as_it_was_to_be_restarted_stays_stopped(driver: Driver) -> None:
    """As a bystander that is down because of another."""
    children = (worker("a", backoff=NOT_SOON), worker("b"))
    tree = grow(driver, sup("root", *children, strategy=Strategy.ONE_FOR_ALL))
    tree.fell("a")
    tree.until_state("b", ChildState.STOPPED)
    assert tree.outcome(StopChild(child="b")) is Outcome.DONE
    assert tree.outcome(StopChild(child="a")) is Outcome.DONE
    assert tree.outcome(RestartChild(child="a")) is Outcome.DONE
    tree.fell("a")
    tree.settle("root")
    assert tree.starts("b") == 1


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_when_an_operator_stops_the_one_that_all_wait_for_the_others_go_on(driver: Driver, strategy: Strategy) -> None:
    """They went down for it, and nobody else would bring them back."""
    children = (worker("a", backoff=NOT_SOON), *workers("bc"))
    tree = grow(driver, sup("root", *children, strategy=strategy))
    tree.fell("a")
    tree.until(lambda: tree.states("abc") == ["restarting", "stopped", "stopped"])
    assert tree.outcome(StopChild(child="a")) is Outcome.DONE
    tree.until(lambda: tree.states("abc") == ["stopped", "ready", "ready"])
    assert tree.lines[5:] == ["start b", "start c"]


def test_a_removed_child_leaves_its_messages_as_dead_letters(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("a")))
    tree.outcome(StopChild(child="a"))
    tree.poke("a", "too late")
    tree.outcome(RemoveChild(child="a"))
    tree.poke("a", "much too late")
    letters = tree.dead_letters()
    assert [(letter.to, letter.reason) for letter in letters] == [("a", "child removed"), ("a", "no such address")]


def test_a_removed_supervisor_takes_what_is_below_it(driver: Driver) -> None:
    inner = sup("s", worker("b"), sup("t", *workers("c")))
    tree = grow(driver, sup("root", worker("a"), inner))
    tree.outcome(StopChild(child="s"))
    assert tree.counts("s") == (2, 0, 1, 1)
    tree.outcome(RemoveChild(child="s"))
    assert driver.host.names() == {"root", "a", "notebook"}


def test_a_command_without_a_return_address_is_carried_out_all_the_same(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("a")))
    driver.host.tell("root", StopChild(child="a"), sender="test")
    tree.until_state("a", ChildState.STOPPED)
    assert tree.heard_of(ChildAnswer) == []


@pytest.mark.parametrize("restart", [Restart.PERMANENT, Restart.TRANSIENT])
def test_messages_for_a_stopped_child_wait_until_it_is_asked_for_again(driver: Driver, restart: Restart) -> None:
    tree = grow(driver, sup("root", worker("a", restart=restart)))
    tree.outcome(StopChild(child="a"))
    tree.poke("a", "hello")
    assert tree.row("a").mailbox_depth == 1
    tree.outcome(RestartChild(child="a"))
    tree.until(lambda: tree.says("hello a 2"))


def test_a_supervisor_does_not_choke_on_what_it_does_not_know(driver: Driver) -> None:
    """Stray timers and reports of strangers; what it has no handler for at all is a mistake, and kills it."""
    tree = grow(driver, sup("root", worker("a"), sup("s", *workers("b"))))
    driver.host.tell("s", TimerFired(key="nonsense:of nobody"), sender="test")
    stray = ChildDown(child="a", epoch=1, reason="error", detail="", correlation_id=None)
    driver.host.tell("s", stray, sender="test")
    tree.settle("s")
    assert (tree.is_ready("s"), tree.row("s").epoch) == (True, 1)
