"""Each fault of the ledger's disk. What was acknowledged is there afterwards; what was not may be."""

from pathlib import Path
from random import Random

import pytest

from bulkhead.chaos.strikes.store import flip, is_seen
from bulkhead.chaos.world import make_template
from bulkhead.ledger.port import Entry
from bulkhead.ledger.sqlite import SqliteLedger
from messages.records import LeaseReleased
from tests.chaos.conftest import StrikeOnce, names_of


@pytest.mark.parametrize("name", names_of("store"))
def test_it_strikes_and_all_is_well_again(strike_once: StrikeOnce, name: str) -> None:
    strike_once(name).assert_all_is_well()


def test_a_ledger_that_is_taken_ends_the_process_and_locks_its_successor_out(strike_once: StrikeOnce) -> None:
    paths = strike_once("store.taken", lasts_s=12.0).outcome.paths
    assert paths["process.left"] == 1
    assert paths["process.not_born"] > 0


def test_a_flipped_bit_is_seen_and_a_whole_ledger_is_not_accused(tmp_path: Path) -> None:
    path = make_template(tmp_path)
    ledger = SqliteLedger(path)
    record = LeaseReleased(venue="sim", account="paper", epoch=7, at_ns=123_456_789)
    (event,) = ledger.append([Entry(record, 1, "s-1", "c", None)])
    ledger.connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
    ledger.close()
    assert not is_seen(path)
    assert flip(path, event.payload.encode()[:48], Random(1))
    assert is_seen(path)
