"""What an entry rests on beside the amounts: tables, the age of the portfolio, data, pauses and windows; and exits."""

from decimal import Decimal
from typing import Any

import pytest

from bulkhead.risk.exposure import EMPTY, noted, rebuilt, reserve
from bulkhead.risk.health import NOTHING_TOLD, HealthBoard, told
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.pretrade_market import expected_slippage_bps
from bulkhead.risk.verdict import Passed, Refused
from messages.codes import ErrorCode
from messages.intents import IntentWaits
from messages.market_health import DataHealth, DataSource, SymbolHealth
from messages.trading_day import Hours, utc_day
from messages.values import IntentType, MarketSnapshot, OrderStatus, Side
from tests.execution.orders import market, order
from tests.risk.portfolios import NS_PER_S, T0, D, exit_intent, intent, portfolio, position
from tests.risk.test_pretrade import MAJORS, ask, refused, reserved

# -- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.code("RISK_VALUE_MISSING")
@pytest.mark.parametrize(
    ("limits", "name"),
    [
        ({"max_sector_exposure": 10_000, "sectors": {"ETHUSDT": "majors"}}, "sectors"),
        ({"max_adv_share": "0.5", "adv_notional": {"ETHUSDT": 10**9}}, "adv_notional"),
        ({"currency": "KRW"}, "currency"),
    ],
)
def test_a_value_that_a_limit_needs_and_nobody_gave_is_refused_by_its_name(limits: dict[str, Any], name: str) -> None:
    outcome = refused(ask(intent(), RiskLimits.model_validate(limits)))
    assert (outcome.code, outcome.limit_name) == (ErrorCode.RISK_VALUE_MISSING, name)


def test_what_has_no_sector_counts_in_every_sector() -> None:
    limits = RiskLimits.model_validate({"max_sector_exposure": 10_000, "sectors": MAJORS})
    held = portfolio(position("99.5", symbol="OLDUSDT"))
    assert refused(ask(intent(), limits, portfolio=held)).code is ErrorCode.RISK_SECTOR_EXPOSURE
    other = portfolio(position("99.5", symbol="XRPUSDT"))
    assert isinstance(ask(intent(), limits, portfolio=other), Passed)


def test_the_net_counts_entries_in_flight_on_its_own_side_only() -> None:
    limits = RiskLimits(max_net_exposure=D(500))
    both = reserve(reserved("400", "ETHUSDT", Side.SELL), intent(8, symbol="XRPUSDT"), D(300))
    assert isinstance(ask(intent(limit_price=D(100)), limits, exposure=both), Passed)
    short = intent(side=Side.SELL, limit_price=D(100), quantity=D(2))
    assert refused(ask(short, limits, exposure=both)).code is ErrorCode.RISK_NET_EXPOSURE


# -- the portfolio's age, marks, slippage ---------------------------------------------------------------------------


@pytest.mark.code("RISK_PORTFOLIO_STALE")
@pytest.mark.parametrize(("age_s", "passes"), [(30, True), (30.001, False), (-30, True), (-30.001, False)])
def test_a_portfolio_that_is_old_or_from_the_future_refuses(age_s: float, passes: bool) -> None:
    outcome = ask(intent(), portfolio=portfolio(at_ns=T0 - int(age_s * NS_PER_S)))
    assert isinstance(outcome, Passed) is passes
    if isinstance(outcome, Refused):
        assert outcome.code is ErrorCode.RISK_PORTFOLIO_STALE


def test_the_higher_of_mark_and_market_counts() -> None:
    limits = RiskLimits(max_symbol_exposure=D(350), max_order_notional=D(200))
    held = portfolio(position("2"))
    assert isinstance(ask(intent(), limits, portfolio=held, marks={"BTCUSDT": D(90)}), Passed)
    outcome = refused(ask(intent(), limits, portfolio=held, marks={"BTCUSDT": D(130)}))
    assert outcome.code is ErrorCode.RISK_SYMBOL_EXPOSURE


BOOK = MarketSnapshot(
    symbol="BTCUSDT", bid=D(99), bid_quantity=D(5), ask=D(101), ask_quantity=D(2), last=D(100), event_time_ns=T0
)


@pytest.mark.req("S-08")
@pytest.mark.parametrize(
    ("market_then", "side", "quantity", "bps"),
    [
        (BOOK, Side.BUY, "2", "100"),
        (BOOK, Side.BUY, "2.1", "200"),  # half of it one spread further
        (BOOK, Side.BUY, "6", "300"),
        (BOOK, Side.SELL, "5", "100"),
        (BOOK.model_copy(update={"ask_quantity": None}), Side.BUY, "999", "100"),
        (BOOK.model_copy(update={"ask_quantity": D(0)}), Side.BUY, "1", "777"),
        (BOOK.model_copy(update={"bid": None, "ask": None}), Side.BUY, "1", "777"),
    ],
)
def test_what_a_market_order_must_be_expected_to_slip(
    market_then: MarketSnapshot, side: Side, quantity: str, bps: str
) -> None:
    found, why = expected_slippage_bps(D(quantity), side.sign, market_then, D(777))
    assert found == D(bps)
    assert why


def test_a_market_order_into_a_thin_book_is_refused() -> None:
    limits = RiskLimits(max_order_slippage_bps=D(250), max_spread_bps=D(300))
    assert isinstance(ask(intent(quantity=D(4), market=BOOK), limits), Passed)
    outcome = refused(ask(intent(quantity=D("4.1"), market=BOOK), limits))
    assert outcome.code is ErrorCode.RISK_ORDER_SLIPPAGE


@pytest.mark.parametrize("name", ["last", "bid", "bid_quantity", "ask", "ask_quantity"])
@pytest.mark.parametrize("bad", [Decimal("NaN"), Decimal("Infinity")])
def test_no_number_of_a_quote_may_be_impossible(name: str, bad: Decimal) -> None:
    odd = BOOK.model_copy(update={name: bad})
    wish = intent(limit_price=D(100)).model_copy(update={"market": odd})
    assert refused(ask(wish, RiskLimits(max_spread_bps=D(300)))).code is ErrorCode.NUMBER_IMPOSSIBLE


# -- data quality -----------------------------------------------------------------------------------------------------


def health(feed: str = "feed", at_ns: int = T0, **changes: Any) -> DataHealth:
    fields: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "source": DataSource.FEED,
        "age_s": 0.1,
        "lag_ms": 5.0,
        "ticks": 500,
        "late": 0,
        "duplicates": 0,
        "gaps": 0,
        "is_sound": True,
    }
    return DataHealth(feed=feed, symbols=(SymbolHealth.model_construct(**{**fields, **changes}),), at_ns=at_ns)


def board(*told_: DataHealth) -> HealthBoard:
    found = NOTHING_TOLD
    for each in told_:
        found = told(found, each)
    return found


@pytest.mark.code("RISK_DATA_UNSOUND")
@pytest.mark.parametrize(
    ("known", "passes"),
    [
        (board(), True),
        (board(health()), True),
        (board(health(is_sound=False)), False),
        (board(health(), health(is_sound=False)), False),  # the latest word of a feed counts
        (board(health(is_sound=False), health("other")), True),
        (board(health(symbol="ETHUSDT")), False),
        (board(health(at_ns=T0 - 60 * NS_PER_S)), True),
        (board(health(at_ns=T0 - 60 * NS_PER_S - 1)), False),
        (board(health(at_ns=T0 + 61 * NS_PER_S)), False),
        (board(health(age_s=float("nan"))), False),
        (board(health(lag_ms=float("inf"))), False),
        (board(health(gaps=-1)), False),
    ],
)
def test_an_entry_rests_on_sound_data_only(known: HealthBoard, passes: bool) -> None:
    outcome = ask(intent(), health=known)
    assert isinstance(outcome, Passed) is passes
    if isinstance(outcome, Refused):
        assert outcome.code is ErrorCode.RISK_DATA_UNSOUND
    assert isinstance(ask(exit_intent(), health=known, portfolio=portfolio(position("5"))), Passed)


@pytest.mark.parametrize(
    ("source", "age_s", "passes"),
    [
        (DataSource.FEED, 10, True),
        (DataSource.FEED, 11, False),
        (DataSource.SNAPSHOT, 45, True),
        (DataSource.SNAPSHOT, 46, False),
        (DataSource.BROKER, 45, True),
        (DataSource.SNAPSHOT, -46, False),
        (DataSource.NONE, 11, False),
    ],
)
def test_a_market_may_be_as_old_as_its_source_lets_it_become(source: DataSource, age_s: int, passes: bool) -> None:
    """Quotes that are asked for every 30 s would else never be young enough, and REDUCED would be no trading."""
    seen = market(at_ns=T0 - age_s * NS_PER_S).model_copy(update={"source": source.value})
    outcome = ask(intent(market=seen))
    assert isinstance(outcome, Passed) is passes
    if isinstance(outcome, Refused):
        assert outcome.code is ErrorCode.MARKET_STALE


def test_how_old_a_fallback_may_become_is_told_by_how_often_it_is_asked() -> None:
    seen = market(at_ns=T0 - 16 * NS_PER_S).model_copy(update={"source": DataSource.SNAPSHOT.value})
    outcome = refused(ask(intent(market=seen), max_fallback_age_s=15.0))
    assert (outcome.code, outcome.limit) == (ErrorCode.MARKET_STALE, "15")
    assert refused(ask(intent(market=seen), max_fallback_age_s=5.0)).limit == "10", "no stricter than for the feed"


# -- when -------------------------------------------------------------------------------------------------------------


@pytest.mark.code("RISK_HISTORY_MISSING")
def test_before_the_day_was_read_back_no_entry_is_made() -> None:
    assert refused(ask(intent(), is_restored=False)).code is ErrorCode.RISK_HISTORY_MISSING
    assert isinstance(ask(exit_intent(), is_restored=False, portfolio=portfolio(position("5"))), Passed)


@pytest.mark.code("RISK_COOLDOWN")
@pytest.mark.req("S-08")
def test_a_pause_after_losses_is_for_one_strategy_and_ends_on_time() -> None:
    until = {"trend": T0 + 1}
    assert refused(ask(intent(), resting_until_ns=until)).code is ErrorCode.RISK_COOLDOWN
    assert isinstance(ask(intent(), resting_until_ns={"trend": T0}), Passed)
    assert isinstance(ask(intent(strategy_id="other"), resting_until_ns=until), Passed)


@pytest.mark.code("RISK_TIME_WINDOW")
@pytest.mark.req("S-08")
@pytest.mark.parametrize(
    ("since_s", "passes"),
    [(-1, False), (0, False), (299.9, False), (300, True), (3_480, True), (3_480.1, False), (3_601, False)],
)
def test_no_entry_in_the_first_and_last_minutes_of_a_session(since_s: float, passes: bool) -> None:
    opens_ns = T0 - int(since_s * NS_PER_S)
    day = utc_day(T0)._replace(has_sessions=True, session=Hours(opens_ns, opens_ns + 3_600 * NS_PER_S))
    limits = RiskLimits(no_entry_first_s=300, no_entry_last_s=120)
    outcome = ask(intent(), limits, today=day)
    assert isinstance(outcome, Passed) is passes
    if isinstance(outcome, Refused):
        assert outcome.code is ErrorCode.RISK_TIME_WINDOW
    assert isinstance(ask(exit_intent(), limits, today=day, portfolio=portfolio(position("5"))), Passed)


def test_without_hours_a_window_refuses() -> None:
    assert refused(ask(intent(), RiskLimits(no_entry_last_s=60))).code is ErrorCode.RISK_TIME_WINDOW


# -- exits by quantity ------------------------------------------------------------------------------------------------


def exiting(quantity: str, number: int = 1, **changes: Any) -> Any:
    fields = {"intent_type": IntentType.EXIT_PARTIAL, **changes}
    return intent(number, side=Side.SELL, quantity=D(quantity), **fields)


@pytest.mark.code("EXIT_EXCEEDS_POSITION")
@pytest.mark.parametrize(
    ("held", "side", "quantity", "code"),
    [
        ("5", Side.SELL, "5", None),
        ("5", Side.SELL, "5.001", ErrorCode.EXIT_EXCEEDS_POSITION),
        ("5", Side.BUY, "1", ErrorCode.NOTHING_TO_EXIT),
        ("-5", Side.BUY, "5", None),
        ("-5", Side.BUY, "6", ErrorCode.EXIT_EXCEEDS_POSITION),
        ("0", Side.SELL, "1", ErrorCode.NOTHING_TO_EXIT),
    ],
)
def test_an_exit_may_not_flip_or_enlarge_what_is_held(
    held: str, side: Side, quantity: str, code: ErrorCode | None
) -> None:
    wish = exiting(quantity).model_copy(update={"side": side})
    outcome = ask(wish, portfolio=portfolio(position(held), position("99", strategy_id="other")))
    assert (outcome.code if isinstance(outcome, Refused) else None) is code


def test_an_exit_of_all_is_cut_by_the_order_path_and_refused_where_nothing_is_left() -> None:
    everything = exiting("7", intent_type=IntentType.EXIT_FULL)
    outcome = ask(everything, portfolio=portfolio(position("5")))
    assert isinstance(outcome, Passed)
    assert outcome.checks[-1] == "exit 7 is cut to 5 by the order path"
    busy = reserve(EMPTY, exiting("5", 9), D(0))
    outcome = refused(ask(everything, portfolio=portfolio(position("5")), exposure=busy))
    assert outcome.code is ErrorCode.NOTHING_TO_EXIT


def test_what_is_being_exited_already_is_not_there_any_more_and_its_fills_are_not_counted_twice() -> None:
    first = reserve(EMPTY, exiting("3", 1), D(0))
    held = portfolio(position("5"))
    assert isinstance(ask(exiting("2", 2), portfolio=held, exposure=first), Passed)
    assert refused(ask(exiting("3", 2), portfolio=held, exposure=first)).code is ErrorCode.EXIT_EXCEEDS_POSITION
    part = noted(first, order(OrderStatus.PARTIAL, "2", intent_type=IntentType.EXIT_FULL, side=Side.SELL))
    after = portfolio(position("3"))
    assert isinstance(ask(exiting("2", 2), portfolio=after, exposure=part), Passed)
    assert refused(ask(exiting("2.1", 2), portfolio=after, exposure=part)).code is ErrorCode.EXIT_EXCEEDS_POSITION


def test_after_a_restart_exits_in_flight_are_told_by_their_orders_and_what_waits() -> None:
    row = order(OrderStatus.UNKNOWN, "1", intent_type=IntentType.EXIT_PARTIAL, side=Side.SELL, quantity="3")
    wait = IntentWaits(
        intent_id="i1",
        strategy_id="trend",
        symbol="BTCUSDT",
        side=Side.SELL,
        intent_type=IntentType.EXIT_PARTIAL,
        quantity=D(2),
    )
    told_ = rebuilt([row], {}, (wait,))
    held = portfolio(position("9"))
    assert isinstance(ask(exiting("5", 2), portfolio=held, exposure=told_), Passed)
    assert isinstance(ask(exiting("5.1", 2), portfolio=held, exposure=told_), Refused)


@pytest.mark.parametrize("doubt", [None, portfolio(at_ns=T0 - 31 * NS_PER_S)])
def test_a_portfolio_that_cannot_be_trusted_holds_back_no_exit(doubt: Any) -> None:
    outcome = ask(exiting("7", market=market()), portfolio=doubt)
    assert isinstance(outcome, Passed)
    assert "the order path judges its quantity" in outcome.checks[-1]
