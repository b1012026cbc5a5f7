"""TEST-714: how long after a trip does the last entry leave, while some actor hangs and 100,000 ticks wait?

The whole house on threads, the simulated venue as a process on the real wire, and the stop threads as in a run. The
worst case for the last look: entries wait in the adapter's lane, past every actor, when the trip comes. They are handed
to the port by the bench, on record as the ledger would have put them there, since an actor that hangs sends none. The
trip is the risk guard's own, on a loss that it is told of; where the guard is what hangs, or what it would hear of is
held up, it is a file in the latch, written as `bulkhead kill` writes it. From the gate's shutting (of the file: from
its writing) to the moment at which the last entry's bytes were in the socket. At last every order that worked, those
of the house and those of the bench, must be cancelled at the venue or reported.
"""

import time
from pathlib import Path

from actors import addresses
from bulkhead.app.bench.figures import Spread
from bulkhead.app.bench.stop_house import PATIENCE_S, RESTING, STRATEGY, TICKS, VENUE, House, grown
from bulkhead.app.house_market import FEED
from messages.values import TimeInForce, Value

TRIALS = 12
IN_LANE = 12
"""Entries that wait in the adapter's lane at each trip."""
TARGET_P99_MS = 50.0
SETTLE_S = 0.12
"""After a trip, for whatever would still leave to leave."""
HUNG = (
    "nobody",
    addresses.LEDGER,
    addresses.RISK_GUARD,
    addresses.FAILURE_HANDLER,
    addresses.PORTFOLIO,
    addresses.broker(VENUE),
    addresses.OMS,
    addresses.market_data(FEED),
    addresses.strategy(STRATEGY),
    addresses.RECORDER,
)


class HungFigures(Value):
    """While one actor hung."""

    trips: int
    by_kill: bool
    """The trip was a latch file; else the risk guard's own."""
    last_entry: Spread
    """From each trip to the last entry's last byte in the socket; 0 where none left after it."""
    begun_after: int
    """Entries that passed the last look after the gate was shut. There must be none."""
    held_back: int
    """Entries that came to the last look after the gate was shut, and went no further."""
    worked: int
    """Orders that worked at the venue at the last trip."""
    cancelled: int
    reported: int
    """Not cancelled, and said to be so."""
    lost: int
    """Neither. There must be none."""
    all_cancelled_s: float


class StopFigures(Value):
    ticks: int
    hung: dict[str, HungFigures]


def measure(folder: Path) -> StopFigures:
    """About ten seconds for each actor."""
    found = {}
    for number, name in enumerate(HUNG):
        found[name] = hang_and_stop(folder / str(number), name, TRIALS)
    return StopFigures(ticks=TICKS, hung=found)


def hang_and_stop(folder: Path, name: str, trials: int, ticks: int = TICKS) -> HungFigures:
    """One house, one actor that hangs, so many trips. Writes below `folder` only."""
    with grown(folder) as house:
        by_kill = name == addresses.RISK_GUARD
        house.until(lambda: len(house.session.tap.working()) >= RESTING, "the house has orders at the venue")
        house.know_the_price()
        if name != "nobody":
            house.hang(name)
        house.queue_ticks(ticks)
        spans: list[int] = []
        begun_after, held_back = 0, 0
        house.open_again()
        for trial in range(trials):
            is_last = trial == trials - 1
            if is_last:  # at rest at the venue, and in the lane for certain: the other trips come as they come
                house.rest_one()
                house.looks.may_look.clear()
            house.hand_in(IN_LANE, TimeInForce.IOC)
            if is_last:  # or the plan takes all of them back before one of them is looked at
                house.until(house.looks.is_waiting.is_set, "an entry stands before the last look")
            tripped_ns = house.trip(by_kill=by_kill)
            house.looks.may_look.set()
            if is_last:
                house.until_looked_at(tripped_ns)
            time.sleep(SETTLE_S)
            after = [at_ns - tripped_ns for _, at_ns in house.sent if at_ns > tripped_ns]
            spans.append(max(after, default=0))
            begun_after += sum(began_ns > tripped_ns for _, began_ns in house.looks.let_out)
            held_back += len({key for key, began_ns in house.looks.held_back if began_ns > tripped_ns})
            if not is_last:
                house.open_again()
        return _ended(house, spans, begun_after, held_back, by_kill=by_kill)


def _ended(house: House, spans: list[int], begun_after: int, held_back: int, *, by_kill: bool) -> HungFigures:
    """Wait until nothing works, or all that does is reported."""
    began, worked = time.monotonic(), house.at_venue()
    deadline = began + PATIENCE_S
    while (left := house.at_venue()) - house.reported() and time.monotonic() < deadline:
        time.sleep(0.02)
    return HungFigures(
        trips=len(spans),
        by_kill=by_kill,
        last_entry=Spread.of(spans),
        begun_after=begun_after,
        held_back=held_back,
        worked=len(worked),
        cancelled=len(worked - left),
        reported=len(worked & left & house.reported()),
        lost=len(left - house.reported()),
        all_cancelled_s=round(time.monotonic() - began, 2),
    )
