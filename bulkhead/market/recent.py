"""What was seen, or declared missing, a while ago: bounded memories for telling repeats from what came late. Pure.

Times are monotonic nanoseconds of the caller. What is older than the window, or beyond the bound, is forgotten.
"""

from collections import Counter, deque
from collections.abc import Hashable

WINDOW_NS = 60 * 1_000_000_000
"""A repeat comes within a minute or never (specification, section 4)."""
MAX_KEYS = 16_384
"""Per symbol and kind of data: 270 a second for the whole window."""
MAX_RANGES = 256


class RecentKeys:
    """How often each key was seen of late."""

    def __init__(self, window_ns: int = WINDOW_NS, max_keys: int = MAX_KEYS) -> None:
        self._window_ns, self._max_keys = window_ns, max_keys
        self._order: deque[tuple[int, Hashable]] = deque()
        self._counts: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._counts

    def add(self, key: Hashable, now_ns: int) -> None:
        order = self._order
        order.append((now_ns, key))
        self._counts[key] += 1
        while len(order) > self._max_keys or now_ns - order[0][0] > self._window_ns:
            _, old = order.popleft()
            self._counts[old] -= 1
            if not self._counts[old]:
                del self._counts[old]

    def counts(self) -> Counter[Hashable]:
        """A copy, for whoever crosses off what comes again."""
        return self._counts.copy()


class MissingRanges:
    """Numbers that were declared missing: what comes of them later is late, and no repeat."""

    def __init__(self, window_ns: int = WINDOW_NS) -> None:
        self._window_ns = window_ns
        self._ranges: deque[tuple[int, int, int]] = deque()  # first, one after the last, declared at

    def __len__(self) -> int:
        return len(self._ranges)

    def declare(self, first: int, after: int, now_ns: int) -> None:
        self._ranges.append((first, after, now_ns))
        while len(self._ranges) > MAX_RANGES or now_ns - self._ranges[0][2] > self._window_ns:
            self._ranges.popleft()

    def take(self, number: int) -> bool:
        """Whether it is missing; it is not any more from now on."""
        for index, (first, after, at_ns) in enumerate(self._ranges):
            if first <= number < after:
                del self._ranges[index]
                for part in ((first, number, at_ns), (number + 1, after, at_ns)):
                    if part[0] < part[1]:
                        self._ranges.insert(index, part)
                return True
        return False

    def clear(self) -> None:
        self._ranges.clear()
