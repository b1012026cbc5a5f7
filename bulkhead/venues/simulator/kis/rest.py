"""The REST API of KIS: which call is where, under which TR ids, and the way every call goes.

Faults, rate limit, keys, token, TR id, account, then its handler. The side of an order is in its TR id alone.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from bulkhead.venues.simulator.connections import ABORT_EXTENSION
from bulkhead.venues.simulator.faults import Faults, Kind, Place, Spoil
from bulkhead.venues.simulator.kis import errors
from bulkhead.venues.simulator.kis.calls import Answer, Calls
from bulkhead.venues.simulator.kis.desk import Desk
from bulkhead.venues.simulator.kis.errors import KisRefused
from bulkhead.venues.simulator.kis.fields import Fields, Json, parse_body
from bulkhead.venues.simulator.kis.keys import Keys
from bulkhead.venues.simulator.kis.limiter import SlidingSecond
from bulkhead.venues.simulator.kis.notices import Notices
from bulkhead.venues.simulator.kis.settings import KisSection

_TRADING = "/uapi/domestic-stock/v1/trading/"
_MEDIA = "application/json;charset=UTF-8"


class NoAnswer(Exception):
    """The connection is to be cut instead of answered."""


@dataclass(frozen=True, slots=True)
class Call:
    """A service. `tr_ids` are those of the real host; on the paper host the first letter is another, if it is there at
    all. `kind` may depend on what is asked."""

    handle: Callable[[str, Fields, str], Answer]
    tr_ids: tuple[str, ...]
    kind: Callable[[Fields], Kind | None]
    is_on_paper: bool = True
    has_account: bool = True


def on_paper(tr_id: str) -> str:
    return "V" + tr_id[1:] if tr_id[0] in "TC" else tr_id


class KisRest:
    """Carries out REST requests."""

    def __init__(
        self,
        settings: KisSection,
        calls: Calls,
        keys: Keys,
        desk: Desk,
        notices: Notices,
        faults: Faults,
        now_ns: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._desk = desk
        self._notices = notices
        self._faults = faults
        self._now_ns = now_ns
        self.limiter = SlidingSecond(settings.most_requests_per_s)
        self._calls = self._table(calls)

    def _table(self, calls: Calls) -> dict[tuple[str, str], Call]:
        def is_about(kind: Kind | None) -> Callable[[Fields], Kind | None]:
            return lambda _: kind

        def query_or_list(fields: Fields) -> Kind | None:
            return Kind.QUERY if fields.optional("ODNO").strip() else Kind.LIST

        a_list = is_about(Kind.LIST)
        trading = {
            ("POST", "order-cash"): Call(calls.order, ("TTTC0011U", "TTTC0012U"), is_about(Kind.ORDER)),
            ("POST", "order-rvsecncl"): Call(calls.change, ("TTTC0013U",), is_about(Kind.CANCEL)),
            ("GET", "inquire-daily-ccld"): Call(calls.daily, ("TTTC0081R", "CTSC9215R"), query_or_list),
            ("GET", "inquire-psbl-rvsecncl"): Call(calls.changeable, ("TTTC0084R",), a_list, is_on_paper=False),
            ("GET", "inquire-balance"): Call(calls.balance, ("TTTC8434R",), a_list),
            ("GET", "inquire-psbl-order"): Call(calls.buying_power, ("TTTC8908R",), a_list),
        }
        table = {(method, _TRADING + name): call for (method, name), call in trading.items()}
        prices = {
            "inquire-price": Call(calls.price, ("FHKST01010100",), is_about(None), has_account=False),
            "inquire-asking-price-exp-ccn": Call(
                calls.asking_price, ("FHKST01010200",), is_about(None), has_account=False
            ),
        }
        table |= {("GET", f"/uapi/domestic-stock/v1/quotations/{name}"): call for name, call in prices.items()}
        return table

    # -- /oauth2 and /uapi/hashkey: no TR id, no token ----------------------------------------------------------------

    async def respond_oauth(self, request: Request) -> Response:
        name, now_ms = request.path_params["name"], self._now_ns() // 1_000_000
        try:
            body = parse_body(await request.body())
            if name == "tokenP":
                return _answer(200, self._keys.issue_token(body, now_ms))
            if name == "revokeP":
                return _answer(200, self._keys.revoke_token(body))
            if name == "Approval":
                return _answer(200, self._keys.issue_approval(body, now_ms))
            raise errors.no_such_service()
        except KisRefused as refused:
            return self._refusal(refused)

    async def respond_hashkey(self, request: Request) -> Response:
        try:
            raw = await request.body()
            body = parse_body(raw)
            self.limiter.charge(self._now_ns())
            self._keys.check_app(request.headers.get("appkey"), request.headers.get("appsecret"))
            return _answer(200, {"BODY": body, "HASH": hash_of(raw)})
        except KisRefused as refused:
            return self._refusal(refused)

    # -- everything else ----------------------------------------------------------------------------------------------

    async def respond(self, request: Request) -> Response:
        """Answer one request; may cut the connection instead."""
        call = self._calls.get((request.method, request.url.path))
        tr_cont = request.headers.get("tr_cont", "").strip()
        try:
            if call is None:
                raise errors.no_such_service()
            raw = await request.body()
            fields = Fields(parse_body(raw) if request.method == "POST" else dict(request.query_params))
            kind = call.kind(fields)
            await self._faults.wait(kind, Place.ARRIVAL)
            answer = await self._carried_out(request, call, kind, fields, raw, tr_cont)
        except KisRefused as refused:
            return self._refusal(refused)
        except NoAnswer:
            self._notices.let_go()
            request.scope["extensions"][ABORT_EXTENSION]()
            return Response(status_code=500)  # written to a connection that is gone
        headers = {"tr_id": request.headers.get("tr_id", ""), "tr_cont": answer.tr_cont, "gt_uid": ""}
        return _answer(200, answer.body, headers, BackgroundTask(self._after))

    async def _after(self) -> None:
        """Once the answer is sent. A coroutine, because a plain function would be called on another thread."""
        self._notices.let_go()

    async def _carried_out(
        self, request: Request, call: Call, kind: Kind | None, fields: Fields, raw: bytes, tr_cont: str
    ) -> Answer:
        """Raises KisRefused or NoAnswer; a request that is refused does not wait for its answer to be let go."""
        faults = self._faults
        self._desk.advance()
        self._notices.hold_back()
        try:
            tr_id = self._checked(request, call, fields, raw)
            answer = self._with_faults(call, kind, tr_id, fields, tr_cont)
        except BaseException:
            self._notices.let_go()
            raise
        if faults.holds(kind, Place.ANSWER) or faults.reply_latency_ms:
            self._notices.let_go()
        await faults.wait(kind, Place.ANSWER)
        spoil = faults.take_spoil(kind)
        if spoil is not None:
            answer = _spoilt(answer, spoil)
        if kind is not None and faults.reply_latency_ms:
            await asyncio.sleep(faults.reply_latency_ms / 1000)
        return answer

    def _checked(self, request: Request, call: Call, fields: Fields, raw: bytes) -> str:
        """The TR id, once everything in front of the service has let the call through."""
        now_ns, headers, settings = self._now_ns(), request.headers, self._settings
        if self._faults.take("rate_limit_next"):
            raise errors.too_many_requests()
        self.limiter.charge(now_ns)
        self._keys.check_app(headers.get("appkey"), headers.get("appsecret"))
        self._keys.check_token(headers.get("authorization"), now_ns // 1_000_000)
        tr_id = headers.get("tr_id", "")
        if headers.get("custtype") not in ("P", "B"):
            raise errors.bad_customer_type()
        offered = [on_paper(each) for each in call.tr_ids] if settings.is_paper else list(call.tr_ids)
        other_host = call.tr_ids if settings.is_paper else tuple(on_paper(each) for each in call.tr_ids)
        if (tr_id not in offered and tr_id in other_host) or (settings.is_paper and not call.is_on_paper):
            raise errors.wrong_host()
        if tr_id not in offered:
            raise errors.no_such_service()
        if "hashkey" in headers and headers["hashkey"] != hash_of(raw):
            raise errors.bad_hashkey()
        if call.has_account:
            given = (fields.text("CANO"), fields.text("ACNT_PRDT_CD"))
            if given != (settings.account_number, settings.product):
                raise errors.bad_account()
        return call.tr_ids[offered.index(tr_id)]

    def _with_faults(self, call: Call, kind: Kind | None, tr_id: str, fields: Fields, tr_cont: str) -> Answer:
        faults = self._faults
        spoil = faults.take_spoil(kind)
        if spoil is not None:
            return _spoilt(call.handle(tr_id, fields, tr_cont) if spoil.is_carried_out else None, spoil)
        if kind is not Kind.ORDER:
            return call.handle(tr_id, fields, tr_cont)
        if faults.take("order_status_count"):
            if faults.accept:
                call.handle(tr_id, fields, tr_cont)
            raise errors.nothing_said(faults.order_status)
        if faults.take("unknown_count"):
            if faults.unknown_accept:
                call.handle(tr_id, fields, tr_cont)
            raise errors.outcome_unknown(faults.unknown_code)
        drawn = faults.draw_unknown()
        if drawn is not None:
            is_accepted, is_answered = drawn
            if is_accepted:
                call.handle(tr_id, fields, tr_cont)
            if is_answered:
                raise errors.outcome_unknown("EGW00302")
            raise NoAnswer
        answer = call.handle(tr_id, fields, tr_cont)
        if faults.take("lose_order_replies"):
            raise NoAnswer
        return answer

    def _refusal(self, refused: KisRefused) -> Response:
        return _answer(refused.status or self._settings.business_error_status, refused.body)


def hash_of(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _spoilt(answer: Answer | None, spoil: Spoil) -> Answer:
    """What is answered instead. Raises KisRefused or NoAnswer."""
    if isinstance(spoil.answer, int):
        raise errors.nothing_said(spoil.answer)
    if spoil.answer == "none" or answer is None:
        raise NoAnswer
    return answer.contradicted()


def _answer(
    status: int, body: Json, headers: dict[str, str] | None = None, after: BackgroundTask | None = None
) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, media_type=_MEDIA, background=after)
