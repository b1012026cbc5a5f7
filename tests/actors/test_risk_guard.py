"""RiskGuard: the only maker of approvals; a trip shuts the gate in the same instant, once."""

from decimal import Decimal

import pytest

from actors import addresses
from actors.risk_guard import RiskGuardActor
from bulkhead.risk.limits import RiskLimits
from messages.escapes import Escape, EscapeTrigger
from messages.failure import CancelEntries, RiskTripped, StopLevelTold
from messages.operator import IntentAdopted
from messages.orders import IntentClosed, OrdersTold
from messages.portfolio import TellState
from messages.records import LimitApproachRecorded, RiskRefusalRecorded, RiskTripRecorded
from messages.supervision import Busy
from messages.trading import RiskApproved, RiskRefused
from messages.values import OrderStatus, Origin, StopLevel
from supervisor.gate import Gate
from tests.actors.kit import Story, open_gate
from tests.execution.orders import order
from tests.risk.portfolios import exit_intent, intent, portfolio, update

OWNER = addresses.strategy("trend")


class Guard(Story):
    def __init__(self, epoch: int = 1, gate: Gate | None = None, **limits: object) -> None:
        self.gate = gate or open_gate()
        actor = RiskGuardActor(RiskLimits.model_validate({"max_consecutive_rejects": 3, **limits}), self.gate)
        super().__init__(actor, addresses.RISK_GUARD, epoch)
        self.start()

    def approved(self) -> list[str]:
        made = [body for name, body in self.ctx.told if name == addresses.OMS and isinstance(body, RiskApproved)]
        return [body.approved.intent_id for body in made]

    def refused(self) -> list[str]:
        return [body.code for body in self.ctx.tells(RiskRefused, OWNER)]


def test_an_intent_within_the_limits_is_approved_with_its_reasons() -> None:
    guard = Guard()
    guard.hear(portfolio(), intent(1))
    assert guard.approved() == ["i1"]
    (approval,) = [body for _, body in guard.ctx.told if isinstance(body, RiskApproved)]
    assert approval.reserved_notional >= Decimal(100)
    assert all("<=" in check or " " in check for check in approval.checks)


def test_without_a_portfolio_nothing_is_approved() -> None:
    guard = Guard()
    guard.hear(intent(1))
    assert guard.refused() == ["RISK_PORTFOLIO_MISSING"]


def test_a_refusal_is_told_and_recorded_with_its_numbers() -> None:
    guard = Guard(max_order_notional="50", dust_notional="1")
    guard.hear(portfolio(), intent(1))
    assert guard.approved() == []
    assert guard.refused() == ["RISK_ORDER_NOTIONAL"]
    (record,) = guard.ctx.records(RiskRefusalRecorded)
    assert Decimal(record.refusal.value) > Decimal(record.refusal.limit) == 50


def test_an_adopted_order_was_not_asked_about_and_counts_until_it_is_closed() -> None:
    guard = Guard(max_symbol_exposure="150", max_order_notional="120", dust_notional="1")
    guard.hear(portfolio(), IntentAdopted(intent=intent(1), reserved_notional=Decimal(100)), intent(2))
    assert guard.refused() == ["RISK_SYMBOL_EXPOSURE"]
    guard.hear(closed(1), intent(3))
    assert guard.approved() == ["i3"]


def closed(number: int) -> IntentClosed:
    return IntentClosed(intent_id=f"i{number}", symbol="BTCUSDT", filled=Decimal(0), filled_notional=Decimal(0))


@pytest.mark.lesson("L04")
def test_an_approval_reserves_its_exposure_until_the_intent_is_closed() -> None:
    guard = Guard(max_symbol_exposure="150", max_order_notional="120", dust_notional="1")
    guard.hear(portfolio(), intent(1), intent(2))
    assert guard.approved() == ["i1"]
    assert guard.refused() == ["RISK_SYMBOL_EXPOSURE"]
    guard.hear(closed(1), intent(3))
    assert guard.approved() == ["i1", "i3"]


@pytest.mark.req("TEST-712")
def test_the_same_decision_is_approved_once() -> None:
    guard = Guard()
    guard.hear(portfolio(), intent(1), intent(1), closed(1), intent(1))
    assert guard.approved() == ["i1"]
    assert guard.refused() == ["INTENT_DUPLICATE"] * 2


def test_an_exit_is_not_held_back_by_limits_on_entries() -> None:
    guard = Guard(max_order_notional="50", dust_notional="1")
    guard.hear(exit_intent(1))
    assert guard.approved() == ["i1"]


@pytest.mark.req("TEST-714")
@pytest.mark.req("P-09")
@pytest.mark.lesson("L22")
def test_a_trip_shuts_the_gate_once_and_tells_who_must_act() -> None:
    guard = Guard(max_daily_loss="100")
    loss = portfolio(day_pnl=Decimal(-100))
    guard.hear(loss, loss, loss)
    assert guard.gate.level() is StopLevel.MEDIUM
    (reason,) = guard.gate.reasons()
    assert reason.reason_id == "risk:max_daily_loss"
    assert reason.needs_operator
    assert len(guard.ctx.tells(CancelEntries, addresses.OMS)) == 1
    (trip,) = guard.ctx.tells(RiskTripped, addresses.FAILURE_HANDLER)
    assert trip.portfolio == loss
    assert len(guard.ctx.records(RiskTripRecorded)) == 1


@pytest.mark.lesson("L23")
@pytest.mark.lesson("L28")
@pytest.mark.parametrize(("pnl", "trips"), [("-99.99", False), ("-100", True), ("100", False), ("5000", False)])
def test_it_trips_by_loss_at_the_limit_and_never_by_profit(pnl: str, trips: bool) -> None:
    guard = Guard(max_daily_loss="100")
    guard.hear(portfolio(day_pnl=Decimal(pnl)))
    assert guard.gate.is_open is not trips


def test_a_trip_that_an_operator_has_lifted_can_trip_again() -> None:
    guard = Guard(max_daily_loss="100")
    guard.hear(portfolio(day_pnl=Decimal(-100)))
    guard.gate.lift("risk:max_daily_loss", by=None)
    guard.hear(portfolio(day_pnl=Decimal(-200)))
    assert not guard.gate.is_open


@pytest.mark.req("P-09", "S-09")
def test_a_hard_trip_gets_out_of_everything() -> None:
    guard = Guard(max_daily_loss="100", trip_level="HARD")
    guard.hear(portfolio(day_pnl=Decimal(-100)))
    (out,) = guard.ctx.tells(Escape, addresses.OMS)
    assert (out.trigger, out.is_closing, out.strategy_id, out.symbol) == (EscapeTrigger.RISK_GUARD, True, None, None)
    assert not guard.ctx.tells(CancelEntries)


def test_an_order_manager_that_died_over_the_plan_gets_it_again_while_the_trip_is_in_force() -> None:
    guard = Guard(max_daily_loss="100", trip_level="HARD")
    guard.hear(portfolio(day_pnl=Decimal(-100)))
    told = OrdersTold(orders=(), reserved_notional={})
    guard.hear(told)
    first, again = guard.ctx.tells(Escape, addresses.OMS)
    assert first == again
    guard.gate.lift("risk:max_daily_loss", by=None)
    guard.hear(told)
    assert len(guard.ctx.tells(Escape)) == 2


def test_rejects_in_a_row_trip() -> None:
    guard = Guard()
    for number in range(3):
        assert guard.gate.is_open
        guard.hear(update(OrderStatus.REJECTED, number=number))
    assert not guard.gate.is_open


@pytest.mark.req("S-19")
def test_coming_near_a_limit_is_recorded_once_each_time() -> None:
    guard = Guard(max_daily_loss="100")
    for pnl in ("-79", "-80", "-85", "-10", "-90"):
        guard.hear(portfolio(day_pnl=Decimal(pnl)))
    assert len(guard.ctx.records(LimitApproachRecorded)) == 2
    assert guard.gate.is_open


def test_a_restarted_guard_asks_for_what_is_in_flight_and_counts_it() -> None:
    guard = Guard(epoch=2, max_symbol_exposure="150", max_order_notional="120", dust_notional="1")
    assert guard.ctx.tells(TellState, addresses.OMS)
    in_flight = order(OrderStatus.UNKNOWN, quantity="1", intent_id="i9")
    guard.hear(OrdersTold(orders=(in_flight,), reserved_notional={"i9": Decimal(100)}), portfolio(), intent(1))
    assert guard.refused() == ["RISK_SYMBOL_EXPOSURE"]
    assert not Guard(epoch=1).ctx.told


@pytest.mark.code("BUSY")
@pytest.mark.lesson("L19")
def test_an_approval_that_the_order_manager_had_no_room_for_is_taken_back() -> None:
    guard = Guard(max_symbol_exposure="150", max_order_notional="120", dust_notional="1")
    guard.hear(portfolio(), intent(1))
    busy = Busy(to=addresses.OMS, message_id="m", message_type="RiskApproved", about="i1")
    guard.hear(busy, busy)
    assert guard.refused() == ["BUSY"], "told once"
    assert len(guard.ctx.records(RiskRefusalRecorded)) == 1
    guard.hear(intent(2))
    assert guard.approved() == ["i1", "i2"], "its reservation was given back"


def test_a_strategy_learns_the_level_in_force() -> None:
    guard = Guard()
    guard.hear(TellState(strategy_id="trend"), sender=OWNER)
    assert guard.ctx.tells(StopLevelTold, OWNER) == [StopLevelTold(level=StopLevel.RUN, change=0)]


def test_the_sender_of_an_inbox_row_is_told_where_it_listens_and_not_its_owner() -> None:
    guard = Guard(max_order_notional="150", dust_notional="1")
    guard.hear(portfolio(), intent(1, origin=Origin.INBOX, quantity=Decimal(100)), intent(2, origin=Origin.INBOX))
    assert guard.approved() == ["i2"]
    guard.hear(Busy(to=addresses.OMS, message_id="m", message_type="RiskApproved", about="i2"))
    told = guard.ctx.tells(RiskRefused, addresses.INBOX)
    assert [(refusal.intent_id, refusal.code) for refusal in told] == [("i1", "RISK_ORDER_NOTIONAL"), ("i2", "BUSY")]
    assert guard.refused() == []
