"""The switches at KIS's routes: rate limit, unknown outcomes, rejections after the answer, held and spoilt requests."""

import threading
import time

import httpx
import pytest

from tests.venues.simulator.kis.kit import SAMSUNG, Kis, Socket, at_ms, venue


def orders(kis: Kis) -> int:
    return len(kis.books()["orders"])


def test_the_next_requests_are_refused_by_switch() -> None:
    with venue() as (_, kis):
        kis.sim("faults", rate_limit_next=2)
        for _ in range(2):
            answer = kis.order("buy", 1, 60_000)
            assert (answer.status_code, answer.json()["rt_cd"], answer.json()["msg_cd"]) == (500, "1", "EGW00201")
        assert orders(kis) == 0
        assert kis.books()["rate_limit"]["refused"] == 0, "those are the switch's, not the client's"
        kis.placed("buy", 1, 60_000)


@pytest.mark.parametrize(("host", "limit"), [("real", 18), ("paper", 1)])
def test_no_second_of_the_venues_time_has_more_requests_than_its_limit(host: str, limit: int) -> None:
    with venue(host=host, requests_per_s=None, clock_speed="0.2") as (_, kis):
        answers = [kis.listing() for _ in range(limit + 3)]
        codes = [answer.json()["msg_cd"] for answer in answers]
        assert codes == ["KIOK0510"] * limit + ["EGW00201"] * 3
        said = kis.books()["rate_limit"]
        assert (said["limit_per_s"], said["refused"], said["most_in_any_s"]) == (limit, 3, limit + 3)


def test_the_second_is_the_venues() -> None:
    """Forty venue seconds a second: ten requests with 60 ms between them are no two in one second."""
    with venue(host="paper", requests_per_s=None, clock_speed=40) as (_, kis):
        for _ in range(10):
            assert kis.listing().json()["rt_cd"] == "0"
            time.sleep(0.06)
        assert kis.books()["rate_limit"]["refused"] == 0


@pytest.mark.parametrize("code", ["EGW00301", "EGW00302"])
@pytest.mark.parametrize("accept", [True, False])
def test_orders_of_unknown_fate(code: str, accept: bool) -> None:
    with venue() as (_, kis):
        kis.sim("faults", unknown_orders={"code": code, "count": 2, "accept": accept})
        for _ in range(2):
            answer = kis.order("buy", 1, 60_000)
            assert (answer.status_code, answer.json()["rt_cd"], answer.json()["msg_cd"]) == (500, "1", code)
        assert orders(kis) == (2 if accept else 0)
        kis.placed("buy", 1, 60_000)


def test_answered_as_sent_and_then_rejected() -> None:
    with venue() as (running, kis), Socket(running, kis.approval()).notices() as socket:
        kis.sim("faults", reject_later=1)
        number = kis.placed("buy", 3, 60_000)
        notice = socket.notice()
        assert (notice[2], notice[12], notice[13]) == (number, "1", "1")
        row = kis.row(number)
        assert (row["rjct_qty"], row["rmn_qty"], row["cncl_cfrm_qty"]) == ("3", "0", "0")
        assert kis.books()["balances"]["KRW"]["locked"] == "0.00000000"
        assert kis.row(kis.placed("buy", 3, 60_000))["rjct_qty"] == "0"


def test_a_share_of_the_orders_ends_unknown_and_half_of_those_is_accepted() -> None:
    def run() -> list[str]:
        with venue() as (_, kis):
            kis.sim("faults", unknown_share={"share": 0.3, "seed": 7})
            seen = []
            for _ in range(120):
                before = orders(kis)
                try:
                    answer = kis.order("buy", 1, 60_000).json()["msg_cd"]
                except httpx.HTTPError:
                    answer = "cut"
                seen.append(f"{answer} {orders(kis) - before}")
            assert kis.http.get("/sim/faults").json()["unknown_drawn"] == sum("APBK" not in word for word in seen)
            return seen

    first = run()
    assert set(first) == {"APBK0013 1", "EGW00302 0", "EGW00302 1", "cut 0", "cut 1"}
    assert 20 <= sum("APBK" not in word for word in first) <= 55
    assert run() == first, "the same seed strikes the same orders"


@pytest.mark.parametrize("is_carried_out", [True, False])
def test_an_order_without_an_answer(is_carried_out: bool) -> None:
    with venue() as (_, kis):
        kis.sim("faults", spoil={"requests": "order", "is_carried_out": is_carried_out})
        with pytest.raises(httpx.HTTPError):
            kis.order("buy", 1, 60_000)
        assert orders(kis) == int(is_carried_out)


def test_a_query_is_an_order_by_its_number_and_a_list_is_everything_else() -> None:
    with venue() as (_, kis):
        number = kis.placed("buy", 2, 60_000)
        kis.sim("faults", spoil={"requests": "query", "answer": 502})
        assert kis.listing().json()["rt_cd"] == "0"
        answer = kis.listing(ODNO=number)
        assert (answer.status_code, answer.json()) == (502, {"rt_cd": "1", "msg_cd": "", "msg1": ""})
        for name in ("daily", "balance"):
            kis.sim("faults", spoil={"requests": "list", "answer": 503})
            assert (kis.listing() if name == "daily" else kis.balance()).status_code == 503
        kis.sim("faults", spoil={"requests": "query", "answer": "contradiction"})
        lying = kis.row(number)
        assert int(lying["rmn_qty"]) > int(lying["ord_qty"])
        kis.sim("faults", spoil={"requests": "cancel"})
        with pytest.raises(httpx.HTTPError):
            kis.cancel(number)
        assert kis.row(number)["rmn_qty"] == "0", "it was carried out"


@pytest.mark.parametrize(("place", "is_placed"), [("arrival", False), ("answer", True)])
def test_an_order_is_held(place: str, is_placed: bool) -> None:
    with venue() as (running, kis), Socket(running, kis.approval()).notices() as socket:
        kis.sim("faults", hold={"order": place})
        answers: list[httpx.Response] = []
        other = Kis(running.http_url)
        other.token = kis.token
        thread = threading.Thread(target=lambda: answers.append(other.order("buy", 1, 60_000)))
        thread.start()
        while not kis.http.get("/sim/faults").json()["held"]:
            time.sleep(0.01)
        assert orders(kis) == int(is_placed)
        if is_placed:
            assert socket.notice()[8] == SAMSUNG, "told while the answer waits"
        assert not answers
        kis.sim("faults", hold={"order": None})
        thread.join()
        other.http.close()
        assert answers[0].json()["rt_cd"] == "0"


def test_orders_are_hidden_for_a_while() -> None:
    with venue(clock_starts_at_ms=at_ms("2026-03-03 10:00:00")) as (_, kis):
        kis.sim("faults", hide_orders_ms=2_000)
        number = kis.placed("buy", 1, 60_000)
        assert kis.rows(ODNO=number) == []
        time.sleep(2.1)
        assert kis.row(number)["rmn_qty"] == "1"
