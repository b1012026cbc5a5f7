"""Restart policy: who, whether and when, each rule on both sides."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy import RestartWindow, affected, backoff_s, should_restart
from supervisor.spec import Backoff, Budget, Restart, Strategy

S = 1_000_000_000


@pytest.mark.parametrize(
    ("restart", "reason", "expected"),
    [
        (Restart.PERMANENT, "error", True),
        (Restart.PERMANENT, "normal", True),
        (Restart.PERMANENT, "shutdown", True),
        (Restart.TRANSIENT, "error", True),
        (Restart.TRANSIENT, "stuck", True),
        (Restart.TRANSIENT, "normal", False),
        (Restart.TRANSIENT, "shutdown", False),
        (Restart.TEMPORARY, "error", False),
        (Restart.TEMPORARY, "normal", False),
        (Restart.TEMPORARY, "shutdown", False),
    ],
)
def test_which_ends_are_restarted(restart: Restart, reason: str, expected: bool) -> None:
    assert should_restart(restart, reason) is expected


@pytest.mark.parametrize(
    ("strategy", "failed", "expected"),
    [
        (Strategy.ONE_FOR_ONE, "b", "b"),
        (Strategy.ONE_FOR_ALL, "b", "abc"),
        (Strategy.REST_FOR_ONE, "a", "abc"),
        (Strategy.REST_FOR_ONE, "b", "bc"),
        (Strategy.REST_FOR_ONE, "c", "c"),
    ],
)
def test_who_is_restarted(strategy: Strategy, failed: str, expected: str) -> None:
    assert affected(strategy, ("a", "b", "c"), failed) == tuple(expected)


@pytest.mark.lesson("L35")
def test_the_budget_trips_at_one_more_than_it_allows() -> None:
    window = RestartWindow(Budget(intensity=3, period_s=60))
    assert [window.charge(n * S) for n in range(4)] == [True, True, True, False]


def test_intensity_zero_gives_up_at_the_first_failure() -> None:
    assert RestartWindow(Budget(intensity=0, period_s=60)).charge(0) is False


@pytest.mark.lesson("L28")
@pytest.mark.lesson("L35")
@pytest.mark.parametrize(("at_s", "allowed"), [(59.999, False), (60.0, True), (60.001, True)])
def test_a_failure_leaves_the_window_after_the_period_and_not_before(at_s: float, allowed: bool) -> None:
    window = RestartWindow(Budget(intensity=1, period_s=60))
    window.charge(0)
    assert window.charge(int(at_s * S)) is allowed


@pytest.mark.lesson("L35")
def test_the_window_slides_it_does_not_begin_anew() -> None:
    """Two failures at its end and two just after: a window of fixed minutes would let all four pass."""
    window = RestartWindow(Budget(intensity=3, period_s=60))
    assert [window.charge(s * S) for s in (58, 59, 61, 62)] == [True, True, True, False]
    assert window.count(118 * S) == 3
    assert window.count(200 * S) == 0


def test_an_operator_starts_afresh() -> None:
    window = RestartWindow(Budget(intensity=1, period_s=60))
    window.charge(0)
    window.clear()
    assert window.count(1) == 0
    assert window.charge(1)


@given(times=st.lists(st.integers(0, 300), max_size=30).map(sorted), intensity=st.integers(0, 5))
def test_charge_agrees_with_counting_by_hand(times: list[int], intensity: int) -> None:
    window = RestartWindow(Budget(intensity=intensity, period_s=60))
    for at, now in enumerate(times):
        recent = sum(now - 60 < earlier <= now for earlier in times[: at + 1])
        assert window.charge(now * S) is (recent <= intensity)


@given(attempt=st.integers(0, 10_000), seed=st.integers(), low=st.floats(0.01, 1), factor=st.floats(1, 1_000))
def test_backoff_keeps_its_bounds(attempt: int, seed: int, low: float, factor: float) -> None:
    backoff = Backoff(min_s=low, max_s=low * factor)
    delay = backoff_s(backoff, attempt, Random(seed))
    assert low <= delay <= max(low, min(backoff.max_s, low * 2.0 ** min(attempt, 60)))


def test_backoff_grows_and_is_spread() -> None:
    delays = [backoff_s(Backoff(0.1, 30), 12, Random(seed)) for seed in range(200)]
    assert max(delays) > 20
    assert min(delays) < 10
    assert backoff_s(Backoff(0.1, 30), 0, Random(1)) == 0.1
