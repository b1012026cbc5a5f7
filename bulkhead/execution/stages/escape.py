"""Escape: get out. Cancel the rest of everything in a scope, close what was filled where that is asked for, and say so.

One call is one round of flattening: cancel, await evidence, close the rest, again until `is_over`. Each round is made
anew from the books, so that a round that is lost or repeated does no harm. The caller makes one upon evidence, and
leaves a moment between two, for a venue may refuse a cancel again and again.

- Everything that has not ended is asked to be cancelled, UNKNOWN orders included (they stay UNKNOWN until the venue
  speaks). One whose cancel is already on its way is not asked again, and where the position is to be closed, an exit
  at the market is left to do that.
- A close has at most the confirmed position less whatever exits of it may still fill, PENDING_CANCEL and UNKNOWN
  counted in full: two rounds together never turn a position over.
- A close waits until the orders that it could trade against are cancelled, a few seconds from the first round at most.
  After that, and where such an order is UNKNOWN, getting out comes first.
- What is too small to be ordered, and what is UNKNOWN, is reported and not hidden.

What it is not: it asks no gate, since getting out is never refused. Children whose turn is still to come are no orders
yet: the caller drops those of every intent in the scope before the first round.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.exact import ZERO, exact, floor_to_step, plain
from bulkhead.execution.rules import InstrumentRules, Refused
from bulkhead.execution.stages.monitor import NS_PER_S, Progress
from messages.codes import ErrorCode
from messages.escapes import P0, EscapeTrigger
from messages.orders import OrderRow
from messages.trading import OrderIntent
from messages.values import OrderStatus, OrderType, Side

_Key = tuple[str, str, str, str]
"""Strategy, venue, account, symbol."""
_Leaves = Mapping[tuple[_Key, Side], Decimal]

CANCEL_WAIT_S = 5.0


class Scope(NamedTuple):
    """What to get out of. Every part that is not None must fit; all None is everything."""

    venue: str | None = None
    strategy_id: str | None = None
    symbol: str | None = None
    intent: OrderIntent | None = None
    """Only the orders of this one. All closes together are then bounded by what an entry has filled, or what an exit
    has not."""

    @property
    def name(self) -> str:
        """`all`, or as the gate names its scopes, with `intent:<id>` beside them."""
        parts = {
            "venue": self.venue,
            "strategy": self.strategy_id,
            "symbol": self.symbol,
            "intent": None if self.intent is None else self.intent.intent_id,
        }
        return " ".join(f"{kind}:{value}" for kind, value in parts.items() if value is not None) or "all"


class Position(NamedTuple):
    """One strategy's own holding, from booked fills."""

    strategy_id: str
    venue: str
    account: str
    symbol: str
    quantity: Decimal
    """Signed."""


class EscapeInput(NamedTuple):
    trigger: EscapeTrigger
    reason: str
    scope: Scope
    is_closing: bool
    """Whether what was filled is to be closed at the market."""
    orders: tuple[OrderRow, ...]
    """Every order that has not ended, also outside the scope; of an intent in scope the ended ones, too."""
    closed: tuple[OrderRow, ...]
    """With an intent in scope: the orders that earlier rounds' closes have made, ended ones included."""
    positions: tuple[Position, ...]
    rules: Mapping[str, InstrumentRules]
    """By symbol."""
    prices: Mapping[str, Decimal]
    """By symbol, the latest known; only to judge the venue's minimum notional."""
    began_ns: int
    """Of the first round."""
    now_ns: int
    keeps_exits: bool = False
    """Cancel entries only, as the milder stop plans do."""
    cancel_wait_s: float = CANCEL_WAIT_S


class Cancel(NamedTuple):
    client_order_id: str
    symbol: str
    reason: str


class Close(NamedTuple):
    """A market order to be planned as an EXIT_FULL intent of the stop plan, of at most this quantity."""

    strategy_id: str
    venue: str
    account: str
    symbol: str
    side: Side
    quantity: Decimal


class LeftOver(NamedTuple):
    """A holding, or a part of one, that this round does not close."""

    position: Position
    refused: Refused


class EscapeEvent(NamedTuple):
    """What is told at once, to operators and the ledger: P0."""

    priority: str
    trigger: EscapeTrigger
    scope: str
    reason: str
    at_ns: int
    cancelled: tuple[str, ...]
    """Asked to be, by client order id."""
    pending: tuple[str, ...]
    """Their cancel was asked for before and is not answered."""
    unknown: tuple[str, ...]
    """May still execute; only the venue ends that."""
    closes: tuple[Close, ...]
    left_over: tuple[LeftOver, ...]
    positions: tuple[Position, ...]
    """In scope and not flat, as the books had them at that moment."""


class EscapeRound(NamedTuple):
    cancels: tuple[Cancel, ...]
    closes: tuple[Close, ...]
    waiting: tuple[str, ...]
    """Orders whose end the closes wait for."""
    retry_ns: int | None
    """When to make the next round though nobody has answered; None: upon evidence only."""
    is_over: bool
    """Nothing that was to end works, and what was to be closed is closed, but for what is reported as left over.
    Exits outside the scope, and those that are kept, go on by themselves."""
    event: EscapeEvent


def trigger_of(
    progress: Progress | None, *, gave_up: bool = False, guard: str | None = None, kill: str | None = None
) -> tuple[EscapeTrigger, str] | None:
    """Whether to escape from an intent, and why. `guard` and `kill` say why the risk guard's stop plan or the kill
    switch want it; `gave_up`: adjust has nothing left to try. A timeout is both: too slow, and nothing left to try."""
    if kill is not None:
        return EscapeTrigger.KILL_SWITCH, kill
    if guard is not None:
        return EscapeTrigger.RISK_GUARD, guard
    if progress is not None and gave_up and progress.slow:
        slow = progress.slow[0]
        return EscapeTrigger.TIMEOUT, f"{slow.client_order_id} is not filled in time, {plain(progress.fill_pct)} % is"
    return None


def escape(given: EscapeInput) -> EscapeRound:
    """One round. Raises nothing: what cannot be done is told in the event."""
    working = [row for row in given.orders if not row.status.is_terminal and _is_to_end(row, given)]
    reason = f"{given.trigger}: {given.reason}"
    cancels = tuple(
        Cancel(row.ticket.client_order_id, row.ticket.symbol, reason) for row in working if not _is_asked(row, reason)
    )
    positions = tuple(position for position in given.positions if position.quantity and _holds(given.scope, position))
    closes: list[Close] = []
    left_over: list[LeftOver] = []
    blocking: list[OrderRow] = []
    works = _leaves_by_side(given.orders)
    for position in positions if given.is_closing else ():
        sized = _sized(given, position, works)
        if isinstance(sized, Refused):
            left_over.append(LeftOver(position, sized))
        elif sized is not None and (against := _in_the_way(given, sized, working)):
            blocking += against
        elif sized is not None:
            closes.append(sized)
    event = EscapeEvent(
        priority=P0,
        trigger=given.trigger,
        scope=given.scope.name,
        reason=given.reason,
        at_ns=given.now_ns,
        cancelled=tuple(cancel.client_order_id for cancel in cancels),
        pending=_ids(row for row in working if _is_asked(row, reason)),
        unknown=_ids(row for row in working if row.status is OrderStatus.UNKNOWN),
        closes=tuple(closes),
        left_over=tuple(left_over),
        positions=positions,
    )
    retry_ns = _patience_ends_ns(given) if blocking else None
    is_over = not working and not closes and not _is_closing_still(given)
    return EscapeRound(cancels, tuple(closes), _ids(blocking), retry_ns, is_over, event)


# -- scope ------------------------------------------------------------------------------------------------------------


def _is_to_end(row: OrderRow, given: EscapeInput) -> bool:
    if given.keeps_exits and not row.ticket.intent_type.is_entry:
        return False
    # An exit at the market is what a close would be: cancelled and made anew each round, it would never get there.
    return _is_in_scope(row, given.scope) and not (given.is_closing and _is_close(row))


def _is_close(row: OrderRow) -> bool:
    return not row.ticket.intent_type.is_entry and row.ticket.order_type is OrderType.MKT


def _is_asked(row: OrderRow, reason: str) -> bool:
    """A cancel is on its way. An UNKNOWN order shows by its reason that this very escape has asked before."""
    return row.status is OrderStatus.PENDING_CANCEL or (row.status is OrderStatus.UNKNOWN and row.reason == reason)


def _is_in_scope(row: OrderRow, scope: Scope) -> bool:
    ticket = row.ticket
    return (
        (scope.intent is None or row.intent_id == scope.intent.intent_id)
        and scope.venue in (None, ticket.venue)
        and scope.strategy_id in (None, row.strategy_id)
        and scope.symbol in (None, ticket.symbol)
    )


def _holds(scope: Scope, position: Position) -> bool:
    intent = scope.intent
    return (
        (intent is None or _key_of_intent(intent) == _key(position))
        and scope.venue in (None, position.venue)
        and scope.strategy_id in (None, position.strategy_id)
        and scope.symbol in (None, position.symbol)
    )


def _key(position: Position) -> _Key:
    return position.strategy_id, position.venue, position.account, position.symbol


def _key_of_intent(intent: OrderIntent) -> _Key:
    return intent.strategy_id, intent.venue, intent.account, intent.symbol


def _key_of_row(row: OrderRow) -> _Key:
    return row.strategy_id, row.ticket.venue, row.ticket.account, row.ticket.symbol


def _ids(rows: Iterable[OrderRow]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.ticket.client_order_id for row in rows))


# -- closing ----------------------------------------------------------------------------------------------------------


def _closing_side(position: Position) -> Side:
    return Side.SELL if position.quantity > 0 else Side.BUY


def _leaves_by_side(orders: Iterable[OrderRow]) -> _Leaves:
    """What may still fill, UNKNOWN and PENDING_CANCEL in full, per strategy, place and side."""
    leaves: dict[tuple[_Key, Side], Decimal] = {}
    with exact():
        for row in orders:
            where = (_key_of_row(row), row.ticket.side)
            leaves[where] = leaves.get(where, ZERO) + row.leaves
    return leaves


def _free(given: EscapeInput, position: Position, works: _Leaves) -> Decimal:
    """What no order on the closing side may still close, in scope or not."""
    side = _closing_side(position)
    with exact():
        free = max(ZERO, abs(position.quantity) - works.get((_key(position), side), ZERO))
    bound = _bound_of_intent(given, side)
    return free if bound is None else min(free, bound)


def _bound_of_intent(given: EscapeInput, closing_side: Side) -> Decimal | None:
    """Of one intent only: what an entry has filled, or what an exit was to fill and has not, less what earlier rounds
    have closed or still work to close."""
    intent = given.scope.intent
    if intent is None:
        return None
    with exact():
        filled = sum((row.filled for row in given.orders if row.intent_id == intent.intent_id), ZERO)
        wanted = filled if intent.intent_type.is_entry else intent.quantity - filled
        closed = sum((row.filled + row.leaves for row in given.closed), ZERO)
    # The position may lie on the other side meanwhile; then this intent has nothing to do with it.
    is_its_side = (intent.side is closing_side) is not intent.intent_type.is_entry
    return max(ZERO, wanted - closed) if is_its_side else ZERO


def _sized(given: EscapeInput, position: Position, works: _Leaves) -> Close | Refused | None:
    """The close of a position; None when nothing is to be closed that is not being closed already."""
    if not position.quantity.is_finite():
        return _refuse(ErrorCode.NUMBER_IMPOSSIBLE, "position", str(position.quantity), "finite", "no quantity")
    free = _free(given, position, works)
    if free == 0:
        return None
    rules = given.rules.get(position.symbol)
    if rules is None:
        return _refuse(ErrorCode.INSTRUMENT_UNKNOWN, "rules", "none", "loaded", f"no rules for {position.symbol}")
    # Cutting it to one order's maximum still makes progress; the next round asks for what is left.
    quantity = floor_to_step(min(free, rules.max_quantity), rules.lot_size)
    if quantity == 0 or quantity < rules.min_quantity:
        limit = plain(max(rules.min_quantity, rules.lot_size))
        return _refuse(ErrorCode.QUANTITY_TOO_SMALL, "min_quantity", plain(free), limit, "dust")
    price = given.prices.get(position.symbol)
    if price is not None and price.is_finite():
        with exact():
            notional = quantity * price
        if notional < rules.min_notional:
            limit = plain(rules.min_notional)
            return _refuse(ErrorCode.NOTIONAL_TOO_SMALL, "min_notional", plain(notional), limit, "dust")
    side = _closing_side(position)
    return Close(position.strategy_id, position.venue, position.account, position.symbol, side, quantity)


def _in_the_way(given: EscapeInput, close: Close, working: Iterable[OrderRow]) -> list[OrderRow]:
    """Orders of ours that the close could trade against, and that are being cancelled: their answer is waited for."""
    place = (close.venue, close.account, close.symbol)
    return [
        row
        for row in working
        if row.ticket.side is close.side.opposite
        and (row.ticket.venue, row.ticket.account, row.ticket.symbol) == place
        and row.status is not OrderStatus.UNKNOWN
        and given.now_ns < _patience_ends_ns(given)
    ]


def _patience_ends_ns(given: EscapeInput) -> int:
    return given.began_ns + int(given.cancel_wait_s * NS_PER_S)


def _is_closing_still(given: EscapeInput) -> bool:
    """Whether a close of an earlier round, or an exit that is left to do its work, may still fill or fail."""
    left = (row for row in given.orders if given.is_closing and _is_close(row) and _is_in_scope(row, given.scope))
    return any(not row.status.is_terminal for row in (*given.closed, *left))


def _refuse(code: ErrorCode, check: str, value: str, limit: str, detail: str) -> Refused:
    return Refused(code.value, check, value, limit, detail)
