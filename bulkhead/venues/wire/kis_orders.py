"""Orders at KIS: cash orders, amending and cancelling. Requests, and what the answers prove.

There is no client order id. An answer means that the order was sent on, with its number; the exchange may refuse it
later. Amending and cancelling are orders themselves: their answer has a new number, and names no outcome.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.facts import (
    Answered,
    Family,
    HttpFact,
    NotSupported,
    ProtocolError,
    Verdict,
    WireRequest,
    clipped,
)
from bulkhead.venues.wire.kis_fields import OrderNumber, branch, kst_date, nearest_ns, order_digits, without_long_runs
from bulkhead.venues.wire.kis_outcomes import judge
from bulkhead.venues.wire.kis_terms import CHANGE, DIVISIONS, ONE_REQUEST, ORDER_SIDES, Caller, Exchange, Host, TrId
from messages.orders import (
    CancelOrder,
    CancelOutcomeUnknown,
    CancelRejected,
    OrderAccepted,
    OrderEvidence,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderTicket,
)
from messages.values import IntentType, Side

ORDER_PATH = "/uapi/domestic-stock/v1/trading/order-cash"
CHANGE_PATH = "/uapi/domestic-stock/v1/trading/order-rvsecncl"

_SYMBOL = re.compile(r"[0-9][0-9A-Z]{5}|Q[0-9A-Z]{6}")  # seven places: an ETN
_MARKET_PRICE = "0"
_AMEND, _CANCEL = "01", "02"


# -- requests ---------------------------------------------------------------------------------------------------------


def side_of(intent: IntentType) -> Side:
    """The mapping of the source document: an entry is a cash buy, every exit a cash sell. Nothing is sold short."""
    return Side.BUY if intent.is_entry else Side.SELL


def division_of(ticket: OrderTicket) -> str:
    """ORD_DVSN. Raises NotSupported."""
    division = DIVISIONS.get((ticket.order_type, ticket.time_in_force))
    if division is None:
        raise NotSupported(f"this venue has no limit order {ticket.time_in_force}; use DAY, IOC or FOK")
    return division


def submit(caller: Caller, ticket: OrderTicket, exchange: Exchange = Exchange.KRX) -> WireRequest:
    """POST order-cash. The side is in the TR id and nowhere else. Raises NotSupported."""
    if ticket.side is not side_of(ticket.intent_type):
        raise NotSupported(f"a cash account cannot {ticket.side} for {ticket.intent_type}: nothing is sold short")
    if _SYMBOL.fullmatch(ticket.symbol) is None:
        raise NotSupported(f"{ticket.symbol} is no KRX code: a digit and five more places, or Q and six")
    body = {
        **caller.account.params,
        "PDNO": ticket.symbol,
        "ORD_DVSN": division_of(ticket),
        "ORD_QTY": _whole(ticket.quantity, "a quantity"),
        "ORD_UNPR": _MARKET_PRICE if ticket.limit_price is None else _whole(ticket.limit_price, "a price in won"),
        "EXCG_ID_DVSN_CD": _exchange(caller, exchange),
    }
    return _post(caller, ORDER_PATH, ORDER_SIDES[ticket.side], body)


@dataclass(frozen=True, slots=True)
class Placed:
    """What of a living order the venue wants to hear again, to change it."""

    number: OrderNumber
    division: str
    exchange: Exchange = Exchange.KRX


def cancel(caller: Caller, order: Placed) -> WireRequest:
    """All that is left of it. The answer has a number of its own, which is not the order's."""
    return _change(caller, order, _CANCEL, None, None)


def amend(caller: Caller, order: Placed, price: Decimal, quantity: Decimal | None = None) -> WireRequest:
    """A new price for all that is left, or for some of it. What is amended goes on under a NEW number, that of the
    answer. Raises NotSupported."""
    return _change(caller, order, _AMEND, price, quantity)


def _change(caller: Caller, order: Placed, what: str, price: Decimal | None, quantity: Decimal | None) -> WireRequest:
    body = {
        **caller.account.params,
        "KRX_FWDG_ORD_ORGNO": order.number.branch,
        "ORGN_ODNO": order.number.number,
        "ORD_DVSN": order.division,
        "RVSE_CNCL_DVSN_CD": what,
        "ORD_QTY": "0" if quantity is None else _whole(quantity, "a quantity"),
        "ORD_UNPR": _MARKET_PRICE if price is None else _whole(price, "a price in won"),
        "QTY_ALL_ORD_YN": "Y" if quantity is None else "N",
        "EXCG_ID_DVSN_CD": _exchange(caller, order.exchange),
    }
    return _post(caller, CHANGE_PATH, CHANGE, body)


def _post(caller: Caller, path: str, tr_id: TrId, body: dict[str, str]) -> WireRequest:
    return WireRequest(
        "POST", path, headers=caller.headers(tr_id), costs=ONE_REQUEST, body=fields.render(dict(body.items()))
    )


def _exchange(caller: Caller, exchange: Exchange) -> str:
    if caller.host is Host.PAPER and exchange is not Exchange.KRX:
        raise NotSupported(f"the paper host trades at KRX only, not at {exchange}")
    return exchange.value


def _whole(value: Decimal, what: str) -> str:
    if value <= 0 or value != value.to_integral_value():
        raise NotSupported(f"{what} is a whole number above zero here, not {value:f}")
    return format(value.to_integral_value(), "f")


# -- answers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """The venue sent it on to the exchange, under this number."""

    number: OrderNumber
    at_ns: int
    """Of the venue, to the second."""
    raw: str


def sent(fact: HttpFact, now_ns: int) -> Sent | Verdict:
    """Of order-cash and order-rvsecncl. The answer has a time without a date: that is taken from `now_ns`, the trading
    clock. A success that cannot be read is UNKNOWN: the venue has the order, and nobody knows its number."""
    verdict = judge(fact)
    if verdict.family is not Family.ACCEPTED or not isinstance(fact, Answered):
        return verdict
    text = fact.text
    read = fields.guarded(without_long_runs(text), lambda: _sent(text, now_ns))
    if isinstance(read, ProtocolError):
        reason = f"the answer cannot be read: {read.reason}"
        return Verdict(Family.UNKNOWN, verdict.code, reason, raw=read.raw)
    return read


def _sent(text: str, now_ns: int) -> Sent:
    body = fields.as_object(fields.parse(text), "answer")
    output = fields.as_object(body.get("output"), "output")
    at_ns = nearest_ns(fields.text(output, "ORD_TMD"), now_ns)
    number = OrderNumber(
        kst_date(at_ns), branch(output, "KRX_FWDG_ORD_ORGNO"), order_digits(fields.text(output, "ODNO"), "ODNO")
    )
    return Sent(number, at_ns, clipped(without_long_runs(text)))


def submit_outcome(ticket: OrderTicket, fact: HttpFact, now_ns: int) -> tuple[OrderEvidence, ...]:
    """Exactly one of accepted, rejected, not sent, unknown. Executions are told by nobody here: they come from the
    growth of the cumulative quantity in the lists."""
    outcome = sent(fact, now_ns)
    cid, symbol = ticket.client_order_id, ticket.symbol
    if isinstance(outcome, Sent):
        return (
            OrderAccepted(
                client_order_id=cid,
                symbol=symbol,
                venue_order_id=str(outcome.number),
                venue_time_ns=outcome.at_ns,
                raw=outcome.raw,
            ),
        )
    code, reason, raw = outcome.code, outcome.reason, outcome.raw
    if outcome.family is Family.NOT_SENT:
        after_s = outcome.retry_after_s
        return (
            OrderNotSent(client_order_id=cid, symbol=symbol, code=code, reason=reason, retry_after_s=after_s, raw=raw),
        )
    if outcome.family is Family.REJECTED:
        return (OrderRejected(client_order_id=cid, symbol=symbol, code=code, reason=reason, raw=raw),)
    return (OrderOutcomeUnknown(client_order_id=cid, symbol=symbol, reason=f"{code}: {reason}", raw=raw),)


def cancel_outcome(command: CancelOrder, fact: HttpFact, now_ns: int) -> Sent | CancelRejected | CancelOutcomeUnknown:
    """Sent means that the cancel is on its way: that the order ended, a notice or the lists must tell."""
    outcome = sent(fact, now_ns)
    if isinstance(outcome, Sent):
        return outcome
    cid, symbol, raw = command.client_order_id, command.symbol, outcome.raw
    if outcome.family in (Family.NOT_SENT, Family.REJECTED):
        return CancelRejected(client_order_id=cid, symbol=symbol, code=outcome.code, reason=outcome.reason, raw=raw)
    reason = f"{outcome.code}: {outcome.reason}"
    return CancelOutcomeUnknown(client_order_id=cid, symbol=symbol, reason=reason, raw=raw)
