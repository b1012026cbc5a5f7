"""The supervisor: a behaviour like any other, whose work is other behaviours.

Beside the life of its children (lifecycle.py) it takes what an operator or another actor may ask while it runs: to add
a child from its template, to stop one, to start one again, to forget one. Each is answered once it is done or refused.
"""

from messages.failure import FailureMode
from messages.supervision import (
    ChildAnswer,
    ChildCommand,
    ChildDown,
    ChildState,
    Outcome,
    RemoveChild,
    RestartChild,
    StartChild,
    StopChild,
)
from supervisor.children import UP, Child
from supervisor.lifecycle import Lifecycle, last_line
from supervisor.runtime.behaviour import Context, receives
from supervisor.validation import BadSpec, check_child

_RESTART_REFUSED = {
    ChildState.STARTING: Outcome.ALREADY_STARTED,
    ChildState.READY: Outcome.ALREADY_STARTED,
    ChildState.STOPPING: Outcome.RUNNING,
    ChildState.RESTARTING: Outcome.RESTARTING,
}
_REMOVE_REFUSED = {
    ChildState.STARTING: Outcome.RUNNING,
    ChildState.READY: Outcome.RUNNING,
    ChildState.STOPPING: Outcome.RUNNING,
    ChildState.RESTARTING: Outcome.RESTARTING,
}


class Supervisor(Lifecycle):
    """Supervises the children of one SupervisorSpec. `failures_to` names the actor that is told of failures."""

    @receives(StartChild)
    def on_start_child(self, command: StartChild, ctx: Context) -> None:
        known = self._children.get(command.child)
        if known is not None:
            is_up = known.state in UP or known.state is ChildState.RESTARTING
            self._reply(command, Outcome.ALREADY_STARTED if is_up else Outcome.ALREADY_PRESENT, ctx)
        elif self._spec.template is None:
            self._reply(command, Outcome.NO_TEMPLATE, ctx)
        elif not self._is_ending(command, ctx):
            try:
                spec = self._spec.template(command.child, command.arguments)
                check_child(spec, command.child, self._spec, (self._shared.names, self._host))
            except Exception as error:  # noqa: BLE001 - whatever a template raises is the asker's business, not ours
                wrong = str(error) if isinstance(error, BadSpec) else f"{type(error).__name__}: {error}"
                self._reply(command, Outcome.BAD_SPEC, ctx, wrong)
                return
            if not self._hands(ctx).register(spec.id, ctx.name):  # another supervisor was asked for it too
                self._reply(command, Outcome.BAD_SPEC, ctx, f"{spec.id}: id is used twice")
                return
            child = self._children[spec.id] = Child(spec, is_added=True)
            self._ask(child, command, "start", ctx)

    @receives(StopChild)
    def on_stop_child(self, command: StopChild, ctx: Context) -> None:
        """It stays stopped, whatever its siblings do (field lesson L36)."""
        child = self._found(command, ctx)
        if child is not None:
            overtaken = [asked for asked in child.asked if not isinstance(asked, StopChild)]
            child.asked = [asked for asked in child.asked if isinstance(asked, StopChild)]
            for start in overtaken:
                self._reply(start, Outcome.STOPPING, ctx)
            self._hold(child, ctx)
            if child.state in (ChildState.STOPPED, ChildState.PARKED):
                self._hands(ctx).gone(child.name, "shutdown")  # it may have been down for a sibling only
                self._reply(command, Outcome.DONE, ctx)
            else:
                self._ask(child, command, "stop", ctx)

    @receives(RestartChild)
    def on_restart_child(self, command: RestartChild, ctx: Context) -> None:
        child = self._found(command, ctx)
        if child is None:
            return
        refused = _RESTART_REFUSED.get(child.state)
        if refused is not None:
            self._reply(command, refused, ctx)
            return
        if child.state is ChildState.PARKED:
            why = f"an operator restarts {child.name}"
            self._report(FailureMode.ACTOR_CRASH_LOOP, child.name, why, ctx, recovered=True, by_operator=True)
        child.is_held, child.attempts = False, 0
        self._memory(ctx).kept_down.pop(child.name, None)
        child.state = ChildState.STOPPED
        self._window.clear()
        self._ask(child, command, "start", ctx)

    @receives(RemoveChild)
    def on_remove_child(self, command: RemoveChild, ctx: Context) -> None:
        child = self._found(command, ctx)
        if child is None:
            return
        refused = _REMOVE_REFUSED.get(child.state)
        if refused is None:
            self._forget(child, "removed", ctx)
        self._reply(command, refused or Outcome.DONE, ctx)

    # -- answers ------------------------------------------------------------------------------------------------------

    def _found(self, command: ChildCommand, ctx: Context) -> Child | None:
        child = self._children.get(command.child)
        if child is None:
            self._reply(command, Outcome.NOT_FOUND, ctx)
        return None if child is None or self._is_ending(command, ctx) else child

    def _is_ending(self, command: ChildCommand, ctx: Context) -> bool:
        if self._ending is not None:
            self._reply(command, Outcome.STOPPING, ctx)
        return self._ending is not None

    def _ask(self, child: Child, command: ChildCommand, kind: str, ctx: Context) -> None:
        child.asked.append(command)
        if kind == "start":
            self._bring_up((child.name,))
        else:
            self._take_down((child.name,))
        self._advance(ctx)

    def _answer(self, child: Child, outcome: Outcome, ctx: Context, detail: str = "") -> None:
        asked, child.asked = child.asked, []
        for command in asked:
            self._reply(command, outcome, ctx, detail)

    def _did_not_come_up(self, child: Child, event: ChildDown, ctx: Context) -> None:
        """No budget is charged: whoever asked is told, and decides. What was added for it is forgotten again."""
        child.is_held = True
        self._mark(child, ctx)
        self._answer(child, Outcome.FAILED, ctx, f"{event.reason}: {last_line(event.detail)}")
        if child.is_added and not child.has_been_ready:
            self._forget(child, event.reason, ctx)
        else:
            self._hands(ctx).gone(child.name, event.reason)

    def _reply(self, command: ChildCommand, outcome: Outcome, ctx: Context, detail: str = "") -> None:
        if command.reply_to is not None:
            name = type(command).__name__
            ctx.tell(command.reply_to, ChildAnswer(child=command.child, command=name, outcome=outcome, detail=detail))
