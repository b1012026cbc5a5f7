"""The access token of an app key, and the approval key of its socket: asked for seldom, kept, renewed in time.

A token lives a day. The venue gives one a minute, and tells the customer by KakaoTalk each time: so it is kept in
memory, and over a restart in a file. Questions renew it half an hour before its end, so that an order seldom has to.
Nothing here shows a token or a key.
"""

import hashlib
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from bulkhead.venues.adapters.kis_settings import KisSettings
from bulkhead.venues.transport.http import HttpChannel, OnFault
from bulkhead.venues.transport.rate_budget import RATE_LIMITED, Purpose
from bulkhead.venues.transport.turns import Held, Turn, Turns
from bulkhead.venues.wire.facts import Answered, Family, HttpFact, ProtocolError, Verdict, WireRequest
from bulkhead.venues.wire.kis import auth, outcomes, terms

T = TypeVar("T")

_NS_PER_S = 1_000_000_000
ONE_A_MINUTE_NS = 60 * _NS_PER_S
RENEW_BEFORE_NS = 30 * ONE_A_MINUTE_NS
"""Before its end, by whoever asks a question."""
USABLE_BEFORE_NS = ONE_A_MINUTE_NS
"""Before its end, for an order or a cancel: their clock and ours may differ."""
APPROVAL_LIFE_NS = 23 * 3_600 * _NS_PER_S
"""It lives a day; its end is not stated."""
NO_TOKEN = "NO_TOKEN"  # noqa: S105 - a code


@dataclass(frozen=True, slots=True)
class NotGranted:
    """There is no token, or no approval key, and nothing that needs one was sent."""

    code: str
    reason: str
    retry_after_s: float | None = None
    is_refused: bool = False
    """The venue itself said no to the key."""

    @property
    def held(self) -> Held:
        return Held(self.code, self.reason, self.retry_after_s)


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """What is in the file."""

    owner: str
    token: auth.Token
    asked_ns: int


def read_kept(path: Path) -> Kept | None:
    """None: there is no such file. Raises OSError, and ValueError for what is no token of ours."""
    try:
        kept = json.loads(path.read_text())
        token = auth.Token(str(kept["token"]), int(kept["expires_ns"]), int(kept["lifetime_s"]))
        return Kept(str(kept["owner"]), token, int(kept["asked_ns"]))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError) as error:
        raise ValueError(f"no {error}") from None


class TokenStore:
    """Thread-safe: one asks, the others wait for what it gets."""

    def __init__(self, settings: KisSettings, turns: Turns, now_ns: Callable[[], int], on_fault: OnFault) -> None:
        self._settings = settings
        self._turns = turns
        self._now_ns = now_ns
        self._on_fault = on_fault
        self._lock = threading.Lock()
        self._token: auth.Token | None = None
        self._asked_ns: int | None = None
        self._last: NotGranted | None = None
        self._is_loaded = False

    def usable(self, purpose: Purpose) -> auth.Token | NotGranted:
        """May ask the venue, for as long as one exchange takes. Whoever has a token that is good enough does not wait
        for one who renews it early: a venue that hangs over that must not hold a cancel."""
        token = self._token
        if token is not None and self._is_good(token, purpose, self._now_ns()):
            return token
        with self._lock:
            if not self._is_loaded:
                self._is_loaded = True
                self._load()
            token, now_ns = self._token, self._now_ns()
            if token is not None and self._is_good(token, purpose, now_ns):
                return token
            granted = self._ask(now_ns)
            if isinstance(granted, auth.Token):
                self._token = granted
                self._save(granted)
                return granted
            if token is not None and now_ns < token.expires_ns:
                return token  # it was only to be renewed early
            return granted

    @staticmethod
    def _is_good(token: auth.Token, purpose: Purpose, now_ns: int) -> bool:
        is_question = purpose in (Purpose.QUERY, Purpose.SURVEY)
        return now_ns < token.expires_ns - (RENEW_BEFORE_NS if is_question else USABLE_BEFORE_NS)

    def refused(self, token: auth.Token) -> None:
        """The venue does not take it: it is not used again."""
        with self._lock:
            if self._token is not None and self._token.value == token.value:
                self._token = None

    def _ask(self, now_ns: int) -> auth.Token | NotGranted:
        if self._asked_ns is not None and 0 <= now_ns - self._asked_ns < ONE_A_MINUTE_NS:
            left_s = (self._asked_ns + ONE_A_MINUTE_NS - now_ns) / _NS_PER_S
            reason = f"an access token is asked for once a minute, the next one in {left_s:.0f} s"
            last = self._last
            if last is None:
                return NotGranted(RATE_LIMITED, reason, left_s)
            return replace(last, reason=f"{last.reason}; {reason}", retry_after_s=left_s)
        fact = ask(self._settings, self._turns, auth.token)
        if not isinstance(fact, Held):  # else nobody was asked, and it need not wait a minute for that
            self._asked_ns = now_ns
        granted = _granted(fact, auth.token_answer)
        self._last = granted if isinstance(granted, NotGranted) else None
        return granted

    # -- the file -----------------------------------------------------------------------------------------------------

    @property
    def _owner(self) -> str:
        """Of the key and host that it was given for, so that no other is ever used with it."""
        settings = self._settings
        named = f"{settings.host}|{settings.rest_url}|{settings.app_key.get_secret_value()}"
        return hashlib.sha256(named.encode()).hexdigest()

    def _load(self) -> None:
        """What cannot be read, or is another key's, is as if it were not there."""
        path = self._settings.token_file
        if path is None:
            return
        try:
            kept = read_kept(path)
        except (OSError, ValueError) as error:
            said = f"{path} cannot be used ({type(error).__name__}): the venue is asked for a new token"
            self._on_fault("token file", RuntimeError(said))
            return
        if kept is not None and kept.owner == self._owner:
            self._token, self._asked_ns = kept.token, kept.asked_ns

    def _save(self, token: auth.Token) -> None:
        path = self._settings.token_file
        if path is None:
            return
        kept = {
            "owner": self._owner,
            "token": token.value,
            "expires_ns": token.expires_ns,
            "lifetime_s": token.lifetime_s,
            "asked_ns": self._asked_ns,
        }
        try:
            _write_secret(path, json.dumps(kept))
        except OSError as error:
            said = f"{path} cannot be written ({type(error).__name__}): each start will ask the venue for a new token"
            self._on_fault("token file", RuntimeError(said))


class ApprovalKey:
    """Asked for when the socket connects; an open session outlives it. Thread-safe."""

    def __init__(self, settings: KisSettings, turns: Turns, now_ns: Callable[[], int]) -> None:
        self._settings = settings
        self._turns = turns
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._key: str | None = None
        self._asked_ns = 0

    def usable(self) -> str | NotGranted:
        with self._lock:
            now_ns = self._now_ns()
            if self._key is not None and 0 <= now_ns - self._asked_ns < APPROVAL_LIFE_NS:
                return self._key
            self._key, self._asked_ns = None, now_ns
            granted = _granted(ask(self._settings, self._turns, auth.approval), auth.approval_answer)
            if isinstance(granted, str):
                self._key = granted
            return granted

    def forget(self) -> None:
        """The venue does not take it."""
        with self._lock:
            self._key = None


def ask(settings: KisSettings, turns: Turns, make: Callable[[terms.Keys], WireRequest]) -> HttpFact | Held:
    """On a connection of its own, without waiting for a turn: whoever needs it can say when to come again."""
    with HttpChannel(settings.rest_url, settings.http) as channel:
        return turns.exchange(channel, Turn(Purpose.QUERY, 0.0, lambda: False), lambda: make(settings.keys))


def _granted(fact: HttpFact | Held, read: Callable[[HttpFact], T | Verdict | ProtocolError]) -> T | NotGranted:
    if isinstance(fact, Held):
        return NotGranted(fact.code, fact.reason, fact.retry_after_s)
    result = read(fact)
    if isinstance(result, ProtocolError):
        return NotGranted(NO_TOKEN, f"the answer to the app key cannot be read: {result.reason}")
    if not isinstance(result, Verdict):
        return result
    is_known = isinstance(fact, Answered) and outcomes.read_words(fact.text) is not None
    is_passing = result.family is Family.UNKNOWN or result.retry_after_s is not None
    reason = f"the request with the app key failed: {result.reason}"
    return NotGranted(result.code, reason, result.retry_after_s, is_refused=is_known and not is_passing)


def _write_secret(path: Path, text: str) -> None:
    """Whole or not at all, and readable by its owner only."""
    beside = path.with_name(f"{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    beside.replace(path)
