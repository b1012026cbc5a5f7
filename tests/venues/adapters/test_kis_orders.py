"""Orders at KIS: what is told of them, by which number they are asked for, and what a notice leads to."""

from decimal import Decimal

import pytest

from bulkhead.venues.adapters.kis_known import NO_ORDER_NUMBER
from messages.base import Body
from messages.orders import (
    CancelOutcomeUnknown,
    CancelRejected,
    ExecutionReported,
    OrderAccepted,
    OrderCancelled,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderQueryFailed,
    OrderRejected,
    OrderStatusReported,
    VenueProtocolError,
    VenueSnapshotFailed,
    VenueSnapshotTaken,
)
from messages.values import IntentType, OrderStatus, Side, TimeInForce
from tests.venues.adapters.kis_kit import house
from tests.venues.adapters.kis_peer import (
    CHANGE,
    LIST,
    NEVER,
    ORDER,
    TOKEN,
    cancelled,
    filled,
    now_ns,
    refusal,
)
from tests.venues.transport.peers import until
from tests.venues.wire import kis_samples as samples

CONFIRMED, REJECTED = {13: "1", 14: "2"}, {12: "1", 13: "1", 14: "2"}


# -- what is told -----------------------------------------------------------------------------------------------------


def test_an_order_is_sent_and_named_by_its_number() -> None:
    with house() as desk:
        _, row = desk.place()
        (accepted,) = desk.log.of(OrderAccepted)
        assert accepted.venue_order_id == desk.number(row)
        (asked,) = desk.peer.asked(ORDER)
        assert (asked["tr_id"], asked["ORD_DVSN"], asked["ORD_UNPR"]) == ("VTTC0012U", "00", "71000")
        assert [issuer for _, issuer, _ in desk.guard.asked] == ["oms", "oms"]


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refusal("APBK0952", "주문가능금액을 초과 했습니다"), OrderRejected, "APBK0952"),
        (refusal("EGW00201"), OrderNotSent, "EGW00201"),
        (refusal("EGW00302"), OrderOutcomeUnknown, None),
        (NEVER, OrderOutcomeUnknown, None),
    ],
)
def test_each_answer_has_its_family(answer: tuple[int, str], kind: type[Body], code: str | None) -> None:
    with house() as desk:
        desk.peer.scripts[ORDER].append(answer)
        desk.submit(desk.ticket())
        (told,) = desk.log.wait_for(kind)
        assert getattr(told, "code", None) == code
        assert len(desk.peer.asked(ORDER)) == 1


def test_an_exit_sells_and_what_the_venue_has_no_word_for_is_not_sent() -> None:
    with house() as desk:
        desk.submit(desk.ticket(side=Side.SELL, intent_type=IntentType.EXIT_FULL))
        desk.submit(desk.ticket(time_in_force=TimeInForce.GTC))
        (unsent,) = desk.log.wait_for(OrderNotSent)
        assert unsent.code == "UNSUPPORTED"
        assert [asked["tr_id"] for asked in desk.peer.asked(ORDER)] == ["VTTC0011U"]


# -- notices and looks ------------------------------------------------------------------------------------------------


@pytest.mark.req("X-06")
def test_two_fills_of_one_size_in_one_second_add_up_and_a_repeated_notice_adds_nothing() -> None:
    with house() as desk:
        ticket, row = desk.place(10)
        filled(row, 3)
        desk.peer.notice(row)
        desk.heard(ticket.client_order_id, 3)
        filled(row, 3)
        desk.peer.notice(row)
        report = desk.heard(ticket.client_order_id, 6)
        assert report.order is not None
        assert (report.order.filled_notional, report.order.status) == (Decimal(426_000), OrderStatus.PARTIAL)
        looks = len(desk.peer.asked(LIST))
        desk.peer.notice(row)
        until(lambda: len(desk.peer.asked(LIST)) > looks, "it looks again")
        until(lambda: len(desk.reports(ticket.client_order_id)) > 2, "and tells the same")
        assert desk.heard(ticket.client_order_id, 6).order == report.order
        assert not desk.log.of(ExecutionReported)
        assert report.executions == ()
        assert '"tot_ccld_qty": "6"' in report.raw


def test_many_notices_of_an_order_cost_one_look() -> None:
    with house() as desk:
        ticket, row = desk.place(100)
        looks = len(desk.peer.asked(LIST))
        for _ in range(40):
            filled(row, 1)
            desk.peer.notice(row)
        until(lambda: desk.orders.notices_heard[0] == 40, "all are heard")
        desk.heard(ticket.client_order_id, 40)
        assert len(desk.peer.asked(LIST)) - looks <= 3, "the first, and those that came while it looked"


def test_of_many_marked_orders_the_list_is_read_until_all_are_seen() -> None:
    with house() as desk:
        placed = [desk.place(10) for _ in range(5)]
        for _ in range(2 * 15):
            desk.peer.place()
        held = [True]
        desk.peer.before[LIST] = lambda: until(lambda: not held[0], "let go")
        desk.query("b-1")  # holds the lane
        for _, row in placed:
            filled(row, 2)
            desk.peer.notice(row)
        until(lambda: desk.orders.notices_heard[0] == 5, "all are heard")
        held.clear()
        held.append(False)
        for ticket, _ in placed:
            desk.heard(ticket.client_order_id, 2)
        by_list = [asked for asked in desk.peer.asked(LIST) if not asked["ODNO"]]
        assert [asked["INQR_DVSN"] for asked in by_list] == ["00"] * len(by_list)
        assert len(by_list) <= 3


def test_the_word_that_our_order_was_received_costs_no_look() -> None:
    with house() as desk:
        _, row = desk.place()
        desk.peer.notice(row, {13: "1", 14: "1"})
        desk.peer.notice(row, CONFIRMED)
        until(lambda: desk.orders.notices_heard[0] == 2, "both are heard")
        desk.query("b-1")
        desk.answered()
        assert len(desk.peer.asked(LIST)) == 1, "the query's own"


def test_a_notice_may_come_before_the_answer() -> None:
    with house() as desk:

        def fill_at_once() -> None:
            desk.peer.before.pop(ORDER)
            row = desk.peer.place("005930", "02", "10")
            filled(row, 10)
            desk.peer.scripts[ORDER].clear()
            desk.peer.notice(row)
            until(lambda: desk.orders.notices_heard[0] == 1, "it is heard")
            answers.append(desk.peer.sent(row))

        answers: list[str] = []
        desk.peer.before[ORDER] = fill_at_once
        desk.peer._order_cash = lambda _: (200, answers[0], [])  # type: ignore[assignment, method-assign]
        ticket = desk.submit(desk.ticket(10))
        report = desk.heard(ticket.client_order_id, 10)
        assert report.order is not None
        assert report.order.status is OrderStatus.FILLED
        assert [body.client_order_id for body in desk.log.of(OrderStatusReported)] == [ticket.client_order_id]


def test_an_order_of_nobody_here_is_told_by_its_number_with_its_channel() -> None:
    with house() as desk:
        row = desk.peer.place(ordr_empno="HTS", cpbc_ordp_mtrl_dvsn_cd="00")
        filled(row, 10)
        desk.peer.notice(row)
        report = desk.heard(desk.number(row), 10)
        assert report.order is not None
        assert (report.order.client_order_id, report.order.channel) == (desk.number(row), "HTS|1|00")


def test_accepted_and_then_rejected() -> None:
    with house() as desk:
        ticket, row = desk.place()
        row["rjct_qty"], row["rmn_qty"] = "10", "0"
        desk.peer.notice(row, REJECTED)
        (report,) = desk.log.wait_for(OrderStatusReported)
        assert report.order is not None
        assert (report.client_order_id, report.order.status) == (ticket.client_order_id, OrderStatus.REJECTED)
        assert '"rjct_qty": "10"' in report.raw
        assert f"^{row['ord_tmd']}^1^1^2^" in report.raw, "the notice's own words, too"


def test_notices_of_other_accounts_are_dropped() -> None:
    with house() as desk:
        _, row = desk.place()
        desk.peer.notice(row, {1: "8765432101"})
        desk.peer.notice(row, {1: "1234567802"})
        until(lambda: desk.orders.notices_heard == (0, 2), "both are counted")
        desk.query("b-1")
        desk.answered()
        assert len(desk.peer.asked(LIST)) == 1


@pytest.mark.parametrize(
    "text",
    [
        samples.encrypted(samples.notice(), key=type(samples.NOTICE_KEY)(samples.KEY[::-1], samples.IV)),
        samples.encrypted(samples.notice())[:-5],
        samples.encrypted(samples.notice())[:40],
        samples.encrypted("^".join(samples.FILL_26[:20])),
        samples.encrypted("^".join([*samples.FILL_26, "more"])),
        "1|H0STCNI9|001|not base64",
        "1|H0STCNI9|00",
        '{"header":{"tr_id":"H0STCNI9"}}',
    ],
)
def test_a_notice_that_cannot_be_read_is_told_as_such(text: str) -> None:
    with house() as desk:
        desk.peer.push(text)
        (error,) = desk.log.wait_for(VenueProtocolError)
        assert error.reason
        assert "1234567801" not in error.raw
        assert "홍길동" not in error.raw
        _, row = desk.place()
        filled(row, 1)
        desk.peer.notice(row)
        desk.heard("b-1", 1)


def test_a_list_that_lags_is_asked_again() -> None:
    with house(look_again_s=0.5) as desk:
        row = desk.peer.place()
        desk.peer.rows.clear()
        desk.peer.notice(row)
        until(lambda: len(desk.peer.asked(LIST)) > 1, "it looks twice")
        desk.peer.rows.append(row)
        desk.heard(desk.number(row), 0)


# -- cancels ----------------------------------------------------------------------------------------------------------


def test_a_cancel_is_confirmed_by_the_list() -> None:
    with house() as desk:
        ticket, row = desk.place(10)
        filled(row, 4)
        desk.cancel(ticket.client_order_id)
        (ended,) = desk.log.wait_for(OrderCancelled)
        assert (ended.cumulative, ended.venue_order_id) == (Decimal(4), desk.number(row))
        assert desk.heard(ticket.client_order_id, 4).order is not None
        (asked,) = desk.peer.asked(CHANGE)
        assert (asked["KRX_FWDG_ORD_ORGNO"], asked["ORGN_ODNO"], asked["QTY_ALL_ORD_YN"]) == ("06010", row["odno"], "Y")
        assert desk.orders.pending() == 0


def test_a_cancel_that_comes_too_late_is_rejected_after_the_fill_is_told() -> None:
    with house() as desk:
        ticket, _ = desk.place(10)
        desk.peer.cancels = lambda row: filled(row, 10)
        desk.cancel(ticket.client_order_id)
        (refused,) = desk.log.wait_for(CancelRejected)
        assert refused.code == "ORDER_FILLED"
        bodies = [type(body) for body in desk.log.of(OrderStatusReported)] + [CancelRejected]
        assert bodies == [OrderStatusReported, CancelRejected]


def test_a_cancel_waits_for_its_end_and_holds_up_no_other() -> None:
    with house(look_again_s=0.5) as desk:
        (slow, row), (quick, _) = desk.place(10), desk.place(20)
        desk.peer.cancels = lambda each: None if each is row else cancelled(each)
        desk.cancel(slow.client_order_id)
        desk.cancel(quick.client_order_id)
        (ended,) = desk.log.wait_for(OrderCancelled)
        assert ended.client_order_id == quick.client_order_id
        assert desk.orders.pending() == 1
        cancelled(row)
        desk.log.wait_for(OrderCancelled, 2)
        assert desk.orders.pending() == 0


def test_a_cancel_whose_end_is_never_seen_is_unknown_after_a_bounded_time() -> None:
    with house(cancel_confirm_s=3.0) as desk:
        ticket, _ = desk.place(10)
        desk.peer.cancels = lambda _: None
        desk.cancel(ticket.client_order_id)
        (unknown,) = desk.log.wait_for(CancelOutcomeUnknown)
        assert "within 3 s" in unknown.reason
        assert desk.orders.pending() == 0


def test_closing_answers_a_cancel_that_waits() -> None:
    with house() as desk:
        ticket, _ = desk.place(10)
        desk.peer.cancels = lambda _: None
        desk.cancel(ticket.client_order_id)
        until(lambda: len(desk.peer.asked(CHANGE)) == 1, "it is sent")
        desk.orders.close(5.0)
        (unknown,) = desk.log.wait_for(CancelOutcomeUnknown)
        assert "closed" in unknown.reason
        assert desk.orders.pending() == 0
        desk.orders.open(desk.log)


def test_lost_and_refused_cancels() -> None:
    with house() as desk:
        (first, _), (second, row) = desk.place(10), desk.place(20)
        desk.peer.scripts[CHANGE].append(NEVER)
        desk.cancel(first.client_order_id)
        (unknown,) = desk.log.wait_for(CancelOutcomeUnknown)
        assert unknown.client_order_id == first.client_order_id
        filled(row, 20)
        desk.cancel(second.client_order_id)
        (refused,) = desk.log.wait_for(CancelRejected)
        assert refused.code == "APBK0344"
        desk.heard(second.client_order_id, 20)


def test_a_cancel_of_an_order_under_way_waits_for_its_number() -> None:
    with house() as desk:
        desk.peer.before[ORDER] = lambda: until(lambda: bool(desk.orders.pending() > 1), "its cancel is here")
        ticket = desk.submit(desk.ticket())
        until(lambda: len(desk.peer.asked(ORDER)) == 1, "it has left")
        desk.cancel(ticket.client_order_id)
        desk.log.wait_for(OrderCancelled)
        assert len(desk.log.of(OrderAccepted)) == 1


def test_an_order_whose_number_nobody_knows() -> None:
    with house() as desk:
        desk.cancel("b-77")
        desk.query("b-77")
        (refused,) = desk.log.wait_for(CancelRejected)
        (failed,) = desk.log.wait_for(OrderQueryFailed)
        assert refused.code == NO_ORDER_NUMBER
        assert failed.reason.startswith(NO_ORDER_NUMBER)
        assert not desk.peer.asked(LIST)


def test_a_number_from_the_ledger_or_of_a_stranger_is_enough() -> None:
    with house() as desk:
        row, other = desk.peer.place(), desk.peer.place()
        desk.query("b-of-yesterday", desk.number(row))
        (report,) = desk.log.wait_for(OrderStatusReported)
        assert report.order is not None
        assert report.order.client_order_id == "b-of-yesterday"
        desk.cancel("b-of-yesterday", desk.number(row))
        desk.cancel(desk.number(other))
        ended = desk.log.wait_for(OrderCancelled, 2)
        assert {body.client_order_id for body in ended} == {"b-of-yesterday", desk.number(other)}


def test_a_number_that_is_not_listed_is_no_absence() -> None:
    with house() as desk:
        ticket, _ = desk.place()
        desk.peer.rows.clear()
        desk.query(ticket.client_order_id)
        (failed,) = desk.log.wait_for(OrderQueryFailed)
        assert "does not list it" in failed.reason


# -- snapshots --------------------------------------------------------------------------------------------------------


def test_a_snapshot_has_orders_since_the_watermark_what_is_open_and_balances() -> None:
    with house() as desk:
        old_open = desk.peer.place(ord_tmd="090000")
        old_done = desk.peer.place(ord_tmd="090000")
        filled(old_done, 10)
        ticket, row = desk.place(10)
        filled(row, 10)
        other = desk.peer.place("000660")
        request = desk.peer.place(rmn_qty="0", orgn_odno=row["odno"], cncl_cfrm_qty="10")
        desk.peer.holdings = [
            {"pdno": "005930", "hldg_qty": "10", "ord_psbl_qty": "7", "pchs_avg_pric": "71000"},
            {"pdno": "000660", "hldg_qty": "0", "ord_psbl_qty": "0", "pchs_avg_pric": "0"},
        ]
        desk.survey()
        (taken,) = desk.log.wait_for(VenueSnapshotTaken)
        ids = {order.client_order_id for order in taken.orders}
        assert ids == {desk.number(old_open), ticket.client_order_id, desk.number(other)}, "of every symbol"
        assert {order.symbol for order in taken.open_orders} == {"005930", "000660"}
        assert desk.number(request) not in ids
        assert taken.executions == ()
        assert [(each.asset, each.free, each.locked) for each in taken.balances] == [
            ("KRW", Decimal(1_000_000), Decimal(0)),
            ("005930", Decimal(7), Decimal(3)),
        ]


def test_a_snapshot_stops_paging_at_what_is_older_than_the_watermark() -> None:
    with house() as desk:
        for _ in range(15 * 6):
            filled(desk.peer.place(ord_tmd="090000"), 10)
        for _ in range(15 * 2):
            filled(desk.peer.place(), 10)
        desk.survey(now_ns() - 600 * 10**9)
        (taken,) = desk.log.wait_for(VenueSnapshotTaken)
        assert len(taken.orders) == 30
        assert len([asked for asked in desk.peer.asked(LIST) if asked["CCLD_DVSN"] == "00"]) <= 3


def test_a_row_of_yesterday_with_something_left_has_expired() -> None:
    with house() as desk:
        row = desk.peer.place()
        row["ord_dt"] = "20261102"
        desk.query("b-9", desk.number(row))
        (report,) = desk.log.wait_for(OrderStatusReported)
        assert report.order is not None
        assert report.order.status is OrderStatus.EXPIRED


@pytest.mark.parametrize("path", [LIST, "/uapi/domestic-stock/v1/trading/inquire-balance"])
@pytest.mark.parametrize("answer", [NEVER, refusal("EGW00201"), (200, samples.BALANCE[:60]), (200, samples.TOKEN)])
def test_a_snapshot_is_whole_or_has_failed(path: str, answer: tuple[int, str]) -> None:
    with house() as desk:
        desk.peer.scripts[path].append(answer)
        desk.survey()
        (failed,) = desk.log.wait_for(VenueSnapshotFailed)
        assert failed.reason
        assert not desk.log.of(VenueSnapshotTaken)
        assert samples.ACCESS_TOKEN not in repr(desk.log._bodies)


def test_a_snapshot_of_too_many_pages_has_failed() -> None:
    with house(max_pages=3) as desk:
        for _ in range(15 * 4):
            desk.peer.place()
        desk.survey()
        (failed,) = desk.log.wait_for(VenueSnapshotFailed)
        assert "max_pages" in failed.reason


def test_everything_is_asked_with_one_token() -> None:
    with house() as desk:
        desk.place()
        desk.survey()
        desk.answered()
        assert len(desk.peer.asked(TOKEN)) == 1
        assert not desk.faults
