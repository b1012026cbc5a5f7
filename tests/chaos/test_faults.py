"""The catalogue: for each fault what is done, and nothing done that has no row."""

import pytest

from bulkhead.chaos.faults import CATALOGUE, Group, UnknownFault, fault, group_of
from bulkhead.chaos.strikes import DOES


def test_each_fault_of_the_catalogue_is_done_and_nothing_else_is() -> None:
    assert set(DOES) == set(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_row_of_the_catalogue_is_sound(name: str) -> None:
    row = CATALOGUE[name]
    assert group_of(name) in Group
    assert row.sentence[0].islower(), "it is the end of a sentence"
    assert not row.sentence.endswith(".")
    assert row.weight > 0
    assert row.at_most > 0
    assert row.moments
    assert row.venues
    at_least_s, at_most_s = row.lasts_s
    assert 0 <= at_least_s <= at_most_s
    assert row.amount is None or row.amount[0] < row.amount[1]


def test_a_fault_that_is_unknown_names_those_that_are_near() -> None:
    with pytest.raises(UnknownFault, match=r"venue\.reject"):
        fault("venue.rejects")
