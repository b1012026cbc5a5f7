"""rest_for_one: the one that failed and those after it; and after a failed restart, on from the child that failed."""

from dataclasses import replace
from functools import partial

from messages.supervision import ChildState, Outcome, RestartChild
from supervisor.spec import Backoff, Budget, GiveUp, Restart, Strategy
from tests.supervisor.hosts import Driver, in_simulation, on_all_hosts
from tests.supervisor.otp.kit import AT_ONCE, NOT_SOON, PLENTY, grow, sup, worker, workers

REST = Strategy.REST_FOR_ONE


@on_all_hosts
def test_the_one_that_failed_and_those_after_it(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("abc"), strategy=REST))
    tree.fell("b")
    tree.until_ready("c", 2)
    assert tree.lines[3:] == ["stop c", "start b", "start c"]
    assert [tree.row(name).epoch for name in "abc"] == [1, 2, 2]
    assert tree.counts("root") == (3, 3, 0, 3)


def test_the_last_one_is_restarted_alone_and_the_first_one_with_all(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("abc"), strategy=REST))
    tree.fell("c")
    tree.until_ready("c", 2)
    tree.fell("a")
    tree.until_ready("c", 3)
    assert tree.lines[3:] == ["start c", "stop c", "stop b", "start a", "start b", "start c"]


def test_the_order_holds_in_a_restart_and_in_the_stop_after_it(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("gdhbe"), strategy=REST))
    tree.fell("h")
    tree.until_ready("e", 2)
    assert tree.lines[5:] == ["stop e", "stop b", "start h", "start b", "start e"]
    tree.stop()
    assert tree.lines[10:] == ["stop e", "stop b", "stop h", "stop d", "stop g"]


def test_failures_of_different_children_are_one_count(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("abc"), strategy=REST, budget=Budget(intensity=2)))
    tree.fell("b")
    tree.until_ready("c", 2)
    tree.fell("c")
    tree.until_ready("c", 3)
    tree.fell("b")
    assert tree.until_ended().reason == "escalated"
    assert tree.lines[-2:] == ["stop c", "stop a"]


def test_a_later_one_that_cannot_come_back_ends_it_for_all(driver: Driver) -> None:
    children = (worker("a"), worker("b", fails=tuple(range(2, 10))))
    tree = grow(driver, sup("root", *children, strategy=REST, budget=Budget(intensity=4)))
    tree.poke("a", "crash")
    assert tree.until_ended().reason == "escalated"
    assert tree.starts("a") == 2, "it came back, and had no part in what failed"
    assert tree.starts("b") == 5


def test_a_failed_restart_resumes_at_the_child_that_failed(driver: Driver) -> None:
    """What came back before it stays; what comes after it has not started yet."""
    tree = grow(driver, sup("root", worker("a"), worker("b", fails=(2, 3)), worker("c"), strategy=REST))
    tree.fell("a")
    tree.until_ready("c", 2)
    assert tree.lines[3:] == ["stop c", "stop b", "start a", "start b", "start b", "start b", "start c"]
    assert [tree.row(name).epoch for name in "abc"] == [2, 4, 2]
    assert tree.row("c").restarts_in_window == 3


def test_those_after_it_go_down_at_once_and_wait_for_it(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a"), worker("b", backoff=NOT_SOON), worker("c"), strategy=REST))
    tree.fell("b")
    tree.until(lambda: tree.states("abc") == ["ready", "restarting", "stopped"])
    tree.poke("a", "alone")
    tree.until(partial(tree.says, "alone a 1"))
    assert tree.counts("root") == (3, 1, 0, 3)


@in_simulation
def test_a_later_one_that_fails_meanwhile_waits_for_the_earlier_one(driver: Driver) -> None:
    """Both die of the same cause: the later one must not come back to a house without its ground floor."""
    slow = Backoff(min_s=5, max_s=5)
    tree = grow(driver, sup("root", worker("a", backoff=slow), worker("b"), worker("c"), strategy=REST))
    tree.hang("c")
    tree.poke("a", "crash")
    tree.until_state("c", ChildState.STOPPING)
    tree.poke("b", "crash")
    tree.until(lambda: len(tree.downs("b")) == 1)
    tree.let_go("c")
    driver.pass_time(4)
    assert tree.states("abc") == ["restarting", "stopped", "stopped"]
    tree.until_ready("c", 2)
    assert tree.lines[3:] == ["stop c", "start a", "start b", "start c"]
    assert tree.row("c").restarts_in_window == 1


@in_simulation
def test_a_later_one_that_waits_for_its_own_restart_comes_back_with_the_earlier_one(driver: Driver) -> None:
    """And its own restart, due in between, is called off."""
    slow, slower = Backoff(min_s=5, max_s=5), Backoff(min_s=9, max_s=9)
    tree = grow(driver, sup("root", worker("a", backoff=slower), worker("b", backoff=slow), strategy=REST))
    tree.fell("b")
    tree.fell("a")
    driver.pass_time(8)
    assert tree.states("ab") == ["restarting", "stopped"]
    tree.until_ready("b", 2)
    assert tree.lines[2:] == ["start a", "start b"]


def test_those_after_a_parked_one_go_on_without_it(driver: Driver) -> None:
    children = (worker("a"), worker("b"), worker("c"))
    spec = sup("root", *children, strategy=REST, budget=Budget(intensity=0), on_give_up=GiveUp.PARK)
    tree = grow(driver, spec)
    tree.fell("b")
    tree.until(lambda: tree.states("abc") == ["ready", "parked", "ready"])
    tree.settle("root")
    assert tree.states("abc") == ["ready", "parked", "ready"]


@in_simulation
def test_one_that_an_operator_brings_back_early_has_one_life_of_its_own(driver: Driver) -> None:
    """Its failure is charged; but it waits for the earlier one again, and not for itself."""
    children = (worker("a", backoff=Backoff(min_s=5, max_s=5)), worker("b"))
    tree = grow(driver, sup("root", *children, strategy=REST))
    tree.fell("a")
    assert tree.outcome(RestartChild(child="b")) is Outcome.DONE
    tree.fell("b")
    assert tree.states("ab") == ["restarting", "stopped"]
    driver.pass_time(5.1)
    assert tree.lines[2:] == ["stop b", "start b", "start a", "start b"]
    assert tree.row("a").restarts_in_window == 1, "the operator's restart began with a fresh budget"


def test_one_that_has_ended_in_peace_is_not_called_back_by_a_parked_one(driver: Driver) -> None:
    """It did not go down for it."""
    children = (worker("a"), worker("b", restart=Restart.TRANSIENT), worker("c"))
    tree = grow(driver, sup("root", *children, strategy=REST, budget=Budget(intensity=0), on_give_up=GiveUp.PARK))
    tree.fell("b", "end normal")
    tree.fell("a")
    assert tree.states("abc") == ["parked", "stopped", "ready"]


@in_simulation
def test_those_that_wait_for_another_one_do_not_come_back_early(driver: Driver) -> None:
    """The earlier one is parked while the later one waits for its restart: that restart is still not due."""
    slow = Backoff(min_s=5, max_s=5)
    children = (worker("a"), worker("b", backoff=slow), worker("c"))
    tree = grow(driver, sup("root", *children, strategy=REST, budget=Budget(intensity=1), on_give_up=GiveUp.PARK))
    tree.fell("b")
    tree.fell("a")
    assert tree.states("abc") == ["parked", "restarting", "stopped"]
    driver.pass_time(5.1)
    assert tree.states("abc") == ["parked", "ready", "ready"]


def test_a_temporary_one_is_no_rung_of_the_ladder(driver: Driver) -> None:
    """Its end, and its absence, change nothing for those after it."""
    children = (worker("a"), worker("b", restart=Restart.TEMPORARY), worker("c", backoff=AT_ONCE))
    tree = grow(driver, sup("root", *children, strategy=REST, budget=PLENTY))
    tree.fell("b")
    assert tree.row("c").epoch == 1
    tree.fell("a")
    tree.until_ready("c", 2)
    assert tree.children("root") == ["a", "c"]


@in_simulation
def test_one_that_waits_for_its_restart_goes_on_waiting_for_an_earlier_one(driver: Driver) -> None:
    """Its own delay is over first, while a later one still takes its time to stop."""
    children = (
        worker("a", backoff=Backoff(5, 5)),
        worker("b", backoff=Backoff(0.5, 0.5)),
        replace(worker("c"), shutdown_s=2),
    )
    tree = grow(driver, sup("root", *children, strategy=REST))
    tree.hang("c")
    tree.fell("b")
    tree.fell("a")
    driver.pass_time(3)
    assert tree.states("abc") == ["restarting", "stopped", "abandoned"]
    tree.until_ready("c", 2)
    assert tree.lines[3:] == ["start a", "start b", "start c"]
