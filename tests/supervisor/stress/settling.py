"""What must be true of a supervisor once it has handled a message: nothing due is left lying, no answer is wrong."""

from math import inf

from messages.base import Body
from messages.supervision import (
    ChildCommand,
    ChildDown,
    ChildReady,
    Outcome,
    RestartChild,
    RestartDue,
    StartChild,
    Stop,
)
from tests.supervisor.stress.family import Family
from tests.supervisor.stress.kids import Kid, View

REFUSALS = frozenset(Outcome) - {Outcome.DONE, Outcome.FAILED, Outcome.STOPPING}
UP = (View.STARTING, View.READY)
BUSY = (View.STARTING, View.STOPPING)


def hears(family: Family, body: Body, at_ns: int) -> None:
    """Before the supervisor acts."""
    if isinstance(body, ChildReady):
        family.hears_ready(body)
    elif isinstance(body, ChildDown):
        family.hears_down(body, at_ns)
    elif isinstance(body, RestartDue):
        family.hears_due(body, at_ns)
    elif isinstance(body, ChildCommand):
        family.hears_command(body)
    elif isinstance(body, Stop):
        family.ends("shutdown")


def settles(family: Family, body: Body | None) -> None:
    """After it has acted."""
    if isinstance(body, ChildCommand):
        _is_answered(family, body)
    kids = list(family.kids.values())
    family.judge.finished.update(kid.name for kid in kids if _is_finished(family, kid))
    starts = [kid for kid in kids if kid.grant is not None and kid.view is View.DOWN]
    stops = [kid for kid in kids if kid.view in UP and (kid.stop_due or family.ending)]
    if family.is_ordered:
        if (starts or stops) and not any(kid.view in BUSY for kid in kids):
            family.wrong("stalled", f"to be started {_names(starts)}, stopped {_names(stops)}, and nothing is done")
    else:
        at_once = [kid for kid in stops if kid.view is View.READY or family.ending]
        if starts or at_once:
            family.wrong("not at once", f"to be started {_names(starts)}, stopped {_names(at_once)}")
    if family.is_first and not family.ending and not any(_is_open(kid) for kid in kids):
        family.wrong("not ready", "all its children have started, and it does not say so")


def _is_finished(family: Family, kid: Kid) -> bool:
    """Nobody starts it again by itself, while its supervisor lives."""
    return kid.view is View.DOWN and not family.ending and (kid.is_held or not (kid.is_owed or kid.waits))


def _is_open(kid: Kid) -> bool:
    return kid.grant is not None or kid.waits or kid.view in BUSY or bool(kid.stop_due)


def _names(kids: list[Kid]) -> str:
    return ", ".join(kid.name for kid in kids) or "none"


def _is_answered(family: Family, command: ChildCommand) -> None:
    """A refusal undoes what the command was thought to do, if it is a true one."""
    name = type(command).__name__
    refused = [a.outcome for a in family.answers if (a.child, a.command) == (command.child, name)]
    refused = [outcome for outcome in refused if outcome in REFUSALS]
    if refused and family.undo is not None:
        child, before, charges_ns = family.undo
        kid = family.kids.get(child)
        if not _is_true(family, command, refused[0], before):
            family.wrong("answer", f"{name} {child}: {refused[0]}, and there was {before}")
        if before is None:
            family.kids.pop(child, None)
        else:
            family.kids[child] = before
            family.judge.hold(child, before.is_held)
        family.charges_ns = charges_ns
        assert kid is None or before is None or kid.epoch == before.epoch
    kid = family.kids.get(command.child)
    if kid is not None and kid.is_leaving:
        del family.kids[command.child]
        family.judge.hold(command.child, False)


def _is_true(family: Family, command: ChildCommand, outcome: Outcome, kid: Kid | None) -> bool:
    if outcome is Outcome.NOT_FOUND:
        return kid is None and not isinstance(command, StartChild)
    if outcome is Outcome.NO_TEMPLATE:
        return family.spec.template is None
    if outcome is Outcome.BAD_SPEC:
        return kid is None and (command.child not in family.kids or family.may_be_refused)
    if kid is None:
        return False
    if outcome is Outcome.ALREADY_PRESENT:
        return isinstance(command, StartChild) and kid.view not in UP
    if outcome is Outcome.ALREADY_STARTED:
        return kid.view in UP or kid.waits
    if outcome is Outcome.RUNNING:
        return kid.view is View.STOPPING if isinstance(command, RestartChild) else kid.view is not View.DOWN
    return outcome is Outcome.RESTARTING and (kid.waits or kid.is_held or kid.is_owed)


def says_ready(family: Family) -> None:
    """Its own `ctx.ready()`."""
    late = [kid for kid in family.kids.values() if _is_open(kid) and kid.view is not View.STOPPING]
    if late and not family.ending:
        family.wrong("ready early", f"and {_names(late)} have not started")
    family.is_first = False


def waits_at_rest(family: Family) -> list[Kid]:
    """Whom it still owes a start when nothing happens any more."""
    return [] if family.ending else [kid for kid in family.kids.values() if kid.is_owed or kid.view in BUSY]


def is_overdue(family: Family, kid: Kid) -> bool:
    """Past the limit that its supervisor had to keep."""
    limits = {View.STARTING: kid.spec.ready_timeout_s, View.STOPPING: kid.spec.shutdown_s}
    return family.waited_s(kid) > limits.get(kid.view, inf) + 1e-6
