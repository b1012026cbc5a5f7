"""Faults of our machine's clock. The venue's is the true one."""

from bulkhead.chaos.plan import Strike
from bulkhead.chaos.strikes.kit import Does, Heal
from bulkhead.chaos.world import DST_NS, NS_PER_DAY, World


def jump(sign: int) -> Does:
    """Somebody sets it, and sets it right later."""

    def begin(world: World, strike: Strike) -> Heal:
        by_s = sign * (strike.amount or 1.0)
        world.set_wall_by(by_s)
        world.fired[strike.fault] += 1
        return lambda: world.set_wall_by(-by_s)

    return begin


def pause(world: World, strike: Strike) -> Heal:
    """The machine stands still, as a guest that is moved: its clock has not gone on, until a time server says so."""
    host, length_s, behind_s = world.host, strike.amount or 1.0, 0.0
    if host.is_frozen:
        return lambda: None

    def go_on() -> None:
        nonlocal behind_s
        behind_s = length_s
        world.set_wall_by(-length_s)
        world.fired[strike.fault] += 1
        host.thaw()

    host.freeze()
    host.later(length_s, go_on)
    return lambda: world.set_wall_by(behind_s)


def day_roll(world: World, strike: Strike) -> None:
    """The world began so long before midnight (UTC) that it is now."""
    world.fired[strike.fault] += world.true_ns() // NS_PER_DAY > world.start_ns // NS_PER_DAY


def dst(world: World, strike: Strike) -> None:
    """Likewise: the clocks of a region are put forward now. Ours tells UTC, and nothing may come of it."""
    world.fired[strike.fault] += world.start_ns < DST_NS <= world.true_ns()


DOES: dict[str, Does] = {
    "time.forward": jump(1),
    "time.back": jump(-1),
    "time.pause": pause,
    "time.day_roll": day_roll,
    "time.dst": dst,
}
