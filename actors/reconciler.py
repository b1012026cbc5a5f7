"""Reconciler: the half of the OMS that compares the books with the venue, and opens the gate again.

One way for start, crash, restart and reconnect: the gate is shut, the venue is asked for everything, what is missing is
booked, what is unknown is resolved, and only when that is on disk and nothing is left in doubt does the gate open. An
order of which only an operator can tell keeps its own symbol shut instead (doubts.py).
"""

from collections.abc import Iterator

from actors import addresses
from actors.doubts import Doubts
from actors.oms_seat import OmsFigures, OmsSeat
from bulkhead.execution import order_events
from bulkhead.execution.asking import cancel_of
from bulkhead.execution.listing import LocalView
from bulkhead.execution.reconcile import Reconciliation, reconcile
from messages.base import Letter
from messages.codes import ErrorCode
from messages.failure import FailureMode, FailureReported
from messages.operator import ActAnswered, ReconcileAnswered
from messages.orders import (
    OrderChannelDown,
    OrderChannelUp,
    Reconcile,
    Reconciled,
    TakeVenueSnapshot,
    VenueSnapshotFailed,
    VenueSnapshotTaken,
)
from messages.portfolio import ReconcilePortfolio
from messages.records import ReconciliationRecorded, Record
from messages.supervision import Outcome
from messages.values import OrderStatus
from supervisor.gate import Gate, doubt
from supervisor.runtime.behaviour import Context, receives

SNAPSHOT_MARGIN_S = 60.0
"""A snapshot asks for this much more of the past than it needs: clocks differ and listings lag."""
SNAPSHOT_TIMEOUT_S = 120.0
"""A snapshot without an answer for this long was lost with an actor that died over it: another one is asked for."""
STALE_S = SNAPSHOT_TIMEOUT_S / 2
"""A snapshot that is so much older than what was asked last answers an earlier question: it knows nothing of doubts
that came since, and opens no gate. Less may be the difference of two clocks."""
STRANGERS_LOOKED_FOR_NS = 4 * 86_400 * 1_000_000_000
"""Over a weekend, and a day."""
LEFT_ALONE_LOOKED_FOR_NS = 86_400 * 1_000_000_000
"""That one of these has ended nobody is told, so this is for each comparison: of a day."""
DOUBTFUL_ROUNDS = 12
"""Reconciliations in a row that stayed in doubt before an operator is asked, and"""
DOUBTFUL_FOR_S = 60.0
"""how long they have: a question that the venue answers in time is no drift, however often it is asked."""

UNANSWERED = frozenset({OrderStatus.PENDING_SUBMIT, OrderStatus.PENDING_CANCEL})


class Reconciler(Doubts):
    def __init__(self, seat: OmsSeat, gate: Gate) -> None:
        super().__init__(seat, gate)
        self._stream_reason = f"stream:{seat.venue}"
        self._began: tuple[int, int] | None = None  # doubts of the gate and monotonic time when reconciling began
        self._asked_ns = 0
        self._reconcile_again: str | None = None
        self._to_answer: dict[str, str] = {}  # request -> who asked, of comparisons that have not begun
        self._answering: dict[str, str] = {}
        self._watermark_ns = self._since_ns = 0
        self._horizon_ns = 0  # before this the fill book does not know what is booked: never ask for it
        self._reconciliations = self._doubtful_rounds = self._doubtful_since_ns = 0
        self._is_drift_told = False

    def figures(self) -> OmsFigures:
        return OmsFigures(
            working=len(self._book.open_rows()),
            unknown=len(self._book.unknown()),
            waiting_children=sum(len(self._book.later(intent.intent_id)) for intent in self._book.open_intents()),
            escapes=len(self._escapes),
            reconciliations=self._reconciliations,
            is_reconciling=self._began is not None,
            foreign_orders=len(self._strange_orders),
            orphan_fills=len(self._strange_fills),
            stages=self._stage_times.figures(),
        )

    @property
    def _stream_is_up(self) -> bool:
        """Kept in the gate, since the stream outlives this incarnation and will not come up again for the next one."""
        return not self._gate.is_in_force(self._stream_reason)

    def _stream_is_down(self, why: str, ctx: Context) -> None:
        self._gate.shut(doubt(self._stream_reason, why, ctx.now_ns()), by=ctx)

    @receives(OrderChannelUp)
    def on_channel_up(self, _: OrderChannelUp, ctx: Context) -> None:
        """While the stream was away anything may have happened."""
        self._gate.require_recovery("the order stream has come up", ctx.now_ns(), by=ctx)
        self._gate.lift(self._stream_reason, by=ctx)
        self._begin_reconciliation("the order stream has come up", ctx)

    @receives(OrderChannelDown)
    def on_channel_down(self, event: OrderChannelDown, ctx: Context) -> None:
        self._stream_is_down(f"the order stream is down: {event.reason}", ctx)
        self._gate.require_recovery(f"the order stream is down: {event.reason}", ctx.now_ns(), by=ctx)

    @receives(Reconcile)
    def on_reconcile(self, command: Reconcile, ctx: Context) -> None:
        if command.reply_to is not None:
            self._to_answer[command.request_id] = command.reply_to
        if command.is_look:
            self._look(command.reason, ctx)
        else:
            self._doubt(command.reason, ctx)

    def _look(self, reason: str, ctx: Context) -> None:
        self._begin_reconciliation(reason, ctx)

    def _doubt(self, reason: str, ctx: Context) -> None:
        self._gate.require_recovery(reason, ctx.now_ns(), by=ctx)
        self._begin_reconciliation(reason, ctx)

    def _begin_reconciliation(self, reason: str, ctx: Context) -> None:
        if not self._is_loaded:
            return
        if self._began is not None and ctx.monotonic_ns() - self._began[1] < int(SNAPSHOT_TIMEOUT_S * 1e9):
            self._reconcile_again = reason
            return
        self._began = (self._gate.doubts, ctx.monotonic_ns())
        self._asked_ns = ctx.now_ns()
        self._reconcile_again = None
        self._answering |= self._to_answer
        self._to_answer = {}
        margin_ns = int(SNAPSHOT_MARGIN_S * 1e9)
        made_ns = (row.created_ns for row in self._book.open_rows())
        oldest_ns = min(made_ns, default=self._watermark_ns + margin_ns) - margin_ns
        # Where totals are the fills, each row knows what is booked of it; an adopted one may be older than the run.
        horizon_ns = self._horizon_ns if self._seat.capabilities.has_execution_ids else 0
        since_ns = max(horizon_ns, min(self._watermark_ns, oldest_ns))
        self._since_ns = min((since_ns, *(made - margin_ns for made in self._strangers_since(ctx.now_ns()))))
        of_orders = (row.ticket.symbol for row in self._book.open_rows())
        symbols = tuple(dict.fromkeys((*self._seat.symbols, *of_orders, *self._foreign_symbols())))
        ctx.tell(self._broker, TakeVenueSnapshot(symbols=symbols, since_ns=self._since_ns))

    def _strangers_since(self, now_ns: int) -> Iterator[int]:
        """Where totals are the fills, when each order of others was made that may still work: the last growth of one
        that has ended since is in no list that begins after it was made. However early: what is noted of it is known
        by its total. After a restart each seems to work that ever did when it was first seen, hence the bound."""
        if self._seat.capabilities.has_execution_ids:
            return
        for orders, for_ns in (
            (self._strange_orders, STRANGERS_LOOKED_FOR_NS),
            (self._left_alone, LEFT_ALONE_LOOKED_FOR_NS),
        ):
            made_ns = (order.created_ns for order in orders.values() if not order.status.is_terminal)
            yield from (made for made in made_ns if made > now_ns - for_ns)

    @receives(VenueSnapshotFailed)
    def on_snapshot_failed(self, failed: VenueSnapshotFailed, ctx: Context) -> None:
        """The next round asks again; until then the gate stays as it is."""
        self._began = None
        for request_id, asker in self._answering.items():
            detail = f"{failed.venue} could not be asked: {failed.reason}"
            ctx.tell(asker, ActAnswered(request_id=request_id, outcome=Outcome.FAILED, detail=detail))
        self._answering = {}

    @receives(VenueSnapshotTaken)
    def on_snapshot(self, snapshot: VenueSnapshotTaken, ctx: Context) -> None:
        if snapshot.as_of_ns < self._asked_ns - int(STALE_S * 1e9):
            return  # to a question that was given up; the one that was asked since is still to be answered
        began, self._began = self._began, None
        if began is None or not self._is_loaded:
            return
        result = reconcile(self._local_view(), snapshot)
        fills_before = len(self._book.fills)
        for event in result.events:
            self._apply(event, ctx, source="snapshot")
        for key in result.absent:
            self._settle_absent(key, ctx)
        self._conclude(result, snapshot, began, len(self._book.fills) - fills_before, ctx)

    def _local_view(self) -> LocalView:
        """Our side of a comparison. A submit gets exactly one answer, so one without is still under way: what an
        earlier incarnation sent is UNKNOWN by now, and is held back by its epoch if it has not left."""
        capabilities = self._seat.capabilities
        in_flight = (r for r in self._book.open_rows() if r.status in UNANSWERED and not order_events.was_answered(r))
        return LocalView(
            orders=self._book.all_rows(),
            fill_ids=self._book.fills,
            since_ns=self._since_ns,
            request_validity_s=capabilities.request_validity_s,
            in_flight=frozenset(row.ticket.client_order_id for row in in_flight),
            claiming=self._claiming(),
            totals=self._totals_only(),
            foreign=self._foreign_keys(),
            ignored=self._ignored,
        )

    def _settle_absent(self, key: str, ctx: Context) -> None:
        row = self._book.get(key)
        if row is not None and not row.status.is_terminal:
            reason = f"{ErrorCode.ORDER_PROVEN_ABSENT}: the venue never had it"
            if self._may_resend(row, ctx):
                self._resend(row, reason, ctx)
            else:
                self._settle(order_events.prove_absent(row, reason, ctx.now_ns()), ctx, source="snapshot")

    def _conclude(
        self, result: Reconciliation, snapshot: VenueSnapshotTaken, began: tuple[int, int], fills: int, ctx: Context
    ) -> None:
        """Write down what was found; the gate opens when that is on disk, and not before."""
        doubts, began_ns = began
        self._reconciliations += 1
        if result.is_clean or self._doubtful_rounds == 0:
            self._doubtful_since_ns, self._is_drift_told = ctx.monotonic_ns(), False
        self._doubtful_rounds = 0 if result.is_clean else self._doubtful_rounds + 1
        problems = (
            *result.contradictions,
            *(f"{u.client_order_id}: {u.reason}" for u in result.unresolved),
            *(f"order {o.venue_order_id} in {o.symbol} bears our mark, in no book of ours" for o in result.unrecorded),
            *(f"execution {e.execution_id} in {e.symbol} belongs to no order that is known" for e in result.orphans),
        )
        done = Reconciled(
            venue=snapshot.venue,
            is_clean=result.is_clean,
            doubts=doubts,
            fills_booked=fills,
            orders_resolved=len(result.events) - fills + len(result.absent),
            foreign_orders=len(result.foreign),
            drifts=problems,
            skipped=result.skipped,
            took_s=(ctx.monotonic_ns() - began_ns) / 1e9,
        )
        records: list[Record] = [ReconciliationRecorded(result=done), *self._note_strangers(result, ctx.now_ns())]
        compare = ReconcilePortfolio(
            balances=snapshot.balances,
            as_of_ns=snapshot.as_of_ns,
            strangers=result.strangers,
            is_clean=result.is_clean,
            decided_ns=self._decided_ns,
        )
        release = (ctx.seal(addresses.PORTFOLIO, compare), ctx.seal(ctx.name, done), *self._answers(done, ctx))
        self._append(tuple(records), release, None, ctx)
        self._escalate(problems, ctx)
        self._note_doubts(result, ctx)
        if result.is_clean and not self._book.open_rows():
            self._watermark_ns = max(self._watermark_ns, snapshot.as_of_ns - int(SNAPSHOT_MARGIN_S * 1e9))
        for key in result.cancels_to_repeat:
            row = self._book.get(key)
            if row is not None:
                ctx.tell(self._broker, cancel_of(row, "repeated"))
        if self._reconcile_again is not None:
            self._begin_reconciliation(self._reconcile_again, ctx)

    def _answers(self, done: Reconciled, ctx: Context) -> tuple[Letter, ...]:
        """To those who asked for this comparison."""
        asked, self._answering = self._answering, {}
        return tuple(ctx.seal(to, ReconcileAnswered(request_id=key, result=done)) for key, to in asked.items())

    def _escalate(self, problems: tuple[str, ...], ctx: Context) -> None:
        doubtful_s = (ctx.monotonic_ns() - self._doubtful_since_ns) / 1e9
        if self._is_drift_told or self._doubtful_rounds < DOUBTFUL_ROUNDS or doubtful_s < DOUBTFUL_FOR_S:
            return
        self._is_drift_told = True
        said = "; ".join(problems)
        found = f"{self._doubtful_rounds} reconciliations in {doubtful_s:.0f} s left doubts: {said}"
        detail = f"{ErrorCode.POSITION_SYNC_FAIL}: {found}"
        ctx.tell(addresses.FAILURE_HANDLER, FailureReported(mode=FailureMode.POSITION_DRIFT, detail=detail))

    @receives(Reconciled)
    def on_reconciled(self, done: Reconciled, ctx: Context) -> None:
        """What was found is on disk now."""
        if done.is_clean and self._stream_is_up:
            self._gate.recovered(done.doubts, by=ctx)
