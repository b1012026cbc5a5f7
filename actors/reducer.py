"""Reducer: sells what is held in a scope bit by bit, while a stop of level MEDIUM is in force.

What a look does is bulkhead.execution.reducing's; here it is carried out and written down. The failure handler says
which reductions are in force, all of them at once: one that is not among them ends. What was begun is on disk, so that
a restart goes on with it, once it has been told anew that it is wanted.
"""

from decimal import Decimal

from actors.escaper import LATER_S, Escaper
from actors.oms_seat import OmsSeat
from bulkhead.execution import deadlines, reducing
from bulkhead.execution.order_events import Applied
from bulkhead.execution.reducing import Books, Look, Reducing
from bulkhead.execution.stages.escape import Position
from messages.base import Letter
from messages.records import DeadlineSet, Record
from messages.stops import SetReductions
from messages.supervision import TimerFired
from supervisor.gate import Gate
from supervisor.runtime.behaviour import Context, receives


class Reducer(Escaper):
    def __init__(self, seat: OmsSeat, gate: Gate) -> None:
        super().__init__(seat, gate)
        self._reductions: dict[str, Reducing] = {}
        self._wanted: frozenset[str] = frozenset()
        """Those that this incarnation has been told of: what is only on disk may have been lifted meanwhile."""
        self._last_looks: dict[str, Look] = {}

    @receives(SetReductions)
    def on_reductions(self, command: SetReductions, ctx: Context) -> None:
        if not self._is_loaded:  # what has been begun is not read yet
            ctx.after(LATER_S, "reductions", command)
            return
        records: list[Record] = []
        wanted = {each.reduction_id: each for each in command.reductions}
        for reduction_id, known in tuple(self._reductions.items()):
            if reduction_id not in wanted:
                del self._reductions[reduction_id]
                self._last_looks.pop(reduction_id, None)
                records.append(deadlines.cleared(known.deadline_id, "it is not in force any more"))
        for reduction_id, reduction in wanted.items():
            known = self._reductions.get(reduction_id) or Reducing(reduction, command.share_per_min, ctx.now_ns(), {})
            now = known._replace(reduction=reduction, share_per_min=command.share_per_min)
            self._reductions[reduction_id] = now
            records.append(reducing.as_deadline(now))
        self._wanted = frozenset(wanted)
        if records:
            self._append(tuple(records), (), None, ctx)
        self._reduce_all(ctx)

    def _make_rounds(self, ctx: Context) -> None:
        super()._make_rounds(ctx)
        self._reduce_all(ctx)

    def _reduce_all(self, ctx: Context) -> None:
        for reduction_id in tuple(self._reductions):
            if reduction_id in self._wanted:
                self._reduce(reduction_id, ctx)

    def _reduce(self, reduction_id: str, ctx: Context) -> None:
        before = self._reductions[reduction_id]
        found = reducing.look(before, self._books(), ctx.now_ns())
        last = self._last_looks.get(reduction_id)
        self._reductions[reduction_id], self._last_looks[reduction_id] = found.now, found
        records: list[Record] = []
        if reducing.is_news(last, found):
            records.append(reducing.recorded(found, ctx.now_ns()))
        if found.now != before:
            records.append(reducing.as_deadline(found.now))
        if records:
            self._append(tuple(records), (), None, ctx)
        for close in found.closes:
            intent = reducing.close_intent(found.now, close, self._quotes.get(close.symbol), ctx.now_ns())
            self._take(intent, ("reduction",), Decimal(0), ctx)
        for key in found.cancels:
            self._make_room(key, f"reduction: {before.reduction.reason}", ctx)

    def _make_room(self, client_order_id: str, reason: str, ctx: Context) -> None:
        """Asked once: one that is refused is asked again like that of any intent that is not wanted any more."""
        row = self._book.get(client_order_id)
        intent = None if row is None else self._book.intent(row.intent_id)
        if row is not None and intent is not None and self._book.stopping(row.intent_id) is None:
            self._stop(intent, reason, ctx)
            self._cancel(row, reason, ctx)

    def _settle(self, applied: Applied, ctx: Context, source: str, then: tuple[Letter, ...] = ()) -> None:
        super()._settle(applied, ctx, source, then)
        if self._wanted and applied.order.status.is_terminal:
            # Before its strategy hears of it, and rests another exit in its place.
            ctx.tell(ctx.name, TimerFired(key="reduce"))

    def _books(self) -> Books:
        seat = self._seat
        return Books(
            positions=tuple(
                Position(strategy_id, seat.venue, seat.account, symbol, quantity)
                for (strategy_id, symbol), quantity in self._confirmed.items()
            ),
            orders=tuple(self._book.open_rows()),
            rules=seat.instruments,
            prices={symbol: quote.mid for symbol, quote in self._quotes.items() if quote.mid is not None},
        )

    def _recover_escapes(self, found: tuple[DeadlineSet, ...], ctx: Context) -> None:
        super()._recover_escapes(found, ctx)
        begun = (reducing.of_deadline(deadline) for deadline in found if deadline.kind == reducing.KIND)
        self._reductions = {each.reduction.reduction_id: each for each in begun}
        self._last_looks = {}
