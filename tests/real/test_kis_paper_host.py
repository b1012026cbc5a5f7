"""The paper host of KIS itself, with your own keys for it: `pytest tests/real/test_kis_paper_host.py -rs`.

Skipped unless the variables that config/kis-paper.toml names are set. The token is kept where a run of that
configuration keeps it, so that KIS gives one for both (and tells you by KakaoTalk once). One request a second at most.
An order is placed only if BULKHEAD_KIS_PLACE_ORDER=1, in trading hours: one share, a fifth below the market, cancelled.
"""

import os
import time
from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from bulkhead.app.settings import Settings, load_settings
from bulkhead.app.venue import Venue
from bulkhead.app.venue_kis import OFFICIAL_HOSTS
from bulkhead.venues import krx
from tests.app.kit import ROOT
from tests.real.kis_steps import Heard, connected, market_price, place_and_cancel, rules_of, snapshot

CONFIG = ROOT / "config" / "kis-paper.toml"
SYMBOL = "005930"
PLACE_ORDER = "BULKHEAD_KIS_PLACE_ORDER"


def missing(settings: Settings) -> list[str]:
    names = settings.venue.kis.env_names
    return [name for name in names if not (os.environ.get(name) or os.environ.get(f"{name}_FILE"))]


SETTINGS = load_settings(CONFIG)
MISSING = ", ".join(missing(SETTINGS))
MAY_NOT_ORDER = os.environ.get(PLACE_ORDER) != "1"
pytestmark = [
    pytest.mark.skipif(MISSING != "", reason=f"no keys for the paper host: {MISSING}"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    assert SETTINGS.venue.kis.host == "paper"
    assert OFFICIAL_HOSTS[urlsplit(SETTINGS.venue.rest_url or "").netloc] == "paper", "never with real money"
    token_file = ROOT / "logs" / "kis-paper.kis-token.json"
    section = SETTINGS.venue.kis.model_copy(update={"token_file": token_file})
    with connected(SETTINGS.model_copy(update={"venue": SETTINGS.venue.model_copy(update={"kis": section})})) as found:
        yield found


def only_in_hours() -> None:
    if not krx.is_trading_at(time.time_ns()):
        pytest.skip("KRX is closed now, so there is no market to look at")


def test_key_rules_and_account(venue: Venue) -> None:
    rules = rules_of(venue, SYMBOL)
    assert (rules.quote_asset, rules.lot_size, rules.tick_bands) == ("KRW", Decimal(1), krx.TICK_BANDS)
    heard = Heard()
    venue.orders.open(heard)
    try:
        assert "KRW" in {balance.asset for balance in snapshot(venue, SYMBOL, heard).balances}
    finally:
        venue.orders.close(3.0)


def test_the_market(venue: Venue) -> None:
    only_in_hours()
    price = market_price(venue, SYMBOL)
    assert price % krx.tick_at(price) == 0


@pytest.mark.skipif(MAY_NOT_ORDER, reason=f"{PLACE_ORDER}=1 would let it place an order")
def test_one_order_far_away_is_accepted_listed_and_cancelled(venue: Venue) -> None:
    only_in_hours()
    place_and_cancel(venue, SYMBOL)
