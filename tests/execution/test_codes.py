"""Every error code says what it means and what to do about it."""

import pytest

from messages.codes import MEANING, ErrorCode


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
