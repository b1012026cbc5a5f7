"""What each record of a chain says, in sentences that a stranger understands.

One function per kind of record, found by its type: record in, links out. A link is a moment:
when, what, and in words why.
"""

import re
from decimal import Decimal
from functools import singledispatch

from bulkhead.monitor.explain_find import Item
from bulkhead.monitor.summary import RECOVERY_SOURCES
from bulkhead.monitor.words import amount, clock, one_line, rounded
from messages.inbox import InboxRowRefused, InboxRowTaken
from messages.market_health import DataSource
from messages.orders import Fill, OrderRow, OrderTicket
from messages.records import (
    FillRecorded,
    ForeignOrderSeen,
    IntentRecorded,
    IntentStatusChanged,
    LimitApproachRecorded,
    OrderRecorded,
    OrphanFillSeen,
    PortfolioRecorded,
    PositionRecorded,
    RiskRefusalRecorded,
    RiskTripRecorded,
    RoundTripRecorded,
    StopLevelRecorded,
)
from messages.risk_history import LimitRearmRecorded
from messages.trading import DecisionMade
from messages.values import Action, MarketSnapshot, OrderStatus, Origin, Value

_CHECK = re.compile(r"(\S+) (.+?)(<=|>=|==|!=|<|>)(.+)")
_SIGNS = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
_ORIGINS = {
    Origin.STRATEGY: "The strategy",
    Origin.STOP_PLAN: "The stop plan",
    Origin.OPERATOR: "An operator",
    Origin.INBOX: "A program outside, through the inbox,",
}
_UNKNOWN = (
    "The request left but no answer came ({reason}). It may or may not be live at the venue, so nothing was guessed:"
    " the order counted in full against every limit until the venue itself said what became of it."
)


class Words(Value):
    """One link of the chain before it is put in its place."""

    at_ns: int
    rank: int
    """Order of links of the same moment."""
    what: str
    words: str


def words_of(item: Item) -> list[Words]:
    """The links that one record makes; none for a kind that has no place in a chain."""
    return _describe(item.said, item.line.at_ns)


@singledispatch
def _describe(_: Value, __: int) -> list[Words]:
    return []


# -- before the order -------------------------------------------------------------------------------------------------


def _tick(market: MarketSnapshot, before_ns: int) -> Words:
    sides = [
        f"{name} {amount(price)}{f' × {amount(size)}' if size is not None else ''}"
        for name, price, size in (("bid", market.bid, market.bid_quantity), ("ask", market.ask, market.ask_quantity))
        if price is not None
    ]
    parts = [*sides, *([f"last trade {amount(market.last)}"] if market.last is not None else [])]
    spread = f", a spread of {rounded(market.spread_bps, 3)} bps" if market.spread_bps is not None else ""
    words = f"{market.symbol} stood at {', '.join(parts) or 'no price at all'}{spread} (source: {market.source})."
    return Words(at_ns=min(market.event_time_ns, before_ns), rank=0, what="tick", words=words)


@_describe.register
def _decision(made: DecisionMade, at_ns: int) -> list[Words]:
    decision = made.decision
    match decision.action:
        case Action.ENTER:
            did = f"decided to enter ({decision.side})"
        case Action.EXIT:
            did = "decided to exit"
        case Action.HOLD:
            did = "decided to do nothing"
        case _:
            did = "decided to skip this"
    parts = [f"Strategy {made.strategy_id} {did} in {decision.symbol}: {one_line(decision.reason, 500)}."]
    if decision.reason_codes:
        parts.append(f"Codes: {', '.join(decision.reason_codes)}.")
    if decision.scores:
        parts.append(f"Scores: {', '.join(f'{name} {amount(score)}' for name, score in decision.scores.items())}.")
    if decision.action in (Action.ENTER, Action.EXIT):
        asked = "left to the sizing policy" if decision.action is Action.ENTER else "the whole position"
        size = amount(decision.quantity) if decision.quantity is not None else asked
        price = "at the market" if decision.limit_price is None else f"at a limit of {amount(decision.limit_price)}"
        parts.append(f"Size: {size}, {price}.")
    parts.append(f"It held {amount(made.position)} then; the stop level was {made.stop_level.name}.")
    if made.source is not DataSource.FEED:
        parts.append(f"Ticks were delayed: the source of market data in force was {made.source.value}.")
    if made.note:
        parts.append(f"No order came of it: {one_line(made.note, 500)}.")
    decided = Words(at_ns=made.decision_time_ns, rank=1, what="decision", words=" ".join(parts))
    return [*([_tick(made.market, made.decision_time_ns)] if made.market else []), decided]


@_describe.register
def _intent(record: IntentRecorded, at_ns: int) -> list[Words]:
    intent = record.intent
    checks = "; ".join(_check(check) for check in record.checks) or "none is recorded"
    approved = (
        f"The risk guard approved it and set {amount(record.reserved_notional)} aside for it."
        f" {len(record.checks)} checks passed: {checks}."
    )
    price = "at the market" if intent.limit_price is None else f"at {amount(intent.limit_price)} or better"
    wished = (
        f"{_ORIGINS[intent.origin]} wished to {intent.side} {amount(intent.quantity)} {intent.symbol} {price}"
        f" ({intent.intent_type}, {intent.time_in_force}, {intent.split}) for {intent.strategy_id} at {intent.venue}:"
        f" {one_line(intent.reason, 500)}. Written to disk as intent {intent.intent_id} before anything was sent."
    )
    links = [
        Words(at_ns=at_ns, rank=2, what="risk checks", words=approved),
        Words(at_ns=at_ns, rank=3, what="intent", words=wished),
    ]
    if intent.origin not in (Origin.STRATEGY, Origin.INBOX) and intent.market is not None:
        links.insert(0, _tick(intent.market, intent.decision_time_ns))
    return links


@_describe.register
def _inbox_taken(record: InboxRowTaken, _: int) -> list[Words]:
    """Stands where a strategy has its decision."""
    intent = record.intent
    price = "at the market" if intent.limit_price is None else f"at a limit of {amount(intent.limit_price)}"
    waited_s = max(0, intent.decision_time_ns - record.created_ns) / 1e9
    words = (
        f"A program outside put row {record.row_id} into the inbox for {intent.strategy_id}: {intent.intent_type}"
        f" {intent.side} {amount(intent.quantity)} {intent.symbol} {price}:"
        f" {one_line(intent.reason or 'no reason is given', 500)}. Action key {intent.action_key}. It was taken"
        f" {waited_s:.1f} s after it was made, and went to the risk guard."
    )
    taken = Words(at_ns=intent.decision_time_ns, rank=1, what="inbox", words=words)
    return [*([_tick(intent.market, intent.decision_time_ns)] if intent.market else []), taken]


@_describe.register
def _inbox_refused(record: InboxRowRefused, at_ns: int) -> list[Words]:
    asked = f" It asked for {record.asked}." if record.asked else ""
    words = (
        f"Row {record.row_id} of the inbox (action key {one_line(record.action_key)}) was answered {record.status}"
        f" ({record.code}): {one_line(record.reason, 500)}.{asked} Nothing was sent for it."
    )
    return [Words(at_ns=at_ns, rank=2, what="refused", words=words)]


def _check(check: str) -> str:
    """`max_notional 100.50<=500` -> `max_notional 100.5 ≤ 500`; anything else as it is."""
    found = _CHECK.fullmatch(check)
    if found is None:
        return one_line(check)
    name, value, sign, limit = found.groups()
    return f"{name} {amount(value.strip())} {_SIGNS.get(sign, sign)} {amount(limit.strip())}"


@_describe.register
def _refusal(record: RiskRefusalRecorded, at_ns: int) -> list[Words]:
    refusal = record.refusal
    words = (
        f"The risk guard refused it ({refusal.code}): {refusal.limit_name} was {amount(refusal.value)}, the limit is"
        f" {amount(refusal.limit)}. {one_line(refusal.detail, 500)}. Nothing was sent."
    )
    return [Words(at_ns=at_ns, rank=2, what="refused", words=words)]


@_describe.register
def _intent_status(record: IntentStatusChanged, at_ns: int) -> list[Words]:
    code = f" ({record.code})" if record.code else ""
    words = f"Intent {record.intent_id} is now {record.status}{code}: {one_line(record.reason, 500)}."
    return [Words(at_ns=at_ns, rank=10, what="intent", words=words)]


# -- the order --------------------------------------------------------------------------------------------------------

_CHANGES: dict[str, tuple[str, str]] = {
    "accepted": ("accepted", "The venue took it{venue_id}."),
    "acknowledged": ("accepted", "The venue's own number for it became known{venue_id}."),
    "partial": ("partly filled", "{filled} of {quantity} is filled, at {average} on average."),
    "filled": ("filled", "All of {quantity} is filled, at {average} on average."),
    "overfilled": ("overfilled", "The venue filled {filled}, more than the {quantity} asked for: a fault, shown."),
    "rejected": ("rejected", "The venue refused it: {reason}. That is final; it is not sent again."),
    "cancel_requested": ("cancel asked", "We asked the venue to cancel what was left of it: {reason}."),
    "cancelled": ("cancelled", "The venue confirmed the cancel; {filled} of {quantity} had been filled."),
    "cancel_rejected": ("cancel refused", "The venue refused the cancel: {reason}."),
    "cancel_unknown": ("cancel unanswered", "No answer came to the cancel ({reason}): the venue is asked."),
    "expired": ("expired", "The venue ended it with {filled} of {quantity} filled: {reason}."),
    "not_sent": ("not sent", "Proven not to have reached the venue: {reason}. It may be sent again under the same id."),
    "resent": ("sent again", "Sent once more under the same id, its absence at the venue being proven."),
    "failed": ("failed", "Given up: proven never to have reached the venue ({reason})."),
    "unknown": ("UNKNOWN", _UNKNOWN),
    "resolved": ("resolved", "The venue has said what became of it: it is {status}, {filled} of {quantity} filled."),
}


@_describe.register
def _order(record: OrderRecorded, at_ns: int) -> list[Words]:
    order = record.order
    known = {
        "venue_id": f" as number {order.venue_order_id}" if order.venue_order_id else "",
        "reason": one_line(order.reason or "no reason is recorded", 500),
        "filled": amount(order.filled),
        "quantity": amount(order.ticket.quantity),
        "average": rounded(order.average_price, 8) if order.average_price is not None else "no price",
        "status": order.status.value,
    }
    what, words = _CHANGES.get(record.change, (record.change, "It is now {status}, {filled} of {quantity} filled."))
    if order.status is OrderStatus.PENDING_SUBMIT and record.change not in _CHANGES:
        what = "order"
        named = f"Order {order.ticket.client_order_id} ({ticket_words(order.ticket)}{_part(order)})"
        words = f"{named} was on disk before anything was sent."
    else:
        words = words.format(**known)
    if record.is_late:
        words += " This came late: after the order had ended, or from before a restart."
    if record.notes:
        words += f" Noted: {one_line('; '.join(record.notes), 500)}."
    if record.evidence_at_ns is not None:
        words += f" The venue's clock said {clock(record.evidence_at_ns)}."
    is_end_of_fills = order.filled > 0 and order.status.is_terminal
    return [Words(at_ns=at_ns, rank=6 if is_end_of_fills else 4, what=what, words=words)]


def ticket_words(ticket: OrderTicket) -> str:
    price = "at the market" if ticket.limit_price is None else f"limit {amount(ticket.limit_price)}"
    return f"{ticket.side} {amount(ticket.quantity)} {ticket.symbol} {price}, {ticket.intent_type}"


def _part(order: OrderRow) -> str:
    part = f", part {order.child + 1} of a split" if order.child else ""
    return f"{part}, attempt {order.attempt + 1}" if order.attempt else part


@_describe.register
def _fill(record: FillRecorded, at_ns: int) -> list[Words]:
    fill = record.fill
    role = "maker" if fill.is_maker else "taker"
    executed = f"{fill.side} {amount(fill.quantity)} {fill.symbol} was executed at {amount(fill.price)}"
    parts = [f"{executed} (as {role}, fee {amount(fill.fee)} {fill.fee_asset}), booked once as {fill.fill_id}."]
    if record.decision_price is not None:
        parts.append(_slippage(fill, record.decision_price))
    if record.source in RECOVERY_SOURCES:
        how = "asking about the order" if record.source == "query" else "comparing our books with the venue's"
        parts.append(f"It came from recovery: its report never reached us, it was found by {how}.")
        parts.append(f"The venue executed it at {clock(fill.executed_ns)}.")
    elif record.source == "totals":
        parts.append("The venue tells no executions: this is by how much the order's totals in its list had grown.")
    return [Words(at_ns=at_ns, rank=5, what="fill", words=" ".join(parts))]


def _slippage(fill: Fill, decision_price: Decimal) -> str:
    slippage_bps = (fill.price / decision_price - 1) * fill.side.sign * 10_000
    if not slippage_bps:
        return f"That is exactly the price at the decision ({amount(decision_price)})."
    verdict = "worse" if slippage_bps > 0 else "better"
    return f"That is {rounded(abs(slippage_bps), 3)} bps {verdict} than at the decision ({amount(decision_price)})."


@_describe.register
def _foreign(record: ForeignOrderSeen, at_ns: int) -> list[Words]:
    order = record.order
    words = (
        f"The venue lists {order.side} {amount(order.quantity)} {order.symbol} ({order.status}, its number"
        f" {order.venue_order_id}). It is not an order of ours, perhaps placed by hand; only an operator may adopt it."
    )
    return [Words(at_ns=at_ns, rank=4, what="foreign order", words=words)]


@_describe.register
def _orphan(record: OrphanFillSeen, at_ns: int) -> list[Words]:
    execution = record.execution
    words = (
        f"The venue reported {execution.side} {amount(execution.quantity)} {execution.symbol} at"
        f" {amount(execution.price)} for its order {execution.venue_order_id}, which was not known here. It was kept"
        " for the next reconciliation."
    )
    return [Words(at_ns=at_ns, rank=5, what="orphan fill", words=words)]


# -- after the order --------------------------------------------------------------------------------------------------


@_describe.register
def _position(record: PositionRecorded, at_ns: int) -> list[Words]:
    position = record.position
    held = f" at {rounded(position.average_price, 8)} on average" if position.quantity else " (flat)"
    words = (
        f"{position.strategy_id} then held {amount(position.quantity)} {position.symbol}{held};"
        f" realised so far {rounded(position.realised_pnl, 8, signed=True)}."
    )
    return [Words(at_ns=at_ns, rank=7, what="position", words=words)]


@_describe.register
def _portfolio(record: PortfolioRecorded, at_ns: int) -> list[Words]:
    books = record.snapshot
    words = (
        f"The account stood at {rounded(books.equity, 2)} {books.currency} (cash {rounded(books.cash, 2)},"
        f" day {rounded(books.day_pnl, 2, signed=True)}, {rounded(books.drawdown, 2)} below its peak)."
    )
    return [Words(at_ns=at_ns, rank=8, what="portfolio", words=words)]


@_describe.register
def _trade(record: RoundTripRecorded, at_ns: int) -> list[Words]:
    trade = record.trade
    slips = ", ".join(
        f"{side} slippage {rounded(slip, 3)} bps"
        for side, slip in (("buy", trade.buy_slippage_bps), ("sell", trade.sell_slippage_bps))
        if slip is not None
    )
    words = (
        f"The position went from flat to flat: {amount(trade.quantity)} {trade.symbol} from"
        f" {rounded(trade.entry_price, 8)} to {rounded(trade.exit_price, 8)}, {rounded(trade.pnl, 8, signed=True)}"
        f" {trade.currency} after {rounded(trade.fees, 8)} of fees ({trade.trade_result}"
        f"{f'; {slips}' if slips else ''}). Trade {trade.trade_id}."
    )
    return [Words(at_ns=at_ns, rank=9, what="round trip", words=words)]


# -- trips ------------------------------------------------------------------------------------------------------------


@_describe.register
def _trip(record: RiskTripRecorded, at_ns: int) -> list[Words]:
    trip = record.trip
    books = (
        f" The account stood at {rounded(trip.portfolio.equity, 2)} {trip.portfolio.currency}."
        if trip.portfolio
        else ""
    )
    quality = ", ".join(f"{name} {value}" for name, value in trip.execution_quality.items())
    words = (
        f"{trip.limit_name} was {amount(trip.value)}, the limit is {amount(trip.limit)} ({trip.code}):"
        f" {one_line(trip.detail, 500)}. New orders stopped for {trip.scope} at level {trip.level.name}.{books}"
        f"{f' Execution then: {quality}.' if quality else ''}"
    )
    return [Words(at_ns=at_ns, rank=2, what="trip", words=words)]


@_describe.register
def _approach(record: LimitApproachRecorded, at_ns: int) -> list[Words]:
    near = record.approach
    about = "".join(f", {one_line(part)}" for part in (near.about, near.detail) if part)
    numbers = f"{amount(near.value)} of {amount(near.limit)} (share {near.share})"
    words = f"{near.limit_name} came near its limit: {numbers}{about}."
    return [Words(at_ns=at_ns, rank=1, what="approach", words=words)]


@_describe.register
def _rearm(record: LimitRearmRecorded, at_ns: int) -> list[Words]:
    armed = record.rearm
    by = "an operator; what it counts began anew" if armed.by_operator else "itself: its figure is well below again"
    return [Words(at_ns=at_ns, rank=1, what="re-arm", words=f"{armed.limit_name} was armed again by {by}.")]


@_describe.register
def _stop_level(record: StopLevelRecorded, at_ns: int) -> list[Words]:
    change = record.change
    reasons = "; ".join(
        f"{one_line(r.cause)} ({r.reason_id}, for {r.scope}{', an operator must lift it' if r.needs_operator else ''})"
        for r in change.reasons
    )
    words = f"The stop level became {change.level.name}: {reasons or 'no reason is in force any more'}."
    return [Words(at_ns=at_ns, rank=3, what="stop level", words=words)]
