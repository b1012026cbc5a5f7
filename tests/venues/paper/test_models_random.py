"""Any market, any order, any settings: what a model may never do."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bulkhead.venues.paper.factory import make_model
from bulkhead.venues.paper.market import Asked, Display, Market, Rung, Slice
from bulkhead.venues.paper.settings import FillSettings
from messages.market import Quote
from tests.venues.paper.kit import LOT, SYMBOL, TICK, D, quote

shares = st.integers(0, 10_000).map(lambda n: Decimal(n) / 10_000)
quantities = st.integers(1, 50_000).map(lambda n: n * LOT)
crumbs = st.integers(1, 500_000_000).map(lambda n: Decimal(n).scaleb(-7))


@st.composite
def fill_settings(draw: st.DrawFn) -> FillSettings:
    switch = st.booleans()
    return FillSettings(
        fill_model=draw(st.sampled_from(("simple", "book"))),
        seed=draw(st.integers(0, 99)),
        partial_fills=draw(switch),
        failed_fills=draw(switch),
        slippage=draw(switch),
        queue_position=draw(switch),
        alpha=draw(shares),
        impact_exponent=draw(st.integers(1, 40).map(lambda n: Decimal(n) / 10)),
        fail_rate=draw(shares),
        crowding_share=draw(shares),
    )


@st.composite
def markets(draw: st.DrawFn) -> Market:
    middle = draw(st.integers(200, 2_000_000))
    sides = []
    for direction in (-1, +1):
        steps = draw(st.lists(st.integers(1, 20), max_size=6))
        ticks, rungs = middle, []
        for step in steps:
            ticks += direction * step
            rungs.append(Rung(ticks * TICK, draw(crumbs)))
        sides.append(tuple(rung for rung in rungs if rung.price > 0))
    bids, asks = sides
    return Market(TICK, LOT, bids, asks)


@st.composite
def orders(draw: st.DrawFn, near: Market) -> Asked:
    prices = [rung.price for rung in (*near.bids, *near.asks)] or [D(100)]
    away = draw(st.integers(-30, 30)) * TICK
    limit = draw(st.one_of(st.none(), st.sampled_from(prices).map(lambda price: max(TICK, price + away))))
    return Asked(draw(st.integers(1, 10**9)), draw(st.booleans()), draw(quantities), limit)


@given(st.data())
def test_what_a_model_takes(data: st.DataObject) -> None:
    settings, market = data.draw(fill_settings()), data.draw(markets())
    order = data.draw(orders(market))
    taken = make_model(settings, SYMBOL).take(order, market)

    filled = sum((part.quantity for part in taken), D(0))
    assert filled <= order.quantity
    met = [rung for rung in market.against(order.is_buy) if order.accepts(rung.price)]
    if settings.partial_fills and settings.failed_fills:
        within = met if settings.fill_model == "book" else met[:1]
        assert filled <= sum((rung.quantity or D(0) for rung in within), D(0)), "no more than is displayed"
    for part in taken:
        assert part.quantity > 0
        assert part.quantity % LOT == 0
        assert part.price > 0
        assert part.price % TICK == 0
        assert order.accepts(part.price)
        touch = met[0].price
        assert part.price >= touch if order.is_buy else part.price <= touch
        assert settings.slippage or part.price == touch
    if not settings.partial_fills and not settings.failed_fills and met:
        assert filled == order.quantity
    assert taken == make_model(settings, SYMBOL).take(order, market), "same seed, same fills"


@given(st.data())
def test_what_a_resting_order_gets(data: st.DataObject) -> None:
    settings, market = data.draw(fill_settings()), data.draw(markets())
    order, ahead = data.draw(orders(market)), data.draw(st.one_of(st.just(D(0)), crumbs))
    if order.limit is None:
        return
    model = make_model(settings, SYMBOL)
    print_at = Slice(max(TICK, order.limit + data.draw(st.integers(-3, 3)) * TICK), data.draw(quantities))
    traded, ahead_after = model.printed(order, ahead, print_at)
    assert 0 <= traded <= order.quantity
    assert 0 <= ahead_after <= ahead
    if settings.partial_fills:
        assert traded <= print_at.quantity
        assert traded + (ahead - ahead_after) <= print_at.quantity, "a print trades once"
    if traded:
        assert order.accepts(print_at.price)
    assert 0 <= model.queue_left(order, ahead, market) <= ahead
    assert 0 <= model.touched(order, market) <= order.quantity
    if not any(order.accepts(rung.price) for rung in market.against(order.is_buy)):
        assert model.touched(order, market) == 0


@given(st.lists(st.tuples(quantities, st.booleans()), min_size=1, max_size=20))
def test_orders_against_one_display_never_take_more_than_it_showed(takes: list[tuple[Decimal, bool]]) -> None:
    display = Display(TICK, LOT)
    shown: Quote = quote("99.99", "100.01", "5", "7")
    display.show(shown)
    model = make_model(FillSettings(slippage=False), SYMBOL)
    total = {True: D(0), False: D(0)}
    for number, (quantity, is_buy) in enumerate(takes):
        taken = model.take(Asked(number, is_buy, quantity, None), display.market)
        display.take(is_buy, taken)
        total[is_buy] += sum((part.quantity for part in taken), D(0))
    wanted = {side: sum((quantity for quantity, is_buy in takes if is_buy is side), D(0)) for side in (True, False)}
    assert total == {True: min(wanted[True], D(7)), False: min(wanted[False], D(5))}
    display.show(quote("99.98", "100.01", "5", "7"))
    left = display.market.asks[0].quantity if display.market.asks else D(0)
    assert left == 7 - total[True], "the same quantity shown again is what we took some of"
    display.show(quote("99.98", "100.01", "5", "8"))
    assert display.market.asks[0].quantity == 8, "another quantity is news"
