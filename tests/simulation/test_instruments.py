"""Trading rules that change while the house runs: in force for the next order, without a restart."""

from decimal import Decimal

import pytest

from actors import addresses
from bulkhead.chaos.model.market import INSTRUMENTS
from bulkhead.chaos.model.ports import ModelOrders
from messages.codes import ErrorCode
from messages.instruments import Instrument, InstrumentsRecorded
from messages.orders import OrderTicket
from messages.records import FailureRecorded, IntentStatusChanged, OrderRecorded
from messages.values import Action, IntentStatus
from tests.simulation.conftest import NS_PER_S, Run, StartRun

DAY_S = 86_400
COARSE = Decimal("0.5")


def port_of(run: Run) -> ModelOrders:
    orders = run.house.parts.orders
    assert isinstance(orders, ModelOrders)
    return orders


def change(run: Run, version: str, symbol: str, **changes: object) -> None:
    """What the venue will say from now on."""
    port = port_of(run)
    port.listed = {key: rules.model_copy(update={"version": version}) for key, rules in port.listed.items()}
    port.listed[symbol] = port.listed[symbol].model_copy(update=changes)


def ask_anew(run: Run) -> None:
    """As if the date had changed: the master asks at its next look."""
    book = run.host.behaviour(addresses.INSTRUMENT_MASTER)._book  # type: ignore[union-attr]
    yesterday_ns = run.host.now_ns() - DAY_S * NS_PER_S
    book.install(rules.model_copy(update={"as_of_ns": yesterday_ns}) for rules in book.current.values())


def created(run: Run) -> list[OrderRecorded]:
    return [record for record in run.house.records(OrderRecorded) if record.change == "created"]


def test_a_changed_lot_and_tick_take_effect_for_the_next_order(start: StartRun) -> None:
    run = start(seed=5)
    run.work(120)
    assert {row.order.instruments_version for row in created(run)} == {"model-1"}
    count = len(created(run))
    change(run, "model-2", "BTCUSDT", lot_size=COARSE, min_quantity=COARSE)
    ask_anew(run)
    run.work(70)
    (record,) = run.house.records(InstrumentsRecorded)
    assert record.version == "model-2"
    told_at = next(event.at_ns for event in run.house.memory.events if event.type == "InstrumentsRecorded")
    run.work(240)
    later = [row.order for row in created(run)[count:] if row.order.created_ns > told_at + NS_PER_S]
    assert {row.instruments_version for row in later} == {"model-2"}
    sized = [row.ticket.quantity for row in later if row.ticket.symbol == "BTCUSDT"]
    assert sized, "the strategy sizes by the new lot, and the precheck lets it through"
    assert all(quantity % COARSE == 0 for quantity in sized)
    assert [row for row in created(run)[:count] if row.order.ticket.quantity % COARSE], "which it did not before"
    assert run.house.epoch(addresses.OMS) == run.house.epoch(addresses.strategy("heads")) == 1
    run.settle()
    assert run.house.differences() == ()


def test_a_symbol_that_stops_trading_is_not_entered_and_may_be_left(start: StartRun) -> None:
    run = start(seed=8)
    run.until(lambda: any(row.order.ticket.symbol == "ETHUSDT" for row in created(run)))
    change(run, "model-2", "ETHUSDT", is_trading=False, status="BREAK")
    ask_anew(run)
    run.work(70)
    told_at = run.host.now_ns()

    def refused() -> set[str | None]:
        said = run.house.records(IntentStatusChanged)
        return {each.code for each in said if each.status is IntentStatus.REJECTED}

    # A split entry that was under way waits for its next part until it expires; then the strategy asks anew.
    run.until(lambda: ErrorCode.INSTRUMENT_NOT_TRADING in refused(), patience_s=1_200, step_s=20)

    def after(symbol: str) -> list[OrderTicket]:
        rows = [row.order for row in created(run) if row.order.created_ns > told_at]
        return [row.ticket for row in rows if row.ticket.symbol == symbol]

    run.until(lambda: bool(after("BTCUSDT")), patience_s=1_200, step_s=20)  # the other goes on
    assert not [ticket for ticket in after("ETHUSDT") if ticket.intent_type.is_entry]
    assert refused() == {ErrorCode.INSTRUMENT_NOT_TRADING}


def test_a_restarted_order_manager_knows_the_version_of_today(start: StartRun) -> None:
    run = start(seed=5)
    change(run, "model-2", "ETHUSDT", is_trading=False)
    run.work(70)
    run.house.poison(addresses.OMS)
    run.until(lambda: run.house.epoch(addresses.OMS) == 2)
    assert run.house.oms._seat.instruments["ETHUSDT"].version == "model-2"
    assert run.house.oms._seat.instruments["ETHUSDT"].is_trading is False


@pytest.mark.code("INSTRUMENTS_STALE")
@pytest.mark.parametrize(("days", "is_refused"), [(1.9, False), (2.1, True)])
def test_rules_of_two_days_ago_stop_entries_and_nothing_else(start: StartRun, days: float, is_refused: bool) -> None:
    """The venue has not told its rules since; the days pass in one step, since nobody needs to live through them."""
    run = start(seed=5)
    run.work(70)  # the first answer of the venue gives the rules their age
    port_of(run).is_mute = True
    book = run.host.behaviour(addresses.INSTRUMENT_MASTER)._book  # type: ignore[union-attr]
    ago_ns = run.host.now_ns() - int(days * DAY_S * NS_PER_S)
    book.install(rules.model_copy(update={"as_of_ns": ago_ns}) for rules in book.current.values())
    run.work(60)  # said again
    began_ns = run.host.now_ns()
    run.work(300)
    assert run.house.gate.is_open
    reported = [record.failure.mode.value for record in run.house.records(FailureRecorded)]
    assert reported == ["instruments_old"]
    orders = [row.order for row in created(run) if row.order.created_ns > began_ns]
    entries = [row for row in orders if row.ticket.intent_type.is_entry]
    codes = {record.code for record in run.house.records(IntentStatusChanged)}
    assert bool(entries) is not is_refused
    assert (ErrorCode.INSTRUMENTS_STALE in codes) is is_refused
    leaving = [made for made in run.house.memory.decisions if made.decision.action is Action.EXIT]
    assert leaving
    port_of(run).is_mute = False
    run.work(130)
    assert [record.failure.recovered for record in run.house.records(FailureRecorded)] == [False, True]
    began_ns = run.host.now_ns()
    run.work(120)
    assert [row for row in created(run) if row.order.created_ns > began_ns and row.order.ticket.intent_type.is_entry]


def test_every_instrument_of_the_model_has_an_age_once_it_was_asked(start: StartRun) -> None:
    run = start(seed=5)
    assert all(rules.as_of_ns is None for rules in INSTRUMENTS.values())
    run.work(70)
    known: dict[str, Instrument] = run.house.oms._seat.instruments
    assert {rules.as_of_ns is not None for rules in known.values()} == {True}
