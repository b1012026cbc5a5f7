"""Faults of the market data, by the model's prices, which count them with each tick that they spoil."""

from bulkhead.chaos.plan import Strike
from bulkhead.chaos.strikes.kit import Does, Heal, goes_wrong
from bulkhead.chaos.world import World


def burst(world: World, strike: Strike) -> None:
    """Comes with the symbol's next step."""
    assert strike.target is not None
    assert strike.amount is not None
    world.venue.burst(strike.target, round(strike.amount))


def lose_feed(world: World, strike: Strike) -> Heal:
    """What happens next is up to the connection that is tried with the next step."""
    heal = goes_wrong(world, strike)
    world.venue.lose_feed()
    return heal


DOES: dict[str, Does] = {
    "feed.silence": goes_wrong,
    "feed.stale_stamp": goes_wrong,
    "feed.reorder": goes_wrong,
    "feed.duplicate": goes_wrong,
    "feed.gap": goes_wrong,
    "feed.burst": burst,
    "feed.crossed_price": goes_wrong,
    "feed.one_sided": goes_wrong,
    "feed.bad_price": goes_wrong,
    "feed.late_tick": goes_wrong,
    "feed.symbol_missing": lose_feed,
    "feed.reconnect_refused": lose_feed,
}
