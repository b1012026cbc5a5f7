"""Specs: their defaults, and an error with a name of its own for every fault, before anything has started.

The tables hold a faulty value for every field; a field that is added without one fails the test that compares them.
"""

from dataclasses import fields, replace
from functools import partial
from math import inf, nan
from typing import Any, NamedTuple, TypeVar

import pytest

from supervisor.runtime.behaviour import Behaviour
from supervisor.runtime.process import Compartment
from supervisor.spec import (
    BRUTAL,
    Backoff,
    Budget,
    ChildSpec,
    GiveUp,
    HostKind,
    Restart,
    Strategy,
    SupervisorSpec,
    nodes,
)
from supervisor.validation import (
    BadBackoff,
    BadBudget,
    BadChildren,
    BadCompartment,
    BadFactory,
    BadGiveUp,
    BadHost,
    BadId,
    BadReadyTimeout,
    BadRestart,
    BadShutdown,
    BadSpec,
    BadStrategy,
    BadStuckLimit,
    BadTemplate,
    BadTopics,
    ContradictoryTimes,
    DuplicateId,
    NotPicklable,
    validate,
)
from tests.supervisor.otp.kit import Worker

S = TypeVar("S", ChildSpec, SupervisorSpec, Backoff, Budget)

CHILD = ChildSpec(id="c", factory=Worker)
SUPERVISOR = SupervisorSpec(id="s", children=(CHILD,))

NO_NUMBERS: tuple[object, ...] = (None, "5", True, nan)


class Faulty(NamedTuple):
    """Values that a field must not have, and what is raised for them."""

    error: type[BadSpec]
    values: tuple[object, ...]


TIMES = {
    "shutdown_s": Faulty(BadShutdown, (-10, -inf, *NO_NUMBERS)),
    "ready_timeout_s": Faulty(BadReadyTimeout, (0, -1, *NO_NUMBERS)),
    "stuck_after_s": Faulty(BadStuckLimit, (0, -1, *NO_NUMBERS)),
}
OF_BOTH = {
    "id": Faulty(BadId, ("", None, 7)),
    "restart": Faulty(BadRestart, ("permanent", "prmanent", None)),
    "backoff": Faulty(BadBackoff, (None, 0.1)),
    **TIMES,
}
OF_CHILD = {
    **OF_BOTH,
    "factory": Faulty(BadFactory, (None, "Worker", Worker())),
    "topics": Faulty(BadTopics, ("ticks", ["ticks"], ("",), (1,), None)),
    "host": Faulty(BadHost, ("thread", None)),
    "compartment": Faulty(BadCompartment, (None, 1024)),
}
OF_SUPERVISOR = {
    **OF_BOTH,
    "children": Faulty(BadChildren, ([CHILD], None, CHILD, ("child",), (None,))),
    "strategy": Faulty(BadStrategy, ("one_for_one", "none_for_one", None)),
    "budget": Faulty(BadBudget, (None, 3, (3, 60))),
    "on_give_up": Faulty(BadGiveUp, ("park", None)),
    "template": Faulty(BadTemplate, (CHILD, "template", 0)),
}
OF_BACKOFF = {
    "min_s": Faulty(BadBackoff, (-0.1, inf, 31, *NO_NUMBERS)),
    "max_s": Faulty(BadBackoff, (-1, inf, 0.05, *NO_NUMBERS)),
    "quiet_s": Faulty(BadBackoff, (0, -1, *NO_NUMBERS)),
}
OF_BUDGET = {
    "intensity": Faulty(BadBudget, (-1, 1.5, inf, "3", None, True)),
    "period_s": Faulty(BadBudget, (0, -1, inf, *NO_NUMBERS)),
}
OF_COMPARTMENT: dict[str, tuple[object, ...]] = {
    "memory_mb": (0, -1, 0.5, "1024", True, nan),
    "nice": (-1, 20, 0.5, "10", True, None),
    "cpus": ((), (-1,), (100_000,), [0], 0, "0", ("0",), (0.0,), (True,)),
    "hidden_env": (["SECRET"], "SECRET", ("",), (1,), None),
}
TABLES: dict[type[Any], dict[str, Any]] = {
    ChildSpec: OF_CHILD,
    SupervisorSpec: OF_SUPERVISOR,
    Backoff: OF_BACKOFF,
    Budget: OF_BUDGET,
    Compartment: OF_COMPARTMENT,
}


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.__name__)
def test_every_field_has_a_faulty_example(kind: type[Any]) -> None:
    assert {field.name for field in fields(kind)} == set(TABLES[kind])


def examples(table: dict[str, Faulty]) -> list[Any]:
    return [
        pytest.param(name, value, faulty.error, id=f"{name}={value!r:.30}")
        for name, faulty in table.items()
        for value in faulty.values
    ]


def but(spec: S, **changes: Any) -> S:
    """The same with something else in some fields, fitting or not."""
    return replace(spec, **changes)


def refused(root: SupervisorSpec, error: type[BadSpec], child: object, field: str) -> None:
    with pytest.raises(BadSpec) as caught:
        validate(root)
    assert type(caught.value) is error
    assert (caught.value.child, caught.value.field) == (child, field)
    assert field in str(caught.value)


@pytest.mark.parametrize(("name", "value", "error"), examples(OF_CHILD))
def test_a_faulty_field_of_a_child(name: str, value: object, error: type[BadSpec]) -> None:
    child = but(CHILD, **{name: value})
    refused(but(SUPERVISOR, children=(child,)), error, "" if name == "id" else "c", name)


@pytest.mark.parametrize(("name", "value", "error"), examples(OF_SUPERVISOR))
def test_a_faulty_field_of_a_supervisor(name: str, value: object, error: type[BadSpec]) -> None:
    """At the top and below it."""
    broken = but(SUPERVISOR, **{name: value})
    holds_no_spec = name == "children" and isinstance(value, tuple)
    for root in (broken, SupervisorSpec(id="root", children=(broken,))):
        refused(root, error, "" if name == "id" or holds_no_spec else "s", name)


@pytest.mark.parametrize(("name", "value", "error"), examples(OF_BACKOFF))
def test_a_faulty_field_of_a_backoff(name: str, value: object, error: type[BadSpec]) -> None:
    backoff = but(Backoff(), **{name: value})
    field = "backoff.max_s" if (name, value) == ("min_s", 31) else f"backoff.{name}"
    refused(but(SUPERVISOR, backoff=backoff), error, "s", field)
    refused(but(SUPERVISOR, children=(but(CHILD, backoff=backoff),)), error, "c", field)


@pytest.mark.parametrize(("name", "value", "error"), examples(OF_BUDGET))
def test_a_faulty_field_of_a_budget(name: str, value: object, error: type[BadSpec]) -> None:
    refused(but(SUPERVISOR, budget=but(Budget(), **{name: value})), error, "s", f"budget.{name}")


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, bad in OF_COMPARTMENT.items() for value in bad])
def test_a_faulty_field_of_a_compartment_is_named_where_it_is_made(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        Compartment(**{name: value})


def test_two_children_of_one_name() -> None:
    refused(SupervisorSpec(id="s", children=(CHILD, CHILD)), DuplicateId, "c", "id")


def test_two_nodes_of_one_name_on_different_levels() -> None:
    """There is one address for each name, wherever its bearer lives."""
    below = SupervisorSpec(id="t", children=(CHILD,))
    refused(SupervisorSpec(id="s", children=(CHILD, below)), DuplicateId, "c", "id")
    refused(SupervisorSpec(id="t", children=(below,)), DuplicateId, "t", "id")


def test_a_factory_for_a_process_must_be_one_that_can_be_sent() -> None:
    def here() -> Behaviour:
        return Worker()

    local = but(CHILD, factory=here)
    validate(but(SUPERVISOR, children=(local,)))
    in_a_process = but(local, host=HostKind.PROCESS)
    refused(but(SUPERVISOR, children=(in_a_process,)), NotPicklable, "c", "factory")
    validate(but(SUPERVISOR, children=(but(CHILD, factory=partial(Worker, (2,)), host=HostKind.PROCESS),)))


@pytest.mark.parametrize("name", ["shutdown_s", "ready_timeout_s"])
def test_a_supervisor_must_leave_its_children_the_time_that_they_have(name: str) -> None:
    child = but(CHILD, **{name: 20})
    refused(but(SUPERVISOR, children=(child,), **{name: 19}), ContradictoryTimes, "s", name)
    refused(but(SUPERVISOR, children=(but(CHILD, **{name: inf}),), **{name: 19}), ContradictoryTimes, "s", name)
    validate(but(SUPERVISOR, children=(child,), **{name: 20}))


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_a_template_goes_with_one_for_one_only(strategy: Strategy) -> None:
    refused(SupervisorSpec(id="s", strategy=strategy, template=lambda _, __: CHILD), BadTemplate, "s", "template")


def test_every_named_error_is_shown_here() -> None:
    shown = {faulty.error for table in (OF_CHILD, OF_SUPERVISOR, OF_BACKOFF, OF_BUDGET) for faulty in table.values()}
    assert shown | {DuplicateId, NotPicklable, ContradictoryTimes} == set(BadSpec.__subclasses__())


@pytest.mark.parametrize(
    "child",
    [
        but(CHILD, shutdown_s=BRUTAL),
        but(CHILD, shutdown_s=inf, restart=Restart.TEMPORARY),
        but(CHILD, stuck_after_s=inf, ready_timeout_s=inf),
        but(CHILD, restart=Restart.TRANSIENT, backoff=Backoff(min_s=0, max_s=0, quiet_s=inf)),
        SupervisorSpec(id="t", budget=Budget(intensity=0, period_s=0.001)),
        SupervisorSpec(id="t", shutdown_s=600, on_give_up=GiveUp.PARK),
    ],
    ids=repr,
)
def test_what_is_sound_passes(child: ChildSpec | SupervisorSpec) -> None:
    validate(SupervisorSpec(id="s", children=(child,)))


def test_the_defaults_of_a_worker() -> None:
    assert (CHILD.restart, CHILD.shutdown_s, CHILD.stuck_after_s) == (Restart.PERMANENT, 5.0, 5.0)
    assert (CHILD.host, CHILD.topics, CHILD.ready_timeout_s) == (HostKind.THREAD, (), 30.0)


def test_the_defaults_of_a_supervisor() -> None:
    """It has as long as its children need."""
    assert (SUPERVISOR.restart, SUPERVISOR.shutdown_s, SUPERVISOR.ready_timeout_s) == (Restart.PERMANENT, inf, inf)
    assert (SUPERVISOR.strategy, SUPERVISOR.on_give_up) == (Strategy.ONE_FOR_ONE, GiveUp.ESCALATE)
    assert (SUPERVISOR.budget, SUPERVISOR.template) == (Budget(intensity=3, period_s=60), None)


def test_an_id_and_a_factory_are_needed_and_an_unknown_flag_is_refused() -> None:
    child_spec: Any = ChildSpec
    for arguments in ({"id": "c"}, {"factory": Worker}, {"id": "c", "factory": Worker, "silly_flag": True}):
        with pytest.raises(TypeError):
            child_spec(**arguments)


def test_a_spec_is_data_and_cannot_be_changed() -> None:
    changeable: Any = SUPERVISOR
    with pytest.raises(AttributeError):
        changeable.strategy = Strategy.ONE_FOR_ALL
    assert [(node.id, parent) for node, parent in nodes(SUPERVISOR)] == [("s", None), ("c", "s")]
