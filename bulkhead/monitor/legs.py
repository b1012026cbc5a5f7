"""The trade log: one line for each leg, that is for each order that has ended, also for those that came to nothing.

obs_trades.jsonl tells of whole round trips; what slipped, was filled in part or failed shows leg by leg. The log is
made from the session's files at its end, and can be made from them again. A leg's `trade_id` is that of its round
trip, found by time; while the trade is still open it is made as the round trip's will be.
"""

import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from bulkhead.monitor.lines import Line, read_lines
from messages.catalogue import record_from_json
from messages.orders import Fill, OrderRow
from messages.portfolio import RoundTrip
from messages.records import FillRecorded, OrderRecorded, RoundTripRecorded, Stream
from messages.values import IntentType, Name, Nanoseconds, Number, OrderStatus, Quantity, Side, Size, Symbol
from messages.values import Value as Frozen

FILE_NAME = "trade_log.jsonl"
REMEMBERED_ORDERS = 20_000
"""Orders whose fills are remembered; the oldest have ended long ago."""
_BPS = 10_000
_MILLIONTH, _WIDE = Decimal("0.000001"), Context(prec=100)
_ZERO = Decimal(0)
_READ = ("FillRecorded", "OrderRecorded")
TradeResult = Literal["filled", "partial", "failed", "rejected"]


class Leg(Frozen):
    """One ended order. The fields of the side that it is not on are None."""

    schema_version: int = 1
    trade_id: str | None
    """None: nothing of it was filled, and no trade was under way."""
    strategy_id: Name
    symbol: Symbol
    intent_type: IntentType
    side: Side
    client_order_id: str
    at_ns: Nanoseconds
    """When it had ended."""
    quantity: Quantity
    filled: Size
    price: Number | None
    """Mean of its fills."""
    buy_slippage_bps: Number | None = None
    """How much worse than the middle of the market at the decision; below zero it was better."""
    sell_slippage_bps: Number | None = None
    buy_fill_ratio: Number | None = None
    sell_fill_ratio: Number | None = None
    trade_result: TradeResult
    """`failed`: nothing filled, whoever ended it. `rejected`: the venue said no."""

    @property
    def slippage_bps(self) -> Decimal | None:
        return self.buy_slippage_bps if self.side is Side.BUY else self.sell_slippage_bps


@dataclass(slots=True)
class _Filled:
    """What was executed of one order."""

    first: Fill
    notional: Decimal = _ZERO
    judged: Decimal = _ZERO
    """The part of the notional whose price at the decision is known, and what it would have been at that price."""
    at_decision: Decimal = _ZERO


@dataclass(slots=True)
class Trips:
    """Round trips of one strategy and symbol, by the time of their exit."""

    exits_ns: list[int] = field(default_factory=list)
    trips: list[RoundTrip] = field(default_factory=list)

    def add(self, trip: RoundTrip) -> None:
        at = bisect_left(self.exits_ns, trip.exit_ns)
        self.exits_ns.insert(at, trip.exit_ns)
        self.trips.insert(at, trip)

    def at(self, ns: int, *, is_entry: bool) -> RoundTrip | None:
        """Where one trade ends in the instant in which the next begins, an entry belongs to the next."""
        first = bisect_left(self.exits_ns, ns)
        found = [trip for trip in self.trips[first : first + 2] if trip.entry_ns <= ns <= trip.exit_ns]
        return found[-1 if is_entry else 0] if found else None


def legs(records: Iterable[FillRecorded | OrderRecorded], trips: Iterable[RoundTrip]) -> Iterator[Leg]:
    """Of records in the order of the ledger. A late fill of an ended order makes its leg once more."""
    by_key: dict[tuple[str, str], Trips] = {}
    for trip in trips:
        by_key.setdefault((trip.strategy_id, trip.symbol), Trips()).add(trip)
    filled: dict[str, _Filled] = {}
    begun: dict[tuple[str, str], str] = {}
    for record in records:
        if isinstance(record, FillRecorded):
            _add(filled, record)
            continue
        order = record.order
        if not order.status.is_terminal:
            continue
        executed = filled.get(order.ticket.client_order_id)
        key = (order.strategy_id, order.ticket.symbol)
        at_ns = order.updated_ns if executed is None else executed.first.executed_ns
        is_entry = order.ticket.intent_type.is_entry
        found = by_key[key].at(at_ns, is_entry=is_entry) if key in by_key else None
        if found is not None:
            begun.pop(key, None)
        elif executed is not None and is_entry:
            begun.setdefault(key, f"{order.strategy_id}:{executed.first.fill_id}")
        yield _leg(order, executed, begun.get(key) if found is None else found.trade_id)


def _add(filled: dict[str, _Filled], record: FillRecorded) -> None:
    fill = record.fill
    of_order = filled.setdefault(fill.client_order_id, _Filled(fill))
    if len(filled) > REMEMBERED_ORDERS:
        del filled[next(iter(filled))]
    amount = fill.quantity * fill.price
    of_order.notional += amount
    if record.decision_price is not None:
        of_order.judged += amount
        of_order.at_decision += fill.quantity * record.decision_price


def _leg(order: OrderRow, executed: _Filled | None, trade_id: str | None) -> Leg:
    ticket, side = order.ticket, order.ticket.side
    name = "buy" if side is Side.BUY else "sell"
    slippage = None
    if executed is not None and executed.at_decision:
        slippage = (executed.judged - executed.at_decision) / executed.at_decision * _BPS * side.sign
        slippage = slippage.quantize(_MILLIONTH, context=_WIDE)
    mine = {f"{name}_slippage_bps": slippage, f"{name}_fill_ratio": min(Decimal(1), order.filled / ticket.quantity)}
    return Leg.model_validate(
        {
            "trade_id": trade_id,
            "strategy_id": order.strategy_id,
            "symbol": ticket.symbol,
            "intent_type": ticket.intent_type,
            "side": side,
            "client_order_id": ticket.client_order_id,
            "at_ns": order.updated_ns,
            "quantity": ticket.quantity,
            "filled": order.filled,
            "price": order.average_price,
            "trade_result": _result(order),
            **mine,
        }
    )


def _result(order: OrderRow) -> TradeResult:
    if order.filled >= order.ticket.quantity:
        return "filled"
    if order.filled:
        return "partial"
    return "rejected" if order.status is OrderStatus.REJECTED else "failed"


def write_trade_log(session_dir: Path) -> Path:
    """Make the file anew from the session's others, and put it in place as a whole. Raises OSError."""
    path = session_dir / FILE_NAME
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("w", encoding="utf-8") as file:
            for leg in legs(_records(session_dir), _trips(session_dir)):
                file.write(leg.model_dump_json() + "\n")
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return path


def _records(session_dir: Path) -> Iterator[FillRecorded | OrderRecorded]:
    for line in read_lines(session_dir, Stream.ORDERS_FILLS):
        if line.type in _READ:
            record = _read(line)
            if isinstance(record, FillRecorded | OrderRecorded):
                yield record


def _trips(session_dir: Path) -> Iterator[RoundTrip]:
    for line in read_lines(session_dir, Stream.TRADES):
        record = _read(line) if line.type == "RoundTripRecorded" else None
        if isinstance(record, RoundTripRecorded):
            yield record.trade


def _read(line: Line) -> object:
    """A record that cannot be read is passed over: verify names it."""
    try:
        return record_from_json({**line.payload, "type": line.type})
    except ValidationError:
        return None
