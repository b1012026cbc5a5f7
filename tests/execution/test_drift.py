"""When a difference is drift, and what it is about."""

from decimal import Decimal

import pytest

from bulkhead.execution.drift import (
    Difference,
    Unbooked,
    Watch,
    changes_of,
    differences,
    position_symbol,
    scopes_of,
    watched,
)
from messages.orders import Balance
from messages.values import Side
from tests.execution.orders import venue_execution

D = Decimal
TRADED = {"BTCUSDT": ("BTC", "USDT"), "ETHUSDT": ("ETH", "USDT"), "ETHBTC": ("ETH", "BTC")}
ONLY_USDT = {symbol: assets for symbol, assets in TRADED.items() if assets[1] == "USDT"}


def balance(asset: str, free: str, locked: str = "0") -> Balance:
    return Balance(asset=asset, free=D(free), locked=D(locked))


def rounds(*steps: tuple[str, bool]) -> Watch:
    """One asset over comparisons: how much it differed by, and whether a fill in it came before."""
    watches: dict[str, Watch] = {}
    for amount, is_touched in steps:
        found = {"BTC": Difference(D(0), D(amount))}
        watches = watched(watches, found, {"BTC"} if is_touched else {"USDT"})
    return watches["BTC"]


def test_what_is_locked_counts_and_what_agrees_is_left_out() -> None:
    found = differences([balance("BTC", "1"), balance("USDT", "5")], [balance("BTC", "0.4", "0.6"), balance("X", "2")])
    assert {asset: each.amount for asset, each in found.items()} == {"USDT": D(-5), "X": D(2)}
    assert found["X"].words == "books 0, venue 2"
    assert Difference(D("98103690.000000000000"), D("0.50")).words == "books 98103690, venue 0.5"


@pytest.mark.req("X-08")
@pytest.mark.parametrize(
    ("steps", "holds_still"),
    [
        ([("1", False)], False),
        ([("1", False), ("1", False)], True),
        ([("1", False), ("1", True)], False),
        ([("1", False), ("2", False)], False),
        ([("1", False), ("1", True), ("1", False)], True),
        ([("1", False), ("1", True), ("1", True), ("1", True)], True),
        ([("1", False), ("1", False), ("1", True)], False),
    ],
    ids=["once", "twice", "a fill between", "another amount", "and then none", "four times anyway", "a fill since"],
)
def test_a_difference_is_drift_when_it_holds_still(steps: list[tuple[str, bool]], holds_still: bool) -> None:
    assert rounds(*steps).holds_still is holds_still


def test_an_asset_that_agrees_again_begins_anew() -> None:
    before = {"BTC": Watch(D(1), 3, 3)}
    assert watched(before, {}, ()) == {}


def test_what_an_execution_did_to_each_balance() -> None:
    bought = venue_execution("2", fee=D("0.002"), fee_asset="BTC")
    assert changes_of(bought, "BTC", "USDT") == {"BTC": D("1.998"), "USDT": D(-200)}
    sold = venue_execution("2", side=Side.SELL, fee=D("0.01"), fee_asset="BNB")
    assert changes_of(sold, "BTC", "USDT") == {"BTC": D(-2), "USDT": D(200), "BNB": D("-0.01")}


def by_hand(symbol: str = "ETHUSDT", **changes: str) -> Unbooked:
    return Unbooked(symbol, {asset: D(change) for asset, change in changes.items()})


@pytest.mark.parametrize(
    ("asset", "amount", "unbooked", "scopes"),
    [
        ("ETH", "1", [], {"symbol:ETHUSDT"}),
        ("USDT", "-3000", [], {"all"}),
        ("USDT", "-3000", [by_hand(ETH="1", USDT="-3000")], {"symbol:ETHUSDT"}),
        ("USDT", "-3001", [by_hand(ETH="1", USDT="-3000")], {"all"}),
        ("USDT", "-5", [by_hand(USDT="-3"), by_hand("XRPUSDT", USDT="-2")], {"symbol:ETHUSDT", "symbol:XRPUSDT"}),
        ("BNB", "-0.1", [by_hand(BNB="-0.1")], {"symbol:ETHUSDT"}),
        ("DOGE", "100", [], {"all"}),
        ("ETH", "1.5", [by_hand("XRPUSDT", ETH="1")], {"symbol:ETHUSDT", "symbol:XRPUSDT"}),
    ],
    ids=[
        "a base asset",
        "money",
        "money that was traded by hand",
        "more money than that",
        "by hand in two symbols",
        "a fee of a trade by hand",
        "an asset of no symbol",
        "half explained",
    ],
)
def test_what_a_difference_is_about(asset: str, amount: str, unbooked: list[Unbooked], scopes: set[str]) -> None:
    assert scopes_of(asset, D(amount), unbooked, ONLY_USDT) == scopes


def test_an_asset_that_is_base_here_and_money_there_is_money() -> None:
    assert scopes_of("BTC", D(1), [], TRADED) == {"all"}
    assert position_symbol("ETH", TRADED) == ("ETHBTC", "ETHUSDT")
    assert by_hand(ETH="1", USDT="-3").without({"ETH"}) == by_hand(USDT="-3")
