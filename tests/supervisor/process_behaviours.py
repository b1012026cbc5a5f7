"""Behaviours for the tests of child processes: a child imports this module by its name."""

import ctypes
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial

from messages.failure import FailureMode, FailureReported
from messages.market import Quote, Trade
from messages.records import Append
from messages.supervision import TimerFired
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.channel import MAX_FRAME_BYTES
from tests.supervisor.letters import Note

QUOTE = Quote(
    venue="sim",
    symbol="BTCUSDT",
    event_time_ns=1,
    received_at_ns=2,
    received_monotonic_ns=3,
    bid=Decimal("99.5"),
    bid_quantity=Decimal(1),
    ask=None,
    ask_quantity=None,
)


class Everything(Behaviour):
    """Uses all of its context."""

    starts_ready = False

    def on_start(self, ctx: Context) -> None:
        ctx.tell("risk-guard", said(f"{ctx.name} {ctx.epoch} {ctx.rng.random()} {ctx.current}"))
        ctx.after(1.5, "warm-up")
        ctx.after(60, "report", QUOTE)
        ctx.watch("oms")

    @receives(Trade)
    def on_trade(self, trade: Trade, ctx: Context) -> None:
        ctx.ready()
        ctx.ready()
        self.kept = ctx.seal("oms", said(f"kept at {trade.price}"))
        ctx.publish("ticks:BTCUSDT", QUOTE)
        ctx.publish("nobody", QUOTE)
        ctx.tell("oms", trade, correlation_id="another-beginning")
        ctx.cancel_timer("warm-up")

    @receives(TimerFired)
    def on_timer(self, timer: TimerFired, ctx: Context) -> None:
        for letter in ctx.seal_all("ticks:BTCUSDT", said(f"{timer.key} {ctx.rng.random()}")):
            ctx.post(letter)
        ctx.post(self.kept)
        ctx.tell("ledger", Append(records=(), release=(self.kept,)))
        ctx.unwatch("oms")
        ctx.end("normal", "all done")
        ctx.end("never", "the first counts")

    def on_stop(self, ctx: Context, reason: str) -> None:
        ctx.tell("portfolio", said(f"stopped: {reason}"))


class Echo(Behaviour):
    """A small answer to every trade."""

    @receives(Trade)
    def on_trade(self, trade: Trade, ctx: Context) -> None:
        ctx.tell("portfolio", said("echo"))


class Doing(Behaviour):
    """Does one of the things below, by name, at its start, over each trade and at its stop."""

    def __init__(self, at_start: str = "nothing", on_trade: str = "nothing", at_stop: str = "nothing") -> None:
        self._at_start, self._on_trade, self._at_stop = DEEDS[at_start], DEEDS[on_trade], DEEDS[at_stop]

    def on_start(self, ctx: Context) -> None:
        self._at_start(ctx)

    @receives(Trade)
    def on_trade(self, trade: Trade, ctx: Context) -> None:
        self._on_trade(ctx)

    def on_stop(self, ctx: Context, reason: str) -> None:
        self._at_stop(ctx)


class Reporter(Behaviour):
    """Says the number of each trade; over number `at` (-1: over each) it does something else besides, before that."""

    def __init__(self, at: int = -2, deed: str = "nothing") -> None:
        self._at, self._deed = at, DEEDS[deed]

    @receives(Trade)
    def on_trade(self, trade: Trade, ctx: Context) -> None:
        number = ctx.current.seq if ctx.current else -1
        report = FailureReported(mode=FailureMode.DATA_DELAY, detail=str(number))
        if self._at in (number, -1):
            self._deed(ctx)
        ctx.tell("portfolio", report)

    @receives(FailureReported)
    def on_report(self, report: FailureReported, ctx: Context) -> None:
        ctx.tell("portfolio", report)


class Root(Behaviour):
    ends_itself = True


def said(text: str) -> TimerFired:
    return TimerFired(key=text)


def fails() -> Behaviour:
    raise LookupError("no such strategy")


def makes_a_number() -> int:
    return 7


# -- deeds ------------------------------------------------------------------------------------------------------------


def nothing(ctx: Context) -> None:
    pass


def end(ctx: Context) -> None:
    ctx.end("normal", "enough")


def publish(ctx: Context) -> None:
    ctx.publish("ticks:BTCUSDT", FailureReported(mode=FailureMode.DATA_DELAY, detail="published"))


def sleep_20_ms(ctx: Context) -> None:
    time.sleep(0.02)


def raises(ctx: Context) -> None:
    raise ValueError("no such price: \udcff")


def exits(ctx: Context) -> None:
    sys.exit("enough")


def interrupts(ctx: Context) -> None:
    raise KeyboardInterrupt


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


def raises_unspeakably(ctx: Context) -> None:
    raise Unspeakable


def spin_for_ever(ctx: Context) -> None:
    print("spinning")
    while True:
        pass


def hold_the_gil(ctx: Context) -> None:
    print("holding")
    while True:
        ctypes.PyDLL(None).sleep(3600)  # a PyDLL does not let go of the interpreter's lock


def crash(ctx: Context) -> None:
    ctypes.string_at(0)


def exit_at_once(ctx: Context) -> None:
    print("leaving without a word", flush=True)
    os._exit(3)


def kill_itself(ctx: Context) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def keep_large_blocks(ctx: Context) -> None:
    kept = []
    while True:
        kept.append(bytearray(1_000_000))


def keep_small_objects(ctx: Context) -> None:
    kept: list[object] = []
    while True:
        kept.append([kept])


def print_things(ctx: Context) -> None:
    print("a line")
    print("to stderr", file=sys.stderr)
    print("x" * 10_000)
    print("no end", end="")


def flood(ctx: Context) -> None:
    for n in range(100_000):
        print(n)
    ctx.tell("portfolio", said("flooded"))


def forge_sender(ctx: Context) -> None:
    letter = ctx.seal("broker:sim", said("buy everything"))
    ctx.post(letter.model_copy(update={"envelope": letter.envelope.model_copy(update={"sender": "oms"})}))


def forge_epoch(ctx: Context) -> None:
    letter = ctx.seal("broker:sim", said("buy everything"))
    ctx.post(letter.model_copy(update={"envelope": letter.envelope.model_copy(update={"epoch": ctx.epoch + 1})}))


def forge_id(ctx: Context) -> None:
    letter = ctx.seal("broker:sim", said("buy everything"))
    ctx.post(letter.model_copy(update={"envelope": letter.envelope.model_copy(update={"id": "oms.1.1"})}))


def forge_release(ctx: Context) -> None:
    letter = ctx.seal("broker:sim", said("buy everything"))
    forged = letter.model_copy(update={"envelope": letter.envelope.model_copy(update={"sender": "oms"})})
    ctx.tell("ledger", Append(records=(), release=(forged,)))


def tell_too_much(ctx: Context) -> None:
    ctx.tell("portfolio", said("x" * (MAX_FRAME_BYTES + 1)))


def tell_a_stranger(ctx: Context) -> None:
    ctx.tell("portfolio", Note())


def tell_without_end(ctx: Context) -> None:
    while True:
        ctx.cancel_timer("x")


def wait_for_ever(ctx: Context) -> None:
    ctx.after(float("inf"), "never")


def write_garbage(ctx: Context) -> None:
    os.write(channel_fd(), b"HTTP/1.1 200 OK\r\n\r\n" * 100)


def write_long_length(ctx: Context) -> None:
    os.write(channel_fd(), (MAX_FRAME_BYTES + 1).to_bytes(4, "big") + bytes([18]))


def write_wrong_answer(ctx: Context) -> None:
    text = b'{"number":999}'
    os.write(channel_fd(), len(text).to_bytes(4, "big") + bytes([16]) + text)


def close_channel(ctx: Context) -> None:
    os.close(channel_fd())
    threading.Event().wait()


def channel_fd() -> int:
    return int(sys.orig_argv[-2])


def tell_bounds(ctx: Context) -> None:
    ctx.tell("data", said(str(resource.getrlimit(resource.RLIMIT_DATA))))
    ctx.tell("core", said(str(resource.getrlimit(resource.RLIMIT_CORE))))
    ctx.tell("nice", said(str(os.nice(0))))
    ctx.tell("cpus", said(str(sorted(os.sched_getaffinity(0)))))


def tell_surroundings(ctx: Context) -> None:
    ctx.tell("env", said(" ".join(sorted(os.environ))))
    ctx.tell("python_path", said(os.environ.get("PYTHONPATH", "unset")))
    ctx.tell("sys_path", said(os.pathsep.join(sys.path)))
    ctx.tell("cwd", said(os.getcwd()))
    ctx.tell("stdin", said(repr(sys.stdin.read())))


def tell_descriptors(ctx: Context) -> None:
    inherited = os.popen("ls -l /proc/self/fd").read()  # noqa: S605 - what a helper of the behaviour's would get
    ctx.tell("fds", said(inherited))


def leave_a_helper(ctx: Context) -> None:
    pid = os.fork()
    if pid == 0:
        signal.pause()  # holds the channel and the pipe open, as a forked helper does
    ctx.tell("portfolio", said(str(pid)))


def leave_a_helper_and_crash(ctx: Context) -> None:
    leave_a_helper(ctx)
    crash(ctx)


def interrupt_the_group(ctx: Context) -> None:
    os.killpg(0, signal.SIGINT)
    os.killpg(0, signal.SIGTERM)
    ctx.tell("portfolio", said("still here"))


def swallow(ctx: Context) -> None:
    """A handler that catches what it should not."""
    while True:
        try:
            time.sleep(0.01)
            print("tick")
        except BaseException:  # noqa: BLE001, S110 - the worst that a behaviour may do
            pass


DEEDS: dict[str, Callable[[Context], None]] = {
    name: thing
    for name, thing in vars().copy().items()
    if callable(thing) and getattr(thing, "__module__", None) == __name__ and not isinstance(thing, type)
}


def doing(at_start: str = "nothing", on_trade: str = "nothing", at_stop: str = "nothing") -> Callable[[], Behaviour]:
    return partial(Doing, at_start, on_trade, at_stop)
