"""What is due later, as rows of the ledger: so that a restart goes on where the one before has stopped.

A deadline is set in the same append as what it belongs to, and cleared in the same append as what becomes of it. Its
payload is JSON of ours; a row that cannot be read raises ValueError, since nobody may guess what was to be sent.
"""

import json
from decimal import Decimal

from bulkhead.execution.exact import plain
from bulkhead.execution.stages.split import Child
from messages.records import DeadlineCleared, DeadlineSet
from messages.trading import OrderIntent

CHILD = "child"
RESEND = "resend"


def child_id(intent_id: str, number: int) -> str:
    return f"{CHILD}/{intent_id}/{number}"


def resend_id(client_order_id: str) -> str:
    return f"{RESEND}/{client_order_id}"


def child_waits(intent: OrderIntent, child: Child) -> DeadlineSet:
    """A child whose turn is to come."""
    payload = {
        "intent_id": intent.intent_id,
        "number": child.number,
        "quantity": plain(child.quantity),
        "limit_price": None if child.limit_price is None else plain(child.limit_price),
        "due_after_ns": child.due_after_ns,
        "waits_for": child.waits_for,
    }
    return DeadlineSet(
        deadline_id=child_id(intent.intent_id, child.number),
        due_ns=intent.decision_time_ns + child.due_after_ns,
        kind=CHILD,
        payload=json.dumps(payload),
    )


def child_of(deadline: DeadlineSet) -> tuple[str, Child]:
    """The intent's id and the child. Raises ValueError."""
    try:
        read = json.loads(deadline.payload)
        price = read["limit_price"]
        return read["intent_id"], Child(
            number=read["number"],
            quantity=Decimal(read["quantity"]),
            limit_price=None if price is None else Decimal(price),
            due_after_ns=read["due_after_ns"],
            waits_for=read["waits_for"],
        )
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"deadline {deadline.deadline_id} cannot be read: {error!r}") from error


def resend_waits(client_order_id: str, due_ns: int, tried: int) -> DeadlineSet:
    """The order is sent again then; `tried` counts this one."""
    payload = json.dumps({"client_order_id": client_order_id, "tried": tried})
    return DeadlineSet(deadline_id=resend_id(client_order_id), due_ns=due_ns, kind=RESEND, payload=payload)


def resend_of(deadline: DeadlineSet) -> tuple[str, int]:
    """The order's id and how often it has been tried again. Raises ValueError."""
    try:
        read = json.loads(deadline.payload)
        return str(read["client_order_id"]), int(read["tried"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"deadline {deadline.deadline_id} cannot be read: {error!r}") from error


def cleared(deadline_id: str, reason: str) -> DeadlineCleared:
    return DeadlineCleared(deadline_id=deadline_id, reason=reason)
