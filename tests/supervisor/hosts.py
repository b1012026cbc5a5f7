"""Both hosts behind one small driver, so that a test of the tree is written once."""

import time
from collections.abc import Callable
from typing import Protocol

from messages.supervision import ChildDown
from supervisor.runtime.host import Host
from supervisor.runtime.simulated import SimulatedHost
from supervisor.runtime.threaded import ThreadedHost

PATIENCE_S = 10.0


class Driver(Protocol):
    """A host, and a way to let it work until something is true."""

    host: Host

    def until(self, what: Callable[[], bool]) -> None: ...
    def pass_time(self, seconds: float) -> None: ...
    def close(self) -> None: ...


class Threaded:
    def __init__(self) -> None:
        self.host = ThreadedHost(seed=1)

    def until(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not what():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.002)

    def pass_time(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        self.host.close()


class Simulated:
    def __init__(self) -> None:
        self.sim = SimulatedHost(seed=1, start_ns=1_000_000_000)
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


class Downs:
    """Collects what the root reports."""

    def __init__(self, host: Host) -> None:
        self.seen: list[ChildDown] = []
        host.on_orphan_down = self.seen.append
