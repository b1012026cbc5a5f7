"""The simulated host: one seed decides everything, time jumps only when nothing is runnable, order is kept."""

import subprocess
import sys
import threading

import pytest

from messages.base import Body
from messages.supervision import TimerFired
from supervisor.runtime import simulated
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.simulated import Runaway, SimulatedHost
from tests.supervisor.letters import Note

S = 1_000_000_000


class Gossip(Behaviour):
    """Passes each note on to a peer of its die's choice, a few times, and writes down what it heard."""

    def __init__(self, peers: tuple[str, ...], heard: list[tuple[str, str, int, int]]) -> None:
        self._peers, self._heard = peers, heard

    @receives(Note)
    def on_note(self, note: Note, ctx: Context) -> None:
        assert ctx.current is not None
        self._heard.append((ctx.name, ctx.current.sender, ctx.current.seq, ctx.now_ns()))
        if note.n > 0:
            ctx.tell(ctx.rng.choice(self._peers), Note(n=note.n - 1))

    @receives(TimerFired)
    def on_timer(self, _: TimerFired, ctx: Context) -> None:
        for peer in self._peers:
            ctx.tell(peer, Note(n=3))
        ctx.after(0.5 + ctx.rng.random(), "again")


def gossip(seed: int, seconds: float = 10.0) -> tuple[SimulatedHost, list[tuple[str, str, int, int]]]:
    host = SimulatedHost(seed, start_ns=S)
    heard: list[tuple[str, str, int, int]] = []
    peers = ("a", "b", "c")
    for name in peers:
        host.start_child(name, lambda: Gossip(peers, heard), parent=None)
    host.run_until_idle()
    for name in peers:
        host.tell(name, TimerFired(key="go"), sender="test")
    host.run_until(S + int(seconds * S))
    return host, heard


def test_the_same_seed_gives_the_same_trace() -> None:
    (first, heard), (second, heard_again) = gossip(3), gossip(3)
    assert first.trace_hash() == second.trace_hash()
    assert heard == heard_again
    assert first.steps > 200


def test_another_seed_gives_another_trace() -> None:
    assert gossip(3)[0].trace_hash() != gossip(4)[0].trace_hash()


def test_each_pair_keeps_its_order_whatever_the_seed_chooses() -> None:
    for seed in range(5):
        _, heard = gossip(seed)
        last: dict[tuple[str, str], int] = {}
        for receiver, sender, seq, _ in heard:
            assert seq > last.get((receiver, sender), -1)
            last[receiver, sender] = seq


class Waiter(Behaviour):
    def __init__(self, log: list[tuple[str, int]]) -> None:
        self._log = log

    def on_start(self, ctx: Context) -> None:
        ctx.after(5.0, "five")
        ctx.after(2.0, "two")

    @receives(TimerFired)
    def on_timer(self, timer: TimerFired, ctx: Context) -> None:
        self._log.append((timer.key, ctx.now_ns()))
        if timer.key == "two":
            ctx.after(1.0, "three")


def test_time_jumps_from_timer_to_timer_and_not_otherwise() -> None:
    host = SimulatedHost(1, start_ns=0)
    log: list[tuple[str, int]] = []
    host.start_child("w", lambda: Waiter(log), parent=None)
    host.run_until_idle()
    assert host.now_ns() == 0
    host.run_until(5 * S - 1)
    assert log == [("two", 2 * S), ("three", 3 * S)]
    host.run_until(9 * S)
    assert log[2:] == [("five", 5 * S)]
    assert host.now_ns() == 9 * S


def test_time_does_not_go_back() -> None:
    host = SimulatedHost(1, start_ns=5)
    with pytest.raises(ValueError, match="cannot go back"):
        host.virtual_clock.advance_to(4)


class Echo(Behaviour):
    @receives(Note)
    def on_note(self, note: Note, ctx: Context) -> None:
        ctx.tell(ctx.name, note)


def test_a_loop_at_one_instant_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "RUNAWAY_STEPS", 1_000)
    host = SimulatedHost(1, start_ns=0)
    host.start_child("echo", Echo, parent=None)
    host.tell("echo", Note(), sender="test")
    with pytest.raises(Runaway):
        host.run_until_idle()


class Sink(Behaviour):
    def __init__(self, got: list[int]) -> None:
        self._got = got

    @receives(Note)
    def on_note(self, note: Note, _: Context) -> None:
        self._got.append(note.n)


def test_what_other_threads_tell_is_delivered_in_the_order_of_rank() -> None:
    got: list[int] = []
    host = SimulatedHost(1, start_ns=0, fifo=True)
    host.start_child("sink", lambda: Sink(got), parent=None)
    host.run_until_idle()

    def tell(first: int) -> None:
        for n in (first, first + 1):
            host.tell("sink", Note(n=n), sender="io")

    for name, first in (("market", 30), ("replies", 10), ("stream", 20)):  # the wrong order, on purpose
        thread = threading.Thread(target=tell, args=(first,), name=name)
        thread.start()
        thread.join(timeout=10)
    host.run_until_idle()
    assert got == []
    assert host.has_arrivals

    def later(body: Body) -> Body:
        return body.model_copy(update={"n": body.n + 100}) if isinstance(body, Note) else body

    assert host.take_arrivals(("replies", "stream", "market").index, later) == 6
    host.run_until_idle()
    assert got == [110, 111, 120, 121, 130, 131]
    assert not host.has_arrivals


def test_a_simulation_needs_nothing_of_pykka() -> None:
    code = (
        "import sys\n"
        "from supervisor.runtime.simulated import SimulatedHost\n"
        "import supervisor.supervisor, actors.oms, actors.portfolio, actors.strategy, actors.market_data\n"
        "SimulatedHost(1, 0).run_until_idle()\n"
        "sys.exit('pykka' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False, timeout=60, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
