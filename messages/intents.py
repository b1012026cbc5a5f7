"""What the OMS tells the house of intents: what became of one, and what one still waits for."""

from messages.base import Body
from messages.values import IntentType, Name, Number, Side, Size, Symbol


class IntentClosed(Body):
    """Terminal evidence for the whole intent: the risk guard gives its reservation back."""

    intent_id: str
    symbol: Symbol
    filled: Size
    filled_notional: Number


class IntentSettled(Body):
    """Answer to the sender of an intent that made no order: a duplicate, a failed precheck."""

    intent_id: str
    strategy_id: Name
    code: str
    reason: str


class IntentWaits(Body):
    """What of an intent has no order now and is to get one: children whose turn is to come, and the rest of an order
    that is being replaced. Told to its strategy whenever it changes; nothing more at zero."""

    intent_id: str
    strategy_id: Name
    symbol: Symbol
    side: Side
    intent_type: IntentType
    quantity: Size
