"""Every error code says what it means and what to do about it, and is produced by a test."""

import pytest

from messages.codes import MEANING, ErrorCode
from tests.docs.marks import ROOT, marked

OWED: dict[ErrorCode, str] = {}
"""Codes that no part of the product produces yet, and what is missing; whoever makes one takes it out of here."""


@pytest.mark.req("P-18")
@pytest.mark.parametrize("code", ErrorCode)
def test_a_code_has_a_meaning_and_an_advice(code: ErrorCode) -> None:
    meaning, what_to_do = MEANING[code]
    for sentence in (meaning, what_to_do):
        assert len(sentence.split()) >= 3
        assert sentence.endswith(".")
    assert code.value == code.name


def test_no_meaning_is_without_its_code() -> None:
    assert set(MEANING) == set(ErrorCode)


def test_no_two_codes_mean_the_same() -> None:
    assert len({meaning for meaning, _ in MEANING.values()}) == len(ErrorCode)


@pytest.mark.parametrize(
    "code",
    [
        "LIVE_GUARD_NOT_ENABLED",
        "OMS_IDEMPOTENCY_MISSING",
        "BROKER_REJECTED",
        "BROKER_TIMEOUT_TRANSIENT",
        "POSITION_SYNC_FAIL",
        "RISK_GUARD_TRIPPED",
    ],
)
def test_the_codes_of_the_source_documents_are_kept(code: str) -> None:
    assert ErrorCode(code) in MEANING


@pytest.mark.parametrize("code", ErrorCode)
def test_a_code_is_produced_by_a_test_or_owed(code: ErrorCode) -> None:
    tests = marked("code").get(code, [])
    if code in OWED:
        assert not tests, f"{tests[0]} produces it: it is owed no longer"
    else:
        assert tests, f'mark a test that produces it: @pytest.mark.code("{code}")'


def test_a_mark_names_a_code_that_its_file_knows_also_beside_the_mark() -> None:
    for code, tests in marked("code").items():
        assert code in MEANING, f"no such code: {code}"
        for test in tests:
            lines = (ROOT / test.partition("::")[0]).read_text(encoding="utf-8").splitlines()
            assert any(code in line and "mark.code" not in line for line in lines), f"{test}: {code} only in the mark"
