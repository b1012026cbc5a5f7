"""A behaviour in a child process: the same as in a thread, and whatever it does, this process goes on.

After each test nothing may be left: no descriptor, no thread, no child, no zombie.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from messages.base import Command, Envelope
from messages.catalogue import UnknownMessage
from messages.supervision import StopChild
from supervisor.runtime.cell import AnyCell, Cell, Ending
from supervisor.runtime.channel import MAX_FRAME_BYTES, FrameTooLarge
from supervisor.runtime.process import BehaviourFailed, Compartment, ProcessDied, ProtocolBroken, RemoteCell
from supervisor.runtime.spawned import MAX_LINE_BYTES
from tests.supervisor.letters import Note, sealed
from tests.supervisor.nest import PATIENCE_S, Belongings, InThread, Nest, Notes, trade
from tests.supervisor.process_behaviours import Echo, Everything, doing, said

pytestmark = pytest.mark.process


# -- the same as a cell in a thread ------------------------------------------------------------------------------------


def local(world: Notes) -> AnyCell:
    return Cell("strategy:a", 3, Everything(), world, Random("seed"))


def remote(world: Notes) -> AnyCell:
    return RemoteCell("strategy:a", 3, Everything, world, "seed", Compartment(), lambda n, line: None, lambda: None)


def a_life(make: Callable[[Notes], AnyCell]) -> list[tuple[Any, ...]]:
    """All that a behaviour does from start to stop, and the cell's own account of it."""
    world = Notes(epochs={"operator": 2})
    cell = make(world)
    cell.start()
    cell.step(trade(5))
    cell.step(sealed(StopChild(child="a"), sender="operator", epoch=1))
    cell.step(sealed(said("go"), sender="strategy:a", epoch=3))
    assert cell.ending == Ending("normal", "all done")
    cell.stop("for the night")
    assert (cell.name, cell.epoch, cell.refused_stale, cell.ends_itself) == ("strategy:a", 3, 1, False)
    return world.acts


def short(act: tuple[Any, ...]) -> str:
    return " ".join(part.id if isinstance(part, Envelope) else str(part) for part in act)


@pytest.mark.parametrize("make", [local, remote])
def test_a_life(make: Callable[[Notes], AnyCell]) -> None:
    before = Belongings()
    acts = a_life(make)
    assert [short(act) for act in acts] == [
        "deliver risk-guard strategy:a.3.0",
        "set_timer strategy:a 3 warm-up 1.5 strategy:a.3.1",
        "set_timer strategy:a 3 report 60 strategy:a.3.2",
        "watch strategy:a 3 oms",
        "child_ready strategy:a 3",
        "deliver recorder strategy:a.3.4",
        "deliver strategy:b strategy:a.3.4",
        "deliver oms strategy:a.3.5",
        "cancel_timer strategy:a 3 warm-up",
        "deliver recorder strategy:a.3.6",
        "deliver strategy:b strategy:a.3.6",
        "deliver oms strategy:a.3.3",
        "deliver ledger strategy:a.3.7",
        "unwatch strategy:a 3 oms",
        "deliver portfolio strategy:a.3.8",
    ]
    assert acts == a_life(local)
    before.assert_nothing_is_left()


# -- what a behaviour raises -------------------------------------------------------------------------------------------

RAISED = [
    ("raises", "ValueError: no such price: \\udcff", False),
    ("raises_unspeakably", "Unspeakable: (its text cannot be made: RuntimeError)", False),
    ("exits", "SystemExit: enough", True),
    ("interrupts", "KeyboardInterrupt: ", True),
    ("tell_too_much", "FrameTooLarge: DELIVER of", False),
    ("tell_a_stranger", "UnknownMessage: Note is not in the catalogue", False),
    ("wait_for_ever", "ValueError: a timer's delay is a number of seconds", False),
]


@pytest.mark.parametrize(("deed", "words", "is_fatal"), RAISED)
def test_a_handler_raises(nest: Nest, deed: str, words: str, is_fatal: bool) -> None:
    cell = nest.cell(doing(on_trade=deed))
    with pytest.raises(BehaviourFailed) as caught:
        cell.step(trade())
    failed = caught.value
    assert str(failed).startswith(words)
    assert (failed.error_type, failed.is_fatal) == (words.partition(":")[0], is_fatal)
    assert f"in {deed}" in failed.detail
    assert cell.death() is None, "it has been told already"
    assert nest.deaths.empty()
    with pytest.raises(ProcessDied):
        cell.step(trade())


def test_its_start_or_stop_raises(nest: Nest) -> None:
    with pytest.raises(BehaviourFailed, match="no such price"):
        nest.cell(doing(at_start="raises"))
    with pytest.raises(BehaviourFailed, match="enough") as caught:
        nest.cell(doing(at_stop="exits")).stop("night")
    assert caught.value.is_fatal


@pytest.mark.parametrize(
    ("deed", "place"),
    [
        ("keep_large_blocks", "in keep_large_blocks"),
        ("keep_small_objects", "MemoryError"),  # not even a traceback finds room while that unwinds
    ],
)
def test_memory_runs_out(nest: Nest, deed: str, place: str) -> None:
    cell = nest.cell(doing(on_trade=deed), Compartment(memory_mb=128))
    with pytest.raises(BehaviourFailed) as caught:
        cell.step(trade())
    assert str(caught.value) == "MemoryError: the 128 MiB of its compartment are used up"
    assert place in caught.value.detail


# -- how a process ends ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deed", "words", "last_line"),
    [
        ("crash", "segmentation fault (SIGSEGV)", "in crash"),
        ("exit_at_once", "exit code 3", "leaving without a word"),
        ("kill_itself", "killed by SIGKILL", ""),
        ("leave_a_helper_and_crash", "segmentation fault (SIGSEGV)", "in leave_a_helper_and_crash"),
    ],
)
def test_it_dies_over_a_message(nest: Nest, deed: str, words: str, last_line: str) -> None:
    cell = nest.cell(doing(on_trade=deed))
    with pytest.raises(ProcessDied) as caught:
        cell.step(trade())
    assert str(caught.value) == words
    assert words in caught.value.detail
    assert last_line in caught.value.detail
    assert nest.deaths.empty(), "whoever asked knows it already"


def test_it_is_killed_while_idle(nest: Nest) -> None:
    cell = nest.cell(Echo)
    assert cell.pid is not None
    assert cell.death() is None
    os.kill(cell.pid, signal.SIGKILL)
    nest.deaths.get(timeout=PATIENCE_S)
    assert str(cell.death()) == "killed by SIGKILL"
    with pytest.raises(ProcessDied, match="killed by SIGKILL"):
        cell.step(trade())
    with pytest.raises(ProcessDied, match="killed by SIGKILL"):
        cell.stop("night")
    assert nest.deaths.empty(), "told once"


def test_it_is_killed_while_busy(nest: Nest) -> None:
    cell = nest.cell(doing(on_trade="spin_for_ever"))
    assert cell.pid is not None
    step = InThread(lambda: cell.step(trade()))
    assert nest.next_line() == "spinning"
    os.kill(cell.pid, signal.SIGKILL)
    assert str(step.join()) == "killed by SIGKILL"
    assert nest.deaths.empty()


def test_it_ends_in_order_and_with_it_its_helpers(nest: Nest) -> None:
    cell = nest.cell(doing(on_trade="leave_a_helper"))
    cell.step(trade())
    helper = os.pidfd_open(int(nest.world.next_said()))
    cell.stop("night")
    assert has_ended(helper)
    assert cell.death() is None
    assert nest.deaths.empty()


def test_its_last_breath_is_not_clean(nest: Nest) -> None:
    cell = nest.cell(doing(at_stop="exit_at_once"))
    with pytest.raises(ProcessDied, match="exit code 3"):
        cell.stop("night")


@pytest.mark.parametrize("deed", ["nothing", "spin_for_ever"])
def test_its_parent_is_killed(deed: str) -> None:
    program = f"""
import sys
from supervisor.runtime.process import Compartment, RemoteCell
from tests.supervisor.nest import Notes, trade
from tests.supervisor.process_behaviours import doing
cell = RemoteCell("a", 1, doing(on_trade="{deed}"), Notes(), "", Compartment(), print, print)
cell.start()
print(cell.pid, flush=True)
cell.step(trade())
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    assert has_ended(child)


def has_ended(process_fd: int, within_s: float = 2.0) -> bool:
    with os.fdopen(process_fd):
        return bool(select.select([process_fd], [], [], within_s)[0])


# -- given up ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deed", "first_word"), [("spin_for_ever", "spinning"), ("hold_the_gil", "holding"), ("swallow", "tick")]
)
def test_a_stuck_one_is_fenced(nest: Nest, deed: str, first_word: str) -> None:
    cell = nest.cell(doing(on_trade=deed))
    step = InThread(lambda: cell.step(trade()))
    assert nest.next_line() == first_word
    stack = cell.fence()
    assert f"in {deed}" in stack
    assert cell.fence() == stack
    assert isinstance(died := step.join(), ProcessDied)
    assert str(died) == "fenced: killed by SIGKILL"
    assert nest.deaths.empty()


def test_one_stuck_at_its_start_or_stop_is_fenced(nest: Nest) -> None:
    starting = nest.cell(doing(at_start="spin_for_ever"), is_started=False)
    start = InThread(starting.start)
    assert nest.next_line() == "spinning"
    assert "in spin_for_ever" in starting.fence()
    assert isinstance(start.join(), ProcessDied)

    stopping = nest.cell(doing(at_stop="spin_for_ever"))
    stop = InThread(lambda: stopping.stop("night"))
    assert nest.next_line() == "spinning"
    assert "in spin_for_ever" in stopping.fence()
    assert isinstance(stop.join(), ProcessDied)


def test_an_idle_one_is_fenced(nest: Nest) -> None:
    cell = nest.cell(Echo)
    assert "in run" in cell.fence()
    assert cell.death() is None
    assert nest.deaths.empty()
    with pytest.raises(ProcessDied, match="fenced"):
        cell.step(trade())


def test_one_that_was_never_started_or_is_about_to_be(nest: Nest) -> None:
    cell = nest.cell(Echo, is_started=False)
    with pytest.raises(ProcessDied, match="never started"):
        cell.step(trade())
    assert cell.fence() == ""
    with pytest.raises(ProcessDied, match="fenced before it was spawned"):
        cell.start()
    for _ in range(5):
        racing = nest.cell(Echo, is_started=False)
        start = InThread(racing.start)
        racing.fence()
        assert isinstance(start.join(), ProcessDied)
    assert nest.deaths.empty()


def test_ctrl_c_and_a_service_managers_sigterm_pass_it_by(nest: Nest) -> None:
    cell = nest.cell(doing(on_trade="interrupt_the_group"))
    cell.step(trade())
    assert nest.world.next_said() == "still here"
    assert cell.pid is not None
    assert os.getpgid(cell.pid) == cell.pid
    cell.stop("night")


# -- what it says is not believed --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deed", "why"),
    [
        ("forge_sender", "a message 'strategy:a.3.0' of 'oms', epoch 3, and it is strategy:a, epoch 3"),
        ("forge_epoch", "of 'strategy:a', epoch 4"),
        ("forge_id", "a message 'oms.1.1'"),
        ("forge_release", "of 'oms'"),
        ("write_garbage", "no frame is of the kind 47"),
        ("write_long_length", "DELIVER of 16777217 bytes"),
        ("write_wrong_answer", "an answer to 999, and it was asked 2"),
        ("close_channel", "closed its channel"),
        ("tell_without_end", "more than 100000 frames"),
    ],
)
def test_one_that_breaks_the_protocol_is_ended(nest: Nest, deed: str, why: str) -> None:
    cell = nest.cell(doing(on_trade=deed))
    with pytest.raises(ProtocolBroken, match=why):
        cell.step(trade())
    assert not [act for act in nest.world.acts if act[0] == "deliver"]
    assert nest.deaths.empty()


# -- what is at fault on this side -------------------------------------------------------------------------------------


class Broken(Notes):
    def child_ready(self, name: str, epoch: int) -> None:
        raise LookupError("no such slot")


def test_a_message_that_cannot_be_sent(nest: Nest) -> None:
    with pytest.raises(UnknownMessage, match="Note is not in the catalogue"):
        nest.cell(Echo).step(sealed(Note()))
    with pytest.raises(FrameTooLarge):
        nest.cell(Echo).step(sealed(said("x" * MAX_FRAME_BYTES)))
    nest.world = Broken()
    with pytest.raises(LookupError, match="no such slot"):
        nest.cell(Echo)


def test_a_command_of_an_ended_incarnation_does_not_reach_it(nest: Nest) -> None:
    cell = nest.cell(doing(on_trade="raises"))
    nest.world.epochs["operator"] = 2
    cell.step(sealed(StopChild(child="a"), sender="operator", epoch=1))
    assert cell.refused_stale == 1
    assert issubclass(StopChild, Command)


# -- output ------------------------------------------------------------------------------------------------------------


def test_what_it_prints_arrives(nest: Nest) -> None:
    cell = nest.cell(doing(on_trade="print_things"))
    cell.step(trade())
    cell.stop("night")
    found = [nest.lines.get_nowait() for _ in range(4)]
    assert found == ["a line", "to stderr", "x" * MAX_LINE_BYTES, "no end"]


def test_a_flood_of_output_holds_nobody_up(nest: Nest) -> None:
    counted: list[str] = []
    cell = nest.cell(doing(on_trade="flood"), on_output=lambda name, line: counted.append(line))
    cell.step(trade())
    cell.stop("night")
    assert counted == [str(n) for n in range(100_000)]


def test_whoever_reads_the_output_may_fail(nest: Nest) -> None:
    def refuse(name: str, line: str) -> None:
        nest.lines.put(f"{name}: {line}")
        raise OSError("disk full")

    cell = nest.cell(doing(on_trade="flood", at_stop="exit_at_once"), on_output=refuse)
    cell.step(trade())
    with pytest.raises(ProcessDied) as caught:
        cell.stop("night")
    assert nest.lines.get_nowait() == "strategy:a: 0"
    assert nest.lines.empty()
    assert "leaving without a word" in caught.value.detail
