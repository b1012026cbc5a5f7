"""Accounts and their balances: what is free, what an open order has locked. Exact decimals, no I/O.

A house account belongs to the market itself (agents, the tape): nothing is checked or locked for it, its balances may
go below zero, and it is not written to the books. Because every trade moves assets between two accounts, the sum over
all accounts plus the fees taken is constant; a test holds that.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulkhead.venues.simulator.orders import Order

ZERO = Decimal(0)


@dataclass(slots=True)
class Balance:
    free: Decimal = ZERO
    locked: Decimal = ZERO


class Account:
    """Balances and open orders of one client, or of the house."""

    __slots__ = ("balances", "changed_assets", "is_house", "name", "open_by_client_id", "open_orders", "updated_ms")

    def __init__(self, name: str, is_house: bool = False) -> None:
        self.name = name
        self.is_house = is_house
        self.balances: dict[str, Balance] = {}
        self.open_orders: dict[int, Order] = {}
        self.open_by_client_id: dict[str, Order] = {}
        self.changed_assets: set[str] = set()
        self.updated_ms = 0

    def balance(self, asset: str) -> Balance:
        found = self.balances.get(asset)
        if found is None:
            found = self.balances[asset] = Balance()
        return found

    def add_free(self, asset: str, amount: Decimal) -> None:
        """Credit (or debit, when negative) the free balance."""
        self.balance(asset).free += amount
        if not self.is_house:
            self.changed_assets.add(asset)

    def lock(self, asset: str, amount: Decimal) -> None:
        """Move from free to locked; the caller has checked that it is there."""
        balance = self.balance(asset)
        balance.free -= amount
        balance.locked += amount
        self.changed_assets.add(asset)

    def unlock(self, asset: str, amount: Decimal) -> None:
        self.lock(asset, -amount)

    def track(self, order: "Order") -> None:
        self.open_orders[order.order_id] = order
        self.open_by_client_id[order.client_order_id] = order

    def untrack(self, order: "Order") -> None:
        self.open_orders.pop(order.order_id, None)
        if self.open_by_client_id.get(order.client_order_id) is order:
            del self.open_by_client_id[order.client_order_id]
