"""The venue is never asked more than a house may ask it, also after a reconnect."""

from collections import deque

from bulkhead.chaos.eyes import Question
from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.chaos.world import NS_PER_S
from messages.orders import CancelOrder, OrderTicket, QueryOrder

REQUESTS_PER_S = 40
"""Orders, cancels and questions together. The rules of risk let ten entries a second through; each of two symbols has
at most one intent of four children under way, each child one question."""
LOOKS_PER_10_S = 12
"""Snapshots of the whole account, which cost a venue most."""
SAME_PER_5_S = 8
"""Of one question about one order."""


class Window:
    """What happened within the latest seconds; each time goes in and out once."""

    def __init__(self, seconds: float, limit: int) -> None:
        self._ns, self._limit = round(seconds * NS_PER_S), limit
        self._times_ns: deque[int] = deque()

    def is_over(self, now_ns: int) -> bool:
        """Count one more; whether that is one too many."""
        times_ns = self._times_ns
        times_ns.append(now_ns)
        while times_ns[0] <= now_ns - self._ns:
            times_ns.popleft()
        return len(times_ns) > self._limit


class NoStorm(Invariant):
    """By what is handed to the wire, over all processes.

    The budget of a real venue is held by its adapter's limiter, under the port that this house has here; that is shown
    by the limiter's own tests and by `bulkhead/venues/conformance/`. What the house itself is held to is that it asks
    for no more than such a limiter could ever let through: a bounded number of requests in any second, few looks at the
    whole account, and no question put again at once because its answer was not liked. Not looked at: quotes on demand,
    trading rules and the venue's clock, which are asked for by the clock alone."""

    number = 15
    name = "no-storm"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._requests = Window(1.0, REQUESTS_PER_S)
        self._looks = Window(10.0, LOOKS_PER_10_S)
        self._same: dict[tuple[str, str], Window] = {}

    def submitting(self, ticket: OrderTicket, issuer: str, epoch: int) -> None:
        self._count()

    def asked(self, question: Question) -> None:
        self._count()
        now_ns = self.world.elapsed_ns()
        if not isinstance(question, CancelOrder | QueryOrder):
            if self._looks.is_over(now_ns):
                self.violated(f"more than {LOOKS_PER_10_S} snapshots of the account were asked for within 10 s")
            return
        what = type(question).__name__, question.client_order_id
        same = self._same.get(what)
        if same is None:
            same = self._same[what] = Window(5.0, SAME_PER_5_S)
        if same.is_over(now_ns):
            self.violated(f"{what[0]} of {what[1]} was sent more than {SAME_PER_5_S} times within 5 s")

    def _count(self) -> None:
        if self._requests.is_over(self.world.elapsed_ns()):
            self.violated(f"more than {REQUESTS_PER_S} requests went to the venue within a second")
