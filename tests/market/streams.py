"""Ticks for the tests of order: single ones, and a day like a recorded one."""

from decimal import Decimal
from random import Random

from messages.market import Quote, Trade

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
T0 = 1_735_689_600_000_000_000


def trade(
    at_ms: float, number: int | None = None, price: str = "100", *, symbol: str = "IBM", quantity: int = 100
) -> Trade:
    at_ns = T0 + int(at_ms * NS_PER_MS)
    return Trade(
        venue="sim",
        symbol=symbol,
        event_time_ns=at_ns,
        received_at_ns=at_ns,
        received_monotonic_ns=at_ns,
        price=Decimal(price),
        quantity=Decimal(quantity),
        trade_id=number,
    )


def quote(at_ms: float, number: int | None = None, bid: str = "99", *, symbol: str = "IBM", **more: object) -> Quote:
    at_ns = T0 + int(at_ms * NS_PER_MS)
    fields = {
        "venue": "sim",
        "symbol": symbol,
        "event_time_ns": at_ns,
        "received_at_ns": at_ns,
        "received_monotonic_ns": at_ns,
        "bid": Decimal(bid),
        "bid_quantity": Decimal(1),
        "ask": Decimal(101),
        "ask_quantity": Decimal(1),
        "update_id": number,
    }
    return Quote.model_validate({**fields, **more})


def day(seed: int, count: int, symbol: str = "IBM") -> list[Trade]:
    """Like a recorded day of a share: bursts of prints in one millisecond, many of them identical, then quiet."""
    rng, at_ms, price, trades = Random(seed), 0, 10_000, list[Trade]()
    while len(trades) < count:
        at_ms += rng.choice((1, 1, 2, 5, 40, 400))
        price += rng.choice((-1, 0, 0, 0, 1))
        for _ in range(rng.choice((1, 1, 1, 2, 6))):
            quantity = rng.choice((100, 100, 100, 200))
            trades.append(trade(at_ms, len(trades) + 1, f"{price / 100:.2f}", symbol=symbol, quantity=quantity))
    return trades[:count]
