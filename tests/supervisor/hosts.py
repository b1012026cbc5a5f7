"""Every host behind one small driver, so that a test of the tree is written once."""

import time
from collections.abc import Callable
from typing import Protocol

import pytest

from messages.supervision import ChildDown
from supervisor.runtime.host import Host
from supervisor.runtime.simulated import SimulatedHost
from supervisor.runtime.threaded import ThreadedHost
from supervisor.spec import HostKind

PATIENCE_S = 30.0


class Driver(Protocol):
    """A host, and a way to let it work until something is true."""

    host: Host
    workers_on: HostKind
    """Where the workers of a tree are to run."""

    def until(self, what: Callable[[], bool]) -> None: ...
    def pass_time(self, seconds: float) -> None: ...
    def close(self) -> None: ...


class Threaded:
    workers_on = HostKind.THREAD

    def __init__(self) -> None:
        self.threaded = ThreadedHost(seed=1)
        self.host: Host = self.threaded

    def until(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not what():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.002)

    def pass_time(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        """Give up whatever still runs, so that its thread or process ends."""
        self.threaded.on_exhausted = lambda _: None
        for node in self.host.status():
            self.host.abandon(node.id, "the test is over", "killed")
        self.host.close()


class Processes(Threaded):
    """The threaded host, with every worker in a child process."""

    workers_on = HostKind.PROCESS


class Simulated:
    workers_on = HostKind.THREAD

    def __init__(self, seed: int = 1) -> None:
        self.sim = SimulatedHost(seed=seed, start_ns=1_000_000_000)
        self.host: Host = self.sim

    def until(self, what: Callable[[], bool]) -> None:
        for _ in range(2_000):
            self.sim.run_until_idle()
            if what():
                return
            self.sim.run_until(self.sim.now_ns() + 100_000_000)
        raise AssertionError("it never came true")

    def pass_time(self, seconds: float) -> None:
        self.sim.run_until(self.sim.now_ns() + int(seconds * 1e9))

    def close(self) -> None:
        """Nothing runs by itself."""


THREADED = pytest.param(Threaded, id="threaded")
SIMULATED = pytest.param(Simulated, id="simulated")
PROCESSES = pytest.param(Processes, id="processes", marks=pytest.mark.process)

on_all_hosts = pytest.mark.parametrize("driver", [THREADED, SIMULATED, PROCESSES], indirect=True)
"""For the cases that are worth the start of a process."""
in_simulation = pytest.mark.parametrize("driver", [SIMULATED], indirect=True)
"""For the cases about time, which only virtual time can show exactly, and about great numbers."""
on_threads = pytest.mark.parametrize("driver", [THREADED], indirect=True)
in_processes = pytest.mark.parametrize("driver", [PROCESSES], indirect=True)


class Downs:
    """Collects what the root reports."""

    def __init__(self, host: Host) -> None:
        self.seen: list[ChildDown] = []
        host.on_orphan_down = self.seen.append
