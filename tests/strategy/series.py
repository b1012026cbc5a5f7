"""Made-up price series for the tests of strategies."""

import math
from collections.abc import Iterator
from random import Random

from bulkhead.strategy.testkit import Bench

SYMBOL = "BTCUSDT"


def flat(count: int, price: float = 64_000.0) -> Iterator[float]:
    return iter([price] * count)


def ramp(start: float, step_bps: float, count: int) -> Iterator[float]:
    for index in range(count):
        yield start * (1 + step_bps / 10_000) ** (index + 1)


def noise(start: float, step_bps: float, count: int, seed: int) -> Iterator[float]:
    rng = Random(seed)
    price = start
    for _ in range(count):
        price *= math.exp(rng.gauss(0, step_bps / 10_000))
        yield price


def quote(bench: Bench, mid: float, half_spread: float = 0.05, after_s: float = 1.0) -> str:
    """Feed one quote around `mid`; the first code of what was decided."""
    decision = bench.quote(SYMBOL, f"{mid - half_spread:.2f}", f"{mid + half_spread:.2f}", after_s)
    assert decision is not None
    return decision.reason_codes[0]


def play(bench: Bench, prices: Iterator[float]) -> float:
    """Feed a whole series, one quote a second; the last price."""
    last = 0.0
    for last in prices:
        quote(bench, last)
    return last
