"""What is wrong at this moment, by the fault's name in the catalogue.

Strikes of one fault may overlap: each begins and ends by itself, and the one that began last says how bad it is.
"""

from collections.abc import Callable
from typing import NamedTuple


class Wrong(NamedTuple):
    number: int
    target: str | None
    amount: float


class Wrongs:
    def __init__(self) -> None:
        self._under_way: dict[str, list[Wrong]] = {}
        self._begun = 0

    def begin(self, name: str, target: str | None = None, amount: float | None = None) -> Callable[[], None]:
        """Returns what ends it."""
        self._begun += 1
        wrong = Wrong(self._begun, target, amount or 0.0)
        self._under_way.setdefault(name, []).append(wrong)

        def end() -> None:
            left = self._under_way[name]
            left.remove(wrong)
            if not left:
                del self._under_way[name]

        return end

    def amount(self, name: str, target: str | None = None) -> float | None:
        """Of the strike that began last, of those at this target or at everything; None: nothing is wrong."""
        under_way = self._under_way.get(name)
        if under_way is None:
            return None
        return next((each.amount for each in reversed(under_way) if each.target in (None, target)), None)

    def hold(self, *names: str, target: str | None = None) -> str | None:
        """The first of these that is under way, or None."""
        if not self._under_way:
            return None
        return next((name for name in names if self.amount(name, target) is not None), None)
