"""Getting in at KIS: access token, approval key for the WebSocket, hashkey. Requests, and readers that never raise.

A token lives a day; asked for again within six hours the venue gives the same one. It is given once a minute, and the
customer is told by KakaoTalk each time: whoever asks keeps it. Nothing here shows a token, a key or a secret, neither
in `repr` nor in the raw text of an error.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.facts import Answered, HttpFact, ProtocolError, Verdict, WireRequest
from bulkhead.venues.wire.fields import JsonObject, Malformed
from bulkhead.venues.wire.kis_fields import guarded_secret, kst_ns, without_secrets
from bulkhead.venues.wire.kis_outcomes import judge, read_words
from bulkhead.venues.wire.kis_terms import APPROVALS, ONE_REQUEST, TOKENS, Keys, is_header_safe

T = TypeVar("T")

_JSON = {"content-type": "application/json; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Token:
    """For the header `authorization: Bearer …` of every call of this host."""

    value: str = field(repr=False)
    expires_ns: int
    """As the venue states it, to the second of its clock."""
    lifetime_s: int


# -- requests ---------------------------------------------------------------------------------------------------------


def token(keys: Keys) -> WireRequest:
    """POST /oauth2/tokenP."""
    body = {"grant_type": "client_credentials", "appkey": keys.app_key, "appsecret": keys.app_secret}
    return WireRequest("POST", "/oauth2/tokenP", headers=_JSON, costs={TOKENS: 1}, body=fields.render({**body}))


def approval(keys: Keys) -> WireRequest:
    """POST /oauth2/Approval. The secret has another name here than for a token."""
    body = {"grant_type": "client_credentials", "appkey": keys.app_key, "secretkey": keys.app_secret}
    return WireRequest("POST", "/oauth2/Approval", headers=_JSON, costs={APPROVALS: 1}, body=fields.render({**body}))


def hashkey(keys: Keys, body: str) -> WireRequest:
    """POST /uapi/hashkey: the hash of exactly this body, for the optional header `hashkey` of an order."""
    headers = {**_JSON, "appkey": keys.app_key, "appsecret": keys.app_secret}
    return WireRequest("POST", "/uapi/hashkey", headers=headers, costs=ONE_REQUEST, body=body)


def with_hashkey(order: WireRequest, hashed: str) -> WireRequest:
    return replace(order, headers={**order.headers, "hashkey": hashed})


# -- answers ----------------------------------------------------------------------------------------------------------


def token_answer(fact: HttpFact) -> Token | Verdict | ProtocolError:
    """A token, why there is none, or what cannot be read."""
    return _granted(fact, _token)


def approval_answer(fact: HttpFact) -> str | Verdict | ProtocolError:
    """The approval key, valid for a day; a session that is open outlives it."""
    return _granted(fact, lambda body: _secret(body, "approval_key"))


def hashkey_answer(fact: HttpFact) -> str | Verdict | ProtocolError:
    return _granted(fact, lambda body: _secret(body, "HASH"))


def _granted(fact: HttpFact, read: Callable[[JsonObject], T]) -> T | Verdict | ProtocolError:
    """What is granted comes in no envelope: whatever has one is a refusal."""
    if not isinstance(fact, Answered):
        return judge(fact)
    text = fact.text
    if not 200 <= fact.status < 300 or read_words(text) is not None:
        verdict = judge(fact)
        return replace(verdict, reason=without_secrets(verdict.reason), raw=without_secrets(verdict.raw))
    return guarded_secret(text, lambda: read(fields.as_object(fields.parse(text), "answer")))


def _token(body: JsonObject) -> Token:
    if fields.text(body, "token_type") != "Bearer":
        raise Malformed("token_type is not Bearer")
    date, _, time = fields.text(body, "access_token_token_expired").partition(" ")
    return Token(
        value=_secret(body, "access_token"),
        expires_ns=kst_ns(date.replace("-", ""), time.replace(":", "")),
        lifetime_s=fields.integer(body, "expires_in"),
    )


def _secret(body: JsonObject, key: str) -> str:
    value = fields.text(body, key)
    if not is_header_safe(value):
        raise Malformed(f"{key} is empty or has characters that no header may carry")
    return value
