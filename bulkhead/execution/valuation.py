"""The whole account at one moment, from exact holdings and the last marks.

A symbol without a mark is valued at cost and named. A number that is not finite raises: nothing impossible may ever
become a peak, or the drawdown limit would be blind from then on.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.accounting import Holding
from bulkhead.execution.exact import ZERO, exact
from messages.orders import Balance
from messages.portfolio import PortfolioSnapshot


class Baseline(NamedTuple):
    """What the present is compared with."""

    peak_equity: Decimal | None
    """Highest equity so far; None before the first valuation."""
    day_start_equity: Decimal | None
    """Equity when the trading day began; None: the day begins with this valuation."""
    week_start_equity: Decimal | None = None
    """The same of the week."""


class Account(NamedTuple):
    venue: str
    account: str
    currency: str


class ImpossibleNumber(ValueError):
    """A valuation came to NaN or infinity; the message names which figure."""


def value(
    account: Account,
    holdings: Iterable[Holding],
    balances: Iterable[Balance],
    marks: Mapping[str, Decimal],
    baseline: Baseline,
    at_ns: int,
) -> PortfolioSnapshot:
    """Equity = cash in `currency` + each holding at its mark. Other assets are listed, not valued.

    Raises ImpossibleNumber.
    """
    if any(figure is not None and not figure.is_finite() for figure in baseline):
        raise ImpossibleNumber(f"the baseline is {baseline}")
    held = sorted(holdings, key=lambda item: (item.position.strategy_id, item.position.symbol))
    stated = tuple(balances)
    cash = next((balance.total for balance in stated if balance.asset == account.currency), ZERO)
    with exact():
        unmarked = {item.position.symbol for item in held if item.quantity and item.position.symbol not in marks}
        worth = sum((_worth(item, marks) for item in held), ZERO)
        cost = sum((item.cost for item in held), ZERO)
        realised = sum((item.position.realised_pnl for item in held), ZERO)
        equity = cash + worth
        for name, figure in (("cash", cash), ("positions", worth), ("cost", cost), ("realised", realised)):
            if not figure.is_finite():
                raise ImpossibleNumber(f"{name} came to {figure}")
        peak = equity if baseline.peak_equity is None else max(baseline.peak_equity, equity)
        day_start = equity if baseline.day_start_equity is None else baseline.day_start_equity
        week_start = equity if baseline.week_start_equity is None else baseline.week_start_equity
        return PortfolioSnapshot(
            venue=account.venue,
            account=account.account,
            currency=account.currency,
            cash=cash,
            equity=equity,
            realised_pnl=realised,
            unrealised_pnl=worth - cost,
            day_pnl=equity - day_start,
            peak_equity=peak,
            drawdown=peak - equity,
            positions=tuple(item.position for item in held),
            balances=stated,
            unmarked=tuple(sorted(unmarked)),
            at_ns=at_ns,
            week_pnl=equity - week_start,
            marks={item.position.symbol: marks[item.position.symbol] for item in held if _is_marked(item, marks)},
        )


def _is_marked(holding: Holding, marks: Mapping[str, Decimal]) -> bool:
    return bool(holding.quantity) and holding.position.symbol in marks


def _worth(holding: Holding, marks: Mapping[str, Decimal]) -> Decimal:
    mark = marks.get(holding.position.symbol)
    return holding.cost if mark is None else holding.quantity * mark


def balances_after(opening: Iterable[Balance], changes: Mapping[str, Decimal]) -> tuple[Balance, ...]:
    """Opening balances plus the sum of every fill's changes, per asset, sorted by asset.

    `locked` stays as stated at the opening; a change that would take `free` below zero is taken from it. Raises
    ImpossibleNumber when an asset would be negative: we cannot have spent what was not there.
    """
    with exact():
        totals = {balance.asset: (balance.free, balance.locked) for balance in opening}
        for asset, change in changes.items():
            free, locked = totals.get(asset, (ZERO, ZERO))
            free += change
            if free < 0:
                free, locked = ZERO, locked + free
            if locked < 0:
                raise ImpossibleNumber(f"{asset} would be {locked}")
            totals[asset] = free, locked
        return tuple(Balance(asset=asset, free=free, locked=locked) for asset, (free, locked) in sorted(totals.items()))
