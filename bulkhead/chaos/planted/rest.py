"""Defects of the house around its orders: what invariants 13 to 23 must catch."""

import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

from actors.broker import BrokerActor
from actors.doubts import Doubts
from actors.market_data import MarketDataActor
from actors.oms import OmsActor
from actors.order_worker import OrderWorker
from actors.reconciler import Reconciler
from bulkhead.chaos.planted.kit import Planted, by_name
from bulkhead.execution.asking import query_of
from bulkhead.execution.stages import precheck
from bulkhead.ledger.sqlite import SqliteLedger
from bulkhead.market.freshness import Freshness
from messages.base import Body, Letter
from messages.market import MarketData, Trade
from messages.orders import OrderEvidence, OrderStatusReported, SubmitOrder
from messages.records import LoadRecovery
from messages.trading import OrderIntent
from supervisor.children import Steps
from supervisor.policy import RestartWindow
from supervisor.runtime import host
from supervisor.runtime.behaviour import Behaviour, Context
from supervisor.runtime.directory import Directory

Handler = Callable[[Any, Any, Context], None]
PACE_S: Final = 1.5
OLD_NS: Final = 15 * 1_000_000_000
SHED_EVERY: Final = 50


def handled(kind: type[Behaviour], body: type[Body], handler: Handler) -> AbstractContextManager[object]:
    """Behaviours find their handlers in a table, in which they also note what they have found for a narrower type."""
    return patch.dict(kind.handlers, {body: handler} | {key: handler for key in kind.handlers if issubclass(key, body)})


# -- 13 ---------------------------------------------------------------------------------------------------------------


@contextmanager
def paced_orders() -> Iterator[None]:
    """A broker that spreads orders over time, so that the venue is not hit by many at once, and lets cancels pass."""
    submit = BrokerActor.on_submit

    class Paced(SubmitOrder):
        issuer: str
        issuer_epoch: int

    def on_submit(self: BrokerActor, command: SubmitOrder, ctx: Context) -> None:
        assert ctx.current is not None
        paced = Paced(
            ticket=command.ticket,
            tick_received_monotonic_ns=command.tick_received_monotonic_ns,
            issuer=ctx.current.sender,
            issuer_epoch=ctx.current.epoch,
        )
        ctx.after(PACE_S, f"pace:{command.ticket.client_order_id}", paced)

    def on_paced(self: BrokerActor, paced: Paced, ctx: Context) -> None:
        assert ctx.current is not None
        fields = {"sender": paced.issuer, "epoch": paced.issuer_epoch}
        with patch.object(ctx, "current", ctx.current.model_copy(update=fields)):
            submit(self, SubmitOrder(ticket=paced.ticket), ctx)

    with handled(BrokerActor, SubmitOrder, on_submit), handled(BrokerActor, Paced, on_paced):
        yield


# -- 14 ---------------------------------------------------------------------------------------------------------------


def absent_left() -> AbstractContextManager[object]:
    """What is proven absent is left to the next look, which leaves it too."""
    stack = ExitStack()
    stack.enter_context(patch.object(Reconciler, "_settle_absent", lambda self, key, ctx: None))
    stack.enter_context(patch.object(Doubts, "_note_doubts", lambda self, result, ctx: None))
    return stack


# -- 15 ---------------------------------------------------------------------------------------------------------------


def asks_at_once() -> AbstractContextManager[object]:
    """An order that the venue does not know is asked about again at once."""
    on_status = OmsActor.on_status

    def again(self: OmsActor, reported: OrderStatusReported, ctx: Context) -> None:
        on_status(self, reported, ctx)
        row = self._book.get(reported.client_order_id)
        if reported.order is None and row is not None and not row.status.is_terminal:
            ctx.tell(self._broker, query_of(row))

    return handled(OmsActor, OrderStatusReported, again)


def compares_at_each_word() -> AbstractContextManager[object]:
    """To be sure, the books are compared after each word of the venue."""
    on_evidence = OmsActor.on_evidence

    def compared(self: OmsActor, evidence: OrderEvidence, ctx: Context) -> None:
        on_evidence(self, evidence, ctx)
        self._begin_reconciliation("the venue has spoken", ctx)

    return handled(OmsActor, OrderEvidence, compared)


# -- 16 ---------------------------------------------------------------------------------------------------------------


def smoothed_feed() -> AbstractContextManager[object]:
    """Ticks wait in a buffer that smooths bursts, and get the time at which they leave it."""
    arrived = MarketDataActor._arrived
    waiting: dict[int, list[MarketData]] = {}

    def smoothed(self: MarketDataActor, tick: MarketData, ctx: Context) -> None:
        buffer = waiting.setdefault(id(self), [])
        buffer.append(tick)
        while buffer and buffer[0].received_monotonic_ns < ctx.monotonic_ns() - OLD_NS:
            now = {"event_time_ns": ctx.now_ns(), "received_at_ns": ctx.now_ns()}
            arrived(self, buffer.pop(0).model_copy(update=now), ctx)

    return patch.object(MarketDataActor, "_arrived", smoothed)


def shed_load() -> AbstractContextManager[object]:
    """Now and then a print is not passed on, so that slow readers keep up; nobody is told."""
    take_trade = MarketDataActor._take_trade

    def shed(self: MarketDataActor, trade: Trade, ctx: Context) -> None:
        if (trade.trade_id or 0) % SHED_EVERY:
            take_trade(self, trade, ctx)

    return patch.object(MarketDataActor, "_take_trade", shed)


# -- 17 ---------------------------------------------------------------------------------------------------------------


def tidied_tables() -> AbstractContextManager[object]:
    """Each write clears the venue's words of orders that are done, past the events."""
    append = SqliteLedger.append

    def tidied(self: SqliteLedger, *arguments: Any) -> Any:
        events = append(self, *arguments)
        self.connection.exec_driver_sql("UPDATE orders SET reason = 'done' WHERE status = 'FILLED'")
        self.connection.commit()
        return events

    return patch.object(SqliteLedger, "append", tidied)


# -- 18 ---------------------------------------------------------------------------------------------------------------


def all_at_once() -> AbstractContextManager[object]:
    """Children start side by side, to be up sooner."""
    following = Steps.next

    def at_once(self: Steps, *, one_at_a_time: bool) -> Any:
        return following(self, one_at_a_time=False)

    return patch.object(Steps, "next", at_once)


def endless_restarts() -> AbstractContextManager[object]:
    """Failures are counted, and the count is compared with nothing."""
    charge = RestartWindow.charge

    def charged(self: RestartWindow, now_ns: int) -> bool:
        return charge(self, now_ns) or True

    return patch.object(RestartWindow, "charge", charged)


# -- 19 ---------------------------------------------------------------------------------------------------------------


def only_to_the_living() -> AbstractContextManager[object]:
    """A message to somebody who is being restarted is not kept for the next one."""
    deliver = Directory.deliver

    def to_the_living(self: Directory, letter: Letter) -> None:
        slot = self._slots.get(letter.to)
        if slot is None or slot.live is not None or slot.epoch == 0:
            deliver(self, letter)

    return patch.object(Directory, "deliver", to_the_living)


# -- 20 ---------------------------------------------------------------------------------------------------------------


def each_start_is_the_first() -> AbstractContextManager[object]:
    """A restarted order manager takes the stream for down, and waits for it to come up, which it is."""

    def on_start(self: OmsActor, ctx: Context) -> None:
        self._gate.require_recovery("the order manager has started; the books are to be compared", ctx.now_ns(), by=ctx)
        self._stream_is_down("the order stream has not come up yet", ctx)
        ctx.tell("ledger", LoadRecovery())

    return patch.object(OmsActor, "on_start", on_start)


# -- 21 ---------------------------------------------------------------------------------------------------------------


def milliseconds_for_seconds() -> AbstractContextManager[object]:
    """Silence is counted in the wrong unit: every pause between two ticks is a data delay."""
    looked_at = Freshness.looked_at

    def in_milliseconds(self: Freshness, silent_s: float) -> bool:
        return looked_at(self, silent_s * 1_000)

    return patch.object(Freshness, "looked_at", in_milliseconds)


def deaf_to_silence() -> AbstractContextManager[object]:
    """Silence is never too long."""
    return patch.object(Freshness, "looked_at", lambda self, silent_s: False)


# -- 22 ---------------------------------------------------------------------------------------------------------------


def exits_as_asked() -> AbstractContextManager[object]:
    """An exit is not cut to what is held and free: it sells what it was asked to, and the account has more of it."""

    def as_much_again(intent: OrderIntent, confirmed: Any, open_orders: Any) -> Any:
        return intent.quantity

    def doubled(self: OmsActor, intent: OrderIntent, *arguments: Any) -> None:
        if not intent.intent_type.is_entry:
            intent = intent.model_copy(update={"quantity": intent.quantity * 2})
        take(self, intent, *arguments)

    take = OrderWorker._take
    stack = ExitStack()
    stack.enter_context(patch.object(precheck, "available_to_exit", as_much_again))
    stack.enter_context(patch.object(OrderWorker, "_take", doubled))
    return stack


# -- 23 ---------------------------------------------------------------------------------------------------------------


def environment_in_reports() -> AbstractContextManager[object]:
    """A report of a crash takes the environment along, which helps to find out what was different there."""

    def with_environment(error: BaseException) -> str:
        around = "\n".join(f"{name}={value}" for name, value in os.environ.items())
        return f"{around}\n{''.join(traceback.format_exception(error))}"

    return patch.object(host, "_trace_of", with_environment)


PLANTED = by_name(
    Planted("paced-orders", 13, "orders are spread over time and their cancels pass them by", paced_orders),
    Planted("absent-left", 14, "an order that is proven absent is left as it is", absent_left),
    Planted("asks-at-once", 15, "an unknown order is asked about again as soon as the answer is here", asks_at_once),
    Planted("compares-at-each-word", 15, "each word of the venue has the books compared", compares_at_each_word),
    Planted("smoothed-feed", 16, "ticks wait in a buffer and are stamped anew when they leave it", smoothed_feed),
    Planted("shed-load", 16, "prints are left out and no gap is declared", shed_load),
    Planted("tidied-tables", 17, "a table is changed past the events", tidied_tables),
    Planted("all-at-once", 18, "children start without waiting for those above them", all_at_once),
    Planted("endless-restarts", 18, "a restart budget that is used up stops no restart", endless_restarts),
    Planted("only-to-the-living", 19, "what comes for an actor between two lives is dropped", only_to_the_living),
    Planted("each-start-is-the-first", 20, "a restarted OMS waits for a stream that is up", each_start_is_the_first),
    Planted(
        "milliseconds-for-seconds", 21, "each pause between ticks is called a data delay", milliseconds_for_seconds
    ),
    Planted("exits-as-asked", 22, "an exit is not held to what there is to exit", exits_as_asked),
    Planted("environment-in-reports", 23, "a report of a crash holds the environment", environment_in_reports),
)
