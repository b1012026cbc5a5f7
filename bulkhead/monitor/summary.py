"""SummaryBuilder: the figures of a session, counted record by record.

The run feeds it live with records (or ledger events) and decisions; `summarise` feeds it from the session's files. Both
ways end in the same `add`, so both give the same figures. Memory is bounded: of orders it remembers the open ones and
the latest ended ones.
"""

import json
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bulkhead.monitor.execution_figures import ExecutionFigures
from bulkhead.monitor.histogram import Histogram
from bulkhead.monitor.kpi import USD_LIKE, Kpi, Latency
from bulkhead.monitor.lines import STREAMS, Line, read_lines
from messages.catalogue import record_from_json
from messages.orders import OrderRow
from messages.portfolio import PortfolioSnapshot, RoundTrip
from messages.records import (
    FillRecorded,
    IntentRecorded,
    LedgerEvent,
    OrderRecorded,
    PortfolioRecorded,
    Record,
    RiskRefusalRecorded,
    RiskTripRecorded,
    RoundTripRecorded,
    SessionStarted,
    Stream,
)
from messages.trading import DecisionMade
from messages.values import OrderStatus

REMEMBERED_ORDERS = 20_000
_COUNTED = frozenset(
    kind.__name__
    for kind in (
        FillRecorded, IntentRecorded, OrderRecorded, PortfolioRecorded, RiskRefusalRecorded, RiskTripRecorded,
        RoundTripRecorded, SessionStarted,
    )
)  # fmt: skip
RECOVERY_SOURCES = frozenset({"query", "snapshot"})
"""Sources of a fill that mean it was asked for, not told."""
_ZERO = Decimal(0)


class _Mean:
    """Exact mean of decimals; None values are left out."""

    def __init__(self) -> None:
        self._sum, self._count = _ZERO, 0

    def add(self, value: Decimal | None) -> None:
        if value is not None:
            self._sum += value
            self._count += 1

    @property
    def value(self) -> Decimal | None:
        return self._sum / self._count if self._count else None


class SummaryBuilder:
    """`add` records as they are committed; `kpi` at any time."""

    def __init__(self, session_id: str | None = None) -> None:
        self._session_id = session_id
        self._portfolio_currency: str | None = None
        self._pnl: dict[str, Decimal] = {}
        self._costs: dict[str, Decimal] = {}
        self._fees: dict[str, Decimal] = {}
        self._trades = self._wins = 0
        self._means = {name: _Mean() for name in ("buy_slip", "sell_slip", "buy_ratio", "sell_ratio")}
        self._counts = dict.fromkeys(
            ("orders", "fills", "partial_fills_count", "failed_fills_count", "rejects", "refusals", "unknowns", "trips",
             "recovered_fills"), 0,
        )  # fmt: skip
        self._decisions: dict[str, int] = {}
        self._open: dict[str, OrderStatus] = {}
        self._ended: OrderedDict[str, tuple[str, ...]] = OrderedDict()  # and as what each was counted
        self._execution = ExecutionFigures()
        self._drawdown = _ZERO
        self._drawdown_pct: Decimal | None = None
        self._equity: Decimal | None = None

    # -- what happened ------------------------------------------------------------------------------------------------

    def add(self, item: Record | LedgerEvent | DecisionMade | Line) -> None:
        """Count one item. What has no figure is passed over; a record that cannot be read raises ValidationError."""
        if isinstance(item, LedgerEvent):
            if item.type in _COUNTED:
                self._add_record(record_from_json(json.loads(item.payload)))
        elif isinstance(item, Line):
            self._add_line(item)
        elif isinstance(item, DecisionMade):
            self._count_decision(item.decision.action.value)
        else:
            self._add_record(item)

    def _add_line(self, line: Line) -> None:
        if line.type == "DecisionMade":
            self._count_decision(_action_of(line.payload))
        elif line.type in _COUNTED:
            self._add_record(record_from_json({**line.payload, "type": line.type}))

    def _add_record(self, record: Record) -> None:
        match record:
            case OrderRecorded():
                self._add_order(record.order)
            case IntentRecorded():
                self._execution.on_intent(record)
            case FillRecorded():
                self._add_fill(record)
            case RoundTripRecorded():
                self._add_trade(record.trade)
            case PortfolioRecorded():
                self._add_portfolio(record.snapshot)
            case RiskRefusalRecorded():
                self._counts["refusals"] += 1
            case RiskTripRecorded():
                self._counts["trips"] += 1
            case SessionStarted():
                self._session_id = record.session_id

    def _count_decision(self, action: str) -> None:
        self._decisions[action] = self._decisions.get(action, 0) + 1

    def _add_order(self, order: OrderRow) -> None:
        key, status = order.ticket.client_order_id, order.status
        counted = self._ended.pop(key, None)
        for name in counted or ():
            self._counts[name] -= 1  # a late fill: it ended otherwise than was thought
        before = self._open.get(key)
        if before is None and counted is None:
            # An order of an earlier session is followed here to its end but was counted there.
            self._counts["orders"] += status is OrderStatus.PENDING_SUBMIT
        if status is OrderStatus.UNKNOWN and before is not OrderStatus.UNKNOWN:
            self._counts["unknowns"] += 1
        self._execution.on_order(order, before)
        if not status.is_terminal:
            self._open[key] = status
            return
        self._open.pop(key, None)
        self._ended[key] = ended_as = _outcome(order)
        for name in ended_as:
            self._counts[name] += 1
        if len(self._ended) > REMEMBERED_ORDERS:
            self._ended.popitem(last=False)

    def _add_fill(self, record: FillRecorded) -> None:
        fill = record.fill
        self._counts["fills"] += 1
        self._execution.on_fill(record)
        self._counts["recovered_fills"] += record.source in RECOVERY_SOURCES
        self._fees[fill.fee_asset] = self._fees.get(fill.fee_asset, _ZERO) + fill.fee + fill.tax

    def _add_trade(self, trade: RoundTrip) -> None:
        self._trades += 1
        self._wins += trade.pnl > 0
        self._pnl[trade.currency] = self._pnl.get(trade.currency, _ZERO) + trade.pnl
        self._costs[trade.currency] = self._costs.get(trade.currency, _ZERO) + trade.fees
        self._means["buy_slip"].add(trade.buy_slippage_bps)
        self._means["sell_slip"].add(trade.sell_slippage_bps)
        self._means["buy_ratio"].add(trade.buy_fill_ratio)
        self._means["sell_ratio"].add(trade.sell_fill_ratio)

    def _add_portfolio(self, snapshot: PortfolioSnapshot) -> None:
        self._portfolio_currency = snapshot.currency
        self._equity = snapshot.equity
        self._drawdown = max(self._drawdown, snapshot.drawdown)
        if snapshot.peak_equity > 0:
            share = snapshot.drawdown / snapshot.peak_equity * 100
            self._drawdown_pct = max(self._drawdown_pct or _ZERO, share)

    # -- what it comes to ---------------------------------------------------------------------------------------------

    def kpi(self) -> Kpi:
        """The figures so far."""
        currency = self._portfolio_currency or next(iter(self._pnl), None)
        total = self._pnl.get(currency, _ZERO) if currency else _ZERO
        return Kpi(
            session_id=self._session_id,
            currency=currency,
            round_trips_completed=self._trades,
            wins=self._wins,
            win_rate_pct=_places(Decimal(self._wins * 100) / self._trades, 4) if self._trades else None,
            total_pnl=total,
            total_pnl_usd=total if currency in USD_LIKE else None,
            pnl_by_currency=dict(sorted(self._pnl.items())),
            costs=self._costs.get(currency, _ZERO) if currency else _ZERO,
            fees_by_asset=dict(sorted(self._fees.items())),
            avg_buy_slippage_bps=_places(self._means["buy_slip"].value, 6),
            avg_sell_slippage_bps=_places(self._means["sell_slip"].value, 6),
            avg_buy_fill_ratio=_places(self._means["buy_ratio"].value, 6),
            avg_sell_fill_ratio=_places(self._means["sell_ratio"].value, 6),
            max_drawdown=self._drawdown,
            max_drawdown_pct=_places(self._drawdown_pct, 6),
            final_equity=self._equity,
            decisions=dict(sorted(self._decisions.items())),
            latency={stage: _latency(spans) for stage, spans in sorted(self._execution.spans.items())},
            **self._execution.shares(),
            **self._counts,
        )


def summarise(session_dir: Path) -> Kpi:
    """The figures from a session's files alone. A record that cannot be read is passed over: verify names it."""
    builder = SummaryBuilder(session_dir.name)
    for stream in STREAMS:
        if stream == Stream.FAILURES:
            continue
        for line in read_lines(session_dir, stream):
            try:
                builder.add(line)
            except ValidationError:
                continue
    return builder.kpi()


def _action_of(payload: dict[str, Any]) -> str:
    decision = payload.get("decision")
    action = decision.get("action") if isinstance(decision, dict) else None
    return action if isinstance(action, str) else "UNREADABLE"


def _outcome(order: OrderRow) -> tuple[str, ...]:
    """The counters that an ended order belongs to."""
    rejected = ("rejects",) if order.status is OrderStatus.REJECTED else ()
    if order.filled == 0:
        return (*rejected, "failed_fills_count")
    return (*rejected, "partial_fills_count") if order.filled < order.ticket.quantity else rejected


def _latency(spans: Histogram) -> Latency:
    p50, p95, p99 = (spans.quantile_ms(share) or 0.0 for share in (0.5, 0.95, 0.99))
    return Latency(count=spans.count, p50_ms=p50, p95_ms=p95, p99_ms=p99)


def _places(value: Decimal | None, places: int) -> Decimal | None:
    return None if value is None else value.quantize(Decimal(1).scaleb(-places))
