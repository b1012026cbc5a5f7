"""Starts the simulated venue as a process of its own, for a run that brings no venue along.

The child ends with its parent: it holds the other end of a pipe, so that even a SIGKILL of the run leaves none behind.
"""

import json
import os
import subprocess
import sys
from types import TracebackType
from typing import IO, Self

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.notify import without_notify
from bulkhead.venues.simulator.settings import SimulatorSettings

STOP_DEADLINE_S = 5.0


class SimulatorProcess:
    """A running simulator. Use it as a context manager, or `start` and `stop` it."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings.model_copy(update={"exit_with_parent": True})
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def start(self) -> None:
        """Returns when it listens. Raises Stopped with the simulator's own words when it does not."""
        command = [sys.executable, "-P", "-m", "bulkhead.venues.simulator", "--settings-json", self._settings_json()]
        self._process = subprocess.Popen(  # noqa: S603 - our own module, with our own interpreter
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Ctrl-C goes to the terminal's whole process group: the venue must still be there for the last cancels.
            start_new_session=True,
            env=without_notify(os.environ),
        )
        line = _first_line(self._process.stdout)
        if not line:
            said = (self._process.stderr.read() if self._process.stderr else "").strip().splitlines()
            raise Stopped(ExitCode.CONFIG, said[-1] if said else "the simulated venue did not start and said nothing")
        self.port = json.loads(line)["port"]

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _settings_json(self) -> str:
        """Without the keys: a command line is for all to see, and the simulator knows its own words."""
        return self._settings.model_dump_json(
            exclude={"api_key": True, "api_secret": True, "kis": {"app_key", "app_secret"}}
        )


def _first_line(stream: IO[str] | None) -> str:
    return stream.readline().strip() if stream else ""
