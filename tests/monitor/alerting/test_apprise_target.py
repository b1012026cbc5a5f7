"""Alerts by apprise to a real HTTP server on loopback; and that nothing of a URL is seen anywhere."""

import io
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr

import pytest
from loguru import logger
from pydantic import SecretStr

from bulkhead.monitor.alerting.alarms import Notice, Severity
from bulkhead.monitor.alerting.apprise_target import AppriseTarget, BadUrl, named
from bulkhead.monitor.alerting.outbox import Outbox, OutboxSettings
from tests.monitor.alerting.receiver import Receiver, receiver

CANARY = "c4n4ryS3cret"
NOTICE = Notice(Severity.P0, "P0 the feed is broken")


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def printed() -> Iterator[io.StringIO]:
    """Everything that is logged, at any level and by anybody, or written to stderr."""
    text = io.StringIO()
    sink = logger.add(text, level="TRACE", backtrace=True, diagnose=True)
    root = logging.getLogger()
    handler, level = logging.StreamHandler(text), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    with redirect_stderr(text):
        yield text
    root.removeHandler(handler)
    root.setLevel(level)
    logger.remove(sink)


def target_at(server: Receiver, more: str = "") -> AppriseTarget:
    url = f"json://{CANARY}user:{CANARY}pass@127.0.0.1:{server.port}/{CANARY}path?{more}&:k={CANARY}query"
    (found,) = named(SecretStr(url))
    return AppriseTarget(found.url, found.name, "Bulkhead paper")


def test_it_is_taken(server: Receiver) -> None:
    assert target_at(server).send(NOTICE) is None
    ((_, path, body),) = server.heard
    assert path.startswith(f"/{CANARY}path")
    assert (body["title"], body["message"], body["type"]) == ("P0 Bulkhead paper", NOTICE.text, "failure")


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("500", "HTTP status 500"),
        ("401", "HTTP status 401"),
        ("close", "no connection, or no answer in time"),
        ("hang", "no connection, or no answer in time"),
    ],
)
def test_a_failure_says_why_and_nothing_of_the_url(how: str, why: str, server: Receiver, printed: io.StringIO) -> None:
    server.how = how
    box = Outbox([target_at(server, "rto=0.3")], OutboxSettings(give_up_after_s=0.01))
    try:
        assert box.post_test(NOTICE).wait(20) == {"json://127.0.0.1 (1)": why}
    finally:
        server.may_go_on.set()
        box.close(20)
    said = printed.getvalue()
    assert "was never told" in said
    assert CANARY not in said
    assert CANARY not in repr(box.status())


def test_nobody_there(server: Receiver) -> None:
    target = target_at(server)
    server.close()
    assert target.send(NOTICE) == "no connection, or no answer in time"


@pytest.mark.parametrize("url", [f"nosuch://{CANARY}", CANARY, f"tgram://{CANARY}", "json://"])
def test_a_url_that_cannot_be_used_is_named_by_its_place(url: str, printed: io.StringIO) -> None:
    (found,) = named(SecretStr(url))
    with pytest.raises(BadUrl, match=r"\(1\) is no URL that apprise can use") as refused:
        AppriseTarget(found.url, found.name, "label")
    assert CANARY not in f"{refused.value!r} {found!r} {printed.getvalue()}"


def test_names_show_a_scheme_and_a_host_only_where_it_is_one() -> None:
    text = f"json://u:p@10.1.2.3/{CANARY} tgram://{CANARY}/1\nslack://{CANARY}/a/b ntfy://{CANARY} Gotify://h/{CANARY}"
    names = [each.name for each in named(SecretStr(text))]
    expected = ["json://10.1.2.3 (1)", "tgram://… (2)", "slack://… (3)", "ntfy://… (4)", "gotify://h (5)"]
    assert names == expected


def test_no_url_gives_no_target() -> None:
    assert named(SecretStr(" \n")) == ()
