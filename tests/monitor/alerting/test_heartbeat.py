"""The heartbeat goes to a real HTTP server on loopback, is earned, and its failing is seen."""

import time
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from bulkhead.monitor.alerting import heartbeat as module
from bulkhead.monitor.alerting.heartbeat import BadHeartbeatUrl, Heartbeat, HeartbeatSettings
from tests.monitor.alerting.receiver import Receiver, receiver

CANARY = "c4n4ryS3cret"


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_LOOK_S", 0.01)


def heartbeat(server: Receiver, interval_s: float = 0.1, timeout_s: float = 1.0, fail_suffix: str = "") -> Heartbeat:
    url = SecretStr(f"http://127.0.0.1:{server.port}/ping/{CANARY}")
    return Heartbeat(url, HeartbeatSettings(interval_s, timeout_s, fail_suffix))


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.005)


@pytest.mark.lesson("L30")
def test_it_beats_only_while_it_is_earned(server: Receiver) -> None:
    with heartbeat(server) as beat:
        beat.start(lambda: None)
        until(lambda: beat.status().withheld is not None)
        assert server.heard == [], "nobody has answered yet"

        def has_beaten() -> bool:
            beat.watchdog()
            return len(server.heard) >= 3

        until(has_beaten)
        until(lambda: beat.status().withheld == "an actor of the order path does not answer")
        count = len(server.heard)
        time.sleep(0.3)
        assert len(server.heard) == count, "it has fallen silent"


@pytest.mark.lesson("L30")
def test_a_house_that_is_not_ready_falls_silent_and_says_why(server: Receiver) -> None:
    why: list[str | None] = ["the gate is shut"]
    with heartbeat(server, interval_s=0.05) as beat:
        beat.start(lambda: why[0])

        def is_withheld() -> bool:
            beat.watchdog()
            return beat.status().withheld == "the gate is shut"

        until(is_withheld)
        assert server.heard == []
        why[0] = None

        def has_beaten() -> bool:
            beat.watchdog()
            return beat.status().last_sent_ns is not None

        until(has_beaten)
        assert beat.status().withheld is None


@pytest.mark.lesson("L29")
@pytest.mark.parametrize(("how", "why"), [("500", "HTTP status 500"), ("close", "no connection, or no answer in time")])
def test_one_that_does_not_get_through_is_seen_and_mends(how: str, why: str, server: Receiver) -> None:
    server.how = how
    with heartbeat(server, interval_s=0.05) as beat:
        beat.start(lambda: None)

        def is_failing() -> bool:
            beat.watchdog()
            return beat.status().failing_since_ns is not None

        until(is_failing)
        assert beat.status().why == why
        assert CANARY not in repr(beat.status())
        server.how = "ok"

        def is_mended() -> bool:
            beat.watchdog()
            return beat.status().failing_since_ns is None

        until(is_mended)


def test_a_p0_is_told_at_once_where_the_other_end_takes_that(server: Receiver) -> None:
    with heartbeat(server, interval_s=60.0, fail_suffix="/fail") as beat:
        beat.start(lambda: None)
        beat.fail("the disk is full")
        server.wait_for(1)
        assert server.heard[0] == ("POST", f"/ping/{CANARY}/fail", {"text": "the disk is full"})


def test_a_p0_is_not_told_where_it_would_be_taken_for_a_beat(server: Receiver) -> None:
    with heartbeat(server, interval_s=60.0) as beat:
        beat.start(lambda: None)
        beat.fail("the disk is full")
        assert beat.send_once() is None
        assert [(method, path) for method, path, _ in server.heard] == [("GET", f"/ping/{CANARY}")]


def test_one_that_never_answers_holds_up_nobody(server: Receiver) -> None:
    server.how = "hang"
    beat = heartbeat(server, timeout_s=0.2)
    assert beat.send_once() == "no connection, or no answer in time"


@pytest.mark.parametrize("url", [f"ftp://{CANARY}", f"file:///etc/{CANARY}", CANARY, "http://"])
def test_other_urls_are_refused_without_a_word_of_them(url: str) -> None:
    with pytest.raises(BadHeartbeatUrl) as refused:
        Heartbeat(SecretStr(url), HeartbeatSettings())
    assert CANARY not in str(refused.value)
