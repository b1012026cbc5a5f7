"""Lists: every filter, pages on either host, balance, buying power, price."""

from collections.abc import Iterator

import pytest

from tests.venues.simulator.kis.kit import HYNIX, KAKAO, KODEX, SAMSUNG, Json, Kis, at_ms, venue

START = "2026-03-03 09:30:00"


@pytest.fixture(scope="module")
def kis() -> Iterator[Kis]:
    """Five orders of a day: open, part filled, filled, cancelled with its cancel, a sale."""
    with venue(clock_starts_at_ms=at_ms(START)) as (_, client):
        client.placed("buy", 1, 60_000)
        client.fill(client.placed("buy", 4, 60_000), 1)
        client.fill(client.placed("buy", 2, 100_000, HYNIX))
        client.cancel(client.placed("buy", 3, 35_000, KAKAO))
        client.placed("sell", 1, 150_000, HYNIX)
        yield client


@pytest.mark.parametrize(
    ("params", "numbers"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"INQR_DVSN": "00"}, [6, 5, 4, 3, 2, 1]),
        ({"SLL_BUY_DVSN_CD": "01"}, [6]),
        ({"SLL_BUY_DVSN_CD": "02"}, [1, 2, 3, 4, 5]),
        ({"PDNO": HYNIX}, [3, 6]),
        ({"ODNO": "0000000002"}, [2]),
        ({"ODNO": "2"}, [2]),
        ({"ORD_GNO_BRNO": "06010", "ODNO": "3"}, [3]),
        ({"ORD_GNO_BRNO": "00001"}, []),
        ({"CCLD_DVSN": "01"}, [2, 3]),
        ({"CCLD_DVSN": "02"}, [1, 2, 6]),
        ({"INQR_STRT_DT": "20260304"}, []),
        ({"INQR_END_DT": "20260302"}, []),
        ({"INQR_STRT_DT": "20260303", "INQR_END_DT": "20260303"}, [1, 2, 3, 4, 5, 6]),
        ({"INQR_DVSN_3": "02"}, []),
        ({"INQR_DVSN_1": "1"}, []),
        ({"EXCG_ID_DVSN_CD": "ALL"}, [1, 2, 3, 4, 5, 6]),
        ({"EXCG_ID_DVSN_CD": "NXT"}, []),
    ],
)
def test_every_filter_is_honoured(kis: Kis, params: dict[str, str], numbers: list[int]) -> None:
    assert [int(row["odno"]) for row in kis.rows(**params)] == numbers


def test_totals_are_of_the_whole_list(kis: Kis) -> None:
    totals = kis.listing().json()["output2"]
    assert (totals["tot_ccld_qty"], totals["tot_ccld_amt"]) == ("3", "260000")


@pytest.mark.parametrize("params", [{"INQR_STRT_DT": "2026"}, {"INQR_DVSN": "02"}, {"CCLD_DVSN": "x"}, {"ODNO": "x"}])
def test_what_makes_no_sense_is_refused(kis: Kis, params: dict[str, str]) -> None:
    assert kis.listing(**params).json()["rt_cd"] != "0"


def test_old_orders_are_another_tr(kis: Kis) -> None:
    assert kis.listing(tr_id="CTSC9215R").json()["output1"] == []


def test_changeable_orders(kis: Kis) -> None:
    asked = {"INQR_DVSN_1": "0", "INQR_DVSN_2": "0", "CTX_AREA_FK100": "", "CTX_AREA_NK100": ""}
    rows = kis.get("inquire-psbl-rvsecncl", "TTTC0084R", asked).json()["output"]
    assert [(int(row["odno"]), row["psbl_qty"]) for row in rows] == [(1, "1"), (2, "3"), (6, "1")]
    buys = kis.get("inquire-psbl-rvsecncl", "TTTC0084R", asked | {"INQR_DVSN_2": "2"}).json()["output"]
    assert [int(row["odno"]) for row in buys] == [1, 2]


@pytest.mark.parametrize(("host", "size", "orders"), [("paper", 15, 31), ("real", 100, 201)])
def test_pages(host: str, size: int, orders: int) -> None:
    with venue(host=host) as (_, kis):
        numbers = [kis.placed("buy", 1, 60_000) for _ in range(orders)]
        first = kis.listing()
        assert (len(first.json()["output1"]), first.headers["tr_cont"]) == (size, "F")
        assert first.json()["msg_cd"] == "KIOK0500"
        assert len(first.json()["ctx_area_fk100"]) == len(first.json()["ctx_area_nk100"]) == 100
        keys = {f"CTX_AREA_{n.upper()}": first.json()[f"ctx_area_{n}"] for n in ("fk100", "nk100")}
        second = kis.listing("N", **keys)
        assert second.headers["tr_cont"] == "M"
        assert kis.listing("", **keys).json()["output1"] == first.json()["output1"], "without tr_cont it begins anew"
        assert [row["odno"] for row in kis.rows()] == numbers
        assert [row["odno"] for row in kis.rows(INQR_DVSN="00")] == numbers[::-1]
        assert kis.listing("N", **{**keys, "CTX_AREA_NK100": "nonsense"}).json()["rt_cd"] != "0"


def test_a_page_that_is_the_last_says_so(kis: Kis) -> None:
    assert kis.listing().headers["tr_cont"] == "D"


def test_an_order_between_two_pages_moves_none_to_another() -> None:
    with venue(page_rows=2) as (_, kis):
        numbers = [kis.placed("buy", 1, 60_000) for _ in range(3)]
        body = kis.listing().json()
        late = kis.placed("buy", 1, 60_000)
        keys = {f"CTX_AREA_{n.upper()}": body[f"ctx_area_{n}"] for n in ("fk100", "nk100")}
        rows = body["output1"] + kis.listing("N", **keys).json()["output1"]
        assert [row["odno"] for row in rows] == [*numbers, late]


def test_balance_states_holdings_and_cash() -> None:
    with venue(balances={"KRW": 10_000_000, KODEX: 7}, commission_rate="0.001", sell_tax_rate="0.002") as (_, kis):
        kis.fill(kis.placed("buy", 10, 65_000))
        kis.fill(kis.placed("buy", 5, 60_000))
        kis.fill(kis.placed("sell", 3, 80_000))
        kis.placed("sell", 2, 90_000)
        held = kis.held()
        assert (held[KODEX]["hldg_qty"], held[KODEX]["pchs_avg_pric"]) == ("7", "35000.0000")
        row = held[SAMSUNG]
        assert (row["hldg_qty"], row["ord_psbl_qty"]) == ("12", "10")
        assert (row["thdt_buyqty"], row["thdt_sll_qty"], row["pchs_avg_pric"]) == ("15", "3", "63333.3333")
        cash = kis.cash()
        bought, sold = 950_000, 240_000
        costs = 650 + 300 + 240 + 480
        assert (cash["thdt_buy_amt"], cash["thdt_sll_amt"], cash["thdt_tlex_amt"]) == ("950000", "240000", str(costs))
        assert cash["prvs_rcdl_excc_amt"] == str(10_000_000 - bought + sold - costs)
        assert cash["dnca_tot_amt"] == cash["nxdy_excc_amt"] == "10000000"


def test_balance_by_symbol_is_refused_as_it_has_been_since_february_2026(kis: Kis) -> None:
    asked = {"AFHR_FLPR_YN": "N", "INQR_DVSN": "02", "UNPR_DVSN": "01", "PRCS_DVSN": "00"}
    answer = kis.get("inquire-balance", "TTTC8434R", asked).json()
    assert (answer["rt_cd"], answer["msg_cd"]) == ("2", "OPSQ2001")


def test_balance_has_pages() -> None:
    with venue(page_rows=3, balances={"KRW": 1, SAMSUNG: 1, HYNIX: 1, KAKAO: 1, KODEX: 1}) as (_, kis):
        answer = kis.balance()
        assert (len(answer.json()["output1"]), answer.headers["tr_cont"]) == (3, "F")


@pytest.mark.parametrize(("division", "price", "counted_at"), [("00", "50000", 50_000), ("01", "0", 91_000)])
def test_buying_power_has_room_for_the_commission(division: str, price: str, counted_at: int) -> None:
    with venue(balances={"KRW": 1_000_000}, commission_rate="0.01") as (_, kis):
        asked = {"PDNO": SAMSUNG, "ORD_UNPR": price, "ORD_DVSN": division}
        more = {"CMA_EVLU_AMT_ICLD_YN": "N", "OVRS_ICLD_YN": "N"}
        found = kis.get("inquire-psbl-order", "TTTC8908R", asked | more).json()["output"]
        most = int(found["nrcvb_buy_qty"])
        assert found["psbl_qty_calc_unpr"] == str(counted_at)
        assert most * counted_at * 101 // 100 <= 1_000_000 < (most + 1) * counted_at * 101 // 100
        if division == "00":
            assert kis.order("buy", most + 1, counted_at).json()["rt_cd"] == "1"
            kis.placed("buy", most, counted_at)


def test_price_tells_the_trading_rules() -> None:
    with venue() as (_, kis):
        path = "/uapi/domestic-stock/v1/quotations/inquire-price"

        def asked(symbol: str) -> Json:
            params = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": symbol}
            found: Json = kis.http.get(path, params=params, headers=kis.headers("FHKST01010100")).json()
            return found

        found = asked(SAMSUNG)["output"]
        assert (found["stck_sdpr"], found["stck_mxpr"], found["stck_llam"]) == ("70000", "91000", "49000")
        assert (found["aspr_unit"], found["iscd_stat_cls_code"], found["temp_stop_yn"]) == ("100", "55", "N")
        etf = asked(KODEX)["output"]
        assert (etf["aspr_unit"], etf["bstp_kor_isnm"]) == ("5", "ETF")
        assert asked("999999")["rt_cd"] == "1"
        kis.sim("kis/stock", symbol=SAMSUNG, is_halted=True)
        halted = asked(SAMSUNG)["output"]
        assert (halted["iscd_stat_cls_code"], halted["temp_stop_yn"]) == ("58", "Y")
        assert kis.order("buy", 1, 60_000).json()["rt_cd"] == "1"
