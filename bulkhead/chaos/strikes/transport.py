"""Faults of the way between house and venue, by the model's wire, which counts what they cost."""

from bulkhead.chaos.plan import Strike
from bulkhead.chaos.strikes.kit import Does, Heal, goes_wrong
from bulkhead.chaos.world import World


def half_open(world: World, strike: Strike) -> Heal:
    """Nothing comes any more, and nobody sees it before the heartbeat has failed."""
    over = goes_wrong(world, strike)

    def heal() -> None:
        over()
        world.venue.lose_stream("no heartbeat")
        world.venue.lose_feed()

    return heal


def reset(world: World, strike: Strike) -> None:
    world.venue.reset_connections()


def close_slowly(world: World, strike: Strike) -> Heal:
    heal = goes_wrong(world, strike)
    world.venue.lose_stream("closing")
    return heal


def swallow(world: World, strike: Strike) -> Heal:
    """The adapter's heartbeats fail soon, and each attempt to connect after them."""
    heal = goes_wrong(world, strike)
    world.fired[strike.fault] += world.venue.lose_stream("no heartbeat")
    world.fired[strike.fault] += world.venue.lose_feed()
    return heal


DOES: dict[str, Does] = {
    "transport.request_lost": goes_wrong,
    "transport.reply_lost": goes_wrong,
    "transport.cancel_lost": goes_wrong,
    "transport.cancel_reply_lost": goes_wrong,
    "transport.query_lost": goes_wrong,
    "transport.snapshot_lost": goes_wrong,
    "transport.not_sent": goes_wrong,
    "transport.latency": goes_wrong,
    "transport.jitter": goes_wrong,
    "transport.sliced": goes_wrong,
    "transport.truncated": goes_wrong,
    "transport.half_open": half_open,
    "transport.reset": reset,
    "transport.slow_close": close_slowly,
    "transport.black_hole": swallow,
}
