"""Children add up exactly, are few, large enough, and have their turns in order."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkhead.execution.rules import Refused
from bulkhead.execution.stages.split import (
    MAX_CHILDREN,
    NS_PER_S,
    Child,
    SplitFacts,
    SplitSettings,
    split,
)
from messages.codes import ErrorCode
from messages.values import SplitPolicy
from tests.execution.orders import T0, D, Rules, intent

CURVE = (D(1), D(4), D(2), D(3))
SPREAD_OUT = (SplitPolicy.TWAP, SplitPolicy.VWAP)


def parts(policy: SplitPolicy, quantity: str | Decimal = "1", **changes: Any) -> tuple[Child, ...] | Refused:
    fields: dict[str, Any] = {
        "settings": SplitSettings(),
        "rules": Rules(),
        "price": D(100),
        "facts": SplitFacts(volume_curve=CURVE, visible_quantity=D(1)),
        "seed": "s",
    }
    wish = changes.pop("wish", intent(split=policy))
    return split(wish, D(quantity), **{**fields, **changes})


def children_of(policy: SplitPolicy, quantity: str | Decimal = "1", **changes: Any) -> tuple[Child, ...]:
    children = parts(policy, quantity, **changes)
    assert not isinstance(children, Refused), children
    return children


def refusal_of(policy: SplitPolicy, quantity: str | Decimal = "1", **changes: Any) -> Refused:
    refused = parts(policy, quantity, **changes)
    assert isinstance(refused, Refused), refused
    assert refused.check
    assert refused.value
    assert refused.limit
    return refused


def quantities(children: tuple[Child, ...]) -> list[Decimal]:
    return [child.quantity for child in children]


# -- any quantity, any lot --------------------------------------------------------------------------------------------

lots = st.sampled_from(["0.00000001", "0.001", "0.003", "0.5", "1", "7", "100"]).map(D)
weights = st.lists(st.decimals(0, 1000, places=3), min_size=1, max_size=40).filter(any).map(tuple)


@settings(max_examples=400, deadline=None)
@given(
    policy=st.sampled_from([SplitPolicy.SINGLE, SplitPolicy.TWAP, SplitPolicy.VWAP, SplitPolicy.ICEBERG]),
    lot=lots,
    lot_count=st.integers(1, 10**9),
    least=st.integers(0, 10**6),
    min_notional=st.decimals(0, 10**6, places=2),
    price=st.decimals("0.01", 10**6, places=2),
    curve=weights,
    shown=st.integers(1, 10**9),
    at_most=st.integers(1, MAX_CHILDREN),
    jitter=st.decimals(0, 1, places=3),
    horizon_ns=st.integers(1, 10**13),
    seed=st.text(max_size=5),
)
def test_children_add_up_exactly_are_few_and_large_enough_and_come_in_order(
    policy: SplitPolicy,
    lot: Decimal,
    lot_count: int,
    least: int,
    min_notional: Decimal,
    price: Decimal,
    curve: tuple[Decimal, ...],
    shown: int,
    at_most: int,
    jitter: Decimal,
    horizon_ns: int,
    seed: str,
) -> None:
    rules = Rules(lot_size=lot, min_quantity=lot * least, min_notional=min_notional, max_quantity=lot * 10**9)
    wanted = SplitSettings(
        at_most, horizon_s=horizon_ns / NS_PER_S, jitter_share=jitter, iceberg_visible_quantity=lot * shown
    )
    quantity = lot * lot_count
    children = parts(
        policy, quantity, settings=wanted, rules=rules, price=price, facts=SplitFacts(volume_curve=curve), seed=seed
    )
    if isinstance(children, Refused):
        is_too_small = quantity < rules.min_quantity or quantity * price < min_notional
        assert is_too_small or horizon_ns / NS_PER_S * NS_PER_S < 1, children
        return
    assert sum(quantities(children)) == quantity
    assert 1 <= len(children) <= at_most
    assert [child.number for child in children] == list(range(len(children)))
    for child in children:
        assert child.quantity % lot == 0
        assert child.quantity >= max(lot, rules.min_quantity)
        assert child.quantity * price >= min_notional
    turns = [child.due_after_ns for child in children]
    if policy in SPREAD_OUT:
        assert all(early < late for early, late in pairwise(turns)), "none overtakes another"
        assert turns[0] >= 0
        assert turns[-1] < int(wanted.horizon_s * NS_PER_S), "none leaves the horizon"
    else:
        assert not any(turns)
    if policy is SplitPolicy.ICEBERG:
        assert [child.waits_for for child in children] == [None, *range(len(children) - 1)]
        could_be_more = len(children) < min(at_most, lot_count // max(1, least))
        if could_be_more and min_notional == 0:
            assert max(quantities(children)) <= lot * shown


@given(quantity=st.integers(1, 10**6), seed=st.text(max_size=8), policy=st.sampled_from(SPREAD_OUT))
def test_the_same_seed_makes_the_same_schedule(quantity: int, seed: str, policy: SplitPolicy) -> None:
    one, two = (parts(policy, D(quantity), seed=seed, rules=Rules(max_quantity=D(10**7))) for _ in range(2))
    assert one == two


def test_another_seed_makes_another_schedule_of_the_same_quantities() -> None:
    one, two = (children_of(SplitPolicy.TWAP, seed=seed) for seed in ("a", "b"))
    assert quantities(one) == quantities(two)
    assert [child.due_after_ns for child in one] != [child.due_after_ns for child in two]


def test_a_schedule_never_changes_between_versions() -> None:
    """What a seed draws is a promise: a tape that is replayed later must trade at the same moments."""
    children = children_of(SplitPolicy.TWAP, settings=SplitSettings(max_children=4, horizon_s=60.0), seed="s")
    assert [child.due_after_ns for child in children] == SCHEDULE_OF_S


SCHEDULE_OF_S = [0, 18_681_922_438, 31_446_088_978, 48_227_003_404]


# -- each policy ------------------------------------------------------------------------------------------------------


def test_single_is_the_intent_itself() -> None:
    assert children_of(SplitPolicy.SINGLE, "0.123") == (Child(0, D("0.123"), None),)


def test_twap_gives_what_does_not_divide_to_the_earliest() -> None:
    children = children_of(SplitPolicy.TWAP, "1.001", settings=SplitSettings(max_children=4))
    assert quantities(children) == [D("0.251"), D("0.25"), D("0.25"), D("0.25")]


def test_without_jitter_the_turns_are_the_beginnings_of_equal_slices() -> None:
    plain = SplitSettings(max_children=4, horizon_s=60.0, jitter_share=D(0))
    children = children_of(SplitPolicy.TWAP, settings=plain)
    assert [child.due_after_ns // NS_PER_S for child in children] == [0, 15, 30, 45]


def test_the_first_child_is_due_with_the_decision() -> None:
    assert children_of(SplitPolicy.TWAP, settings=SplitSettings(jitter_share=D(1)))[0].due_after_ns == 0


def test_an_earlier_expiry_shortens_the_horizon() -> None:
    wish = intent(split=SplitPolicy.TWAP, expires_at_ns=T0 + 10)
    assert all(child.due_after_ns < 10 for child in children_of(SplitPolicy.TWAP, wish=wish))


def test_vwap_follows_the_curve() -> None:
    children = children_of(SplitPolicy.VWAP, "1", settings=SplitSettings(max_children=4, jitter_share=D(0)))
    assert quantities(children) == [D("0.1"), D("0.4"), D("0.2"), D("0.3")]


def test_a_curve_of_other_length_is_laid_over_the_slices() -> None:
    children = children_of(SplitPolicy.VWAP, "1", settings=SplitSettings(max_children=2))
    assert quantities(children) == [D("0.5"), D("0.5")]
    three = children_of(
        SplitPolicy.VWAP, "1.5", settings=SplitSettings(max_children=3), facts=SplitFacts(None, None, CURVE[:2])
    )
    assert quantities(three) == [D("0.2"), D("0.5"), D("0.8")]


def test_a_slice_without_volume_has_no_child() -> None:
    facts = SplitFacts(volume_curve=(D(0), D(1), D(0), D(1)))
    plain = SplitSettings(max_children=4, horizon_s=40.0, jitter_share=D(0))
    children = children_of(SplitPolicy.VWAP, "1", facts=facts, settings=plain)
    assert quantities(children) == [D("0.5"), D("0.5")]
    assert [child.due_after_ns // NS_PER_S for child in children] == [10, 30]


def test_a_part_below_the_minimum_waits_for_the_next_slice_and_the_last_joins_the_one_before() -> None:
    facts = SplitFacts(volume_curve=(D(1), D(1), D(97), D(1)))
    plain = SplitSettings(max_children=4, horizon_s=40.0, jitter_share=D(0))
    children = children_of(SplitPolicy.VWAP, "1", facts=facts, settings=plain, rules=Rules(min_quantity=D("0.03")))
    assert quantities(children) == [D(1)]
    assert children[0].due_after_ns == 20 * NS_PER_S, "never before its volume"


def test_iceberg_shows_no_more_than_is_to_be_seen() -> None:
    children = children_of(SplitPolicy.ICEBERG, "1", settings=SplitSettings(iceberg_visible_quantity=D("0.3")))
    assert quantities(children) == [D("0.25")] * 4


def test_iceberg_takes_a_share_of_what_the_market_shows() -> None:
    assert quantities(children_of(SplitPolicy.ICEBERG, "1")) == [D("0.2")] * 5


def test_iceberg_shows_more_rather_than_have_more_than_ten_children() -> None:
    children = children_of(SplitPolicy.ICEBERG, "1", settings=SplitSettings(iceberg_visible_quantity=D("0.01")))
    assert quantities(children) == [D("0.1")] * 10


@pytest.mark.parametrize("policy", [SplitPolicy.TWAP, SplitPolicy.VWAP, SplitPolicy.ICEBERG])
def test_fewer_children_rather_than_too_small_ones(policy: SplitPolicy) -> None:
    """0.12 at 100 is worth 12: two orders of 5, and not ten."""
    children = children_of(policy, "0.12", settings=SplitSettings(iceberg_visible_quantity=D("0.001")))
    assert len(children) <= 2
    assert sum(quantities(children)) == D("0.12")


# -- bad input --------------------------------------------------------------------------------------------------------

ALL = [SplitPolicy.SINGLE, SplitPolicy.TWAP, SplitPolicy.VWAP, SplitPolicy.ICEBERG]


@pytest.mark.parametrize("policy", ALL)
@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        ("0", ErrorCode.NUMBER_IMPOSSIBLE),
        ("-1", ErrorCode.NUMBER_IMPOSSIBLE),
        ("NaN", ErrorCode.NUMBER_IMPOSSIBLE),
        ("sNaN", ErrorCode.NUMBER_IMPOSSIBLE),
        ("Infinity", ErrorCode.NUMBER_IMPOSSIBLE),
        ("1E+999999", ErrorCode.NUMBER_IMPOSSIBLE),
        ("1E-999999", ErrorCode.NUMBER_IMPOSSIBLE),
        ("0.0015", ErrorCode.QUANTITY_OFF_LOT),
        ("0.001", ErrorCode.NOTIONAL_TOO_SMALL),
    ],
)
def test_a_quantity_that_cannot_be_ordered(policy: SplitPolicy, quantity: str, code: ErrorCode) -> None:
    assert refusal_of(policy, quantity).code == code


@pytest.mark.parametrize("policy", ALL)
def test_a_quantity_below_the_minimum(policy: SplitPolicy) -> None:
    refused = refusal_of(policy, "0.1", rules=Rules(min_quantity=D("0.2")))
    assert (refused.code, refused.value, refused.limit) == (ErrorCode.QUANTITY_TOO_SMALL, "0.1", "0.2")


@pytest.mark.parametrize("policy", ALL)
def test_a_child_above_the_maximum(policy: SplitPolicy) -> None:
    rules = Rules(max_quantity=D("0.01"))
    assert refusal_of(policy, "1", rules=rules).code == ErrorCode.QUANTITY_TOO_LARGE


@pytest.mark.parametrize("policy", ALL)
def test_an_unknown_instrument(policy: SplitPolicy) -> None:
    assert refusal_of(policy, rules=None).code == ErrorCode.INSTRUMENT_UNKNOWN


@pytest.mark.parametrize("lot", ["0", "-1", "NaN"])
def test_a_lot_size_that_cannot_be(lot: str) -> None:
    assert refusal_of(SplitPolicy.TWAP, rules=Rules(lot_size=D(lot))).code == ErrorCode.NUMBER_IMPOSSIBLE


@pytest.mark.parametrize("curve", [(), (D(0), D(0)), (D(1), D(-1)), (D("NaN"),), (D("Infinity"),)])
def test_a_volume_curve_that_says_nothing(curve: tuple[Decimal, ...]) -> None:
    refused = refusal_of(SplitPolicy.VWAP, facts=SplitFacts(volume_curve=curve))
    assert refused.code == ErrorCode.NUMBER_IMPOSSIBLE
    assert refused.check.startswith("volume_curve")


@pytest.mark.parametrize("policy", SPREAD_OUT)
@pytest.mark.parametrize("horizon_s", [0.0, -1.0, float("nan"), float("inf"), 1e-12])
def test_a_horizon_without_time(policy: SplitPolicy, horizon_s: float) -> None:
    refused = refusal_of(policy, settings=SplitSettings(horizon_s=horizon_s))
    assert (refused.code, refused.check) == (ErrorCode.NUMBER_IMPOSSIBLE, "horizon_s")


def test_an_intent_that_expires_with_its_decision_has_no_time_for_turns() -> None:
    wish = intent(split=SplitPolicy.TWAP, expires_at_ns=T0)
    assert refusal_of(SplitPolicy.TWAP, wish=wish).code == ErrorCode.INTENT_EXPIRED


@pytest.mark.parametrize("share", ["-0.1", "1.1", "NaN"])
def test_a_jitter_that_would_leave_its_slice(share: str) -> None:
    assert refusal_of(SplitPolicy.TWAP, settings=SplitSettings(jitter_share=D(share))).check == "jitter_share"


@pytest.mark.parametrize("count", [0, -1, 11])
def test_ten_children_at_most_and_one_at_least(count: int) -> None:
    assert refusal_of(SplitPolicy.TWAP, settings=SplitSettings(max_children=count)).check == "max_children"


@pytest.mark.parametrize("price", ["0", "-1", "NaN"])
def test_a_price_that_cannot_be(price: str) -> None:
    assert refusal_of(SplitPolicy.TWAP, price=D(price)).code == ErrorCode.NUMBER_IMPOSSIBLE


def test_parts_need_a_price_where_the_venue_has_a_minimum_and_the_whole_does_not() -> None:
    assert refusal_of(SplitPolicy.TWAP, price=None).code == ErrorCode.MARKET_MISSING
    assert len(children_of(SplitPolicy.TWAP, price=None, rules=Rules(min_notional=D(0)))) == 10
    assert len(children_of(SplitPolicy.SINGLE, price=None)) == 1


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (SplitSettings(iceberg_visible_quantity=D(0)), ErrorCode.NUMBER_IMPOSSIBLE),
        (SplitSettings(iceberg_visible_quantity=D("NaN")), ErrorCode.NUMBER_IMPOSSIBLE),
        (SplitSettings(iceberg_visible_share=D(-1)), ErrorCode.NUMBER_IMPOSSIBLE),
    ],
)
def test_an_iceberg_that_shows_nothing(wanted: SplitSettings, code: ErrorCode) -> None:
    assert refusal_of(SplitPolicy.ICEBERG, settings=wanted).code == code


def test_an_iceberg_of_which_nobody_knows_what_may_be_seen() -> None:
    assert refusal_of(SplitPolicy.ICEBERG, facts=SplitFacts()).code == ErrorCode.MARKET_MISSING


@pytest.mark.code("SPLIT_UNSUPPORTED")
def test_auto_is_to_be_chosen_first() -> None:
    assert refusal_of(SplitPolicy.AUTO).code == ErrorCode.SPLIT_UNSUPPORTED
