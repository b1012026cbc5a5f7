"""The shares of the simulated Korean market: names as KIS has them, opening prices in won."""

from dataclasses import dataclass
from decimal import Decimal

from bulkhead.venues.simulator.instruments import MarketRules

_WON_PER_DOLLAR = 1_400
_DEAREST_WON, _MOST_SHARES = 10_000_000, 1_000_000_000


@dataclass(frozen=True, slots=True)
class Stock:
    symbol: str
    name: str
    opening_price: Decimal
    agents_tick: Decimal
    """The agents' prices are multiples of it: the tick at the upper price limit, which suits every price below."""
    market: str
    """rprs_mrkt_kor_name."""
    sector: str
    """bstp_kor_isnm."""
    is_etf: bool = False


def _stock(symbol: str, name: str, price: int, tick: int, market: str, sector: str) -> Stock:
    return Stock(symbol, name, Decimal(price), Decimal(tick), market, sector, is_etf=market == "ETF")


_STOCKS = (
    _stock("005930", "삼성전자", 70_000, 100, "KOSPI200", "전기·전자"),
    _stock("000660", "SK하이닉스", 130_000, 100, "KOSPI200", "전기·전자"),
    _stock("035720", "카카오", 36_000, 50, "KOSPI200", "IT 서비스"),
    _stock("069500", "KODEX 200", 35_000, 5, "ETF", "ETF"),
    _stock("005380", "현대차", 250_000, 500, "KOSPI200", "운송장비·부품"),
    _stock("035420", "NAVER", 140_000, 100, "KOSPI200", "IT 서비스"),
    _stock("068270", "셀트리온", 150_000, 100, "KOSPI200", "제약"),
    _stock("247540", "에코프로비엠", 110_000, 100, "KSQ150", "전기·전자"),
    _stock("009150", "삼성전기", 120_000, 100, "KOSPI200", "전기·전자"),
    _stock("034020", "두산에너빌리티", 15_000, 10, "KOSPI200", "기계·장비"),
)
STOCKS = {stock.symbol: stock for stock in _STOCKS}
KIS_SYMBOLS = tuple(STOCKS)


def stock_rules(max_open_orders: int) -> dict[str, MarketRules]:
    """For the matching engine: whole shares, and the agents' tick. An account's orders are held to the exchange's own
    ticks and limits, which depend on the price and the day."""
    return {
        stock.symbol: MarketRules(
            symbol=stock.symbol,
            base=stock.symbol,
            quote="KRW",
            tick_size=stock.agents_tick,
            min_price=Decimal(1),
            max_price=Decimal(_DEAREST_WON),
            step_size=Decimal(1),
            min_quantity=Decimal(1),
            max_quantity=Decimal(_MOST_SHARES),
            max_market_quantity=Decimal(_MOST_SHARES),
            min_notional=Decimal(1),
            max_open_orders=max_open_orders,
            reference_price=stock.opening_price,
            size_scale=_WON_PER_DOLLAR,
        )
        for stock in _STOCKS
    }
