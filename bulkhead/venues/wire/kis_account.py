"""The account at KIS: today's orders, holdings and cash, buying power. Requests, and readers that never raise.

The lists come in pages (100 rows, on the paper host 15; of holdings 50 and 20). All rows of a page are read or none: a
list with one unreadable row is not a list that anyone may reconcile against.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar
from urllib.parse import quote, urlencode

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.facts import Answered, ProtocolError, WireRequest
from bulkhead.venues.wire.fields import JsonObject, Malformed
from bulkhead.venues.wire.kis_fields import optional_text, signed, symbol, without_long_runs
from bulkhead.venues.wire.kis_listed import ListedOrder, listed_order
from bulkhead.venues.wire.kis_terms import (
    BALANCE,
    BUYING_POWER,
    OLDER_ORDERS,
    ONE_REQUEST,
    ORDERS,
    Caller,
    Exchange,
    Host,
    TrId,
)
from messages.values import Side

T = TypeVar("T")

_TRADING = "/uapi/domestic-stock/v1/trading"
_SIDES = {None: "00", Side.SELL: "01", Side.BUY: "02"}
_MORE, _LAST = ("F", "M"), ("D", "E")
_MAX_CONTEXT = 400
"""It is 100 characters long; what is much longer is a broken peer."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page begins, as the venue said it, padding and all. It has the account's number in it."""

    search: str = field(default="", repr=False)
    key: str = field(default="", repr=False)

    @property
    def params(self) -> dict[str, str]:
        return {"CTX_AREA_FK100": self.search, "CTX_AREA_NK100": self.key}


FIRST_PAGE = Cursor()


@dataclass(frozen=True, slots=True)
class Asked:
    """Which orders: of the days from `start` to `end` (YYYYMMDD in Korea), and of these only."""

    start: str
    end: str
    side: Side | None = None
    symbol: str = ""
    number: str = ""
    is_older: bool = False
    """Older than three months: another TR id."""
    is_newest_first: bool = False
    """So that whoever wants the latest ones need not read all. An order placed between two pages moves others back: a
    row may come twice, none is left out."""
    is_open_only: bool = False
    """Those of which something rests."""


# -- requests ---------------------------------------------------------------------------------------------------------


def orders(caller: Caller, asked: Asked, cursor: Cursor = FIRST_PAGE) -> WireRequest:
    """GET inquire-daily-ccld; oldest first an order placed between two pages moves none to another page."""
    params = {
        **caller.account.params,
        "INQR_STRT_DT": asked.start,
        "INQR_END_DT": asked.end,
        "SLL_BUY_DVSN_CD": _SIDES[asked.side],
        "PDNO": asked.symbol,
        "ORD_GNO_BRNO": "",
        "ODNO": asked.number,
        "CCLD_DVSN": "02" if asked.is_open_only else "00",
        "INQR_DVSN": "00" if asked.is_newest_first else "01",
        "INQR_DVSN_1": "",
        "INQR_DVSN_3": "00",
        # Of every exchange: an order of ours, or one placed by hand, may have gone to either.
        "EXCG_ID_DVSN_CD": Exchange.KRX.value if caller.host is Host.PAPER else "ALL",
        **cursor.params,
    }
    return _get(caller, "inquire-daily-ccld", OLDER_ORDERS if asked.is_older else ORDERS, params, cursor)


def balance(caller: Caller, cursor: Cursor = FIRST_PAGE) -> WireRequest:
    """GET inquire-balance, by date of loan, which without loans is by symbol: the inquiry by symbol (INQR_DVSN 02) has
    been refused since 2026-02-10 (KIS's notice, as quoted in Soju06/python-kis#82)."""
    params = {
        **caller.account.params,
        "AFHR_FLPR_YN": "N",
        "OFL_YN": "",
        "INQR_DVSN": "01",
        "UNPR_DVSN": "01",
        "FUND_STTL_ICLD_YN": "N",
        "FNCG_AMT_AUTO_RDPT_YN": "N",
        "PRCS_DVSN": "00",
        **cursor.params,
    }
    return _get(caller, "inquire-balance", BALANCE, params, cursor)


def buying_power(caller: Caller, symbol: str, price: str = "", division: str = "01") -> WireRequest:
    """GET inquire-psbl-order: how much of it could be bought; without a price at the market. The names of the
    parameters are those of independent clients."""
    params = {
        **caller.account.params,
        "PDNO": symbol,
        "ORD_UNPR": price,
        "ORD_DVSN": division,
        "CMA_EVLU_AMT_ICLD_YN": "N",
        "OVRS_ICLD_YN": "N",
    }
    return _get(caller, "inquire-psbl-order", BUYING_POWER, params, FIRST_PAGE)


def _get(caller: Caller, call: str, tr_id: TrId, params: dict[str, str], cursor: Cursor) -> WireRequest:
    query = urlencode(params, quote_via=quote)
    headers = caller.headers(tr_id, continued=cursor != FIRST_PAGE)
    return WireRequest("GET", f"{_TRADING}/{call}", query, headers, ONE_REQUEST)


# -- answers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrdersPage:
    rows: tuple[ListedOrder, ...]
    next: Cursor | None
    """None: this was the last page."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Of one symbol; sold out today it may stay with a quantity of zero for two days."""

    symbol: str
    quantity: Decimal
    sellable: Decimal
    """Less what working sell orders have taken."""
    average_price: Decimal
    """As the venue rounds it."""


@dataclass(frozen=True, slots=True)
class Cash:
    """Won, at three days of settlement; below zero is owed."""

    deposit: Decimal
    next_day: Decimal
    settled: Decimal
    """In two days: every trade of today is in it."""
    net_assets: Decimal


@dataclass(frozen=True, slots=True)
class BalancePage:
    holdings: tuple[Holding, ...]
    cash: Cash | None
    """None on a page that does not state it."""
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class BuyingPower:
    """Won and shares. `own_…` is without borrowing (미수)."""

    cash: Decimal
    own_amount: Decimal
    own_quantity: Decimal
    most_amount: Decimal
    most_quantity: Decimal


def orders_page(answer: Answered) -> OrdersPage | ProtocolError:
    def read(body: JsonObject) -> OrdersPage:
        rows = tuple(listed_order(row) for row in fields.objects(body.get("output1"), "output1"))
        return OrdersPage(rows, _next(answer, body))

    return _answer(answer, read)


def balance_page(answer: Answered) -> BalancePage | ProtocolError:
    def read(body: JsonObject) -> BalancePage:
        holdings = tuple(_holding(row) for row in fields.objects(body.get("output1"), "output1"))
        stated = fields.objects(body.get("output2"), "output2")
        return BalancePage(holdings, _cash(stated[0]) if stated else None, _next(answer, body))

    return _answer(answer, read)


def buying_power_answer(answer: Answered) -> BuyingPower | ProtocolError:
    return _answer(answer, lambda body: _buying_power(fields.as_object(body.get("output"), "output")))


def _answer(answer: Answered, read: Callable[[JsonObject], T]) -> T | ProtocolError:
    def decode() -> T:
        body = fields.as_object(fields.parse(answer.text), "answer")
        if fields.text(body, "rt_cd") != "0":
            raise Malformed(f"rt_cd is not 0 but it was read as a list (msg_cd {optional_text(body, 'msg_cd')})")
        return read(body)

    return fields.guarded(without_long_runs(answer.text), decode)


def _next(answer: Answered, body: JsonObject) -> Cursor | None:
    """From the header tr_cont. Without a word there, the page is the last only if there is no key to go on from (an
    assumption); anything else would cut a list short, and of what is cut nobody would know."""
    said = answer.headers.get("tr_cont", "").strip()
    cursor = Cursor(_context(body, "ctx_area_fk100"), _context(body, "ctx_area_nk100"))
    if said in _LAST or (not said and not cursor.key.strip()):
        return None
    if said not in _MORE:
        raise Malformed("the header tr_cont says neither that there is more nor that this was the last page")
    if not cursor.key.strip():
        raise Malformed("the header tr_cont promises more, but there is no key to go on from")
    return cursor


def _context(body: JsonObject, key: str) -> str:
    """As it is, since it goes back as it is."""
    found = fields.text(body, key) if key in body else ""
    if not (found.isascii() and found.isprintable() and len(found) <= _MAX_CONTEXT):
        raise Malformed(f"{key} cannot be sent back")
    return found


def _holding(row: JsonObject) -> Holding:
    quantity, sellable = fields.decimal(row, "hldg_qty"), fields.decimal(row, "ord_psbl_qty")
    if sellable > quantity:
        raise Malformed(f"it contradicts itself: {sellable:f} to sell of {quantity:f} held")
    return Holding(symbol(row, "pdno"), quantity, sellable, fields.decimal(row, "pchs_avg_pric"))


def _cash(row: JsonObject) -> Cash:
    return Cash(
        deposit=signed(row, "dnca_tot_amt"),
        next_day=signed(row, "nxdy_excc_amt"),
        settled=signed(row, "prvs_rcdl_excc_amt"),
        net_assets=signed(row, "nass_amt"),
    )


def _buying_power(row: JsonObject) -> BuyingPower:
    return BuyingPower(
        cash=signed(row, "ord_psbl_cash"),
        own_amount=signed(row, "nrcvb_buy_amt"),
        own_quantity=fields.decimal(row, "nrcvb_buy_qty"),
        most_amount=signed(row, "max_buy_amt"),
        most_quantity=fields.decimal(row, "max_buy_qty"),
    )
