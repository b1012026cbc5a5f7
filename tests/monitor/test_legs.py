"""The trade log: each order that has ended is a leg, with the trade that it belongs to."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from bulkhead.monitor.legs import Leg, legs, write_trade_log
from messages.portfolio import RoundTrip
from messages.records import FillRecorded, OrderRecorded
from messages.values import OrderStatus, Side
from tests.monitor.sessions import Session, at, fill, order, trip_of, write_round_trip

BUY, SELL = Side.BUY, Side.SELL


def trip(n: int, entry_ns: int, exit_ns: int) -> RoundTrip:
    return trip_of(n, entry_ns, exit_ns).trade


def ended(n: int, status: OrderStatus, filled: str, at_ns: int, side: Side = BUY) -> OrderRecorded:
    return order(n, status, status.value.lower(), at_ns, side=side, filled=filled)


def made(*records: FillRecorded | OrderRecorded, trips: tuple[RoundTrip, ...] = ()) -> list[Leg]:
    return list(legs(records, trips))


@pytest.mark.req("D-03")
def test_each_end_is_told_with_slippage_and_fill_ratio_of_its_side() -> None:
    bought, sold, failed, refused = made(
        fill(1, 1, "0.2", at(1), price="64016.551"),
        ended(1, OrderStatus.EXPIRED, "0.2", at(2)),
        fill(2, 1, "0.5", at(3), price="64016.551", side=SELL),
        ended(2, OrderStatus.FILLED, "0.5", at(4), side=SELL),
        ended(3, OrderStatus.EXPIRED, "0", at(5)),
        ended(4, OrderStatus.REJECTED, "0", at(6)),
    )
    assert (bought.trade_result, bought.buy_fill_ratio, bought.sell_fill_ratio) == ("partial", Decimal("0.4"), None)
    assert (bought.buy_slippage_bps, bought.sell_slippage_bps) == (Decimal("0.999998"), None)
    assert (sold.trade_result, sold.sell_fill_ratio, sold.buy_fill_ratio) == ("filled", Decimal(1), None)
    assert sold.sell_slippage_bps == Decimal("-0.999998"), "sold above the middle of the market"
    assert (failed.trade_result, failed.buy_fill_ratio, failed.buy_slippage_bps) == ("failed", Decimal(0), None)
    assert refused.trade_result == "rejected"


def test_a_leg_bears_the_id_of_its_round_trip_and_else_the_one_that_it_will_have() -> None:
    trips = (trip(7, at(1), at(4)), trip(8, at(4), at(9)))
    found = made(
        fill(1, 1, "0.5", at(1)),
        ended(1, OrderStatus.FILLED, "0.5", at(1)),
        ended(2, OrderStatus.EXPIRED, "0", at(2), side=SELL),
        fill(3, 1, "0.5", at(4), side=SELL),
        ended(3, OrderStatus.FILLED, "0.5", at(4), side=SELL),
        fill(4, 1, "0.5", at(4)),
        ended(4, OrderStatus.FILLED, "0.5", at(4)),
        ended(5, OrderStatus.EXPIRED, "0", at(10)),
        fill(6, 1, "0.5", at(11)),
        ended(6, OrderStatus.FILLED, "0.5", at(11)),
        fill(7, 1, "0.1", at(12), side=SELL),
        ended(7, OrderStatus.EXPIRED, "0.1", at(12), side=SELL),
        trips=trips,
    )
    of_the_open_one = "trend:sim:BTCUSDT:61"
    assert [leg.trade_id for leg in found] == [
        "trade-7", "trade-7", "trade-7", "trade-8", None, of_the_open_one, of_the_open_one,
    ]  # fmt: skip


def test_a_late_fill_makes_its_leg_once_more_and_whole() -> None:
    first, second = made(
        fill(1, 1, "0.2", at(1)),
        ended(1, OrderStatus.CANCELLED, "0.2", at(2)),
        fill(1, 2, "0.3", at(1), price="64020"),
        ended(1, OrderStatus.FILLED, "0.5", at(3)),
    )
    assert (first.trade_result, second.trade_result) == ("partial", "filled")
    assert first.buy_slippage_bps is not None
    assert second.buy_slippage_bps is not None
    assert second.buy_slippage_bps > first.buy_slippage_bps


def test_the_smallest_prices_and_the_wildest_slippage_have_a_line() -> None:
    tiny = "0.000000000000000123"
    (leg,) = made(
        fill(1, 1, "0.3", at(1), price=tiny),
        order(1, OrderStatus.EXPIRED, "expired", at(2), filled="0.3", price=tiny),
    )
    assert leg.price == Decimal(tiny)
    assert leg.buy_slippage_bps == -10_000
    wild = fill(2, 1, "0.3", at(1)).model_copy(update={"decision_price": Decimal("1e-28")})
    (leg,) = made(wild, ended(2, OrderStatus.EXPIRED, "0.3", at(2)))
    assert leg.buy_slippage_bps is not None
    assert leg.buy_slippage_bps > 10**30


@pytest.mark.req("D-03")
def test_it_is_written_from_the_session_and_can_be_written_again(tmp_path: Path) -> None:
    session = Session(tmp_path, "S1")
    write_round_trip(session)
    path = write_trade_log(session.path)
    text = path.read_text()
    found = [json.loads(line) for line in text.splitlines()]
    assert [leg["trade_result"] for leg in found] == ["filled", "filled"]
    assert {leg["trade_id"] for leg in found} == {"trade-1"}
    names = {"trade_id", "symbol", "buy_slippage_bps", "sell_slippage_bps", "buy_fill_ratio", "sell_fill_ratio"}
    assert names <= found[0].keys()
    assert write_trade_log(session.path).read_text() == text
