"""Positions, fills and balances must say the same, and a disagreement is put in words."""

from collections.abc import Iterable
from decimal import Decimal

import pytest

from bulkhead.ledger.balances import BalanceCheck, check_balances, last_agreed, split_symbol
from bulkhead.ledger.chain import GENESIS, Head, link
from messages.catalogue import canonical, record_to_json
from messages.records import AccountObserved, FillRecorded, LedgerEvent, PositionRecorded, Record
from tests.ledger.stories import (
    FEE,
    PRICE,
    QUANTITY,
    adjustment,
    balance,
    fill,
    fill_recorded,
    opening,
    position,
    story,
)

HELD = QUANTITY - FEE
CASH = Decimal(1_000_000) - QUANTITY * PRICE


def events_of(records: Iterable[Record]) -> list[LedgerEvent]:
    head, events = GENESIS, []
    for record in records:
        fields = record_to_json(record)
        event = link(
            head,
            at_ns=0,
            stream=record.stream,
            type_name=fields["type"],
            session_id="s",
            correlation_id="c",
            causation_id=None,
            payload=canonical(fields),
        )
        events.append(event)
        head = Head(event.seq, event.hash)
    return events


def observed(usdt: Decimal = CASH, btc: Decimal = HELD, **differences: str) -> AccountObserved:
    balances = (balance("USDT", usdt), balance("BTC", btc))
    return AccountObserved(venue="sim", account="paper", balances=balances, differences=differences, at_ns=0)


def held(quantity: Decimal = HELD, last: int = 1) -> PositionRecorded:
    return PositionRecorded(position=position(quantity, f"sim:BTCUSDT:{last}"))


def check(*records: Record) -> BalanceCheck:
    events = events_of(records)
    seq = last_agreed(events)
    assert seq is not None
    return check_balances(events, seq)


def test_books_that_agree() -> None:
    assert check(opening(), fill_recorded(1), held(), observed()) == ((), 4, ())


def test_adjustments_count_for_the_balance_and_a_split_for_the_position_too() -> None:
    deposit = adjustment(1, Decimal(500))
    assert check(opening(), fill_recorded(1), held(), deposit, observed(CASH + 500)).errors == ()
    (error,) = check(opening(), fill_recorded(1), held(), deposit, observed(CASH)).errors
    assert "USDT" in error
    elsewhere = adjustment(2, account="other")
    assert check(opening(), fill_recorded(1), held(), elsewhere, observed()).errors == ()
    more = {"kind": "SPLIT", "asset": "BTC", "symbol": "BTCUSDT", "strategy_id": "momentum"}
    split = adjustment(3, HELD, **more)
    after = PositionRecorded(position=position(2 * HELD, "sim:BTCUSDT:1"))
    assert check(opening(), fill_recorded(1), held(), split, after, observed(btc=2 * HELD)).errors == ()
    (error,) = check(opening(), fill_recorded(1), held(), split, observed(btc=2 * HELD)).errors
    assert error.startswith("the position in BTCUSDT is")


def test_what_an_operator_adopts_counts_for_both_and_what_is_ignored_for_the_balance_alone() -> None:
    more = {"kind": "ADOPTED", "asset": "BTC", "symbol": "BTCUSDT", "strategy_id": "momentum", "price": PRICE}
    adopted, ignored = adjustment(3, Decimal("0.5"), **more), adjustment(4, Decimal(-7), kind="OTHER")
    after = PositionRecorded(position=position(HELD + Decimal("0.5"), "sim:BTCUSDT:1"))
    seen = observed(CASH - 7, HELD + Decimal("0.5"))
    assert check(opening(), fill_recorded(1), held(), adopted, after, ignored, seen).errors == ()
    (error,) = check(opening(), fill_recorded(1), held(), adopted, ignored, seen).errors
    assert error.startswith("the position in BTCUSDT is")


def test_a_split_names_its_owner_and_only_what_is_adopted_has_a_price() -> None:
    with pytest.raises(ValueError, match="has a price, and nothing else"):
        adjustment(1, kind="OTHER", price=PRICE)
    with pytest.raises(ValueError, match="names the symbol and the strategy"):
        adjustment(1, kind="SPLIT", symbol="BTCUSDT")


def test_a_whole_session_agrees() -> None:
    assert check(*(each.record for batch in story(5) for each in batch)).errors == ()


def test_a_fill_that_portfolio_has_not_counted_yet_is_left_out() -> None:
    assert check(opening(), fill_recorded(1), held(), fill_recorded(2), observed()).errors == ()


def test_a_wrong_position_is_named() -> None:
    errors = check(opening(), fill_recorded(1), held(Decimal("0.01")), observed()).errors
    assert errors == ("the position in BTCUSDT is 0.01 and its fills give 0.00999",)


def test_a_position_that_no_fill_explains_is_named() -> None:
    errors = check(
        opening(), PositionRecorded(position=position(Decimal(1), None)), observed(Decimal(1_000_000))
    ).errors
    assert errors[0] == "the position in BTCUSDT is 1 and its fills give 0"
    assert errors[1].startswith("the venue has 0.00999 BTC")


def test_a_wrong_balance_is_named() -> None:
    errors = check(opening(), fill_recorded(1), held(), observed(CASH - 1)).errors
    assert errors == ("the venue has 999358.9988 USDT, and opening plus fills give 999359.9988",)


def test_no_opening_is_an_error() -> None:
    assert check(fill_recorded(1), held(), observed()).errors == ("no opening balances of sim/paper are recorded",)


def test_only_an_observation_without_differences_counts() -> None:
    events = events_of([observed(), observed(BTC="0.1 short")])
    assert last_agreed(events) == 1
    assert last_agreed(events[1:]) is None
    assert check_balances(events_of([opening()]), 1).errors == ("event 1 is not an AccountObserved",)


def test_a_symbol_that_does_not_spell_its_assets_needs_to_be_told() -> None:
    stock = fill(1).model_copy(update={"symbol": "005930", "fee_asset": "KRW", "tax": Decimal(2)})
    bought = FillRecorded(fill=stock, intent_type=fill_recorded(1).intent_type, source="stream")
    at = position(QUANTITY, stock.fill_id).model_copy(update={"symbol": "005930"})
    krw = Decimal(-2) - FEE - QUANTITY * PRICE + 1000
    seen = AccountObserved(
        venue="sim",
        account="paper",
        balances=(balance("KRW", krw), balance("005930", QUANTITY)),
        differences={},
        at_ns=0,
    )
    start = opening().model_copy(update={"balances": (balance("KRW", Decimal(1000)),)})
    events = events_of([start, bought, PositionRecorded(position=at), seen])
    assert check_balances(events, 4) == ((), 4, ("005930",))
    assert check_balances(events, 4, {"005930": ("005930", "KRW")}) == ((), 4, ())


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("BTCUSDT", ("BTC", "USDT")),
        ("BTC-USDT", ("BTC", "USDT")),
        ("KRW-BTC", ("BTC", "KRW")),
        ("ETHUSDT", None),
        ("BTC", None),
        ("AAA", None),
    ],
)
def test_symbols_are_split_by_the_assets_there_are(symbol: str, expected: tuple[str, str] | None) -> None:
    assert split_symbol(symbol, {"BTC", "USDT", "KRW", "A", "AA"}, {"KRW", "USDT"}) == expected
