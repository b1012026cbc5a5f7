"""Strangers: the part of the OMS that knows the orders and executions in our account that are not ours.

They are never touched. Each is written down once; an operator may adopt an order, which makes it a strategy's from then
on, or have an order or an execution left alone for good. What was decided is on disk before it is answered.
"""

from abc import abstractmethod
from collections.abc import Container, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from pydantic import ValidationError

from actors import addresses
from actors.oms_seat import OmsSeat
from actors.reducer import Reducer
from bulkhead.execution.adopting import adopted_intent, adopted_row
from bulkhead.execution.asking import query_of
from bulkhead.execution.exact import ZERO, exact, plain
from bulkhead.execution.fills import fill_id_of
from bulkhead.execution.growth import NOTHING, Totals
from bulkhead.execution.order_events import OrderEvent
from bulkhead.execution.recent import Recent
from bulkhead.execution.reconcile import Reconciliation
from messages.base import Letter
from messages.operator import (
    ActAnswered,
    AdoptOrder,
    IgnoreStranger,
    IntentAdopted,
    OperatorCommand,
    PositionAdjusted,
    StrangerSettled,
)
from messages.orders import OrderRow, VenueExecution, VenueOrder
from messages.records import ForeignOrderSeen, IntentRecorded, OrderRecorded, OrphanFillSeen, Record
from messages.strangers import KnownStrangers, Stranger, StrangerKind, Verdict, key_of
from messages.supervision import Outcome
from messages.trading import OrderIntent
from supervisor.gate import Gate
from supervisor.runtime.behaviour import Context, receives

STRANGERS_KEPT = 10_000
"""Foreign orders and executions remembered, so that each is written down once; the ledger hands so many back."""
SYMBOLS_KEPT = 20
"""Symbols beside our own in which foreign orders were seen lately: a comparison asks for their executions too."""
ADJUSTMENTS_KEPT = 1_000
LOOK_EVERY_S = 5.0
"""At most, over news of orders that are known not to be ours: somebody else's fills come by the dozen, and a comparison
asks the venue for everything."""


class Named(NamedTuple):
    """Which of them."""

    kind: StrangerKind
    symbol: str
    number: str


class Decision(NamedTuple):
    """What an operator has decided about one of them."""

    verdict: Verdict
    said: str
    facts: Mapping[str, str] = MappingProxyType({})
    records: tuple[Record, ...] = ()
    letters: tuple[Letter, ...] = ()


class Strangers(Reducer):
    def __init__(self, seat: OmsSeat, gate: Gate) -> None:
        super().__init__(seat, gate)
        self._strange_orders: dict[str, VenueOrder] = {}
        self._strange_fills: dict[str, VenueExecution] = {}
        """Both by key, those about which nothing was decided."""
        self._left_alone: dict[str, VenueOrder] = {}
        """By key, orders that an operator had left alone while they worked: their fills go on changing balances."""
        self._by_word = Recent(STRANGERS_KEPT)
        """Keys of orders that became ours because an operator said so."""
        self._strange_totals: dict[str, Totals] = {}
        """By order key, what was noted of it, decided about or not."""
        self._first_seen_ns: dict[str, int] = {}
        """By order key."""
        self._ignored = Recent(STRANGERS_KEPT)
        self._decided_ns: dict[str, int] = {}
        """By symbol, when an operator last decided about one of them."""
        self._adjusted = Recent(ADJUSTMENTS_KEPT)
        self._strange_symbols = Recent(SYMBOLS_KEPT)
        self._looked_ns: int | None = None  # monotonic, over such news
        self._is_look_due = False

    @abstractmethod
    def _look(self, reason: str, ctx: Context) -> None:
        """Compare with the venue, and leave the gate as it is."""

    def _recover_strangers(self, known: KnownStrangers) -> None:
        self._strange_orders, self._strange_fills, self._decided_ns, self._left_alone = {}, {}, {}, {}
        self._strange_totals, self._first_seen_ns = {}, {}
        self._ignored, self._by_word = Recent(STRANGERS_KEPT), Recent(STRANGERS_KEPT)
        self._adjusted = Recent(ADJUSTMENTS_KEPT, known.adjustment_ids)
        for stranger in known.strangers:
            self._recover_stranger(stranger)

    def _recover_stranger(self, stranger: Stranger) -> None:
        if stranger.decided_ns is not None:
            self._note_decision(stranger.symbol, stranger.decided_ns)
        if stranger.verdict is Verdict.IGNORED:
            self._ignored.add(stranger.key)
            if stranger.order is not None:
                self._left_alone[stranger.key] = stranger.order
        if stranger.verdict is Verdict.ADOPTED:
            self._by_word.add(stranger.key)
        if stranger.kind is StrangerKind.ORDER:
            self._first_seen_ns[stranger.key] = stranger.seen_ns or 0
        if stranger.execution is not None:
            self._add_to_totals(stranger.execution)
        if stranger.verdict is not Verdict.SEEN:
            return
        if stranger.order is not None:
            self._strange_orders[stranger.key] = stranger.order
            self._note_symbol(stranger.symbol)
        if stranger.execution is not None:
            self._strange_fills[stranger.key] = stranger.execution

    def _note_decision(self, symbol: str, at_ns: int) -> None:
        self._decided_ns[symbol] = max(self._decided_ns.get(symbol, 0), at_ns)

    # -- what a comparison finds --------------------------------------------------------------------------------------

    def _note_symbol(self, symbol: str) -> None:
        if symbol not in self._seat.symbols and symbol in self._seat.instruments:
            self._strange_symbols.add(symbol)

    def _foreign_symbols(self) -> tuple[str, ...]:
        """Beside our own: what is done by hand there changes our money, too."""
        return tuple(self._strange_symbols)

    def _foreign_keys(self) -> Container[str]:
        return self._strange_orders

    def _add_to_totals(self, execution: VenueExecution) -> None:
        key = key_of(StrangerKind.ORDER, execution.symbol, execution.venue_order_id)
        filled, notional = self._strange_totals.get(key, NOTHING)
        with exact():
            added = Totals(filled + execution.quantity, notional + execution.quantity * execution.price)
        self._strange_totals[key] = added

    def _note_strangers(self, result: Reconciliation, now_ns: int) -> list[Record]:
        """What has not been written down yet. The latest state of an order is kept in memory."""
        records: list[Record] = []
        owned = {(row.ticket.symbol, row.venue_order_id) for row in self._book.all_rows()}
        self._strange_orders = {
            key: order
            for key, order in self._strange_orders.items()
            if (order.symbol, order.venue_order_id) not in owned
        }
        for order in (*result.foreign, *result.unrecorded):
            key = key_of(StrangerKind.ORDER, order.symbol, order.venue_order_id)
            if key not in self._strange_orders:
                records.append(ForeignOrderSeen(order=order, at_ns=now_ns))
                self._first_seen_ns.setdefault(key, now_ns)
            self._strange_orders[key] = order
            self._note_symbol(order.symbol)
        for execution in result.strangers:
            key = key_of(StrangerKind.FILL, execution.symbol, execution.execution_id)
            if key not in self._strange_fills and key not in self._ignored:
                records.append(OrphanFillSeen(execution=execution))
                self._strange_fills[key] = execution
                self._add_to_totals(execution)
        venue, booked = self._seat.venue, self._book.fills
        self._strange_fills = {  # what nobody's order had done may have turned out to be ours
            key: fill
            for key, fill in self._strange_fills.items()
            if fill_id_of(venue, fill.symbol, fill.execution_id) not in booked
        }
        for kept in (
            self._strange_orders,
            self._strange_fills,
            self._strange_totals,
            self._first_seen_ns,
            self._left_alone,
        ):
            while len(kept) > STRANGERS_KEPT:
                del kept[next(iter(kept))]
        return records

    def _on_stranger(self, evidence: OrderEvent, ctx: Context) -> None:
        """News of an order that is in no book of ours. What is known to be foreign puts nothing in doubt but balances,
        which a comparison looks at; anything else may be ours."""
        name = f"{type(evidence).__name__} about {evidence.client_order_id}"
        self._note_symbol(evidence.symbol)
        key = key_of(StrangerKind.ORDER, evidence.symbol, evidence.venue_order_id or "")
        if key in self._strange_orders or key in self._ignored:
            self._look_seldom(f"{name}, which is not ours", ctx)
        else:
            self._doubt(f"{name}, which is not in the books", ctx)

    def _look_seldom(self, reason: str, ctx: Context) -> None:
        since_s = LOOK_EVERY_S if self._looked_ns is None else (ctx.monotonic_ns() - self._looked_ns) / 1e9
        if since_s >= LOOK_EVERY_S:
            self._looked_ns, self._is_look_due = ctx.monotonic_ns(), False
            self._look(reason, ctx)
        elif not self._is_look_due:
            self._is_look_due = True
            ctx.after(LOOK_EVERY_S - since_s, "look")

    def _on_look_due(self, ctx: Context) -> None:
        if self._is_look_due:
            self._looked_ns, self._is_look_due = ctx.monotonic_ns(), False
            self._look("there was news of orders that are not ours", ctx)

    # -- an operator's decisions --------------------------------------------------------------------------------------

    @receives(AdoptOrder)
    def on_adopt(self, act: AdoptOrder, ctx: Context) -> None:
        """Ours from here on: its executions and its state come from the venue, as any order's."""
        order = self._named_order(act.order_id, act, ctx)
        if order is None:
            return
        try:
            intent, row = self._as_ours(order, act, ctx)
        except ValidationError as error:
            self._refuse_act(act, f"it cannot be an order of ours: {error.errors()[0]['msg']}", ctx)
            return
        refusal = self._adoption_refusal(order)
        if refusal is not None:
            self._refuse_act(act, refusal, ctx)
            return
        reserved = self._worth_at_most(intent)
        self._book.add_intent(intent)
        self._book.put(row)
        self._reserved[intent.intent_id] = reserved
        records = (
            IntentRecorded(intent=intent, checks=(f"adopted by {act.operator}",), reserved_notional=reserved),
            OrderRecorded(order=row, change="adopted"),
        )
        letters = (
            *self._order_letters(row, "adopted", is_late=False, ctx=ctx),
            ctx.seal(addresses.RISK_GUARD, IntentAdopted(intent=intent, reserved_notional=reserved)),
            ctx.seal(self._broker, query_of(row)),
        )
        said = f"{order.side} {plain(order.quantity)} {order.symbol} ({order.status}) is {act.strategy_id}'s"
        facts = {"client_order_id": row.ticket.client_order_id, "intent_id": intent.intent_id}
        self._decide(act, _named(order), Decision(Verdict.ADOPTED, said, facts, records, letters), ctx)

    def _as_ours(self, order: VenueOrder, act: AdoptOrder, ctx: Context) -> tuple[OrderIntent, OrderRow]:
        """Raises ValidationError."""
        seat = self._seat
        held = self._position(act.strategy_id, order.symbol)
        reason = f"{act.operator}: {act.reason}"
        intent = adopted_intent(order, act.strategy_id, seat.venue, seat.account, held, reason, ctx.now_ns())
        return intent, adopted_row(intent, order, ctx.now_ns())

    def _adoption_refusal(self, order: VenueOrder) -> str | None:
        if order.symbol not in self._seat.symbols:
            return f"{order.symbol} is not traded by this session; ignore the order, or add the symbol"
        if self._book.get(order.client_order_id) is not None:
            return f"an order of ours has the client order id {order.client_order_id} already"
        return None

    def _worth_at_most(self, intent: OrderIntent) -> Decimal:
        """What the risk guard holds for it: at its limit, else at the market; zero without either."""
        quote = self._quotes.get(intent.symbol)
        price = intent.limit_price or (quote.mid if quote is not None else None) or ZERO
        with exact():
            return intent.quantity * price if intent.intent_type.is_entry else ZERO

    @receives(IgnoreStranger)
    def on_ignore(self, act: IgnoreStranger, ctx: Context) -> None:
        found: VenueOrder | VenueExecution | None
        if act.kind is StrangerKind.ORDER:
            found = self._named_order(act.number, act, ctx)
        else:
            found = self._named_fill(act.number, act, ctx)
        if found is not None:
            named = _named(found)
            said = f"{named.kind} {named.number} in {named.symbol} is left alone"
            self._decide(act, named, Decision(Verdict.IGNORED, said), ctx)

    def _named_order(self, name: str, act: OperatorCommand, ctx: Context) -> VenueOrder | None:
        orders = self._strange_orders.values()
        found = [o for o in orders if name in (o.client_order_id, o.venue_order_id, f"{o.symbol}:{o.venue_order_id}")]
        symbols = [f"{order.symbol}:{order.venue_order_id}" for order in found]
        return found[0] if self._is_the_one(symbols, f"foreign order {name!r}", act, ctx) else None

    def _named_fill(self, name: str, act: OperatorCommand, ctx: Context) -> VenueExecution | None:
        fills = self._strange_fills.values()
        found = [fill for fill in fills if name in (fill.execution_id, f"{fill.symbol}:{fill.execution_id}")]
        symbols = [f"{fill.symbol}:{fill.execution_id}" for fill in found]
        return found[0] if self._is_the_one(symbols, f"execution {name!r} of nobody's order", act, ctx) else None

    def _is_the_one(self, found: list[str], what: str, act: OperatorCommand, ctx: Context) -> bool:
        if not self._is_loaded:
            self._refuse_act(act, "the ledger is being read; try again in a moment", ctx)
        elif not found:
            detail = f"no {what} waits for a decision; `bulkhead reconcile` looks again"
            self._refuse_act(act, detail, ctx, Outcome.NOT_FOUND)
        elif len(found) > 1:
            self._refuse_act(act, f"{what} may be any of {', '.join(found)}: name it so", ctx)
        return len(found) == 1 and self._is_loaded

    @staticmethod
    def _refuse_act(act: OperatorCommand, detail: str, ctx: Context, outcome: Outcome = Outcome.FAILED) -> None:
        ctx.tell(act.reply_to, ActAnswered(request_id=act.request_id, outcome=outcome, detail=detail))

    def _decide(self, act: OperatorCommand, about: Named, decision: Decision, ctx: Context) -> None:
        """Write down what was decided, answer once it is on disk, and compare."""
        symbol, number = about.symbol, about.number
        settled = StrangerSettled(
            kind=about.kind,
            symbol=symbol,
            number=number,
            verdict=decision.verdict,
            strategy_id=act.strategy_id if isinstance(act, AdoptOrder) else None,
            operator=act.operator,
            reason=act.reason,
            at_ns=ctx.now_ns(),
        )
        key = key_of(about.kind, symbol, number)
        order = self._strange_orders.pop(key, None)
        self._strange_fills.pop(key, None)
        if decision.verdict is Verdict.IGNORED:
            self._ignored.add(key)
            if order is not None:
                self._left_alone[key] = order
        else:  # its executions become fills of ours
            self._by_word.add(key)
            fills = self._strange_fills.items()
            self._strange_fills = {
                k: fill for k, fill in fills if (fill.symbol, fill.venue_order_id) != (symbol, number)
            }
        self._note_decision(symbol, settled.at_ns)
        facts = {"symbol": symbol, "number": number, **decision.facts}
        answer = ActAnswered(request_id=act.request_id, outcome=Outcome.DONE, detail=decision.said, facts=facts)
        letters = (*decision.letters, ctx.seal(act.reply_to, answer))
        self._append((settled, *decision.records), letters, None, ctx)
        self._look(decision.said, ctx)

    @receives(PositionAdjusted)
    def on_position_adjusted(self, moved: PositionAdjusted, _: Context) -> None:
        """What the ledger was read with has it already."""
        if not self._is_loaded or not self._adjusted.add(moved.adjustment_id):
            return
        key = (moved.strategy_id, moved.symbol)
        with exact():
            self._confirmed[key] = self._confirmed.get(key, ZERO) + moved.change


def _named(found: VenueOrder | VenueExecution) -> Named:
    if isinstance(found, VenueOrder):
        return Named(StrangerKind.ORDER, found.symbol, found.venue_order_id)
    return Named(StrangerKind.FILL, found.symbol, found.execution_id)
