"""Bookkeeper: the half of Portfolio that holds the books. Each fill once, cash and positions exact, worth at the marks.

The arithmetic is bulkhead.execution.accounting's and valuation's; each step is one append, and what follows from it is
released by the ledger once it is on disk.
"""

from abc import ABC, abstractmethod
from decimal import Decimal
from typing import NamedTuple

from actors import addresses
from bulkhead.execution.accounting import FillContext, Holding, apply_fill, balance_changes, flat
from bulkhead.execution.adopting import take_in
from bulkhead.execution.drift import ALL
from bulkhead.execution.exact import ZERO, exact
from bulkhead.execution.recent import Recent
from bulkhead.execution.trading_periods import EMPTY, Periods, resumed, rolled, shifted
from bulkhead.execution.valuation import Account, Baseline, ImpossibleNumber, balances_after, value
from messages.adjustments import AdjustmentRecorded
from messages.base import Letter
from messages.costs import TradingCosts
from messages.operator import PositionAdjusted
from messages.orders import Balance, FillBooked
from messages.portfolio import EquityTold, PortfolioSnapshot, PositionChanged, TradeClosed
from messages.records import Append, PortfolioRecorded, PositionRecorded, Record, RoundTripRecorded
from messages.trading_day import DayOf, utc_day
from supervisor.runtime.behaviour import Behaviour, Context, receives

APPLIED_KEPT = 10_000
"""Fill ids remembered: more than can wait in a mailbox across a restart."""


class PortfolioSeat(NamedTuple):
    venue: str
    account: str
    currency: str
    assets: dict[str, tuple[str, str]]
    """Base and quote asset of each symbol that the venue lists."""
    lot_sizes: dict[str, Decimal]
    snapshot_interval_s: float
    traded: tuple[str, ...] = ()
    """Symbols of this session; none named: all that the venue lists."""
    costs: TradingCosts | None = None
    """Set where the venue does not tell what a fill costs."""
    day_of: DayOf = utc_day
    """What a day and a week are, for the profit and loss of each."""


class Bookkeeper(Behaviour, ABC):
    def __init__(self, seat: PortfolioSeat) -> None:
        self._seat = seat
        self._account = Account(seat.venue, seat.account, seat.currency)
        self._holdings: dict[tuple[str, str], Holding] = {}
        self._opening: tuple[Balance, ...] | None = None
        self._changes: dict[str, Decimal] = {}
        self._applied = Recent(APPLIED_KEPT)
        self._marks: dict[str, Decimal] = {}
        self._peak: Decimal | None = None
        self._periods: Periods = EMPTY
        self._is_loaded = False
        self._load_id: str | None = None
        self._recorded: PortfolioSnapshot | None = None
        self._latest: PortfolioSnapshot | None = None

    @abstractmethod
    def _report_drift(self, scope: str, detail: str, ctx: Context) -> None:
        """The books and the venue differ, or the books make no sense."""

    @abstractmethod
    def _booked(self, fill_id: str, assets: frozenset[str]) -> None:
        """A fill, or an adjustment, has changed these balances."""

    def _assets(self, symbol: str) -> tuple[str, str]:
        known = self._seat.assets.get(symbol)
        if known is None:
            raise LookupError(f"the venue no longer lists {symbol}, of which the ledger holds fills")
        return known

    # -- fills --------------------------------------------------------------------------------------------------------

    @receives(FillBooked)
    def on_fill(self, booked: FillBooked, ctx: Context) -> None:
        if not self._is_loaded or booked.fill.fill_id in self._applied:
            return  # the ledger, which is read at the start, had it before it was told here
        with exact():
            changes = balance_changes(booked.fill, *self._assets(booked.fill.symbol))
            for asset, change in changes.items():
                self._changes[asset] = self._changes.get(asset, Decimal(0)) + change
        self._booked(booked.fill.fill_id, frozenset(changes))
        self._apply(booked, ctx)

    def _apply(self, booked: FillBooked, ctx: Context) -> None:
        fill = booked.fill
        self._applied.add(fill.fill_id)
        base, quote = self._assets(fill.symbol)
        key = (fill.strategy_id, fill.symbol)
        context = FillContext(
            base_asset=base,
            quote_asset=quote,
            lot_size=self._seat.lot_sizes[fill.symbol],
            decision_price=booked.decision_price,
            order_quantity=booked.order_quantity,
        )
        result = apply_fill(self._holdings.get(key) or flat(fill), fill, context)
        self._holdings[key] = result.holding
        self._marks.setdefault(fill.symbol, fill.price)
        records: list[Record] = [PositionRecorded(position=result.position)]
        if result.round_trip is not None:
            records.append(RoundTripRecorded(trade=result.round_trip))
            ctx.tell(addresses.RISK_GUARD, TradeClosed(trade=result.round_trip))
        snapshot = self._value(ctx)
        if snapshot is not None:
            records.append(PortfolioRecorded(snapshot=snapshot))
            self._recorded = snapshot
        changed = ctx.seal(addresses.strategy(fill.strategy_id), PositionChanged(position=result.position))
        self._append(tuple(records), ctx, (changed,))

    def _append(self, records: tuple[Record, ...], ctx: Context, release: tuple[Letter, ...] = ()) -> None:
        ctx.tell(addresses.LEDGER, Append(records=records, release=release, load_id=self._load_id))

    # -- adjustments --------------------------------------------------------------------------------------------------

    def _adjust(self, adjustment: AdjustmentRecorded, then: tuple[Letter, ...], ctx: Context) -> None:
        """Book a change that no fill has made. It is neither profit nor loss: what the account is compared with moves
        along. `then` is posted once it is on disk."""
        with exact():
            self._changes[adjustment.asset] = self._changes.get(adjustment.asset, ZERO) + adjustment.amount
        records: list[Record] = [adjustment]
        letters = [*then]
        worth = adjustment.amount if adjustment.asset == self._seat.currency else ZERO
        if adjustment.symbol is not None and adjustment.strategy_id is not None and adjustment.price is not None:
            with exact():
                worth = adjustment.amount * self._marks.get(adjustment.symbol, adjustment.price)
            more = self._move_position(adjustment, adjustment.symbol, adjustment.strategy_id, ctx)
            records += more[0]
            letters += more[1]
        self._booked(adjustment.adjustment_id, frozenset({adjustment.asset}))
        self._roll(ctx)
        with exact():
            self._peak = None if self._peak is None else self._peak + worth
            self._periods = shifted(self._periods, worth)
        snapshot = self._value(ctx)
        if snapshot is not None:
            records.append(PortfolioRecorded(snapshot=snapshot))
            self._recorded = snapshot
        self._append(tuple(records), ctx, tuple(letters))

    def _move_position(
        self, adjustment: AdjustmentRecorded, symbol: str, strategy_id: str, ctx: Context
    ) -> tuple[list[Record], list[Letter]]:
        key = (strategy_id, symbol)
        base, quote = self._assets(symbol)
        context = FillContext(base_asset=base, quote_asset=quote, lot_size=self._seat.lot_sizes[symbol])
        result = take_in(self._holdings.get(key), adjustment, context)
        self._holdings[key] = result.holding
        records: list[Record] = [PositionRecorded(position=result.position)]
        if result.round_trip is not None:
            records.append(RoundTripRecorded(trade=result.round_trip))
        moved = PositionAdjusted(
            adjustment_id=adjustment.adjustment_id, strategy_id=strategy_id, symbol=symbol, change=adjustment.amount
        )
        changed = PositionChanged(position=result.position)
        return records, [ctx.seal(addresses.OMS, moved), ctx.seal(addresses.strategy(strategy_id), changed)]

    # -- valuation ----------------------------------------------------------------------------------------------------

    def _value(self, ctx: Context) -> PortfolioSnapshot | None:
        """Value the account and tell it; None before the opening balances are known."""
        if self._opening is None or not self._is_loaded:
            return None
        now_ns = ctx.now_ns()
        self._roll(ctx)
        try:
            balances = balances_after(self._opening, self._changes)
            baseline = Baseline(self._peak, self._periods.day_equity, self._periods.week_equity)
            snapshot = value(self._account, self._holdings.values(), balances, self._marks, baseline, now_ns)
        except ImpossibleNumber as error:
            self._report_drift(ALL, f"the books came to an impossible figure: {error}", ctx)
            return None
        self._peak = snapshot.peak_equity
        self._periods = self._periods.begun_with(snapshot.equity)
        self._latest = snapshot
        ctx.publish(addresses.PORTFOLIO_CHANGES, snapshot)
        ctx.publish(addresses.EQUITY, EquityTold(equity=snapshot.equity, currency=snapshot.currency, at_ns=now_ns))
        return snapshot

    def _roll(self, ctx: Context) -> None:
        """A new day or week begins with the equity that was told last."""
        before = None if self._latest is None else self._latest.equity
        self._periods = rolled(self._periods, self._seat.day_of(ctx.now_ns()), before)

    def _resume(self, last: PortfolioSnapshot, ctx: Context) -> None:
        """Go on from the last portfolio on record: no loss is forgotten, and what is held is worth what it was."""
        self._peak = last.peak_equity
        self._periods = resumed(last, self._seat.day_of(last.at_ns), self._seat.day_of(ctx.now_ns()))
        for symbol, mark in last.marks.items():
            self._marks.setdefault(symbol, mark)
