"""Envelopes and letters of the runtime's own making are those that the classes make."""

import pickle

import pytest
from pydantic import ValidationError

from messages.base import Envelope, Letter, envelope_of, letter_to
from messages.catalogue import letter_from_json, letter_to_json
from messages.supervision import TimerFired

BODY = TimerFired(key="look")
OURS = envelope_of(
    BODY, sender="oms", epoch=2, seq=7, own_id="oms.2.7", at_ns=5, correlation_id="feed.0.1", causation_id=None
)
THEIRS = Envelope(
    id="oms.2.7",
    sender="oms",
    seq=7,
    epoch=2,
    at_ns=5,
    received_at_ns=5,
    correlation_id="feed.0.1",
    causation_id=None,
    body=BODY,
)


def test_an_envelope_is_as_its_class_makes_it() -> None:
    assert OURS == THEIRS
    assert (OURS.model_fields_set, list(OURS.__dict__)) == (THEIRS.model_fields_set, list(THEIRS.__dict__))
    assert OURS.model_copy(update={"at_ns": 6}) == THEIRS.model_copy(update={"at_ns": 6})
    assert pickle.loads(pickle.dumps(OURS)) == THEIRS  # noqa: S301 (our own)


def test_a_letter_is_as_its_class_makes_it() -> None:
    ours = letter_to("ledger", OURS)
    assert ours == Letter(to="ledger", envelope=THEIRS)
    assert letter_from_json(letter_to_json(ours)) == ours


def test_it_cannot_be_changed_either() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        OURS.seq = 8  # type: ignore[misc]


def test_two_share_nothing_that_a_copy_would_change() -> None:
    OURS.model_copy(update={"at_ns": 6}).model_fields_set.clear()
    assert letter_to("a", OURS).model_fields_set == {"to", "envelope"}
    assert OURS.model_fields_set == set(Envelope.model_fields)
