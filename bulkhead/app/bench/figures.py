"""Figures of a bench: spreads of measured spans, and the machine that they were measured on."""

import math
import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from typing import Self

from messages.values import Value

NS_PER_MS = 1_000_000


class Spread(Value):
    """A sample of spans, in milliseconds."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, spans_ns: Sequence[int]) -> Self:
        """Percentiles by nearest rank: each is a span that was really measured. Raises ValueError without any."""
        if not spans_ns:
            raise ValueError("nothing was measured")
        ordered = sorted(spans_ns)
        p50, p99 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.50, 0.99))
        return cls(count=len(ordered), p50_ms=_ms(p50), p99_ms=_ms(p99), max_ms=_ms(ordered[-1]))


class Environment(Value):
    """What the figures depend on beside the code."""

    cpu_count: int
    python: str
    sqlite: str
    system: str
    switch_interval_ms: float
    load_before: float
    """Processes that wanted a processor in the minute before the bench: near zero, or the figures are of two things."""


def load_now() -> float:
    return round(os.getloadavg()[0], 2)


def environment(load_before: float) -> Environment:
    """To be asked after a run, which sets the switch interval."""
    return Environment(
        cpu_count=os.cpu_count() or 1,
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        switch_interval_ms=round(sys.getswitchinterval() * 1_000, 3),
        load_before=load_before,
    )


def _ms(span_ns: int) -> float:
    return round(span_ns / NS_PER_MS, 3)
