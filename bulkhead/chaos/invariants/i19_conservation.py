"""Messages are conserved: each that is delivered is taken, dead-lettered, replaced by a newer one, or still waits."""

from collections import defaultdict

from bulkhead.chaos.invariants.kit import Invariant
from messages.base import Envelope, Letter

NOT_QUEUED = frozenset({"no such address", "mailbox closed", "child removed"})
"""Why a message is dead that nobody has taken. Any other was taken first, by the one that ended over it."""


class Conservation(Invariant):
    """Counted by address, at the end of every process: what the host delivered there, against what was taken, what died
    without being taken, what its mailbox says that it replaced, dropped or refused for want of room, and what waits.

    A message that is refused as stale counts as taken: by whom that may be done is invariant 12. Not looked at: what a
    handler makes of what it was handed."""

    number = 19
    name = "conservation"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.born()

    def born(self) -> None:
        self._open: defaultdict[str, int] = defaultdict(int)
        """Delivered and not accounted for."""

    def delivered(self, letter: Letter) -> None:
        self._open[letter.to] += 1

    def handling(self, name: str, epoch: int, envelope: Envelope) -> None:
        self._open[name] -= 1

    def dead(self, letter: Letter, reason: str) -> None:
        if reason in NOT_QUEUED:
            self._open[letter.to] -= 1

    def killed(self) -> None:
        self._balance()

    def at_rest(self) -> None:
        self._balance()

    def _balance(self) -> None:
        for node in self.world.host.status():
            self._open[node.id] -= node.mailbox_depth + node.conflated + node.dropped + node.refused_busy
        for name, left in sorted(self._open.items()):
            if left > 0:
                self.violated(f"{left} messages to {name} have vanished")
            elif left < 0:
                self.violated(f"{name} took {-left} messages that nobody delivered")
