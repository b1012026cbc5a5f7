"""Hours, holidays, the close, the next day, settlement: all in the venue's time, however fast it runs."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.venues.simulator.kis.kit import SAMSUNG, Kis, Socket, at_ms, venue

FAST = 3_600
"""An hour of the venue in a second."""
WITHIN_S = 30


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def pass_until(kis: Kis, text: str) -> None:
    """Until that time in Korea at the venue."""
    wait_until(lambda: kis.books()["clock"]["now_ns"] >= at_ms(text) * 1_000_000)


@pytest.mark.parametrize(
    ("starts", "is_open"),
    [
        ("2026-03-03 08:58:00", False),
        ("2026-03-03 09:00:00", True),
        ("2026-03-03 15:29:00", True),
        ("2026-03-03 15:30:00", False),
        ("2026-03-01 10:00:00", False),  # a Sunday, and a holiday
        ("2026-03-02 10:00:00", False),  # its day in lieu
        ("2026-09-25 10:00:00", False),  # Chuseok
        ("2026-01-02 09:30:00", False),  # the year's first session opens an hour later
        ("2026-11-19 15:45:00", True),  # examination day: everything an hour later
    ],
)
def test_orders_are_taken_in_trading_hours_only(starts: str, is_open: bool) -> None:
    with venue(always_open=False, clock_starts_at_ms=at_ms(starts)) as (_, kis):
        answer = kis.order("buy", 1, 60_000).json()
        assert (answer["rt_cd"] == "0") is is_open, answer
        assert kis.books()["is_open"] is is_open


def test_nobody_trades_before_the_market_opens() -> None:
    with (
        venue(
            always_open=False, clock_starts_at_ms=at_ms("2026-03-03 08:57:30"), clock_speed=30, events_per_s=2_000
        ) as (running, kis),
        Socket(running, kis.approval()) as socket,
    ):
        socket.ask("H0STCNT0", SAMSUNG)
        asked_ns = kis.books()["clock"]["now_ns"]
        _, records = socket.frame()
        assert asked_ns < at_ms("2026-03-03 09:00:00") * 1_000_000, "it took too long to ask"
        assert records[0][1].startswith("0900")
        assert records[0][13] == records[0][12], "the first of the day"


def test_at_the_close_resting_orders_end_and_their_money_is_free() -> None:
    with venue(always_open=False, clock_starts_at_ms=at_ms("2026-03-03 12:00:00"), clock_speed=FAST) as (_, kis):
        number = kis.placed("buy", 5, 60_000)
        kis.fill(number, 2)
        wait_until(lambda: kis.row(number)["rmn_qty"] == "0")
        row = kis.row(number)
        assert (row["tot_ccld_qty"], row["cncl_cfrm_qty"]) == ("2", "3")
        assert kis.books()["balances"]["KRW"]["locked"] == "0.00000000"
        assert kis.cancel(number).json()["rt_cd"] == "1"


def test_the_next_day_numbers_begin_anew_and_do_not_collide() -> None:
    with venue(clock_starts_at_ms=at_ms("2026-03-03 21:00:00"), clock_speed=FAST) as (_, kis):
        first = kis.placed("buy", 5, 60_000)
        second = kis.placed("buy", 1, 60_000)
        pass_until(kis, "2026-03-04 00:05:00")
        again = kis.placed("buy", 2, 60_000)
        assert (first, second, again) == ("0000000001", "0000000002", "0000000001")
        rows = kis.rows(ODNO=first)
        assert [(row["ord_dt"], row["ord_qty"], row["rmn_qty"]) for row in rows] == [
            ("20260303", "5", "0"),
            ("20260304", "2", "2"),
        ]
        kis.cancel(again)
        assert kis.cancel(second).json()["rt_cd"] == "1", "yesterday's numbers are no longer orders"
        assert [row["odno"] for row in kis.rows(INQR_STRT_DT="20260304")] == ["0000000001", "0000000002"]


def test_the_base_price_of_a_day_is_where_the_last_one_ended() -> None:
    with venue(clock_starts_at_ms=at_ms("2026-03-03 21:00:00"), clock_speed=FAST) as (_, kis):
        kis.fill(kis.placed("buy", 1, 60_000))
        assert kis.order("buy", 1, 43_000).json()["rt_cd"] == "1"
        pass_until(kis, "2026-03-04 00:01:00")
        assert kis.order("buy", 1, 42_000).json()["rt_cd"] == "0"
        assert kis.order("buy", 1, 78_100).json()["rt_cd"] == "1"


def test_cash_is_settled_two_sessions_after_the_trade(tmp_path: Path) -> None:
    """Friday's purchase is paid on Tuesday: the weekend is no session."""
    opening, paid = 10_000_000, 9_400_000
    made = {
        "always_open": False,
        "books_file": f"{tmp_path}/books.db",
        "balances": {"KRW": opening},
        "commission_rate": "0",
    }
    names = ("dnca_tot_amt", "nxdy_excc_amt", "prvs_rcdl_excc_amt")
    seen: dict[str, tuple[int, ...]] = {}
    for day in ("2026-03-06", "2026-03-07", "2026-03-09", "2026-03-10"):
        with venue(clock_starts_at_ms=at_ms(f"{day} 10:00:00"), **made) as (_, kis):
            if not seen:
                kis.fill(kis.placed("buy", 10, 60_000))
            cash = kis.cash()
            seen[day] = tuple(int(cash[name]) for name in names)
    assert seen == {
        "2026-03-06": (opening, opening, paid),
        "2026-03-07": (opening, opening, paid),
        "2026-03-09": (opening, paid, paid),
        "2026-03-10": (paid, paid, paid),
    }


def test_after_a_restart_it_knows_its_orders_numbers_and_holdings(tmp_path: Path) -> None:
    file, starts = f"{tmp_path}/books.db", at_ms("2026-03-03 10:00:00")
    with venue(books_file=file, clock_starts_at_ms=starts) as (_, kis):
        resting = kis.placed("buy", 5, 60_000)
        kis.fill(resting, 2)
        kis.cancel(kis.placed("buy", 3, 61_000), 1)
        by_hand = kis.sim("kis/manual", symbol=SAMSUNG, side="buy", quantity=1, price=50_000)["number"]
        kis.sim("faults", reject_later=1)
        kis.placed("buy", 9, 61_000)
        rows, held, cash = kis.rows(), kis.held(), kis.cash()
    with venue(books_file=file, clock_starts_at_ms=starts + 120_000) as (_, kis):
        assert (kis.rows(), kis.held(), kis.cash()) == (rows, held, cash)
        kis.fill(resting)
        assert kis.row(resting)["tot_ccld_qty"] == "5"
        assert kis.row(by_hand)["ordr_empno"] == "Nsmart"
        assert int(kis.placed("buy", 1, 60_000)) == len(rows) + 1


def test_orders_that_rested_over_night_while_it_was_down_end_when_it_is_back(tmp_path: Path) -> None:
    file = f"{tmp_path}/books.db"
    with venue(books_file=file, clock_starts_at_ms=at_ms("2026-03-03 10:00:00")) as (_, kis):
        number = kis.placed("buy", 5, 60_000)
    with venue(books_file=file, clock_starts_at_ms=at_ms("2026-03-04 10:00:00")) as (_, kis):
        row = kis.row(number)
        assert (row["ord_dt"], row["rmn_qty"], row["cncl_cfrm_qty"]) == ("20260303", "0", "5")
        assert kis.placed("buy", 1, 60_000) == "0000000001"
