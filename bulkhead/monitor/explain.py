"""`bulkhead explain ID`: why it happened and what became of it, from the tick to the books, in words.

    explain(sessions_dir, "b7f2c1…")   -> Explanation, or raises NotFound
    explanation_text(explanation)      -> for a terminal;  explanation.model_dump_json() for a program

Everything comes from the exported files: neither a running process nor the ledger is asked.
"""

from pathlib import Path

from rich.text import Text

from bulkhead.monitor.explain_find import Found, Item, NotFound, find
from bulkhead.monitor.explain_words import Words, ticket_words, words_of
from bulkhead.monitor.words import amount, date_and_clock, one_line, rounded, span
from messages.inbox import InboxRowRefused
from messages.orders import OrderRow
from messages.records import IntentRecorded, OrderRecorded, RiskRefusalRecorded, RiskTripRecorded, RoundTripRecorded
from messages.trading import DecisionMade
from messages.values import Nanoseconds, OrderStatus, Value

__all__ = ["Explanation", "Link", "NotFound", "explain", "explanation_text"]


class Link(Value):
    """One moment of the chain."""

    at_ns: Nanoseconds
    at: str
    """UTC, for reading."""
    since_previous_ns: int | None
    """From the link before it; None at the first."""
    what: str
    """tick, decision, risk checks, refused, intent, order, accepted, fill, UNKNOWN, position, round trip, …"""
    words: str
    session_id: str
    stream: str
    seq: int
    """With session and stream, the line that says so."""


class Explanation(Value):
    asked: str
    kind: str
    """order, intent, decision, fill, trade, trip, or an order that is not ours."""
    headline: str
    """What became of it, in one sentence."""
    links: tuple[Link, ...]
    took_ns: int
    """From the first link to the last."""
    sessions: tuple[str, ...]
    """In which it happened, oldest first."""
    notes: tuple[str, ...] = ()


def explain(sessions_dir: Path, wanted: str) -> Explanation:
    """The chain that `wanted` is part of. Raises NotFound."""
    found = find(sessions_dir, wanted)
    placed = sorted(
        ((words, item) for item in found.items.values() if not _is_repetition(item) for words in words_of(item)),
        key=lambda pair: (pair[0].at_ns, pair[0].rank, pair[1].line.seq),
    )
    links: list[Link] = []
    for words, item in placed:
        links.append(_link(words, item, links[-1].at_ns if links else None))
    intents = found.of(IntentRecorded)
    notes = list(found.notes)
    if len(intents) > 1 and found.kind in ("order", "intent"):
        notes.append(f"{len(intents)} intents bear this id (a venue may use its numbers again); all are shown")
    return Explanation(
        asked=wanted,
        kind=found.kind,
        headline=_headline(found),
        links=tuple(links),
        took_ns=links[-1].at_ns - links[0].at_ns if links else 0,
        sessions=tuple(dict.fromkeys(link.session_id for link in links)),
        notes=tuple(notes),
    )


def _is_repetition(item: Item) -> bool:
    """A partial fill is told by its fill; the order row beside it says nothing more."""
    return isinstance(item.said, OrderRecorded) and item.said.change == "partial" and not item.said.is_late


def _link(words: Words, item: Item, previous_ns: int | None) -> Link:
    return Link(
        at_ns=words.at_ns,
        at=date_and_clock(words.at_ns),
        since_previous_ns=None if previous_ns is None else words.at_ns - previous_ns,
        what=words.what,
        words=words.words,
        session_id=item.line.session_id,
        stream=item.line.stream,
        seq=item.line.seq,
    )


# -- the outcome in one sentence --------------------------------------------------------------------------------------


def _headline(found: Found) -> str:
    if found.kind == "trip":
        return _trip_headline(found)
    trades = found.of(RoundTripRecorded)
    if found.kind == "trade" and trades and isinstance(trades[-1].said, RoundTripRecorded):
        trade = trades[-1].said.trade
        gain = f"{rounded(trade.pnl, 8, signed=True)} {trade.currency}"
        return f"A round trip of {trade.strategy_id} in {trade.symbol} that ended with {gain} after fees."
    orders = _latest_orders(found)
    if orders:
        return " ".join(_order_outcome(order) for order in orders)
    refusals = found.of(RiskRefusalRecorded)
    if refusals and isinstance(refusals[-1].said, RiskRefusalRecorded):
        refusal = refusals[-1].said.refusal
        return f"The risk guard refused it ({refusal.code}); nothing was sent."
    rows = found.of(InboxRowRefused)
    if rows and isinstance(rows[-1].said, InboxRowRefused):
        row = rows[-1].said
        return f"The inbox answered its row {row.row_id} with {row.status} ({row.code}); nothing was sent."
    decisions = found.of(DecisionMade)
    if decisions and isinstance(decisions[-1].said, DecisionMade):
        return _decision_headline(decisions[-1].said, is_intent_recorded=bool(found.of(IntentRecorded)))
    return "No order of ours came of it."


def _latest_orders(found: Found) -> list[OrderRow]:
    latest: dict[str, OrderRow] = {}
    for item in found.of(OrderRecorded):
        if isinstance(item.said, OrderRecorded):
            latest[item.said.order.ticket.client_order_id] = item.said.order
    return list(latest.values())


def _order_outcome(order: OrderRow) -> str:
    subject = f"{ticket_words(order.ticket)} by {order.strategy_id}"
    average = f" at {rounded(order.average_price, 8)} on average" if order.average_price is not None else ""
    done = f"{amount(order.filled)} of {amount(order.ticket.quantity)} filled{average}"
    match order.status:
        case OrderStatus.FILLED:
            return f"{subject}: filled{average}."
        case OrderStatus.UNKNOWN:
            return f"{subject}: its outcome is UNKNOWN, {done} as far as we know; the venue is being asked."
        case OrderStatus.REJECTED | OrderStatus.FAILED:
            return f"{subject}: {order.status.value}, {one_line(order.reason or 'without a recorded reason')}."
        case _:
            return f"{subject}: {order.status.value}, {done}."


def _decision_headline(made: DecisionMade, *, is_intent_recorded: bool) -> str:
    action = f"{made.strategy_id} decided {made.decision.action} in {made.decision.symbol}"
    if made.note:
        return f"{action}; no order came of it: {one_line(made.note)}."
    if made.intent_id is not None and not is_intent_recorded:
        return f"{action}; its intent {made.intent_id} was never recorded, so nothing was sent."
    return f"{action}: {one_line(made.decision.reason)}."


def _trip_headline(found: Found) -> str:
    trips = found.of(RiskTripRecorded)
    if trips and isinstance(trips[-1].said, RiskTripRecorded):
        trip = trips[-1].said.trip
        compared = f"{trip.limit_name} was {amount(trip.value)}, limit {amount(trip.limit)}"
        return f"{compared}: trading stopped at level {trip.level.name} for {trip.scope}."
    return f"A reason that moved the stop level: {found.wanted}."


# -- for a terminal ---------------------------------------------------------------------------------------------------


def explanation_text(explanation: Explanation) -> Text:
    """Headline, then one paragraph per link with the time since the link before it."""
    text = Text()
    text.append(f"{explanation.kind} {explanation.asked}\n", style="bold")
    text.append(f"{explanation.headline}\n\n")
    session_id = None
    for link in explanation.links:
        if link.session_id != session_id:
            session_id = link.session_id
            text.append(f"session {session_id}\n", style="bold blue")
        since = "" if link.since_previous_ns is None else f"+{span(link.since_previous_ns)}"
        text.append(f"  {link.at}  {since:>12}  ", style="dim")
        text.append(f"{link.what:<14}", style="bold red" if link.what in ("UNKNOWN", "trip", "refused") else "bold")
        text.append(f" {link.words}\n")
    text.append(f"\nFrom first to last: {span(explanation.took_ns)}.\n", style="dim")
    for note in explanation.notes:
        text.append(f"Note: {note}.\n", style="yellow")
    return text
