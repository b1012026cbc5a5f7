"""Exposure: what is held, and what may yet be held because it was approved.

An approval reserves the worst case of its intent until terminal evidence for the whole intent: in flight and unknown
orders count in full, and part fills are counted twice rather than not at all. When the intent is closed, what it filled
stays reserved until a portfolio that must contain it has been told, so that no moment shows less than the truth.
Orders are not positions, and positions not orders: the two are added, never mixed.

Pure: every function returns a new Exposure.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from bulkhead.risk.numbers import BPS, WIDE, ZERO
from messages.intents import IntentClosed, IntentWaits
from messages.orders import OrderRow
from messages.portfolio import PortfolioSnapshot, Position
from messages.trading import OrderIntent
from messages.values import Origin, Side

NS_PER_S = 1_000_000_000
_UNKNOWN_PRICE = Decimal("NaN")


class Reservation(NamedTuple):
    intent_id: str
    strategy_id: str
    symbol: str
    side: Side
    notional: Decimal
    """Worst case; zero for exits, which only give exposure back."""
    is_entry: bool
    closed_ns: int | None = None
    """When its intent was closed; it then waits for the portfolio to show its fills."""
    origin: Origin = Origin.STRATEGY
    """Of its intent; told of none that was rebuilt from orders."""
    quantity: Decimal = ZERO
    """Of the whole intent."""
    filled: Mapping[str, Decimal] = MappingProxyType({})
    """By client order id, of an exit: what of it is no longer in flight."""

    @property
    def leaves(self) -> Decimal:
        """What of an exit may still fill."""
        filled = ZERO
        for each in self.filled.values():
            filled = WIDE.add(filled, each)
        return max(ZERO, WIDE.subtract(self.quantity, filled))


class Exposure(NamedTuple):
    reservations: Mapping[str, Reservation]
    """By intent id."""


EMPTY = Exposure({})


def worst_case_notional(intent: OrderIntent, collar_bps: Decimal) -> Decimal | None:
    """The most that the intent can be worth when filled; None when no price is known, NaN when it is no number.

    A limit order may fill at a better price than its limit; for a sale that is a higher one, so the market counts too.
    A market order may slip, at worst by the collar.
    """
    reference = None if intent.market is None else intent.market.mid
    if reference is not None and not reference.is_finite():
        return reference
    if intent.limit_price is not None:
        price = intent.limit_price if reference is None else max(intent.limit_price, reference)
    elif reference is not None:
        price = WIDE.multiply(reference, WIDE.divide(BPS + collar_bps, BPS))
    else:
        return None
    return WIDE.multiply(intent.quantity, price)


def reserve(exposure: Exposure, intent: OrderIntent, notional: Decimal) -> Exposure:
    """With the approved intent reserved. The same intent again replaces its reservation."""
    is_entry = intent.intent_type.is_entry
    reservation = Reservation(
        intent.intent_id,
        intent.strategy_id,
        intent.symbol,
        intent.side,
        notional if is_entry else ZERO,
        is_entry,
        origin=intent.origin,
        quantity=intent.quantity,
    )
    return Exposure({**exposure.reservations, intent.intent_id: reservation})


def noted(exposure: Exposure, order: OrderRow) -> Exposure:
    """With what an order of an exit has filled: it is in flight no more. Entries count in full until closed."""
    reservation = exposure.reservations.get(order.intent_id)
    if reservation is None or reservation.is_entry or reservation.closed_ns is not None or not order.filled:
        return exposure
    filled = {**reservation.filled, order.ticket.client_order_id: order.filled}
    return Exposure({**exposure.reservations, order.intent_id: reservation._replace(filled=filled)})


def release(exposure: Exposure, closed: IntentClosed, now_ns: int) -> Exposure:
    """After terminal evidence for the whole intent: only what it filled stays, until the portfolio shows it."""
    reservation = exposure.reservations.get(closed.intent_id)
    if reservation is None:
        return exposure
    rest = {key: value for key, value in exposure.reservations.items() if key != closed.intent_id}
    if reservation.is_entry and closed.filled > 0:
        rest[closed.intent_id] = reservation._replace(notional=closed.filled_notional, closed_ns=now_ns)
    return Exposure(rest)


def settle(exposure: Exposure, portfolio: PortfolioSnapshot, settle_s: float) -> Exposure:
    """Without the closed reservations whose fills this portfolio must contain."""
    latest_ns = portfolio.at_ns - int(settle_s * NS_PER_S)
    kept = {
        key: reservation
        for key, reservation in exposure.reservations.items()
        if reservation.closed_ns is None or reservation.closed_ns >= latest_ns
    }
    return exposure if len(kept) == len(exposure.reservations) else Exposure(kept)


def rebuilt(
    orders: Iterable[OrderRow],
    reserved: Mapping[str, Decimal],
    waiting: Iterable[IntentWaits] = (),
    marks: Mapping[str, Decimal] | None = None,
) -> Exposure:
    """From the OMS's unfinished orders, after the guard was restarted. An intent whose reservation is not told counts
    with its orders' whole quantity at their limit price, else at the mark. Where there is neither, its worth is NaN,
    which refuses entries until the order has ended: what cannot be valued must not count as nothing. An intent of
    which something waits for its turn counts with its whole reservation, with an order at work or without."""
    prices = marks or {}
    reservations: dict[str, Reservation] = {}
    for order in orders:
        ticket, before = order.ticket, reservations.get(order.intent_id)
        notional = reserved.get(order.intent_id, ZERO)
        if notional == 0:
            price = ticket.limit_price or prices.get(ticket.symbol, _UNKNOWN_PRICE)
            notional = WIDE.multiply(ticket.quantity, price)
            notional = notional if before is None else WIDE.add(before.notional, notional)
        is_entry = ticket.intent_type.is_entry
        filled = {} if is_entry else {ticket.client_order_id: order.filled}
        reservations[order.intent_id] = Reservation(
            order.intent_id,
            order.strategy_id,
            ticket.symbol,
            ticket.side,
            notional if is_entry else ZERO,
            is_entry,
            quantity=ticket.quantity if before is None else WIDE.add(before.quantity, ticket.quantity),
            filled=filled if before is None else {**before.filled, **filled},
        )
    for wait in waiting:
        before, is_entry = reservations.get(wait.intent_id), wait.intent_type.is_entry
        if before is not None:
            reservations[wait.intent_id] = before._replace(quantity=WIDE.add(before.quantity, wait.quantity))
        elif wait.quantity:
            notional = reserved.get(wait.intent_id, _UNKNOWN_PRICE) if is_entry else ZERO
            reservations[wait.intent_id] = Reservation(
                wait.intent_id, wait.strategy_id, wait.symbol, wait.side, notional, is_entry, quantity=wait.quantity
            )
    return Exposure(reservations)


# -- sums -------------------------------------------------------------------------------------------------------------


def position_notional(position: Position, marks: Mapping[str, Decimal]) -> Decimal:
    """Worth without its sign, at the mark; at cost where there is none."""
    price = marks.get(position.symbol, position.average_price)
    return WIDE.abs(WIDE.multiply(position.quantity, price))


def reserved_notional(exposure: Exposure, symbol: str | None = None, side: Side | None = None) -> Decimal:
    """Of all reservations, or only of one symbol or side."""
    total = ZERO
    for reservation in exposure.reservations.values():
        if symbol in {None, reservation.symbol} and side in {None, reservation.side}:
            total = WIDE.add(total, reservation.notional)
    return total


def held_notional(portfolio: PortfolioSnapshot, marks: Mapping[str, Decimal], symbol: str | None = None) -> Decimal:
    """Of all positions (longs and shorts do not cancel out), or only of one symbol."""
    total = ZERO
    for position in portfolio.positions:
        if symbol in {None, position.symbol}:
            total = WIDE.add(total, position_notional(position, marks))
    return total


def net_notional(portfolio: PortfolioSnapshot, marks: Mapping[str, Decimal]) -> Decimal:
    """Of all positions, longs less shorts; NaN where a quantity is no number."""
    total = ZERO
    for position in portfolio.positions:
        if not position.quantity.is_finite():
            return _UNKNOWN_PRICE
        worth = position_notional(position, marks)
        total = WIDE.add(total, worth) if position.quantity > 0 else WIDE.subtract(total, worth)
    return total


def worst_net(exposure: Exposure, portfolio: PortfolioSnapshot, marks: Mapping[str, Decimal], side: Side) -> Decimal:
    """How far the account may come to lean to one side: what it leans already, with every entry in flight that way and
    none that goes the other way. Below zero it leans away."""
    return WIDE.add(
        WIDE.multiply(net_notional(portfolio, marks), Decimal(side.sign)), reserved_notional(exposure, side=side)
    )


def by_symbol(exposure: Exposure, portfolio: PortfolioSnapshot, marks: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Held and in flight, of each symbol with either."""
    found: dict[str, Decimal] = {}
    for position in portfolio.positions:
        worth = position_notional(position, marks)
        found[position.symbol] = WIDE.add(found.get(position.symbol, ZERO), worth)
    for reservation in exposure.reservations.values():
        found[reservation.symbol] = WIDE.add(found.get(reservation.symbol, ZERO), reservation.notional)
    return found


def exiting(exposure: Exposure, strategy_id: str, symbol: str, side: Side) -> Decimal:
    """Quantity of a strategy's exits on this side that may still fill."""
    total = ZERO
    for item in exposure.reservations.values():
        if not item.is_entry and (item.strategy_id, item.symbol, item.side) == (strategy_id, symbol, side):
            total = WIDE.add(total, item.leaves)
    return total


def open_positions(
    exposure: Exposure, portfolio: PortfolioSnapshot, marks: Mapping[str, Decimal], dust_notional: Decimal
) -> frozenset[tuple[str, str]]:
    """(strategy, symbol) of all that is held beyond dust, or being opened. A worth that is not a number counts."""
    held = {
        (position.strategy_id, position.symbol)
        for position in portfolio.positions
        if not (worth := position_notional(position, marks)).is_finite() or worth > dust_notional
    }
    opening = {(item.strategy_id, item.symbol) for item in exposure.reservations.values() if item.is_entry}
    return frozenset(held | opening)
