"""Threads and queues to the targets: bounded, tried again, and no target holds up another or whoever posts."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from loguru import logger

from bulkhead.monitor.alerting import outbox as module
from bulkhead.monitor.alerting.alarms import Notice, Severity, TargetStatus
from bulkhead.monitor.alerting.outbox import MAX_SIGNS, MAX_TOGETHER, Outbox, OutboxSettings

PATIENCE_S = 20.0


class Scripted:
    """Does what `how` says: None takes it, a text refuses it, an exception is raised; `gate` holds it up."""

    def __init__(self, name: str = "target", how: str | Exception | None = None) -> None:
        self.name, self.how = name, how
        self.gate = threading.Event()
        self.gate.set()
        self.asked = 0
        self.taken: list[Notice] = []
        self.is_in_hand = threading.Event()

    def send(self, notice: Notice) -> str | None:
        self.asked += 1
        self.is_in_hand.set()
        self.gate.wait(PATIENCE_S)
        if isinstance(self.how, Exception):
            raise self.how
        if self.how is None:
            self.taken.append(notice)
        return self.how


def notice(text: str, severity: Severity = Severity.P1) -> Notice:
    return Notice(severity, text)


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_MIN_S", 0.01)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), format="{level} {message}", level="DEBUG")
    yield lines
    logger.remove(sink)


@contextmanager
def opened(*targets: Scripted, **settings: float) -> Iterator[Outbox]:
    made = Outbox(targets, OutboxSettings(**settings))  # type: ignore[arg-type]
    try:
        yield made
    finally:
        for target in targets:
            target.gate.set()
        made.close(PATIENCE_S)


def only(box: Outbox) -> TargetStatus:
    (status,) = box.status()
    return status


def test_it_is_sent_and_the_status_says_when() -> None:
    target = Scripted()
    with opened(target) as box:
        assert only(box).last_sent_ns is None
        box.post(notice("one"))
        until(lambda: only(box).last_sent_ns is not None)
    assert [each.text for each in target.taken] == ["one"]


def test_one_that_hangs_holds_up_neither_the_other_nor_who_posts(logged: list[str]) -> None:
    slow, quick = Scripted("slow"), Scripted("quick")
    slow.gate.clear()
    with opened(slow, quick, hangs_after_s=0.05) as box:
        for number in range(50):
            box.post(notice(f"n{number}"))
        until(lambda: sum(len(each.text.splitlines()) for each in quick.taken) == 50)
        until(lambda: box.status()[0].failing_since_ns is not None)
        status = box.status()[0]
        assert (status.why or "").startswith("no answer for")
        assert status.waiting == 50
        box.close(0.05)
    assert sum("slow was never told" in line for line in logged) == 50


def test_what_is_refused_is_tried_again_and_goes_out_together(logged: list[str]) -> None:
    target = Scripted(how="HTTP status 500")
    with opened(target) as box:
        for number in range(3):
            box.post(notice(f"n{number}"))
        until(lambda: target.asked >= 3)
        assert only(box).failing_since_ns is not None
        assert only(box).why == "HTTP status 500"
        target.how = None
        until(lambda: only(box).failing_since_ns is None)
    assert "\n".join(each.text for each in target.taken).splitlines() == ["n0", "n1", "n2"]
    assert sum("takes nothing" in line for line in logged) == 1
    assert sum("takes alerts again" in line for line in logged) == 1


def test_one_that_raises_is_one_that_refuses_and_its_words_are_not_repeated(logged: list[str]) -> None:
    target = Scripted(how=ValueError("https://host/SECRET"))
    with opened(target, give_up_after_s=0.05) as box:
        box.post(notice("one"))
        until(lambda: only(box).lost == 1)
        assert only(box).why == "ValueError"
    assert any("was never told (ValueError): one" in line for line in logged)
    assert not any("SECRET" in line for line in logged)


def test_the_queue_is_bounded_and_the_least_urgent_goes_first(logged: list[str]) -> None:
    target = Scripted()
    target.gate.clear()
    with opened(target, queue_size=10) as box:
        box.post(notice("in hand"))
        assert target.is_in_hand.wait(PATIENCE_S)
        for number in range(10):
            box.post(notice(f"p0-{number}", Severity.P0))
        for number in range(1_000):
            box.post(notice(f"p1-{number}"))
        assert only(box).waiting == 11
        assert only(box).lost == 1_000
    told = [line for each in target.taken for line in each.text.splitlines()]
    assert told == ["in hand", *(f"p0-{number}" for number in range(10))]
    assert sum("too many wait" in line for line in logged) == 1_000


def test_the_most_urgent_is_sent_first() -> None:
    target = Scripted()
    target.gate.clear()
    with opened(target) as box:
        box.post(notice("in hand"))
        assert target.is_in_hand.wait(PATIENCE_S)
        for number in range(MAX_TOGETHER + 5):
            box.post(notice(f"n{number}"))
        box.post(notice("fire", Severity.P0))
    assert target.taken[1].text.startswith("fire\nn0\n")
    assert target.taken[1].severity is Severity.P0
    assert len(target.taken[1].text.splitlines()) == MAX_TOGETHER


def test_no_message_is_longer_than_targets_take() -> None:
    target = Scripted()
    with opened(target) as box:
        box.post(notice("x" * 10_000))
    assert len(target.taken[0].text) < MAX_SIGNS + 100
    assert "cut" in target.taken[0].text


def test_a_test_message_comes_back_with_a_verdict_of_each() -> None:
    good, bad, slow = Scripted("good"), Scripted("bad", how="HTTP status 401"), Scripted("slow")
    slow.gate.clear()
    with opened(good, bad, slow, give_up_after_s=0.01) as box:
        verdicts = box.post_test(notice("test"))
        said = verdicts.wait(0.5)
        assert said == {"good": None, "bad": "HTTP status 401", "slow": "no answer within 0.5 s"}
        assert len(verdicts.items()) == 2
        slow.gate.set()
        assert verdicts.wait(PATIENCE_S)["slow"] is None
        assert verdicts.are_all_in
        assert [name for name, _ in verdicts.items()] == ["good", "bad", "slow"]


def test_at_the_end_what_waits_is_tried_once_more_and_then_logged(logged: list[str]) -> None:
    target = Scripted(how="HTTP status 500")
    with opened(target, backoff_max_s=1_000) as box:
        for number in range(3):
            box.post(notice(f"n{number}"))
        until(lambda: target.asked >= 1)
    assert sum("was never told" in line for line in logged) == 3
    box.post(notice("too late"))
    assert only(box).waiting == 0
