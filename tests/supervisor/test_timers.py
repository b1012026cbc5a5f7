"""Timers as data: earliest first, replaced by key, gone with their owner."""

from hypothesis import given
from hypothesis import strategies as st

from supervisor.runtime.timers import TimerHeap
from tests.supervisor.letters import Urgent, sealed

E = sealed(Urgent())


def keys(heap: TimerHeap, now_ns: int) -> list[str]:
    return [f"{timer.owner}/{timer.key}" for timer in heap.pop_due(now_ns)]


def test_due_on_the_nanosecond_and_not_before() -> None:
    heap = TimerHeap()
    heap.set("a", 1, "k", 100, E)
    assert keys(heap, 99) == []
    assert keys(heap, 100) == ["a/k"]
    assert keys(heap, 101) == []


def test_equal_times_fire_in_the_order_in_which_they_were_set() -> None:
    heap = TimerHeap()
    for name in ("c", "a", "b"):
        heap.set(name, 1, "k", 5, E)
    assert keys(heap, 5) == ["c/k", "a/k", "b/k"]


def test_the_same_key_replaces_also_with_an_earlier_time() -> None:
    heap = TimerHeap()
    heap.set("a", 1, "k", 100, E)
    heap.set("a", 1, "k", 50, E)
    assert heap.next_due_ns() == 50
    assert keys(heap, 200) == ["a/k"]


def test_cancelled_timers_never_fire_and_never_wake_anybody() -> None:
    heap = TimerHeap()
    heap.set("a", 1, "k", 10, E)
    heap.set("a", 1, "other", 20, E)
    heap.set("b", 1, "k", 30, E)
    heap.cancel("a", "k")
    heap.cancel("a", "never set")
    assert heap.next_due_ns() == 20
    heap.cancel_all("a")
    assert heap.next_due_ns() == 30
    assert keys(heap, 99) == ["b/k"]
    assert heap.next_due_ns() is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 50)), max_size=40))
def test_it_fires_the_last_setting_of_each_key_in_order_of_time(settings: list[tuple[str, str, int]]) -> None:
    heap = TimerHeap()
    last: dict[str, int] = {}
    for owner, key, due in settings:
        heap.set(owner, 1, key, due, E)
        last[f"{owner}/{key}"] = due
    fired = keys(heap, 50)
    assert sorted(fired) == sorted(last)
    assert [last[key] for key in fired] == sorted(last.values())
