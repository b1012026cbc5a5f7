"""Promises about fills: every one is told, each can be told apart, and all sources say the same of it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from bulkhead.venues.conformance.check import Check, has_execution_ids, has_no_execution_ids
from bulkhead.venues.conformance.desk import Desk, expect, opened
from bulkhead.venues.conformance.harness import Harness
from messages.orders import ExecutionReported, OrderAccepted, OrderTicket, VenueExecution
from messages.values import OrderStatus, Side, TimeInForce


class Fill(NamedTuple):
    """What must be the same wherever an execution is told."""

    execution_id: str
    venue_order_id: str | None
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str


def fills_told(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = desk.rest()
        half = desk.half(ticket)
        harness.fill(ticket, half)
        desk.until(lambda: desk.filled(ticket) >= half, "the first fill is told unasked")
        harness.fill(ticket, ticket.quantity - half)
        desk.until(lambda: desk.filled(ticket) >= ticket.quantity, "the second fill is told unasked")
        desk.answered()
        expect(desk.filled(ticket) == ticket.quantity, f"told: {desk.filled(ticket)}, ordered: {ticket.quantity}")


def crossing_is_told(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = desk.place(desk.ticket(desk.terms.crossing_price))
        desk.until(lambda: desk.filled(ticket) >= ticket.quantity, f"the fills of {ticket.quantity} are told")
        expect(desk.filled(ticket) == ticket.quantity, f"told {desk.filled(ticket)} of {ticket.quantity}")
        expect(bool(desk.of(OrderAccepted, ticket)), f"it filled, and was never said to be taken: {desk.words(ticket)}")
        prices = [fill.price for fill in _told(desk, ticket)]
        prices += [order.filled_notional / order.filled for order in desk.totals(ticket) if order.filled]
        expect(max(prices) <= desk.terms.crossing_price, f"a buy at {desk.terms.crossing_price} filled at {prices}")


def one_id_one_fill(harness: Harness) -> None:
    """Whether each source tells all of them is for other checks."""
    with opened(harness) as desk:
        ticket, other = _filled_in_two(desk), _filled_in_two(desk)
        queried, surveyed = desk.query(ticket).executions, desk.snapshot().executions
        for name, executions in (("query", queried), ("snapshot", surveyed)):
            ids = [execution.execution_id for execution in executions]
            expect(len(ids) == len(set(ids)), f"a {name} lists one execution twice: {ids}")
        told, listed = _told(desk, ticket), _fills(queried)
        expect(told <= listed, f"told as evidence {told}, and by the query {listed}")
        numbers = {execution.venue_order_id for execution in queried}
        shown = _fills(execution for execution in surveyed if execution.venue_order_id in numbers)
        expect(shown <= listed, f"told by the snapshot {shown}, and by the query {listed}")
        shared = {fill.execution_id for fill in told} & {fill.execution_id for fill in _told(desk, other)}
        expect(not shared, f"two orders have executions of the same id: {shared}")


def cumulative_grows(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = _filled_in_two(desk)
        told = {body.cumulative for body in desk.of(ExecutionReported, ticket)}
        totals = {desk.half(ticket), ticket.quantity, None}
        expect(told <= totals, f"the running total was {totals}, and was told as {told}")


def totals_and_no_executions(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = _filled_in_two(desk)
        queried, surveyed = desk.query(ticket).executions, desk.snapshot().executions
        told = (*desk.of(ExecutionReported), *queried, *surveyed)
        expect(told == (), f"it has no execution ids, and tells executions, which would be booked twice: {told}")


def totals_add_up(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = _filled_in_two(desk)
        desk.query(ticket)
        steps = (Decimal(0), desk.half(ticket), ticket.quantity)
        told = [(order.filled, order.filled_notional) for order in desk.totals(ticket)]
        right = {(filled, filled * (ticket.limit_price or 0)) for filled in steps}
        expect(set(told) <= right, f"filled at {ticket.limit_price} in steps of {steps}, and told as {told}")
        expect(told == sorted(told), f"a total falls: {told}")


def on_the_grid(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = _filled_in_two(desk)
        rules = next(listed for listed in desk.venue.load_instruments() if listed.symbol == ticket.symbol)
        report = desk.query(ticket)
        for fill in _told(desk, ticket) | _fills(report.executions):
            expect(fill.quantity % rules.lot_size == 0, f"{fill.quantity} is not on the lot of {rules.lot_size}")
            expect(fill.price % rules.tick_size == 0, f"{fill.price} is not on the tick of {rules.tick_size}")
            expect((fill.symbol, fill.side) == (ticket.symbol, ticket.side), f"an execution of {ticket} is {fill}")
        for order in desk.totals(ticket):
            expect(order.filled % rules.lot_size == 0, f"{order.filled} is not on the lot of {rules.lot_size}")
            expect((order.symbol, order.side) == (ticket.symbol, ticket.side), f"the order of {ticket} is {order}")


def ends_are_told(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = desk.place(desk.ticket(time_in_force=TimeInForce.IOC))
        if not desk.of(OrderAccepted, ticket):
            return  # the venue has no such order; `time-in-force` has judged its answer
        desk.until(lambda: bool(desk.expired(ticket)), "an order that ended by itself says so")
        expired = desk.expired(ticket)
        expect(set(expired) <= {Decimal(0), None}, f"nothing was filled: {expired}")
        order = desk.query(ticket).order
        expect(order is not None and order.status is OrderStatus.EXPIRED, f"it has expired, and the query says {order}")


def _filled_in_two(desk: Desk) -> OrderTicket:
    ticket = desk.rest()
    half = desk.half(ticket)
    for quantity in (half, ticket.quantity - half):
        desk.harness.fill(ticket, quantity)
    desk.comes(lambda: desk.filled(ticket) >= ticket.quantity)
    return ticket


def _told(desk: Desk, ticket: OrderTicket) -> set[Fill]:
    """Executions told as evidence, each once."""
    return {
        Fill(e.execution_id, e.venue_order_id, e.symbol, e.side, e.quantity, e.price, e.fee, e.fee_asset)
        for e in desk.of(ExecutionReported, ticket)
    }


def _fills(executions: Iterable[VenueExecution]) -> set[Fill]:
    return {
        Fill(e.execution_id, e.venue_order_id, e.symbol, e.side, e.quantity, e.price, e.fee, e.fee_asset)
        for e in executions
    }


CHECKS = (
    Check(
        "fills-told",
        "Each fill of a resting order is told without being asked for: positions and stops live on it.",
        fills_told,
    ),
    Check(
        "crossing-is-told",
        "An order that fills as it arrives is told as taken, with all its fills, and at its limit or better.",
        crossing_is_told,
    ),
    Check(
        "one-id-one-fill",
        "An execution has one id and the same contents in answer, stream, query and snapshot: so it is booked once.",
        one_id_one_fill,
        applies=has_execution_ids,
    ),
    Check(
        "cumulative-grows",
        "The running total, where it is told, is what was filled by then: by it a missing fill is noticed.",
        cumulative_grows,
        applies=has_execution_ids,
    ),
    Check(
        "totals-and-no-executions",
        "Without execution ids no execution is told or listed: the growth of totals is booked, and it would be twice.",
        totals_and_no_executions,
        applies=has_no_execution_ids,
    ),
    Check(
        "totals-add-up",
        "An order's totals are what was filled by then, at its price, and never fall: they are all that is booked.",
        totals_add_up,
        applies=has_no_execution_ids,
    ),
    Check(
        "fills-on-the-grid",
        "Fills are whole lots at whole ticks, of the symbol and side that were ordered, as the trading rules say.",
        on_the_grid,
    ),
    Check(
        "ends-are-told",
        "An order that the venue ends by itself is told as expired with what was filled: else it would count for ever.",
        ends_are_told,
    ),
)
