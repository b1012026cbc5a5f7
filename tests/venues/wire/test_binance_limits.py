"""Binance's rate limits: what it states, what its headers say, what each of our requests costs there."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.venues.simulator.binance import BinanceDialect
from bulkhead.venues.simulator.requests import Params
from bulkhead.venues.simulator.server import Simulator
from bulkhead.venues.wire.binance import limits, requests
from bulkhead.venues.wire.facts import ProtocolError, RateLimit, WireRequest
from tests.venues.simulator.kit import QUIET
from tests.venues.wire.making import limit_ticket

SIGNER, STAMP, START = requests.Signer("k", "s"), requests.Stamp(1, 5_000), requests.From(id=1)
CALLS = (
    requests.submit(SIGNER, limit_ticket(), STAMP),
    requests.query(SIGNER, "BTCUSDT", "x", STAMP),
    requests.cancel(SIGNER, "BTCUSDT", "x", STAMP),
    requests.account(SIGNER, STAMP),
    requests.open_orders(SIGNER, STAMP),
    requests.all_orders(SIGNER, "BTCUSDT", START, STAMP),
    requests.my_trades(SIGNER, "BTCUSDT", START, STAMP),
    requests.my_trades(SIGNER, "BTCUSDT", START, STAMP, "7"),
    requests.exchange_info(("BTCUSDT",)),
    requests.exchange_info(),
    *(requests.depth("BTCUSDT", rows) for rows in (5, 100, 101, 500, 501, 1_000, 1_001, 5_000)),
    requests.server_time(),
)


def stating(*rows: object) -> str:
    return json.dumps({"rateLimits": list(rows)})


def row(kind: str, interval: str, number: object, limit: object) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_our_costs_are_the_simulators_which_was_written_apart(call: WireRequest) -> None:
    sim = Simulator(QUIET)
    assert isinstance(sim.dialect, BinanceDialect)
    endpoint = sim.dialect._rest._endpoints[call.method, call.path.removeprefix("/api/v3/")]
    params = Params.parse(call.query, "")
    sim.venue.close()
    orders = {limits.ORDERS: 1} if endpoint.is_order else {}
    assert call.costs == {limits.WEIGHT: endpoint.weight(params), limits.RAW_REQUESTS: 1, **orders}


def test_limits_are_read_and_kinds_unknown_left_out() -> None:
    text = stating(
        row("REQUEST_WEIGHT", "MINUTE", 1, 6_000),
        row("ORDERS", "SECOND", 10, 50),
        row("ORDERS", "DAY", 1, 160_000),
        row("RAW_REQUESTS", "MINUTE", 5, 61_000),
        row("CONNECTIONS", "MINUTE", 5, 300),
        row("ORDERS", "FORTNIGHT", 1, 9),
        {},
    )
    assert limits.stated(text) == (*limits.DEFAULT_LIMITS, RateLimit(limits.RAW_REQUESTS, 300, 61_000))


@pytest.mark.parametrize(("number", "limit"), [(0, 5), (1, 0), (1, -5), ("1", 5), (1, None), (10_001, 5), (True, 5)])
def test_a_limit_without_sense_is_the_venues_fault(number: object, limit: object) -> None:
    assert isinstance(limits.stated(stating(row("ORDERS", "SECOND", number, limit))), ProtocolError)


def test_documented_limits_stay_for_kinds_that_are_not_stated() -> None:
    assert limits.with_defaults(()) == limits.DEFAULT_LIMITS
    weight, orders = RateLimit(limits.WEIGHT, 60, 9), RateLimit(limits.ORDERS, 1, 2)
    assert limits.with_defaults((weight,)) == (weight, *limits.DEFAULT_LIMITS[1:])
    assert limits.with_defaults((orders,)) == (orders, limits.DEFAULT_LIMITS[0])


def test_counts_of_any_interval_are_read_from_headers() -> None:
    headers = {
        "x-mbx-used-weight": "5",  # the old name, the same figure again
        "x-mbx-used-weight-1m": "5",
        "x-mbx-order-count-10s": "3",
        "x-mbx-order-count-1d": "nonsense",
        "x-mbx-order-count-2h": "9" * 13,
        "x-mbx-order-count-0s": "1",
        "date": "Sat, 01 Jan 2028 00:00:00 GMT",
    }
    assert limits.counts(headers) == {(limits.WEIGHT, 60): 5, (limits.ORDERS, 10): 3}


@given(st.dictionaries(st.text(max_size=40), st.text(max_size=20)), st.text(max_size=200))
def test_nothing_a_peer_says_raises(headers: dict[str, str], text: str) -> None:
    limits.counts(headers)
    limits.stated(text)
