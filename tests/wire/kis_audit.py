"""The simulated KIS's own books beside our ledger, which share nothing: what must agree, what an operator sees."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from bulkhead.chaos.oracle import LedgerFile
from bulkhead.ledger import recovery
from bulkhead.ledger.sqlite import LedgerReader

WON = "KRW"
Order = dict[str, Any]
"""One of GET /sim/books."""


def number_of(order: Order) -> str:
    """As the house has it."""
    return f"{order['date']}-{order['branch']}-{order['number']}"


def placed_by_us(books: dict[str, Any]) -> dict[str, Order]:
    """By number; amendments and cancels have rows of their own and are none."""
    orders = (order for order in books["orders"] if order["channel"] == "api" and order["request"] == "new")
    return {number_of(order): order for order in orders}


def truths(books: dict[str, Any], ledger: LedgerFile) -> list[tuple[str, str, str | None]]:
    """Orders in doubt: symbol, our id, and the number that the venue's own books give to it; None: it never arrived."""
    rows = ledger.rows(
        "select client_order_id, symbol, side, quantity, limit_price, created_ns from orders"
        " where is_open and venue_order_id is null and status = 'ERROR'"
    )
    known = {number for (number,) in ledger.rows("select venue_order_id from orders")}
    sent = {number: order for number, order in placed_by_us(books).items() if number not in known}
    found: list[tuple[str, str, str | None]] = []
    for key, symbol, side, quantity, limit_price, created_ns in rows:
        asked = (symbol, side, Decimal(quantity), Decimal(limit_price or 0))
        since_ms = created_ns // 1_000_000 - 5_000
        fitting = [n for n, order in sent.items() if _as_asked(order) == asked and order["placed_ms"] >= since_ms]
        found.append((symbol, key, fitting[0] if fitting else None))
    return found


def _as_asked(order: Order) -> tuple[str, str, Decimal, Decimal]:
    return order["symbol"], order["side"], Decimal(order["quantity"]), Decimal(order["price"])


def disagreements(books: dict[str, Any], path: Path, by_hand: str | None = None) -> list[str]:
    """Once nothing is under way: no order twice, no fill lost, no stranger's order ours, money and shares alike. What
    the customer trades `by_hand` and we do not is in the opening books and nowhere else."""
    ours = placed_by_us(books)
    theirs = {number_of(order) for order in books["orders"] if order["channel"] != "api"}
    rows = LedgerFile(path).rows("select client_order_id, venue_order_id, filled, status from orders")
    numbers = Counter(number for _, number, _, _ in rows if number is not None)
    wrong = [f"{number} stands {count} times in our books" for number, count in numbers.items() if count > 1]
    wrong += [f"{number} is an order of ours that is in no book" for number in ours.keys() - numbers.keys()]
    wrong += [f"{number} was placed by hand and is ours in the books" for number in numbers.keys() & theirs]
    for key, number, filled, status in rows:
        at_venue = Decimal(ours[number]["filled"]) if number in ours else Decimal(0)
        if Decimal(filled) != at_venue:
            wrong.append(f"{key} ({number}): {filled} filled in the books, {at_venue} at the venue")
        if status in ("ERROR", "PENDING_SUBMIT"):
            wrong.append(f"{key} is {status} at the end")
    held = balances(path)
    for asset, total in books["accounts"]["client"].items():
        if asset != by_hand and abs(held.get(asset, Decimal(0)) - Decimal(total)) >= 1:
            wrong.append(f"{asset}: {held.get(asset, 0):f} in the books, {total} at the venue")
    return wrong


def balances(path: Path) -> dict[str, Decimal]:
    """What our ledger says that the account holds."""
    reader = LedgerReader(path)
    try:
        loaded = recovery.load(reader.connection, 0)
    finally:
        reader.close()
    held = {balance.asset: balance.total for balance in loaded.opening_balances or ()}
    for key, change in loaded.balance_changes.items():
        symbol, _, part = key.partition(":")
        asset = {"base": symbol, "quote": WON}.get(part, key)
        held[asset] = held.get(asset, Decimal(0)) + change
    return held
