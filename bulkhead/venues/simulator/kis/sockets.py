"""The one WebSocket of an app key: registrations and their answers, PINGPONG, market data and notices.

What a client sends is answered, never fatal, but for what the venue itself ends a session over: an approval key that
it does not know, an HTS id that is not the customer's, a second session of the same app key.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from starlette.websockets import WebSocket

from bulkhead.venues.simulator.connections import PONGS_EXTENSION, Connection, Connections
from bulkhead.venues.simulator.faults import Faults
from bulkhead.venues.simulator.kis.cipher import SessionKey
from bulkhead.venues.simulator.kis.frames import BOOKS, TRADES, frame
from bulkhead.venues.simulator.kis.hours import kst
from bulkhead.venues.simulator.kis.settings import KisSection

NOTICES_REAL, NOTICES_PAPER = "H0STCNI0", "H0STCNI9"
Registration = tuple[str, str]
"""TR id and key."""
_OK, _FAILED, _FATAL = "0", "1", "9"


class Then(Enum):
    """What follows a client's message."""

    GO_ON = "go on"
    CLOSE = "close"
    CUT = "cut"
    """Without a word, as the real venue does for a wrong HTS id."""


@dataclass(eq=False)
class Session:
    connection: Connection
    key: SessionKey = field(default_factory=SessionKey.new)
    registrations: dict[Registration, None] = field(default_factory=dict)
    is_approved: bool = False
    pings_unanswered: int = 0


class Sockets:
    """Every open session; at most one of them is the app key's."""

    def __init__(
        self,
        settings: KisSection,
        is_approved: Callable[[object], bool],
        faults: Faults,
        now_ms: Callable[[], int],
        symbols: frozenset[str],
        on_book_wanted: Callable[[str], None],
    ) -> None:
        """`on_book_wanted` is told the symbol when somebody registers for its book."""
        self._settings = settings
        self._is_approved = is_approved
        self._faults = faults
        self._now_ms = now_ms
        self._symbols = symbols
        self._on_book_wanted = on_book_wanted
        self._current: Session | None = None
        self._notices = NOTICES_PAPER if settings.is_paper else NOTICES_REAL
        self.sent: dict[str, int] = {}
        """Frames by TR id."""
        self.refused_sessions = 0

    # -- out ----------------------------------------------------------------------------------------------------------

    def wants(self, tr_id: str, key: str) -> bool:
        return self._current is not None and (tr_id, key) in self._current.registrations

    def send_trades(self, symbol: str, records: list[list[str]]) -> None:
        for start in range(0, len(records), self._settings.records_per_frame):
            self._push(TRADES, symbol, frame(TRADES, records[start : start + self._settings.records_per_frame]))

    def send_book(self, symbol: str, record: list[str]) -> None:
        self._push(BOOKS, symbol, frame(BOOKS, [record]))

    def send_notice(self, values: list[str]) -> None:
        if self.wants(self._notices, self._settings.hts_id) and self._current is not None:
            hidden = self._current.key.encrypt("^".join(values))
            self._push(self._notices, self._settings.hts_id, frame(self._notices, [[hidden]], is_encrypted=True))

    def _push(self, tr_id: str, key: str, text: str) -> None:
        if key in self._faults.silent_streams:
            return
        if self.wants(tr_id, key) and self._current is not None and self._current.connection.push(text):
            self.sent[tr_id] = self.sent.get(tr_id, 0) + 1

    # -- in -----------------------------------------------------------------------------------------------------------

    def receive(self, session: Session, text: str) -> Then:
        """Carry out one message of the client."""
        try:
            message = json.loads(text)
            header = message["header"]
            tr_id = header["tr_id"] if header.get("tr_id") == "PINGPONG" else message["body"]["input"]["tr_id"]
            tr_key = "" if tr_id == "PINGPONG" else message["body"]["input"]["tr_key"]
        except (ValueError, KeyError, TypeError, AttributeError):
            self._answer(session, "(null)", "", _FAILED, "OPSP9999", "JSON PARSING ERROR")
            return Then.GO_ON
        if tr_id == "PINGPONG":
            session.pings_unanswered = 0
            return Then.GO_ON
        if not self._is_let_in(session, header.get("approval_key")):
            return Then.CLOSE
        if header.get("tr_type") == "1":
            return self._register(session, tr_id, tr_key)
        if header.get("tr_type") == "2":
            self._unregister(session, tr_id, tr_key)
        else:
            self._answer(session, tr_id, tr_key, _FAILED, "OPSP8993", "JSON PARSING ERROR : invalid tr_type")
        return Then.GO_ON

    def _is_let_in(self, session: Session, approval_key: object) -> bool:
        if session.is_approved:
            return True  # an open session outlives its key
        if not self._is_approved(approval_key):
            self._answer(session, "(null)", "", _FATAL, "OPSP0011", "invalid approval : NOT FOUND")
            return False
        holder = self._current
        if holder is not None and not holder.connection.is_closed:
            self.refused_sessions += 1
            if (self._faults.second_session or self._settings.second_session) == "refuse_new":
                self._answer(session, "(null)", "", _FATAL, "OPSP8996", "ALREADY IN USE appkey")
                return False
            self._answer(holder, "(null)", "", _FATAL, "OPSP8996", "ALREADY IN USE appkey")
            holder.connection.cut()
        session.is_approved = True
        self._current = session
        return True

    def _register(self, session: Session, tr_id: str, tr_key: str) -> Then:
        if tr_id not in (TRADES, BOOKS, self._notices):
            self._answer(session, tr_id, tr_key, _FAILED, "OPSP8991", "invalid tr_id")
        elif tr_id == self._notices and tr_key != self._settings.hts_id:
            return Then.CUT
        elif tr_id != self._notices and tr_key not in self._symbols:
            self._answer(session, tr_id, tr_key, _FAILED, "OPSP8992", "invalid tr_key")
        elif (tr_id, tr_key) in session.registrations:
            self._answer(session, tr_id, tr_key, _FAILED, "OPSP0002", "ALREADY IN SUBSCRIBE")
        elif len(session.registrations) >= self._settings.registrations:
            self._answer(session, tr_id, tr_key, _FAILED, "OPSP0008", "MAX SUBSCRIBE OVER")
        else:
            session.registrations[tr_id, tr_key] = None
            if tr_id == BOOKS:
                self._on_book_wanted(tr_key)
            self._answer(session, tr_id, tr_key, _OK, "OPSP0000", "SUBSCRIBE SUCCESS")
        return Then.GO_ON

    def _unregister(self, session: Session, tr_id: str, tr_key: str) -> None:
        if session.registrations.pop((tr_id, tr_key), "") is not None:
            self._answer(session, tr_id, tr_key, _FAILED, "OPSP0003", "UNSUBSCRIBE ERROR(not found!)")
        else:
            self._answer(session, tr_id, tr_key, _OK, "OPSP0001", "UNSUBSCRIBE SUCCESS")

    def _answer(self, session: Session, tr_id: object, tr_key: object, rt_cd: str, msg_cd: str, msg1: str) -> None:
        body: dict[str, object] = {"rt_cd": rt_cd, "msg_cd": msg_cd, "msg1": msg1}
        is_hidden = tr_id == self._notices
        if rt_cd == _OK:
            body["output"] = {"iv": session.key.iv, "key": session.key.key}
        header = {"tr_id": tr_id, "tr_key": tr_key, "encrypt": "Y" if is_hidden else "N"}
        session.connection.push(json.dumps({"header": header, "body": body}))

    # -- one connection -----------------------------------------------------------------------------------------------

    async def serve(self, websocket: WebSocket, connections: Connections) -> None:
        """From handshake to end."""
        connection = await connections.accept(websocket)
        if connection is None:
            return
        session = Session(connection)
        tasks = [asyncio.create_task(connection.write()), asyncio.create_task(self._ping(session))]
        try:
            while (text := await connection.receive()) is not None:
                then = self.receive(session, text)
                if then is Then.CLOSE:
                    await websocket.close(1000)
                if then is not Then.GO_ON:
                    break
        finally:
            if self._current is session:
                self._current = None
            if not connection.is_closed:
                connection.cut()
            connections.forget(connection)
            for task in tasks:
                task.cancel()

    async def _ping(self, session: Session) -> None:
        most = self._settings.unanswered_pings
        pongs: deque[bytes] = session.connection.websocket.scope.get("extensions", {}).get(PONGS_EXTENSION, deque())
        while not session.connection.is_closed:
            await asyncio.sleep(self._settings.ping_interval_s)
            if any(b"PINGPONG" in pong for pong in pongs):
                session.pings_unanswered = 0
            pongs.clear()
            if most is not None and session.pings_unanswered >= most:
                session.connection.cut()
                return
            session.pings_unanswered += 1
            at = kst(self._now_ms()).strftime("%Y%m%d%H%M%S")
            session.connection.push(json.dumps({"header": {"tr_id": "PINGPONG", "datetime": at}}))
