"""What goes wrong at the wrong moment: commands before the books are read, orders held back, a ledger that hiccups."""

from actors import addresses
from actors.oms import OmsActor
from messages.failure import CancelEntries
from messages.orders import CancelOrder
from messages.values import OrderStatus
from tests.actors.kit import Story, open_gate
from tests.actors.oms_story import SEAT, loaded
from tests.execution.orders import intent, order


def test_a_stop_plan_that_comes_before_the_ledger_was_read_waits_for_it() -> None:
    """Books that are empty yet would seem to have nothing to cancel, and nobody asks again."""
    story = Story(OmsActor(SEAT, open_gate()), addresses.OMS, epoch=2)
    story.start()
    plan = CancelEntries(reason="a limit has tripped")
    story.hear(plan)
    working = order(status=OrderStatus.SUBMITTED)
    story.hear(loaded(working, intents=(intent(intent_id=working.intent_id),)))
    (waiting,) = (body for _, body in story.ctx.timers.values() if isinstance(body, CancelEntries))
    story.hear(waiting)
    bodies = (letter.envelope.body for letter in story.ctx.posted)
    assert [body.client_order_id for body in bodies if isinstance(body, CancelOrder)] == [working.ticket.client_order_id]
