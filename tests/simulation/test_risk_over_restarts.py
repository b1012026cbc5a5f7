"""Killed and started again, the whole house: no count and no loss of the day is given back."""

from decimal import Decimal

import pytest

from bulkhead.chaos import house
from messages.records import IntentRecorded, OrderRecorded, PortfolioRecorded, RiskRefusalRecorded, RiskTripRecorded
from messages.values import StopLevel
from tests.simulation.conftest import Run, StartRun


def killed(run: Run) -> Run:
    """Its process is gone from one instant to the next; only what is on disk is left."""
    run.house.file.close()
    return run


def entries(run: Run) -> int:
    """Orders that open or enlarge, over all runs."""
    tickets = [record.order.ticket for record in run.house.records(OrderRecorded)]
    return len({ticket.client_order_id for ticket in tickets if ticket.intent_type.is_entry})


def approved(run: Run) -> int:
    """Intents that open or enlarge, over all runs. What was approved before is worked on: its children come later."""
    return sum(record.intent.intent_type.is_entry for record in run.house.records(IntentRecorded))


def refusals(run: Run, code: str) -> int:
    return sum(record.refusal.code == code for record in run.house.records(RiskRefusalRecorded))


@pytest.mark.req("S-07")
def test_the_days_orders_are_counted_on(start: StartRun, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("max_orders_per_day", 30), ("max_orders_per_s", 10)):
        monkeypatch.setitem(house.WIDE_LIMITS, name, most)
    first = start(seed=3)
    first.until(lambda: refusals(first, "RISK_ORDERS_PER_DAY") > 0, patience_s=300)
    made = approved(first)
    assert made > 5
    second = start(seed=3, before=killed(first))
    second.open_gate()
    second.work(60)
    assert approved(second) == made, "not one more on this day"
    assert refusals(second, "RISK_ORDERS_PER_DAY") > 1


@pytest.mark.req("S-07", "P-08")
@pytest.mark.parametrize("limit_name", ["max_daily_loss", "max_drawdown"])
def test_a_loss_before_the_kill_trips_after_it(
    start: StartRun, monkeypatch: pytest.MonkeyPatch, limit_name: str
) -> None:
    """It is lost by the first run, which has no limit; the second one has, and makes not one entry."""
    first = start(seed=3)
    first.work(180)
    last = first.house.records(PortfolioRecorded)[-1].snapshot
    lost = {"max_daily_loss": -last.day_pnl, "max_drawdown": last.drawdown}[limit_name]
    assert lost > 1, "a die is no good trader"
    made = entries(first)
    second_limit = (lost * Decimal("0.8")).quantize(Decimal("0.01"))
    monkeypatch.delitem(house.WIDE_LIMITS, "max_drawdown")
    monkeypatch.delitem(house.WIDE_LIMITS, "max_daily_loss")
    monkeypatch.setitem(house.WIDE_LIMITS, limit_name, str(second_limit))
    second = start(seed=3, before=killed(first))
    second.until(lambda: bool(second.house.records(RiskTripRecorded)), patience_s=30)
    second.work(30)
    trips = {record.trip.limit_name for record in second.house.records(RiskTripRecorded)}
    assert limit_name in trips
    assert second.house.gate.level() >= StopLevel.MEDIUM
    assert entries(second) == made
