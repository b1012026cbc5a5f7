"""OrderWorker: where an intent that has not got everything yet is worked on.

Children whose turn has come are sent, what does not fill is repriced, and an intent that has had everything is closed.
What to do is bulkhead.execution.working's to say, after each piece of evidence and once a second; what is still to come
is on disk as deadlines, so that a restart goes on with it.
"""

from decimal import Decimal

from actors import addresses
from actors.oms_seat import OmsSeat
from actors.order_keeper import NOTHING, Followup, OrderKeeper
from bulkhead.execution import deadlines, micro_pipeline, order_events
from bulkhead.execution.adopting import NOT_WORKED, is_adopted
from bulkhead.execution.asking import cancel_of
from bulkhead.execution.exact import exact
from bulkhead.execution.micro_pipeline import Planned, Splitting
from bulkhead.execution.rules import Refused
from bulkhead.execution.stage_times import StageTimes, Stopwatch
from bulkhead.execution.stages.adjust import CancelFirst
from bulkhead.execution.stages.liquidity import split_facts
from bulkhead.execution.stages.schedule import quantity_of
from bulkhead.execution.stages.send import is_getting_out
from bulkhead.execution.working import OnFillTimeout, Situation, Steps, work
from bulkhead.venues.port import ClientIdScheme
from messages.base import Letter
from messages.codes import ErrorCode
from messages.escapes import Escape, EscapeTrigger
from messages.intents import IntentClosed, IntentSettled, IntentWaits
from messages.orders import OrderRow, SubmitOrder
from messages.portfolio import Marks
from messages.records import DeadlineSet, IntentRecorded, IntentStatusChanged, OrderRecorded, Record
from messages.trading import OrderIntent
from messages.values import IntentStatus, MarketSnapshot, OrderStatus
from supervisor.gate import Gate
from supervisor.runtime.behaviour import Context, receives

MAX_RESENDS_AFTER_ABSENCE = 2
"""Of an order whose outcome was unknown and that is proven absent (order path, section 3)."""
WORK_INTERVAL_S = 1.0
"""Turns and fill timeouts are a matter of seconds; evidence is acted upon at once."""


class OrderWorker(OrderKeeper):
    def __init__(self, seat: OmsSeat, gate: Gate) -> None:
        super().__init__(addresses.broker(seat.venue), {i.symbol: i.base_asset for i in seat.instruments.values()})
        self._seat = seat
        can = seat.capabilities
        self._precheck = seat.pipeline._replace(
            is_one_at_a_time=can.client_id is ClientIdScheme.NONE, orders_end_with_day=can.orders_end_with_day
        )
        self._gate = gate
        self._is_loaded = False
        self._quotes: dict[str, MarketSnapshot] = {}
        self._waits: dict[str, Decimal] = {}
        """By intent id: what its strategy was last told that it waits for."""
        self._stage_times = StageTimes()

    @receives(Marks)
    def on_marks(self, marks: Marks, _: Context) -> None:
        self._quotes.update((quote.symbol, quote) for quote in marks.quotes)

    # -- what is known ------------------------------------------------------------------------------------------------

    def _gate_refusal(self, intent: OrderIntent) -> str | None:
        if not self._is_loaded:
            return "the order manager has not read the ledger yet"
        if is_getting_out(intent):
            return None  # as the gate itself lets its ticket out: HARD is in force because of what it gets out of
        names = (f"venue:{intent.venue}", f"symbol:{intent.symbol}", f"strategy:{intent.strategy_id}")
        return self._gate.refusal_in(frozenset({"all", *names}), is_entry=intent.intent_type.is_entry)

    def _position(self, strategy_id: str, symbol: str) -> Decimal:
        return self._confirmed.get((strategy_id, symbol), Decimal(0))

    def _situation(self, intent: OrderIntent, ctx: Context) -> Situation:
        return Situation(
            session_id=self._seat.session_id,
            instrument=self._seat.instruments.get(intent.symbol),
            market=self._quotes.get(intent.symbol),
            gate_refusal=self._gate_refusal(intent),
            orders=self._book.of_symbol(intent.symbol),
            confirmed_position=self._position(intent.strategy_id, intent.symbol),
            precheck=self._precheck,
            settings=self._seat.work,
            now_ns=ctx.now_ns(),
        )

    def _waiting(self) -> tuple[IntentWaits, ...]:
        """Of every open intent that waits for something."""
        intents = (self._book.intent(intent_id) for intent_id in self._waits)
        return tuple(self._told_to_wait(intent) for intent in intents if intent is not None)

    def _told_to_wait(self, intent: OrderIntent) -> IntentWaits:
        return IntentWaits(
            intent_id=intent.intent_id,
            strategy_id=intent.strategy_id,
            symbol=intent.symbol,
            side=intent.side,
            intent_type=intent.intent_type,
            quantity=self._waits.get(intent.intent_id, Decimal(0)),
        )

    # -- taking -------------------------------------------------------------------------------------------------------

    def _take(self, intent: OrderIntent, checks: tuple[str, ...], reserved: Decimal, ctx: Context) -> None:
        """Plan an approved intent, write it down with its orders, and send them once that is on disk."""
        stopwatch = Stopwatch(ctx.monotonic_ns, self._stage_times)
        settings = self._seat.work
        facts = split_facts(
            settings.liquidity.get(intent.symbol), intent.decision_time_ns, settings.splitting.horizon_s
        )
        plan = micro_pipeline.plan(
            intent,
            session_id=self._seat.session_id,
            instrument=self._seat.instruments.get(intent.symbol),
            orders=self._book.of_symbol(intent.symbol),
            gate_refusal=self._gate_refusal(intent),
            settings=self._precheck,
            now_ns=ctx.now_ns(),
            confirmed_position=self._position(intent.strategy_id, intent.symbol),
            splitting=Splitting(settings.splitting, facts, seed=self._seat.session_id),
            on_stage=stopwatch,
        )
        if not isinstance(plan, Planned):
            recorded = IntentRecorded(intent=intent, checks=checks, reserved_notional=reserved)
            self._refuse(recorded, plan, ctx)
            return
        self._book.add_intent(intent)
        self._reserved[intent.intent_id] = reserved
        recorded = IntentRecorded(intent=intent, checks=(*checks, *plan.checks), reserved_notional=reserved)
        records: list[Record] = [recorded]
        letters: list[Letter] = []
        for child in plan.later:
            self._book.put_later(intent.intent_id, child)
            records.append(deadlines.child_waits(intent, child))
        first = self._tell_waits(intent, sum((child.quantity for child in plan.later), Decimal(0)), ctx)
        for row in plan.orders:
            made = self._made(row, intent, stopwatch, ctx)
            records += made.records
            letters += made.letters
        self._append(tuple(records), (*first, *letters), intent.correlation_id, ctx)

    def _refuse(self, recorded: IntentRecorded, refused: Refused, ctx: Context) -> None:
        intent = recorded.intent
        reason = f"{refused.detail} ({refused.check}: {refused.value} against {refused.limit})"
        status = IntentStatusChanged(
            intent_id=intent.intent_id, status=IntentStatus.REJECTED, code=refused.code, reason=reason
        )
        release = self._closing_letters(intent, refused.code, reason, ctx)
        self._append((recorded, status), release, intent.correlation_id, ctx)

    def _closing_letters(self, intent: OrderIntent, code: str, reason: str, ctx: Context) -> tuple[Letter, ...]:
        """To those who wait for an intent that has made no order."""
        settled = IntentSettled(intent_id=intent.intent_id, strategy_id=intent.strategy_id, code=code, reason=reason)
        closed = IntentClosed(
            intent_id=intent.intent_id, symbol=intent.symbol, filled=Decimal(0), filled_notional=Decimal(0)
        )
        return (
            ctx.seal(
                addresses.answer_to(intent.origin, intent.strategy_id), settled, correlation_id=intent.correlation_id
            ),
            ctx.seal(addresses.RISK_GUARD, closed, correlation_id=intent.correlation_id),
        )

    # -- working ------------------------------------------------------------------------------------------------------

    def _work_all(self, ctx: Context) -> None:
        """Each open intent once: turns come with time, and prices move, while no evidence arrives."""
        for intent in self._book.open_intents():
            more = self._go_on(intent, ctx)
            if more is not NOTHING:
                self._append(more.records, (*more.first, *more.letters), intent.correlation_id, ctx)

    def _go_on(self, intent: OrderIntent, ctx: Context) -> Followup:
        key = intent.intent_id
        later = self._book.later(key)
        situation = self._situation(intent, ctx)
        stopwatch = Stopwatch(ctx.monotonic_ns, self._stage_times)
        stopping = self._book.stopping(key) or (NOT_WORKED if is_adopted(intent) else None)
        steps = work(intent, self._book.children(key), later, stopping, situation, stopwatch)
        records: list[Record] = []
        letters: list[Letter] = []
        for child in steps.freed:
            self._book.put_later(key, child)
            records.append(deadlines.child_waits(intent, child))
        for child, reason in steps.dropped:
            self._book.drop_later(key, child.number)
            records.append(deadlines.cleared(deadlines.child_id(key, child.number), reason))
        for row in steps.orders:
            if row.child in later:
                self._book.drop_later(key, row.child)
                records.append(deadlines.cleared(deadlines.child_id(key, row.child), "its turn has come"))
            made = self._made(row, intent, stopwatch, ctx)
            records += made.records
            letters += made.letters
        for cancel in steps.cancels:
            asked = self._cancel_to_adjust(cancel, ctx)
            records += asked.records
            letters += asked.letters
        if steps.timed_out is not None:
            self._time_out(intent, steps.timed_out, ctx)
        first = self._tell_waits(intent, steps.waits, ctx)
        if steps.is_over:
            closed = self._closed(intent, steps, ctx)
            records += closed.records
            letters += closed.letters
        return Followup(tuple(records), first, tuple(letters)) if records or first or letters else NOTHING

    def _made(self, row: OrderRow, intent: OrderIntent, stopwatch: Stopwatch, ctx: Context) -> Followup:
        """A new order: it leaves as a letter that the ledger releases."""
        self._book.put(row)
        submit = SubmitOrder(ticket=row.ticket, tick_received_monotonic_ns=intent.tick_received_monotonic_ns)
        letters = self._order_letters(row, "created", is_late=False, ctx=ctx)
        sent = ctx.seal(self._broker, submit, correlation_id=row.correlation_id)
        created = OrderRecorded(order=row, change="created", stages_us=stopwatch.took_us)
        return Followup((created,), letters=(*letters, sent))

    def _cancel_to_adjust(self, cancel: CancelFirst, ctx: Context) -> Followup:
        """Behind its record: the reason that stands there says that the rest is to be replaced."""
        row = self._book.get(cancel.client_order_id)
        if row is None:
            return NOTHING
        asked = self._step(order_events.request_cancel(row, cancel.reason, ctx.now_ns()), ctx, source="adjust")
        letter = ctx.seal(self._broker, cancel_of(row, cancel.reason), correlation_id=row.correlation_id)
        return asked._replace(letters=(*asked.letters, letter))

    def _time_out(self, intent: OrderIntent, reason: str, ctx: Context) -> None:
        is_closing = self._seat.work.on_fill_timeout is OnFillTimeout.CLOSE
        escape_id = f"{EscapeTrigger.TIMEOUT}/{intent.intent_id}"
        out = Escape(
            escape_id=escape_id,
            trigger=EscapeTrigger.TIMEOUT,
            reason=reason,
            intent_id=intent.intent_id,
            is_closing=is_closing,
        )
        ctx.tell(ctx.name, out)

    def _tell_waits(self, intent: OrderIntent, quantity: Decimal, ctx: Context) -> tuple[Letter, ...]:
        if self._waits.get(intent.intent_id, Decimal(0)) == quantity:
            return ()
        if quantity:
            self._waits[intent.intent_id] = quantity
        else:
            del self._waits[intent.intent_id]
        to = addresses.strategy(intent.strategy_id)
        return (ctx.seal(to, self._told_to_wait(intent), correlation_id=intent.correlation_id),)

    # -- the end ------------------------------------------------------------------------------------------------------

    def _stop_working(self, intent: OrderIntent, reason: str) -> tuple[Record, ...]:
        """Nothing new is sent for it from here on."""
        if self._book.stopping(intent.intent_id) is not None:
            return ()
        self._book.stop_working(intent.intent_id, reason)
        return (IntentStatusChanged(intent_id=intent.intent_id, status=IntentStatus.STOPPING, reason=reason),)

    def _closed(self, intent: OrderIntent, steps: Steps, ctx: Context) -> Followup:
        key = intent.intent_id
        filled, notional = self._book.filled(key)
        last = max(self._book.children(key), key=lambda row: row.updated_ns, default=None)
        failed = {OrderStatus.REJECTED: IntentStatus.REJECTED, OrderStatus.FAILED: IntentStatus.FAILED}
        code = None if filled or last is None else _code_of(last)
        if filled:
            status = IntentStatus.DONE
        elif last is None:
            status = IntentStatus.FAILED
        else:
            status = failed.get(last.status, IntentStatus.DONE)
        unsent = self._book.stopping(key) or next((dropped.reason for dropped in steps.dropped), None)
        reason = (last.reason if last is not None else None) or unsent or f"{filled:f} of {intent.quantity:f} filled"
        self._book.close_intent(key)
        self._reserved.pop(key, None)
        closed = IntentClosed(intent_id=key, symbol=intent.symbol, filled=filled, filled_notional=notional)
        letter = ctx.seal(addresses.RISK_GUARD, closed, correlation_id=intent.correlation_id)
        return Followup(
            (IntentStatusChanged(intent_id=key, status=status, code=code, reason=reason),), letters=(letter,)
        )

    # -- sent again ---------------------------------------------------------------------------------------------------

    def _may_resend(self, row: OrderRow, ctx: Context) -> bool:
        """Whether an order that is proven absent is tried again: while its intent wants it and the gate lets it out."""
        intent = self._book.intent(row.intent_id)
        if intent is None or self._book.stopping(row.intent_id) is not None or row.status is not OrderStatus.UNKNOWN:
            return False
        has_expired = intent.expires_at_ns is not None and ctx.now_ns() >= intent.expires_at_ns
        is_tired = self._resends.get(row.ticket.client_order_id, 0) >= MAX_RESENDS_AFTER_ABSENCE
        return not has_expired and not is_tired and not self._is_too_much(row) and self._gate_refusal(intent) is None

    def _is_too_much(self, row: OrderRow) -> bool:
        """Whether its child would get more than it was to fill: another attempt was filled after its own end."""
        tried = [each for each in self._book.children(row.intent_id) if each.child == row.child]
        with exact():
            return sum((each.filled + each.leaves for each in tried), Decimal(0)) > quantity_of(tried)

    def _hold(self, row: OrderRow, delay_s: float, ctx: Context) -> None:
        """Not on its way any more, until the timer fires."""
        self._note_resend(row, ctx.now_ns() + int(delay_s * 1e9), ctx)
        self._held.add(row.ticket.client_order_id)
        ctx.after(delay_s, f"resend:{row.ticket.client_order_id}")

    def _let_go(self, client_order_id: str, ctx: Context) -> bool:
        """True if it was held; its timer does not fire any more."""
        if client_order_id not in self._held:
            return False
        self._held.remove(client_order_id)
        ctx.cancel_timer(f"resend:{client_order_id}")
        return True

    def _resend(self, row: OrderRow, reason: str, ctx: Context) -> None:
        """The same ticket again, under the same id."""
        self._let_go(row.ticket.client_order_id, ctx)
        if row.status is OrderStatus.UNKNOWN:
            self._note_resend(row, ctx.now_ns(), ctx)
        submit = ctx.seal(self._broker, SubmitOrder(ticket=row.ticket), correlation_id=row.correlation_id)
        self._settle(order_events.resend(row, reason, ctx.now_ns()), ctx, source="deadline", then=(submit,))

    def _note_resend(self, row: OrderRow, due_ns: int, ctx: Context) -> None:
        """Counted on disk, so that no restart begins the count anew."""
        key = row.ticket.client_order_id
        self._resends[key] = self._resends.get(key, 0) + 1
        self._append((deadlines.resend_waits(key, due_ns, self._resends[key]),), (), row.correlation_id, ctx)

    # -- recovery -----------------------------------------------------------------------------------------------------

    def _recover_work(self, found: tuple[DeadlineSet, ...], stopping: dict[str, str]) -> None:
        """What was to come when an earlier incarnation ended."""
        self._waits = {}
        self._resends = {}
        for deadline in found:
            if deadline.kind == deadlines.CHILD:
                intent_id, child = deadlines.child_of(deadline)
                self._book.put_later(intent_id, child)
            elif deadline.kind == deadlines.RESEND:
                client_order_id, tried = deadlines.resend_of(deadline)
                self._resends[client_order_id] = tried
        for intent_id, reason in stopping.items():
            self._book.stop_working(intent_id, reason)


def _code_of(row: OrderRow) -> str | None:
    """Why an order that has ended without a fill came to nothing; None where it was wanted so."""
    if row.status is OrderStatus.REJECTED:
        return ErrorCode.BROKER_REJECTED.value
    if row.status is not OrderStatus.FAILED:
        return None
    is_absent = (row.reason or "").startswith(ErrorCode.ORDER_PROVEN_ABSENT)
    return (ErrorCode.ORDER_PROVEN_ABSENT if is_absent else ErrorCode.ORDER_NOT_SENT).value
