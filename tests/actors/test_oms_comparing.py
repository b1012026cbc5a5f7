"""OMS: stop plans, and the comparison with the venue."""

from decimal import Decimal

import pytest

from actors import addresses
from messages.failure import CancelEntries
from messages.orders import (
    CancelOrder,
    OrderCancelled,
    OrderChannelDown,
    OrderChannelUp,
    OrderUpdated,
    Reconcile,
    Reconciled,
    TakeVenueSnapshot,
    VenueSnapshotFailed,
)
from messages.portfolio import ReconcilePortfolio
from messages.values import IntentType, OrderStatus, Side
from tests.actors.kit import released
from tests.actors.oms_story import Oms, snapshot
from tests.execution.orders import order, venue_order


@pytest.fixture
def oms() -> Oms:
    return Oms().trading()


@pytest.mark.req("P-09")
@pytest.mark.parametrize(("everything", "cancelled"), [(False, ["entry"]), (True, ["entry", "exit"])])
def test_a_stop_plan_cancels_entries_and_exits_only_when_told(everything: bool, cancelled: list[str]) -> None:
    rows = (
        order(OrderStatus.SUBMITTED, key="entry", intent_id="i1"),
        order(OrderStatus.SUBMITTED, key="exit", intent_id="i2", intent_type=IntentType.EXIT_FULL, side=Side.SELL),
    )
    oms = Oms(*rows)
    oms.ctx.forget()
    oms.hear(CancelEntries(reason="a test", everything=everything), CancelEntries(reason="again"))
    letters = [letter.envelope.body for letter in oms.ctx.posted]
    assert [letter.client_order_id for letter in letters if isinstance(letter, CancelOrder)] == cancelled


@pytest.mark.req("P-09")
def test_a_cancel_stays_behind_its_order_which_may_still_wait_for_the_disk(oms: Oms) -> None:
    key = oms.approve()
    oms.hear(CancelEntries(reason="a test"))
    assert not oms.ctx.posted
    letters = [body for append in oms.ctx.appends() for _, body in released(append, CancelOrder)]
    assert [letter.client_order_id for letter in letters] == [key]


@pytest.mark.lesson("L03")
def test_a_cancelled_order_has_ended_when_the_venue_says_so() -> None:
    oms = Oms(order(OrderStatus.SUBMITTED, key="k"))
    oms.hear(CancelEntries(reason="a test"))
    assert oms.last().status is OrderStatus.PENDING_CANCEL
    oms.hear(OrderCancelled(client_order_id="k", symbol="BTCUSDT", cumulative=Decimal(0)))
    assert oms.last().status is OrderStatus.CANCELLED
    assert oms.releases(OrderUpdated)[-1] == addresses.strategy("trend")


def test_a_comparison_in_the_middle_of_another_waits_for_its_end(oms: Oms) -> None:
    oms.later(30, "reconcile")
    oms.hear(OrderChannelUp(venue="sim"))
    assert len(oms.ctx.tells(TakeVenueSnapshot)) == 1
    oms.hear(snapshot(oms.ctx.now))
    oms.commit()
    assert len(oms.ctx.tells(TakeVenueSnapshot)) == 2
    assert not oms.gate.is_open, "the first began before the doubt"


def test_a_snapshot_that_was_given_up_opens_no_gate_over_doubts_that_came_since(oms: Oms) -> None:
    """A venue of one request a second may be so slow."""
    asked_ns = oms.ctx.now
    oms.hear(Reconcile(reason="a test", is_look=True))
    oms.later(100)
    oms.hear(OrderChannelDown(venue="sim", reason="reset", attempt=1), OrderChannelUp(venue="sim"))
    oms.later(30, "reconcile")
    assert len(oms.ctx.tells(TakeVenueSnapshot)) == 2
    oms.hear(snapshot(asked_ns))
    oms.commit()
    assert not oms.gate.is_open
    oms.hear(snapshot(oms.ctx.now))
    oms.commit()
    assert oms.gate.is_open


def test_a_failed_snapshot_leaves_the_gate_and_the_next_round_asks_again(oms: Oms) -> None:
    oms.hear(OrderChannelUp(venue="sim"), VenueSnapshotFailed(venue="sim", reason="503"))
    assert not oms.gate.is_open
    oms.later(5, "reconcile")
    assert len(oms.ctx.tells(TakeVenueSnapshot)) == 2


@pytest.mark.lesson("L12")
def test_what_is_foreign_is_counted_and_the_portfolio_compared(oms: Oms) -> None:
    foreign = venue_order(OrderStatus.SUBMITTED, key="placed-by-hand")
    oms.later(30, "reconcile")
    oms.hear(snapshot(oms.ctx.now, open_orders=(foreign,), orders=(foreign,)))
    (append,) = oms.ctx.appends()
    (done,) = released(append, Reconciled)
    assert done[1].foreign_orders == 1
    assert [name for name, _ in released(append, ReconcilePortfolio)] == [addresses.PORTFOLIO]
