"""Readers of Binance Spot's REST answers: JSON text in, messages and values out, or a ProtocolError. Never raises."""

import hashlib
import json
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from bulkhead.venues.key_rights import KeyRights
from bulkhead.venues.wire import fields
from bulkhead.venues.wire.binance_outcomes import judge
from bulkhead.venues.wire.facts import Answered, Family, HttpFact, ProtocolError, Received, Verdict, clipped
from bulkhead.venues.wire.fields import JsonObject, Malformed
from messages.instruments import Instrument
from messages.market import Book
from messages.orders import (
    Balance,
    CancelOrder,
    CancelOutcomeUnknown,
    CancelRejected,
    ExecutionReported,
    OrderAccepted,
    OrderCancelled,
    OrderEvidence,
    OrderExpired,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderTicket,
    VenueExecution,
    VenueOrder,
)
from messages.values import Level, OrderStatus, OrderType, Side

T = TypeVar("T")

STATUSES = {
    "NEW": OrderStatus.SUBMITTED,
    "PENDING_NEW": OrderStatus.SUBMITTED,
    "PARTIALLY_FILLED": OrderStatus.PARTIAL,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "PENDING_CANCEL": OrderStatus.PENDING_CANCEL,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}

ORDER_TYPES = {"MARKET": OrderType.MKT.value, "LIMIT": OrderType.LMT.value}
"""Others (stop orders, placed by hand) keep the venue's word."""


def status_of(record: JsonObject, key: str) -> OrderStatus:
    word = fields.text(record, key)
    status = STATUSES.get(word)
    if status is None:
        raise Malformed(f"{key}: no such order status {word!r}")
    return status


def check_coherent(record: JsonObject, status: str, quantity: str, filled: str) -> None:
    """An order's own figures must not exclude each other; the keys differ between answers and the stream.

    Raises Malformed with the numbers: of two words of the venue against each other neither is believed, and it is asked
    again. A quantity of zero is an order by amount, placed by hand, and is not judged.
    """
    asked, done = fields.decimal(record, quantity), fields.decimal(record, filled)
    word = fields.text(record, status)
    if not asked:
        return
    nothing, everything = done == 0, done == asked
    excluded = {"NEW": not nothing, "PARTIALLY_FILLED": nothing or everything, "FILLED": not everything}
    if done > asked or excluded.get(word, False):
        raise Malformed(f"it contradicts itself: {word} with {filled} {done:f} of {quantity} {asked:f}")


def side_of(record: JsonObject, key: str) -> Side:
    word = fields.text(record, key)
    if word not in ("BUY", "SELL"):
        raise Malformed(f"{key}: no such side {word!r}")
    return Side(word)


# -- outcome of a submit ----------------------------------------------------------------------------------------------


def submit_outcome(ticket: OrderTicket, fact: HttpFact) -> tuple[OrderEvidence, ...]:
    """Everything one send proves: exactly one of accepted, rejected, not sent, unknown; then fills, then an end."""
    verdict = judge(fact)
    cid, symbol = ticket.client_order_id, ticket.symbol
    if verdict.family is Family.NOT_SENT:
        return (
            OrderNotSent(
                client_order_id=cid,
                symbol=symbol,
                code=verdict.code,
                reason=verdict.reason,
                retry_after_s=verdict.retry_after_s,
                raw=verdict.raw,
            ),
        )
    if verdict.family is Family.REJECTED:
        code, reason = verdict.code, verdict.reason
        return (OrderRejected(client_order_id=cid, symbol=symbol, code=code, reason=reason, raw=verdict.raw),)
    if verdict.family is Family.UNKNOWN or not isinstance(fact, Answered):
        return (OrderOutcomeUnknown(client_order_id=cid, symbol=symbol, reason=_said(verdict), raw=verdict.raw),)
    read = fields.guarded(fact.text, lambda: _placed(ticket, fact.text))
    if isinstance(read, ProtocolError):
        # It was very likely accepted; what it did since only a query can tell.
        reason = f"the answer cannot be read: {read.reason}"
        return (OrderOutcomeUnknown(client_order_id=cid, symbol=symbol, reason=reason, raw=read.raw),)
    return read


def _said(verdict: Verdict) -> str:
    return f"{verdict.code}: {verdict.reason}"


def _placed(ticket: OrderTicket, text: str) -> tuple[OrderEvidence, ...]:
    record = fields.as_object(fields.parse(text), "order")
    if fields.text(record, "clientOrderId") != ticket.client_order_id or fields.text(record, "symbol") != ticket.symbol:
        raise Malformed("the answer names another order")
    raw = clipped(text)
    order_id, at_ns = str(fields.integer(record, "orderId")), fields.time_ns(record, "transactTime")
    common: dict[str, object] = {
        "client_order_id": ticket.client_order_id,
        "symbol": ticket.symbol,
        "venue_order_id": order_id,
        "venue_time_ns": at_ns,
    }
    # An ACK answer has neither status nor fills: the rest then comes with the stream.
    status = status_of(record, "status") if "status" in record else OrderStatus.SUBMITTED
    if status is OrderStatus.REJECTED:
        return (OrderRejected.model_validate({**common, "code": "REJECTED", "reason": "status REJECTED", "raw": raw}),)
    evidence: list[OrderEvidence] = [OrderAccepted.model_validate({**common, "raw": raw})]
    if "status" in record:
        check_coherent(record, "status", "origQty", "executedQty")
    executed = fields.decimal(record, "executedQty") if "executedQty" in record else Decimal(0)
    evidence += _fills(ticket, record, executed, common)
    if status is OrderStatus.EXPIRED:
        word = fields.text(record, "status")
        ended = {**common, "cumulative": executed, "reason": word, "raw": raw}
        evidence.append(OrderExpired.model_validate(ended))
    elif status is OrderStatus.CANCELLED:
        evidence.append(OrderCancelled.model_validate({**common, "cumulative": executed, "raw": raw}))
    return tuple(evidence)


def _fills(
    ticket: OrderTicket, record: JsonObject, executed: Decimal, common: dict[str, object]
) -> list[ExecutionReported]:
    fills = fields.objects(record.get("fills", []), "fills")
    quantities = [fields.decimal(fill, "qty") for fill in fills]
    total = sum(quantities, Decimal(0))
    if total > executed:
        raise Malformed(f"it contradicts itself: fills of {total:f} with executedQty {executed:f}")
    is_complete = total == executed
    reports = []
    cumulative = Decimal(0)
    for fill, quantity in zip(fills, quantities, strict=True):
        cumulative += quantity
        report = {
            **common,
            "execution_id": str(fields.integer(fill, "tradeId")),
            "side": ticket.side,
            "quantity": quantity,
            "price": fields.decimal(fill, "price"),
            "fee": fields.decimal(fill, "commission"),
            "fee_asset": fields.text(fill, "commissionAsset"),
            # A running total is stated only if the list is whole; else it would claim what nobody said.
            "cumulative": cumulative if is_complete else None,
            "raw": clipped(json.dumps(fill)),
        }
        reports.append(ExecutionReported.model_validate(report))
    return reports


def cancel_outcome(command: CancelOrder, fact: HttpFact) -> tuple[OrderEvidence, ...]:
    """Exactly one of OrderCancelled, CancelRejected, CancelOutcomeUnknown."""
    verdict = judge(fact)
    cid, symbol = command.client_order_id, command.symbol
    if verdict.family in (Family.NOT_SENT, Family.REJECTED):
        code, reason = verdict.code, verdict.reason
        return (CancelRejected(client_order_id=cid, symbol=symbol, code=code, reason=reason, raw=verdict.raw),)
    if verdict.family is Family.UNKNOWN or not isinstance(fact, Answered):
        return (CancelOutcomeUnknown(client_order_id=cid, symbol=symbol, reason=_said(verdict), raw=verdict.raw),)
    read = fields.guarded(fact.text, lambda: _cancelled(command, fact.text))
    if isinstance(read, ProtocolError):
        reason = f"the answer cannot be read: {read.reason}"
        return (CancelOutcomeUnknown(client_order_id=cid, symbol=symbol, reason=reason, raw=read.raw),)
    return (read,)


def _cancelled(command: CancelOrder, text: str) -> OrderCancelled:
    record = fields.as_object(fields.parse(text), "order")
    # clientOrderId is the id of the cancel itself here; the order's own is origClientOrderId.
    if fields.text(record, "origClientOrderId") != command.client_order_id:
        raise Malformed("the answer names another order")
    if status_of(record, "status") is not OrderStatus.CANCELLED:
        raise Malformed(f"a cancel was answered with status {record['status']!r}")
    check_coherent(record, "status", "origQty", "executedQty")
    return OrderCancelled(
        client_order_id=command.client_order_id,
        symbol=command.symbol,
        venue_order_id=str(fields.integer(record, "orderId")),
        venue_time_ns=fields.time_ns(record, "transactTime"),
        cumulative=fields.decimal(record, "executedQty"),
        raw=clipped(text),
    )


# -- account ----------------------------------------------------------------------------------------------------------


def _rows(text: str, what: str, read: Callable[[JsonObject], T]) -> tuple[T, ...] | ProtocolError:
    """All rows or none: a list with one unreadable row is not a list anyone may reconcile against."""
    return fields.guarded(text, lambda: tuple(read(row) for row in fields.objects(fields.parse(text), what)))


def order(text: str) -> VenueOrder | ProtocolError:
    """Of GET order. Lists are not judged for contradictions: a status there never stands in for executions, and an odd
    order placed by hand must not keep the books from being compared."""

    def read() -> VenueOrder:
        record = fields.as_object(fields.parse(text), "order")
        check_coherent(record, "status", "origQty", "executedQty")
        return _order(record)

    return fields.guarded(text, read)


def orders(text: str) -> tuple[VenueOrder, ...] | ProtocolError:
    return _rows(text, "orders", _order)


def executions(text: str) -> tuple[VenueExecution, ...] | ProtocolError:
    return _rows(text, "trades", _execution)


def balances(text: str) -> tuple[Balance, ...] | ProtocolError:
    """Of GET account."""

    def read() -> tuple[Balance, ...]:
        account = fields.as_object(fields.parse(text), "account")
        return tuple(
            Balance(
                asset=fields.text(row, "asset"), free=fields.decimal(row, "free"), locked=fields.decimal(row, "locked")
            )
            for row in fields.objects(account.get("balances"), "balances")
        )

    return fields.guarded(text, read)


def key_rights(text: str) -> KeyRights | ProtocolError:
    """Of GET apiRestrictions. A right that is not named there is none."""

    def read() -> KeyRights:
        said = fields.as_object(fields.parse(text), "apiRestrictions")
        has = [name for name in _OUTWARD_RIGHTS if name in said and fields.flag(said, name)]
        return KeyRights(
            can_trade=fields.flag(said, "enableSpotAndMarginTrading"),
            can_withdraw=fields.flag(said, "enableWithdrawals") or bool(has),
            is_bound_to_addresses=fields.flag(said, "ipRestrict"),
        )

    return fields.guarded(text, read)


_OUTWARD_RIGHTS = ("enableInternalTransfer", "permitsUniversalTransfer")
"""They, too, let money leave the account."""


def _order(record: JsonObject) -> VenueOrder:
    word = fields.text(record, "type")
    price = fields.decimal(record, "price")
    return VenueOrder(
        client_order_id=fields.text(record, "clientOrderId"),
        venue_order_id=str(fields.integer(record, "orderId")),
        symbol=fields.text(record, "symbol"),
        side=side_of(record, "side"),
        order_type=ORDER_TYPES.get(word, word),
        status=status_of(record, "status"),
        quantity=fields.decimal(record, "origQty"),
        filled=fields.decimal(record, "executedQty"),
        filled_notional=fields.decimal(record, "cummulativeQuoteQty"),
        limit_price=price or None,  # market orders carry a price of zero
        created_ns=fields.time_ns(record, "time"),
        updated_ns=fields.time_ns(record, "updateTime"),
    )


def _execution(record: JsonObject) -> VenueExecution:
    return VenueExecution(
        execution_id=str(fields.integer(record, "id")),
        venue_order_id=str(fields.integer(record, "orderId")),
        symbol=fields.text(record, "symbol"),
        side=Side.BUY if fields.flag(record, "isBuyer") else Side.SELL,
        quantity=fields.decimal(record, "qty"),
        price=fields.decimal(record, "price"),
        fee=fields.decimal(record, "commission"),
        fee_asset=fields.text(record, "commissionAsset"),
        executed_ns=fields.time_ns(record, "time"),
        is_maker=fields.flag(record, "isMaker"),
    )


# -- public -----------------------------------------------------------------------------------------------------------


def server_time_ms(text: str) -> int | ProtocolError:
    return fields.guarded(text, lambda: fields.integer(fields.as_object(fields.parse(text), "time"), "serverTime"))


def instruments(text: str) -> tuple[Instrument, ...] | ProtocolError:
    """Of GET exchangeInfo. A symbol without price or lot rules fails the whole list: nobody could trade by it."""

    def read() -> tuple[Instrument, ...]:
        info = fields.as_object(fields.parse(text), "exchangeInfo")
        rows = fields.objects(info.get("symbols"), "symbols")
        version = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]
        return tuple(_instrument(row, version) for row in rows)

    return fields.guarded(text, read)


def _instrument(record: JsonObject, version: str) -> Instrument:
    symbol = fields.text(record, "symbol")
    rules = {fields.text(rule, "filterType"): rule for rule in fields.objects(record.get("filters"), "filters")}
    price, lot = rules.get("PRICE_FILTER"), rules.get("LOT_SIZE")
    if price is None or lot is None:
        raise Malformed(f"{symbol} has no PRICE_FILTER or no LOT_SIZE")
    notional = rules.get("NOTIONAL") or rules.get("MIN_NOTIONAL")
    return Instrument(
        symbol=symbol,
        base_asset=fields.text(record, "baseAsset"),
        quote_asset=fields.text(record, "quoteAsset"),
        tick_size=fields.decimal(price, "tickSize"),
        lot_size=fields.decimal(lot, "stepSize"),
        min_quantity=fields.decimal(lot, "minQty"),
        max_quantity=fields.decimal(lot, "maxQty"),
        min_notional=fields.decimal(notional, "minNotional") if notional else Decimal(0),
        is_trading=fields.text(record, "status") == "TRADING",
        status=fields.text(record, "status"),
        version=version,
    )


def levels(value: object, what: str) -> tuple[Level, ...]:
    """`[["0.0024","10"], …]`, best first."""
    made = []
    for row in fields.as_list(value, what):
        pair = fields.as_list(row, f"{what}[]")
        if len(pair) < 2:
            raise Malformed(f"{what}[] has no price and quantity")
        made.append(Level(price=fields.as_decimal(pair[0], "price"), quantity=fields.as_decimal(pair[1], "quantity")))
    return tuple(made)


def book(record: JsonObject, venue: str, symbol: str, received: Received) -> Book:
    """A snapshot of several levels; the venue gives no time with it. Raises Malformed."""
    return Book(
        venue=venue,
        symbol=symbol,
        event_time_ns=received.at_ns,
        received_at_ns=received.at_ns,
        received_monotonic_ns=received.monotonic_ns,
        event_time_is_receipt=True,
        bids=levels(record.get("bids"), "bids"),
        asks=levels(record.get("asks"), "asks"),
        update_id=fields.integer(record, "lastUpdateId"),
    )


def depth(text: str, venue: str, symbol: str, received: Received) -> Book | ProtocolError:
    return fields.guarded(text, lambda: book(fields.as_object(fields.parse(text), "depth"), venue, symbol, received))
