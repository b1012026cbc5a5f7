"""A sign of life goes out only while every critical actor answers."""

from dataclasses import dataclass

import pytest

from bulkhead.app.pulse import Pulse
from messages.supervision import TimerFired
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.simulated import SimulatedHost

NS_PER_S = 1_000_000_000


class Worker(Behaviour):
    @receives(TimerFired)
    def on_timer(self, _: TimerFired, __: Context) -> None:
        """Handled at once, unless it is made to hang."""


@dataclass
class Manager:
    watchdog_s: float | None = 4.0
    signs: int = 0

    def watchdog(self) -> None:
        self.signs += 1


def grown(manager: Manager) -> tuple[SimulatedHost, Pulse]:
    host = SimulatedHost(seed=1, start_ns=0)
    for name in ("ledger", "oms"):
        host.start_child(name, Worker, parent=None)
    return host, Pulse(host, ("ledger", "oms"), manager)


def live(host: SimulatedHost, pulse: Pulse, seconds: int) -> None:
    for _ in range(seconds * 10):
        pulse.look(host.monotonic_ns())
        host.run_until(host.now_ns() + NS_PER_S // 10)


def test_all_answer() -> None:
    manager = Manager()
    host, pulse = grown(manager)
    live(host, pulse, 10)
    assert manager.signs == 9, "once a second, and not before the first answers"


@pytest.mark.lesson("L30")
def test_one_that_hangs_silences_the_house_though_the_rest_is_lively() -> None:
    manager = Manager()
    host, pulse = grown(manager)
    live(host, pulse, 5)
    host.hang("oms")
    host.tell("oms", TimerFired(key="work"), sender="test")
    live(host, pulse, 3)
    before = manager.signs
    live(host, pulse, 1)
    assert manager.signs == before
    assert pulse.silent(host.monotonic_ns(), 2.0) == ("oms",)


def test_who_never_answered_is_silent() -> None:
    host, pulse = grown(Manager())
    assert pulse.silent(host.monotonic_ns(), 1.0) == ("ledger", "oms")


def test_nobody_is_asked_where_nobody_counts() -> None:
    manager = Manager(watchdog_s=None)
    host, pulse = grown(manager)
    live(host, pulse, 5)
    assert manager.signs == 0
    assert host.answered_ns("oms") is None
