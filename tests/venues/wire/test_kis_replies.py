"""What KIS answers, read: keys, orders, lists."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.venues.wire.facts import Answered, Family, NothingLeft, NoVerdict, ProtocolError, Verdict
from bulkhead.venues.wire.kis import account, auth, orders
from bulkhead.venues.wire.kis_fields import OrderNumber, kst_date, kst_ns, nearest_ns
from bulkhead.venues.wire.kis_listed import ListedOrder, listed_order
from messages.orders import (
    CancelOutcomeUnknown,
    CancelRejected,
    OrderAccepted,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
)
from messages.values import OrderStatus, Side
from tests.venues.wire import kis_samples as samples
from tests.venues.wire.making import cancel, market_ticket

NOW_NS = kst_ns("20261123", "155212")
TICKET = market_ticket("b-1", "009150")
MORE, LAST = {"tr_cont": "M"}, {"tr_cont": "D"}


def listed(**changes: str) -> ListedOrder:
    return listed_order({**samples.LISTED_ROW, **changes})


@pytest.mark.parametrize(
    ("changes", "today", "status"),
    [
        ({}, "20261123", OrderStatus.PARTIAL),
        ({}, "20261124", OrderStatus.EXPIRED),
        ({"tot_ccld_qty": "0", "tot_ccld_amt": "0", "rmn_qty": "10"}, "20261124", OrderStatus.EXPIRED),
        ({"rmn_qty": "0", "cncl_cfrm_qty": "6"}, "20261124", OrderStatus.CANCELLED),
        ({"rmn_qty": "0", "cncl_cfrm_qty": "6", "ord_dvsn_cd": "11"}, "20261123", OrderStatus.EXPIRED),
        ({"rmn_qty": "5"}, "20261123", OrderStatus.UNKNOWN),
        ({"rmn_qty": "5"}, "20261124", OrderStatus.EXPIRED),
    ],
)
def test_nothing_rests_longer_than_its_day(changes: dict[str, str], today: str, status: OrderStatus) -> None:
    assert listed(**changes).status_on(today) is status
    assert listed(**changes).as_venue_order("b-1", today).status is status


def test_a_row_has_the_marks_of_its_channel_and_its_own_words_but_no_person() -> None:
    found = listed(inqr_ip_addr="203.0.113.7", ctac_tlno="01012345678")
    assert found.as_venue_order("b-1", "20261123").channel == "OpnAPI|1|11"
    assert '"odno": "0000004711"' in found.raw
    assert "203.0.113.7" not in found.raw
    assert "01012345678" not in found.raw


def test_what_has_no_mark_or_was_amended_never_looks_like_our_own() -> None:
    """Marks that are all blank would be learnt as ours, and every order placed by hand would bear them."""
    blank = {"ordr_empno": " ", "cpbc_ordp_ord_rcit_dvsn_cd": "", "cpbc_ordp_mtrl_dvsn_cd": ""}
    assert listed(**blank).as_venue_order("b-1", "20261123").channel == ""
    amended = listed(orgn_odno="0000004700").as_venue_order("b-1", "20261123")
    assert amended.channel == "OpnAPI|1|11|amends 0000004700"


def test_a_row_of_cancelling_is_no_order() -> None:
    asked = {"orgn_odno": "0000004711", "tot_ccld_qty": "0", "tot_ccld_amt": "0", "rmn_qty": "0", "cncl_cfrm_qty": "10"}
    assert listed(**asked).is_request_only
    assert not listed(**{**asked, "orgn_odno": ""}).is_request_only
    assert not listed(orgn_odno="0000004711").is_request_only, "what is amended goes on under its own number"


def changed(sample: str, **changes: object) -> str:
    return json.dumps({**json.loads(sample), **changes}, ensure_ascii=False)


# -- getting in -------------------------------------------------------------------------------------------------------


def test_a_token_with_its_end() -> None:
    token = auth.token_answer(Answered(200, samples.TOKEN))
    assert isinstance(token, auth.Token)
    assert (token.value, token.lifetime_s) == (samples.ACCESS_TOKEN, 86_400)
    assert token.expires_ns == 1_795_476_615 * 10**9, "2026-11-24 08:30:15 in Korea"
    assert samples.ACCESS_TOKEN not in repr(token)


def test_approval_key_and_hash() -> None:
    assert auth.approval_answer(Answered(200, samples.APPROVAL)) == samples.APPROVAL_KEY
    assert auth.hashkey_answer(Answered(200, samples.HASH)) == json.loads(samples.HASH)["HASH"]


def test_a_token_asked_for_too_soon_says_when_to_ask_again() -> None:
    refused = auth.token_answer(Answered(403, samples.TOKEN_TOO_SOON))
    assert isinstance(refused, Verdict)
    assert (refused.family, refused.code, refused.retry_after_s) == (Family.NOT_SENT, "EGW00133", 60.0)
    assert "1분당 1회" in refused.reason
    assert auth.token_answer(NothingLeft("refused")) == Verdict(Family.NOT_SENT, "NOT_CONNECTED", "refused")


@pytest.mark.parametrize(
    "broken",
    [
        samples.TOKEN[:-4],
        samples.TOKEN[:90],
        changed(samples.TOKEN, token_type="bearer"),
        changed(samples.TOKEN, expires_in="86400"),
        changed(samples.TOKEN, access_token_token_expired="soon"),
        changed(samples.TOKEN, access_token=samples.ACCESS_TOKEN + "\r\n"),
        changed(samples.TOKEN, access_token=[samples.ACCESS_TOKEN]),
        samples.TOKEN.replace("access_token", "token", 1),
        samples.TOKEN + "}",
    ],
)
@pytest.mark.req("S-16")
def test_a_token_that_cannot_be_read_is_not_in_the_error(broken: str) -> None:
    error = auth.token_answer(Answered(200, broken))
    assert isinstance(error, ProtocolError)
    pieces = [samples.ACCESS_TOKEN[at : at + 8] for at in range(len(samples.ACCESS_TOKEN) - 8)]
    assert not [piece for piece in pieces if piece in error.reason + error.raw]
    assert "token" in error.raw, "the rest of it is kept"


# -- orders -----------------------------------------------------------------------------------------------------------


def test_an_order_that_was_sent_on() -> None:
    (accepted,) = orders.submit_outcome(TICKET, Answered(200, samples.ORDER_SENT), NOW_NS)
    assert isinstance(accepted, OrderAccepted)
    assert (accepted.client_order_id, accepted.symbol) == ("b-1", "009150")
    assert accepted.venue_order_id == "20261123-06010-0001569157"
    assert accepted.venue_time_ns == NOW_NS - 10**9
    assert accepted.raw == samples.ORDER_SENT


def test_the_same_number_on_another_day_is_another_order() -> None:
    """Numbers begin anew each day: what tells the orders apart is the date."""
    first, second = (
        orders.sent(Answered(200, samples.ORDER_SENT), at_ns) for at_ns in (NOW_NS, NOW_NS + 86_400 * 10**9)
    )
    assert isinstance(first, orders.Sent)
    assert isinstance(second, orders.Sent)
    assert first.number.number == second.number.number
    assert (first.number.date, second.number.date) == ("20261123", "20261124")
    assert str(first.number) != str(second.number)


def test_an_amendment_answers_with_a_new_number() -> None:
    amended = samples.ORDER_SENT.replace("0001569157", "0001569158")
    answer = orders.sent(Answered(200, amended), NOW_NS)
    assert isinstance(answer, orders.Sent)
    assert answer.number == OrderNumber("20261123", "06010", "0001569158")


def test_the_other_families() -> None:
    (unsent,) = orders.submit_outcome(TICKET, Answered(500, samples.RATE_LIMITED), NOW_NS)
    assert isinstance(unsent, OrderNotSent)
    assert (unsent.code, unsent.retry_after_s, unsent.raw) == ("EGW00201", 1.0, samples.RATE_LIMITED)
    (rejected,) = orders.submit_outcome(TICKET, Answered(500, samples.REFUSED), NOW_NS)
    assert isinstance(rejected, OrderRejected)
    assert (rejected.code, rejected.reason, rejected.raw) == (
        "APBK0952",
        "주문가능금액을 초과 했습니다",
        samples.REFUSED,
    )
    for fact in (NoVerdict("timeout"), Answered(500, samples.TIMED_OUT), Answered(500, samples.MAINTENANCE)):
        (unknown,) = orders.submit_outcome(TICKET, fact, NOW_NS)
        assert isinstance(unknown, OrderOutcomeUnknown)


@pytest.mark.parametrize(
    "output",
    [
        {},
        None,
        [],
        {"ODNO": "", "KRX_FWDG_ORD_ORGNO": "06010", "ORD_TMD": "155211"},
        {"ODNO": "0000000000", "KRX_FWDG_ORD_ORGNO": "06010", "ORD_TMD": "155211"},
        {"ODNO": "12345678901", "KRX_FWDG_ORD_ORGNO": "06010", "ORD_TMD": "155211"},
        {"ODNO": "0001569157", "KRX_FWDG_ORD_ORGNO": "06-10", "ORD_TMD": "155211"},
        {"ODNO": "0001569157", "KRX_FWDG_ORD_ORGNO": "06010", "ORD_TMD": "255211"},
        {"ODNO": 1569157, "KRX_FWDG_ORD_ORGNO": "06010", "ORD_TMD": "155211"},
    ],
)
def test_a_success_that_cannot_be_read_is_an_unknown_outcome(output: object) -> None:
    """The venue has the order, and nobody knows its number: it must not be sent again."""
    text = changed(samples.ORDER_SENT, output=output)
    (unknown,) = orders.submit_outcome(TICKET, Answered(200, text), NOW_NS)
    assert isinstance(unknown, OrderOutcomeUnknown)
    assert unknown.raw == text
    assert isinstance(orders.cancel_outcome(cancel(), Answered(200, text), NOW_NS), CancelOutcomeUnknown)


def test_a_cancel_that_was_sent_on_has_not_ended_the_order() -> None:
    answer = orders.cancel_outcome(cancel(), Answered(200, samples.ORDER_SENT), NOW_NS)
    assert isinstance(answer, orders.Sent)
    refused = orders.cancel_outcome(cancel(), Answered(200, samples.REFUSED), NOW_NS)
    assert isinstance(refused, CancelRejected)
    assert refused.code == "APBK0952"
    assert isinstance(orders.cancel_outcome(cancel(), NothingLeft("refused"), NOW_NS), CancelRejected)
    assert isinstance(orders.cancel_outcome(cancel(), NoVerdict("timeout"), NOW_NS), CancelOutcomeUnknown)


# -- lists ------------------------------------------------------------------------------------------------------------


def test_a_page_of_orders() -> None:
    page = account.orders_page(Answered(200, samples.ORDERS_PAGE, MORE))
    assert isinstance(page, account.OrdersPage)
    order, rejected = page.rows
    assert order.number == OrderNumber("20261123", "06010", "0000004711")
    assert (order.symbol, order.side) == ("005930", Side.BUY)
    assert [order.quantity, order.price] == [10, 71_000]
    assert [order.filled, order.filled_amount, order.remaining] == [4, 283_800, 6]
    assert (order.status, order.original, order.exchange) == (OrderStatus.PARTIAL, None, "KRX")
    assert order.placed_ns == kst_ns("20261123", "100512")
    assert (order.channel.employee, order.channel.medium) == ("OpnAPI", "11")
    assert (rejected.status, rejected.contradiction) == (OrderStatus.REJECTED, "")
    body = json.loads(samples.ORDERS_PAGE)
    assert page.next == account.Cursor(body["ctx_area_fk100"], body["ctx_area_nk100"])


def test_a_listed_order_in_the_words_of_the_house() -> None:
    order = listed_order({**samples.LISTED_ROW}).as_venue_order("b-1", "20261123")
    assert (order.client_order_id, order.venue_order_id) == ("b-1", "20261123-06010-0000004711")
    assert (order.order_type, order.status, order.limit_price) == ("LMT", OrderStatus.PARTIAL, Decimal(71_000))
    assert [order.quantity, order.filled, order.filled_notional] == [10, 4, 283_800]
    by_hand = listed_order({**samples.LISTED_ROW, "ord_dvsn_cd": "03", "ord_unpr": "0"}).as_venue_order("", "20261123")
    assert (by_hand.order_type, by_hand.limit_price) == ("03", None)


@pytest.mark.parametrize(
    ("header", "key", "is_last"),
    [
        ("D", "x", True),
        ("E", "x", True),
        ("M", "x", False),
        ("F", "x", False),
        ("", " " * 100, True),
        (None, "", True),
    ],
)
def test_whether_there_is_another_page(header: str | None, key: str, is_last: bool) -> None:
    headers = {} if header is None else {"tr_cont": header}
    page = account.orders_page(Answered(200, changed(samples.ORDERS_PAGE, ctx_area_nk100=key), headers))
    assert isinstance(page, account.OrdersPage)
    assert (page.next is None) is is_last


@pytest.mark.parametrize(("header", "key"), [("", "x"), (None, "x"), ("X", "x"), ("M", "   "), ("F", "")])
def test_a_list_that_may_have_been_cut_short_is_no_list(header: str | None, key: str) -> None:
    headers = {} if header is None else {"tr_cont": header}
    text = changed(samples.ORDERS_PAGE, ctx_area_nk100=key)
    error = account.orders_page(Answered(200, text, headers))
    assert isinstance(error, ProtocolError)
    assert error.raw == text


def rows(**changes: object) -> str:
    body = json.loads(samples.ORDERS_PAGE)
    body["output1"][1].update(changes)
    return json.dumps(body, ensure_ascii=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"ord_qty": "-1"},
        {"ord_qty": "1e1"},
        {"ord_qty": 10},
        {"ord_dt": "20261131"},
        {"ord_tmd": "1005"},
        {"odno": ""},
        {"odno": "no"},
        {"pdno": ""},
        {"sll_buy_dvsn_cd": "03"},
        {"tot_ccld_qty": None},
        {"rmn_qty": "NaN"},
    ],
)
def test_one_row_that_cannot_be_read_makes_no_list(changes: dict[str, object]) -> None:
    assert isinstance(account.orders_page(Answered(200, rows(**changes), LAST)), ProtocolError)


def test_a_refusal_is_not_an_empty_list() -> None:
    for text in (samples.RATE_LIMITED, samples.MAINTENANCE, samples.TOKEN_TOO_SOON, "<html/>", "{}"):
        answer = Answered(200, text, LAST)
        assert isinstance(account.orders_page(answer), ProtocolError)
        assert isinstance(account.balance_page(answer), ProtocolError)
        assert isinstance(account.buying_power_answer(answer), ProtocolError)


QUANTITIES = st.integers(0, 5)


def row(quantity: int, filled: int, remaining: int, cancelled: int, refused: int) -> ListedOrder:
    figures = {"ord_qty": quantity, "tot_ccld_qty": filled, "rmn_qty": remaining, "cncl_cfrm_qty": cancelled}
    figures |= {"rjct_qty": refused, "tot_ccld_amt": filled * 71_000}
    return listed_order({**samples.LISTED_ROW, **{name: str(value) for name, value in figures.items()}})


@pytest.mark.parametrize(
    ("figures", "status"),
    [
        ((10, 0, 10, 0, 0), OrderStatus.SUBMITTED),
        ((10, 4, 6, 0, 0), OrderStatus.PARTIAL),
        ((10, 4, 3, 3, 0), OrderStatus.PARTIAL),
        ((10, 10, 0, 0, 0), OrderStatus.FILLED),
        ((10, 0, 0, 0, 10), OrderStatus.REJECTED),
        ((10, 4, 0, 0, 6), OrderStatus.EXPIRED),
        ((10, 0, 0, 10, 0), OrderStatus.CANCELLED),
        ((10, 4, 0, 6, 0), OrderStatus.CANCELLED),
        ((10, 0, 0, 0, 0), OrderStatus.UNKNOWN),
        ((10, 4, 0, 0, 0), OrderStatus.UNKNOWN),
        ((10, 11, 0, 0, 0), OrderStatus.UNKNOWN),
        ((0, 0, 0, 0, 0), OrderStatus.UNKNOWN),
    ],
)
def test_the_status_of_a_row(figures: tuple[int, int, int, int, int], status: OrderStatus) -> None:
    assert row(*figures).status is status


@given(QUANTITIES, QUANTITIES, QUANTITIES, QUANTITIES, QUANTITIES)
def test_a_row_that_does_not_add_up_ends_nothing(
    quantity: int, filled: int, remaining: int, cancelled: int, refused: int
) -> None:
    order = row(quantity, filled, remaining, cancelled, refused)
    if filled + remaining + cancelled + refused != quantity:
        assert order.status is OrderStatus.UNKNOWN
        assert str(quantity) in order.contradiction
    else:
        assert order.contradiction == ""
        assert order.status.is_terminal is (remaining == 0 < quantity)


def test_a_fill_for_nothing_is_a_contradiction() -> None:
    order = listed_order({**samples.LISTED_ROW, "tot_ccld_amt": "0"})
    assert (order.status, order.contradiction) == (OrderStatus.UNKNOWN, "4 filled for 0 won")


def test_holdings_cash_and_buying_power() -> None:
    page = account.balance_page(Answered(200, samples.BALANCE, LAST))
    assert isinstance(page, account.BalancePage)
    assert page.holdings == (account.Holding("009150", Decimal(1657), Decimal(1611), Decimal("135440.2517")),)
    assert page.cash == account.Cash(Decimal(346_455), Decimal(346_455), Decimal(-12_000), Decimal(2_106_055))
    assert page.next is None
    power = account.buying_power_answer(Answered(200, samples.BUYING_POWER))
    assert power == account.BuyingPower(Decimal(346_455), Decimal(345_000), Decimal(4), Decimal(860_000), Decimal(12))


def test_more_to_sell_than_held_is_no_holding() -> None:
    assert isinstance(account.balance_page(Answered(200, samples.BALANCE.replace("1611", "1658"), LAST)), ProtocolError)


# -- times ------------------------------------------------------------------------------------------------------------


def test_times_of_korea() -> None:
    assert kst_ns("19710101", "090000") == 365 * 86_400 * 10**9
    assert kst_date(kst_ns("20261123", "000000")) == "20261123"
    assert kst_date(kst_ns("20261123", "000000") - 1) == "20261122"


@given(st.integers(0, 2**62), st.integers(0, 86_399))
def test_a_time_without_a_date_is_within_half_a_day(now_ns: int, second: int) -> None:
    time = f"{second // 3600:02}{second // 60 % 60:02}{second % 60:02}"
    found = nearest_ns(time, now_ns)
    assert (found // 10**9 + 9 * 3600) % 86_400 == second
    assert abs(found - now_ns) <= 43_200 * 10**9 or now_ns < 43_200 * 10**9


def test_around_midnight_the_day_is_the_nearer_one() -> None:
    midnight: Any = kst_ns("20261124", "000000")
    assert kst_date(nearest_ns("235959", midnight + 5 * 10**9)) == "20261123"
    assert kst_date(nearest_ns("000001", midnight - 5 * 10**9)) == "20261124"
