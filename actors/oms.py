"""OMS: owns every order from approval to its end (stage L40), and the one way back to the truth after anything broke.

It carries out what bulkhead.execution decides. Three rules hold throughout: nothing is sent that is not on disk (a
SubmitOrder leaves only as a letter that the ledger releases); only the venue's word ends an order; and after every
start, crash or reconnect the books are compared with the venue before the gate opens.
"""

from decimal import Decimal

from actors import addresses
from actors.escaper import LATER_S
from actors.oms_seat import OmsSeat
from actors.order_worker import WORK_INTERVAL_S
from actors.reconciler import UNANSWERED, Reconciler
from bulkhead.execution import growth, order_events
from bulkhead.execution.asking import query_of
from bulkhead.execution.claiming import is_in_doubt
from bulkhead.execution.fills import execution_of
from bulkhead.execution.order_book import OrderBook
from bulkhead.execution.recent import Recent
from bulkhead.venues.port import CANCELLED_UNSENT
from messages.codes import ErrorCode
from messages.escapes import Escape, EscapeTrigger
from messages.failure import CancelEntries, FailureMode, FailureReported
from messages.instruments import InstrumentsTold
from messages.intents import IntentClosed
from messages.orders import (
    OrderEvidence,
    OrderNotSent,
    OrderQueryFailed,
    OrderRow,
    OrderStatusReported,
    OrdersTold,
    TellChannel,
    VenueOrder,
)
from messages.portfolio import TellState
from messages.records import (
    AppendFailed,
    LoadRecovery,
    RecoveryLoaded,
)
from messages.supervision import Terminated, TimerFired
from messages.trading import OrderIntent, RiskApproved
from messages.values import IntentType, OnStop, OrderStatus, Origin
from supervisor.gate import SESSION_REASON, Gate
from supervisor.runtime.behaviour import Context, receives

RESEND_DELAYS_S = (1.0, 2.0, 4.0)
"""Before each resend of an order proven not to have left; after the last it has failed (order path, section 3)."""
WITHOUT_A_WORD = UNANSWERED | {OrderStatus.UNKNOWN}
_DELAY = f"{FailureMode.EXECUTION_DELAY.value}:symbol:"
ACTIONS_KEPT = 20_000
"""Action keys remembered for refusing a repeat at once; the ledger's unique key stands behind it for ever."""
NEVER_RESENT = frozenset({"GATE_SHUT", "FENCED", ErrorCode.OMS_IDEMPOTENCY_MISSING.value, CANCELLED_UNSENT})
"""Refusals of our own: the order was held back, or taken back, on purpose."""


def _ledger_of(load_id: str | None) -> str:
    """The ledger's incarnation: it stands before the load's number."""
    return (load_id or "").partition(".")[0]


class OmsActor(Reconciler):
    starts_ready = False

    def __init__(self, seat: OmsSeat, gate: Gate) -> None:
        super().__init__(seat, gate)
        self._actions = Recent(ACTIONS_KEPT)
        self._delayed: dict[str, str] = {}  # order without an answer for too long -> its symbol
        told = (reason.reason_id for reason in gate.reasons() if reason.reason_id.startswith(_DELAY))
        self._delay_told = {reason_id.removeprefix(_DELAY) for reason_id in told}
        """Symbols with a delay that was reported and is not over; those of earlier incarnations, too."""
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
        # One incarnation of the ledger posts whatever it commits; of one that has ended nobody knows that it did.
        is_same_ledger = _ledger_of(self._load_id) == _ledger_of(loaded.load_id)
        self._load_id = loaded.load_id
        before = self._book if is_same_ledger else OrderBook()
        self._book = OrderBook(loaded.orders, loaded.open_intents, loaded.fill_ids)
        for strategy_id in self._seat.on_stop:
            ctx.watch(addresses.strategy(strategy_id))
        self._reserved = dict(loaded.reserved_notional)
        for intent in loaded.open_intents:
            self._actions.add(intent.action_key)
        self._recover_work(loaded.deadlines, loaded.stopping)
        self._recover_escapes(loaded.deadlines, ctx)
        self._recover_strangers(loaded.known)
        self._confirmed = {(p.strategy_id, p.symbol): p.quantity for p in loaded.positions}
        for booked in loaded.unapplied_fills:
            self._confirm(booked.fill)
        self._watermark_ns = self._horizon_ns = loaded.watermark_ns or ctx.now_ns()
        for row in self._book.open_rows():
            key = row.ticket.client_order_id
            if before.get(key) == row:
                continue  # of this incarnation, on disk to the last step: its answer is still to come
            self._let_go(key, ctx)
            applied = order_events.mark_unknown(row, "sent by an earlier incarnation; no answer can come to it")
            if applied.change is not None:
                self._settle(applied, ctx, source="recovery")
        if not self._is_loaded:
            self._is_loaded = True
            ctx.after(self._seat.reconcile_interval_without_stream_s, "reconcile")
            ctx.after(self._seat.query_unknown_interval_s, "query")
            ctx.after(WORK_INTERVAL_S, "work")
            ctx.ready()
        self._work_all(ctx)
        self._askers[addresses.RISK_GUARD] = None  # and everybody else who may have missed what was said of an order
        self._askers.update({addresses.strategy(strategy_id): strategy_id for strategy_id in self._seat.on_stop})
        self._answer(ctx)
        self._begin_reconciliation("start", ctx)

    @receives(AppendFailed)
    def on_append_failed(self, failed: AppendFailed, ctx: Context) -> None:
        """Memory and disk differ now: forget memory, and read the ledger again once it answers."""
        self._gate.require_recovery(f"the ledger refused a record: {failed.reason}", ctx.now_ns(), by=ctx)
        ctx.after(self._seat.reconcile_interval_without_stream_s, "reload")

    @receives(InstrumentsTold)
    def on_instruments(self, told: InstrumentsTold, _: Context) -> None:
        """For the next order: what is under way was checked against the version that it names."""
        self._seat = self._seat._replace(instruments={rules.symbol: rules for rules in told.instruments})

    @receives(TellState)
    def on_tell_state(self, ask: TellState, ctx: Context) -> None:
        if ctx.current is not None:
            self._askers[ctx.current.sender] = ask.strategy_id
            self._answer(ctx)
        if ask.strategy_id is not None:
            ctx.watch(addresses.strategy(ask.strategy_id))

    @receives(Terminated)
    def on_terminated(self, ended: Terminated, ctx: Context) -> None:
        """A strategy is parked or was stopped: nobody looks after its entries any more. At the end of a session its
        own plan holds."""
        if self._gate.is_in_force(SESSION_REASON):
            return
        for strategy_id, on_stop in self._seat.on_stop.items():
            if addresses.strategy(strategy_id) != ended.child:
                continue
            reason = f"{ended.child} has ended: {ended.reason}"
            if on_stop is OnStop.CANCEL_ENTRIES:
                self.on_cancel_entries(CancelEntries(reason=reason, strategy_id=strategy_id), ctx)
            elif on_stop is OnStop.FLATTEN:
                self.on_escape(self._flatten(strategy_id, reason), ctx)

    @staticmethod
    def _flatten(strategy_id: str, reason: str) -> Escape:
        trigger = EscapeTrigger.STRATEGY_ENDED
        return Escape(escape_id=f"{trigger}/{strategy_id}", trigger=trigger, reason=reason, strategy_id=strategy_id)

    def _answer(self, ctx: Context) -> None:
        """Nobody is told of orders that have not been read yet."""
        if not self._is_loaded:
            return
        for asker, strategy_id in self._askers.items():
            ctx.tell(asker, self._told(strategy_id))
        self._askers.clear()

    def _told(self, strategy_id: str | None) -> OrdersTold:
        rows = self._book.of_strategy(strategy_id)
        waiting = tuple(each for each in self._waiting() if strategy_id in (None, each.strategy_id))
        intent_ids = (*(row.intent_id for row in rows), *(each.intent_id for each in waiting))
        reserved = {intent_id: self._reserved.get(intent_id, Decimal(0)) for intent_id in intent_ids}
        return OrdersTold(orders=rows, reserved_notional=reserved, waiting=waiting)

    # -- intents ------------------------------------------------------------------------------------------------------

    @receives(RiskApproved[OrderIntent])
    def on_approved(self, approval: RiskApproved[OrderIntent], ctx: Context) -> None:
        intent = approval.approved
        sender = addresses.strategy(intent.strategy_id)
        if intent.origin is Origin.STRATEGY and self._gate.has_ended(sender, intent.strategy_epoch):
            reason = f"{sender} epoch {intent.strategy_epoch} has ended"
            self._refuse_silently(intent, ErrorCode.INTENT_STALE_EPOCH, reason, ctx)
            return
        if not self._actions.add(intent.action_key):
            self._refuse_silently(intent, ErrorCode.INTENT_DUPLICATE, "this decision has an intent already", ctx)
            return
        self._take(intent, approval.checks, approval.reserved_notional, ctx)

    def _refuse_silently(self, intent: OrderIntent, code: str, reason: str, ctx: Context) -> None:
        is_open = self._book.intent(intent.intent_id) is not None
        for letter in self._closing_letters(intent, code, reason, ctx):
            if not (is_open and isinstance(letter.envelope.body, IntentClosed)):  # its reservation is the first one's
                ctx.post(letter)

    # -- evidence -----------------------------------------------------------------------------------------------------

    @receives(OrderEvidence)
    def on_evidence(self, evidence: OrderEvidence, ctx: Context) -> None:
        self._apply(evidence, ctx, source="stream")

    @receives(OrderNotSent)
    def on_not_sent(self, evidence: OrderNotSent, ctx: Context) -> None:
        """Proven not to have left: the same ticket goes again, a few times, else it has failed."""
        row = self._apply(evidence, ctx, source="reply")
        if row is None or row.status not in UNANSWERED or order_events.was_answered(row):
            return
        key = row.ticket.client_order_id
        tried = self._resends.get(key, 0)
        is_wanted = row.status is OrderStatus.PENDING_SUBMIT and evidence.code not in NEVER_RESENT
        if is_wanted and tried < len(RESEND_DELAYS_S):
            self._hold(row, max(RESEND_DELAYS_S[tried], evidence.retry_after_s or 0.0), ctx)
            return
        self._settle(
            order_events.give_up(row, f"{evidence.code}: {evidence.reason}", ctx.now_ns()), ctx, source="reply"
        )

    def _on_resend_due(self, key: str, ctx: Context) -> None:
        row = self._book.get(key)
        was_held = self._let_go(key, ctx)
        if not was_held or row is None or row.status is not OrderStatus.PENDING_SUBMIT:
            return
        if order_events.was_answered(row):
            return  # the venue has spoken of it meanwhile
        intent = self._book.intent(row.intent_id)
        has_expired = intent is not None and intent.expires_at_ns is not None and ctx.now_ns() >= intent.expires_at_ns
        if has_expired or self._is_too_much(row):
            why = "its intent has expired" if has_expired else "its child is filled already"
            self._settle(order_events.give_up(row, why, ctx.now_ns()), ctx, source="deadline")
            return
        self._resend(row, "sent again", ctx)

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
        row = self._row_of(reported.client_order_id, reported.order)
        if row is None and self._is_by_another_way(reported.order):
            self._look_seldom(f"{reported.order.venue_order_id} has changed, which is not ours", ctx)
            return
        if row is not None and not self._has_client_ids:
            self._learn_our_channel(row, reported.order)
        if row is not None and not self._seat.capabilities.has_execution_ids:
            costs = self._seat.capabilities.costs
            for grown in growth.grown(row, reported.order, costs, reported.as_of_ns, reported.raw):
                row = self._apply(grown, ctx, source="totals") or row
            if row.filled < reported.order.filled:  # asked again at once, it would say the same
                self._begin_reconciliation(f"{reported.order.venue_order_id} has filled for no amount yet", ctx)
                return
        key = reported.client_order_id if row is None else row.ticket.client_order_id
        shown = order_events.status_shown(reported.order, key, reported.as_of_ns, reported.raw)
        self._apply(shown, ctx, source="query")

    def _row_of(self, client_order_id: str, order: VenueOrder) -> OrderRow | None:
        """By the venue's number where it keeps no id of ours: an adapter that was just started knows no other name for
        what an earlier run has sent."""
        row = self._book.get(client_order_id)
        if row is not None or self._has_client_ids:
            return row
        named = (order.symbol, order.venue_order_id)
        rows = self._book.all_rows()
        return next((each for each in rows if (each.ticket.symbol, each.venue_order_id) == named), None)

    @receives(OrderQueryFailed)
    def on_query_failed(self, _: OrderQueryFailed, __: Context) -> None:
        """The next round asks again."""

    # -- cancels ------------------------------------------------------------------------------------------------------

    @receives(CancelEntries)
    def on_cancel_entries(self, plan: CancelEntries, ctx: Context) -> None:
        """The milder plan: what is held is kept, and one cancel is asked for of each order."""
        if not self._is_loaded:  # these books are empty yet, and would seem to have nothing to cancel
            ctx.after(LATER_S, f"cancel-entries:{plan.strategy_id}/{plan.symbol}/{plan.everything}", plan)
            return
        for intent in self._book.open_intents():
            if self._is_meant(plan, intent.strategy_id, intent.symbol, intent.intent_type):
                self._stop(intent, plan.reason, ctx)
        for row in self._book.of_strategy(plan.strategy_id):
            is_asked = row.status is OrderStatus.PENDING_CANCEL
            if not is_asked and self._is_meant(plan, row.strategy_id, row.ticket.symbol, row.ticket.intent_type):
                self._cancel(row, plan.reason, ctx)

    @staticmethod
    def _is_meant(plan: CancelEntries, strategy_id: str, symbol: str, intent_type: IntentType) -> bool:
        is_in_scope = plan.strategy_id in (None, strategy_id) and plan.symbol in (None, symbol)
        return is_in_scope and (plan.everything or intent_type.is_entry)

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
        elif kind == "work":
            ctx.after(WORK_INTERVAL_S, "work")
            self._work_all(ctx)
            self._make_rounds(ctx)
            self._cancel_again(ctx)
        elif kind == "escape":
            self._make_rounds(ctx)
        elif kind == "reduce":
            self._reduce_all(ctx)
        elif kind == "look":
            self._on_look_due(ctx)
        elif kind == "resend":
            self._on_resend_due(key, ctx)
        elif kind == "reload":
            ctx.tell(addresses.LEDGER, LoadRecovery())

    def _query_unanswered(self, ctx: Context) -> None:
        """Ask about every order without a verdict; one that waits too long is an execution delay of its symbol."""
        limit_ns = int(self._seat.answer_timeout_s * 1e9)
        for row in self._book.open_rows():
            key, waited_ns = row.ticket.client_order_id, ctx.now_ns() - row.updated_ns
            is_late = row.status in WITHOUT_A_WORD and waited_ns > limit_ns
            if row.status is OrderStatus.UNKNOWN and not self._has_client_ids and is_in_doubt(row):
                self._begin_reconciliation(f"the venue has told no number for {key}", ctx)
                continue  # only an operator may know what became of it: an order in doubt, and no delay
            if row.status is OrderStatus.UNKNOWN or is_late:
                ctx.tell(self._broker, query_of(row))
            if is_late and key not in self._delayed:
                self._delayed[key] = row.ticket.symbol
                self._delay_told.add(row.ticket.symbol)
                self._report_delay(row.ticket.symbol, f"no answer to {key} for {waited_ns / 1e9:.0f} s", ctx)
        for key in tuple(self._delayed):
            waiting = self._book.get(key)
            if waiting is None or waiting.status not in WITHOUT_A_WORD:
                del self._delayed[key]
        self._end_delays(ctx)

    def _end_delays(self, ctx: Context) -> None:
        for symbol in sorted(self._delay_told - set(self._delayed.values())):
            self._delay_told.discard(symbol)
            self._report_delay(symbol, f"no order of {symbol} is waited for any more", ctx, recovered=True)

    def _report_delay(self, symbol: str, detail: str, ctx: Context, *, recovered: bool = False) -> None:
        report = FailureReported(
            mode=FailureMode.EXECUTION_DELAY, scope=f"symbol:{symbol}", detail=detail, recovered=recovered
        )
        ctx.tell(addresses.FAILURE_HANDLER, report)
