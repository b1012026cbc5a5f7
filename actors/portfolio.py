"""PortfolioActor: cash, positions per strategy, realised and unrealised profit (stage L60).

Its halves are actors/bookkeeper.py, which books and values, and actors/comparer.py, which holds the books beside what
the venue states. Here is what sets it going: its start, its clock, and who asks it.
"""

from collections.abc import Callable
from decimal import Decimal

from actors import addresses
from actors.bookkeeper import PortfolioSeat
from actors.comparer import Comparer
from bulkhead.execution.accounting import restored
from messages.failure import StopReason
from messages.instruments import InstrumentsTold
from messages.orders import Reconcile
from messages.portfolio import PORTFOLIO_TOLD_EVERY_S, Marks, PositionChanged, PositionsTold, RebasePeak, TellState
from messages.records import AppendFailed, LoadRecovery, PortfolioRecorded, RecoveryLoaded
from messages.supervision import TimerFired
from supervisor.runtime.behaviour import Context, receives

RELOAD_DELAY_S = 5.0
"""Between a refused record and reading the ledger again: a full disk is not emptied in an instant."""


class PortfolioActor(Comparer):
    starts_ready = False

    def __init__(self, seat: PortfolioSeat, reasons: Callable[[], tuple[StopReason, ...]] = lambda: ()) -> None:
        super().__init__(seat, reasons)
        self._askers: dict[str, str | None] = {}
        self._rebases_later = False
        """Asked before the books were read, as the risk guard does at a start."""

    # -- start --------------------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context) -> None:
        ctx.tell(addresses.LEDGER, LoadRecovery())
        ctx.after(self._seat.snapshot_interval_s, "snapshot")
        ctx.after(PORTFOLIO_TOLD_EVERY_S, "tell")

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
            self._resume(loaded.last_portfolio, ctx)
        self._recover_strangers(loaded.known)
        self._is_loaded = True
        for booked in loaded.unapplied_fills:
            self._apply(booked, ctx)  # its balance changes are in the ledger's sums already
        if self._rebases_later:
            self._rebase(ctx)
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

    # -- prices and time ----------------------------------------------------------------------------------------------

    @receives(Marks)
    def on_marks(self, marks: Marks, ctx: Context) -> None:
        self._marks.update(marks.prices)
        self._value(ctx)

    @receives(TimerFired)
    def on_timer(self, timer: TimerFired, ctx: Context) -> None:
        if timer.key == "reload":
            ctx.tell(addresses.LEDGER, LoadRecovery())
            return
        if timer.key == "look-again":
            ctx.tell(addresses.OMS, Reconcile(reason="balances differ", is_look=True))
            return
        if timer.key == "tell":
            # Where no price comes, the portfolio is told all the same: its age tells of the books, not of the market.
            ctx.after(PORTFOLIO_TOLD_EVERY_S, "tell")
            self._value(ctx)
            return
        ctx.after(self._seat.snapshot_interval_s, "snapshot")
        latest, before = self._latest, self._recorded
        if not self._is_loaded or latest is None:
            return
        if before is None or latest.equity != before.equity or latest.cash != before.cash:
            self._recorded = latest
            self._append((PortfolioRecorded(snapshot=latest),), ctx)

    @receives(RebasePeak)
    def on_rebase_peak(self, _: RebasePeak, ctx: Context) -> None:
        """The drawdown is measured from now on. Recorded at once: a restart would bring the peak before back."""
        self._rebases_later = True
        if self._is_loaded:
            self._rebase(ctx)

    def _rebase(self, ctx: Context) -> None:
        self._rebases_later = False
        self._peak = None
        snapshot = self._value(ctx)
        if snapshot is not None:
            self._recorded = snapshot
            self._append((PortfolioRecorded(snapshot=snapshot),), ctx)

    # -- who asks -----------------------------------------------------------------------------------------------------

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
