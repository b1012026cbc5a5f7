"""How often the venue may be asked: so many requests in any second of its own time."""

from collections import deque

from bulkhead.venues.simulator.kis.errors import too_many_requests

_SECOND_NS = 1_000_000_000
_SEEN_BOUND = 100_000


class SlidingSecond:
    """Strict: no second, wherever it begins, may hold more. What was refused does not count against the next."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._let_in: deque[int] = deque()
        self._seen: deque[int] = deque(maxlen=_SEEN_BOUND)
        self.requests = 0
        self.refused = 0
        self.most_seen = 0
        """In any second, refused ones too."""

    def charge(self, now_ns: int) -> None:
        """Raises KisRefused when it is one too many."""
        for times in (self._let_in, self._seen):
            while times and times[0] <= now_ns - _SECOND_NS:
                times.popleft()
        self.requests += 1
        self._seen.append(now_ns)
        self.most_seen = max(self.most_seen, len(self._seen))
        if len(self._let_in) >= self._most:
            self.refused += 1
            raise too_many_requests()
        self._let_in.append(now_ns)

    def as_json(self) -> dict[str, object]:
        return {
            "limit_per_s": self._most,
            "requests": self.requests,
            "refused": self.refused,
            "most_in_any_s": self.most_seen,
        }
