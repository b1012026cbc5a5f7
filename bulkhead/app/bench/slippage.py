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
from bulkhead.app.bench.session import run_to_the_end
from bulkhead.app.run import RunOptions
from bulkhead.app.settings import check_settings
from bulkhead.execution.stages.liquidity import HOURS
from bulkhead.venues.simulator.tape import TRADE_ROW, TapeFile, symbol_of
from messages.values import SplitPolicy, Value

POLICIES = (SplitPolicy.SINGLE, SplitPolicy.TWAP, SplitPolicy.VWAP, SplitPolicy.ICEBERG)
ROWS = 60_000
"""Of the generated tape, when none is given."""
NOTIONAL = 100_000
EVERY_S, HORIZON_S = 240.0, 120.0
TARGET_BPS = 50.0
_NO_LIMIT = 10**9
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
    settings = check_settings(
        {
            "session": {
                "logs_dir": folder / "logs",
                "ledger_file": folder / "logs" / "tape.db",
                "stop_dir": folder / "stop",
            },
            "venue": {"name": "tape", "max_silence_s": 300.0},
            "simulator": {"commission_bps": "0.5", "commission_in": "quote"},
            "execution": {
                "max_market_age_s": 60.0,
                "fill_timeout_s": 20.0,
                "split": {"horizon_s": HORIZON_S},
                "liquidity": {symbol: {"volume_by_hour": hours} for symbol, hours in volumes.items()},
            },
            "risk": {
                "currency": "USD",
                "max_market_age_s": 60.0,
                **dict.fromkeys(("max_order_notional", "max_symbol_exposure", "max_gross_exposure"), _NO_LIMIT),
                **dict.fromkeys(("max_daily_loss", "max_drawdown", "max_consecutive_losses"), _NO_LIMIT),
                "max_slippage_bps_p95": 10_000,
            },
            "strategies": [
                {
                    "id": "in-and-out",
                    "use": "bulkhead.app.bench.strategies:InAndOut",
                    "symbols": "tape",
                    "sizing": {"notional": str(NOTIONAL)},
                    "parameters": {"every_s": EVERY_S, "split": policy.value},
                }
            ],
        },
        "bench",
    )
    run_to_the_end(settings, RunOptions(tape_files=files, quiet=True))
    with closing(sqlite3.connect(folder / "logs" / "tape.db")) as connection:
        fills = connection.execute(
            "select side, quantity, price, decision_price from fills where decision_price is not null"
        ).fetchall()
        (orders,) = connection.execute("select count(*) from orders").fetchone()
    return _figures(fills, orders)


def _figures(fills: Iterable[tuple[str, str, str, str]], orders: int) -> Slippage:
    weighted = sorted((_slippage_bps(*fill), Decimal(fill[1])) for fill in fills)
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
    with closing(TapeFile(path, bad_row_share=Decimal(1), bad_row_grace_rows=_NO_LIMIT)) as tape:
        for time_ms, _, kind, _, size, _ in tape.rows():
            if kind == TRADE_ROW:
                hours[time_ms // _MS_PER_HOUR % HOURS] += int(size)
    return hours
