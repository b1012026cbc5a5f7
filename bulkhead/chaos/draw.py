"""Drawing a plan from a seed: which faults, how many, when, for how long.

Each seed has a subset and weights of its own (swarm testing), so that no fault hides another in every run.
"""

from random import Random

from actors import addresses
from bulkhead.chaos.faults import CATALOGUE, Fault, Targets
from bulkhead.chaos.model.market import INSTRUMENTS, VENUE
from bulkhead.chaos.plan import Plan, Strike, VenueKind

LAST_SHARE = 0.95
"""Of the time, after which nothing new begins."""
STRIKES_PER_10_MIN = (1, 16)
TICKS_S = (0.5, 1.0, 2.0, 4.0)
STRATEGIES = ("heads", "tails")
ACTORS = (
    addresses.OMS,
    addresses.LEDGER,
    addresses.PORTFOLIO,
    addresses.RISK_GUARD,
    addresses.FAILURE_HANDLER,
    addresses.RECORDER,
    addresses.OBSERVER,
    addresses.broker(VENUE),
    addresses.transport(VENUE),
    addresses.market_data("feed"),
    *(addresses.strategy(name) for name in STRATEGIES),
)


def draw(seed: int, minutes: float = 10.0) -> Plan:
    rng = Random(f"{seed}:plan")
    venue = VenueKind.IDS if rng.random() < 0.6 else VenueKind.NUMBERED
    share = rng.uniform(0.15, 0.7)
    drawn = {name: rng.random() * fault.weight for name, fault in CATALOGUE.items() if venue in fault.venues}
    subset = [name for name in drawn if rng.random() < share] or [rng.choice(tuple(drawn))]
    low, high = STRIKES_PER_10_MIN
    times = max(1, round(rng.randint(low, high) * minutes / 10))
    left = {name: CATALOGUE[name].at_most for name in subset}
    strikes = []
    for _ in range(times):
        names = [name for name in subset if left[name] > 0]
        if not names:
            break
        (name,) = rng.choices(names, [drawn[each] for each in names])
        left[name] -= 1
        strikes.append(_strike(name, CATALOGUE[name], minutes * 60 * LAST_SHARE, rng))
    return Plan(
        seed=seed,
        venue=venue,
        minutes=minutes,
        tick_s=rng.choice(TICKS_S),
        has_tight_limits=rng.random() < 0.2,
        strikes=tuple(sorted(strikes, key=lambda strike: strike.at_s)),
    )


def _strike(name: str, fault: Fault, until_s: float, rng: Random) -> Strike:
    return Strike(
        fault=name,
        at_s=round(rng.uniform(0, until_s), 3),
        moment=rng.choice(fault.moments),
        lasts_s=round(rng.uniform(*fault.lasts_s), 3),
        amount=None if fault.amount is None else round(rng.uniform(*fault.amount), 4),
        target=_target(fault.targets, rng),
    )


def _target(targets: Targets, rng: Random) -> str | None:
    if targets is Targets.ACTORS:
        return rng.choice(ACTORS)
    if targets is Targets.SYMBOLS:
        return rng.choice(tuple(INSTRUMENTS))
    if targets is Targets.STRATEGIES:
        return rng.choice(STRATEGIES)
    return None
