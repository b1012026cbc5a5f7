"""RiskGuard: the only maker of approvals; a trip shuts the gate in the same instant, once."""

from decimal import Decimal
from typing import Any

import pytest

from actors import addresses
from actors.risk_guard import RiskGuardActor
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.reduced import tightened
from messages.failure import RiskTripped, StopLevelTold, StopReason
from messages.intents import IntentClosed
from messages.market_health import DataHealth, DataSource, SymbolHealth
from messages.operator import IntentAdopted
from messages.orders import OrdersTold
from messages.portfolio import Marks, RebasePeak, RoundTrip, TellState, TradeClosed
from messages.records import LimitApproachRecorded, RiskRefusalRecorded, RiskTripRecorded
from messages.risk_history import LimitRearmRecorded, LoadRiskHistory, RiskHistoryLoaded
from messages.supervision import Busy
from messages.trading import RiskApproved, RiskRefused
from messages.trading_day import utc_day
from messages.values import OrderStatus, Origin, StopLevel
from supervisor.gate import Gate
from tests.actors.kit import Story, open_gate
from tests.execution.orders import T0, order
from tests.risk.portfolios import exit_intent, intent, portfolio, position, trade, update
from tests.supervisor.test_gate import reason

OWNER = addresses.strategy("trend")
TODAY = utc_day(T0)
OF_BTC = SymbolHealth(
    symbol="BTCUSDT",
    source=DataSource.FEED,
    age_s=0.1,
    lag_ms=5.0,
    ticks=1_000,
    late=0,
    duplicates=0,
    gaps=0,
    is_sound=True,
)
SOUND = DataHealth(feed="feed", symbols=(OF_BTC,), at_ns=T0)
NO_HISTORY = RiskHistoryLoaded(day_start_ns=TODAY.start_ns, orders_today=0, trades_today=0)


class Guard(Story):
    def __init__(
        self, epoch: int = 1, gate: Gate | None = None, history: RiskHistoryLoaded | None = NO_HISTORY, **limits: object
    ) -> None:
        self.gate = gate or open_gate()
        actor = RiskGuardActor(RiskLimits.model_validate({"max_consecutive_rejects": 3, **limits}), self.gate)
        super().__init__(actor, addresses.RISK_GUARD, epoch)
        self.start()
        if history is not None:
            self.hear(history, sender=addresses.LEDGER)

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


def test_rejects_in_a_row_trip() -> None:
    guard = Guard()
    for number in range(3):
        assert guard.gate.is_open
        guard.hear(update(OrderStatus.REJECTED, number=number))
    assert not guard.gate.is_open


@pytest.mark.req("S-19")
def test_coming_near_a_limit_is_recorded_once_each_time() -> None:
    guard = Guard(max_daily_loss="100")
    for pnl in ("-79", "-80", "-85", "-75", "-82", "-69", "-90"):
        guard.hear(portfolio(day_pnl=Decimal(pnl)))
    assert len(guard.ctx.records(LimitApproachRecorded)) == 2
    assert guard.gate.is_open


def test_a_restarted_guard_asks_for_what_is_in_flight_and_counts_it() -> None:
    guard = Guard(epoch=2, max_symbol_exposure="150", max_order_notional="120", dust_notional="1")
    assert guard.ctx.tells(TellState, addresses.OMS)
    in_flight = order(OrderStatus.UNKNOWN, quantity="1", intent_id="i9")
    told = OrdersTold(orders=(in_flight,), reserved_notional={"i9": Decimal(100)})
    guard.hear(SOUND, told, portfolio(), intent(1))
    assert guard.refused() == ["RISK_SYMBOL_EXPOSURE"]
    assert not Guard(epoch=1).ctx.tells(TellState)


def test_a_restarted_guard_lets_no_entry_pass_before_it_was_told_what_is_in_flight() -> None:
    """The ledger may answer before the OMS does: nothing in flight would count."""
    guard = Guard(epoch=2)
    guard.hear(SOUND, portfolio(position("5")), intent(1), exit_intent(2))
    assert (guard.refused(), guard.approved()) == (["RISK_HISTORY_MISSING"], ["i2"])
    guard.hear(OrdersTold(orders=(), reserved_notional={}), intent(3))
    assert guard.approved() == ["i2", "i3"]


def test_a_restarted_guard_lets_no_entry_pass_before_it_was_told_of_the_data() -> None:
    """The one before it may have held entries back for what the data is like."""
    guard = Guard(epoch=2)
    told = OrdersTold(orders=(), reserved_notional={})
    guard.hear(told, portfolio(position("5")), intent(1), exit_intent(2))
    assert (guard.refused(), guard.approved()) == (["RISK_DATA_UNSOUND"], ["i2"])
    guard.hear(SOUND, intent(3))
    assert guard.approved() == ["i2", "i3"]


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


def test_quotes_that_are_asked_for_may_be_as_old_as_the_house_says() -> None:
    guard = Guard()
    guard.actor = RiskGuardActor(RiskLimits(), guard.gate, max_fallback_age_s=60.0)
    old = intent(1).market
    assert old is not None
    asked = old.model_copy(update={"source": "snapshot", "event_time_ns": T0 - 59 * 10**9})
    guard.hear(
        NO_HISTORY, portfolio(), intent(1, market=asked), intent(2, market=asked.model_copy(update={"source": "feed"}))
    )
    assert (guard.approved(), guard.refused()) == (["i1"], ["MARKET_STALE"])


# -- over restarts ----------------------------------------------------------------------------------------------------


@pytest.mark.req("S-07")
def test_it_asks_the_ledger_for_the_day_and_makes_no_entry_before_it_was_told() -> None:
    guard = Guard(history=None, max_orders_per_day=10)
    (asked,) = guard.ctx.tells(LoadRiskHistory, addresses.LEDGER)
    assert asked.day_start_ns == TODAY.start_ns
    guard.hear(portfolio(position("5")), intent(1), exit_intent(2))
    assert (guard.refused(), guard.approved()) == (["RISK_HISTORY_MISSING"], ["i2"])
    guard.hear(NO_HISTORY.model_copy(update={"orders_today": 8}), intent(3), intent(4))
    assert guard.approved() == ["i2", "i3"], "8 orders before the restart, the exit and one more are all of the day's"
    assert guard.refused()[1:] == ["RISK_ORDERS_PER_DAY"]


def test_what_is_held_is_worth_what_the_portfolio_says_before_a_price_of_it_comes() -> None:
    """After a start a quiet symbol has no price for long, and at cost it would leave room that is not there."""
    guard = Guard(max_gross_exposure="15000")
    held = portfolio(position("100", "20", symbol="ETHUSDT"), marks={"ETHUSDT": Decimal(150)})
    guard.hear(held, intent(1))
    assert guard.refused() == ["RISK_GROSS_EXPOSURE"], "worth 15,000, bought for 2,000"
    guard.hear(Marks(venue="sim", prices={"ETHUSDT": Decimal(20)}, quotes=(), at_ns=T0), held, intent(2))
    assert guard.approved() == ["i2"], "a price of our own is newer"


def losses(count: int) -> tuple[RoundTrip, ...]:
    return tuple(trade("-1").model_copy(update={"trade_id": f"t{number}"}) for number in range(count))


LOST = NO_HISTORY.model_copy(update={"trades": losses(3), "tripped_ns": {"max_consecutive_losses": T0}})


def latched(limit_name: str) -> Gate:
    gate = open_gate()
    stop = StopReason(
        reason_id=f"risk:{limit_name}", level=StopLevel.MEDIUM, cause="before", since_ns=T0, needs_operator=True
    )
    gate.shut(stop, by=None)
    return gate


def test_a_trip_that_is_latched_stays_and_is_told_once() -> None:
    guard = Guard(gate=latched("max_consecutive_losses"), history=LOST, max_consecutive_losses=3)
    guard.hear(portfolio())
    assert not guard.gate.is_open
    assert not guard.ctx.records(LimitRearmRecorded)
    assert not guard.ctx.tells(RiskTripped)


def test_a_trip_that_was_lifted_while_nothing_ran_counts_anew() -> None:
    guard = Guard(history=LOST, max_consecutive_losses=3)
    (record,) = guard.ctx.records(LimitRearmRecorded)
    assert (record.rearm.limit_name, record.rearm.by_operator) == ("max_consecutive_losses", True)
    guard.hear(portfolio(), TradeClosed(trade=trade("-1")))
    assert guard.gate.is_open
    again = LOST.model_copy(update={"rearmed_ns": {"max_consecutive_losses": T0 + 1}})
    assert not Guard(history=again, max_consecutive_losses=3).ctx.records(LimitRearmRecorded), (
        "once on record is enough"
    )


def test_a_drawdown_that_was_lifted_while_nothing_ran_does_not_trip_by_the_peak_that_was_lifted() -> None:
    """Portfolio tells of the old peak until it has heard."""
    lifted = NO_HISTORY.model_copy(update={"tripped_ns": {"max_drawdown": T0 - 1}})
    guard = Guard(history=lifted, max_drawdown="100", max_daily_loss="100")
    assert not guard.ctx.tells(RebasePeak), "Portfolio may not be there to hear it yet"
    guard.hear(portfolio(drawdown=Decimal(100), peak_equity=Decimal(100_100)))
    assert guard.gate.is_open
    assert len(guard.ctx.tells(RebasePeak, addresses.PORTFOLIO)) == 1
    guard.hear(portfolio(equity=Decimal(99_900), drawdown=Decimal(200), peak_equity=Decimal(100_100)))
    assert not guard.gate.is_open, "measured from the first equity that was told"


def test_a_row_of_losses_that_had_not_tripped_yet_trips_after_the_restart() -> None:
    guard = Guard(history=LOST.model_copy(update={"tripped_ns": {}}), max_consecutive_losses=3)
    assert not guard.gate.is_open


def test_a_stop_file_that_cannot_be_read_is_no_word_of_an_operator() -> None:
    gate = open_gate()
    gate.shut(StopReason(reason_id="unreadable:risk.json", level=StopLevel.SOFT, cause="?", since_ns=T0), by=None)
    guard = Guard(gate=gate, history=LOST, max_consecutive_losses=4)
    assert not guard.ctx.records(LimitRearmRecorded)


@pytest.mark.parametrize("limit_name", ["max_drawdown", "max_daily_loss"])
def test_an_operator_who_lifts_a_trip_while_it_runs_arms_the_limit_again(limit_name: str) -> None:
    """The drawdown is measured from then on; a loss of the day that is still there trips again."""
    broken_ = portfolio(day_pnl=Decimal(-100), drawdown=Decimal(100), peak_equity=Decimal(100_100))
    limits: dict[str, Any] = {limit_name: "100"}
    guard = Guard(**limits)
    guard.hear(broken_)
    assert not guard.gate.is_open
    guard.gate.lift(f"risk:{limit_name}", by=None)
    guard.hear(StopLevelTold(level=StopLevel.RUN, change=99))
    (record,) = guard.ctx.records(LimitRearmRecorded)
    assert record.rearm.limit_name == limit_name
    assert bool(guard.ctx.tells(RebasePeak, addresses.PORTFOLIO)) is (limit_name == "max_drawdown")
    assert guard.gate.is_open is (limit_name == "max_drawdown")


def test_a_trip_with_its_own_level_scope_and_rearm() -> None:
    rule = {"max_daily_loss": {"level": "SOFT", "scope": "strategy:trend", "rearm": "automatic"}}
    guard = Guard(max_daily_loss="100", trips=rule)
    guard.hear(portfolio(day_pnl=Decimal(-100)))
    (reason,) = guard.gate.reasons()
    assert (reason.level, reason.scope, reason.needs_operator) == (StopLevel.SOFT, "strategy:trend", False)
    guard.hear(portfolio(day_pnl=Decimal(-71)))
    assert guard.gate.reasons()
    guard.hear(portfolio(day_pnl=Decimal(-69)))
    assert not guard.gate.reasons()
    (record,) = guard.ctx.records(LimitRearmRecorded)
    assert not record.rearm.by_operator


def test_what_grows_old_is_judged_without_a_message() -> None:
    guard = Guard(trips={"max_portfolio_age_s": {}})
    guard.hear(portfolio())
    for _ in range(5):
        guard.later(5, "look")
        assert guard.gate.is_open
    guard.later(5, "look")
    assert not guard.gate.is_open


@pytest.mark.req("S-09", "P-04")
@pytest.mark.parametrize(
    ("scope", "approved"), [("all", 1), ("symbol:BTCUSDT", 1), ("strategy:trend", 1), ("symbol:ETHUSDT", 2)]
)
def test_at_reduced_the_limits_on_entries_shrink(scope: str, approved: int) -> None:
    guard = Guard(max_orders_per_s=2, dust_notional="1")
    guard.actor._reduced = tightened(guard.actor._watch.limits, Decimal("0.5"), Decimal("0.5"))  # type: ignore[attr-defined]
    guard.gate.shut(reason("data_delay:x", StopLevel.REDUCED, scope), by=None)
    guard.hear(portfolio(), intent(1), intent(2))
    assert len(guard.approved()) == approved


def test_reduced_halves_the_notional_and_leaves_one_order_a_second() -> None:
    limits = RiskLimits.model_validate({"max_orders_per_s": 1, "max_order_notional": "500"})
    reduced = tightened(limits, Decimal("0.5"), Decimal("0.1"))
    assert (reduced.max_order_notional, reduced.max_orders_per_s) == (Decimal(250), 1)
    assert reduced.model_copy(update={"max_order_notional": Decimal(500)}) == limits
