"""No secret in anything that the house writes."""

from collections.abc import Sequence

from bulkhead.chaos.canary import SECRET, spellings
from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.ledger.port import Entry
from messages.records import LedgerEvent
from messages.trading import DecisionMade

SPELLINGS = tuple(spellings(SECRET))


class NoSecret(Invariant):
    """A secret that stands in the environment of every run (`bulkhead/chaos/canary.py`) is looked for as it is in each
    event and decision when it is written; at rest, as it is and in other spellings, in every file that the run left.

    Not looked at: what real processes print, and what an adapter makes of its keys, for which tests/process and
    `bulkhead/venues/conformance/` have canaries of their own."""

    number = 23
    name = "no-secret"

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        for event in events:
            if SECRET in event.payload:
                self.violated(f"event {event.seq} ({event.type}) holds a secret")

    def decided(self, made: DecisionMade) -> None:
        if SECRET in made.model_dump_json():
            self.violated(f"decision {made.decision_id} holds a secret")

    def at_rest(self) -> None:
        for path in sorted(self.world.folder.rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                if any(spelled in data for spelled in SPELLINGS):
                    self.violated(f"{path.relative_to(self.world.folder)} holds a secret")
