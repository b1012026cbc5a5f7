"""Execution quality over the latest orders, fills and requests: a bounded window, so memory stays flat.

It keeps what it was told and sums when asked. It judges nothing (posttrade does), and has no clock.
"""

from collections import deque
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import NamedTuple

from bulkhead.risk.numbers import BPS, WIDE, ZERO, is_sound, text
from messages.orders import FillBooked, OrderUpdated
from messages.portfolio import RoundTrip
from messages.values import OrderStatus

DEFAULT_WINDOW = 500
"""Orders, fills and latencies that the figures are taken over."""
_SHOWS_LIFE = frozenset(
    {OrderStatus.SUBMITTED, OrderStatus.PARTIAL, OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED}
)


class ExecutionQuality(NamedTuple):
    orders: int = 0
    """Ended orders in the window; those that never left do not count."""
    reject_rate: Decimal = ZERO
    partial_fill_rate: Decimal = ZERO
    """Share of ended orders that were filled in part only."""
    fill_ratio: Decimal = ZERO
    """Filled quantity over ordered quantity, by order."""
    consecutive_rejects: int = 0
    fills: int = 0
    """Fills in the window whose price at the decision is known."""
    slippage_bps_p50: Decimal | None = None
    slippage_bps_p95: Decimal | None = None
    impossible: tuple[str, ...] = ()
    """Figures that came to no number; each names what it was."""
    latency_ms_p50: Decimal | None = None
    latency_ms_p95: Decimal | None = None
    latency_ms_p99: Decimal | None = None
    unknown: int = 0
    """Orders of unknown outcome now."""
    consecutive_losses: int = 0

    def as_texts(self) -> dict[str, str]:
        """For records and messages."""
        return {
            name: "none" if value is None else ", ".join(value) if isinstance(value, tuple) else text(value)
            for name, value in self._asdict().items()
        }


class _Ended(NamedTuple):
    is_rejected: bool
    is_partial: bool
    fill_ratio: Decimal


class QualityWindow:
    """Told of every order update, fill, latency and round trip; answers with `figures()`."""

    def __init__(self, window: int = DEFAULT_WINDOW) -> None:
        if window < 1:
            raise ValueError(f"a window holds one order at least, not {window}")
        self._window = window
        self._ended: dict[str, _Ended] = {}
        self._unknown: set[str] = set()
        self._slippage_bps: deque[Decimal] = deque(maxlen=window)
        self._latency_ms: deque[Decimal] = deque(maxlen=window)
        self._rejects_in_row = 0
        self._losses_in_row = 0
        self._orders: _OfOrders | None = None
        self._slippages: _OfSlippage | None = None
        self._latencies: _OfLatency | None = None
        """Of what it was told so far; None: not summed since the last news of this kind."""
        self._figures: ExecutionQuality | None = None
        """All of it; None: there is news. It is asked far more often than told."""

    def on_order_update(self, update: OrderUpdated) -> None:
        self._figures = None
        order = update.order
        key, status = order.ticket.client_order_id, order.status
        if status is OrderStatus.UNKNOWN:
            self._unknown.add(key)
            return
        self._unknown.discard(key)
        if status is OrderStatus.REJECTED and key not in self._ended:
            self._rejects_in_row += 1
        elif status in _SHOWS_LIFE:
            self._rejects_in_row = 0
        # What never left says nothing about the venue.
        if not status.is_terminal or status is OrderStatus.FAILED:
            return
        quantity, filled = order.ticket.quantity, order.filled
        self._orders = None
        self._ended[key] = _Ended(
            status is OrderStatus.REJECTED, ZERO < filled < quantity, WIDE.divide(filled, quantity)
        )
        if len(self._ended) > self._window:
            del self._ended[next(iter(self._ended))]

    def on_fill(self, booked: FillBooked) -> None:
        """Positive slippage is worse than the price at the decision."""
        if booked.decision_price is None:
            return
        self._figures = self._slippages = None
        worse = WIDE.multiply(WIDE.subtract(booked.fill.price, booked.decision_price), Decimal(booked.fill.side.sign))
        self._slippage_bps.append(WIDE.multiply(WIDE.divide(worse, booked.decision_price), BPS))

    def on_latency(self, latency_ns: int) -> None:
        """From the tick to the order on the wire."""
        self._figures = self._latencies = None
        self._latency_ms.append(Decimal(latency_ns) / 1_000_000)

    def forget(self, limit_name: str) -> None:
        """An operator has armed this limit again: what it counts begins anew."""
        self._figures = self._orders = self._slippages = None
        if limit_name == "max_consecutive_rejects":
            self._rejects_in_row = 0
        elif limit_name == "max_reject_rate":
            self._ended.clear()
        elif limit_name == "max_slippage_bps_p95":
            self._slippage_bps.clear()
        elif limit_name == "max_consecutive_losses":
            self._losses_in_row = 0
        elif limit_name == "impossible_number":
            sound = [value for value in self._slippage_bps if is_sound(value)]
            self._slippage_bps.clear()
            self._slippage_bps.extend(sound)

    def on_round_trip(self, trade: RoundTrip) -> None:
        self._figures = None
        # Neither won nor lost leaves the row of losses as it is; a result that is no number is not a win.
        if not is_sound(trade.pnl) or trade.pnl < 0:
            self._losses_in_row += 1
        elif trade.pnl > 0:
            self._losses_in_row = 0

    def figures(self) -> ExecutionQuality:
        if self._figures is None:
            self._figures = self._put_together()
        return self._figures

    def _put_together(self) -> ExecutionQuality:
        if self._orders is None:
            self._orders = _of_orders(self._ended.values())
        if self._slippages is None:
            self._slippages = _of_slippage(self._slippage_bps)
        if self._latencies is None:
            self._latencies = _of_latency(self._latency_ms)
        orders, slippage, latency = self._orders, self._slippages, self._latencies
        return ExecutionQuality(
            orders=orders.number,
            reject_rate=orders.reject_rate,
            partial_fill_rate=orders.partial_fill_rate,
            fill_ratio=orders.fill_ratio,
            consecutive_rejects=self._rejects_in_row,
            fills=slippage.number,
            slippage_bps_p50=slippage.p50,
            slippage_bps_p95=slippage.p95,
            impossible=("slippage_bps",) if slippage.has_impossible else (),
            latency_ms_p50=latency.p50,
            latency_ms_p95=latency.p95,
            latency_ms_p99=latency.p99,
            unknown=len(self._unknown),
            consecutive_losses=self._losses_in_row,
        )


class _OfOrders(NamedTuple):
    number: int
    reject_rate: Decimal
    partial_fill_rate: Decimal
    fill_ratio: Decimal


class _OfSlippage(NamedTuple):
    number: int
    p50: Decimal | None
    p95: Decimal | None
    has_impossible: bool


class _OfLatency(NamedTuple):
    p50: Decimal | None
    p95: Decimal | None
    p99: Decimal | None


def _of_orders(ended: Collection[_Ended]) -> _OfOrders:
    count = len(ended)
    if not count:
        return _OfOrders(0, ZERO, ZERO, ZERO)
    rejected, partial = sum(item.is_rejected for item in ended), sum(item.is_partial for item in ended)
    filled = sum((item.fill_ratio for item in ended), ZERO)
    return _OfOrders(count, Decimal(rejected) / count, Decimal(partial) / count, filled / count)


def _of_slippage(bps: Collection[Decimal]) -> _OfSlippage:
    ordered = sorted(filter(Decimal.is_finite, bps))
    return _OfSlippage(len(ordered), percentile(ordered, 50), percentile(ordered, 95), len(ordered) < len(bps))


def _of_latency(ms: Collection[Decimal]) -> _OfLatency:
    ordered = sorted(ms)
    return _OfLatency(percentile(ordered, 50), percentile(ordered, 95), percentile(ordered, 99))


def percentile(ordered: Sequence[Decimal], percent: int) -> Decimal | None:
    """Nearest rank: the smallest value that at least `percent` of the sorted values do not exceed. None of none."""
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
