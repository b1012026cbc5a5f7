"""Working an intent: after each piece of evidence and each second, what is to be done about what it has not got yet.

Pure, and made anew from the books each time: the children that have had their turn are its order rows, the others are
its deadlines. `work` says which children to send now, which rest to reprice, what to give up, and when it is over. It
is the one place where the stages schedule, monitor and adjust come together; the OMS carries out what it says.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from bulkhead.execution.exact import ZERO, exact
from bulkhead.execution.micro_pipeline import PipelineSettings, Planned, plan_adjustment, plan_child
from bulkhead.execution.rules import InstrumentRules, Refused
from bulkhead.execution.stages.adjust import AdjustSettings, CancelFirst, GaveUp, GiveUp, Wait
from bulkhead.execution.stages.escape import trigger_of
from bulkhead.execution.stages.liquidity import Liquidity
from bulkhead.execution.stages.monitor import NS_PER_S, watch
from bulkhead.execution.stages.schedule import due, quantity_of
from bulkhead.execution.stages.split import Child, SplitSettings
from messages.codes import ErrorCode
from messages.orders import OrderRow
from messages.trading import OrderIntent
from messages.values import MarketSnapshot


class OnFillTimeout(StrEnum):
    """What becomes of an order that has worked past its time when there is nothing left to adjust."""

    CANCEL = "cancel"
    CLOSE = "close"
    """Cancelled, and what the intent has filled is closed at the market."""
    KEEP = "keep"


class WorkSettings(NamedTuple):
    splitting: SplitSettings = SplitSettings()
    adjusting: AdjustSettings = AdjustSettings()
    on_fill_timeout: OnFillTimeout = OnFillTimeout.CANCEL
    liquidity: Mapping[str, Liquidity] = MappingProxyType({})
    """By symbol."""


class Situation(NamedTuple):
    """What is known at this moment of the intent's symbol."""

    session_id: str
    instrument: InstrumentRules | None
    market: MarketSnapshot | None
    """The latest."""
    gate_refusal: str | None
    orders: tuple[OrderRow, ...]
    """Every unfinished order of the account in the symbol."""
    confirmed_position: Decimal
    precheck: PipelineSettings
    settings: WorkSettings
    now_ns: int


class Dropped(NamedTuple):
    """A child that will have no order."""

    child: Child
    reason: str


class Steps(NamedTuple):
    orders: tuple[OrderRow, ...] = ()
    """To be recorded, then sent."""
    cancels: tuple[CancelFirst, ...] = ()
    freed: tuple[Child, ...] = ()
    """Children that wait for no predecessor any more; some of them are among `orders` already."""
    dropped: tuple[Dropped, ...] = ()
    waits: Decimal = ZERO
    """Quantity that has no order after these steps, and is to get one."""
    timed_out: str | None = None
    """Why to escape from the intent: an order works for too long, and nothing is left to try."""
    is_over: bool = False
    """Everything of it has had its turn and has ended."""


class _Rests(NamedTuple):
    """What the children that have had their turn come to."""

    orders: list[OrderRow]
    cancels: list[CancelFirst]
    waits: Decimal
    gave_up: dict[int, GiveUp]
    """By child, those that are over or only left to work."""


def work(
    intent: OrderIntent,
    rows: tuple[OrderRow, ...],
    later: Mapping[int, Child],
    stopping: str | None,
    given: Situation,
    on_stage: Callable[[str], None],
) -> Steps:
    """`rows` are all orders of the intent, ended ones included; `later` its children without an order, by number;
    `stopping` why it is not to be worked any more, or None. `on_stage` is called with each stage's name when it has
    ended."""
    rests = _rests(intent, rows, stopping, given, on_stage)
    if stopping is not None:
        dropped = tuple(Dropped(child, stopping) for child in later.values())
        return _concluded(rows, rests, Steps(tuple(rests.orders), tuple(rests.cancels), dropped=dropped))
    had = {row.child for row in rows}
    freed, dropped_now, waiting = _after_predecessors(later, had, rests.gave_up)
    turns = due(waiting, rows, intent.decision_time_ns, given.now_ns)
    on_stage("split")
    orders, held, refused = _sent(intent, turns.now, rests.orders, given, on_stage)
    with exact():
        kept = (*held, *turns.later, *turns.stalled)
        waits = rests.waits + sum((child.quantity for child in kept), ZERO)
    steps = Steps(tuple(orders), tuple(rests.cancels), tuple(freed), (*dropped_now, *refused), waits)
    late = _timed_out(intent, rows, rests.gave_up, kept, given)
    on_stage("monitor")
    return _concluded(rows, rests, steps._replace(timed_out=late))


def _concluded(rows: tuple[OrderRow, ...], rests: _Rests, steps: Steps) -> Steps:
    is_over = not steps.orders and not steps.waits and all(row.status.is_terminal for row in rows)
    return steps._replace(is_over=is_over)


def _rests(
    intent: OrderIntent,
    rows: tuple[OrderRow, ...],
    stopping: str | None,
    given: Situation,
    on_stage: Callable[[str], None],
) -> _Rests:
    attempts: dict[int, list[OrderRow]] = {}
    for row in rows:
        attempts.setdefault(row.child, []).append(row)
    rests = _Rests([], [], ZERO, {})
    for number, tried in attempts.items():
        step = plan_adjustment(
            intent,
            tried,
            session_id=given.session_id,
            instrument=given.instrument,
            orders=(*given.orders, *rests.orders),
            gate_refusal=given.gate_refusal,
            settings=given.precheck,
            adjusting=given.settings.adjusting,
            now_ns=given.now_ns,
            market=given.market,
            confirmed_position=given.confirmed_position,
            stopped=stopping,
            on_stage=on_stage,
        )
        match step:
            case Planned():
                rests.orders.extend(step.orders)
            case CancelFirst():
                rests.cancels.append(step)
            case GiveUp():
                rests.gave_up[number] = step
            case Wait() if all(row.status.is_terminal for row in tried):
                with exact():
                    filled = sum((row.filled for row in tried), ZERO)
                    rests = rests._replace(waits=rests.waits + quantity_of(tried) - filled)
    return rests


def _after_predecessors(
    later: Mapping[int, Child], had: Collection[int], gave_up: Mapping[int, GiveUp]
) -> tuple[list[Child], list[Dropped], list[Child]]:
    """Freed, dropped, and all that still wait (the freed ones among them). Where a predecessor has ended with a rest
    too small to order, its followers go on; where it has ended otherwise, the venue or somebody has said no to more."""
    freed: list[Child] = []
    dropped: list[Dropped] = []
    waiting: list[Child] = []
    gone = {child.waits_for for child in later.values()} - {None, *had, *later}
    for number in sorted(later):
        child = later[number]
        before = None if child.waits_for is None else gave_up.get(child.waits_for)
        if child.waits_for in gone:
            dropped.append(Dropped(child, f"child {child.waits_for} before it was dropped"))
            gone.add(number)
        elif before is None or before.is_working or before.why is GaveUp.NOTHING_LEFT:
            waiting.append(child)
        elif before.why is GaveUp.BELOW_MINIMUM:
            child = child._replace(waits_for=None)
            freed.append(child)
            waiting.append(child)
        else:
            dropped.append(
                Dropped(child, f"child {child.waits_for} before it has ended: {before.why}, {before.detail}")
            )
            gone.add(number)
    return freed, dropped, waiting


def _sent(
    intent: OrderIntent,
    turns: tuple[Child, ...],
    planned: list[OrderRow],
    given: Situation,
    on_stage: Callable[[str], None],
) -> tuple[list[OrderRow], list[Child], list[Dropped]]:
    """Orders, `planned` among them; children that are held back; children whose time is over."""
    orders, held, dropped = list(planned), [], []
    for child in turns:
        outcome = plan_child(
            intent,
            child,
            session_id=given.session_id,
            instrument=given.instrument,
            orders=(*given.orders, *orders),
            gate_refusal=given.gate_refusal,
            settings=given.precheck,
            now_ns=given.now_ns,
            market=given.market,
            confirmed_position=given.confirmed_position,
            on_stage=on_stage,
        )
        if isinstance(outcome, Planned):
            orders += outcome.orders
        elif _is_too_late(intent, child, outcome, given):
            why = f"{outcome.code}: {outcome.detail} ({outcome.check}: {outcome.value} against {outcome.limit})"
            dropped.append(Dropped(child, why))
        else:
            held.append(child)
    return orders, held, dropped


def _is_too_late(intent: OrderIntent, child: Child, refused: Refused, given: Situation) -> bool:
    """A child that is refused is tried again while its intent lives; without an expiry, as long as a rest may wait."""
    if intent.expires_at_ns is not None:
        return refused.code == ErrorCode.INTENT_EXPIRED or given.now_ns > intent.expires_at_ns
    waited_ns = given.now_ns - intent.decision_time_ns - child.due_after_ns
    return waited_ns > int(given.settings.adjusting.max_wait_s * NS_PER_S)


def _timed_out(
    intent: OrderIntent,
    rows: tuple[OrderRow, ...],
    gave_up: Mapping[int, GiveUp],
    unsent: tuple[Child, ...],
    given: Situation,
) -> str | None:
    if given.settings.on_fill_timeout is OnFillTimeout.KEEP or not any(end.is_working for end in gave_up.values()):
        return None
    limit_s = given.settings.adjusting.fill_timeout_s
    progress = watch(rows, given.now_ns, fill_timeout_s=limit_s, unsent=unsent)
    stuck = {number for number, end in gave_up.items() if end.is_working}
    slow = {row.child for row in rows if row.ticket.client_order_id in {late.client_order_id for late in progress.slow}}
    found = trigger_of(progress, gave_up=bool(stuck & slow))
    return None if found is None else found[1]
