"""The guard over real processes: they die, hang with the GIL held, ignore signals; and over a real run."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.process.kit import BULKHEAD, ROOT, Ledger, agree, ladder, simulator, until, write_config

pytestmark = pytest.mark.process

GUARDED = Path(__file__).with_name("guarded.py")
RESTART_LINE = re.compile(
    r"^\d{4}-\d\d-\d\dT[\d:.]+\+00:00 guard: the run \(process \d+\) is down: "
    r"(.+); restart (\d+) of (\d+) in [\d.]+ s$",
    re.MULTILINE,
)
IMPATIENT_S = 20.0


class Guarded:
    """A guard over tests/process/guarded.py, whose n-th start does what the n-th word says."""

    def __init__(self, folder: Path, *words: str, before: tuple[str, ...] = (), env: Any = None, **rules: Any) -> None:
        self.folder = folder
        child = [sys.executable, str(GUARDED), str(folder), *words]
        guard = [sys.executable, str(GUARDED), "--guard", str(folder), json.dumps(rules), *child]
        self.process = subprocess.Popen(
            [*before, *guard],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        )

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    @property
    def pids(self) -> list[int]:
        """Of each start."""
        return [int(line) for line in self.lines("starts")]

    @property
    def journal(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines("guard.jsonl")]

    def events(self) -> list[str]:
        return [line["event"] for line in self.journal]

    def until_ready(self, times: int = 1) -> None:
        until(lambda: self.events().count("ready") >= times, f"ready {times} times", IMPATIENT_S)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Exit code, stdout, stderr, once it has ended by itself."""
        out, err = self.process.communicate(timeout=IMPATIENT_S)
        return self.process.returncode, out, err


@contextmanager
def guarded(folder: Path, *words: str, **more: Any) -> Iterator[Guarded]:
    made = Guarded(folder, *words, **more)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
        for pid in made.pids:
            if is_there(pid):
                os.kill(pid, signal.SIGKILL)
        made.process.communicate()


def is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(pid: int) -> None:
    until(lambda: not is_there(pid), f"process {pid} is gone", IMPATIENT_S)


# -- it is started again ----------------------------------------------------------------------------------------------


def test_a_child_that_hangs_with_the_gil_held_is_killed_and_started_again(tmp_path: Path) -> None:
    with guarded(tmp_path, "hang", "serve") as guard:
        guard.until_ready(2)
        guard.send(signal.SIGTERM)
        code, out, err = guard.end()
    assert code == 0
    assert out == "stopped in order\n"
    assert RESTART_LINE.findall(err) == [("no sign of life for 1.5 s", "1", "5")]
    assert "in hang_with_the_gil" in err, "its stack, from a process that runs no Python any more"
    assert guard.events() == ["started", "ready", "killed", "ended", "restarting", "started", "ready", "ended"]
    assert guard.lines("signals") == ["SIGTERM"]
    killed, restarting = guard.journal[2], guard.journal[4]
    assert (killed["cause"], killed["pid"]) == ("no sign of life for 1.5 s", guard.pids[0])
    assert (restarting["restarts_in_window"], restarting["exit_code"]) == (1, None)
    assert guard.journal[-1]["exit_code"] == 0
    assert all(not is_there(pid) for pid in guard.pids)


@pytest.mark.parametrize(
    ("word", "cause", "rules"),
    [
        ("die", "ended by SIGKILL", {}),
        ("7", "exit code 7 (STUCK)", {}),
        ("silent", "not ready within 1 s", {"start_deadline_s": 1.0}),
        ("another", "not ready within 1.5 s", {"start_deadline_s": 1.5}),
    ],
)
def test_it_is_started_again_after(tmp_path: Path, word: str, cause: str, rules: dict[str, float]) -> None:
    with guarded(tmp_path, word, "0", **rules) as guard:
        code, _, err = guard.end()
    assert code == 0
    assert RESTART_LINE.findall(err) == [(cause, "1", "5")]
    assert len(guard.pids) == 2


def test_what_a_dead_child_leaves_behind_is_gone_before_the_next_start(tmp_path: Path) -> None:
    with guarded(tmp_path, "orphan", "serve") as guard:
        guard.until_ready()
        (orphan,) = guard.lines("orphans")
        gone(int(orphan))
        guard.send(signal.SIGTERM)
        assert guard.end()[0] == 0


# -- it is not --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 4, 8])
def test_an_end_that_a_restart_cannot_help(tmp_path: Path, code: int) -> None:
    with guarded(tmp_path, str(code)) as guard:
        assert guard.end() == (code, "", "")
    assert guard.events() == ["started", "ended"]


def test_a_refused_run_leaves_no_folder_behind(tmp_path: Path) -> None:
    logs, child = tmp_path / "logs", [sys.executable, "-c", "raise SystemExit(4)"]
    command = [sys.executable, str(GUARDED), "--guard", str(logs), "{}", *child]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False, timeout=30)
    assert done.returncode == 4
    assert not logs.exists()


def test_a_spent_budget(tmp_path: Path) -> None:
    with guarded(tmp_path, "7", restarts=2) as guard:
        code, _, err = guard.end()
    assert code == 7
    assert RESTART_LINE.findall(err) == [("exit code 7 (STUCK)", "1", "2"), ("exit code 7 (STUCK)", "2", "2")]
    assert "gave up: the run failed 3 times within 600 s" in err.splitlines()[-1]
    assert guard.events() == [*["started", "ended", "restarting"] * 2, "started", "ended", "gave_up"]


def test_a_command_that_cannot_be_started(tmp_path: Path) -> None:
    command = [sys.executable, str(GUARDED), "--guard", str(tmp_path), '{"restarts": 1}', str(tmp_path / "nothing")]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert done.stderr.count("the run cannot be started: No such file or directory") == 2
    assert "gave up" in done.stderr


# -- stopping ---------------------------------------------------------------------------------------------------------


def test_a_child_that_ignores_the_request_is_killed_at_the_deadline(tmp_path: Path) -> None:
    with guarded(tmp_path, "stubborn", stop_deadline_s=1.0) as guard:
        guard.until_ready()
        guard.send(signal.SIGTERM)
        guard.send(signal.SIGTERM)
        code, _, err = guard.end()
    assert code == 1
    assert "still there 1 s after it was asked to end" in err
    assert guard.lines("signals") == ["SIGTERM"]
    assert not is_there(guard.pids[0])


def test_a_second_interrupt_ends_it_at_once(tmp_path: Path) -> None:
    with guarded(tmp_path, "stubborn", stop_deadline_s=60.0) as guard:
        guard.until_ready()
        guard.send(signal.SIGINT)
        until(lambda: guard.lines("signals") == ["SIGINT"], "it was passed on")
        guard.send(signal.SIGINT)
        code, _, err = guard.end()
    assert code == 1
    assert "asked to stop at once" in err
    assert not is_there(guard.pids[0])


def test_asked_to_stop_while_it_waits_to_start_again(tmp_path: Path) -> None:
    with guarded(tmp_path, "7", delay_s=60.0) as guard:
        until(lambda: "restarting" in guard.events(), "it waits", IMPATIENT_S)
        guard.send(signal.SIGTERM)
        code, _, err = guard.end()
    assert code == 7
    assert "stopped while the run was down" in err
    assert len(guard.pids) == 1


def test_a_guard_that_was_suspended_kills_nobody_for_its_own_absence(tmp_path: Path) -> None:
    with guarded(tmp_path, "serve") as guard:
        guard.until_ready()
        guard.send(signal.SIGSTOP)
        time.sleep(2.5)
        guard.send(signal.SIGCONT)
        time.sleep(0.5)
        guard.send(signal.SIGTERM)
        assert guard.end()[0] == 0
    assert guard.events() == ["started", "ready", "ended"]


def test_a_child_does_not_outlive_a_guard_that_is_killed(tmp_path: Path) -> None:
    # It leaves its socket's folder behind, so it gets a place of its own for that; a short one, as sockets want it.
    with (
        TemporaryDirectory(prefix="guard-") as place,
        guarded(tmp_path, "serve-with-parent", env={"TMPDIR": place}) as guard,
    ):
        guard.until_ready()
        guard.process.kill()
        guard.process.wait()
        gone(guard.pids[0])
    assert guard.lines("signals") == ["SIGTERM"], "an ordered end"


def test_a_hangup_is_passed_on_unless_nohup_took_it_away(tmp_path: Path) -> None:
    ignoring = ("bash", "-c", 'trap "" HUP; exec "$@"', "bash")
    with guarded(tmp_path, "serve", before=ignoring) as guard:
        guard.until_ready()
        guard.send(signal.SIGHUP)
        time.sleep(0.3)
        assert guard.lines("signals") == []
        guard.send(signal.SIGTERM)
        assert guard.end()[0] == 0
    plain = tmp_path / "plain"
    plain.mkdir()
    with guarded(plain, "serve") as guard:
        guard.until_ready()
        guard.send(signal.SIGHUP)
        assert guard.end()[0] == 0
        assert guard.lines("signals") == ["SIGHUP"]


def test_ctrl_c_in_a_terminal_is_one_ordered_stop(tmp_path: Path) -> None:
    """The terminal sends SIGINT to its whole foreground group; the child hears of it once, from the guard."""
    ours, theirs = os.openpty()
    child = [sys.executable, str(GUARDED), str(tmp_path), "serve"]
    guard = [sys.executable, str(GUARDED), "--guard", str(tmp_path), "{}", *child]
    process = subprocess.Popen(
        [sys.executable, str(GUARDED), "--terminal", *guard],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    os.close(theirs)
    try:
        until((tmp_path / "tty").exists, "the child is up", IMPATIENT_S)
        os.write(ours, b"\x03")
        assert process.wait(IMPATIENT_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert (tmp_path / "signals").read_text() == "SIGINT\n"
    assert (tmp_path / "tty").read_text() == "True\n", "its output is the terminal's, colours and all"


# -- under a service manager of its own -------------------------------------------------------------------------------


def test_what_a_service_manager_hears(tmp_path: Path) -> None:
    """Ready and beats are the child's; a restart asks for patience; STOPPING comes only with the guard's own end."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address := str(tmp_path / "systemd"))

        def hears(word: str, times: int) -> bool:
            while select.select([manager], [], [], 0)[0]:
                heard.append(manager.recv(4096).decode())
            return heard.count(word) >= times

        env = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"}
        with guarded(tmp_path, "hang", "serve", env=env) as guard:
            until(lambda: hears("READY=1", 2), "ready again", IMPATIENT_S)
            beats = heard.count("WATCHDOG=1")
            until(lambda: hears("WATCHDOG=1", beats + 2), "beats", IMPATIENT_S)
            assert "STOPPING=1" not in heard
            guard.send(signal.SIGTERM)
            assert guard.end()[0] == 0
        hears("", 1)
    patience = next(place for place, word in enumerate(heard) if word == "WATCHDOG_USEC=5100000")
    assert heard[:3] == ["READY=1", "WATCHDOG_USEC=30000000", "WATCHDOG=1"]
    assert patience > 2
    assert heard[patience:].count("WATCHDOG_USEC=30000000") == 1, "counted as before once it is ready again"
    assert any(word.startswith("STATUS=the run is down: no sign of life") for word in heard)
    assert "STATUS=trading" in heard
    assert heard[-1] == "STOPPING=1" or "STOPPING=1" in heard[-3:]


# -- the real run -----------------------------------------------------------------------------------------------------


def trading(logs: Path, guard: subprocess.Popen[str], not_pid: int | None = None) -> int:
    """Pid of the run once it trades with an open gate; of another run than `not_pid`."""

    def look() -> int | None:
        assert guard.poll() is None, guard.communicate()[1]
        try:
            session = logs / "sessions" / (logs / "sessions" / "CURRENT").read_text().strip()
            report = json.loads((session / "status.json").read_bytes())
        except (OSError, ValueError):
            return None
        is_it = report["state"] == "trading" and report["gate_open"] and report["pid"] != not_pid
        return int(report["pid"]) if is_it else None

    found: int = until(look, "the run is trading")
    return found


@pytest.mark.parametrize(
    ("number", "cause"), [(signal.SIGKILL, "ended by SIGKILL"), (signal.SIGSTOP, "no sign of life for 6 s")]
)
def test_a_run_that_dies_or_stands_still_comes_back_and_trades_on(
    tmp_path: Path, number: signal.Signals, cause: str
) -> None:
    """The guard starts it again, and it recovers. SIGTERM to the guard is an ordered end of both."""
    logs = tmp_path / "logs"
    with simulator(tmp_path) as venue:
        config = write_config(tmp_path, venue.port, strategies=ladder(below_bps="-5"))
        command = [str(BULKHEAD), "run", "--guard", "--watchdog", "6", "--config", str(config)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
            pid: int | None = None
            try:
                pid = trading(logs, process)
                until(lambda: venue.executions() >= 2, "two fills")
                os.kill(pid, number)
                pid = trading(logs, process, not_pid=pid)
                before = venue.executions()
                until(lambda: venue.executions() >= before + 2, "trading goes on")
                until(lambda: (logs / "guard.jsonl").read_text().count('"ready"') == 2, "it said that it is ready")
                venue.fault(halt_market=True)
                process.send_signal(signal.SIGTERM)
                _, said = process.communicate(timeout=80)
            finally:
                process.kill()
                if pid is not None and is_there(pid):
                    os.kill(pid, signal.SIGKILL)
        agree(venue, Ledger(logs / "ledger.db"))
    assert process.returncode == 0, said
    assert RESTART_LINE.findall(said) == [(cause, "1", "5")]
    events = [json.loads(line)["event"] for line in (logs / "guard.jsonl").read_text().splitlines()]
    killed = ["killed"] if number == signal.SIGSTOP else []
    assert events == ["started", "ready", *killed, "ended", "restarting", "started", "ready", "ended"]
