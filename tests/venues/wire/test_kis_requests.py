"""What we ask of KIS, byte for byte."""

import json
from dataclasses import replace
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest

from bulkhead.venues.wire.facts import NotSupported, WireRequest
from bulkhead.venues.wire.kis import account, auth, orders, streams, terms
from bulkhead.venues.wire.kis_fields import OrderNumber, parse_order_number
from messages.orders import OrderTicket
from messages.values import IntentType, OrderType, Side, TimeInForce
from tests.venues.wire import kis_samples as samples

KEYS = terms.Keys(samples.APP_KEY, samples.APP_SECRET)
MARKET_DATA = (terms.TRADES, terms.BOOK, terms.PRICE, terms.ASKING_PRICE)
PAPER = terms.Caller(terms.Host.PAPER, KEYS, samples.ACCESS_TOKEN, terms.Account("12345678"))
REAL = terms.Caller(terms.Host.REAL, KEYS, samples.ACCESS_TOKEN, terms.Account("12345678"))
PLACED = orders.Placed(OrderNumber("20261123", "06010", "0000004711"), "00")


def ticket(
    intent: IntentType = IntentType.ENTRY,
    price: str | None = None,
    side: Side | None = None,
    symbol: str = "005930",
    quantity: str = "10",
    time_in_force: TimeInForce = TimeInForce.DAY,
) -> OrderTicket:
    return OrderTicket(
        client_order_id="b-1",
        venue="kis",
        account="main",
        symbol=symbol,
        side=side or orders.side_of(intent),
        order_type=OrderType.MKT if price is None else OrderType.LMT,
        quantity=Decimal(quantity),
        limit_price=None if price is None else Decimal(price),
        time_in_force=time_in_force,
        intent_type=intent,
    )


def body(request: WireRequest) -> dict[str, str]:
    found = json.loads(request.body)
    assert all(isinstance(value, str) for value in found.values()), "every value is a string"
    return dict(found)


# -- orders -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("intent", "price", "tr_id", "division", "unit_price"),
    [
        (IntentType.ENTRY, None, "TTTC0012U", "01", "0"),
        (IntentType.ENTRY, "71000", "TTTC0012U", "00", "71000"),
        (IntentType.EXIT_PARTIAL, None, "TTTC0011U", "01", "0"),
        (IntentType.EXIT_PARTIAL, "71000", "TTTC0011U", "00", "71000"),
        (IntentType.EXIT_FULL, None, "TTTC0011U", "01", "0"),
        (IntentType.EXIT_FULL, "71000", "TTTC0011U", "00", "71000"),
    ],
)
@pytest.mark.req("X-04")
def test_the_mapping_of_the_source_document(
    intent: IntentType, price: str | None, tr_id: str, division: str, unit_price: str
) -> None:
    """ENTRY is a cash buy and every EXIT a cash sell; MKT at the market, LMT at its price; on paper with the V ids."""
    request = orders.submit(REAL, ticket(intent, price))
    assert (request.method, request.path) == ("POST", "/uapi/domestic-stock/v1/trading/order-cash")
    assert request.headers["tr_id"] == tr_id
    assert body(request) == {
        "CANO": "12345678",
        "ACNT_PRDT_CD": "01",
        "PDNO": "005930",
        "ORD_DVSN": division,
        "ORD_QTY": "10",
        "ORD_UNPR": unit_price,
        "EXCG_ID_DVSN_CD": "KRX",
    }
    on_paper = orders.submit(PAPER, ticket(intent, price))
    assert on_paper.headers["tr_id"] == "V" + tr_id[1:]
    assert on_paper.body == request.body


@pytest.mark.parametrize("price", [None, "71000"])
def test_the_side_is_in_the_header_and_nowhere_else(price: str | None) -> None:
    buy, sell = (orders.submit(PAPER, ticket(each, price)) for each in (IntentType.ENTRY, IntentType.EXIT_FULL))
    assert buy.body == sell.body
    differing = {name for name in buy.headers if buy.headers[name] != sell.headers[name]}
    assert differing == {"tr_id"}


@pytest.mark.parametrize(
    ("price", "time_in_force", "division"),
    [
        (None, TimeInForce.GTC, "01"),
        (None, TimeInForce.IOC, "13"),
        (None, TimeInForce.FOK, "14"),
        ("71000", TimeInForce.IOC, "11"),
        ("71000", TimeInForce.FOK, "12"),
    ],
)
def test_other_times_in_force(price: str | None, time_in_force: TimeInForce, division: str) -> None:
    assert body(orders.submit(REAL, ticket(price=price, time_in_force=time_in_force)))["ORD_DVSN"] == division


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (ticket(IntentType.ENTRY, side=Side.SELL), "nothing is sold short"),
        (ticket(IntentType.EXIT_FULL, side=Side.BUY), "nothing is sold short"),
        (ticket(price="71000", time_in_force=TimeInForce.GTC), "use DAY, IOC or FOK"),
        (ticket(price="71000.5"), "a price in won is a whole number above zero here, not 71000.5"),
        (ticket(quantity="1.5"), "a quantity is a whole number above zero here, not 1.5"),
        (ticket(symbol="BTCUSD"), "no KRX code"),
        (ticket(symbol="5930"), "no KRX code"),
    ],
)
def test_what_the_venue_does_not_have_is_not_sent(refused: OrderTicket, why: str) -> None:
    with pytest.raises(NotSupported, match=why):
        orders.submit(REAL, refused)


def test_codes_with_letters_and_of_notes() -> None:
    for symbol in ("0001A0", "00088K", "Q500019"):
        assert body(orders.submit(REAL, ticket(symbol=symbol)))["PDNO"] == symbol


def test_whole_numbers_have_no_exponent() -> None:
    made = body(orders.submit(REAL, ticket(price="7.1E+4", quantity="1E+1")))
    assert (made["ORD_UNPR"], made["ORD_QTY"]) == ("71000", "10")


def test_the_paper_host_trades_at_krx_only() -> None:
    assert body(orders.submit(REAL, ticket(), terms.Exchange.SOR))["EXCG_ID_DVSN_CD"] == "SOR"
    with pytest.raises(NotSupported, match="KRX only"):
        orders.submit(PAPER, ticket(), terms.Exchange.SOR)


def test_a_cancel_takes_all_that_is_left() -> None:
    request = orders.cancel(PAPER, PLACED)
    assert (request.path, request.headers["tr_id"]) == (
        "/uapi/domestic-stock/v1/trading/order-rvsecncl",
        "VTTC0013U",
    )
    assert body(request) == {
        "CANO": "12345678",
        "ACNT_PRDT_CD": "01",
        "KRX_FWDG_ORD_ORGNO": "06010",
        "ORGN_ODNO": "0000004711",
        "ORD_DVSN": "00",
        "RVSE_CNCL_DVSN_CD": "02",
        "ORD_QTY": "0",
        "ORD_UNPR": "0",
        "QTY_ALL_ORD_YN": "Y",
        "EXCG_ID_DVSN_CD": "KRX",
    }


def test_an_amendment_of_some_or_of_all() -> None:
    every = body(orders.amend(REAL, PLACED, Decimal(70_500)))
    assert (every["RVSE_CNCL_DVSN_CD"], every["ORD_UNPR"], every["ORD_QTY"], every["QTY_ALL_ORD_YN"]) == (
        *("01", "70500", "0", "Y"),
    )
    some = body(orders.amend(REAL, PLACED, Decimal(70_500), Decimal(3)))
    assert (some["ORD_QTY"], some["QTY_ALL_ORD_YN"]) == ("3", "N")
    with pytest.raises(NotSupported):
        orders.amend(REAL, PLACED, Decimal(0))


def test_an_order_number_is_written_and_read_back() -> None:
    assert str(PLACED.number) == "20261123-06010-0000004711"
    assert parse_order_number(str(PLACED.number)) == PLACED.number
    assert [parse_order_number(text) for text in ("", "4711", "20261123-06010-4711", "x" * 99)] == [None] * 4


# -- account ----------------------------------------------------------------------------------------------------------


def test_the_list_of_orders_is_asked_for_oldest_first_and_page_by_page() -> None:
    asked = account.Asked("20261123", "20261123", Side.SELL, "005930")
    first = account.orders(REAL, asked)
    query = dict(parse_qsl(first.query, keep_blank_values=True))
    assert (first.method, first.path) == ("GET", "/uapi/domestic-stock/v1/trading/inquire-daily-ccld")
    assert (first.headers["tr_id"], first.headers["tr_cont"], first.body) == ("TTTC0081R", "", "")
    assert query == {
        "CANO": "12345678",
        "ACNT_PRDT_CD": "01",
        "INQR_STRT_DT": "20261123",
        "INQR_END_DT": "20261123",
        "SLL_BUY_DVSN_CD": "01",
        "PDNO": "005930",
        "ORD_GNO_BRNO": "",
        "ODNO": "",
        "CCLD_DVSN": "00",
        "INQR_DVSN": "01",
        "INQR_DVSN_1": "",
        "INQR_DVSN_3": "00",
        "EXCG_ID_DVSN_CD": "ALL",
        "CTX_AREA_FK100": "",
        "CTX_AREA_NK100": "",
    }
    cursor = account.Cursor("12345678^01^ ^00   ", "20261123^4711^   ")
    second = account.orders(REAL, asked, cursor)
    again = dict(parse_qsl(second.query, keep_blank_values=True))
    assert second.headers["tr_cont"] == "N"
    assert (again["CTX_AREA_FK100"], again["CTX_AREA_NK100"]) == (cursor.search, cursor.key), "padding and all"


def test_lists_newest_first_and_of_what_is_open() -> None:
    def asked(what: account.Asked) -> tuple[str, str]:
        query = dict(parse_qsl(account.orders(REAL, what).query))
        return query["INQR_DVSN"], query["CCLD_DVSN"]

    today = account.Asked("20261123", "20261123")
    assert asked(today) == ("01", "00")
    assert asked(replace(today, is_newest_first=True)) == ("00", "00")
    assert asked(replace(today, is_open_only=True)) == ("01", "02")


def test_other_calls_and_hosts() -> None:
    older = account.orders(PAPER, account.Asked("20260101", "20260131", is_older=True))
    balance, power = account.balance(PAPER), account.buying_power(PAPER, "005930", "71000", "00")
    assert [request.headers["tr_id"] for request in (older, balance, power)] == ["VTSC9215R", "VTTC8434R", "VTTC8908R"]
    assert "EXCG_ID_DVSN_CD=KRX" in older.query
    assert "PRDT_CD=01&AFHR_FLPR_YN=N&OFL_YN=&INQR_DVSN=01&UNPR_DVSN=01&FUND_STTL_ICLD_YN=N" in balance.query
    assert "PDNO=005930&ORD_UNPR=71000&ORD_DVSN=00&" in power.query
    with pytest.raises(NotSupported, match="the paper host has no list of cancellable orders"):
        terms.CANCELLABLE.at(terms.Host.PAPER)


def test_no_id_of_the_real_host_is_ever_sent_to_the_paper_host() -> None:
    """Market data has one id at both."""
    ids = [each for each in vars(terms).values() if isinstance(each, terms.TrId)]
    assert len(ids) > 8
    for each in ids:
        if each.paper is not None and each not in MARKET_DATA:
            assert each.paper != each.real
    named = [each.real for each in ids] + [each.paper for each in ids if each.paper and each.paper != each.real]
    assert len(set(named)) == len(named)


# -- getting in -------------------------------------------------------------------------------------------------------


def test_token_approval_key_and_hashkey() -> None:
    token, approval = auth.token(KEYS), auth.approval(KEYS)
    assert (token.method, token.path, approval.path) == ("POST", "/oauth2/tokenP", "/oauth2/Approval")
    assert body(token) == {
        "grant_type": "client_credentials",
        "appkey": samples.APP_KEY,
        "appsecret": samples.APP_SECRET,
    }
    assert body(approval) == {
        "grant_type": "client_credentials",
        "appkey": samples.APP_KEY,
        "secretkey": samples.APP_SECRET,
    }
    order = orders.submit(REAL, ticket())
    hashed = auth.hashkey(KEYS, order.body)
    assert (hashed.path, hashed.body, hashed.headers["appkey"]) == ("/uapi/hashkey", order.body, samples.APP_KEY)
    signed = auth.with_hashkey(order, "8e1b")
    assert (signed.headers["hashkey"], signed.body) == ("8e1b", order.body)
    assert {**signed.headers, "hashkey": ""} == {**order.headers, "hashkey": ""}


def test_each_call_says_what_the_venue_counts_for_it() -> None:
    assert auth.token(KEYS).costs == {terms.TOKENS: 1}
    assert auth.approval(KEYS).costs == {terms.APPROVALS: 1}
    assert orders.submit(REAL, ticket()).costs == account.balance(REAL).costs == {terms.REQUESTS: 1}
    kinds = {terms.TOKENS, terms.APPROVALS, terms.REQUESTS}
    for host in terms.Host:
        assert {limit.kind for limit in terms.LIMITS[host]} == kinds
    assert {limit.limit for limit in terms.LIMITS[terms.Host.PAPER]} == {1}


def test_headers_of_an_authorised_call() -> None:
    assert orders.submit(REAL, ticket()).headers == {
        "content-type": "application/json; charset=utf-8",
        "authorization": f"Bearer {samples.ACCESS_TOKEN}",
        "appkey": samples.APP_KEY,
        "appsecret": samples.APP_SECRET,
        "tr_id": "TTTC0012U",
        "tr_cont": "",
        "custtype": "P",
    }


def test_a_subscription() -> None:
    made = json.loads(streams.subscribe(samples.APPROVAL_KEY, "H0STCNT0", "005930"))
    assert made == {
        "header": {
            "approval_key": samples.APPROVAL_KEY,
            "custtype": "P",
            "tr_type": "1",
            "content-type": "utf-8",
        },
        "body": {"input": {"tr_id": "H0STCNT0", "tr_key": "005930"}},
    }
    ended = json.loads(streams.unsubscribe(samples.APPROVAL_KEY, "H0STCNT0", "005930"))
    assert ended["header"]["tr_type"] == "2"
    assert ended["body"] == made["body"]


@pytest.mark.req("S-16")
def test_nothing_that_is_shown_carries_a_secret() -> None:
    shown = repr(KEYS) + repr(REAL) + repr(orders.submit(REAL, ticket())) + repr(auth.token(KEYS))
    shown += repr(auth.hashkey(KEYS, "{}")) + repr(samples.NOTICE_KEY) + repr(account.Cursor("12345678^01", "x"))
    for secret in (samples.APP_KEY, samples.APP_SECRET, samples.ACCESS_TOKEN, samples.KEY, samples.IV, "12345678"):
        assert secret not in shown


@pytest.mark.parametrize("bad", ["", "a b", "line\r\nx-other: 1", "열쇠"])
def test_a_key_that_no_header_may_carry_is_refused_without_being_shown(bad: str) -> None:
    for made in ((bad, "secret"), ("key", bad)):
        with pytest.raises(ValueError, match="empty or has characters") as refused:
            terms.Keys(*made)
        assert not bad or bad not in str(refused.value)
    with pytest.raises(ValueError, match="eight digits") as refused:
        terms.Account("123456789")
    assert "123456789" not in str(refused.value)
