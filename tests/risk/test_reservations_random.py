"""Whatever order approvals, fills, closings, restarts and lagging portfolios come in: what the guard counts is never
less than what may be held. The model beside it is a list of intents and one position, at one price."""

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bulkhead.execution.recent import Recent
from bulkhead.risk.exposure import by_symbol, exiting
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.verdict import Passed
from bulkhead.risk.watch import Watch
from messages.intents import IntentClosed
from messages.orders import OrderRow, OrdersTold, OrderUpdated
from messages.risk_history import RiskHistoryLoaded
from messages.trading_day import utc_day
from messages.values import IntentType, OrderStatus, Side
from tests.execution.orders import market, order
from tests.risk.portfolios import NS_PER_S, T0, D, intent, portfolio, position

PRICE = D(100)
LAG_NS = 900_000_000
"""What a portfolio tells is at most so old; `settle_s` is more."""
LIMITS = RiskLimits(max_symbol_exposure=D(2_000), max_order_notional=D(1_000), max_orders_per_s=1_000)


@dataclass
class Wish:
    """An approved intent, and what the venue has done about it."""

    number: int
    quantity: Decimal
    is_entry: bool
    is_open: bool = True

    def __post_init__(self) -> None:
        self.fills: list[tuple[int, Decimal]] = []

    @property
    def filled(self) -> Decimal:
        return sum((quantity for _, quantity in self.fills), D(0))

    @property
    def leaves(self) -> Decimal:
        return self.quantity - self.filled if self.is_open else D(0)


class Reservations(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now_ns = T0
        self.wishes: list[Wish] = []
        self.count = 0
        self.told_ns = 0
        self.watch = self.new_watch()
        self.tell_portfolio(0)

    def new_watch(self) -> Watch:
        made = Watch(LIMITS, Recent(10_000))
        made.restore(RiskHistoryLoaded(day_start_ns=utc_day(T0).start_ns, orders_today=0, trades_today=0))
        return made

    def held(self, until_ns: int) -> Decimal:
        """What every fill up to then comes to."""
        signed = (q if w.is_entry else -q for w in self.wishes for at, q in w.fills if at <= until_ns)
        return sum(signed, D(0))

    @rule(passing_s=st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 20.0]))
    def time_passes(self, passing_s: float) -> None:
        self.now_ns += int(passing_s * NS_PER_S)

    @rule(quantity=st.integers(1, 9), is_entry=st.booleans())
    def ask(self, quantity: int, is_entry: bool) -> None:
        self.count += 1
        wish = intent(
            self.count,
            side=Side.BUY if is_entry else Side.SELL,
            intent_type=IntentType.ENTRY if is_entry else IntentType.EXIT_PARTIAL,
            quantity=D(quantity),
            limit_price=PRICE,
            market=market(at_ns=self.now_ns),
        )
        if isinstance(self.watch.ask(wish, self.now_ns), Passed):
            self.wishes.append(Wish(self.count, D(quantity), is_entry))

    @precondition(lambda self: any(wish.leaves for wish in self.wishes))
    @rule(data=st.data())
    def fill(self, data: st.DataObject) -> None:
        wish = data.draw(st.sampled_from([wish for wish in self.wishes if wish.leaves]))
        most = wish.leaves if wish.is_entry else min(wish.leaves, self.held(self.now_ns))
        if most <= 0:
            return  # the venue has nothing to sell
        wish.fills.append((self.now_ns, data.draw(st.sampled_from(sorted({D(1), most})))))
        update = OrderUpdated(order=self.order_of(wish, OrderStatus.PARTIAL), change="partial")
        self.watch.on_order(update)

    @precondition(lambda self: any(wish.is_open for wish in self.wishes))
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        wish = data.draw(st.sampled_from([wish for wish in self.wishes if wish.is_open]))
        wish.is_open = False
        closed = IntentClosed(
            intent_id=f"i{wish.number}", symbol="BTCUSDT", filled=wish.filled, filled_notional=wish.filled * PRICE
        )
        self.watch.release(closed, self.now_ns)

    @rule(lag_ns=st.integers(0, LAG_NS))
    def tell_portfolio(self, lag_ns: int) -> None:
        self.told_ns = max(self.told_ns, self.now_ns - lag_ns)  # a portfolio forgets no fill that it had
        held = self.held(self.told_ns)
        self.watch.on_portfolio(portfolio(position(str(held)), at_ns=self.now_ns))

    @rule(knows_reserved=st.booleans(), status=st.sampled_from([OrderStatus.UNKNOWN, OrderStatus.PARTIAL]))
    def the_order_manager_restarts(self, knows_reserved: bool, status: OrderStatus) -> None:
        self.watch.on_orders_told(self.told(knows_reserved, status))

    @rule(knows_reserved=st.booleans())
    def the_guard_restarts(self, knows_reserved: bool) -> None:
        """Behind it the books are compared before an entry leaves: the portfolio that it is told first has them all."""
        self.watch = self.new_watch()
        self.watch.on_orders_told(self.told(knows_reserved, OrderStatus.UNKNOWN))
        self.tell_portfolio(0)

    def told(self, knows_reserved: bool, status: OrderStatus) -> OrdersTold:
        open_ = [wish for wish in self.wishes if wish.is_open]
        reserved = {f"i{wish.number}": wish.quantity * PRICE for wish in open_ if wish.is_entry}
        rows = tuple(self.order_of(wish, status) for wish in open_)
        return OrdersTold(orders=rows, reserved_notional=reserved if knows_reserved else {})

    def order_of(self, wish: Wish, status: OrderStatus) -> OrderRow:
        return order(
            status,
            str(wish.filled),
            key=f"b{wish.number}",
            quantity=str(wish.quantity),
            side=Side.BUY if wish.is_entry else Side.SELL,
            intent_type=IntentType.ENTRY if wish.is_entry else IntentType.EXIT_PARTIAL,
            intent_id=f"i{wish.number}",
        )

    @invariant()
    def it_counts_all_that_may_be_held(self) -> None:
        known = self.watch.portfolio
        if known is None:
            return
        may_be_held = self.held(self.now_ns) + sum((w.leaves for w in self.wishes if w.is_entry), D(0))
        counted = by_symbol(self.watch.exposure, known, {}).get("BTCUSDT", D(0))
        assert counted >= may_be_held * PRICE
        assert may_be_held * PRICE <= LIMITS.max_symbol_exposure, "so no sequence comes above the limit"

    @invariant()
    def it_counts_every_exit_that_may_still_fill(self) -> None:
        in_flight = sum((wish.leaves for wish in self.wishes if not wish.is_entry), D(0))
        assert exiting(self.watch.exposure, "trend", "BTCUSDT", Side.SELL) == in_flight


TestReservations = Reservations.TestCase
TestReservations.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
