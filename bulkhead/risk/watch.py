"""Watch: everything that the risk guard keeps in mind, and the judgement over it. No messages, no gate, no clock.

The actor tells it what it hears and asks two things: may this intent be approved, and what is to be tripped, lifted or
alerted now. Told of the same past again by `restore`, it comes to the same figures: a restart gives nothing back.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple, Protocol

from bulkhead.risk import exposure as exposures
from bulkhead.risk import posttrade, pretrade
from bulkhead.risk.cooldown import Cooldowns, after_trade
from bulkhead.risk.health import NOTHING_TOLD, told
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.measures import Measure, of_growth
from bulkhead.risk.order_slippage import OrderSlippage
from bulkhead.risk.quality import DEFAULT_WINDOW, QualityWindow
from bulkhead.risk.rate import OrderRate
from bulkhead.risk.trips import Rearm, reason_id
from bulkhead.risk.verdict import FALLBACK_AGE_S, NS_PER_S, Passed, Refused, Situation
from messages.failure import LimitApproached, RiskTripped
from messages.intents import IntentClosed
from messages.market_health import DataHealth
from messages.orders import FillBooked, OrdersTold, OrderUpdated
from messages.portfolio import PortfolioSnapshot, RoundTrip
from messages.risk_history import RiskHistoryLoaded
from messages.trading import OrderIntent
from messages.trading_day import DayOf, utc_day
from messages.values import OrderStatus

MOST_READ_BACK = 10_000
"""At a start; a row longer than that is no limit any more."""


class Keys(Protocol):
    """Action keys that were approved lately."""

    def add(self, key: str) -> bool: ...
    def __contains__(self, key: object) -> bool: ...


class Judgement(NamedTuple):
    """What is to be done now."""

    trips: tuple[RiskTripped, ...] = ()
    """Not in force yet."""
    lifts: tuple[str, ...] = ()
    """Reasons in force whose figure lies well below its limit again, and that no operator must lift."""
    alerts: tuple[LimitApproached, ...] = ()


class _PassedPeak(NamedTuple):
    peak: Decimal
    """As Portfolio tells it still."""
    highest: Decimal
    """Equity since the limit was armed again."""


class Watch:
    def __init__(
        self,
        limits: RiskLimits,
        actions: Keys,
        day_of: DayOf = utc_day,
        max_fallback_age_s: float = FALLBACK_AGE_S,
    ) -> None:
        self.limits = limits
        self.max_fallback_age_s = max_fallback_age_s
        self.day_of = day_of
        self.exposure = exposures.EMPTY
        self.rate = OrderRate()
        self.portfolio: PortfolioSnapshot | None = None
        self.marks: dict[str, Decimal] = {}
        self.cooldowns = Cooldowns()
        self.health = NOTHING_TOLD
        self.is_restored = False
        self.knows_orders = True
        """What is in flight is here."""
        self.wants_health = False
        """No entry before some feed has told of its data."""
        self._quality = QualityWindow()
        self._slippage = OrderSlippage()
        self._actions = actions
        self._alerted: frozenset[str] = frozenset()
        self._momentary: list[Measure] = []
        """Figures of single orders, judged once."""
        self._passed: _PassedPeak | None = None
        self._passes_first = False
        """The drawdown was armed again before any portfolio was told: the first one's peak is the one lifted."""
        self._early: list[RoundTrip | FillBooked | OrderUpdated] = []
        """Heard before the past was."""

    # -- before the trade ---------------------------------------------------------------------------------------------

    def ask(self, intent: OrderIntent, now_ns: int, limits: RiskLimits | None = None) -> Passed | Refused:
        """Reserves what it lets pass. `limits`: others than the usual ones, while a stop asks for less."""
        verdict = pretrade.check(intent, limits or self.limits, self.situation(now_ns))
        if isinstance(verdict, Passed):
            self._actions.add(intent.action_key)
            self.exposure = exposures.reserve(self.exposure, intent, verdict.reserved_notional)
            day_start_ns = self.day_of(now_ns).start_ns
            self.rate = self.rate.with_order(now_ns, day_start_ns, self.limits.max_orders_per_s)
        return verdict

    def restarted(self) -> None:
        """This guard alone: no entry until the OMS has told what is in flight, and a feed of its data."""
        self.knows_orders, self.wants_health = False, True

    @property
    def depth(self) -> int:
        """So many of the latest orders, fills and round trips must be read back for every row to be whole."""
        limits = self.limits
        longest = max(limits.max_consecutive_losses, limits.max_consecutive_rejects, limits.cooldown_after_losses)
        return min(max(DEFAULT_WINDOW, longest), MOST_READ_BACK)

    def situation(self, now_ns: int) -> Situation:
        return Situation(
            now_ns=now_ns,
            portfolio=self.portfolio,
            exposure=self.exposure,
            rate=self.rate,
            marks=self.marks,
            seen_actions=self._actions,
            today=self.day_of(now_ns),
            health=self.health,
            wants_health=self.wants_health,
            resting_until_ns=self.cooldowns.until_ns,
            max_fallback_age_s=self.max_fallback_age_s,
            is_restored=self.is_restored and self.knows_orders,
        )

    def reserve(self, intent: OrderIntent, notional: Decimal) -> None:
        self.exposure = exposures.reserve(self.exposure, intent, notional)

    def release(self, closed: IntentClosed, now_ns: int) -> None:
        self.exposure = exposures.release(self.exposure, closed, now_ns)

    # -- what is heard ------------------------------------------------------------------------------------------------

    def on_orders_told(self, said: OrdersTold) -> None:
        """What was filled and closed, and may not be in the portfolio yet, stays reserved: no order tells of it."""
        told_of = exposures.rebuilt(said.orders, said.reserved_notional, said.waiting, self.marks)
        unsettled = {key: item for key, item in self.exposure.reservations.items() if item.closed_ns is not None}
        self.exposure = exposures.Exposure({**unsettled, **told_of.reservations})
        self.knows_orders = True
        for order in said.orders:
            if order.status is OrderStatus.UNKNOWN:
                self._quality.on_order_update(OrderUpdated(order=order, change="told"))

    def on_portfolio(self, snapshot: PortfolioSnapshot) -> None:
        """Its marks, of an earlier run after a start, stand in until a price of ours comes: they say more than cost."""
        self.portfolio = self._with_new_peak(snapshot)
        self.marks = {**snapshot.marks, **self.marks}
        self.exposure = exposures.settle(self.exposure, snapshot, self.limits.settle_s)

    def on_marks(self, prices: Mapping[str, Decimal]) -> None:
        self.marks.update(prices)

    def on_health(self, health: DataHealth) -> None:
        self.health = told(self.health, health)

    def on_order(self, update: OrderUpdated) -> None:
        self._note_early(update)
        self._quality.on_order_update(update)
        self.exposure = exposures.noted(self.exposure, update.order)

    def on_fill(self, booked: FillBooked) -> None:
        self._note_early(booked)
        self._quality.on_fill(booked)
        found_bps = self._slippage.on_fill(booked)
        if found_bps is not None and found_bps.is_finite() and found_bps >= self.limits.max_order_slippage_bps:
            fill = booked.fill
            self._momentary.append(
                Measure(
                    "max_order_slippage_bps",
                    found_bps,
                    self.limits.max_order_slippage_bps,
                    f"{fill.side} {fill.symbol} of {fill.strategy_id}, order {fill.client_order_id}",
                    fill.client_order_id,
                    {"symbol": fill.symbol, "strategy": fill.strategy_id},
                )
            )

    def on_trade(self, trade: RoundTrip, now_ns: int) -> None:
        self._note_early(trade)
        self._count_result(trade)
        self.rate = self.rate.with_trade(now_ns, self.day_of(now_ns).start_ns)

    def _count_result(self, trade: RoundTrip) -> None:
        self._quality.on_round_trip(trade)
        self.cooldowns = after_trade(self.cooldowns, trade, self.limits)

    # -- the past -----------------------------------------------------------------------------------------------------

    def restore(self, history: RiskHistoryLoaded) -> None:
        """In the order of time, so that what an operator armed again counts from there. What was heard since the start
        and had not reached the disk then comes after it."""
        self._quality, self.cooldowns = QualityWindow(), Cooldowns()
        known: set[str] = {trade.trade_id for trade in history.trades}
        known |= {row.fill.fill_id for row in history.fills}
        known |= {order.ticket.client_order_id for order in history.ended_orders}
        early = [item for item in self._early if _key(item) not in known]
        for item in (*_in_order(history), *early):
            self._relive(item)
        missed = sum(isinstance(item, RoundTrip) for item in early)
        self.rate = OrderRate(
            self.rate.recent_ns,
            history.day_start_ns,
            history.orders_today + self.rate.orders_today,
            history.trades_today + missed,
        )
        self.is_restored, self._early = True, []

    def _relive(self, item: "RoundTrip | FillBooked | OrderUpdated | str") -> None:
        if isinstance(item, RoundTrip):
            self._count_result(item)
        elif isinstance(item, FillBooked):
            self._quality.on_fill(item)
        elif isinstance(item, OrderUpdated):
            self._quality.on_order_update(item)
        else:
            self._quality.forget(item)

    def _note_early(self, item: "RoundTrip | FillBooked | OrderUpdated") -> None:
        if not self.is_restored:
            self._early.append(item)

    def rearm(self, limit_name: str) -> None:
        """An operator has lifted its trip: what it counts begins anew, the drawdown at the equity of now."""
        self._quality.forget(limit_name)
        if limit_name == "max_drawdown":
            self._passes_first = True
            self.portfolio = None if self.portfolio is None else self._with_new_peak(self.portfolio)

    def _with_new_peak(self, snapshot: PortfolioSnapshot) -> PortfolioSnapshot:
        """Until Portfolio tells of another peak than the one that was lifted, the drawdown is measured here."""
        if not _is_whole(snapshot):
            return snapshot
        if self._passes_first:
            self._passes_first, self._passed = False, _PassedPeak(snapshot.peak_equity, snapshot.equity)
        passed = self._passed
        if passed is None:
            return snapshot
        if snapshot.peak_equity != passed.peak:
            self._passed = None
            return snapshot
        self._passed = passed._replace(highest=max(passed.highest, snapshot.equity))
        drawdown = self._passed.highest - snapshot.equity
        return snapshot.model_copy(update={"peak_equity": self._passed.highest, "drawdown": drawdown})

    # -- judging ------------------------------------------------------------------------------------------------------

    def judge(self, in_force: Iterable[str], now_ns: int) -> Judgement:
        """`in_force`: the ids of the stop reasons."""
        reasons = frozenset(in_force)
        more, self._momentary = tuple(self._momentary), []
        age_s = None if self.portfolio is None else Decimal(now_ns - self.portfolio.at_ns) / NS_PER_S
        state = posttrade.State(self.portfolio, self._quality.figures(), self.health, age_s, self.marks, more)
        findings = posttrade.check(state, self.limits)
        tripped = {reason_id(trip.limit_name, trip.about): trip for trip in findings.trips}
        growth = tuple(self._growth(now_ns))
        measures = [*findings.measures, *growth]
        self._alerted, due = posttrade.alerts(self._alerted, measures, findings.broken, self.limits)
        return Judgement(
            tuple(trip for key, trip in tripped.items() if key not in reasons),
            tuple(self._over(reasons - tripped.keys(), findings.measures)),
            due,
        )

    def _growth(self, now_ns: int) -> Iterable[Measure]:
        if self.portfolio is None or not self.limits.enabled:
            return ()
        rate = self.rate.at(now_ns, self.day_of(now_ns).start_ns)
        return of_growth(self.exposure, self.portfolio, self.marks, rate, self.limits)

    def _over(self, reasons: Iterable[str], measures: Iterable[Measure]) -> Iterable[str]:
        """Of these reasons, those that are lifted without an operator. A figure that is not told of is not over."""
        clear_below = self.limits.approach_share - self.limits.approach_clear_share
        by_reason: dict[str, list[Measure]] = {}
        for measure in measures:
            rule = self.limits.trips.get(measure.name)
            if rule is not None and rule.rearm is Rearm.AUTOMATIC:
                trip = self.limits.trip_of(measure.name, dict(measure.subjects))
                by_reason.setdefault(reason_id(measure.name, "" if trip is None else trip.subject), []).append(measure)
        for reason in reasons:
            of_it = by_reason.get(reason)
            if of_it and all(posttrade.is_below(measure, clear_below) for measure in of_it):
                yield reason


def _is_whole(snapshot: PortfolioSnapshot) -> bool:
    return snapshot.peak_equity.is_finite() and snapshot.equity.is_finite()


def _in_order(history: RiskHistoryLoaded) -> Iterator[RoundTrip | FillBooked | OrderUpdated | str]:
    rows: list[tuple[int, int, RoundTrip | FillBooked | OrderUpdated | str]] = []
    ended = ((order, OrderUpdated(order=order, change="read back")) for order in history.ended_orders)
    rows += [(order.updated_ns, 0, update) for order, update in ended]
    rows += [(row.fill.executed_ns, 0, row) for row in history.fills]
    rows += [(trade.exit_ns, 0, trade) for trade in history.trades]
    rows += [(at_ns, 1, limit_name) for limit_name, at_ns in history.rearmed_ns.items()]
    rows.sort(key=lambda row: row[:2])
    return (item for _, _, item in rows)


def _key(item: RoundTrip | FillBooked | OrderUpdated) -> str:
    if isinstance(item, RoundTrip):
        return item.trade_id
    return item.fill.fill_id if isinstance(item, FillBooked) else item.order.ticket.client_order_id
