"""A whole intent, worked through any interleaving of evidence, time, stops and restarts: never more at work than was
asked for, no child twice, and an end once the venue answers."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bulkhead.execution import deadlines
from bulkhead.execution.micro_pipeline import PipelineSettings, Planned, Splitting, plan
from bulkhead.execution.order_events import Applied, apply, mark_unknown, prove_absent, request_cancel
from bulkhead.execution.stages.adjust import AdjustSettings
from bulkhead.execution.stages.split import Child, SplitFacts, SplitSettings
from bulkhead.execution.working import Situation, Steps, WorkSettings, work
from messages.orders import (
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderRow,
)
from messages.values import OrderStatus as S
from messages.values import SplitPolicy
from tests.execution.orders import NS_PER_S, T0, D, Rules, executed, intent, market

QUANTITY = D(4)
SETTINGS = WorkSettings(
    splitting=SplitSettings(max_children=4, horizon_s=20.0, iceberg_visible_quantity=D("1.2")),
    adjusting=AdjustSettings(fill_timeout_s=5.0, max_wait_s=10.0),
)
CURVE = SplitFacts(volume_curve=(D(3), D(1), D(0), D(2)))


class AnIntent(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now_ns = T0
        self.rows: dict[str, OrderRow] = {}
        self.later: dict[int, Child] = {}
        self.stopping: str | None = None
        self.executions = 0
        self.is_over = False
        self.dropped = D(0)

    @initialize(policy=st.sampled_from([SplitPolicy.TWAP, SplitPolicy.VWAP, SplitPolicy.ICEBERG, SplitPolicy.SINGLE]))
    def begin(self, policy: SplitPolicy) -> None:
        self.wish = intent(split=policy, quantity=QUANTITY, limit_price=D("99.95"), expires_at_ns=T0 + 300 * NS_PER_S)
        planned = plan(
            self.wish,
            session_id="s1",
            instrument=Rules(),
            orders=(),
            gate_refusal=None,
            settings=PipelineSettings(),
            now_ns=self.now_ns,
            splitting=Splitting(SETTINGS.splitting, CURVE, "seed"),
        )
        assert isinstance(planned, Planned)
        self.rows = {row.ticket.client_order_id: row for row in planned.orders}
        self.later = {child.number: child for child in planned.later}

    def situation(self, gate: str | None = None, bid: int = 9_999) -> Situation:
        price = D(bid) / 100
        return Situation(
            session_id="s1",
            instrument=Rules(),
            market=market(str(price), str(price + D("0.02")), self.now_ns),
            gate_refusal=gate,
            orders=tuple(row for row in self.rows.values() if not row.status.is_terminal),
            confirmed_position=D(0),
            precheck=PipelineSettings(),
            settings=SETTINGS,
            now_ns=self.now_ns,
        )

    def worked(self, situation: Situation) -> Steps:
        steps = work(self.wish, tuple(self.rows.values()), self.later, self.stopping, situation, lambda stage: None)
        for child in steps.freed:
            self.later[child.number] = child
        assert self.stopping is None or not steps.orders, "nothing new is sent for what is stopped"
        for row in steps.orders:
            assert row.ticket.client_order_id not in self.rows, "an id is used once"
            self.rows[row.ticket.client_order_id] = row
            self.later.pop(row.child, None)
        for child, _ in steps.dropped:
            self.dropped += self.later.pop(child.number).quantity
        for cancel in steps.cancels:
            self.take(request_cancel(self.rows[cancel.client_order_id], cancel.reason, self.now_ns))
        assert steps.waits >= sum((child.quantity for child in self.later.values()), D(0))
        self.is_over = steps.is_over
        return steps

    def take(self, applied: Applied) -> None:
        self.rows[applied.order.ticket.client_order_id] = applied.order

    def open_row(self, which: int) -> OrderRow | None:
        rows = [row for row in self.rows.values() if not row.status.is_terminal]
        return rows[which % len(rows)] if rows else None

    # -- what may happen ----------------------------------------------------------------------------------------------

    @rule(
        seconds=st.sampled_from([0.1, 1.0, 4.0, 30.0]),
        gate=st.sampled_from([None, None, "shut"]),
        bid=st.integers(9_980, 10_010),
    )
    def time_goes_on(self, seconds: float, gate: str | None, bid: int) -> None:
        self.now_ns += int(seconds * NS_PER_S)
        self.worked(self.situation(gate, bid))

    @rule(which=st.integers(0, 9), word=st.sampled_from(["accept", "cancel", "expire", "reject", "unknown", "absent"]))
    def the_venue_says(self, which: int, word: str) -> None:
        row = self.open_row(which)
        if row is None:
            return
        about: dict[str, Any] = {"client_order_id": row.ticket.client_order_id, "symbol": "BTCUSDT"}
        if word == "absent":
            if row.status is S.UNKNOWN and row.venue_order_id is None and not row.filled:
                self.take(prove_absent(row, "absent", self.now_ns))
        elif word == "reject":
            if row.venue_order_id is None and not row.filled:
                self.take(apply(row, OrderRejected(**about, code="c", reason="no"), self.now_ns))
        else:
            said = {
                "accept": OrderAccepted(**about, venue_order_id="v"),
                "cancel": OrderCancelled(**about, cumulative=row.filled),
                "expire": OrderExpired(**about, cumulative=row.filled),
                "unknown": OrderOutcomeUnknown(**about, reason="timeout"),
            }[word]
            self.take(apply(row, said, self.now_ns))
        self.worked(self.situation())

    @rule(which=st.integers(0, 9), share=st.sampled_from(["0.1", "0.5", "1"]))
    def it_fills(self, which: int, share: str) -> None:
        row = self.open_row(which)
        if row is None:
            return
        quantity = max(D("0.001"), (row.leaves * D(share)).quantize(D("0.001")))
        self.executions += 1
        filled = executed(str(quantity), self.executions, key=row.ticket.client_order_id)
        self.take(apply(row, filled, self.now_ns))
        self.worked(self.situation())

    @rule()
    def a_restart_reads_what_is_on_disk(self) -> None:
        """Children as their deadlines, rows as they are; what had no answer is unknown."""
        kept = [deadlines.child_of(deadlines.child_waits(self.wish, child))[1] for child in self.later.values()]
        assert kept == list(self.later.values())
        for row in tuple(self.rows.values()):
            self.take(mark_unknown(row, "sent by an earlier incarnation"))

    @rule()
    def it_is_stopped(self) -> None:
        self.stopping = "a stop plan"
        for row in tuple(self.rows.values()):
            if not row.status.is_terminal and row.status is not S.PENDING_CANCEL:
                self.take(request_cancel(row, "a stop plan", self.now_ns))
        self.worked(self.situation())
        assert not self.later

    # -- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def no_child_has_more_at_work_than_it_was_to_fill(self) -> None:
        children: dict[int, list[OrderRow]] = {}
        for row in self.rows.values():
            children.setdefault(row.child, []).append(row)
        for attempts in children.values():
            asked = min(attempts, key=lambda row: row.attempt).ticket.quantity
            assert sum((row.filled + row.leaves for row in attempts), D(0)) <= asked

    @invariant()
    def nothing_is_lost_or_added(self) -> None:
        if self.rows:
            first = [row for row in self.rows.values() if row.attempt == 0]
            whole = sum((row.ticket.quantity for row in first), D(0))
            whole += sum((child.quantity for child in self.later.values()), D(0))
            assert whole + self.dropped == QUANTITY

    @invariant()
    def it_is_over_only_when_nothing_works_or_waits(self) -> None:
        if self.is_over:
            assert not self.later
            assert all(row.status.is_terminal for row in self.rows.values())

    def teardown(self) -> None:
        """The venue answers everything and fills what it has: then there is an end, within the intent's time."""
        for _ in range(400):
            for row in tuple(self.rows.values()):
                key = row.ticket.client_order_id
                if row.status is S.PENDING_CANCEL:
                    cancelled = OrderCancelled(client_order_id=key, symbol="BTCUSDT", cumulative=row.filled)
                    self.take(apply(row, cancelled, self.now_ns))
                elif not row.status.is_terminal and row.leaves:
                    self.executions += 1
                    self.take(apply(row, executed(str(row.leaves), self.executions, key=key), self.now_ns))
            self.now_ns += NS_PER_S
            self.worked(self.situation())
            if self.is_over:
                return
        raise AssertionError("it never ended")


AnIntent.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None, derandomize=True)
TestAnIntent = AnIntent.TestCase


def test_what_is_filled_of_a_split_that_nothing_disturbs_is_all_of_it() -> None:
    for policy in (SplitPolicy.TWAP, SplitPolicy.VWAP, SplitPolicy.ICEBERG):
        one = AnIntent()
        one.begin(policy)
        one.teardown()
        assert sum((row.filled for row in one.rows.values()), Decimal(0)) == QUANTITY
        assert len(one.rows) > 1


@pytest.mark.parametrize("payload", ["{}", '{"intent_id": "i", "number": 1}', "[]", '{"limit_price": null}'])
def test_a_deadline_that_cannot_be_read_is_refused(payload: str) -> None:
    good = deadlines.child_waits(intent(), Child(1, D(1), None))
    with pytest.raises(ValueError, match="cannot be read"):
        deadlines.child_of(good.model_copy(update={"payload": payload}))
