"""The runtime beside plain pykka: mailbox throughput, six hops, restart, stop, overtaking, many children.

Each pair is measured in alternating rounds of the same run, and the median round counts: machines are noisy, so only
the ratio means much.
"""

import statistics
import threading
import time
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from queue import Queue
from typing import Any

import pykka

from bulkhead.app.bench.figures import Spread
from messages.base import Body, Envelope, Letter
from messages.intents import IntentSettled
from messages.market import Trade
from messages.supervision import ChildState, TimerFired
from messages.values import Value
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.clock import SystemClock
from supervisor.runtime.mailbox import Bounds, Mailbox
from supervisor.runtime.simulated import SimulatedHost
from supervisor.runtime.threaded import ThreadedHost
from supervisor.spec import Backoff, Budget, ChildSpec, SupervisorSpec
from supervisor.supervisor import Supervisor

ROUNDS = 5
MESSAGES = 200_000
HOPS = 6
CHAINS = 2_000
CRASHES = 300
BACKLOG = 100_000
OVERTAKERS = 200
CHILDREN = (1_000, 10_000)
PATIENCE_S = 60.0


class RuntimeFigures(Value):
    """What was measured, beside its peer or its target."""

    mailbox_per_s: int
    mailbox_peer_per_s: int
    """queue.Queue, which is pykka's default inbox."""
    mailbox_ratio: float
    hops: Spread
    hops_peer: Spread
    """Plain pykka ThreadingActors."""
    hops_ratio_p99: float
    restart: Spread
    """From the raise to the next message handled, without backoff."""
    stop: Spread
    """From the raise to the gate's hook."""
    overtake: Spread
    """A system message past a backlog of ticks."""
    child_us: dict[int, float]
    """Start and stop of one child in simulation, by how many there are."""


def measure() -> RuntimeFigures:
    """About half a minute. The interpreter's switch interval must be the product's own."""
    ours, peer = _alternating(_mailbox_rate, _queue_rate)
    chained, plain = _alternating_spans(_our_hops, _pykka_hops)
    restart, stop = _crashes()
    return RuntimeFigures(
        mailbox_per_s=round(ours),
        mailbox_peer_per_s=round(peer),
        mailbox_ratio=round(ours / peer, 2),
        hops=chained,
        hops_peer=plain,
        hops_ratio_p99=round(chained.p99_ms / plain.p99_ms, 2),
        restart=restart,
        stop=stop,
        overtake=_overtaking(),
        child_us={children: _child_us(children) for children in CHILDREN},
    )


def _alternating(ours: Callable[[], float], peer: Callable[[], float]) -> tuple[float, float]:
    rounds = [(ours(), peer()) for _ in range(ROUNDS)]
    return statistics.median(a for a, _ in rounds), statistics.median(b for _, b in rounds)


def _alternating_spans(ours: Callable[[], list[int]], peer: Callable[[], list[int]]) -> tuple[Spread, Spread]:
    """Of all rounds together, since each has outliers of its own that the machine makes."""
    spans = [(ours(), peer()) for _ in range(ROUNDS)]
    return Spread.of([ns for a, _ in spans for ns in a]), Spread.of([ns for _, b in spans for ns in b])


# -- mailbox ----------------------------------------------------------------------------------------------------------


def _envelope(body: Body, seq: int = 0) -> Envelope:
    return Envelope(
        id=f"bench.0.{seq}",
        sender="outside",
        seq=seq,
        epoch=0,
        at_ns=1,
        received_at_ns=1,
        correlation_id="bench",
        causation_id=None,
        body=body,
    )


def _mixed() -> list[Envelope]:
    """Half of the order lane, four tenths data, one tenth system."""
    order = _envelope(IntentSettled(intent_id="i", strategy_id="s", code="c", reason="r"))
    data, system = _envelope(_print()), _envelope(TimerFired(key="k"))
    return [system if n % 10 == 0 else data if n % 10 < 5 else order for n in range(1_000)]


def _print() -> Trade:
    return Trade(
        venue="bench",
        symbol="BTCUSDT",
        event_time_ns=1,
        received_at_ns=1,
        received_monotonic_ns=1,
        price=Decimal(100),
        quantity=Decimal(1),
    )


def _rate(put: Callable[[Any], object], take: Callable[[], object]) -> float:
    envelopes = _mixed()
    done = threading.Event()

    def consume() -> None:
        for _ in range(MESSAGES):
            take()
        done.set()

    threading.Thread(target=consume, daemon=True).start()
    began = time.perf_counter()
    for n in range(MESSAGES):
        put(envelopes[n % 1_000])
    if not done.wait(PATIENCE_S):
        raise TimeoutError(f"{MESSAGES:,} messages did not arrive within {PATIENCE_S:.0f} s")
    return MESSAGES / (time.perf_counter() - began)


def _mailbox_rate() -> float:
    mailbox = Mailbox(Bounds(data=2 * MESSAGES))
    return _rate(mailbox.put, mailbox.take)


def _queue_rate() -> float:
    queue: Queue[Envelope] = Queue()
    return _rate(queue.put, queue.get)


# -- six hops ---------------------------------------------------------------------------------------------------------


class _Hop(Behaviour):
    def __init__(self, to: str | None, arrived: Callable[[], None]) -> None:
        self._to, self._arrived = to, arrived

    @receives(TimerFired)
    def on_message(self, message: TimerFired, ctx: Context) -> None:
        if self._to is None:
            self._arrived()
        else:
            ctx.tell(self._to, message)


class _PlainHop(pykka.ThreadingActor):
    use_daemon_thread = True

    def __init__(self, to: Any, arrived: Callable[[], None]) -> None:
        super().__init__()
        self._to, self._arrived = to, arrived

    def on_receive(self, message: Any) -> None:
        if self._to is None:
            self._arrived()
        else:
            self._to.tell(message)


def _chain(send: Callable[[], None], arrived: threading.Event) -> list[int]:
    spans = []
    for _ in range(CHAINS):
        arrived.clear()
        began = time.perf_counter_ns()
        send()
        if not arrived.wait(PATIENCE_S):
            raise TimeoutError("a message did not pass its six hops")
        spans.append(time.perf_counter_ns() - began)
    return spans


def _our_hops() -> list[int]:
    arrived = threading.Event()
    with closing(ThreadedHost(seed=1)) as host:
        names = [f"hop{n}" for n in range(HOPS)]
        for name, to in zip(names, [*names[1:], None], strict=True):
            host.start_child(name, lambda to=to: _Hop(to, arrived.set), parent=None)  # type: ignore[misc]
        spans = _chain(lambda: host.tell("hop0", TimerFired(key="go"), sender="outside"), arrived)
        _stop_all(host, names)
    return spans


def _pykka_hops() -> list[int]:
    arrived = threading.Event()
    refs: list[Any] = [None]
    for _ in range(HOPS):
        refs.append(_PlainHop.start(refs[-1], arrived.set))
    spans = _chain(lambda: refs[-1].tell(_envelope(TimerFired(key="go"))), arrived)
    for ref in refs[1:]:
        ref.stop()
    return spans


def _stop_all(host: ThreadedHost, names: list[str]) -> None:
    for name in names:
        host.stop_child(name, "the bench is over")
    _until(lambda: all(node.state is ChildState.STOPPED for node in host.status()))


def _until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError("the bench waited in vain")
        time.sleep(0.001)


# -- crash, restart, stop ---------------------------------------------------------------------------------------------


class _Crasher(Behaviour):
    """Raises on the first message of each incarnation, and notes when it handles the second."""

    raised_ns = handled_ns = 0

    @receives(TimerFired)
    def on_message(self, message: TimerFired, ctx: Context) -> None:
        if message.key == "crash":
            _Crasher.raised_ns = time.perf_counter_ns()
            raise RuntimeError("the bench asked for it")
        _Crasher.handled_ns = time.perf_counter_ns()


def _crashes() -> tuple[Spread, Spread]:
    """Spans from the raise to the next message handled, and to the hook on which the gate hangs."""
    spec = SupervisorSpec(
        id="bench",
        children=(ChildSpec(id="crasher", factory=_Crasher, backoff=Backoff(0.0, 0.0)),),
        budget=Budget(intensity=2 * CRASHES, period_s=3_600.0),
    )
    restarts, stops = [], []
    gate_ns = [0]
    with closing(ThreadedHost(seed=1)) as host:

        def on_liveness(name: str, is_up: bool) -> None:
            if name == "crasher" and not is_up:
                gate_ns[0] = time.perf_counter_ns()

        host.on_liveness = on_liveness
        host.start_child("bench", lambda: Supervisor(spec, host), parent=None, kind="supervisor")
        _until(lambda: any(n.id == "crasher" and n.state is ChildState.READY for n in host.status()))
        for _ in range(CRASHES):
            _Crasher.handled_ns = 0
            host.tell("crasher", TimerFired(key="crash"), sender="outside")
            host.tell("crasher", TimerFired(key="next"), sender="outside")
            _until(lambda: _Crasher.handled_ns != 0)
            restarts.append(_Crasher.handled_ns - _Crasher.raised_ns)
            stops.append(gate_ns[0] - _Crasher.raised_ns)
        _stop_all_of(host)
    return Spread.of(restarts), Spread.of(stops)


def _stop_all_of(host: ThreadedHost) -> None:
    host.stop_child("bench", "the bench is over")
    _until(lambda: all(node.state is ChildState.STOPPED for node in host.status()))


# -- overtaking -------------------------------------------------------------------------------------------------------


class _Reader(Behaviour):
    def __init__(self, seen: Callable[[], None]) -> None:
        self._seen = seen

    @receives(Trade)
    def on_data(self, _: Trade, __: Context) -> None:
        """One of the backlog."""

    @receives(TimerFired)
    def on_system(self, _: TimerFired, __: Context) -> None:
        self._seen()


def _overtaking() -> Spread:
    """A system message put behind a full backlog that is being worked off, again and again."""
    seen = threading.Event()
    spans = []
    tick = Letter(to="reader", envelope=_envelope(_print()))
    with closing(ThreadedHost(seed=1, clock=SystemClock(), bounds=Bounds(data=10 * BACKLOG))) as host:
        host.start_child("reader", lambda: _Reader(seen.set), parent=None)
        for _ in range(OVERTAKERS):
            missing = BACKLOG - host.status()[0].mailbox_depth
            for _ in range(max(0, missing) + BACKLOG // 100):
                host.deliver(tick)
            seen.clear()
            began = time.perf_counter_ns()
            host.tell("reader", TimerFired(key="stop"), sender="outside")
            if not seen.wait(PATIENCE_S):
                raise TimeoutError("the system message did not overtake")
            spans.append(time.perf_counter_ns() - began)
        _stop_all(host, ["reader"])
    return Spread.of(spans)


# -- many children ----------------------------------------------------------------------------------------------------


class _Idle(Behaviour):
    """Does nothing, many times."""


def _child_us(children: int) -> float:
    spec = SupervisorSpec(id="bench", children=tuple(ChildSpec(id=f"child{n}", factory=_Idle) for n in range(children)))
    host = SimulatedHost(seed=1, start_ns=0)
    began = time.perf_counter()
    host.start_child("bench", lambda: Supervisor(spec, host), parent=None, kind="supervisor")
    host.run_until_idle()
    host.stop_child("bench", "the bench is over")
    host.run_until_idle()
    if any(node.state is not ChildState.STOPPED for node in host.status()):
        raise RuntimeError("not every child came down")
    return round((time.perf_counter() - began) / children * 1e6, 1)
