"""Random trees: every strategy, restart type, budget, backoff, way to give up and to shut down, and templates."""

from functools import partial
from math import inf
from random import Random
from typing import NamedTuple

from supervisor.runtime.mailbox import Bounds
from supervisor.spec import (
    BRUTAL,
    AnySpec,
    Backoff,
    Budget,
    ChildSpec,
    GiveUp,
    Restart,
    Strategy,
    SupervisorSpec,
    nodes,
)
from supervisor.validation import validate
from tests.supervisor.stress.actors import TOPICS, Chatter, Stage

MOST_NODES = 40
MOST_DEPTH = 4
RESTARTS = (Restart.PERMANENT, Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY)


class Tree(NamedTuple):
    spec: SupervisorSpec
    workers: tuple[str, ...]
    supervisors: tuple[str, ...]
    added: tuple[str, ...]
    """Names that an operator may ask a template for."""


class BadArguments(Exception):
    """What a template says of a request that it cannot grant."""


def bounds(rng: Random) -> Bounds:
    return Bounds(
        data=rng.choice((None, 1, 2, 5, 10)), intents=rng.choice((1, 2, 5, 1_000)), orders=rng.choice((3, 10, 10_000))
    )


def backoff(rng: Random) -> Backoff:
    min_s = rng.choice((0.0, 0.0, 0.01, 0.1, 1.0))
    return Backoff(min_s=min_s, max_s=max(min_s, rng.choice((0.0, 0.1, 0.5, 2.0))), quiet_s=rng.choice((0.5, 5.0, inf)))


def worker(rng: Random, stage: Stage, name: str) -> ChildSpec:
    slow_s = rng.choice((0.0, 0.0, 0.0, 0.1, 0.4))
    return ChildSpec(
        id=name,
        factory=partial(Chatter, stage, slow_s),
        restart=rng.choice(RESTARTS),
        shutdown_s=rng.choice((BRUTAL, 0.5, 2.0, 2.0, inf)),
        ready_timeout_s=rng.choice((0.5, 1.0, 3.0)),
        stuck_after_s=rng.choice((0.3, 1.0, 2.0, inf)),
        backoff=backoff(rng),
        topics=tuple(rng.sample(TOPICS, rng.choice((0, 0, 1, 2)))),
    )


class Grower:
    """Grows one tree out of a seed."""

    def __init__(self, rng: Random, stage: Stage, size: int) -> None:
        self._rng, self._stage, self._left = rng, stage, size
        self._names = 0

    def name(self) -> str:
        self._names += 1
        self._left -= 1
        return f"{self._rng.choice(('', 'broker:'))}n{self._names}"

    def supervisor(self, name: str, depth: int, **fixed: object) -> SupervisorSpec:
        rng = self._rng
        is_dynamic = rng.random() < 0.25
        children: list[AnySpec] = []
        for _ in range(rng.choice((0, 1, 2, 2, 3, 3, 4, 5, 8))):
            if self._left <= 0:
                break
            if depth < MOST_DEPTH and rng.random() < 0.35:
                children.append(self.supervisor(self.name(), depth + 1))
            else:
                children.append(worker(rng, self._stage, self.name()))
        parts: dict[str, object] = {
            "strategy": Strategy.ONE_FOR_ONE if is_dynamic else rng.choice(tuple(Strategy)),
            "restart": rng.choice(RESTARTS),
            "budget": Budget(rng.choice((0, 1, 2, 3, 5)), rng.choice((0.5, 5.0, 20.0))),
            "backoff": backoff(rng),
            "on_give_up": rng.choice(tuple(GiveUp)),
            "stuck_after_s": rng.choice((0.5, 2.0, inf)),
            "shutdown_s": self._at_least(children, "shutdown_s", (BRUTAL, 2.0, 5.0, inf, inf)),
            "ready_timeout_s": self._at_least(children, "ready_timeout_s", (1.0, 5.0, inf, inf)),
        }
        if is_dynamic:
            parts["template"] = partial(template, self._stage, rng.randrange(1_000))
        return SupervisorSpec(id=name, children=tuple(children), **{**parts, **fixed})  # type: ignore[arg-type]

    def _at_least(self, children: list[AnySpec], name: str, choices: tuple[float, ...]) -> float:
        below: list[float] = [getattr(child, name) for child in children]
        return max(self._rng.choice(choices), *below, 0.0)


def template(stage: Stage, salt: int, name: str, arguments: dict[str, str]) -> AnySpec:
    """A worker mostly; a small supervisor, a wrong name or an error where the arguments say so."""
    kind = arguments.get("kind", "")
    rng = Random(f"{salt}:{name}")
    if kind == "error":
        raise BadArguments("this cannot be granted")
    if kind == "misnamed":
        return worker(rng, stage, f"{name}.other")
    if kind == "supervisor":
        inside = (worker(rng, stage, f"{name}.a"), worker(rng, stage, f"{name}.b"))
        return SupervisorSpec(id=name, children=inside, strategy=rng.choice(tuple(Strategy)), backoff=backoff(rng))
    return worker(rng, stage, name)


def grow(seed: int, stage: Stage) -> Tree:
    """The tree of that seed. Small ones mostly; the root has patience, so that most runs last."""
    rng = Random(f"{seed}:tree")
    size = rng.choice((1, 3, 5, 8, 8, 12, 12, 20, MOST_NODES - 1))
    grower = Grower(rng, stage, size)
    fixed: dict[str, object] = {}
    if rng.random() < 0.8:
        fixed = {
            "budget": Budget(rng.choice((3, 10, 30)), 5.0),
            "on_give_up": rng.choice((GiveUp.PARK, GiveUp.ESCALATE)),
        }
    spec = grower.supervisor("root", 1, stuck_after_s=inf, **fixed)
    validate(spec)
    everybody = [node for node, _ in nodes(spec)]
    workers = tuple(node.id for node in everybody if isinstance(node, ChildSpec))
    supervisors = tuple(node.id for node in everybody if isinstance(node, SupervisorSpec))
    is_dynamic = any(node.template for node in everybody if isinstance(node, SupervisorSpec))
    added = tuple(f"x{n}" for n in range(4)) if is_dynamic else ()
    return Tree(spec, workers, supervisors, added)


def drawn(spec: AnySpec, indent: str = "") -> str:
    """The tree as text, for whoever reads a failing seed."""
    line = f"{indent}{spec.id}: {spec.restart}, shutdown {spec.shutdown_s}, ready {spec.ready_timeout_s}, "
    line += f"stuck {spec.stuck_after_s}, backoff {spec.backoff.min_s}-{spec.backoff.max_s}/{spec.backoff.quiet_s}"
    if isinstance(spec, ChildSpec):
        return line
    line += f", {spec.strategy}, {spec.budget.intensity} in {spec.budget.period_s} s, then {spec.on_give_up}"
    line += ", dynamic" if spec.template else ""
    return "\n".join([line, *(drawn(child, indent + "  ") for child in spec.children)])
