"""Payloads as the venue's own documents print them (binance-spot-api-docs): golden samples and seeds for fuzzing."""

ORDER_FULL = """{"symbol": "BTCUSDT", "orderId": 28, "orderListId": -1, "clientOrderId": "6gCrw2kRUAF9CvJDGP16IP",
 "transactTime": 1507725176595, "price": "0.00000000", "origQty": "10.00000000", "executedQty": "10.00000000",
 "origQuoteOrderQty": "0.000000", "cummulativeQuoteQty": "10.00000000", "status": "FILLED", "timeInForce": "GTC",
 "type": "MARKET", "side": "SELL", "workingTime": 1507725176595, "selfTradePreventionMode": "NONE", "fills": [
 {"price": "4000.00000000", "qty": "1.00000000", "commission": "4.00000000", "commissionAsset": "USDT", "tradeId": 56},
 {"price": "3999.00000000", "qty": "5.00000000", "commission": "19.99500000", "commissionAsset": "USDT", "tradeId": 57},
 {"price": "3998.00000000", "qty": "2.00000000", "commission": "7.99600000", "commissionAsset": "USDT", "tradeId": 58},
 {"price": "3997.00000000", "qty": "1.00000000", "commission": "3.99700000", "commissionAsset": "USDT", "tradeId": 59},
 {"price": "3995.00000000", "qty": "1.00000000", "commission": "3.99500000", "commissionAsset": "USDT", "tradeId": 60}
]}"""

ORDER_ACK = """{"symbol": "BTCUSDT", "orderId": 28, "orderListId": -1, "clientOrderId": "6gCrw2kRUAF9CvJDGP16IP",
 "transactTime": 1507725176595}"""

CANCELLED = """{"symbol": "LTCBTC", "origClientOrderId": "myOrder1", "orderId": 4, "orderListId": -1,
 "clientOrderId": "cancelMyOrder1", "transactTime": 1684804350068, "price": "2.00000000", "origQty": "1.00000000",
 "executedQty": "0.00000000", "origQuoteOrderQty": "0.000000", "cummulativeQuoteQty": "0.00000000",
 "status": "CANCELED", "timeInForce": "GTC", "type": "LIMIT", "side": "BUY", "selfTradePreventionMode": "NONE"}"""

ORDER = """{"symbol": "LTCBTC", "orderId": 1, "orderListId": -1, "clientOrderId": "myOrder1", "price": "0.1",
 "origQty": "1.0", "executedQty": "0.0", "cummulativeQuoteQty": "0.0", "status": "NEW", "timeInForce": "GTC",
 "type": "LIMIT", "side": "BUY", "stopPrice": "0.0", "icebergQty": "0.0", "time": 1499827319559,
 "updateTime": 1499827319559, "isWorking": true, "workingTime": 1499827319559, "origQuoteOrderQty": "0.000000",
 "selfTradePreventionMode": "NONE"}"""

MY_TRADES = """[{"symbol": "BNBBTC", "id": 28457, "orderId": 100234, "orderListId": -1, "price": "4.00000100",
 "qty": "12.00000000", "quoteQty": "48.000012", "commission": "10.10000000", "commissionAsset": "BNB",
 "time": 1499865549590, "isBuyer": true, "isMaker": false, "isBestMatch": true}]"""

ACCOUNT = """{"makerCommission": 15, "takerCommission": 15, "canTrade": true, "updateTime": 123456789,
 "accountType": "SPOT", "balances": [{"asset": "BTC", "free": "4723846.89208129", "locked": "0.00000000"},
 {"asset": "LTC", "free": "4763368.68006011", "locked": "0.00000000"}], "permissions": ["SPOT"], "uid": 354937868}"""

EXCHANGE_INFO = """{"timezone": "UTC", "serverTime": 1565246363776, "rateLimits": [{}], "exchangeFilters": [],
 "symbols": [{"symbol": "ETHBTC", "status": "TRADING", "baseAsset": "ETH", "baseAssetPrecision": 8,
 "quoteAsset": "BTC", "quotePrecision": 8, "quoteAssetPrecision": 8, "orderTypes": ["LIMIT", "MARKET"], "filters": [
 {"filterType": "PRICE_FILTER", "minPrice": "0.00000100", "maxPrice": "100000.00000000", "tickSize": "0.00000100"},
 {"filterType": "LOT_SIZE", "minQty": "0.00100000", "maxQty": "100000.00000000", "stepSize": "0.00100000"},
 {"filterType": "NOTIONAL", "minNotional": "0.00010000", "applyMinToMarket": true, "maxNotional": "9000000.0",
 "applyMaxToMarket": false, "avgPriceMins": 5}], "permissions": []}]}"""

DEPTH = (
    """{"lastUpdateId": 1027024, "bids": [["4.00000000", "431.00000000"]], "asks": [["4.00000200", "12.00000000"]]}"""
)

TIME = """{"serverTime": 1499827319559}"""

ERROR = """{"code": -1121, "msg": "Invalid symbol."}"""

EXECUTION_REPORT = """{"subscriptionId": 0, "event": {"e": "executionReport", "E": 1499405658658, "s": "ETHBTC",
 "c": "mUvoqJxFIILMdfAW5iGSOW", "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "1.00000000", "p": "0.10264410",
 "P": "0.00000000", "F": "0.00000000", "g": -1, "C": "", "x": "NEW", "X": "NEW", "r": "NONE", "i": 4293153,
 "l": "0.00000000", "z": "0.00000000", "L": "0.00000000", "n": "0", "N": null, "T": 1499405658657, "t": -1, "v": 3,
 "I": 8641984, "w": true, "m": false, "M": false, "O": 1499405658657, "Z": "0.00000000", "Y": "0.00000000",
 "Q": "0.00000000", "W": 1499405658657, "V": "NONE"}}"""

ACCOUNT_POSITION = """{"subscriptionId": 0, "event": {"e": "outboundAccountPosition", "E": 1564034571105,
 "u": 1564034571073, "B": [{"a": "ETH", "f": "10000.000000", "l": "0.000000"}]}}"""

STREAM_TERMINATED = """{"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 1728973001334}}"""

SUBSCRIBED = """{"id": "d3df8a22", "status": 200, "result": {"subscriptionId": 0}}"""

NOT_SUBSCRIBED = """{"id": "d3df8a22", "status": 401, "error": {"code": -2015, "msg": "Invalid API-key, IP, or
 permissions for action."}}""".replace("\n", "")

TRADE = """{"e": "trade", "E": 1672515782136, "s": "BNBBTC", "t": 12345, "p": "0.001", "q": "100",
 "T": 1672515782136, "m": true, "M": true}"""

COMBINED_TRADE = f'{{"stream": "bnbbtc@trade", "data": {TRADE}}}'

BOOK_TICKER = """{"u": 400900217, "s": "BNBUSDT", "b": "25.35190000", "B": "31.21000000", "a": "25.36520000",
 "A": "40.66000000"}"""

PARTIAL_DEPTH = f'{{"stream": "bnbbtc@depth5", "data": {DEPTH}}}'

DIFF_DEPTH = """{"e": "depthUpdate", "E": 1672515782136, "s": "BNBBTC", "U": 157, "u": 160,
 "b": [["0.0024", "10"]], "a": [["0.0026", "100"]]}"""

SERVER_SHUTDOWN = """{"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1770123456789}}"""

STREAM_REPLY = """{"result": null, "id": 1}"""

BOOK_TICKERS = (  # rest-api.md, "Symbol order book ticker"
    '[{"symbol":"LTCBTC","bidPrice":"4.00000000","bidQty":"431.00000000","askPrice":"4.00000200","askQty":"9.00000000"}'
    ',{"symbol":"ETHBTC","bidPrice":"0.07946700","bidQty":"9.00000000","askPrice":"100000.00000000",'
    '"askQty":"1000.00000000"}]'
)

REST = (
    ORDER_FULL,
    ORDER_ACK,
    CANCELLED,
    ORDER,
    f"[{ORDER}]",
    MY_TRADES,
    ACCOUNT,
    EXCHANGE_INFO,
    DEPTH,
    TIME,
    ERROR,
    BOOK_TICKERS,
)
STREAMS = (
    EXECUTION_REPORT,
    ACCOUNT_POSITION,
    STREAM_TERMINATED,
    SUBSCRIBED,
    NOT_SUBSCRIBED,
    COMBINED_TRADE,
    TRADE,
    BOOK_TICKER,
    PARTIAL_DEPTH,
    DIFF_DEPTH,
    SERVER_SHUTDOWN,
    STREAM_REPLY,
)
