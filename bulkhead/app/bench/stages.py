"""The pure stages of the order path, one by one, over orders of every kind; beside what making one order row costs.

No I/O and no actors: what is measured is what `bulkhead.execution` computes between an approved intent and the records,
in processor time of its thread, since nothing in it waits and the neighbours of a machine are not its fault.
"""

import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial

from bulkhead.app.bench.figures import Spread
from bulkhead.execution.ids import order_id_for
from bulkhead.execution.micro_pipeline import PipelineSettings, Planned, Splitting, plan
from bulkhead.execution.stages.adjust import AdjustInput, AdjustSettings, adjust
from bulkhead.execution.stages.escape import EscapeInput, Position, Scope, escape
from bulkhead.execution.stages.liquidity import CURVE_PARTS
from bulkhead.execution.stages.monitor import watch
from bulkhead.execution.stages.split import SplitFacts, SplitSettings
from messages.escapes import EscapeTrigger
from messages.instruments import Instrument
from messages.orders import OrderRow, OrderTicket
from messages.trading import OrderIntent
from messages.values import IntentType, MarketSnapshot, OrderStatus, OrderType, Origin, Side, SplitPolicy, Value

ROUNDS = 2_000
"""Intents of each policy."""
TARGET_P99_MS = 0.2
NOW_NS = 1_735_689_600_000_000_000
POLICIES = (SplitPolicy.SINGLE, SplitPolicy.TWAP, SplitPolicy.VWAP, SplitPolicy.ICEBERG, SplitPolicy.AUTO)
_D = Decimal
_RULES = Instrument(
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    tick_size=_D("0.01"),
    lot_size=_D("0.00001"),
    min_quantity=_D("0.00001"),
    max_quantity=_D(9_000),
    min_notional=_D(5),
    is_trading=True,
    version="bench",
)
_MARKET = MarketSnapshot(
    symbol="BTCUSDT",
    bid=_D("67100.01"),
    bid_quantity=_D("0.5"),
    ask=_D("67100.03"),
    ask_quantity=_D("0.4"),
    event_time_ns=NOW_NS,
)
_FACTS = SplitFacts(
    average_daily_volume=_D(20_000), volume_curve=tuple(_D(5 + hour % 7) for hour in range(CURVE_PARTS))
)


class StageBenchFigures(Value):
    stages: dict[str, Spread]
    """By stage; one span is one intent through it, with all its children."""
    row: Spread
    """The floor: one order's id and one order row, made and checked."""


def measure() -> StageBenchFigures:
    spans: dict[str, list[int]] = {}
    rows: list[int] = []
    for number in range(ROUNDS * len(POLICIES)):
        intent = _intent(number, POLICIES[number % len(POLICIES)])
        planned = _plan(intent, spans)
        working = tuple(_working(row) for row in planned.orders)
        adjusting, escaping = _adjusting(working[0]), _escaping(working)
        for name, step in (
            ("monitor", partial(watch, working, NOW_NS + 1, unsent=planned.later)),
            ("adjust", partial(adjust, adjusting)),
            ("escape", partial(escape, escaping)),
        ):
            spans.setdefault(name, []).append(_took(step))
        rows.append(_took(partial(_one_row, intent)))
    return StageBenchFigures(stages={name: Spread.of(taken) for name, taken in spans.items()}, row=Spread.of(rows))


def _took(step: Callable[[], object]) -> int:
    began_ns = time.thread_time_ns()
    step()
    return time.thread_time_ns() - began_ns


def _plan(intent: OrderIntent, spans: dict[str, list[int]]) -> Planned:
    since_ns = time.thread_time_ns()

    def on_stage(stage: str) -> None:
        nonlocal since_ns
        now_ns = time.thread_time_ns()
        spans.setdefault(stage, []).append(now_ns - since_ns)
        since_ns = time.thread_time_ns()

    planned = plan(
        intent,
        session_id="bench",
        instrument=_RULES,
        orders=(),
        gate_refusal=None,
        settings=PipelineSettings(),
        now_ns=NOW_NS,
        splitting=Splitting(SplitSettings(), _FACTS, "bench"),
        on_stage=on_stage,
    )
    assert isinstance(planned, Planned), planned  # noqa: S101 - the bench's own intents are good ones
    return planned


def _intent(number: int, policy: SplitPolicy) -> OrderIntent:
    return OrderIntent(
        intent_id=f"bench/{number}",
        action_key=f"bench/{number}",
        correlation_id="bench.1.1",
        origin=Origin.STRATEGY,
        strategy_id="bench",
        venue="sim",
        account="paper",
        group_id=f"bench/{number}",
        symbol="BTCUSDT",
        side=Side.BUY,
        intent_type=IntentType.ENTRY,
        quantity=_D(number % 97 + 1) / 10,
        order_type=OrderType.LMT,
        limit_price=_D("67100.02"),
        split=policy,
        reason="bench",
        market=_MARKET,
        decision_time_ns=NOW_NS,
        expires_at_ns=NOW_NS + 600_000_000_000,
    )


def _working(row: OrderRow) -> OrderRow:
    return row.model_copy(update={"status": OrderStatus.SUBMITTED, "venue_order_id": "1", "submitted_ns": NOW_NS})


def _adjusting(row: OrderRow) -> AdjustInput:
    now_ns = NOW_NS + 61_000_000_000
    market = _MARKET.model_copy(update={"event_time_ns": now_ns, "bid": _D("67103"), "ask": _D("67103.02")})
    return AdjustInput((row,), _RULES, market, AdjustSettings(), now_ns)


def _escaping(rows: tuple[OrderRow, ...]) -> EscapeInput:
    return EscapeInput(
        trigger=EscapeTrigger.KILL_SWITCH,
        reason="bench",
        scope=Scope(),
        is_closing=True,
        orders=rows,
        closed=(),
        positions=(Position("bench", "sim", "paper", "BTCUSDT", _D("1.5")),),
        rules={"BTCUSDT": _RULES},
        prices={"BTCUSDT": _D("67100.02")},
        began_ns=NOW_NS,
        now_ns=NOW_NS,
    )


def _one_row(intent: OrderIntent) -> OrderRow:
    ticket = OrderTicket(
        client_order_id=order_id_for(intent, "bench", 0, 0),
        venue=intent.venue,
        account=intent.account,
        symbol=intent.symbol,
        side=intent.side,
        order_type=intent.order_type,
        quantity=intent.quantity,
        limit_price=intent.limit_price,
        intent_type=intent.intent_type,
    )
    return OrderRow(
        ticket=ticket,
        intent_id=intent.intent_id,
        correlation_id=intent.correlation_id,
        strategy_id=intent.strategy_id,
        status=OrderStatus.PENDING_SUBMIT,
        filled=_D(0),
        filled_notional=_D(0),
        created_ns=NOW_NS,
        updated_ns=NOW_NS,
    )
