"""How often each fault really struck and each way of recovering was taken, over all runs. A zero fails the whole.

Judged only from ENOUGH_SEEDS on, each of ENOUGH_MINUTES or more: below that a rare fault may honestly not have come.
What no fault of the catalogue can bring about is left out, and said so.
"""

from collections import Counter
from enum import StrEnum

from bulkhead.chaos.faults import CATALOGUE
from bulkhead.chaos.paths import PATHS, can_happen
from bulkhead.chaos.run import Outcome
from messages.values import Value

ENOUGH_SEEDS = 500
"""The rarest fault of the catalogue is in about one plan of fifty: so it is missing by chance once in 20,000 runs."""
ENOUGH_MINUTES = 5.0


class Kind(StrEnum):
    FAULT = "fault"
    PATH = "path"


class Row(Value):
    kind: Kind
    name: str
    sentence: str
    times: int
    is_judged: bool
    """Something of the catalogue can bring it about."""

    @property
    def is_vacuous(self) -> bool:
        return self.is_judged and self.times == 0


class Vacuity:
    """Adds runs up; holds nothing of them but counts."""

    def __init__(self) -> None:
        self._fired: Counter[str] = Counter()
        self._paths: Counter[str] = Counter()
        self._seeds = 0

    def add(self, outcome: Outcome) -> None:
        self._fired.update(outcome.fired)
        self._paths.update(outcome.paths)
        self._seeds += outcome.plan.minutes >= ENOUGH_MINUTES

    @property
    def is_judged(self) -> bool:
        return self._seeds >= ENOUGH_SEEDS

    def rows(self) -> tuple[Row, ...]:
        """Faults first, as in the catalogue; then the paths, and what was counted without standing in either."""
        faults = [
            Row(kind=Kind.FAULT, name=name, sentence=fault.sentence, times=self._fired[name], is_judged=True)
            for name, fault in CATALOGUE.items()
        ]
        paths = [
            Row(kind=Kind.PATH, name=name, sentence=path.sentence, times=self._paths[name], is_judged=can_happen(path))
            for name, path in PATHS.items()
        ]
        return (*faults, *paths)

    def unlisted(self) -> tuple[str, ...]:
        """What was counted under a name that nobody has listed: a misspelt name must not hide a zero."""
        return tuple(sorted((self._fired.keys() - CATALOGUE.keys()) | (self._paths.keys() - PATHS.keys())))

    def zeros(self) -> tuple[str, ...]:
        """What never happened; empty as long as too little was played."""
        return tuple(row.name for row in self.rows() if row.is_vacuous) if self.is_judged else ()
