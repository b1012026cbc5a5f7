"""The same inputs give the same state: every table of the ledger is what its events make of it."""

from collections.abc import Sequence

from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.ledger.port import Entry
from bulkhead.ledger.rebuild import RebuildFailed, check_tables
from bulkhead.ledger.sqlite import LedgerReader
from messages.records import IntentRecorded, LedgerEvent
from messages.trading import DecisionMade, OrderIntent
from messages.values import Action, Origin

EVENTS_ALWAYS = 1_000
"""A ledger of no more is made again in every run; it takes a third of a second."""
EVERY = 5
"""A longer one where the seed is a multiple of this: it would take as long as half the run."""


class SameAgain(Invariant):
    """At rest, every table is made again from the events alone and compared row by row (one long run in five); and
    every intent of a strategy that is on disk is what the recorded decision says, which its strategy made once.

    Not looked at: the replay of a whole run, which is another run. It is made for one seed in ten, and the trace over
    every message handled compared (`Outcome.trace`). A decision that its recorder died over is not missed here."""

    number = 17
    name = "same-again"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._decided: dict[str, DecisionMade] = {}
        """By the intent that was made of it."""
        self._ids: set[tuple[int, str]] = set()
        self._intents: list[OrderIntent] = []
        self._events = 0

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        self._events += len(events)
        for entry in entries:
            if isinstance(entry.record, IntentRecorded):
                self._intents.append(entry.record.intent)

    def decided(self, made: DecisionMade) -> None:
        once = self.world.process, made.decision_id
        if once in self._ids:
            self.violated(f"decision {made.decision_id} was made twice by process {self.world.process}")
        self._ids.add(once)
        if made.intent_id is not None:
            self._decided[made.intent_id] = made

    def at_rest(self) -> None:
        if self._events <= EVENTS_ALWAYS or self.world.plan.seed % EVERY == 0:
            self._rebuild()
        for intent in self._intents:
            self._compare(intent)

    def _rebuild(self) -> None:
        reader = LedgerReader(self.world.folder / "ledger.db")
        try:
            differences = check_tables(reader)
        except RebuildFailed as error:
            self.violated(f"the tables cannot be made again: {error}")
        else:
            for each in differences:
                self.violated(f"{each.table} {each.key}: {each.what}")
        finally:
            reader.close()

    def _compare(self, intent: OrderIntent) -> None:
        made = self._decided.get(intent.intent_id)
        if made is None or intent.origin is not Origin.STRATEGY:
            return
        decision = made.decision
        said = (made.decision_time_ns, decision.symbol, decision.action is Action.ENTER, decision.limit_price)
        done = (intent.decision_time_ns, intent.symbol, intent.intent_type.is_entry, intent.limit_price)
        if said != done:
            self.violated(f"intent {intent.intent_id} is {done}, and its decision was {said}")
