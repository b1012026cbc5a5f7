"""Who goes first of those that wait, and by which clock they wait."""

import threading
import time
from itertools import pairwise

import pytest

from bulkhead.venues.transport.http import HttpChannel
from bulkhead.venues.transport.rate_alarm import RateAlarm
from bulkhead.venues.transport.rate_budget import Purpose, RateBudget
from bulkhead.venues.transport.turns import Held, Turn, Turns, Usage
from bulkhead.venues.wire.facts import Answered, HttpFact, RateLimit, WireRequest
from tests.venues.transport.peers import until

SPEED = 40
ONE_A_SECOND = RateLimit("REQUESTS", 1, 1, is_aligned=False)
ASK = WireRequest("GET", "/ask", costs={"REQUESTS": 1})
ELSEWHERE = WireRequest("GET", "/token", costs={"TOKENS": 1})


def fast_ns() -> int:
    return time.monotonic_ns() * SPEED


class Script(HttpChannel):
    """Remembers what was sent, and when, for all that share `sent`."""

    def __init__(self, name: str, sent: list[tuple[str, int]]) -> None:
        self.name, self.sent = name, sent

    def exchange(self, request: WireRequest, before_write: object = None, on_written: object = None) -> HttpFact:
        self.sent.append((self.name, fast_ns()))
        return Answered(200, "")


def turns_of(*limits: RateLimit) -> Turns:
    budget = RateBudget(limits, {}, fast_ns, fast_ns, margin_s=0.1)
    return Turns(budget, RateAlarm(fast_ns), lambda _: Usage(), lambda seconds: time.sleep(seconds / SPEED))


def ask(turns: Turns, channel: Script, purpose: Purpose, wait_s: float = 60.0, request: WireRequest = ASK) -> object:
    return turns.exchange(channel, Turn(purpose, wait_s, lambda: False), lambda: request)


def waiting(turns: Turns, sent: list[tuple[str, int]], *purposes: Purpose) -> list[threading.Thread]:
    """Each on a thread of its own, lined up one after the other."""
    threads = []
    for count, purpose in enumerate(purposes, 1):
        channel = Script(f"{purpose}-{count}", sent)
        threads.append(threading.Thread(target=ask, args=(turns, channel, purpose), daemon=True))
        threads[-1].start()
        until(lambda count=count: len(turns._line) + len(sent) >= count + 1, "it waits")  # type: ignore[misc]
    return threads


@pytest.mark.req("S-13")
def test_the_most_urgent_goes_first_and_of_equals_the_first() -> None:
    turns, sent = turns_of(ONE_A_SECOND), list[tuple[str, int]]()
    ask(turns, Script("before", sent), Purpose.ENTRY)
    order = (Purpose.SURVEY, Purpose.ENTRY, Purpose.QUERY, Purpose.CANCEL, Purpose.EXIT, Purpose.CANCEL)
    for thread in waiting(turns, sent, *order):
        thread.join(10)
    assert [name for name, _ in sent] == ["before", "cancel-4", "cancel-6", "exit-5", "query-3", "entry-2", "survey-1"]
    times = [at_ns for _, at_ns in sent]
    assert min(after - before for before, after in pairwise(times)) >= 1_000_000_000


def test_what_has_waited_for_long_goes_before_entries_and_never_before_exits() -> None:
    """Or the books would not be compared while there is enough to do."""
    turns, sent = turns_of(ONE_A_SECOND), list[tuple[str, int]]()
    ask(turns, Script("before", sent), Purpose.ENTRY)
    order = (Purpose.SURVEY, *(Purpose.ENTRY,) * 12, *(Purpose.EXIT,) * 8)
    threads = waiting(turns, sent, *order)
    gone = len(sent)  # a slow machine takes its time to line them up
    for thread in threads:
        thread.join(30)
    names = [name.rpartition("-")[0] for name, _ in sent]
    exits = 8 - names[:gone].count("exit")
    assert names[gone : gone + exits] == ["exit"] * exits
    assert gone + exits <= names.index("survey") < len(names) - 1, names


def test_whoever_comes_when_one_waits_does_not_take_its_place() -> None:
    turns, sent = turns_of(ONE_A_SECOND), list[tuple[str, int]]()
    ask(turns, Script("before", sent), Purpose.ENTRY)
    (cancel,) = waiting(turns, sent, Purpose.CANCEL)
    late, held = Script("late", sent), list[object]()

    def goes() -> bool:
        held.append(ask(turns, late, Purpose.SURVEY, 0.0))
        return len(sent) > 1

    until(goes, "one of them has gone")
    cancel.join(10)
    assert sent[1][0] == "cancel-1"
    assert any(isinstance(answer, Held) for answer in held)


def test_one_that_waits_for_another_limit_is_not_in_the_way() -> None:
    turns, sent = turns_of(ONE_A_SECOND, RateLimit("TOKENS", 60, 1, is_aligned=False)), list[tuple[str, int]]()
    ask(turns, Script("before", sent), Purpose.ENTRY)
    threads = waiting(turns, sent, Purpose.CANCEL)
    assert ask(turns, Script("token", sent), Purpose.SURVEY, 0.0, ELSEWHERE) == Answered(200, "")
    threads[0].join(10)
    assert sorted(name for name, _ in sent) == ["before", "cancel-1", "token"]


def test_who_gives_up_is_not_in_the_way() -> None:
    turns, sent = turns_of(ONE_A_SECOND), list[tuple[str, int]]()
    ask(turns, Script("before", sent), Purpose.ENTRY)
    assert isinstance(ask(turns, Script("impatient", sent), Purpose.CANCEL, 0.2), Held)
    assert ask(turns, Script("patient", sent), Purpose.SURVEY, 3.0) == Answered(200, "")
    assert [name for name, _ in sent] == ["before", "patient"]


def test_it_waits_by_the_clock_of_the_session() -> None:
    turns, sent = turns_of(ONE_A_SECOND), list[tuple[str, int]]()
    before = time.monotonic()
    for _ in range(4):
        ask(turns, Script("each", sent), Purpose.ENTRY)
    assert time.monotonic() - before < 1.0, "three seconds of the session, some 80 ms of the wall"
    assert sent[-1][1] - sent[0][1] >= 3_000_000_000


class TooMany(Script):
    """Answers 429, and says for how long or does not."""

    def exchange(self, request: WireRequest, before_write: object = None, on_written: object = None) -> HttpFact:
        super().exchange(request)
        return Answered(429, "")


@pytest.mark.req("S-13")
@pytest.mark.parametrize(("stated_s", "left_alone"), [(None, True), (0.0, False)])
def test_retries_that_are_used_up_leave_the_venue_alone_for_as_long_as_is_set(
    stated_s: float | None, left_alone: bool
) -> None:
    now, sent = [0], list[tuple[str, int]]()
    budget = RateBudget((), {}, lambda: now[0], lambda: now[0], margin_s=0.0)
    judge = Usage(block_s=stated_s, refusal="429")
    turns = Turns(budget, RateAlarm(lambda: now[0]), lambda _: judge, lambda _: None, exhausted_wait_s=300.0)
    channel = TooMany("asker", sent)
    for _ in range(3):
        ask(turns, channel, Purpose.ENTRY, wait_s=0.0)
        now[0] += 4 * 10**9  # after eight seconds of nothing but refusals waiting has not helped
    assert len(sent) == 3
    assert isinstance(ask(turns, channel, Purpose.ENTRY, wait_s=0.0), Held) is left_alone
    assert not isinstance(ask(turns, channel, Purpose.CANCEL, wait_s=0.0), Held), "cancels go all the same"
    now[0] += 300 * 10**9
    assert not isinstance(ask(turns, channel, Purpose.ENTRY, wait_s=0.0), Held)
