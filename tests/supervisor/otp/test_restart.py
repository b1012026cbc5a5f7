"""What every restart keeps, what it does not, and that one death is one report."""

from dataclasses import replace

import pytest

from messages.supervision import ChildDown, ChildReady, ChildState, Outcome, RestartChild, RestartDue, StopChild
from supervisor.spec import Backoff, Budget
from tests.supervisor.hosts import Driver, in_simulation, on_all_hosts
from tests.supervisor.otp.kit import NOT_SOON, PLENTY, grow, sup, worker, workers


@on_all_hosts
def test_a_restart_keeps_the_address_and_what_waits_there(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("a")))
    tree.poke("a", "crash", correlation_id="tick-5")
    for key in ("first", "second", "third"):
        tree.poke("a", key)
    tree.until(lambda: tree.says("third a 2"))
    assert tree.lines == ["start a", "start a", "first a 2", "second a 2", "third a 2"]
    assert [letter.correlation_id for letter in tree.dead_letters()] == ["tick-5"]


def test_what_comes_while_it_is_down_waits_for_it(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a", backoff=NOT_SOON)))
    tree.fell("a")
    tree.poke("a", "hello")
    assert (tree.row("a").mailbox_depth, tree.says("hello a 2")) == (1, False)
    tree.outcome(StopChild(child="a"))
    assert tree.outcome(RestartChild(child="a")) is Outcome.DONE
    tree.until(lambda: tree.says("hello a 2"))


@pytest.mark.lesson("L20")
@pytest.mark.parametrize("how", ["crash", "fatal"])
def test_the_message_that_killed_is_a_dead_letter_and_not_handed_on(driver: Driver, how: str) -> None:
    """With the trace, and with the chain that it belonged to; and nobody else is harmed."""
    tree = grow(driver, sup("root", *workers("ab")))
    tree.poke("a", how, correlation_id="tick-9")
    tree.poke("a", "after")
    tree.until(lambda: tree.says("after a 2"))
    (letter,) = tree.dead_letters()
    assert (letter.to, letter.message_type, letter.correlation_id) == ("a", "TimerFired", "tick-9")
    assert "on_poke" in letter.detail
    assert letter.detail == tree.downs("a")[0].detail
    assert tree.downs("a")[0].reason == {"crash": "error", "fatal": "fatal"}[how]
    assert tree.row("b").epoch == 1


@in_simulation
def test_a_timer_ends_with_its_incarnation(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("ab")))
    for name in "ab":
        tree.poke(name, "alarm 5")
    tree.fell("a")
    driver.pass_time(10)
    assert [line for line in tree.lines if "rings" in line] == ["it rings b 1"]


@in_simulation
def test_a_timer_that_has_rung_is_not_read_by_the_next_incarnation(driver: Driver) -> None:
    """It rang while the one that had set it hung, and waits behind the message that kills it."""
    tree = grow(driver, sup("root", *workers("a")))
    tree.poke("a", "alarm 5")
    tree.hang("a")
    tree.poke("a", "crash")
    driver.pass_time(10)
    tree.let_go("a")
    tree.until_ready("a", 2)
    tree.confirm("a")
    assert [line for line in tree.lines if "rings" in line] == []


@pytest.mark.lesson("L20")
def test_one_death_is_one_report_on_every_way_out(driver: Driver) -> None:
    tree = grow(driver, sup("root", worker("a", fails=(5,)), budget=PLENTY))
    for how in ("crash", "fatal", "end normal", "end tired"):
        tree.until(lambda: tree.is_ready("a"))
        tree.fell("a", how)
    tree.until_ready("a", 6)
    tree.stop()
    tree.catch_up()
    assert [(down.epoch, down.reason) for down in tree.downs("a")] == [
        (1, "error"),
        (2, "fatal"),
        (3, "normal"),
        (4, "tired"),
        (5, "init_error"),
        (6, "shutdown"),
    ]


def test_reports_of_an_older_epoch_are_ignored(driver: Driver) -> None:
    """Of a death, which would cost a restart; of readiness, which would be a lie; of a child nobody has."""
    spec = sup("root", worker("a", silent=(2,)), budget=Budget(intensity=1))
    tree = grow(driver, spec)
    tree.fell("a")
    tree.until_state("a", ChildState.STARTING)
    for name, epoch in (("a", 0), ("a", 1), ("a", 3), ("nobody", 1)):
        down = ChildDown(child=name, epoch=epoch, reason="error", detail="", correlation_id=None)
        driver.host.tell("root", down, sender="host")
        driver.host.tell("root", ChildReady(child=name, epoch=epoch), sender="host")
    tree.settle("root")
    assert (tree.state("a"), tree.row("a").epoch) == (ChildState.STARTING, 2)
    assert tree.row("a").restarts_in_window == 1
    tree.poke("a", "ready")
    tree.until_ready("a", 2)


@in_simulation
def test_a_supervisor_that_was_late_takes_no_old_timer_for_a_new_one(driver: Driver) -> None:
    """It hung while the child was quiet long enough, died, and was to be stopped: it reads of all that at once."""
    quiet = Backoff(min_s=1, max_s=1, quiet_s=5)
    tree = grow(driver, sup("root", worker("a", backoff=quiet), worker("b", silent=(2,))))
    tree.outcome(StopChild(child="b"))
    tree.tell("root", RestartChild(child="b"))  # which has 30 s to be ready
    tree.until_state("b", ChildState.STARTING)
    tree.hang("root")
    tree.poke("a", "crash")
    tree.tell("root", StopChild(child="b"))
    driver.pass_time(60)
    tree.let_go("root")
    tree.until_ready("a", 2)
    assert tree.answers(StopChild(child="b"))[1:] == [Outcome.DONE]
    assert [down.reason for down in tree.downs("b")] == ["shutdown", "shutdown"]


@in_simulation
def test_a_supervisor_that_was_late_does_not_hold_the_next_one_to_the_deadline_of_the_last(driver: Driver) -> None:
    """It reads of a death, of an operator's restart and of the deadline of the dead one at once."""
    slow = replace(worker("a", silent=(2, 3)), ready_timeout_s=5)
    tree = grow(driver, sup("root", slow))
    tree.outcome(StopChild(child="a"))
    tree.tell("root", RestartChild(child="a"))
    tree.until_state("a", ChildState.STARTING)
    tree.hang("root")
    tree.poke("a", "crash")
    driver.pass_time(1)
    tree.tell("root", RestartChild(child="a"))
    driver.pass_time(5)
    tree.let_go("root")
    tree.settle("root")
    assert (tree.state("a"), tree.row("a").epoch) == (ChildState.STARTING, 3)


def test_a_restart_that_was_called_off_does_not_happen(driver: Driver) -> None:
    """Its message was on the way already: of an earlier attempt, or of a child that is up, stopped or unknown."""
    tree = grow(driver, sup("root", worker("a", backoff=NOT_SOON), worker("b")))
    tree.fell("a")
    for name, attempt in (("a", 0), ("a", 2), ("b", 0), ("nobody", 1)):
        driver.host.tell("root", RestartDue(child=name, attempt=attempt), sender="test")
    tree.settle("root")
    assert tree.state("a") is ChildState.RESTARTING
    assert (tree.starts("a"), tree.starts("b")) == (1, 1)
