"""An escape over its rounds: what is kept of it between two, on disk too, and the intents that its closes become. Pure.

What a round does is bulkhead.execution.stages.escape's to say; here is only what must outlive it.
"""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.exact import plain
from bulkhead.execution.stages.escape import Close, EscapeRound, LeftOver, Position
from messages.escapes import Escape, EscapeRecorded, EscapeTrigger
from messages.operator import EscapeAnswered
from messages.orders import OrderRow
from messages.records import DeadlineSet
from messages.trading import OrderIntent
from messages.values import IntentType, MarketSnapshot, OrderType, Origin

KIND = "escape"
PRICE_STEP = Decimal("1e-8")
"""Of an average price that is shown."""


class Escaping(NamedTuple):
    """One escape that is not over."""

    command: Escape
    began_ns: int
    rounds: int = 0
    intent: OrderIntent | None = None
    """The one that it is about, as it was when the escape began: it may be closed before the escape is over."""
    closing: tuple[str, ...] = ()
    """Intents that earlier rounds' closes have made."""
    cancelled: tuple[str, ...] = ()
    """Orders whose cancel earlier rounds have asked for."""

    @property
    def deadline_id(self) -> str:
        return f"{KIND}/{self.command.escape_id}"

    def covers(self, intent: OrderIntent) -> bool:
        """Whether the intent is not to be worked any more. What closes is no part of what is got out of."""
        command = self.command
        return (
            command.intent_id in (None, intent.intent_id)
            and command.strategy_id in (None, intent.strategy_id)
            and command.symbol in (None, intent.symbol)
            and intent.intent_id not in self.closing
        )


def as_deadline(escaping: Escaping) -> DeadlineSet:
    payload = {
        "command": escaping.command.model_dump(mode="json"),
        "rounds": escaping.rounds,
        "intent": None if escaping.intent is None else escaping.intent.model_dump(mode="json"),
        "closing": escaping.closing,
        "cancelled": escaping.cancelled,
    }
    return DeadlineSet(
        deadline_id=escaping.deadline_id, due_ns=escaping.began_ns, kind=KIND, payload=json.dumps(payload)
    )


def of_deadline(deadline: DeadlineSet) -> Escaping:
    """Raises ValueError."""
    try:
        read = json.loads(deadline.payload)
        intent = read["intent"]
        return Escaping(
            Escape.model_validate(read["command"]),
            deadline.due_ns,
            int(read["rounds"]),
            None if intent is None else OrderIntent.model_validate(intent),
            tuple(read["closing"]),
            tuple(read.get("cancelled", ())),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"deadline {deadline.deadline_id} cannot be read: {error!r}") from error


CLOSE_VALID_S = 60.0
"""A close has become an order by then or never will: the next round makes another one."""


def close_intent(
    escaping: Escaping, close: Close, market: MarketSnapshot | None, correlation_id: str, now_ns: int
) -> OrderIntent:
    """The close of one position as an intent of the stop plan. The same round again makes the same intent; the same
    limit that trips again, days later, makes another, which the ledger would refuse under an old name."""
    round_of = f"{escaping.deadline_id}/{escaping.began_ns}/{escaping.rounds}"
    key = f"{round_of}/{close.strategy_id}/{close.symbol}"
    is_operators = escaping.command.trigger is EscapeTrigger.OPERATOR
    return OrderIntent(
        intent_id=key,
        action_key=key,
        correlation_id=correlation_id,
        origin=Origin.OPERATOR if is_operators else Origin.STOP_PLAN,
        strategy_id=close.strategy_id,
        venue=close.venue,
        account=close.account,
        group_id=escaping.deadline_id,
        symbol=close.symbol,
        side=close.side,
        intent_type=IntentType.EXIT_FULL,
        quantity=close.quantity,
        order_type=OrderType.MKT,
        urgency=9,
        reason=f"{escaping.command.trigger}: {escaping.command.reason}",
        market=market,
        decision_time_ns=now_ns,
        expires_at_ns=now_ns + int(CLOSE_VALID_S * 1e9),
    )


def recorded(escaping: Escaping, made: EscapeRound) -> EscapeRecorded:
    """The round as it is written down."""
    event = made.event
    return EscapeRecorded(
        escape_id=escaping.command.escape_id,
        round=escaping.rounds,
        trigger=event.trigger,
        scope=event.scope,
        reason=event.reason,
        cancelled=event.cancelled,
        pending=event.pending,
        unknown=event.unknown,
        closes=tuple(f"{c.side} {plain(c.quantity)} {c.symbol} for {c.strategy_id}" for c in event.closes),
        left_over=_left_over(event.left_over),
        positions=_holdings(event.positions),
        is_over=made.is_over,
        at_ns=event.at_ns,
    )


def told_of(record: EscapeRecorded) -> EscapeRecorded:
    """What of a round is news. What is left over is, and not what it is worth, which changes with each price."""
    holdings = tuple(each.partition(",")[0] for each in record.left_over)
    return record.model_copy(update={"round": 0, "at_ns": 0, "left_over": holdings})


def answered(escaping: Escaping, last: EscapeRecorded, closes: Iterable[OrderRow]) -> EscapeAnswered:
    """What the whole of it came to; `closes` are the orders that it has made."""
    return EscapeAnswered(
        escape_id=escaping.command.escape_id,
        rounds=escaping.rounds,
        cancelled=escaping.cancelled,
        closes=tuple(_close_words(row) for row in closes),
        left_over=last.left_over,
        unknown=last.unknown,
        seconds=(last.at_ns - escaping.began_ns) / 1e9,
    )


def _close_words(row: OrderRow) -> str:
    ticket = row.ticket
    price = row.average_price
    at = "" if price is None else f" at {plain(price.quantize(PRICE_STEP))} on average"
    what = f"{ticket.side} {plain(ticket.quantity)} {ticket.symbol} for {row.strategy_id}"
    return f"{what}: {row.status}, {plain(row.filled)} filled{at}"


def _left_over(found: Iterable[LeftOver]) -> tuple[str, ...]:
    return tuple(
        f"{plain(each.position.quantity)} {each.position.symbol} of {each.position.strategy_id}: {each.refused.code},"
        f" {each.refused.detail} ({each.refused.check}: {each.refused.value} against {each.refused.limit})"
        for each in found
    )


def _holdings(found: Iterable[Position]) -> tuple[str, ...]:
    return tuple(f"{plain(each.quantity)} {each.symbol} of {each.strategy_id}" for each in found)
