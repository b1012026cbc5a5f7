"""Backoff: how long a child waits for its restart. In virtual time, where a delay is exact."""

from functools import partial

import pytest

from messages.supervision import ChildState, Outcome, RestartChild, StopChild
from supervisor.spec import Backoff, Budget, ChildSpec, Restart, Strategy
from tests.supervisor.hosts import Driver, Simulated, in_simulation
from tests.supervisor.otp.kit import PLENTY, Tree, grow, sup, worker

S_NS = 1_000_000_000
CAP_S = 64.0
GROWING = Backoff(min_s=1, max_s=CAP_S, quiet_s=100)


def delay_s(tree: Tree, name: str, *, how: str = "crash") -> float:
    """Fells it; how long it takes until it has begun its next life."""
    starts = tree.starts(name)
    tree.fell(name, how)
    sim = tree.driver
    assert isinstance(sim, Simulated)
    before_ns = sim.sim.now_ns()
    while tree.starts(name) == starts:
        due_ns = sim.sim.next_timer_ns()
        assert due_ns is not None
        sim.sim.run_until(due_ns)
    return (sim.sim.now_ns() - before_ns) / S_NS


def delays_s(seed: int, count: int, spec: ChildSpec) -> list[float]:
    tree = grow(Simulated(seed), sup("root", spec, budget=PLENTY))
    return [delay_s(tree, spec.id) for _ in range(count)]


@in_simulation
def test_a_child_is_restarted_after_its_delay_and_not_before(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a", backoff=Backoff(min_s=5, max_s=5))))
    tree.fell("a")
    driver.pass_time(4.99)
    assert tree.state("a") is ChildState.RESTARTING
    driver.pass_time(0.02)
    assert tree.state("a") is ChildState.READY


@in_simulation
def test_no_delay_at_all_is_at_once(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a", backoff=Backoff(min_s=0, max_s=0))))
    assert delay_s(tree, "a") == 0


def test_delays_grow_from_the_least_to_the_cap() -> None:
    """The n-th is between the least and the doubled least of n times, and none is above the cap."""
    runs = [delays_s(seed, 12, worker("a", backoff=GROWING)) for seed in range(40)]
    for delays in runs:
        assert delays[0] == 1
        for attempt, delay in enumerate(delays):
            assert 1 <= delay <= min(CAP_S, 2.0**attempt)
    longest = [max(delays[attempt] for delays in runs) for attempt in range(12)]
    for attempt in range(12):
        assert longest[attempt] > 0.75 * min(CAP_S, 2.0**attempt), "the whole range is used"
    assert min(delays[11] for delays in runs) < 0.25 * CAP_S, "from its lower end, too"


def test_the_same_seed_gives_the_same_delays_and_another_seed_others() -> None:
    spec = worker("a", backoff=GROWING)
    assert delays_s(3, 8, spec) == delays_s(3, 8, spec)
    assert delays_s(3, 8, spec) != delays_s(4, 8, spec)


@in_simulation
def test_children_that_fail_together_do_not_come_back_together(driver: Driver) -> None:
    """Or whatever they lost would be overrun by all of them at once."""
    names = "abcdefgh"
    children = tuple(worker(name, backoff=GROWING) for name in names)
    tree = grow(driver, sup("root", *children, budget=PLENTY))
    for _ in range(5):
        for name in names:
            tree.poke(name, "crash")
        driver.pass_time(CAP_S)
    back = set()
    for name in names:
        tree.poke(name, "crash")
    driver.pass_time(0)
    for _ in range(650):
        driver.pass_time(0.1)
        back.add(sum(tree.is_ready(name) for name in names))
    assert len(back) >= 6
    assert max(back) == len(names)


@in_simulation
@pytest.mark.lesson("L35")
def test_only_a_quiet_time_resets_the_delay(driver: Driver) -> None:
    """Up for a little less than that, and it goes on where it was: a start alone proves nothing."""
    tree = grow(driver, sup("root", worker("a", backoff=GROWING), budget=PLENTY))
    for _ in range(10):
        delay_s(tree, "a")
    driver.pass_time(99.9)
    assert delay_s(tree, "a") > 1
    driver.pass_time(100.1)
    assert delay_s(tree, "a") == 1


@in_simulation
def test_a_failed_restart_makes_the_next_one_wait_longer(driver: Driver) -> None:
    """And it was not up, so no quiet time begins with it."""
    fails = tuple(range(2, 12))
    tree = grow(driver, sup("root", worker("a", backoff=GROWING, fails=fails), budget=PLENTY))
    tree.poke("a", "crash")
    tree.until_ready("a", 12)
    assert delay_s(tree, "a") > 1


@in_simulation
def test_the_budget_counts_while_it_waits_and_ends_the_waiting(driver: Driver) -> None:
    """A failure and two failed restarts; each charged when it happens, however long the delays are."""
    budget = Budget(intensity=2, period_s=60)
    tree = grow(driver, sup("root", worker("a", backoff=Backoff(min_s=10, max_s=10), fails=(2, 3)), budget=budget))
    tree.poke("a", "crash")
    driver.pass_time(19.9)
    assert tree.end() is None
    driver.pass_time(0.2)
    end = tree.end()
    assert end is not None
    assert end.reason == "escalated"


@in_simulation
def test_failures_farther_apart_than_the_window_are_retried_for_ever(driver: Driver) -> None:
    budget = Budget(intensity=2, period_s=15)
    child = worker("a", backoff=Backoff(min_s=10, max_s=10), fails=tuple(range(2, 30)))
    tree = grow(driver, sup("root", child, budget=budget))
    tree.poke("a", "crash")
    driver.pass_time(300)
    assert tree.is_ready("a")
    assert tree.row("a").epoch == 30


@in_simulation
def test_an_operators_restart_does_not_wait_and_begins_anew(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a", backoff=GROWING), budget=PLENTY))
    for _ in range(10):
        delay_s(tree, "a")
    tree.outcome(StopChild(child="a"))
    assert tree.outcome(RestartChild(child="a")) is Outcome.DONE
    assert delay_s(tree, "a") == 1


@in_simulation
def test_an_end_in_peace_that_is_followed_by_a_restart_waits_like_a_failure(driver: Driver) -> None:
    """A permanent child that ends at once, again and again, must not spin either."""
    tree = grow(driver, sup("root", worker("a", backoff=GROWING), budget=PLENTY))
    delays = [delay_s(tree, "a", how="end normal") for _ in range(10)]
    assert delays[0] == 1
    assert max(delays) > 8


@in_simulation
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_a_group_waits_for_the_delay_of_the_one_that_failed(driver: Driver, strategy: Strategy) -> None:
    """And the quiet time of each bystander is its own."""
    slow, slower = Backoff(min_s=5, max_s=5), Backoff(min_s=50, max_s=50)
    tree = grow(driver, sup("root", worker("a", backoff=slow), worker("b", backoff=slower), strategy=strategy))
    tree.fell("a")
    driver.pass_time(4.9)
    assert tree.states("ab") == ["restarting", "stopped"]
    driver.pass_time(0.2)
    assert tree.states("ab") == ["ready", "ready"]


@in_simulation
def test_the_delay_of_a_transient_child_is_like_any_other(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a", restart=Restart.TRANSIENT, backoff=Backoff(min_s=5, max_s=5))))
    assert delay_s(tree, "a") == 5
    tree.until(partial(tree.is_ready, "a"))
