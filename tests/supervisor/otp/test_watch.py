"""Death watch: told once, when nobody will start the one watched again by itself; and only who still wants to know."""

import pytest

from messages.supervision import ChildCommand, ChildState, Outcome, RemoveChild, RestartChild, StartChild, StopChild
from supervisor.runtime.behaviour import Behaviour, Context
from supervisor.spec import Budget, ChildSpec, GiveUp, Restart, Strategy
from tests.supervisor.hosts import Driver, on_all_hosts
from tests.supervisor.otp.kit import NOT_SOON, Tree, grow, sup, worker, workers


def watch(tree: Tree, who: str, whom: str) -> None:
    """`who` begins to watch, and has done so when this returns."""
    tree.poke(who, f"watch {whom}")
    tree.confirm(who)


def losses(tree: Tree) -> list[str]:
    """What the watchers have been told, up to now."""
    return [line for line in tree.lines if " has lost " in line]


@on_all_hosts
def test_the_end_of_a_child_is_told_once(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("aw")))
    watch(tree, "w", "a")
    tree.outcome(StopChild(child="a"))
    tree.confirm("w")
    assert losses(tree) == ["w 1 has lost a: shutdown"]


def test_of_one_that_is_dead_already_it_is_told_at_once(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("aw")))
    tree.outcome(StopChild(child="a"))
    watch(tree, "w", "a")
    tree.confirm("w")
    assert losses(tree) == ["w 1 has lost a: shutdown"]


def test_of_one_that_never_was_it_is_told_at_once(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("w")))
    watch(tree, "w", "nobody")
    tree.confirm("w")
    assert losses(tree) == ["w 1 has lost nobody: no such actor"]


def test_every_watcher_is_told_once(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("auvw")))
    for watcher in "uvw":
        watch(tree, watcher, "a")
    tree.outcome(StopChild(child="a"))
    for watcher in "uvw":
        tree.confirm(watcher)
    assert sorted(losses(tree)) == [f"{watcher} 1 has lost a: shutdown" for watcher in "uvw"]


def test_only_who_watches_still_is_told(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("auvw")))
    for watcher in "uv":
        watch(tree, watcher, "a")
    tree.poke("v", "unwatch a")
    tree.poke("w", "unwatch a")  # which it never watched
    for watcher in "vw":
        tree.confirm(watcher)
    tree.outcome(StopChild(child="a"))
    for watcher in "uvw":
        tree.confirm(watcher)
    assert losses(tree) == ["u 1 has lost a: shutdown"]


def test_to_watch_twice_is_to_watch(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("aw")))
    watch(tree, "w", "a")
    watch(tree, "w", "a")
    tree.outcome(StopChild(child="a"))
    tree.confirm("w")
    assert len(losses(tree)) == 1


def test_a_restart_is_no_end_and_the_end_after_it_is_told(driver: Driver) -> None:
    """Two restarts; then its budget is spent."""
    spec = sup("root", *workers("aw"), budget=Budget(intensity=2), on_give_up=GiveUp.PARK)
    tree = grow(driver, spec)
    watch(tree, "w", "a")
    for epoch in (2, 3):
        tree.fell("a")
        tree.until_ready("a", epoch)
    tree.confirm("w")
    assert losses(tree) == []
    tree.fell("a")
    tree.confirm("w")
    assert losses(tree) == ["w 1 has lost a: parked"]


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_a_bystander_of_a_group_restart_has_not_ended(driver: Driver, strategy: Strategy) -> None:
    """Unless it is temporary: that one will not come back."""
    group = sup("s", *workers("ab"), worker("c", restart=Restart.TEMPORARY), strategy=strategy)
    tree = grow(driver, sup("root", worker("w"), group))
    for name in "bc":
        watch(tree, "w", name)
    tree.fell("a")
    tree.until_ready("b", 2)
    tree.confirm("w")
    assert losses(tree) == ["w 1 has lost c: shutdown"]


@pytest.mark.parametrize(
    ("restart", "how", "lost"),
    [
        (Restart.PERMANENT, "end normal", None),
        (Restart.TRANSIENT, "crash", None),
        (Restart.TRANSIENT, "end normal", "normal"),
        (Restart.TRANSIENT, "end shutdown", "shutdown"),
        (Restart.TEMPORARY, "end normal", "normal"),
        (Restart.TEMPORARY, "crash", "error"),
    ],
)
def test_an_end_is_told_where_no_restart_follows(driver: Driver, restart: Restart, how: str, lost: str | None) -> None:
    tree = grow(driver, sup("root", worker("a", restart=restart), worker("w")))
    watch(tree, "w", "a")
    tree.fell("a", how)
    tree.confirm("w")
    assert losses(tree) == ([] if lost is None else [f"w 1 has lost a: {lost}"])


def test_a_child_that_waits_for_its_restart_has_not_ended(driver: Driver) -> None:
    """Until an operator stops it for good."""
    tree = grow(driver, sup("root", worker("a", backoff=NOT_SOON), worker("w")))
    tree.fell("a")
    watch(tree, "w", "a")
    tree.confirm("w")
    assert losses(tree) == []
    tree.outcome(StopChild(child="a"))
    tree.confirm("w")
    assert losses(tree) == ["w 1 has lost a: shutdown"]


def test_a_bystander_that_an_operator_stops_has_ended(driver: Driver) -> None:
    """It was down for a sibling, and would have come back with it."""
    group = sup("s", worker("a", backoff=NOT_SOON), worker("b"), strategy=Strategy.ONE_FOR_ALL)
    tree = grow(driver, sup("root", worker("w"), group))
    watch(tree, "w", "b")
    tree.fell("a")
    tree.until_state("b", ChildState.STOPPED)
    tree.outcome(StopChild(child="b"), of="s")
    tree.confirm("w")
    assert losses(tree) == ["w 1 has lost b: shutdown"]


def test_a_name_that_lives_again_can_be_watched_again(driver: Driver) -> None:
    """Each watch is good for one end."""
    tree = grow(driver, sup("root", *workers("aw")))
    watch(tree, "w", "a")
    tree.outcome(StopChild(child="a"))
    tree.outcome(RestartChild(child="a"))
    tree.outcome(StopChild(child="a"))
    tree.confirm("w")
    assert len(losses(tree)) == 1
    tree.outcome(RestartChild(child="a"))
    watch(tree, "w", "a")
    tree.outcome(StopChild(child="a"))
    tree.confirm("w")
    assert len(losses(tree)) == 2


def test_of_one_that_is_coming_back_with_its_supervisor_no_old_end_is_told(driver: Driver) -> None:
    """It was stopped with the supervisor, and its turn to start again is still to come."""
    tree = grow(driver, sup("root", worker("w"), sup("s", worker("a", silent=(2,)), *workers("b"))))
    tree.outcome(StopChild(child="s"))
    tree.tell("root", RestartChild(child="s"))
    tree.until_state("a", ChildState.STARTING)
    watch(tree, "w", "b")
    tree.poke("a", "ready")
    tree.until_ready("b", 2)
    tree.confirm("w")
    assert losses(tree) == []
    tree.outcome(StopChild(child="b"), of="s")
    tree.confirm("w")
    assert losses(tree) == ["w 1 has lost b: shutdown"]


def test_what_was_removed_is_not_told_a_second_time(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("aw")))
    watch(tree, "w", "a")
    tree.outcome(StopChild(child="a"))
    assert tree.outcome(RemoveChild(child="a")) is Outcome.DONE
    tree.confirm("w")
    assert len(losses(tree)) == 1
    watch(tree, "w", "a")
    tree.confirm("w")
    assert losses(tree)[1:] == ["w 1 has lost a: no such actor"]


def test_with_a_supervisor_ends_what_is_below_it(driver: Driver) -> None:
    """For good when it was stopped for good; not when it is itself restarted."""
    inner = sup("s", worker("a"), sup("t", *workers("b")), budget=Budget(intensity=0))
    tree = grow(driver, sup("root", worker("w"), inner))
    for name in "sab":
        watch(tree, "w", name)
    tree.fell("a")
    tree.until_ready("s", 2)
    tree.confirm("w")
    assert losses(tree) == []
    tree.outcome(StopChild(child="s"))
    tree.confirm("w")
    assert sorted(losses(tree)) == [f"w 1 has lost {name}: shutdown" for name in "abs"]


def test_children_that_were_added_end_with_the_supervisor_that_added_them(driver: Driver) -> None:
    inner = sup("s", worker("a"), template=lambda name, _: worker(name), budget=Budget(intensity=0))
    tree = grow(driver, sup("root", worker("w"), inner))
    tree.outcome(StartChild(child="b"), of="s")
    for name in "ab":
        watch(tree, "w", name)
    tree.fell("a")
    tree.until_ready("s", 2)
    tree.confirm("w")
    assert losses(tree) == ["w 1 has lost b: forgotten"]


def test_a_watch_ends_with_the_incarnation_that_asked_for_it(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("aw")))
    watch(tree, "w", "a")
    tree.fell("w")
    tree.until_ready("w", 2)
    tree.outcome(StopChild(child="a"))
    tree.confirm("w")
    assert losses(tree) == []


@pytest.mark.parametrize("afterwards", [RestartChild(child="w"), RemoveChild(child="w")], ids=["restarted", "removed"])
def test_a_watch_ends_when_the_watcher_is_stopped(driver: Driver, afterwards: ChildCommand) -> None:
    """Neither its next incarnation nor anybody else is told."""
    tree = grow(driver, sup("root", *workers("aw")))
    watch(tree, "w", "a")
    tree.outcome(StopChild(child="w"))
    if isinstance(afterwards, RemoveChild):
        tree.outcome(afterwards)
    tree.outcome(StopChild(child="a"))
    if isinstance(afterwards, RestartChild):
        tree.outcome(afterwards)
        tree.confirm("w")
    assert losses(tree) == []
    assert tree.dead_letters() == []


class Deaf(Behaviour):
    """Watches, and has no handler for what it will be told."""

    def on_start(self, ctx: Context) -> None:
        ctx.watch("a")


def test_a_watcher_that_does_not_want_to_hear_of_it_dies_of_it(driver: Driver) -> None:
    """Whoever depends on another and has made no provision for its end must not go on as if nothing were."""
    tree = grow(driver, sup("root", worker("a"), ChildSpec(id="d", factory=Deaf, backoff=NOT_SOON), worker("w")))
    watch(tree, "w", "d")
    tree.outcome(StopChild(child="a"))
    tree.until(lambda: len(tree.downs("d")) == 1)
    tree.settle("root")
    assert "Deaf has no handler for Terminated" in tree.downs("d")[0].detail
    assert tree.state("d") is ChildState.RESTARTING
    tree.outcome(StopChild(child="d"))
    tree.confirm("w")
    assert losses(tree) == ["w 1 has lost d: shutdown"]


@pytest.mark.parametrize("change", ["unwatch a", "crash"])
def test_what_is_queued_already_is_not_handed_to_one_that_no_longer_watches(driver: Driver, change: str) -> None:
    """It takes its watch back, or ends, before it gets to what it was told."""
    tree = grow(driver, sup("root", *workers("aw")))
    watch(tree, "w", "a")
    tree.hang("w")
    tree.poke("w", change)
    tree.outcome(StopChild(child="a"))
    tree.let_go("w")
    tree.confirm("w")
    assert losses(tree) == []
