"""The calendar of each symbol: what the adapter knows, what the settings say, and what is refused before a start."""

import sys
from typing import Any

import pytest

from bulkhead.app.calendars import calendars
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import check_settings
from bulkhead.venues import exchanges

REAL = {"start_simulator": False, "rest_url": "https://api.test", "stream_url": "wss://s.test"}


def made(symbols: list[str], market_data: dict[str, Any], **venue: object) -> dict[str, str]:
    strategy = {"id": "one", "use": "x:Y", "symbols": symbols, "sizing": {"notional": "100"}}
    data = {"venue": venue, "market_data": market_data, "strategies": [strategy], "simulator": {"always_open": False}}
    return {symbol: calendar.name for symbol, calendar in calendars(check_settings(data, "test.toml")).items()}


def refusal(symbols: list[str], market_data: dict[str, Any], **venue: object) -> str:
    with pytest.raises(Stopped) as stopped:
        made(symbols, market_data, **venue)
    assert stopped.value.code is ExitCode.CONFIG
    return stopped.value.sentence


@pytest.mark.req("P-02")
def test_crypto_never_rests_and_korea_has_its_own_hours() -> None:
    assert made(["BTCUSDT"], {}) == {"BTCUSDT": "always"}
    assert made(["005930"], {}, adapter="kis") == {"005930": "XKRX"}
    assert made(["005930"], {}, adapter="kis", kis={"hours": "any"}) == {"005930": "always"}


def test_symbols_of_several_exchanges_have_each_their_own() -> None:
    found = made(["IBM", "BTCUSDT"], {"calendar": "XNYS", "calendars": {"BTCUSDT": "always"}})
    assert found == {"IBM": "XNYS", "BTCUSDT": "always"}


def test_an_exchange_that_nobody_knows_is_refused_with_those_that_are_known() -> None:
    said = refusal(["IBM"], {"calendar": "XNYSE"})
    assert said.startswith("market_data: no exchange is called 'XNYSE'")
    assert "XNYS" in said


def test_a_calendar_that_is_not_of_the_symbols_exchange_is_refused() -> None:
    assert '005930 is not traded at "XNYS": its calendar is "XKRX"' in refusal(
        ["005930"], {"calendar": "XNYS"}, adapter="kis"
    )
    assert '005930 is not traded at "always"' in refusal(["005930"], {"calendar": "always"}, adapter="kis")
    urls = {**REAL, "ws_api_url": "wss://w.test"}
    assert 'BTCUSDT is not traded at "XKRX": its calendar is "always"' in refusal(
        ["BTCUSDT"], {"calendar": "XKRX"}, **urls
    )


def test_a_symbol_that_nobody_trades_is_refused() -> None:
    assert "calendars names IMB, which no strategy trades" in refusal(["IBM"], {"calendars": {"IMB": "XNYS"}})


def test_without_the_library_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    exchanges.exchange.cache_clear()
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    said = refusal(["IBM"], {"calendar": "XNYS"})
    assert 'calendar = "XNYS"' in said
    assert "pip install -e '.[calendars]'" in said


def test_a_wait_that_makes_data_too_old_is_a_contradiction() -> None:
    assert "reorder_wait_ms = 60000" in refusal(["IBM"], {"reorder_wait_ms": 60_000})
    assert made(["IBM"], {"reorder_wait_ms": 60_000, "max_lag_s": 61}) == {"IBM": "always"}
