"""A little model of the account beside the risk guard: it keeps its own books and says what must not pass.

It shares no code with the guard: exposure, losses and counts are worked out anew here from the list of what happened,
in fractions. Strategy `long` only buys to enter, `short` only sells.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from bulkhead.risk.limits import RiskLimits
from messages.values import Side

NS_PER_S = 1_000_000_000
SIDE_OF = {"long": Side.BUY, "short": Side.SELL}


@dataclass
class Open:
    """An approved intent without terminal evidence."""

    owner: str
    symbol: str
    is_entry: bool
    quantity: Fraction
    worst: Fraction


@dataclass
class Held:
    quantity: Fraction = Fraction(0)
    """Above zero, whichever side."""
    paid: Fraction = Fraction(0)
    pnl: Fraction = Fraction(0)
    """Of the trade under way."""

    @property
    def average(self) -> Fraction:
        return self.paid / self.quantity if self.quantity else Fraction(0)


@dataclass
class Account:
    limits: RiskLimits
    now_ns: int
    cash: Fraction
    day_ns: int
    prices: dict[str, Fraction] = field(default_factory=dict)
    bad_marks: set[str] = field(default_factory=set)
    open: dict[str, Open] = field(default_factory=dict)
    unsettled: dict[str, tuple[str, str, Fraction, int]] = field(default_factory=dict)
    """Closed intents: owner, symbol, what they filled for, and when they were closed."""
    held: dict[tuple[str, str], Held] = field(default_factory=dict)
    told: dict[tuple[str, str], tuple[Fraction, Fraction]] = field(default_factory=dict)
    """Quantity and average price, as the guard was told."""
    told_cash: Fraction = Fraction(0)
    sent_ns: list[int] = field(default_factory=list)
    trades: list[tuple[str, int, Fraction]] = field(default_factory=list)
    """Owner, end and result."""
    rejects: int = 0

    # -- worth --------------------------------------------------------------------------------------------------------

    def equity(self) -> Fraction:
        total = self.cash
        for (owner, symbol), held in self.held.items():
            total += held.quantity * self.prices[symbol] * SIDE_OF[owner].sign
        return total

    def settle(self, portfolio_ns: int) -> None:
        kept_from_ns = portfolio_ns - int(self.limits.settle_s * NS_PER_S)
        self.unsettled = {key: item for key, item in self.unsettled.items() if item[3] >= kept_from_ns}

    def worth_told(self, symbol: str, marks: dict[str, Fraction]) -> Fraction:
        return sum(
            (q * marks.get(symbol, paid) for (_, name), (q, paid) in self.told.items() if name == symbol), Fraction(0)
        )

    def in_flight(self, symbol: str | None = None, side: Side | None = None) -> Fraction:
        found = [(o.owner, o.symbol, o.worst) for o in self.open.values() if o.is_entry]
        found += [(owner, name, worth) for owner, name, worth, _ in self.unsettled.values()]
        return sum(
            (worth for owner, name, worth in found if symbol in (None, name) and side in (None, SIDE_OF[owner])),
            Fraction(0),
        )

    # -- what must not pass -------------------------------------------------------------------------------------------

    def broken_by(self, owner: str, symbol: str, quantity: Fraction, limit: Fraction | None, mid: Fraction) -> set[str]:
        """Names of all limits that this entry would break now."""
        limits, side = self.limits, SIDE_OF[owner]
        if self.bad_marks:
            return {"numbers"}
        collar = Fraction(limits.price_collar_bps) / 10_000
        worst = quantity * (max(limit, mid) if limit is not None else mid * (1 + collar))
        marks = {**self.prices, symbol: max(self.prices[symbol], mid)}
        symbols = {name for _, name in self.told} | {symbol}
        by_symbol = {name: self.worth_told(name, marks) + self.in_flight(name) for name in {*symbols, *self.prices}}
        sector = [name for name in by_symbol if limits.sectors.get(name) == limits.sectors[symbol]]
        leaning = sum((q * marks[name] * SIDE_OF[who].sign for (who, name), (q, _) in self.told.items()), Fraction(0))
        taken = {key for key, (q, _) in self.told.items() if q * marks[key[1]] > limits.dust_notional}
        taken |= {(o.owner, o.symbol) for o in self.open.values() if o.is_entry}
        taken |= {(who, name) for who, name, _, _ in self.unsettled.values()}
        today = sum(at >= self.day_ns for at in self.sent_ns)
        finished = sum(at >= self.day_ns for _, at, _ in self.trades)
        away_bps = Fraction(0) if limit is None else (limit - mid) * 10_000 / mid  # bid and ask are the mid here
        adv = Fraction(limits.adv_notional[symbol])
        count = len(taken | {(owner, symbol)}) if (owner, symbol) not in taken else 0
        figures: dict[str, tuple[Fraction | int, Decimal | int | None]] = {
            "price_collar_bps": (abs(away_bps), limits.price_collar_bps),
            "max_order_slippage_bps": (away_bps * side.sign, limits.max_order_slippage_bps),
            "max_order_notional": (worst, limits.max_order_notional),
            "max_adv_share": ((self.in_flight(symbol) + worst) / adv, limits.max_adv_share),
            "max_symbol_exposure": (by_symbol[symbol] + worst, limits.max_symbol_exposure),
            "max_sector_exposure": (sum(by_symbol[name] for name in sector) + worst, limits.max_sector_exposure),
            "max_gross_exposure": (sum(by_symbol.values()) + worst, limits.max_gross_exposure),
            "max_net_exposure": (leaning * side.sign + self.in_flight(side=side) + worst, limits.max_net_exposure),
            "max_positions": (count, limits.max_positions),
            "max_orders_per_s": (sum(at > self.now_ns - NS_PER_S for at in self.sent_ns) + 1, limits.max_orders_per_s),
            "max_orders_per_day": (today + 1, limits.max_orders_per_day),
            "max_trades_per_day": (finished + len(taken | {(owner, symbol)}), limits.max_trades_per_day),
        }
        broken = {name for name, (value, most) in figures.items() if most is not None and value > Fraction(most)}
        if side is Side.BUY and self.told_cash - self.in_flight(side=side) - worst < Fraction(limits.min_cash):
            broken.add("min_cash")
        if self.resting_until_ns(owner) > self.now_ns:
            broken.add("cooldown_s")
        return broken

    # -- rows ---------------------------------------------------------------------------------------------------------

    def resting_until_ns(self, owner: str) -> int:
        row, until_ns = 0, 0
        for who, at_ns, pnl in self.trades:
            if who != owner or pnl == 0:
                continue
            row = row + 1 if pnl < 0 else 0
            if row >= self.limits.cooldown_after_losses:
                row, until_ns = 0, at_ns + int(self.limits.cooldown_s * NS_PER_S)
        return until_ns

    def losses_in_row(self) -> int:
        row = 0
        for _, _, pnl in self.trades:
            row = row + 1 if pnl < 0 else 0 if pnl > 0 else row
        return row
