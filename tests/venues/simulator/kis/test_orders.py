"""Orders: side, number, divisions, ticks and limits, cancels, amendments, and the row that tells of each."""

from collections.abc import Iterator

import pytest

from tests.venues.simulator.kis.kit import HYNIX, KAKAO, KODEX, SAMSUNG, Kis, venue


@pytest.fixture(scope="module")
def kis() -> Iterator[Kis]:
    with venue(balances={"KRW": 10**9}) as (_, client):
        yield client


def adds_up(row: dict[str, str]) -> bool:
    parts = ("tot_ccld_qty", "rmn_qty", "cncl_cfrm_qty", "rjct_qty")
    return int(row["ord_qty"]) == sum(int(row[name]) for name in parts)


def test_an_order_gets_a_number_and_a_row(kis: Kis) -> None:
    answer = kis.order("buy", 3, 60_000)
    body = answer.json()
    assert (body["rt_cd"], body["msg_cd"]) == ("0", "APBK0013")
    assert set(body["output"]) == {"KRX_FWDG_ORD_ORGNO", "ODNO", "ORD_TMD"}
    assert len(body["output"]["ODNO"]) == 10
    row = kis.row(body["output"]["ODNO"])
    assert (row["sll_buy_dvsn_cd"], row["pdno"], row["ord_qty"], row["ord_unpr"]) == ("02", SAMSUNG, "3", "60000")
    assert (row["rmn_qty"], row["tot_ccld_qty"], row["avg_prvs"], row["orgn_odno"]) == ("3", "0", "0", "")
    assert row["ord_tmd"] == body["output"]["ORD_TMD"]
    assert len(row) == 36


def test_the_side_is_in_the_tr_id_only(kis: Kis) -> None:
    kis.placed("buy", 5, 71_000)
    number = kis.placed("sell", 1, 90_000)
    assert kis.row(number)["sll_buy_dvsn_cd"] == "01"


def test_fills_grow_the_totals_and_name_no_execution(kis: Kis) -> None:
    number = kis.placed("buy", 10, 61_000)
    kis.fill(number, 3)
    kis.fill(number, 3)
    row = kis.row(number)
    assert (row["tot_ccld_qty"], row["tot_ccld_amt"], row["rmn_qty"]) == ("6", "366000", "4")
    assert row["avg_prvs"] == "61000.0000"
    assert adds_up(row)


def test_the_average_price_is_rounded_and_the_amount_is_not(kis: Kis) -> None:
    number = kis.placed("buy", 3_000, 72_000, SAMSUNG)
    row = kis.row(number)
    amount, filled = int(row["tot_ccld_amt"]), int(row["tot_ccld_qty"])
    assert filled > 1
    assert amount % filled, "the sweep had to meet several prices"
    assert row["avg_prvs"] == f"{amount / filled:.4f}"
    kis.cancel(number)


@pytest.mark.parametrize(
    ("division", "price", "left"), [("11", 60_000, "0"), ("12", 60_000, "0"), ("13", 0, "0"), ("14", 0, "0")]
)
def test_what_may_not_rest_does_not(kis: Kis, division: str, price: int, left: str) -> None:
    row = kis.row(kis.placed("buy", 2, price, division=division))
    assert row["rmn_qty"] == left
    assert int(row["tot_ccld_qty"]) == (0 if price else 2)
    assert adds_up(row)


@pytest.mark.parametrize("division", ["02", "03", "05", "15", "22", "41", "99"])
def test_other_divisions_are_refused(kis: Kis, division: str) -> None:
    answer = kis.order("buy", 1, 60_000, division=division)
    assert answer.status_code == 500
    assert answer.json()["rt_cd"] == "1"


@pytest.mark.parametrize(
    ("symbol", "price", "is_taken"),
    [
        (SAMSUNG, 70_000, True),
        (SAMSUNG, 70_050, False),
        (SAMSUNG, 49_050, True),
        (SAMSUNG, 49_000, True),
        (SAMSUNG, 48_950, False),
        (SAMSUNG, 91_000, True),
        (SAMSUNG, 91_100, False),
        (KAKAO, 36_050, True),
        (KAKAO, 36_010, False),
        (KODEX, 35_005, True),
        (KODEX, 35_001, False),
        ("123456", 1_000, False),
    ],
)
def test_ticks_and_price_limits(kis: Kis, symbol: str, price: int, is_taken: bool) -> None:
    answer = kis.order("buy", 1, price, symbol)
    assert (answer.json()["rt_cd"] == "0") is is_taken, answer.text
    if is_taken:
        kis.cancel(answer.json()["output"]["ODNO"])


def test_no_order_without_money_or_shares(kis: Kis) -> None:
    before = len(kis.books()["orders"])
    assert kis.order("buy", 1_000_000, 70_000).json()["rt_cd"] == "1"
    assert kis.order("sell", 1, 130_000, HYNIX).json()["rt_cd"] == "1"
    assert kis.order("buy", 0, 70_000).json()["rt_cd"] == "1"
    assert len(kis.books()["orders"]) == before, "what is refused at once uses up no number"


def test_a_cancel_has_a_number_of_its_own(kis: Kis) -> None:
    number = kis.placed("buy", 4, 55_000)
    kis.fill(number, 1)
    cancel = kis.cancel(number).json()["output"]["ODNO"]
    assert cancel != number
    row, of_cancel = kis.row(number), kis.row(cancel)
    assert (row["rmn_qty"], row["cncl_cfrm_qty"], row["tot_ccld_qty"], row["cncl_yn"]) == ("0", "3", "1", "Y")
    assert (of_cancel["orgn_odno"], of_cancel["rmn_qty"], of_cancel["tot_ccld_qty"]) == (number, "0", "0")
    assert adds_up(row)
    again = kis.cancel(number)
    assert (again.status_code, again.json()["rt_cd"]) == (500, "1")


def test_a_part_is_cancelled(kis: Kis) -> None:
    number = kis.placed("buy", 10, 55_000)
    kis.cancel(number, 4)
    row = kis.row(number)
    assert (row["ord_qty"], row["rmn_qty"], row["cncl_cfrm_qty"]) == ("10", "6", "4")
    kis.fill(number)
    row = kis.row(number)
    assert (row["tot_ccld_qty"], row["rmn_qty"], row["cncl_cfrm_qty"]) == ("6", "0", "4")
    assert kis.cancel(number).json()["rt_cd"] == "1"


def test_an_amended_order_goes_on_under_a_new_number(kis: Kis) -> None:
    number = kis.placed("buy", 10, 55_000)
    kis.fill(number, 2)
    amended = kis.amend(number, 56_000).json()["output"]["ODNO"]
    old, new = kis.row(number), kis.row(amended)
    assert (old["tot_ccld_qty"], old["rmn_qty"], old["cncl_cfrm_qty"]) == ("2", "0", "8")
    assert (new["orgn_odno"], new["ord_qty"], new["ord_unpr"], new["rmn_qty"]) == (number, "8", "56000", "8")
    assert kis.amend(number, 57_000).json()["rt_cd"] == "1", "nothing of it is left"
    assert kis.cancel(amended).json()["rt_cd"] == "0"


def test_a_part_is_amended(kis: Kis) -> None:
    number = kis.placed("buy", 10, 55_000)
    amended = kis.amend(number, 56_000, quantity=4).json()["output"]["ODNO"]
    assert (kis.row(number)["rmn_qty"], kis.row(amended)["rmn_qty"]) == ("6", "4")
    assert kis.amend(number, 56_010).json()["rt_cd"] == "1"
    assert kis.amend(number, 90_000, quantity=7).json()["rt_cd"] == "1"
    kis.cancel(number), kis.cancel(amended)


def test_only_todays_orders_of_this_account_are_changed(kis: Kis) -> None:
    assert kis.cancel("0000999999").json()["rt_cd"] == "1"
    theirs = kis.sim("kis/manual", account="other", symbol=KODEX, side="buy", quantity=1, price=34_000)["number"]
    assert kis.cancel(theirs).json()["rt_cd"] == "1"
    assert not kis.rows(ODNO=theirs)


def test_orders_placed_by_hand_bear_other_marks(kis: Kis) -> None:
    ours = kis.placed("buy", 1, 55_000)
    theirs = kis.sim("kis/manual", symbol=SAMSUNG, side="buy", quantity=1, price=55_000)["number"]
    names = ("ordr_empno", "cpbc_ordp_ord_rcit_dvsn_cd", "cpbc_ordp_mtrl_dvsn_cd")
    one, other = kis.row(ours), kis.row(theirs)
    assert all(one[name] and other[name] and one[name] != other[name] for name in names)


def test_by_hand_our_orders_are_cancelled_and_amended(kis: Kis) -> None:
    number = kis.placed("buy", 5, 55_000)
    amended = kis.sim("kis/manual", amend=number, price=54_000)["number"]
    assert kis.row(amended)["orgn_odno"] == number
    kis.sim("kis/manual", cancel=amended)
    assert kis.row(amended)["cncl_cfrm_qty"] == "5"
