"""What is true after a run, asked of the two who know: the simulated venue's own books, and the ledger file.

It reads the ledger with plain sqlite3 and the venue over plain HTTP: nothing of the order path is believed here.
"""

import json
import sqlite3
import urllib.request
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from bulkhead.venues.simulator.settings import SimulatorSettings

QUOTE = "USDT"
OPENING_CASH = SimulatorSettings().opening_balances[QUOTE]
"""What the simulated venue gives to an account that it has not seen before."""
_TIMEOUT_S = 10.0


class VenueBooks:
    """The venue's side, over its own control interface on loopback."""

    def __init__(self, port: int = 0) -> None:
        self.port = port

    def call(self, path: str, body: dict[str, object] | None = None) -> Any:
        """Raises OSError while the venue does not answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - loopback
            return json.load(answer)

    def fault(self, **switches: object) -> None:
        self.call("/sim/faults", dict(switches))

    def faults(self) -> Any:
        return self.call("/sim/faults")

    def answers(self) -> bool:
        try:
            self.books()
        except OSError:
            return False
        return True

    def books(self) -> Any:
        return self.call("/sim/books")

    def balances(self) -> dict[str, Decimal]:
        """Total per asset, zeros left out."""
        totals = {
            asset: Decimal(balance["free"]) + Decimal(balance["locked"])
            for asset, balance in self.books()["balances"].items()
        }
        return {asset: total for asset, total in totals.items() if total}

    def orders_by_id(self) -> dict[str, int]:
        """How many orders it has accepted under each client order id."""
        return {key: entry["orders"] for key, entry in self.books()["by_client_order_id"].items()}

    def executions(self) -> int:
        return sum(entry["executions"] for entry in self.books()["by_client_order_id"].values())


class LedgerFile:
    """Our side, beside whoever owns the file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    def fill_ids(self) -> list[str]:
        return [row[0] for row in self.rows("select fill_id from fills")]

    def net(self) -> dict[str, Decimal]:
        """Change of each asset by all fills, for symbols quoted in USDT; zeros left out."""
        found: dict[str, Decimal] = {}
        for symbol, side, quantity, price, fee, fee_asset in self.rows(
            "select symbol, side, quantity, price, fee, fee_asset from fills"
        ):
            sign = 1 if side == "BUY" else -1
            for asset, change in (
                (symbol.removesuffix(QUOTE), sign * Decimal(quantity)),
                (QUOTE, -sign * Decimal(quantity) * Decimal(price)),
                (fee_asset, -Decimal(fee)),
            ):
                found[asset] = found.get(asset, Decimal(0)) + change
        return {asset: change for asset, change in found.items() if change}


def differences(venue: VenueBooks, ledger: LedgerFile, opening: Decimal = OPENING_CASH) -> tuple[str, ...]:
    """Whatever the two do not agree about once nothing is under way; empty when all is well."""
    wrong = [f"{key} was accepted {count} times" for key, count in venue.orders_by_id().items() if count > 1]
    booked, executed = len(ledger.fill_ids()), venue.executions()
    if booked != executed:
        wrong.append(f"{booked} fills are booked, {executed} were executed")
    ours = ledger.net()
    ours[QUOTE] = ours.get(QUOTE, Decimal(0)) + opening
    theirs = venue.balances()
    wrong += [
        f"{asset}: we hold {ours.get(asset, 0)}, the venue says {theirs.get(asset, 0)}"
        for asset in sorted(ours.keys() | theirs.keys())
        if ours.get(asset, Decimal(0)) != theirs.get(asset, Decimal(0))
    ]
    return tuple(wrong)


def overworked(ledger: LedgerFile) -> tuple[str, ...]:
    """Children and intents of which more was filled, live or unknown than they were to fill; empty when all is well."""
    child: dict[tuple[str, int], list[Decimal]] = {}
    intent: dict[str, list[Decimal]] = {}
    for intent_id, wanted, number, quantity, filled, leaves in ledger.rows(
        "select i.intent_id, i.quantity, o.child, o.quantity, o.filled, o.leaves"
        " from orders o join order_intents i on i.intent_id = o.intent_id order by o.attempt"
    ):
        at_work = Decimal(filled) + Decimal(leaves)
        child.setdefault((intent_id, number), [Decimal(quantity), Decimal(0)])[1] += at_work
        intent.setdefault(intent_id, [Decimal(wanted), Decimal(0)])[1] += at_work
    return tuple(
        f"{name}: {at_work} at work of {asked}"
        for name, (asked, at_work) in (*child.items(), *intent.items())
        if at_work > asked
    )


def left_behind(ledger: LedgerFile) -> tuple[str, ...]:
    """Deadlines of orders and children whose intent is over; empty when all is well."""
    over = {
        row[0] for row in ledger.rows("select intent_id from order_intents where status not in ('NEW', 'STOPPING')")
    }
    of_order = dict(ledger.rows("select client_order_id, intent_id from orders"))
    wrong = []
    for deadline_id, kind, payload in ledger.rows("select id, kind, payload from deadlines"):
        fields = json.loads(payload)
        owner = fields["intent_id"] if kind == "child" else of_order.get(fields.get("client_order_id"))
        if owner in over:
            wrong.append(f"deadline {deadline_id} was left behind by intent {owner}")
    return tuple(wrong)


def entries_before_recovery(ledger: LedgerFile) -> tuple[str, ...]:
    """Entries made before a clean comparison of the books was on disk in that session; empty when all is well.

    Exits may leave before: what they may sell is counted from orders that were on disk before they were sent.
    """
    compared: set[str] = set()
    wrong = []
    for seq, session_id, kind, payload in ledger.rows(
        "select seq, session_id, type, payload from events where type in ('ReconciliationRecorded', 'OrderRecorded')"
        " order by seq"
    ):
        fields = json.loads(payload)
        if kind == "ReconciliationRecorded":
            if fields["result"]["is_clean"]:
                compared.add(session_id)
        elif fields["change"] == "created" and session_id not in compared:
            ticket = fields["order"]["ticket"]
            if ticket["intent_type"] == "ENTRY":
                wrong.append(f"session {session_id} made the entry {ticket['client_order_id']} at event {seq}")
    return tuple(wrong)
