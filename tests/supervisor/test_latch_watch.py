"""The eye on the latch: what somebody else puts there stops the next write, and what goes from there opens nothing."""

import os
import time
from pathlib import Path

import pytest

from messages.values import StopLevel, StopPlan
from supervisor.gate import Gate
from supervisor.latch import StopLatch
from supervisor.latch_watch import LatchWatch, Taken, WatchedGate
from supervisor.recorded import RecordedOnly
from tests.execution.orders import order
from tests.supervisor.test_gate import reason

ROW = order()
KILL = reason("kill:SOFT:all", StopLevel.SOFT, needs_operator=True)


class Watched:
    """A gate with its latch in a folder, and the command line's own latch on the same folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.theirs = StopLatch(folder)
        self.wall_ns = time.time_ns
        self.watch = LatchWatch(StopLatch(folder), lambda: 1, self._wall)
        self.gate = Gate((), lambda name: 1, self.watch)
        self.watch.serve(self.gate)
        self.taken: list[Taken] = []
        self.watch.on_taken = self.taken.append
        self.guard = RecordedOnly(WatchedGate(self.gate, self.watch))
        self.guard.note([ROW])

    def _wall(self) -> int:
        return self.wall_ns()

    def refusal(self) -> str | None:
        return self.guard.refusal(ROW.ticket, "oms", 1)


@pytest.mark.lesson("L22")
@pytest.mark.req("S-09", "P-09")
def test_what_the_command_line_latches_holds_the_very_next_write_back(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "stop")
    assert watched.refusal() is None, "there is no folder yet"
    watched.theirs.write(KILL)
    assert "kill:SOFT:all" in (watched.refusal() or "")
    assert [taken.reason for taken in watched.taken] == [KILL]
    assert watched.refusal()
    assert len(watched.taken) == 1, "told once"


@pytest.mark.lesson("L22")
def test_ten_stops_within_one_tick_of_the_clock_are_all_seen(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    for number in range(10):
        each = reason(f"kill:{number}", StopLevel.SOFT, "symbol:ETHUSDT", needs_operator=True)
        watched.theirs.write(each)
        stamp = tmp_path.stat()
        os.utime(tmp_path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns // 10**9 * 10**9))  # as of a clock of seconds
        watched.wall_ns = lambda ns=stamp.st_mtime_ns // 10**9 * 10**9: ns  # type: ignore[misc]
        watched.watch.look()
        assert watched.gate.is_in_force(f"kill:{number}")


def test_a_folder_at_rest_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(tmp_path)
    watched.theirs.write(KILL)
    watched.wall_ns = lambda: time.time_ns() + 10**9
    watched.watch.look()
    monkeypatch.setattr(StopLatch, "names", lambda self: pytest.fail("it was read again"))
    watched.watch.look()
    assert watched.gate.is_in_force(KILL.reason_id)


def test_a_file_or_a_folder_that_goes_opens_nothing(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "stop")
    watched.theirs.write(KILL)
    watched.watch.look()
    watched.theirs.remove(KILL.reason_id)
    assert watched.refusal()
    (tmp_path / "stop").rmdir()
    assert watched.refusal()
    assert watched.gate.lift(KILL.reason_id, by=None)
    assert watched.refusal() is None


def test_what_the_gate_itself_has_latched_is_no_news_and_what_it_lifts_stays_lifted(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.gate.shut(reason("risk:x", StopLevel.MEDIUM, needs_operator=True), by=None)
    assert watched.refusal()
    assert watched.taken == []
    assert watched.gate.lift("risk:x", by=None)
    assert watched.refusal() is None
    watched.theirs.write(reason("risk:x", StopLevel.SOFT, needs_operator=True))
    assert watched.refusal(), "latched anew, by somebody else"


@pytest.mark.req("S-09")
def test_what_cannot_be_understood_lets_cancels_out_and_nothing_else(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    (tmp_path / "kill.json").write_bytes(b'{"format_version": 99}')
    assert watched.refusal()
    (found,) = watched.gate.reasons()
    assert (found.level, found.effective_plan, found.needs_operator) == (StopLevel.HARD, StopPlan.NONE, True)


@pytest.mark.req("S-09")
def test_a_folder_that_cannot_be_read_does_too_and_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "stop").write_text("a file")
    watched = Watched(tmp_path / "stop")
    assert "HARD" in (watched.refusal() or "")
    assert watched.refusal()
    assert len(watched.taken) == 1


def test_a_stricter_file_under_the_same_name_is_taken_too(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.theirs.write(KILL)
    watched.watch.look()
    watched.theirs.write(KILL.model_copy(update={"level": StopLevel.HARD}))
    watched.watch.look()
    assert watched.gate.level() is StopLevel.HARD


@pytest.mark.lesson("L22")
def test_a_kill_that_comes_while_the_one_before_it_is_lifted_holds(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.theirs.write(KILL)
    watched.watch.look()
    watched.theirs.write(KILL.model_copy(update={"since_ns": 2}))
    assert watched.gate.lift(KILL.reason_id, by=None)
    assert watched.refusal(), "nobody has seen the second one, and nobody has lifted it"
    assert [each.reason_id for each in watched.theirs.load(1)] == [KILL.reason_id]
