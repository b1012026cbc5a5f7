"""The recorder's sinks, kept in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from actors.recorder import DecisionSink, EventSink, InputSink
from messages.base import Envelope
from messages.market import Quote, Trade
from messages.records import LedgerEvent
from messages.trading import DecisionMade


@dataclass
class Memory:
    """What the recorder is told, kept in memory: the three sinks in one."""

    decisions: list[DecisionMade] = field(default_factory=list)
    events: list[LedgerEvent] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    ticks: int = 0
    evidence: int = 0
    on_decision: Callable[[DecisionMade], None] = lambda made: None

    def append(self, events: Sequence[LedgerEvent]) -> None:
        self.events.extend(events)

    def write(
        self, made: DecisionMade, *, at_ns: int, session_id: str, correlation_id: str, causation_id: str | None
    ) -> None:
        self.decisions.append(made)
        self.on_decision(made)

    def write_outcome(
        self,
        decision_id: str,
        outcome: dict[str, str],
        *,
        at_ns: int,
        session_id: str,
        correlation_id: str,
        causation_id: str | None,
    ) -> None:
        self.outcomes.append(decision_id)

    def add_tick(self, tick: Trade | Quote) -> None:
        self.ticks += 1

    def add_evidence(self, envelope: Envelope) -> None:
        self.evidence += 1

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def open(self) -> tuple[EventSink, DecisionSink, InputSink]:
        return self, self, self
