"""Running the simulator: as a process of its own (`serve`), or on a thread beside a test (`in_thread`).

Rules: one JSON line on stdout says that it listens and where; everything that prevents it is one sentence on stderr
and exit code 1; SIGTERM and SIGINT end it cleanly with exit code 0; it listens on loopback only.
"""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bulkhead.venues.simulator import wire
from bulkhead.venues.simulator.errors import SimulatorError
from bulkhead.venues.simulator.server import Simulator
from bulkhead.venues.simulator.settings import SimulatorSettings

_BACKLOG = 128
_STOP_WITHIN_S = 10.0
_STDIN = 0
_ERRORS_SHOWN = 10

Announce = Callable[[dict[str, object]], None]


def print_ready(line: dict[str, object]) -> None:
    """The default announcement: one JSON line on stdout."""
    print(wire.dumps(line), flush=True)


class _FirstErrors(logging.Filter):
    """Lets the first errors through only: a parent that does not read our stderr must not block us."""

    def __init__(self) -> None:
        super().__init__()
        self._left = _ERRORS_SHOWN

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR or not self._left:
            return False
        self._left -= 1
        return True


def serve(settings: SimulatorSettings, announce: Announce = print_ready) -> int:
    """Run until told to stop; returns the exit code. `announce` is called once, when it listens."""
    logging.getLogger("uvicorn.error").addFilter(_FirstErrors())
    try:
        asyncio.run(_serve(settings, announce))
    except SimulatorError as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 1
    return 0


async def _serve(settings: SimulatorSettings, announce: Announce) -> None:
    listener = _listen(settings)
    try:
        simulator = Simulator(settings)
    except SimulatorError:
        listener.close()
        raise
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, simulator.stop)
    if settings.exit_with_parent:
        _stop_at_end_of_stdin(loop, simulator.stop)
    await simulator.run(listener, lambda: announce(ready_line(settings, listener)))
    if simulator.failure is not None:
        raise simulator.failure


def ready_line(settings: SimulatorSettings, listener: socket.socket) -> dict[str, object]:
    host, port = listener.getsockname()[:2]
    return {
        "ready": True,
        "host": host,
        "port": port,
        "pid": os.getpid(),
        "dialect": settings.dialect,
        "market": settings.market,
        "lockstep": settings.lockstep,
    }


def _listen(settings: SimulatorSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol is named, or asyncio would not see TCP and leave Nagle's algorithm on: 40 ms for each answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        why = "is already in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise SimulatorError(
            f"port {settings.port} on {settings.host} {why}; choose another port, or 0 for any free one"
        ) from error
    return listener


def _stop_at_end_of_stdin(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    """End with the parent: its end of our stdin closes even when it is killed."""

    def wait() -> None:
        # os.read and not sys.stdin: a buffered reader blocked here would hold a lock that the exit needs.
        with contextlib.suppress(OSError):
            while os.read(_STDIN, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop has ended first
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=wait, name="simulator-parent-watch", daemon=True).start()


@dataclass(slots=True)
class RunningSimulator:
    """A simulator on a thread of this process. `simulator` belongs to that thread; only `port` is for others."""

    port: int
    simulator: Simulator

    @property
    def http_url(self) -> str:
        return f"http://{self.simulator.settings.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{self.simulator.settings.host}:{self.port}"


@contextlib.contextmanager
def in_thread(settings: SimulatorSettings) -> Iterator[RunningSimulator]:
    """Run a simulator on a thread while the context lasts. Raises SimulatorError when it cannot start."""
    started = threading.Event()
    box: list[RunningSimulator | SimulatorError] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        listener = _listen(settings)
        try:
            simulator = Simulator(settings)
        except SimulatorError:
            listener.close()
            raise
        loops.append(asyncio.get_running_loop())
        running = RunningSimulator(listener.getsockname()[1], simulator)

        def on_ready() -> None:
            box.append(running)
            started.set()

        await simulator.run(listener, on_ready)

    def work() -> None:
        try:
            asyncio.run(main())
        except SimulatorError as error:
            box.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=work, name="simulator", daemon=True)
    thread.start()
    started.wait()
    if not box:
        raise SimulatorError("the simulator ended before it was ready")
    running = box[0]
    if isinstance(running, SimulatorError):
        raise running
    try:
        yield running
    finally:
        if thread.is_alive():
            loops[0].call_soon_threadsafe(running.simulator.stop)
        thread.join(_STOP_WITHIN_S)
        if thread.is_alive():
            raise SimulatorError(f"the simulator did not stop within {_STOP_WITHIN_S:.0f} s")
