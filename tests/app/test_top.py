"""`top`: one look without a terminal; in one, every second until Ctrl-C, through deaths and new sessions."""

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bulkhead.app.exit_codes import ExitCode
from tests.app.kit import COMMAND, Cli
from tests.app.test_reading import be_live


def test_without_a_terminal_it_is_one_look_and_a_sentence(cli: Cli, session_dir: Path) -> None:
    be_live(session_dir)
    done = cli("top")
    assert done.code == ExitCode.OK
    assert done.out.startswith("LIVE")
    assert "in a terminal only" in done.sentence


def test_its_exit_code_is_then_that_of_status(cli: Cli, session_dir: Path) -> None:
    done = cli("top")
    assert done.code == ExitCode.NOT_RUNNING
    assert done.out.startswith("STOPPED")


def test_for_programs_it_is_one_object_a_line(cli: Cli, session_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line is a new look: the run dies between the second and the third."""
    be_live(session_dir)
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            be_live(session_dir, pid_started=1)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", pause)
    done = cli("top", "--json")
    assert done.code == ExitCode.OK
    assert [json.loads(line)["liveness"] for line in done.out.splitlines()] == ["live", "live", "dead"]
    assert pauses == [1.0] * 3


class Terminal:
    """A terminal of `columns` by `lines` with `bulkhead top` in it."""

    def __init__(self, process: subprocess.Popen[bytes], fd: int) -> None:
        self.process, self._fd = process, fd
        self.text = ""

    def read(self, seconds: float = 0.1) -> str:
        while select.select([self._fd], [], [], seconds)[0]:
            try:
                self.text += os.read(self._fd, 65536).decode(errors="replace")
            except OSError:  # the other side has closed it
                break
        return self.text

    def until(self, word: str) -> None:
        """Until it has been shown after what was shown before."""
        self.text = ""
        deadline = time.monotonic() + 20
        while word not in self.read():
            assert time.monotonic() < deadline, f"never shown: {word}\n{self.text}"

    def type(self, keys: bytes) -> None:
        os.write(self._fd, keys)


@contextmanager
def terminal(folder: Path, columns: int, lines: int) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    # `setsid --ctty` makes the terminal its own, so that Ctrl-C is a signal and not a letter.
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", str(COMMAND), "top"],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**env, "TERM": "xterm"},
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.process
def test_in_a_terminal_it_follows_until_ctrl_c(session_dir: Path) -> None:
    """A live run, its death, the next session: each is on the screen within a look, and the dead one is never live."""
    folder = session_dir.parents[2]
    be_live(session_dir, written_at_ns=time.time_ns() + 3600 * 10**9)
    with terminal(folder, 120, 24) as screen:
        screen.until("LIVE")
        assert session_dir.name in screen.read()
        assert "lines more" in screen.text, "a low screen says that it does not show everything"
        be_live(session_dir, pid_started=1)
        screen.until("DEAD")
        screen.until("DEAD")
        assert "LIVE" not in screen.text
        following = session_dir.with_name("20990101T000000Z-next")
        session_dir.rename(following)
        (session_dir.parent / "CURRENT").write_text(f"{following.name}\n", encoding="utf-8")
        be_live(following, session_id=following.name)
        screen.until("LIVE")
        screen.until(following.name)
        screen.type(b"\x03")
        assert screen.process.wait(10) == ExitCode.OK
        assert "Traceback" not in screen.read()
