"""Whether a plan that somebody wrote can be played, and heal: said before it is, with the reason."""

from bulkhead.chaos.draw import ACTORS, STRATEGIES
from bulkhead.chaos.faults import Fault, Targets, UnknownFault, fault
from bulkhead.chaos.model.market import INSTRUMENTS
from bulkhead.chaos.plan import BadPlan, Moment, Plan, Strike
from bulkhead.chaos.recovery import BOUND_S

MOST_STRIKES = 1_000
_CHOICES: dict[Targets, tuple[str, ...]] = {Targets.SYMBOLS: tuple(INSTRUMENTS), Targets.STRATEGIES: STRATEGIES}


def check(plan: Plan) -> None:
    """Raises BadPlan."""
    if len(plan.strikes) > MOST_STRIKES:
        raise BadPlan(f"{len(plan.strikes)} strikes, and at most {MOST_STRIKES} are played")
    steps = [strike.at_step for strike in plan.strikes if strike.at_step is not None]
    if len(set(steps)) < len(steps):
        raise BadPlan("two strikes at one step: only one of them would be")
    for number, strike in enumerate(plan.strikes, 1):
        wrong = _wrong(plan, strike)
        if wrong is not None:
            raise BadPlan(f"strike {number}, {strike.fault}: {wrong}")


def _wrong(plan: Plan, strike: Strike) -> str | None:
    try:
        known = fault(strike.fault)
    except UnknownFault as error:
        return str(error)
    if plan.venue not in known.venues:
        return f"not of a venue of the kind {plan.venue}"
    if (strike.moment is Moment.STEP) != (strike.at_step is not None):
        return f"`at_step` goes with the moment {Moment.STEP}, and only with it"
    if strike.at_s >= plan.minutes * 60:
        return f"begins at {strike.at_s:g} s, and the plan is over after {plan.minutes * 60:g} s: it would never strike"
    return _target_wrong(known, strike) or _never_heals(plan, known, strike)


def _target_wrong(known: Fault, strike: Strike) -> str | None:
    if known.targets is Targets.NOTHING:
        return None if strike.target is None else f"has no target, and {strike.target!r} is given"
    if strike.target is None:
        return f"wants a target out of {known.targets}: {', '.join(_CHOICES.get(known.targets, ACTORS))}"
    choices = _CHOICES.get(known.targets)
    if choices is not None and strike.target not in choices:
        return f"the target is one of {', '.join(choices)}, not {strike.target!r}"
    return None


def _never_heals(plan: Plan, known: Fault, strike: Strike) -> str | None:
    longest_s = max(plan.minutes * 60, known.lasts_s[1])
    if known.lasts_s[1] == 0 and strike.lasts_s > 0:
        return f"is an instant and cannot last {strike.lasts_s:g} s: nothing would end it"
    if not strike.lasts_s <= longest_s:
        return f"lasts {strike.lasts_s:g} s, and the plan {plan.minutes * 60:g} s: it would never be over"
    if known.amount is None or strike.amount is None:
        return None
    low, high = known.amount
    most = max(high, BOUND_S) if high > 1 else 1.0
    if not min(low, 0) <= strike.amount <= most:
        return f"an amount of {strike.amount:g} is not within 0 and {most:g}: the house could never come right"
    return None
