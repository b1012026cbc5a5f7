"""The WebSocket: registrations and their answers, one session per app key, PINGPONG, trades and books in frames."""

import json
import time

import pytest
from websockets.exceptions import ConnectionClosed

from bulkhead.venues.simulator.kis.settings import KisSection
from tests.venues.simulator.kis.kit import HYNIX, SAMSUNG, Socket, venue

NO_FRAME_WITHIN_S = 0.3


def code(answer: dict[str, object]) -> object:
    body = answer["body"]
    assert isinstance(body, dict)
    return body["msg_cd"]


def test_registrations_are_answered() -> None:
    with venue() as (running, kis), Socket(running, kis.approval()) as socket:
        answer = socket.ask("H0STCNT0", SAMSUNG)
        assert answer["header"] == {"tr_id": "H0STCNT0", "tr_key": SAMSUNG, "encrypt": "N"}
        assert (code(answer), answer["body"]["rt_cd"]) == ("OPSP0000", "0")
        assert (len(answer["body"]["output"]["key"]), len(answer["body"]["output"]["iv"])) == (32, 16)
        assert code(socket.ask("H0STCNT0", SAMSUNG)) == "OPSP0002"
        assert code(socket.ask("H0STCNT0", SAMSUNG, "2")) == "OPSP0001"
        assert code(socket.ask("H0STCNT0", SAMSUNG, "2")) == "OPSP0003"
        assert code(socket.ask("H0NOTHING", SAMSUNG)) == "OPSP8991"
        assert code(socket.ask("H0STCNT0", "999999")) == "OPSP8992"
        socket.raw.send("{")
        assert code(socket.said()) == "OPSP9999"
        assert socket.ask("H0STCNI0", "bulkhead")["header"]["encrypt"] == "Y"


def test_forty_one_registrations_and_no_more() -> None:
    assert KisSection().registrations == 41
    with venue(registrations=3) as (running, kis), Socket(running, kis.approval()) as socket:
        socket.notices()
        assert code(socket.ask("H0STCNT0", SAMSUNG)) == "OPSP0000"
        assert code(socket.ask("H0STASP0", SAMSUNG)) == "OPSP0000"
        over = socket.ask("H0STCNT0", HYNIX)
        assert (code(over), over["body"]["rt_cd"]) == ("OPSP0008", "1")
        socket.ask("H0STASP0", SAMSUNG, "2")
        assert code(socket.ask("H0STCNT0", HYNIX)) == "OPSP0000"


def test_a_second_session_of_the_app_key_is_refused() -> None:
    with venue() as (running, kis), Socket(running, kis.approval()) as first:
        first.ask("H0STCNT0", SAMSUNG)
        with Socket(running, kis.approval()) as second:
            assert code(second.ask("H0STCNT0", HYNIX)) == "OPSP8996"
            with pytest.raises(ConnectionClosed):
                second.said()
        assert code(first.ask("H0STCNT0", HYNIX)) == "OPSP0000"
        assert kis.books()["sessions_refused"] == 1


def test_or_the_first_one_has_to_go() -> None:
    with venue() as (running, kis), Socket(running, kis.approval()) as first:
        first.ask("H0STCNT0", SAMSUNG)
        kis.sim("faults", second_session="drop_old")
        with Socket(running, kis.approval()) as second:
            assert code(second.ask("H0STCNT0", SAMSUNG)) == "OPSP0000"
            assert code(first.said()) == "OPSP8996"
            with pytest.raises(ConnectionClosed):
                first.said()
            kis.sim("trade", symbol=SAMSUNG, is_buy=True, quantity=1)
            assert second.frame()[0] == "H0STCNT0"


def test_after_the_first_has_gone_another_may_come() -> None:
    with venue() as (running, kis):
        with Socket(running, kis.approval()) as first:
            first.ask("H0STCNT0", SAMSUNG)
            kis.sim("faults", drop_connections=True)
            with pytest.raises(ConnectionClosed):
                first.said()
        with Socket(running, kis.approval()) as second:
            assert code(second.ask("H0STCNT0", SAMSUNG)) == "OPSP0000"


@pytest.mark.parametrize("way", ["echo", "pong"])
def test_pingpong_is_answered_by_echo_or_by_pong(way: str) -> None:
    with (
        venue(ping_interval_s=0.1, unanswered_pings=3) as (running, kis),
        Socket(running, kis.approval()) as socket,
    ):
        until = time.monotonic() + 1.2
        while time.monotonic() < until:
            text = socket.raw.recv(5)
            assert isinstance(text, str)
            assert json.loads(text)["header"]["tr_id"] == "PINGPONG"
            if way == "echo":
                socket.raw.send(text)
            else:
                socket.raw.pong(text)
        assert code(socket.ask("H0STCNT0", SAMSUNG)) == "OPSP0000"


def test_who_never_answers_is_cut() -> None:
    with (
        venue(ping_interval_s=0.05, unanswered_pings=3) as (running, kis),
        Socket(running, kis.approval()) as socket,
        pytest.raises(ConnectionClosed),
    ):
        socket.frame()


@pytest.mark.parametrize("width", [46, 47])
def test_trades_come_in_frames_and_volume_adds_up(width: int) -> None:
    with venue(trade_fields=width) as (running, kis), Socket(running, kis.approval()) as socket:
        socket.ask("H0STCNT0", SAMSUNG)
        volume = 0
        for quantity in (1, 2, 3):
            kis.sim("trade", symbol=SAMSUNG, is_buy=True, quantity=quantity)
            tr_id, records = socket.frame()
            assert tr_id == "H0STCNT0"
            for record in records:
                assert len(record) == width
                volume += int(record[12])
                assert (record[0], int(record[13])) == (SAMSUNG, volume)
                assert int(record[10]) > int(record[11]) > 0
                assert record[21] == "1"
        assert volume == 6


def test_trades_that_happen_at_once_share_a_frame() -> None:
    with venue(balances={"KRW": 10**10}) as (running, kis), Socket(running, kis.approval()) as socket:
        socket.ask("H0STCNT0", SAMSUNG)
        kis.cancel(kis.placed("buy", 20_000, 72_000))
        counts: list[int] = []
        while sum(counts) < 5:
            counts.append(len(socket.frame()[1]))
        assert max(counts) > 1


@pytest.mark.parametrize("width", [59, 60])
def test_books_have_ten_levels_and_change_with_orders(width: int) -> None:
    with venue(book_fields=width) as (running, kis), Socket(running, kis.approval()) as socket:
        socket.ask("H0STASP0", SAMSUNG)
        kis.sim("trade", symbol=SAMSUNG, is_buy=True, quantity=1)
        tr_id, (record,) = socket.frame()
        assert (tr_id, len(record), record[0]) == ("H0STASP0", width, SAMSUNG)
        asks, bids = [int(price) for price in record[3:13]], [int(price) for price in record[13:23]]
        assert asks == sorted(asks)
        assert bids == sorted(bids, reverse=True)
        assert bids[0] < asks[0]
        assert sum(int(size) for size in record[23:33]) == int(record[43])
        assert sum(int(size) for size in record[33:43]) == int(record[44])
        ours = bids[0] - 100 if bids[1] != bids[0] - 100 else bids[1]
        kis.placed("buy", 7, ours)
        _, (after,) = socket.frame()
        at = [int(price) for price in after[13:23]].index(ours)
        before = int(record[33 + bids.index(ours)]) if ours in bids else 0
        assert int(after[33 + at]) == before + 7


def test_nothing_is_sent_that_was_not_registered_for() -> None:
    with venue() as (running, kis), Socket(running, kis.approval()) as socket:
        socket.ask("H0STCNT0", HYNIX)
        kis.sim("trade", symbol=SAMSUNG, is_buy=True, quantity=1)
        kis.placed("buy", 1, 60_000)
        with pytest.raises(TimeoutError):
            socket.frame(NO_FRAME_WITHIN_S)
