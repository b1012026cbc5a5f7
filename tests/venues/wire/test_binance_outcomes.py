"""What an answer proves about an order. Calling a live order dead is the one mistake that buys twice."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.venues.wire.binance import outcomes
from bulkhead.venues.wire.facts import Answered, Family, HttpFact, NothingLeft, NoVerdict

N, R, U = Family.NOT_SENT, Family.REJECTED, Family.UNKNOWN


def error(status: int, code: int, message: str = "words", **headers: str) -> Answered:
    return Answered(status, json.dumps({"code": code, "msg": message}), headers)


@pytest.mark.parametrize(
    ("fact", "family", "code"),
    [
        (NothingLeft("refused"), N, "NOT_CONNECTED"),
        (NoVerdict("timeout"), U, "NO_ANSWER"),
        (error(400, -1013, "Filter failure: LOT_SIZE"), R, "-1013"),
        (error(400, -1111), R, "-1111"),
        (error(400, -1121), R, "-1121"),
        (error(400, -1102), R, "-1102"),
        (error(400, -2010, "Account has insufficient balance for requested action."), R, "-2010"),
        (error(400, -2010, "Duplicate order sent."), U, "-2010"),
        (error(400, -1021), N, "-1021"),
        (error(400, -1022), N, "-1022"),
        (error(401, -2014), N, "-2014"),
        (error(401, -2015), N, "-2015"),
        (error(400, -1006), U, "-1006"),
        (error(400, -1007), U, "-1007"),
        (error(408, -1007), U, "-1007"),
        (error(400, -1000), U, "-1000"),
        (error(400, -1077), U, "-1077"),
        (error(400, -2099), R, "-2099"),
        (error(429, -1003), N, "-1003"),
        (error(429, -1015), N, "-1015"),
        (error(400, -1015), N, "-1015"),
        (error(418, -1003), N, "-1003"),
        (Answered(429, "slow down"), N, "HTTP_429"),
        (Answered(418, ""), N, "HTTP_418"),
        (Answered(403, "<html>WAF</html>"), N, "HTTP_403"),
        (Answered(404, "<html/>"), N, "HTTP_404"),
        (Answered(400, "<html/>"), U, "HTTP_400"),
        (Answered(409, ""), U, "HTTP_409"),
        (Answered(500, ""), U, "HTTP_500"),
        (error(500, -1013), U, "HTTP_500"),
        (error(503, -1008), U, "HTTP_503"),
        (error(400, -1008), N, "-1008"),
        (Answered(302, ""), U, "HTTP_302"),
        (Answered(0, ""), U, "HTTP_0"),
        (Answered(200, "anything"), Family.ACCEPTED, "HTTP_200"),
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
        assert outcomes.judge(error(400, rule.code)).family is rule.family
        assert len(rule.why) > 10


@given(st.integers(100, 599), st.integers(-99_999, -1))
def test_no_server_error_is_ever_called_an_end(status: int, code: int) -> None:
    family = outcomes.judge(error(status, code)).family
    if status >= 500 or status < 200:
        assert family is U
    elif status < 300:
        assert family is Family.ACCEPTED


@given(
    st.integers(-1, 9_999),
    st.text(),
    st.dictionaries(st.sampled_from(["retry-after", "x-mbx-used-weight-1m"]), st.text()),
)
def test_judging_is_total(status: int, body: str, headers: dict[str, str]) -> None:
    verdict = outcomes.judge(Answered(status, body, headers))
    assert verdict.retry_after_s is None or 0 <= verdict.retry_after_s <= outcomes.MAX_RETRY_AFTER_S


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("999999999", 259_200.0),
        ("9" * 30, None),
    ],
)
@pytest.mark.req("X-05")
def test_retry_after(header: str, seconds: float | None) -> None:
    assert outcomes.judge(Answered(429, "", {"retry-after": header})).retry_after_s == seconds


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        '{"code":-1}',
        '{"msg":"x"}',
        '{"code":"-1","msg":"x"}',
        '{"code":1,"msg":"x"}',
        '{"code":true,"msg":"x"}',
        '{"code":-1,"msg":null}',
    ],
)
def test_what_is_not_an_error_of_the_venue(body: str) -> None:
    assert outcomes.read_error(body) is None
