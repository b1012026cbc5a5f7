"""What operators do at moments that nobody has chosen."""

from bulkhead.chaos.person import LOOKS_EVERY_25_MS, Person
from bulkhead.chaos.plan import Strike
from bulkhead.chaos.strikes.actor import ask_supervisor, target_of
from bulkhead.chaos.strikes.kit import Does, Heal
from bulkhead.chaos.world import World
from messages.supervision import ChildState, RestartChild, StopChild
from messages.values import StopLevel, StopPlan

LEVELS = (StopLevel.SOFT, StopLevel.MEDIUM, StopLevel.HARD)
LOOK_EVERY_S = 0.5


def level_of(strike: Strike) -> StopLevel:
    """`Strike.amount` from 0 to 3: its whole part says which."""
    return LEVELS[min(int(strike.amount or 0), len(LEVELS) - 1)]


def kill(world: World, strike: Strike) -> Heal:
    """`bulkhead kill` for all, or for `Strike.target`; resumed at the end."""
    person = Person(world)
    scope = "all" if strike.target is None else f"symbol:{strike.target}"
    reason_id = person.kill(level_of(strike), scope)
    gate = world.house.gate

    def is_seen() -> None:
        world.fired[strike.fault] += gate.is_in_force(reason_id)

    world.host.later(LOOKS_EVERY_25_MS, is_seen)

    def resume() -> None:
        person.resume(reason_id)

    return resume


def resume(world: World, strike: Strike) -> Heal:
    """A kill, and before it has ended all that works, or in the very instant in which it is seen, its end."""
    person = Person(world)
    reason_id = person.kill(level_of(strike))

    def lift() -> None:
        world.fired[strike.fault] += person.resume(reason_id)

    return lift


def close(world: World, strike: Strike) -> Heal:
    person = Person(world)
    reason_id = person.close(strike.target)
    world.fired[strike.fault] += 1

    def lift() -> None:
        person.resume(reason_id)

    return lift


def restart(world: World, strike: Strike) -> Heal:
    """Whatever is parked is started again; where nothing is, somebody stops an actor and starts it later."""
    if Person(world).restart_parked():
        world.fired[strike.fault] += 1
        return lambda: None
    name, host = target_of(strike), world.host
    is_up = any(node.id == name and node.state is ChildState.READY for node in host.status())
    world.fired[strike.fault] += is_up
    ask_supervisor(world, name, StopChild)
    return lambda: ask_supervisor(world, name, RestartChild)


def confirm_plan(world: World, strike: Strike) -> Heal:
    """The order channel goes; as soon as a technical reason has a plan that waits, an operator has it run."""
    person, venue = Person(world), world.venue
    is_over = False

    def look() -> None:
        if is_over:
            return
        for reason in world.house.gate.reasons():
            if reason.is_technical and reason.effective_plan > StopPlan.CANCEL_ENTRIES:
                world.fired[strike.fault] += person.confirm(reason.reason_id)
        world.host.later(LOOK_EVERY_S, look)

    def heal() -> None:
        nonlocal is_over
        is_over = True

    if venue.order_sink is not None:
        venue.drop_stream()
    world.host.later(strike.amount or 30.0, lambda: venue.raise_stream() if venue.order_sink is not None else None)
    world.host.later(LOOK_EVERY_S, look)
    return heal


DOES: dict[str, Does] = {
    "operator.kill": kill,
    "operator.kill_symbol": kill,
    "operator.resume": resume,
    "operator.close": close,
    "operator.close_symbol": close,
    "operator.restart": restart,
    "operator.confirm_plan": confirm_plan,
}
