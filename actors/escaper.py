"""Escaper: gets out of a scope, round by round, until nothing is left to cancel or to close.

A round is bulkhead.execution.stages.escape's; here it is carried out and written down. The first one is made at once,
the next ones upon the end of an order or after a second. An escape is on disk until it is over, so that a restart goes
on with it.
"""

from decimal import Decimal

from actors.oms_seat import OmsSeat
from actors.order_worker import OrderWorker
from bulkhead.execution import deadlines, escaping, order_events
from bulkhead.execution.asking import cancel_of
from bulkhead.execution.escaping import Escaping
from bulkhead.execution.order_events import Applied
from bulkhead.execution.stage_times import Stopwatch
from bulkhead.execution.stages.escape import EscapeInput, EscapeRound, Position, Scope, escape
from messages.base import Letter
from messages.escapes import Escape, EscapeRecorded, scope_of
from messages.failure import StopReason
from messages.orders import OrderRow
from messages.records import DeadlineSet, Record
from messages.trading import OrderIntent
from messages.values import OrderStatus, OrderType, StopLevel, StopPlan
from supervisor.gate import Gate
from supervisor.runtime.behaviour import Context, receives

QUICK_S = 0.05
"""From the end of an order to the next round: what ends together is looked at together."""
LATER_S = 1.0
"""Until an escape is asked for again that came before the ledger was read."""
MAX_PAUSE_S = 60.0
"""Between two rounds at most, when closes come to nothing again and again, or cancels do."""
PATIENT_ROUNDS = 10
"""That may ask for nothing but cancels that were refused before, until the pauses grow."""
FRUITLESS_KEPT = 10
"""Of closes that came to nothing, the latest that are remembered: enough for the longest pause."""
CANCEL_AGAIN_S = 5.0
"""After a cancel that was refused for a cause that may pass (no turn, no token); then longer and longer."""
_WORKING = frozenset({OrderStatus.SUBMITTED, OrderStatus.PARTIAL})


class Escaper(OrderWorker):
    def __init__(self, seat: OmsSeat, gate: Gate) -> None:
        super().__init__(seat, gate)
        self._escapes: dict[str, Escaping] = {}
        self._last_rounds: dict[str, EscapeRecorded] = {}
        self._made_ns: dict[str, int] = {}
        """When each one's last round was made."""
        self._repeats: dict[str, int] = {}
        """Rounds of each one, in a row, that have only asked for cancels anew; none since an order has ended."""
        self._cancels: dict[str, tuple[int, int]] = {}
        """Of orders that work although their intent is stopping: when a cancel was last due, and how often it was."""

    @receives(Escape)
    def on_escape(self, command: Escape, ctx: Context) -> None:
        """On disk before anything is done; what is done first is that nothing new is sent."""
        if command.escape_id in self._escapes:
            return
        if not self._is_loaded:  # these books are empty yet, and would seem to be flat
            ctx.after(LATER_S, f"escape:{command.escape_id}", command)
            return
        about = None if command.intent_id is None else self._book.intent(command.intent_id)
        if command.intent_id is not None and about is None:
            return  # it has ended meanwhile
        began = Escaping(command, ctx.now_ns(), intent=about)
        self._escapes[command.escape_id] = began
        self._keep_shut(began, ctx)
        self._append((escaping.as_deadline(began),), (), None, ctx)
        self._make_round(command.escape_id, ctx)

    def _keep_shut(self, now: Escaping, ctx: Context) -> None:
        """Nothing is opened behind the back of what closes, whoever shuts the gate for longer."""
        command = now.command
        if not command.is_closing or command.intent_id is not None:
            return
        reason = StopReason(
            reason_id=now.deadline_id,
            level=StopLevel.SOFT,
            scope=scope_of(command.strategy_id, command.symbol),
            cause=f"getting out: {command.reason}",
            since_ns=now.began_ns,
            plan=StopPlan.NONE,
        )
        self._gate.shut(reason, by=ctx)

    def _make_rounds(self, ctx: Context) -> None:
        """Of each escape that is not pausing: after a second without news, and soon after an order has ended."""
        for escape_id in tuple(self._escapes):
            since_ns = ctx.now_ns() - self._made_ns.get(escape_id, 0)
            if since_ns >= int(self._pause_s(self._escapes[escape_id]) * 1e9):
                self._make_round(escape_id, ctx)

    def _settle(self, applied: Applied, ctx: Context, source: str, then: tuple[Letter, ...] = ()) -> None:
        before = self._book.get(applied.order.ticket.client_order_id)
        super()._settle(applied, ctx, source, then)
        if before is not None and before.status is OrderStatus.UNKNOWN:
            self._cancel_what_came_back(applied.order, ctx)
        if self._escapes and applied.order.status.is_terminal:
            self._repeats.clear()
            ctx.after(QUICK_S, "escape")
        if before is not None and before.status.is_terminal and applied.fill is not None:
            self._hold_again(applied.order, ctx)

    def _hold_again(self, row: OrderRow, ctx: Context) -> None:
        """Something is held that was not, after its order's end. The plan that is to leave nothing may be over: whoever
        runs the plans tells all of them anew once the books are compared."""
        names = (f"venue:{row.ticket.venue}", f"symbol:{row.ticket.symbol}", f"strategy:{row.strategy_id}")
        if self._gate.level(frozenset({"all", *names})) >= StopLevel.HARD:
            self._doubt(f"{row.ticket.client_order_id} has changed after its end, and nothing is to be held", ctx)

    def _make_round(self, escape_id: str, ctx: Context) -> None:
        now = self._escapes[escape_id]
        now = now._replace(rounds=now.rounds + 1)
        self._made_ns[escape_id] = ctx.now_ns()
        self._stop_all(now, ctx)
        given = self._round_input(now, ctx)
        stopwatch = Stopwatch(ctx.monotonic_ns, self._stage_times)
        made = escape(given)
        stopwatch("escape")
        for cancel in made.cancels:
            row = self._book.get(cancel.client_order_id)
            if row is not None:
                self._cancel(row, cancel.reason, ctx)
        intents = tuple(
            escaping.close_intent(now, close, self._quotes.get(close.symbol), now.deadline_id, ctx.now_ns())
            for close in made.closes
        )
        asked = {cancel.client_order_id for cancel in made.cancels}
        is_repeat = bool(asked) and asked <= set(now.cancelled) and not intents
        self._repeats[escape_id] = self._repeats.get(escape_id, 0) + 1 if is_repeat else 0
        cancelled = dict.fromkeys((*now.cancelled, *(cancel.client_order_id for cancel in made.cancels)))
        closing = (*self._worth_knowing(now.closing), *(intent.intent_id for intent in intents))
        now = now._replace(closing=closing, cancelled=tuple(cancelled))
        self._write_down(now, made, has_acted=bool(intents or made.cancels), ctx=ctx)
        for intent in intents:
            self._take(intent, ("getting out",), Decimal(0), ctx)

    def _pause_s(self, now: Escaping) -> float:
        """Longer and longer while closes come to nothing, or cancels are refused: a venue that does so is not asked
        every second."""
        repeats = self._repeats.get(now.command.escape_id, 0) - PATIENT_ROUNDS
        fruitless = max(len(self._fruitless(now.closing)), repeats)
        return min(MAX_PAUSE_S, 2.0 ** min(fruitless, FRUITLESS_KEPT)) if fruitless > 0 else 0.0

    def _fruitless(self, closing: tuple[str, ...]) -> list[str]:
        ended = (key for key in closing if self._book.intent(key) is None)
        return [intent_id for intent_id in ended if self._book.filled(intent_id)[0] == 0]

    def _worth_knowing(self, closing: tuple[str, ...]) -> tuple[str, ...]:
        """A market that is closed for days refuses a close a minute; each would stand in each round's deadline."""
        forgotten = set(self._fruitless(closing)[:-FRUITLESS_KEPT])
        return tuple(key for key in closing if key not in forgotten)

    def _stop_all(self, now: Escaping, ctx: Context) -> None:
        """No child of an intent in the scope gets its turn any more, and nothing is repriced."""
        reason = f"{now.command.trigger}: {now.command.reason}"
        for intent in self._book.open_intents():
            if now.covers(intent):
                self._stop(intent, reason, ctx)

    def _stop(self, intent: OrderIntent, reason: str, ctx: Context) -> None:
        stopped = self._stop_working(intent, reason)
        if stopped:
            more = self._go_on(intent, ctx)
            self._append((*stopped, *more.records), (*more.first, *more.letters), intent.correlation_id, ctx)

    def _round_input(self, now: Escaping, ctx: Context) -> EscapeInput:
        command, seat = now.command, self._seat
        about = () if now.intent is None else self._book.children(now.intent.intent_id)
        ended = tuple(row for row in about if row.status.is_terminal)
        return EscapeInput(
            trigger=command.trigger,
            reason=command.reason,
            scope=Scope(strategy_id=command.strategy_id, symbol=command.symbol, intent=now.intent),
            is_closing=command.is_closing,
            orders=(*self._book.open_rows(), *ended),
            closed=tuple(row for intent_id in now.closing for row in self._book.children(intent_id)),
            positions=tuple(
                Position(strategy_id, seat.venue, seat.account, symbol, quantity)
                for (strategy_id, symbol), quantity in self._confirmed.items()
            ),
            rules=seat.instruments,
            prices={symbol: quote.mid for symbol, quote in self._quotes.items() if quote.mid is not None},
            began_ns=now.began_ns,
            now_ns=ctx.now_ns(),
        )

    def _write_down(self, now: Escaping, made: EscapeRound, *, has_acted: bool, ctx: Context) -> None:
        """Each round that did or found something new, and the last one."""
        escape_id = now.command.escape_id
        record = escaping.recorded(now, made)
        records: list[Record] = []
        letters: tuple[Letter, ...] = ()
        if made.is_over:
            del self._escapes[escape_id]
            self._last_rounds.pop(escape_id, None)
            self._made_ns.pop(escape_id, None)
            self._repeats.pop(escape_id, None)
            self._gate.lift(now.deadline_id, by=ctx)
            records = [record, deadlines.cleared(now.deadline_id, "it is over")]
            if now.command.reply_to is not None:
                closes = (row for intent_id in now.closing for row in self._book.children(intent_id))
                letters = (ctx.seal(now.command.reply_to, escaping.answered(now, record, closes)),)
        else:
            self._escapes[escape_id] = now
            if self._is_news(record):
                records.append(record)
                self._last_rounds[escape_id] = record
            if has_acted:
                records.append(escaping.as_deadline(now))
        if records:
            self._append(tuple(records), letters, None, ctx)

    def _is_news(self, record: EscapeRecorded) -> bool:
        before = self._last_rounds.get(record.escape_id)
        return before is None or escaping.told_of(before) != escaping.told_of(record)

    # -- what it does -------------------------------------------------------------------------------------------------

    def _cancel(self, row: OrderRow, reason: str, ctx: Context) -> None:
        key = row.ticket.client_order_id
        if row.status is OrderStatus.PENDING_SUBMIT and not order_events.was_answered(row) and self._let_go(key, ctx):
            # The venue has nothing to cancel: it would say so, and the order would be sent again.
            unsent = f"cancelled before it was sent again: {reason}"
            self._settle(order_events.give_up(row, unsent, ctx.now_ns()), ctx, "plan")
            return
        letter = ctx.seal(self._broker, cancel_of(row, reason), correlation_id=row.correlation_id)
        asked = order_events.request_cancel(row, reason, ctx.now_ns())
        if row.status is OrderStatus.PENDING_SUBMIT:
            self._settle(asked, ctx, "plan", then=(letter,))  # behind its order, which may still wait for the disk
        else:
            ctx.post(letter)  # a cancel needs no record before it: it works with a full disk, too
            self._settle(asked, ctx, "plan")

    def _cancel_what_came_back(self, row: OrderRow, ctx: Context) -> None:
        """It was in doubt and turns out to work, while nobody wants its intent any more: a cancel that was asked for
        meanwhile may have found nothing to cancel, and of the milder plan there is no other. An exit at the market is
        what a close would be: it goes on."""
        reason = self._unwanted(row)
        if reason is not None:
            self._cancel(row, reason, ctx)

    def _unwanted(self, row: OrderRow) -> str | None:
        """Why it should not work any more, although it does; None where all is well."""
        ticket = row.ticket
        is_close = not ticket.intent_type.is_entry and ticket.order_type is OrderType.MKT
        return None if is_close or row.status not in _WORKING else self._book.stopping(row.intent_id)

    def _cancel_again(self, ctx: Context) -> None:
        """What is not wanted and works all the same: its cancel was refused, and of the milder plan there is one only.
        An escape makes rounds of its own."""
        now_ns = ctx.now_ns()
        covered = tuple(self._escapes.values())
        before, self._cancels = self._cancels, {}
        for row in self._book.open_rows():
            reason, intent = self._unwanted(row), self._book.intent(row.intent_id)
            if reason is None or intent is None or any(each.covers(intent) for each in covered):
                continue
            key = row.ticket.client_order_id
            since_ns, times = before.get(key, (now_ns, 0))
            if now_ns - since_ns >= int(min(MAX_PAUSE_S, CANCEL_AGAIN_S * 2.0**times) * 1e9):
                since_ns, times = now_ns, min(times + 1, FRUITLESS_KEPT)
                self._cancel(row, reason, ctx)
            self._cancels[key] = (since_ns, times)

    # -- recovery -----------------------------------------------------------------------------------------------------

    def _recover_escapes(self, found: tuple[DeadlineSet, ...], ctx: Context) -> None:
        begun = (escaping.of_deadline(deadline) for deadline in found if deadline.kind == escaping.KIND)
        on_disk = {each.command.escape_id: each for each in begun}
        refused = [each for escape_id, each in self._escapes.items() if escape_id not in on_disk]
        self._escapes = on_disk
        self._last_rounds, self._made_ns, self._repeats = {}, {}, {}
        for each in refused:  # asked of this incarnation, while the ledger took nothing: nobody asks again
            begins = Escaping(each.command, each.began_ns, intent=each.intent)
            self._escapes[each.command.escape_id] = begins
            self._append((escaping.as_deadline(begins),), (), None, ctx)
        for each in self._escapes.values():
            self._keep_shut(each, ctx)
