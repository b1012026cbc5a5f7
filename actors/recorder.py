"""Recorder: writes what a run leaves behind, off the order path.

Ledger events go to the observation streams, decisions to their own chained file, inputs to the recording. A slow or
full disk here delays a line; the ledger has it already, and the export resumes after the last whole line.
"""

from collections.abc import Sequence
from typing import Protocol

from messages.base import Evidence
from messages.market import MarketData, Quote, Trade
from messages.records import EventsCommitted, LedgerEvent
from messages.supervision import TimerFired
from messages.trading import DecisionMade
from supervisor.runtime.behaviour import Behaviour, Context, receives

FLUSH_INTERVAL_S = 0.2
"""How far a file may lag behind what happened: a person tailing it does not notice."""


class EventSink(Protocol):
    def write(self, events: Sequence[LedgerEvent]) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class DecisionSink(Protocol):
    def write(self, decision: DecisionMade, at_ns: int, correlation_id: str, causation_id: str | None) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class InputSink(Protocol):
    def write_tick(self, tick: Trade | Quote) -> None: ...
    def write_evidence(self, evidence: Evidence, at_ns: int) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class RecorderActor(Behaviour):
    def __init__(self, events: EventSink, decisions: DecisionSink, inputs: InputSink) -> None:
        self._events, self._decisions, self._inputs = events, decisions, inputs

    def on_start(self, ctx: Context) -> None:
        ctx.after(FLUSH_INTERVAL_S, "flush")

    def on_stop(self, ctx: Context, reason: str) -> None:
        for sink in (self._events, self._decisions, self._inputs):
            sink.close()

    @receives(TimerFired)
    def on_flush(self, _: TimerFired, ctx: Context) -> None:
        ctx.after(FLUSH_INTERVAL_S, "flush")
        for sink in (self._events, self._decisions, self._inputs):
            sink.flush()

    @receives(EventsCommitted)
    def on_events(self, committed: EventsCommitted, _: Context) -> None:
        self._events.write(committed.events)

    @receives(DecisionMade)
    def on_decision(self, decision: DecisionMade, ctx: Context) -> None:
        envelope = ctx.current
        if envelope is not None:
            self._decisions.write(decision, envelope.at_ns, envelope.correlation_id, envelope.causation_id)

    @receives(MarketData)
    def on_tick(self, tick: MarketData, _: Context) -> None:
        if isinstance(tick, Trade | Quote):
            self._inputs.write_tick(tick)

    @receives(Evidence)
    def on_evidence(self, evidence: Evidence, ctx: Context) -> None:
        self._inputs.write_evidence(evidence, ctx.now_ns())
