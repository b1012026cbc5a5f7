"""The table is total, its rules hold in every row, and the diagram is drawn from it."""

from itertools import product

import pytest

from bulkhead.execution.order_table import (
    FILLS,
    ILLEGAL,
    OURS,
    REVERSALS,
    TABLE,
    Event,
    IllegalTransition,
    as_mermaid,
    next_status,
)
from messages.values import OrderStatus as S


@pytest.mark.parametrize("status", S)
@pytest.mark.parametrize("event", Event)
def test_every_pair_is_either_in_the_table_or_illegal(status: S, event: Event) -> None:
    is_legal, is_illegal = (status, event) in TABLE, event in ILLEGAL[status]
    assert is_legal != is_illegal
    if is_illegal:
        with pytest.raises(IllegalTransition, match=status.value):
            next_status(status, event)
    else:
        assert next_status(status, event) is TABLE[status, event]


def test_only_the_venues_word_ends_unknown() -> None:
    """Proofs of absence are the venue's word, too; everything that we do ourselves leaves it UNKNOWN."""
    leads_out = {event for event in Event if TABLE.get((S.UNKNOWN, event), S.UNKNOWN) is not S.UNKNOWN}
    assert leads_out & OURS == {Event.PROVEN_ABSENT, Event.RESENT}


@pytest.mark.parametrize("status", [S.FILLED, S.REJECTED, S.CANCELLED, S.EXPIRED])
def test_what_the_venue_has_ended_is_moved_by_executions_alone(status: S) -> None:
    for event in Event:
        after = TABLE.get((status, event), status)
        assert after is status or event in {*FILLS, *REVERSALS}


def test_our_own_conclusion_yields_to_the_venues_word() -> None:
    for event, after in ((Event.ACCEPTED, S.SUBMITTED), (Event.PARTIAL_FILL, S.PARTIAL), (Event.FULL_FILL, S.FILLED)):
        assert next_status(S.FAILED, event) is after


def test_a_fill_never_leads_back_to_waiting() -> None:
    for status, event in product(S, FILLS):
        assert TABLE.get((status, event)) not in {S.PENDING_SUBMIT, S.SUBMITTED, S.REJECTED, S.FAILED}


def test_every_status_can_be_reached() -> None:
    reached, frontier = {S.PENDING_SUBMIT}, [S.PENDING_SUBMIT]
    while frontier:
        here = frontier.pop()
        new = {after for (before, _), after in TABLE.items() if before is here} - reached
        reached |= new
        frontier += new
    assert reached == set(S)


def test_the_diagram_shows_every_edge_of_the_table_and_no_other() -> None:
    drawn = set()
    for line in as_mermaid().splitlines()[2:]:
        arrow, _, events = line.strip().partition(": ")
        before, _, after = arrow.partition(" --> ")
        is_late = events.startswith("late: ")
        for event in events.removeprefix("late: ").split(" / "):
            if event:
                drawn.add((before, event, after))
        if events:
            assert is_late == S(before).is_terminal
    expected = {
        (before.value, event.value, after.value) for (before, event), after in TABLE.items() if before is not after
    }
    assert drawn == expected


def test_the_diagram_is_the_same_each_time() -> None:
    assert as_mermaid() == as_mermaid()
    assert as_mermaid().startswith("stateDiagram-v2\n")
