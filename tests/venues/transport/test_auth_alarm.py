"""AuthAlarm: a refused key is said once; where tokens are renewed, the one after the refused one."""

from bulkhead.venues.transport.auth_alarm import AuthAlarm
from bulkhead.venues.wire.facts import WireRequest

PUBLIC = WireRequest("GET", "/time")


def signed(token: str) -> WireRequest:
    return WireRequest("GET", "/account", headers={"Authorization": token})


def alarm(allowed: int) -> tuple[AuthAlarm, list[str | None]]:
    made, told = AuthAlarm("authorization", allowed), list[str | None]()
    made.on_change = told.append
    return made, told


def test_a_key_that_cannot_be_renewed_is_said_at_its_first_refusal_and_once() -> None:
    made, told = alarm(0)
    for _ in range(3):
        made.answered(signed("a"), "no such key")
    assert told == ["no such key"]
    made.answered(signed("a"), "")
    made.answered(signed("a"), "")
    assert told == ["no such key", None]
    assert not made.is_on


def test_what_was_not_signed_proves_nothing() -> None:
    made, told = alarm(0)
    made.answered(signed("a"), "no such key")
    made.answered(PUBLIC, "")
    assert made.is_on
    made.answered(signed("a"), "")
    made.answered(PUBLIC, "refused for something else")
    assert told == ["no such key", None]


def test_of_a_token_that_has_expired_many_may_learn_at_once() -> None:
    made, told = alarm(1)
    for _ in range(5):
        made.answered(signed("old"), "expired")
    assert told == []
    made.answered(signed("new"), "expired, too")
    assert told == ["expired, too"]


def test_a_renewal_that_is_accepted_begins_the_count_anew() -> None:
    made, told = alarm(1)
    for token in ("one", "two", "three"):
        made.answered(signed(token), "expired")
        made.answered(signed(f"after {token}"), "")
    assert told == []


def test_the_key_itself_is_said_at_once_and_is_over_with_an_answer() -> None:
    made, told = alarm(1)
    made.key_refused("no such app key")
    made.key_refused("no such app key")
    assert told == ["no such app key"]
    made.answered(signed("a"), "")
    assert told == ["no such app key", None]
