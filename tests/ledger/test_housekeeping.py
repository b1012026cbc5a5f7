"""What changes beside orders, fills and positions: aliases, deadlines, adjustments, settings, leases."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import postgresql

from bulkhead.ledger import schema
from bulkhead.ledger.apply_housekeeping import _insert_new_alias
from bulkhead.ledger.port import DuplicateRecord
from bulkhead.ledger.sqlite import SqliteLedger
from messages.catalogue import RECORDS
from messages.records import DeadlineCleared, LeaseReleased, OrderRecorded, Record
from tests.ledger.stories import (
    START_NS,
    adjustment,
    alias,
    config_snapshot,
    deadline,
    entry,
    fill_recorded,
    housekeeping,
    instruments,
    lease,
    order_recorded,
)


def put(ledger: SqliteLedger, *records: Record) -> None:
    ledger.append([entry(record) for record in records])


def rows(ledger: SqliteLedger, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in ledger.connection.exec_driver_sql(query)]


def numbered(number: int, venue_order_id: str) -> OrderRecorded:
    record = order_recorded(number)
    return record.model_copy(update={"order": record.order.model_copy(update={"venue_order_id": venue_order_id})})


# -- aliases ----------------------------------------------------------------------------------------------------------


def test_every_number_of_an_order_is_kept_when_it_is_amended(ledger: SqliteLedger) -> None:
    put(ledger, order_recorded(1), numbered(1, "901"))
    put(ledger, numbered(1, "902"), numbered(1, "902"), numbered(2, "903"))
    found = rows(ledger, "SELECT client_order_id, venue_order_id, seq FROM order_aliases ORDER BY seq")
    assert found == [("o1", "901", 2), ("o1", "902", 3), ("o2", "903", 5)]
    assert rows(ledger, "SELECT venue_order_id FROM orders") == [("902",), ("903",)]


def test_a_test_venue_that_begins_anew_may_give_a_number_again(ledger: SqliteLedger) -> None:
    put(ledger, numbered(1, "1"), numbered(2, "1"), fill_recorded(2))


def test_an_alias_adds_the_date_to_a_number_that_is_known(ledger: SqliteLedger) -> None:
    put(ledger, numbered(1, "901"), alias(1, "901", "20250101", "06"), numbered(1, "901"))
    found = rows(ledger, "SELECT venue_order_id, venue_date, branch FROM order_aliases")
    assert found == [("901", "20250101", "06")]
    with pytest.raises(DuplicateRecord):
        put(ledger, alias(2, "901", "20250101", "06"))


def test_the_statement_of_the_order_path_is_valid_for_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    text = str(_insert_new_alias.statement.compile(dialect=dialect))
    assert text.startswith("INSERT INTO order_aliases (client_order_id, venue_order_id, venue,")
    assert "WHERE NOT (EXISTS (SELECT" in text


# -- deadlines --------------------------------------------------------------------------------------------------------


def test_deadlines_are_there_until_they_are_cleared(ledger: SqliteLedger) -> None:
    put(ledger, deadline(1, 30), deadline(2, 10), deadline(3, 20))
    put(ledger, DeadlineCleared(deadline_id="d2", reason="answered"), deadline(1, 5))
    put(ledger, DeadlineCleared(deadline_id="never set", reason="?"))
    assert ledger.load_deadlines() == (deadline(1, 5), deadline(3, 20))


def test_a_deadline_is_there_or_not_with_the_order_it_belongs_to(ledger: SqliteLedger) -> None:
    put(ledger, fill_recorded(1))
    with pytest.raises(DuplicateRecord):
        put(ledger, deadline(1), fill_recorded(1))
    assert ledger.load_deadlines() == ()


# -- adjustments ------------------------------------------------------------------------------------------------------


def test_adjustments_are_in_the_sums_that_a_recovery_gets(ledger: SqliteLedger) -> None:
    put(ledger, adjustment(1, Decimal("0.1")), adjustment(2, Decimal("0.2")), adjustment(3, Decimal(-1), asset="BNB"))
    put(ledger, adjustment(4, Decimal("0E+3")))
    assert ledger.load_recovery().balance_changes == {"USDT": Decimal("0.3"), "BNB": Decimal(-1)}
    assert ledger.load_recovery().has_history


def test_an_adjustment_is_booked_once(ledger: SqliteLedger) -> None:
    put(ledger, adjustment(1))
    with pytest.raises(DuplicateRecord, match="adjustment_id"):
        put(ledger, adjustment(1, Decimal(7)))
    assert ledger.load_recovery().balance_changes == {"USDT": Decimal(500)}


# -- settings and leases ----------------------------------------------------------------------------------------------


def test_the_same_settings_again_change_nothing(ledger: SqliteLedger) -> None:
    put(ledger, config_snapshot('{"a":1}'), config_snapshot('{"a":2}'))
    assert rows(ledger, "SELECT content, seq FROM config_snapshots") == [('{"a":1}', 1)]


def test_a_lease_goes_to_the_higher_epoch_and_to_no_other(ledger: SqliteLedger) -> None:
    put(ledger, lease(3, "one"))
    for stale in (3, 2):
        with pytest.raises(DuplicateRecord, match="leases"):
            put(ledger, order_recorded(1), lease(stale, "two"))
    assert rows(ledger, "SELECT count(*) FROM orders") == [(0,)], "nothing of what came with it"
    put(ledger, lease(4, "two"))
    put(ledger, LeaseReleased(venue="sim", account="paper", epoch=3, at_ns=9))
    assert rows(ledger, "SELECT owner, epoch, released_ns FROM leases") == [("two", 4, None)]
    put(ledger, LeaseReleased(venue="sim", account="paper", epoch=4, at_ns=9))
    assert rows(ledger, "SELECT owner, epoch, released_ns FROM leases") == [("two", 4, 9)]
    put(ledger, lease(5, "one"))
    assert rows(ledger, "SELECT owner, epoch, released_ns FROM leases") == [("one", 5, None)]


def test_a_version_of_the_trading_rules_is_kept_once(ledger: SqliteLedger) -> None:
    put(ledger, instruments("v1"), instruments("v1", tick_size=Decimal("0.5")))
    put(ledger, instruments("v2", tick_size=Decimal("0.1"), is_trading=False, status="BREAK", sector="store of value"))
    query = "SELECT version, currency, tick_size, is_trading, status, sector, seq FROM instruments ORDER BY seq"
    assert rows(ledger, query) == [
        ("v1", "USDT", "0.01", 1, "TRADING", "", 1),
        ("v2", "USDT", "0.1", 0, "BREAK", "store of value", 3),
    ]


def test_an_order_names_the_version_it_was_checked_against(ledger: SqliteLedger) -> None:
    record = order_recorded(2)
    named = record.order.model_copy(update={"instruments_version": "v2"})
    put(ledger, order_recorded(1), record.model_copy(update={"order": named}))
    assert rows(ledger, "SELECT client_order_id, instruments_version FROM orders") == [("o1", None), ("o2", "v2")]
    assert [row.instruments_version for row in ledger.load_recovery().orders] == [None, "v2"]


def test_all_of_it_fits_into_one_append(ledger: SqliteLedger) -> None:
    assert ledger.append(housekeeping())[0].at_ns == START_NS


def test_the_document_names_every_table() -> None:
    text = (Path(__file__).parents[2] / "docs" / "LEDGER.md").read_text(encoding="utf-8")
    assert [name for name in schema.metadata.tables if f"`{name}`" not in text] == []
    assert [name for name in RECORDS if f"{name}" not in text] == []
