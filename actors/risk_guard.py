"""RiskGuardActor: approves or refuses each intent, and watches what came of it (stages L30 and L70).

Approval is a type: only this actor makes a RiskApproved, and the OMS takes nothing else. A tripped limit shuts the gate
in the same instant, before any message is sent, and stays latched until an operator lifts it.
"""

from decimal import Decimal

from actors import addresses
from bulkhead.execution.recent import Recent
from bulkhead.risk import exposure as exposures
from bulkhead.risk import posttrade, pretrade
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.quality import QualityWindow
from bulkhead.risk.rate import OrderRate
from messages.codes import ErrorCode
from messages.escapes import Escape, EscapeTrigger
from messages.failure import CancelEntries, LimitApproached, RiskTripped, StopLevelTold, StopReason
from messages.operator import IntentAdopted
from messages.orders import FillBooked, IntentClosed, OrdersTold, OrderUpdated
from messages.portfolio import PortfolioSnapshot, TellState, TradeClosed
from messages.records import (
    Append,
    AppendFailed,
    LimitApproachRecorded,
    Record,
    RiskRefusalRecorded,
    RiskTripRecorded,
)
from messages.supervision import Busy
from messages.trading import OrderIntent, RiskApproved, RiskRefused
from messages.values import StopLevel
from supervisor.gate import Gate
from supervisor.runtime.behaviour import Behaviour, Context, receives

ACTIONS_KEPT = 20_000
"""Action keys remembered for refusing a repeat at once; the ledger's unique key stands behind it for ever."""


class RiskGuardActor(Behaviour):
    def __init__(self, limits: RiskLimits, gate: Gate) -> None:
        self._limits = limits
        self._gate = gate
        self._exposure = exposures.EMPTY
        self._rate = OrderRate()
        self._quality = QualityWindow()
        self._portfolio: PortfolioSnapshot | None = None
        self._actions = Recent(ACTIONS_KEPT)
        self._approached: set[str] = set()
        self._plans: dict[str, CancelEntries | Escape] = {}
        """By limit that has tripped."""

    def on_start(self, ctx: Context) -> None:
        if ctx.epoch > 1:
            ctx.tell(addresses.OMS, TellState(strategy_id=None))

    @receives(OrdersTold)
    def on_orders_told(self, told: OrdersTold, ctx: Context) -> None:
        """What is in flight, after a restart of this guard or of the OMS: one that died over a plan gets it again."""
        self._exposure = exposures.rebuilt(told.orders, told.reserved_notional, told.waiting)
        for limit_name, plan in self._plans.items():
            if self._gate.is_in_force(f"risk:{limit_name}"):
                ctx.tell(addresses.OMS, plan)

    @receives(IntentAdopted)
    def on_adopted(self, adopted: IntentAdopted, _: Context) -> None:
        """An operator's order that was at the venue already: not asked about, and counted all the same."""
        self._exposure = exposures.reserve(self._exposure, adopted.intent, adopted.reserved_notional)

    @receives(TellState)
    def on_tell_state(self, _: TellState, ctx: Context) -> None:
        if ctx.current is not None:
            ctx.tell(ctx.current.sender, StopLevelTold(level=self._gate.level(), change=self._gate.changes))

    # -- before the trade ---------------------------------------------------------------------------------------------

    @receives(OrderIntent)
    def on_intent(self, intent: OrderIntent, ctx: Context) -> None:
        now_ns = ctx.now_ns()
        verdict = pretrade.check(
            intent,
            self._limits,
            exposure=self._exposure,
            portfolio=self._portfolio,
            rate=self._rate,
            now_ns=now_ns,
            seen_actions=self._actions,
        )
        if isinstance(verdict, pretrade.Refused):
            self._refuse(intent, verdict, ctx)
            return
        self._actions.add(intent.action_key)
        self._exposure = exposures.reserve(self._exposure, intent, verdict.reserved_notional)
        self._rate = self._rate.with_order(now_ns)
        approval = RiskApproved[OrderIntent](
            approved=intent, reserved_notional=verdict.reserved_notional, checks=verdict.checks
        )
        ctx.tell(addresses.OMS, approval)

    def _refuse(self, intent: OrderIntent, verdict: pretrade.Refused, ctx: Context) -> None:
        refused = RiskRefused(
            intent_id=intent.intent_id,
            strategy_id=intent.strategy_id,
            symbol=intent.symbol,
            code=verdict.code.value,
            limit_name=verdict.limit_name,
            value=verdict.value,
            limit=verdict.limit,
            detail=verdict.detail,
        )
        ctx.tell(addresses.answer_to(intent.origin, intent.strategy_id), refused)
        self._record(ctx, RiskRefusalRecorded(refusal=refused))

    @receives(Busy)
    def on_busy(self, busy: Busy, ctx: Context) -> None:
        """The OMS has no room for another entry: the approval is taken back, with its reservation."""
        reservation = self._exposure.reservations.get(busy.about)
        if reservation is None:
            return
        closed = IntentClosed(
            intent_id=busy.about, symbol=reservation.symbol, filled=Decimal(0), filled_notional=Decimal(0)
        )
        self._exposure = exposures.release(self._exposure, closed, ctx.now_ns())
        refused = RiskRefused(
            intent_id=busy.about,
            strategy_id=reservation.strategy_id,
            symbol=reservation.symbol,
            code=ErrorCode.BUSY.value,
            limit_name="intents_waiting",
            value="",
            limit="",
            detail=f"{busy.to} has no room for another entry",
        )
        ctx.tell(addresses.answer_to(reservation.origin, reservation.strategy_id), refused)
        self._record(ctx, RiskRefusalRecorded(refusal=refused))

    # -- after the trade ----------------------------------------------------------------------------------------------

    @receives(IntentClosed)
    def on_closed(self, closed: IntentClosed, ctx: Context) -> None:
        self._exposure = exposures.release(self._exposure, closed, ctx.now_ns())

    @receives(PortfolioSnapshot)
    def on_portfolio(self, snapshot: PortfolioSnapshot, ctx: Context) -> None:
        self._portfolio = snapshot
        self._exposure = exposures.settle(self._exposure, snapshot, self._limits.settle_s)
        self._judge(ctx)

    @receives(OrderUpdated)
    def on_order(self, update: OrderUpdated, ctx: Context) -> None:
        self._quality.on_order_update(update)
        if update.order.status.is_terminal:
            self._judge(ctx)

    @receives(FillBooked)
    def on_fill(self, booked: FillBooked, _: Context) -> None:
        self._quality.on_fill(booked)

    @receives(TradeClosed)
    def on_trade(self, closed: TradeClosed, ctx: Context) -> None:
        self._quality.on_round_trip(closed.trade)
        self._rate = self._rate.with_trade(ctx.now_ns())
        self._judge(ctx)

    def _judge(self, ctx: Context) -> None:
        findings = posttrade.check(self._portfolio, self._quality.figures(), self._limits)
        in_force = {reason.reason_id for reason in self._gate.reasons()}
        for trip in findings.trips:
            if f"risk:{trip.limit_name}" not in in_force:
                self._trip(trip, ctx)
        near = {approach.limit_name for approach in findings.approaches}
        for approach in findings.approaches:
            if approach.limit_name not in self._approached:
                self._approach(approach, ctx)
        self._approached = near

    def _trip(self, trip: RiskTripped, ctx: Context) -> None:
        cause = f"{trip.limit_name} {trip.value} reached its limit {trip.limit}: {trip.detail}"
        self._gate.shut(
            StopReason(
                reason_id=f"risk:{trip.limit_name}",
                level=trip.level,
                scope=trip.scope,
                cause=cause,
                since_ns=ctx.now_ns(),
                needs_operator=True,
            ),
            by=ctx,
        )
        self._plans[trip.limit_name] = _plan_of(trip, cause)
        ctx.tell(addresses.OMS, self._plans[trip.limit_name])
        ctx.tell(addresses.FAILURE_HANDLER, trip)
        self._record(ctx, RiskTripRecorded(trip=trip))

    def _approach(self, approach: LimitApproached, ctx: Context) -> None:
        self._record(ctx, LimitApproachRecorded(approach=approach))

    def _record(self, ctx: Context, record: Record) -> None:
        ctx.tell(addresses.LEDGER, Append(records=(record,)))

    @receives(AppendFailed)
    def on_append_failed(self, _: AppendFailed, __: Context) -> None:
        """The ledger has shut the gate itself; what tripped here stays in force without its record."""


def _plan_of(trip: RiskTripped, cause: str) -> CancelEntries | Escape:
    """What is done to what exists: HARD cancels everything and closes what is held, the others cancel entries."""
    kind, _, name = trip.scope.partition(":")
    strategy_id, symbol = (name if kind == "strategy" else None), (name if kind == "symbol" else None)
    if trip.level < StopLevel.HARD:
        return CancelEntries(reason=cause, strategy_id=strategy_id, symbol=symbol)
    return Escape(
        escape_id=f"{EscapeTrigger.RISK_GUARD}/{trip.limit_name}",
        trigger=EscapeTrigger.RISK_GUARD,
        reason=cause,
        strategy_id=strategy_id,
        symbol=symbol,
    )
