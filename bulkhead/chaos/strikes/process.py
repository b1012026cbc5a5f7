"""Faults of the whole process."""

from bulkhead.chaos.plan import Strike
from bulkhead.chaos.strikes.kit import Does, Heal
from bulkhead.chaos.world import World
from bulkhead.ledger.port import LedgerInUse


def kill(world: World, strike: Strike) -> None:
    world.fired[strike.fault] += 1
    world.cut(strike.amount or 1.0)


def stopped(world: World, strike: Strike) -> None:
    """SIGSTOP, and SIGCONT after a while: the venue goes on, and what it says waits in the sockets."""
    host = world.host
    if not host.is_frozen:
        world.fired[strike.fault] += 1
        host.freeze()
        host.later(strike.amount or 1.0, host.thaw)


def restart(world: World, strike: Strike) -> Heal:
    """An operator ends the run in order, whatever is under way, and the next one begins."""
    house = world.house
    house.stop_trading()

    def end() -> None:
        if world.house is house:
            world.fired[strike.fault] += 1
            house.stop()

    return end


def second_instance(world: World, strike: Strike) -> None:
    """Somebody starts another run on the same ledger: its lock must refuse it."""
    try:
        world.take_ledger(0.0)
    except LedgerInUse:
        world.fired[strike.fault] += 1
    else:
        world.leave_ledger()
        world.undetected.append("a second process got the ledger while the first one had it")


def locked_out(world: World, strike: Strike) -> None:
    """Killed; and before it comes back another process has the ledger for a while."""
    world.kept_out_s = strike.amount or 10.0
    world.kept_out_by = strike.fault
    world.cut(1.0)


DOES: dict[str, Does] = {
    "process.kill": kill,
    "process.stopped": stopped,
    "process.restart": restart,
    "process.second_instance": second_instance,
    "process.locked_out": locked_out,
}
