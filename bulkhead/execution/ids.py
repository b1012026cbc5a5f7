"""Identities: derived, never drawn.

The same decision always yields the same ids, so that repeating a step cannot make a second order. Each id is computed
once and stored with the intent; after a restart it is read back, never computed again from a new session id. A resend
keeps its id; only a changed `attempt` (an adjusted order, whose predecessor is proven ended) or `child` makes another.
"""

import hashlib
import json
import re
from base64 import b32encode

from bulkhead.execution.exact import plain
from messages.trading import OrderIntent
from messages.values import Side

_DIGEST_BYTES = 20  # 160 bits: 32 characters of base32, and no collision by chance in any ledger
_OURS = re.compile(r"^b[a-z2-7]{32}$")


def _digest(*parts: str | int) -> bytes:
    # JSON and not a joined string: ("a", "bc") and ("ab", "c") must not meet.
    return hashlib.sha256(json.dumps(parts, separators=(",", ":"), ensure_ascii=True).encode()).digest()


def _encode(prefix: str, *parts: str | int) -> str:
    return prefix + b32encode(_digest(*parts)[:_DIGEST_BYTES]).decode().lower()


def intent_hash(intent: OrderIntent) -> str:
    """SHA-256 (hex) over everything that identifies the intent.

    Left out: monotonic stamps, the sender's epoch, the correlation and the free text, which differ between two tellings
    of the same wish; and the market snapshot, which explains a decision but does not identify it.
    """
    return _digest(
        intent.intent_id,
        intent.action_key,
        intent.origin.value,
        intent.strategy_id,
        intent.venue,
        intent.account,
        intent.group_id,
        intent.leg,
        intent.symbol,
        intent.side.value,
        intent.intent_type.value,
        plain(intent.quantity),
        intent.order_type.value,
        "" if intent.limit_price is None else plain(intent.limit_price),
        intent.time_in_force.value,
        intent.split.value,
        intent.urgency,
        json.dumps(intent.reason_codes),
        intent.decision_id or "",
        intent.decision_time_ns,
        -1 if intent.expires_at_ns is None else intent.expires_at_ns,
    ).hex()


def client_order_id(
    session_id: str,
    strategy_id: str,
    symbol: str,
    side: Side,
    decision_time_ns: int,
    intent_hash_hex: str,
    child: int = 0,
    attempt: int = 0,
) -> str:
    """33 characters of `[a-z2-7]`, beginning with `b`: fits the strictest venue, whatever the names' length."""
    return _encode(
        "b", "order", session_id, strategy_id, symbol, side.value, decision_time_ns, intent_hash_hex, child, attempt
    )


def order_id_for(intent: OrderIntent, session_id: str, child: int = 0, attempt: int = 0) -> str:
    """`client_order_id` of one child of an intent."""
    return client_order_id(
        session_id,
        intent.strategy_id,
        intent.symbol,
        intent.side,
        intent.decision_time_ns,
        intent_hash(intent),
        child,
        attempt,
    )


def looks_like_ours(client_order_id_text: str) -> bool:
    """Whether a venue's listing bears our mark. The mark alone proves nothing: another Bulkhead bears it too."""
    return _OURS.match(client_order_id_text) is not None
