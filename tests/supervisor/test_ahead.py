"""A child process is sent several messages at a time: that is faster, and otherwise nobody can tell."""

import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from messages.base import Envelope, Letter
from messages.catalogue import UnknownMessage
from messages.failure import FailureMode, FailureReported
from messages.supervision import StopChild
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.process import AHEAD_BYTES, BehaviourFailed, Compartment, ProcessDied, ProtocolBroken
from supervisor.runtime.threaded import MAX_WINDOW
from tests.supervisor.hosts import Downs, Processes
from tests.supervisor.letters import Note, sealed
from tests.supervisor.nest import Nest, Notes, trade
from tests.supervisor.process_behaviours import Reporter

pytestmark = pytest.mark.process


class Timed(Notes):
    """With a clock that the child agrees on; the other one says that whatever is ahead comes too late."""

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


def reported(nest: Nest) -> list[str]:
    return [act[2].body.detail for act in nest.world.acts if act[0] == "deliver"]


# -- one cell ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", [Timed, Notes])
def test_they_are_handled_once_and_in_order(nest: Nest, world: type[Notes]) -> None:
    nest.world = world()
    cell = nest.cell(Reporter)
    batch = [trade(n) for n in range(20)]
    cell.ask_ahead(batch)
    for n, envelope in enumerate(batch):
        cell.step(envelope)
        assert reported(nest) == [str(n) for n in range(n + 1)], "nothing of the next is heard before its turn"
    assert not cell.is_ahead
    cell.stop("night")
    assert len(reported(nest)) == 20


@pytest.mark.parametrize(
    ("deed", "error"), [("raises", BehaviourFailed), ("kill_itself", ProcessDied), ("close_channel", ProtocolBroken)]
)
def test_one_in_the_middle_ends_it(nest: Nest, deed: str, error: type[Exception]) -> None:
    nest.world = Timed()
    cell = nest.cell(partial(Reporter, at=3, deed=deed))
    batch = [trade(n) for n in range(10)]
    cell.ask_ahead(batch)
    for envelope in batch[:3]:
        cell.step(envelope)
    with pytest.raises(error):
        cell.step(batch[3])
    assert reported(nest) == ["0", "1", "2"]
    assert nest.deaths.empty()


def test_after_the_end_the_rest_is_left(nest: Nest) -> None:
    nest.world = Timed()
    cell = nest.cell(partial(Reporter, at=1, deed="end"))
    batch = [trade(n) for n in range(4)]
    cell.ask_ahead(batch)
    cell.step(batch[0])
    cell.step(batch[1])
    assert cell.ending is not None
    cell.stop("as it said")
    assert reported(nest) == ["0", "1"]


def test_it_may_ask_who_listens_while_more_is_waiting(nest: Nest) -> None:
    nest.world = Timed()
    cell = nest.cell(partial(Reporter, at=1, deed="publish"))
    batch = [trade(n) for n in range(3)]
    cell.ask_ahead(batch)
    for envelope in batch:
        cell.step(envelope)
    assert [act[1] for act in nest.world.acts if act[0] == "deliver"] == [
        "portfolio",
        "recorder",
        "strategy:b",
        "portfolio",
        "portfolio",
    ]


def test_who_listens_is_asked_once_and_again_after_a_change(nest: Nest) -> None:
    asked: list[str] = []

    class Counting(Timed):
        def subscribers(self, topic: str) -> tuple[str, ...]:
            asked.append(topic)
            return super().subscribers(topic)

    nest.world = Counting()
    cell = nest.cell(partial(Reporter, at=-1, deed="publish"))
    for n in range(3):
        cell.step(trade(n))
    assert len(asked) == 1
    nest.world.topics_version += 1
    cell.step(trade(3))
    assert len(asked) == 2


def test_what_is_too_large_to_be_sent_ahead_waits_for_its_turn(nest: Nest) -> None:
    nest.world = Timed()
    cell = nest.cell(Reporter)
    large = FailureReported(mode=FailureMode.DATA_DELAY, detail="x" * (AHEAD_BYTES + 1))
    batch = [trade(0), sealed(large, seq=1), trade(2)]
    cell.ask_ahead(batch)
    for envelope in batch:
        cell.step(envelope)
    assert reported(nest) == ["0", large.detail, "2"]


def test_what_cannot_be_sent_at_all_is_met_at_its_turn(nest: Nest) -> None:
    nest.world = Timed()
    cell = nest.cell(Reporter)
    batch = [trade(0), sealed(Note()), trade(1)]
    cell.ask_ahead(batch)
    cell.step(batch[0])
    with pytest.raises(UnknownMessage, match="not in the catalogue"):
        cell.step(batch[1])


def test_a_stale_command_is_refused_at_its_turn(nest: Nest) -> None:
    nest.world = Timed(epochs={"operator": 2})
    cell = nest.cell(Reporter)
    stale = sealed(StopChild(child="a"), sender="operator", epoch=1)
    cell.ask_ahead([stale])
    cell.step(stale)
    assert cell.refused_stale == 1
    assert nest.deaths.empty()
    cell.fence()


# -- a host ------------------------------------------------------------------------------------------------------------

COUNT, AT = 300, 100


class Keeper(Behaviour):
    def __init__(self, kept: list[str]) -> None:
        self._kept = kept

    @receives(FailureReported)
    def on_report(self, report: FailureReported, _: Context) -> None:
        self._kept.append(report.detail)


@pytest.fixture
def town() -> Iterator[tuple[Processes, list[str], list[Letter]]]:
    """COUNT trades wait for a reporter that is to be started; what it reports, and what is a dead letter."""
    driver = Processes()
    host, kept, dead = driver.host, list[str](), list[Letter]()
    host.on_dead_letter = lambda letter, _: dead.append(letter)
    host.start_child("portfolio", lambda: Keeper(kept), parent=None)
    host.register("strategy:a", None)
    for n in range(COUNT):
        host.deliver(Letter(to="strategy:a", envelope=trade(n)))
    yield driver, kept, dead
    driver.close()


def start(driver: Processes, make: Callable[[], Behaviour]) -> None:
    driver.host.start_child("strategy:a", make, parent=None, compartment=Compartment(), stuck_after_s=60.0)


def numbers(envelopes: list[Envelope]) -> list[int]:
    return [envelope.seq for envelope in envelopes]


@pytest.mark.parametrize("deed", ["raises", "kill_itself", "spin_for_ever", "end", "nothing"])
def test_whatever_ends_it_nothing_is_lost_and_nothing_comes_twice(
    town: tuple[Processes, list[str], list[Letter]], deed: str
) -> None:
    """The message that ended it is the one dead letter, and its successor has all that came after."""
    driver, kept, dead = town
    downs = Downs(driver.host)
    start(driver, partial(Reporter, at=AT, deed=deed))
    if deed == "spin_for_ever":
        driver.until(lambda: len(kept) == AT)
        driver.host.abandon("strategy:a", "a test")
    if deed != "nothing":
        driver.until(lambda: bool(downs.seen))
        start(driver, Reporter)
    is_lost = deed not in ("end", "nothing")
    driver.until(lambda: len(kept) >= COUNT - is_lost)
    driver.pass_time(0.05)
    assert kept == [str(n) for n in range(COUNT) if not (is_lost and n == AT)]
    assert numbers([letter.envelope for letter in dead]) == [AT] * is_lost


def test_a_stop_need_not_wait_for_all_that_is_queued(town: tuple[Processes, list[str], list[Letter]]) -> None:
    driver, kept, dead = town
    downs = Downs(driver.host)
    start(driver, partial(Reporter, at=-1, deed="sleep_20_ms"))
    driver.until(lambda: bool(kept))
    driver.host.stop_child("strategy:a", "night")
    driver.until(lambda: bool(downs.seen))
    left = next(node for node in driver.host.status() if node.id == "strategy:a").mailbox_depth
    driver.until(lambda: len(kept) + left == COUNT)
    assert len(kept) < COUNT - MAX_WINDOW
    assert not dead
    start(driver, Reporter)
    driver.until(lambda: len(kept) == COUNT)
    assert kept == [str(n) for n in range(COUNT)]
