"""The hash chain: what it is made of, and that any change breaks it."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from bulkhead.ledger import chain
from messages.catalogue import canonical
from messages.records import LedgerEvent, Stream
from tests.ledger.generated import instances

events = instances(LedgerEvent)


def link(head: chain.Head, payload: str) -> LedgerEvent:
    return chain.link(
        head,
        at_ns=5,
        stream=Stream.OPS,
        type_name="OperatorActed",
        session_id="s",
        correlation_id="c",
        causation_id=None,
        payload=payload,
    )


def three() -> list[LedgerEvent]:
    head, made = chain.GENESIS, []
    for number in range(3):
        made.append(link(head, f'{{"n":{number}}}'))
        head = chain.Head(made[-1].seq, made[-1].hash)
    return made


@given(events)
def test_the_text_that_is_hashed_is_the_canonical_json_of_all_other_fields(event: LedgerEvent) -> None:
    fields = event.model_dump(mode="json")
    prev_hash = fields.pop("prev_hash")
    del fields["hash"]
    assert chain.canonical_text(event) == canonical(fields)
    assert chain.hash_of(event) == hashlib.sha256((prev_hash + canonical(fields)).encode()).hexdigest()


def test_a_whole_chain_holds() -> None:
    made = three()
    assert made[0].prev_hash == "0" * 64
    assert chain.verify(made) is None
    assert chain.verify(made[1:], head=None) is None


@given(st.integers(0, 2), events)
def test_any_changed_field_breaks_it_there(index: int, other: LedgerEvent) -> None:
    made = three()
    for name in LedgerEvent.model_fields:
        value = getattr(other, name)
        if value == getattr(made[index], name):
            continue
        changed = [*made]
        changed[index] = made[index].model_copy(update={name: value})
        found = chain.verify(changed)
        assert found is not None
        assert found.seq == changed[index].seq


def test_a_missing_event_is_named() -> None:
    made = three()
    found = chain.verify([made[0], made[2]])
    assert found is not None
    assert found == (3, "seq 3 follows 1: something between is missing or doubled")


def test_a_chain_made_anew_does_not_fit_its_predecessor() -> None:
    forged = link(chain.Head(1, "f" * 64), "{}")
    found = chain.verify([three()[0], forged])
    assert found == (2, "its prev_hash is not the hash of the event before it")
