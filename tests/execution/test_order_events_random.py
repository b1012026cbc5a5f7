"""Any interleaving of what a venue may say, and of what we may do, keeps the books of an order whole."""

from collections.abc import Callable
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bulkhead.execution.fills import FillBook
from bulkhead.execution.order_events import (
    Applied,
    OrderEvent,
    StatusShown,
    apply,
    cancelled_quantity,
    give_up,
    mark_unknown,
    overfilled_quantity,
    prove_absent,
    request_cancel,
    resend,
)
from bulkhead.execution.order_table import IllegalTransition
from messages.orders import (
    CancelOutcomeUnknown,
    CancelRejected,
    ExecutionReported,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderRow,
)
from messages.values import OrderStatus as S
from tests.execution.orders import ID, T0, executed, order

QUANTITY = Decimal(10)
ids = st.sampled_from([None, "v1"])
cumulatives = st.none() | st.integers(0, 12).map(Decimal)
reasons = st.just("a reason")
about = {"client_order_id": st.just(ID), "symbol": st.just("BTCUSDT")}

executions = st.builds(
    lambda quantity, number, cumulative: executed(str(quantity), number, cumulative=cumulative),
    st.sampled_from(["0.5", "1", "2.5", "4", "10"]),
    st.integers(1, 8),
    cumulatives,
)
words: st.SearchStrategy[OrderEvent] = st.one_of(
    executions,
    st.builds(OrderAccepted, **about, venue_order_id=ids),
    st.builds(OrderRejected, **about, code=reasons, reason=reasons),
    st.builds(OrderNotSent, **about, code=reasons, reason=reasons),
    st.builds(OrderOutcomeUnknown, **about, reason=reasons),
    st.builds(OrderCancelled, **about, venue_order_id=ids, cumulative=cumulatives),
    st.builds(OrderExpired, **about, venue_order_id=ids, cumulative=cumulatives),
    st.builds(CancelRejected, **about, code=reasons, reason=reasons),
    st.builds(CancelOutcomeUnknown, **about, reason=reasons),
    st.builds(
        StatusShown,
        client_order_id=st.just(ID),
        symbol=st.just("BTCUSDT"),
        status=st.sampled_from(list(S)),
        cumulative=st.integers(0, 12).map(Decimal),
        venue_order_id=st.just("v1"),
        as_of_ns=st.just(T0),
    ),
)


class OneOrder(RuleBasedStateMachine):
    """Told in any order, any number of times, by a venue that need not make sense."""

    def __init__(self) -> None:
        super().__init__()
        self.row: OrderRow = order(quantity=str(QUANTITY))
        self.book = FillBook()
        self.booked: list[Decimal] = []
        self.now_ns = T0

    def take(self, applied: Applied) -> None:
        before, self.row = self.row, applied.order
        if applied.change is None:
            assert applied.order is before
        assert self.row.filled >= before.filled, "filled never falls"
        assert self.row.updated_ns >= before.updated_ns
        assert self.row.ticket == before.ticket
        was_ended = before.status.is_terminal
        assert applied.is_late == (was_ended and applied.change not in {None, "acknowledged"})
        if before.status is S.UNKNOWN and applied.change == "cancel_requested":
            assert self.row.status is S.UNKNOWN

    @rule(word=words)
    def the_venue_says(self, word: OrderEvent) -> None:
        self.now_ns += 1
        if isinstance(word, ExecutionReported) and not self.book.is_new(self.row, word):
            return
        applied = apply(self.row, word, self.now_ns)
        if isinstance(word, ExecutionReported):
            assert applied.fill is not None, "an execution is always booked"
            assert self.book.add(applied.fill.fill_id)
            self.booked.append(applied.fill.quantity)
        else:
            assert applied.fill is None, "nothing but an execution makes a fill"
        self.take(applied)

    @rule()
    def we_ask_for_a_cancel(self) -> None:
        was_ended = self.row.status.is_terminal
        try:
            applied = request_cancel(self.row, "stop", self.now_ns)
        except IllegalTransition:
            assert was_ended
            return
        assert not was_ended
        self.take(applied)

    @precondition(lambda self: self.row.status in {S.PENDING_SUBMIT, S.UNKNOWN})
    @rule(act=st.sampled_from([give_up, prove_absent, resend]))
    def we_conclude(self, act: Callable[[OrderRow, str, int], Applied]) -> None:
        try:
            applied = act(self.row, "proven", self.now_ns)
        except IllegalTransition:
            return
        assert self.row.filled == 0
        self.take(applied)

    @rule()
    def we_restart(self) -> None:
        applied = mark_unknown(self.row, "restart")
        assert applied.order.status is not S.PENDING_SUBMIT
        self.take(applied)

    @invariant()
    def quantities_add_up(self) -> None:
        total = self.row.filled + self.row.leaves + cancelled_quantity(self.row)
        assert total == QUANTITY + overfilled_quantity(self.row)

    @invariant()
    def each_execution_is_booked_once(self) -> None:
        assert self.row.filled == sum(self.booked, Decimal(0))
        assert self.row.filled_notional == self.row.filled * 100

    @invariant()
    def status_and_quantity_agree(self) -> None:
        assert (self.row.status is S.FILLED) == (self.row.filled >= QUANTITY)
        if self.row.status in {S.PENDING_SUBMIT, S.SUBMITTED, S.REJECTED, S.FAILED}:
            assert self.row.filled == 0
        if self.row.status is S.PARTIAL:
            assert 0 < self.row.filled < QUANTITY


TestOneOrder = OneOrder.TestCase
TestOneOrder.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


@given(words=st.lists(words, max_size=25), shuffler=st.randoms(use_true_random=False))
def test_the_order_of_executions_among_other_words_does_not_change_what_is_filled(
    words: list[OrderEvent], shuffler: Random
) -> None:
    def filled_after(told: list[OrderEvent]) -> Decimal:
        row, book = order(), FillBook()
        for word in told:
            if isinstance(word, ExecutionReported):
                if not book.is_new(row, word):
                    continue
                book.add(f"sim:BTCUSDT:{word.execution_id}")
            row = apply(row, word, T0).order
        return row.filled

    distinct = list(
        {w.execution_id if isinstance(w, ExecutionReported) else n: w for n, w in enumerate(words)}.values()
    )
    shuffled = list(distinct)
    shuffler.shuffle(shuffled)
    assert filled_after(shuffled) == filled_after(distinct)
