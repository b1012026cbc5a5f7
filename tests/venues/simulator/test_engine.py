"""The matching engine: priority, fills, money, ids, reports."""

from decimal import Decimal

import pytest

from bulkhead.venues.simulator.accounts import Account
from bulkhead.venues.simulator.engine import Engine
from bulkhead.venues.simulator.errors import Refused
from bulkhead.venues.simulator.orderbook import OrderBook
from tests.venues.simulator.kit import D, account, btc_book, btc_rules, engine, limit, market


def two(bps: str = "0", in_quote: bool = False) -> tuple[Engine, Account, Account]:
    made = engine(bps=bps, in_quote=in_quote)
    return made, account(made, USDT="1000000"), account(made, "other", USDT="1000000", BTC="100")


def balances(of: Account, asset: str) -> tuple[Decimal, Decimal]:
    return of.balance(asset).free, of.balance(asset).locked


def fills(made: Engine, of: Account) -> list[tuple[Decimal, Decimal]]:
    found = [report.fill for report in made.out.reports if report.fill is not None and report.fill.account == of.name]
    return [(fill.price, fill.quantity) for fill in found]


def test_better_price_first_then_older_order() -> None:
    made, client, other = two()
    first = made.place(other, limit("SELL", "1", "101", number="b1"))
    second = made.place(other, limit("SELL", "1", "101", number="b2"))
    best = made.place(other, limit("SELL", "1", "100", number="b3"))
    made.place(client, limit("BUY", "2.5", "102"))
    assert fills(made, client) == [(D(100), D(1)), (D(101), D(1)), (D(101), D("0.5"))]
    assert (best.status, first.status, second.status) == ("FILLED", "FILLED", "PARTIALLY_FILLED")
    assert second.leaves == D("0.5")


@pytest.mark.req("P-11")
def test_partial_fill_rests_and_is_filled_later_at_its_own_price() -> None:
    made, client, other = two()
    made.place(other, limit("SELL", "0.4", "100"))
    order = made.place(client, limit("BUY", "1", "100"))
    assert (order.status, order.filled) == ("PARTIALLY_FILLED", D("0.4"))
    made.place(other, limit("SELL", "2", "90", number="b2"))
    assert (order.status, order.filled, order.quote_filled) == ("FILLED", D(1), D(100))
    assert not client.open_orders


def test_ioc_takes_what_is_there_and_expires() -> None:
    made, client, other = two()
    made.place(other, limit("SELL", "0.4", "100"))
    order = made.place(client, limit("BUY", "1", "100", "IOC"))
    assert (order.status, order.filled) == ("EXPIRED", D("0.4"))
    assert balances(client, "USDT") == (D(1000000) - 40, D(0))
    assert made.out.reports[-1].execution_type == "EXPIRED"


@pytest.mark.parametrize(("offered", "status", "filled"), [("0.99", "EXPIRED", "0"), ("1", "FILLED", "1")])
def test_fok_fills_whole_or_not_at_all(offered: str, status: str, filled: str) -> None:
    made, client, other = two()
    made.place(other, limit("SELL", offered, "100"))
    order = made.place(client, limit("BUY", "1", "100", "FOK"))
    assert (order.status, order.filled) == (status, D(filled))
    assert client.balance("USDT").locked == 0


def test_market_order_sweeps_and_what_is_left_expires() -> None:
    made, client, other = two()
    made.place(other, limit("SELL", "1", "100"))
    made.place(other, limit("SELL", "1", "110", number="b2"))
    order = made.place(client, market("BUY", "3"))
    assert (order.status, order.filled, order.quote_filled, order.price) == ("EXPIRED", D(2), D(210), D(0))


def test_market_order_without_liquidity_expires_unfilled() -> None:
    made, client, _ = two()
    order = made.place(client, market("BUY", "3"))
    assert (order.status, order.filled) == ("EXPIRED", D(0))
    assert [report.execution_type for report in made.out.reports] == ["NEW", "EXPIRED"]


def test_a_limit_order_locks_and_a_better_price_gives_back() -> None:
    made, client, other = two()
    order = made.place(client, limit("BUY", "2", "100"))
    assert balances(client, "USDT") == (D(999800), D(200))
    made.cancel(order, "c1")
    assert balances(client, "USDT") == (D(1000000), D(0))
    made.place(other, limit("SELL", "1", "90"))
    made.place(client, limit("BUY", "2", "100", number="a2"))
    assert balances(client, "USDT") == (D(1000000) - 90 - 100, D(100))
    assert balances(client, "BTC") == (D(1), D(0))


@pytest.mark.parametrize(
    ("in_quote", "btc", "usdt", "asset"),
    [(False, "0.33308001", "999966.667", "BTC"), (True, "0.33333", "999966.64200025", "USDT")],
)
def test_commission_of_a_buy_is_taken_in_the_asset_that_is_set_rounded_down(
    in_quote: bool, btc: str, usdt: str, asset: str
) -> None:
    made, client, other = two("7.5", in_quote)
    made.place(other, limit("SELL", "1", "100"))
    made.place(client, limit("BUY", "0.33333", "100"))
    assert client.balance("BTC").free == D(btc)
    assert client.balance("USDT").free == D(usdt)
    assert {report.fill.commission_asset for report in made.out.reports if report.fill and report.fill.is_buyer} == {
        asset
    }


def test_commission_of_a_sale_is_taken_in_quote() -> None:
    made, client, other = two("10")
    made.place(client, limit("BUY", "1", "100"))
    made.place(other, limit("SELL", "1", "100"))
    assert other.balance("USDT").free == D("1000099.9")


def test_a_buy_with_commission_in_quote_can_spend_the_last_cent() -> None:
    made = engine(bps="10", in_quote=True)
    client, other = account(made, USDT="100.1"), account(made, "other", BTC="1")
    made.place(client, limit("BUY", "1", "100"))
    assert balances(client, "USDT") == (D(0), D("100.1"))
    made.place(other, limit("SELL", "1", "100"))
    assert balances(client, "USDT") == (D(0), D(0))


def test_insufficient_balance_is_refused_and_changes_nothing() -> None:
    made, client, _ = two()
    for request in (limit("BUY", "11", "100000"), limit("SELL", "1", "100"), market("SELL", "1")):
        with pytest.raises(Refused, match="insufficient balance") as refused:
            made.place(client, request)
        assert refused.value.code == -2010
    assert balances(client, "USDT") == (D(1000000), D(0))
    assert made.counters.order_id == 0
    assert not made.out.reports


def test_a_market_buy_is_checked_against_what_it_would_cost() -> None:
    made = engine()
    client, other = account(made, USDT="150"), account(made, "other", BTC="2")
    made.place(other, limit("SELL", "1", "100"))
    made.place(other, limit("SELL", "1", "101", number="b2"))
    with pytest.raises(Refused, match="insufficient balance"):
        made.place(client, market("BUY", "2"))
    assert made.place(client, market("BUY", "1")).status == "FILLED"


def test_a_client_id_is_refused_while_open_and_makes_a_second_order_after_the_fill() -> None:
    made, client, other = two()
    first = made.place(client, limit("BUY", "1", "100", number="same"))
    with pytest.raises(Refused, match="Duplicate order sent") as refused:
        made.place(client, limit("BUY", "1", "100", number="same"))
    assert refused.value.code == -2010
    made.place(other, limit("SELL", "1", "100"))
    second = made.place(client, limit("BUY", "1", "100", number="same"))
    assert first.status == "FILLED"
    assert second.order_id > first.order_id


def test_ids_rise_by_one() -> None:
    made, client, other = two()
    orders = [made.place(other, limit("SELL", "0.1", "100", number=f"b{number}")) for number in range(3)]
    made.place(client, limit("BUY", "0.3", "100"))
    assert [order.order_id for order in orders] == [1, 2, 3]
    assert [found.trade_id for found in made.out.trades] == [1, 2, 3]
    assert [report.execution_id for report in made.out.reports] == list(range(1, len(made.out.reports) + 1))


def test_reports_tell_each_change_as_it_was() -> None:
    made, client, other = two()
    made.place(other, limit("SELL", "0.4", "100"))
    made.out.clear()
    order = made.place(client, limit("BUY", "1", "100"))
    made.cancel(order, "cancel-1")
    told = [(r.execution_type, r.status, r.leaves) for r in made.out.reports if r.order is order]
    assert told == [
        ("NEW", "NEW", D(1)),
        ("TRADE", "PARTIALLY_FILLED", D("0.6")),
        ("CANCELED", "CANCELED", D("0.6")),
    ]
    assert made.out.reports[-1].cancel_id == "cancel-1"


def test_an_ended_order_cannot_be_cancelled() -> None:
    made, client, other = two()
    order = made.place(client, limit("BUY", "1", "100"))
    made.place(other, limit("SELL", "1", "100"))
    with pytest.raises(Refused, match="Unknown order sent") as refused:
        made.cancel(order, "c1")
    assert refused.value.code == -2011


def test_an_account_may_trade_with_itself() -> None:
    made = engine(bps="10")
    client = account(made, USDT="1000", BTC="1")
    made.place(client, limit("SELL", "1", "100", number="s"))
    made.place(client, limit("BUY", "1", "100", number="b"))
    assert [report.fill.trade_id for report in made.out.reports if report.fill] == [1, 1]
    assert balances(client, "BTC") == (D("0.999"), D(0))
    assert balances(client, "USDT") == (D("999.9"), D(0))


def test_open_orders_are_bounded() -> None:
    book = OrderBook(btc_rules(max_open_orders=2), 0)
    made = engine(book)
    client = account(made, USDT="1000")
    for number in range(2):
        made.place(client, limit("BUY", "1", "100", number=f"a{number}"))
    with pytest.raises(Refused, match="MAX_NUM_ORDERS"):
        made.place(client, limit("BUY", "1", "100", number="a2"))


def test_the_book_shows_levels_and_numbers_their_changes() -> None:
    book = btc_book()
    book.track_depth(is_wanted=True)
    made = engine(book)
    other = account(made, USDT="1000", BTC="9")
    made.place(other, limit("SELL", "1", "101", number="1"))
    made.place(other, limit("SELL", "2", "101", number="2"))
    order = made.place(other, limit("BUY", "1", "99", number="3"))
    assert book.depth(5) == ([(D(99), D(1))], [(D(101), D(3))])
    assert book.take_changes() == (1, [(D(99), D(1))], [(D(101), D(3))])
    made.cancel(order, "c")
    assert (book.take_changes(), book.update_id) == ((4, [(D(99), D(0))], []), 4)
    assert book.take_changes() is None
    assert book.top() == (None, D(0), D(101), D(3))
