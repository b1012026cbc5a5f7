"""What a risk guard is told at its start: the day's counts, the latest of each kind, and who armed what again."""

from decimal import Decimal

import pytest

from bulkhead.ledger.sqlite import SqliteLedger
from messages.failure import LimitRearmed, RiskTripped
from messages.records import Record, RiskTripRecorded, RoundTripRecorded
from messages.risk_history import LimitRearmRecorded, LoadRiskHistory, RiskHistoryLoaded
from messages.values import OrderStatus, StopLevel
from tests.ledger.stories import SECOND_NS, START_NS, entry, fill_recorded, intent_recorded, order_recorded, round_trip


def put(ledger: SqliteLedger, *records: Record, at_ns: int = START_NS) -> None:
    for record in records:
        ledger.append([entry(record, at_ns)])


def read(ledger: SqliteLedger, since_s: int = 0, latest: int = 100) -> RiskHistoryLoaded:
    return ledger.load_risk_history(LoadRiskHistory(day_start_ns=START_NS + since_s * SECOND_NS, latest=latest))


def ended(number: int, at_s: int = 0, child: int = 0) -> Record:
    return order_recorded(number, OrderStatus.REJECTED, START_NS + at_s * SECOND_NS, child)


def finished(number: int, at_s: int) -> Record:
    trade = round_trip(number).model_copy(update={"exit_ns": START_NS + at_s * SECOND_NS, "pnl": Decimal(-number)})
    return RoundTripRecorded(trade=trade)


def tripped(limit_name: str, rearm: str = "operator") -> Record:
    return RiskTripRecorded(
        trip=RiskTripped(
            code="RISK_GUARD_TRIPPED",
            limit_name=limit_name,
            value="1",
            limit="1",
            detail="d",
            level=StopLevel.SOFT,
            scope="all",
            portfolio=None,
            execution_quality={},
            rearm=rearm,
        )
    )


def rearmed(limit_name: str, *, by_operator: bool = True) -> Record:
    return LimitRearmRecorded(rearm=LimitRearmed(limit_name=limit_name, by_operator=by_operator, at_ns=START_NS))


def test_an_empty_ledger_has_no_past(ledger: SqliteLedger) -> None:
    found = read(ledger)
    assert found == RiskHistoryLoaded(day_start_ns=START_NS, orders_today=0, trades_today=0)


@pytest.mark.req("S-07")
def test_orders_and_trades_are_those_of_the_day_and_a_split_intent_is_one(ledger: SqliteLedger) -> None:
    for number, at_s in ((1, 0), (2, 9), (3, 10)):
        put(ledger, intent_recorded(number), at_ns=START_NS + at_s * SECOND_NS)
    put(ledger, order_recorded(3), order_recorded(4, child=1))
    put(ledger, finished(1, 9), finished(2, 10), finished(3, 11))
    assert (read(ledger).orders_today, read(ledger).trades_today) == (3, 3)
    assert (read(ledger, 10).orders_today, read(ledger, 10).trades_today) == (1, 2)


def test_the_latest_of_each_kind_come_oldest_first(ledger: SqliteLedger) -> None:
    put(ledger, *(ended(number, number) for number in range(1, 5)), order_recorded(9))
    put(ledger, *(fill_recorded(number) for number in range(1, 5)))
    put(ledger, *(finished(number, number) for number in range(1, 5)))
    found = read(ledger, latest=3)
    assert [order.ticket.client_order_id for order in found.ended_orders] == ["o2", "o3", "o4"]
    assert [row.fill.fill_id[-1] for row in found.fills] == ["2", "3", "4"]
    assert found.fills[0].decision_price is not None
    assert [trade.pnl for trade in found.trades] == [-2, -3, -4]


def test_of_each_limit_the_latest_trip_and_the_latest_word_of_an_operator(ledger: SqliteLedger) -> None:
    put(ledger, tripped("max_drawdown"), at_ns=START_NS + 1)
    put(ledger, tripped("max_drawdown"), at_ns=START_NS + 2)
    put(ledger, tripped("max_late_share", "automatic"), at_ns=START_NS + 3)
    put(ledger, rearmed("max_drawdown"), at_ns=START_NS + 4)
    put(ledger, rearmed("max_late_share", by_operator=False), at_ns=START_NS + 5)
    found = read(ledger)
    assert found.tripped_ns == {"max_drawdown": START_NS + 2}
    assert found.rearmed_ns == {"max_drawdown": START_NS + 4}


def test_no_question_reads_all_of_history(ledger: SqliteLedger) -> None:
    texts: list[str] = []
    ledger.connection.exec_driver_sql("SELECT 1")
    for query in (
        "SELECT count(*) FROM order_intents WHERE created_ns >= 1",
        "SELECT count(*) FROM trades WHERE exit_ns >= 1",
        "SELECT * FROM trades ORDER BY exit_ns DESC LIMIT 5",
        "SELECT * FROM fills ORDER BY seq DESC LIMIT 5",
        "SELECT * FROM orders WHERE is_open IS 0 ORDER BY seq DESC LIMIT 5",
        "SELECT max(seq) FROM risk_events WHERE type = 'x' GROUP BY limit_name",
    ):
        plan = ledger.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
        texts += [str(row[3]) for row in plan]
    assert texts
    assert all("USING" in text and "INDEX" in text for text in texts if "TEMP B-TREE" not in text), texts
