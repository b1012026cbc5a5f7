"""The fill models, one rule per test."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bulkhead.venues import krx
from bulkhead.venues.paper.book_model import BookFillModel
from bulkhead.venues.paper.executor import rules_of
from bulkhead.venues.paper.factory import ExecutorFactory, make_model
from bulkhead.venues.paper.market import Market, Rung, Slice
from bulkhead.venues.paper.settings import FillSettings
from bulkhead.venues.paper.simple_model import SimpleFillModel
from bulkhead.venues.simulator.errors import Refused
from bulkhead.venues.simulator.filters import check_filters
from bulkhead.venues.simulator.orders import GTC, LIMIT, OrderRequest
from messages.instruments import Instrument
from tests.venues.paper.kit import LOT, OFF, OFF_BOOK, SYMBOL, TICK, D, asked, instrument, market

THREE = market(
    bids=(("99.99", "1"), ("99.98", "2"), ("99.90", "4")), asks=(("100.01", "1"), ("100.02", "2"), ("100.10", "4"))
)


def simple(**settings: object) -> SimpleFillModel:
    return SimpleFillModel(FillSettings.model_validate(settings), SYMBOL)


def walking(**settings: object) -> BookFillModel:
    return BookFillModel(FillSettings.model_validate({"fill_model": "book", **settings}), SYMBOL)


def mean(slices: tuple[Slice, ...]) -> Decimal:
    return sum(s.price * s.quantity for s in slices) / sum(s.quantity for s in slices)  # type: ignore[return-value]


# -- simple -----------------------------------------------------------------------------------------------------------


@pytest.mark.req("D-02")
@pytest.mark.parametrize("settings", [OFF, OFF_BOOK], ids=["simple", "book"])
@pytest.mark.parametrize("quantity", ["0.001", "2", "500"])
def test_with_everything_off_an_order_fills_at_once_whole_and_at_the_price(
    settings: FillSettings, quantity: str
) -> None:
    model = make_model(settings, SYMBOL)
    assert model.take(asked(quantity), THREE) == (Slice(D("100.01"), D(quantity)),)
    assert model.take(asked(quantity, is_buy=False), THREE) == (Slice(D("99.99"), D(quantity)),)
    assert model.latency_ns(1) == 0
    assert model.queue_ahead(asked("1", limit="99.99"), THREE) == 0


def test_the_fill_ratio_is_what_is_available_of_what_is_asked() -> None:
    assert simple(slippage=False).take(asked("4"), market()) == (Slice(D("100.01"), D(2)),)
    assert simple(slippage=False, partial_fills=False).take(asked("4"), market()) == (Slice(D("100.01"), D(4)),)


def test_where_no_quantity_is_stated_twice_the_order_is_available() -> None:
    unknown = Market(D("0.0001"), LOT, asks=(Rung(D(100), None),))
    # Half of what is available is taken: alpha x 1/2 = 0.5 bps of 100.
    assert simple().take(asked("7"), unknown) == (Slice(D("100.0050"), D(7)),)
    assert simple(assumed_volume_ratio="0.5").take(asked("7"), unknown)[0].quantity == D("3.5")


def test_slippage_is_alpha_times_impact_rounded_against_the_order() -> None:
    (bought,) = simple(alpha="0.001").take(asked("1"), market())
    assert bought.price == D("100.07"), "100.01 x (1 + 0.001 x 1/2) = 100.060005, up to the tick"
    (sold,) = simple(alpha="0.001").take(asked("1", is_buy=False), market())
    assert sold.price == D("99.94"), "99.99 x (1 - 0.0005) = 99.940005, down to the tick"
    (limited,) = simple(alpha="0.001").take(asked("1", limit="100.03"), market())
    assert limited.price == D("100.03"), "a limit holds whatever slips"


def test_an_order_that_does_not_reach_the_market_takes_nothing() -> None:
    for model in (simple(), walking()):
        assert model.take(asked("1", limit="100.00"), market()) == ()
        assert model.take(asked("1", limit="100.00", is_buy=False), market()) == ()
        assert model.take(asked("1"), market(asks=())) == ()


def test_orders_fail_as_often_as_they_are_told_to() -> None:
    luckless = simple(fail_rate="0.25")
    filled = [bool(luckless.take(asked("1", number=number), market())) for number in range(2_000)]
    assert 0.70 < sum(filled) / len(filled) < 0.80
    assert filled == [bool(luckless.take(asked("1", number=number), market())) for number in range(2_000)]
    assert all(simple(fail_rate="1", failed_fills=False).take(asked("1", number=n), market()) for n in range(50))


def test_a_crowd_takes_up_to_its_share() -> None:
    quantities = {simple(crowding_share="0.5").take(asked("2", number=n), market())[0].quantity for n in range(200)}
    assert D(1) <= min(quantities) < D("1.1")
    assert D("1.9") < max(quantities) <= D(2)


def test_less_than_a_lot_fails_or_is_a_lot() -> None:
    crumbs = market(asks=(("100.01", "0.0004"),))
    assert simple().take(asked("1"), crumbs) == ()
    assert [s.quantity for s in simple(failed_fills=False).take(asked("1"), crumbs)] == [LOT]


# -- book -------------------------------------------------------------------------------------------------------------


@pytest.mark.req("D-07")
def test_a_walk_takes_each_level_and_pays_their_mean() -> None:
    bought = walking(alpha="0").take(asked("4"), THREE)
    assert bought == (Slice(D("100.01"), D(1)), Slice(D("100.02"), D(2)), Slice(D("100.10"), D(1)))
    assert mean(bought) == (D("100.01") + 2 * D("100.02") + D("100.10")) / 4
    assert walking(alpha="0").take(asked("4", limit="100.02"), THREE) == bought[:2]
    assert sum(s.quantity for s in walking(alpha="0").take(asked("100"), THREE)) == 7
    whole = walking(alpha="0", partial_fills=False).take(asked("100"), THREE)
    assert whole[-1] == Slice(D("100.10"), D(97)), "what nobody displays goes at the last price"


@pytest.mark.req("D-07")
def test_impact_grows_with_a_power_of_the_share_taken() -> None:
    deep = Market(D("0.0001"), LOT, asks=(Rung(D(100), D(100)),))

    def slipped(quantity: str, exponent: str) -> Decimal:
        return walking(alpha="0.01", impact_exponent=exponent).take(asked(quantity), deep)[0].price - 100

    assert (slipped("1", "0.5"), slipped("4", "0.5")) == (D("0.1"), D("0.2")), "twice as much for four times the size"
    assert (slipped("10", "2"), slipped("20", "2")) == (D("0.01"), D("0.04"))


def test_a_resting_order_joins_the_queue_at_its_price() -> None:
    model = walking()
    assert model.queue_ahead(asked("1", limit="99.98"), THREE) == 2
    assert model.queue_ahead(asked("1", limit="100.00"), THREE) == 0, "it would be the best"
    assert model.queue_ahead(asked("1", limit="99.95"), THREE) == 0, "nobody is displayed there"
    assert model.queue_ahead(asked("1", limit="90.00"), THREE) == 4, "deeper than displayed: as on the last level"
    assert walking(queue_position=False).queue_ahead(asked("1", limit="99.98"), THREE) == 0


def test_a_queue_moves_with_prints_and_cancels() -> None:
    order = asked("1", limit="99.98")
    model = walking()
    assert model.printed(order, D(2), Slice(D("99.98"), D("1.5"))) == (D(0), D("0.5"))
    assert model.printed(order, D("0.5"), Slice(D("99.98"), D("0.7"))) == (D("0.2"), D(0))
    assert model.printed(order, D(2), Slice(D("99.97"), D("0.4"))) == (D("0.4"), D(2)), "a print beyond passed it over"
    assert model.printed(order, D(0), Slice(D("99.99"), D(5))) == (D(0), D(0))
    assert model.queue_left(order, D(2), market(bids=(("99.98", "0.3"),))) == D("0.3")
    assert model.queue_left(order, D(2), market(bids=(("99.98", "9"),))) == 2, "who joins later stands behind"
    assert model.queue_left(order, D(2), market(bids=(("99.99", "9"), ("99.90", "1")))) == 0
    assert model.queue_left(order, D(2), market(bids=(("99.99", "9"),))) == 2, "it cannot be seen"


def test_latency_lies_between_its_bounds_and_comes_from_the_seed() -> None:
    model = walking(latency_ms=5, latency_jitter_ms=10)
    spans = [model.latency_ns(number) for number in range(300)]
    assert 5_000_000 <= min(spans) < 5_200_000
    assert 14_800_000 < max(spans) <= 15_000_000
    assert spans == [walking(latency_ms=5, latency_jitter_ms=10).latency_ns(number) for number in range(300)]
    assert spans != [walking(latency_ms=5, latency_jitter_ms=10, seed=2).latency_ns(number) for number in range(300)]


# -- the factory ------------------------------------------------------------------------------------------------------


@pytest.mark.req("D-01")
def test_one_executor_for_each_symbol_when_it_is_first_needed() -> None:
    rules = {symbol: rules_of(instrument(symbol)) for symbol in (SYMBOL, "ETHUSDT")}
    factory = ExecutorFactory(FillSettings(fill_model="book"), rules)
    assert not list(factory.made)
    first = factory[SYMBOL]
    assert list(factory.made) == [first]
    assert factory[SYMBOL] is first
    assert isinstance(first.model, BookFillModel)
    assert isinstance(ExecutorFactory(FillSettings(), rules)[SYMBOL].model, SimpleFillModel)
    assert factory.get("NONEUSDT") is None
    assert first.rules.tick_size == TICK


def test_rules_that_would_not_be_exact_are_refused() -> None:
    with pytest.raises(ValueError, match="exact"):
        rules_of(instrument(tick="0.000001", lot="0.0001"))


def test_where_the_tick_grows_with_the_price_slippage_ends_on_the_tick_of_its_band() -> None:
    bands = krx.TICK_BANDS
    shown = Market(D(1), D(1), (Rung(D(20_000), D(10)),), (Rung(D(19_990), D(10)),), bands)
    slipped = simple(alpha="0.001").take(asked("10"), shown)
    assert slipped == (Slice(D(20_050), D(10)),), "0.1 % above 19,990 are 20,009.99, in the band of 50"
    slipped = simple(alpha="0.001").take(asked("10", is_buy=False), shown)
    assert slipped == (Slice(D(19_980), D(10)),), "and 0.1 % below 20,000 are 19,980, in the band of 10"
    assert rules_of(krx_share()).tick_at(D(70_000)) == 100


def krx_share() -> Instrument:
    return instrument("005930", "1", "1").model_copy(update={"quote_asset": "KRW", "tick_bands": krx.TICK_BANDS})


def test_an_order_off_the_tick_of_its_band_is_refused_by_the_filters() -> None:
    rules = rules_of(krx_share())
    fitting = OrderRequest("005930", True, LIMIT, GTC, D(1), D(70_100), "x")
    check_filters(rules, fitting, None)
    with pytest.raises(Refused, match="PRICE_FILTER"):
        check_filters(rules, replace(fitting, price=D(70_150)), None)
