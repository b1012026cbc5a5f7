"""Access tokens and approval keys: who may come in, for how long, and how often one is given.

A token lives for 24 hours and is given once a minute; asked for again within six hours the venue gives the same one.
Kept in the books, so that a venue which was restarted knows those it gave.
"""

import json
import secrets

from bulkhead.venues.simulator.books import Books
from bulkhead.venues.simulator.kis import errors
from bulkhead.venues.simulator.kis.hours import kst
from bulkhead.venues.simulator.kis.settings import KisSection

Json = dict[str, object]
_DAY_MS, _SAME_FOR_MS, _ONCE_IN_MS = 86_400_000, 6 * 3_600_000, 60_000
_MOST_KEPT = 100
_META = "kis/keys"


class Keys:
    def __init__(self, settings: KisSection, store: Books) -> None:
        self._settings = settings
        self._store = store
        kept = json.loads(store.meta(_META) or "{}")
        self._tokens: dict[str, int] = kept.get("tokens", {})
        """When each expires, in Unix ms of the venue."""
        self._approvals: dict[str, int] = kept.get("approvals", {})
        self._current: str = kept.get("current", "")
        self._issued_ms: int | None = kept.get("issued_ms")
        self._answered_ms: int | None = kept.get("answered_ms")

    def _save(self) -> None:
        for given in (self._tokens, self._approvals):
            while len(given) > _MOST_KEPT:
                del given[next(iter(given))]
        kept = {
            "tokens": self._tokens,
            "approvals": self._approvals,
            "current": self._current,
            "issued_ms": self._issued_ms,
            "answered_ms": self._answered_ms,
        }
        self._store.put_meta({_META: json.dumps(kept)})

    # -- /oauth2 ------------------------------------------------------------------------------------------------------

    def issue_token(self, body: Json, now_ms: int) -> Json:
        """POST /oauth2/tokenP. Raises KisRefused."""
        self._check_pair(body, "appsecret")
        if self._answered_ms is not None and now_ms - self._answered_ms < _ONCE_IN_MS:
            raise errors.tokens_too_fast()
        self._answered_ms = now_ms
        if self._issued_ms is None or now_ms - self._issued_ms >= _SAME_FOR_MS or self._current not in self._tokens:
            self._current, self._issued_ms = secrets.token_urlsafe(240), now_ms
            self._tokens[self._current] = now_ms + _DAY_MS
        self._save()
        expires_ms = self._tokens[self._current]
        return {
            "access_token": self._current,
            "access_token_token_expired": kst(expires_ms).strftime("%Y-%m-%d %H:%M:%S"),
            "token_type": "Bearer",
            "expires_in": (expires_ms - now_ms) // 1000,
        }

    def revoke_token(self, body: Json) -> Json:
        """POST /oauth2/revokeP. Raises KisRefused."""
        self._check_pair(body, "appsecret", has_grant=False)
        token = body.get("token")
        if not isinstance(token, str) or self._tokens.pop(token, None) is None:
            raise errors.KisRefused("EGW00121", "유효하지 않은 token 입니다.", status=403, is_oauth=True)
        self._save()
        return {"code": 200, "message": "접근토큰 폐기에 성공하였습니다"}

    def issue_approval(self, body: Json, now_ms: int) -> Json:
        """POST /oauth2/Approval. Raises KisRefused."""
        self._check_pair(body, "secretkey")
        key = f"{secrets.token_hex(4)}-{secrets.token_hex(2)}-{secrets.token_hex(2)}-{secrets.token_hex(6)}"
        self._approvals[key] = now_ms + _DAY_MS
        self._save()
        return {"approval_key": key}

    def _check_pair(self, body: Json, secret_name: str, *, has_grant: bool = True) -> None:
        if has_grant and body.get("grant_type") != "client_credentials":
            raise errors.bad_grant()
        if body.get("appkey") != self._settings.app_key:
            raise errors.bad_app_key(is_oauth=True)
        if body.get(secret_name) != self._settings.app_secret:
            raise errors.bad_app_secret(is_oauth=True)

    # -- who comes ----------------------------------------------------------------------------------------------------

    def check_app(self, app_key: str | None, app_secret: str | None) -> None:
        """Of the headers of any call outside of /oauth2. Raises KisRefused."""
        if app_key != self._settings.app_key:
            raise errors.bad_app_key(is_oauth=False)
        if app_secret != self._settings.app_secret:
            raise errors.bad_app_secret(is_oauth=False)

    def check_token(self, authorization: str | None, now_ms: int) -> None:
        """Raises KisRefused."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme != "Bearer" or not token:
            raise errors.token_missing()
        expires_ms = self._tokens.get(token)
        if expires_ms is None:
            raise errors.token_invalid()
        if now_ms >= expires_ms:
            raise errors.token_expired()

    def is_approved(self, key: object, now_ms: int) -> bool:
        return isinstance(key, str) and self._approvals.get(key, 0) > now_ms

    def expire_tokens(self) -> None:
        """As if a day had passed; the next may be asked for at once."""
        self._tokens = dict.fromkeys(self._tokens, 0)
        self._issued_ms = self._answered_ms = None
        self._save()
