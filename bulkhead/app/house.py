"""The house: every part that a session needs, made once, and the tree that is grown from them.

Nothing happens at import, and nothing here decides anything: factories close over ports, the supervisor does the rest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from actors import addresses
from actors.bookkeeper import PortfolioSeat
from actors.broker import BrokerActor, OrderTransportActor
from actors.failure_handler import FailureHandlerActor, Leave
from actors.inbox import InboxActor, InboxSeat
from actors.instrument_master import InstrumentBook
from actors.ledger import LedgerActor
from actors.oms import OmsActor
from actors.oms_seat import OmsSeat
from actors.portfolio import PortfolioActor
from actors.position_owner import PositionOwnerActor
from actors.recorder import RecorderActor, Sinks
from actors.risk_guard import RiskGuardActor
from actors.strategy import Seat, StrategyActor
from bulkhead.app.audit_trail import AuditTrail
from bulkhead.app.desk import DeskActor
from bulkhead.app.detectors import stopped_without
from bulkhead.app.failure_settings import table_of
from bulkhead.app.house_market import FEED, IO_DEADLINE_S, market
from bulkhead.app.notify import ASKED_BY_ENV
from bulkhead.app.settings import Settings
from bulkhead.app.tiers import PAPER_READY_TIER
from bulkhead.app.trading_days import day_of
from bulkhead.app.venue import adapter_of
from bulkhead.ledger.inbox_answers import House
from bulkhead.ledger.inbox_port import InboxPort, IntentFinder
from bulkhead.ledger.port import LedgerPort
from bulkhead.ledger.writers import Writers
from bulkhead.market.calendar import Calendar
from bulkhead.monitor.alerting.actor import AlertDoor, AlertsActor
from bulkhead.monitor.observer import ObserverActor
from bulkhead.strategy.api import Strategy
from bulkhead.strategy.sizing import LotRules
from bulkhead.venues.port import MarketFeed, OrderVenue, QuoteSource
from messages.base import Body, Lane, Letter
from messages.instruments import Instrument
from messages.orders import Reconcile
from messages.values import OnStop
from supervisor.gate import Gate, doubt, told_of
from supervisor.recorded import RecordedOnly
from supervisor.runtime.host import Host
from supervisor.runtime.process import Compartment
from supervisor.spec import Budget, ChildSpec, GiveUp, Restart, SupervisorSpec
from supervisor.spec import Strategy as RestartStrategy

ROOT = "root"
DESK = "operator-desk"
GUARD_NAMES = frozenset({addresses.LEDGER, addresses.RISK_GUARD, addresses.FAILURE_HANDLER})


@dataclass(frozen=True)
class LoadedStrategy:
    """A strategy as configured and as loaded."""

    strategy_id: str
    symbols: tuple[str, ...]
    make: Callable[[], Strategy]
    bar_intervals_s: tuple[int, ...]
    on_stop: OnStop = OnStop.CANCEL_ENTRIES
    tier: int = PAPER_READY_TIER
    declares_on_stop: bool = False
    """Its author wrote on_stop down; live wants that."""
    fingerprint: str = ""


class InboxDoor(NamedTuple):
    """How the inbox comes to its file and to a reader of the ledger, once for each incarnation."""

    open_inbox: Callable[[], InboxPort]
    open_finder: Callable[[], IntentFinder]


@dataclass(frozen=True)
class Parts:
    """Everything made before the first actor starts."""

    settings: Settings
    session_id: str
    currency: str
    host: Host
    gate: Gate
    recorded: RecordedOnly
    """Asked, and then the gate, right before an order leaves."""
    ledger: LedgerPort
    orders: OrderVenue
    feed: MarketFeed
    instruments: dict[str, Instrument]
    strategies: tuple[LoadedStrategy, ...]
    open_sinks: Sinks
    leave: Leave
    """Ends the process at once, since its account is another's."""
    earlier_owners: frozenset[str] = frozenset()
    """Strategies of earlier runs, which may hold something still."""
    refreshes_instruments: bool = True
    """False where a tape owns the clock: its venue never changes its rules."""
    quotes: tuple[QuoteSource, ...] = ()
    """Who is asked while the feed is silent."""
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    """When each symbol is traded; always, where it has none."""
    inbox: InboxDoor | None = None
    """None: no intents of other processes."""
    alerts: AlertDoor | None = None
    """None: nobody is told of anything, as while a tape is played."""
    folder: Path | None = None
    """The session's, where an operator may leave requests; None: nobody may."""
    audit: AuditTrail | None = None
    """Where their acts are written down first."""


def watch_over(parts: Parts) -> None:
    """Hang the gate on the house: it shuts in the instant a critical actor ends, a message of the order path is lost or
    evidence piles up, before any message about it is sent; and the strategies are told of its level."""
    gate, host, venue = parts.gate, parts.host, parts.settings.venue.name
    order_path = critical_names(venue)

    def on_liveness(name: str, is_up: bool) -> None:
        if name not in order_path:
            return
        reason_id = f"down:{name}"
        if is_up:
            gate.lift(reason_id, by=None)
            return
        now_ns = host.now_ns()
        gate.require_recovery(f"{name} ended; the books must be compared before the next entry", now_ns, by=None)
        gate.shut(doubt(reason_id, f"{name} is down", now_ns), by=None)

    def on_dead_letter(letter: Letter, reason: str) -> None:
        body = letter.envelope.body
        if letter.to in order_path and body.lane is Lane.ORDER and not isinstance(body, Reconcile):
            gate.require_recovery(f"{type(body).__name__} to {letter.to} was lost: {reason}", host.now_ns(), by=None)

    def on_flood(name: str) -> None:
        gate.require_recovery(f"messages pile up at {name}; the books must be compared", host.now_ns(), by=None)
        host.tell(addresses.OMS, Reconcile(reason=f"messages piled up at {name}"), sender="host")

    def on_gate_change() -> None:
        host.publish(addresses.GATE, told_of(gate), sender="gate")

    host.on_liveness, host.on_dead_letter, host.on_flood = on_liveness, on_dead_letter, on_flood
    host.dead_letter_to = addresses.FAILURE_HANDLER
    gate.on_change = on_gate_change


def critical_names(venue: str) -> frozenset[str]:
    """The actors without which no entry may leave."""
    of_venue = {addresses.broker(venue), addresses.transport(venue)}
    return frozenset({addresses.OMS, addresses.PORTFOLIO, *of_venue, *GUARD_NAMES})


def tree(parts: Parts) -> SupervisorSpec:
    """The tree of docs/ARCHITECTURE.md as data.

    Operations stands first so that nothing which the others say goes unrecorded; it parks what fails there, so that it
    can never stop trading.
    """
    book = InstrumentBook(parts.instruments.values())
    return SupervisorSpec(
        id=ROOT,
        strategy=RestartStrategy.REST_FOR_ONE,
        children=(_operations(parts), _guard(parts), _execution(parts, book), market(parts, book), _strategies(parts)),
    )


def _operations(parts: Parts) -> SupervisorSpec:
    recorder = ChildSpec(
        id=addresses.RECORDER,
        factory=lambda: RecorderActor(parts.session_id, parts.open_sinks),
        topics=(addresses.EVENTS, addresses.DECISIONS, addresses.INPUTS, addresses.ORDER_CHANGES),
    )
    observer = ChildSpec(
        id=addresses.OBSERVER,
        factory=ObserverActor,
        topics=(addresses.DECISIONS, addresses.ORDER_CHANGES, addresses.PORTFOLIO_CHANGES),
    )
    children = [recorder, observer]
    if parts.alerts is not None:
        critical = critical_names(parts.settings.venue.name)
        policy = parts.settings.alerts.policy()
        alerts = partial(AlertsActor, policy, parts.alerts, parts.gate.reasons, critical)
        topics = (addresses.GATE, addresses.FAILURES)
        children.append(ChildSpec(id=addresses.ALERTS, factory=alerts, topics=topics))
    if parts.folder is not None:
        children.append(
            ChildSpec(id=DESK, factory=partial(_desk, parts, parts.folder), topics=(addresses.LOST_APPENDS,))
        )
    return SupervisorSpec(id="operations", children=tuple(children), on_give_up=GiveUp.PARK)


def _desk(parts: Parts, folder: Path) -> DeskActor:
    session = parts.settings.session
    audit = parts.audit or AuditTrail(session.logs_dir, session.ledger_file)
    owners = () if parts.inbox is None else parts.settings.inbox.owners
    strategies = (*(loaded.strategy_id for loaded in parts.strategies), *owners)
    symbols = frozenset(parts.instruments)
    return DeskActor(folder, audit, parts.host, parts.gate, strategies, symbols, parts.earlier_owners)


def _guard(parts: Parts) -> SupervisorSpec:
    gate, settings, writers = parts.gate, parts.settings, Writers(parts.ledger)
    return SupervisorSpec(
        id="guard",
        strategy=RestartStrategy.REST_FOR_ONE,
        children=(
            ChildSpec(
                id=addresses.LEDGER, factory=lambda: LedgerActor(writers, parts.session_id, gate, parts.recorded)
            ),
            ChildSpec(
                id=addresses.RISK_GUARD,
                factory=lambda: RiskGuardActor(
                    settings.risk,
                    gate,
                    day_of(settings, parts.calendars),
                    settings.stops.reduced(settings.risk),
                    settings.market_data.max_fallback_age_s,
                ),
                topics=(
                    *(addresses.PORTFOLIO_CHANGES, addresses.ORDER_CHANGES, addresses.GATE),
                    *(addresses.MARKS, addresses.DATA_HEALTH),
                ),
            ),
            ChildSpec(
                id=addresses.FAILURE_HANDLER,
                factory=lambda: FailureHandlerActor(
                    gate,
                    table_of(settings.failure_modes),
                    stopped_without(settings, addresses.market_data(FEED)),
                    leave=parts.leave,
                    venue=settings.venue.name,
                    policy=settings.stops.policy(),
                ),
                topics=(addresses.GATE,),
            ),
        ),
    )


def _execution(parts: Parts, book: InstrumentBook) -> SupervisorSpec:
    settings, venue, host = parts.settings, parts.settings.venue, parts.host
    broker = addresses.broker(venue.name)

    def to_broker(body: Body) -> None:
        host.tell(broker, body, sender=f"venue:{venue.name}")
        host.await_room(broker)  # in the thread that reads the socket

    def portfolio() -> PortfolioActor:
        seat = PortfolioSeat(
            venue=venue.name,
            account=venue.account,
            currency=parts.currency,
            assets={i.symbol: (i.base_asset, i.quote_asset) for i in book.current.values()},
            lot_sizes={i.symbol: i.lot_size for i in book.current.values()},
            snapshot_interval_s=settings.session.portfolio_interval_s,
            traded=settings.symbols,
            costs=parts.orders.capabilities.costs,
            day_of=day_of(settings, parts.calendars),
        )
        return PortfolioActor(seat, parts.gate.reasons)

    oms_seat = OmsSeat(
        session_id=parts.session_id,
        venue=venue.name,
        account=venue.account,
        symbols=settings.symbols,
        instruments=parts.instruments,
        capabilities=parts.orders.capabilities,
        pipeline=settings.execution.precheck()._replace(
            is_open_at=adapter_of(settings).hours(settings),
            max_fallback_age_s=settings.market_data.max_fallback_age_s,
            broker_spread_share=settings.market_data.broker_spread_share,
        ),
        work=settings.execution.work(),
        answer_timeout_s=settings.execution.answer_timeout_s,
        reconcile_interval_s=settings.execution.reconcile_interval_s,
        reconcile_interval_without_stream_s=settings.execution.reconcile_interval_without_stream_s,
        query_unknown_interval_s=settings.execution.query_unknown_interval_s,
        claim_window_s=settings.execution.claim_window_s,
        on_stop={loaded.strategy_id: loaded.on_stop for loaded in parts.strategies},
    )
    return SupervisorSpec(
        id="execution",
        strategy=RestartStrategy.REST_FOR_ONE,
        children=(
            ChildSpec(
                id=addresses.transport(venue.name),
                factory=lambda: OrderTransportActor(
                    venue.name, lambda: parts.orders.open(to_broker), lambda: parts.orders.close(IO_DEADLINE_S)
                ),
            ),
            ChildSpec(
                id=addresses.PORTFOLIO,
                factory=portfolio,
                topics=(addresses.MARKS, addresses.LOST_APPENDS, addresses.INSTRUMENTS),
            ),
            ChildSpec(
                id=broker,
                factory=lambda: BrokerActor(
                    parts.orders, settings.detection.channel_attempts, settings.detection.channel_timeout_s
                ),
            ),
            ChildSpec(
                id=addresses.OMS,
                factory=lambda: OmsActor(oms_seat._replace(instruments=book.current), parts.gate),
                topics=(addresses.LOST_APPENDS, addresses.MARKS, addresses.INSTRUMENTS),
            ),
        ),
    )


def _strategies(parts: Parts) -> SupervisorSpec:
    """Each strategy under a supervisor of its own: its budget is its own, and it is parked alone. So is the inbox,
    which hands in intents like them: up last, down first, and nobody waits for it."""
    strategies = tuple(_strategy(parts, loaded) for loaded in parts.strategies)
    inbox = () if parts.inbox is None else (_inbox(parts, parts.inbox),)
    return SupervisorSpec(id="strategies", children=(*strategies, *inbox), on_give_up=GiveUp.PARK)


def _inbox(parts: Parts, door: InboxDoor) -> SupervisorSpec:
    """The inbox, with an address for each owner of positions who decides outside this house."""
    settings, venue = parts.settings.inbox, parts.settings.venue
    seat = InboxSeat(
        house=House(
            session_id=parts.session_id,
            venue=venue.name,
            account=venue.account,
            owners=frozenset({*settings.owners, *(loaded.strategy_id for loaded in parts.strategies)}),
            symbols=frozenset(parts.settings.symbols),
            listed=frozenset(parts.instruments),
        ),
        market_data=addresses.market_data(FEED),
        max_per_poll=max(1, parts.settings.risk.max_orders_per_s // 2),
        poll_with_positions_s=settings.poll_with_positions_s,
        poll_without_positions_s=settings.poll_without_positions_s,
        poll_rate_limited_s=settings.poll_rate_limited_s,
    )
    owners = (ChildSpec(id=addresses.strategy(owner), factory=PositionOwnerActor) for owner in settings.owners)
    inbox = ChildSpec(
        id=addresses.INBOX,
        factory=lambda: InboxActor(seat, parts.gate, door.open_inbox, door.open_finder),
        topics=(addresses.ORDER_CHANGES, addresses.PORTFOLIO_CHANGES, addresses.LOST_APPENDS),
    )
    return SupervisorSpec(id="inbox", children=(*owners, inbox), on_give_up=GiveUp.PARK)


def _strategy(parts: Parts, loaded: LoadedStrategy) -> SupervisorSpec:
    settings = next(s for s in parts.settings.strategies if s.id == loaded.strategy_id)
    seat = Seat(
        strategy_id=loaded.strategy_id,
        session_id=parts.session_id,
        venue=parts.settings.venue.name,
        account=parts.settings.venue.account,
        sizing=settings.sizing,
        lots={symbol: LotRules.of(parts.instruments[symbol]) for symbol in loaded.symbols},
        reduced_size_share=parts.settings.stops.reduced_size_share,
    )
    topics = [addresses.GATE, addresses.INSTRUMENTS, *(addresses.ticks(symbol) for symbol in loaded.symbols)]
    if settings.sizing.needs_equity:
        topics.append(addresses.EQUITY)
    topics += [addresses.bars(symbol, s) for symbol in loaded.symbols for s in loaded.bar_intervals_s]
    return SupervisorSpec(
        id=f"seat:{loaded.strategy_id}",
        children=(
            ChildSpec(
                id=addresses.strategy(loaded.strategy_id),
                factory=partial(StrategyActor, seat, loaded.make),
                restart=Restart.TRANSIENT,
                topics=tuple(topics),
                stuck_after_s=settings.stuck_after_s,
                host=settings.host,
                compartment=Compartment(
                    memory_mb=settings.memory_mb,
                    nice=settings.nice,
                    cpus=settings.cpus,
                    hidden_env=(*parts.settings.venue.secret_names, *parts.settings.alerts.secret_names, *ASKED_BY_ENV),
                ),
            ),
        ),
        budget=Budget(intensity=3, period_s=60.0),
        on_give_up=GiveUp.PARK,
    )
