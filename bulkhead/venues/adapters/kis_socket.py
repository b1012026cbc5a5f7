"""The one WebSocket of an app key at KIS: market data and notices of orders, for ever.

The venue allows one session of an app key, and 41 registrations in it. Who listens is known before it connects: orders,
a feed, or both; the socket stands while one of them is open. Notices are encrypted with a key that comes with the
answer to their registration: only then are they up.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from bulkhead.venues.adapters.kis_settings import KisSettings
from bulkhead.venues.adapters.kis_tokens import ApprovalKey, NotGranted
from bulkhead.venues.transport.http import OnFault
from bulkhead.venues.transport.ws import WsHandler, WsReader
from bulkhead.venues.transport.ws_connection import ConnectionLost, WsConnection
from bulkhead.venues.wire.facts import ProtocolError
from bulkhead.venues.wire.kis import streams, terms
from bulkhead.venues.wire.kis_cipher import NoticeKey

_MAX_MESSAGES_BEFORE_ACK = 10_000
_INVALID_APPROVAL = "OPSP0011"
_NOTICES = (terms.NOTICES.real, terms.NOTICES.paper)
_CUT_AT_NOTICES = "that was at the registration for notices: check hts_id, a wrong one is cut off without a word"
"""As users of the venue tell; our simulated venue does so, too."""
_WHAT_TO_DO = {
    "OPSP0010": "check the app key and its host",
    _INVALID_APPROVAL: "a new approval key is asked for",
    "OPSP8996": "end the other program that uses this app key, or give this one an app key of its own",
}


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """Called on the reader's thread; `on_up` also on the one that opens it while the socket stands."""

    tr_ids: tuple[tuple[str, str], ...]
    """Registrations: stream and key (a symbol, or the HTS id)."""
    on_frame: Callable[[streams.Frame, NoticeKey | None], None]
    on_unread: Callable[[ProtocolError], None]
    on_up: Callable[[], None]
    on_down: Callable[[str, int], None]
    """Reason, and which failure in a row this is, from 1."""
    needs_key: bool = False
    """It is up when its registration is acknowledged with a key; else with the socket."""


def registrations_of(settings: KisSettings) -> tuple[tuple[tuple[str, str], ...], tuple[str, str]]:
    """Of the market data, and of the notices. Raises ValueError where the venue would refuse the last of them."""
    streams_of = {"trade": terms.TRADES, "book": terms.BOOK}
    names = [streams_of[name].at(settings.wire_host) for name in dict.fromkeys(settings.streams)]
    market = tuple((tr_id, symbol) for symbol in dict.fromkeys(settings.symbols) for tr_id in names)
    if len(market) + 1 > terms.MAX_REGISTRATIONS:
        fit = (terms.MAX_REGISTRATIONS - 1) // max(1, len(names))
        raise ValueError(
            f"{len(settings.symbols)} symbols with {len(names)} streams each, and the notices, are {len(market) + 1} "
            f"registrations; the venue has {terms.MAX_REGISTRATIONS} for an app key: watch {fit} symbols at most, "
            "or fewer streams of each"
        )
    return market, (terms.NOTICES.at(settings.wire_host), settings.hts_id.get_secret_value())


class KisSocket:
    def __init__(self, settings: KisSettings, approval: ApprovalKey, rng: random.Random, on_fault: OnFault) -> None:
        self._settings = settings
        self._approval = approval
        self._rng, self._on_fault = rng, on_fault
        # Held while a listener is told of up and down, so that each hears them in the order in which they came.
        self._lock = threading.RLock()
        self._known: list[Listener] = []
        self._open: list[Listener] = []
        self._registered: tuple[Listener, ...] = ()
        self._reader: WsReader | None = None
        self._connection: WsConnection | None = None
        self._notice_key: NoticeKey | None = None
        self._is_answered = False
        self._is_up = False
        self.refused: dict[str, str] = {}
        """Registrations of market data that the venue did not take, and why."""

    def add(self, listener: Listener) -> None:
        """Whoever may listen says so when it is made: then one connection serves all of them."""
        with self._lock:
            self._known.append(listener)

    def open(self, listener: Listener) -> None:
        with self._lock:
            self._open.append(listener)
            if self._reader is None:
                self._reader = self._make_reader()
                self._reader.start()
            elif self._is_up and listener in self._registered and (self._notice_key or not listener.needs_key):
                listener.on_up()
            elif self._is_up:
                self._reader.drop("there is more to register")

    def close(self, listener: Listener, deadline_s: float) -> bool:
        """The last one ends the connection. True if that came to its end in time."""
        with self._lock:
            self._open = [each for each in self._open if each is not listener]
            if self._open or self._reader is None:
                return True
            reader, self._reader, self._is_up = self._reader, None, False
        return reader.close(deadline_s)

    def _make_reader(self) -> WsReader:
        settings = self._settings
        handler = WsHandler(on_text=self._on_text, on_up=self._on_up, on_down=self._on_down)
        name = f"{settings.venue}-socket"
        return WsReader(name, settings.ws_url, handler, self._rng, self._on_fault, settings.ws, settings.backoff)

    # -- on the reader's thread ---------------------------------------------------------------------------------------

    def _on_up(self, connection: WsConnection) -> None:
        with self._lock:
            listeners = tuple(self._known)
            self._connection, self._notice_key, self._registered = connection, None, listeners
            self._is_answered = False
        key = self._approval.usable()
        if isinstance(key, NotGranted):
            raise ConnectionLost(f"there is no approval key: {key.reason} (code {key.code})")
        self.refused.clear()
        # Those that wait for a key first. And the first one alone: a session that the venue does not want is told so in
        # its answer, and cut; whoever is still writing then would not hear why.
        wanted = [one for each in sorted(listeners, key=lambda each: not each.needs_key) for one in each.tr_ids]
        for tr_id, tr_key in dict.fromkeys(wanted):
            connection.send(streams.subscribe(key, tr_id, tr_key, self._settings.customer))
            if not self._is_answered:
                self._first_answer(connection, tr_id)
        with self._lock:
            self._is_up = True
            for listener in self._listening():
                listener.on_up()

    def _first_answer(self, connection: WsConnection, tr_id: str) -> None:
        """A venue that cuts or keeps silent may not know the key any more: it is asked for anew, not used all day."""
        try:
            self._await_answer(connection)
        except ConnectionLost as lost:
            if self._is_answered:
                raise
            self._approval.forget()
            if tr_id not in _NOTICES:
                raise
            raise ConnectionLost(f"{lost}; {_CUT_AT_NOTICES}") from lost

    def _await_answer(self, connection: WsConnection) -> None:
        for _ in range(_MAX_MESSAGES_BEFORE_ACK):
            self._on_text(connection.receive_one(self._settings.subscribe_timeout_s))
            if self._is_answered:
                return
        raise ConnectionLost("the first registration was never answered")

    def _on_down(self, reason: str, attempt: int) -> None:
        with self._lock:
            self._is_up, self._connection = False, None
            for listener in tuple(self._open):
                listener.on_down(reason, attempt)

    def _on_text(self, text: str) -> None:
        message = streams.message(text)
        if isinstance(message, streams.Ping):
            if self._connection is not None:
                self._connection.pong(message.text)
        elif isinstance(message, streams.Ack):
            self._on_ack(message)
        elif isinstance(message, streams.Frame):
            for listener in self._listening():
                if any(message.tr_id == tr_id for tr_id, _ in listener.tr_ids):
                    listener.on_frame(message, self._notice_key)
        else:
            # Whose it was nobody can say; the one that must not miss anything looks for itself.
            for listener in sorted(self._listening(), key=lambda each: not each.needs_key)[:1]:
                listener.on_unread(message)

    def _listening(self) -> tuple[Listener, ...]:
        with self._lock:
            return tuple(each for each in self._open if each in self._registered)

    def _on_ack(self, ack: streams.Ack) -> None:
        """Raises ConnectionLost where the connection is of no use."""
        said = f"{ack.reason} (code {ack.code})"
        self._is_answered = True
        if ack.meaning is streams.Meaning.KEY_REFUSED:
            if ack.code == _INVALID_APPROVAL:
                self._approval.forget()
            raise ConnectionLost(f"{said}: {_WHAT_TO_DO.get(ack.code, 'check the app key')}")
        if ack.tr_id not in _NOTICES:
            if ack.meaning is streams.Meaning.REFUSED:
                self.refused[f"{ack.tr_id} {ack.tr_key}"] = said
                for listener in self._listening():
                    if not listener.needs_key:
                        reason = f"the venue does not tell {ack.tr_id} of {ack.tr_key}: {said}"
                        listener.on_unread(ProtocolError(reason, ack.code))
            return
        if ack.notice_key is not None and ack.meaning is streams.Meaning.SUBSCRIBED:
            self._notice_key = ack.notice_key
        elif self._notice_key is None and any(each.needs_key for each in self._listening()):
            what = "came without a key to read them" if ack.meaning is streams.Meaning.SUBSCRIBED else "was refused"
            raise ConnectionLost(f"the registration for notices {what}: {said}; check hts_id")
