"""Whatever is done to orders, money and shares move between accounts and fees, and rows and balance tell the same."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bulkhead.venues.simulator.accounts import ZERO, Account, Balance
from bulkhead.venues.simulator.engine import Counters, Engine
from bulkhead.venues.simulator.errors import Refused
from bulkhead.venues.simulator.fees import ShareOfOrder
from bulkhead.venues.simulator.kis.stocks import stock_rules
from bulkhead.venues.simulator.orderbook import OrderBook
from bulkhead.venues.simulator.orders import OrderRequest
from tests.venues.simulator.kis.kit import HYNIX, SAMSUNG, Kis, venue

D = Decimal
COMMISSION, TAX = D("0.00014"), D("0.0018")
OPENING = {"KRW": 50_000_000, SAMSUNG: 200, HYNIX: 100}


def costs_of(row: dict[str, str]) -> Decimal:
    """Of an order, from its running amount alone: floor(rate x amount), and for sales the tax likewise."""
    amount = D(row["tot_ccld_amt"])
    tax = amount * TAX // 1 if row["sll_buy_dvsn_cd"] == "01" else D(0)
    return amount * COMMISSION // 1 + tax


def expected(rows: list[dict[str, str]]) -> dict[str, Decimal]:
    """Balances as the rows alone tell them."""
    found = {asset: D(amount) for asset, amount in OPENING.items()}
    for row in rows:
        sign = 1 if row["sll_buy_dvsn_cd"] == "02" else -1
        found[row["pdno"]] += sign * D(row["tot_ccld_qty"])
        found["KRW"] -= sign * D(row["tot_ccld_amt"]) + costs_of(row)
    return found


def act(kis: Kis, rng: Random, known: list[str]) -> None:
    symbol, reference = rng.choice([(SAMSUNG, 70_000), (HYNIX, 130_000)])
    price = reference + 100 * rng.randint(-30, 30)
    what = rng.random()
    if what < 0.55 or not known:
        division = rng.choice(["00", "00", "00", "01", "11", "12", "13", "14"])
        side, quantity = rng.choice(["buy", "sell"]), rng.randint(1, 40)
        answer = kis.order(side, quantity, price if division in ("00", "11", "12") else 0, symbol, division)
        if answer.json()["rt_cd"] == "0":
            known.append(answer.json()["output"]["ODNO"])
    elif what < 0.65:
        kis.cancel(rng.choice(known), rng.choice([0, 0, 3]))
    elif what < 0.75:
        answer = kis.amend(rng.choice(known), price, rng.choice([0, 0, 2]))
        if answer.json()["rt_cd"] == "0":
            known.append(answer.json()["output"]["ODNO"])
    elif what < 0.9:
        kis.http.post("/sim/fill", json={"order_id": rng.choice(known), "quantity": rng.randint(1, 20)})
    else:
        kis.http.post("/sim/trade", json={"symbol": symbol, "is_buy": rng.random() < 0.5, "quantity": 5})


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rows_and_balances_tell_the_same_of_random_orders(seed: int) -> None:
    rng, known = Random(seed), list[str]()
    made: dict[str, Any] = {"commission_rate": str(COMMISSION), "sell_tax_rate": str(TAX), "balances": OPENING}
    with venue(**made) as (_, kis):
        for _ in range(250):
            act(kis, rng, known)
        rows = kis.rows()
        for row in rows:
            parts = ("tot_ccld_qty", "rmn_qty", "cncl_cfrm_qty", "rjct_qty")
            assert int(row["ord_qty"]) == sum(int(row[name]) for name in parts), row
        assert sum(int(row["tot_ccld_qty"]) for row in rows) > 100
        told = expected(rows)
        held, cash = kis.held(), kis.cash()
        assert D(cash["prvs_rcdl_excc_amt"]) == told["KRW"]
        for symbol in (SAMSUNG, HYNIX):
            assert D(held.get(symbol, {}).get("hldg_qty", "0")) == told[symbol]
        booked = {asset: D(amount) for asset, amount in kis.books()["accounts"]["client"].items()}
        assert {asset: amount for asset, amount in booked.items() if amount} == told
        assert D(kis.books()["fees"]["KRW"]) == sum(costs_of(row) for row in rows)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["place", "place", "place", "cancel", "reduce", "replace", "print"]),
        st.integers(0, 1),
        st.booleans(),
        st.integers(1, 60),
        st.integers(690, 710),
    ),
    max_size=50,
)


def total(made: Engine, accounts: list[Account], asset: str) -> Decimal:
    held = sum((of.balance(asset).free + of.balance(asset).locked for of in (*accounts, made.external)), ZERO)
    return held + made.fees.get(asset, ZERO)


@hypothesis_settings(max_examples=100)
@given(steps=STEPS, rate=st.sampled_from(["0", "0.00015", "0.033"]), tax=st.sampled_from(["0", "0.002"]))
def test_nothing_is_made_or_lost_and_costs_do_not_depend_on_steps(
    steps: list[tuple[str, int, bool, int, int]], rate: str, tax: str
) -> None:
    fees = ShareOfOrder(D(rate), D(tax))
    book = OrderBook(stock_rules(1_000)[SAMSUNG], 0)
    made = Engine({SAMSUNG: book}, ZERO, True, Counters(), fees=fees, check=lambda *_: None)
    accounts = [Account("one"), Account("two")]
    for of in accounts:
        of.balances = {"KRW": Balance(D(5_000_000)), SAMSUNG: Balance(D(100))}
    before = {asset: total(made, accounts, asset) for asset in ("KRW", SAMSUNG)}
    for number, (what, who, is_buy, size, hundreds) in enumerate(steps):
        of, quantity, price = accounts[who], D(size), D(hundreds * 100)
        mine = next(iter(of.open_orders.values()), None)
        request = OrderRequest(SAMSUNG, is_buy, "LIMIT", "GTC", quantity, price, f"n{number}")
        try:
            if what == "place":
                made.place(of, request)
            elif mine is not None and what == "cancel":
                made.cancel(mine, "")
            elif mine is not None and what == "reduce" and quantity < mine.leaves:
                made.reduce(mine, quantity)
            elif mine is not None and what == "replace" and made.can_replace(mine, mine.leaves, price):
                left, side = mine.leaves, mine.is_buy
                made.cancel(mine, "")
                made.place(of, OrderRequest(SAMSUNG, side, "LIMIT", "GTC", left, price, f"n{number}"))
            elif mine is not None and what == "print":
                made.fill_resting(book, mine, min(mine.leaves, quantity))
        except Refused:
            assert what == "place", "what can be replaced is never refused"
        assert {asset: total(made, accounts, asset) for asset in ("KRW", SAMSUNG)} == before
        for each in accounts:
            for asset, side in (("KRW", True), (SAMSUNG, False)):
                locked = sum((order.locked for order in each.open_orders.values() if order.is_buy is side), ZERO)
                assert each.balance(asset).locked == locked
                assert each.balance(asset).free >= 0
    amounts = {report.order: report.order.quote_filled for report in made.out.reports}
    owed = sum((fees.of_order(amount, order.is_buy) for order, amount in amounts.items()), ZERO)
    assert made.fees.get("KRW", ZERO) == owed
