"""The price of a symbol at KIS, for the rules by which it may be traded. A request, and a reader that never raises.

The venue has no list of trading rules. This answer states the tick at the present price, whether the symbol is halted,
its price limits of the day and its sector; what grows with the price (ticks) is KRX's own and not the venue's.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from bulkhead.venues import krx
from bulkhead.venues.wire import fields
from bulkhead.venues.wire.facts import Answered, ProtocolError, WireRequest
from bulkhead.venues.wire.fields import JsonObject, Malformed
from bulkhead.venues.wire.kis_fields import optional_text, symbol, without_long_runs
from bulkhead.venues.wire.kis_terms import ONE_REQUEST, PRICE, Caller
from messages.instruments import Instrument

PATH = "/uapi/domestic-stock/v1/quotations/inquire-price"
_KRX_MARKET = "J"
_HALTED = "58"
"""iscd_stat_cls_code; the others (51 under watch, 52 to 54 warned of, 57 full margin, 59 overheated) do trade."""
_ONE = Decimal(1)
_MOST = Decimal(1_000_000_000)
"""Shares in one order, where the answer does not say how many are listed: more than any company has sold in a day."""


@dataclass(frozen=True, slots=True)
class Priced:
    """Prices in won."""

    symbol: str
    price: Decimal
    tick: Decimal
    base: Decimal
    """Yesterday's close, but for rights; the limits are a part of it."""
    lower: Decimal
    upper: Decimal
    listed: Decimal
    """Shares; zero where the venue does not say."""
    status: str
    is_halted: bool
    sector: str
    is_etf: bool


def price(caller: Caller, code: str) -> WireRequest:
    """GET inquire-price of one symbol."""
    query = urlencode({"FID_COND_MRKT_DIV_CODE": _KRX_MARKET, "FID_INPUT_ISCD": code})
    return WireRequest("GET", PATH, query, caller.headers(PRICE), ONE_REQUEST)


def price_answer(answer: Answered, code: str) -> Priced | ProtocolError:
    """Of the symbol that was asked for. That an unknown one is answered with a price of zero, or refused, is an
    assumption."""

    def read() -> Priced:
        body = fields.as_object(fields.parse(answer.text), "answer")
        if fields.text(body, "rt_cd") != "0":
            raise Malformed(f"rt_cd is not 0 (msg_cd {optional_text(body, 'msg_cd')})")
        return _priced(fields.as_object(body.get("output"), "output"), code)

    return fields.guarded(without_long_runs(answer.text), read)


def _priced(row: JsonObject, code: str) -> Priced:
    named = symbol(row, "stck_shrn_iscd") if optional_text(row, "stck_shrn_iscd") else code
    if named != code:
        raise Malformed(f"asked for {code}, it answers {named}")
    now, tick = fields.decimal(row, "stck_prpr"), fields.decimal(row, "aspr_unit")
    if not now or not tick:
        raise Malformed(f"there is no {code}, or it has no price: {now:f} won, tick {tick:f}")
    lower, upper = fields.decimal(row, "stck_llam"), fields.decimal(row, "stck_mxpr")
    if not lower <= now <= upper:
        raise Malformed(f"{code} is at {now:f} won, and its limits are {lower:f} to {upper:f}")
    sector, market = optional_text(row, "bstp_kor_isnm"), optional_text(row, "rprs_mrkt_kor_name")
    return Priced(
        symbol=code,
        price=now,
        tick=tick,
        base=fields.decimal(row, "stck_sdpr"),
        lower=lower,
        upper=upper,
        listed=fields.decimal(row, "lstn_stcn") if "lstn_stcn" in row else Decimal(0),
        status=optional_text(row, "iscd_stat_cls_code"),
        is_halted=optional_text(row, "iscd_stat_cls_code") == _HALTED or optional_text(row, "temp_stop_yn") == "Y",
        sector=sector,
        is_etf=_is_etf(now, tick, f"{sector} {market}"),
    )


def _is_etf(now: Decimal, tick: Decimal, named: str) -> bool:
    """By the tick where shares have another one, else by name; that a fund is called one in its sector or market is an
    assumption. Where neither tells, it has the ticks of shares: each of their prices is one of a fund's, too."""
    of_share, of_fund = krx.tick_at(now), krx.tick_at(now, is_etf=True)
    if tick not in (of_share, of_fund):
        raise Malformed(f"a tick of {tick:f} at {now:f} won is none of KRX's ({of_share:f}, of funds {of_fund:f})")
    if of_share != of_fund:
        return tick == of_fund
    return "ETF" in named or "ETN" in named


def instruments(rows: Sequence[Priced]) -> tuple[Instrument, ...]:
    """The rules of all of them as one list; its version changes with the rules, and not with the prices."""
    rules = [(row.symbol, row.is_etf, row.listed, row.status, row.is_halted, row.sector) for row in rows]
    version = hashlib.sha256(repr((krx.TICK_BANDS, krx.ETF_TICK_BANDS, rules)).encode()).hexdigest()[:16]
    return tuple(_instrument(row, version) for row in rows)


def _instrument(row: Priced, version: str) -> Instrument:
    bands = krx.ETF_TICK_BANDS if row.is_etf else krx.TICK_BANDS
    return Instrument(
        symbol=row.symbol,
        base_asset=row.symbol,
        quote_asset="KRW",
        tick_size=bands[0].tick_size,
        tick_bands=bands,
        lot_size=_ONE,
        min_quantity=_ONE,
        max_quantity=row.listed or _MOST,
        min_notional=Decimal(0),
        is_trading=not row.is_halted,
        status=row.status,
        sector=row.sector,
        version=version,
    )
