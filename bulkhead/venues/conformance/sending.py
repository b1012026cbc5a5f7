"""Promises about sending: the gate, the one answer of each order, and what each family of answers proves."""

from decimal import Decimal

from bulkhead.venues.conformance.check import (
    Check,
    has_client_ids,
    has_market_orders,
    has_no_market_orders,
    is_unique_forever,
    sends_one_by_one,
)
from bulkhead.venues.conformance.desk import ANSWERS, EPOCH, ISSUER, Desk, expect, opened
from bulkhead.venues.conformance.harness import Asked, Flaw, Harness
from messages.orders import OrderAccepted, OrderNotSent, OrderOutcomeUnknown, OrderRejected, OrderTicket
from messages.values import TimeInForce


def one_answer(harness: Harness) -> None:
    flaw = Flaw.DEAF if Flaw.DEAF in harness.flaws else None
    with opened(harness, flaw) as desk:
        shut = desk.ticket()
        desk.gate.refuse = lambda ticket: "the gate is shut" if ticket == shut else None
        tickets = [desk.ticket(), desk.ticket(desk.terms.crossing_price), shut, _off_lot(desk)]
        for ticket in tickets:
            desk.submit(ticket)
        desk.answered()
        for ticket in tickets:
            said = desk.said(ticket, ANSWERS)
            expect(len(said) == 1, f"one order, handed in once, has {len(said)} answers: {desk.words(ticket)}")


def gate_shut(harness: Harness) -> None:
    with opened(harness) as desk:
        for refusal, code in (("FENCED: epoch 6 has ended", "FENCED"), ("the stop level is HARD", "GATE_SHUT")):
            desk.gate.refuse = lambda _, refusal=refusal: refusal  # type: ignore[misc]
            ticket = desk.place(desk.ticket())
            expect(desk.words(ticket) == [f"OrderNotSent {code}"], f"gate shut ({code}): {desk.words(ticket)}")
            expect(desk.taken(ticket) == 0, "the gate was shut, and the venue has the order")
            expect(
                (ticket.client_order_id, ISSUER, EPOCH) in desk.gate.asked,
                "the gate was not asked with the ticket, issuer and epoch that were handed in",
            )


def gate_asked_last(harness: Harness) -> None:
    with opened(harness) as desk:
        seen: list[int] = []

        def look(ticket: OrderTicket) -> str | None:
            seen.append(desk.taken(ticket))
            return None

        desk.gate.refuse = look
        through = desk.rest()
        times = desk.gate.times(through)
        expect(times > 0, "an order left, and the gate was never asked")
        expect(not any(seen), "the gate was asked when the venue had the order already")
        late = desk.ticket()
        desk.gate.refuse = lambda ticket: "it has just shut" if desk.gate.times(ticket) == times else None
        desk.place(late)
        expect(
            desk.words(late) == ["OrderNotSent GATE_SHUT"] and desk.taken(late) == 0,
            f"the gate refused at the last of {times} askings, and this came of the order: {desk.words(late)}",
        )


def gate_shuts_meanwhile(harness: Harness) -> None:
    with opened(harness) as desk:
        harness.hold(Asked.ORDER)
        first, second = desk.submit(desk.ticket()), desk.ticket()
        desk.submit(second)
        desk.gate.refuse = lambda ticket: "it has shut meanwhile" if ticket == second else None
        harness.let_go()
        desk.answered()
        expect(bool(desk.of(OrderAccepted, first)), f"the order before it: {desk.words(first)}")
        expect(
            desk.words(second) == ["OrderNotSent GATE_SHUT"] and desk.taken(second) == 0,
            f"the gate shut while the order waited for its turn, and it was answered with {desk.words(second)}",
        )


def gate_broken(harness: Harness) -> None:
    def fail(_: OrderTicket) -> str | None:
        raise ValueError("the latch is gone")

    with opened(harness) as desk:
        desk.gate.refuse = fail
        ticket = desk.place(desk.ticket())
        expect(desk.words(ticket) == ["OrderNotSent GATE_SHUT"], f"the gate failed: {desk.words(ticket)}")
        expect(desk.taken(ticket) == 0, "the gate could not be asked, and the venue has the order")
        expect(any("the latch is gone" in fault for fault in desk.faults), "that the gate failed was not reported")


def away_is_not_sent(harness: Harness) -> None:
    with opened(harness, Flaw.AWAY) as desk:
        ticket = desk.place(desk.ticket())
        said = desk.said(ticket, ANSWERS)
        expect(
            bool(said) and all(isinstance(body, OrderNotSent) and body.code and body.reason for body in said),
            f"no connection could be made and nothing left; it was answered with {desk.words(ticket)}",
        )
        expect(desk.taken(ticket) == 0, "said not to be sent, and the venue has it")


def wrong_key(harness: Harness) -> None:
    with opened(harness, Flaw.WRONG_KEY) as desk:
        ticket = desk.place(desk.ticket())
        said = desk.said(ticket, ANSWERS)
        expect(
            bool(said) and all(isinstance(body, OrderNotSent) and body.code for body in said),
            f"the key is wrong, which an operator can cure: not sent, with a code, and not {desk.words(ticket)}",
        )
        expect(desk.taken(ticket) == 0, "an order with a wrong key is at the venue")


def lost_reply(harness: Harness) -> None:
    with opened(harness) as desk:
        harness.lose(Asked.ORDER, is_carried_out=True)
        lost = desk.place(desk.ticket())
        answers = desk.words(lost, (OrderNotSent, OrderRejected, OrderOutcomeUnknown))
        expect(answers == ["OrderOutcomeUnknown"], f"the reply was lost: {desk.words(lost)}")
        listed = [order for order in desk.snapshot().orders if order.quantity == lost.quantity]
        expect(len(listed) == 1, f"the venue has taken it, and the snapshot lists it {len(listed)} times")
        if has_client_ids(desk.venue.capabilities):
            found = desk.query(lost).order
            expect(
                found is not None and found.venue_order_id == listed[0].venue_order_id,
                f"the venue has taken it, and the query says {found!r}",
            )
        expect(desk.taken(lost) == 1, f"one order was handed in, and the venue has {desk.taken(lost)}")


def lost_request(harness: Harness) -> None:
    with opened(harness) as desk:
        harness.lose(Asked.ORDER, is_carried_out=False)
        lost = desk.place(desk.ticket())
        expect(
            desk.words(lost, ANSWERS) == ["OrderOutcomeUnknown"],
            f"bytes left and no verdict came back, which proves nothing: {desk.words(lost)}",
        )
        listed = [order for order in desk.snapshot().orders if order.quantity == lost.quantity]
        expect(listed == [], "the venue never took it, and the snapshot says that it did")
        if has_client_ids(desk.venue.capabilities):
            expect(desk.query(lost).order is None, "the venue never took it, and the query says that it did")
        expect(desk.taken(lost) == 0, "the adapter sent it again by itself")


def bad_tickets(harness: Harness) -> None:
    with opened(harness) as desk:
        terms = desk.terms
        bad = [
            _off_lot(desk),
            desk.ticket(quantity=terms.too_large),
            desk.ticket().model_copy(update={"symbol": "NOSUCHSYMBOL"}),
        ]
        for ticket in bad:
            desk.place(ticket)
            said = desk.said(ticket, ANSWERS)
            refused = [body for body in said if isinstance(body, OrderRejected | OrderNotSent)]
            expect(
                bool(said) and len(refused) == len(said) and all(body.code and body.reason for body in refused),
                f"{ticket.quantity} {ticket.symbol} cannot be, and needs a code and a reason: {desk.words(ticket)}",
            )
            expect(desk.taken(ticket) == 0, "it was refused, and the venue has it")


def time_in_force(harness: Harness) -> None:
    with opened(harness) as desk:
        for kind in TimeInForce:
            ticket = desk.place(desk.ticket(time_in_force=kind))
            accepted, unsent = desk.of(OrderAccepted, ticket), desk.of(OrderNotSent, ticket)
            expect(
                bool(accepted) != bool(unsent) and {body.code for body in unsent} <= {"UNSUPPORTED"},
                f"{kind.value}: it is taken, or not sent and UNSUPPORTED: {desk.words(ticket)}",
            )
            expect(desk.taken(ticket) == bool(accepted), f"{kind.value}: answer and venue do not agree")
            if accepted and kind in (TimeInForce.IOC, TimeInForce.FOK):
                order = desk.query(ticket).order
                expect(order is not None and order.status.is_terminal, f"{kind.value}, and it rests: {order!r}")


def market_orders(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = desk.place(desk.ticket(is_market=True))
        expect(bool(desk.of(OrderAccepted, ticket)), f"it has orders at the market: {desk.words(ticket)}")
        expect(desk.taken(ticket) == 1, f"the venue has {desk.taken(ticket)} of it")


def no_market_orders(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = desk.place(desk.ticket(is_market=True))
        expect(desk.words(ticket) == ["OrderNotSent UNSUPPORTED"], f"it has none: {desk.words(ticket)}")


def one_id_one_order(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = desk.rest()
        numbers = {body.venue_order_id for body in desk.of(OrderAccepted, ticket)}
        desk.place(ticket)
        expect(desk.taken(ticket) == 1, f"an id of an open order was sent again: {desk.taken(ticket)} orders")
        expect(not desk.of(OrderNotSent, ticket), "a refused repeat was called not sent, and would be sent again")
        after = {body.venue_order_id for body in desk.of(OrderAccepted, ticket)}
        expect(after == numbers, f"one order is told with the venue's numbers {after}")


def one_id_for_ever(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = desk.rest()
        desk.cancel(ticket)
        desk.answered()
        desk.place(ticket)
        expect(desk.taken(ticket) == 1, "unique for ever, and an id whose order had ended was taken again")


def _off_lot(desk: Desk) -> OrderTicket:
    return desk.ticket(quantity=desk.terms.quantity + desk.terms.lot_size / Decimal(2))


CHECKS = (
    Check(
        "one-answer",
        "Each submit is answered exactly once: a missing answer would freeze its symbol, a second would count twice.",
        one_answer,
    ),
    Check(
        "gate-shut",
        "The gate is asked with ticket, issuer and epoch, and what it refuses never leaves: it is the one latch of the "
        "house.",
        gate_shut,
    ),
    Check(
        "gate-asked-last",
        "The last asking of the gate comes right before the bytes, so that waiting and connecting cannot outdate it.",
        gate_asked_last,
    ),
    Check(
        "gate-shuts-meanwhile",
        "An order that waits for its turn is held back by a gate that shuts meanwhile: a stop means the next byte.",
        gate_shuts_meanwhile,
        applies=sends_one_by_one,
    ),
    Check(
        "gate-broken",
        "A gate that cannot be asked holds the order back, and that it failed is reported: in doubt nothing leaves.",
        gate_broken,
    ),
    Check(
        "away-is-not-sent",
        "Where no connection can be made the order was not sent: it may be sent again without asking anybody.",
        away_is_not_sent,
        flaw=Flaw.AWAY,
    ),
    Check(
        "wrong-key",
        "An order with a wrong key is not sent, with a code: the venue did not read it, and an operator can cure it.",
        wrong_key,
        flaw=Flaw.WRONG_KEY,
    ),
    Check(
        "lost-reply",
        "A lost reply is Unknown, and snapshot and query then tell the truth: calling it dead would buy twice.",
        lost_reply,
    ),
    Check(
        "lost-request",
        "A request lost on its way is Unknown, and the adapter never sends again by itself: resending is the OMS's.",
        lost_request,
    ),
    Check(
        "bad-tickets",
        "What cannot be an order there is refused with a code and a reason, so a person can see what to change.",
        bad_tickets,
    ),
    Check(
        "time-in-force",
        "A time in force is kept, or the order is not sent and UNSUPPORTED: what should end at once never rests.",
        time_in_force,
    ),
    Check(
        "market-orders",
        "A venue that has orders at the market takes one: stop plans get out with them.",
        market_orders,
        applies=has_market_orders,
    ),
    Check(
        "no-market-orders",
        "A venue without orders at the market does not send one, rather than send something like it.",
        no_market_orders,
        applies=has_no_market_orders,
    ),
    Check(
        "one-id-one-order",
        "The id of an open order makes no second one, and the repeat is not called unsent: it would go out once more.",
        one_id_one_order,
        applies=has_client_ids,
    ),
    Check(
        "one-id-for-ever",
        "Where ids are unique for ever, one whose order has ended makes no second order: resends rely on it.",
        one_id_for_ever,
        applies=is_unique_forever,
    ),
)
