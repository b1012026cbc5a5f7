"""OMS: nothing sent that is not on disk, only the venue ends an order, and the gate opens after a comparison."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from actors import addresses
from actors.oms import RESEND_DELAYS_S, OmsActor
from actors.order_worker import MAX_RESENDS_AFTER_ABSENCE
from messages.codes import ErrorCode
from messages.failure import FailureMode, FailureReported
from messages.intents import IntentClosed, IntentSettled
from messages.orders import (
    CancelOrder,
    FillBooked,
    OrderAccepted,
    OrderChannelDown,
    OrderChannelUp,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderStatusReported,
    OrdersTold,
    QueryOrder,
    Reconciled,
    SubmitOrder,
    TakeVenueSnapshot,
    TellChannel,
)
from messages.portfolio import TellState
from messages.records import (
    AppendFailed,
    DeadlineCleared,
    DeadlineSet,
    FillRecorded,
    IntentStatusChanged,
    LoadRecovery,
    OrderRecorded,
)
from messages.supervision import Terminated
from messages.values import IntentStatus, OnStop, OrderStatus, Origin
from tests.actors.kit import NS_PER_S, Story, open_gate, released
from tests.actors.oms_story import BROKER, SEAT, Oms, approval, loaded, snapshot
from tests.execution.orders import T0, executed, market, order


@pytest.fixture
def oms() -> Oms:
    return Oms().trading()


# -- start ------------------------------------------------------------------------------------------------------------


@pytest.mark.lesson("L34")
def test_the_gate_opens_after_stream_comparison_and_commit_and_not_before() -> None:
    oms = Oms()
    steps: list[tuple[str, Callable[[], object]]] = [
        ("compared without a stream", lambda: oms.hear(snapshot())),
        ("and on disk", oms.commit),
        ("stream up", lambda: oms.hear(OrderChannelUp(venue="sim"))),
        ("compared", lambda: oms.hear(snapshot())),
    ]
    for name, step in steps:
        step()
        assert not oms.gate.is_open, name
    oms.ctx.told = oms.ctx.told[-1:] + [pair for pair in oms.ctx.told if pair[0] == addresses.LEDGER][-1:]
    oms.commit()
    assert oms.gate.is_open


def test_a_new_incarnation_knows_that_the_stream_is_up(oms: Oms) -> None:
    again = Story(OmsActor(SEAT, oms.gate), addresses.OMS, epoch=2)
    again.start()
    assert not oms.gate.is_recovered
    again.hear(loaded(), snapshot())
    for append in again.ctx.appends():
        again.hear(*(done for _, done in released(append, Reconciled)))
    assert oms.gate.is_open


@pytest.mark.lesson("L13")
def test_a_stream_that_comes_back_is_a_reason_to_compare(oms: Oms) -> None:
    oms.hear(OrderChannelDown(venue="sim", reason="reset", attempt=1))
    assert not oms.gate.is_open
    oms.hear(OrderChannelUp(venue="sim"))
    assert not oms.gate.is_open
    assert oms.ctx.tells(TakeVenueSnapshot, BROKER)


@pytest.mark.lesson("L01")
@pytest.mark.req("P-15")
def test_what_an_earlier_incarnation_sent_is_unknown_and_asked_about() -> None:
    oms = Oms(order())
    assert oms.last().status is OrderStatus.UNKNOWN
    oms.later(5, "query")
    assert [q.client_order_id for q in oms.ctx.tells(QueryOrder, BROKER)] == [order().ticket.client_order_id]


def test_nobody_is_told_of_orders_that_were_not_read_yet() -> None:
    story = Story(OmsActor(SEAT, open_gate()), addresses.OMS)
    story.start()
    story.hear(TellState(strategy_id="trend"), sender=addresses.strategy("trend"))
    assert not story.ctx.tells(OrdersTold)
    story.hear(loaded(order(OrderStatus.SUBMITTED)))
    assert [len(told.orders) for told in story.ctx.tells(OrdersTold, addresses.strategy("trend"))] == [1]
    assert [len(told.orders) for told in story.ctx.tells(OrdersTold, addresses.RISK_GUARD)] == [1]


# -- intents ----------------------------------------------------------------------------------------------------------


@pytest.mark.code("INTENT_STALE_EPOCH")
def test_an_intent_of_an_incarnation_that_has_ended_makes_no_order(oms: Oms) -> None:
    """It was approved before its strategy was started anew, and waited."""
    oms.gate = open_gate(lambda name: 3)
    oms.actor = OmsActor(SEAT, oms.gate)
    oms.hear(loaded(), approval(strategy_epoch=2))
    assert not oms.ctx.records(OrderRecorded)
    (settled,) = [letter for letter in oms.ctx.posted if isinstance(letter.envelope.body, IntentSettled)]
    assert isinstance(settled.envelope.body, IntentSettled)
    assert settled.envelope.body.code == ErrorCode.INTENT_STALE_EPOCH
    oms.hear(approval(strategy_epoch=3, intent_id="i2", action_key="k2"))


@pytest.mark.req("P-05", "P-12")
@pytest.mark.lesson("L09")
def test_an_order_leaves_only_as_a_letter_that_the_ledger_releases(oms: Oms) -> None:
    key = oms.approve()
    assert not oms.ctx.tells(SubmitOrder)
    (append,) = oms.ctx.appends()
    (submit,) = released(append, SubmitOrder)
    assert submit[0] == BROKER
    assert submit[1].ticket.client_order_id == key
    assert [type(record).__name__ for record in append.records] == ["IntentRecorded", "OrderRecorded"]


@pytest.mark.parametrize(("origin", "who"), [(Origin.STRATEGY, "strategy:trend"), (Origin.INBOX, "intent-inbox")])
def test_whoever_handed_it_in_is_told_that_nothing_came_of_it(oms: Oms, origin: Origin, who: str) -> None:
    oms.hear(approval(origin=origin, quantity=Decimal("0.0001")))
    assert oms.releases(IntentSettled) == [who]


@pytest.mark.req("TEST-712")
def test_the_same_action_makes_no_second_order(oms: Oms) -> None:
    oms.approve()
    oms.hear(approval(intent_id="i2"))
    assert len(oms.ctx.records(OrderRecorded)) == 1
    settled = [letter.envelope.body for letter in oms.ctx.posted if isinstance(letter.envelope.body, IntentSettled)]
    assert [body.code for body in settled] == ["INTENT_DUPLICATE"]
    assert any(isinstance(letter.envelope.body, IntentClosed) for letter in oms.ctx.posted)


def test_a_shut_gate_refuses_entries_with_a_reason_and_gives_the_reservation_back(oms: Oms) -> None:
    oms.gate.require_recovery("a test", T0, by=None)
    oms.hear(approval())
    assert not oms.ctx.records(OrderRecorded)
    (status,) = oms.ctx.records(IntentStatusChanged)
    assert (status.status, status.code) == (IntentStatus.REJECTED, "GATE_SHUT")
    assert oms.releases(IntentClosed) == [addresses.RISK_GUARD]


def test_an_expired_intent_makes_no_order(oms: Oms) -> None:
    oms.hear(approval(expires_at_ns=T0 - 1, market=market(at_ns=T0)))
    assert [record.code for record in oms.ctx.records(IntentStatusChanged)] == ["INTENT_EXPIRED"]


# -- evidence ---------------------------------------------------------------------------------------------------------


@pytest.mark.lesson("L07")
@pytest.mark.req("P-06")
def test_an_execution_is_booked_once_however_often_it_is_told(oms: Oms) -> None:
    key = oms.approve()
    oms.ctx.forget()
    oms.hear(executed("0.4", 1, key=key), executed("0.4", 1, key=key), executed("0.6", 2, key=key))
    assert [record.fill.quantity for record in oms.ctx.records(FillRecorded)] == [Decimal("0.4"), Decimal("0.6")]
    assert oms.releases(FillBooked) == [addresses.PORTFOLIO, addresses.RISK_GUARD] * 2
    assert oms.last().status is OrderStatus.FILLED
    assert [record.status for record in oms.ctx.records(IntentStatusChanged)] == [IntentStatus.DONE]
    assert not oms.ctx.tells(FillBooked), "only the ledger may let it out"


@pytest.mark.lesson("L26")
def test_an_ack_after_the_fill_changes_nothing_back(oms: Oms) -> None:
    key = oms.approve()
    oms.hear(executed("1", 1, key=key), OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id="v1"))
    assert oms.last().status is OrderStatus.FILLED


@pytest.mark.lesson("L06")
def test_evidence_about_an_unknown_order_is_a_reason_to_compare(oms: Oms) -> None:
    oms.hear(executed("1", 1, key="stranger"))
    assert not oms.gate.is_open
    assert oms.ctx.tells(TakeVenueSnapshot, BROKER)


def not_sent(key: str, code: str = "CONNECT", retry_after_s: float | None = None) -> OrderNotSent:
    return OrderNotSent(client_order_id=key, symbol="BTCUSDT", code=code, reason="refused", retry_after_s=retry_after_s)


@pytest.mark.req("X-05")
@pytest.mark.lesson("L05")
def test_not_sent_goes_again_with_the_same_ticket_then_fails(oms: Oms) -> None:
    key = oms.approve()
    delays = []
    for _ in RESEND_DELAYS_S:
        oms.hear(not_sent(key))
        delay_s, _ = oms.ctx.timers[f"resend:{key}"]
        delays.append(delay_s)
        oms.ctx.forget()
        oms.later(delay_s, f"resend:{key}")
        assert oms.releases(SubmitOrder) == [BROKER]
        assert oms.last().ticket.client_order_id == key
    assert delays == [1.0, 2.0, 4.0]
    oms.hear(not_sent(key))
    assert oms.last().status is OrderStatus.FAILED
    assert oms.ctx.records(IntentStatusChanged)[-1].status is IntentStatus.FAILED
    assert f"resend:{key}" not in oms.ctx.timers


@pytest.mark.lesson("L18")
def test_retry_after_is_honoured_where_it_is_longer(oms: Oms) -> None:
    key = oms.approve()
    oms.hear(not_sent(key, retry_after_s=30.0))
    assert oms.ctx.timers[f"resend:{key}"][0] == 30.0


@pytest.mark.parametrize("code", ["GATE_SHUT", "FENCED"])
def test_what_was_held_back_on_purpose_is_not_sent_again(oms: Oms, code: str) -> None:
    key = oms.approve()
    oms.hear(not_sent(key, code))
    assert oms.last().status is OrderStatus.FAILED


@pytest.mark.lesson("L01")
@pytest.mark.req("P-13")
def test_an_unknown_outcome_is_asked_about_and_never_sent_again(oms: Oms) -> None:
    key = oms.approve()
    oms.hear(OrderOutcomeUnknown(client_order_id=key, symbol="BTCUSDT", reason="timeout"))
    assert oms.last().status is OrderStatus.UNKNOWN
    oms.ctx.forget()
    oms.later(5, "query")
    assert oms.ctx.tells(QueryOrder, BROKER)
    assert not oms.releases(SubmitOrder)


def test_not_known_to_a_query_is_not_absence_yet(oms: Oms) -> None:
    key = oms.approve()
    oms.hear(OrderOutcomeUnknown(client_order_id=key, symbol="BTCUSDT", reason="timeout"))
    oms.hear(OrderStatusReported(client_order_id=key, symbol="BTCUSDT", order=None, as_of_ns=T0))
    assert oms.last().status is OrderStatus.UNKNOWN, "which freezes its symbol"
    assert oms.ctx.tells(TakeVenueSnapshot), "the books are compared"


def test_not_known_to_a_late_query_says_nothing_of_an_order_that_has_ended(oms: Oms) -> None:
    key = oms.approve()
    oms.hear(OrderRejected(client_order_id=key, symbol="BTCUSDT", code="-2010", reason="no"))
    asked = len(oms.ctx.tells(TakeVenueSnapshot))
    oms.hear(OrderStatusReported(client_order_id=key, symbol="BTCUSDT", order=None, as_of_ns=T0))
    assert oms.last().status is OrderStatus.REJECTED
    assert len(oms.ctx.tells(TakeVenueSnapshot)) == asked


@pytest.mark.parametrize(
    ("at_s", "expires_s", "status"),
    [(1, 90, OrderStatus.UNKNOWN), (60, 90, OrderStatus.PENDING_SUBMIT), (60, 30, OrderStatus.FAILED)],
)
@pytest.mark.lesson("L28")
def test_absence_is_proven_past_the_requests_validity_and_not_before(
    oms: Oms, at_s: int, expires_s: int, status: OrderStatus
) -> None:
    """Proven, it goes again under the same id while its intent is wanted, else it has failed."""
    key = oms.approve(expires_at_ns=T0 + expires_s * NS_PER_S)
    oms.hear(OrderOutcomeUnknown(client_order_id=key, symbol="BTCUSDT", reason="timeout"))
    oms.later(at_s, "reconcile")
    oms.hear(snapshot(T0 + at_s * NS_PER_S))
    assert oms.last().status is status
    assert {record.order.ticket.client_order_id for record in oms.ctx.records(OrderRecorded)} == {key}


@pytest.mark.req("P-05", "X-05")
def test_an_order_that_is_absent_again_and_again_has_failed(oms: Oms) -> None:
    key = oms.approve()
    for turn in range(MAX_RESENDS_AFTER_ABSENCE + 1):
        oms.hear(OrderOutcomeUnknown(client_order_id=key, symbol="BTCUSDT", reason="timeout"))
        oms.later(60, "reconcile")
        oms.hear(snapshot(oms.ctx.now))
        expected = OrderStatus.PENDING_SUBMIT if turn < MAX_RESENDS_AFTER_ABSENCE else OrderStatus.FAILED
        assert oms.last().status is expected
    assert oms.releases(SubmitOrder) == [BROKER] * (1 + MAX_RESENDS_AFTER_ABSENCE)
    counted = [record.deadline_id for record in oms.ctx.records(DeadlineSet)]
    assert counted == [f"resend/{key}"] * MAX_RESENDS_AFTER_ABSENCE, "on disk, so that no restart counts anew"
    assert [record.deadline_id for record in oms.ctx.records(DeadlineCleared)] == [f"resend/{key}"]


def test_a_submit_that_may_still_wait_in_the_transport_is_not_absent(oms: Oms) -> None:
    """It is signed when it leaves, so its validity has not begun: a listing without it proves nothing."""
    oms.approve()
    oms.later(60, "reconcile")
    oms.hear(snapshot(T0 + 60 * NS_PER_S))
    assert oms.last().status is OrderStatus.PENDING_SUBMIT


@pytest.mark.req("S-12")
def test_an_order_without_an_answer_for_a_minute_is_an_execution_delay_once(oms: Oms) -> None:
    oms.approve()
    oms.later(60, "query")
    assert not oms.ctx.tells(FailureReported)
    oms.later(5, "query")
    oms.later(5, "query")
    assert [report.mode for report in oms.ctx.tells(FailureReported)] == [FailureMode.EXECUTION_DELAY]


@pytest.mark.req("S-12")
def test_a_delay_ends_with_the_last_order_of_the_symbol_that_is_waited_for(oms: Oms) -> None:
    first = oms.approve(intent_id="i1", action_key="k1")
    oms.ctx.forget()
    second = oms.approve(intent_id="i2", action_key="k2")
    oms.later(61, "query")
    oms.hear(OrderAccepted(client_order_id=first, symbol="BTCUSDT"))
    oms.later(5, "query")
    assert not any(report.recovered for report in oms.ctx.tells(FailureReported))
    oms.hear(OrderAccepted(client_order_id=second, symbol="BTCUSDT"))
    oms.later(5, "query")
    over = [report for report in oms.ctx.tells(FailureReported) if report.recovered]
    assert [(report.mode, report.scope) for report in over] == [(FailureMode.EXECUTION_DELAY, "symbol:BTCUSDT")]


def test_a_snapshot_that_nobody_answers_is_asked_for_again(oms: Oms) -> None:
    oms.later(30, "reconcile")
    oms.ctx.forget()
    oms.later(30, "reconcile")
    assert not oms.ctx.tells(TakeVenueSnapshot), "one at a time"
    oms.later(120, "reconcile")
    assert oms.ctx.tells(TakeVenueSnapshot)


# -- the ledger fails -------------------------------------------------------------------------------------------------


def test_a_refused_append_shuts_the_gate_and_memory_gives_way_to_the_disk() -> None:
    oms = Oms(seat=SEAT._replace(on_stop={"trend": OnStop.KEEP})).trading()
    key = oms.approve()
    oms.hear(AppendFailed(reason="disk full"))
    assert not oms.gate.is_open
    oms.ctx.forget()
    oms.later(5, "reload")
    assert oms.ctx.tells(LoadRecovery, addresses.LEDGER)
    oms.hear(loaded(), TellState(strategy_id=None), sender="asker")
    assert oms.ctx.tells(OrdersTold, addresses.strategy("trend")), "it may have missed what was said of them"
    assert oms.ctx.tells(OrdersTold, "asker")[-1].orders == ()
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT"))
    assert not oms.ctx.records(OrderRecorded), "what is not on disk is not in the books"


@pytest.mark.lesson("L34")
def test_one_that_is_started_again_asks_how_the_stream_is_and_names_what_it_read_with_each_record() -> None:
    oms = Oms(epoch=2)
    assert oms.ctx.tells(TellChannel, BROKER)
    assert not Oms(epoch=1).ctx.tells(TellChannel)
    oms.hear(loaded().model_copy(update={"load_id": "1.7"}))
    oms.trading().approve()
    assert {append.load_id for append in oms.ctx.appends()} == {"1.7"}


# -- a strategy that has ended ----------------------------------------------------------------------------------------

GONE = Terminated(child=addresses.strategy("trend"), reason="parked")


@pytest.mark.parametrize(
    ("on_stop", "cancels"), [(OnStop.CANCEL_ENTRIES, 1), (OnStop.FLATTEN, 1), (OnStop.KEEP, 0)], ids=str
)
def test_what_becomes_of_its_entries_is_what_it_declared(on_stop: OnStop, cancels: int) -> None:
    oms = Oms(seat=SEAT._replace(on_stop={"trend": on_stop})).trading()
    key = oms.approve()
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id="v1"))
    oms.hear(GONE)
    sent = [letter for letter in oms.ctx.posted if isinstance(letter.envelope.body, CancelOrder)]
    assert len(sent) == cancels
    assert addresses.strategy("trend") in oms.ctx.watched


def test_the_end_of_another_strategy_is_none_of_its_orders_business() -> None:
    oms = Oms(seat=SEAT._replace(on_stop={"trend": OnStop.CANCEL_ENTRIES, "other": OnStop.CANCEL_ENTRIES})).trading()
    key = oms.approve()
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id="v1"))
    oms.hear(Terminated(child=addresses.strategy("other"), reason="parked"))
    assert not oms.ctx.posted


def test_each_incarnation_of_a_strategy_is_watched_anew() -> None:
    oms = Oms()
    oms.hear(TellState(strategy_id="trend"), sender=addresses.strategy("trend"))
    assert oms.ctx.watched == {addresses.strategy("trend")}
