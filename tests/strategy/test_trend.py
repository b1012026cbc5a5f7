"""EmaTrend: enters a rise, leaves when it turns, and keeps the discipline of LongOnly."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from bulkhead.strategy.testkit import Bench
from bulkhead.strategy.trend import EmaTrend
from messages.values import Action, Side, StopLevel
from tests.strategy.series import SYMBOL, flat, noise, play, quote, ramp


def warm(**parameters: Any) -> Bench:
    bench = Bench(EmaTrend, (SYMBOL,), **parameters)
    play(bench, flat(61))
    return bench


def rise_until_entry(bench: Bench) -> float:
    price = 64_000.0
    while not bench.entries():
        price *= 1.0001
        quote(bench, price)
        assert price < 65_000, "it never entered"
    return price


@pytest.mark.req("P-03")
def test_every_tick_is_answered_with_reason_and_code() -> None:
    bench = warm()
    assert len(bench.decisions) == 61
    assert all(decision.reason and decision.reason_codes for decision in bench.decisions)
    assert bench.last.reason_codes == ("NO_SIGNAL",)


def test_a_rise_is_bought_and_the_turn_is_sold() -> None:
    bench = warm(stop_loss_bps=None)
    price = rise_until_entry(bench)
    entry = bench.last
    assert (entry.action, entry.side, entry.quantity) == (Action.ENTER, Side.BUY, None)
    assert entry.scores["gap_bps"] >= 2
    bench.fill()
    price = play(bench, ramp(price, 1, 60))
    assert bench.last.reason_codes == ("HOLDING",)
    play(bench, ramp(price, -2, 60))
    assert [decision.reason_codes for decision in bench.exits()] == [("CROSS_DOWN",)]


def test_the_quantity_can_be_fixed_by_parameter() -> None:
    bench = warm(quantity="0.25")
    rise_until_entry(bench)
    assert bench.last.quantity == Decimal("0.25")


def test_doing_nothing_makes_no_new_objects() -> None:
    bench = warm()
    quote(bench, 64_000)
    assert bench.decisions[-1] is bench.decisions[-2]


def test_no_second_entry_while_the_order_works() -> None:
    bench = warm(settle_s=3)
    price = rise_until_entry(bench)
    bench.accept()
    play(bench, ramp(price, 1, 30))
    assert len(bench.entries()) == 1
    assert bench.last.reason_codes == ("ORDER_WORKING",)


def test_a_refused_intent_is_given_up_after_a_while_and_then_rests() -> None:
    bench = warm(settle_s=5, cooldown_s=20)
    price = rise_until_entry(bench)
    bench.orders.clear()  # refused by the risk guard: no order was ever made
    bench.view.orders_working.clear()
    assert quote(bench, price) == "AWAITING_ORDER"
    assert quote(bench, price, after_s=5) == "COOLING_DOWN"
    assert len(bench.entries()) == 1


@pytest.mark.req("X-09")
def test_a_rejected_entry_rests_and_needs_a_new_signal() -> None:
    bench = warm(cooldown_s=5)
    price = rise_until_entry(bench)
    bench.reject()
    assert quote(bench, price) == "COOLING_DOWN"
    assert quote(bench, price * 1.0002, after_s=6) == "NO_SIGNAL"
    assert len(bench.entries()) == 1


def test_the_stop_counts_from_the_price_paid() -> None:
    bench = warm(stop_loss_bps="20")
    price = rise_until_entry(bench)
    bench.fill(price=f"{price * 1.001:.2f}")
    assert quote(bench, price * 0.9995) == "HOLDING"
    assert quote(bench, price * 0.9985) == "STOP_LOSS"


def test_a_target_is_taken() -> None:
    bench = warm(take_profit_bps="15")
    price = rise_until_entry(bench)
    bench.fill()
    assert quote(bench, price * 1.002) == "TAKE_PROFIT"


def test_the_time_limit_holds_without_ticks() -> None:
    bench = warm(max_hold_s=60)
    price = rise_until_entry(bench)
    bench.fill()
    quote(bench, price)
    bench.advance(61)
    assert bench.last.reason_codes == ("TIME_STOP",)
    assert len(bench.exits()) == 1


def test_an_exit_is_not_repeated_while_it_works_and_is_repeated_when_it_failed() -> None:
    bench = warm(stop_loss_bps="10", settle_s=5)
    price = rise_until_entry(bench)
    bench.fill()
    assert quote(bench, price * 0.998) == "STOP_LOSS"
    assert quote(bench, price * 0.998) == "ORDER_WORKING"
    bench.reject()
    assert quote(bench, price * 0.998) == "AWAITING_ORDER"
    assert quote(bench, price * 0.998, after_s=5) == "STOP_LOSS"
    bench.fill()
    assert quote(bench, price * 0.998) == "NO_SIGNAL"


def test_a_stop_may_sell_what_a_partial_fill_bought() -> None:
    bench = warm(stop_loss_bps="10")
    price = rise_until_entry(bench)
    bench.fill(quantity="0.4")
    assert quote(bench, price * 1.0001) == "ORDER_WORKING"
    assert quote(bench, price * 0.998) == "STOP_LOSS"


def test_crumbs_left_by_fees_are_not_a_position() -> None:
    bench = warm()
    bench.view.positions[SYMBOL] = Decimal("0.00001")
    assert quote(bench, 64_000) == "NO_SIGNAL"


def test_a_position_from_before_a_restart_is_looked_after() -> None:
    bench = Bench(EmaTrend, (SYMBOL,), stop_loss_bps="10")
    bench.view.positions[SYMBOL] = Decimal(1)
    assert quote(bench, 64_000) == "HOLDING"
    assert quote(bench, 63_900) == "STOP_LOSS"


def test_no_entry_through_a_shut_gate() -> None:
    bench = warm()
    bench.view.level = StopLevel.SOFT
    play(bench, ramp(64_000, 1, 30))
    assert not bench.entries()
    assert bench.last.reason_codes == ("GATE_SHUT",)


def test_dirt_gives_no_price() -> None:
    bench = warm()
    for bid, ask, code in (
        (None, "64000.1", "ONE_SIDED_QUOTE"),
        ("64000", None, "ONE_SIDED_QUOTE"),
        (None, None, "ONE_SIDED_QUOTE"),
        ("64001", "64000", "CROSSED_QUOTE"),
        ("60000", "68000", "WIDE_SPREAD"),
        ("70000", "70000.1", "UNCONFIRMED_JUMP"),
    ):
        decision = bench.quote(SYMBOL, bid, ask)
        assert decision is not None
        assert decision.reason_codes == (code,)
    assert quote(bench, 64_000) == "NO_SIGNAL"
    assert bench.strategy.state()["gap_bps"] == "0.000"


def test_a_lasting_jump_becomes_the_new_level_and_is_learned_afresh() -> None:
    bench = warm(jump_confirmations=3)
    codes = [quote(bench, 70_000) for _ in range(4)]
    assert codes == ["UNCONFIRMED_JUMP", "UNCONFIRMED_JUMP", "WARMING_UP", "WARMING_UP"]
    assert not bench.entries()


def test_prints_stand_in_only_while_no_two_sided_quotes_come() -> None:
    bench = warm()
    decision = bench.trade(SYMBOL, "64000")
    assert decision is not None
    assert decision.reason_codes == ("OTHER_PRICE_SOURCE",)
    decision = bench.trade(SYMBOL, "64000", after_s=61)
    assert decision is not None
    assert decision.reason_codes == ("NO_SIGNAL",)


def test_prints_can_be_all_that_is_looked_at() -> None:
    bench = Bench(EmaTrend, (SYMBOL,), price_source="last")
    assert quote(bench, 64_000) == "OTHER_PRICE_SOURCE"
    decision = bench.trade(SYMBOL, 64_000)
    assert decision is not None
    assert decision.reason_codes == ("WARMING_UP",)
    mid_only = Bench(EmaTrend, (SYMBOL,), price_source="mid")
    decision = mid_only.trade(SYMBOL, 64_000)
    assert decision is not None
    assert decision.reason_codes == ("OTHER_PRICE_SOURCE",)


def test_a_time_limit_that_fires_early_or_for_nothing_does_nothing() -> None:
    bench = warm(max_hold_s=60)
    for key in ("max-hold:BTCUSDT", "max-hold:OTHER", "other"):
        assert bench.strategy.on_timer(key, bench.view) is None
    price = rise_until_entry(bench)
    bench.fill()
    quote(bench, price)
    assert bench.strategy.on_timer("max-hold:BTCUSDT", bench.view) is None
    assert Bench(EmaTrend, (SYMBOL,)).strategy.state() == {}


def test_a_foreign_symbol_and_a_short_are_left_alone() -> None:
    bench = warm()
    foreign = bench.quote("ETHUSDT", "1", "1")
    assert foreign is not None
    assert foreign.reason_codes == ("UNKNOWN_SYMBOL",)
    bench.view.positions[SYMBOL] = Decimal(-1)
    assert quote(bench, 64_000) == "SHORT_POSITION"


@pytest.mark.parametrize("seed", range(5))
def test_on_noise_entries_and_exits_alternate(seed: int) -> None:
    bench = Bench(EmaTrend, (SYMBOL,), auto_fill=True)
    play(bench, noise(64_000, 2, 2_000, seed))
    acts = [decision.action for decision in bench.decisions if decision.action is not Action.HOLD]
    assert len(acts) >= 4
    assert acts == [Action.ENTER, Action.EXIT] * (len(acts) // 2) + [Action.ENTER] * (len(acts) % 2)


def test_the_fast_mean_must_be_the_faster() -> None:
    with pytest.raises(ValidationError, match="fast_s must be shorter"):
        EmaTrend.Parameters(fast_s=60, slow_s=60)
