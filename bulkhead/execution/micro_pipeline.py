"""The way of an approved intent to its orders: precheck -> split -> send. Monitoring follows per piece of evidence.

Pure: the OMS records the orders, and what it records is sent. `on_stage` is called with a stage's name when it has
ended, so that the caller, who has a clock, can record each stage's latency.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

from bulkhead.execution.rules import InstrumentRules, Refused
from bulkhead.execution.stages.precheck import PrecheckInput, PrecheckSettings, precheck
from bulkhead.execution.stages.send import send
from bulkhead.execution.stages.split import split
from messages.orders import OrderRow
from messages.trading import OrderIntent
from messages.values import MarketSnapshot

STAGES = ("precheck", "split", "send")
PipelineSettings = PrecheckSettings


class Planned(NamedTuple):
    """Orders to record and then send; their quantities add up to what the precheck allowed."""

    orders: tuple[OrderRow, ...]
    checks: tuple[str, ...]
    """Each check that held, as `name value<=limit`."""


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
    on_stage: Callable[[str], None] = _unwatched,
) -> Planned | Refused:
    """The orders of an approved intent, or the first refusal.

    `orders` are the account's unfinished orders in the symbol (others are left out), `market` the latest snapshot (the
    decision's own stands in for it), `confirmed_position` the strategy's signed position from booked fills.
    """
    checked = precheck(
        PrecheckInput(
            intent=intent,
            rules=instrument,
            market=intent.market if market is None else market,
            gate_refusal=gate_refusal,
            open_orders=tuple(orders),
            confirmed_position=confirmed_position,
            settings=settings,
            now_ns=now_ns,
        )
    )
    on_stage("precheck")
    if isinstance(checked, Refused):
        return checked
    children = split(intent, checked.quantity)
    on_stage("split")
    if isinstance(children, Refused):
        return children
    rows = send(intent, children, session_id, now_ns)
    on_stage("send")
    return Planned(rows, checked.checks)
