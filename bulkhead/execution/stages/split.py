"""Split: one intent into children whose quantities add up exactly. Only SINGLE so far: the child is the intent."""

from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.rules import Refused
from messages.codes import ErrorCode
from messages.trading import OrderIntent
from messages.values import SplitPolicy


class Child(NamedTuple):
    number: int
    quantity: Decimal
    limit_price: Decimal | None


def split(intent: OrderIntent, quantity: Decimal) -> tuple[Child, ...] | Refused:
    """Children of `quantity` in all, which the precheck may have cut below the intent's own."""
    if intent.split is not SplitPolicy.SINGLE:
        detail = f"{intent.split} is not carried out by this version; nothing was sent"
        return Refused(ErrorCode.SPLIT_UNSUPPORTED.value, "split", intent.split.value, SplitPolicy.SINGLE.value, detail)
    return (Child(0, quantity, intent.limit_price),)
