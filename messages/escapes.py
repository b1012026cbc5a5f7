"""Getting out: the command, and what is written down about each round of it."""

from enum import StrEnum

from messages.base import Command, Lane
from messages.records import Record, Stream
from messages.values import Name, Nanoseconds, Symbol

P0 = "P0"
"""Priority of what an operator is to see at once."""


class EscapeTrigger(StrEnum):
    """Why; of several at once the first here counts."""

    KILL_SWITCH = "kill_switch"
    RISK_GUARD = "risk_guard"
    OPERATOR = "operator"
    FAILURE = "failure"
    STRATEGY_ENDED = "strategy_ended"
    TIMEOUT = "timeout"


def scope_of(strategy_id: str | None, symbol: str | None) -> str:
    """As the gate names it. Of a strategy in one symbol it is the symbol: wider than asked for, never narrower."""
    if symbol is not None:
        return f"symbol:{symbol}"
    return "all" if strategy_id is None else f"strategy:{strategy_id}"


class Escape(Command):
    """Get out of a scope: cancel what works in it and, where asked for, close what is held at the market; again and
    again until that is done.

    Neither strategy, symbol nor intent named is everything. The sender has shut the gate for the scope before: nothing
    is to be opened behind the back of what closes.
    """

    lane = Lane.SYSTEM

    escape_id: str
    """Unique; the same again changes nothing while it goes on."""
    trigger: EscapeTrigger
    reason: str
    strategy_id: Name | None = None
    symbol: Symbol | None = None
    intent_id: str | None = None
    is_closing: bool = True
    """False: the orders are cancelled, and what is held is kept."""
    reply_to: str | None = None
    """Hears an EscapeAnswered once it is over."""


class EscapeRecorded(Record):
    """One round of getting out: what was asked for, and what stands in the way. Lists name client order ids."""

    stream = Stream.RISK
    priority: str = P0
    escape_id: str
    round: int
    trigger: EscapeTrigger
    scope: str
    reason: str
    cancelled: tuple[str, ...]
    """Asked to be, in this round."""
    pending: tuple[str, ...]
    """Their cancel was asked for before and is not answered."""
    unknown: tuple[str, ...]
    """May still execute; only the venue ends that."""
    closes: tuple[str, ...]
    """`<side> <quantity> <symbol> for <strategy>`, sent at the market in this round."""
    left_over: tuple[str, ...]
    """Holdings that cannot be closed, with code and numbers."""
    positions: tuple[str, ...]
    """In scope and not flat before this round."""
    is_over: bool
    at_ns: Nanoseconds
