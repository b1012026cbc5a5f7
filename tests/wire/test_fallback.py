"""A stream that falls silent for one symbol, over the real wire: from ticks to snapshots, to the broker, to nothing."""

import json
from collections.abc import Iterator

import pytest

from messages.failure import FailureMode
from messages.values import StopLevel
from tests.wire.kit import Town, town

pytestmark = pytest.mark.process
SILENT, FLOWING = "BTCUSDT", "ETHUSDT"
REASON = f"{FailureMode.DATA_DELAY.value}:symbol:{SILENT}"


@pytest.fixture
def moving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A market that moves, and limits short enough to wait for."""
    folder = tmp_path_factory.mktemp("moving")
    with town(folder, events_per_s=200, max_silence_s=1.5, snapshot_interval_s=1.0, settle_s=0.5) as made:
        yield made


def level(here: Town) -> StopLevel | None:
    found = [reason.level for reason in here.gate.reasons() if reason.reason_id == REASON]
    return found[0] if found else None


def sources(here: Town) -> list[str]:
    query = "select payload from events where type = 'SourceRecorded' order by seq"
    changes = [json.loads(payload)["change"] for (payload,) in here.ledger.rows(query)]
    return [change["source"] for change in changes if change["symbol"] == SILENT]


def until_source(here: Town, name: str) -> None:
    here.until(lambda: sources(here)[-1:] == [name], f"{name} is in force")


@pytest.mark.failure_mode("DATA_DELAY")
@pytest.mark.req("S-15")
@pytest.mark.req("S-10")
def test_each_source_in_its_turn_says_what_may_still_be_sent(moving: Town) -> None:
    here = moving
    here.fault(silent_streams=[SILENT])
    until_source(here, "snapshot")
    here.until(lambda: level(here) is StopLevel.REDUCED, "the delay is softened")
    here.until(lambda: here.market(SILENT).source == "snapshot", "the strategy sees the snapshots")
    bought = here.order_of(here.buy(SILENT, crosses=True))
    here.until_status(bought.client_order_id, "FILLED")

    here.fault(quotes_down="keyless")
    until_source(here, "broker")
    here.until(lambda: here.market(SILENT).source == "broker", "the strategy sees the broker's quotes")

    here.fault(quotes_down="all")
    until_source(here, "none")
    here.until(lambda: level(here) is StopLevel.SOFT, "nothing is left")
    refused = here.refused(lambda: here.buy(SILENT, crosses=True))
    assert refused["code"] == "RISK_DATA_UNSOUND", "the guard asks first, and the gate is shut besides"
    elsewhere = here.order_of(here.buy(FLOWING, crosses=True))
    here.until_status(elsewhere.client_order_id, "FILLED")

    here.fault(quotes_down="none", silent_streams=[])
    until_source(here, "feed")
    here.until(lambda: level(here) is None, "and no operator had to see to it")
    assert here.faults == []
