"""The dead-man heartbeat: a request to a URL every so often, whose absence is an alarm somewhere else.

It is earned: sent only while every critical actor has answered lately (the pulse calls `watchdog`) and nothing else
keeps the house from being ready. A process that lives and is of no use falls silent (field lessons L29, L30).
"""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import NamedTuple, Self
from urllib.parse import urlsplit, urlunsplit

from loguru import logger
from pydantic import SecretStr

from bulkhead.monitor.alerting.alarms import HeartbeatStatus

MAX_RETRY_S = 10.0
"""A beat that failed is tried again after this, or after the interval if that is shorter."""
FIRST_LOOK_S = 0.5
MAX_SAID = 2_000
"""Signs of a P0 that go with the failure signal."""


class HeartbeatSettings(NamedTuple):
    interval_s: float = 60.0
    timeout_s: float = 10.0
    """Of connecting, and of each read."""
    fail_suffix: str = ""
    """Behind the URL's path, to say at once that something is wrong: `/fail` at healthchecks.io; empty: never."""


class BadHeartbeatUrl(ValueError):
    """Not http or https; without a word of it."""


class Heartbeat:
    def __init__(self, url: SecretStr, settings: HeartbeatSettings) -> None:
        """Raises BadHeartbeatUrl."""
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadHeartbeatUrl("the heartbeat's URL does not begin with http:// or https://")
        self._url, self._settings = url, settings
        self._status = HeartbeatStatus()
        self._changed = threading.Condition()
        self._earned_s: float | None = None
        self._failure: str | None = None
        self._is_ending = False
        self._began_s = 0.0
        self._why_unready: Callable[[], str | None] = lambda: None
        self._thread: threading.Thread | None = None

    def start(self, why_unready: Callable[[], str | None]) -> None:
        """`why_unready` is asked before each beat, on the heartbeat's own thread; None: all is well."""
        self._why_unready, self._began_s = why_unready, time.monotonic()
        self._thread = threading.Thread(target=self._work, name="heartbeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No more beats: whoever waits for them hears of the end by that. Does not wait for one on its way."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()

    def status(self) -> HeartbeatStatus:
        return self._status

    # -- earned -------------------------------------------------------------------------------------------------------

    @property
    def watchdog_s(self) -> float:
        """As the pulse wants it: it asks the actors four times in this time."""
        return self._settings.interval_s

    def watchdog(self) -> None:
        """Every critical actor has answered lately."""
        self._earned_s = time.monotonic()

    def fail(self, text: str) -> None:
        """Something is wrong: said at once, where the other end takes that."""
        if self._settings.fail_suffix:
            with self._changed:
                self._failure = text
                self._changed.notify()

    def send_once(self) -> str | None:
        """One beat now, whether earned or not. None: it was taken; else why not."""
        return self._request(self._url.get_secret_value(), None)

    # -- in the thread ------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        next_s = time.monotonic()
        while True:
            with self._changed:
                pause_s = next_s - time.monotonic()
                if pause_s > 0 and not self._is_ending and self._failure is None:
                    self._changed.wait(pause_s)
                failure, self._failure = self._failure, None
                if self._is_ending:
                    return
            if failure is not None:
                self._say_failure(failure)
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + self._turn()

    def _turn(self) -> float:
        """Beat, or withhold it; seconds until the next."""
        interval_s = self._settings.interval_s
        if self._earned_s is None and time.monotonic() - self._began_s < interval_s:
            return FIRST_LOOK_S  # nobody has been asked long enough yet
        withheld = self._why_withheld()
        if withheld is not None:
            if self._status.withheld is None:
                logger.warning("the heartbeat is withheld: {}", withheld)
            self._status = self._status.model_copy(update={"withheld": withheld})
            return min(interval_s, MAX_RETRY_S)
        why = self.send_once()
        before = self._status
        self._status = _after(before, why)
        if why is not None and before.failing_since_ns is None:
            logger.warning("the heartbeat does not get through: {}", why)
        elif why is None and before.failing_since_ns is not None:
            logger.warning("the heartbeat gets through again")
        return interval_s if why is None else min(interval_s, MAX_RETRY_S)

    def _why_withheld(self) -> str | None:
        if self._earned_s is None or time.monotonic() - self._earned_s > self._settings.interval_s:
            return "an actor of the order path does not answer"
        return self._why_unready()

    def _say_failure(self, text: str) -> None:
        parts = urlsplit(self._url.get_secret_value())
        url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + self._settings.fail_suffix))
        why = self._request(url, text[:MAX_SAID].encode())
        if why is not None:
            logger.warning("the heartbeat's failure signal does not get through: {}", why)

    def _request(self, url: str, body: bytes | None) -> str | None:
        request = urllib.request.Request(url, data=body, headers={"User-Agent": "bulkhead"})  # noqa: S310 - http(s)
        try:
            with urllib.request.urlopen(request, timeout=self._settings.timeout_s):  # noqa: S310 - http(s), see above
                return None
        except urllib.error.HTTPError as error:
            error.close()
            return f"HTTP status {error.code}"
        except Exception as error:  # noqa: BLE001 - its words may name the address, which is a secret
            return "no connection, or no answer in time" if isinstance(error, OSError) else type(error).__name__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _after(before: HeartbeatStatus, why: str | None) -> HeartbeatStatus:
    now_ns = time.time_ns()
    if why is None:
        return HeartbeatStatus(last_sent_ns=now_ns)
    since_ns = before.failing_since_ns or now_ns
    return HeartbeatStatus(last_sent_ns=before.last_sent_ns, failing_since_ns=since_ns, why=why)
