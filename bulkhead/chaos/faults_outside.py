"""The faults of what lies outside of the house: the venue, its market data, and the way to both.

At the model venue's ports there are no bytes. What is wrong with a frame is here what an adapter makes of it, and the
sentence of a fault says what that is.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bulkhead.chaos.fault import STATES, Fault, Targets
from bulkhead.chaos.plan import VenueKind
from messages.failure import FailureMode

VENUE: Mapping[str, Fault] = MappingProxyType(
    {
        "venue.reject": Fault("the venue rejects orders", lasts_s=(5, 60), amount=(0.1, 0.6)),
        "venue.slow_ack": Fault(
            "acknowledgements come seconds late; past the adapter's patience only the stream still tells them",
            lasts_s=(5, 60),
            amount=(0.2, 8),
        ),
        "venue.ack_lost": Fault(
            "the venue takes the order and its answer is lost", weight=2, lasts_s=(5, 60), amount=(0.1, 0.6)
        ),
        "venue.fill_before_ack": Fault(
            "executions are told a second before the acknowledgement of their order", lasts_s=(5, 60), amount=(0.2, 1)
        ),
        "venue.fill_after_cancel": Fault(
            "a cancel is confirmed, and then an execution of the order is told", lasts_s=(10, 60), amount=(0.3, 1)
        ),
        "venue.accepted_then_rejected": Fault(
            "an order is acknowledged and rejected a moment later", lasts_s=(5, 60), amount=(0.1, 0.5)
        ),
        "venue.partial": Fault(
            "an order fills by halves: the rest waits, that of a market order expires",
            lasts_s=(10, 60),
            amount=(0.3, 0.9),
        ),
        "venue.duplicate": Fault("reports are told twice", lasts_s=(10, 60), amount=(0.2, 1)),
        "venue.out_of_order": Fault("reports overtake one another", lasts_s=(10, 60), amount=(0.2, 0.8)),
        "venue.bust": Fault(
            "executions do not stand: the venue takes them back",
            lasts_s=(5, 60),
            amount=(0.05, 0.2),
            venues=(VenueKind.IDS,),
        ),
        "venue.sequence_gap": Fault(
            "a report is missing by the stream's numbers: the adapter calls it down and begins it anew",
            lasts_s=(5, 60),
            amount=(0.05, 0.3),
        ),
        "venue.malformed": Fault(
            "a report cannot be read: the adapter tells a VenueProtocolError in its stead",
            lasts_s=(5, 60),
            amount=(0.05, 0.3),
        ),
        "venue.unknown_message": Fault(
            "a message of an unknown kind comes before a report: a VenueProtocolError besides",
            lasts_s=(5, 60),
            amount=(0.05, 0.3),
        ),
        "venue.session_drop": Fault(
            "the stream of order updates drops and does not come up; orders stay",
            weight=2,
            moments=STATES,
            lasts_s=(1, 90),
        ),
        "venue.mass_cancel": Fault(
            "the stream drops, and with it the venue cancels all that is open; nobody is told",
            moments=STATES,
            lasts_s=(1, 30),
        ),
        "venue.rate_limit": Fault(
            "all but cancels is refused for its number: an order is not sent, a question fails",
            lasts_s=(5, 60),
            alarms=FailureMode.RATE_LIMIT,
        ),
        "venue.ban": Fault(
            "our address is banned: nothing is answered, cancels neither; the streams go on",
            lasts_s=(5, 90),
            at_most=2,
            alarms=FailureMode.RATE_LIMIT,
        ),
        "venue.halt": Fault(
            "a symbol is halted: its orders rest unfilled, and no new one is taken",
            lasts_s=(10, 90),
            targets=Targets.SYMBOLS,
        ),
        "venue.restart": Fault(
            "the venue restarts: its connections are refused, and what was open is listed as expired",
            moments=STATES,
            lasts_s=(2, 60),
            at_most=3,
        ),
        "venue.id_reuse": Fault(
            "the venue has restarted and numbers its orders from one again", venues=(VenueKind.IDS,), at_most=2
        ),
        "venue.clock_skew": Fault(
            "the venue's clock is ahead, or behind: its stamps and what it says when asked for the time",
            lasts_s=(10, 90),
            amount=(-3, 3),
        ),
    }
)
FEED: Mapping[str, Fault] = MappingProxyType(
    {
        "feed.silence": Fault(
            "nothing is told of a symbol",
            lasts_s=(40, 120),
            targets=Targets.SYMBOLS,
            at_most=3,
            alarms=FailureMode.DATA_DELAY,
        ),
        "feed.stale_stamp": Fault("ticks bear a time that is long past", lasts_s=(5, 60), amount=(0.5, 60)),
        "feed.reorder": Fault("two prints come the wrong way round", lasts_s=(5, 60), amount=(0.1, 0.9)),
        "feed.duplicate": Fault("ticks come twice", lasts_s=(5, 60), amount=(0.1, 1)),
        "feed.gap": Fault("numbers of ticks are left out, and never come", lasts_s=(5, 60), amount=(0.05, 0.5)),
        "feed.burst": Fault(
            "thousands of prints come at one instant", amount=(500, 3000), targets=Targets.SYMBOLS, at_most=2
        ),
        "feed.crossed_price": Fault("the bid lies above the ask", lasts_s=(5, 60), amount=(0.1, 1)),
        "feed.one_sided": Fault("a quote has no bid", lasts_s=(5, 60), amount=(0.1, 1)),
        "feed.bad_price": Fault(
            "a price is zero or none at all (NaN): no codec lets it through, so it is an unreadable message and a gap",
            lasts_s=(5, 60),
            amount=(0.05, 0.5),
        ),
        "feed.late_tick": Fault("a print comes when later ones have long been told", lasts_s=(5, 60), amount=(0.3, 10)),
        "feed.symbol_missing": Fault(
            "the feed reconnects, and one symbol is not subscribed", lasts_s=(5, 90), targets=Targets.SYMBOLS
        ),
        "feed.reconnect_refused": Fault("the feed is lost, and each attempt to reconnect is refused", lasts_s=(2, 60)),
    }
)
TRANSPORT: Mapping[str, Fault] = MappingProxyType(
    {
        "transport.request_lost": Fault("a request never arrives", weight=2, lasts_s=(5, 60), amount=(0.1, 0.6)),
        "transport.reply_lost": Fault(
            "the answer to an order is lost, whatever it was: OrderOutcomeUnknown", lasts_s=(5, 60), amount=(0.1, 0.6)
        ),
        "transport.cancel_lost": Fault(
            "a cancel never arrives: CancelOutcomeUnknown", lasts_s=(10, 60), amount=(0.3, 1)
        ),
        "transport.cancel_reply_lost": Fault(
            "a cancel succeeds, and its answer is lost: CancelOutcomeUnknown", lasts_s=(10, 60), amount=(0.3, 1)
        ),
        "transport.query_lost": Fault(
            "a question for an order is lost: OrderQueryFailed", lasts_s=(10, 60), amount=(0.3, 1)
        ),
        "transport.snapshot_lost": Fault(
            "a question for all of it is lost: VenueSnapshotFailed", lasts_s=(10, 90), amount=(0.3, 1)
        ),
        "transport.not_sent": Fault(
            "no connection for an order comes about: OrderNotSent", lasts_s=(5, 60), amount=(0.1, 0.8)
        ),
        "transport.latency": Fault(
            "requests, answers and reports take longer, all alike", lasts_s=(10, 60), amount=(0.05, 0.9)
        ),
        "transport.jitter": Fault(
            "requests, answers and reports take longer, each by its own span: requests overtake one another",
            lasts_s=(10, 60),
            amount=(0.05, 0.9),
        ),
        "transport.sliced": Fault(
            "reports come in slices: each is told once its last one is here, and those behind it wait",
            lasts_s=(10, 60),
            amount=(0.05, 0.5),
        ),
        "transport.truncated": Fault(
            "a frame is cut off: an answer is unknown or has failed at once, a report takes the stream down with it",
            lasts_s=(5, 60),
            amount=(0.05, 0.4),
        ),
        "transport.half_open": Fault(
            "streams stand and say nothing, until a heartbeat fails and they are called down",
            moments=STATES,
            lasts_s=(2, 30),
        ),
        "transport.reset": Fault(
            "every connection is reset: what is under way is unknown, streams go down and come up again",
            weight=2,
            moments=STATES,
        ),
        "transport.slow_close": Fault(
            "the stream is called down, and what it still held is told after that", moments=STATES, lasts_s=(1, 10)
        ),
        "transport.black_hole": Fault(
            "nothing arrives and nothing comes back: unknown, failed, and streams that stay down",
            moments=STATES,
            lasts_s=(2, 60),
            at_most=3,
        ),
    }
)
