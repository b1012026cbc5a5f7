"""A defect of the order path, real and switched on, and a plan that brings it out."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from actors.order_keeper import OrderKeeper
from bulkhead.chaos.plan import Moment, Plan, Strike
from messages.records import FillRecorded

RED_PLAN = Plan(
    seed=5,
    minutes=0.5,
    strikes=(
        Strike(fault="venue.reject", at_s=2.0, lasts_s=10.0, amount=0.2),
        Strike(fault="process.kill", at_s=6.5, moment=Moment.EXECUTED, amount=1.0),
        Strike(fault="transport.request_lost", at_s=20.0, lasts_s=8.0, amount=0.2),
    ),
)
"""Killed between an execution and its report; the other two strikes have nothing to do with what it brings out."""
GREEN_PLAN = RED_PLAN.model_copy(update={"strikes": RED_PLAN.strikes[:1]})


@pytest.fixture
def forgetful() -> Iterator[None]:
    """What only a listing of the venue shows is taken for booked, and never is."""
    step = OrderKeeper._step

    def forgets(self, applied, ctx, source):  # type: ignore[no-untyped-def]
        followup = step(self, applied, ctx, source)
        if source != "snapshot":
            return followup
        kept = tuple(record for record in followup.records if not isinstance(record, FillRecorded))
        return followup._replace(records=kept)

    with patch.object(OrderKeeper, "_step", forgets):
        yield
