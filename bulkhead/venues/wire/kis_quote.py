"""Best bid and ask on demand, at KIS: inquire-asking-price-exp-ccn. A request, and a reader that never raises.

One symbol a request. The answer carries ten levels of each side, of which the first is read, and the time of the last
change to the book (`aspr_acpt_hour`, without a date). Path, TR id and names: the official open-trading-api sample
`inquire_asking_price_exp_ccn`. The time is not taken for the quote's: a book that nobody has changed for a minute is as
good as a new one, and what counts is when it was looked at.
"""

from urllib.parse import urlencode

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.facts import Answered, ProtocolError, Received, WireRequest
from bulkhead.venues.wire.fields import Malformed
from bulkhead.venues.wire.kis_fields import nearest_ns, optional_text, symbol, without_long_runs
from bulkhead.venues.wire.kis_terms import ASKING_PRICE, ONE_REQUEST, Caller
from messages.market import Quote
from messages.market_health import DataSource

PATH = "/uapi/domestic-stock/v1/quotations/inquire-asking-price-exp-ccn"
_KRX_MARKET = "J"


def ask(caller: Caller, code: str) -> WireRequest:
    """GET inquire-asking-price-exp-ccn of one symbol."""
    query = urlencode({"FID_COND_MRKT_DIV_CODE": _KRX_MARKET, "FID_INPUT_ISCD": code})
    return WireRequest("GET", PATH, query, caller.headers(ASKING_PRICE), ONE_REQUEST)


def read(answer: Answered, code: str, venue: str, source: DataSource, received: Received) -> Quote | ProtocolError:
    """Of the symbol that was asked for. That neither side of an unknown one has a price is an assumption."""

    def decode() -> Quote:
        body = fields.as_object(fields.parse(answer.text), "answer")
        if fields.text(body, "rt_cd") != "0":
            raise Malformed(f"rt_cd is not 0 (msg_cd {optional_text(body, 'msg_cd')})")
        row = fields.as_object(body.get("output1"), "output1")
        about = body.get("output2")
        if isinstance(about, dict) and optional_text(about, "stck_shrn_iscd"):
            named = symbol(about, "stck_shrn_iscd")
            if named != code:
                raise Malformed(f"asked for {code}, it answers {named}")
        nearest_ns(fields.text(row, "aspr_acpt_hour"), received.at_ns)  # that it is a book of the venue's at all
        bid, ask_price = fields.decimal(row, "bidp1") or None, fields.decimal(row, "askp1") or None
        if bid is None and ask_price is None:
            raise Malformed(f"there is no {code}, or nobody bids for it or offers it")
        return Quote(
            venue=venue,
            symbol=code,
            event_time_ns=received.at_ns,
            received_at_ns=received.at_ns,
            received_monotonic_ns=received.monotonic_ns,
            event_time_is_receipt=True,
            bid=bid,
            bid_quantity=fields.decimal(row, "bidp_rsqn1") if bid else None,
            ask=ask_price,
            ask_quantity=fields.decimal(row, "askp_rsqn1") if ask_price else None,
            source=source,
        )

    return fields.guarded(without_long_runs(answer.text), decode)
