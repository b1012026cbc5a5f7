"""Best bid and ask on demand, at Binance Spot: GET /api/v3/ticker/bookTicker. A request, and a reader that never
raises.

Source: binance-spot-api-docs rest-api.md, "Symbol order book ticker": weight 2 for one symbol, 4 for several; it needs
no key, and one that is sent along is only counted to its owner.
"""

import json
from collections.abc import Iterable
from urllib.parse import quote, urlencode

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.binance_limits import weighing
from bulkhead.venues.wire.binance_requests import Signer
from bulkhead.venues.wire.facts import ProtocolError, Received, WireRequest
from bulkhead.venues.wire.fields import JsonObject, Malformed
from messages.market import Quote
from messages.market_health import DataSource

PATH = "/api/v3/ticker/bookTicker"


def ask(symbols: Iterable[str], signer: Signer | None = None) -> WireRequest:
    """Of these symbols, in one request. With `signer` the key travels along, unsigned."""
    names = list(symbols)
    query = urlencode({"symbols": json.dumps(names, separators=(",", ":"))}, quote_via=quote)
    headers = {} if signer is None else signer.headers
    return WireRequest("GET", PATH, query, headers, weighing(2 if len(names) == 1 else 4))


def read(text: str, venue: str, source: DataSource, received: Received) -> tuple[Quote, ...] | ProtocolError:
    """Each symbol that is named in the answer. The venue gives no time, so ours stands in."""

    def decode() -> tuple[Quote, ...]:
        rows = fields.objects(fields.parse(text), "answer")
        found = tuple(_quote(row, venue, source, received) for row in rows)
        if len({each.symbol for each in found}) < len(found):
            raise Malformed("a symbol comes twice")
        return found

    return fields.guarded(text, decode)


def _quote(row: JsonObject, venue: str, source: DataSource, received: Received) -> Quote:
    # An empty side of the book comes as a price of zero.
    bid, ask_price = fields.decimal(row, "bidPrice") or None, fields.decimal(row, "askPrice") or None
    return Quote(
        venue=venue,
        symbol=fields.text(row, "symbol"),
        event_time_ns=received.at_ns,
        received_at_ns=received.at_ns,
        received_monotonic_ns=received.monotonic_ns,
        event_time_is_receipt=True,
        bid=bid,
        bid_quantity=fields.decimal(row, "bidQty") if bid else None,
        ask=ask_price,
        ask_quantity=fields.decimal(row, "askQty") if ask_price else None,
        source=source,
    )
