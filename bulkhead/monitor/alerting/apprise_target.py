"""A target that apprise knows: Telegram, Slack, e-mail and a hundred others, each by a URL. The only import of apprise.

The URL is a secret: it holds tokens, in any of its parts. Nothing of it is shown but the scheme, and the host where
that can only be a host. What apprise itself logs is kept from every log, for the same reason; of a failure only the
HTTP status, or that there was no connection, is told.
"""

import contextlib
import logging
import re
import threading
import warnings
from typing import NamedTuple
from urllib.parse import urlsplit

import apprise
from pydantic import SecretStr

from bulkhead.monitor.alerting.alarms import Notice, Severity

_WITH_HOST = frozenset({"json", "jsons", "xml", "xmls", "form", "forms", "gotify", "gotifys", "apprise", "apprises"})
"""Schemes whose host is a machine, never a token, a topic or a user."""
_TYPES = {
    Severity.INFO: apprise.NotifyType.INFO,
    Severity.P1: apprise.NotifyType.WARNING,
    Severity.P0: apprise.NotifyType.FAILURE,
}
_STATUS = re.compile(r"\berror=(\d{3})\b")
_NO_CONNECTION = re.compile(r"connection error|socket", re.IGNORECASE)
_LOGGERS = ("apprise", "urllib3", "requests")


class BadUrl(ValueError):
    """apprise cannot use it. Names its place among the others, never a word of it."""


class AppriseTarget:
    def __init__(self, url: SecretStr, name: str, label: str) -> None:
        """Raises BadUrl."""
        self.name, self._label = name, label
        with warnings.catch_warnings():  # apprise loads all its plugins; one imports what Python 3.13 drops
            warnings.simplefilter("ignore")
            asset = apprise.AppriseAsset(app_id="Bulkhead", async_mode=False)
            found = apprise.Apprise.instantiate(url.get_secret_value(), asset=asset)
        if found is None:
            raise BadUrl(f"{name} is no URL that apprise can use")
        self._plugin = found
        self._plugin.overflow_mode = apprise.OverflowMode.TRUNCATE  # a text that is too long is refused for ever

    def send(self, notice: Notice) -> str | None:
        """In the calling thread, for as long as the plugin takes."""
        _listener.forget()
        title = f"{notice.severity.name} {self._label}"
        if self._plugin.notify(body=notice.text, title=title, notify_type=_TYPES[notice.severity]):
            return None
        return _listener.reason()


class _Listener(logging.Handler):
    """Takes from apprise's own words why a target failed, thread by thread, and lets nothing else of them through."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._said = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        status = _STATUS.search(text)
        if status is not None:
            self._said.why = f"HTTP status {status.group(1)}"
        elif _NO_CONNECTION.search(text):
            self._said.why = "no connection, or no answer in time"

    def forget(self) -> None:
        self._said.why = None

    def reason(self) -> str:
        return getattr(self._said, "why", None) or "apprise could not send it"


class Named(NamedTuple):
    url: SecretStr
    name: str


def named(text: SecretStr) -> tuple[Named, ...]:
    """The URLs in a secret, parted by white space, each with a name that may be shown."""
    urls = text.get_secret_value().split()
    return tuple(Named(SecretStr(url), f"{_shown(url)} ({number})") for number, url in enumerate(urls, start=1))


def _shown(url: str) -> str:
    scheme, is_url, _ = url.partition("://")
    if not is_url or scheme.lower() not in _schemes():
        return "alert URL"  # who knows what stands there
    host = None
    if scheme.lower() in _WITH_HOST:
        with contextlib.suppress(ValueError):
            host = urlsplit(url).hostname
    return f"{scheme.lower()}://{host or '…'}"


def _schemes() -> frozenset[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return frozenset(apprise.NotificationManager().schemas())  # type: ignore[no-untyped-call]


def _keep_quiet() -> _Listener:
    listener = _Listener()
    for name in _LOGGERS:
        chatty = logging.getLogger(name)
        chatty.propagate = False
        chatty.addHandler(logging.NullHandler())
    talker = logging.getLogger(_LOGGERS[0])
    talker.setLevel(logging.WARNING)
    talker.addHandler(listener)
    return listener


_listener = _keep_quiet()
