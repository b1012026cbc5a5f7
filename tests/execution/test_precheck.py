"""Entries pass every check; exits only what belongs to exits; each refusal has its code and its numbers."""

from decimal import Decimal
from typing import Any

import pytest

from bulkhead.execution.rules import Refused
from bulkhead.execution.stages.precheck import Checked, PrecheckInput, PrecheckSettings, available_to_exit, precheck
from messages.codes import ErrorCode
from messages.trading import OrderIntent
from messages.values import IntentType, OrderStatus, Side
from tests.execution.orders import ID, KRX_LIKE, NS_PER_S, T0, D, Rules, intent, market, order

SETTINGS = PrecheckSettings(max_market_age_s=5.0)


def ask(wish: OrderIntent, **changes: Any) -> Checked | Refused:
    fields: dict[str, Any] = {
        "intent": wish,
        "rules": Rules(),
        "market": market(),
        "gate_refusal": None,
        "open_orders": (),
        "confirmed_position": D(0),
        "settings": SETTINGS,
        "now_ns": T0,
    }
    return precheck(PrecheckInput(**{**fields, **changes}))


def exit_of(quantity: str, kind: IntentType = IntentType.EXIT_PARTIAL, **changes: Any) -> OrderIntent:
    return intent(side=Side.SELL, intent_type=kind, quantity=D(quantity), **changes)


def refusal(outcome: Checked | Refused) -> str:
    assert isinstance(outcome, Refused), outcome
    assert outcome.check
    assert outcome.detail
    return outcome.code


@pytest.mark.req("N-01")
def test_a_good_entry_passes_and_tells_what_was_compared() -> None:
    outcome = ask(intent(limit_price=D("100.50")))
    assert isinstance(outcome, Checked)
    assert outcome.quantity == D(1)
    assert "spread_bps 2.00<=50" in outcome.checks
    assert "price_collar_bps 50.00<=200" in outcome.checks
    assert "min_notional 100.5>=5" in outcome.checks


@pytest.mark.parametrize(
    ("code", "wish", "changes"),
    [
        (ErrorCode.INSTRUMENT_UNKNOWN, intent(), {"rules": None}),
        (ErrorCode.INTENT_EXPIRED, intent(expires_at_ns=T0 - 1), {}),
        (ErrorCode.GATE_SHUT, intent(), {"gate_refusal": "recovering"}),
        (ErrorCode.INSTRUMENT_NOT_TRADING, intent(), {"rules": Rules(is_trading=False)}),
        (ErrorCode.SYMBOL_FROZEN, intent(), {"open_orders": (order(OrderStatus.UNKNOWN),)}),
        (ErrorCode.MARKET_MISSING, intent(), {"market": None}),
        (ErrorCode.MARKET_MISSING, intent(), {"market": market().model_copy(update={"bid": None})}),
        (ErrorCode.SPREAD_TOO_WIDE, intent(), {"market": market("99", "101")}),
        (ErrorCode.SPREAD_TOO_WIDE, intent(), {"market": market("101", "100")}),
        (ErrorCode.PRICE_OUTSIDE_COLLAR, intent(limit_price=D("102.01")), {}),
        (ErrorCode.PRICE_OUTSIDE_COLLAR, intent(limit_price=D("97.99")), {}),
        (ErrorCode.PRICE_OFF_TICK, intent(limit_price=D("100.001")), {}),
        (ErrorCode.QUANTITY_OFF_LOT, intent(quantity=D("1.0001")), {}),
        (ErrorCode.QUANTITY_TOO_SMALL, intent(quantity=D("0.001")), {"rules": Rules(min_quantity=D("0.01"))}),
        (ErrorCode.QUANTITY_TOO_LARGE, intent(quantity=D(101)), {}),
        (ErrorCode.NOTIONAL_TOO_SMALL, intent(quantity=D("0.04")), {}),
        (ErrorCode.SELF_CROSS, intent(), {"open_orders": (order(side=Side.SELL),)}),
    ],
)
@pytest.mark.code("GATE_SHUT", "INSTRUMENT_NOT_TRADING", "SPREAD_TOO_WIDE", "QUANTITY_TOO_SMALL", "QUANTITY_TOO_LARGE")
@pytest.mark.code("SELF_CROSS")
@pytest.mark.req("P-04", "P-18")
def test_each_check_of_an_entry_has_its_code(code: ErrorCode, wish: OrderIntent, changes: dict[str, Any]) -> None:
    assert refusal(ask(wish, **changes)) == code


def test_the_first_failure_ends_it() -> None:
    assert refusal(ask(intent(quantity=D("1.0001")), gate_refusal="shut", market=None)) == ErrorCode.GATE_SHUT


@pytest.mark.code("MARKET_STALE")
@pytest.mark.lesson("L28")
@pytest.mark.parametrize(
    ("age_ns", "passes"),
    [(0, True), (5 * NS_PER_S, True), (5 * NS_PER_S + 1, False), (-5 * NS_PER_S, True), (-5 * NS_PER_S - 1, False)],
)
def test_lesson_l28_the_age_of_the_market_is_tested_on_both_sides(age_ns: int, passes: bool) -> None:
    outcome = ask(intent(), market=market(at_ns=T0 - age_ns))
    assert isinstance(outcome, Checked) == passes
    if not passes:
        assert refusal(outcome) == ErrorCode.MARKET_STALE


@pytest.mark.req("S-15")
@pytest.mark.parametrize("source", ["snapshot", "broker"])
@pytest.mark.parametrize(("age_s", "passes"), [(45.0, True), (45.001, False)])
def test_quotes_that_are_asked_for_may_be_as_old_as_their_interval_allows(
    source: str, age_s: float, passes: bool
) -> None:
    seen = market(at_ns=T0 - int(age_s * NS_PER_S)).model_copy(update={"source": source})
    outcome = ask(intent(), market=seen)
    assert isinstance(outcome, Checked) == passes
    if not passes:
        assert refusal(outcome) == ErrorCode.MARKET_STALE


@pytest.mark.req("S-15")
@pytest.mark.parametrize(("source", "passes"), [("feed", True), ("snapshot", True), ("broker", False)])
def test_of_the_brokers_quotes_a_narrower_spread_is_asked(source: str, passes: bool) -> None:
    """30 bps: within the limit of 50, and beyond half of it."""
    seen = market("99.85", "100.15").model_copy(update={"source": source})
    outcome = ask(intent(), market=seen)
    assert isinstance(outcome, Checked) == passes
    if not passes:
        assert refusal(outcome) == ErrorCode.SPREAD_TOO_WIDE


@pytest.mark.parametrize(("expires_ns", "passes"), [(T0, True), (T0 - 1, False)])
def test_an_intent_is_good_until_it_expires(expires_ns: int, passes: bool) -> None:
    assert isinstance(ask(intent(expires_at_ns=expires_ns)), Checked) == passes


@pytest.mark.parametrize(
    ("mine", "theirs", "crosses"),
    [("99.99", "100", False), ("100", "100", True), ("100.01", "100", True), (None, "150", True), ("90", None, True)],
)
def test_what_could_trade_with_ourselves(mine: str | None, theirs: str | None, crosses: bool) -> None:
    resting = order(OrderStatus.SUBMITTED, side=Side.SELL, limit=theirs)
    settings = SETTINGS._replace(price_collar_bps=D(2000))
    wish = intent(limit_price=None if mine is None else D(mine))
    assert isinstance(ask(wish, open_orders=(resting,), settings=settings), Refused) == crosses


def test_orders_of_our_own_side_or_of_another_symbol_do_not_cross() -> None:
    others = (order(side=Side.BUY), order(side=Side.SELL, symbol="ETHUSDT"), order(OrderStatus.FILLED, side=Side.SELL))
    assert isinstance(ask(intent(), open_orders=others), Checked)


# -- exits ------------------------------------------------------------------------------------------------------------


def test_nothing_that_belongs_to_entries_blocks_an_exit() -> None:
    hostile = {
        "market": market("50", "150", at_ns=0),
        "open_orders": (order(OrderStatus.UNKNOWN), order(OrderStatus.SUBMITTED, limit="100")),
        "rules": Rules(is_trading=False),
    }
    wish = exit_of("1", expires_at_ns=T0 - 1)
    assert isinstance(ask(wish, confirmed_position=D(1), **hostile), Checked)
    assert isinstance(ask(wish, confirmed_position=D(1), market=None), Checked)


@pytest.mark.parametrize(
    ("code", "wish", "changes"),
    [
        (ErrorCode.GATE_SHUT, exit_of("1"), {"gate_refusal": "halted"}),
        (ErrorCode.QUANTITY_OFF_LOT, exit_of("0.0001"), {}),
        (ErrorCode.PRICE_OFF_TICK, exit_of("1", limit_price=D("99.999")), {}),
        (ErrorCode.PRICE_OUTSIDE_COLLAR, exit_of("1", limit_price=D("97.99")), {}),
        (ErrorCode.EXIT_EXCEEDS_POSITION, exit_of("1.001"), {}),
        (ErrorCode.EXIT_EXCEEDS_POSITION, exit_of("1"), {"confirmed_position": D(-1)}),
        (ErrorCode.EXIT_EXCEEDS_POSITION, exit_of("1"), {"open_orders": (order(side=Side.SELL, quantity="0.5"),)}),
        (ErrorCode.NOTHING_TO_EXIT, exit_of("1", IntentType.EXIT_FULL), {"confirmed_position": D("0.0009")}),
        (ErrorCode.NOTIONAL_TOO_SMALL, exit_of("0.01"), {}),
    ],
)
def test_each_check_of_an_exit_has_its_code(code: ErrorCode, wish: OrderIntent, changes: dict[str, Any]) -> None:
    assert refusal(ask(wish, **{"confirmed_position": D(1), **changes})) == code


def test_an_exit_at_a_better_price_waits_and_does_no_harm() -> None:
    assert isinstance(ask(exit_of("1", limit_price=D(150)), confirmed_position=D(1)), Checked)


@pytest.mark.parametrize(
    ("asked", "position", "working", "quantity"),
    [
        ("1", "1", "0", "1"),
        ("5", "1", "0", "1"),
        ("5", "1.0005", "0", "1"),
        ("5", "3", "1", "2"),
        ("200", "150", "0", "100"),
    ],
)
def test_a_full_exit_is_cut_to_what_is_there(asked: str, position: str, working: str, quantity: str) -> None:
    orders = (order(OrderStatus.UNKNOWN, side=Side.SELL, quantity=working),) if working != "0" else ()
    outcome = ask(exit_of(asked, IntentType.EXIT_FULL), confirmed_position=D(position), open_orders=orders)
    assert isinstance(outcome, Checked)
    assert outcome.quantity == D(quantity)


def test_a_short_is_bought_back() -> None:
    wish = intent(side=Side.BUY, intent_type=IntentType.EXIT_PARTIAL, quantity=D(2))
    assert isinstance(ask(wish, confirmed_position=D(-2)), Checked)
    assert refusal(ask(wish, confirmed_position=D(2))) == ErrorCode.EXIT_EXCEEDS_POSITION


def test_an_unstated_position_leaves_the_quantity_unjudged() -> None:
    outcome = ask(exit_of("7"), confirmed_position=None)
    assert isinstance(outcome, Checked)
    assert "available unstated" in outcome.checks


@pytest.mark.lesson("L27")
def test_lesson_l27_an_open_entry_is_no_position() -> None:
    entry = order(OrderStatus.SUBMITTED, side=Side.BUY)
    wish = exit_of("1", IntentType.EXIT_FULL)
    assert refusal(ask(wish, confirmed_position=D(0), open_orders=(entry,))) == ErrorCode.NOTHING_TO_EXIT


def test_other_strategies_exits_do_not_count_against_ours() -> None:
    theirs = order(OrderStatus.SUBMITTED, side=Side.SELL, strategy_id="other", key=ID)
    assert available_to_exit(exit_of("1"), Decimal(1), (theirs,)) == 1


@pytest.mark.parametrize(("price", "tick"), [("19990", 10), ("20000", 50), ("20050", 50)])
def test_a_price_must_be_on_the_tick_of_its_own_band(price: str, tick: int) -> None:
    quotes = market("19990", "20000")
    outcome = ask(intent(limit_price=D(price), quantity=D(1)), rules=KRX_LIKE, market=quotes)
    assert isinstance(outcome, Checked), outcome
    assert f"tick_size {price}%{tick}=0" in outcome.checks
    refused = ask(intent(limit_price=D(price) + 1, quantity=D(1)), rules=KRX_LIKE, market=quotes)
    assert refusal(refused) == ErrorCode.PRICE_OFF_TICK
    assert isinstance(refused, Refused)
    assert (refused.value, refused.limit) == (str(int(price) + 1), str(tick))


def test_what_is_a_price_below_a_band_is_none_in_it() -> None:
    quotes = market("20000", "20050")
    outcome = ask(intent(limit_price=D(20_010), quantity=D(1)), rules=KRX_LIKE, market=quotes)
    assert refusal(outcome) == ErrorCode.PRICE_OFF_TICK


def test_a_market_order_has_no_price_to_judge() -> None:
    outcome = ask(intent(quantity=D(1)), rules=KRX_LIKE, market=market("19990", "20000"))
    assert isinstance(outcome, Checked), outcome
    assert "tick_size MKT" in outcome.checks


def test_an_entry_waits_for_the_market_to_open_and_an_exit_does_not() -> None:
    opens_ns = T0 + NS_PER_S
    settings = SETTINGS._replace(is_open_at=lambda at_ns: at_ns >= opens_ns)
    refused = ask(intent(), settings=settings)
    assert refusal(refused) == ErrorCode.INSTRUMENT_NOT_TRADING
    assert isinstance(refused, Refused)
    assert (refused.check, refused.value) == ("market_hours", "closed")
    assert isinstance(ask(intent(), settings=settings, now_ns=opens_ns), Checked)
    wish = exit_of("1")
    held = D(1) if wish.side is Side.SELL else D(-1)
    assert isinstance(ask(wish, settings=settings, confirmed_position=held), Checked)
