"""Children that are added while the supervisor runs, made from its template."""

import gc
import weakref
from dataclasses import replace

import pytest

from messages.supervision import ChildState, Outcome, RemoveChild, RestartChild, StartChild, StopChild
from supervisor.spec import AnySpec, Budget, ChildSpec, GiveUp, Restart
from tests.supervisor.hosts import Driver, in_simulation, on_all_hosts
from tests.supervisor.otp.kit import AT_ONCE, NOT_SOON, PLENTY, Tree, grow, sup, worker, workers


def made(name: str, arguments: dict[str, str]) -> AnySpec:
    """A worker as the arguments want it; `fails` and `ignores` are epochs such as `1 2`."""

    def epochs(key: str) -> tuple[int, ...]:
        return tuple(int(epoch) for epoch in arguments.get(key, "").split())

    return worker(
        arguments.get("id", name),
        restart=Restart(arguments.get("restart", "permanent")),
        backoff=NOT_SOON if "later" in arguments else AT_ONCE,
        fails=epochs("fails"),
        ignores=epochs("ignores"),
    )


def crowd(driver: Driver, names: str = "", **arguments: str) -> Tree:
    """A supervisor with a template, and these children of it."""
    tree = grow(driver, sup("root", template=made, budget=PLENTY))
    for name in names:
        assert tree.outcome(StartChild(child=name, arguments=arguments)) is Outcome.DONE
    return tree


# -- adding ------------------------------------------------------------------------------------------------------------


@on_all_hosts
def test_children_are_added_one_by_one(driver: Driver) -> None:
    """An answer comes when the child is ready."""
    tree = crowd(driver)
    assert tree.children("root") == []
    for count, name in enumerate("ab", start=1):
        assert tree.outcome(StartChild(child=name)) is Outcome.DONE
        assert tree.is_ready(name)
        assert tree.counts("root") == (count, count, 0, count)
    assert tree.stop().reason == "shutdown"
    assert tree.counts("root") == (2, 0, 0, 2)


def test_an_added_child_that_does_not_come_up_is_told_and_forgotten(driver: Driver) -> None:
    """Nothing is tried again, nothing is charged, and the supervisor and the others go on."""
    tree = crowd(driver, "a")
    answer = tree.ask(StartChild(child="b", arguments={"fails": "1"}))
    assert answer.outcome is Outcome.FAILED
    assert answer.detail == "init_error: RuntimeError: no luck today"
    tree.settle("root")
    assert tree.children("root") == ["a"]
    assert tree.lines == ["start a", "start b"]
    assert tree.outcome(StartChild(child="b")) is Outcome.DONE, "under its name another one may come"


def test_an_added_child_with_nothing_to_do_stays_known_and_down(driver: Driver) -> None:
    """Permanent as it is; and the supervisor ends as if nothing were."""
    tree = crowd(driver, "a", ignores="1")
    assert (tree.state("a"), tree.counts("root")) == (ChildState.STOPPED, (1, 0, 0, 1))
    assert tree.outcome(StartChild(child="a")) is Outcome.ALREADY_PRESENT
    assert tree.outcome(RestartChild(child="a")) is Outcome.DONE
    assert tree.is_ready("a")
    assert tree.stop().reason == "shutdown"


def test_an_added_temporary_child_with_nothing_to_do_is_forgotten(driver: Driver) -> None:
    tree = crowd(driver, "a", ignores="1", restart="temporary")
    assert tree.children("root") == []
    assert tree.outcome(StartChild(child="a")) is Outcome.DONE
    assert tree.counts("root") == (1, 1, 0, 1)


def test_a_name_that_is_taken_cannot_be_added(driver: Driver) -> None:
    tree = crowd(driver, "ab")
    assert tree.outcome(StartChild(child="a")) is Outcome.ALREADY_STARTED
    tree.outcome(StopChild(child="a"))
    assert tree.outcome(StartChild(child="a")) is Outcome.ALREADY_PRESENT
    tree.fell("b")
    assert tree.outcome(StartChild(child="b")) is Outcome.ALREADY_STARTED
    for name in ("root", "notebook"):
        answer = tree.ask(StartChild(child=name))
        assert (answer.outcome, answer.detail) == (Outcome.BAD_SPEC, f"{name}: id is used twice")


def test_a_name_that_is_still_to_be_started_is_taken(driver: Driver) -> None:
    """Or its bearer by the spec would throw the added one out."""
    crowded = sup("s", template=made)
    tree = Tree(driver, sup("root", crowded, worker("a", silent=(1,)), worker("b")))
    tree.until(lambda: tree.says("start a"))
    assert tree.outcome(StartChild(child="b"), of="s") is Outcome.BAD_SPEC
    tree.poke("a", "ready")
    tree.until_ready("root", 1)
    assert (tree.row("b").epoch, tree.row("b").parent) == (1, "root")


def test_a_name_that_another_supervisor_was_asked_for_is_taken(driver: Driver) -> None:
    """Though its turn to start is still to come there."""
    tree = Tree(driver, sup("root", sup("s", template=made), worker("a", silent=(1,)), template=made))
    tree.until(lambda: tree.says("start a"))
    tree.tell("root", StartChild(child="b"))
    tree.settle("root")
    assert tree.outcome(StartChild(child="b"), of="s") is Outcome.BAD_SPEC
    tree.poke("a", "ready")
    tree.until_ready("b", 1)
    assert tree.row("b").parent == "root"


def _raises(name: str, arguments: dict[str, str]) -> AnySpec:
    raise LookupError("no strategy of that name")


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (_raises, "LookupError: no strategy of that name"),
        (lambda name, _: worker("somebody else"), "somebody else: id is not the 'a' that was asked for"),
        (lambda name, _: None, "children hold None, which is no spec"),
        (lambda name, _: replace(worker(name), shutdown_s=-1), "a: shutdown_s must be seconds"),
        (lambda name, _: replace(worker(name), shutdown_s=61), "root: shutdown_s is 60 s, less than the 61 s of its"),
        (lambda name, _: sup(name, worker("b"), worker("b")), "b: id is used twice"),
        (lambda name, _: sup(name, worker("root")), "root: id is used twice"),
    ],
)
def test_a_template_that_makes_no_use_is_told_and_starts_nothing(driver: Driver, template: object, says: str) -> None:
    spec = replace(sup("root", shutdown_s=60), template=template)  # type: ignore[arg-type]
    tree = grow(driver, spec)
    answer = tree.ask(StartChild(child="a"))
    assert answer.outcome is Outcome.BAD_SPEC
    assert says in answer.detail
    assert tree.children("root") == []
    assert tree.is_ready("root")


def test_without_a_template_nothing_can_be_added(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("a")))
    assert tree.outcome(StartChild(child="b")) is Outcome.NO_TEMPLATE


def test_what_the_template_makes_may_be_a_supervisor(driver: Driver) -> None:
    tree = grow(driver, sup("root", template=lambda name, _: sup(name, *workers("xy"))))
    assert tree.outcome(StartChild(child="s")) is Outcome.DONE
    assert tree.states("sxy") == ["ready"] * 3
    tree.outcome(StopChild(child="s"))
    assert tree.outcome(RemoveChild(child="s")) is Outcome.DONE
    assert driver.host.names() == {"root", "notebook"}


# -- living ------------------------------------------------------------------------------------------------------------


def test_only_the_added_child_that_failed_is_restarted(driver: Driver) -> None:
    tree = grow(driver, sup("root", template=made, budget=Budget(intensity=2)))
    for name in "abc":
        tree.outcome(StartChild(child=name))
    tree.fell("a")
    tree.until_ready("a", 2)
    assert [tree.row(name).epoch for name in "abc"] == [2, 1, 1]
    assert tree.counts("root") == (3, 3, 0, 3)
    tree.fell("b")
    tree.until_ready("b", 2)
    tree.fell("a")
    assert tree.until_ended().reason == "escalated"
    assert [tree.downs(name)[-1].reason for name in "abc"] == ["error", "shutdown", "shutdown"]


def test_an_added_child_that_cannot_come_back_ends_it_for_all(driver: Driver) -> None:
    tree = grow(driver, sup("root", template=made, budget=Budget(intensity=4)))
    tree.outcome(StartChild(child="a", arguments={"fails": "2 3 4 5 6 7"}))
    tree.outcome(StartChild(child="b"))
    tree.poke("a", "crash")
    assert tree.until_ended().reason == "escalated"
    assert (tree.starts("a"), tree.starts("b")) == (5, 1)


def test_an_added_child_that_is_given_up_may_be_parked_alone(driver: Driver) -> None:
    tree = grow(driver, sup("root", template=made, budget=Budget(intensity=0), on_give_up=GiveUp.PARK))
    for name in "ab":
        tree.outcome(StartChild(child=name))
    tree.fell("a")
    assert tree.states("ab") == ["parked", "ready"]
    assert tree.outcome(RestartChild(child="a")) is Outcome.DONE


def test_commands_work_while_an_added_child_waits_for_its_restart(driver: Driver) -> None:
    tree = crowd(driver, "a", later="yes")
    tree.fell("a")
    assert tree.counts("root") == (1, 0, 0, 1)
    assert tree.outcome(StartChild(child="a")) is Outcome.ALREADY_STARTED
    assert tree.outcome(StartChild(child="b")) is Outcome.DONE
    assert tree.outcome(RestartChild(child="a")) is Outcome.RESTARTING
    assert tree.outcome(RemoveChild(child="a")) is Outcome.RESTARTING
    assert tree.outcome(StopChild(child="a")) is Outcome.DONE
    assert tree.outcome(RemoveChild(child="a")) is Outcome.DONE
    assert tree.outcome(StartChild(child="a", arguments={"later": "yes"})) is Outcome.DONE
    tree.fell("a")
    assert tree.stop().reason == "shutdown"
    assert tree.starts("a") == 2


def test_children_that_wait_for_a_restart_are_known_and_not_up(driver: Driver) -> None:
    tree = crowd(driver, "abc", later="yes")
    assert tree.counts("root") == (3, 3, 0, 3)
    for name in "ab":
        tree.fell(name)
    assert tree.counts("root") == (3, 1, 0, 3)
    assert tree.states("abc") == ["restarting", "restarting", "ready"]
    for count, name in enumerate("bac", start=1):
        assert tree.outcome(StopChild(child=name)) is Outcome.DONE
        assert tree.outcome(RemoveChild(child=name)) is Outcome.DONE
        assert tree.counts("root").known == 3 - count


@pytest.mark.parametrize("restart", Restart)
@pytest.mark.parametrize("end", ["end normal", "end shutdown", "crash", "asked"])
def test_what_is_left_of_an_added_child_that_has_ended(driver: Driver, restart: Restart, end: str) -> None:
    """Its name is free at once when it was temporary; otherwise it runs again, or can be asked to."""
    tree = crowd(driver, "a", restart=restart)
    if end == "asked":
        tree.outcome(StopChild(child="a"))
    else:
        tree.fell("a", end)
    comes_back = restart is Restart.PERMANENT or (restart is Restart.TRANSIENT and end == "crash")
    expected = Outcome.ALREADY_STARTED if comes_back and end != "asked" else Outcome.ALREADY_PRESENT
    if restart is Restart.TEMPORARY:
        expected = Outcome.DONE
    assert tree.outcome(StartChild(child="a")) is expected


def test_nothing_is_kept_of_an_added_temporary_child(driver: Driver) -> None:
    """Neither its spec nor what it was made of: many such come and go in one run."""
    specs: list[weakref.ref[object]] = []

    class Arguments:
        """Something large that the factory holds on to."""

    def template(name: str, _: dict[str, str]) -> AnySpec:
        held = Arguments()
        specs.append(weakref.ref(held))
        plain = worker(name)
        return ChildSpec(id=name, factory=lambda: (held, plain.factory())[1], restart=Restart.TEMPORARY)

    tree = grow(driver, sup("root", template=template))
    for _ in range(3):
        assert tree.outcome(StartChild(child="a")) is Outcome.DONE
        tree.fell("a")
    driver.until(lambda: gc.collect() >= 0 and all(spec() is None for spec in specs))
    assert tree.row("root").epoch == 1


def test_an_epoch_is_not_given_twice_though_the_name_was_forgotten(driver: Driver) -> None:
    """So that a late word of the one who bore it before is known to be old."""
    tree = crowd(driver, "a", restart="temporary")
    tree.fell("a")
    tree.outcome(StartChild(child="a"))
    assert tree.row("a").epoch == 2


# -- ending ------------------------------------------------------------------------------------------------------------


@in_simulation
def test_added_children_stop_together_under_one_deadline(driver: Driver) -> None:
    """Thirty seconds are the workers' own; three of them hang, and it takes thirty and not ninety."""
    tree = crowd(driver, "abcd")
    for name in "abc":
        tree.hang(name)
    driver.host.stop_child("root", "the test ends")
    driver.pass_time(29.9)
    assert tree.states("abcd") == ["stopping"] * 3 + ["stopped"]
    assert tree.end() is None
    driver.pass_time(0.2)
    assert tree.end() is not None
    assert [tree.downs(name)[0].reason for name in "abcd"] == ["stuck"] * 3 + ["shutdown"]


def test_when_the_supervisor_comes_back_the_added_children_do_not(driver: Driver) -> None:
    """It knows its spec only. Their names are free again, and what waited for them is a dead letter."""
    inner = sup("s", worker("a"), template=made, budget=Budget(intensity=0))
    tree = grow(driver, sup("root", inner))
    tree.outcome(StartChild(child="b", arguments={"later": "yes"}), of="s")
    tree.hang("b")
    tree.poke("b", "what nobody will read")
    tree.poke("a", "crash")
    tree.until_state("b", ChildState.STOPPING)
    tree.let_go("b")
    tree.until(lambda: tree.row("s").epoch == 2 and tree.is_ready("s"))
    assert tree.children("s") == ["a"]
    assert tree.outcome(StopChild(child="b"), of="s") is Outcome.NOT_FOUND
    assert tree.outcome(StartChild(child="b"), of="s") is Outcome.DONE
    assert tree.row("b").epoch == 2


def test_when_the_supervisor_was_killed_the_added_children_are_forgotten(driver: Driver) -> None:
    tree = grow(driver, sup("root", sup("s", worker("a"), template=made)))
    tree.outcome(StartChild(child="b"), of="s")
    driver.host.abandon("s", "killed by the test", "killed")
    tree.until(lambda: tree.row("s").epoch == 2 and tree.is_ready("s"))
    assert tree.children("s") == ["a"]
    assert tree.outcome(StartChild(child="b"), of="s") is Outcome.DONE
