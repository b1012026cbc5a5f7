"""Who lives in the random trees: workers that chatter and fail by their script, and watched supervisors."""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from messages.base import Body, Letter
from messages.failure import FailureReported
from messages.supervision import ChildAnswer, Terminated, TimerFired
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.host import Host
from supervisor.spec import SupervisorSpec
from supervisor.supervisor import Supervisor
from tests.supervisor.letters import Data, Note, Order, Proof, Urgent
from tests.supervisor.stress.invariants import Oracle
from tests.supervisor.stress.mail import Intent

STRANGERS = ("nobody", "nowhere")
TOPICS = ("ticks", "bars")


class Boom(Exception):
    """Planned."""


class Meltdown(BaseException):
    """Planned, and no Exception."""


@dataclass(slots=True)
class Script:
    """What is going to go wrong with a name."""

    die: deque[str] = field(default_factory=deque)
    """One entry for each of the next messages."""
    fail_starts: deque[str] = field(default_factory=deque)
    """One entry for each of the next starts."""
    stop_errors: int = 0


@dataclass(slots=True)
class Stage:
    """What all actors of one run share."""

    oracle: Oracle
    peers: tuple[str, ...] = ()
    pause_s: float = 1.0
    is_quiet: bool = False
    scripts: dict[str, Script] = field(default_factory=lambda: defaultdict(Script))
    sealed: dict[str, Letter] = field(default_factory=dict)


class Chatter(Behaviour):
    """Talks to its peers in every way there is, until it is quiet on stage."""

    starts_ready = False

    def __init__(self, stage: Stage, slow_s: float) -> None:
        self._stage, self._slow_s = stage, slow_s

    def on_start(self, ctx: Context) -> None:
        fails = self._stage.scripts[ctx.name].fail_starts
        how = fails.popleft() if fails else ""
        if how:
            self._stage.oracle.events[f"start: {how}"] += 1
        if how == "error":
            raise Boom("it does not start")
        if how == "fatal":
            raise Meltdown("it does not start at all")
        if how in ("ignore", "normal"):
            ctx.end(how)
            return
        if ctx.rng.random() < 0.3:
            ctx.watch(self._peer(ctx))
        if how == "slow" or (self._slow_s and not how):
            ctx.after(self._slow_s or 0.2, "ready")
        elif how != "never ready":
            ctx.ready()
        self._again(ctx)

    def on_stop(self, ctx: Context, reason: str) -> None:
        script = self._stage.scripts[ctx.name]
        if script.stop_errors:
            script.stop_errors -= 1
            self._stage.oracle.events["stop: error"] += 1
            raise Boom("it does not stop well")
        if ctx.rng.random() < 0.2:
            ctx.tell(self._peer(ctx), Note(n=0))

    def receive(self, body: Body, ctx: Context) -> None:
        is_late = self._stage.oracle.seen(ctx)
        script = self._stage.scripts[ctx.name]
        how = script.die.popleft() if script.die and not is_late else ""
        if how:
            self._stage.oracle.events[f"die: {how}"] += 1
        if how == "error":
            raise Boom("as planned")
        if how == "fatal":
            raise Meltdown("as planned")
        super().receive(body, ctx)
        if how:
            ctx.end("normal" if how == "normal" else "tired", "as planned")
        if how == "error after":
            raise Boom("as planned, with the work done")

    @receives(TimerFired)
    def on_timer(self, timer: TimerFired, ctx: Context) -> None:
        if timer.key == "ready":
            ctx.ready()
        elif timer.key == "again":
            self._talk(ctx, 2)
            self._again(ctx)
        else:
            self._talk(ctx, 1)

    @receives(Terminated)
    def on_terminated(self, _: Terminated, ctx: Context) -> None:
        self._talk(ctx, 1)

    @receives(Body)
    def on_body(self, body: Body, ctx: Context) -> None:
        self._talk(ctx, getattr(body, "n", 0))

    # -- talk ---------------------------------------------------------------------------------------------------------

    def _again(self, ctx: Context) -> None:
        if not self._stage.is_quiet:
            ctx.after(self._stage.pause_s * (0.2 + ctx.rng.random()), "again")

    def _peer(self, ctx: Context) -> str:
        return ctx.rng.choice(self._stage.peers)

    def _talk(self, ctx: Context, n: int) -> None:
        """Says something `n` times at most; what it says makes others talk `n - 1` times."""
        if self._stage.is_quiet:
            return
        for _ in range(n):
            ctx.rng.choice(_WAYS)(self, ctx, n - 1)

    def _tell(self, ctx: Context, n: int) -> None:
        make = ctx.rng.choice((Urgent, Note, Note, Order, Order, Proof, Intent))
        ctx.tell(self._peer(ctx), make(n=n))

    def _tell_intents(self, ctx: Context, n: int) -> None:
        peer = self._peer(ctx)
        for _ in range(ctx.rng.randint(1, 4)):
            ctx.tell(peer, Intent(n=0, is_free=ctx.rng.random() < 0.2))

    def _publish(self, ctx: Context, n: int) -> None:
        topic = ctx.rng.choice(TOPICS)
        for at in range(ctx.rng.randint(1, 4)):
            ctx.publish(topic, Data(n=0, key=ctx.rng.choice(("btc", "eth", None)) if at else None))

    def _tell_data(self, ctx: Context, n: int) -> None:
        peer = self._peer(ctx)
        for _ in range(ctx.rng.randint(1, 5)):
            ctx.tell(peer, Data(n=0, key=ctx.rng.choice(("btc", "eth", None))))

    def _seal(self, ctx: Context, n: int) -> None:
        """A letter that is posted later, perhaps by a later incarnation."""
        letter = self._stage.sealed.pop(ctx.name, None)
        if letter is not None:
            ctx.post(letter)
        else:
            self._stage.sealed[ctx.name] = ctx.seal(self._peer(ctx), ctx.rng.choice((Order, Proof))(n=0))

    def _set_timer(self, ctx: Context, n: int) -> None:
        key = ctx.rng.choice(("one", "two", "three"))
        if ctx.rng.random() < 0.2:
            ctx.cancel_timer(key)
        else:
            ctx.after(ctx.rng.choice((0.0, 0.05, 0.5, 3.0)), key, ctx.rng.choice((None, Order(n=0))))

    def _watch(self, ctx: Context, n: int) -> None:
        if ctx.rng.random() < 0.2:
            ctx.unwatch(self._peer(ctx))
        else:
            ctx.watch(self._peer(ctx))


_WAYS: tuple[Callable[[Chatter, Context, int], None], ...] = (
    Chatter._tell,
    Chatter._tell,
    Chatter._tell,
    Chatter._tell_intents,
    Chatter._publish,
    Chatter._tell_data,
    Chatter._seal,
    Chatter._set_timer,
    Chatter._watch,
)


class Console(Behaviour):
    """Outside the tree: the operator, who hears the answers, the failures and the dead letters."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self.answers: list[ChildAnswer] = []

    @receives(Body)
    def on_body(self, body: Body, ctx: Context) -> None:
        self._oracle.seen(ctx)
        if isinstance(body, ChildAnswer):
            self._oracle.events[f"answer: {body.command} {body.outcome}"] += 1
        elif isinstance(body, FailureReported):
            self._oracle.hears(body)


class WatchedSupervisor(Supervisor):
    """Tells the oracle what it is given before it acts, so that each act can be judged."""

    oracle: Oracle

    def __init__(self, spec: SupervisorSpec, host: Host, failures_to: str | None = None) -> None:
        super().__init__(spec, host, failures_to)
        self.oracle = Oracle.of(host)

    def on_start(self, ctx: Context) -> None:
        with self.oracle.acting(ctx, self._spec, None):
            super().on_start(ctx)

    def receive(self, body: Body, ctx: Context) -> None:
        self.oracle.seen(ctx)
        with self.oracle.acting(ctx, self._spec, body):
            super().receive(body, ctx)
