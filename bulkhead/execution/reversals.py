"""Executions that the venue takes back. Nothing is edited: a fill of the other side, at the same price and with the fee
given back, reverses the first one in every sum there is, and both stay on record.

An order that was filled is CANCELLED afterwards: a venue that busts a trade does not put the order back, and if this
one does, its next word is evidence like any other. This is the only way in which a filled quantity ever falls.
"""

from decimal import Decimal

from bulkhead.execution.exact import exact, plain
from bulkhead.execution.fills import fill_id_of
from bulkhead.execution.order_events import Applied
from bulkhead.execution.order_table import Event, next_status
from messages.orders import Fill, OrderRow
from messages.reversals import ExecutionReversed

SUFFIX = ":reversed"
"""Of the fill id, behind the id of the execution that it reverses."""


def reversal_id_of(order: OrderRow, evidence: ExecutionReversed) -> str:
    return fill_id_of(order.ticket.venue, order.ticket.symbol, evidence.execution_id) + SUFFIX


def reverse(order: OrderRow, evidence: ExecutionReversed, now_ns: int) -> Applied:
    """One execution taken back. Where less is booked than that, nothing changes and `is_alarm` is set: the execution
    has not been seen, or the books are wrong."""
    with exact():
        filled = order.filled - evidence.quantity
        notional = order.filled_notional - evidence.quantity * evidence.price
    if filled < 0:
        text = f"execution {evidence.execution_id} of {plain(evidence.quantity)} is taken back, and only"
        return Applied(order, None, notes=(f"{text} {plain(order.filled)} is booked",), is_alarm=True)
    event = Event.EXECUTION_REVERSED if filled else Event.LAST_EXECUTION_REVERSED
    status = next_status(order.status, event)
    updates = {
        "status": status,
        "filled": filled,
        "filled_notional": notional if filled else Decimal(0),
        "updated_ns": max(now_ns, order.updated_ns),
        "reason": f"the venue took execution {evidence.execution_id} back",
        **({"raw": evidence.raw} if evidence.raw else {}),
    }
    note = f"execution {evidence.execution_id} of {plain(evidence.quantity)} at {plain(evidence.price)} was taken back"
    return Applied(
        order.model_copy(update=updates),
        "reversed",
        order.status.is_terminal,
        _reversal(order, evidence, now_ns),
        (note,),
        is_alarm=True,
    )


def _reversal(order: OrderRow, evidence: ExecutionReversed, now_ns: int) -> Fill:
    ticket = order.ticket
    with exact():
        fee = -evidence.fee
    return Fill(
        fill_id=reversal_id_of(order, evidence),
        client_order_id=ticket.client_order_id,
        strategy_id=order.strategy_id,
        venue=ticket.venue,
        account=ticket.account,
        symbol=ticket.symbol,
        side=evidence.side.opposite,
        quantity=evidence.quantity,
        price=evidence.price,
        fee=fee,
        fee_asset=evidence.fee_asset,
        executed_ns=now_ns if evidence.venue_time_ns is None else evidence.venue_time_ns,
    )
