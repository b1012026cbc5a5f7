"""InboxKeeper: the half of the inbox that owes answers, from the moment a row was taken until it has one.

It holds the file and the ledger's reader, hears what became of the intents, and looks for those of which nothing is
heard: behind everybody who might still have them, so that "lost" is said only of what can never be carried out.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import NamedTuple

from actors import addresses
from bulkhead.ledger import inbox_answers as answers
from bulkhead.ledger.inbox_port import InboxAnswer, InboxPort, InboxRow, IntentFinder, KnownIntent
from bulkhead.ledger.port import LedgerNewer, LedgerUnavailable
from messages.codes import ErrorCode
from messages.failure import FailureMode, FailureReported, StopLevelTold
from messages.inbox import InboxNoted, InboxRowRefused
from messages.intents import IntentSettled
from messages.orders import OrdersTold, OrderUpdated
from messages.portfolio import TellState
from messages.records import Append, AppendFailed
from messages.supervision import Busy
from messages.trading import RiskRefused
from messages.values import IntentStatus, Value
from supervisor.runtime.behaviour import Behaviour, Context, receives

ANSWER_TIMEOUT_S = 10.0
"""A row that was handed in, and not heard of for this long, is looked for."""
SEARCH_TIMEOUT_S = 10.0
"""A search that nobody answered begins anew: somebody in its way was restarted."""
LEDGER_TROUBLE = (LedgerUnavailable, LedgerNewer)
_KINDS = (IntentStatus.SUBMITTED, IntentStatus.DUPLICATE, IntentStatus.REJECTED, IntentStatus.FAILED)


class InboxFigures(Value):
    """Shown by `status`."""

    taken: int
    waiting: int
    """Taken, and not answered."""
    unwritten: int
    """Answers that wait for another process to leave the file."""
    submitted: int
    duplicate: int
    rejected: int
    failed: int
    trouble: str | None
    """Why the file or the ledger cannot be read at present."""


class Sent(NamedTuple):
    row: InboxRow
    until_ns: int
    """When it is looked for."""


class Noting(NamedTuple):
    """The row that is on its way into the ledger."""

    number: int
    row: InboxRow
    answer: InboxAnswer | None
    """None for a row that goes on to the risk guard."""
    until_ns: int


class Search(NamedTuple):
    number: int
    intent_ids: frozenset[str]
    until_ns: int

    @property
    def chain(self) -> str:
        """Correlation of its questions: an answer to an earlier search proves nothing about this one."""
        return f"{addresses.INBOX}.search.{self.number}"


class InboxKeeper(Behaviour, ABC):
    def __init__(self, open_inbox: Callable[[], InboxPort], open_finder: Callable[[], IntentFinder]) -> None:
        self._open_inbox, self._open_finder = open_inbox, open_finder
        self._inbox: InboxPort | None = None
        self._finder: IntentFinder | None = None
        self._queue: deque[InboxRow] = deque()
        self._noting: Noting | None = None
        self._sent: dict[str, Sent] = {}
        """By intent id: handed in, and not answered."""
        self._search: Search | None = None
        self._numbers = count(1)
        self._room = 0
        """Rows that may yet be handed in before the next poll."""
        self._knows_orders = False
        self._trouble: str | None = None
        self._taken = 0
        self._answered = dict.fromkeys(_KINDS, 0)

    def figures(self) -> InboxFigures:
        given = self._answered
        return InboxFigures(
            taken=self._taken,
            waiting=self._taken - sum(given.values()),
            unwritten=self._inbox.waiting if self._inbox else 0,
            submitted=given[IntentStatus.SUBMITTED],
            duplicate=given[IntentStatus.DUPLICATE],
            rejected=given[IntentStatus.REJECTED],
            failed=given[IntentStatus.FAILED],
            trouble=self._trouble,
        )

    def on_stop(self, ctx: Context, reason: str) -> None:
        if self._inbox is not None:
            self._inbox.flush()
            self._inbox.close()
        if self._finder is not None:
            self._finder.close()

    @abstractmethod
    def _go_on(self, ctx: Context) -> None:
        """The row that was in the way is out of it: deal with the next."""

    def _find(self, action_key: str, intent_id: str) -> KnownIntent | None:
        """Raises LedgerUnavailable or LedgerNewer; the ledger is then opened anew for the next question."""
        try:
            if self._finder is None:
                self._finder = self._open_finder()
            return self._finder.find_intent(action_key, intent_id)
        except LEDGER_TROUBLE:
            finder, self._finder = self._finder, None
            if finder is not None:
                finder.close()
            raise

    def _report(self, trouble: str | None, ctx: Context) -> None:
        """Once when it begins, and once when it is over."""
        was, self._trouble = self._trouble, trouble
        if (was is None) != (trouble is None):
            is_over = trouble is None
            detail = "the inbox is read again" if is_over else f"the inbox cannot be read: {trouble}"
            report = FailureReported(mode=FailureMode.INBOX_UNAVAILABLE, detail=detail, recovered=is_over)
            ctx.tell(addresses.FAILURE_HANDLER, report)

    # -- on record first -----------------------------------------------------------------------------------------------

    def _note(self, row: InboxRow, answer: InboxAnswer, ctx: Context) -> None:
        """An answer that nobody else has on record: written there, and then into the row."""
        self._noting = Noting(next(self._numbers), row, answer, ctx.now_ns() + int(ANSWER_TIMEOUT_S * 1e9))
        refused = InboxRowRefused(
            row_id=row.row_id,
            intent_id=row.intent_id,
            action_key=row.action_key,
            status=answer.status,
            code=answer.code,
            reason=answer.reason,
            asked=answers.in_words(row.intent),
        )
        noted = ctx.seal(ctx.name, InboxNoted(number=self._noting.number))
        append = Append(records=(refused,), release=(noted,))
        ctx.tell(addresses.LEDGER, append, correlation_id=row.intent_id or None)

    @receives(InboxNoted)
    def on_noted(self, noted: InboxNoted, ctx: Context) -> None:
        if self._noting is not None and self._noting.number == noted.number:
            noting, self._noting = self._noting, None
            if noting.answer is not None:
                self._answer(noting.row, noting.answer, ctx)
        elif self._search is not None and self._search.number == noted.number:
            search, self._search = self._search, None
            self._conclude(search, ctx)
        self._go_on(ctx)

    @receives(AppendFailed)
    def on_append_failed(self, _: AppendFailed, __: Context) -> None:
        """Nothing was written or released, or it was lost with the ledger's actor: with the next poll again."""
        self._search = None
        self._not_noted()

    def _not_noted(self) -> None:
        """The row waits for the next poll. Should it have been released after all, its intent is found in the ledger,
        or refused as a duplicate and looked for."""
        noting, self._noting = self._noting, None
        if noting is None:
            return
        is_open = noting.answer is not None or self._sent.pop(noting.row.intent_id, None) is not None
        if is_open:  # else somebody has said what became of it
            self._queue.appendleft(noting.row)
        self._room = 0

    # -- what became of it --------------------------------------------------------------------------------------------

    @receives(RiskRefused)
    def on_refused(self, refused: RiskRefused, ctx: Context) -> None:
        self._settle(refused.intent_id, refused.code, answers.of_refusal(refused), ctx)

    @receives(IntentSettled)
    def on_settled(self, settled: IntentSettled, ctx: Context) -> None:
        self._settle(settled.intent_id, settled.code, answers.of_settlement(settled), ctx)

    def _settle(self, intent_id: str, code: str, answer: InboxAnswer, ctx: Context) -> None:
        sent = self._sent.get(intent_id)
        if sent is None:
            return
        if code == ErrorCode.INTENT_DUPLICATE:
            # The ledger did not know it: perhaps this very row, handed in before a restart of ours, is on its way.
            self._sent[intent_id] = sent._replace(until_ns=ctx.now_ns())
            self._begin_search(ctx)
            return
        del self._sent[intent_id]
        self._answer(sent.row, answer, ctx)

    @receives(OrderUpdated)
    def on_order(self, update: OrderUpdated, ctx: Context) -> None:
        order = update.order
        sent = self._sent.get(order.intent_id)
        if sent is None:
            return
        answer = answers.of_order(order)
        if answer is None and order.status in answers.NO_ORDER:
            answer = self._of_ended(sent.row, ctx)
        if answer is not None:
            del self._sent[order.intent_id]
            self._answer(sent.row, answer, ctx)

    def _of_ended(self, row: InboxRow, ctx: Context) -> InboxAnswer | None:
        """Of an intent whose order the venue never had: None while it has other orders."""
        try:
            known = self._find(row.action_key, row.intent_id)
        except LEDGER_TROUBLE as error:
            self._report(str(error), ctx)
            return None
        if known is None or known.status in answers.OPEN:
            return None
        return answers.as_in_ledger(known)

    @receives(Busy)
    def on_busy(self, busy: Busy, _: Context) -> None:
        """The risk guard has no room for another entry, and has not taken it: with the next poll again."""
        sent = self._sent.pop(busy.about, None)
        if sent is not None:
            self._queue.appendleft(sent.row)
            self._room = 0

    def _answer(self, row: InboxRow, answer: InboxAnswer, ctx: Context) -> None:
        self._answered[answer.status] += 1
        if self._inbox is not None:
            self._inbox.answer(row, answer, ctx.now_ns())

    # -- the search for what was not heard of -------------------------------------------------------------------------

    def _begin_search(self, ctx: Context) -> None:
        """Ask risk guard, order manager and ledger, each once the one before has answered: mailboxes keep their order,
        so behind the last answer whatever they had of these intents is on disk, or is nowhere."""
        now_ns = ctx.now_ns()
        if self._search is not None and now_ns < self._search.until_ns:
            return
        noting = self._noting.row.intent_id if self._noting else None
        overdue = frozenset(key for key, sent in self._sent.items() if sent.until_ns <= now_ns and key != noting)
        self._search = None
        if overdue:
            self._search = Search(next(self._numbers), overdue, now_ns + int(SEARCH_TIMEOUT_S * 1e9))
            ctx.tell(addresses.RISK_GUARD, TellState(strategy_id=None), correlation_id=self._search.chain)

    @receives(StopLevelTold)
    def on_guard_has_answered(self, _: StopLevelTold, ctx: Context) -> None:
        if self._search is not None and self._is_of_search(self._search, ctx):
            ctx.tell(addresses.OMS, TellState(strategy_id=None), correlation_id=self._search.chain)

    @receives(OrdersTold)
    def on_orders(self, _: OrdersTold, ctx: Context) -> None:
        """The order manager has read its books; or it answers a search."""
        self._knows_orders = True
        search = self._search
        if search is not None and self._is_of_search(search, ctx):
            behind = ctx.seal(ctx.name, InboxNoted(number=search.number))
            ctx.tell(addresses.LEDGER, Append(records=(), release=(behind,)), correlation_id=search.chain)

    def _is_of_search(self, search: Search, ctx: Context) -> bool:
        return ctx.current is not None and ctx.current.correlation_id == search.chain

    def _conclude(self, search: Search, ctx: Context) -> None:
        for intent_id in sorted(search.intent_ids & self._sent.keys()):
            row = self._sent[intent_id].row
            try:
                known = self._find(row.action_key, row.intent_id)
            except LEDGER_TROUBLE as error:
                self._report(str(error), ctx)
                return
            answer = answers.answer_at_once(row, known)
            if answer is not None:
                del self._sent[intent_id]
                self._answer(row, answer, ctx)
            elif self._noting is None:
                del self._sent[intent_id]
                self._note(row, answers.LOST, ctx)
