"""Comparer: the half of Portfolio that holds its books beside the venue's balances, and settles what differs.

What a difference is, and what it is about, is bulkhead.execution.drift's to say. It shuts entries of the symbols that
it is about until an operator has decided; when an operator has, and nothing differs any more, they open again.
"""

from collections.abc import Callable
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from actors import addresses
from actors.bookkeeper import Bookkeeper, PortfolioSeat
from bulkhead.execution.drift import (
    ALL,
    Assets,
    Difference,
    Unbooked,
    Watch,
    changes_of,
    differences,
    position_symbol,
    scopes_of,
    unexplained,
    watched,
)
from bulkhead.execution.exact import plain
from bulkhead.execution.fills import fill_id_of
from bulkhead.execution.growth import order_of_growth
from bulkhead.execution.valuation import ImpossibleNumber, balances_after
from messages.adjustments import BY_OPERATOR, AdjustmentKind, AdjustmentRecorded
from messages.codes import ErrorCode
from messages.failure import FailureMode, FailureReported, StopReason
from messages.operator import ActAnswered, SettleDrift
from messages.orders import Balance, Reconcile, VenueExecution
from messages.portfolio import ReconcilePortfolio
from messages.records import AccountObserved, OpeningBalancesRecorded
from messages.strangers import KnownStrangers
from messages.supervision import Outcome
from supervisor.runtime.behaviour import Context, receives

LOOK_AGAIN_S = 5.0
"""Until the next comparison while something differs that is not called drift yet, or is to be settled."""
MAX_SETTLE_ROUNDS = 12
"""Comparisons that a difference has to hold still in before its settling is given up."""
UNBOOKED_KEPT = 10_000
"""Executions remembered that are no order's of ours and not settled."""
ESTIMATES_FORGOTTEN = 20
"""A restart does not know how many fills there were since the costs last agreed: so many are allowed for."""
_ADVICE = "`bulkhead adopt` or `bulkhead ignore` settles it, see *Drift* in docs/RUNBOOK.md"
_REASON = f"{FailureMode.POSITION_DRIFT.value}:"


class _Settling(NamedTuple):
    act: SettleDrift
    rounds: int = 0


class Comparer(Bookkeeper):
    def __init__(self, seat: PortfolioSeat, reasons: Callable[[], tuple[StopReason, ...]] = lambda: ()) -> None:
        """`reasons` tells the stop reasons in force, from any thread."""
        super().__init__(seat)
        self._reasons = reasons
        names = seat.traded or tuple(seat.assets)
        self._traded: Assets = {symbol: seat.assets[symbol] for symbol in names if symbol in seat.assets}
        self._watches: dict[str, Watch] = {}
        self._touched: set[str] = set()
        self._unbooked: dict[str, Unbooked] = {}
        """By fill id."""
        self._called: dict[str, str] = {}
        """By scope: by how much what differed when drift was reported last."""
        self._settling: dict[str, _Settling] = {}
        self._settled_ns: dict[str, int] = {}
        """By asset, when an operator last settled what differed."""
        self._estimated = ESTIMATES_FORGOTTEN
        """Fills since the asset of estimated costs last agreed."""
        self._observed: tuple[Balance, ...] | None = None
        """What was agreed with, and written down, last."""

    def _recover_strangers(self, known: KnownStrangers) -> None:
        """What was executed before the books were opened is in them, and so is what an operator has settled since."""
        self._watches, self._unbooked = {}, {}
        estimated = max(self._estimated, ESTIMATES_FORGOTTEN)
        self._touched.clear()
        self._settled_ns = {each.asset: each.at_ns for each in known.settlements}
        for stranger in known.strangers:
            if stranger.execution is not None and stranger.seq > known.opening_seq > 0:
                settled = {each.asset for each in known.settlements if each.seq > stranger.seq}
                self._note_stranger(stranger.execution, settled)
        self._estimated = estimated  # those of all time are no reason why the costs of late may be off by more

    def _note_stranger(self, execution: VenueExecution, settled: set[str] | frozenset[str] = frozenset()) -> None:
        fill_id = fill_id_of(self._seat.venue, execution.symbol, execution.execution_id)
        assets = self._assets_traded(execution.symbol)
        if fill_id in self._unbooked or assets is None:
            return
        changes = changes_of(execution, *assets)
        self._unbooked[fill_id] = Unbooked(execution.symbol, changes).without(settled)
        self._estimated += 1
        if len(self._unbooked) > UNBOOKED_KEPT:
            del self._unbooked[next(iter(self._unbooked))]

    def _assets_traded(self, symbol: str) -> tuple[str, str] | None:
        """Base and quote; None for a symbol whose rules are not known. Where costs are estimates the venue deals in
        securities, which are held under their own names and paid for in one money."""
        known, costs = self._seat.assets.get(symbol), self._seat.costs
        return known if known is not None or costs is None else (symbol, costs.asset)

    def _booked(self, fill_id: str, assets: frozenset[str]) -> None:
        self._touched |= assets
        self._estimated += 1
        self._unbooked.pop(fill_id, None)
        order = order_of_growth(fill_id)
        if order is not None:  # seen to grow in other steps while it was nobody's
            self._unbooked = {key: each for key, each in self._unbooked.items() if order_of_growth(key) != order}

    # -- the venue's word ---------------------------------------------------------------------------------------------

    @receives(ReconcilePortfolio)
    def on_reconcile(self, stated: ReconcilePortfolio, ctx: Context) -> None:
        if not self._is_loaded:
            return  # the order manager compares again before the gate opens
        try:
            if self._opening is None:
                self._open_books(stated, ctx)
            else:
                for execution in stated.strangers:
                    self._note_stranger(execution)
            found = self._differences(stated.balances)
            self._watches = watched(self._watches, found, self._touched)
            self._touched.clear()
            if self._settle(found, ctx) or self._settle_costs(found, ctx):
                found = self._differences(stated.balances)
        except ImpossibleNumber as error:
            self._report_drift(ALL, f"the books came to an impossible figure: {error}", ctx)
            return
        self._observe(stated, found, ctx)
        self._call(found, ctx)
        self._lift(found, stated, ctx)
        if self._settling or not all(self._watches[asset].holds_still for asset in found):
            ctx.after(LOOK_AGAIN_S, "look-again")
        self._value(ctx)

    def _open_books(self, stated: ReconcilePortfolio, ctx: Context) -> None:
        """First meeting with this account: what it holds now, less what our own fills brought, is where we began."""
        negated = {asset: -change for asset, change in self._changes.items()}
        self._opening = balances_after(stated.balances, negated)
        self._unbooked.clear()
        opening = OpeningBalancesRecorded(
            venue=self._seat.venue, account=self._seat.account, balances=self._opening, at_ns=stated.as_of_ns
        )
        self._append((opening,), ctx)

    def _differences(self, stated: tuple[Balance, ...]) -> dict[str, Difference]:
        costs = self._seat.costs
        units = {} if costs is None else {costs.asset: costs.unit}
        found = differences(balances_after(self._opening or (), self._changes), stated, units)
        if costs is not None and costs.asset not in found:
            self._estimated = 0
        return found

    def _observe(self, stated: ReconcilePortfolio, found: dict[str, Difference], ctx: Context) -> None:
        if not found and stated.balances == self._observed:
            return
        self._observed = None if found else stated.balances
        observed = AccountObserved(
            venue=self._seat.venue,
            account=self._seat.account,
            balances=stated.balances,
            differences={asset: difference.words for asset, difference in found.items()},
            at_ns=stated.as_of_ns,
        )
        self._append((observed,), ctx)

    # -- drift --------------------------------------------------------------------------------------------------------

    def _scopes(self, asset: str, difference: Difference) -> frozenset[str]:
        return scopes_of(asset, difference.amount, tuple(self._unbooked.values()), self._traded)

    @property
    def _shut(self) -> set[str]:
        """Scopes of which drift is in force."""
        return {reason.scope for reason in self._reasons() if reason.reason_id.startswith(_REASON)}

    def _call(self, found: dict[str, Difference], ctx: Context) -> None:
        by_scope: dict[str, list[tuple[str, Difference]]] = {}
        differing = {scope for asset, difference in found.items() for scope in self._scopes(asset, difference)}
        # An operator may have lifted it without a decision: what comes after it has gone is news.
        self._called = {scope: said for scope, said in self._called.items() if scope in differing | self._shut}
        for asset, difference in found.items():
            if self._watches[asset].holds_still:
                for scope in self._scopes(asset, difference):
                    by_scope.setdefault(scope, []).append((asset, difference))
        for scope, drifts in sorted(by_scope.items(), key=itemgetter(0)):
            words = ", ".join(f"{asset}: {each.words}" for asset, each in drifts)
            amounts = ", ".join(f"{asset} {each.amount}" for asset, each in drifts)
            self._report_drift(scope, f"the venue's balances differ from the books: {words}; {_ADVICE}", ctx, amounts)

    def _report_drift(self, scope: str, detail: str, ctx: Context, amounts: str = "") -> None:
        """Once, until it is over, or it is another one after an operator has lifted it."""
        if scope in self._called and (self._called[scope] == amounts or scope in self._shut):
            return
        self._called[scope] = amounts
        named = f"{ErrorCode.POSITION_SYNC_FAIL}: {detail}"
        report = FailureReported(mode=FailureMode.POSITION_DRIFT, scope=scope, detail=named)
        ctx.tell(addresses.FAILURE_HANDLER, report)

    def _lift(self, found: dict[str, Difference], stated: ReconcilePortfolio, ctx: Context) -> None:
        """Whatever differed is settled, and an operator has had a hand in it since it was called."""
        differing = {scope for asset, difference in found.items() for scope in self._scopes(asset, difference)}
        for reason in self._reasons():
            if not reason.reason_id.startswith(_REASON) or reason.scope in differing:
                continue
            if reason.scope == ALL and (found or not stated.is_clean):
                continue
            if self._decided_ns(reason.scope, stated) <= reason.since_ns:
                continue
            self._called.pop(reason.scope, None)
            lifted = FailureReported(
                mode=FailureMode.POSITION_DRIFT,
                scope=reason.scope,
                detail="an operator has decided, and nothing differs any more",
                recovered=True,
                by_operator=True,
            )
            ctx.tell(addresses.FAILURE_HANDLER, lifted)

    def _decided_ns(self, scope: str, stated: ReconcilePortfolio) -> int:
        """When an operator last decided something about this scope; 0: never."""
        if scope == ALL:
            return max((*self._settled_ns.values(), *stated.decided_ns.values()), default=0)
        symbol = scope.removeprefix("symbol:")
        assets = self._assets_traded(symbol) or ()
        return max((stated.decided_ns.get(symbol, 0), *(self._settled_ns.get(asset, 0) for asset in assets)))

    # -- an operator's decision ---------------------------------------------------------------------------------------

    @receives(SettleDrift)
    def on_settle(self, act: SettleDrift, ctx: Context) -> None:
        """Carried out at a comparison at which the difference holds still: only then it is known to the last digit."""
        refusal = self._refusal(act)
        if refusal is not None:
            self._tell_refused(act, refusal, ctx)
            return
        self._settling[act.request_id] = _Settling(act)
        ctx.tell(addresses.OMS, Reconcile(reason=f"{act.operator} settles {act.asset}", is_look=True))

    def _refusal(self, act: SettleDrift) -> str | None:
        if not self._is_loaded:
            return "the books are being read; try again in a moment"
        if act.strategy_id is None:
            return None
        symbols = position_symbol(act.asset, self._traded)
        if not symbols:
            return f"{act.asset} is no traded symbol's base, so it is nobody's position: ignore it"
        if act.symbol is None and len(symbols) > 1:
            return f"{act.asset} is the base of {', '.join(symbols)}: say which with --symbol"
        symbol = act.symbol or symbols[0]
        if symbol not in symbols:
            return f"{act.asset} is not the base of {symbol}, but of {', '.join(symbols)}"
        return None if symbol in self._marks else f"{symbol} has no price yet, and what is adopted needs one"

    @staticmethod
    def _tell_refused(act: SettleDrift, detail: str, ctx: Context) -> None:
        ctx.tell(act.reply_to, ActAnswered(request_id=act.request_id, outcome=Outcome.FAILED, detail=detail))

    def _settle(self, found: dict[str, Difference], ctx: Context) -> bool:
        """True when something was booked."""
        is_booked = False
        for request_id, (act, rounds) in tuple(self._settling.items()):
            difference = found.get(act.asset)
            if difference is None:
                self._settled_ns[act.asset] = ctx.now_ns()
                detail = f"nothing differs in {act.asset}, and nothing was booked"
                ctx.tell(act.reply_to, ActAnswered(request_id=request_id, outcome=Outcome.DONE, detail=detail))
            elif self._watches[act.asset].holds_still:
                self._book(act, difference, ctx)
                is_booked = True
                found = {asset: each for asset, each in found.items() if asset != act.asset}
            elif rounds + 1 < MAX_SETTLE_ROUNDS:
                self._settling[request_id] = _Settling(act, rounds + 1)
                continue
            else:
                last = f"{difference.words} in the last of {rounds + 1} comparisons"
                self._tell_refused(act, f"what differs in {act.asset} does not hold still: {last}", ctx)
            del self._settling[request_id]
        return is_booked

    def _book(self, act: SettleDrift, difference: Difference, ctx: Context) -> None:
        symbol = None
        price: Decimal | None = None
        if act.strategy_id is not None:
            symbol = act.symbol or position_symbol(act.asset, self._traded)[0]
            price = self._marks[symbol]
        adjustment = AdjustmentRecorded(
            adjustment_id=f"{BY_OPERATOR}:{act.request_id}",
            kind=AdjustmentKind.OTHER if symbol is None else AdjustmentKind.ADOPTED,
            venue=self._seat.venue,
            account=self._seat.account,
            asset=act.asset,
            amount=difference.amount,
            symbol=symbol,
            strategy_id=act.strategy_id,
            price=price,
            source=BY_OPERATOR,
            reason=f"{act.operator}: {act.reason} ({difference.words})",
            effective_ns=ctx.now_ns(),
        )
        amount = plain(difference.amount)
        whose = "nobody's" if symbol is None or price is None else f"{act.strategy_id}'s at {plain(price)} in {symbol}"
        answer = ActAnswered(
            request_id=act.request_id,
            outcome=Outcome.DONE,
            detail=f"{amount} {act.asset} is booked as {whose}: {difference.words} before",
            facts={"asset": act.asset, "amount": amount, "adjustment_id": adjustment.adjustment_id},
        )
        del self._watches[act.asset]
        self._settled_ns[act.asset] = ctx.now_ns()
        self._unbooked = {key: each.without({act.asset}) for key, each in self._unbooked.items()}
        self._adjust(adjustment, (ctx.seal(act.reply_to, answer),), ctx)

    # -- estimated costs ----------------------------------------------------------------------------------------------

    def _settle_costs(self, found: dict[str, Difference], ctx: Context) -> bool:
        """Where costs are estimates the venue's word is right, within what the estimates may be off. True when
        something was booked."""
        costs = self._seat.costs
        difference = None if costs is None else found.get(costs.asset)
        if costs is None or difference is None or not self._watches[costs.asset].holds_still:
            return False
        rest = unexplained(costs.asset, difference.amount, self._unbooked.values())
        if not costs.unit <= abs(rest) <= costs.off_by * self._estimated:
            return False
        adjustment = AdjustmentRecorded(
            adjustment_id=f"costs:{self._seat.venue}:{self._seat.account}:{ctx.now_ns()}",
            kind=AdjustmentKind.FEE,
            venue=self._seat.venue,
            account=self._seat.account,
            asset=costs.asset,
            amount=rest,
            source="venue",
            reason=f"costs of {self._estimated} fills were estimated ({difference.words})",
            effective_ns=ctx.now_ns(),
        )
        self._adjust(adjustment, (), ctx)
        self._estimated = 0
        del self._watches[costs.asset]
        return True
