"""A child for the guard's tests: speaks the protocol by itself, sharing no code with ours, and fails as it is told.

- `guarded.py FOLDER WORD...`: its n-th start does what the n-th WORD says; the last one holds for the rest.
- `guarded.py --guard LOGS RULES COMMAND...`: a guard over COMMAND; RULES is JSON.
- `guarded.py --terminal COMMAND...`: COMMAND as the foreground of the terminal on stdin.
"""

import ctypes
import faulthandler
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import FrameType

BEAT_S = 0.1


def tell(text: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.connect(os.environ["NOTIFY_SOCKET"])
        peer.send(text.encode())


def note(folder: Path, name: str, text: str) -> None:
    with (folder / name).open("a") as file:
        file.write(f"{text}\n")


def serve(folder: Path, *, stops: bool = True) -> None:
    """Ready, then signs of life until told to stop; or for ever."""
    asked: list[int] = []

    def on_signal(number: int, _: FrameType | None) -> None:
        note(folder, "signals", signal.Signals(number).name)
        asked.append(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    note(folder, "tty", str(sys.stdout.isatty()))
    tell("READY=1\nSTATUS=trading")
    while not (asked and stops):
        tell("WATCHDOG=1")
        time.sleep(BEAT_S)
    tell("STOPPING=1")
    print("stopped in order", flush=True)


def serve_until_the_parent_dies(folder: Path) -> None:
    from bulkhead.app.notify import end_with_parent

    end_with_parent()
    try:
        serve(folder)
    except OSError:  # nobody listens any more; the signal is on its way
        time.sleep(BEAT_S)


def hang_with_the_gil() -> None:
    """No other Python thread runs from here on, and no signal handler either; but faulthandler's, which is C."""
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    tell("READY=1")
    tell("WATCHDOG=1")
    while True:
        ctypes.PyDLL(None).sleep(1000)


def let_another_speak() -> None:
    """A child of the child says READY: that is nobody's business."""
    said = subprocess.run([sys.executable, __file__, "--say", "READY=1"], check=True)
    time.sleep(1000 + said.returncode)


def leave_an_orphan(folder: Path) -> None:
    orphan = subprocess.Popen(["sleep", "1000"])
    note(folder, "orphans", str(orphan.pid))
    os._exit(1)


def act(folder: Path, word: str) -> None:
    if word == "serve":
        serve(folder)
    elif word == "serve-with-parent":
        serve_until_the_parent_dies(folder)
    elif word == "stubborn":
        serve(folder, stops=False)
    elif word == "hang":
        hang_with_the_gil()
    elif word == "silent":
        time.sleep(1000)
    elif word == "another":
        let_another_speak()
    elif word == "orphan":
        leave_an_orphan(folder)
    elif word == "die":
        tell("READY=1")
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        sys.exit(int(word))


def guard(logs: str, rules: str, command: list[str]) -> int:
    from bulkhead.app.guard import guard as guard_over
    from bulkhead.app.guard_rules import Rules
    from supervisor.spec import Backoff, Budget

    given = json.loads(rules)
    delay_s = given.pop("delay_s", 0.1)
    backoff, budget = Backoff(delay_s, delay_s), Budget(given.pop("restarts", 5), 600.0)
    given = {"watchdog_s": 1.5, "start_deadline_s": 3.0, "stop_deadline_s": 2.0, **given}
    left = guard_over(command, Path(logs), Rules(backoff=backoff, budget=budget, **given))
    if left.sentence:
        sys.stderr.write(f"{left.sentence}\n")
    return left.code


def main(arguments: list[str]) -> int:
    first, *rest = arguments
    if first == "--guard":
        return guard(rest[0], rest[1], rest[2:])
    if first == "--say":
        tell(rest[0])
        return 0
    if first == "--terminal":
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        os.execv(rest[0], rest)  # noqa: S606 - the command is the test's own
    folder = Path(first)
    starts = folder / "starts"
    begun = len(starts.read_text().splitlines()) if starts.exists() else 0
    note(folder, "starts", str(os.getpid()))
    act(folder, rest[min(begun, len(rest) - 1)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
