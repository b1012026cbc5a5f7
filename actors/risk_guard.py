"""RiskGuardActor: approves or refuses each intent, and watches what came of it (stages L30 and L70).

Approval is a type: only this actor makes a RiskApproved, and the OMS takes nothing else. A tripped limit shuts the gate
in the same instant, before any message is sent, and stays latched until an operator lifts it, unless its settings say
otherwise. What is kept in mind and judged is bulkhead/risk/watch.py's; here it is wired to the house.
"""

from decimal import Decimal

from actors import addresses
from bulkhead.execution.recent import Recent
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.trips import Rearm, limit_of, reason_id
from bulkhead.risk.verdict import FALLBACK_AGE_S, Refused
from bulkhead.risk.watch import Watch
from messages.codes import ErrorCode
from messages.failure import LimitApproached, LimitRearmed, RiskTripped, StopLevelTold, StopReason
from messages.intents import IntentClosed
from messages.market_health import DataHealth
from messages.operator import IntentAdopted
from messages.orders import FillBooked, OrdersTold, OrderUpdated
from messages.portfolio import Marks, PortfolioSnapshot, RebasePeak, TellState, TradeClosed
from messages.records import (
    Append,
    AppendFailed,
    LimitApproachRecorded,
    Record,
    RiskRefusalRecorded,
    RiskTripRecorded,
)
from messages.risk_history import LimitRearmRecorded, LoadRiskHistory, RiskHistoryLoaded
from messages.supervision import Busy, TimerFired
from messages.trading import OrderIntent, RiskApproved, RiskRefused
from messages.trading_day import DayOf, utc_day
from messages.values import StopLevel
from supervisor.gate import Gate, told_of
from supervisor.latch import UNREADABLE
from supervisor.runtime.behaviour import Behaviour, Context, receives

ACTIONS_KEPT = 20_000
"""Action keys remembered for refusing a repeat at once; the ledger's unique key stands behind it for ever."""
LOOK_INTERVAL_S = 5.0
"""What grows old without a message, as the portfolio, is judged this often."""
RESETS_PEAK = "max_drawdown"


class RiskGuardActor(Behaviour):
    def __init__(
        self,
        limits: RiskLimits,
        gate: Gate,
        day_of: DayOf = utc_day,
        reduced: RiskLimits | None = None,
        max_fallback_age_s: float = FALLBACK_AGE_S,
    ) -> None:
        """`reduced`: the limits on entries that a stop of level REDUCED concerns; None: the same. `max_fallback_age_s`:
        how old quotes may be that are asked for while the feed is silent."""
        self._gate = gate
        self._watch = Watch(limits, Recent(ACTIONS_KEPT), day_of, max_fallback_age_s)
        self._tripped: set[str] = set()
        """Stop reasons of this guard that are in force as far as it knows."""
        self._reduced = reduced
        self._rebases_peak = False
        """The drawdown was armed again, and Portfolio has not been told yet."""

    def on_start(self, ctx: Context) -> None:
        day_start_ns = self._watch.day_of(ctx.now_ns()).start_ns
        ctx.tell(addresses.LEDGER, LoadRiskHistory(day_start_ns=day_start_ns, latest=self._watch.depth))
        if ctx.epoch > 1:
            self._watch.restarted()
            ctx.tell(addresses.OMS, TellState(strategy_id=None))
        ctx.after(LOOK_INTERVAL_S, "look")

    @receives(RiskHistoryLoaded)
    def on_history(self, history: RiskHistoryLoaded, ctx: Context) -> None:
        """A trip on record that is not in force any more was lifted by an operator while nothing ran; a stop file that
        cannot be read may be the one that is missing."""
        self._watch.restore(history)
        in_force = {reason.reason_id for reason in self._gate.reasons()}
        self._tripped |= {reason for reason in in_force if limit_of(reason) is not None}
        holding = {limit_of(reason) for reason in in_force}
        is_readable = not any(reason.startswith(UNREADABLE) for reason in in_force)
        for limit_name, at_ns in history.tripped_ns.items():
            if is_readable and limit_name not in holding and history.rearmed_ns.get(limit_name, 0) <= at_ns:
                self._rearmed(limit_name, ctx, by_operator=True)
        self._judge(ctx)

    @receives(OrdersTold)
    def on_orders_told(self, told: OrdersTold, _: Context) -> None:
        """What is in flight, after a restart of this guard or of the OMS."""
        self._watch.on_orders_told(told)

    @receives(IntentAdopted)
    def on_adopted(self, adopted: IntentAdopted, _: Context) -> None:
        """An operator's order that was at the venue already: not asked about, and counted all the same."""
        self._watch.reserve(adopted.intent, adopted.reserved_notional)

    @receives(TellState)
    def on_tell_state(self, _: TellState, ctx: Context) -> None:
        if ctx.current is not None:
            ctx.tell(ctx.current.sender, told_of(self._gate))

    # -- before the trade ---------------------------------------------------------------------------------------------

    @receives(OrderIntent)
    def on_intent(self, intent: OrderIntent, ctx: Context) -> None:
        verdict = self._watch.ask(intent, ctx.now_ns(), self._reduced if self._is_reduced(intent) else None)
        if isinstance(verdict, Refused):
            self._refuse(intent, verdict, ctx)
            return
        approval = RiskApproved[OrderIntent](
            approved=intent, reserved_notional=verdict.reserved_notional, checks=verdict.checks
        )
        ctx.tell(addresses.OMS, approval)
        self._judge(ctx)

    def _is_reduced(self, intent: OrderIntent) -> bool:
        names = (f"venue:{intent.venue}", f"strategy:{intent.strategy_id}", f"symbol:{intent.symbol}")
        return self._gate.level(frozenset({"all", *names})) >= StopLevel.REDUCED

    def _refuse(self, intent: OrderIntent, verdict: Refused, ctx: Context) -> None:
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
        reservation = self._watch.exposure.reservations.get(busy.about)
        if reservation is None:
            return
        closed = IntentClosed(
            intent_id=busy.about, symbol=reservation.symbol, filled=Decimal(0), filled_notional=Decimal(0)
        )
        self._watch.release(closed, ctx.now_ns())
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
        self._watch.release(closed, ctx.now_ns())

    @receives(PortfolioSnapshot)
    def on_portfolio(self, snapshot: PortfolioSnapshot, ctx: Context) -> None:
        self._watch.on_portfolio(snapshot)
        self._rebase(ctx)
        self._judge(ctx)

    @receives(Marks)
    def on_marks(self, marks: Marks, _: Context) -> None:
        """Judged with the portfolio that follows from them."""
        self._watch.on_marks(marks.prices)

    @receives(DataHealth)
    def on_health(self, health: DataHealth, ctx: Context) -> None:
        self._watch.on_health(health)
        self._judge(ctx)

    @receives(OrderUpdated)
    def on_order(self, update: OrderUpdated, ctx: Context) -> None:
        self._watch.on_order(update)
        if update.order.status.is_terminal:
            self._judge(ctx)

    @receives(FillBooked)
    def on_fill(self, booked: FillBooked, ctx: Context) -> None:
        self._watch.on_fill(booked)
        self._judge(ctx)

    @receives(TradeClosed)
    def on_trade(self, closed: TradeClosed, ctx: Context) -> None:
        self._watch.on_trade(closed.trade, ctx.now_ns())
        self._judge(ctx)

    @receives(TimerFired)
    def on_timer(self, _: TimerFired, ctx: Context) -> None:
        ctx.after(LOOK_INTERVAL_S, "look")
        self._judge(ctx)

    @receives(StopLevelTold)
    def on_gate(self, _: StopLevelTold, ctx: Context) -> None:
        """Whoever moved it: what an operator has lifted counts anew from here."""
        if any(not self._gate.is_in_force(reason) for reason in self._tripped):
            self._judge(ctx)

    def _judge(self, ctx: Context) -> None:
        in_force = {reason.reason_id for reason in self._gate.reasons()}
        for reason in sorted(self._tripped - in_force):
            self._tripped.discard(reason)
            self._rearmed(limit_of(reason) or reason, ctx, by_operator=True)
        judged = self._watch.judge(in_force, ctx.now_ns())
        for trip in judged.trips:
            self._trip(trip, ctx)
        for reason in judged.lifts:
            if self._gate.lift(reason, by=ctx):
                self._tripped.discard(reason)
                self._rearmed(limit_of(reason) or reason, ctx, by_operator=False)
        for approach in judged.alerts:
            self._approach(approach, ctx)

    def _rearmed(self, limit_name: str, ctx: Context, *, by_operator: bool) -> None:
        if by_operator:
            self._watch.rearm(limit_name)
            self._rebases_peak = self._rebases_peak or limit_name == RESETS_PEAK
            self._rebase(ctx)
        rearmed = LimitRearmed(limit_name=limit_name, by_operator=by_operator, at_ns=ctx.now_ns())
        self._record(ctx, LimitRearmRecorded(rearm=rearmed))

    def _rebase(self, ctx: Context) -> None:
        """Once Portfolio tells of something, and so is there to hear it."""
        if self._rebases_peak and self._watch.portfolio is not None:
            self._rebases_peak = False
            ctx.tell(addresses.PORTFOLIO, RebasePeak(reason="an operator armed the drawdown limit again"))

    def _trip(self, trip: RiskTripped, ctx: Context) -> None:
        key = reason_id(trip.limit_name, trip.about)
        cause = f"{trip.limit_name} {trip.value} reached its limit {trip.limit}: {trip.detail}"
        self._gate.shut(
            StopReason(
                reason_id=key,
                level=trip.level,
                scope=trip.scope,
                cause=cause,
                since_ns=ctx.now_ns(),
                needs_operator=trip.rearm != Rearm.AUTOMATIC,
            ),
            by=ctx,
        )
        self._tripped.add(key)
        ctx.tell(addresses.FAILURE_HANDLER, trip)  # whose plan it is
        self._record(ctx, RiskTripRecorded(trip=trip))

    def _approach(self, approach: LimitApproached, ctx: Context) -> None:
        ctx.publish(addresses.FAILURES, approach)
        self._record(ctx, LimitApproachRecorded(approach=approach))

    def _record(self, ctx: Context, record: Record) -> None:
        ctx.tell(addresses.LEDGER, Append(records=(record,)))

    @receives(AppendFailed)
    def on_append_failed(self, _: AppendFailed, __: Context) -> None:
        """The ledger has shut the gate itself; what tripped here stays in force without its record."""
