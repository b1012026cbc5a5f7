"""one_for_one: the one that failed, and nobody else."""

from messages.supervision import ChildState
from tests.supervisor.hosts import Driver, on_all_hosts
from tests.supervisor.otp.kit import PLENTY, grow, sup, worker, workers


@on_all_hosts
def test_only_the_one_that_failed_is_restarted(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("abc")))
    tree.fell("b")
    tree.until_ready("b", 2)
    assert tree.lines == ["start a", "start b", "start c", "start b"]
    assert tree.counts("root") == (3, 3, 0, 3)
    assert [tree.row(name).epoch for name in "abc"] == [1, 2, 1]


def test_independent_children_do_not_wait_for_one_another(driver: Driver) -> None:
    """One is slow to come back; the other is back at once."""
    tree = grow(driver, sup("root", worker("a", silent=(2,)), worker("b"), budget=PLENTY))
    tree.fell("a")
    tree.until_state("a", ChildState.STARTING)
    tree.fell("b")
    tree.until_ready("b", 2)
    assert tree.state("a") is ChildState.STARTING
    tree.poke("a", "ready")
    tree.until_ready("a", 2)
