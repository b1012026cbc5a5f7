"""The first start: in order, each waits to be ready, and one that fails takes it all back."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from messages.supervision import ChildState
from supervisor.runtime.behaviour import Behaviour, Context
from supervisor.spec import ChildSpec, GiveUp, Restart, Strategy
from supervisor.validation import BadSpec, validate
from tests.supervisor.hosts import Driver, in_simulation, on_all_hosts
from tests.supervisor.otp.kit import Tree, grow, sup, worker, workers


def test_a_supervisor_without_children_starts_and_stops(driver: Driver) -> None:
    tree = grow(driver, sup("root"))
    assert tree.children("root") == []
    assert tree.stop().reason == "shutdown"


@on_all_hosts
def test_children_start_in_the_order_of_the_spec_and_stop_in_reverse(driver: Driver) -> None:
    """Their names say another order than the spec does."""
    tree = grow(driver, sup("root", *workers("gdh")))
    assert tree.lines == ["start g", "start d", "start h"]
    assert tree.children("root") == list("gdh")

    assert tree.stop().reason == "shutdown"
    assert tree.lines[3:] == ["stop h", "stop d", "stop g"]


def test_order_holds_through_the_levels(driver: Driver) -> None:
    inner = sup("inner", *workers("bc"))
    tree = grow(driver, sup("root", worker("a"), inner, worker("d")))
    assert tree.lines == ["start a", "start b", "start c", "start d"]
    tree.stop()
    assert tree.lines[4:] == ["stop d", "stop c", "stop b", "stop a"]


@pytest.mark.lesson("L30")
def test_the_next_one_starts_only_when_the_one_before_has_said_that_it_is_ready(driver: Driver) -> None:
    """Alive is not ready, neither for a child nor for its supervisor."""
    tree = Tree(driver, sup("root", worker("a", silent=(1,)), worker("b")))
    tree.until(lambda: tree.says("start a"))
    tree.poke("a", "are you there?")
    tree.until(lambda: tree.says("are you there? a 1"))
    tree.settle("root")
    assert (tree.state("a"), tree.state("root")) == (ChildState.STARTING, ChildState.STARTING)
    assert "start b" not in tree.lines

    tree.poke("a", "ready")
    tree.until_ready("root", 1)
    assert tree.states("ab") == ["ready", "ready"]


@on_all_hosts
def test_a_child_that_fails_at_first_undoes_the_start_and_is_named(driver: Driver) -> None:
    tree = Tree(driver, sup("root", *workers("ab"), worker("c", fails=(1,)), worker("d")))
    end = tree.until_ended()
    assert tree.lines == ["start a", "start b", "start c", "stop b", "stop a"]
    assert end.reason == "start_failed"
    assert end.detail == "c did not start (init_error): RuntimeError: no luck today"


def test_a_child_that_is_not_ready_in_time_undoes_the_start(driver: Driver) -> None:
    slow = replace(worker("b", silent=(1,)), ready_timeout_s=0.2)
    tree = Tree(driver, sup("root", worker("a"), slow, worker("c")))
    end = tree.until_ended()
    assert end.reason == "start_failed"
    assert end.detail == "b did not start (stuck): TimeoutError: b was given up: not ready within 0.2 s"
    assert tree.lines == ["start a", "start b", "stop a"]


@in_simulation
def test_what_was_ready_in_time_is_not_held_to_the_deadline_later(driver: Driver) -> None:
    tree = grow(driver, sup("root", replace(worker("a"), ready_timeout_s=0.2)))
    driver.pass_time(0.4)
    tree.settle("root")
    assert tree.row("a").epoch == 1
    assert tree.is_ready("a")


def test_a_failure_deep_down_reaches_the_top_with_its_name_and_its_reason(driver: Driver) -> None:
    """Each supervisor on the way undoes its own start, inner ones first."""
    innermost = sup("innermost", worker("b"), worker("c", fails=(1,)))
    inner = sup("inner", innermost)
    tree = Tree(driver, sup("root", worker("a"), inner))
    end = tree.until_ended()
    assert tree.lines == ["start a", "start b", "start c", "stop b", "stop a"]
    assert end.reason == "start_failed"
    for name in ("inner", "innermost", "c"):
        assert f"{name} did not start" in end.detail
    assert "no luck today" in end.detail


def test_a_first_start_is_not_tried_twice_and_not_charged(driver: Driver) -> None:
    spec = sup("root", worker("a", fails=(1,)), on_give_up=GiveUp.PARK)
    tree = Tree(driver, spec)
    tree.until_ended()
    assert tree.lines == ["start a"]
    assert tree.reports() == [], "no budget has been spent"
    assert tree.row("a").restarts_in_window == 0


def test_a_child_that_dies_while_a_later_one_still_starts_has_been_up_and_is_restarted(driver: Driver) -> None:
    """Its turn comes when the start under way has been decided."""
    tree = Tree(driver, sup("root", worker("a"), worker("b", silent=(1,)), worker("c")))
    tree.until(lambda: tree.says("start b"))
    assert tree.fell("a").reason == "error"
    assert tree.state("a") is ChildState.RESTARTING
    assert tree.state("root") is ChildState.STARTING
    tree.poke("b", "ready")
    tree.until_ready("root", 1)
    assert [(name, tree.row(name).epoch) for name in "abc"] == [("a", 2), ("b", 1), ("c", 1)]
    assert tree.states("abc") == ["ready", "ready", "ready"]


@on_all_hosts
def test_a_child_with_nothing_to_do_is_neither_started_nor_failed(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a", ignores=(1,)), worker("b")))
    assert tree.states("ab") == ["stopped", "ready"]
    assert tree.counts("root") == (2, 1, 0, 2)
    tree.catch_up()
    assert [down.reason for down in tree.downs("a")] == ["ignore"]
    assert tree.row("a").restarts_in_window == 0
    assert tree.stop().reason == "shutdown"


class Idle(Behaviour):
    """Says that it has nothing to do, and leaves it to the runtime to say when it is ready."""

    def on_start(self, ctx: Context) -> None:
        ctx.end("ignore")


def test_a_behaviour_that_does_not_say_ready_itself_may_have_nothing_to_do_too(driver: Driver) -> None:
    tree = Tree(driver, sup("root", ChildSpec(id="a", factory=Idle), worker("b")))
    tree.until(lambda: tree.says("start b"))
    tree.settle("root")
    assert (tree.state("a"), tree.row("a").epoch) == (ChildState.STOPPED, 1)
    assert not tree.is_ready("a")


def test_a_temporary_child_with_nothing_to_do_is_forgotten(driver: Driver) -> None:
    tree = grow(
        driver,
        sup("root", worker("a", ignores=(1,), restart=Restart.TEMPORARY), worker("b")),
    )
    assert tree.children("root") == ["b"]
    assert tree.counts("root") == (1, 1, 0, 1)


@pytest.mark.parametrize("restart", Restart)
def test_the_restart_type_is_not_for_the_first_start(driver: Driver, restart: Restart) -> None:
    """It is for what has been up."""
    children = (worker("a"), worker("b", fails=(1,), restart=restart))
    tree = Tree(driver, sup("root", *children))
    assert "b did not start" in tree.until_ended().detail
    assert tree.lines == ["start a", "start b", "stop a"]


def _raise() -> Behaviour:
    raise LookupError("there is no such thing")


def _make_none() -> Behaviour:
    wrong: dict[str, Behaviour] = {"made": None}  # type: ignore[dict-item]
    return wrong["made"]


@pytest.mark.parametrize(
    ("factory", "says"),
    [(_raise, "LookupError: there is no such thing"), (_make_none, "made a NoneType, which is no Behaviour")],
)
def test_a_factory_that_makes_nothing_of_use_is_a_failed_start(
    driver: Driver, factory: Callable[[], Behaviour], says: str
) -> None:
    tree = Tree(driver, sup("root", worker("a"), ChildSpec(id="b", factory=factory)))
    end = tree.until_ended()
    assert end.reason == "start_failed"
    assert says in end.detail
    assert tree.lines == ["start a", "stop a"]


def test_a_faulty_tree_is_refused_before_anything_of_it_starts(driver: Driver) -> None:
    broken = sup("root", worker("a"), replace(worker("b"), shutdown_s=-1))
    with pytest.raises(BadSpec, match="shutdown_s"):
        validate(broken)
    with pytest.raises(BadSpec, match="shutdown_s"):
        Tree(driver, broken)
    assert driver.host.names() == frozenset()


@pytest.mark.parametrize("strategy", Strategy)
def test_the_first_start_is_the_same_under_every_strategy(driver: Driver, strategy: Strategy) -> None:
    tree = grow(driver, sup("root", *workers("ab"), strategy=strategy))
    assert tree.lines == ["start a", "start b"]
    assert tree.counts("root") == (2, 2, 0, 2)


def test_a_stop_while_starting_ends_the_start(driver: Driver) -> None:
    """Also the one that would be ready only in half an hour."""
    endless = replace(worker("b", silent=(1,)), ready_timeout_s=1_800)
    tree = Tree(driver, sup("root", worker("a"), endless, worker("c")))
    tree.until(lambda: tree.says("start b"))
    assert tree.stop().reason == "shutdown"
    assert tree.lines == ["start a", "start b", "stop b", "stop a"]
