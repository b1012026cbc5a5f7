"""What each service does once a call has been let through: fields to the desk or to a list, and the answer's body."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from bulkhead.venues.simulator.accounts import Account
from bulkhead.venues.simulator.faults import Faults
from bulkhead.venues.simulator.kis import errors, listing
from bulkhead.venues.simulator.kis.account import AccountViews
from bulkhead.venues.simulator.kis.desk import DIVISIONS, Asked, Desk
from bulkhead.venues.simulator.kis.fields import Fields, Json
from bulkhead.venues.simulator.kis.hours import time_text
from bulkhead.venues.simulator.kis.positions import Positions
from bulkhead.venues.simulator.kis.records import Record, Records
from bulkhead.venues.simulator.kis.settings import KisSection
from bulkhead.venues.simulator.orders import MARKET

_SELL, _OLDER = "TTTC0011U", "CTSC9215R"
_CANCEL = "02"


@dataclass(frozen=True, slots=True)
class Answer:
    body: Json
    tr_cont: str = ""

    def contradicted(self) -> "Answer":
        """The same, but with figures that exclude each other, or with an order that has no number."""
        body, rows, order = dict(self.body), self.body.get("output1"), self.body.get("output")
        if isinstance(rows, list):
            body["output1"] = [_lying(row) for row in rows]
        if isinstance(order, dict):
            body["output"] = {**order, "ODNO": ""}
        return replace(self, body=body)


def _lying(row: dict[str, str]) -> dict[str, str]:
    return {**row, "rmn_qty": f"{Decimal(row['ord_qty']) + 1:f}"} if "rmn_qty" in row else row


class Calls:
    """The services of one account: the app key's."""

    def __init__(
        self,
        settings: KisSection,
        account: Account,
        positions: Positions,
        desk: Desk,
        records: Records,
        views: AccountViews,
        faults: Faults,
        now_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._account = account
        self._positions = positions
        self._desk = desk
        self._records = records
        self._views = views
        self._faults = faults
        self._now_ms = now_ms

    # -- orders -------------------------------------------------------------------------------------------------------

    def order(self, tr_id: str, fields: Fields, _: str) -> Answer:
        """POST order-cash."""
        division = fields.text("ORD_DVSN")
        self._check_exchange(fields)
        if fields.optional("SLL_TYPE") not in ("", "01") or fields.optional("CNDT_PRIC") not in ("", "0"):
            raise errors.bad_division(division)
        price = fields.number("ORD_UNPR")
        if DIVISIONS.get(division, ("", ""))[0] == MARKET and price:
            raise errors.field_invalid("ORD_UNPR")
        asked = Asked(fields.text("PDNO"), tr_id != _SELL, division, fields.number("ORD_QTY"), price)
        is_doomed = self._faults.take("reject_later")
        place = self._desk.place_and_reject if is_doomed else self._desk.place
        return self._sent(place(self._account, asked, "api"))

    def change(self, _: str, fields: Fields, __: str) -> Answer:
        """POST order-rvsecncl."""
        self._check_exchange(fields)
        what = fields.one_of("RVSE_CNCL_DVSN_CD", "01", _CANCEL)
        branch = fields.text("KRX_FWDG_ORD_ORGNO").strip()
        number = fields.order_number("ORGN_ODNO")
        if number is None or branch not in ("", self._settings.branch):
            raise errors.no_such_order()
        division, price = fields.text("ORD_DVSN"), fields.number("ORD_UNPR")
        asked = fields.number("ORD_QTY")
        quantity = None if fields.one_of("QTY_ALL_ORD_YN", "Y", "N") == "Y" else asked
        if what == _CANCEL:
            return self._sent(self._desk.cancel(self._account, number, quantity, "api"))
        if division != "00":
            raise errors.bad_division(division)
        return self._sent(self._desk.amend(self._account, number, price, quantity, "api"))

    def _check_exchange(self, fields: Fields) -> None:
        exchange = fields.optional("EXCG_ID_DVSN_CD")
        if exchange not in ("", "KRX"):
            raise errors.bad_exchange(exchange)

    def _sent(self, record: Record) -> Answer:
        output = {
            "KRX_FWDG_ORD_ORGNO": record.branch,
            "ODNO": record.odno,
            "ORD_TMD": time_text(record.placed_ms),
        }
        return Answer({"rt_cd": "0", "msg_cd": "APBK0013", "msg1": "주문 전송 완료 되었습니다.", "output": output})

    # -- lists --------------------------------------------------------------------------------------------------------

    def daily(self, tr_id: str, fields: Fields, tr_cont: str) -> Answer:
        """GET inquire-daily-ccld."""
        settings, shown_until_ms = self._settings, self._now_ms() - self._faults.hide_orders_ms
        own = listing.of_account(self._records.all(), self._account)
        page = listing.daily_orders(
            [record for record in own if record.placed_ms <= shown_until_ms],
            fields,
            today=self._desk.today(),
            is_older=tr_id == _OLDER,
            is_paper=settings.is_paper,
            page_size=settings.page_size(100, 15),
            tr_cont=tr_cont,
        )
        return _listed(page)

    def changeable(self, _: str, fields: Fields, tr_cont: str) -> Answer:
        """GET inquire-psbl-rvsecncl."""
        own = listing.of_account(self._records.all(), self._account)
        return _listed(listing.changeable_orders(own, fields, self._settings.page_size(50, 50), tr_cont))

    def balance(self, _: str, fields: Fields, tr_cont: str) -> Answer:
        """GET inquire-balance."""
        size = self._settings.page_size(50, 20)
        return _listed(self._views.balance(self._account, self._positions, fields, size, tr_cont))

    def buying_power(self, _: str, fields: Fields, __: str) -> Answer:
        """GET inquire-psbl-order."""
        return _found({"output": self._views.buying_power(self._account, fields)})

    def price(self, _: str, fields: Fields, __: str) -> Answer:
        """GET inquire-price."""
        return Answer(
            {"output": self._views.price(fields), "rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다."}
        )

    def asking_price(self, _: str, fields: Fields, __: str) -> Answer:
        """GET inquire-asking-price-exp-ccn."""
        if self._faults.refuses_quotes(has_key=True):
            raise errors.nothing_said(503)
        body = self._views.asking_price(fields, self._now_ms())
        return Answer({**body, "rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다."})


def _listed(page: listing.Page) -> Answer:
    if page.tr_cont in ("F", "M"):
        words = {"rt_cd": "0", "msg_cd": "KIOK0500", "msg1": "조회가 계속됩니다..다음버튼을 Click 하십시오."}
    else:
        words = {"rt_cd": "0", "msg_cd": "KIOK0510", "msg1": "조회가 완료되었습니다"}
    return Answer({**page.body, **words}, page.tr_cont)


def _found(body: Json) -> Answer:
    return Answer({**body, "rt_cd": "0", "msg_cd": "KIOK0510", "msg1": "조회가 완료되었습니다"})
