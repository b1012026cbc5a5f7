"""Many children, in simulation: counts stay right, and the work grows with their number and not with its square."""

from functools import partial
from time import process_time

from messages.supervision import ChildState, Outcome, StartChild, StopChild
from supervisor.runtime.behaviour import Behaviour
from supervisor.spec import ChildSpec, Restart
from tests.supervisor.hosts import Simulated
from tests.supervisor.otp.kit import AT_ONCE, NOTEBOOK, PLENTY, Tree, grow, sup

FEW, MANY = 1_000, 10_000
ALLOWED = 50
"""Ten times the children may cost fifty times the time, as in OTP's own case: a square would cost a hundred."""


class Quiet(Behaviour):
    """Does nothing, and says nothing."""


def quiet(name: str, restart: Restart = Restart.PERMANENT) -> ChildSpec:
    return ChildSpec(id=name, factory=Quiet, restart=restart, backoff=AT_ONCE)


def crowd(restart: Restart) -> Tree:
    return grow(Simulated(), sup("root", template=lambda name, _: quiet(name, restart), budget=PLENTY))


def add(tree: Tree, first: int, last: int) -> None:
    for n in range(first, last):
        tree.host.tell("root", StartChild(child=f"child {n}"), sender="test")
    tree.settle("root")
    tree.driver.pass_time(1)


def stop(tree: Tree, first: int, last: int) -> None:
    for n in range(first, last):
        tree.host.tell("root", StopChild(child=f"child {n}"), sender="test")
    tree.settle("root")
    tree.driver.pass_time(1)


def test_thousands_are_counted() -> None:
    """Twice, with as many again; and all at once they are gone."""
    tree = crowd(Restart.TEMPORARY)
    for thousands in (1, 2):
        add(tree, (thousands - 1) * FEW, thousands * FEW)
        assert tree.counts("root") == (thousands * FEW, thousands * FEW, 0, thousands * FEW)
    for name in tree.children("root"):
        tree.host.abandon(name, "killed by the test", "killed")
    tree.settle("root")
    assert tree.counts("root") == (0, 0, 0, 0)


def test_thousands_of_supervisors_are_counted() -> None:
    tree = grow(Simulated(), sup("root", template=lambda name, _: sup(name, restart=Restart.TEMPORARY)))
    add(tree, 0, FEW)
    assert tree.counts("root") == (FEW, FEW, FEW, 0)
    stop(tree, 0, FEW)
    assert tree.counts("root") == (0, 0, 0, 0)


def test_adding_and_stopping_one_by_one_is_linear() -> None:
    """The first half of them is stopped one by one, the others all at once with their supervisor."""

    def cost(count: int) -> tuple[float, float]:
        tree = crowd(Restart.TEMPORARY)
        began = process_time()
        add(tree, 0, count)
        added = process_time()
        assert tree.counts("root").up == count
        stop(tree, 0, count // 2)
        assert tree.counts("root").known == count // 2
        tree.stop()
        return added - began, process_time() - added

    (add_few, stop_few), (add_many, stop_many) = cost(FEW), cost(MANY)
    assert add_many < ALLOWED * add_few
    assert stop_many < ALLOWED * stop_few


def test_starting_and_stopping_one_after_the_other_is_linear() -> None:
    """In messages, too: each child costs the same number of them."""

    def cost(count: int) -> tuple[float, int]:
        began = process_time()
        tree = grow(Simulated(), sup("root", *(quiet(f"child {n}") for n in range(count))))
        assert tree.counts("root").up == count
        tree.stop()
        assert isinstance(tree.driver, Simulated)
        return process_time() - began, tree.driver.sim.steps

    (few_s, few), (many_s, many) = cost(FEW), cost(MANY)
    assert many_s < ALLOWED * few_s
    assert abs(many / few - MANY / FEW) < 0.1


def test_when_all_fail_at_once_the_work_is_linear() -> None:
    """Independent children: each is restarted without a look at the others."""

    def cost(count: int) -> float:
        tree = crowd(Restart.PERMANENT)
        add(tree, 0, count)
        began = process_time()
        for n in range(count):
            tree.host.abandon(f"child {n}", "killed by the test", "killed")
        tree.settle("root")
        tree.driver.pass_time(1)
        assert tree.counts("root").up == count
        return process_time() - began

    assert cost(MANY // 2) < ALLOWED * cost(FEW // 2)


def test_one_failure_among_many_concerns_only_one() -> None:
    tree = crowd(Restart.PERMANENT)
    add(tree, 0, FEW)
    tree.host.abandon("child 500", "killed by the test", "killed")
    tree.until(partial(tree.is_ready, "child 500"))
    assert {row.epoch for row in tree.host.status() if row.parent == "root" and row.id != "child 500"} == {1}
    assert tree.outcome(StartChild(child="child 500")) is Outcome.ALREADY_STARTED
    assert tree.state(NOTEBOOK) is ChildState.READY
