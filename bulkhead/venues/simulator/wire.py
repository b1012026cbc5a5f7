"""Binance Spot's JSON, written from the venue's side: what each answer and event looks like on the wire.

Encoding only, and shared with nobody: the adapter's codec reads these bytes with code of its own, so that each tests
the other. Numbers are strings of eight decimals, times Unix ms. The two hot events (`trade`, `bookTicker`) are
formatted by hand, because json.dumps costs more than all the rest of a tick.
"""

import json
from collections.abc import Iterable
from decimal import Decimal

from bulkhead.venues.simulator.accounts import ZERO, Account
from bulkhead.venues.simulator.instruments import DECIMALS, MarketRules
from bulkhead.venues.simulator.orderbook import Book, Depth, Top
from bulkhead.venues.simulator.orders import CANCELED, FILLED, NEW, TRADE, Fill, Order, PublicTrade, Report
from bulkhead.venues.simulator.settings import Limits

Json = dict[str, object]
_ZERO = "0.00000000"


def dumps(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def text(value: Decimal) -> str:
    return format(value, ".8f")


# -- public market data -----------------------------------------------------------------------------------------------


def trade_event(trade: PublicTrade) -> str:
    is_maker = "true" if trade.is_buyer_maker else "false"
    return (
        f'{{"e":"trade","E":{trade.time_ms},"s":"{trade.symbol}","t":{trade.trade_id},"p":"{trade.price:.8f}",'
        f'"q":"{trade.quantity:.8f}","T":{trade.time_ms},"m":{is_maker},"M":true}}'
    )


def book_ticker(symbol: str, update_id: int, top: Top) -> str:
    """A side without a quote is shown with price and quantity zero."""
    bid, bid_quantity, ask, ask_quantity = top
    return (
        f'{{"u":{update_id},"s":"{symbol}","b":"{ZERO if bid is None else bid:.8f}","B":"{bid_quantity:.8f}",'
        f'"a":"{ZERO if ask is None else ask:.8f}","A":"{ask_quantity:.8f}"}}'
    )


def ticker(book: Book) -> Json:
    """The same over REST, where it has no number."""
    bid, bid_quantity, ask, ask_quantity = book.top()
    return {
        "symbol": book.rules.symbol,
        "bidPrice": text(bid or ZERO),
        "bidQty": text(bid_quantity),
        "askPrice": text(ask or ZERO),
        "askQty": text(ask_quantity),
    }


def depth_update(symbol: str, time_ms: int, first_id: int, last_id: int, bids: Depth, asks: Depth) -> str:
    event = {
        "e": "depthUpdate",
        "E": time_ms,
        "s": symbol,
        "U": first_id,
        "u": last_id,
        "b": levels(bids),
        "a": levels(asks),
    }
    return dumps(event)


def depth(book: Book, limit: int) -> Json:
    bids, asks = book.depth(limit)
    return {"lastUpdateId": book.update_id, "bids": levels(bids), "asks": levels(asks)}


def levels(found: Depth) -> list[list[str]]:
    return [[text(price), text(quantity)] for price, quantity in found]


def recent_trade(trade: PublicTrade) -> Json:
    return {
        "id": trade.trade_id,
        "price": text(trade.price),
        "qty": text(trade.quantity),
        "quoteQty": text(trade.price * trade.quantity),
        "time": trade.time_ms,
        "isBuyerMaker": trade.is_buyer_maker,
        "isBestMatch": True,
    }


def exchange_info(time_ms: int, markets: Iterable[MarketRules], limits: Limits) -> Json:
    return {
        "timezone": "UTC",
        "serverTime": time_ms,
        "rateLimits": rate_limits(limits),
        "exchangeFilters": [],
        "symbols": [_symbol(rules) for rules in markets],
        "sors": [],
    }


def rate_limits(limits: Limits) -> list[Json]:
    return [
        _rate_limit("REQUEST_WEIGHT", "MINUTE", 1, limits.request_weight_per_minute),
        _rate_limit("ORDERS", "SECOND", 10, limits.orders_per_10s),
        _rate_limit("ORDERS", "DAY", 1, limits.orders_per_day),
        _rate_limit("CONNECTIONS", "MINUTE", 5, limits.connections),
    ]


def _rate_limit(kind: str, interval: str, number: int, limit: int) -> Json:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


def _symbol(rules: MarketRules) -> Json:
    return {
        "symbol": rules.symbol,
        "status": "TRADING",
        "baseAsset": rules.base,
        "baseAssetPrecision": DECIMALS,
        "quoteAsset": rules.quote,
        "quotePrecision": DECIMALS,
        "quoteAssetPrecision": DECIMALS,
        "baseCommissionPrecision": DECIMALS,
        "quoteCommissionPrecision": DECIMALS,
        "orderTypes": ["LIMIT", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": False,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(rules),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def _filters(rules: MarketRules) -> list[Json]:
    step, least = text(rules.step_size), text(rules.min_quantity)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": text(rules.min_price),
            "maxPrice": text(rules.max_price),
            "tickSize": text(rules.tick_size),
        },
        {"filterType": "LOT_SIZE", "minQty": least, "maxQty": text(rules.max_quantity), "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", "minQty": least, "maxQty": text(rules.max_market_quantity), "stepSize": step},
        {
            "filterType": "NOTIONAL",
            "minNotional": text(rules.min_notional),
            "applyMinToMarket": True,
            "maxNotional": text(rules.max_price * rules.max_quantity),
            "applyMaxToMarket": False,
            "avgPriceMins": 0,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.max_open_orders},
    ]


# -- orders and accounts ----------------------------------------------------------------------------------------------


def order_ack(order: Order) -> Json:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "transactTime": order.updated_ms,
    }


def order_result(order: Order) -> Json:
    return {**order_ack(order), **_terms(order), "workingTime": order.created_ms, "selfTradePreventionMode": "NONE"}


def order_full(order: Order, fills: Iterable[Fill]) -> Json:
    answer = order_result(order)
    answer["fills"] = [
        {
            "price": text(fill.price),
            "qty": text(fill.quantity),
            "commission": text(fill.commission),
            "commissionAsset": fill.commission_asset,
            "tradeId": fill.trade_id,
        }
        for fill in fills
    ]
    return answer


def cancelled(order: Order, cancel_id: str) -> Json:
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": cancel_id,
        "transactTime": order.updated_ms,
        **_terms(order),
        "selfTradePreventionMode": "NONE",
    }


def contradicted(answer: Json) -> Json:
    """An answer about one order as a faulty venue would give it: its status is one that its quantities exclude."""
    return {**answer, "status": NEW if answer["status"] == FILLED else FILLED}


def _terms(order: Order) -> Json:
    return {
        "price": text(order.price),
        "origQty": text(order.quantity),
        "executedQty": text(order.filled),
        "origQuoteOrderQty": _ZERO,
        "cummulativeQuoteQty": text(order.quote_filled),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }


def order_query(order: Order) -> Json:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        **_terms(order),
        "stopPrice": _ZERO,
        "icebergQty": _ZERO,
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": True,
        "workingTime": order.created_ms,
        "selfTradePreventionMode": "NONE",
    }


def my_trade(fill: Fill) -> Json:
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": -1,
        "price": text(fill.price),
        "qty": text(fill.quantity),
        "quoteQty": text(fill.amount),
        "commission": text(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": fill.time_ms,
        "isBuyer": fill.is_buyer,
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }


def account_information(account: Account, commission_bps: Decimal, omit_zero: bool) -> Json:
    bps, rate = int(commission_bps), text(commission_bps / 10_000)
    return {
        "makerCommission": bps,
        "takerCommission": bps,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": rate, "taker": rate, "buyer": _ZERO, "seller": _ZERO},
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": account.updated_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": text(balance.free), "locked": text(balance.locked)}
            for asset, balance in sorted(account.balances.items())
            if not omit_zero or balance.free or balance.locked
        ],
        "permissions": ["SPOT"],
        "uid": 1,
    }


# -- user data stream -------------------------------------------------------------------------------------------------


def execution_report(report: Report, event_ms: int) -> Json:
    """One change of an order. For a cancel, `c` is the cancel's own id and `C` the order's."""
    order, fill = report.order, report.fill
    is_cancel = report.execution_type == CANCELED
    return {
        "e": "executionReport",
        "E": event_ms,
        "s": order.symbol,
        "c": report.cancel_id if is_cancel else order.client_order_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": text(order.quantity),
        "p": text(order.price),
        "P": _ZERO,
        "F": _ZERO,
        "g": -1,
        "C": order.client_order_id if is_cancel else "",
        "x": report.execution_type,
        "X": report.status,
        "r": "NONE",
        "i": order.order_id,
        "l": _ZERO if fill is None else text(fill.quantity),
        "z": text(order.quantity - report.leaves),
        "L": _ZERO if fill is None else text(fill.price),
        "n": "0" if fill is None else text(fill.commission),
        "N": None if fill is None else fill.commission_asset,
        "T": report.time_ms,
        "t": -1 if fill is None else fill.trade_id,
        "v": 3,
        "I": report.execution_id,
        "w": report.is_on_book,
        "m": fill is not None and fill.is_maker,
        "M": report.execution_type == TRADE,
        "O": order.created_ms,
        "Z": text(report.quote_filled),
        "Y": _ZERO if fill is None else text(fill.amount),
        "Q": _ZERO,
        "W": order.created_ms,
        "V": "NONE",
    }


def account_position(account: Account, assets: Iterable[str], event_ms: int) -> Json:
    return {
        "e": "outboundAccountPosition",
        "E": event_ms,
        "u": event_ms,
        "B": [
            {"a": asset, "f": text(account.balance(asset).free), "l": text(account.balance(asset).locked)}
            for asset in sorted(assets)
        ],
    }
