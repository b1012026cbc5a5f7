"""Retry-After and bans, on a clock of our own."""

import pytest

from bulkhead.venues.adapters.rate_state import RateBook
from bulkhead.venues.wire.facts import Answered, NothingLeft

S = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now_ns = 5 * S

    def __call__(self) -> int:
        return self.now_ns


def test_counts_are_taken_from_headers_and_kept() -> None:
    book = RateBook(Clock())
    book.note(Answered(200, "", {"x-mbx-used-weight-1m": "17", "x-mbx-order-count-10s": "3"}))
    book.note(Answered(200, "", {"x-mbx-used-weight-1m": "18", "x-mbx-order-count-1d": "nonsense"}))
    book.note(NothingLeft("refused"))
    assert (book.state.used_weight_1m, book.state.order_count_10s, book.state.order_count_1d) == (18, 3, None)


@pytest.mark.req("S-13")
def test_after_429_orders_wait_and_cancels_do_not() -> None:
    clock = Clock()
    book = RateBook(clock)
    book.note(Answered(429, "", {"retry-after": "3"}))
    blocked = book.blocked()
    assert blocked is not None
    assert (blocked.code, blocked.retry_after_s) == ("RATE_LIMITED", 3.0)
    assert book.blocked(is_cancel=True) is None
    clock.now_ns += 3 * S - 1
    assert book.blocked() is not None
    clock.now_ns += 1
    assert book.blocked() is None


@pytest.mark.req("S-13")
@pytest.mark.parametrize(("headers", "ban_s"), [({"retry-after": "10"}, 10), ({}, 120)])
def test_after_418_nothing_is_sent(headers: dict[str, str], ban_s: int) -> None:
    clock = Clock()
    book = RateBook(clock)
    book.note(Answered(418, "", headers))
    for is_cancel in (False, True):
        blocked = book.blocked(is_cancel=is_cancel)
        assert blocked is not None
        assert (blocked.code, blocked.retry_after_s) == ("BANNED", float(ban_s))
    clock.now_ns += ban_s * S
    assert book.blocked(is_cancel=True) is None


def test_a_shorter_wait_does_not_shorten_a_longer_one() -> None:
    book = RateBook(Clock())
    book.note(Answered(429, "", {"retry-after": "30"}))
    book.note(Answered(429, "", {"retry-after": "1"}))
    book.note(Answered(429, "", {}))
    blocked = book.blocked()
    assert blocked is not None
    assert blocked.retry_after_s == 30.0
