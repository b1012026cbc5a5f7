"""Readers of KIS's market streams: H0STCNT0 (trades) and H0STASP0 (a book of ten levels). Never raises.

Neither has a sequence number. That a trade is missing shows only in the day's accumulated volume, which is handed on
beside each trade. Layouts grow at their end: 46 fields, 47 since 2026-09-14; 59 fields, 60 since then.
"""

from dataclasses import dataclass
from decimal import Decimal

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.facts import Ignored, ProtocolError, Received
from bulkhead.venues.wire.fields import JsonObject, Malformed
from bulkhead.venues.wire.kis_fields import kst_ns, nearest_ns, symbol
from bulkhead.venues.wire.kis_streams import Frame, records
from bulkhead.venues.wire.kis_terms import BOOK, TRADES
from messages.market import Book, Trade
from messages.values import Level, Side

TRADE_NAMES: tuple[str, ...] = (
    *("MKSC_SHRN_ISCD", "STCK_CNTG_HOUR", "STCK_PRPR", "PRDY_VRSS_SIGN", "PRDY_VRSS", "PRDY_CTRT"),
    *("WGHN_AVRG_STCK_PRC", "STCK_OPRC", "STCK_HGPR", "STCK_LWPR", "ASKP1", "BIDP1", "CNTG_VOL", "ACML_VOL"),
    *("ACML_TR_PBMN", "SELN_CNTG_CSNU", "SHNU_CNTG_CSNU", "NTBY_CNTG_CSNU", "CTTR", "SELN_CNTG_SMTN"),
    *("SHNU_CNTG_SMTN", "CCLD_DVSN", "SHNU_RATE", "PRDY_VOL_VRSS_ACML_VOL_RATE", "OPRC_HOUR"),
    *("OPRC_VRSS_PRPR_SIGN", "OPRC_VRSS_PRPR", "HGPR_HOUR", "HGPR_VRSS_PRPR_SIGN", "HGPR_VRSS_PRPR", "LWPR_HOUR"),
    *("LWPR_VRSS_PRPR_SIGN", "LWPR_VRSS_PRPR", "BSOP_DATE", "NEW_MKOP_CLS_CODE", "TRHT_YN", "ASKP_RSQN1"),
    *("BIDP_RSQN1", "TOTAL_ASKP_RSQN", "TOTAL_BIDP_RSQN", "VOL_TNRT", "PRDY_SMNS_HOUR_ACML_VOL"),
    *("PRDY_SMNS_HOUR_ACML_VOL_RATE", "HOUR_CLS_CODE", "MRKT_TRTM_CLS_CODE", "VI_STND_PRC", "MARKET_CLS_CODE"),
)
TRADE_WIDTHS = (46, 47)

_LEVELS = range(1, 11)
BOOK_NAMES: tuple[str, ...] = (
    *("MKSC_SHRN_ISCD", "BSOP_HOUR", "HOUR_CLS_CODE"),
    *(f"ASKP{n}" for n in _LEVELS),
    *(f"BIDP{n}" for n in _LEVELS),
    *(f"ASKP_RSQN{n}" for n in _LEVELS),
    *(f"BIDP_RSQN{n}" for n in _LEVELS),
    *("TOTAL_ASKP_RSQN", "TOTAL_BIDP_RSQN", "OVTM_TOTAL_ASKP_RSQN", "OVTM_TOTAL_BIDP_RSQN", "ANTC_CNPR", "ANTC_CNQN"),
    *("ANTC_VOL", "ANTC_CNTG_VRSS", "ANTC_CNTG_VRSS_SIGN", "ANTC_CNTG_PRDY_CTRT", "ACML_VOL"),
    *("TOTAL_ASKP_RSQN_ICDC", "TOTAL_BIDP_RSQN_ICDC", "OVTM_TOTAL_ASKP_ICDC", "OVTM_TOTAL_BIDP_ICDC"),
    *("STCK_DEAL_CLS_CODE", "MARKET_CLS_CODE"),
)
BOOK_WIDTHS = (59, 60)

_OTHER_SESSIONS = ("1", "3", "5")
"""MARKET_CLS_CODE: before the opening, after the close, at the close; 2 is the regular session."""
_OUTSIDE = "outside of the regular session"

_AGGRESSORS = {"1": Side.BUY, "5": Side.SELL}
"""CCLD_DVSN; 3 is before the opening, where nobody came first."""


@dataclass(frozen=True, slots=True)
class Print:
    """One trade, and what the venue says was traded of the symbol today with it."""

    trade: Trade
    day_volume: Decimal
    """It should have grown by the trade's quantity since the last one; otherwise some are missing."""


MarketEvents = tuple[Print, ...] | tuple[Book, ...] | Ignored | ProtocolError


def market_events(frame: Frame, venue: str, received: Received) -> MarketEvents:
    """Every record of one frame, or none: which of them is wrong in a broken frame, nobody can say."""
    return fields.guarded(frame.payload, lambda: _market_events(frame, venue, received))


def _market_events(frame: Frame, venue: str, received: Received) -> MarketEvents:
    if frame.tr_id not in (TRADES.real, BOOK.real):
        return Ignored(frame.tr_id)
    if frame.is_encrypted:
        raise Malformed("market data that is encrypted")
    if frame.tr_id == TRADES.real:
        prints = _regular(records(frame.payload, frame.count, TRADE_NAMES, TRADE_WIDTHS))
        return tuple(_print(row, venue, received) for row in prints) or Ignored(_OUTSIDE)
    books = _regular(records(frame.payload, frame.count, BOOK_NAMES, BOOK_WIDTHS))
    return tuple(_book(row, venue, received) for row in books) or Ignored(_OUTSIDE)


def _regular(rows: tuple[JsonObject, ...]) -> list[JsonObject]:
    """Prices of the regular session. In the others our kinds of order are refused: a strategy that saw them would
    decide what cannot be carried out. Layouts from before 2026-09-14 do not say, and have the regular one only."""
    return [row for row in rows if row.get("MARKET_CLS_CODE") not in _OTHER_SESSIONS]


def _print(row: JsonObject, venue: str, received: Received) -> Print:
    trade = Trade(
        venue=venue,
        symbol=symbol(row, "MKSC_SHRN_ISCD"),
        event_time_ns=kst_ns(fields.text(row, "BSOP_DATE"), fields.text(row, "STCK_CNTG_HOUR")),
        received_at_ns=received.at_ns,
        received_monotonic_ns=received.monotonic_ns,
        price=fields.decimal(row, "STCK_PRPR"),
        quantity=fields.decimal(row, "CNTG_VOL"),
        aggressor=_AGGRESSORS.get(fields.text(row, "CCLD_DVSN")),
    )
    return Print(trade, fields.decimal(row, "ACML_VOL"))


def _book(row: JsonObject, venue: str, received: Received) -> Book:
    return Book(
        venue=venue,
        symbol=symbol(row, "MKSC_SHRN_ISCD"),
        event_time_ns=nearest_ns(fields.text(row, "BSOP_HOUR"), received.at_ns),
        received_at_ns=received.at_ns,
        received_monotonic_ns=received.monotonic_ns,
        bids=_side(row, "BIDP", descending=True),
        asks=_side(row, "ASKP", descending=False),
    )


def _side(row: JsonObject, name: str, descending: bool) -> tuple[Level, ...]:
    """Best first. A level that does not exist comes as a price of zero."""
    found = tuple(
        Level(price=price, quantity=fields.decimal(row, f"{name}_RSQN{n}"))
        for n in _LEVELS
        if (price := fields.decimal(row, f"{name}{n}"))
    )
    prices = [level.price for level in found]
    if prices != sorted(set(prices), reverse=descending):
        raise Malformed(f"the prices of {name} are not in order")
    return found
