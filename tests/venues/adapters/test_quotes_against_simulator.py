"""Quotes on demand at the simulated venue: while its streams are silent, and while it refuses them."""

import random
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from bulkhead.venues.adapters.binance import BinanceQuotes, BinanceRates
from bulkhead.venues.adapters.kis import KisQuotes, KisSession, KisSettings
from bulkhead.venues.port import QuoteSource
from bulkhead.venues.simulator.process import in_thread
from bulkhead.venues.simulator.settings import (
    DEMO_KIS_ACCOUNT,
    DEMO_KIS_APP_KEY,
    DEMO_KIS_APP_SECRET,
    DEMO_KIS_HTS_ID,
    SimulatorSettings,
)
from messages.market import Quote, QuotesFailed, Trade
from messages.market_health import DataSource
from tests.venues.adapters.kit import Log, feed, set_faults, settings
from tests.venues.simulator.kit import Client
from tests.venues.transport.peers import until

pytestmark = pytest.mark.process
SNAPSHOT, BROKER = DataSource.SNAPSHOT, DataSource.BROKER


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with in_thread(SimulatorSettings(events_per_s=300, symbols=("BTCUSDT", "ETHUSDT"))) as venue:
        yield venue.port


def no_fault(where: str, error: Exception) -> None:
    raise AssertionError(f"{where}: {error!r}")


@contextmanager
def opened(quotes: QuoteSource) -> Iterator[Log]:
    log = Log()
    quotes.open(log)
    try:
        yield log
    finally:
        quotes.close(5.0)


def binance(port: int, source: DataSource) -> BinanceQuotes:
    adapter = settings(port, symbols=("BTCUSDT", "ETHUSDT"))
    rates = BinanceRates(adapter.rates, time.monotonic_ns, time.time_ns)
    return BinanceQuotes(
        source,
        adapter,
        adapter.rest_url,
        rates,
        now_ns=time.time_ns,
        monotonic_ns=time.monotonic_ns,
        on_fault=no_fault,
    )


@pytest.mark.req("S-15")
def test_rest_answers_while_the_stream_of_one_symbol_is_silent(port: int) -> None:
    ticks, stream, provider = Log(), feed(port, symbols=("BTCUSDT", "ETHUSDT")), binance(port, SNAPSHOT)

    def seen(symbol: str) -> int:
        return sum(1 for tick in ticks.of(Trade) if tick.symbol == symbol)

    stream.open(ticks)
    try:
        until(lambda: seen("BTCUSDT") > 0 and seen("ETHUSDT") > 0, "both flow")
        set_faults(port, silent_streams=["BTCUSDT"])
        time.sleep(0.1)  # what was on its way
        silent, flowing = seen("BTCUSDT"), seen("ETHUSDT")
        until(lambda: seen("ETHUSDT") > flowing + 3, "the other one flows on")
        assert seen("BTCUSDT") == silent
        with opened(provider) as answers:
            provider.ask(("BTCUSDT",))
            (quote,) = answers.wait_for(Quote)
    finally:
        stream.close(5.0)
        set_faults(port, silent_streams=[])
    assert (quote.symbol, quote.source) == ("BTCUSDT", SNAPSHOT)
    assert quote.bid is not None
    assert quote.ask is not None
    assert quote.bid < quote.ask


@pytest.mark.req("S-15")
def test_the_provider_may_be_down_while_the_broker_still_answers(port: int) -> None:
    provider, broker = binance(port, SNAPSHOT), binance(port, BROKER)
    set_faults(port, quotes_down="keyless")
    try:
        with opened(provider) as failed, opened(broker) as answered:
            provider.ask(("BTCUSDT", "ETHUSDT"))
            broker.ask(("BTCUSDT", "ETHUSDT"))
            (refused,) = failed.wait_for(QuotesFailed)
            found = answered.wait_for(Quote, 2)
            set_faults(port, quotes_down="all")
            broker.ask(("ETHUSDT",))
            (no_more,) = answered.wait_for(QuotesFailed)
    finally:
        set_faults(port, quotes_down="none")
    assert (refused.source, refused.symbols) == (SNAPSHOT, ("BTCUSDT", "ETHUSDT"))
    assert {quote.source for quote in found} == {BROKER}
    assert no_more.symbols == ("ETHUSDT",)


def test_a_symbol_that_the_venue_does_not_know_fails_the_question(port: int) -> None:
    provider = binance(port, SNAPSHOT)
    with opened(provider) as log:
        provider.ask(("BTCUSDT", "NOSUCH"))
        (failed,) = log.wait_for(QuotesFailed)
    assert "-1121" in failed.reason


def test_a_venue_that_is_not_there_is_an_answer_and_no_exception() -> None:
    provider = binance(9, SNAPSHOT)
    with opened(provider) as log:
        provider.ask(("BTCUSDT",))
        (failed,) = log.wait_for(QuotesFailed)
    assert failed.symbols == ("BTCUSDT",)


def test_closed_it_asks_nobody_and_may_be_opened_again(port: int) -> None:
    provider = binance(port, SNAPSHOT)
    provider.ask(("BTCUSDT",))
    with opened(provider) as log, pytest.raises(RuntimeError, match="open already"):
        provider.open(log)
    provider.ask(("BTCUSDT",))
    assert not log.of(Quote)
    with opened(provider) as again:
        provider.ask(("BTCUSDT",))
        again.wait_for(Quote)


@pytest.mark.req("S-15")
def test_kis_is_asked_symbol_by_symbol_and_one_that_fails_spoils_no_other() -> None:
    section = {"always_open": True, "requests_per_s": 50}
    with in_thread(SimulatorSettings.model_validate({"dialect": "kis", "kis": section, "events_per_s": 0})) as venue:
        adapter = KisSettings.model_validate(
            {
                "host": "paper",
                "rest_url": venue.http_url,
                "ws_url": f"ws://127.0.0.1:{venue.port}/tryitout",
                "app_key": DEMO_KIS_APP_KEY,
                "app_secret": DEMO_KIS_APP_SECRET,
                "account_number": DEMO_KIS_ACCOUNT,
                "hts_id": DEMO_KIS_HTS_ID,
                "symbols": ("005930", "000660"),
                "commission_rate": "0.00015",
                "sell_tax_rate": "0.0015",
                "rates": {"question_wait_s": 10.0},
            }
        )
        session = KisSession(
            adapter,
            now_ns=time.time_ns,
            monotonic_ns=time.monotonic_ns,
            rng=random.Random(1),
            on_fault=no_fault,
        )
        quotes = KisQuotes(session)
        with opened(quotes) as log, closing(Client(venue.http_url)) as client:
            quotes.ask(("005930", "999999"))
            (quote,) = log.wait_for(Quote)
            (failed,) = log.wait_for(QuotesFailed)
            client.faults(quotes_down="all", silent_streams=["005930"])
            quotes.ask(("000660",))
            _, refused = log.wait_for(QuotesFailed, 2)
    assert (quote.symbol, quote.source) == ("005930", SNAPSHOT)
    assert quote.bid is not None
    assert quote.ask is not None
    assert quote.bid < quote.ask
    assert (failed.symbols, refused.symbols) == (("999999",), ("000660",))
