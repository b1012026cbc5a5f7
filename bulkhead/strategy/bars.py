"""Bars from prints, pure: closed by event time, never by our clock."""

from dataclasses import dataclass
from decimal import Decimal

from messages.market import Bar, Trade

NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class _Open:
    start_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trade_count: int
    is_complete: bool


class BarBuilder:
    """Bars of one symbol and one length. An interval without a print gives no bar."""

    def __init__(self, interval_s: int) -> None:
        self._interval_ns = interval_s * NS_PER_S
        self._current: _Open | None = None
        self._is_first = True

    def add(self, trade: Trade) -> Bar | None:
        """Take a print; returns the bar that it closed, if it is the first of a later interval.

        A print of an interval that has been closed is too late for it and is left out. The first bar of a feed may have
        begun before we listened, and says so by `is_complete`.
        """
        start_ns = trade.event_time_ns - trade.event_time_ns % self._interval_ns
        current = self._current
        if current is not None and start_ns < current.start_ns:
            return None
        closed = None
        if current is None or start_ns > current.start_ns:
            if current is not None:
                closed = self._close(current, trade)
            current = self._current = _Open(
                start_ns, trade.price, trade.price, trade.price, trade.price, Decimal(0), 0, not self._is_first
            )
            self._is_first = False
        current.high = max(current.high, trade.price)
        current.low = min(current.low, trade.price)
        current.close = trade.price
        current.volume += trade.quantity
        current.trade_count += 1
        return closed

    def mark_gap(self) -> None:
        """Something of the current interval is known to be missing."""
        if self._current is not None:
            self._current.is_complete = False

    def _close(self, bar: _Open, trade: Trade) -> Bar:
        end_ns = bar.start_ns + self._interval_ns
        return Bar(
            venue=trade.venue,
            symbol=trade.symbol,
            event_time_ns=end_ns,
            received_at_ns=trade.received_at_ns,
            received_monotonic_ns=trade.received_monotonic_ns,
            open_time_ns=bar.start_ns,
            close_time_ns=end_ns,
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.volume,
            trade_count=bar.trade_count,
            is_complete=bar.is_complete,
        )
