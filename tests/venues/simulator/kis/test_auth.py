"""Who is let in: tokens and their limits, keys, headers, TR ids, accounts, and the envelope of each refusal."""

from pathlib import Path

import pytest

from bulkhead.venues.simulator.process import in_thread
from bulkhead.venues.simulator.settings import DEMO_KIS_APP_KEY, DEMO_KIS_APP_SECRET
from tests.venues.simulator.kis.kit import Kis, Socket, at_ms, settings, venue

HOUR_S = 3_600
FAST = 36_000
"""An hour of the venue in a tenth of a second."""


def test_the_demo_words_are_as_long_as_real_ones() -> None:
    assert (len(DEMO_KIS_APP_KEY), len(DEMO_KIS_APP_SECRET)) == (36, 180)


def test_a_token_is_given_once_a_minute_and_refused_in_an_envelope_of_its_own() -> None:
    with venue() as (_, kis):
        again = kis.issue()
        assert again.status_code == 403
        assert again.json() == {
            "error_code": "EGW00133",
            "error_description": "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)",
        }


def test_the_answer_says_when_it_expires_in_korea() -> None:
    with venue(clock_starts_at_ms=at_ms("2026-03-03 09:00:00")) as (_, kis):
        kis.sim("faults", expire_tokens=True)
        body = kis.issue().json()
        assert body["token_type"] == "Bearer"
        assert body["expires_in"] == 86_400
        assert body["access_token_token_expired"].startswith("2026-03-04 09:00:")


def test_within_six_hours_it_is_the_same_token_and_after_a_day_it_has_expired() -> None:
    # 36,000 times as fast: an hour is 0.1 s.
    with venue(clock_starts_at_ms=at_ms("2026-03-03 09:00:00"), clock_speed=FAST) as (_, kis):
        start_ns = kis.books()["clock"]["now_ns"]
        first = kis.token

        def hours() -> float:
            passed_ns: int = kis.books()["clock"]["now_ns"] - start_ns
            return passed_ns / 1e9 / HOUR_S

        again = kis.issue()
        while again.status_code == 403:
            again = kis.issue()
        if hours() < 6:
            assert again.json()["access_token"] == first
        while hours() < 6.1:
            pass
        later = kis.issue().json()["access_token"]
        assert later != first
        while hours() < 24.2:
            pass
        refused = kis.listing()
        assert (refused.status_code, refused.json()["msg_cd"]) == (500, "EGW00123")


def test_it_expires_by_switch_and_is_renewed() -> None:
    with venue() as (_, kis):
        kis.sim("faults", expire_tokens=True)
        assert kis.listing().json()["msg_cd"] == "EGW00123"
        old = kis.token
        assert kis.log_in().token != old
        assert kis.listing().json()["rt_cd"] == "0"


def test_a_revoked_token_is_none() -> None:
    with venue() as (_, kis):
        body = {"appkey": DEMO_KIS_APP_KEY, "appsecret": DEMO_KIS_APP_SECRET, "token": kis.token}
        assert kis.http.post("/oauth2/revokeP", json=body).json()["code"] == 200
        assert kis.listing().json()["msg_cd"] == "EGW00121"
        assert kis.http.post("/oauth2/revokeP", json=body).status_code == 403


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"appkey": "x" * 36}, "EGW00103"),
        ({"appsecret": "x" * 180}, "EGW00105"),
        ({"grant_type": "password"}, "EGW00101"),
    ],
)
def test_wrong_words_get_no_token(changed: dict[str, str], code: str) -> None:
    with venue() as (_, kis):
        refused = kis.issue(**changed)
        assert (refused.status_code, refused.json()["error_code"]) == (403, code)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"authorization": "-"}, 500, "EGW00122"),
        ({"authorization": "Bearer nonsense"}, 500, "EGW00121"),
        ({"appkey": "x" * 36}, 403, "EGW00103"),
        ({"appsecret": "x" * 180}, 403, "EGW00105"),
        ({"custtype": "-"}, 500, "EGW00206"),
        ({"hashkey": "0" * 64}, 500, "EGW00131"),
        ({"tr_id": "VTTC0012U"}, 500, "EGW00213"),
        ({"tr_id": "TTTC0802U"}, 500, "OPSQ0002"),
        ({"tr_id": "TTTC0013U"}, 500, "OPSQ0002"),
    ],
)
def test_headers_are_checked_in_front_of_every_order(headers: dict[str, str], status: int, code: str) -> None:
    with venue() as (_, kis):
        body = {"PDNO": "005930", "ORD_DVSN": "00", "ORD_QTY": "1", "ORD_UNPR": "60000"}
        tr_id = headers.get("tr_id", "TTTC0012U")
        made = kis.headers(tr_id, **{name: value for name, value in headers.items() if name != "tr_id"})
        whole = {"CANO": "50012345", "ACNT_PRDT_CD": "01", **body}
        answer = kis.http.post("/uapi/domestic-stock/v1/trading/order-cash", json=whole, headers=made)
        assert (answer.status_code, answer.json()["msg_cd"]) == (status, code)
        assert answer.json()["rt_cd"] != "0"
        assert not kis.books()["orders"]


def test_the_paper_host_has_tr_ids_of_its_own_and_no_list_of_changeable_orders() -> None:
    with venue(host="paper") as (_, kis):
        number = kis.placed("buy", 1, 60_000)
        assert kis.row(number)["odno"] == number
        asked = {"INQR_DVSN_1": "0", "INQR_DVSN_2": "0", "CTX_AREA_FK100": "", "CTX_AREA_NK100": ""}
        assert kis.get("inquire-psbl-rvsecncl", "TTTC0084R", asked).json()["msg_cd"] == "EGW00213"
        kis.is_paper = False
        assert kis.order("buy", 1, 60_000).json()["msg_cd"] == "EGW00213"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"CANO": "99999999"}, "OPSQ2000"),
        ({"ACNT_PRDT_CD": "22"}, "OPSQ2000"),
        ({"ORD_QTY": "one"}, "OPSQ2001"),
        ({"ORD_QTY": 1}, "OPSQ2001"),
        ({"ORD_UNPR": "60000.5"}, "OPSQ2001"),
        ({"ORD_DVSN": None}, "OPSQ2001"),
        ({"EXCG_ID_DVSN_CD": "NXT"}, "APBK0503"),
    ],
)
def test_bad_input_is_refused_by_name(body: dict[str, object], code: str) -> None:
    with venue() as (_, kis):
        fields = {"PDNO": "005930", "ORD_DVSN": "00", "ORD_QTY": "1", "ORD_UNPR": "60000", **body}
        answer = kis.post("order-cash", "TTTC0012U", {k: v for k, v in fields.items() if v is not None})
        assert answer.json()["msg_cd"] == code
        assert answer.json()["rt_cd"] != "0"


def test_hashkey_is_the_hash_of_the_body_that_an_order_may_bear() -> None:
    with venue() as (_, kis):
        body = (
            b'{"CANO":"50012345","ACNT_PRDT_CD":"01","PDNO":"005930","ORD_DVSN":"00","ORD_QTY":"1","ORD_UNPR":"60000"}'
        )
        hashed = kis.http.post("/uapi/hashkey", content=body, headers=kis.headers("")).json()["HASH"]
        path = "/uapi/domestic-stock/v1/trading/order-cash"
        answer = kis.http.post(path, content=body, headers=kis.headers("TTTC0012U", hashkey=hashed))
        assert answer.json()["rt_cd"] == "0"


def test_business_errors_may_come_with_status_200() -> None:
    with venue(business_error_status=200) as (_, kis):
        answer = kis.order("sell", 1, 70_000)
        assert (answer.status_code, answer.json()["rt_cd"]) == (200, "1")


def test_unknown_services_and_bad_bodies_are_refused() -> None:
    with venue() as (_, kis):
        assert kis.http.get("/uapi/nothing").json()["msg_cd"] == "OPSQ0002"
        assert kis.http.post("/oauth2/nothing", json={}).json()["msg_cd"] == "OPSQ0002"
        path = "/uapi/domestic-stock/v1/trading/order-cash"
        for body in (b"", b"[]", b"{", b"x" * 20_000):
            assert kis.http.post(path, content=body, headers=kis.headers("TTTC0012U")).json()["rt_cd"] != "0"


def test_an_unknown_approval_key_ends_the_session() -> None:
    with venue() as (running, _), Socket(running, "no such key") as socket:
        assert socket.ask("H0STCNT0", "005930")["body"]["msg_cd"] == "OPSP0011"


def test_keys_of_an_earlier_run_are_known(tmp_path: Path) -> None:
    file, starts = f"{tmp_path}/books.db", at_ms("2026-03-03 10:00:00")
    with venue(books_file=file, clock_starts_at_ms=starts) as (_, kis):
        token = kis.token
    with in_thread(settings(books_file=file, clock_starts_at_ms=starts + 30_000)) as running:
        again = Kis(running.http_url)
        assert again.issue().status_code == 403
        again.token = token
        assert again.listing().json()["rt_cd"] == "0"
        again.http.close()
    with venue(books_file=file, clock_starts_at_ms=starts + 90_000) as (_, kis):
        assert kis.token == token
