"""What an answer of KIS proves about an order, where the HTTP status proves nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.venues.wire.facts import Answered, Family, HttpFact, NothingLeft, NoVerdict
from bulkhead.venues.wire.kis import outcomes
from tests.venues.wire import kis_samples as samples

A, N, R, U = Family.ACCEPTED, Family.NOT_SENT, Family.REJECTED, Family.UNKNOWN


def said(status: int, code: str, message: str = "말", rt_cd: str = "1") -> Answered:
    return Answered(status, json.dumps({"rt_cd": rt_cd, "msg_cd": code, "msg1": message}))


@pytest.mark.parametrize(
    ("fact", "family", "code"),
    [
        (NothingLeft("refused"), N, "NOT_CONNECTED"),
        (NoVerdict("timeout"), U, "NO_ANSWER"),
        (Answered(200, samples.ORDER_SENT), A, "APBK0013"),
        (said(200, "40600000", rt_cd="0"), A, "40600000"),
        (Answered(500, samples.ORDER_SENT), U, "APBK0013"),
        (said(200, "APBK0013"), U, "APBK0013"),
        (Answered(500, samples.RATE_LIMITED), N, "EGW00201"),
        (Answered(200, samples.RATE_LIMITED), N, "EGW00201"),
        (Answered(500, samples.TIMED_OUT), U, "EGW00302"),
        (Answered(200, samples.TIMED_OUT), U, "EGW00302"),
        (Answered(500, samples.REFUSED), R, "APBK0952"),
        (Answered(200, samples.REFUSED), R, "APBK0952"),
        (said(200, "40310000"), R, "40310000"),
        (said(500, "EGW00123"), N, "EGW00123"),
        (Answered(403, samples.TOKEN_TOO_SOON), N, "EGW00133"),
        (Answered(500, json.dumps({"error_code": "EGW00301", "error_description": ""})), U, "EGW00301"),
        (Answered(403, json.dumps({"error_code": "E9999", "error_description": "new"})), U, "E9999"),
        (Answered(500, samples.MAINTENANCE), U, "HTTP_500"),
        (said(500, "EGW00399"), U, "EGW00399"),
        (said(200, "KIER2620"), U, "KIER2620"),
        (said(429, "EGW00399"), N, "EGW00399"),
        (said(429, "EGW00302"), U, "EGW00302"),
        (Answered(429, "slow down"), N, "HTTP_429"),
        (Answered(400, "<html/>"), U, "HTTP_400"),
        (Answered(404, ""), U, "HTTP_404"),
        (Answered(502, "<html/>"), U, "HTTP_502"),
        (Answered(200, ""), U, "HTTP_200"),
        (Answered(0, ""), U, "HTTP_0"),
    ],
)
@pytest.mark.req("P-13")
def test_the_family_of_an_answer(fact: HttpFact, family: Family, code: str) -> None:
    verdict = outcomes.judge(fact)
    assert (verdict.family, verdict.code) == (family, code)


def test_every_rule_is_hit_by_its_own_code_and_has_a_reason() -> None:
    codes = [rule.code for rule in outcomes.RULES]
    assert len(set(codes)) == len(codes)
    for rule in outcomes.RULES:
        verdict = outcomes.judge(said(500, rule.code))
        assert (verdict.family, verdict.retry_after_s) == (rule.family, rule.retry_after_s)
    reasons = [(each.certainty, each.why) for each in outcomes.RULES]
    reasons += [(each.certainty, each.why) for each in outcomes.RANGES]
    assert all(certainty in ("V", "S", "M") and len(why) > 10 for certainty, why in reasons)


@pytest.mark.parametrize("code", ["APBK0952", "EGW00201", "40310000", "NEW00001", ""])
def test_a_venue_that_says_to_check_the_last_transaction_does_not_know(code: str) -> None:
    assert outcomes.judge(said(500, code, "오류. 직전거래를 반드시 확인하세요")).family is U


@pytest.mark.parametrize("words", ["처리 시간초과", "응답시간이 초과되었습니다", "Time-out", "통신 장애"])
def test_a_range_of_refusals_does_not_hold_for_a_code_that_speaks_of_a_timeout(words: str) -> None:
    for code in ("APBK9999", "40990000"):
        assert outcomes.judge(said(500, code, words)).family is U
        assert outcomes.judge(said(500, code, "주문가능금액 부족")).family is R
    assert outcomes.judge(said(500, "EGW00201", words)).family is N, "a row of its own says more"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"rt_cd":0,"msg_cd":"APBK0013","msg1":""}',
        '{"rt_cd":"","msg_cd":"APBK0952"}',
        '{"rt_cd":"1","msg_cd":7}',
        '{"rt_cd":"1","msg_cd":"APBK0952","msg1":null}',
        '{"rt_cd":"0","error_code":"EGW00133"}',
        '{"error_code":null}',
    ],
)
def test_what_is_not_in_the_venues_words_proves_nothing(body: str) -> None:
    assert outcomes.read_words(body) is None
    assert outcomes.judge(Answered(200, body)).family is U


_codes = st.sampled_from([rule.code for rule in outcomes.RULES]) | st.from_regex(r"[A-Z]{3,4}[0-9]{4,5}") | st.text()


@given(st.integers(-1, 9_999), st.text(), st.text(max_size=2), _codes, st.text())
def test_judging_is_total(status: int, body: str, rt_cd: str, code: str, words: str) -> None:
    assert isinstance(outcomes.judge(Answered(status, body)).family, Family)
    verdict = outcomes.judge(said(status, code, words, rt_cd))
    if rt_cd.strip() == "0":
        assert verdict.family is (A if 200 <= status < 300 else U)
    else:
        assert verdict.family is not A
    verdict.reason.encode()
    verdict.raw.encode()


@given(st.integers(200, 599).filter(lambda status: status != 429), st.text(max_size=12))
def test_only_what_is_in_a_row_is_ever_called_an_end(status: int, code: str) -> None:
    found = outcomes.judge(said(status, code)).family
    known = {rule.code for rule in outcomes.RULES}
    if code.strip() not in known and not any(each.codes.fullmatch(code.strip()) for each in outcomes.RANGES):
        assert found is U


@pytest.mark.req("S-16")
def test_a_secret_that_the_peer_repeats_is_not_kept() -> None:
    for secret in (samples.APP_KEY, samples.APP_SECRET, samples.ACCESS_TOKEN, samples.APPROVAL_KEY):
        for fact in (said(500, "EGW00103", f"no such key: {secret}"), Answered(500, f"<h1>{secret}</h1>")):
            verdict = outcomes.judge(fact)
            assert secret not in verdict.reason + verdict.raw
            assert "***" in verdict.raw
