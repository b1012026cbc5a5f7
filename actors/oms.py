"""OMS: owns every order from approval to its end (stage L40), and the one way back to the truth after anything broke.

It carries out what bulkhead.execution decides. Three rules hold throughout: nothing is sent that is not on disk (a
SubmitOrder leaves only as a letter that the ledger releases); only the venue's word ends an order; and after every
start, crash or reconnect the books are compared with the venue before the gate opens.
"""

from decimal import Decimal

from actors import addresses
from actors.reconciler import UNANSWERED, OmsSeat, Reconciler
from bulkhead.execution import micro_pipeline, order_events
from bulkhead.execution.fills import execution_of
from bulkhead.execution.micro_pipeline import Planned
from bulkhead.execution.order_book import OrderBook
from bulkhead.execution.recent import Recent
from bulkhead.venues.port import CANCELLED_UNSENT
from messages.base import Letter
from messages.codes import ErrorCode
from messages.failure import CancelEntries, FailureMode, FailureReported
from messages.orders import (
    CancelOrder,
    IntentClosed,
    IntentSettled,
    OrderEvidence,
    OrderNotSent,
    OrderQueryFailed,
    OrderStatusReported,
    OrdersTold,
    QueryOrder,
    SubmitOrder,
    TellChannel,
)
from messages.portfolio import TellState
from messages.records import (
    AppendFailed,
    IntentRecorded,
    IntentStatusChanged,
    LoadRecovery,
    OrderRecorded,
    Record,
    RecoveryLoaded,
)
from messages.supervision import Terminated, TimerFired
from messages.trading import OrderIntent, RiskApproved
from messages.values import IntentStatus, OnStop, OrderStatus
from supervisor.gate import Gate
from supervisor.runtime.behaviour import Context, receives

RESEND_DELAYS_S = (1.0, 2.0, 4.0)
"""Before each resend of an order proven not to have left; after the last it has failed (order path, section 3)."""
ACTIONS_KEPT = 20_000
"""Action keys remembered for refusing a repeat at once; the ledger's unique key stands behind it for ever."""
NEVER_RESENT = frozenset({"GATE_SHUT", "FENCED", CANCELLED_UNSENT})
"""Refusals of our own: the order was held back, or taken back, on purpose."""


class OmsActor(Reconciler):
    starts_ready = False

    def __init__(self, seat: OmsSeat, gate: Gate) -> None:
        super().__init__(seat, gate)
        self._actions = Recent(ACTIONS_KEPT)
        self._delayed: dict[str, str] = {}  # order without an answer for too long -> its symbol
        self._askers: dict[str, str | None] = {}

    # -- start and restart --------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context) -> None:
        self._gate.require_recovery("the order manager has started; the books are to be compared", ctx.now_ns(), by=ctx)
        if ctx.epoch == 1:
            self._stream_is_down("the order stream has not come up yet", ctx)
        else:
            ctx.tell(self._broker, TellChannel())  # the one before may have died over the news
        ctx.tell(addresses.LEDGER, LoadRecovery())

    @receives(RecoveryLoaded)
    def on_recovery(self, loaded: RecoveryLoaded, ctx: Context) -> None:
        """Work from what is on disk. What an earlier incarnation sent without an answer is UNKNOWN from here on."""
        self._load_id = loaded.load_id
        self._book = OrderBook(loaded.orders, loaded.open_intents, loaded.fill_ids)
        for strategy_id in self._seat.on_stop:
            ctx.watch(addresses.strategy(strategy_id))
        self._reserved = dict(loaded.reserved_notional)
        for intent in loaded.open_intents:
            self._actions.add(intent.action_key)
        self._confirmed = {(p.strategy_id, p.symbol): p.quantity for p in loaded.positions}
        for booked in loaded.unapplied_fills:
            self._confirm(booked.fill)
        self._watermark_ns = self._horizon_ns = loaded.watermark_ns or ctx.now_ns()
        for row in self._book.open_rows():
            applied = order_events.mark_unknown(row, "sent by an earlier incarnation; no answer can come to it")
            if applied.change is not None:
                self._settle(applied, ctx, source="recovery")
        if not self._is_loaded:
            self._is_loaded = True
            ctx.after(self._seat.reconcile_interval_without_stream_s, "reconcile")
            ctx.after(self._seat.query_unknown_interval_s, "query")
            ctx.ready()
        self._askers[addresses.RISK_GUARD] = None  # and everybody else who may have missed what was said of an order
        self._askers.update({addresses.strategy(strategy_id): strategy_id for strategy_id in self._seat.on_stop})
        self._answer(ctx)
        self._begin_reconciliation("start", ctx)

    @receives(AppendFailed)
    def on_append_failed(self, failed: AppendFailed, ctx: Context) -> None:
        """Memory and disk differ now: forget memory, and read the ledger again once it answers."""
        self._gate.require_recovery(f"the ledger refused a record: {failed.reason}", ctx.now_ns(), by=ctx)
        ctx.after(self._seat.reconcile_interval_without_stream_s, "reload")

    @receives(TellState)
    def on_tell_state(self, ask: TellState, ctx: Context) -> None:
        if ctx.current is not None:
            self._askers[ctx.current.sender] = ask.strategy_id
            self._answer(ctx)
        if ask.strategy_id is not None:
            ctx.watch(addresses.strategy(ask.strategy_id))

    @receives(Terminated)
    def on_terminated(self, ended: Terminated, ctx: Context) -> None:
        """A strategy is parked or was stopped: nobody looks after its entries any more. Its exits stay either way."""
        for strategy_id, on_stop in self._seat.on_stop.items():
            if addresses.strategy(strategy_id) == ended.child and on_stop is not OnStop.KEEP:
                reason = f"{ended.child} has ended: {ended.reason}"
                self.on_cancel_entries(CancelEntries(reason=reason, strategy_id=strategy_id), ctx)

    def _answer(self, ctx: Context) -> None:
        """Nobody is told of orders that have not been read yet."""
        if not self._is_loaded:
            return
        for asker, strategy_id in self._askers.items():
            ctx.tell(asker, self._told(strategy_id))
        self._askers.clear()

    def _told(self, strategy_id: str | None) -> OrdersTold:
        rows = self._book.of_strategy(strategy_id)
        reserved = {row.intent_id: self._reserved.get(row.intent_id, Decimal(0)) for row in rows}
        return OrdersTold(orders=rows, reserved_notional=reserved)

    # -- intents ------------------------------------------------------------------------------------------------------

    @receives(RiskApproved[OrderIntent])
    def on_approved(self, approval: RiskApproved[OrderIntent], ctx: Context) -> None:
        intent = approval.approved
        if not self._actions.add(intent.action_key):
            self._refuse_silently(intent, ErrorCode.INTENT_DUPLICATE, "this decision has an intent already", ctx)
            return
        plan = micro_pipeline.plan(
            intent,
            session_id=self._seat.session_id,
            instrument=self._seat.instruments.get(intent.symbol),
            orders=self._book.of_symbol(intent.symbol),
            gate_refusal=self._gate_refusal(intent),
            settings=self._seat.pipeline,
            now_ns=ctx.now_ns(),
            confirmed_position=self._confirmed.get((intent.strategy_id, intent.symbol), Decimal(0)),
        )
        checks = (*approval.checks, *plan.checks) if isinstance(plan, Planned) else approval.checks
        recorded = IntentRecorded(intent=intent, checks=checks, reserved_notional=approval.reserved_notional)
        if not isinstance(plan, Planned):
            reason = f"{plan.detail} ({plan.check}: {plan.value} against {plan.limit})"
            status = IntentStatusChanged(
                intent_id=intent.intent_id, status=IntentStatus.REJECTED, code=plan.code, reason=reason
            )
            release = self._closing_letters(intent, plan.code, reason, ctx)
            self._append((recorded, status), release, intent.correlation_id, ctx)
            return
        self._book.add_intent(intent)
        self._reserved[intent.intent_id] = approval.reserved_notional
        records: list[Record] = [recorded]
        letters: list[Letter] = []
        for row in plan.orders:
            self._book.put(row)
            records.append(OrderRecorded(order=row, change="created"))
            letters += self._order_letters(row, "created", is_late=False, ctx=ctx)
            submit = SubmitOrder(ticket=row.ticket, tick_received_monotonic_ns=intent.tick_received_monotonic_ns)
            letters.append(ctx.seal(self._broker, submit, correlation_id=intent.correlation_id))
        self._append(tuple(records), tuple(letters), intent.correlation_id, ctx)

    def _gate_refusal(self, intent: OrderIntent) -> str | None:
        if not self._is_loaded:
            return "the order manager has not read the ledger yet"
        names = (f"venue:{intent.venue}", f"symbol:{intent.symbol}", f"strategy:{intent.strategy_id}")
        return self._gate.refusal_in(frozenset({"all", *names}), is_entry=intent.intent_type.is_entry)

    def _refuse_silently(self, intent: OrderIntent, code: str, reason: str, ctx: Context) -> None:
        for letter in self._closing_letters(intent, code, reason, ctx):
            ctx.post(letter)

    def _closing_letters(self, intent: OrderIntent, code: str, reason: str, ctx: Context) -> tuple[Letter, ...]:
        settled = IntentSettled(intent_id=intent.intent_id, strategy_id=intent.strategy_id, code=code, reason=reason)
        closed = IntentClosed(
            intent_id=intent.intent_id, symbol=intent.symbol, filled=Decimal(0), filled_notional=Decimal(0)
        )
        return (
            ctx.seal(addresses.strategy(intent.strategy_id), settled, correlation_id=intent.correlation_id),
            ctx.seal(addresses.RISK_GUARD, closed, correlation_id=intent.correlation_id),
        )

    # -- evidence -----------------------------------------------------------------------------------------------------

    @receives(OrderEvidence)
    def on_evidence(self, evidence: OrderEvidence, ctx: Context) -> None:
        self._apply(evidence, ctx, source="stream")

    @receives(OrderNotSent)
    def on_not_sent(self, evidence: OrderNotSent, ctx: Context) -> None:
        """Proven not to have left: the same ticket goes again, a few times, else it has failed."""
        row = self._apply(evidence, ctx, source="reply")
        if row is None or row.status not in (OrderStatus.PENDING_SUBMIT, OrderStatus.PENDING_CANCEL):
            return
        key = row.ticket.client_order_id
        tried = self._resends.get(key, 0)
        is_wanted = row.status is OrderStatus.PENDING_SUBMIT and evidence.code not in NEVER_RESENT
        if is_wanted and tried < len(RESEND_DELAYS_S):
            self._resends[key] = tried + 1
            ctx.after(max(RESEND_DELAYS_S[tried], evidence.retry_after_s or 0.0), f"resend:{key}")
            return
        self._settle(
            order_events.give_up(row, f"{evidence.code}: {evidence.reason}", ctx.now_ns()), ctx, source="reply"
        )

    def _resend(self, key: str, ctx: Context) -> None:
        row = self._book.get(key)
        if row is None or row.status is not OrderStatus.PENDING_SUBMIT:
            return
        intent = self._book.intent(row.intent_id)
        if intent is not None and intent.expires_at_ns is not None and ctx.now_ns() >= intent.expires_at_ns:
            self._settle(order_events.give_up(row, "its intent has expired", ctx.now_ns()), ctx, source="deadline")
            return
        submit = ctx.seal(self._broker, SubmitOrder(ticket=row.ticket), correlation_id=row.correlation_id)
        self._settle(order_events.resend(row, "sent again", ctx.now_ns()), ctx, source="deadline", then=(submit,))

    @receives(OrderStatusReported)
    def on_status(self, reported: OrderStatusReported, ctx: Context) -> None:
        if reported.order is None:
            # Not proof of absence yet: only a comparison past the request's validity is. The gate need not shut for
            # it, since an unknown order freezes its symbol; and an order that has ended meanwhile needs nothing.
            row = self._book.get(reported.client_order_id)
            if row is not None and not row.status.is_terminal:
                self._begin_reconciliation(f"the venue does not know {reported.client_order_id}", ctx)
            return
        for execution in reported.executions:
            self._apply(execution_of(execution, reported.client_order_id), ctx, source="query")
        shown = order_events.status_shown(reported.order, reported.client_order_id, reported.as_of_ns, reported.raw)
        self._apply(shown, ctx, source="query")

    @receives(OrderQueryFailed)
    def on_query_failed(self, _: OrderQueryFailed, __: Context) -> None:
        """The next round asks again."""

    # -- cancels ------------------------------------------------------------------------------------------------------

    @receives(CancelEntries)
    def on_cancel_entries(self, plan: CancelEntries, ctx: Context) -> None:
        for row in self._book.of_strategy(plan.strategy_id):
            if plan.symbol is not None and row.ticket.symbol != plan.symbol:
                continue
            if not (plan.everything or row.ticket.intent_type.is_entry) or row.status is OrderStatus.PENDING_CANCEL:
                continue
            key = row.ticket.client_order_id
            cancel = CancelOrder(client_order_id=key, symbol=row.ticket.symbol, reason=plan.reason)
            letter = ctx.seal(self._broker, cancel, correlation_id=row.correlation_id)
            asked = order_events.request_cancel(row, plan.reason, ctx.now_ns())
            if row.status is OrderStatus.PENDING_SUBMIT:
                self._settle(asked, ctx, "plan", then=(letter,))  # behind its order, which may still wait for the disk
            else:
                ctx.post(letter)  # a cancel needs no record before it: it works with a full disk, too
                self._settle(asked, ctx, "plan")

    # -- timers -------------------------------------------------------------------------------------------------------

    @receives(TimerFired)
    def on_timer(self, timer: TimerFired, ctx: Context) -> None:
        kind, _, key = timer.key.partition(":")
        if kind == "reconcile":
            healthy = self._stream_is_up and self._doubtful_rounds == 0 and self._gate.is_recovered
            seat = self._seat
            ctx.after(seat.reconcile_interval_s if healthy else seat.reconcile_interval_without_stream_s, "reconcile")
            self._begin_reconciliation("continuous", ctx)
        elif kind == "query":
            ctx.after(self._seat.query_unknown_interval_s, "query")
            self._query_unanswered(ctx)
        elif kind == "resend":
            self._resend(key, ctx)
        elif kind == "reload":
            ctx.tell(addresses.LEDGER, LoadRecovery())

    def _query_unanswered(self, ctx: Context) -> None:
        """Ask about every order without a verdict; one that waits too long is an execution delay of its symbol."""
        limit_ns = int(self._seat.answer_timeout_s * 1e9)
        for row in self._book.open_rows():
            key, waited_ns = row.ticket.client_order_id, ctx.now_ns() - row.updated_ns
            is_late = row.status in UNANSWERED and waited_ns > limit_ns
            if row.status is OrderStatus.UNKNOWN or is_late:
                ctx.tell(self._broker, QueryOrder(client_order_id=key, symbol=row.ticket.symbol))
            if is_late and key not in self._delayed:
                self._delayed[key] = row.ticket.symbol
                self._report_delay(row.ticket.symbol, f"no answer to {key} for {waited_ns / 1e9:.0f} s", ctx)
        for key, symbol in tuple(self._delayed.items()):
            waiting = self._book.get(key)
            if waiting is None or waiting.status not in UNANSWERED:
                del self._delayed[key]
                if symbol not in self._delayed.values():
                    self._report_delay(symbol, f"{key} is no longer waited for", ctx, recovered=True)

    def _report_delay(self, symbol: str, detail: str, ctx: Context, *, recovered: bool = False) -> None:
        report = FailureReported(
            mode=FailureMode.EXECUTION_DELAY, scope=f"symbol:{symbol}", detail=detail, recovered=recovered
        )
        ctx.tell(addresses.FAILURE_HANDLER, report)
