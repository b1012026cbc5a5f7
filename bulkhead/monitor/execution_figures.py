"""Execution quality over a whole session: how orders ended and slipped, how wide the market was, how long it took.

Fed with records in the order of the ledger. Memory is bounded: shares are sums, and quantiles counts in buckets.
"""

from collections import OrderedDict
from decimal import Decimal
from math import ceil

from bulkhead.monitor.histogram import Histogram
from messages.orders import OrderRow
from messages.records import FillRecorded, IntentRecorded
from messages.values import OrderStatus

REMEMBERED = 20_000
"""Intents without an order yet, and ended orders that late evidence may change."""
_ZERO = Decimal(0)
_TENTH_BPS = Decimal("0.1")
_MOST_BPS = Decimal(10_000)


class BpsHistogram:
    """Quantiles of basis points, of either sign, within a tenth; beyond ±10,000 they count as that."""

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = 0

    def add(self, bps: Decimal) -> None:
        bucket = int((min(_MOST_BPS, max(-_MOST_BPS, bps)) / _TENTH_BPS).to_integral_value())
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1

    def quantile(self, share: float) -> Decimal | None:
        rank = max(1, ceil(share * self.count))
        for bucket in sorted(self._buckets):
            rank -= self._buckets[bucket]
            if rank <= 0:
                return bucket * _TENTH_BPS
        return None


class _Ends:
    """Shares of ended orders. What never left the house says nothing about execution, and does not count."""

    def __init__(self) -> None:
        self._counted: OrderedDict[str, tuple[int, int, Decimal]] = OrderedDict()
        self.orders = self.rejected = self.partial = 0
        self.ratios = _ZERO

    def add(self, order: OrderRow) -> None:
        key = order.ticket.client_order_id
        before = self._counted.pop(key, None)
        if before is not None:  # a late fill: it ended otherwise than was thought
            self._change(before, -1)
        ratio = min(Decimal(1), order.filled / order.ticket.quantity)
        ended = (int(order.status is OrderStatus.REJECTED), int(0 < ratio < 1), ratio)
        self._counted[key] = ended
        self._change(ended, +1)
        if len(self._counted) > REMEMBERED:
            self._counted.popitem(last=False)

    def _change(self, ended: tuple[int, int, Decimal], sign: int) -> None:
        self.orders += sign
        self.rejected += sign * ended[0]
        self.partial += sign * ended[1]
        self.ratios += sign * ended[2]

    def share(self, of: int | Decimal) -> Decimal | None:
        return (Decimal(of) / self.orders).quantize(Decimal("0.000001")) if self.orders else None


class ExecutionFigures:
    def __init__(self) -> None:
        self._ends = _Ends()
        self._slippage, self._spread = BpsHistogram(), BpsHistogram()
        self._decided_ns: OrderedDict[str, int] = OrderedDict()  # by intent
        self._waiting: dict[str, dict[str, int]] = {}  # by order: stages not passed yet, and when each began
        self._unknown_ns: dict[str, int] = {}
        self.spans: dict[str, Histogram] = {}
        """By stage, see `Kpi.latency`."""

    def on_intent(self, record: IntentRecorded) -> None:
        intent = record.intent
        self._decided_ns[intent.intent_id] = intent.decision_time_ns
        if len(self._decided_ns) > REMEMBERED:
            self._decided_ns.popitem(last=False)
        spread_bps = None if intent.market is None else intent.market.spread_bps
        if spread_bps is not None:
            self._spread.add(spread_bps)

    def on_fill(self, record: FillRecorded) -> None:
        fill, price = record.fill, record.decision_price
        if price is not None:
            self._slippage.add((fill.price - price) * fill.side.sign / price * 10_000)

    def on_order(self, order: OrderRow, before: OrderStatus | None) -> None:
        """`before` is its status before this change; None when it is new."""
        key = order.ticket.client_order_id
        if before is None and order.status is OrderStatus.PENDING_SUBMIT:
            self._begin(order)
        waiting = self._waiting.get(key, {})
        if order.submitted_ns is not None and "order_to_ack" in waiting:
            self._span("order_to_ack", order.submitted_ns - waiting.pop("order_to_ack"))
        if order.filled and "order_to_first_fill" in waiting:
            for stage in ("order_to_first_fill", "decision_to_first_fill"):
                if stage in waiting:
                    self._span(stage, order.updated_ns - waiting.pop(stage))
        self._follow_unknown(order)
        if order.status.is_terminal:
            self._waiting.pop(key, None)
            if order.status is not OrderStatus.FAILED:
                self._ends.add(order)

    def _begin(self, order: OrderRow) -> None:
        waiting = dict.fromkeys(("order_to_ack", "order_to_first_fill"), order.created_ns)
        decided_ns = self._decided_ns.pop(order.intent_id, None)
        if decided_ns is not None:
            waiting["decision_to_first_fill"] = decided_ns
            self._span("decision_to_order", order.created_ns - decided_ns)
        self._waiting[order.ticket.client_order_id] = waiting

    def _follow_unknown(self, order: OrderRow) -> None:
        key = order.ticket.client_order_id
        if order.status is OrderStatus.UNKNOWN:
            self._unknown_ns.setdefault(key, order.updated_ns)
        elif key in self._unknown_ns:
            self._span("unknown_to_resolved", order.updated_ns - self._unknown_ns.pop(key))

    def _span(self, stage: str, span_ns: int) -> None:
        self.spans.setdefault(stage, Histogram()).add(span_ns)

    def shares(self) -> dict[str, Decimal | None]:
        """By the names of `Kpi`."""
        ends = self._ends
        return {
            "reject_rate": ends.share(ends.rejected),
            "partial_fill_rate": ends.share(ends.partial),
            "fill_ratio": ends.share(ends.ratios),
            "slippage_bps_p50": self._slippage.quantile(0.5),
            "slippage_bps_p95": self._slippage.quantile(0.95),
            "spread_bps_p50": self._spread.quantile(0.5),
            "spread_bps_p95": self._spread.quantile(0.95),
        }
