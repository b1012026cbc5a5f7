"""The way between the model venue and the house: what an adapter on it would say, with all that can happen on the way.

There are no bytes here. A frame that is cut off or lost is what an adapter makes of it: a verdict that is unknown, a
question that has failed, a stream that is down and comes up again. It keeps the promises of `OrderVenue`
(bulkhead/venues/port.py) under every fault: each request is answered once, each loss of the stream is told.
"""

from collections import Counter
from itertools import count
from random import Random

from bulkhead.chaos.eyes import Eyes, Watcher
from bulkhead.chaos.model.lost import as_lost
from bulkhead.chaos.model.market import VENUE
from bulkhead.chaos.model.words import CALM, Faults, Opened, Say
from bulkhead.chaos.model.wrongs import Wrongs
from bulkhead.venues.port import Sink
from messages.base import Body, Evidence
from messages.market import FeedConnected, FeedDisconnected
from messages.orders import (
    CancelOutcomeUnknown,
    CancelRejected,
    OrderAccepted,
    OrderChannelDown,
    OrderChannelUp,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    VenueProtocolError,
)
from messages.rates import RateLimitOver, RateLimitReached
from supervisor.runtime.behaviour import Behaviour, Context, receives

LATENCY_S = 0.004
REPLY_TIMEOUT_S = 2.0
HELD_BACK_S = (0.05, 0.5)
"""A report that is overtaken by others."""
VERDICTS = (OrderAccepted, OrderRejected, OrderNotSent, OrderOutcomeUnknown)
"""Of which each order handed in gets one."""
STREAM_DOWN = ("venue.session_drop", "venue.mass_cancel", "venue.restart", "transport.slow_close")
"""While one of these lasts the stream of order updates does not come up."""
REFUSING = ("venue.session_drop", "venue.restart", "transport.black_hole")
"""Those for whom it is what they do; the others have done it by then."""
FEED_DOWN = ("feed.reconnect_refused",)
LIMITING = ("venue.rate_limit", "venue.ban")
BLACK_HOLE = "transport.black_hole"


class Wire(Behaviour):
    """Sinks, streams and delays. What is said on it is the subclasses'."""

    def __init__(self, seed: int, faults: Faults = CALM) -> None:
        self.faults = faults
        self.wrongs = Wrongs()
        self.eyes = Eyes()
        self.fired: Counter[str] = Counter()
        """How often each fault has struck, by its name in the catalogue."""
        self.order_sink: Sink | None = None
        self.feed_sink: Sink | None = None
        self.is_stream_up = False
        self.is_feed_up = False
        self.is_limited = False
        """The house was told so, and not yet that it is over."""
        self.answered = 0
        self._rng = Random(f"{seed}:venue")
        self._numbers = count(1)
        self._connection = 0
        self._stream_free_ns = 0
        """When what was last put on the stream is through: nothing overtakes on it."""
        self._reports, self._last_report = count(1), 0
        self._attempt = self._feed_attempt = 0
        """Failed, in a row."""
        self._why_down = "reset by peer"
        self._is_coming_back = False
        """The stream was lost on the way, and the adapter brings it up again."""
        self._unanswered: dict[str, list[Evidence]] = {}
        """Orders handed in, and what waits to be told after their verdicts."""

    def hear_nobody(self) -> None:
        """The process at the other end is gone. What it had sent arrives; nobody hears the answers."""
        self.order_sink = self.feed_sink = None
        self.is_stream_up = self.is_feed_up = self.is_limited = False
        self.answered = self._attempt = self._feed_attempt = 0
        self._unanswered = {}
        self._connection += 1

    @property
    def is_away(self) -> bool:
        """Nothing reaches it, or nothing is answered: no question of any kind."""
        return self.wrongs.hold(BLACK_HOLE, "venue.restart", "venue.ban") is not None

    def _later(self, delay_s: float, body: Body, ctx: Context) -> None:
        ctx.after(delay_s, f"n{next(self._numbers)}", body)

    def _happens(self, share: float) -> bool:
        return share > 0 and self._rng.random() < share

    def _befalls(self, fault: str, anyway: float = 0.0) -> bool:
        """Whether it strikes now; for faults that come to a share of what there is. Counted by who does it."""
        return self._happens(max(self.wrongs.amount(fault) or 0.0, anyway))

    def _strikes(self, fault: str, anyway: float = 0.0) -> bool:
        """The same, and counted here: it takes effect at once."""
        hit = self._befalls(fault, anyway)
        if hit:
            self.fired[fault] += 1
        return hit

    def _lag_s(self) -> float:
        """What one way takes longer than usual."""
        if self.wrongs.hold("transport.latency", "transport.jitter") is None:
            return 0.0
        latency = self.wrongs.amount("transport.latency")
        jitter = self.wrongs.amount("transport.jitter")
        self.fired["transport.latency"] += latency is not None
        self.fired["transport.jitter"] += jitter is not None
        return (latency or 0.0) + self._rng.random() * (jitter or 0.0)

    # -- answers ------------------------------------------------------------------------------------------------------

    def _reply(self, evidence: Evidence, ctx: Context, delay_s: float = LATENCY_S) -> None:
        """The answer of one request."""
        if self._strikes("transport.truncated"):
            evidence = as_lost(evidence, "the reply could not be read: it was cut off")
        say = Say(said=evidence, is_stream=False, connection=self._connection)
        self._later(delay_s + self._lag_s(), say, ctx)

    def _lose(self, answer: Evidence, ctx: Context) -> None:
        """Nothing comes back: the adapter gives up waiting."""
        lost = Say(said=as_lost(answer, "no reply"), is_stream=False, is_lost=True)
        self._later(REPLY_TIMEOUT_S, lost, ctx)

    def _reply_at_once(self, evidence: Evidence, ctx: Context) -> None:
        """The adapter's own word: nothing of the request has left."""
        self._later(LATENCY_S, Say(said=evidence, is_stream=False, is_lost=True), ctx)

    @receives(Say)
    def on_say(self, say: Say, ctx: Context) -> None:
        if say.is_stream:
            self._say_on_stream(say)
            return
        assert isinstance(say.said, Evidence)
        if not say.is_lost and self.wrongs.hold(BLACK_HOLE):
            self.fired[BLACK_HOLE] += 1
            self._lose(say.said, ctx)
            return
        if not say.is_lost and say.connection != self._connection:
            self.fired["transport.reset"] += 1
            self._answer(as_lost(say.said, "connection reset by peer"))
            return
        self._answer(say.said)

    def _answer(self, evidence: Evidence) -> None:
        """A cancel that did not succeed is never told before the verdict of its order."""
        key: str | None = getattr(evidence, "client_order_id", None)
        if isinstance(evidence, CancelRejected | CancelOutcomeUnknown) and key in self._unanswered:
            self._unanswered[key].append(evidence)
            return
        self.answered += 1
        self._tell(evidence)
        if isinstance(evidence, VERDICTS) and key is not None:
            for waiting in self._unanswered.pop(key, ()):
                self.answered += 1
                self._tell(waiting)

    def _tell(self, said: Body) -> None:
        if self.order_sink is not None:
            self.eyes.tell(Watcher.told, said)
            self.order_sink(said)

    # -- the stream of order updates ----------------------------------------------------------------------------------

    def _report(self, evidence: Evidence, ctx: Context) -> None:
        """Told unasked. What does not come is not told again: a question will have to tell it."""
        for fault in ("venue.sequence_gap", "transport.truncated"):
            if self.is_stream_up and self._strikes(fault):
                self.lose_stream("a report is missing: it begins anew")
                return
        if self.is_stream_up and self._strikes("venue.unknown_message"):
            self._put_on_stream(_unreadable("a kind of message that nobody knows"), ctx)
        if self.is_stream_up and self._strikes("venue.malformed"):
            evidence = _unreadable("it has no number of its order")
        is_twice = self._strikes("venue.duplicate", self.faults.duplicate)
        for _ in range(1 + is_twice):
            self._put_on_stream(evidence, ctx)

    def _put_on_stream(self, evidence: Evidence, ctx: Context) -> None:
        say = Say(said=evidence, is_stream=True, connection=self._connection, number=next(self._reports))
        now_ns = ctx.monotonic_ns()
        if self._befalls("venue.out_of_order"):
            self._later(LATENCY_S + self._rng.uniform(*HELD_BACK_S), say, ctx)
            return
        delay_s = LATENCY_S + self._lag_s()
        pieces_s = self.wrongs.amount("transport.sliced")
        if pieces_s is not None:
            self.fired["transport.sliced"] += 1
            delay_s += pieces_s
        due_ns = max(now_ns + round(delay_s * 1e9), self._stream_free_ns)
        self._stream_free_ns = due_ns
        self._later((due_ns - now_ns) / 1e9, say, ctx)

    def _report_later(self, evidence: Evidence, after_s: float, ctx: Context) -> None:
        """What the venue says only then: nothing behind it waits."""
        self._later(after_s, Say(said=evidence, is_stream=True, connection=self._connection), ctx)

    def _say_on_stream(self, say: Say) -> None:
        if say.connection != self._connection:
            self.fired["transport.reset"] += 1
            return
        lost_to = self.wrongs.hold("transport.half_open", BLACK_HOLE)
        if lost_to is not None:
            self.fired[lost_to] += 1
            return
        if not self.is_stream_up:
            if self.wrongs.hold("transport.slow_close") is None:
                return  # nobody listens: a snapshot will have to tell it
            self.fired["transport.slow_close"] += 1
        self.fired["venue.out_of_order"] += 0 < say.number < self._last_report
        self._last_report = max(self._last_report, say.number)
        self._tell(say.said)

    @property
    def channel(self) -> OrderChannelUp | OrderChannelDown:
        if self.is_stream_up:
            return OrderChannelUp(venue=VENUE)
        return OrderChannelDown(venue=VENUE, reason=self._why_down, attempt=max(1, self._attempt))

    def drop_stream(self) -> None:
        """Until `raise_stream`."""
        self._set_stream(is_up=False)

    def raise_stream(self) -> None:
        self._is_coming_back, self._attempt = False, 0
        self._set_stream(is_up=True)

    def _set_stream(self, *, is_up: bool) -> None:
        self.is_stream_up = is_up
        assert self.order_sink is not None
        self._tell(self.channel)

    def lose_stream(self, reason: str = "reset by peer") -> bool:
        """It is brought up again as soon as that can be. Whether it was up."""
        if not self.is_stream_up or self.order_sink is None:
            return False
        self._is_coming_back, self._attempt, self._why_down = True, 1, reason
        self._set_stream(is_up=False)
        return True

    # -- what strikes do ----------------------------------------------------------------------------------------------

    def lose_feed(self) -> bool:
        """Whether it was up."""
        if not self.is_feed_up or self.feed_sink is None:
            return False
        self.is_feed_up, self._feed_attempt = False, 1
        self.feed_sink(FeedDisconnected(feed="feed", reason="reset by peer", attempt=1))
        return True

    def reset_connections(self) -> None:
        """All of them: what is under way on them does not come."""
        self._connection += 1
        self.fired["transport.reset"] += self.lose_stream() + self.lose_feed()

    # -- connecting ---------------------------------------------------------------------------------------------------

    @receives(Opened)
    def on_opened(self, opened: Opened, _: Context) -> None:
        if opened.is_feed:
            self._feed_attempt = 0
            self._connect_feed()
        elif self.order_sink is not None:
            self._attempt = 0
            self._connect_stream()

    def _reconnect(self) -> None:
        """What an adapter tries again and again; and what it says once it is answered again."""
        if self.order_sink is not None and not self.is_stream_up and self._is_coming_back:
            self._connect_stream()
        if self.feed_sink is not None and not self.is_feed_up:
            self._connect_feed()
        if self.is_limited and not self.wrongs.hold(*LIMITING):
            self.is_limited = False
            self._tell(RateLimitOver(venue=VENUE))

    def _connect_stream(self) -> None:
        refused_by = self.wrongs.hold(*STREAM_DOWN, BLACK_HOLE)
        if refused_by is None:
            self.raise_stream()
            return
        self.fired[refused_by] += refused_by in REFUSING
        self._is_coming_back = True
        self._attempt += 1
        self._set_stream(is_up=False)

    def _connect_feed(self) -> None:
        assert self.feed_sink is not None
        refused_by = self.wrongs.hold(*FEED_DOWN, BLACK_HOLE)
        if refused_by is None:
            self.is_feed_up, self._feed_attempt = True, 0
            self.feed_sink(FeedConnected(feed="feed"))
            return
        self.fired[refused_by] += 1
        self._feed_attempt += 1
        self.feed_sink(FeedDisconnected(feed="feed", reason="connection refused", attempt=self._feed_attempt))

    def _limit(self, fault: str) -> str:
        """A request is refused for the venue's limit. Returns the words."""
        self.fired[fault] += 1
        words = "banned for a while" if fault == "venue.ban" else "too many requests"
        if not self.is_limited:
            self.is_limited = True
            self._tell(RateLimitReached(venue=VENUE, reason=words))
        return words


def _unreadable(reason: str) -> VenueProtocolError:
    return VenueProtocolError(venue=VENUE, reason=reason, raw='{"e":')
