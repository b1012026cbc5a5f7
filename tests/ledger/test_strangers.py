"""What is not ours is remembered, and so is what an operator said of it, over restarts and revisions."""

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from bulkhead.ledger.rebuild import check_tables
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from messages.adjustments import BY_OPERATOR, AdjustmentKind
from messages.operator import StrangerSettled
from messages.records import OrphanFillSeen, Record
from messages.strangers import Settlement, StrangerKind, Verdict
from messages.values import OrderStatus
from tests.ledger.stories import START_NS, adjustment, entry, fill_recorded, foreign, opening, order_recorded, orphan


def put(ledger: SqliteLedger, *records: Record) -> list[int]:
    """The seq of each record's event."""
    return [event.seq for record in records for event in ledger.append([entry(record)])]


def settled(verdict: Verdict, kind: StrangerKind = StrangerKind.ORDER, number: str = "1") -> StrangerSettled:
    return StrangerSettled(
        kind=kind, symbol="BTCUSDT", number=number, verdict=verdict, operator="me", reason="so", at_ns=START_NS
    )


def rebuilt_alike(path: Path) -> None:
    reader = LedgerReader(path)
    assert check_tables(reader) == ()
    reader.close()


@pytest.mark.req("X-08")
def test_what_is_not_ours_comes_back_as_it_was_first_seen(ledger: SqliteLedger, path: Path) -> None:
    seqs = put(ledger, foreign(1), orphan(7), foreign(1))
    order, execution = ledger.load_recovery().known.strangers
    assert (order.key, order.verdict, order.order, order.seq) == (
        "order:BTCUSDT:1",
        Verdict.SEEN,
        foreign(1).order,
        seqs[0],
    )
    assert (execution.key, execution.execution) == ("fill:BTCUSDT:7", orphan(7).execution)
    ledger.close()
    rebuilt_alike(path)


def test_a_decision_stands_whatever_is_seen_later(ledger: SqliteLedger, path: Path) -> None:
    put(ledger, foreign(1), settled(Verdict.IGNORED), foreign(1))
    put(ledger, settled(Verdict.IGNORED, StrangerKind.FILL, "never-seen"), orphan(7))
    known = {each.key: each for each in ledger.load_recovery().known.strangers}
    assert known["order:BTCUSDT:1"].verdict is Verdict.IGNORED
    assert known["order:BTCUSDT:1"].decided_ns == START_NS
    assert known["order:BTCUSDT:1"].order == foreign(1).order
    assert known["fill:BTCUSDT:never-seen"].execution is None
    assert known["fill:BTCUSDT:7"].verdict is Verdict.SEEN
    ledger.close()
    rebuilt_alike(path)


def test_an_execution_that_became_a_fill_of_ours_is_no_stranger(ledger: SqliteLedger) -> None:
    put(ledger, opening(), orphan(7), orphan(8), order_recorded(7), fill_recorded(7))
    assert [each.number for each in ledger.load_recovery().known.strangers] == ["8"]


def test_the_growth_of_an_order_that_became_ours_is_no_strangers_whatever_its_steps(ledger: SqliteLedger) -> None:
    """Seen at 1 and at 2 while it was nobody's, claimed, and booked at 2 in one step."""
    steps = [orphan(7).execution.model_copy(update={"execution_id": f"{number}@{at}"}) for number, at in _STEPS]
    steps = [step.model_copy(update={"venue_order_id": step.execution_id[:2]}) for step in steps]
    row = order_recorded(7, OrderStatus.FILLED)
    ours = row.order.model_copy(update={"venue_order_id": "v7", "filled": Decimal(2), "filled_notional": Decimal(200)})
    put(ledger, opening(), *(OrphanFillSeen(execution=step) for step in steps), row.model_copy(update={"order": ours}))
    assert [each.number for each in ledger.load_recovery().known.strangers] == ["v8@1"]


_STEPS = (("v7", 1), ("v8", 1), ("v7", 2))


def test_a_restart_knows_what_an_operator_settled_and_when(ledger: SqliteLedger) -> None:
    adopted = {"kind": AdjustmentKind.ADOPTED, "asset": "BTC", "symbol": "BTCUSDT", "strategy_id": "momentum"}
    seqs = put(
        ledger,
        opening(),
        adjustment(1),
        adjustment(2, kind=AdjustmentKind.OTHER, source=BY_OPERATOR),
        adjustment(3, kind=AdjustmentKind.OTHER, source=BY_OPERATOR, effective_ns=START_NS + 5),
        adjustment(4, Decimal(1), **adopted, source=BY_OPERATOR, price=Decimal(100)),
    )
    known = ledger.load_recovery().known
    assert known.settlements == (
        Settlement(asset="BTC", seq=seqs[4], at_ns=START_NS),
        Settlement(asset="USDT", seq=seqs[3], at_ns=START_NS + 5),
    )
    assert known.adjustment_ids == ("sim:4",)
    assert known.opening_seq == seqs[0]


def test_the_revision_fills_in_what_older_versions_saw(ledger: SqliteLedger, path: Path) -> None:
    put(ledger, foreign(1), orphan(7), foreign(1), adjustment(1))
    ledger.close()
    connection = sqlite3.connect(path)
    connection.executescript(
        "DROP TABLE strangers; ALTER TABLE adjustments DROP COLUMN price; ALTER TABLE instruments DROP COLUMN"
        " tick_bands; DROP INDEX ix_order_intents_created; DROP INDEX ix_trades_exit; DROP INDEX ix_risk_events_limit;"
        " UPDATE alembic_version SET version_num='0003'"
    )
    connection.close()
    again = SqliteLedger(path)
    assert [each.key for each in again.load_recovery().known.strangers] == ["order:BTCUSDT:1", "fill:BTCUSDT:7"]
    again.close()
    rebuilt_alike(path)
