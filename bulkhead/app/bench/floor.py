"""The floor under tick-to-order: what no house that keeps its two promises can go below on this machine.

The promises: an order is on disk before it is sent, and it is sent signed over HTTP. So the floor is one synced commit
of an intent and its order, then one POST by the adapter's own lane, one after the other, at the pace of the house.
"""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from bulkhead.app.bench.figures import Spread
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import Settings
from bulkhead.app.venue import connect
from bulkhead.ledger.port import Entry
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from bulkhead.venues.port import OrderVenue
from messages.catalogue import record_from_json
from messages.orders import OrderTicket, SubmitOrder
from messages.records import IntentRecorded, OrderRecorded, Record, Stream
from supervisor.runtime.threaded import ThreadedHost

ROUNDS = 300
WARM_UP_ROUNDS = 20
PAUSE_S = 0.02
"""Between rounds: caches are as cold, and the disk as idle, as between two orders of the house."""
ANSWER_TIMEOUT_S = 5.0


class Floor(NamedTuple):
    whole: Spread
    commit: Spread


class Pair(NamedTuple):
    """What the house wrote before it sent an order."""

    intent: IntentRecorded
    order: OrderRecorded


def measure(settings: Settings, ledger_file: Path) -> Floor:
    """Commit and send the orders of the house's own ledger again, under new names, to the same venue."""
    pairs = list(_pairs(settings.session.ledger_file))[:2]
    if not pairs:
        raise Stopped(ExitCode.ERROR, "the house has sent no order, so there is none to measure its floor with")
    sent: SimpleQueue[int] = SimpleQueue()
    with ExitStack() as stack:
        host = ThreadedHost(settings.session.seed)
        stack.callback(host.close)
        venue = stack.enter_context(connect(settings, None, host, _Open(), lambda _, at_ns: sent.put(at_ns)))
        venue.orders.load_instruments()  # and with them the venue's limits, which the bench has set out of reach
        venue.orders.open(lambda _: None)
        stack.callback(venue.orders.close, ANSWER_TIMEOUT_S)
        ledger = stack.enter_context(closing(SqliteLedger(ledger_file)))
        spans: list[tuple[int, int]] = []
        for number in range(WARM_UP_ROUNDS + ROUNDS):
            pair = _renamed(pairs[number % len(pairs)], f"floor-{number}")
            spans.append(_one_round(pair, host.now_ns(), ledger, venue.orders, sent))
            time.sleep(PAUSE_S)
    commits, wholes = zip(*spans[WARM_UP_ROUNDS:], strict=True)
    return Floor(whole=Spread.of(wholes), commit=Spread.of(commits))


def _one_round(
    pair: Pair, now_ns: int, ledger: SqliteLedger, orders: OrderVenue, sent: SimpleQueue[int]
) -> tuple[int, int]:
    """Nanoseconds until the pair was on disk, and until its order was in the socket."""
    entries = [Entry(record, now_ns, "floor", pair.intent.intent.intent_id, None) for record in pair]
    began_ns = time.monotonic_ns()
    ledger.append(entries)
    committed_ns = time.monotonic_ns()
    orders.submit(SubmitOrder(ticket=pair.order.order.ticket), "bench", 0)
    try:
        return committed_ns - began_ns, sent.get(timeout=ANSWER_TIMEOUT_S) - began_ns
    except Empty:
        sentence = f"the simulated venue took no order within {ANSWER_TIMEOUT_S:.0f} s"
        raise Stopped(ExitCode.TIMEOUT, sentence) from None


class _Open:
    """A gate that lets everything pass: nothing but a bench's own orders comes here."""

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        return None


def _pairs(ledger_file: Path) -> Iterator[Pair]:
    """Each intent of the ledger with its first order."""
    intents: dict[str, IntentRecorded] = {}
    with closing(LedgerReader(ledger_file)) as reader:
        for event in reader.events(streams=(Stream.ORDERS_FILLS,)):
            record: Record = record_from_json(json.loads(event.payload))
            if isinstance(record, IntentRecorded):
                intents[record.intent.intent_id] = record
            elif isinstance(record, OrderRecorded) and record.change == "created":
                intent = intents.pop(record.order.intent_id, None)
                if intent is not None:
                    yield Pair(intent, record)


def _renamed(pair: Pair, name: str) -> Pair:
    intent = pair.intent.intent.model_copy(update={"intent_id": name, "action_key": f"{name}/0"})
    ticket = pair.order.order.ticket.model_copy(update={"client_order_id": name})
    order = pair.order.order.model_copy(update={"intent_id": name, "ticket": ticket})
    return Pair(pair.intent.model_copy(update={"intent": intent}), pair.order.model_copy(update={"order": order}))
