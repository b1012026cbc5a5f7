"""The restart budget: of the supervisor, sliding, charged once per failure and once per failed restart."""

from dataclasses import replace
from functools import partial

import pytest

from messages.failure import FailureMode
from messages.supervision import ChildState
from supervisor.spec import Budget, GiveUp
from tests.supervisor.hosts import Driver, in_simulation, on_all_hosts
from tests.supervisor.otp.kit import grow, sup, worker, workers


def test_the_budget_is_of_the_supervisor_and_not_of_the_child(driver: Driver) -> None:
    """Two failures are allowed; the third ends it, whoever it was."""
    tree = grow(driver, sup("root", *workers("abc"), budget=Budget(intensity=2)))
    tree.fell("a")
    tree.until_ready("a", 2)
    tree.fell("b")
    tree.until_ready("b", 2)
    tree.fell("c")
    assert tree.until_ended().reason == "escalated"


@pytest.mark.lesson("L35")
@pytest.mark.parametrize("intensity", [0, 1, 3])
def test_a_child_that_fails_again_and_again_is_given_up_however_well_it_starts(driver: Driver, intensity: int) -> None:
    """Each restart succeeds, each incarnation works a little: neither takes anything off the count."""
    spec = sup("root", *workers("ab"), budget=Budget(intensity=intensity), on_give_up=GiveUp.PARK)
    tree = grow(driver, spec)
    for epoch in range(1, intensity + 2):
        tree.poke("a", "work")
        tree.until(partial(tree.says, f"work a {epoch}"))
        tree.fell("a")
        if epoch <= intensity:
            tree.until_ready("a", epoch + 1)
    assert tree.state("a") is ChildState.PARKED
    assert tree.starts("a") == intensity + 1


def test_intensity_zero_means_the_first_failure(driver: Driver) -> None:
    tree = grow(driver, sup("root", *workers("abc"), budget=Budget(intensity=0)))
    tree.fell("b")
    end = tree.until_ended()
    assert end.reason == "escalated"
    assert end.detail == "b used up its restart budget: ValueError: crashed on purpose"
    assert tree.lines == ["start a", "start b", "start c", "stop c", "stop a"]


@in_simulation
@pytest.mark.lesson("L35")
def test_failures_that_keep_their_distance_can_go_on_for_ever(driver: Driver) -> None:
    """One in any ten seconds is allowed: more than ten apart, and there is no end; nine apart, and the second is it."""
    spec = sup("root", *workers("a"), budget=Budget(intensity=1, period_s=10), on_give_up=GiveUp.PARK)
    tree = grow(driver, spec)
    for _ in range(5):
        tree.fell("a")
        driver.pass_time(10.5)
        assert tree.is_ready("a")
    tree.fell("a")
    driver.pass_time(9)
    tree.fell("a")
    assert tree.state("a") is ChildState.PARKED


@in_simulation
@pytest.mark.lesson("L35")
def test_the_window_slides(driver: Driver) -> None:
    """At 0, 8 and 12 seconds: the last two are in one window of ten, though a new period began between them."""
    spec = sup("root", *workers("a"), budget=Budget(intensity=2, period_s=10), on_give_up=GiveUp.PARK)
    tree = grow(driver, spec)
    for wait_s in (8, 4, 1):
        tree.fell("a")
        driver.pass_time(wait_s)
        assert tree.is_ready("a")
    tree.fell("a")
    assert tree.state("a") is ChildState.PARKED, "8, 12 and 13 are three"


@on_all_hosts
def test_each_failed_restart_is_charged_too(driver: Driver) -> None:
    """One failure and two restarts that fail are three; two are allowed."""
    spec = sup("root", worker("a", fails=(2, 3, 4)), worker("b"), budget=Budget(intensity=2))
    tree = grow(driver, spec)
    tree.poke("a", "crash")
    assert tree.until_ended().reason == "escalated"
    assert [down.reason for down in tree.downs("a")] == ["error", "init_error", "init_error"]
    assert (tree.starts("a"), tree.starts("b")) == (3, 1)


@in_simulation
def test_a_failed_restart_that_is_not_ready_in_time_is_charged(driver: Driver) -> None:
    mute = replace(worker("a", silent=(2, 3)), ready_timeout_s=0.2)
    spec = sup("root", mute, worker("b"), budget=Budget(intensity=2), on_give_up=GiveUp.PARK)
    tree = grow(driver, spec)
    tree.fell("a")
    tree.until_state("a", ChildState.PARKED)
    assert [down.reason for down in tree.downs("a")] == ["error", "stuck", "stuck"]


def test_a_given_up_child_is_reported_once_with_its_last_words(driver: Driver) -> None:
    spec = sup("root", *workers("ab"), budget=Budget(intensity=1), on_give_up=GiveUp.PARK)
    tree = grow(driver, spec)
    tree.fell("a")
    tree.until_ready("a", 2)
    assert tree.reports() == []
    tree.fell("a")
    (report,) = tree.reports()
    assert (report.mode, report.scope, report.recovered) == (FailureMode.ACTOR_CRASH_LOOP, "a", False)
    assert "crashed on purpose" in report.detail
