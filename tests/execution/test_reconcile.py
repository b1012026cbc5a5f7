"""Our books beside the venue's view: what is missing is told once, what is unknown resolved, and nothing is guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.execution.claiming import Known
from bulkhead.execution.fills import FillBook
from bulkhead.execution.listing import LocalView
from bulkhead.execution.order_events import apply, mark_unknown
from bulkhead.execution.reconcile import Reconciliation, reconcile
from messages.orders import (
    ExecutionReported,
    OrderRow,
    VenueExecution,
    VenueOrder,
    VenueSnapshotTaken,
)
from messages.values import OrderStatus as S
from messages.values import Side
from tests.execution.orders import ID, NS_PER_S, T0, D, order, venue_execution, venue_order

OTHER = "b" + "c" * 32
LATER = T0 + 60 * NS_PER_S


def local(*rows: OrderRow, booked: tuple[str, ...] = (), **changes: Any) -> LocalView:
    return LocalView(rows, frozenset(booked), **{"since_ns": T0 - NS_PER_S, "request_validity_s": 5.0, **changes})


def snapshot(
    *orders: VenueOrder,
    executions: tuple[VenueExecution, ...] = (),
    open_orders: tuple[VenueOrder, ...] | None = None,
    as_of_ns: int = LATER,
) -> VenueSnapshotTaken:
    if open_orders is None:
        open_orders = tuple(one for one in orders if not one.status.is_terminal)
    return VenueSnapshotTaken(
        venue="sim",
        account="paper",
        as_of_ns=as_of_ns,
        balances=(),
        open_orders=open_orders,
        orders=orders,
        executions=executions,
    )


def carried_out(result: Reconciliation, *rows: OrderRow) -> dict[str, OrderRow]:
    """The rows after the events, as the OMS would apply them."""
    book, after = FillBook(), {row.ticket.client_order_id: row for row in rows}
    for event in result.events:
        row = after[event.client_order_id]
        if isinstance(event, ExecutionReported):
            assert book.is_new(row, event), "told twice"
        applied = apply(row, event, LATER)
        if applied.fill is not None:
            book.add(applied.fill.fill_id)
        after[event.client_order_id] = applied.order
    return after


def test_books_that_agree_leave_nothing_to_do() -> None:
    row = order(S.PARTIAL, "4", venue_order_id="v1", submitted_ns=T0)
    view = local(row, booked=("sim:BTCUSDT:1",))
    result = reconcile(view, snapshot(venue_order(S.PARTIAL, "4"), executions=(venue_execution("4"),)))
    assert result.events == ()
    assert result.is_clean
    assert result.skipped == 1


@pytest.mark.lesson("L06")
@pytest.mark.parametrize("status", [S.SUBMITTED, S.UNKNOWN, S.PENDING_SUBMIT, S.PENDING_CANCEL])
def test_lesson_l06_a_fill_while_we_were_away_is_told_exactly_once(status: S) -> None:
    """Both the order's figures and the executions show it."""
    row = order(status, venue_order_id="v1")
    result = reconcile(local(row), snapshot(venue_order(S.FILLED, "10"), executions=(venue_execution("10"),)))
    assert [type(event) for event in result.events] == [ExecutionReported]
    after = carried_out(result, row)[ID]
    assert (after.status, after.filled) == (S.FILLED, D(10))
    assert result.is_clean


def test_what_ended_while_we_were_away() -> None:
    row = order(S.PARTIAL, "1", venue_order_id="v1")
    view = local(row, booked=("sim:BTCUSDT:1",))
    venue = snapshot(venue_order(S.CANCELLED, "4"), executions=(venue_execution("1"), venue_execution("3", 2)))
    after = carried_out(reconcile(view, venue), row)[ID]
    assert (after.status, after.filled) == (S.CANCELLED, D(4))


@pytest.mark.parametrize("status", [S.SUBMITTED, S.CANCELLED, S.EXPIRED, S.REJECTED])
def test_unknown_is_resolved_by_what_the_venue_lists(status: S) -> None:
    row = mark_unknown(order(), "restart").order
    result = reconcile(local(row), snapshot(venue_order(status)))
    assert carried_out(result, row)[ID].status is status
    assert result.is_clean


@pytest.mark.lesson("L08")
@pytest.mark.parametrize("status", [S.FILLED, S.CANCELLED, S.PARTIAL])
def test_lesson_l08_a_status_without_its_executions_invents_no_fill(status: S) -> None:
    row = mark_unknown(order(), "restart").order
    result = reconcile(local(row), snapshot(venue_order(status, "10" if status is S.FILLED else "4")))
    after = carried_out(result, row)[ID]
    assert after.filled == 0
    assert not after.status.is_terminal
    assert [one.client_order_id for one in result.unresolved] == [ID]
    assert not result.is_clean
    assert result.is_explained


# -- absence ----------------------------------------------------------------------------------------------------------

VALID_UNTIL = T0 + 6 * NS_PER_S
"""Made at T0, valid for 5 s, margin 1 s."""


@pytest.mark.lesson("L28")
@pytest.mark.parametrize(("as_of_ns", "is_absent"), [(VALID_UNTIL, False), (VALID_UNTIL + 1, True)])
@pytest.mark.parametrize("status", [S.PENDING_SUBMIT, S.UNKNOWN])
def test_lesson_l28_absence_is_proven_only_after_the_requests_validity(
    status: S, as_of_ns: int, is_absent: bool
) -> None:
    result = reconcile(local(order(status)), snapshot(as_of_ns=as_of_ns))
    assert result.absent == ((ID,) if is_absent else ())
    assert [one.client_order_id for one in result.unresolved] == ([] if is_absent else [ID])
    assert result.events == ()


@pytest.mark.parametrize(
    ("reason", "changes", "executions"),
    [
        ("no order yet", {"claiming": Known(window_s=1e9)}, ()),
        ("transport still holds", {"in_flight": frozenset({ID})}, ()),
        ("begins after", {"since_ns": T0 + 1}, ()),
        ("unknown origin", {}, (venue_execution("1", venue_order_id="v9"),)),
    ],
)
def test_any_doubt_keeps_it_unknown(
    reason: str, changes: dict[str, Any], executions: tuple[VenueExecution, ...]
) -> None:
    result = reconcile(local(order(S.UNKNOWN), **changes), snapshot(executions=executions))
    assert result.absent == ()
    assert reason in result.unresolved[0].reason


def test_a_resend_starts_the_validity_anew() -> None:
    row = order(S.UNKNOWN, updated_ns=LATER)
    assert reconcile(local(row), snapshot(as_of_ns=LATER + NS_PER_S)).absent == ()


@pytest.mark.lesson("L03")
@pytest.mark.parametrize("status", [S.SUBMITTED, S.PARTIAL, S.PENDING_CANCEL, S.UNKNOWN])
def test_lesson_l03_an_answered_order_that_vanishes_is_not_ended_by_us(status: S) -> None:
    row = order(status, "4" if status is S.PARTIAL else "0", venue_order_id="v1")
    result = reconcile(local(row), snapshot())
    assert (result.events, result.absent) == ((), ())
    assert "does not list it now" in result.unresolved[0].reason


def test_a_listing_older_than_the_answer_raises_no_doubt() -> None:
    row = order(S.SUBMITTED, venue_order_id="v1", updated_ns=LATER)
    assert reconcile(local(row), snapshot(as_of_ns=LATER)).is_clean


# -- what is not ours, what contradicts -----------------------------------------------------------------------------


@pytest.mark.req("X-07")
def test_foreign_orders_are_left_alone_with_their_executions() -> None:
    theirs = venue_order(S.SUBMITTED, key="web_1", venue_order_id="v7")
    execution = venue_execution("1", venue_order_id="v7")
    result = reconcile(local(), snapshot(theirs, executions=(execution,)))
    assert result.foreign == (theirs,)
    assert (result.events, result.orphans, result.skipped_foreign_executions) == ((), (), 1)
    assert result.is_clean


def test_an_open_order_with_our_mark_but_in_no_book_needs_an_operator() -> None:
    lost = venue_order(S.SUBMITTED, key=OTHER, venue_order_id="v7")
    result = reconcile(local(), snapshot(lost))
    assert (result.unrecorded, result.foreign) == ((lost,), ())
    assert not result.is_explained


@pytest.mark.lesson("L12")
def test_lesson_l12_success_counts_what_it_skipped() -> None:
    old = venue_order(S.FILLED, "10", key=OTHER, venue_order_id="v7")
    booked = venue_execution("10", venue_order_id="v7")
    foreign = venue_order(S.FILLED, "1", key="web_1", venue_order_id="v8")
    by_hand = venue_execution("1", 2, venue_order_id="v8")
    view = local(booked=("sim:BTCUSDT:1",))
    result = reconcile(view, snapshot(old, foreign, executions=(booked, by_hand)))
    assert result.is_clean
    counts = (result.skipped_executions, result.skipped_foreign_executions, result.skipped_ended_orders)
    assert counts == (1, 1, 1)
    assert result.skipped == 3


@pytest.mark.req("X-07")
def test_an_execution_without_its_order_is_an_orphan() -> None:
    orphan = venue_execution("1", venue_order_id="v9")
    result = reconcile(local(), snapshot(executions=(orphan,)))
    assert result.orphans == (orphan,)
    assert not result.is_explained


def test_an_execution_listed_twice_is_told_once() -> None:
    row = order(S.SUBMITTED, venue_order_id="v1")
    twice = (venue_execution("4"), venue_execution("4"))
    result = reconcile(local(row), snapshot(venue_order(S.PARTIAL, "4"), executions=twice))
    assert carried_out(result, row)[ID].filled == D(4)
    assert result.skipped_executions == 1


def test_a_late_execution_of_an_ended_order_is_told() -> None:
    row = order(S.CANCELLED, venue_order_id="v1")
    result = reconcile(local(row), snapshot(venue_order(S.CANCELLED, "4"), executions=(venue_execution("4"),)))
    assert carried_out(result, row)[ID].filled == D(4)


@pytest.mark.parametrize(("ended_ns", "contradicts"), [(T0, True), (LATER, False)])
def test_an_ended_order_that_is_open_at_the_venue(ended_ns: int, contradicts: bool) -> None:
    row = order(S.CANCELLED, venue_order_id="v1", updated_ns=ended_ns)
    result = reconcile(local(row), snapshot(venue_order(S.SUBMITTED)))
    assert bool(result.contradictions) == contradicts
    assert result.events == ()


def test_less_filled_at_the_venue_than_here_contradicts() -> None:
    row = order(S.PARTIAL, "4", venue_order_id="v1")
    result = reconcile(local(row), snapshot(venue_order(S.PARTIAL, "3")))
    assert "4 filled here, 3 at the venue" in result.contradictions[0]


def test_executions_younger_than_the_listed_order_do_not_contradict() -> None:
    row = order(S.SUBMITTED, venue_order_id="v1")
    result = reconcile(local(row), snapshot(venue_order(S.SUBMITTED, "0"), executions=(venue_execution("10"),)))
    assert result.is_clean
    assert carried_out(result, row)[ID].status is S.FILLED


def test_one_id_taken_twice_by_the_venue_is_booked_and_shouted() -> None:
    row = order(S.UNKNOWN)
    orders = (venue_order(S.FILLED, "10"), venue_order(S.FILLED, "10", venue_order_id="v2"))
    executions = (venue_execution("10"), venue_execution("10", 2, venue_order_id="v2"))
    result = reconcile(local(row), snapshot(*orders, executions=executions))
    assert carried_out(result, row)[ID].filled == D(20)
    assert "more than once" in result.contradictions[0]
    assert "beyond its quantity" in result.contradictions[1]


def test_our_giving_up_is_overruled_by_a_listing() -> None:
    row = order(S.FAILED)
    result = reconcile(local(row), snapshot(venue_order(S.SUBMITTED)))
    assert carried_out(result, row)[ID].status is S.SUBMITTED
    assert not result.is_explained


def test_a_cancel_that_did_not_arrive_is_repeated() -> None:
    row = order(S.PENDING_CANCEL, venue_order_id="v1")
    assert reconcile(local(row), snapshot(venue_order(S.SUBMITTED))).cancels_to_repeat == (ID,)
    assert reconcile(local(row), snapshot(venue_order(S.CANCELLED))).cancels_to_repeat == ()


def test_the_two_lists_of_one_snapshot_may_differ_by_an_instant() -> None:
    row = order(S.SUBMITTED, venue_order_id="v1")
    venue = snapshot(venue_order(S.CANCELLED), open_orders=(venue_order(S.SUBMITTED),))
    assert carried_out(reconcile(local(row), venue), row)[ID].status is S.CANCELLED


def test_a_venue_that_renames_a_cancelled_order_is_followed_by_its_own_id() -> None:
    row = order(S.PENDING_CANCEL, venue_order_id="v1")
    result = reconcile(local(row), snapshot(venue_order(S.CANCELLED, key="renamed")))
    assert carried_out(result, row)[ID].status is S.CANCELLED
    assert result.foreign == ()


def test_orders_of_other_accounts_are_left_out() -> None:
    row = order(S.SUBMITTED, venue_order_id="v1")
    elsewhere = row.model_copy(update={"ticket": row.ticket.model_copy(update={"account": "second"})})
    assert reconcile(local(elsewhere), snapshot()) == Reconciliation()


@pytest.mark.lesson("L10")
@given(
    st.lists(st.sampled_from(["1", "2", "3"]), max_size=3),
    st.sampled_from([S.PENDING_SUBMIT, S.UNKNOWN, S.SUBMITTED, S.PENDING_CANCEL]),
    st.sampled_from([S.SUBMITTED, S.PARTIAL, S.CANCELLED, S.EXPIRED, S.FILLED]),
)
@pytest.mark.req("X-08")
def test_lesson_l10_reconciling_again_finds_nothing_more(quantities: list[str], status: S, listed: S) -> None:
    row = order(status)
    executions = tuple(venue_execution(quantity, n) for n, quantity in enumerate(quantities))
    total = sum((one.quantity for one in executions), D(0))
    venue = snapshot(venue_order(listed, str(total)), executions=executions)
    first = reconcile(local(row), venue)
    after = carried_out(first, row)[ID]
    assert after.filled == total
    booked = tuple(f"sim:BTCUSDT:{one.execution_id}" for one in executions)
    again = reconcile(local(after, booked=booked), venue)
    assert again.events == ()
    assert again.skipped_executions == len(executions)


def test_executions_on_the_other_side_do_not_disturb_the_proof() -> None:
    theirs = venue_execution("1", venue_order_id="v9", side=Side.SELL)
    assert reconcile(local(order(S.UNKNOWN)), snapshot(executions=(theirs,))).absent == (ID,)


@pytest.mark.lesson("L25")
@pytest.mark.parametrize("is_listed", [True, False], ids=["both-listed", "only-the-new-one-listed"])
def test_lesson_l25_a_number_that_the_venue_gives_out_again_crosses_no_fills(is_listed: bool) -> None:
    """Our id is the key: the fill of the new order v1 is not booked on the old one that bore the same number."""
    old = order(S.CANCELLED, key=OTHER, venue_order_id="v1", submitted_ns=T0)
    new = order(S.SUBMITTED, venue_order_id="v1", submitted_ns=T0)
    listed = [venue_order(S.FILLED, "10")]
    if is_listed:
        listed.insert(0, venue_order(S.CANCELLED, key=OTHER))
    result = reconcile(local(new, old), snapshot(*listed, executions=(venue_execution("10"),)))
    assert [event.client_order_id for event in result.events if isinstance(event, ExecutionReported)] == [ID]
    assert carried_out(result, new, old)[ID].status is S.FILLED


@pytest.mark.lesson("L25")
def test_lesson_l25_nor_where_the_old_order_had_come_further() -> None:
    """Numbers begin anew each day at some venues (KIS), so a number needs its date."""
    yesterday = T0 - 86_400 * NS_PER_S
    old = order(S.FILLED, "10", key=OTHER, venue_order_id="v1", created_ns=yesterday, submitted_ns=yesterday)
    new = order(S.SUBMITTED, venue_order_id="v1", submitted_ns=T0)
    listed = (venue_order(S.FILLED, "10", key=OTHER, created_ns=yesterday), venue_order(S.PARTIAL, "3"))
    executions = (venue_execution("10", executed_ns=yesterday + NS_PER_S), venue_execution("3", 2))
    result = reconcile(local(new, old, booked=("sim:BTCUSDT:1",)), snapshot(*listed, executions=executions))
    assert [event.client_order_id for event in result.events if isinstance(event, ExecutionReported)] == [ID]


# -- what is not ours -------------------------------------------------------------------------------------------------


def test_an_execution_of_an_order_that_was_foreign_before_is_no_orphan_though_it_is_not_listed() -> None:
    """An order by hand that rested for a day fills: the listing begins long after it was placed."""
    by_hand = venue_execution("1", 5, venue_order_id="v-hand")
    given = snapshot(executions=(by_hand,))
    unknown = reconcile(local(), given)
    assert unknown.orphans == unknown.strangers == (by_hand,)
    known = reconcile(local(foreign={"order:BTCUSDT:v-hand"}), given)
    assert (known.orphans, known.strangers, known.is_clean) == ((), (by_hand,), True)


@pytest.mark.parametrize("key", ["fill:BTCUSDT:5", "order:BTCUSDT:v-hand"])
def test_what_an_operator_ignores_is_no_doubt_and_still_told_to_whoever_counts_balances(key: str) -> None:
    by_hand = venue_execution("1", 5, venue_order_id="v-hand")
    found = reconcile(local(ignored={key}), snapshot(executions=(by_hand,)))
    assert (found.orphans, found.strangers, found.is_clean, found.skipped) == ((), (by_hand,), True, 1)


def test_an_open_order_with_our_mark_in_no_book_is_in_doubt_until_it_is_ignored() -> None:
    marked = venue_order(S.SUBMITTED, key=OTHER, venue_order_id="v-lost")
    given = snapshot(open_orders=(marked,))
    assert not reconcile(local(), given).is_clean
    found = reconcile(local(ignored={"order:BTCUSDT:v-lost"}), given)
    assert found.is_clean
    assert (found.unrecorded, found.foreign, found.skipped_ignored) == ((), (), 1)
