"""Paging through the venue's lists: every row once, or no answer at all."""

import json
from urllib.parse import parse_qsl

import pytest

from bulkhead.venues.adapters.ask_failed import AskFailed
from bulkhead.venues.adapters.binance_asking import MAX_WINDOWS, WINDOW_MS, Asking, Make
from bulkhead.venues.wire.binance import requests
from bulkhead.venues.wire.facts import Answered, HttpFact, NoVerdict
from tests.venues.wire import samples

NOW_MS = 1_700_000_000_000


class FakeVenue:
    """Answers from `trades` (id, time) as the venue's documents say, for one symbol; no sockets."""

    def __init__(self, trades: list[tuple[int, int]]) -> None:
        self.trades = trades
        self.asked: list[dict[str, str]] = []
        self.broken: dict[str, HttpFact] = {}

    def __call__(self, make: Make) -> HttpFact:
        request = make()
        if request.path in self.broken:
            return self.broken[request.path]
        params = dict(parse_qsl(request.query))
        if request.path == "/api/v3/account":
            return Answered(200, samples.ACCOUNT)
        if request.path == "/api/v3/order":
            order = {**json.loads(samples.ORDER), "executedQty": "0.5", "status": "PARTIALLY_FILLED"}
            return Answered(200, json.dumps(order))
        if request.path != "/api/v3/myTrades":
            return Answered(200, "[]")
        self.asked.append(params)
        first, start = int(params.get("fromId", 0)), int(params.get("startTime", 0))
        end = int(params.get("endTime", 2**62))
        assert end - start < WINDOW_MS or "endTime" not in params, "the venue refuses a longer window"
        rows = [row for row in self.trades if row[0] >= first and start <= row[1] <= end]
        sample = json.loads(samples.MY_TRADES)[0]
        return Answered(200, json.dumps([{**sample, "id": i, "time": at} for i, at in rows[: int(params["limit"])]]))


def asking(venue: FakeVenue, max_pages: int = 100) -> Asking:
    return Asking(venue, requests.Signer("k", "s"), lambda: requests.Stamp(1, 5000), max_pages)


def ids(venue: FakeVenue, since_ms: int, max_pages: int = 100) -> list[int]:
    snapshot = asking(venue, max_pages).snapshot(("BNBBTC",), since_ms, NOW_MS)
    return [int(execution.execution_id) for execution in snapshot.executions]


def test_more_than_a_page_is_read_on_by_id() -> None:
    venue = FakeVenue([(i, NOW_MS - 1_000) for i in range(1, 2_501)])
    assert ids(venue, NOW_MS - 5_000) == list(range(1, 2_501))
    assert [asked.get("fromId") for asked in venue.asked] == [None, "1001", "2001"]


def test_exactly_one_page_is_followed_by_an_empty_one() -> None:
    venue = FakeVenue([(i, NOW_MS) for i in range(1, 1_001)])
    assert ids(venue, NOW_MS) == list(range(1, 1_001))
    assert len(venue.asked) == 2


def test_days_are_asked_one_by_one_until_one_has_rows() -> None:
    since_ms = NOW_MS - 5 * WINDOW_MS - 7
    venue = FakeVenue([(10, since_ms - 1), (11, since_ms + 2 * WINDOW_MS), (12, NOW_MS)])
    assert ids(venue, since_ms) == [11, 12]
    assert ["endTime" in asked for asked in venue.asked] == [True, True, True, False]


def test_quiet_days_to_the_present() -> None:
    venue = FakeVenue([(12, NOW_MS)])
    assert ids(venue, NOW_MS - 3 * WINDOW_MS) == [12]
    assert ids(FakeVenue([]), NOW_MS - 3 * WINDOW_MS) == []


def test_far_back_is_read_from_the_first_row() -> None:
    venue = FakeVenue([(1, 5), (2, NOW_MS)])
    assert ids(venue, NOW_MS - MAX_WINDOWS * WINDOW_MS) == [1, 2]
    assert len(venue.asked) == 1


def test_too_many_pages_is_a_failure_and_not_a_part() -> None:
    venue = FakeVenue([(i, NOW_MS) for i in range(1, 5_001)])
    with pytest.raises(AskFailed, match="more pages than max_pages"):
        ids(venue, NOW_MS, max_pages=4)


def test_a_watermark_ahead_of_our_clock() -> None:
    assert ids(FakeVenue([(1, NOW_MS + 10)]), NOW_MS + 5) == [1]


@pytest.mark.parametrize("path", ["/api/v3/account", "/api/v3/openOrders", "/api/v3/allOrders", "/api/v3/myTrades"])
@pytest.mark.parametrize(
    "fact", [NoVerdict("timeout"), Answered(500, ""), Answered(400, samples.ERROR), Answered(200, '[{"bad":1}]')]
)
def test_one_failure_fails_the_snapshot(path: str, fact: HttpFact) -> None:
    venue = FakeVenue([])
    venue.broken[path] = fact
    with pytest.raises(AskFailed) as failed:
        asking(venue).snapshot(("BNBBTC",), NOW_MS, NOW_MS)
    assert (failed.value.raw is not None) == (isinstance(fact, Answered) and fact.status == 200)


def test_an_order_comes_with_its_executions() -> None:
    venue = FakeVenue([(7, NOW_MS)])
    order, executions, raw = asking(venue).order("LTCBTC", "myOrder1")
    assert order is not None
    assert [execution.execution_id for execution in executions] == ["7"]
    assert venue.asked[0]["orderId"] == "1"
    assert "myOrder1" in raw


def test_absence_is_an_answer_only_when_the_venue_says_so() -> None:
    venue = FakeVenue([])
    absent = '{"code":-2013,"msg":"Order does not exist."}'
    venue.broken["/api/v3/order"] = Answered(400, absent)
    assert asking(venue).order("LTCBTC", "myOrder1") == (None, (), absent)
    for fact in (Answered(500, absent), Answered(400, samples.ERROR), Answered(404, ""), NoVerdict("timeout")):
        venue.broken["/api/v3/order"] = fact
        with pytest.raises(AskFailed):
            asking(venue).order("LTCBTC", "myOrder1")


def test_an_answer_about_another_order_is_none() -> None:
    with pytest.raises(AskFailed, match="names another order"):
        asking(FakeVenue([])).order("LTCBTC", "another")
