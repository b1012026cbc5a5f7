"""InboxActor: intents of other processes, from the inbox file through the risk guard to an answer in the file.

    take ─> queue ─> asked of the ledger ─> refused: on record, then answered
                                        └─> the market told ─> on record, then to the risk guard ─> sent
    sent ─> RiskRefused, IntentSettled, OrderUpdated ─> answered;  nothing for ANSWER_TIMEOUT_S ─> looked for

Rules. One row is on its way into the ledger at a time, in the order in which they were inserted. Nothing is handed in
that the ledger knows already, so that a row which was taken before a crash is only answered. Whatever is wrong with the
file, or with the ledger's reader, is reported once and tried again: nobody waits for this actor. The second half, which
owes the answers, is actors/inbox_keeper.py.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from actors import addresses
from actors.inbox_keeper import ANSWER_TIMEOUT_S, LEDGER_TROUBLE, InboxKeeper, Noting, Sent
from bulkhead.ledger import inbox_answers as answers
from bulkhead.ledger.inbox_answers import House
from bulkhead.ledger.inbox_port import (
    InboxAnswer,
    InboxNewer,
    InboxPort,
    InboxRow,
    InboxUnavailable,
    IntentFinder,
    KnownIntent,
    order_intent,
)
from messages.codes import ErrorCode
from messages.failure import FailureMode
from messages.inbox import InboxNoted, InboxRowTaken
from messages.market import MarketTold, TellMarket
from messages.orders import OrderUpdated
from messages.portfolio import PortfolioSnapshot, Position, PositionsTold, TellState
from messages.records import Append
from messages.supervision import TimerFired
from messages.values import IntentStatus, MarketSnapshot
from supervisor.gate import Gate
from supervisor.runtime.behaviour import Context, receives

START_PATIENCE_S = 30.0
"""So long after its start rows wait until the books were compared and an account and a price were seen: before, no
entry would pass."""
LIMITED_S = 60.0
"""Venues count requests by the minute: so long after an order was held back for it, the poll is the slow one."""
RATE_CODES = ("RATE_LIMITED:", "BANNED:")
"""How the reason of an order begins that was held back for the venue's request limit."""
STOPPING = "session:stopping"
"""The gate's reason while a session ends: what is in the inbox then waits for the next one."""
FILE_TROUBLE = (InboxUnavailable, InboxNewer)


class InboxSeat(NamedTuple):
    """What the inbox is told when it is made."""

    house: House
    market_data: str
    """Who knows the market."""
    max_per_poll: int
    poll_with_positions_s: float
    poll_without_positions_s: float
    poll_rate_limited_s: float


class Asking(NamedTuple):
    """The row that waits for what MarketData saw last of its symbol."""

    row: InboxRow
    symbol: str
    quantity: Decimal


class InboxActor(InboxKeeper):
    def __init__(
        self, seat: InboxSeat, gate: Gate, open_inbox: Callable[[], InboxPort], open_finder: Callable[[], IntentFinder]
    ) -> None:
        super().__init__(open_inbox, open_finder)
        self._seat, self._gate = seat, gate
        self._asking: Asking | None = None
        self._positions: dict[tuple[str, str], Decimal] = {}
        self._knows_positions = self._saw_account = self._has_begun = False
        self._started_ns = self._limited_until_ns = 0

    def on_start(self, ctx: Context) -> None:
        self._started_ns = ctx.now_ns()
        self._ask(ctx)
        ctx.after(self._interval_s(ctx), "poll")

    def _ask(self, ctx: Context) -> None:
        """Whoever has not answered yet; he may have been restarted over it."""
        if not self._knows_positions:
            ctx.tell(addresses.PORTFOLIO, TellState(strategy_id=None))
        if not self._knows_orders:
            ctx.tell(addresses.OMS, TellState(strategy_id=None))

    @receives(PositionsTold)
    def on_positions(self, told: PositionsTold, _: Context) -> None:
        self._hold(told.positions)

    @receives(PortfolioSnapshot)
    def on_portfolio(self, snapshot: PortfolioSnapshot, _: Context) -> None:
        self._saw_account = True
        self._hold(snapshot.positions)

    def _hold(self, positions: tuple[Position, ...]) -> None:
        self._positions = {(p.strategy_id, p.symbol): p.quantity for p in positions if p.quantity}
        self._knows_positions = True

    @receives(OrderUpdated)
    def on_order(self, update: OrderUpdated, ctx: Context) -> None:
        if (update.order.reason or "").startswith(RATE_CODES):
            self._limited_until_ns = ctx.now_ns() + int(LIMITED_S * 1e9)
        super().on_order(update, ctx)

    # -- polling ------------------------------------------------------------------------------------------------------

    @receives(TimerFired)
    def on_poll(self, _: TimerFired, ctx: Context) -> None:
        ctx.after(self._interval_s(ctx), "poll")
        self._ask(ctx)
        if self._inbox is not None:
            self._inbox.flush()
        self._give_up_waiting(ctx)
        if self._may_take(ctx):
            self._take(ctx)
            self._room = self._seat.max_per_poll
            self._go_on(ctx)
        self._begin_search(ctx)

    def _interval_s(self, ctx: Context) -> float:
        seat = self._seat
        if self._is_limited(ctx):
            return seat.poll_rate_limited_s
        return seat.poll_with_positions_s if self._positions else seat.poll_without_positions_s

    def _is_limited(self, ctx: Context) -> bool:
        """The venue's request limit is used up, by whomever."""
        if ctx.now_ns() < self._limited_until_ns:
            return True
        return any(reason.reason_id.startswith(f"{FailureMode.RATE_LIMIT}:") for reason in self._gate.reasons())

    def _may_take(self, ctx: Context) -> bool:
        """Whether a row would be judged by what is true: not while the house is still reading its books."""
        if not (self._knows_positions and self._knows_orders):
            return False
        is_compared = self._saw_account and self._gate.is_recovered
        self._has_begun = self._has_begun or is_compared or not self._is_starting(ctx)
        return self._has_begun and not self._gate.is_in_force(STOPPING)

    def _is_starting(self, ctx: Context) -> bool:
        return ctx.now_ns() - self._started_ns <= int(START_PATIENCE_S * 1e9)

    def _take(self, ctx: Context) -> None:
        try:
            if self._inbox is None:
                self._inbox = self._open_inbox()
            rows = () if self._queue else self._inbox.take(ctx.now_ns())
        except FILE_TROUBLE as error:
            self._report(str(error), ctx)
            return
        self._taken += len(rows)
        self._queue.extend(rows)
        if self._trouble is not None and self._ledger_answers(ctx):
            self._report(None, ctx)

    def _ledger_answers(self, ctx: Context) -> bool:
        try:
            self._find("", "")
        except LEDGER_TROUBLE as error:
            self._report(str(error), ctx)
            return False
        return True

    def _give_up_waiting(self, ctx: Context) -> None:
        """Whoever was asked has died over it, or has nothing to say."""
        asking, self._asking = self._asking, None
        if asking is not None:
            self._hand_in(asking.row, asking.quantity, None, ctx)
        elif self._noting is not None and ctx.now_ns() > self._noting.until_ns:
            self._not_noted()

    # -- one row after the other --------------------------------------------------------------------------------------

    def _go_on(self, ctx: Context) -> None:
        while self._queue and self._room > 0 and self._noting is None and self._asking is None:
            if self._gate.is_in_force(STOPPING):
                return
            row = self._queue[0]
            try:
                known = self._find(row.action_key, row.intent_id)
            except LEDGER_TROUBLE as error:
                self._report(str(error), ctx)
                return
            self._queue.popleft()
            self._decide(row, known, ctx)

    def _decide(self, row: InboxRow, known: KnownIntent | None, ctx: Context) -> None:
        if known is not None and answers.is_of(row, known):
            self._take_over(row, known, ctx)
            return
        said = answers.answer_at_once(row, known) or self._twin_answer(row)
        if said is None:
            judged = answers.judge(row, self._seat.house, self._positions, ctx.now_ns())
            if isinstance(judged, Decimal):
                self._ask_market(row, judged, ctx)
                return
            said = InboxAnswer(IntentStatus.REJECTED, *judged)
        self._note(row, said, ctx)

    def _take_over(self, row: InboxRow, known: KnownIntent, ctx: Context) -> None:
        """Its intent was on disk before the restart. While it is open the venue may yet say what became of it."""
        if known.status in answers.OPEN:
            self._sent[row.intent_id] = Sent(row, ctx.now_ns() + int(ANSWER_TIMEOUT_S * 1e9))
        else:
            self._answer(row, answers.as_in_ledger(known), ctx)

    def _twin_answer(self, row: InboxRow) -> InboxAnswer | None:
        """To a row that has one of the keys of another which was handed in and has no answer yet."""
        for sent in self._sent.values():
            if sent.row.action_key == row.action_key or sent.row.intent_id == row.intent_id:
                words = f"row {sent.row.row_id}, which is on its way, has this action key or intent id"
                return InboxAnswer(IntentStatus.DUPLICATE, ErrorCode.INTENT_DUPLICATE, words)
        return None

    def _ask_market(self, row: InboxRow, quantity: Decimal, ctx: Context) -> None:
        intent = row.intent
        if intent is not None:
            self._room -= 1
            self._asking = Asking(row, intent.symbol, quantity)
            ctx.tell(self._seat.market_data, TellMarket(symbol=intent.symbol))

    @receives(MarketTold)
    def on_market(self, told: MarketTold, ctx: Context) -> None:
        asking = self._asking
        if asking is None or asking.symbol != told.symbol:
            return  # it came too late
        self._asking = None
        if told.market is None and self._is_starting(ctx):
            self._queue.appendleft(asking.row)
            self._room = 0
        else:
            self._hand_in(asking.row, asking.quantity, told.market, ctx)

    def _hand_in(self, row: InboxRow, quantity: Decimal, market: MarketSnapshot | None, ctx: Context) -> None:
        """On record first; the ledger then posts it to the risk guard."""
        house, now_ns = self._seat.house, ctx.now_ns()
        intent = order_intent(
            row,
            venue=house.venue,
            account=house.account,
            quantity=quantity,
            correlation_id=row.intent_id,
            decision_time_ns=now_ns,
            market=market,
        )
        until_ns = now_ns + int(ANSWER_TIMEOUT_S * 1e9)
        self._noting = Noting(next(self._numbers), row, None, until_ns)
        self._sent[row.intent_id] = Sent(row, until_ns)
        created_ns = row.intent.created_ns if row.intent else now_ns
        taken = InboxRowTaken(row_id=row.row_id, intent=intent, created_ns=created_ns)
        letters = (
            ctx.seal(addresses.RISK_GUARD, intent, correlation_id=row.intent_id),
            ctx.seal(ctx.name, InboxNoted(number=self._noting.number)),
        )
        ctx.tell(addresses.LEDGER, Append(records=(taken,), release=letters), correlation_id=row.intent_id)
