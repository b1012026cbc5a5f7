"""Each kind of record in the words that people read."""

from decimal import Decimal

import pytest
from rich.text import Text

from bulkhead.execution.deadlines import child_waits, resend_waits
from bulkhead.execution.stages.split import Child
from bulkhead.monitor.levels import LineLevel, level_of
from bulkhead.monitor.lines import Line
from bulkhead.monitor.render import render
from messages.catalogue import record_to_json
from messages.escapes import EscapeRecorded, EscapeTrigger
from messages.failure import (
    FailureMode,
    FailureReported,
    LimitApproached,
    LimitRearmed,
    StopLevelChanged,
    StopReason,
)
from messages.market_health import DataSource, SourceChanged
from messages.operator import StrangerSettled
from messages.orders import Balance, VenueExecution, VenueOrder
from messages.records import (
    AccountObserved,
    ChildDownRecorded,
    ChildReadyRecorded,
    DeadLetterRecorded,
    DeadlineCleared,
    FailureRecorded,
    ForeignOrderSeen,
    IntentStatusChanged,
    LimitApproachRecorded,
    OpeningBalancesRecorded,
    OperatorActed,
    OrphanFillSeen,
    Record,
    SessionStopped,
    SourceRecorded,
    StopLevelRecorded,
)
from messages.risk_history import LimitRearmRecorded
from messages.strangers import StrangerKind, Verdict
from messages.supervision import ChildDown, ChildReady, DeadLetter
from messages.values import IntentStatus, OrderStatus, Origin, Side, StopLevel
from tests.execution.orders import T0, intent
from tests.monitor import sessions
from tests.monitor.sessions import (
    SYMBOL,
    at,
    enter,
    fill,
    order,
    portfolio,
    position,
    reconciled,
    row_refused,
    row_taken,
)
from tests.monitor.test_summary import refused, tripped

ONE = Decimal(1)
HELD = (Balance(asset="BTC", free=ONE, locked=Decimal(0)),)
FOREIGN = VenueOrder(
    client_order_id="by-hand", venue_order_id="555", symbol=SYMBOL, side=Side.BUY, order_type="LIMIT",
    status=OrderStatus.SUBMITTED, quantity=ONE, filled=Decimal(0), filled_notional=Decimal(0), created_ns=1,
    updated_ns=1,
)  # fmt: skip
ORPHAN = VenueExecution(
    execution_id="777", venue_order_id="555", symbol=SYMBOL, side=Side.BUY, quantity=ONE, price=ONE, fee=Decimal(0),
    fee_asset="USDT", executed_ns=1,
)  # fmt: skip
SETTLED = StrangerSettled(
    kind=StrangerKind.ORDER, symbol=SYMBOL, number="77", verdict=Verdict.ADOPTED, strategy_id="trend", operator="mina",
    reason="mine", at_ns=1,
)  # fmt: skip
REASON = StopReason(reason_id="risk:daily_loss", level=StopLevel.SOFT, cause="loss of the day", since_ns=1)
NEAR = LimitApproached(limit_name="daily_loss", value="-410", limit="-500", share="0.82")


def source_changed(source: DataSource) -> SourceChanged:
    why = "ticks flow again" if source is DataSource.FEED else "feed: no tick for 31 s"
    return SourceChanged(venue="sim", symbol="BTCUSDT", source=source, before=DataSource.FEED, reason=why, at_ns=1)


D, I, W, E = LineLevel.DEBUG, LineLevel.INFO, LineLevel.WARNING, LineLevel.ERROR  # noqa: E741


def line_of(record: Record) -> Line:
    payload = record_to_json(record)
    kind = payload.pop("type")
    return Line("S1", record.stream, kind, 1, at(0), "c", None, payload, "")


@pytest.mark.parametrize(
    ("record", "level", "words"),
    [
        (IntentStatusChanged(intent_id="i1", status=IntentStatus.FAILED, code="X", reason="why"), W,
         "INTENT   i1 FAILED  X: why"),
        (IntentStatusChanged(intent_id="i1", status=IntentStatus.FAILED, reason="RISK: why", code="RISK"), W,
         "i1 FAILED  RISK: why"),
        (IntentStatusChanged(intent_id="i1", status=IntentStatus.DONE, reason="all ended"), I, "i1 DONE  all ended"),
        (row_taken(sessions.intent(1, at(1), origin=Origin.INBOX)), I,
         "INBOX    row 7: ENTRY BUY 0.5 BTCUSDT market – the fast mean is above the slow one"),
        (row_refused(), W, "INBOX    row 9 REJECTED  NUMBER_IMPOSSIBLE: quantity is '-1'"),
        (row_refused(asked="ENTRY BUY 1 X"), W, "asked ENTRY BUY 1 X"),
        (order(1, OrderStatus.REJECTED, "rejected", at(0), reason="too poor", notes=("odd",)), W,
         "ORDER    rejected  BUY 0.5 BTCUSDT market  REJECTED, 0 filled  too poor  noted: odd"),
        (order(1, OrderStatus.FILLED, "filled", at(0), filled="0.5", is_late=True), E, "filled LATE"),
        (fill(1, 1, "0.5", at(0), source="query"), I, "found by recovery"),
        (fill(1, 1, "0.5", at(0), source="totals"), I, "USDT  order"),
        (SETTLED, I, "STRANGER order 77 in BTCUSDT adopted by mina for trend: mine"),
        (ForeignOrderSeen(order=FOREIGN), W, "FOREIGN  an order that is not ours: BUY 1 BTCUSDT"),
        (OrphanFillSeen(execution=ORPHAN), W, "ORPHAN   an execution of no order of ours: BUY 1 BTCUSDT @ 1"),
        (reconciled(is_clean=False, drifts=("BTC 0.1",)), W, "sim NOT clean: "),
        (reconciled(is_clean=False, drifts=("BTC 0.1",)), W, "  drift: BTC 0.1"),
        (reconciled(drifts=("b1: none yet",)), I, "  waits: b1: none yet"),
        (position("0.5", "f", at(0)), D, "POSITION +0.5 BTCUSDT at 64,010.2"),
        (portfolio("99990", at(0)), D, "BOOKS    equity 99,990 USDT  cash 99,990  day -10  drawdown 10"),
        (OpeningBalancesRecorded(venue="sim", account="main", balances=HELD, at_ns=1), I, "OPENING  sim holds 1 BTC"),
        (AccountObserved(venue="sim", account="main", balances=HELD, differences={}, at_ns=1), D, "sim agrees"),
        (AccountObserved(venue="sim", account="main", balances=HELD, differences={"BTC": "+1"}, at_ns=1), E,
         "differs from our books: BTC: +1"),
        (refused(), W, "REFUSED  MAX_POSITIONS BTCUSDT: max_positions is 3, limit 3"),
        (tripped(), E, "TRIP     RISK_GUARD_TRIPPED: daily_loss is -510, limit -500  → SOFT for all"),
        (LimitApproachRecorded(approach=NEAR), W,
         "NEAR     daily_loss is -410, limit -500 (0.82)"),
        (LimitRearmRecorded(rearm=LimitRearmed(limit_name="max_drawdown", by_operator=True, at_ns=1)), W,
         "REARM    max_drawdown was armed again by an operator; what it counts begins anew"),
        (LimitRearmRecorded(rearm=LimitRearmed(limit_name="max_late_share", by_operator=False, at_ns=1)), W,
         "REARM    max_late_share was armed again by itself"),
        (StopLevelRecorded(change=StopLevelChanged(level=StopLevel.SOFT, reasons=(REASON,))), W,
         "STOP     level SOFT: loss of the day (risk:daily_loss, all)"),
        (StopLevelRecorded(change=StopLevelChanged(level=StopLevel.RUN, reasons=())), I,
         "level RUN, no reason in force"),
        (EscapeRecorded(
            escape_id="e", round=1, trigger=EscapeTrigger.RISK_GUARD, scope="all", reason="loss", cancelled=("b1",),
            pending=(), unknown=(), closes=("SELL 1 BTCUSDT for trend",), left_over=(), positions=(), is_over=False,
            at_ns=T0), E,
         "ESCAPE   P0 gets out of all: loss (risk_guard); cancels b1; closes SELL 1 BTCUSDT for trend"),
        (child_waits(intent(), Child(1, Decimal("0.5"), None, 10**9)), D, "DUE      part 2 of intent i1: 0.5, at "),
        (child_waits(intent(), Child(1, Decimal("0.5"), Decimal(9), 0, 0)), D,
         "DUE      part 2 of intent i1: 0.5 at 9, once part 1 is filled"),
        (resend_waits("b123", 0, 2), D, "DUE      order b123 again, for the 2. time, at "),
        (DeadlineCleared(deadline_id="resend/b1", reason="the order has ended"), D,
         "DUE      no more resend/b1: the order has ended"),
        (FailureRecorded(failure=FailureReported(mode=FailureMode.DATA_DELAY, detail="6 s")), W,
         "FAILURE  data_delay all: 6 s"),
        (FailureRecorded(failure=FailureReported(mode=FailureMode.DATA_DELAY, detail="over", recovered=True)), I,
         "RECOVER  data_delay all: over"),
        (SourceRecorded(change=source_changed(DataSource.SNAPSHOT)), W,
         "SOURCE   BTCUSDT feed -> snapshot: feed: no tick for 31 s"),
        (SourceRecorded(change=source_changed(DataSource.FEED)), I, "SOURCE   BTCUSDT feed -> feed: ticks flow again"),
        (ChildDownRecorded(down=ChildDown(
            child="oms", epoch=2, reason="error", detail="Traceback\n  line\nValueError: no", correlation_id=None)), E,
         "DOWN     oms (epoch 2) error: ValueError: no"),
        (ChildReadyRecorded(ready=ChildReady(child="oms", epoch=3)), I, "UP       oms (epoch 3)"),
        (DeadLetterRecorded(letter=DeadLetter(
            to="oms", message_id="m", message_type="SubmitOrder", correlation_id="c", reason="closed")), W,
         "LOST     SubmitOrder to oms: closed"),
        (SessionStopped(session_id="S1", reason="operator", at_ns=1), I, "SESSION  S1 stopped: operator"),
        (OperatorActed(operator="ann", action="kill", reason="enough", at_ns=1), I, "OPERATOR ann kill: enough"),
    ],
)  # fmt: skip
def test_words_and_level(record: Record, level: LineLevel, words: str) -> None:
    line = line_of(record)
    shown = render(line)
    assert isinstance(shown, Text)
    assert words in shown.plain
    assert level_of(line) is level


def test_a_decision_with_everything_and_what_came_of_it() -> None:
    made = enter(1, at(0), note="SIZE_BELOW_LOT: too small", intent_id=None).model_dump(mode="json")
    made["decision"].update(quantity="0.5", limit_price="64000.0")
    line = Line("S1", "obs_decisions", "DecisionMade", 1, at(0), "c", None, made, "")
    assert "BTCUSDT BUY 0.5 limit 64,000 –" in render(line).plain
    assert "no intent: SIZE_BELOW_LOT: too small" in render(line).plain
    outcome = {"decision_id": "trend.1.1", "client_order_id": "client-1"}
    line = Line("S1", "obs_decisions", "DecisionOutcome", 2, at(0), "c", None, outcome, "")
    assert "OUTCOME  of decision trend.1.1: client_order_id client-1" in render(line).plain
