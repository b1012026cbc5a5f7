"""What a start asks of the venue: it waits where it is asked to, within reason, and for nothing else."""

from collections.abc import Callable

import pytest

from bulkhead.app.preflight import MAX_WAIT_S, SHORTEST_WAIT_S, patiently
from bulkhead.venues.port import VenueBusy, VenueRefused, VenueUnavailable


def asking(*answers: object) -> Callable[[], object]:
    left = list(answers)

    def ask() -> object:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def test_a_busy_venue_is_asked_again_after_the_wait_it_names() -> None:
    slept: list[float] = []
    ask = asking(VenueBusy("429", 3.0), VenueBusy("429", 0.0), "the answer")
    assert patiently(ask, slept.append) == "the answer"
    assert slept == [3.0, SHORTEST_WAIT_S]


def test_it_does_not_wait_for_ever() -> None:
    slept: list[float] = []
    with pytest.raises(VenueBusy, match="banned"):
        patiently(asking(*[VenueBusy("banned", 100.0)] * 3), slept.append)
    assert sum(slept) <= MAX_WAIT_S


@pytest.mark.parametrize("error", [VenueUnavailable("no route"), VenueRefused("-1121", "Invalid symbol.")])
def test_nothing_else_is_waited_for(error: Exception) -> None:
    with pytest.raises(type(error)):
        patiently(asking(error), lambda _: pytest.fail("it slept"))
