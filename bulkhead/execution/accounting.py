"""Exact accounting of fills: balances, positions, realised profit, round trips.

Average cost, long and short, through zero. The basis of a position is kept as its total cost, not as an average price,
so that no division can lose money: when part of a position is closed, its share of the cost is quantised once and the
rest keeps the remainder. Hence, for every fill, exactly:

    change of the quote balance + change of the cost - fee paid in a third asset (valued) = change of realised profit

Fees: paid in the base asset they reduce the quantity, and are valued at the fill's price; paid in the quote asset they
reduce cash; paid in a third asset they reduce that asset's balance, and count in the profit only when a rate is given.
All fees are expensed at once; cost holds trade prices only. Taxes are in the quote asset.

A rest below one lot cannot be traded: it counts as flat, and is carried (with its cost) into the next trade.

What it is not: it keeps nothing between calls, marks nothing to market (see valuation) and knows no venue.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from bulkhead.execution.exact import BPS, QUANTUM, ZERO, divide, exact
from bulkhead.execution.trades import FillShare, OpenTrade, finish, opened, resumed, with_share
from messages.orders import Fill
from messages.portfolio import Position, RoundTrip
from messages.values import Number, Side, Value


class Holding(Value):
    """A position with what its message has no room for: the exact cost, and the trade under way."""

    position: Position
    cost: Number = ZERO
    """Signed like the quantity: what the open quantity was bought (or sold short) for, in the quote asset."""
    trade: OpenTrade | None = None

    @property
    def quantity(self) -> Decimal:
        return self.position.quantity


class Booked(NamedTuple):
    """What one fill did."""

    holding: Holding
    realised: Decimal
    """Change of realised profit in the quote asset, after fees and tax."""
    balances: dict[str, Decimal]
    """Change per asset; assets that did not change are not in it."""
    fee_quote: Decimal
    """Fee and tax valued in the quote asset; zero where `is_fee_valued` is False."""
    is_fee_valued: bool
    round_trip: RoundTrip | None
    """Set when this fill brought the position back to flat."""

    @property
    def position(self) -> Position:
        return self.holding.position


class FillContext(NamedTuple):
    """What must be known beside the fill to book it."""

    base_asset: str
    quote_asset: str
    lot_size: Decimal
    decision_price: Decimal | None = None
    """Mid at the decision, for slippage."""
    order_quantity: Decimal | None = None
    """Of the whole order, for its fill ratio."""
    fee_rate: Decimal | None = None
    """Price of one unit of a third fee asset in the quote asset."""


def flat(fill: Fill) -> Holding:
    """The holding before a strategy's first fill in a symbol."""
    return Holding(
        position=Position(
            strategy_id=fill.strategy_id,
            venue=fill.venue,
            account=fill.account,
            symbol=fill.symbol,
            quantity=ZERO,
            average_price=ZERO,
            realised_pnl=ZERO,
            fees_quote=ZERO,
            updated_ns=0,
        )
    )


def restored(position: Position) -> Holding:
    """A holding from a stored position. Its cost is as exact as the average price that was stored; a trade that was
    under way is begun anew at that price, unless the fills since flat are replayed instead."""
    with exact():
        cost = position.quantity * position.average_price
    return Holding(position=position, cost=cost)


def is_flat(quantity: Decimal, lot_size: Decimal) -> bool:
    return abs(quantity) < lot_size


def slippage_bps(side: Side, price: Decimal, decision_price: Decimal) -> Decimal:
    """How much worse than at the decision, in basis points; negative when it was better."""
    with exact():
        return divide((price - decision_price) * side.sign * BPS, decision_price)


def apply_fill(holding: Holding, fill: Fill, context: FillContext) -> Booked:
    """Book one fill. Raises ValueError when it belongs to another holding."""
    _must_belong(holding.position, fill)
    with exact():
        return _apply(holding, fill, context)


def balance_changes(fill: Fill, base_asset: str, quote_asset: str) -> dict[str, Decimal]:
    """What the fill did to each asset's balance, exactly."""
    with exact():
        notional = fill.quantity * fill.price
        changes = {base_asset: ZERO, quote_asset: ZERO, fill.fee_asset: ZERO}
        changes[base_asset] += fill.side.sign * fill.quantity
        changes[quote_asset] -= fill.side.sign * notional + fill.tax
        changes[fill.fee_asset] -= fill.fee
        return {asset: change for asset, change in changes.items() if change}


def _must_belong(position: Position, fill: Fill) -> None:
    mine = (position.strategy_id, position.venue, position.account, position.symbol)
    its = (fill.strategy_id, fill.venue, fill.account, fill.symbol)
    if mine != its:
        raise ValueError(f"fill {fill.fill_id} of {its} does not belong to the position of {mine}")


def _apply(holding: Holding, fill: Fill, context: FillContext) -> Booked:
    # A fee in the base asset is bought or sold at the fill's price like the rest, and then given away.
    change = fill.side.sign * fill.quantity - (fill.fee if fill.fee_asset == context.base_asset else ZERO)
    closing, opening = _parts(holding.quantity, change)
    removed = _cost_share(holding, closing)
    step = _Step(
        change,
        closing,
        opening,
        gained=-closing * fill.price - removed,
        fee_quote=_fee_in_quote(fill, context),
        after=holding.quantity + change,
    )
    cost = holding.cost - removed + opening * fill.price
    trade, finished = _trade_after(holding, fill, step, context)
    is_fee_valued = fill.fee == 0 or fill.fee_asset in {context.base_asset, context.quote_asset}
    return Booked(
        Holding(position=_moved(holding.position, fill, step, cost), cost=cost, trade=trade),
        step.realised,
        balance_changes(fill, context.base_asset, context.quote_asset),
        step.fee_quote,
        is_fee_valued or context.fee_rate is not None,
        finished,
    )


class _Step(NamedTuple):
    """A fill, taken apart. Quantities are signed."""

    change: Decimal
    closing: Decimal
    opening: Decimal
    gained: Decimal
    fee_quote: Decimal
    after: Decimal

    @property
    def realised(self) -> Decimal:
        return self.gained - self.fee_quote


def _trade_after(
    holding: Holding, fill: Fill, step: _Step, context: FillContext
) -> tuple[OpenTrade | None, RoundTrip | None]:
    """The trade under way after the fill, and the one that it ended."""
    trade = holding.trade
    if trade is None and is_flat(holding.quantity, context.lot_size):
        # What was left below one lot is no trade of its own: it joins the one that begins here.
        if not step.opening:
            return None, None
        whole = _share(fill, step, step.change, step.fee_quote, step.realised)
        return with_share(opened(fill), fill, whole, context), None
    trade = resumed(holding.position, holding.cost) if trade is None else trade
    if not step.closing:
        return with_share(trade, fill, _share(fill, step, step.opening, step.fee_quote, -step.fee_quote), context), None
    # Through zero, one fill ends a trade and begins another: the fee is shared by quantity.
    fee = (step.fee_quote * step.closing / step.change).quantize(QUANTUM) if step.opening else step.fee_quote
    trade = with_share(trade, fill, _share(fill, step, step.closing, fee, step.gained - fee), context)
    if step.opening:
        rest = step.fee_quote - fee
        begun = with_share(opened(fill), fill, _share(fill, step, step.opening, rest, -rest), context)
        return begun, finish(trade, fill, context.quote_asset)
    if is_flat(step.after, context.lot_size):
        return None, finish(trade, fill, context.quote_asset)
    return trade, None


def _share(fill: Fill, step: _Step, part: Decimal, fee_quote: Decimal, pnl: Decimal) -> FillShare:
    executed = fill.quantity if part == step.change else divide(fill.quantity * part, step.change)
    return FillShare(abs(part), executed, fee_quote, pnl)


def _parts(before: Decimal, change: Decimal) -> tuple[Decimal, Decimal]:
    """The part of `change` that closes what is held, and the part that opens; both signed like `change`."""
    if before == 0 or (before > 0) == (change > 0):
        return ZERO, change
    closing = change if abs(change) <= abs(before) else -before
    return closing, change - closing


def _cost_share(holding: Holding, closing: Decimal) -> Decimal:
    """The part of the cost that leaves with `closing` (signed against the quantity)."""
    if closing == -holding.quantity:
        return holding.cost
    return (holding.cost * -closing / holding.quantity).quantize(QUANTUM)


def _fee_in_quote(fill: Fill, context: FillContext) -> Decimal:
    if fill.fee_asset == context.quote_asset:
        return fill.fee + fill.tax
    if fill.fee_asset == context.base_asset:
        return fill.fee * fill.price + fill.tax
    return fill.fee * (context.fee_rate or ZERO) + fill.tax


def _moved(position: Position, fill: Fill, step: _Step, cost: Decimal) -> Position:
    updates: dict[str, Any] = {
        "quantity": step.after,
        "average_price": divide(cost, step.after) if step.after else ZERO,
        "realised_pnl": position.realised_pnl + step.realised,
        "fees_quote": position.fees_quote + step.fee_quote,
        "last_fill_id": fill.fill_id,
        "updated_ns": max(position.updated_ns, fill.executed_ns),
    }
    return position.model_copy(update=updates)
