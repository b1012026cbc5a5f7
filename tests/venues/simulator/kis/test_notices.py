"""Notices: what is told, hidden how, in which order, and of whom."""

import pytest
from websockets.exceptions import ConnectionClosed

from tests.venues.simulator.kis.kit import KAKAO, SAMSUNG, Kis, Socket, venue

ACCOUNT, NUMBER, ORIGINAL, SIDE, REQUEST, SYMBOL, QUANTITY, PRICE = 1, 2, 3, 4, 5, 8, 9, 10
REFUSED, IS_FILL, ACCEPTANCE, ORDERED = 12, 13, 14, 16


def heard(socket: Socket, count: int) -> list[list[str]]:
    return [socket.notice() for _ in range(count)]


@pytest.mark.parametrize("width", [23, 26])
def test_acceptance_and_fill_are_told_in_either_layout(width: int) -> None:
    with venue(notice_fields=width) as (running, kis), Socket(running, kis.approval()).notices() as socket:
        number = kis.placed("buy", 3, 60_000)
        kis.fill(number, 2)
        accepted, filled = heard(socket, 2)
        assert len(accepted) == len(filled) == width
        assert (accepted[ACCOUNT], accepted[NUMBER], accepted[SYMBOL]) == ("5001234501", number, SAMSUNG)
        assert (accepted[IS_FILL], accepted[ACCEPTANCE], accepted[SIDE], accepted[REQUEST]) == ("1", "1", "02", "0")
        assert (filled[IS_FILL], int(filled[QUANTITY]), int(filled[PRICE]), int(filled[ORDERED])) == ("2", 2, 60_000, 3)


def test_a_cancel_and_an_amendment_name_their_original() -> None:
    with venue() as (running, kis), Socket(running, kis.approval()).notices() as socket:
        number = kis.placed("buy", 3, 60_000)
        amended = kis.amend(number, 59_000).json()["output"]["ODNO"]
        cancel = kis.cancel(amended).json()["output"]["ODNO"]
        told = heard(socket, 5)[1:]
        assert [(n[NUMBER], n[ORIGINAL], n[REQUEST], n[ACCEPTANCE]) for n in told] == [
            (amended, number, "1", "1"),
            (amended, number, "1", "2"),
            (cancel, amended, "2", "1"),
            (cancel, amended, "2", "2"),
        ]


def test_the_rest_of_an_ioc_order_is_told() -> None:
    with venue() as (running, kis), Socket(running, kis.approval()).notices() as socket:
        kis.placed("buy", 3, 60_000, division="11")
        accepted, ended = heard(socket, 2)
        assert (accepted[ACCEPTANCE], ended[ACCEPTANCE], ended[IS_FILL], ended[7]) == ("1", "3", "1", "1")


def test_every_account_of_the_hts_id_is_told_of() -> None:
    with venue() as (running, kis), Socket(running, kis.approval()).notices() as socket:
        kis.sim("kis/manual", account="other", symbol=KAKAO, side="buy", quantity=1, price=30_000)
        kis.sim("kis/manual", symbol=KAKAO, side="buy", quantity=1, price=30_000)
        assert [notice[ACCOUNT] for notice in heard(socket, 2)] == ["5006789001", "5001234501"]


def test_on_the_paper_host_the_tr_id_is_another() -> None:
    with venue(host="paper") as (running, kis), Socket(running, kis.approval()) as socket:
        assert socket.ask("H0STCNI0", "bulkhead")["body"]["msg_cd"] == "OPSP8991"
        socket.notices(tr_id="H0STCNI9")
        kis.placed("buy", 3, 60_000)
        assert socket.frame()[0] == "H0STCNI9"


def test_a_wrong_hts_id_is_dropped_without_a_word() -> None:
    with venue() as (running, kis), Socket(running, kis.approval()) as socket:
        socket.send("H0STCNI0", "somebody")
        with pytest.raises(ConnectionClosed) as closed:
            socket.raw.recv(5)
        assert closed.value.rcvd is None


def test_reports_are_lost_and_repeated_by_switch() -> None:
    with venue() as (running, kis), Socket(running, kis.approval()).notices() as socket:
        kis.sim("faults", lose_reports=1)
        number = kis.placed("buy", 3, 60_000)
        kis.sim("faults", repeat_reports=True)
        kis.fill(number, 1)
        assert [notice[IS_FILL] for notice in heard(socket, 2)] == ["2", "2"]


def test_before_the_answer_by_switch_and_after_it_without() -> None:
    with venue() as (running, kis), Socket(running, kis.approval()).notices() as socket:
        kis.sim("faults", notices_first=True, reply_latency_ms=400)
        assert _is_told_first(kis, socket)


def _is_told_first(kis: Kis, socket: Socket) -> bool:
    """A notice is there while the answer is still on its way."""
    import threading

    done = threading.Event()

    def place() -> None:
        kis.placed("buy", 1, 60_000)
        done.set()

    thread = threading.Thread(target=place)
    thread.start()
    socket.notice()
    was_first = not done.is_set()
    thread.join()
    return was_first
