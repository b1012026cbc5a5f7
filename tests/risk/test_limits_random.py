"""No sequence of prices, fills and settings makes a limit pass in silence: a little model with books of its own says of
each entry which limits it breaks, and of each moment which have tripped; the guard must say the same, over restarts.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bulkhead.execution.recent import Recent
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.verdict import Passed, Refused
from bulkhead.risk.watch import Watch
from messages.intents import IntentClosed
from messages.orders import OrderRow, OrdersTold, OrderUpdated
from messages.portfolio import PortfolioSnapshot
from messages.risk_history import RiskHistoryLoaded
from messages.trading_day import utc_day
from messages.values import IntentType, OrderStatus
from tests.execution.orders import market, order
from tests.risk.little_model import NS_PER_S, SIDE_OF, Account, Held, Open
from tests.risk.portfolios import T0, D, intent, portfolio, position, trade

SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
CASH = 1_000
BAD = st.sampled_from([Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-Infinity"), Decimal(0)])
PRICES = st.integers(60, 160)
FIGURES = st.sampled_from(["cash", "equity", "day_pnl", "week_pnl", "peak_equity", "drawdown", "realised_pnl"])


@st.composite
def any_limits(draw: st.DrawFn) -> RiskLimits:
    """Each is tight or far away, so that every one of them is sometimes the first to speak."""

    def tight(low: int, high: int, far: int) -> int:
        return draw(st.integers(low, high)) if draw(st.integers(0, 3)) == 0 else far

    gross = tight(200, 600, 20_000)
    sector = min(gross, tight(200, 500, 20_000))
    symbol = min(sector, tight(150, 400, 20_000))
    drawdown = tight(20, 200, 20_000)
    weekly = min(drawdown, tight(20, 150, 20_000))
    fields: dict[str, Any] = {
        "max_order_notional": min(symbol, tight(100, 300, 20_000)),
        "max_symbol_exposure": symbol,
        "max_sector_exposure": sector,
        "max_gross_exposure": gross,
        "max_net_exposure": min(gross, tight(100, 400, gross)),
        "max_positions": tight(1, 3, 99),
        "min_cash": tight(500, 950, 0),
        "max_orders_per_s": tight(1, 4, 99),
        "max_orders_per_day": tight(99, 99, 999),
        "max_trades_per_day": tight(1, 4, 999),
        "max_adv_share": draw(st.sampled_from(["0.05", "0.9"])),
        "max_daily_loss": min(weekly, tight(10, 100, 20_000)),
        "max_weekly_loss": weekly,
        "max_drawdown": drawdown,
        "cooldown_after_losses": draw(st.integers(1, 3)),
        "cooldown_s": draw(st.sampled_from([0, 5, 600])),
        "max_consecutive_losses": tight(1, 3, 99),
        "max_consecutive_rejects": tight(1, 4, 99),
        "price_collar_bps": draw(st.sampled_from([500, 10_000])),
        "max_order_slippage_bps": draw(st.sampled_from([300, 10_000])),
        "min_reject_sample": draw(st.sampled_from([3, 8, 500])),
        "sectors": {"BTCUSDT": "majors", "ETHUSDT": "majors", "XRPUSDT": "others"},
        "adv_notional": dict.fromkeys(SYMBOLS, 5_000),
    }
    if fields["max_orders_per_s"] < 99:
        fields["max_orders_per_day"] = tight(5, 12, 999)
    return RiskLimits.model_validate(fields)


class Limits(RuleBasedStateMachine):
    @initialize(limits=any_limits())
    def begin(self, limits: RiskLimits) -> None:
        self.limits, self.count = limits, 0
        day = utc_day(T0)
        self.model = Account(limits, T0, Fraction(CASH), day.start_ns, dict.fromkeys(SYMBOLS, Fraction(100)))
        self.rows: list[OrderRow] = []
        self.baseline = {"day": Fraction(CASH), "week": Fraction(CASH), "peak": Fraction(CASH)}
        self.last: PortfolioSnapshot | None = None
        self.spoilt = False
        self.watch = self.new_watch()
        self.watch.on_marks({symbol: D(100) for symbol in SYMBOLS})
        self.tell(None)

    def new_watch(self) -> Watch:
        made, day_ns = Watch(self.limits, Recent(1_000)), self.model.day_ns
        trades = tuple(self.trip_of(number, *each) for number, each in enumerate(self.model.trades))
        made.restore(
            RiskHistoryLoaded(
                day_start_ns=day_ns,
                orders_today=sum(at >= day_ns for at in self.model.sent_ns),
                trades_today=sum(at >= day_ns for _, at, _ in self.model.trades),
                ended_orders=tuple(self.rows),
                trades=trades,
            )
        )
        return made

    # -- what happens -------------------------------------------------------------------------------------------------

    @rule(passing_s=st.sampled_from([0.0, 0.3, 1.0, 4.0, 20.0]))
    def time_passes(self, passing_s: float) -> None:
        self.model.now_ns += int(passing_s * NS_PER_S)

    @rule()
    def a_day_begins(self) -> None:
        model = self.model
        model.now_ns = model.day_ns + 86_400 * NS_PER_S + 1
        before, day = utc_day(model.day_ns), utc_day(model.now_ns)
        model.day_ns = day.start_ns
        self.baseline["day"] = model.equity()
        if day.week_start_ns != before.week_start_ns:
            self.baseline["week"] = model.equity()
        self.tell(None)

    @rule(symbol=st.sampled_from(SYMBOLS), price=PRICES)
    def a_price_comes(self, symbol: str, price: int) -> None:
        self.model.prices[symbol] = Fraction(price)
        self.model.bad_marks.discard(symbol)
        self.watch.on_marks({symbol: D(price)})

    @rule(symbol=st.sampled_from(SYMBOLS), price=BAD, stays=st.sampled_from([False, False, False, True]))
    def a_price_that_cannot_be_comes(self, symbol: str, price: Decimal, stays: bool) -> None:
        self.model.bad_marks.add(symbol)
        self.watch.on_marks({symbol: price})
        self.what_must_have_tripped_has_and_nothing_else()
        if not stays:
            self.a_price_comes(symbol, 100)

    @rule(
        owner=st.sampled_from(sorted(SIDE_OF)),
        symbol=st.sampled_from(SYMBOLS),
        quantity=st.sampled_from(["0.01", "0.5", "1", "2", "3.7"]),
        limit=st.one_of(st.none(), PRICES),
        mid=PRICES,
    )
    def an_entry_is_asked_for(self, owner: str, symbol: str, quantity: str, limit: int | None, mid: int) -> None:
        self.tell(None)  # what is stale is refused elsewhere
        model, wish = self.model, self.wish(owner, symbol, D(quantity), limit, mid)
        broken = model.broken_by(
            owner, symbol, Fraction(quantity), None if limit is None else Fraction(limit), Fraction(mid)
        )
        verdict = self.watch.ask(wish, model.now_ns)
        if isinstance(verdict, Passed):
            assert not broken, "it passed in silence"
            worst = Fraction(verdict.reserved_notional)
            model.open[wish.intent_id] = Open(owner, symbol, True, Fraction(quantity), worst)
            model.sent_ns.append(model.now_ns)
        else:
            self.was_rightly_refused(verdict, broken)

    @rule(owner=st.sampled_from(sorted(SIDE_OF)), symbol=st.sampled_from(SYMBOLS), quantity=st.sampled_from(["1", "2"]))
    def an_entry_fills_and_is_told(self, owner: str, symbol: str, quantity: str) -> None:
        before, mid = set(self.model.open), int(self.model.prices[symbol])
        self.an_entry_is_asked_for(owner, symbol, quantity, None, mid)
        for key in set(self.model.open) - before:
            self.ends(key, Fraction(1))
            self.model.now_ns += 2 * NS_PER_S
            self.tell(None)

    @rule(moves=st.integers(-40, 40))
    def the_market_moves(self, moves: int) -> None:
        for symbol in SYMBOLS:
            self.a_price_comes(symbol, min(160, max(60, int(self.model.prices[symbol]) + moves)))
        self.tell(None)

    @rule(moves=st.integers(-25, 25))
    def all_is_closed_after_a_move(self, moves: int) -> None:
        self.the_market_moves(moves)
        for owner, symbol in sorted(self.model.held):
            self.leave(owner, symbol, int(self.model.prices[symbol]))
        for key in sorted(key for key, item in self.model.open.items() if not item.is_entry):
            self.ends(key, Fraction(1))
        self.tell(None)

    def was_rightly_refused(self, verdict: Refused, broken: set[str]) -> None:
        name = "numbers" if verdict.code == "NUMBER_IMPOSSIBLE" else verdict.limit_name
        assert name in broken, f"{verdict} and the model says {broken or 'all is well'}"

    def wish(self, owner: str, symbol: str, quantity: Decimal, limit: int | None, mid: int, **more: Any) -> Any:
        self.count += 1
        seen = market(str(mid), str(mid), at_ns=self.model.now_ns).model_copy(update={"symbol": symbol})
        price = None if limit is None else D(limit)
        fields = {"strategy_id": owner, "symbol": symbol, "side": SIDE_OF[owner], **more}
        return intent(self.count, quantity=quantity, limit_price=price, market=seen, **fields)

    @precondition(lambda self: any(q for q, _ in self.model.told.values()) and self.watch_is_told)
    @rule(data=st.data(), mid=PRICES)
    def an_exit_is_asked_for(self, data: st.DataObject, mid: int) -> None:
        """Of what is held and not being exited: it passes whatever else is true."""
        self.leave(*data.draw(st.sampled_from(sorted(key for key, (q, _) in self.model.told.items() if q))), mid)

    def leave(self, owner: str, symbol: str, mid: int) -> None:
        going = sum((o.quantity for o in self.exits(owner, symbol)), Fraction(0))
        free = min(self.model.told[owner, symbol][0], self.model.held.get((owner, symbol), Held()).quantity) - going
        if free <= 0:
            return
        quantity = D(free.numerator) / D(free.denominator)
        kind = {"intent_type": IntentType.EXIT_PARTIAL, "side": SIDE_OF[owner].opposite}
        wish = self.wish(owner, symbol, quantity, None, mid, **kind)
        assert isinstance(self.watch.ask(wish, self.model.now_ns), Passed)
        self.model.open[wish.intent_id] = Open(owner, symbol, False, free, Fraction(0))
        self.model.sent_ns.append(self.model.now_ns)

    def exits(self, owner: str, symbol: str) -> list[Open]:
        found = self.model.open.values()
        return [o for o in found if not o.is_entry and (o.owner, o.symbol) == (owner, symbol)]

    @property
    def watch_is_told(self) -> bool:
        return self.last is not None and not self.spoilt and abs(self.model.now_ns - self.last.at_ns) < 30 * NS_PER_S

    @precondition(lambda self: self.model.open)
    @rule(data=st.data(), share=st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(1)]))
    def an_intent_ends(self, data: st.DataObject, share: Fraction) -> None:
        self.ends(data.draw(st.sampled_from(sorted(self.model.open))), share)

    def ends(self, key: str, share: Fraction) -> None:
        model, ended = self.model, self.model.open.pop(key)
        filled, price = ended.quantity * share, model.prices[ended.symbol]
        if filled:
            self.fill(ended, filled, price)
        if filled and ended.is_entry:
            model.unsettled[key] = (ended.owner, ended.symbol, filled * price, model.now_ns)
        notional = decimal(filled * price)
        closed = IntentClosed(intent_id=key, symbol=ended.symbol, filled=decimal(filled), filled_notional=notional)
        self.watch.release(closed, model.now_ns)

    def fill(self, ended: Open, filled: Fraction, price: Fraction) -> None:
        model, sign = self.model, SIDE_OF[ended.owner].sign
        held = model.held.setdefault((ended.owner, ended.symbol), Held())
        if ended.is_entry:
            model.cash -= filled * price * sign
            held.quantity, held.paid = held.quantity + filled, held.paid + filled * price
            return
        model.cash += filled * price * sign
        held.pnl += (price - held.average) * filled * sign
        held.paid -= held.average * filled
        held.quantity -= filled
        if not held.quantity:
            model.trades.append((ended.owner, model.now_ns, held.pnl))
            del model.held[ended.owner, ended.symbol]
            self.watch.on_trade(self.trip_of(len(model.trades) - 1, *model.trades[-1]), model.now_ns)

    def trip_of(self, number: int, owner: str, at_ns: int, pnl: Fraction) -> Any:
        result = decimal(pnl) or D(0)
        return trade("0").model_copy(
            update={"trade_id": f"t{number}", "strategy_id": owner, "exit_ns": at_ns, "pnl": result}
        )

    @rule(status=st.sampled_from([OrderStatus.REJECTED, OrderStatus.REJECTED, OrderStatus.CANCELLED]))
    def an_order_ends(self, status: OrderStatus) -> None:
        row = order(status, key=f"x{len(self.rows)}", intent_id="nobody", updated_ns=self.model.now_ns)
        self.rows.append(row)
        self.model.rejects = self.model.rejects + 1 if status is OrderStatus.REJECTED else 0
        self.watch.on_order(OrderUpdated(order=row, change="ended"))

    @rule(spoilt=st.one_of(st.none(), st.tuples(FIGURES, BAD.filter(lambda n: not n.is_finite()))))
    def tell(self, spoilt: tuple[str, Decimal] | None) -> None:
        model = self.model
        equity = model.equity()
        self.baseline["peak"] = max(self.baseline["peak"], equity)
        rows = [
            position(str(decimal(held.quantity * SIDE_OF[owner].sign)), symbol=symbol, strategy_id=owner).model_copy(
                update={"average_price": decimal(held.average)}
            )
            for (owner, symbol), held in model.held.items()
        ]
        self.last = portfolio(
            *rows,
            cash=decimal(model.cash),
            equity=decimal(equity),
            day_pnl=decimal(equity - self.baseline["day"]),
            week_pnl=decimal(equity - self.baseline["week"]),
            peak_equity=decimal(self.baseline["peak"]),
            drawdown=decimal(self.baseline["peak"] - equity),
            at_ns=model.now_ns,
        )
        self.spoilt = spoilt is not None
        sent = self.last if spoilt is None else self.last.model_copy(update={spoilt[0]: spoilt[1]})
        self.watch.on_portfolio(sent)
        model.told = {key: (held.quantity, held.average) for key, held in model.held.items()}
        model.told_cash = model.cash
        model.settle(model.now_ns)

    @rule()
    def the_process_is_killed_and_comes_back(self) -> None:
        """Nothing is in flight any more by then: what is, is the other test's."""
        for key in sorted(self.model.open):
            ended = self.model.open.pop(key)
            closed = IntentClosed(intent_id=key, symbol=ended.symbol, filled=D(0), filled_notional=D(0))
            self.watch.release(closed, self.model.now_ns)
        self.model.unsettled = {}
        self.model.sent_ns = [at for at in self.model.sent_ns if at <= self.model.now_ns - NS_PER_S or at < 0] + [
            self.model.now_ns - NS_PER_S for at in self.model.sent_ns if at > self.model.now_ns - NS_PER_S
        ]
        self.watch = self.new_watch()
        self.watch.on_orders_told(OrdersTold(orders=(), reserved_notional={}))
        self.model.bad_marks = set()
        self.watch.on_marks({symbol: decimal(price) for symbol, price in self.model.prices.items()})
        self.tell(None)

    # -- what must be true --------------------------------------------------------------------------------------------

    @invariant()
    def what_must_have_tripped_has_and_nothing_else(self) -> None:
        if not hasattr(self, "last") or self.last is None:
            return
        limits = self.limits
        figures: dict[str, tuple[Decimal, Decimal | int | None]] = {
            "max_daily_loss": (-self.last.day_pnl, limits.max_daily_loss),
            "max_weekly_loss": (-(self.last.week_pnl or D(0)), limits.max_weekly_loss),
            "max_drawdown": (self.last.drawdown, limits.max_drawdown),
            "max_consecutive_losses": (D(self.model.losses_in_row()), limits.max_consecutive_losses),
            "max_consecutive_rejects": (D(self.model.rejects), limits.max_consecutive_rejects),
        }
        if len(self.rows) >= limits.min_reject_sample:
            share = D(sum(row.status is OrderStatus.REJECTED for row in self.rows)) / len(self.rows)
            figures["max_reject_rate"] = (share, limits.max_reject_rate)
        expected = {name for name, (value, most) in figures.items() if most is not None and value >= most}
        found = {trip.limit_name for trip in self.watch.judge((), self.last.at_ns).trips}
        if self.spoilt or self.model.bad_marks:
            assert "impossible_number" in found
            rows = {"max_consecutive_losses", "max_consecutive_rejects", "max_reject_rate"}
            assert found & rows == expected & rows, "and disables no other"
        else:
            assert found == expected


def decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


TestLimits = Limits.TestCase
TestLimits.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
