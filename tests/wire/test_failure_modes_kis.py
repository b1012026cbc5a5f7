"""An order of which only an operator can tell, over the wire of a venue that keeps no ids: the row ORDER_IN_DOUBT."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors import addresses
from bulkhead.chaos.oracle import LedgerFile
from bulkhead.venues.simulator.kis.settings import KisSection
from messages.failure import FailureMode
from messages.operator import ResolveOrder
from messages.values import StopLevel
from tests.wire.kis_audit import WON, truths
from tests.wire.kis_day import LEAD_S, OPENS, TRADED, Trader
from tests.wire.kis_town import NS_PER_S, KisTown, KisVenue, simulator

pytestmark = pytest.mark.process
SPEED = 60
SYMBOL = TRADED[0]
REASON = f"{FailureMode.ORDER_IN_DOUBT.value}:symbol:{SYMBOL}"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[KisTown]:
    kis = KisSection.model_validate({"host": "paper"})
    starts_at_ms = int((OPENS.timestamp() - LEAD_S) * 1_000)
    markets = {"balances": {WON: 1_000_000_000}, "events_per_s": 200, "symbols": TRADED}
    with simulator(starts_at_ms, SPEED, kis, **markets) as process:
        trader = Trader((SYMBOL,), Trader.Parameters())
        trader.every_s, trader.until_ns = 5.0, int(OPENS.timestamp() + 3_600) * NS_PER_S
        found = KisTown(tmp_path, KisVenue(process), {"trader": trader}, "paper")
        found.grow()
        try:
            yield found
        finally:
            found.stop()


@pytest.mark.failure_mode("ORDER_IN_DOUBT")
def test_order_in_doubt(here: KisTown) -> None:
    here.venue.call("/sim/faults", {"unknown_orders": {"code": "EGW00302", "count": 1, "accept": False}})
    here.until(lambda: here.gate.is_in_force(REASON), "an operator is asked")
    (reason,) = (each for each in here.gate.reasons() if each.reason_id == REASON)
    assert reason.level is StopLevel.SOFT
    scopes = frozenset({"all", f"symbol:{SYMBOL}"})
    assert here.gate.refusal_in(scopes, is_entry=True)
    assert here.gate.refusal_in(scopes, is_entry=False) is None
    ((_, key, number),) = truths(here.venue.books(), LedgerFile(here.path))
    said = {"request_id": "o1", "operator": "mina", "reason": "looked", "reply_to": "test"}
    here.tell(ResolveOrder.model_validate({**said, "order_id": key, "venue_order_id": number}), addresses.OMS)
    here.until(lambda: not here.gate.is_in_force(REASON), "an operator has said what became of it")
