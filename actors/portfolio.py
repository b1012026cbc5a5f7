"""PortfolioActor: cash, positions per strategy, realised and unrealised profit (stage L60).

It books each fill once, in the order in which the ledger released them, values the account at the marks, and compares
its cash and positions with what the venue states. The arithmetic is bulkhead.execution.accounting's and valuation's.
"""

from decimal import Decimal
from typing import NamedTuple

from actors import addresses
from bulkhead.execution.accounting import FillContext, Holding, apply_fill, balance_changes, flat, restored
from bulkhead.execution.exact import exact
from bulkhead.execution.recent import Recent
from bulkhead.execution.valuation import Account, Baseline, ImpossibleNumber, balances_after, value
from messages.base import Letter
from messages.codes import ErrorCode
from messages.failure import FailureMode, FailureReported
from messages.instruments import InstrumentsTold
from messages.orders import Balance, FillBooked, Reconcile
from messages.portfolio import (
    Marks,
    PortfolioSnapshot,
    PositionChanged,
    PositionsTold,
    ReconcilePortfolio,
    TellState,
    TradeClosed,
)
from messages.records import (
    AccountObserved,
    Append,
    AppendFailed,
    LoadRecovery,
    OpeningBalancesRecorded,
    PortfolioRecorded,
    PositionRecorded,
    Record,
    RecoveryLoaded,
    RoundTripRecorded,
)
from messages.supervision import TimerFired
from supervisor.runtime.behaviour import Behaviour, Context, receives

NS_PER_DAY = 86_400 * 1_000_000_000
DRIFT_ROUNDS = 2
"""A difference counts as drift when it is seen twice with no fill between: lists of a venue are not taken at once."""

RELOAD_DELAY_S = 5.0
"""Between a refused record and reading the ledger again: a full disk is not emptied in an instant."""

APPLIED_KEPT = 10_000
"""Fill ids remembered: more than can wait in a mailbox across a restart."""


class PortfolioSeat(NamedTuple):
    venue: str
    account: str
    currency: str
    assets: dict[str, tuple[str, str]]
    """Base and quote asset of each symbol that the venue lists."""
    lot_sizes: dict[str, Decimal]
    snapshot_interval_s: float


class PortfolioActor(Behaviour):
    starts_ready = False

    def __init__(self, seat: PortfolioSeat) -> None:
        self._seat = seat
        self._account = Account(seat.venue, seat.account, seat.currency)
        self._holdings: dict[tuple[str, str], Holding] = {}
        self._opening: tuple[Balance, ...] | None = None
        self._changes: dict[str, Decimal] = {}
        self._applied = Recent(APPLIED_KEPT)
        self._marks: dict[str, Decimal] = {}
        self._peak: Decimal | None = None
        self._day_start: Decimal | None = None
        self._day = -1
        self._is_loaded = False
        self._load_id: str | None = None
        self._askers: dict[str, str | None] = {}
        self._drift_rounds = 0
        self._drift_reported = False
        self._observed: tuple[Balance, ...] | None = None
        self._recorded: PortfolioSnapshot | None = None
        self._latest: PortfolioSnapshot | None = None

    # -- start --------------------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context) -> None:
        ctx.tell(addresses.LEDGER, LoadRecovery())
        ctx.after(self._seat.snapshot_interval_s, "snapshot")

    @receives(RecoveryLoaded)
    def on_recovery(self, loaded: RecoveryLoaded, ctx: Context) -> None:
        self._load_id = loaded.load_id
        self._holdings = {(p.strategy_id, p.symbol): restored(p) for p in loaded.positions}
        self._opening = loaded.opening_balances
        self._changes = {}
        for key, change in loaded.balance_changes.items():
            symbol, _, part = key.partition(":")
            asset = key if not part else self._assets(symbol)[0 if part == "base" else 1]
            self._changes[asset] = self._changes.get(asset, Decimal(0)) + change
        if loaded.last_portfolio is not None:
            self._peak = loaded.last_portfolio.peak_equity
        self._is_loaded = True
        for booked in loaded.unapplied_fills:
            self._apply(booked, ctx)  # its balance changes are in the ledger's sums already
        ctx.ready()
        for holding in self._holdings.values():
            ctx.tell(addresses.strategy(holding.position.strategy_id), PositionChanged(position=holding.position))
        self._answer(ctx)

    @receives(AppendFailed)
    def on_append_failed(self, failed: AppendFailed, ctx: Context) -> None:
        """Memory and disk differ: begin again from the disk, once it answers."""
        self._is_loaded = False
        ctx.after(RELOAD_DELAY_S, "reload")
        ctx.tell(addresses.OMS, Reconcile(reason=f"the ledger refused the portfolio's records: {failed.reason}"))

    @receives(InstrumentsTold)
    def on_instruments(self, told: InstrumentsTold, _: Context) -> None:
        """What is not listed any more stays known: its positions are still booked."""
        assets = {rules.symbol: (rules.base_asset, rules.quote_asset) for rules in told.instruments}
        lots = {rules.symbol: rules.lot_size for rules in told.instruments}
        known = self._seat
        self._seat = known._replace(assets={**known.assets, **assets}, lot_sizes={**known.lot_sizes, **lots})

    def _assets(self, symbol: str) -> tuple[str, str]:
        known = self._seat.assets.get(symbol)
        if known is None:
            raise LookupError(f"the venue no longer lists {symbol}, of which the ledger holds fills")
        return known

    # -- fills --------------------------------------------------------------------------------------------------------

    @receives(FillBooked)
    def on_fill(self, booked: FillBooked, ctx: Context) -> None:
        if not self._is_loaded or booked.fill.fill_id in self._applied:
            return  # the ledger, which is read at the start, had it before it was told here
        with exact():
            for asset, change in balance_changes(booked.fill, *self._assets(booked.fill.symbol)).items():
                self._changes[asset] = self._changes.get(asset, Decimal(0)) + change
        self._apply(booked, ctx)

    def _apply(self, booked: FillBooked, ctx: Context) -> None:
        fill = booked.fill
        self._applied.add(fill.fill_id)
        base, quote = self._assets(fill.symbol)
        key = (fill.strategy_id, fill.symbol)
        context = FillContext(
            base_asset=base,
            quote_asset=quote,
            lot_size=self._seat.lot_sizes[fill.symbol],
            decision_price=booked.decision_price,
            order_quantity=booked.order_quantity,
        )
        result = apply_fill(self._holdings.get(key) or flat(fill), fill, context)
        self._holdings[key] = result.holding
        self._drift_rounds = 0
        self._marks.setdefault(fill.symbol, fill.price)
        records: list[Record] = [PositionRecorded(position=result.position)]
        if result.round_trip is not None:
            records.append(RoundTripRecorded(trade=result.round_trip))
            ctx.tell(addresses.RISK_GUARD, TradeClosed(trade=result.round_trip))
        snapshot = self._value(ctx)
        if snapshot is not None:
            records.append(PortfolioRecorded(snapshot=snapshot))
            self._recorded = snapshot
        changed = ctx.seal(addresses.strategy(fill.strategy_id), PositionChanged(position=result.position))
        self._append(tuple(records), ctx, (changed,))

    def _append(self, records: tuple[Record, ...], ctx: Context, release: tuple[Letter, ...] = ()) -> None:
        ctx.tell(addresses.LEDGER, Append(records=records, release=release, load_id=self._load_id))

    # -- valuation ----------------------------------------------------------------------------------------------------

    @receives(Marks)
    def on_marks(self, marks: Marks, ctx: Context) -> None:
        self._marks.update(marks.prices)
        self._value(ctx)

    @receives(TimerFired)
    def on_timer(self, timer: TimerFired, ctx: Context) -> None:
        if timer.key == "reload":
            ctx.tell(addresses.LEDGER, LoadRecovery())
            return
        ctx.after(self._seat.snapshot_interval_s, "snapshot")
        latest, before = self._latest, self._recorded
        if not self._is_loaded or latest is None:
            return
        if before is None or latest.equity != before.equity or latest.cash != before.cash:
            self._recorded = latest
            self._append((PortfolioRecorded(snapshot=latest),), ctx)

    def _value(self, ctx: Context) -> PortfolioSnapshot | None:
        """Value the account and tell it; None before the opening balances are known."""
        if self._opening is None or not self._is_loaded:
            return None
        now_ns = ctx.now_ns()
        day = now_ns // NS_PER_DAY
        if day != self._day:
            self._day, self._day_start = day, None
        try:
            balances = balances_after(self._opening, self._changes)
            baseline = Baseline(self._peak, self._day_start)
            snapshot = value(self._account, self._holdings.values(), balances, self._marks, baseline, now_ns)
        except ImpossibleNumber as error:
            self._report_drift(f"the books came to an impossible figure: {error}", ctx)
            return None
        self._peak = snapshot.peak_equity
        if self._day_start is None:
            self._day_start = snapshot.equity
        self._latest = snapshot
        ctx.publish(addresses.PORTFOLIO_CHANGES, snapshot)
        return snapshot

    # -- the venue's word ---------------------------------------------------------------------------------------------

    @receives(ReconcilePortfolio)
    def on_reconcile(self, stated: ReconcilePortfolio, ctx: Context) -> None:
        if not self._is_loaded:
            return  # the order manager compares again before the gate opens
        try:
            if self._opening is None:
                self._open_books(stated, ctx)
            differences = self._differences(stated.balances)
        except ImpossibleNumber as error:
            self._report_drift(f"the books came to an impossible figure: {error}", ctx)
            return
        if differences:
            self._drift_rounds += 1
            if self._drift_rounds >= DRIFT_ROUNDS:
                words = ", ".join(f"{asset}: {text}" for asset, text in differences.items())
                self._report_drift(f"the venue's balances differ from the books: {words}", ctx)
        else:
            self._drift_rounds = 0
        if differences or stated.balances != self._observed:
            self._observed = stated.balances
            observed = AccountObserved(
                venue=self._seat.venue,
                account=self._seat.account,
                balances=stated.balances,
                differences=differences,
                at_ns=stated.as_of_ns,
            )
            self._append((observed,), ctx)
        self._value(ctx)

    def _open_books(self, stated: ReconcilePortfolio, ctx: Context) -> None:
        """First meeting with this account: what it holds now, less what our own fills brought, is where we began."""
        negated = {asset: -change for asset, change in self._changes.items()}
        self._opening = balances_after(stated.balances, negated)
        opening = OpeningBalancesRecorded(
            venue=self._seat.venue, account=self._seat.account, balances=self._opening, at_ns=stated.as_of_ns
        )
        self._append((opening,), ctx)

    def _differences(self, stated: tuple[Balance, ...]) -> dict[str, str]:
        ours = {balance.asset: balance.total for balance in balances_after(self._opening or (), self._changes)}
        theirs = {balance.asset: balance.total for balance in stated}
        return {
            asset: f"books {ours.get(asset, Decimal(0)):f}, venue {theirs.get(asset, Decimal(0)):f}"
            for asset in sorted(ours.keys() | theirs.keys())
            if ours.get(asset, Decimal(0)) != theirs.get(asset, Decimal(0))
        }

    def _report_drift(self, detail: str, ctx: Context) -> None:
        if not self._drift_reported:
            self._drift_reported = True
            named = f"{ErrorCode.POSITION_SYNC_FAIL}: {detail}"
            ctx.tell(addresses.FAILURE_HANDLER, FailureReported(mode=FailureMode.POSITION_DRIFT, detail=named))

    @receives(TellState)
    def on_tell_state(self, ask: TellState, ctx: Context) -> None:
        if ctx.current is not None:
            self._askers[ctx.current.sender] = ask.strategy_id
            self._answer(ctx)

    def _answer(self, ctx: Context) -> None:
        """Nobody is told of positions that have not been read yet."""
        if not self._is_loaded:
            return
        for asker, strategy_id in self._askers.items():
            positions = tuple(h.position for (owner, _), h in self._holdings.items() if strategy_id in (None, owner))
            ctx.tell(asker, PositionsTold(positions=positions))
        self._askers.clear()
