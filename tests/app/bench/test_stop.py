"""TEST-714 over the real wire: with 100,000 ticks queued and each actor hung in turn, no entry begins to leave after a
trip, and every order that worked is cancelled at the venue or reported. The figures are `bulkhead bench --only stop`'s.
"""

from pathlib import Path

import pytest

from actors import addresses
from bulkhead.app.bench import stop

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]
TRIPS = 2


@pytest.mark.lesson("L22")
@pytest.mark.req("P-09", "S-07", "S-09", "TEST-714")
@pytest.mark.parametrize("name", stop.HUNG)
def test_714_no_entry_leaves_after_a_trip_while_an_actor_hangs(tmp_path: Path, name: str) -> None:
    found = stop.hang_and_stop(tmp_path / "house", name, TRIPS)
    assert found.by_kill is (name == addresses.RISK_GUARD), "the guard trips by itself wherever it can"
    assert found.trips == TRIPS
    assert found.held_back > 0, "entries were on their way when the gate shut; a plan may have taken others back unsent"
    assert found.begun_after == 0
    assert found.worked > 0
    assert (found.cancelled + found.reported, found.lost) == (found.worked, 0)
