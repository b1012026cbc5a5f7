"""One step of one order: each kind of evidence, late and stale words, our own acts."""

import pytest

from bulkhead.execution.order_events import (
    StatusShown,
    apply,
    cancelled_quantity,
    give_up,
    mark_unknown,
    overfilled_quantity,
    prove_absent,
    request_cancel,
    resend,
    status_shown,
    was_answered,
)
from bulkhead.execution.order_table import IllegalTransition
from messages.orders import (
    CancelOutcomeUnknown,
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderEvidence,
    OrderExpired,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderRow,
)
from messages.values import OrderStatus as S
from messages.values import Side
from tests.execution.orders import ID, T0, D, executed, order, venue_order

NOW = T0 + 5
ABOUT = {"client_order_id": ID, "symbol": "BTCUSDT"}
ACCEPTED = OrderAccepted(**ABOUT, venue_order_id="v1", raw='{"status":"NEW"}')
REJECTED = OrderRejected(**ABOUT, code="-2010", reason="no money")
NOT_SENT = OrderNotSent(**ABOUT, code="CONNECT", reason="refused")
UNKNOWN = OrderOutcomeUnknown(**ABOUT, reason="timeout")
CANCELLED = OrderCancelled(**ABOUT, venue_order_id="v1")
EXPIRED = OrderExpired(**ABOUT, reason="IOC")
CANCEL_REJECTED = CancelRejected(**ABOUT, code="-2011", reason="unknown order")
CANCEL_UNKNOWN = CancelOutcomeUnknown(**ABOUT, reason="timeout")


def shown(status: S, cumulative: str = "0") -> StatusShown:
    return status_shown(venue_order(status, cumulative), ID, NOW)


def after(row: OrderRow, *told: OrderEvidence | StatusShown) -> OrderRow:
    for one in told:
        row = apply(row, one, NOW).order
    return row


@pytest.mark.parametrize(
    ("evidence", "status", "change"),
    [
        (ACCEPTED, S.SUBMITTED, "accepted"),
        (executed("3"), S.PARTIAL, "partial"),
        (executed("10"), S.FILLED, "filled"),
        (REJECTED, S.REJECTED, "rejected"),
        (NOT_SENT, S.PENDING_SUBMIT, "not_sent"),
        (UNKNOWN, S.UNKNOWN, "unknown"),
        (CANCELLED, S.CANCELLED, "cancelled"),
        (EXPIRED, S.EXPIRED, "expired"),
        (shown(S.SUBMITTED), S.SUBMITTED, "accepted"),
    ],
)
def test_first_word_about_an_order(evidence: OrderEvidence | StatusShown, status: S, change: str) -> None:
    applied = apply(order(), evidence, NOW)
    assert (applied.order.status, applied.change) == (status, change)
    assert not applied.is_late
    assert applied.order.updated_ns == NOW


def test_acceptance_is_kept_with_the_venues_words() -> None:
    row = after(order(), ACCEPTED)
    assert (row.venue_order_id, row.submitted_ns, row.raw) == ("v1", NOW, '{"status":"NEW"}')


@pytest.mark.req("X-09")
def test_a_reject_keeps_code_and_reason() -> None:
    assert after(order(), REJECTED).reason == "-2010: no money"


@pytest.mark.req("P-06", "X-06")
def test_fills_add_up_exactly() -> None:
    first = apply(order(quantity="0.3"), executed("0.1", 1, price="0.1"), NOW)
    second = apply(first.order, executed("0.2", 2, price="0.2"), NOW)
    assert (second.order.filled, second.order.filled_notional) == (D("0.3"), D("0.05"))
    assert second.order.status is S.FILLED
    assert second.fill is not None
    assert (second.fill.fill_id, second.fill.quantity) == ("sim:BTCUSDT:2", D("0.2"))


def test_an_acknowledgement_after_a_fill_lowers_nothing() -> None:
    row = after(order(), executed("3"))
    assert apply(row, ACCEPTED, NOW).change is None
    assert apply(row, ACCEPTED, NOW).order is row


@pytest.mark.lesson("L26")
@pytest.mark.parametrize("ended", [S.FILLED, S.CANCELLED, S.EXPIRED, S.REJECTED])
def test_lesson_l26_a_late_new_makes_no_phantom_order(ended: S) -> None:
    row = order(ended, "10" if ended is S.FILLED else "0", venue_order_id="v1")
    for stale in (ACCEPTED, shown(S.SUBMITTED)):
        applied = apply(row, stale, NOW)
        assert applied.order is row
        assert (applied.change, applied.is_late) == (None, False)


@pytest.mark.lesson("L02")
def test_lesson_l02_a_reject_cannot_undo_a_fill() -> None:
    filled = after(order(), executed("10"))
    applied = apply(filled, REJECTED, NOW)
    assert applied.order.status is S.FILLED
    assert "earlier word stands" in applied.notes[0]
    part = apply(after(order(), executed("3")), REJECTED, NOW)
    assert (part.order.status, part.order.filled, part.is_alarm) == (S.UNKNOWN, D(3), True)
    assert after(part.order, shown(S.CANCELLED, "3")).status is S.CANCELLED


@pytest.mark.lesson("L01")
def test_lesson_l01_a_timeout_is_no_failure() -> None:
    row = after(order(), UNKNOWN)
    assert row.status is S.UNKNOWN
    assert row.leaves == D(10)
    with pytest.raises(IllegalTransition):
        give_up(row, "timeout", NOW)
    for nothing_new in (UNKNOWN, NOT_SENT, CANCEL_REJECTED, CANCEL_UNKNOWN, shown(S.UNKNOWN)):
        assert after(row, nothing_new).status is S.UNKNOWN


@pytest.mark.lesson("L05")
def test_lesson_l05_a_lost_reply_after_the_ack_changes_nothing() -> None:
    row = after(order(), ACCEPTED)
    assert apply(row, UNKNOWN, NOW).order is row
    with pytest.raises(IllegalTransition):
        resend(row, "timeout", NOW)


@pytest.mark.parametrize(
    ("status", "cumulative", "became"),
    [
        (S.SUBMITTED, "0", S.SUBMITTED),
        (S.PENDING_CANCEL, "0", S.SUBMITTED),
        (S.CANCELLED, "0", S.CANCELLED),
        (S.EXPIRED, "0", S.EXPIRED),
        (S.REJECTED, "0", S.REJECTED),
    ],
)
def test_a_query_resolves_unknown(status: S, cumulative: str, became: S) -> None:
    applied = apply(after(order(), UNKNOWN), shown(status, cumulative), NOW)
    assert (applied.order.status, applied.change) == (became, "resolved")


def test_a_status_never_invents_a_fill() -> None:
    unknown = after(order(), UNKNOWN)
    for status in (S.FILLED, S.CANCELLED, S.EXPIRED, S.REJECTED):
        applied = apply(unknown, shown(status, "10" if status is S.FILLED else "4"), NOW)
        assert applied.order.status is S.UNKNOWN
        assert (applied.fill, applied.order.filled) == (None, D(0))
        assert applied.missing == (10 if status is S.FILLED else 4)
        assert applied.order.venue_order_id == "v1"


def test_an_end_waits_for_the_executions_that_it_counts() -> None:
    row = after(order(), ACCEPTED)
    held = apply(row, OrderCancelled(**ABOUT, cumulative=D(4)), NOW)
    assert (held.order.status, held.missing, held.change) == (S.SUBMITTED, D(4), None)
    booked = after(held.order, executed("4"))
    ended = apply(booked, OrderCancelled(**ABOUT, cumulative=D(4)), NOW)
    assert (ended.order.status, ended.order.filled, ended.missing) == (S.CANCELLED, D(4), D(0))
    assert cancelled_quantity(ended.order) == D(6)


def test_an_execution_that_shows_a_gap_before_it_says_so() -> None:
    applied = apply(order(), executed("2", 2, cumulative=D(5)), NOW)
    assert (applied.order.filled, applied.missing) == (D(2), D(3))
    assert apply(order(), executed("2", cumulative=D(2)), NOW).missing == 0


@pytest.mark.parametrize("ended", [S.CANCELLED, S.EXPIRED])
@pytest.mark.parametrize(("quantity", "became"), [("3", None), ("10", S.FILLED)])
def test_a_fill_after_the_end_is_booked_and_alarmed(ended: S, quantity: str, became: S | None) -> None:
    applied = apply(order(ended), executed(quantity), NOW)
    assert applied.order.status is (became or ended)
    assert applied.fill is not None
    assert (applied.is_late, applied.is_alarm, applied.is_reopened) == (True, True, False)
    assert cancelled_quantity(applied.order) == 10 - D(quantity)


@pytest.mark.lesson("L04")
def test_lesson_l04_a_cancel_that_lost_the_race_leaves_the_fill() -> None:
    row = request_cancel(after(order(), ACCEPTED), "replace", NOW).order
    assert row.leaves == D(10), "a cancel that was asked for frees nothing"
    filled = apply(row, executed("10"), NOW)
    assert (filled.order.status, filled.is_late) == (S.FILLED, False)
    assert after(filled.order, CANCEL_REJECTED, CANCELLED).status is S.FILLED


def test_a_part_fill_of_a_rejected_order_makes_it_unknown() -> None:
    applied = apply(order(S.REJECTED), executed("3"), NOW)
    assert (applied.order.status, applied.is_late, applied.is_reopened) == (S.UNKNOWN, True, True)
    assert applied.order.leaves == D(7)


def test_the_venues_word_overrules_our_giving_up() -> None:
    failed = give_up(after(order(), NOT_SENT), "no route", NOW).order
    assert failed.status is S.FAILED
    for told, became in ((ACCEPTED, S.SUBMITTED), (executed("3"), S.PARTIAL), (UNKNOWN, S.UNKNOWN)):
        applied = apply(failed, told, NOW)
        assert (applied.order.status, applied.is_late, applied.is_alarm) == (became, True, True)
        assert applied.is_reopened


def test_an_overfill_is_booked_and_flagged() -> None:
    applied = apply(after(order(), executed("9")), executed("3", 2), NOW)
    assert (applied.order.status, applied.order.filled, applied.change) == (S.FILLED, D(12), "overfilled")
    assert applied.is_alarm
    assert overfilled_quantity(applied.order) == D(2)
    more = apply(applied.order, executed("1", 3), NOW)
    assert (more.order.filled, more.is_late, overfilled_quantity(more.order)) == (D(13), True, D(3))


def test_an_execution_on_the_wrong_side_is_booked_and_flagged() -> None:
    applied = apply(order(), executed("1", side=Side.SELL), NOW)
    assert applied.is_alarm
    assert "SELL" in applied.notes[0]


# -- cancels and our own acts ---------------------------------------------------------------------------------------


@pytest.mark.lesson("L03")
def test_lesson_l03_asking_for_a_cancel_ends_nothing() -> None:
    row = request_cancel(after(order(), ACCEPTED), "stop", NOW).order
    assert row.status is S.PENDING_CANCEL
    for nothing_proven in (CANCEL_UNKNOWN, ACCEPTED, NOT_SENT):
        assert after(row, nothing_proven).status is S.PENDING_CANCEL
    for forbidden in (give_up, prove_absent, resend):
        with pytest.raises(IllegalTransition):
            forbidden(row, "gone, surely", NOW)
    assert after(row, CANCELLED).status is S.CANCELLED


@pytest.mark.parametrize(
    ("before", "became"),
    [
        (order(), S.PENDING_SUBMIT),
        (after(order(), ACCEPTED), S.SUBMITTED),
        (after(order(), executed("3")), S.PARTIAL),
    ],
)
def test_a_refused_cancel_gives_the_order_back_as_it_was(before: OrderRow, became: S) -> None:
    row = request_cancel(before, "stop", NOW).order
    applied = apply(row, CANCEL_REJECTED, NOW)
    assert (applied.order.status, applied.change) == (became, "cancel_rejected")


def test_an_unknown_order_stays_so_when_its_cancel_is_sent() -> None:
    row = request_cancel(after(order(), UNKNOWN), "stop", NOW)
    assert (row.order.status, row.change) == (S.UNKNOWN, "cancel_requested")
    assert after(row.order, CANCELLED).status is S.CANCELLED


def test_a_proven_absence_ends_an_unknown_order_or_sends_it_again() -> None:
    row = after(order(), UNKNOWN)
    assert prove_absent(row, "both lists empty", NOW).order.status is S.FAILED
    again = resend(row, "both lists empty", NOW)
    assert (again.order.status, again.change) == (S.PENDING_SUBMIT, "resent")
    assert again.order.ticket == row.ticket


def test_nothing_that_the_venue_answered_for_is_ever_absent() -> None:
    known = after(order(), UNKNOWN, shown(S.FILLED, "10"))
    assert was_answered(known)
    for forbidden in (prove_absent, resend, give_up):
        with pytest.raises(IllegalTransition):
            forbidden(known, "absent", NOW)


def test_an_illegal_act_changes_nothing() -> None:
    row = order(S.FILLED, "10")
    before = row.model_dump()
    with pytest.raises(IllegalTransition) as caught:
        request_cancel(row, "stop", NOW)
    assert caught.value.status is S.FILLED
    assert row.model_dump() == before


def test_unanswered_sends_of_an_ended_incarnation_are_unknown() -> None:
    unanswered = mark_unknown(order(), "restart")
    assert (unanswered.order.status, unanswered.change) == (S.UNKNOWN, "unknown")
    assert unanswered.order.updated_ns == T0, "the proof of absence counts from the last send"
    cancelling = request_cancel(order(), "stop", NOW).order
    assert mark_unknown(cancelling, "restart").order.status is S.UNKNOWN
    for answered in (after(order(), ACCEPTED), request_cancel(after(order(), ACCEPTED), "stop", NOW).order):
        assert mark_unknown(answered, "restart").order is answered


def test_evidence_about_another_order_is_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="applied to"):
        apply(order(key="b" + "c" * 32), ACCEPTED, NOW)


def test_evidence_of_an_unknown_kind_is_a_fault_of_the_caller() -> None:
    with pytest.raises(TypeError, match="no evidence"):
        apply(order(), OrderEvidence(**ABOUT), NOW)


def test_time_never_runs_backwards_in_a_row() -> None:
    row = after(order(updated_ns=T0 + 100), ACCEPTED)
    assert row.updated_ns == T0 + 100


@pytest.mark.parametrize("word", ["asked", "refused", "unknown"])
def test_what_is_said_of_its_cancel_does_not_put_off_the_proof_that_an_unknown_order_is_absent(word: str) -> None:
    """The proof counts from the last word on the order itself; whoever asks for its end every second never had it."""
    row = order(S.UNKNOWN, reason="timeout")
    later = T0 + 5_000_000_000
    if word == "asked":
        after = request_cancel(row, "getting out", later).order
    elif word == "refused":
        said = CancelRejected(client_order_id=ID, symbol="BTCUSDT", code="-2011", reason="Unknown order sent.")
        after = apply(row, said, later).order
    else:
        after = apply(row, CancelOutcomeUnknown(client_order_id=ID, symbol="BTCUSDT", reason="timeout"), later).order
    assert (after.status, after.updated_ns) == (S.UNKNOWN, row.updated_ns)
