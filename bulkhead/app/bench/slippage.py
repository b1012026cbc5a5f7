"""Slippage of each split policy on a tape: the same wishes, in and out again, carried out whole or in parts.

Each policy has a session of its own over the same rows, in lockstep with the simulated venue, through the whole house.
Slippage is that of each fill against the middle of the market at its decision, so it holds what the market did while
the children waited for their turn, too. Positive is worse. Figures are weighted with the quantity.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from bulkhead.app.bench.replay import SEED, write_tape
from bulkhead.app.bench.session import NO_LIMIT, run_to_the_end, tape_settings
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.run import RunOptions
from bulkhead.execution.stages.liquidity import HOURS
from bulkhead.venues.simulator.tape import TRADE_ROW, TapeFile, symbol_of
from messages.values import SplitPolicy, Value

POLICIES = (SplitPolicy.SINGLE, SplitPolicy.TWAP, SplitPolicy.VWAP, SplitPolicy.ICEBERG)
ROWS = 60_000
"""Of the generated tape, when none is given."""
NOTIONAL = 100_000
EVERY_S, HORIZON_S = 240.0, 120.0
TARGET_BPS = 50.0
_MS_PER_HOUR = 3_600_000


class Slippage(Value):
    """In basis points of the middle at the decision."""

    fills: int
    orders: int
    mean_bps: float
    p95_bps: float


class SlippageFigures(Value):
    policies: dict[str, Slippage]
    tapes: tuple[str, ...]
    is_generated: bool


def measure(folder: Path, tapes: Sequence[Path] = ()) -> SlippageFigures:
    """Writes below `folder` only."""
    files = tuple(tapes) or (write_tape(folder / "GEN-2024-01-02.csv", ROWS, SEED),)
    volumes = {symbol_of(path): _volume_by_hour(path) for path in files}
    policies = {policy.value: _of_policy(folder / policy.value, policy, files, volumes) for policy in POLICIES}
    return SlippageFigures(policies=policies, tapes=tuple(path.name for path in files), is_generated=not tapes)


def _of_policy(folder: Path, policy: SplitPolicy, files: tuple[Path, ...], volumes: dict[str, list[int]]) -> Slippage:
    in_and_out = {
        "id": "in-and-out",
        "use": "bulkhead.app.bench.strategies:InAndOut",
        "symbols": "tape",
        "sizing": {"notional": str(NOTIONAL)},
        "parameters": {"every_s": EVERY_S, "split": policy.value},
    }
    execution = {
        "fill_timeout_s": 20.0,
        "split": {"horizon_s": HORIZON_S},
        "liquidity": {symbol: {"volume_by_hour": hours} for symbol, hours in volumes.items()},
    }
    risk = {
        **dict.fromkeys(("max_order_notional", "max_symbol_exposure", "max_gross_exposure"), NO_LIMIT),
        "max_slippage_bps_p95": 10_000,
    }
    settings = tape_settings(folder, in_and_out, execution, risk)
    run_to_the_end(settings, RunOptions(tape_files=files, quiet=True))
    with closing(sqlite3.connect(folder / "logs" / "tape.db")) as connection:
        fills = connection.execute(
            "select side, quantity, price, decision_price from fills where decision_price is not null"
        ).fetchall()
        (orders,) = connection.execute("select count(*) from orders").fetchone()
    return _figures(fills, orders)


def _figures(fills: Iterable[tuple[str, str, str, str]], orders: int) -> Slippage:
    """Raises Stopped when nothing was filled: a tape too short, or whose lots no order fits, says nothing."""
    weighted = sorted((_slippage_bps(*fill), Decimal(fill[1])) for fill in fills)
    if not weighted:
        raise Stopped(ExitCode.ERROR, "nothing was filled on this tape: play a longer one")
    total = sum((quantity for _, quantity in weighted), Decimal(0))
    mean = sum((bps * quantity for bps, quantity in weighted), Decimal(0)) / total
    reached = Decimal(0)
    p95 = weighted[-1][0]
    for bps, quantity in weighted:
        reached += quantity
        if reached >= total * Decimal("0.95"):
            p95 = bps
            break
    return Slippage(fills=len(weighted), orders=orders, mean_bps=round(float(mean), 3), p95_bps=round(float(p95), 3))


def _slippage_bps(side: str, _: str, price: str, decided_at: str) -> Decimal:
    sign = 1 if side == "BUY" else -1
    return sign * (Decimal(price) / Decimal(decided_at) - 1) * 10_000


def _volume_by_hour(path: Path) -> list[int]:
    """Printed on the tape in each hour, UTC: what a user would take from the days before."""
    hours = [0] * HOURS
    with closing(TapeFile(path, bad_row_share=Decimal(1), bad_row_grace_rows=NO_LIMIT)) as tape:
        for time_ms, _, kind, _, size, _ in tape.rows():
            if kind == TRADE_ROW:
                hours[time_ms // _MS_PER_HOUR % HOURS] += int(size)
    return hours
