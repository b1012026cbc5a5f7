"""Faults of the venue itself. Most are a word to the model, which counts them when they take effect."""

from bulkhead.chaos.plan import Strike
from bulkhead.chaos.strikes.kit import Does, Heal, goes_wrong
from bulkhead.chaos.world import World
from messages.values import OrderStatus


def drop_session(world: World, strike: Strike) -> Heal:
    heal = goes_wrong(world, strike)
    world.fired[strike.fault] += world.venue.lose_stream("the session was dropped")
    return heal


def cancel_all(world: World, strike: Strike) -> Heal:
    """A venue that cancels on disconnect, and until the session is back."""
    over = goes_wrong(world, strike)

    def end_all() -> None:
        world.fired[strike.fault] += world.venue.end_all(OrderStatus.CANCELLED)

    def heal() -> None:
        over()
        end_all()

    world.venue.lose_stream("the session was dropped")
    end_all()
    return heal


def restart(world: World, strike: Strike) -> Heal:
    heal = goes_wrong(world, strike)
    world.venue.lose_stream("the venue is going down")
    world.fired[strike.fault] += world.venue.end_all(OrderStatus.EXPIRED)
    return heal


def reuse_ids(world: World, strike: Strike) -> None:
    """Counted with the first number that is given again."""
    world.venue.lose_stream("the venue is going down")
    world.venue.number_anew()


DOES: dict[str, Does] = {
    "venue.reject": goes_wrong,
    "venue.slow_ack": goes_wrong,
    "venue.ack_lost": goes_wrong,
    "venue.fill_before_ack": goes_wrong,
    "venue.fill_after_cancel": goes_wrong,
    "venue.accepted_then_rejected": goes_wrong,
    "venue.partial": goes_wrong,
    "venue.duplicate": goes_wrong,
    "venue.out_of_order": goes_wrong,
    "venue.bust": goes_wrong,
    "venue.sequence_gap": goes_wrong,
    "venue.malformed": goes_wrong,
    "venue.unknown_message": goes_wrong,
    "venue.session_drop": drop_session,
    "venue.mass_cancel": cancel_all,
    "venue.rate_limit": goes_wrong,
    "venue.ban": goes_wrong,
    "venue.halt": goes_wrong,
    "venue.restart": restart,
    "venue.id_reuse": reuse_ids,
    "venue.clock_skew": goes_wrong,
}
