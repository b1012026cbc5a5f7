"""A strategy that misbehaves in a process of its own, beside one that trades on: one run, in which each fault happens.

What is measured of the sound strategy, its decisions and its orders' way to the venue's answer, is printed. Asserted is
that it decides and has its orders answered in the midst of each fault, behind an open gate; of the figures, only what
a busy machine can hold.
"""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.kit import Ledger, agree, running, simulator, until, write_config
from tests.process.misbehaving import ALWAYS, LINES
from tests.process.town import (
    ROGUE,
    ROGUES_SYMBOL,
    WIDE_LIMITS,
    Town,
    children,
    misbehave,
    nobody_outlives,
    processes,
    strategies,
)

pytestmark = pytest.mark.process

FLOODS = 5
A_LINE = "strategy:rogue prints: line "


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    told = folder / "told"
    with simulator(folder) as venue:
        risk = {"currency": "USDT", **WIDE_LIMITS}
        with running(write_config(folder, venue.port, strategies=strategies(told), risk=risk)) as run:
            run.until_trading()
            yield Town(run, venue, told)


@pytest.mark.lesson("L20", "L35")
def test_one_that_loops_is_killed_each_time_and_at_last_parked_alone(town: Town) -> None:
    """Its entries are cancelled, as it has declared; the others go on behind an open gate."""
    epoch = town.make_ready()
    until(lambda: bids(town), "its bid rests")

    def fault() -> None:
        town.misbehave(f"{ALWAYS}loop")
        until(lambda: town.node()["state"] == "parked", "it is parked")

    town.feels_nothing("a strategy that loops, four times", fault)
    row = town.node()
    assert (row["pid"], town.node("seat:rogue")["state"]) == (None, "ready")
    assert "strategy:rogue was given up: it has held" in row["last_failure"]
    downs = [town.downs(epoch + n) for n in range(4)]
    assert [[down["reason"] for down in each] for each in downs] == [["stuck"]] * 4, "three restarts, then no more"
    assert "in loop_for_ever" in downs[0][0]["detail"], "the stack of the loop"
    assert "in loop_for_ever" in town.log()
    modes = [payload["failure"]["mode"] for payload in town.payloads("failures", "FailureRecorded")]
    assert modes[-1] == "actor_crash_loop"
    assert ROGUE in town.scopes(), "its own entries are shut"
    until(lambda: not bids(town), "it is cancelled")
    screen = town.bulkhead("status")
    assert "gate open" in screen
    assert re.search(r"strategy:rogue +PARKED .*\n.*was given up: it has held (Trade|Quote) for more than 1 s", screen)


def bids(town: Town) -> list[object]:
    """Of the misbehaving strategy, as the venue has them."""
    return [order for order in town.venue.books()["open_orders"] if order["symbol"] == ROGUES_SYMBOL]


@pytest.mark.lesson("L36")
def test_an_operator_brings_it_back(town: Town) -> None:
    town.park()
    town.operate("restart", ROGUE)
    until(lambda: town.node()["state"] == "ready", "it is up")
    assert (town.node()["restarts_in_window"], town.node()["pid"] is None) == (0, False)
    handled = town.node()["handled"]
    until(lambda: town.node()["handled"] > handled, "it gets its ticks again")
    asked = [payload["action"] for payload in town.payloads("ops", "OperatorActed")]
    assert asked[-1] == f"restart {ROGUE}"


def test_what_an_operator_brings_back_may_trade_again(town: Town) -> None:
    town.park()
    town.operate("restart", ROGUE)
    until(lambda: town.node()["state"] == "ready", "it is up")
    town.until_fresh()
    assert ROGUE not in town.scopes()
    until(lambda: bids(town), "its bid rests again")


ENDS = {
    "fail": ("error", "BehaviourFailed: ValueError: it misbehaves", "in fail"),
    "leave": ("killed", "ProcessDied: exit code 3", "leaving without a word"),
    "crash": ("killed", "ProcessDied: segmentation fault (SIGSEGV)", "in crash"),
    "leak": ("error", "BehaviourFailed: MemoryError: the 160 MiB of its compartment are used up", "in leak"),
    "gil": ("stuck", "TimeoutError: strategy:rogue was given up: it has held", "in hold_the_interpreter"),
    "SIGKILL": ("killed", "ProcessDied: killed by SIGKILL", "killed by SIGKILL"),
}


@pytest.mark.lesson("L20", "L21")
def test_whatever_else_ends_it_it_is_started_again_alone(town: Town) -> None:
    """Each in turn, three to a budget; status, failures and log say what happened."""
    took_s: dict[str, float] = {}

    def fault() -> None:
        for place, deed in enumerate(ENDS):
            epoch = town.make_ready() if place % 3 == 0 else int(town.node()["epoch"])
            took_s[deed] = end_by(town, deed, epoch)

    town.feels_nothing("a strategy that ends in six ways", fault)
    said = ", ".join(f"{deed} {seconds:.1f} s" for deed, seconds in took_s.items())
    print(f"from the deed until status shows it up again (written once a second): {said}")


def end_by(town: Town, deed: str, epoch: int) -> float:
    """That incarnation of the misbehaving strategy. Returns after how many seconds the next one was seen."""
    pid, began = town.node()["pid"], time.monotonic()
    if deed == "SIGKILL":
        os.kill(pid, signal.SIGKILL)
    else:
        town.misbehave(deed)
    until(lambda: town.downs(epoch), f"the end by {deed!r} is on record")
    until(lambda: town.node()["epoch"] > epoch and town.node()["state"] == "ready", f"it is up after {deed!r}")
    took_s = time.monotonic() - began
    reason, words, trace = ENDS[deed]
    (down,) = town.downs(epoch)
    row = town.node()
    assert (down["reason"], row["epoch"]) == (reason, epoch + 1), deed
    assert words in row["last_failure"], deed
    assert trace in down["detail"], deed
    assert f"{ROGUE} has ended ({reason})" in town.log(), deed
    assert row["pid"] not in (None, pid), deed
    return took_s


def test_one_that_floods_its_output_fills_the_log_and_nothing_else(town: Town) -> None:
    epoch = town.make_ready()

    def fault() -> None:
        for _ in range(FLOODS):
            printed = town.log().count(A_LINE)
            town.misbehave("chatter")
            until(lambda: town.log().count(A_LINE) == printed + LINES, "each line is in the log")  # noqa: B023 - at once

    town.feels_nothing(f"a strategy that prints {LINES} lines at once, {FLOODS} times", fault)
    town.until_fresh()
    assert town.node()["epoch"] == epoch


def test_after_all_that_the_run_ends_in_order_and_the_books_are_the_venues(town: Town) -> None:
    town.make_ready()
    family = children(town.run.process.pid)
    assert len(processes(town.report()) & family) == 2
    with nobody_outlives(family):
        town.venue.fault(halt_market=True)
        town.run.end()
    agree(town.venue, town.ledger)
    assert town.ledger.fill_ids()
    town.bulkhead("verify")


# -- the whole run ----------------------------------------------------------------------------------------------------


@pytest.mark.lesson("L33")
def test_a_run_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    """Neither its strategies, one of which loops, nor the venue that it has started."""
    told = tmp_path / "told"
    books: dict[str, object] = {"books_file": str(tmp_path / "venue.db")}
    hung = strategies(told, stuck_after_s=600)
    config = write_config(tmp_path, None, strategies=hung, venue={"start_simulator": True}, simulator=books)
    with running(config) as run:
        run.until_trading()
        until(lambda: len(processes(run.status())) == 2, "both strategies have a process of their own")
        family = children(run.process.pid)
        assert family > processes(run.status()), "the simulator is in it"
        misbehave(told, "loop")
        until(lambda: not told.exists(), "it has taken the word")
        with nobody_outlives(family):
            run.kill()


@pytest.mark.lesson("L20")
def test_threads_that_hang_for_good_end_the_run_with_a_code_of_its_own(tmp_path: Path) -> None:
    """Three strategies on threads of the run itself, where nobody can end them: it must be started again from disk."""
    told = tmp_path / "told"
    names = ("one", "two", "three")
    with simulator(tmp_path) as venue:
        config = write_config(tmp_path, venue.port, strategies=strategies(told, host="thread", rogues=names))
        with running(config) as run:
            run.until_trading()
            misbehave(told, f"{ALWAYS}sleep")
            output = run.output()
        assert run.process.returncode == 7, output
        log = (run.session_dir / "app.log").read_text()
        assert "3 actors hang and cannot be ended (strategy:" in log
        assert "in sleep_for_ever" in log, "where they hang"
        told.unlink()
        with running(config) as again:
            again.until_trading()
            executions = venue.executions()
            until(lambda: venue.executions() > executions, "it trades on")
            venue.fault(halt_market=True)
            again.end()
        agree(venue, Ledger(run.folder / "ledger.db"))
