"""What is said of an inbox row, and when: pure functions on what the house knows of it.

SUBMITTED   its intent is on disk, and the venue has spoken, or is being asked
DUPLICATE   its action key or intent id was there before
REJECTED    refused: by the inbox, the risk guard, the precheck or the venue
FAILED      given up, and proven never to have reached the venue
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from bulkhead.ledger.inbox_port import InboxAnswer, InboxIntent, InboxRefusal, InboxRow, KnownIntent
from messages.codes import ErrorCode
from messages.intents import IntentSettled
from messages.orders import OrderRow
from messages.trading import RiskRefused
from messages.values import IntentStatus, OrderStatus, Origin

_CODES = {IntentStatus.REJECTED: ErrorCode.BROKER_REJECTED, IntentStatus.FAILED: ErrorCode.ORDER_NOT_SENT}
"""Of an intent that ended with its order; whoever refused it before an order was made has named a code of its own."""
OPEN = frozenset({IntentStatus.NEW, IntentStatus.SUBMITTED, IntentStatus.STOPPING})
"""Of an intent that has not ended."""
NO_ORDER = frozenset({OrderStatus.REJECTED, OrderStatus.FAILED})


class House(NamedTuple):
    """What a row is held against before it becomes an intent."""

    session_id: str
    venue: str
    account: str
    owners: frozenset[str]
    """Whose positions a row may change."""
    symbols: frozenset[str]
    """Those that this run has a market of."""
    listed: frozenset[str]
    """Those that the venue has trading rules for."""


# -- before it is handed in -------------------------------------------------------------------------------------------


def answer_at_once(row: InboxRow, known: KnownIntent | None) -> InboxAnswer | None:
    """What can be said without asking the risk guard; None when the row is to be handed to it."""
    if known is not None:
        if is_of(row, known):
            return as_in_ledger(known)
        same = "action key" if known.action_key == row.action_key else "intent id"
        words = f"the ledger has intent {known.intent_id} with this {same}"
        return InboxAnswer(IntentStatus.DUPLICATE, ErrorCode.INTENT_DUPLICATE, words)
    if row.refusal is None:
        return None
    is_twin = row.refusal.code == ErrorCode.INTENT_DUPLICATE
    return InboxAnswer(IntentStatus.DUPLICATE if is_twin else IntentStatus.REJECTED, *row.refusal)


def is_of(row: InboxRow, known: KnownIntent) -> bool:
    """Whether the ledger's intent was made of this very row."""
    is_same = (known.intent_id, known.action_key) == (row.intent_id, row.action_key)
    return is_same and known.origin is Origin.INBOX


def as_in_ledger(known: KnownIntent) -> InboxAnswer:
    """The answer to a row whose intent is on disk."""
    if known.status in _CODES:
        return InboxAnswer(known.status, known.code or _CODES[known.status], known.reason)
    words = f"in the ledger, {known.status}: {known.reason}"
    return InboxAnswer(IntentStatus.SUBMITTED, known.code, words)


def judge(
    row: InboxRow, house: House, positions: Mapping[tuple[str, str], Decimal], now_ns: int
) -> Decimal | InboxRefusal:
    """The quantity of the intent that this house can make of the row, or why it makes none, with what was compared.

    An EXIT_FULL without a quantity is for all that its owner holds; `positions` is by owner and symbol. Raises
    ValueError for a row that was refused already.
    """
    asked = row.intent
    if asked is None:
        raise ValueError(f"row {row.row_id} was refused: {row.refusal}")
    refusal = _refusal(asked, row.intent_id, house, now_ns)
    if refusal is not None:
        return refusal
    if asked.quantity is not None:
        return asked.quantity
    held = positions.get((asked.strategy_id, asked.symbol), Decimal(0))
    if not held:
        return InboxRefusal(ErrorCode.NOTHING_TO_EXIT, f"{asked.strategy_id} holds 0 {asked.symbol}")
    return abs(held)


def _refusal(asked: InboxIntent, intent_id: str, house: House, now_ns: int) -> InboxRefusal | None:
    if asked.expires_at_ns <= now_ns:
        late_s = (now_ns - asked.expires_at_ns) / 1e9
        return InboxRefusal(ErrorCode.INTENT_EXPIRED, f"it waited until {late_s:.1f} s after its expires_at_ns")
    if intent_id.startswith(f"{house.session_id}/"):
        words = f"intent_id begins with {house.session_id}/, as those of this run's own strategies do"
        return InboxRefusal(ErrorCode.INTENT_MALFORMED, words)
    if asked.venue not in (None, house.venue) or asked.account not in (None, house.account):
        words = f"it names {asked.venue or house.venue}/{asked.account or house.account}, and this run trades on"
        return InboxRefusal(ErrorCode.INTENT_MISDIRECTED, f"{words} {house.venue}/{house.account}")
    if asked.strategy_id not in house.owners:
        words = f"strategy_id is {asked.strategy_id}; this run has {', '.join(sorted(house.owners)) or 'none'}"
        return InboxRefusal(ErrorCode.OWNER_UNKNOWN, words)
    if asked.symbol not in house.listed:
        return InboxRefusal(ErrorCode.INSTRUMENT_UNKNOWN, f"symbol is {asked.symbol}, which the venue does not list")
    if asked.intent_type.is_entry and asked.symbol not in house.symbols:
        words = f"symbol is {asked.symbol}, of which this run has no market; it has {', '.join(sorted(house.symbols))}"
        return InboxRefusal(ErrorCode.INSTRUMENT_UNKNOWN, words)
    return None


def in_words(asked: InboxIntent | None) -> str:
    """What a row wants, for people."""
    if asked is None:
        return ""
    quantity = "all" if asked.quantity is None else f"{asked.quantity:f}"
    price = "at the market" if asked.limit_price is None else f"at {asked.limit_price:f}"
    return f"{asked.intent_type} {asked.side} {quantity} {asked.symbol} {price} for {asked.strategy_id}"


# -- after it was handed in -------------------------------------------------------------------------------------------


def of_refusal(said: RiskRefused) -> InboxAnswer:
    reason = f"{said.detail} ({said.limit_name}: {said.value or 'none'} against {said.limit or 'none'})"
    return InboxAnswer(IntentStatus.REJECTED, said.code, reason)


def of_settlement(said: IntentSettled) -> InboxAnswer:
    return InboxAnswer(IntentStatus.REJECTED, said.code, said.reason)


def of_order(order: OrderRow) -> InboxAnswer | None:
    """None while the venue has not spoken, and where only the whole intent can tell: one order of several may have
    failed."""
    if order.status is OrderStatus.PENDING_SUBMIT or (order.status in NO_ORDER and not order.filled):
        return None
    key = order.ticket.client_order_id
    if order.status is OrderStatus.UNKNOWN:
        words = f"order {key} was sent and no verdict has come back; the venue is being asked"
        return InboxAnswer(IntentStatus.SUBMITTED, ErrorCode.BROKER_TIMEOUT_TRANSIENT, words)
    words = f"order {key} is {order.status}, {order.filled:f} of {order.ticket.quantity:f} filled"
    return InboxAnswer(IntentStatus.SUBMITTED, None, words)


LOST = InboxAnswer(
    IntentStatus.FAILED, ErrorCode.ORDER_NOT_SENT, "it was lost on its way, before it was on disk; nothing was sent"
)
"""Only once nobody who might still have had it has it any more: see actors/inbox.py."""
