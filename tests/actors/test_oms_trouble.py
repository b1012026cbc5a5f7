"""What goes wrong at the wrong moment: commands before the books are read, orders held back, a ledger that hiccups."""

import pytest

from actors import addresses
from actors.oms import OmsActor
from messages.escapes import Escape, EscapeTrigger
from messages.failure import CancelEntries
from messages.orders import CancelOrder, CancelRejected, OrderNotSent, OrderStatusReported, SubmitOrder
from messages.records import DeadlineCleared, IntentStatusChanged
from messages.values import IntentStatus, OrderStatus
from tests.actors.kit import Story, open_gate
from tests.actors.oms_story import BROKER, SEAT, Oms, loaded
from tests.execution.orders import intent, order, venue_order

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
    assert [body.client_order_id for body in bodies if isinstance(body, CancelOrder)] == [working.ticket.client_order_id]
