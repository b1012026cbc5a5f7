"""What the tests of the KIS dialect share: settings of a quiet market, a REST client, a WebSocket client that decrypts.

Written apart from the server and from the adapter's codec, from the venue's documents.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from websockets.sync.client import ClientConnection, connect

from bulkhead.venues.simulator.kis.settings import KisSection
from bulkhead.venues.simulator.process import RunningSimulator, in_thread
from bulkhead.venues.simulator.settings import (
    DEMO_KIS_ACCOUNT,
    DEMO_KIS_APP_KEY,
    DEMO_KIS_APP_SECRET,
    DEMO_KIS_HTS_ID,
    DEMO_KIS_PRODUCT,
    SimulatorSettings,
)

WITHIN_S = 5.0
SAMSUNG, HYNIX, KAKAO, KODEX = "005930", "000660", "035720", "069500"
TRADING = "/uapi/domestic-stock/v1/trading"
KST = timezone(timedelta(hours=9))
Json = dict[str, Any]


def at_ms(text: str) -> int:
    """Of a time in Korea, "2026-03-03 09:00:00"."""
    return int(datetime.fromisoformat(text).replace(tzinfo=KST).timestamp() * 1000)


def settings(**more: Any) -> SimulatorSettings:
    """A market that stands still and never closes, on the real host unless told otherwise. Names of `kis` go there."""
    own = {name: more.pop(name) for name in list(more) if name in KisSection.model_fields}
    section = {"host": "real", "always_open": True, "requests_per_s": 10_000, **own}
    values = {"dialect": "kis", "events_per_s": 0, "symbols": (SAMSUNG, HYNIX, KAKAO, KODEX), "kis": section, **more}
    return SimulatorSettings.model_validate(values)


@dataclass
class Kis:
    """A REST client with a token."""

    base_url: str
    is_paper: bool = False
    token: str = ""
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.base_url, timeout=WITHIN_S)

    def issue(self, **changed: object) -> httpx.Response:
        body = {"grant_type": "client_credentials", "appkey": DEMO_KIS_APP_KEY, "appsecret": DEMO_KIS_APP_SECRET}
        return self.http.post("/oauth2/tokenP", json={**body, **changed})

    def log_in(self) -> "Kis":
        self.token = self.issue().json()["access_token"]
        return self

    def approval(self, **changed: object) -> str:
        body = {"grant_type": "client_credentials", "appkey": DEMO_KIS_APP_KEY, "secretkey": DEMO_KIS_APP_SECRET}
        found: str = self.http.post("/oauth2/Approval", json={**body, **changed}).json()["approval_key"]
        return found

    def tr(self, real: str) -> str:
        return "V" + real[1:] if self.is_paper and real[0] in "TC" else real

    def headers(self, tr_id: str, **changed: str) -> dict[str, str]:
        made = {
            "content-type": "application/json; charset=utf-8",
            "authorization": f"Bearer {self.token}",
            "appkey": DEMO_KIS_APP_KEY,
            "appsecret": DEMO_KIS_APP_SECRET,
            "tr_id": tr_id,
            "custtype": "P",
        }
        return {name: value for name, value in {**made, **changed}.items() if value != "-"}

    def post(self, name: str, tr_id: str, body: Json, **headers: str) -> httpx.Response:
        whole = {"CANO": DEMO_KIS_ACCOUNT, "ACNT_PRDT_CD": DEMO_KIS_PRODUCT, **body}
        return self.http.post(f"{TRADING}/{name}", json=whole, headers=self.headers(self.tr(tr_id), **headers))

    def get(self, name: str, tr_id: str, params: Json, **headers: str) -> httpx.Response:
        whole = {"CANO": DEMO_KIS_ACCOUNT, "ACNT_PRDT_CD": DEMO_KIS_PRODUCT, **params}
        return self.http.get(f"{TRADING}/{name}", params=whole, headers=self.headers(self.tr(tr_id), **headers))

    # -- what a trader does -------------------------------------------------------------------------------------------

    def order(
        self, side: str, quantity: int, price: int, symbol: str = SAMSUNG, division: str = "00", **body: str
    ) -> httpx.Response:
        tr_id = "TTTC0012U" if side == "buy" else "TTTC0011U"
        fields = {"PDNO": symbol, "ORD_DVSN": division, "ORD_QTY": str(quantity), "ORD_UNPR": str(price), **body}
        return self.post("order-cash", tr_id, {**fields, "EXCG_ID_DVSN_CD": "KRX"})

    def placed(self, side: str, quantity: int, price: int, symbol: str = SAMSUNG, division: str = "00") -> str:
        """The number of an order that was taken."""
        answer = self.order(side, quantity, price, symbol, division)
        assert answer.status_code == 200, answer.text
        number: str = answer.json()["output"]["ODNO"]
        return number

    def change(self, number: str, what: str, quantity: int = 0, price: int = 0, **body: str) -> httpx.Response:
        fields = {
            "KRX_FWDG_ORD_ORGNO": "06010",
            "ORGN_ODNO": number,
            "ORD_DVSN": "00",
            "RVSE_CNCL_DVSN_CD": what,
            "ORD_QTY": str(quantity),
            "ORD_UNPR": str(price),
            "QTY_ALL_ORD_YN": "N" if quantity else "Y",
        }
        return self.post("order-rvsecncl", "TTTC0013U", {**fields, **body})

    def cancel(self, number: str, quantity: int = 0) -> httpx.Response:
        return self.change(number, "02", quantity)

    def amend(self, number: str, price: int, quantity: int = 0) -> httpx.Response:
        return self.change(number, "01", quantity, price)

    def listing(self, tr_cont: str = "", tr_id: str = "TTTC0081R", **params: str) -> httpx.Response:
        asked = {
            "INQR_STRT_DT": "20200101",
            "INQR_END_DT": "20351231",
            "SLL_BUY_DVSN_CD": "00",
            "PDNO": "",
            "ORD_GNO_BRNO": "",
            "ODNO": "",
            "CCLD_DVSN": "00",
            "INQR_DVSN": "01",
            "INQR_DVSN_1": "",
            "INQR_DVSN_3": "00",
            "EXCG_ID_DVSN_CD": "KRX",
            "CTX_AREA_FK100": "",
            "CTX_AREA_NK100": "",
        }
        return self.get("inquire-daily-ccld", tr_id, {**asked, **params}, tr_cont=tr_cont)

    def rows(self, **params: str) -> list[Json]:
        """Every row, page after page."""
        found: list[Json] = []
        tr_cont, context = "", {"CTX_AREA_FK100": "", "CTX_AREA_NK100": ""}
        while True:
            answer = self.listing(tr_cont, **{**params, **context})
            assert answer.status_code == 200, answer.text
            body = answer.json()
            found += body["output1"]
            if answer.headers["tr_cont"] not in ("F", "M"):
                return found
            tr_cont = "N"
            context = {"CTX_AREA_FK100": body["ctx_area_fk100"], "CTX_AREA_NK100": body["ctx_area_nk100"]}

    def row(self, number: str, **params: str) -> Json:
        (found,) = self.rows(ODNO=number, **params)
        return found

    def balance(self) -> httpx.Response:
        asked = {
            "AFHR_FLPR_YN": "N",
            "OFL_YN": "",
            "INQR_DVSN": "01",
            "UNPR_DVSN": "01",
            "FUND_STTL_ICLD_YN": "N",
            "FNCG_AMT_AUTO_RDPT_YN": "N",
            "PRCS_DVSN": "00",
            "CTX_AREA_FK100": "",
            "CTX_AREA_NK100": "",
        }
        return self.get("inquire-balance", "TTTC8434R", asked)

    def cash(self) -> Json:
        found: Json = self.balance().json()["output2"][0]
        return found

    def held(self) -> dict[str, Json]:
        return {row["pdno"]: row for row in self.balance().json()["output1"]}

    # -- our own side -------------------------------------------------------------------------------------------------

    def sim(self, what: str, **body: object) -> Json:
        answer = self.http.post(f"/sim/{what}", json=body)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def fill(self, number: str, quantity: int | None = None) -> None:
        self.sim("fill", order_id=number, **({} if quantity is None else {"quantity": quantity}))

    def books(self) -> Json:
        found: Json = self.http.get("/sim/books").json()
        return found


@contextmanager
def venue(**more: Any) -> Iterator[tuple[RunningSimulator, Kis]]:
    """A simulator and a client that is logged in."""
    made = settings(**more)
    with in_thread(made) as running:
        client = Kis(running.http_url, is_paper=made.kis.is_paper).log_in()
        try:
            yield running, client
        finally:
            client.http.close()


class Socket:
    """A session: registers, and reads frames as (TR id, records)."""

    def __init__(self, running: RunningSimulator, approval_key: str) -> None:
        self.approval_key = approval_key
        self._open = ExitStack()
        path = running.ws_url + "/tryitout"
        self.raw: ClientConnection = self._open.enter_context(connect(path, compression=None, proxy=None))
        self.key = self.iv = ""

    def send(self, tr_id: str, tr_key: str, tr_type: str = "1") -> None:
        header = {
            "approval_key": self.approval_key,
            "custtype": "P",
            "tr_type": tr_type,
            "content-type": "utf-8",
        }
        self.raw.send(json.dumps({"header": header, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}}))

    def ask(self, tr_id: str, tr_key: str, tr_type: str = "1") -> Json:
        self.send(tr_id, tr_key, tr_type)
        return self.said()

    def said(self) -> Json:
        """The next text that is no frame."""
        while True:
            text = self.raw.recv(WITHIN_S)
            if text[0] == "{":
                found: Json = json.loads(text)
                return found

    def notices(self, hts_id: str = DEMO_KIS_HTS_ID, tr_id: str = "H0STCNI0") -> "Socket":
        answer = self.ask(tr_id, hts_id)
        assert answer["body"]["msg_cd"] == "OPSP0000", answer
        self.key, self.iv = answer["body"]["output"]["key"], answer["body"]["output"]["iv"]
        return self

    def frame(self, within_s: float = WITHIN_S) -> tuple[str, list[list[str]]]:
        while True:
            text = self.raw.recv(within_s)
            assert isinstance(text, str)
            if text[0] == "{":
                continue
            hidden, tr_id, count, payload = text.split("|", 3)
            plain = self._decrypt(payload) if hidden == "1" else payload
            values = plain.split("^")
            width = len(values) // int(count)
            assert width * int(count) == len(values)
            return tr_id, [values[at : at + width] for at in range(0, len(values), width)]

    def notice(self) -> list[str]:
        tr_id, (record,) = self.frame()
        assert tr_id in ("H0STCNI0", "H0STCNI9")
        return record

    def _decrypt(self, payload: str) -> str:
        decryptor = Cipher(algorithms.AES(self.key.encode()), modes.CBC(self.iv.encode())).decryptor()
        padded = decryptor.update(base64.b64decode(payload)) + decryptor.finalize()
        return padded[: -padded[-1]].decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
