"""The first rules of the tree, on both hosts: order of start and stop, restart, budget, park, escalate, groups."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from messages.failure import FailureReported
from messages.supervision import ChildDown, ChildState, Stop, TimerFired
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.host import Host
from supervisor.spec import Backoff, Budget, ChildSpec, GiveUp, Restart, Strategy, SupervisorSpec
from supervisor.supervisor import Supervisor
from supervisor.validation import BadSpec, validate
from tests.supervisor.hosts import Downs, Driver, Simulated, Threaded

FAST = Backoff(min_s=0.01, max_s=0.02)


@pytest.fixture(params=[Threaded, Simulated], ids=["threaded", "simulated"])
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    made: Driver = request.param()
    yield made
    made.close()


class Worker(Behaviour):
    """Writes its life into `log`; a timer message `crash` kills it."""

    def __init__(self, log: list[str], fail_starts: int = 0) -> None:
        self._log = log
        self._fail_starts = fail_starts

    def on_start(self, ctx: Context) -> None:
        if sum(line == f"start {ctx.name}" for line in self._log) < self._fail_starts:
            self._log.append(f"start {ctx.name}")
            raise RuntimeError("no luck today")
        self._log.append(f"start {ctx.name}")

    def on_stop(self, ctx: Context, reason: str) -> None:
        self._log.append(f"stop {ctx.name}")

    @receives(TimerFired)
    def on_poke(self, poke: TimerFired, ctx: Context) -> None:
        if poke.key == "crash":
            raise ValueError("crashed on purpose")
        if poke.key == "fatal":
            raise SystemExit("a BaseException must not take the house with it")
        self._log.append(f"{poke.key} {ctx.name} {ctx.epoch}")


class Listener(Behaviour):
    def __init__(self, heard: list[object]) -> None:
        self._heard = heard

    @receives(ChildDown)
    def on_down(self, down: ChildDown, _: Context) -> None:
        self._heard.append(down)

    @receives(FailureReported)
    def on_failure(self, report: FailureReported, _: Context) -> None:
        self._heard.append(report)


def worker(name: str, log: list[str], *, restart: Restart = Restart.PERMANENT, fail_starts: int = 0) -> ChildSpec:
    return ChildSpec(id=name, factory=lambda: Worker(log, fail_starts), restart=restart, backoff=FAST)


def grow(driver: Driver, spec: SupervisorSpec, failures_to: str | None = None) -> Downs:
    validate(spec)
    downs = Downs(driver.host)
    driver.host.start_child(spec.id, lambda: Supervisor(spec, driver.host, failures_to), parent=None, kind="supervisor")
    return downs


def is_ready(host: Host, name: str) -> Callable[[], bool]:
    return lambda: any(node.id == name and node.state is ChildState.READY for node in host.status())


def poke(host: Host, name: str, key: str) -> None:
    host.tell(name, TimerFired(key=key), sender="test")


def test_children_start_left_to_right_and_stop_in_reverse(driver: Driver) -> None:
    log: list[str] = []
    inner = SupervisorSpec(id="inner", children=(worker("b", log), worker("c", log)))
    downs = grow(driver, SupervisorSpec(id="root", children=(worker("a", log), inner, worker("d", log))))
    driver.until(is_ready(driver.host, "root"))
    assert log == ["start a", "start b", "start c", "start d"]

    driver.host.stop_child("root", "the test ends")
    driver.until(lambda: bool(downs.seen))
    assert log[4:] == ["stop d", "stop c", "stop b", "stop a"]
    assert downs.seen[0].reason == "shutdown"


def test_a_crash_restarts_only_the_one_and_keeps_its_mailbox(driver: Driver) -> None:
    log: list[str] = []
    grow(driver, SupervisorSpec(id="root", children=(worker("a", log), worker("b", log))))
    driver.until(is_ready(driver.host, "root"))
    poke(driver.host, "a", "crash")
    poke(driver.host, "a", "after")
    driver.until(lambda: "after a 2" in log)
    assert log.count("start a") == 2
    assert log.count("start b") == 1


def test_the_message_that_killed_is_not_handed_on(driver: Driver) -> None:
    log: list[str] = []
    grow(driver, SupervisorSpec(id="root", children=(worker("a", log),)))
    driver.until(is_ready(driver.host, "root"))
    poke(driver.host, "a", "crash")
    poke(driver.host, "a", "after")
    driver.until(lambda: "after a 2" in log)
    assert driver.host.dead_letters == 1


def test_a_base_exception_is_one_death_like_any_other(driver: Driver) -> None:
    log: list[str] = []
    grow(driver, SupervisorSpec(id="root", children=(worker("a", log), worker("b", log))))
    driver.until(is_ready(driver.host, "root"))
    poke(driver.host, "a", "fatal")
    poke(driver.host, "a", "after")
    poke(driver.host, "b", "still here")
    driver.until(lambda: "after a 2" in log and "still here b 1" in log)


def test_rest_for_one_restarts_the_later_ones_in_order(driver: Driver) -> None:
    log: list[str] = []
    children = (worker("a", log), worker("b", log), worker("c", log))
    grow(driver, SupervisorSpec(id="root", children=children, strategy=Strategy.REST_FOR_ONE))
    driver.until(is_ready(driver.host, "root"))
    poke(driver.host, "b", "crash")
    driver.until(lambda: log.count("start c") == 2)
    assert log == ["start a", "start b", "start c", "stop c", "start b", "start c"]


def test_one_for_all_restarts_everybody(driver: Driver) -> None:
    log: list[str] = []
    children = (worker("a", log), worker("b", log))
    grow(driver, SupervisorSpec(id="root", children=children, strategy=Strategy.ONE_FOR_ALL))
    driver.until(is_ready(driver.host, "root"))
    poke(driver.host, "b", "crash")
    driver.until(lambda: log.count("start b") == 2)
    assert log == ["start a", "start b", "stop a", "start a", "start b"]


def test_a_spent_budget_parks_the_child_alone(driver: Driver) -> None:
    log: list[str] = []
    heard: list[object] = []
    listener = ChildSpec(id="listener", factory=lambda: Listener(heard))
    spec = SupervisorSpec(
        id="root",
        children=(listener, worker("a", log), worker("b", log)),
        budget=Budget(intensity=2, period_s=60),
        on_give_up=GiveUp.PARK,
    )
    grow(driver, spec, failures_to="listener")
    driver.until(is_ready(driver.host, "root"))

    def has_given_up() -> bool:
        return any(isinstance(message, FailureReported) for message in heard)

    for crash in range(1, 4):
        poke(driver.host, "a", "crash")
        driver.until(partial(lambda starts: log.count("start a") > starts or has_given_up(), crash))
    driver.until(lambda: any(isinstance(x, FailureReported) for x in heard))
    states = {node.id: node.state for node in driver.host.status()}
    assert states["a"] is ChildState.PARKED
    assert states["b"] is ChildState.READY
    assert log.count("start a") == 3
    assert sum(isinstance(x, ChildDown) for x in heard) == 3


def test_a_spent_budget_escalates_and_stops_the_others_in_reverse(driver: Driver) -> None:
    log: list[str] = []
    spec = SupervisorSpec(
        id="root",
        children=(worker("a", log), worker("b", log), worker("c", log)),
        budget=Budget(intensity=0, period_s=60),
    )
    downs = grow(driver, spec)
    driver.until(is_ready(driver.host, "root"))
    poke(driver.host, "b", "crash")
    driver.until(lambda: bool(downs.seen))
    assert log[3:] == ["stop c", "stop a"]
    assert downs.seen[0].reason == "escalated"


def test_a_failing_first_start_stops_the_earlier_ones_and_is_not_retried(driver: Driver) -> None:
    log: list[str] = []
    downs = grow(driver, SupervisorSpec(id="root", children=(worker("a", log), worker("b", log, fail_starts=1))))
    driver.until(lambda: bool(downs.seen))
    assert log == ["start a", "start b", "stop a"]
    assert "b did not start" in downs.seen[0].detail


def test_transient_is_not_restarted_after_a_normal_end(driver: Driver) -> None:
    log: list[str] = []
    grow(driver, SupervisorSpec(id="root", children=(worker("a", log, restart=Restart.TRANSIENT), worker("b", log))))
    driver.until(is_ready(driver.host, "root"))
    driver.host.tell("a", Stop(reason="done"), sender="test")
    driver.until(lambda: "stop a" in log)
    driver.pass_time(0.1)
    assert log.count("start a") == 1


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (SupervisorSpec(id="r", children=(worker("a", []), worker("a", []))), "used twice"),
        (SupervisorSpec(id="r", children=(worker("", []),)), "not empty"),
        (SupervisorSpec(id="r", children=(), budget=Budget(intensity=-1)), "budget.intensity"),
        (SupervisorSpec(id="r", children=(), budget=Budget(period_s=0)), "budget.period_s"),
        (SupervisorSpec(id="r", children=(), backoff=Backoff(min_s=2, max_s=1)), "backoff.max_s"),
        (SupervisorSpec(id="r", children=(), shutdown_s=-1), "shutdown_s"),
    ],
)
def test_each_faulty_spec_is_named(broken: SupervisorSpec, says: str) -> None:
    with pytest.raises(BadSpec, match=says):
        validate(broken)
