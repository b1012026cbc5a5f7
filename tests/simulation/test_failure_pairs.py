"""Every pair of failure modes, overlapping in both orders, with an operator's kill in the middle.

The real gate, its latch on disk, the plans and the real FailureHandler on the simulated host. Beside them a model of a
few lines that knows the specification by hand and nothing of the table: after each step gate, plan and latch must be
what it says, and nothing is re-armed that an operator must re-arm.
"""

from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path
from typing import NamedTuple

import pytest

from actors import addresses
from actors.failure_handler import FailureHandlerActor
from messages.base import Body
from messages.escapes import Escape
from messages.failure import FailureMode, FailureReported, StopLevelTold, StopReason
from messages.values import StopLevel, StopPlan
from supervisor.gate import Gate
from supervisor.latch import StopLatch
from supervisor.runtime.behaviour import Behaviour, Context
from supervisor.runtime.simulated import SimulatedHost
from supervisor.stop_plans import judge, plan_for

RUN, REDUCED, SOFT, MEDIUM, HARD = StopLevel
NOTHING, CANCEL_ENTRIES, REDUCE, FLATTEN = StopPlan
KILL = "operator:kill"


class Known(NamedTuple):
    """Of the specification: how strict, what is done, who re-arms, what it is about here, and what it becomes when it
    is over and nobody has re-armed it."""

    level: StopLevel
    plan: StopPlan
    by_operator: bool
    scope: str
    afterwards: StopLevel | None = None


BTC, ETH, VENUE, ALL = "symbol:BTCUSDT", "symbol:ETHUSDT", "venue:sim", "all"
SPECIFIED = {
    "data_delay": Known(SOFT, CANCEL_ENTRIES, False, BTC),
    "exchange_disconnect": Known(MEDIUM, REDUCE, True, VENUE),
    "execution_delay": Known(SOFT, CANCEL_ENTRIES, False, ETH),
    "order_in_doubt": Known(SOFT, CANCEL_ENTRIES, False, BTC),
    "rate_limit": Known(REDUCED, NOTHING, False, VENUE),
    "broker_disconnect": Known(HARD, FLATTEN, True, ALL),
    "actor_crash_loop": Known(SOFT, CANCEL_ENTRIES, True, "strategy:heads"),
    "actor_stuck": Known(SOFT, CANCEL_ENTRIES, False, "strategy:tails"),
    "ledger_failure": Known(HARD, NOTHING, True, ALL, afterwards=SOFT),
    "clock_skew": Known(SOFT, CANCEL_ENTRIES, False, ALL),
    "position_drift": Known(SOFT, CANCEL_ENTRIES, True, ETH),
    "split_brain": Known(HARD, NOTHING, False, ALL),
    "auth_expired": Known(SOFT, CANCEL_ENTRIES, False, VENUE),
    "instruments_old": Known(RUN, NOTHING, False, ALL),
    "inbox_unavailable": Known(RUN, NOTHING, False, ALL),
}
OWNERS = (("heads", "BTCUSDT"), ("tails", "ETHUSDT"), ("tails", "BTCUSDT"))
"""Strategy and symbol of the orders that are asked about."""


def scopes_of(strategy_id: str, symbol: str) -> frozenset[str]:
    return frozenset({ALL, VENUE, f"symbol:{symbol}", f"strategy:{strategy_id}"})


class InForce(NamedTuple):
    level: StopLevel
    plan: StopPlan
    scope: str
    by_operator: bool
    is_technical: bool


class Model:
    """What ought to be in force, and what follows from it."""

    def __init__(self) -> None:
        self.reasons: dict[str, InForce] = {}

    def fails(self, mode: str) -> None:
        known = SPECIFIED[mode]
        self.reasons[mode] = InForce(known.level, known.plan, known.scope, known.by_operator, True)

    def recovers(self, mode: str) -> None:
        known = SPECIFIED[mode]
        if not known.by_operator:
            del self.reasons[mode]
        elif known.afterwards is not None:
            self.reasons[mode] = self.reasons[mode]._replace(level=known.afterwards)

    def kill(self) -> None:
        self.reasons[KILL] = InForce(HARD, FLATTEN, ALL, True, False)

    def level(self, order: frozenset[str]) -> StopLevel:
        return max((each.level for each in self.reasons.values() if each.scope in order), default=RUN)

    def plan(self, order: frozenset[str], *, is_free: bool) -> StopPlan:
        """A technical failure cancels entries at once, and does no more until it is free to: the books are compared,
        and nobody need confirm it."""
        of_order = (each for each in self.reasons.values() if each.scope in order)
        plans = (min(r.plan, CANCEL_ENTRIES) if r.is_technical and not is_free else r.plan for r in of_order)
        return max(plans, default=NOTHING)

    @property
    def pending(self) -> set[str]:
        return {name for name, each in self.reasons.items() if each.is_technical and each.plan > CANCEL_ENTRIES}


class Ear(Behaviour):
    """Stands where the ledger and the order manager are, and hears everything. Nobody answers."""

    def __init__(self, heard: list[Body]) -> None:
        self._heard = heard

    def receive(self, body: Body, ctx: Context) -> None:
        self._heard.append(body)


class Desk:
    """The real parts."""

    def __init__(self, folder: Path) -> None:
        self.host = SimulatedHost(1, 1_700_000_000_000_000_000)
        self.folder = folder
        self.latch = StopLatch(folder)
        self.gate = Gate((), self.host.current_epoch, self.latch)
        self.is_killed = False
        self.left: list[str] = []
        self.told: list[Body] = []
        """To the order manager."""
        parts = {
            addresses.LEDGER: lambda: Ear([]),
            addresses.OMS: lambda: Ear(self.told),
            addresses.FAILURE_HANDLER: lambda: FailureHandlerActor(self.gate, leave=self.left.append, venue="sim"),
        }
        for name, make in parts.items():
            self.host.register(name, None, "worker")
            topics = (addresses.GATE,) if name == addresses.FAILURE_HANDLER else ()
            self.host.start_child(name, make, parent=None, topics=topics)
        self.gate.on_change = self._tell_gate
        self.work()

    def _tell_gate(self) -> None:
        told = StopLevelTold(level=self.gate.level(), change=self.gate.changes)
        self.host.publish(addresses.GATE, told, sender="gate")

    def work(self) -> None:
        self.host.run_until(self.host.monotonic_ns() + 1_000_000_000)

    def report(self, mode: str, *, recovered: bool) -> None:
        scope = SPECIFIED[mode].scope
        told = FailureReported(mode=FailureMode(mode), scope=scope, detail="a test", recovered=recovered)
        self.host.tell(addresses.FAILURE_HANDLER, told, sender="test")
        self.work()

    def kill(self) -> None:
        """As the command line does it, while the process goes on."""
        now_ns = self.host.now_ns()
        self.is_killed = True
        self.gate.shut(
            StopReason(reason_id=KILL, level=HARD, cause="enough", since_ns=now_ns, needs_operator=True), by=None
        )
        self.work()

    def rearm(self, name: str) -> None:
        reason_id = name if name == KILL else f"{name}:{SPECIFIED[name].scope}"
        assert self.gate.lift(reason_id, by=None), f"{reason_id} waits for its operator"
        self.work()


def assert_same(desk: Desk, model: Model, said: str) -> None:
    gate = desk.gate
    for owner in OWNERS:
        order = scopes_of(*owner)
        level = model.level(order)
        assert gate.level(order) is level, said
        assert (gate.refusal_in(order, is_entry=True) is None) is (level < SOFT), said
        assert (gate.refusal_in(order, is_entry=False) is None) is (level < HARD), said
    for is_compared, is_automatic in product((True, False), (True, False)):
        plans = judge(gate.reasons(), "sim", is_compared=is_compared, is_automatic=is_automatic)
        is_free = is_compared and is_automatic
        for strategy_id, symbol in OWNERS:
            ought = model.plan(scopes_of(strategy_id, symbol), is_free=is_free)
            assert plan_for(plans, strategy_id, symbol) is ought, f"{said}; {strategy_id}, {symbol}"
        waiting = {each.reason.reason_id.partition(":")[0] for each in plans.pending}
        assert waiting == (set() if is_free else model.pending), said
    flattens = [body for body in desk.told if isinstance(body, Escape)]
    assert bool(flattens) is desk.is_killed, f"{said}: nothing is sold for a failure of the machinery, all for the kill"
    latched = {reason.reason_id.partition(":")[0]: reason.level for reason in desk.latch.load(0)}
    expected = {name.partition(":")[0]: each.level for name, each in model.reasons.items() if each.by_operator}
    assert latched == expected, said
    restarted = Gate(desk.latch.load(0), lambda name: 0, desk.latch)
    for owner in OWNERS:
        order = scopes_of(*owner)
        level = max((r.level for r in model.reasons.values() if r.by_operator and r.scope in order), default=RUN)
        assert restarted.level(order) is level, f"{said}, and the process starts anew"


def story(first: str, second: str, *, is_first_over_first: bool) -> Iterator[tuple[str, str]]:
    """What happens, step by step."""
    yield "fails", first
    yield "fails", second
    yield "kill", KILL
    yield "fails", first  # it is said once more, as detectors do
    yield from (("recovers", mode) for mode in ((first, second) if is_first_over_first else (second, first)))
    waiting = [mode for mode in (first, second) if SPECIFIED[mode].by_operator]
    yield from (("rearm", name) for name in (*waiting, KILL))


@pytest.mark.parametrize("first", SPECIFIED)
def test_no_pair_of_failures_re_arms_what_an_operator_must_re_arm(first: str, tmp_path: Path) -> None:
    assert set(SPECIFIED) == {mode.value for mode in FailureMode}
    pairs = [pair for pair in permutations(SPECIFIED, 2) if pair[0] == first]
    for number, (one, other) in enumerate(pairs):
        for is_first_over_first in (True, False):
            desk, model = Desk(tmp_path / f"{number}-{is_first_over_first}"), Model()
            said = f"{one}, {other}"
            for act, name in story(one, other, is_first_over_first=is_first_over_first):
                said += f"; {act} {name}"
                if act == "kill":
                    desk.kill()
                    model.kill()
                elif act == "rearm":
                    desk.rearm(name)
                    del model.reasons[name]
                else:
                    desk.report(name, recovered=act == "recovers")
                    getattr(model, act)(name)
                assert_same(desk, model, said)
            assert desk.gate.reasons() == (), said
            ends = [mode for mode in (one, one, other) if mode == "split_brain"]
            assert len(desk.left) == len(ends), said
