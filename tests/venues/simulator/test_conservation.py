"""Property: whatever orders are placed and cancelled, assets move between accounts and fees, none is made or lost."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from bulkhead.venues.simulator.accounts import ZERO, Account
from bulkhead.venues.simulator.engine import Engine
from bulkhead.venues.simulator.errors import Refused
from bulkhead.venues.simulator.orders import OrderRequest
from bulkhead.venues.simulator.tape_book import TapeBook
from tests.venues.simulator.kit import D, account, bac_book, btc_book, engine

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["place", "place", "place", "cancel", "show", "print"]),
        st.integers(0, 1),
        st.booleans(),
        st.sampled_from(["LIMIT", "LIMIT", "MARKET"]),
        st.sampled_from(["GTC", "GTC", "IOC", "FOK"]),
        st.integers(1, 500),
        st.integers(95, 105),
    ),
    max_size=60,
)


def total(made: Engine, accounts: list[Account], asset: str) -> Decimal:
    held = sum((of.balance(asset).free + of.balance(asset).locked for of in (*accounts, made.external)), ZERO)
    return held + made.fees.get(asset, ZERO)


def check_locks(made: Engine, accounts: list[Account], base: str, quote: str) -> None:
    for of in accounts:
        for asset, is_buy in ((quote, True), (base, False)):
            held = sum((order.locked for order in of.open_orders.values() if order.is_buy is is_buy), ZERO)
            assert of.balance(asset).locked == held
            assert of.balance(asset).free >= 0
        assert set(of.open_by_client_id.values()) == set(of.open_orders.values())


@settings(max_examples=150)
@given(actions=ACTIONS, bps=st.sampled_from(["0", "7.5", "10"]), in_quote=st.booleans(), on_tape=st.booleans())
def test_sum_of_balances_and_fees_is_constant(
    actions: list[tuple[str, int, bool, str, str, int, int]], bps: str, in_quote: bool, on_tape: bool
) -> None:
    book = bac_book() if on_tape else btc_book()
    base, quote, step = book.rules.base, book.rules.quote, book.rules.step_size
    made = engine(book, bps, in_quote)
    accounts = [account(made, name, **{base: "2000", quote: "200000"}) for name in ("one", "two")]
    before = {asset: total(made, accounts, asset) for asset in (base, quote)}
    for number, (action, who, is_buy, kind, tif, size, price) in enumerate(actions):
        of, quantity = accounts[who], size * step * (1 if on_tape else 10_000)
        if action == "cancel":
            for order in list(of.open_orders.values())[:1]:
                made.cancel(order, f"c{number}")
        elif action == "place":
            limit_price = D(price) if kind == "LIMIT" else None
            request = OrderRequest(
                book.rules.symbol, is_buy, kind, tif if limit_price else "GTC", quantity, limit_price, f"a{number}"
            )
            try:
                made.place(of, request)
            except Refused:
                continue
        elif isinstance(book, TapeBook):
            if action == "show":
                book.show("Q", is_buy, D(price), D(size), made.next_sequence())
            else:
                for order, filled in book.fills_by_print(D(price), D(size)):
                    made.fill_resting(book, order, filled)
        assert {asset: total(made, accounts, asset) for asset in (base, quote)} == before
        check_locks(made, accounts, base, quote)
