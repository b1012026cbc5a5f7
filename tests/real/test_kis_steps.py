"""The steps of the opt-in test, at the simulated KIS: so they are known to work before they meet the paper host."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkhead.app.settings import Settings, check_settings
from bulkhead.app.venue import Venue
from bulkhead.venues import krx
from bulkhead.venues.simulator.process import in_thread
from bulkhead.venues.simulator.settings import SimulatorSettings
from tests.real.kis_steps import Heard, connected, market_price, place_and_cancel, rules_of, snapshot

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]
SYMBOL = "005930"
AT_KIS = SimulatorSettings.model_validate(
    {"dialect": "kis", "kis": {"always_open": True, "requests_per_s": 18}, "events_per_s": 50, "symbols": (SYMBOL,)}
)


def settings_for(port: int, folder: Path) -> Settings:
    urls = {"rest_url": f"http://127.0.0.1:{port}", "stream_url": f"ws://127.0.0.1:{port}/tryitout"}
    strategy = {"id": "x", "use": "a:B", "symbols": [SYMBOL], "sizing": {"notional": "500000"}}
    return check_settings(
        {
            "session": {"ledger_file": str(folder / "ledger.db")},
            "venue": {"name": "kis", "adapter": "kis", "start_simulator": False, **urls},
            "strategies": [strategy],
        },
        "test",
    )


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    with in_thread(AT_KIS) as simulator, connected(settings_for(simulator.port, tmp_path)) as found:
        yield found


def test_key_rules_and_account(venue: Venue) -> None:
    assert rules_of(venue, SYMBOL).tick_bands == krx.TICK_BANDS
    heard = Heard()
    venue.orders.open(heard)
    try:
        assert "KRW" in {balance.asset for balance in snapshot(venue, SYMBOL, heard).balances}
    finally:
        venue.orders.close(3.0)


def test_the_market_and_an_order_that_is_cancelled(venue: Venue) -> None:
    assert market_price(venue, SYMBOL) % krx.tick_at(market_price(venue, SYMBOL)) == 0
    ticket = place_and_cancel(venue, SYMBOL)
    assert ticket.limit_price is not None
    assert ticket.limit_price % krx.tick_at(ticket.limit_price) == 0
