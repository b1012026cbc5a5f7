"""The figures of a session (stage L80) as kpi.json holds them, and in words."""

import os
from pathlib import Path

from pydantic import Field

from bulkhead.monitor.words import rounded
from messages.values import Number, Value

KPI_NAME = "kpi.json"
SUMMARY_NAME = "summary.md"
USD_LIKE = frozenset({"USD", "USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USDP", "DAI"})
"""Currencies that `total_pnl_usd` is stated for: the dollar and what is pegged to it."""


class Latency(Value):
    """In milliseconds, within 5 %."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Kpi(Value):
    """Figures of one session. An average is None when there is nothing to average."""

    schema_version: int = 1
    session_id: str | None = None
    currency: str | None = None
    """Of all amounts. With trades in several currencies: that of the portfolio, else the first seen; the others are in
    `pnl_by_currency` only."""
    round_trips_completed: int = 0
    wins: int = 0
    win_rate_pct: Number | None = None
    total_pnl: Number
    """Of completed round trips, after fees."""
    total_pnl_usd: Number | None = None
    """The same when the currency is the dollar or pegged to it, else None."""
    pnl_by_currency: dict[str, Number] = Field(default_factory=dict)
    costs: Number
    """Fees of completed round trips, in `currency`; already taken off `total_pnl`."""
    fees_by_asset: dict[str, Number] = Field(default_factory=dict)
    """Fees of all fills as they were charged, taxes included."""
    avg_buy_slippage_bps: Number | None = None
    avg_sell_slippage_bps: Number | None = None
    avg_buy_fill_ratio: Number | None = None
    avg_sell_fill_ratio: Number | None = None
    orders: int = 0
    fills: int = 0
    partial_fills_count: int = 0
    """Orders that ended with a part filled."""
    failed_fills_count: int = 0
    """Orders that ended with nothing filled."""
    rejects: int = 0
    """Orders that the venue refused."""
    refusals: int = 0
    """Intents that the risk guard refused."""
    reject_rate: Number | None = None
    """Share of 1 of the ended orders that the venue refused; as all shares here, of those that left the house."""
    partial_fill_rate: Number | None = None
    """Share of 1 of the ended orders that were filled in part only."""
    fill_ratio: Number | None = None
    """Mean over the ended orders of filled by ordered quantity, 0 to 1."""
    slippage_bps_p50: Number | None = None
    """Of each fill against the middle of the market at its decision, within 0.1; above zero it was worse."""
    slippage_bps_p95: Number | None = None
    spread_bps_p50: Number | None = None
    """Between bid and ask at the decisions that became intents, within 0.1."""
    spread_bps_p95: Number | None = None
    unknowns: int = 0
    """Times that an order's outcome became unknown."""
    trips: int = 0
    recovered_fills: int = 0
    """Fills first seen by asking the venue instead of on its stream."""
    max_drawdown: Number
    max_drawdown_pct: Number | None = None
    """Of the peak equity."""
    final_equity: Number | None = None
    decisions: dict[str, int] = Field(default_factory=dict)
    """By action."""
    latency: dict[str, Latency] = Field(default_factory=dict)
    """By stage, on the trading clock: decision_to_order ends at the order's durable record, order_to_ack and
    order_to_first_fill begin there, decision_to_first_fill is end to end, unknown_to_resolved is the time that an
    outcome stayed unknown."""


def write_summary(session_dir: Path, kpi: Kpi) -> tuple[Path, Path]:
    """Write kpi.json and summary.md, each replaced as a whole. Raises OSError."""
    files = (session_dir / KPI_NAME, session_dir / SUMMARY_NAME)
    for path, text in zip(files, (kpi.model_dump_json(indent=2) + "\n", summary_text(kpi)), strict=True):
        draft = path.with_name(f".{path.name}.draft")
        try:
            draft.write_text(text, encoding="utf-8")
            os.replace(draft, path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
    return files


def summary_text(kpi: Kpi) -> str:
    """Markdown."""
    unit = kpi.currency or "–"
    rows: list[tuple[str, str]] = [
        ("Round trips", str(kpi.round_trips_completed)),
        ("Win rate", _pct(kpi.win_rate_pct)),
        (f"Total P&L ({unit}, after fees)", rounded(kpi.total_pnl, 8, signed=True)),
        (f"Costs ({unit})", rounded(kpi.costs, 8)),
        ("Max drawdown", f"{rounded(kpi.max_drawdown, 8)} {unit} ({_pct(kpi.max_drawdown_pct)})"),
        ("Slippage, buys / sells", f"{_bps(kpi.avg_buy_slippage_bps)} / {_bps(kpi.avg_sell_slippage_bps)}"),
        ("Fill ratio, buys / sells", f"{_ratio(kpi.avg_buy_fill_ratio)} / {_ratio(kpi.avg_sell_fill_ratio)}"),
        ("Orders / fills", f"{kpi.orders} / {kpi.fills}"),
        ("Partly filled / not filled", f"{kpi.partial_fills_count} / {kpi.failed_fills_count}"),
        ("Fill ratio of all orders", _ratio(kpi.fill_ratio)),
        ("Slippage of fills, p50 / p95", f"{_bps(kpi.slippage_bps_p50)} / {_bps(kpi.slippage_bps_p95)}"),
        ("Spread at decisions, p50 / p95", f"{_bps(kpi.spread_bps_p50)} / {_bps(kpi.spread_bps_p95)}"),
        ("Rejected by the venue / refused by the risk guard", f"{kpi.rejects} / {kpi.refusals}"),
        ("Outcomes that were unknown for a time", str(kpi.unknowns)),
        ("Fills found by recovery", str(kpi.recovered_fills)),
        ("Risk trips", str(kpi.trips)),
        ("Decisions", ", ".join(f"{count} {action}" for action, count in kpi.decisions.items()) or "none"),
    ]
    rows += [
        (
            f"Latency, {stage.replace('_', ' ')}",
            f"p50 {at.p50_ms:.3g} ms, p95 {at.p95_ms:.3g} ms, p99 {at.p99_ms:.3g} ms",
        )
        for stage, at in kpi.latency.items()
    ]
    rows += [
        (f"P&L in {currency}", rounded(pnl, 8, signed=True))
        for currency, pnl in kpi.pnl_by_currency.items()
        if currency != kpi.currency
    ]
    body = "\n".join(f"| {name} | {figure} |" for name, figure in rows)
    return f"# Session {kpi.session_id or '(unnamed)'}\n\n| figure | value |\n|---|---|\n{body}\n"


def _pct(value: object) -> str:
    return "–" if value is None else f"{rounded(value, 2)} %"


def _bps(value: object) -> str:
    return "–" if value is None else f"{rounded(value, 3)} bps"


def _ratio(value: object) -> str:
    return "–" if value is None else f"{rounded(value, 4)}"
