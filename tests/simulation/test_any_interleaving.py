"""Whatever happens in whatever order, at a venue that keeps our ids and takes trades back: see interleaving.py."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from bulkhead.chaos.model.busting import BustingVenue, busting
from bulkhead.chaos.model.market import VENUE
from bulkhead.execution.reversals import SUFFIX
from tests.simulation.interleaving import Interleaving


class AnyInterleaving(Interleaving):
    kind = BustingVenue

    @property
    def venue(self) -> BustingVenue:
        return busting(self.run.house.venue)

    @rule(share=st.sampled_from([0.0, 0.1, 0.4]))
    def trades_do_not_stand(self, share: float) -> None:
        self.venue.bust_share = share

    @invariant()
    def nothing_is_booked_that_was_not_executed(self) -> None:
        booked = {fill_id for (fill_id,) in self.rows("select fill_id from fills")}
        taken_back = {f"{VENUE}:{said.symbol}:{said.execution_id}" for said in self.venue.busted}
        allowed = taken_back | {key + SUFFIX for key in taken_back}
        assert booked - allowed <= set(self.run.house.executed())

    def be_told(self) -> None:
        self.venue.bust_share = 0.0


AnyInterleaving.TestCase.settings = settings(
    max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
# Every example makes a few ledgers, each with its synced first tables: a busy disk takes its time over that.
TestAnyInterleaving = pytest.mark.timeout(400)(AnyInterleaving.TestCase)
