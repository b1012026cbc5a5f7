"""What goes wrong at the wrong moment: commands before the books are read, orders held back, a ledger that hiccups."""

from decimal import Decimal

import pytest

from actors import addresses
from actors.oms import OmsActor
from bulkhead.execution.stages.adjust import AdjustSettings
from bulkhead.execution.working import WorkSettings
from messages.escapes import Escape, EscapeTrigger
from messages.failure import CancelEntries
from messages.intents import IntentClosed, IntentSettled
from messages.orders import (
    CancelOrder,
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRow,
    OrderStatusReported,
    SubmitOrder,
)
from messages.records import AppendFailed, DeadlineCleared, IntentStatusChanged
from messages.values import IntentStatus, OrderStatus
from tests.actors.kit import NS_PER_S, Story, open_gate
from tests.actors.oms_story import BROKER, SEAT, Oms, approval, loaded, snapshot
from tests.execution.orders import executed, intent, order, venue_order

PLAN = CancelEntries(reason="a limit has tripped")
OUT = Escape(escape_id="e1", trigger=EscapeTrigger.OPERATOR, reason="a test", is_closing=False)


def not_sent(key: str, retry_after_s: float | None = None) -> OrderNotSent:
    return OrderNotSent(
        client_order_id=key, symbol="BTCUSDT", code="RATE_LIMITED", reason="wait", retry_after_s=retry_after_s
    )


def submits(oms: Oms) -> int:
    return oms.releases(SubmitOrder).count(BROKER)


def wait(oms: Oms, key: str) -> None:
    """Until the order would be sent again, if it still would."""
    oms.later(1, f"resend:{key}" if f"resend:{key}" in oms.ctx.timers else None)


@pytest.mark.parametrize("plan", [PLAN, OUT], ids=["plan", "escape"])
def test_an_order_that_waits_to_be_sent_again_and_is_cancelled_never_leaves(plan: CancelEntries | Escape) -> None:
    """The venue has nothing to cancel, and would say so: it must not stay open, and less so be sent."""
    oms = Oms().trading()
    key = oms.approve()
    oms.hear(not_sent(key))
    oms.hear(plan)
    if oms.cancels():
        oms.hear(CancelRejected(client_order_id=key, symbol="BTCUSDT", code="-2011", reason="Unknown order sent."))
    wait(oms, key)
    assert submits(oms) == 1, "the first time"
    assert oms.last().status is OrderStatus.FAILED
    assert f"resend/{key}" in [each.deadline_id for each in oms.ctx.records(DeadlineCleared)]
    assert oms.ctx.records(IntentStatusChanged)[-1].status is IntentStatus.FAILED


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_an_order_of_which_the_venue_has_spoken_is_neither_sent_again_nor_given_up(is_cancelled: bool) -> None:
    """A listing told of it, before its submit was answered with what would be a proof that it never left."""
    oms = Oms().trading()
    key = oms.approve()
    shown = venue_order(OrderStatus.FILLED, "1", key=key)
    status = OrderStatusReported(client_order_id=key, symbol="BTCUSDT", order=shown, as_of_ns=oms.ctx.now)
    oms.hear(*((status,) if is_cancelled else (not_sent(key), status)))
    if is_cancelled:
        oms.hear(PLAN, not_sent(key))
    wait(oms, key)
    assert submits(oms) == 1
    assert oms.last().venue_order_id is not None
    assert oms.last().status in (OrderStatus.PENDING_SUBMIT, OrderStatus.PENDING_CANCEL)


def test_a_stop_plan_that_comes_before_the_ledger_was_read_waits_for_it() -> None:
    """Books that are empty yet would seem to have nothing to cancel, and nobody asks again."""
    story = Story(OmsActor(SEAT, open_gate()), addresses.OMS, epoch=2)
    story.start()
    story.hear(PLAN)
    working = order(status=OrderStatus.SUBMITTED)
    story.hear(loaded(working, intents=(intent(intent_id=working.intent_id),)))
    (waiting,) = (body for _, body in story.ctx.timers.values() if isinstance(body, CancelEntries))
    story.hear(waiting)
    bodies = (letter.envelope.body for letter in story.ctx.posted)
    assert [body.client_order_id for body in bodies if isinstance(body, CancelOrder)] == [
        working.ticket.client_order_id
    ]


@pytest.mark.parametrize("is_absent", [False, True])
def test_a_replacement_is_not_sent_again_for_what_its_predecessor_has_filled_after_its_end(is_absent: bool) -> None:
    seat = SEAT._replace(work=WorkSettings(adjusting=AdjustSettings(fill_timeout_s=1.0)))
    oms = Oms(seat=seat).trading()
    first = oms.approve(limit_price=Decimal("99.90"))
    oms.hear(OrderAccepted(client_order_id=first, symbol="BTCUSDT", venue_order_id="v0"))
    oms.ctx.now += 2 * NS_PER_S
    oms.quote()
    oms.later(0, "work")
    oms.hear(OrderCancelled(client_order_id=first, symbol="BTCUSDT"))
    second = oms.rows()[0, 1].ticket.client_order_id
    unknown = OrderOutcomeUnknown(client_order_id=second, symbol="BTCUSDT", reason="no answer")
    oms.hear(unknown if is_absent else not_sent(second))
    oms.hear(executed("0.6", 1, key=first))
    oms.ctx.now += 10 * NS_PER_S
    if is_absent:
        listed = venue_order(OrderStatus.CANCELLED, "0.6", key=first, quantity=Decimal(1))
        oms.later(0, "reconcile")
        oms.hear(snapshot(oms.ctx.now, orders=(listed,)))
    wait(oms, second)
    assert submits(oms) == 2, "each once"
    assert oms.rows()[0, 1].status is OrderStatus.FAILED


def test_a_repeated_intent_does_not_give_back_what_is_reserved_for_the_first() -> None:
    """The risk guard was restarted between the two, and forgot that it had approved one."""
    oms = Oms().trading()
    oms.approve()
    oms.hear(approval())
    bodies = [letter.envelope.body for letter in oms.ctx.posted]
    assert [body.code for body in bodies if isinstance(body, IntentSettled)] == ["INTENT_DUPLICATE"]
    assert not [body for body in bodies if isinstance(body, IntentClosed)], "its order is at work"


# -- the ledger hiccups -----------------------------------------------------------------------------------------------


def reread(oms: Oms, row: OrderRow, load_id: str = "") -> None:
    """Some record was refused, and the ledger answers again: with this row."""
    wants = intent(intent_id=row.intent_id, action_key=row.intent_id)
    oms.hear(AppendFailed(reason="disk full"))
    oms.hear(loaded(row, intents=(wants,), load_id=load_id))


def test_an_order_of_this_incarnation_is_under_way_although_the_ledger_was_read_again() -> None:
    """It may wait in a lane behind a slow request, and nothing fences it off: it is not absent, and not sent twice."""
    oms = Oms().trading()
    key = oms.approve()
    row = oms.last()
    reread(oms, row)
    for _ in range(3):
        oms.ctx.now += 10 * NS_PER_S
        oms.hear(snapshot(oms.ctx.now))
        oms.commit()
    assert submits(oms) == 1
    assert oms.last() == row
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id="v1"))
    assert oms.last().status is OrderStatus.SUBMITTED


def test_one_that_an_ended_incarnation_of_the_ledger_has_written_is_unknown() -> None:
    """It may have ended between the commit and the posting of what that releases."""
    oms = Oms().trading()
    oms.approve()
    reread(oms, oms.last(), load_id="2.1")
    assert oms.last().status is OrderStatus.UNKNOWN


def test_one_whose_answer_was_refused_by_the_ledger_is_unknown() -> None:
    oms = Oms().trading()
    key = oms.approve()
    row = oms.last()
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id="v1"))
    reread(oms, row)
    assert oms.last().status is OrderStatus.UNKNOWN


def test_one_whose_resend_was_refused_by_the_ledger_is_unknown_and_its_timer_is_gone() -> None:
    """Else the timer would send it a second time, when it is proven absent and under way again."""
    oms = Oms().trading()
    key = oms.approve()
    row = oms.last()
    oms.hear(not_sent(key, retry_after_s=60.0))
    reread(oms, row)
    assert oms.last().status is OrderStatus.UNKNOWN
    assert f"resend:{key}" not in oms.ctx.timers


def test_one_that_waits_to_be_sent_again_still_does() -> None:
    oms = Oms().trading()
    key = oms.approve()
    oms.hear(not_sent(key))
    reread(oms, oms.last())
    wait(oms, key)
    assert submits(oms) == 2


def test_a_cancel_that_was_refused_for_a_cause_that_may_pass_is_asked_for_again_and_not_every_second() -> None:
    """A token was missing, or no turn was had: an entry that a stop has cancelled must not rest all day."""
    oms = Oms().trading()
    key = oms.approve(limit_price=Decimal(99))
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id="v1"))
    oms.hear(PLAN)
    asked = [len(oms.cancels())]
    for _ in range(40):
        oms.hear(CancelRejected(client_order_id=key, symbol="BTCUSDT", code="NO_TOKEN", reason="in a minute"))
        oms.later(1, "work")
        asked.append(len(oms.cancels()))
    assert asked[0] == 1
    assert 3 <= asked[-1] <= 5, "after 5, 10 and 20 seconds"
    oms.hear(OrderCancelled(client_order_id=key, symbol="BTCUSDT", venue_order_id="v1"))
    for _ in range(100):
        oms.later(1, "work")
    assert len(oms.cancels()) == asked[-1]
