"""When a refused key is said: told once when it begins, and once when a signed request is accepted again.

Where tokens are renewed, the first refusal is the renewal's business, and the one after it is said. An answer without a
signature proves nothing either way.
"""

import threading
from collections.abc import Callable

from bulkhead.venues.wire.facts import WireRequest

Told = Callable[[str | None], None]
"""Told why, and None when it is over. Called on the thread of the request."""


class AuthAlarm:
    """Thread-safe. `header` holds the key or token of what is signed, in lower case; refusals of so many of them as
    `allowed` are not yet said: of one that has expired several requests may learn at once."""

    def __init__(self, header: str, allowed: int = 0) -> None:
        self._header = header
        self._allowed = allowed
        self._lock = threading.Lock()
        self._refused: frozenset[str] = frozenset()
        self._is_key_refused = False
        self.on_change: Told = lambda reason: None

    @property
    def is_on(self) -> bool:
        return self._is_key_refused or len(self._refused) > self._allowed

    def key_refused(self, reason: str) -> None:
        """The key itself, with which tokens are asked for: there is nothing left to renew."""
        with self._lock:
            was_on, self._is_key_refused = self.is_on, True
        if not was_on:
            self.on_change(reason)

    def answered(self, request: WireRequest, refusal: str) -> None:
        """`refusal`: why the key was refused, in the venue's words; empty when it was not."""
        used = next((value for name, value in request.headers.items() if name.lower() == self._header), None)
        if used is None:
            return
        with self._lock:
            was_on = self.is_on
            self._refused = self._refused | {used} if refusal else frozenset()
            self._is_key_refused = self._is_key_refused and bool(refusal)
            has_changed = was_on != self.is_on
        if has_changed:
            self.on_change(refusal or None)
