"""A small scripted KIS on loopback, for what the simulated venue would not do: real sockets, no product code but the
cipher's of the samples. It keeps orders as rows of its list, and nothing happens to them but what a test does."""

import contextlib
import json
import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from bulkhead.venues.wire.kis_fields import kst_ns
from tests.venues.transport.peers import tcp_peer, ws_peer
from tests.venues.wire import kis_samples as samples

ACCOUNT, PRODUCT, HTS_ID = "12345678", "01", "HTSUSER1"
BRANCH = "06010"
TOKEN, APPROVAL = "/oauth2/tokenP", "/oauth2/Approval"
_TRADING = "/uapi/domestic-stock/v1/trading"
ORDER, CHANGE = f"{_TRADING}/order-cash", f"{_TRADING}/order-rvsecncl"
LIST, BALANCE = f"{_TRADING}/inquire-daily-ccld", f"{_TRADING}/inquire-balance"
PRICE = "/uapi/domestic-stock/v1/quotations/inquire-price"
PAGE = 15
Row = dict[str, str]
Answer = tuple[int, str]
NEVER: Answer = (0, "")
"""The connection is closed instead."""
CUT = "cut"
"""The same of the socket, instead of an acknowledgement."""


def refusal(code: str, words: str = "refused", status: int = 500) -> Answer:
    return status, json.dumps({"rt_cd": "1", "msg_cd": code, "msg1": words})


_BEGAN_NS = time.monotonic_ns()


def now_ns() -> int:
    """The one clock of peer and adapter, Unix ns: a Monday morning in Korea, so that no test runs into another day."""
    return kst_ns("20261123", "100000") + time.monotonic_ns() - _BEGAN_NS


def kst(offset: timedelta = timedelta(0)) -> datetime:
    return datetime.fromtimestamp(now_ns() / 1e9, UTC) + timedelta(hours=9) + offset


class KisPeer:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, str]]] = []
        """Path, and what was asked: body, query and tr_id."""
        self.at: list[tuple[str, float]] = []
        self.scripts: dict[str, deque[Answer]] = defaultdict(deque)
        """Answers to be given first, by path."""
        self.before: dict[str, Callable[[], None]] = {}
        """Called when a request of this path has been read and nothing of it is carried out."""
        self.cancels: Callable[[Row], None] = cancelled
        """What becomes of an order whose cancel is taken."""
        self.rows: list[Row] = []
        self.cash = "1000000"
        self.holdings: list[dict[str, str]] = []
        self.priced: dict[str, dict[str, str]] = {}
        self.token, self.token_life = samples.ACCESS_TOKEN, timedelta(days=1)
        self.valid_tokens: set[str] | None = None
        """None: all."""
        self.pongs: list[str] = []
        self.subscribed: list[tuple[str, str]] = []
        self.approvals: list[str] = []
        self.acks: deque[str] = deque()
        """Given instead of the true ones."""
        self.sockets: list[ServerConnection] = []
        self._number = 4711
        self._lock = threading.Lock()

    def asked(self, path: str) -> list[dict[str, str]]:
        with self._lock:
            return [asked for at, asked in self.lines if at == path]

    # -- what a test does ---------------------------------------------------------------------------------------------

    def place(self, symbol: str = "005930", side: str = "02", quantity: str = "10", **more: str) -> Row:
        """An order that nobody has asked for: placed by hand."""
        with self._lock:
            self._number += 1
            row = {
                **samples.LISTED_ROW,
                "ord_dt": kst().strftime("%Y%m%d"),
                "ord_tmd": kst().strftime("%H%M%S"),
                "odno": f"{self._number:010}",
                "pdno": symbol,
                "sll_buy_dvsn_cd": side,
                "ord_qty": quantity,
                "rmn_qty": quantity,
                "tot_ccld_qty": "0",
                "tot_ccld_amt": "0",
                "avg_prvs": "0",
                **more,
            }
            self.rows.append(row)
            return row

    def push(self, text: str) -> None:
        self.sockets[-1].send(text)

    def notice(self, row: Row, at: dict[int, str] | None = None, **more: Any) -> None:
        """Of a fill, unless `at` says otherwise."""
        changed = {1: ACCOUNT + PRODUCT, 2: row["odno"], 8: row["pdno"], 11: row["ord_tmd"], **(at or {})}
        self.push(samples.encrypted(samples.notice(samples.FILL_26, changed), **more))

    # -- HTTP ---------------------------------------------------------------------------------------------------------

    def handle(self, connection: socket.socket) -> None:
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                piece = connection.recv(65_536)
                if not piece:
                    return
                data += piece
            head, _, data = data.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", "0"))
            while len(data) < length:
                data += connection.recv(65_536)
            body, data = data[:length].decode(), data[length:]
            status, text, more = self._answer(first.split(" ")[1], headers, body)
            if not status:
                return
            sent = text.encode()
            lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(sent)}", *more, "", ""]
            connection.sendall("\r\n".join(lines).encode() + sent)

    def _answer(self, target: str, headers: dict[str, str], body: str) -> tuple[int, str, list[str]]:
        parts = urlsplit(target)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True)) | (json.loads(body) if body else {})
        asked["tr_id"] = headers.get("tr_id", "")
        asked["token"] = headers.get("authorization", "").removeprefix("Bearer ")
        with self._lock:
            self.lines.append((parts.path, asked))
            self.at.append((parts.path, time.monotonic()))
            script = self.scripts[parts.path]
            scripted = script.popleft() if script else None
        before = self.before.get(parts.path)
        if before is not None:
            before()
        if scripted is not None:
            return *scripted, []
        if self.valid_tokens is not None and asked["token"] not in self.valid_tokens and "/oauth2/" not in parts.path:
            return *refusal("EGW00123", "기간이 만료된 token 입니다."), []
        answer: tuple[int, str, list[str]] = getattr(self, f"_{parts.path.rsplit('/', 1)[1].replace('-', '_')}")(asked)
        return answer

    def _tokenP(self, _: dict[str, str]) -> tuple[int, str, list[str]]:  # noqa: N802 -- the path's own name
        expires = kst(self.token_life).strftime("%Y-%m-%d %H:%M:%S")
        known = json.loads(samples.TOKEN)
        return 200, json.dumps({**known, "access_token": self.token, "access_token_token_expired": expires}), []

    def _Approval(self, _: dict[str, str]) -> tuple[int, str, list[str]]:  # noqa: N802
        return 200, samples.APPROVAL, []

    def _order_cash(self, asked: dict[str, str]) -> tuple[int, str, list[str]]:
        side = "02" if asked["tr_id"].endswith("12U") else "01"
        row = self.place(
            asked["PDNO"], side, asked["ORD_QTY"], ord_unpr=asked["ORD_UNPR"], ord_dvsn_cd=asked["ORD_DVSN"]
        )
        return 200, self.sent(row), []

    @staticmethod
    def sent(row: Row) -> str:
        output = {"KRX_FWDG_ORD_ORGNO": BRANCH, "ODNO": row["odno"], "ORD_TMD": row["ord_tmd"]}
        return json.dumps({"rt_cd": "0", "msg_cd": "APBK0013", "msg1": "주문 전송 완료 되었습니다.", "output": output})

    def _order_rvsecncl(self, asked: dict[str, str]) -> tuple[int, str, list[str]]:
        row = next((row for row in self.rows if row["odno"] == asked["ORGN_ODNO"]), None)
        if row is None or row["rmn_qty"] == "0":
            return *refusal("APBK0344", "정정취소할 수량이 없습니다."), []
        request = self.place(row["pdno"], row["sll_buy_dvsn_cd"], row["ord_qty"], rmn_qty="0", orgn_odno=row["odno"])
        self.cancels(row)
        return 200, self.sent(request), []

    def _inquire_daily_ccld(self, asked: dict[str, str]) -> tuple[int, str, list[str]]:
        rows = [row for row in self.rows if asked["INQR_STRT_DT"] <= row["ord_dt"] <= asked["INQR_END_DT"]]
        rows = [row for row in rows if not asked["ODNO"] or row["odno"] == asked["ODNO"]]
        rows = [row for row in rows if asked["CCLD_DVSN"] == "00" or row["rmn_qty"] != "0"]
        rows.sort(key=lambda row: (row["ord_dt"], row["odno"]), reverse=asked["INQR_DVSN"] == "00")
        start = int(asked["CTX_AREA_NK100"].strip() or 0)
        page, more = rows[start : start + PAGE], start + PAGE < len(rows)
        body = {
            "ctx_area_fk100": "x".ljust(100),
            "ctx_area_nk100": (str(start + PAGE) if more else "").ljust(100),
            "output1": page,
            "output2": {},
            "rt_cd": "0",
            "msg_cd": "KIOK0510",
            "msg1": "ok",
        }
        return 200, json.dumps(body), [f"tr_cont: {'M' if more else 'D'}"]

    def _inquire_balance(self, _: dict[str, str]) -> tuple[int, str, list[str]]:
        known = json.loads(samples.BALANCE)
        known["output1"] = self.holdings
        known["output2"][0]["prvs_rcdl_excc_amt"] = self.cash
        return 200, json.dumps(known), ["tr_cont: D"]

    def _inquire_price(self, asked: dict[str, str]) -> tuple[int, str, list[str]]:
        output = {"stck_prpr": "0", "aspr_unit": "0", "stck_llam": "0", "stck_mxpr": "0", "stck_sdpr": "0"}
        output |= self.priced.get(asked["FID_INPUT_ISCD"], {})
        return 200, json.dumps({"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "ok", "output": output}), []

    # -- the socket ---------------------------------------------------------------------------------------------------

    def talk(self, connection: ServerConnection) -> None:
        hear = connection.protocol.recv_frame

        def spy(frame: Any) -> None:
            if frame.opcode.name == "PONG":
                self.pongs.append(bytes(frame.data).decode())
            hear(frame)

        connection.protocol.recv_frame = spy  # type: ignore[method-assign]
        self.sockets.append(connection)
        with contextlib.suppress(ConnectionClosed):
            self._listen(connection)

    def _listen(self, connection: ServerConnection) -> None:
        for text in connection:
            message = json.loads(text)
            asked = message["body"]["input"]
            self.approvals.append(message["header"]["approval_key"])
            self.subscribed.append((asked["tr_id"], asked["tr_key"]))
            if self.acks:
                ack = self.acks.popleft()
                if ack == CUT:
                    return
                if ack:
                    connection.send(ack)
            elif asked["tr_id"] == "H0STCNI9":
                connection.send(samples.NOTICES_SUBSCRIBED)
            else:
                connection.send(samples.ack("OPSP0000", "SUBSCRIBE SUCCESS", asked["tr_id"]))


def filled(row: Row, quantity: int, price: int = 71_000) -> None:
    """So much more of it."""
    row["tot_ccld_qty"] = str(int(row["tot_ccld_qty"]) + quantity)
    row["tot_ccld_amt"] = str(int(row["tot_ccld_amt"]) + quantity * price)
    row["rmn_qty"] = str(int(row["rmn_qty"]) - quantity)


def cancelled(row: Row) -> None:
    row["cncl_cfrm_qty"], row["rmn_qty"] = row["rmn_qty"], "0"


@contextlib.contextmanager
def kis_peer() -> Iterator[tuple[KisPeer, int, str]]:
    """The peer, the port of its REST side, and the URL of its socket."""
    peer = KisPeer()
    with tcp_peer(peer.handle, at_once=True) as port, ws_peer(peer.talk) as url:
        yield peer, port, url
