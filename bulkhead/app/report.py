"""What a running session says of itself: status.json, made from the read models of its actors."""

import os
import time
from typing import NamedTuple

from actors import addresses
from actors.inbox_keeper import InboxFigures, InboxKeeper
from actors.ledger import LedgerActor, LedgerFigures
from actors.market_data import FeedFigures, MarketDataActor
from actors.oms_seat import OmsFigures
from actors.reconciler import Reconciler
from bulkhead.app.house_market import FEED
from bulkhead.app.session import Session
from bulkhead.app.venue import adapter_of
from bulkhead.monitor.observer import ObserverActor
from bulkhead.monitor.procfs import process_started
from bulkhead.monitor.status import (
    FeedStatus,
    InboxStatus,
    OpenOrderStatus,
    PnlStatus,
    PositionStatus,
    RateStatus,
    RunState,
    StageStatus,
    StatusReport,
)
from messages.failure import StopPlanState
from messages.market_health import DataSource
from messages.orders import OrderRow
from messages.portfolio import PortfolioSnapshot
from supervisor.runtime.host import Host
from supervisor.runtime.threaded import ThreadedHost
from supervisor.stop_plans import judge

PROCESS_STARTED = process_started(os.getpid())


class Figures(NamedTuple):
    """What each actor counts; None while it is not there."""

    feed: FeedFigures | None
    oms: OmsFigures | None
    ledger: LedgerFigures | None
    inbox: InboxFigures | None
    portfolio: PortfolioSnapshot | None
    open_orders: tuple[OrderRow, ...]
    decisions: int


def figures_of(host: Host) -> Figures:
    feed = host.behaviour(addresses.market_data(FEED))
    oms = host.behaviour(addresses.OMS)
    ledger = host.behaviour(addresses.LEDGER)
    inbox = host.behaviour(addresses.INBOX)
    found = host.behaviour(addresses.OBSERVER)
    observer = found if isinstance(found, ObserverActor) else None
    return Figures(
        feed=feed.figures() if isinstance(feed, MarketDataActor) else None,
        oms=oms.figures() if isinstance(oms, Reconciler) else None,
        ledger=ledger.figures() if isinstance(ledger, LedgerActor) else None,
        inbox=inbox.figures() if isinstance(inbox, InboxKeeper) else None,
        portfolio=observer.portfolio if observer else None,
        open_orders=observer.open_orders if observer else (),
        decisions=observer.decisions if observer else 0,
    )


def status_of(session: Session, state: RunState, started_ns: int) -> StatusReport:
    """The whole state at this moment. Safe to call beside running threads: it reads immutable values only."""
    parts = session.parts
    host, gate = parts.host, parts.gate
    figures = figures_of(host)
    return StatusReport(
        written_at_ns=time.time_ns(),
        pid=os.getpid(),
        pid_started=PROCESS_STARTED,
        session_id=session.session_id,
        mode=session.settings.session.mode,
        state=state,
        started_at_ns=started_ns,
        gate_open=gate.is_open,
        stop_level=gate.level(),
        reasons=gate.reasons(),
        plans=_plans(session),
        is_exchange_open=_is_exchange_open(session),
        tree=host.status(),
        feeds=_feeds(figures.feed, host.now_ns()),
        positions=_positions(figures.portfolio),
        open_orders=tuple(_open_order(order, host.now_ns()) for order in figures.open_orders),
        rates=_rates(session),
        pnl=_pnl(figures.portfolio),
        inbox=_inbox(figures.inbox, session),
        alerts=None if session.alerts is None else session.alerts.status(),
        stages=_stages(figures),
        counters=_counters(figures, host),
    )


def _plans(session: Session) -> tuple[StopPlanState, ...]:
    """Made anew from the reasons, as the failure handler does: also shown while that hangs."""
    gate, settings = session.parts.gate, session.settings
    plans = judge(
        gate.reasons(),
        settings.venue.name,
        is_compared=gate.is_recovered,
        is_automatic=settings.stops.is_automatic,
    )
    return plans.states()


def _is_exchange_open(session: Session) -> bool | None:
    is_open_at = adapter_of(session.settings).hours(session.settings)
    return None if is_open_at is None else is_open_at(session.parts.host.now_ns())


def _feeds(feed: FeedFigures | None, now_ns: int) -> tuple[FeedStatus, ...]:
    if feed is None:
        return ()
    last_ns = feed.last_received_at_ns
    age_s = None if last_ns is None or feed.ticks == 0 else max(0.0, (now_ns - last_ns) / 1e9)
    instead = {symbol: source for symbol, source in feed.sources.items() if source is not DataSource.FEED}
    return (
        FeedStatus(name=feed.feed, connected=feed.connected, last_tick_age_s=age_s, ticks=feed.ticks, instead=instead),
    )


def _rates(session: Session) -> tuple[RateStatus, ...]:
    windows = session.venue.wire.orders.rate_state.windows
    return tuple(RateStatus(kind=w.kind, length_s=w.length_s, limit=w.limit, used=w.used) for w in windows)


def _positions(portfolio: PortfolioSnapshot | None) -> tuple[PositionStatus, ...]:
    if portfolio is None:
        return ()
    return tuple(
        PositionStatus(
            strategy_id=position.strategy_id,
            symbol=position.symbol,
            quantity=position.quantity,
            average_price=position.average_price,
            realised_pnl=position.realised_pnl,
        )
        for position in portfolio.positions
    )


def _open_order(order: OrderRow, now_ns: int) -> OpenOrderStatus:
    ticket = order.ticket
    return OpenOrderStatus(
        client_order_id=ticket.client_order_id,
        strategy_id=order.strategy_id,
        symbol=ticket.symbol,
        side=ticket.side,
        intent_type=ticket.intent_type,
        quantity=ticket.quantity,
        filled=order.filled,
        limit_price=ticket.limit_price,
        status=order.status,
        age_s=max(0.0, (now_ns - order.created_ns) / 1e9),
    )


def _pnl(portfolio: PortfolioSnapshot | None) -> PnlStatus | None:
    if portfolio is None:
        return None
    return PnlStatus(
        currency=portfolio.currency,
        equity=portfolio.equity,
        realised=portfolio.realised_pnl,
        unrealised=portfolio.unrealised_pnl,
        day=portfolio.day_pnl,
        drawdown=portfolio.drawdown,
    )


def _inbox(figures: InboxFigures | None, session: Session) -> InboxStatus | None:
    if figures is None:
        return None
    return InboxStatus(file=str(session.settings.inbox_file), **dict(figures))


def _counters(figures: Figures, host: Host) -> dict[str, int]:
    counters = {"decisions": figures.decisions, "dead_letters": host.dead_letters}
    if isinstance(host, ThreadedHost):
        counters["abandoned_threads"] = len(host.abandoned())
    if figures.feed is not None:
        names = ("ticks", "duplicates", "late", "gaps", "protocol_errors")
        counters |= {name: getattr(figures.feed, name) for name in names}
    if figures.oms is not None:
        orders = (
            "working",
            "unknown",
            "waiting_children",
            "escapes",
            "reconciliations",
            "foreign_orders",
            "orphan_fills",
        )
        counters |= {name: getattr(figures.oms, name) for name in orders}
    if figures.ledger is not None:
        counters |= {f"ledger_{name}": getattr(figures.ledger, name) for name in ("commits", "events", "failures")}
    return counters


def _stages(figures: Figures) -> dict[str, StageStatus]:
    found = {} if figures.oms is None else figures.oms.stages
    return {name: StageStatus(count=s.count, p50_us=s.p50_us, p99_us=s.p99_us) for name, s in found.items()}
