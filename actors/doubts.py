"""Doubts: the part of the OMS that knows the orders of which only an operator can tell what became of them.

It happens at venues that keep no id of ours: the answer to an order was lost, and what the venue lists does not say
which of its orders that is, if any. Until it is said, the symbol and side stay frozen; who has to say it is told once.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from actors import addresses
from actors.oms_seat import OmsSeat
from actors.strangers import Decision, Named, Strangers
from bulkhead.execution import order_events
from bulkhead.execution.asking import query_of
from bulkhead.execution.claiming import Known, is_in_doubt, was_there_before, words
from bulkhead.execution.exact import plain
from bulkhead.execution.ids import looks_like_ours
from bulkhead.execution.listing import TotalsOnly
from bulkhead.execution.reconcile import Reconciliation
from bulkhead.venues.port import ClientIdScheme
from messages.codes import ErrorCode
from messages.failure import FailureMode, FailureReported
from messages.operator import ActAnswered, ResolveOrder
from messages.orders import OrderRow, VenueOrder
from messages.strangers import StrangerKind, Verdict, key_of
from messages.supervision import Outcome
from messages.values import OrderStatus
from supervisor.gate import Gate
from supervisor.runtime.behaviour import Context, receives

CLOCKS_WRONG_NS = 60 * 1_000_000_000
"""Who looked with their own eyes is believed although the clocks differ by so much, which no evidence would be."""
_REASON = f"{FailureMode.ORDER_IN_DOUBT.value}:"
SHOWN = 10
"""Signs of an order's id, as `bulkhead status` shows it: its beginning is enough for `bulkhead resolve`."""


class Doubts(Strangers):
    def __init__(self, seat: OmsSeat, gate: Gate) -> None:
        super().__init__(seat, gate)
        self._own_channels = set(seat.capabilities.own_channels)
        self._told_of: dict[str, str] = {}
        """Client order id -> symbol, of orders that an operator was told of."""

    @property
    def _has_client_ids(self) -> bool:
        return self._seat.capabilities.client_id is not ClientIdScheme.NONE

    def _claiming(self) -> Known | None:
        if self._has_client_ids:
            return None
        return Known(frozenset(self._own_channels), self._first_seen_ns, self._by_word, self._seat.claim_window_s)

    def _totals_only(self) -> TotalsOnly | None:
        capabilities = self._seat.capabilities
        return None if capabilities.has_execution_ids else TotalsOnly(capabilities.costs, self._strange_totals)

    def _is_by_another_way(self, order: VenueOrder) -> bool:
        """For sure not ours, though it was not listed before: nothing but balances is in doubt over it."""
        return bool(order.channel and self._own_channels) and order.channel not in self._own_channels

    # -- telling ------------------------------------------------------------------------------------------------------

    def _note_doubts(self, result: Reconciliation, ctx: Context) -> None:
        """After each comparison: who has to say something is told once, and when it is no longer asked for."""
        self._own_channels |= result.own_channels
        asked = {each.client_order_id: each for each in result.unresolved if each.needs_operator}
        for key, found in asked.items():
            row = self._book.get(key)
            if key in self._told_of or row is None:
                continue
            self._told_of[key] = found.symbol
            sent = datetime.fromtimestamp(row.created_ns // 10**9, UTC)
            advice = (
                f"look into the venue's own app for {words(row)}, sent at {sent:%H:%M:%S} UTC, then `bulkhead resolve"
                f" {key[:SHOWN]} --is NUMBER --reason …`, or --never-arrived if it is nowhere"
            )
            self._report_doubt(found.symbol, f"{ErrorCode.SIDE_IN_DOUBT}: {key}: {found.reason}; {advice}", ctx)
        self._told_of = {key: symbol for key, symbol in self._told_of.items() if key in asked}
        doubtful = set(self._told_of.values())
        for reason in self._gate.reasons():  # an incarnation that has ended may have told of it
            symbol = reason.scope.removeprefix("symbol:")
            if reason.reason_id.startswith(_REASON) and symbol not in doubtful:
                self._report_doubt(symbol, "no order of the symbol is in doubt any more", ctx, recovered=True)
        if asked and not self._own_channels:
            self._ask_for_our_channel(ctx)

    def _ask_for_our_channel(self, ctx: Context) -> None:
        """After a restart none of the orders that are listed may be one of ours; of an older one the venue can still be
        asked."""
        known = (row for row in self._book.all_rows() if self._shows_our_channel(row))
        newest = max(known, key=lambda row: row.created_ns, default=None)
        if newest is not None:
            ctx.tell(self._broker, query_of(newest))

    def _shows_our_channel(self, row: OrderRow) -> bool:
        """It was sent by us, and the venue itself has told its number."""
        if row.venue_order_id is None or not looks_like_ours(row.ticket.client_order_id):
            return False
        return key_of(StrangerKind.ORDER, row.ticket.symbol, row.venue_order_id) not in self._by_word

    def _learn_our_channel(self, row: OrderRow, order: VenueOrder) -> None:
        if order.channel and row.venue_order_id == order.venue_order_id and self._shows_our_channel(row):
            self._own_channels.add(order.channel)

    def _report_doubt(self, symbol: str, detail: str, ctx: Context, *, recovered: bool = False) -> None:
        report = FailureReported(
            mode=FailureMode.ORDER_IN_DOUBT, scope=f"symbol:{symbol}", detail=detail, recovered=recovered
        )
        ctx.tell(addresses.FAILURE_HANDLER, report)

    # -- an operator's word -------------------------------------------------------------------------------------------

    @receives(ResolveOrder)
    def on_resolve(self, act: ResolveOrder, ctx: Context) -> None:
        row = self._row_in_doubt(act, ctx)
        if row is None:
            return
        if act.venue_order_id is None:
            too_early = self._may_still_be_listed(row, ctx.now_ns())
            if too_early is None:
                self._never_arrived(row, act, ctx)
            else:
                self._refuse_act(act, too_early, ctx)
            return
        order = self._named_order(act.venue_order_id, act, ctx)
        if order is None:
            return
        refusal = _unlike(row, order, self._first_seen_ns)
        if refusal is not None:
            self._refuse_act(act, refusal, ctx)
            return
        key = row.ticket.client_order_id
        shown = order_events.status_shown(order, key, ctx.now_ns())
        self._settle(order_events.apply(row, shown, ctx.now_ns()), ctx, source="operator")
        said = f"{key} is the venue's order {order.venue_order_id} ({order.status})"
        named = Named(StrangerKind.ORDER, order.symbol, order.venue_order_id)
        self._decide(act, named, Decision(Verdict.ADOPTED, said, {"client_order_id": key}), ctx)

    def _may_still_be_listed(self, row: OrderRow, now_ns: int) -> str | None:
        """Why it is too early to say that it never arrived; not where the operator was asked."""
        window_s, waited_s = self._seat.claim_window_s, (now_ns - row.updated_ns) / 1e9
        if row.ticket.client_order_id in self._told_of or waited_s > window_s:
            return None
        return f"it was sent {waited_s:.0f} s ago, and may still be listed until {window_s:.0f} s after: say it then"

    def _never_arrived(self, row: OrderRow, act: ResolveOrder, ctx: Context) -> None:
        key = row.ticket.client_order_id
        reason = f"{ErrorCode.ORDER_PROVEN_ABSENT}: {act.operator}: {act.reason}"
        said = f"{key} never arrived; it has failed"
        answer = ActAnswered(
            request_id=act.request_id, outcome=Outcome.DONE, detail=said, facts={"client_order_id": key}
        )
        applied = order_events.prove_absent(row, reason, ctx.now_ns())
        self._settle(applied, ctx, source="operator", then=(ctx.seal(act.reply_to, answer),))
        self._look(said, ctx)

    def _row_in_doubt(self, act: ResolveOrder, ctx: Context) -> OrderRow | None:
        if not self._is_loaded:
            self._refuse_act(act, "the ledger is being read; try again in a moment", ctx)
            return None
        rows = [row for row in self._book.all_rows() if row.ticket.client_order_id.startswith(act.order_id)]
        if not rows:
            self._refuse_act(act, f"no order of ours begins with {act.order_id}", ctx, Outcome.NOT_FOUND)
        elif len(rows) > 1:
            named = ", ".join(row.ticket.client_order_id for row in rows)
            self._refuse_act(act, f"{act.order_id} may be any of {named}", ctx)
        elif not is_in_doubt(rows[0]) or rows[0].status is not OrderStatus.UNKNOWN:
            self._refuse_act(act, f"it is {rows[0].status}: the venue has spoken of it, or still may", ctx)
        elif self._has_client_ids:
            self._refuse_act(act, "this venue keeps our ids, and tells itself: `bulkhead reconcile`", ctx)
        else:
            return rows[0]
        return None


def _unlike(row: OrderRow, order: VenueOrder, first_seen_ns: Mapping[str, int]) -> str | None:
    """Why the order cannot be ours, whoever says so."""
    ticket = row.ticket
    if was_there_before(order, row, first_seen_ns, CLOCKS_WRONG_NS):
        return f"the venue's order {order.venue_order_id} was there before ours was made: {words(row)}"
    if (order.symbol, order.side, order.quantity) == (ticket.symbol, ticket.side, ticket.quantity):
        return None
    listed = f"{order.side} {plain(order.quantity)} {order.symbol}"
    return f"the venue's order {order.venue_order_id} is {listed}, and ours is {words(row)}"
