"""Who may write what: every record class has an owner, and the actors keep to it."""

import ast
from pathlib import Path

import pytest

from actors import addresses
from bulkhead.app import house
from bulkhead.ledger import owners
from bulkhead.ledger.owners import OWNERS, forbidden, may_write
from messages.catalogue import RECORDS
from messages.records import Record
from messages.values import OrderStatus
from tests.ledger.stories import (
    adjustment,
    fill_recorded,
    intent_recorded,
    opening,
    order_recorded,
    round_trip,
    session_started,
)

ROOT = Path(__file__).parents[2]
SENDERS = {
    "actors/oms.py": owners.OMS,
    "actors/order_keeper.py": owners.OMS,
    "actors/order_worker.py": owners.OMS,
    "actors/escaper.py": owners.OMS,
    "actors/reducer.py": owners.OMS,
    "actors/reconciler.py": owners.OMS,
    "actors/strangers.py": owners.OMS,
    "actors/bookkeeper.py": owners.PORTFOLIO,
    "actors/comparer.py": owners.PORTFOLIO,
    "actors/portfolio.py": owners.PORTFOLIO,
    "actors/risk_guard.py": owners.RISK_GUARD,
    "actors/failure_handler.py": owners.FAILURE_HANDLER,
    "actors/inbox.py": owners.INBOX,
    "actors/inbox_keeper.py": owners.INBOX,
    "bulkhead/app/desk.py": owners.DESK,
    "bulkhead/app/session.py": owners.SESSION,
    "actors/instrument_master.py": owners.INSTRUMENT_MASTER,
    "actors/market_watch.py": owners.MARKET_DATA,
}
"""Whose code stands where."""


def test_every_record_class_has_an_owner() -> None:
    assert OWNERS.keys() == set(RECORDS.values())
    assert all(OWNERS.values())


def test_no_class_stands_under_two_headings() -> None:
    assert sum(len(classes) for classes in owners._BY_OWNER.values()) == len(OWNERS)


def test_the_owners_are_named_as_the_actors_are() -> None:
    assert {owner for names in OWNERS.values() for owner in names} == {
        addresses.OMS,
        addresses.PORTFOLIO,
        addresses.RISK_GUARD,
        addresses.FAILURE_HANDLER,
        addresses.INSTRUMENT_MASTER,
        house.DESK,
        addresses.INBOX,
        addresses.market_data("any").partition(":")[0],
        owners.SESSION,
    }


@pytest.mark.parametrize("record", [intent_recorded(1), order_recorded(1, OrderStatus.FILLED), fill_recorded(1)])
def test_intents_orders_and_fills_are_written_by_the_oms_alone(record: Record) -> None:
    assert may_write("oms", record)
    for other in ("portfolio", "risk-guard", "failure-handler", "strategy:oms", "operator-desk", "session", "", "omsx"):
        assert not may_write(other, record)


def test_positions_money_and_round_trips_are_written_by_portfolio_alone() -> None:
    for name in ("PositionRecorded", "PortfolioRecorded", "RoundTripRecorded", "AdjustmentRecorded"):
        assert OWNERS[RECORDS[name]] == {"portfolio"}
    assert may_write("portfolio", opening())
    assert not may_write("oms", opening())
    assert round_trip(1).trade_id


def test_a_name_before_a_colon_stands_for_all_of_its_kind() -> None:
    assert may_write("oms:sim", fill_recorded(1))
    assert not may_write("strategy:portfolio", adjustment(1))


def test_what_is_forbidden_in_a_batch_is_named_once() -> None:
    batch = [fill_recorded(1), opening(), fill_recorded(2), session_started()]
    assert forbidden("portfolio", batch) == ("FillRecorded", "SessionStarted")
    assert forbidden("oms", [fill_recorded(1), order_recorded(1)]) == ()


def test_a_class_that_nobody_decided_about_is_nobodys() -> None:
    class Stranger(Record):
        pass

    assert not may_write("oms", Stranger())


@pytest.mark.parametrize("file", SENDERS)
def test_what_is_made_in_an_actors_file_is_its_own(file: str) -> None:
    """So that hooking the table in refuses nothing that is written today."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    made = {
        RECORDS[node.func.id]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RECORDS
    }
    assert [record.__name__ for record in made if SENDERS[file] not in OWNERS[record]] == []


def test_no_other_file_makes_records() -> None:
    """Whoever begins to write needs a line above, and a decision."""
    sources = [path for folder in ("actors", "supervisor") for path in (ROOT / folder).rglob("*.py")]
    for path in sources:
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        made = {node.func.id for node in calls if isinstance(node.func, ast.Name)} & RECORDS.keys()
        assert not made or path.relative_to(ROOT).as_posix() in SENDERS, f"{path.name} makes {made}"
