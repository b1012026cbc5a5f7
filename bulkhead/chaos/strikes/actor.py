"""Faults of single actors: `Strike.target` names the actor, or the strategy."""

from collections.abc import Callable

from bulkhead.chaos.afflictions import Again, Ballast, Break, Broken, Fatal, Hold, Where
from bulkhead.chaos.plan import Strike
from bulkhead.chaos.strikes.kit import Does, Heal
from bulkhead.chaos.world import World
from messages.supervision import RestartChild, StopChild


def target_of(strike: Strike) -> str:
    assert strike.target is not None
    return strike.target


def counts(world: World, name: str) -> Callable[[], None]:
    def count() -> None:
        world.fired[name] += 1

    return count


def raises(where: Where) -> Does:
    def begin(world: World, strike: Strike) -> None:
        error = Broken(f"by the plan: {where}")
        world.host.afflictions.add(target_of(strike), Break(where, error, counts(world, strike.fault)))

    return begin


def fatal(world: World, strike: Strike) -> None:
    """No Exception, as a library that calls sys.exit."""
    breaks = Break(Where.BEFORE, Fatal("by the plan"), counts(world, strike.fault))
    world.host.afflictions.add(target_of(strike), breaks)


def init(world: World, strike: Strike) -> None:
    """It dies over a message, and then it cannot be made a few times."""
    name, host = target_of(strike), world.host
    host.afflictions.add(name, Break(Where.BEFORE, Broken("by the plan, so that it is made anew"), lambda: None))
    times = max(1, round(strike.amount or 1))
    host.afflictions.add(name, Break(Where.INIT, Broken("by the plan: init"), counts(world, strike.fault), times))


def stop(world: World, strike: Strike) -> Heal:
    """An operator stops it, and its end fails; later he starts it again."""
    name = target_of(strike)
    world.host.afflictions.add(name, Break(Where.STOP, Broken("by the plan: stop"), counts(world, strike.fault)))
    ask_supervisor(world, name, StopChild)
    return lambda: ask_supervisor(world, name, RestartChild)


def ask_supervisor(world: World, name: str, command: type[StopChild | RestartChild]) -> None:
    """As an operator asks by the command line."""
    supervisor = world.host.parent_of(name)
    if supervisor is not None:
        world.host.tell(supervisor, command(child=name), sender="operator")


def crash_loop(world: World, strike: Strike) -> Heal:
    """Over every message, until somebody has mended it."""
    name, host = target_of(strike), world.host
    host.afflictions.add(name, Break(Where.BEFORE, Broken("by the plan"), counts(world, strike.fault), times=None))

    def heal() -> None:
        host.afflictions.breaks.pop((Where.BEFORE, name), None)

    return heal


def hang(world: World, strike: Strike) -> None:
    """It comes back after a while, given up or not; without an amount it never does."""
    hold = Hold(strike.amount, counts(world, strike.fault))
    world.host.afflictions.holds[target_of(strike)] = hold


def slow(world: World, strike: Strike) -> Heal:
    """Each message takes its time."""
    name, host = target_of(strike), world.host
    hold = Hold(strike.amount, counts(world, strike.fault), times=None)
    host.afflictions.holds[name] = hold

    def heal() -> None:
        if host.afflictions.holds.get(name) is hold:
            del host.afflictions.holds[name]

    return heal


def circle(world: World, strike: Strike) -> None:
    """It tells itself the same over and over. With an end, since here no time passes meanwhile."""
    name, times = target_of(strike), round(strike.amount or 1)
    world.host.afflictions.circles[name] = times
    world.fired[strike.fault] += 1
    world.host.tell(name, Again(), sender=name)


def flood(world: World, strike: Strike) -> None:
    """More in its order lane than that may hold."""
    name = target_of(strike)
    for _ in range(round(strike.amount or 1)):
        world.host.tell(name, Ballast(), sender="flood")
    world.fired[strike.fault] += world.host.is_flooded(name)


DOES: dict[str, Does] = {
    "actor.crash": raises(Where.BEFORE),
    "actor.crash_after": raises(Where.AFTER),
    "actor.timer": raises(Where.TIMER),
    "actor.fatal": fatal,
    "actor.init": init,
    "actor.stop": stop,
    "actor.crash_loop": crash_loop,
    "actor.hang": hang,
    "actor.hang_for_ever": hang,
    "actor.slow": slow,
    "actor.circle": circle,
    "actor.flood": flood,
}
