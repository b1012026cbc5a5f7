"""Promises about questions: query, snapshot, trading rules and clock tell the venue's truth, whole or not at all."""

from decimal import Decimal

from bulkhead.venues.conformance.check import Check, has_client_ids, has_server_time
from bulkhead.venues.conformance.desk import Desk, PromiseBroken, expect, opened
from bulkhead.venues.conformance.harness import Asked, Flaw, Harness
from bulkhead.venues.port import VenueRefused, VenueUnavailable
from messages.clock import AskVenueTime, AuthRefused, VenueTimeFailed, VenueTimeTold
from messages.instruments import InstrumentsFailed, InstrumentsLoaded, LoadInstruments
from messages.orders import (
    OrderCancelled,
    OrderQueryFailed,
    OrderStatusReported,
    OrderTicket,
    VenueExecution,
    VenueOrder,
    VenueSnapshotFailed,
    VenueSnapshotTaken,
)
from messages.values import OrderStatus

_CLOCKS_DIFFER_MS = 5_000


def query_truth(harness: Harness) -> None:
    with opened(harness) as desk:
        for ticket, status in _one_of_each(desk):
            before_ns = harness.now_ns()
            report = desk.query(ticket)
            expect(before_ns <= report.as_of_ns <= harness.now_ns(), "as_of_ns is our time of the asking")
            order = report.order
            if order is None:
                raise PromiseBroken(f"the venue has the order, and the query says that it does not: {status}")
            shown = (order.symbol, order.side, order.quantity, order.status, order.limit_price)
            asked = (ticket.symbol, ticket.side, ticket.quantity, status, ticket.limit_price)
            expect(shown == asked, f"asked for {asked}, and told {shown}")
            own_id = ticket.client_order_id if has_client_ids(desk.venue.capabilities) else order.client_order_id
            expect(order.client_order_id == own_id, f"asked for {own_id}, and told {order.client_order_id}")
            filled, notional = _filled_of(desk, ticket, status, report)
            expect(
                (order.filled, order.filled_notional) == (filled, notional), f"{filled} filled for {notional}: {report}"
            )
        unknown = desk.ticket()
        if has_client_ids(desk.capabilities):
            expect(desk.query(unknown).order is None, "nobody has handed it in, and the venue knows it")
            return
        desk.ask(unknown)
        desk.answered()
        told = [type(body) for body in (*desk.of(OrderStatusReported, unknown), *desk.of(OrderQueryFailed, unknown))]
        expect(told == [OrderQueryFailed], f"its number is not known, so nobody can be asked of it: {told}")


def query_fails_as_such(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = desk.rest()
        harness.lose(Asked.QUERY, is_carried_out=True)
        desk.ask(ticket)
        desk.answered()
        told = [type(body) for body in (*desk.of(OrderStatusReported), *desk.of(OrderQueryFailed))]
        expect(told == [OrderQueryFailed], f"the reply to a query was lost: {told}")


def snapshot_complete(harness: Harness) -> None:
    with opened(harness) as desk:
        each = _one_of_each(desk)
        before_ns = harness.now_ns()
        taken = desk.snapshot()
        expect((taken.venue, taken.account) == (desk.terms.venue, desk.terms.account), "it names venue and account")
        expect(before_ns <= taken.as_of_ns <= harness.now_ns(), "as_of_ns is our time of the asking")
        listed = sorted((order.quantity, order.status) for order in taken.orders)
        expect(
            listed == sorted((ticket.quantity, status) for ticket, status in each),
            f"orders since the watermark, open or not, once each: {listed}",
        )
        still = {order.venue_order_id for order in taken.orders if not order.status.is_terminal}
        shown = sorted(order.venue_order_id for order in taken.open_orders)
        expect(shown == sorted(still), f"open orders are {still}, and it shows {shown}")
        for order in taken.orders:
            if desk.capabilities.has_execution_ids:
                own = [e.quantity for e in taken.executions if e.venue_order_id == order.venue_order_id]
                expect(sum(own, Decimal(0)) == order.filled, f"{order.filled} is filled, executions listed: {own}")
        filled = sum((order.filled for order in taken.orders), Decimal(0))
        expect(filled == each[0][0].quantity + desk.half(each[1][0]), f"{filled} are filled by the list")


def unheard_is_listed(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = desk.rest()
        harness.fill_unheard(ticket, ticket.quantity)
        desk.up()
        taken = desk.snapshot()
        listed: tuple[VenueExecution | VenueOrder, ...] = taken.executions
        filled = sum((execution.quantity for execution in taken.executions), Decimal(0))
        if not desk.capabilities.has_execution_ids:
            listed, filled = taken.orders, sum((order.filled for order in taken.orders), Decimal(0))
        expect(filled == ticket.quantity, f"the stream lost a fill of {ticket.quantity}, and the snapshot: {listed}")


def snapshot_whole_or_failed(harness: Harness) -> None:
    with opened(harness) as desk:
        desk.rest()
        harness.lose(Asked.SNAPSHOT, is_carried_out=True)
        desk.survey()
        desk.answered()
        told = [type(body) for body in (*desk.of(VenueSnapshotTaken), *desk.of(VenueSnapshotFailed))]
        expect(told == [VenueSnapshotFailed], f"a reply that the snapshot needs was lost: {told}")


def balances_add_up(harness: Harness) -> None:
    with opened(harness) as desk:
        before = _totals(desk)
        expect(bool(before.get(desk.terms.quote_asset)), f"the account's money is not listed: {before}")
        ticket = desk.rest()
        harness.fill(ticket, desk.half(ticket))
        after = _totals(desk)
        report = desk.query(ticket)
        changes = {desk.terms.base_asset: Decimal(0), desk.terms.quote_asset: Decimal(0)}
        has_ids = desk.capabilities.has_execution_ids
        for execution in report.executions if has_ids else ():
            changes[desk.terms.base_asset] += execution.quantity
            changes[desk.terms.quote_asset] -= execution.quantity * execution.price
            changes[execution.fee_asset] = changes.get(execution.fee_asset, Decimal(0)) - execution.fee
        if report.order is not None and not has_ids:
            changes[desk.terms.base_asset] += report.order.filled
            changes[desk.terms.quote_asset] -= report.order.filled_notional
            _charge(desk, report.order.filled_notional, changes)
        for asset, change in changes.items():
            seen = after.get(asset, Decimal(0)) - before.get(asset, Decimal(0))
            expect(seen == change, f"{asset} changed by {seen}, and the executions and fees say {change}")


def instruments(harness: Harness) -> None:
    with opened(harness) as desk:
        loaded = desk.venue.load_instruments()
        rules = next((listed for listed in loaded if listed.symbol == desk.terms.symbol), None)
        if rules is None:
            raise PromiseBroken(f"{desk.terms.symbol} can be traded, and is not among the rules")
        expect(rules.is_trading and bool(rules.version), f"it trades, and its list has a version: {rules}")
        expect(rules.min_quantity <= desk.terms.quantity <= rules.max_quantity, f"the bounds exclude an order: {rules}")
        price, lot = desk.terms.resting_price, rules.lot_size
        expect(
            price % rules.tick_size == 0 and lot == desk.terms.lot_size, f"tick and lot are not the venue's: {rules}"
        )
        desk.venue.instruments(LoadInstruments())
        desk.answered()
        told = [body.instruments for body in desk.of(InstrumentsLoaded)]
        expect(told == [loaded], "asked for as evidence, the rules are not what preflight was told")


def away_is_said(harness: Harness) -> None:
    with opened(harness, Flaw.AWAY) as desk:
        ticket = desk.ticket()
        desk.ask(ticket)
        desk.survey()
        desk.venue.instruments(LoadInstruments())
        desk.venue.venue_time(AskVenueTime())
        desk.cancel(ticket)
        desk.answered()
        for kind in (OrderQueryFailed, VenueSnapshotFailed, InstrumentsFailed, VenueTimeFailed):
            failed = desk.of(kind)
            expect(
                len(failed) == 1 and bool(getattr(failed[0], "reason", "")), f"{kind.__name__} with a reason: {failed}"
            )
        expect(not desk.of(OrderCancelled, ticket), "nobody could be asked, and the order is said to be cancelled")
        for ask in (desk.venue.load_instruments, desk.venue.server_time_ms, desk.venue.check_key):
            try:
                ask()
            except VenueUnavailable:
                continue
            raise PromiseBroken("preflight asked a venue that is away, and was not told VenueUnavailable")


def key_refused(harness: Harness) -> None:
    with opened(harness, Flaw.WRONG_KEY) as desk:
        try:
            desk.venue.check_key()
        except VenueRefused as refused:
            expect(bool(refused.code), "the venue's own code is missing")
        else:
            raise PromiseBroken("the key is wrong, and check_key said nothing")
        for _ in range(2):
            desk.survey()
            desk.answered()
        told = len(desk.of(AuthRefused))
        expect(told == 1, f"a key that is refused is told once, and was told {told} times")


def preflight(harness: Harness) -> None:
    with opened(harness) as desk:
        desk.venue.check_key()
        differs_ms = abs(desk.venue.server_time_ms() - harness.now_ns() // 1_000_000)
        expect(differs_ms < _CLOCKS_DIFFER_MS, f"the venue's clock, in Unix ms, is {differs_ms} ms from ours")
        desk.venue.venue_time(AskVenueTime())
        desk.answered()
        told = desk.of(VenueTimeTold)
        expect(
            len(told) == 1 and abs(told[0].venue_ns - told[0].asked_ns) < _CLOCKS_DIFFER_MS * 1_000_000,
            f"asked for as evidence, the clock is not what preflight was told: {told}",
        )


def raw_is_kept(harness: Harness) -> None:
    with opened(harness) as desk:
        open_, filled = desk.rest(), desk.rest()
        desk.harness.fill(filled, filled.quantity)
        desk.until(lambda: desk.filled(filled) > 0, "the fill is told")
        desk.place(desk.ticket(quantity=desk.terms.too_large))
        for _ in range(2):
            desk.cancel(open_)
            desk.answered()
        report = desk.query(filled)
        words = [*desk.told]
        bare = [type(body).__name__ for body in words if getattr(body, "raw", "has none") == ""]
        expect(not bare and bool(report.raw), f"the venue said it, and its own words are not kept: {bare}")


def _one_of_each(desk: Desk) -> list[tuple[OrderTicket, OrderStatus]]:
    """One after the other, so that somebody's trade cannot meet another of them."""
    filled = desk.rest()
    desk.harness.fill(filled, filled.quantity)
    partly = desk.rest()
    desk.harness.fill(partly, desk.half(partly))
    cancelled, rests = desk.rest(), desk.rest()
    desk.cancel(cancelled)
    desk.answered()
    return [
        (filled, OrderStatus.FILLED),
        (partly, OrderStatus.PARTIAL),
        (cancelled, OrderStatus.CANCELLED),
        (rests, OrderStatus.SUBMITTED),
    ]


def _filled_of(
    desk: Desk, ticket: OrderTicket, status: OrderStatus, report: OrderStatusReported
) -> tuple[Decimal, Decimal]:
    """Quantity and amount: as the executions say, or where there are none to say it, as the check has made it."""
    if desk.capabilities.has_execution_ids:
        each = report.executions
        return sum((e.quantity for e in each), Decimal(0)), sum((e.quantity * e.price for e in each), Decimal(0))
    parts = {OrderStatus.FILLED: ticket.quantity, OrderStatus.PARTIAL: desk.half(ticket)}
    filled = parts.get(status, Decimal(0))
    return filled, filled * (ticket.limit_price or Decimal(0))


def _charge(desk: Desk, notional: Decimal, changes: dict[str, Decimal]) -> None:
    """What a buy costs, by the capabilities."""
    costs = desk.capabilities.costs
    if costs is not None:
        commission = notional * costs.commission_rate // costs.unit * costs.unit
        changes[costs.asset] = changes.get(costs.asset, Decimal(0)) - commission


def _totals(desk: Desk) -> dict[str, Decimal]:
    return {balance.asset: balance.total for balance in desk.snapshot().balances}


CHECKS = (
    Check(
        "query-truth",
        "A query tells the order as the venue has it, with all its executions, or that the venue knows no such id.",
        query_truth,
    ),
    Check(
        "query-fails-as-such",
        "A query that came to nothing says so, and never that there is no such order: that would be taken for absence.",
        query_fails_as_such,
    ),
    Check(
        "snapshot-complete",
        "A snapshot lists every order and execution since its watermark, once, and what is open: it heals books.",
        snapshot_complete,
    ),
    Check(
        "unheard-is-listed",
        "What the stream lost is in the next snapshot: no fill may be lost.",
        unheard_is_listed,
    ),
    Check(
        "snapshot-whole-or-failed",
        "A snapshot of which a part could not be had is a failed one: what it does not list would be taken for absent.",
        snapshot_whole_or_failed,
    ),
    Check(
        "balances-add-up",
        "A snapshot lists balances that change by executions and fees and nothing else: drift is found by them.",
        balances_add_up,
    ),
    Check(
        "instruments",
        "Trading rules are the venue's own, the same from both questions, and have a version that orders can name.",
        instruments,
    ),
    Check(
        "away-is-said",
        "Of a venue that is away every question fails with a reason, and preflight raises VenueUnavailable.",
        away_is_said,
        flaw=Flaw.AWAY,
    ),
    Check(
        "key-refused",
        "A wrong key is refused by check_key with the venue's code, and told once: no order is to be tried with it.",
        key_refused,
        flaw=Flaw.WRONG_KEY,
    ),
    Check(
        "preflight",
        "A good key passes, and the venue's clock is told in Unix ms: requests are stamped and absence proven by it.",
        preflight,
        applies=has_server_time,
    ),
    Check(
        "raw-is-kept",
        "Evidence that the venue gave carries its own words, so that years later a person can judge who was wrong.",
        raw_is_kept,
    ),
)
