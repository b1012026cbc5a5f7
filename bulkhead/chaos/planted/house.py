"""Defects of the house around the order path: what invariants 7 to 12 must catch."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from actors import bookkeeper
from actors.broker import BrokerActor
from actors.oms import OmsActor
from actors.order_keeper import OrderKeeper
from actors.reconciler import Reconciler
from bulkhead.chaos.planted.kit import Planted, by_name, handles_wrongly, instead
from bulkhead.ledger import chain
from bulkhead.ledger.sqlite import SqliteLedger
from bulkhead.risk import exposure
from messages.base import Body, Evidence, Letter
from messages.failure import StopReason
from messages.orders import (
    CancelOrder,
    ExecutionReported,
    Fill,
    OrderEvidence,
    OrderTicket,
    QueryOrder,
    Reconciled,
    SubmitOrder,
    TakeVenueSnapshot,
)
from messages.records import LedgerEvent, Record
from supervisor.gate import Gate, Voice
from supervisor.recorded import RecordedOnly
from supervisor.runtime import cell
from supervisor.runtime.behaviour import Context

AFTER_ALL = 1_000_000
"""An epoch that no incarnation comes to."""


def _only_told(right: Callable[..., bool], gate: Gate, reason: StopReason, *, by: Voice | None, **named: Any) -> bool:
    if reason.reason_id.startswith("risk:"):
        return False
    return right(gate, reason, by=by, **named)


def _opens_anyway(right: Callable[..., None], oms: Reconciler, done: Reconciled, ctx: Context) -> None:
    right(oms, done.model_copy(update={"is_clean": True}), ctx)


def _without_fee(right: Callable[..., dict[str, Decimal]], fill: Fill, base: str, quote: str) -> dict[str, Decimal]:
    return right(fill.model_copy(update={"fee": Decimal(0), "tax": Decimal(0)}), base, quote)


@contextmanager
def _sends_first() -> Iterator[None]:
    """Both halves: who sends before it has written, and the last look that would notice."""

    def append(
        right: Callable[..., None],
        oms: OrderKeeper,
        records: tuple[Record, ...],
        release: tuple[Letter, ...],
        correlation_id: str | None,
        ctx: Context,
    ) -> None:
        at_once = tuple(letter for letter in release if isinstance(letter.envelope.body, SubmitOrder))
        for letter in at_once:
            ctx.post(letter)
        later = tuple(letter for letter in release if letter not in at_once)
        right(oms, records, later, correlation_id, ctx)

    def refusal(
        right: Callable[..., str | None], guard: RecordedOnly, ticket: OrderTicket, issuer: str, epoch: int
    ) -> str | None:
        found = right(guard, ticket, issuer, epoch)
        return None if found is not None and found.startswith("OMS_IDEMPOTENCY_MISSING") else found

    with ExitStack() as both:
        both.enter_context(instead(OrderKeeper, "_append", append))
        both.enter_context(instead(RecordedOnly, "refusal", refusal))
        yield


def _hash_without_payload(right: Callable[[LedgerEvent], str], event: LedgerEvent) -> str:
    return right(event.model_copy(update={"payload": ""}))


def _loses_the_last(right: Callable[[SqliteLedger], None], ledger: SqliteLedger) -> None:
    ledger.connection.exec_driver_sql("delete from events where seq = (select max(seq) from events)")
    ledger.connection.commit()
    right(ledger)


@contextmanager
def _outlives() -> Iterator[None]:
    """A queue in the broker, and nobody who asks whether the sender has ended: neither the cell nor the gate."""
    waiting: list[tuple[SubmitOrder, str, int]] = []

    def keep(right: Callable[..., None], broker: BrokerActor, command: SubmitOrder, ctx: Context) -> None:
        flush(broker)
        assert ctx.current is not None
        waiting.append((command, ctx.current.sender, ctx.current.epoch))

    def go_on(right: Callable[..., None], broker: BrokerActor, body: Body, ctx: Context) -> None:
        flush(broker)
        right(broker, body, ctx)

    def flush(broker: BrokerActor) -> None:
        while waiting:
            broker._venue.submit(*waiting.pop(0))

    def refusal(
        right: Callable[..., str | None], gate: Gate, ticket: OrderTicket, issuer: str, _: int, *owner: str | None
    ) -> str | None:
        return right(gate, ticket, issuer, AFTER_ALL, *owner)

    with ExitStack() as all_of_it:
        all_of_it.enter_context(handles_wrongly(BrokerActor, SubmitOrder, keep))
        for body in (Evidence, TakeVenueSnapshot, QueryOrder, CancelOrder):
            all_of_it.enter_context(handles_wrongly(BrokerActor, body, go_on))
        all_of_it.enter_context(patch.object(cell, "is_stale", lambda *_: False))
        all_of_it.enter_context(instead(Gate, "refusal", refusal))
        yield


def _drops_what_is_over(right: Callable[..., None], broker: BrokerActor, evidence: Evidence, ctx: Context) -> None:
    is_answered = isinstance(evidence, OrderEvidence) and evidence.client_order_id not in broker._under_way
    if not (is_answered and isinstance(evidence, ExecutionReported)):
        right(broker, evidence, ctx)


PLANTED = by_name(
    Planted(
        "trip-shuts-nothing",
        7,
        "a broken limit is recorded and told, and the gate stays as it is",
        lambda: instead(Gate, "shut", _only_told),
    ),
    Planted(
        "any-comparison-opens",
        8,
        "the gate opens after each comparison of the books, whatever it has found",
        lambda: handles_wrongly(OmsActor, Reconciled, _opens_anyway),
    ),
    Planted(
        "cash-before-fees",
        9,
        "fees are not taken off the balances",
        lambda: instead(bookkeeper, "balance_changes", _without_fee),
    ),
    Planted(
        "reservation-forgotten",
        10,
        "an approval reserves nothing: what is in flight counts in no limit",
        lambda: patch.object(exposure, "reserve", lambda before, *_: before),
    ),
    Planted("sent-before-written", 11, "an order is sent while its record waits for the disk", _sends_first),
    Planted(
        "hash-without-payload",
        11,
        "the hash of an event leaves out what it says",
        lambda: instead(chain, "hash_of", _hash_without_payload),
    ),
    Planted(
        "last-event-lost",
        11,
        "the last event is gone when the file is opened again, and nobody notices",
        lambda: instead(SqliteLedger, "close", _loses_the_last),
    ),
    Planted(
        "queue-outlives-its-sender",
        12,
        "the broker hands each order in with the next thing it does, and nobody asks whether its sender has ended",
        _outlives,
    ),
    Planted(
        "late-fills-dropped",
        12,
        "the broker passes on only fills of orders that are not answered yet",
        lambda: handles_wrongly(BrokerActor, Evidence, _drops_what_is_over),
    ),
)
