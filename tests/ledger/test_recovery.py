"""What a restart is given: all that is unfinished, the latest that ended, and exact sums over everything."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulkhead.ledger import schema
from bulkhead.ledger.apply import apply
from bulkhead.ledger.chain import GENESIS, link
from bulkhead.ledger.connect import close, open_memory
from bulkhead.ledger.recovery import load
from bulkhead.ledger.sqlite import SqliteLedger
from messages.catalogue import canonical, record_to_json
from messages.orders import Fill
from messages.records import FillRecorded, IntentStatusChanged, PortfolioRecorded, PositionRecorded, Record
from messages.values import IntentStatus, IntentType, OrderStatus, Side
from tests.ledger.generated import instances
from tests.ledger.stories import (
    FEE,
    PRICE,
    QUANTITY,
    SECOND_NS,
    START_NS,
    balance,
    entry,
    fill,
    fill_recorded,
    instruments,
    intent,
    intent_recorded,
    opening,
    order,
    order_recorded,
    portfolio,
    position,
    session_started,
)


def put(ledger: SqliteLedger, *records: Record) -> None:
    for record in records:
        ledger.append([entry(record)])


def test_an_empty_ledger_has_nothing_and_asks_for_everything(ledger: SqliteLedger) -> None:
    put(ledger, session_started())
    found = ledger.load_recovery()
    assert not found.has_history
    assert found.watermark_ns == 0
    assert (found.open_intents, found.orders, found.positions, found.fill_ids) == ((), (), (), ())
    assert found.last_portfolio is None
    assert found.opening_balances is None
    assert found.balance_changes == {}


def test_open_intents_are_those_not_ended(ledger: SqliteLedger) -> None:
    put(ledger, *(intent_recorded(number) for number in range(6)))
    ends = (IntentStatus.SUBMITTED, IntentStatus.DONE, IntentStatus.REJECTED, IntentStatus.FAILED)
    for number, status in enumerate(ends):
        put(ledger, IntentStatusChanged(intent_id=f"i{number}", status=status, reason="so"))
    assert ledger.load_recovery().open_intents == (intent(0), intent(4), intent(5))
    assert ledger.load_recovery().has_history


@pytest.mark.req("P-15")
def test_every_open_order_comes_with_the_latest_ended(ledger: SqliteLedger) -> None:
    for number, status in enumerate(OrderStatus):
        put(ledger, order_recorded(number, status))
    rows = [order(number, status) for number, status in enumerate(OrderStatus)]
    still_open = [row for row in rows if not row.status.is_terminal]
    ended = [row for row in rows if row.status.is_terminal]
    assert ledger.load_recovery().orders == (*ended, *still_open)
    assert ledger.load_recovery(tombstone_count=2).orders == (*ended[-2:], *still_open)
    assert ledger.load_recovery(tombstone_count=0).orders == tuple(still_open)


def test_positions_and_the_last_snapshot(ledger: SqliteLedger) -> None:
    put(ledger, opening(), opening_like_other_account(), PositionRecorded(position=position(Decimal(1), None)))
    put(ledger, PositionRecorded(position=position(Decimal("0.00999"), "f")))
    put(ledger, PortfolioRecorded(snapshot=portfolio(Decimal(1))), PortfolioRecorded(snapshot=portfolio(Decimal(2))))
    found = ledger.load_recovery()
    assert found.positions == (position(Decimal("0.00999"), "f"),)
    assert found.last_portfolio == portfolio(Decimal(2))
    assert found.opening_balances == (balance("USDT", Decimal(1_000_000)),)


def opening_like_other_account() -> Record:
    return opening(Decimal(5)).model_copy(update={"account": "other"})


def test_opening_balances_may_be_none_at_all(ledger: SqliteLedger) -> None:
    put(ledger, opening().model_copy(update={"balances": ()}))
    assert ledger.load_recovery().opening_balances == ()


def test_sums_are_kept_per_symbol_and_fee_asset(ledger: SqliteLedger) -> None:
    put(ledger, fill_recorded(1), fill_recorded(2), fill_recorded(3, side=Side.SELL))
    taxed = fill(4, side=Side.SELL).model_copy(update={"tax": Decimal("0.5"), "fee_asset": "BNB"})
    put(ledger, FillRecorded(fill=taxed, intent_type=IntentType.EXIT_FULL, source="query"))
    assert ledger.load_recovery().balance_changes == {
        "BTCUSDT:base": Decimal(0),
        "BTCUSDT:quote": Decimal("-0.5"),
        "BTC": -3 * FEE,
        "BNB": -FEE,
    }


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(instances(Fill), max_size=6, unique_by=lambda fill: fill.fill_id))
def test_the_kept_sums_are_the_sums_of_the_fills(fills: list[Fill]) -> None:
    connection = open_memory()
    try:
        schema.metadata.create_all(connection)
        for one in fills:
            record = FillRecorded(fill=one, intent_type=IntentType.ENTRY, source="stream")
            fields = record_to_json(record)
            about = {"type_name": "FillRecorded", "session_id": "s", "correlation_id": "c", "causation_id": None}
            event = link(GENESIS, at_ns=0, stream=record.stream, payload=canonical(fields), **about)  # type: ignore[arg-type]
            apply(connection, record, fields, event)
        found = load(connection, 0).balance_changes
    finally:
        close(connection)
    expected: defaultdict[str, Fraction] = defaultdict(Fraction)
    for one in fills:
        quantity = one.side.sign * Fraction(one.quantity)
        expected[f"{one.symbol}:base"] += quantity
        expected[f"{one.symbol}:quote"] -= quantity * Fraction(one.price) + Fraction(one.tax)
        expected[one.fee_asset] -= Fraction(one.fee)
    assert {name: Fraction(total) for name, total in found.items() if total} == {
        name: total for name, total in expected.items() if total
    }


def test_the_watermark_is_a_minute_before_the_oldest_doubt(ledger: SqliteLedger) -> None:
    def watermark_s() -> int:
        return (ledger.load_recovery().watermark_ns - START_NS) // SECOND_NS

    put(ledger, order_recorded(1, OrderStatus.REJECTED, START_NS + 100 * SECOND_NS))
    assert watermark_s() == 40
    put(ledger, fill_recorded(1, START_NS + 300 * SECOND_NS), fill_recorded(2, START_NS + 260 * SECOND_NS))
    put(ledger, fill_recorded(3, START_NS + 200 * SECOND_NS))
    assert watermark_s() == 240
    assert ledger.load_recovery().fill_ids == ("sim:BTCUSDT:2", "sim:BTCUSDT:1")
    put(ledger, order_recorded(4, OrderStatus.UNKNOWN, START_NS + 150 * SECOND_NS))
    assert watermark_s() == 90
    assert len(ledger.load_recovery().fill_ids) == 3


def test_the_watermark_is_never_before_time(ledger: SqliteLedger) -> None:
    put(ledger, fill_recorded(1, 5))
    assert ledger.load_recovery().watermark_ns == 0


def test_every_query_of_a_recovery_has_an_index(ledger: SqliteLedger) -> None:
    """Recovery must not grow with history: no full scan of the tables that do."""
    queries: list[str] = []
    driver = ledger.connection.connection.driver_connection
    assert driver is not None
    driver.set_trace_callback(queries.append)
    ledger.load_recovery()
    driver.set_trace_callback(None)
    selects = [query for query in queries if query.startswith("SELECT") and "EXISTS" not in query]
    assert len(selects) >= 8
    for query in selects:
        for row in driver.execute(f"EXPLAIN QUERY PLAN {query}").fetchall():
            plan = row[3]
            grows = any(f"SCAN {name}" in plan for name in ("orders", "fills", "order_intents", "portfolio_snapshots"))
            assert not grows or "INDEX" in plan or "LIMIT" in query, f"{plan}: {query}"


def test_a_price_times_a_quantity_is_exact(ledger: SqliteLedger) -> None:
    put(ledger, fill_recorded(1))
    assert ledger.load_recovery().balance_changes["BTCUSDT:quote"] == -QUANTITY * PRICE


def test_the_latest_trading_rules_are_known_and_which_symbols_the_books_need(ledger: SqliteLedger) -> None:
    assert (ledger.load_instruments(), ledger.load_booked_symbols()) == ({}, frozenset())
    put(ledger, instruments("v1"), instruments("v2", tick_size=Decimal("0.5")), instruments("v1"))
    put(ledger, intent_recorded(1), order_recorded(1), fill_recorded(1))
    (rules,) = ledger.load_instruments().values()
    assert rules == instruments("v2", tick_size=Decimal("0.5")).instruments[0], "the newest that was seen first"
    assert ledger.load_booked_symbols() == {"BTCUSDT"}
    put(ledger, PositionRecorded(position=position(QUANTITY, None)))
    assert ledger.load_owners() == {position(QUANTITY, None).strategy_id}
