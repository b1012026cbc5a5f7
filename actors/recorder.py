"""Recorder: writes what a run leaves behind, off the order path.

Ledger events go to the observation streams, decisions to their own chained file, inputs to the recording. A slow or
full disk here delays a line; the ledger has it already, and the export resumes after the last whole line.
"""

from collections.abc import Sequence
from typing import Protocol

from messages.base import Envelope, Evidence
from messages.market import MarketData, Quote, Trade
from messages.orders import OrderUpdated
from messages.records import EventsCommitted, LedgerEvent
from messages.supervision import TimerFired
from messages.trading import DecisionMade
from supervisor.runtime.behaviour import Behaviour, Context, receives

FLUSH_INTERVAL_S = 0.5
"""How far a file may lag behind what happened: a person tailing it does not notice."""


class EventSink(Protocol):
    def append(self, events: Sequence[LedgerEvent]) -> None: ...
    def close(self) -> None: ...


class DecisionSink(Protocol):
    def write(
        self, made: DecisionMade, *, at_ns: int, session_id: str, correlation_id: str, causation_id: str | None
    ) -> None: ...
    def write_outcome(
        self,
        decision_id: str,
        outcome: dict[str, str],
        *,
        at_ns: int,
        session_id: str,
        correlation_id: str,
        causation_id: str | None,
    ) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class InputSink(Protocol):
    def add_tick(self, tick: Trade | Quote) -> None: ...
    def add_evidence(self, envelope: Envelope) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class Sinks(Protocol):
    """Opens the files of this session; called at each start, so that a restarted recorder resumes them."""

    def __call__(self) -> tuple[EventSink, DecisionSink, InputSink]: ...


class RecorderActor(Behaviour):
    def __init__(self, session_id: str, open_sinks: Sinks) -> None:
        self._session_id = session_id
        self._events, self._decisions, self._inputs = open_sinks()

    def on_start(self, ctx: Context) -> None:
        ctx.after(FLUSH_INTERVAL_S, "flush")

    def on_stop(self, ctx: Context, reason: str) -> None:
        for sink in (self._events, self._decisions, self._inputs):
            sink.close()

    @receives(TimerFired)
    def on_flush(self, _: TimerFired, ctx: Context) -> None:
        ctx.after(FLUSH_INTERVAL_S, "flush")
        self._decisions.flush()
        self._inputs.flush()

    @receives(EventsCommitted)
    def on_events(self, committed: EventsCommitted, _: Context) -> None:
        self._events.append(committed.events)

    @receives(DecisionMade)
    def on_decision(self, made: DecisionMade, ctx: Context) -> None:
        envelope = ctx.current
        if envelope is not None:
            self._decisions.write(
                made,
                at_ns=made.decision_time_ns,
                session_id=self._session_id,
                correlation_id=envelope.correlation_id,
                causation_id=envelope.causation_id,
            )

    @receives(OrderUpdated)
    def on_order(self, update: OrderUpdated, ctx: Context) -> None:
        """Links what came of it to the decision, once it is settled."""
        order, envelope = update.order, ctx.current
        session_id, _, decision_id = order.intent_id.partition("/")
        if envelope is None or not order.status.is_terminal or session_id != self._session_id:
            return
        outcome = {
            "executed": str(order.filled > 0).lower(),
            "client_order_id": order.ticket.client_order_id,
            "status": order.status.public,
            "filled": format(order.filled, "f"),
        }
        self._decisions.write_outcome(
            decision_id,
            outcome,
            at_ns=envelope.at_ns,
            session_id=self._session_id,
            correlation_id=order.correlation_id,
            causation_id=envelope.id,
        )

    @receives(MarketData)
    def on_tick(self, tick: MarketData, _: Context) -> None:
        if isinstance(tick, Trade | Quote):
            self._inputs.add_tick(tick)

    @receives(Evidence)
    def on_evidence(self, _: Evidence, ctx: Context) -> None:
        if ctx.current is not None:
            self._inputs.add_evidence(ctx.current)
