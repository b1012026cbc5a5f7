"""Gradual reduction: of what is held in a scope, a share of what it was at first is sold each minute, until flat. Pure.

One call is one look, made anew from the books: a look that is lost or repeated does no harm. What each holding was when
its reduction began is all that must outlive it, and is on disk.

- A step comes each minute, the first at once. After `n` steps a holding may be what it was less `n` shares; what it is
  beyond that, less what exits of it may still fill (UNKNOWN and PENDING_CANCEL in full), is closed at the market. So it
  is never turned over, whatever fills late, and what somebody else sells counts.
- An exit that has rested for a minute (ten seconds after the first step) need never fill: it counts in that bound, and
  not as sold. Where it leaves too little free, it is cancelled, and its proof waited for.
- A holding that has grown (an order in doubt has filled) or stands on the other side begins anew.
- A step too small to be ordered waits for the next one; at the end that is dust, and is said.
- An own order that the close could trade against is being cancelled: that is waited for, a few seconds.
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from bulkhead.execution.exact import ZERO, exact, floor_to_step, plain
from bulkhead.execution.rules import InstrumentRules, Refused
from bulkhead.execution.stages.escape import CANCEL_WAIT_S, Close, LeftOver, Position
from bulkhead.execution.stages.monitor import working_since_ns
from messages.codes import ErrorCode
from messages.escapes import scope_of
from messages.orders import OrderRow
from messages.records import DeadlineSet
from messages.stops import Reduction, ReductionRecorded
from messages.trading import OrderIntent
from messages.values import IntentType, MarketSnapshot, OrderStatus, OrderType, Origin, Side

KIND = "reduction"
STEP_S = 60
RETRY_S = 10.0
"""Between two closes of one holding at least: a market that gives nothing is not asked every second."""
MAX_RETRY_S = 60.0
"""And at most, when closes come to nothing again and again: it may be shut for days."""
VALID_S = 60.0
"""A close has become an order by then or never will: the next look makes another one."""
NS_PER_S = 1_000_000_000
_WORKING = frozenset({OrderStatus.SUBMITTED, OrderStatus.PARTIAL})
Key = tuple[str, str]
"""Strategy and symbol."""


class Begun(NamedTuple):
    """A holding when its reduction began."""

    quantity: Decimal
    """Signed."""
    since_ns: int
    tried_ns: int | None = None
    """When a close of it was last made."""
    tried: Decimal | None = None
    """What was held then, signed."""
    fruitless: int = 0
    """Closes in a row, before that one, that have changed nothing."""

    def made(self, quantity: Decimal, now_ns: int) -> "Begun":
        """With a close that is made now, of so much that is held."""
        fruitless = self.fruitless + 1 if quantity == self.tried else 0
        return self._replace(tried_ns=now_ns, tried=quantity, fruitless=fruitless)

    def is_soon(self, quantity: Decimal, now_ns: int) -> bool:
        """Whether another close has to wait."""
        again_s = RETRY_S * 2.0 ** min(self.fruitless, 10) if quantity == self.tried else RETRY_S
        return self.tried_ns is not None and now_ns - self.tried_ns < int(min(MAX_RETRY_S, again_s) * NS_PER_S)


class Reducing(NamedTuple):
    """One reduction that is in force."""

    reduction: Reduction
    share_per_min: Decimal
    began_ns: int
    held: Mapping[Key, Begun]
    rounds: int = 0
    """That have closed something."""

    @property
    def deadline_id(self) -> str:
        return f"{KIND}/{self.reduction.reduction_id}"

    @property
    def scope(self) -> str:
        return scope_of(self.reduction.strategy_id, self.reduction.symbol)

    def covers(self, strategy_id: str, symbol: str) -> bool:
        asked = self.reduction
        return asked.strategy_id in (None, strategy_id) and asked.symbol in (None, symbol)


class Books(NamedTuple):
    positions: tuple[Position, ...]
    orders: tuple[OrderRow, ...]
    """Every order that has not ended."""
    rules: Mapping[str, InstrumentRules]
    prices: Mapping[str, Decimal]
    """The latest known; only to judge the venue's minimum notional."""


class Look(NamedTuple):
    now: Reducing
    closes: tuple[Close, ...]
    cancels: tuple[str, ...]
    """Exits that rest where the step is to be sold, by client order id."""
    left_over: tuple[LeftOver, ...]
    positions: tuple[Position, ...]
    """In scope and not flat."""
    step: int
    """Of the holding that has come furthest."""
    is_over: bool
    """Flat but for what is left over, and nothing of it works."""


def look(before: Reducing, books: Books, now_ns: int) -> Look:
    """Raises nothing: what cannot be done is told."""
    positions = tuple(p for p in books.positions if p.quantity and before.covers(p.strategy_id, p.symbol))
    held = {(p.strategy_id, p.symbol): _begun(before, p, now_ns) for p in positions}
    closes: list[Close] = []
    cancels: list[str] = []
    left_over: list[LeftOver] = []
    for position in positions:
        key = (position.strategy_id, position.symbol)
        room = _room(position, held[key], before, books, now_ns)
        sized = _sized(position, held[key], room, books, now_ns)
        cancels += _in_its_place(position, room, books)
        if isinstance(sized, Refused):
            left_over.append(LeftOver(position, sized))
        elif sized is not None:
            closes.append(sized)
            held[key] = held[key].made(position.quantity, now_ns)
    works = any(_is_exit_of(row, position) for row in books.orders for position in positions)
    step = max((_step(begun, now_ns) for begun in held.values()), default=_step(Begun(ZERO, before.began_ns), now_ns))
    now = before._replace(held=held, rounds=before.rounds + bool(closes))
    is_over = not closes and not works and len(left_over) == len(positions)
    return Look(now, tuple(closes), tuple(cancels), tuple(left_over), positions, step, is_over)


def _begun(before: Reducing, position: Position, now_ns: int) -> Begun:
    known = before.held.get((position.strategy_id, position.symbol))
    is_same_side = known is not None and (known.quantity > 0) is (position.quantity > 0)
    if known is not None and is_same_side and abs(position.quantity) <= abs(known.quantity):
        return known
    return Begun(position.quantity, now_ns)


def _step(begun: Begun, now_ns: int) -> int:
    return 1 + max(0, now_ns - begun.since_ns) // (STEP_S * NS_PER_S)


class _Room(NamedTuple):
    """What a holding's step comes to."""

    is_last: bool
    """Nothing is to be left of it."""
    needed: Decimal
    """Still to be closed for it, beyond what exits are about to close. May be negative."""
    free: Decimal
    """What no exit of it may close. May be negative."""
    rest: tuple[OrderRow, ...]
    """Exits that have had their time."""


def _room(position: Position, begun: Begun, now: Reducing, books: Books, now_ns: int) -> _Room:
    exits = [row for row in books.orders if _is_exit_of(row, position)]
    patience_s = STEP_S if _step(begun, now_ns) == 1 else RETRY_S
    rest = tuple(row for row in exits if _only_rests(row, patience_s, now_ns))
    with exact():
        target = abs(begun.quantity) * max(ZERO, 1 - now.share_per_min * _step(begun, now_ns))
        free = abs(position.quantity) - sum((row.leaves for row in exits), ZERO)
        needed = free + sum((row.leaves for row in rest), ZERO) - target
    return _Room(target == 0, needed, free, rest)


def _only_rests(row: OrderRow, patience_s: float, now_ns: int) -> bool:
    is_resting = row.ticket.order_type is not OrderType.MKT and row.status in _WORKING
    return is_resting and now_ns - working_since_ns(row) >= int(patience_s * NS_PER_S)


def _in_its_place(position: Position, room: _Room, books: Books) -> list[str]:
    """Of what rests, no more than keeps the step from being sold."""
    rules = books.rules.get(position.symbol)
    if rules is None or _unorderable(position, room.needed, rules, books) is not None:
        return []
    found, free = [], room.free
    for row in room.rest:
        if free >= room.needed:
            break
        found.append(row.ticket.client_order_id)
        with exact():
            free += row.leaves
    return found


def _sized(position: Position, begun: Begun, room: _Room, books: Books, now_ns: int) -> Close | Refused | None:
    """The close of a holding now; None where its step is done, or nothing may be closed at this moment."""
    side = Side.SELL if position.quantity > 0 else Side.BUY
    wanted = min(room.needed, room.free)
    if wanted <= 0:
        return None
    rules = books.rules.get(position.symbol)
    if rules is None:
        return _refuse(ErrorCode.INSTRUMENT_UNKNOWN, "rules", "none", "loaded", f"no rules for {position.symbol}")
    small = _unorderable(position, wanted, rules, books)
    if small is not None:
        return small if room.is_last and room.free == abs(position.quantity) else None
    if begun.is_soon(position.quantity, now_ns) or _is_in_the_way(position, side, begun, books, now_ns):
        return None
    quantity = floor_to_step(min(wanted, rules.max_quantity), rules.lot_size)
    return Close(position.strategy_id, position.venue, position.account, position.symbol, side, quantity)


def _unorderable(position: Position, wanted: Decimal, rules: InstrumentRules, books: Books) -> Refused | None:
    """Why so much cannot be ordered, or None."""
    quantity = floor_to_step(min(wanted, rules.max_quantity), rules.lot_size) if wanted > 0 else ZERO
    return _too_small(quantity, wanted, rules, books.prices.get(position.symbol))


def _too_small(quantity: Decimal, wanted: Decimal, rules: InstrumentRules, price: Decimal | None) -> Refused | None:
    if quantity == 0 or quantity < rules.min_quantity:
        limit = plain(max(rules.min_quantity, rules.lot_size))
        return _refuse(ErrorCode.QUANTITY_TOO_SMALL, "min_quantity", plain(wanted), limit, "dust")
    if price is None or not price.is_finite():
        return None
    with exact():
        notional = quantity * price
    if notional >= rules.min_notional:
        return None
    return _refuse(ErrorCode.NOTIONAL_TOO_SMALL, "min_notional", plain(notional), plain(rules.min_notional), "dust")


def _is_exit_of(row: OrderRow, position: Position) -> bool:
    """May still close some of it."""
    ticket = row.ticket
    is_its = (row.strategy_id, ticket.symbol) == (position.strategy_id, position.symbol)
    return is_its and row.leaves > 0 and (ticket.side is Side.SELL) is (position.quantity > 0)


def _is_in_the_way(position: Position, side: Side, begun: Begun, books: Books, now_ns: int) -> bool:
    if now_ns >= begun.since_ns + int(CANCEL_WAIT_S * NS_PER_S):
        return False
    return any(
        row.ticket.symbol == position.symbol
        and row.ticket.side is side.opposite
        and row.leaves > 0
        and row.status is not OrderStatus.UNKNOWN
        for row in books.orders
    )


def _refuse(code: ErrorCode, check: str, value: str, limit: str, detail: str) -> Refused:
    return Refused(code.value, check, value, limit, detail)


# -- what is made of it -----------------------------------------------------------------------------------------------


def close_intent(now: Reducing, close: Close, market: MarketSnapshot | None, now_ns: int) -> OrderIntent:
    """The same look again makes the same intent, which the ledger takes once."""
    key = f"{now.deadline_id}/{now.began_ns}/{now.rounds}/{close.strategy_id}/{close.symbol}"
    return OrderIntent(
        intent_id=key,
        action_key=key,
        correlation_id=now.deadline_id,
        origin=Origin.STOP_PLAN,
        strategy_id=close.strategy_id,
        venue=close.venue,
        account=close.account,
        group_id=now.deadline_id,
        symbol=close.symbol,
        side=close.side,
        intent_type=IntentType.EXIT_FULL,  # which is cut to what is there, where others are refused
        quantity=close.quantity,
        order_type=OrderType.MKT,
        urgency=7,
        reason=f"reduction: {now.reduction.reason}",
        market=market,
        decision_time_ns=now_ns,
        expires_at_ns=now_ns + int(VALID_S * NS_PER_S),
    )


def recorded(found: Look, now_ns: int) -> ReductionRecorded:
    held = found.now.held
    return ReductionRecorded(
        reduction_id=found.now.reduction.reduction_id,
        scope=found.now.scope,
        reason=found.now.reduction.reason,
        step=found.step,
        closes=tuple(f"{c.side} {plain(c.quantity)} {c.symbol} for {c.strategy_id}" for c in found.closes),
        left_over=tuple(_left_over_words(each) for each in found.left_over),
        positions=tuple(
            f"{plain(p.quantity)} of {plain(held[(p.strategy_id, p.symbol)].quantity)} {p.symbol} of {p.strategy_id}"
            for p in found.positions
        ),
        is_over=found.is_over,
        at_ns=now_ns,
    )


def _left_over_words(each: LeftOver) -> str:
    what = f"{plain(each.position.quantity)} {each.position.symbol} of {each.position.strategy_id}"
    return f"{what}: {each.refused.code} ({each.refused.check} against {each.refused.limit})"


def as_deadline(now: Reducing) -> DeadlineSet:
    payload = {
        "reduction": now.reduction.model_dump(mode="json"),
        "share_per_min": plain(now.share_per_min),
        "rounds": now.rounds,
        "held": [
            [strategy_id, symbol, plain(begun.quantity), begun.since_ns, *_tries(begun)]
            for (strategy_id, symbol), begun in now.held.items()
        ],
    }
    return DeadlineSet(deadline_id=now.deadline_id, due_ns=now.began_ns, kind=KIND, payload=json.dumps(payload))


def of_deadline(deadline: DeadlineSet) -> Reducing:
    """Raises ValueError."""
    try:
        read = json.loads(deadline.payload)
        held = {(row[0], row[1]): _begun_of(row) for row in read["held"]}
        reduction = Reduction.model_validate(read["reduction"])
        return Reducing(reduction, Decimal(read["share_per_min"]), deadline.due_ns, held, int(read["rounds"]))
    except (KeyError, TypeError, IndexError, ArithmeticError) as error:
        raise ValueError(f"deadline {deadline.deadline_id} cannot be read: {error!r}") from error


def _tries(begun: Begun) -> tuple[int | str | None, ...]:
    return begun.tried_ns, None if begun.tried is None else plain(begun.tried), begun.fruitless


def _begun_of(row: list[Any]) -> Begun:
    """Without the last two it was written by an earlier version."""
    tried_ns, tried, fruitless = (*row[4:], None, 0)[:3]
    return Begun(Decimal(row[2]), int(row[3]), tried_ns, None if tried is None else Decimal(tried), int(fruitless))


def is_news(before: Look | None, found: Look) -> bool:
    """Whether a look is told: it closes something, or has come to its end, or to another kind of remainder."""
    if found.closes:
        return True
    if before is None:
        return bool(found.positions)
    return (found.is_over, _kinds(found.left_over)) != (before.is_over, _kinds(before.left_over))


def _kinds(found: Iterable[LeftOver]) -> set[tuple[str, str, str]]:
    return {(each.position.strategy_id, each.position.symbol, each.refused.code) for each in found}
