"""Any interleaving of evidence, restarts and adjustments keeps a child within its quantity and near its first price."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bulkhead.execution.micro_pipeline import PipelineSettings, Planned, plan, plan_adjustment
from bulkhead.execution.order_events import Applied, apply, give_up, mark_unknown, prove_absent, request_cancel
from bulkhead.execution.order_table import IllegalTransition
from bulkhead.execution.stages.adjust import AdjustSettings, CancelFirst, GiveUp, Wait
from messages.orders import (
    CancelOutcomeUnknown,
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderEvidence,
    OrderExpired,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderRow,
)
from messages.values import OrderStatus as S
from messages.values import Side
from tests.execution.orders import NS_PER_S, T0, D, Rules, executed, intent, market

QUANTITY = D(10)
PROVEN = {S.CANCELLED, S.EXPIRED, S.FILLED}
WORDS = (
    OrderAccepted,
    OrderRejected,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderCancelled,
    OrderExpired,
    CancelRejected,
    CancelOutcomeUnknown,
)
COLLAR = PipelineSettings(price_collar_bps=D(100))


class OneChild(RuleBasedStateMachine):
    """Told anything in any order, by a venue that need not make sense; adjusted at any time, by who may be restarted
    between any two steps, since nothing but the rows is remembered."""

    side = Side.BUY

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = T0
        self.wish = intent(side=self.side, quantity=QUANTITY, limit_price=D(100))
        first = plan(self.wish, **self.around())
        assert isinstance(first, Planned)
        self.rows = {row.ticket.client_order_id: row for row in first.orders}
        self.executions = 0
        self.contradicted = D(0)

    def around(self) -> dict[str, Any]:
        return {
            "session_id": "s1",
            "instrument": Rules(),
            "orders": tuple(self.rows.values()) if hasattr(self, "rows") else (),
            "gate_refusal": None,
            "settings": COLLAR,
            "now_ns": self.now_ns,
            "market": market(at_ns=self.now_ns),
        }

    @property
    def exposure(self) -> Decimal:
        """Filled + live + unknown, over all attempts."""
        return sum((row.filled + row.leaves for row in self.rows.values()), D(0))

    def pick(self, which: int) -> OrderRow:
        """Mostly the newest, as among real news."""
        rows = list(self.rows.values())
        return rows[-1 - which % len(rows)] if which > 5 else rows[-1]

    def take(self, applied: Applied) -> None:
        before = self.exposure
        self.rows[applied.order.ticket.client_order_id] = applied.order
        # A venue that fills what it had ended, or more than it was asked for: believed, never planned.
        self.contradicted += max(D(0), self.exposure - before)

    @rule(kind=st.sampled_from(WORDS), which=st.integers(0, 9), counted=st.booleans())
    def the_venue_says(self, kind: type[OrderEvidence], which: int, counted: bool) -> None:
        row = self.pick(which)
        more: dict[str, Any] = {"client_order_id": row.ticket.client_order_id, "symbol": "BTCUSDT"}
        if kind in {OrderCancelled, OrderExpired} and counted:
            more["cumulative"] = row.filled
        if kind in {OrderRejected, OrderNotSent, CancelRejected}:
            more |= {"code": "c", "reason": "r"}
        if kind in {OrderOutcomeUnknown, CancelOutcomeUnknown}:
            more["reason"] = "r"
        self.take(apply(row, kind(**more), self.now_ns))

    @rule(which=st.integers(0, 9), quantity=st.sampled_from(["0.25", "0.5", "1", "2.5", "9.97"]))
    def it_fills(self, which: int, quantity: str) -> None:
        row = self.pick(which)
        self.executions += 1
        key = row.ticket.client_order_id
        self.take(apply(row, executed(quantity, self.executions, key=key, side=self.side), self.now_ns))

    @rule()
    def the_venue_does_as_it_is_asked(self) -> None:
        """So that a run gets somewhere."""
        row = self.pick(0)
        about = {"client_order_id": row.ticket.client_order_id, "symbol": "BTCUSDT"}
        if row.status in {S.PENDING_SUBMIT, S.UNKNOWN}:
            self.take(apply(row, OrderAccepted(**about, venue_order_id="v1"), self.now_ns))
        elif row.status is S.PENDING_CANCEL:
            self.take(apply(row, OrderCancelled(**about, cumulative=row.filled), self.now_ns))

    @rule(bid=st.integers(9_970, 10_040))
    def an_adjustment_goes_well(self, bid: int) -> None:
        self.the_venue_does_as_it_is_asked()
        self.we_adjust(bid, 30, 0.0, 1)
        self.the_venue_does_as_it_is_asked()
        self.we_adjust(bid, 30, 0.0, 1)

    @rule(act=st.sampled_from([give_up, prove_absent]))
    def we_conclude(self, act: Callable[[OrderRow, str, int], Applied]) -> None:
        row = self.pick(0)
        with suppress(IllegalTransition):
            self.take(act(row, "proven", self.now_ns))

    @rule(seconds=st.sampled_from([1, 30, 61]))
    def time_passes(self, seconds: int) -> None:
        self.now_ns += seconds * NS_PER_S

    @rule()
    def we_restart(self) -> None:
        for row in tuple(self.rows.values()):
            self.take(mark_unknown(row, "restart"))

    @rule()
    def another_cancels(self) -> None:
        row = self.pick(0)
        with suppress(IllegalTransition):
            self.take(request_cancel(row, "stop plan", self.now_ns))

    @rule(
        bid=st.integers(9_970, 10_040) | st.integers(9_800, 10_200),
        spread=st.integers(-1, 30),
        timeout=st.sampled_from([0.0, 0.0, 60.0]),
        waits=st.integers(1, 2),
    )
    def we_adjust(self, bid: int, spread: int, timeout: float, waits: int) -> None:
        quotes = market(str(D(bid) / 100), str(D(bid + spread) / 100), at_ns=self.now_ns)
        limits = AdjustSettings(fill_timeout_s=timeout, pause_s=timeout / 30, price_collar_bps=D(100))
        before, attempts = self.exposure, tuple(self.rows.values())
        given = {**self.around(), "market": quotes}
        steps = [plan_adjustment(self.wish, attempts, adjusting=limits, **given) for _ in range(waits)]
        assert steps[0] == steps[-1], "asked twice, the same is answered"
        match steps[0]:
            case Planned(orders=(row,)):
                self.check_replacement(row, quotes.mid)
                self.rows[row.ticket.client_order_id] = row
                assert self.exposure <= QUANTITY
            case CancelFirst(client_order_id=key, reason=reason):
                self.take(request_cancel(self.rows[key], reason, self.now_ns))
            case GiveUp(rest=rest, is_working=is_working):
                assert rest == max(D(0), QUANTITY - sum((row.filled for row in attempts), D(0)))
                assert is_working == any(not row.status.is_terminal for row in attempts)
            case step:
                assert isinstance(step, Wait)
        if before > QUANTITY:
            assert not isinstance(steps[0], Planned), "nothing is added to what is too much"

    def check_replacement(self, row: OrderRow, mid: Decimal | None) -> None:
        assert all(other.status in PROVEN for other in self.rows.values()), "proof first"
        assert row.ticket.client_order_id not in self.rows, "an id of its own"
        assert (row.attempt, row.child) == (len(self.rows), 0)
        assert row.attempt <= 3
        price = row.ticket.limit_price
        assert price is not None
        assert mid is not None
        assert abs(price - 100) <= D("0.5"), "half a per cent in all"
        assert abs(price - mid) <= mid / 100, "within the collar"
        assert price % D("0.01") == 0
        assert row.ticket.quantity % D("0.001") == 0
        assert row.ticket.quantity * price >= 5

    @invariant()
    def a_child_is_never_more_than_it_was_to_be(self) -> None:
        assert self.exposure <= QUANTITY + self.contradicted

    @invariant()
    def one_attempt_works_at_a_time(self) -> None:
        if not self.contradicted:
            assert sum(not row.status.is_terminal for row in self.rows.values()) <= 1

    def teardown(self) -> None:
        assert len(self.rows) <= 4


class OneChildSold(OneChild):
    side = Side.SELL


class HonestVenue(OneChild):
    """The same with a venue that keeps its word: then nothing is ever too much."""

    @rule(which=st.integers(0, 9), quantity=st.sampled_from(["0.25", "0.5", "1", "2.5", "9.97"]))
    def it_fills(self, which: int, quantity: str) -> None:
        row = self.pick(which)
        if D(quantity) <= row.leaves:
            super().it_fills(which, quantity)

    @rule(kind=st.sampled_from(WORDS), which=st.integers(0, 9), counted=st.booleans())
    def the_venue_says(self, kind: type[OrderEvidence], which: int, counted: bool) -> None:
        # What has failed by our own proof stays so, and what is filled in part is not rejected.
        row = self.pick(which)
        if row.status is not S.FAILED and not (kind is OrderRejected and row.filled):
            super().the_venue_says(kind, which, counted)

    @invariant()
    def it_never_contradicts_itself(self) -> None:
        assert self.contradicted == 0
        assert self.exposure <= QUANTITY


LIMITS = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestOneChild = OneChild.TestCase
TestOneChild.settings = LIMITS
TestOneChildSold = OneChildSold.TestCase
TestOneChildSold.settings = LIMITS
TestHonestVenue = HonestVenue.TestCase
TestHonestVenue.settings = LIMITS
