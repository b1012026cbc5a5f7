"""However rounds and evidence interleave, a position is never turned over, and in the end it is flat."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bulkhead.execution.order_events import Applied, apply, mark_unknown, request_cancel
from bulkhead.execution.stages.escape import EscapeInput, EscapeRound, Position, Scope, escape
from messages.escapes import EscapeTrigger
from messages.orders import CancelRejected, OrderAccepted, OrderCancelled, OrderOutcomeUnknown, OrderRejected, OrderRow
from messages.values import IntentType, OrderStatus, Side
from tests.execution.orders import NS_PER_S, T0, D, Rules, executed, intent, order

ROUNDS = 40


class GettingOut(RuleBasedStateMachine):
    """One strategy that holds something, with entries and exits under way, at a venue that keeps its word, however
    late and however often nobody knows."""

    scope = Scope(strategy_id="trend")

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = T0
        self.rows: dict[str, OrderRow] = {}
        self.position = D(0)
        self.numbers = 0
        self.closes: list[str] = []

    @initialize(held=st.integers(0, 20), entry=st.integers(1, 9), filled=st.integers(0, 9), exits=st.integers(0, 20))
    def it_begins(self, held: int, entry: int, filled: int, exits: int) -> None:
        self.add(Side.BUY, D(entry), IntentType.ENTRY, limit="100", intent_id="i1")
        if held and exits:
            self.add(Side.SELL, D(min(held, exits)), IntentType.EXIT_PARTIAL, limit="120", intent_id="i2")
        self.position = D(held)
        if filled:
            self.fill(0, D(min(entry, filled)))

    def add(self, side: Side, quantity: Decimal, kind: IntentType, limit: str | None, intent_id: str) -> str:
        key = f"b{len(self.rows):032d}"
        row = order(key=key, side=side, quantity=str(quantity), limit=limit, intent_type=kind, intent_id=intent_id)
        self.rows[key] = row
        return key

    def pick(self, which: int) -> OrderRow:
        return list(self.rows.values())[which % len(self.rows)]

    def take(self, applied: Applied) -> None:
        self.rows[applied.order.ticket.client_order_id] = applied.order

    def fill(self, which: int, quantity: Decimal) -> None:
        row = self.pick(which)
        if quantity > row.leaves:
            return
        self.numbers += 1
        ticket = row.ticket
        told = executed(str(quantity), self.numbers, key=ticket.client_order_id, side=ticket.side)
        self.take(apply(row, told, self.now_ns))
        self.position += ticket.side.sign * quantity

    def make_a_round(self) -> EscapeRound:
        outcome = escape(
            EscapeInput(
                trigger=EscapeTrigger.KILL_SWITCH,
                reason="operator",
                scope=self.scope,
                is_closing=True,
                orders=tuple(self.rows.values()),
                closed=tuple(self.rows[key] for key in self.closes),
                positions=(Position("trend", "sim", "paper", "BTCUSDT", self.position),),
                rules={"BTCUSDT": Rules()},
                prices={"BTCUSDT": D(100)},
                began_ns=T0,
                now_ns=self.now_ns,
            )
        )
        for cancel in outcome.cancels:
            self.take(request_cancel(self.rows[cancel.client_order_id], cancel.reason, self.now_ns))
        for close in outcome.closes:
            self.closes.append(self.add(close.side, close.quantity, IntentType.EXIT_FULL, None, "close"))
        return outcome

    # -- what may happen ----------------------------------------------------------------------------------------------

    @rule()
    def we_make_a_round(self) -> None:
        self.make_a_round()

    @rule(which=st.integers(0, 9), quantity=st.sampled_from(["0.001", "1", "2.5", "4"]))
    def it_fills(self, which: int, quantity: str) -> None:
        self.fill(which, D(quantity))

    @rule(which=st.integers(0, 9), word=st.sampled_from([OrderAccepted, OrderCancelled]))
    def it_is_answered(self, which: int, word: type[OrderAccepted] | type[OrderCancelled]) -> None:
        row = self.pick(which)
        told = word(client_order_id=row.ticket.client_order_id, symbol="BTCUSDT", venue_order_id="v")
        self.take(apply(row, told, self.now_ns))

    @rule(which=st.integers(0, 9))
    def it_is_rejected(self, which: int) -> None:
        row = self.pick(which)
        if not row.filled:
            about = {"client_order_id": row.ticket.client_order_id, "symbol": "BTCUSDT"}
            self.take(apply(row, OrderRejected(**about, code="c", reason="r"), self.now_ns))

    @rule(which=st.integers(0, 9))
    def nobody_knows(self, which: int) -> None:
        row = self.pick(which)
        about = {"client_order_id": row.ticket.client_order_id, "symbol": "BTCUSDT"}
        self.take(apply(row, OrderOutcomeUnknown(**about, reason="timeout"), self.now_ns))

    @rule(which=st.integers(0, 9))
    def a_cancel_is_refused(self, which: int) -> None:
        row = self.pick(which)
        about = {"client_order_id": row.ticket.client_order_id, "symbol": "BTCUSDT"}
        self.take(apply(row, CancelRejected(**about, code="c", reason="r"), self.now_ns))

    @rule()
    def we_restart(self) -> None:
        for row in tuple(self.rows.values()):
            self.take(mark_unknown(row, "restart"))

    @rule(seconds=st.integers(1, 3))
    def time_passes(self, seconds: int) -> None:
        self.now_ns += seconds * NS_PER_S

    # -- what holds ---------------------------------------------------------------------------------------------------

    @invariant()
    def no_position_can_be_turned_over(self) -> None:
        exits = (row.leaves for row in self.rows.values() if row.ticket.side is Side.SELL)
        assert sum(exits, D(0)) <= self.position

    def teardown(self) -> None:
        """The venue answers everything from here on: then it is over soon, and nothing is left."""
        if not self.rows:
            return
        for _ in range(ROUNDS):
            if self.make_a_round().is_over:
                break
            for which, row in enumerate(tuple(self.rows.values())):
                self.settle(which, row)
            self.no_position_can_be_turned_over()
        else:
            raise AssertionError("it never ends")
        self.it_has_ended_well()

    def it_has_ended_well(self) -> None:
        assert self.position == 0 or self.position * 100 < 5, "flat, or dust"
        assert all(row.status.is_terminal for row in self.rows.values())

    def settle(self, which: int, row: OrderRow) -> None:
        if row.ticket.limit_price is None and row.leaves:
            self.fill(which, row.leaves)
        elif row.status is OrderStatus.UNKNOWN or row.status is OrderStatus.PENDING_CANCEL:
            about = {"client_order_id": row.ticket.client_order_id, "symbol": "BTCUSDT"}
            self.take(apply(row, OrderCancelled(**about, cumulative=row.filled), self.now_ns))


class GettingOutOfOneEntry(GettingOut):
    """The strategy's other holding stays, whatever happens."""

    scope = Scope(intent=intent(quantity=D(9)))

    @invariant()
    def only_what_the_entry_filled_is_closed(self) -> None:
        bought = sum((row.filled for row in self.rows.values() if row.intent_id == "i1"), D(0))
        closed = sum((self.rows[key].filled + self.rows[key].leaves for key in self.closes), D(0))
        assert closed <= bought

    def it_has_ended_well(self) -> None:
        entry = next(iter(self.rows.values()))
        assert entry.status.is_terminal


LIMITS = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestGettingOut = GettingOut.TestCase
TestGettingOut.settings = LIMITS
TestGettingOutOfOneEntry = GettingOutOfOneEntry.TestCase
TestGettingOutOfOneEntry.settings = LIMITS
