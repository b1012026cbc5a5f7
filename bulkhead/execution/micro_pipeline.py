"""The way of an approved intent to its orders: precheck -> split -> send. Monitoring follows per piece of evidence.

Pure: the OMS records the orders, and what it records is sent. `on_stage` is called with a stage's name when it has
ended, so that the caller, who has a clock, can record each stage's latency.

`plan` is for the intent, `plan_child` for a child of a split whose turn has come later, `plan_adjustment` for the rest
of a child that does not fill. Each prechecks what it gives, against the latest market.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.ids import intent_hash
from bulkhead.execution.rules import InstrumentRules, Refused
from bulkhead.execution.stages.adjust import (
    AdjustInput,
    AdjustSettings,
    CancelFirst,
    GiveUp,
    Replace,
    Wait,
    adjust,
    bounded,
)
from bulkhead.execution.stages.precheck import PrecheckInput, PrecheckSettings, precheck
from bulkhead.execution.stages.schedule import due
from bulkhead.execution.stages.send import send
from bulkhead.execution.stages.split import (
    NOTHING_KNOWN,
    Child,
    Chosen,
    SplitFacts,
    SplitSettings,
    choose,
    split,
    visible_quantity,
)
from messages.orders import OrderRow
from messages.trading import OrderIntent
from messages.values import MarketSnapshot, SplitPolicy

STAGES = ("precheck", "split", "send")
PipelineSettings = PrecheckSettings


class Splitting(NamedTuple):
    """Given by a caller that can wait for a child's turn. Without it only SINGLE is carried out."""

    settings: SplitSettings
    facts: SplitFacts = NOTHING_KNOWN
    """`visible_quantity` None is told from the market."""
    seed: str = ""
    """Of the schedule, beside the intent's own hash."""


class Planned(NamedTuple):
    """Orders to record and then send, and children to record for later; their quantities add up to what the precheck
    allowed."""

    orders: tuple[OrderRow, ...]
    """May be empty where the first child is not due yet."""
    checks: tuple[str, ...]
    """Each check that held, as `name value<=limit`."""
    later: tuple[Child, ...] = ()
    """Whose turn comes later (schedule.due); to be on disk with the intent, for they are not worked out twice."""
    policy: SplitPolicy = SplitPolicy.SINGLE


def _unwatched(stage: str) -> None:
    """Nobody measures."""


def plan(
    intent: OrderIntent,
    *,
    session_id: str,
    instrument: InstrumentRules | None,
    orders: Iterable[OrderRow],
    gate_refusal: str | None,
    settings: PipelineSettings,
    now_ns: int,
    market: MarketSnapshot | None = None,
    confirmed_position: Decimal | None = None,
    splitting: Splitting | None = None,
    on_stage: Callable[[str], None] = _unwatched,
) -> Planned | Refused:
    """The orders of an approved intent, or the first refusal.

    `orders` are the account's unfinished orders in the symbol (others are left out), `market` the latest snapshot (the
    decision's own stands in for it), `confirmed_position` the strategy's signed position from booked fills.
    """
    seen = intent.market if market is None else market
    given = PrecheckInput(intent, instrument, seen, gate_refusal, tuple(orders), confirmed_position, settings, now_ns)
    checked = precheck(given)
    on_stage("precheck")
    if isinstance(checked, Refused):
        return checked
    parted = _part(intent, checked.quantity, instrument, seen, splitting)
    on_stage("split")
    if isinstance(parted, Refused):
        return parted
    # What is due with the decision is due even where our clock is behind the decision's.
    turns = due(parted.children, (), intent.decision_time_ns, max(now_ns, intent.decision_time_ns))
    now = turns.now[:1] if settings.is_one_at_a_time else turns.now
    rows = send(
        intent,
        now,
        session_id,
        now_ns,
        instruments_version=_version(instrument),
        orders_end_with_day=settings.orders_end_with_day,
    )
    on_stage("send")
    later = (*turns.now[len(now) :], *turns.later)
    return Planned(rows, (*checked.checks, *parted.checks), later, parted.policy)


def plan_child(
    intent: OrderIntent,
    child: Child,
    *,
    session_id: str,
    instrument: InstrumentRules | None,
    orders: Iterable[OrderRow],
    gate_refusal: str | None,
    settings: PipelineSettings,
    now_ns: int,
    market: MarketSnapshot | None,
    confirmed_position: Decimal | None = None,
    attempt: int = 0,
    on_stage: Callable[[str], None] = _unwatched,
) -> Planned | Refused:
    """The order of one child whose turn has come, also after a recovery: prechecked again, as the world has moved.

    An EXIT_FULL may be cut further. Refused, the child may be tried again while its intent lives; its quantity is
    never handed to another child. `market` must be the latest.
    """
    part = intent.model_copy(update={"quantity": child.quantity, "limit_price": child.limit_price})
    given = PrecheckInput(part, instrument, market, gate_refusal, tuple(orders), confirmed_position, settings, now_ns)
    checked = precheck(given)
    on_stage("precheck")
    if isinstance(checked, Refused):
        return checked
    # The id is the intent's own and the child's number's, so the intent goes in as it was stored.
    rows = send(
        intent,
        (child._replace(quantity=checked.quantity),),
        session_id,
        now_ns,
        attempt,
        _version(instrument),
        orders_end_with_day=settings.orders_end_with_day,
    )
    on_stage("send")
    return Planned(rows, checked.checks)


def plan_adjustment(
    intent: OrderIntent,
    attempts: Iterable[OrderRow],
    *,
    session_id: str,
    instrument: InstrumentRules | None,
    orders: Iterable[OrderRow],
    gate_refusal: str | None,
    settings: PipelineSettings,
    adjusting: AdjustSettings,
    now_ns: int,
    market: MarketSnapshot | None,
    confirmed_position: Decimal | None = None,
    stopped: str | None = None,
    on_stage: Callable[[str], None] = _unwatched,
) -> Planned | CancelFirst | Wait | GiveUp:
    """What to do about the rest of a child: `Planned` is its replacement, to be recorded and then sent.

    The stricter of `settings` and `adjusting` holds for the collar and the age of the market. A precheck that refuses
    the replacement is a Wait, and an order that could not be replaced at present is not cancelled for it.
    """
    rows = tuple(attempts)
    limits = adjusting._replace(
        price_collar_bps=min(adjusting.price_collar_bps, settings.price_collar_bps),
        max_market_age_s=min(adjusting.max_market_age_s, settings.max_market_age_s),
    )
    if stopped is None and intent.expires_at_ns is not None and now_ns > intent.expires_at_ns:
        stopped = "its intent has expired"
    given = AdjustInput(rows, instrument, market, limits, now_ns, gate_refusal, stopped)
    step = adjust(given)
    on_stage("adjust")
    if isinstance(step, Wait | GiveUp) or (isinstance(step, CancelFirst) and step.limit_price is None):
        return step
    ours = {row.ticket.client_order_id for row in rows}
    child = Child(rows[0].child, step.quantity, step.limit_price)
    replacement = plan_child(
        intent,
        child,
        session_id=session_id,
        instrument=instrument,
        orders=tuple(row for row in orders if row.ticket.client_order_id not in ours),
        gate_refusal=gate_refusal,
        settings=settings,
        now_ns=now_ns,
        market=market,
        confirmed_position=confirmed_position,
        attempt=step.attempt if isinstance(step, Replace) else 0,
        on_stage=on_stage,
    )
    if isinstance(replacement, Refused):
        return bounded(Wait(f"{replacement.code}: {replacement.detail}"), given)
    return replacement if isinstance(step, Replace) else step


def _version(instrument: InstrumentRules | None) -> str | None:
    return None if instrument is None else instrument.version


class _Parted(NamedTuple):
    children: tuple[Child, ...]
    policy: SplitPolicy
    checks: tuple[str, ...]


def _part(
    intent: OrderIntent,
    quantity: Decimal,
    instrument: InstrumentRules | None,
    market: MarketSnapshot | None,
    splitting: Splitting | None,
) -> _Parted | Refused:
    """Choose and split. An exit that cannot be split as asked for goes whole: it is never held back for that."""
    if splitting is None:
        children = split(intent, quantity)
        return children if isinstance(children, Refused) else _Parted(children, SplitPolicy.SINGLE, ())
    facts = splitting.facts
    if facts.visible_quantity is None:
        facts = facts._replace(visible_quantity=visible_quantity(intent.side, market))
    chosen = choose(intent, quantity, splitting.settings, facts)
    if isinstance(chosen, Chosen):
        parts = split(
            intent,
            quantity,
            settings=splitting.settings,
            rules=instrument,
            price=None if market is None else market.mid,
            facts=facts,
            policy=chosen.policy,
            seed=f"{splitting.seed}:{intent_hash(intent)}",
        )
        if not isinstance(parts, Refused):
            return _Parted(parts, chosen.policy, (chosen.check,))
        refused = parts
    else:
        refused = chosen
    if intent.intent_type.is_entry:
        return refused
    whole = (Child(0, quantity, intent.limit_price),)
    return _Parted(whole, SplitPolicy.SINGLE, (f"split SINGLE, for {refused.code}: {refused.detail}",))
