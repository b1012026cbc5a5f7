"""KIS (Korea Investment & Securities) on the wire: the entry to its codec. Sans-I/O; never raises on the peer's input.

terms     hosts, TR ids, divisions, limits, who we are    data
outcomes  what an answer proves about an order            HttpFact -> Verdict, by a table
auth      token, approval key, hashkey                    requests, and their answers
orders    cash orders, amending, cancelling               OrderTicket -> WireRequest; HttpFact -> evidence
account   orders and fills, holdings, cash                requests, and their pages
price     the price of a symbol, and its rules           request; Answered -> Priced -> Instrument
quote     bid and ask of a symbol, on demand              request; Answered -> Quote
streams   the WebSocket: subscriptions, pings, frames     text -> Ack, Ping, Frame, ProtocolError
market    H0STCNT0, H0STASP0                              Frame -> Print, Book
notices   H0STCNI0/9, encrypted                           Frame -> OrderNotice

What no source confirms is said where it is assumed: that windows of limits slide (terms), that a row's quantities add
up and none rests longer than its day (listed), that a page without tr_cont and without a key is the last (account),
what BRNC_NO is (notices), how an unknown symbol is answered (price, quote) and a fund named (price).

from bulkhead.venues.wire import kis
kis.orders.submit(caller, ticket)               -> WireRequest
kis.orders.submit_outcome(ticket, fact, now_ns) -> evidence
"""

from bulkhead.venues.wire import kis_account as account
from bulkhead.venues.wire import kis_auth as auth
from bulkhead.venues.wire import kis_market as market
from bulkhead.venues.wire import kis_notices as notices
from bulkhead.venues.wire import kis_orders as orders
from bulkhead.venues.wire import kis_outcomes as outcomes
from bulkhead.venues.wire import kis_price as price
from bulkhead.venues.wire import kis_quote as quote
from bulkhead.venues.wire import kis_streams as streams
from bulkhead.venues.wire import kis_terms as terms

__all__ = ["account", "auth", "market", "notices", "orders", "outcomes", "price", "quote", "streams", "terms"]
