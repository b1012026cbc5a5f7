"""Short plans in which the defects of `bulkhead/chaos/planted/rest.py` can show, and the faults they are made of."""

from bulkhead.chaos.plan import Plan, Strike

LOSSY = Plan(
    seed=1,
    minutes=1.5,
    strikes=(
        Strike(fault="transport.request_lost", at_s=10, lasts_s=60, amount=0.6),
        Strike(fault="venue.ack_lost", at_s=20, lasts_s=40, amount=0.3),
    ),
)
LATE = Plan(seed=3, minutes=1.0, strikes=(Strike(fault="venue.reject", at_s=50, lasts_s=5, amount=0.1),))
"""Nothing is broken until long after the house is up."""
BUSY = LATE.model_copy(update={"tick_s": 0.25})
"""The venue has much to say."""
CRASHING = Plan(
    seed=4,
    minutes=1.5,
    strikes=tuple(
        Strike(fault="actor.crash", at_s=at_s, target=target)
        for at_s, target in ((20, "oms"), (35, "ledger"), (50, "portfolio"), (65, "observer"))
    ),
)
KILLED = Plan(seed=5, minutes=1.0, strikes=(Strike(fault="process.kill", at_s=30, amount=5.0),))
LOOP = Plan(
    seed=6,
    minutes=1.5,
    strikes=tuple(Strike(fault="actor.crash", at_s=10.0 + 5 * n, target="observer") for n in range(6)),
)
"""One actor fails more often than it may be restarted."""
