"""The lists of orders: inquire-daily-ccld and inquire-psbl-rvsecncl, with their filters and pages.

A row tells an order's totals and never its single executions. Where a page ends, the context keys that are sent back
name the last row, so an order that is placed between two pages moves none when the list is oldest first.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar

from bulkhead.venues.simulator.accounts import ZERO, Account
from bulkhead.venues.simulator.kis import errors
from bulkhead.venues.simulator.kis.fields import Fields, Json
from bulkhead.venues.simulator.kis.hours import date_text, time_text
from bulkhead.venues.simulator.kis.records import Record
from bulkhead.venues.simulator.kis.stocks import STOCKS

T = TypeVar("T")
Row = dict[str, str]
_AVERAGE_UNIT = Decimal("0.0001")
"""Average prices are told to four decimals, halves up: an assumption. Amounts are exact."""
_MONTHS_3 = timedelta(days=92)
"""Older orders are another TR's."""
_CONTEXT_WIDTH = 100
_DIVISION_NAMES = {
    "00": "지정가",
    "01": "시장가",
    "11": "IOC지정가",
    "12": "FOK지정가",
    "13": "IOC시장가",
    "14": "FOK시장가",
}
_WORDS = {"new": "", "amend": "정정*", "cancel": "취소*"}
API_MARKS = ("OpenAPI", "10", "31")
MANUAL_MARKS = ("Nsmart", "04", "11")
"""ordr_empno, cpbc_ordp_ord_rcit_dvsn_cd, cpbc_ordp_mtrl_dvsn_cd: what the values of the API's own channel are, no
document says. That they differ from those of orders placed by hand is what this venue promises."""


def marks_of(record: Record) -> tuple[str, str, str]:
    return API_MARKS if record.channel == "api" else MANUAL_MARKS


def average(amount: Decimal, quantity: Decimal) -> str:
    if not quantity:
        return "0"
    return f"{(amount / quantity).quantize(_AVERAGE_UNIT, ROUND_HALF_UP):f}"


@dataclass(frozen=True, slots=True)
class Page:
    """`tr_cont` goes into the header of that name."""

    tr_cont: str
    body: Json


def padded(text: str) -> str:
    return text.ljust(_CONTEXT_WIDTH)


def page_of(
    items: Sequence[T], key: Callable[[T], str], size: int, fields: Fields, tr_cont: str, search: str
) -> tuple[Sequence[T], str, str, str]:
    """The part of `items` that is asked for, its tr_cont and context keys. No two items have one key."""
    start = 0
    is_next = tr_cont == "N"
    if is_next:
        last = fields.optional("CTX_AREA_NK100").strip()
        if fields.optional("CTX_AREA_FK100").strip() != search.strip():
            raise errors.field_invalid("CTX_AREA_FK100")
        start = next((place + 1 for place, item in enumerate(items) if key(item) == last), 0)
        if not start:
            raise errors.field_invalid("CTX_AREA_NK100")
    part = items[start : start + size]
    has_more = start + size < len(items)
    word = ("M" if is_next else "F") if has_more else ("E" if is_next else "D")
    return part, word, padded(search), padded(key(part[-1]) if has_more else "")


def daily_orders(
    records: Iterable[Record],
    fields: Fields,
    *,
    today: date,
    is_older: bool,
    is_paper: bool,
    page_size: int,
    tr_cont: str,
) -> Page:
    """GET inquire-daily-ccld of one account's records."""
    start, end = fields.date("INQR_STRT_DT"), fields.date("INQR_END_DT")
    boundary = date_text(today - _MONTHS_3)
    is_meant = _filter(fields, is_paper)
    found = [
        record
        for record in records
        if start <= record.date <= end and (record.date < boundary) is is_older and is_meant(record)
    ]
    found.sort(key=lambda record: record.key, reverse=fields.one_of("INQR_DVSN", "00", "01") == "00")
    search = "^".join([fields.text("CANO"), fields.text("ACNT_PRDT_CD"), start, end, fields.text("SLL_BUY_DVSN_CD")])
    part, word, fk100, nk100 = page_of(found, _key, page_size, fields, tr_cont, search)
    quantity = sum((record.filled for record in found), ZERO)
    amount = sum((record.amount for record in found), ZERO)
    totals = {
        "tot_ord_qty": f"{sum((record.quantity for record in found), ZERO):f}",
        "tot_ccld_qty": f"{quantity:f}",
        "tot_ccld_amt": f"{amount:f}",
        "prsm_tlex_smtl": "0",
        "pchs_avg_pric": average(amount, quantity) if quantity else "0.0000",
    }
    body: Json = {
        "ctx_area_fk100": fk100,
        "ctx_area_nk100": nk100,
        "output1": [order_row(record) for record in part],
        "output2": totals,
    }
    return Page(word, body)


def _key(record: Record) -> str:
    return f"{record.date}{record.odno}"


def _filter(fields: Fields, is_paper: bool) -> Callable[[Record], bool]:
    """Every parameter is read, whether or not there is a record."""
    side = fields.one_of("SLL_BUY_DVSN_CD", "00", "01", "02")
    fill = fields.one_of("CCLD_DVSN", "00", "01", "02")
    loan = fields.one_of("INQR_DVSN_3", *(f"{number:02d}" for number in range(8)))
    is_of_stocks = not fields.optional("INQR_DVSN_1") and loan in ("00", "01")  # no warrants, no margin trades
    exchange = fields.optional("EXCG_ID_DVSN_CD") or "KRX"
    if exchange != "KRX" and (is_paper or exchange not in ("NXT", "SOR", "ALL")):
        raise errors.bad_exchange(exchange)
    number, symbol = fields.order_number("ODNO"), fields.text("PDNO").strip()
    branch = fields.text("ORD_GNO_BRNO").strip()

    def is_meant(record: Record) -> bool:
        return (
            is_of_stocks
            and exchange in ("KRX", "ALL")
            and side in ("00", "02" if record.is_buy else "01")
            and symbol in ("", record.symbol)
            and branch in ("", record.branch)
            and number in (None, record.number)
            and (fill == "00" or bool(record.filled if fill == "01" else record.remaining))
        )

    return is_meant


def order_row(record: Record) -> Row:
    employee, received_by, medium = marks_of(record)
    side = "매수" if record.is_buy else "매도"
    word = "거부" if record.refused else _WORDS[record.request]
    return {
        "ord_dt": record.date,
        "ord_gno_brno": record.branch,
        "odno": record.odno,
        "orgn_odno": "" if record.original is None else f"{record.original:010d}",
        "ord_dvsn_name": _DIVISION_NAMES[record.division],
        "sll_buy_dvsn_cd": "02" if record.is_buy else "01",
        "sll_buy_dvsn_cd_name": side + word,
        "pdno": record.symbol,
        "prdt_name": STOCKS[record.symbol].name,
        "ord_qty": f"{record.quantity:f}",
        "ord_unpr": f"{record.price:f}",
        "ord_tmd": time_text(record.placed_ms),
        "tot_ccld_qty": f"{record.filled:f}",
        "avg_prvs": average(record.amount, record.filled),
        "cncl_yn": "Y" if record.cancelled else "",
        "tot_ccld_amt": f"{record.amount:f}",
        "loan_dt": "",
        "ordr_empno": employee,
        "ord_dvsn_cd": record.division,
        "cncl_cfrm_qty": f"{record.cancelled:f}",
        "rmn_qty": f"{record.remaining:f}",
        "rjct_qty": f"{record.refused:f}",
        "ccld_cndt_name": "없음",
        "inqr_ip_addr": "",
        "cpbc_ordp_ord_rcit_dvsn_cd": received_by,
        "cpbc_ordp_infm_mthd_dvsn_cd": "",
        "infm_tmd": "",
        "ctac_tlno": "",
        "prdt_type_cd": "300",
        "excg_dvsn_cd": "02",
        "cpbc_ordp_mtrl_dvsn_cd": medium,
        "ord_orgno": "00000",
        "rsvn_ord_end_dt": "",
        "excg_id_dvsn_Cd": "KRX",
        "stpm_cndt_pric": "",
        "stpm_efct_occr_dtmd": "",
    }


def changeable_orders(records: Iterable[Record], fields: Fields, page_size: int, tr_cont: str) -> Page:
    """GET inquire-psbl-rvsecncl: what is still open, oldest first. There is none on the paper host."""
    fields.one_of("INQR_DVSN_1", "0", "1")
    side = fields.one_of("INQR_DVSN_2", "0", "1", "2")
    found = [record for record in records if record.is_open and side in ("0", "2" if record.is_buy else "1")]
    found.sort(key=lambda record: record.key)
    search = "^".join([fields.text("CANO"), fields.text("ACNT_PRDT_CD"), side])
    part, word, fk100, nk100 = page_of(found, _key, page_size, fields, tr_cont, search)
    rows = [_changeable_row(record) for record in part]
    return Page(word, {"ctx_area_fk100": fk100, "ctx_area_nk100": nk100, "output": rows})


def _changeable_row(record: Record) -> Row:
    row = order_row(record)
    same = (
        *("ord_gno_brno", "odno", "orgn_odno", "ord_dvsn_name", "pdno", "prdt_name", "ord_qty", "ord_unpr", "ord_tmd"),
        *("tot_ccld_qty", "tot_ccld_amt", "sll_buy_dvsn_cd", "ord_dvsn_cd", "excg_dvsn_cd"),
    )
    return {name: row[name] for name in same} | {
        "rvse_cncl_dvsn_name": row["sll_buy_dvsn_cd_name"] if record.original is not None else "",
        "psbl_qty": row["rmn_qty"],
        "mgco_aptm_odno": "",
        "excg_id_dvsn_cd": "KRX",
        "excg_id_dvsn_name": "KRX",
        "stpm_cndt_pric": "",
        "stpm_efct_occr_yn": "",
    }


def of_account(records: Iterable[Record], account: Account) -> list[Record]:
    return [record for record in records if record.account is account]
