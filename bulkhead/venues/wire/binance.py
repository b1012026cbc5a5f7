"""Binance Spot on the wire: the entry to its codec. Sans-I/O; nothing in it raises on the peer's input.

limits     what it counts, and lets us have of it          headers, exchangeInfo -> counts, RateLimit
requests   what we ask: signing, paths, parameters        -> WireRequest, or text for a WebSocket
outcomes   what an answer proves about an order           HttpFact -> Verdict, by a table
replies    what the REST answers say                      text -> messages and values, or ProtocolError
quotes     bid and ask on demand                          request; text -> Quote
streams    what the WebSockets say                        text -> messages, Reply, Ignored, ProtocolError

from bulkhead.venues.wire import binance
binance.requests.submit(signer, ticket, stamp) -> WireRequest
binance.replies.submit_outcome(ticket, fact)   -> evidence
"""

from bulkhead.venues.wire import binance_limits as limits
from bulkhead.venues.wire import binance_outcomes as outcomes
from bulkhead.venues.wire import binance_quotes as quotes
from bulkhead.venues.wire import binance_replies as replies
from bulkhead.venues.wire import binance_requests as requests
from bulkhead.venues.wire import binance_streams as streams

__all__ = ["limits", "outcomes", "quotes", "replies", "requests", "streams"]
