"""Which way an intent is split when it leaves that to us: by its size against what is known of the market."""

import pytest

from bulkhead.execution.rules import Refused
from bulkhead.execution.stages.split import Chosen, SplitFacts, SplitSettings, choose, visible_quantity
from messages.codes import ErrorCode
from messages.values import MarketSnapshot, Side, SplitPolicy, TimeInForce
from tests.execution.orders import T0, D, intent

CURVE = (D(1), D(4), D(2), D(3))
AUTO = intent(split=SplitPolicy.AUTO, limit_price=D(100))


@pytest.mark.parametrize(
    ("facts", "policy"),
    [
        (SplitFacts(), SplitPolicy.SINGLE),
        (SplitFacts(average_daily_volume=D(1000)), SplitPolicy.SINGLE),
        (SplitFacts(average_daily_volume=D(1000), visible_quantity=D(10)), SplitPolicy.SINGLE),
        (SplitFacts(average_daily_volume=D(999)), SplitPolicy.TWAP),
        (SplitFacts(average_daily_volume=D(999), volume_curve=CURVE), SplitPolicy.VWAP),
        (SplitFacts(average_daily_volume=D(999), volume_curve=(D(0),)), SplitPolicy.TWAP),
        (SplitFacts(average_daily_volume=D(0)), SplitPolicy.TWAP),
        (SplitFacts(average_daily_volume=D(1000), visible_quantity=D("9.9")), SplitPolicy.ICEBERG),
        (SplitFacts(visible_quantity=D(0)), SplitPolicy.ICEBERG),
    ],
)
def test_auto_chooses_by_size_against_volume_and_visible_liquidity(facts: SplitFacts, policy: SplitPolicy) -> None:
    chosen = choose(AUTO, D(10), SplitSettings(), facts)
    assert isinstance(chosen, Chosen)
    assert chosen.policy is policy


def test_auto_has_nothing_to_hide_with_a_market_order() -> None:
    chosen = choose(intent(split=SplitPolicy.AUTO), D(10), SplitSettings(), SplitFacts(visible_quantity=D(1)))
    assert isinstance(chosen, Chosen)
    assert chosen.policy is SplitPolicy.TWAP


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
def test_auto_leaves_whole_what_is_wanted_at_once(tif: TimeInForce) -> None:
    wish = intent(split=SplitPolicy.AUTO, time_in_force=tif)
    chosen = choose(wish, D(10), SplitSettings(), SplitFacts(average_daily_volume=D(1)))
    assert isinstance(chosen, Chosen)
    assert chosen.policy is SplitPolicy.SINGLE


def test_what_the_intent_says_counts() -> None:
    chosen = choose(intent(split=SplitPolicy.TWAP), D(10), SplitSettings(), SplitFacts())
    assert isinstance(chosen, Chosen)
    assert chosen.policy is SplitPolicy.TWAP


def test_all_or_nothing_cannot_be_split() -> None:
    refused = choose(intent(split=SplitPolicy.TWAP, time_in_force=TimeInForce.FOK), D(10), SplitSettings())
    assert isinstance(refused, Refused)
    assert refused.code == ErrorCode.SPLIT_UNSUPPORTED


@pytest.mark.parametrize("bad", ["NaN", "-1", "Infinity", "1E+999999"])
def test_auto_refuses_facts_that_cannot_be(bad: str) -> None:
    refused = choose(AUTO, D(10), SplitSettings(), SplitFacts(average_daily_volume=D(bad)))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.check) == (ErrorCode.NUMBER_IMPOSSIBLE, "average_daily_volume")


def test_auto_refuses_shares_that_cannot_be() -> None:
    refused = choose(AUTO, D(10), SplitSettings(auto_min_adv_share=D("NaN")), SplitFacts(average_daily_volume=D(1)))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.check) == (ErrorCode.NUMBER_IMPOSSIBLE, "auto_min_adv_share")


def test_what_is_visible_is_what_the_order_would_take() -> None:
    seen = MarketSnapshot(symbol="BTCUSDT", bid_quantity=D(3), ask_quantity=D(4), event_time_ns=T0)
    assert (visible_quantity(Side.BUY, seen), visible_quantity(Side.SELL, seen)) == (D(4), D(3))
    assert visible_quantity(Side.BUY, None) is None
