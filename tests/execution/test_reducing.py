"""Gradual reduction: a share a minute of what there was, never more than there is, until flat."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.chaos.model.market import INSTRUMENTS
from bulkhead.execution import reducing
from bulkhead.execution.reducing import Books, Reducing
from bulkhead.execution.stages.escape import Position
from messages.orders import OrderRow
from messages.stops import Reduction
from messages.values import IntentType, OrderStatus, Side
from tests.execution.orders import T0, order

MINUTE = 60 * 10**9
BTC = ("trend", "BTCUSDT")


def began(share: str = "0.2", **scope: str) -> Reducing:
    return Reducing(Reduction(reduction_id="all", reason="risk:x", **scope), Decimal(share), T0, {})


def books(*held: tuple[str, str, str], orders: tuple[OrderRow, ...] = (), price: str | None = "100") -> Books:
    positions = tuple(
        Position(strategy, "sim", "paper", symbol, Decimal(quantity)) for strategy, symbol, quantity in held
    )
    prices = {} if price is None else {"BTCUSDT": Decimal(price), "ETHUSDT": Decimal(price)}
    return Books(positions, orders, INSTRUMENTS, prices)


def exit_order(
    quantity: str, filled: str = "0", side: Side = Side.SELL, status: OrderStatus = OrderStatus.SUBMITTED
) -> OrderRow:
    return order(
        side=side,
        quantity=quantity,
        filled=filled,
        intent_type=IntentType.EXIT_FULL,
        limit=None,
        status=status,
    )


def closes(found: reducing.Look) -> list[tuple[str, Side, Decimal]]:
    return [(close.symbol, close.side, close.quantity) for close in found.closes]


@pytest.mark.req("S-09")
@pytest.mark.parametrize(("quantity", "side"), [("10", Side.SELL), ("-10", Side.BUY)])
def test_a_fifth_at_once_and_a_fifth_each_minute_until_flat(quantity: str, side: Side) -> None:
    now, left, sold, is_over = began(), Decimal(quantity), [], False
    for minute in range(7):
        found = reducing.look(now, books((*BTC, str(left))), T0 + minute * MINUTE)
        now, is_over = found.now, found.is_over
        for symbol, towards, part in closes(found):
            assert (symbol, towards) == ("BTCUSDT", side)
            sold.append((minute, part))
            left += part * towards.sign
        again = reducing.look(now, books((*BTC, str(left))), T0 + minute * MINUTE + MINUTE // 2)
        assert not again.closes, "one step a minute"
        now = again.now
    assert sold == [(minute, Decimal(2)) for minute in range(5)]
    assert left == 0
    assert is_over


def test_what_has_not_filled_is_made_up_for_and_what_others_sold_counts() -> None:
    first = reducing.look(began(), books((*BTC, "10")), T0)
    assert closes(first) == [("BTCUSDT", Side.SELL, Decimal(2))]
    assert closes(reducing.look(first.now, books((*BTC, "10")), T0 + 10**9)) == [], "not every second"
    late = reducing.look(first.now, books((*BTC, "10")), T0 + MINUTE)
    assert closes(late) == [("BTCUSDT", Side.SELL, Decimal(4))]
    assert not reducing.look(first.now, books((*BTC, "3")), T0 + MINUTE).closes, "it is below its step already"


@pytest.mark.parametrize("status", [OrderStatus.SUBMITTED, OrderStatus.UNKNOWN, OrderStatus.PENDING_CANCEL])
def test_exits_that_may_still_fill_count_in_full(status: OrderStatus) -> None:
    working = exit_order("2", status=status)
    assert not reducing.look(began(), books((*BTC, "10"), orders=(working,)), T0).closes
    entering = exit_order("1", side=Side.BUY, status=OrderStatus.UNKNOWN)
    assert reducing.look(began(), books((*BTC, "10"), orders=(entering,)), T0).closes, "that one sells nothing"


def resting(
    quantity: str, key: str = "tp", status: OrderStatus = OrderStatus.SUBMITTED, since_ns: int = T0
) -> OrderRow:
    row = order(
        side=Side.SELL, quantity=quantity, intent_type=IntentType.EXIT_FULL, limit="500", status=status, key=key
    )
    return row.model_copy(update={"submitted_ns": since_ns})


@pytest.mark.req("S-09")
def test_an_exit_that_only_rests_holds_the_reduction_up_for_a_minute_at_most() -> None:
    """A target far above the market, for all of it: nothing would ever be sold."""
    target = resting("10")
    first = reducing.look(began(), books((*BTC, "10"), orders=(target,)), T0)
    assert (first.closes, first.cancels) == ((), ()), "it may be about to fill"
    held_up = reducing.look(first.now, books((*BTC, "10"), orders=(target,)), T0 + MINUTE)
    assert (held_up.closes, held_up.cancels) == ((), ("tp",))
    asked = resting("10", status=OrderStatus.PENDING_CANCEL)
    assert not reducing.look(held_up.now, books((*BTC, "10"), orders=(asked,)), T0 + MINUTE).cancels
    free = reducing.look(held_up.now, books((*BTC, "10")), T0 + MINUTE)
    assert closes(free) == [("BTCUSDT", Side.SELL, Decimal(4))]


def test_no_more_of_what_rests_is_cancelled_than_its_step_needs() -> None:
    at_ns = T0 + MINUTE
    two = (resting("3", "a"), resting("6", "b"))
    found = reducing.look(began(), books((*BTC, "10"), orders=two), at_ns)
    assert (closes(found), found.cancels) == ([("BTCUSDT", Side.SELL, Decimal(1))], ("a",)), "one is free, of two"
    found = reducing.look(began(), books((*BTC, "10"), orders=(resting("8"),)), at_ns)
    assert (closes(found), found.cancels) == ([("BTCUSDT", Side.SELL, Decimal(2))], ()), "two are free"


def test_a_market_that_gives_nothing_is_asked_once_a_minute_and_one_that_gives_is_not_kept_waiting() -> None:
    now, asked = began("1"), []
    for second in range(300):
        found = reducing.look(now, books((*BTC, "10")), T0 + second * 10**9)
        now = reducing.of_deadline(reducing.as_deadline(found.now))
        asked += [second] * len(found.closes)
    assert asked == [0, 10, 30, 70, 130, 190, 250]
    gave = reducing.look(now, books((*BTC, "9")), T0 + 310 * 10**9)
    assert closes(gave) == [("BTCUSDT", Side.SELL, Decimal(9))], "it is open again"


def test_an_own_order_on_the_other_side_is_waited_for_and_not_for_ever() -> None:
    buying = exit_order("1", side=Side.BUY)
    first = reducing.look(began(), books((*BTC, "10"), orders=(buying,)), T0)
    assert not first.closes
    assert reducing.look(first.now, books((*BTC, "10"), orders=(buying,)), T0 + 6 * 10**9).closes


def test_what_grows_or_turns_over_begins_anew() -> None:
    first = reducing.look(began(), books((*BTC, "10")), T0)
    grown = reducing.look(first.now, books((*BTC, "20")), T0 + 3 * MINUTE)
    assert closes(grown) == [("BTCUSDT", Side.SELL, Decimal(4))], "a fifth of twenty"
    turned = reducing.look(first.now, books((*BTC, "-5")), T0 + 3 * MINUTE)
    assert closes(turned) == [("BTCUSDT", Side.BUY, Decimal(1))]


def test_a_step_too_small_waits_and_dust_at_the_end_is_said() -> None:
    lot = INSTRUMENTS["BTCUSDT"].min_quantity
    tiny = str(lot * 2)
    now = reducing.look(began(), books((*BTC, tiny), price=None), T0)
    assert not now.closes
    assert not now.left_over, "it is to be sold later"
    assert not now.is_over
    dust = reducing.look(began("1"), books((*BTC, str(lot / 10)), price=None), T0)
    assert [each.refused.code for each in dust.left_over] == ["QUANTITY_TOO_SMALL"]
    assert dust.is_over


@pytest.mark.parametrize(
    ("scope", "sold"),
    [({}, {"BTCUSDT", "ETHUSDT"}), ({"symbol": "BTCUSDT"}, {"BTCUSDT"}), ({"strategy_id": "other"}, {"ETHUSDT"})],
)
def test_it_keeps_to_its_scope(scope: dict[str, str], sold: set[str]) -> None:
    found = reducing.look(began(**scope), books((*BTC, "10"), ("other", "ETHUSDT", "10")), T0)
    assert {close.symbol for close in found.closes} == sold


def test_it_comes_back_from_disk_as_it_was() -> None:
    now = reducing.look(began(symbol="BTCUSDT"), books((*BTC, "10")), T0).now
    assert reducing.of_deadline(reducing.as_deadline(now)) == now
    with pytest.raises(ValueError, match="cannot be read"):
        reducing.of_deadline(reducing.as_deadline(now).model_copy(update={"payload": '{"held": []}'}))


def test_the_same_look_makes_the_same_intent_and_the_next_another() -> None:
    look = reducing.look(began(), books((*BTC, "10")), T0)
    one = reducing.close_intent(look.now, look.closes[0], None, T0)
    assert one == reducing.close_intent(look.now, look.closes[0], None, T0)
    later = reducing.look(look.now, books((*BTC, "8")), T0 + MINUTE)
    assert reducing.close_intent(later.now, later.closes[0], None, T0).action_key != one.action_key


@given(
    st.decimals("0.001", 1000, places=3),
    st.sampled_from([1, -1]),
    st.decimals("0.05", 1, places=2),
    st.lists(st.tuples(st.integers(0, 90), st.decimals(0, 1, places=2), st.booleans()), max_size=25),
)
def test_it_never_turns_over_or_enlarges_whatever_fills_when(
    quantity: Decimal, sign: int, share: Decimal, story: list[tuple[int, Decimal, bool]]
) -> None:
    """Each close fills in part, and its rest may go on working while the next look is made."""
    left, now, at_ns = quantity * sign, began(str(share)), T0
    working: list[OrderRow] = []
    for after_s, filled_share, stays in story:
        at_ns += after_s * 10**9
        found = reducing.look(now, books((*BTC, str(left)), orders=tuple(working)), at_ns)
        now = found.now
        before = left
        for row in working:
            left += row.leaves * row.ticket.side.sign  # all that may still fill does
        working = []
        for close in found.closes:
            part = (close.quantity * filled_share).quantize(Decimal("0.001"))
            left += part * close.side.sign
            if stays and part < close.quantity:
                working = [exit_order(str(close.quantity), str(part), close.side)]
        assert abs(left) <= abs(before)
        assert left * before >= 0
