"""Promises about cancels: they get through, they wait for nobody, and they say nothing wrong about their order."""

from bulkhead.venues.conformance.check import Check, has_client_ids, sends_one_by_one
from bulkhead.venues.conformance.desk import ANSWERS, CANCEL_ANSWERS, Desk, expect, opened
from bulkhead.venues.conformance.harness import Asked, Flaw, Harness
from bulkhead.venues.port import CANCELLED_UNSENT
from messages.orders import CancelOutcomeUnknown, CancelRejected, OrderCancelled, OrderNotSent, OrderTicket
from messages.values import OrderStatus

_UNSENT = [f"OrderNotSent {CANCELLED_UNSENT}", f"CancelRejected {CANCELLED_UNSENT}"]


def one_cancel_answer(harness: Harness) -> None:
    flaw = Flaw.DEAF if Flaw.DEAF in harness.flaws else None
    with opened(harness, flaw) as desk:
        resting, nobody = desk.rest(), desk.ticket()
        for ticket in (resting, resting, nobody):
            desk.cancel(ticket)
            desk.answered()
        expect(
            [type(body) for body in desk.said(resting, CANCEL_ANSWERS)] == [OrderCancelled, CancelRejected],
            f"an order that rested was cancelled twice: {desk.words(resting, CANCEL_ANSWERS)}",
        )
        refused = desk.of(CancelRejected, nobody)
        expect(
            len(desk.said(nobody)) == len(refused) == 1 and bool(refused[0].code) and bool(refused[0].reason),
            f"an order that never was, was cancelled: {desk.words(nobody)}",
        )


def cancel_passes_the_gate(harness: Harness) -> None:
    with opened(harness) as desk:
        resting = desk.rest()
        desk.gate.refuse = lambda _: "everything is shut"
        desk.cancel(resting)
        desk.answered()
        expect(bool(desk.of(OrderCancelled, resting)), f"the gate was shut: {desk.words(resting)}")


def no_overtaking(harness: Harness) -> None:
    with opened(harness) as desk:
        tickets = [desk.ticket() for _ in range(8)]
        for ticket in tickets:
            desk.submit(ticket)
            desk.cancel(ticket)
        desk.answered()
        for ticket in tickets:
            _expect_ended(desk, ticket)


def refusal_waits(harness: Harness) -> None:
    with opened(harness) as desk:
        harness.hold(Asked.ORDER)
        ticket = desk.submit(desk.ticket())
        desk.cancel(ticket)
        desk.cancel(ticket)
        harness.let_go()
        desk.answered()
        words = desk.words(ticket, (*ANSWERS, *CANCEL_ANSWERS))
        first_answer = min(
            (words.index(w) for w in words if not w.startswith("Cancel") and w != "OrderCancelled"), default=-1
        )
        refusals = [i for i, w in enumerate(words) if w.startswith("Cancel")]
        expect(
            first_answer >= 0 and all(first_answer < i for i in refusals),
            f"a cancel that did not succeed was told before its order's answer: {words}",
        )


def no_delay(harness: Harness) -> None:
    with opened(harness) as desk:
        resting = [desk.rest() for _ in range(2)]
        harness.hold(Asked.ORDER)
        slow = desk.submit(desk.ticket())
        desk.cancel(resting[0])
        desk.until(lambda: bool(desk.of(OrderCancelled, resting[0])), "a cancel is answered while an order hangs")
        expect(desk.said(slow) == [], f"the order was to hang, and was answered: {desk.words(slow)}")
        for asked in (Asked.QUERY, Asked.SNAPSHOT):
            harness.hold(asked)
        desk.ask(resting[1])
        desk.survey()
        desk.cancel(resting[1])
        desk.until(lambda: not harness.rests(resting[1]), "a cancel gets to the venue while questions hang")
        if has_client_ids(desk.capabilities):  # else its end is seen by a question only
            desk.until(lambda: bool(desk.of(OrderCancelled, resting[1])), "and is answered while they hang")
        harness.let_go()
        desk.answered()
        expect(bool(desk.of(OrderCancelled, resting[1])), f"its end is told: {desk.words(resting[1])}")


def cancelled_unsent(harness: Harness) -> None:
    with opened(harness) as desk:
        harness.hold(Asked.ORDER)
        desk.submit(desk.ticket())
        waiting = desk.submit(desk.ticket())
        desk.cancel(waiting)
        harness.let_go()
        desk.answered()
        _expect_ended(desk, waiting)


def lost_cancel(harness: Harness) -> None:
    with opened(harness) as desk:
        for is_carried_out in (True, False):
            ticket = desk.rest()
            harness.lose(Asked.CANCEL, is_carried_out=is_carried_out)
            desk.cancel(ticket)
            desk.answered()
            expect(
                bool(desk.of(CancelOutcomeUnknown, ticket)) and not desk.of(CancelRejected, ticket),
                f"the reply to a cancel was lost: {desk.words(ticket)}",
            )
            order = desk.query(ticket).order
            is_ended = order is not None and order.status is OrderStatus.CANCELLED
            expect(is_ended == is_carried_out, f"carried out: {is_carried_out}, and the query says {order!r}")


def _expect_ended(desk: Desk, ticket: OrderTicket) -> None:
    """An order that was cancelled before it was answered: taken back in the port's words, or sent and cancelled."""
    words = desk.words(ticket)
    if desk.of(OrderNotSent, ticket):
        expect(words == _UNSENT, f"an order was taken back, and this was told: {words}")
        expect(desk.taken(ticket) == 0, "said to be taken back before a byte had left, and the venue has it")
        return
    expect(not desk.of(CancelRejected, ticket), f"its cancel overtook the order: {words}")
    desk.until(lambda: bool(desk.of(OrderCancelled, ticket)), f"the end of a cancelled order is told: {words}")
    order = desk.query(ticket).order
    expect(
        order is not None and order.status is OrderStatus.CANCELLED and desk.taken(ticket) == 1,
        f"an order outlived its cancel: {order!r}",
    )


CHECKS = (
    Check(
        "one-cancel-answer",
        "Each cancel is answered exactly once, with the end, a refusal with code, or Unknown: the OMS waits for it.",
        one_cancel_answer,
    ),
    Check(
        "cancel-passes-the-gate",
        "A shut gate holds no cancel back: whatever has failed, getting out must work.",
        cancel_passes_the_gate,
    ),
    Check(
        "cancel-never-overtakes",
        "A cancel never overtakes its order: no order that was cancelled stays open because the cancel came first.",
        no_overtaking,
    ),
    Check(
        "refusal-waits-for-the-order",
        "A cancel that did not succeed is never told before the answer of its order, which would let it be sent again.",
        refusal_waits,
    ),
    Check(
        "cancel-not-delayed",
        "A cancel waits for no order and no question that hangs: it is what stops a loss.",
        no_delay,
    ),
    Check(
        "cancelled-unsent",
        "An order taken back before a byte had left is told in the two words for it, and never reaches the venue.",
        cancelled_unsent,
        applies=sends_one_by_one,
    ),
    Check(
        "lost-cancel",
        "A lost reply to a cancel is Unknown, and the query then tells the truth: neither end nor life is guessed.",
        lost_cancel,
    ),
)
