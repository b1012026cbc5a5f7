"""Faults planted in the runtime and the supervisor, one at a time: the oracle must see each of them."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import pytest

from messages.base import Envelope
from messages.supervision import ChildDown, StopChild
from supervisor.children import Child, Steps
from supervisor.lifecycle import Lifecycle
from supervisor.policy import RestartWindow, affected
from supervisor.runtime import cell
from supervisor.runtime.behaviour import Context
from supervisor.runtime.directory import Directory
from supervisor.runtime.host import Host
from supervisor.runtime.mailbox import Mailbox, Put
from supervisor.runtime.simulated import SimulatedHost
from supervisor.supervisor import Supervisor
from tests.supervisor.letters import Note
from tests.supervisor.stress.actors import WatchedSupervisor

Patch = pytest.MonkeyPatch


class Plant(NamedTuple):
    plant: Callable[[Patch], None]
    rules: frozenset[str]
    """Those that may see it first."""


def _budget_ignored(patch: Patch) -> None:
    charge = RestartWindow.charge
    patch.setattr(RestartWindow, "charge", lambda self, now_ns: charge(self, now_ns) or True)


def _budget_too_small(patch: Patch) -> None:
    patch.setattr(RestartWindow, "charge", lambda self, now_ns: False)


def _no_fence(patch: Patch) -> None:
    claim = Host._claim

    def only_end(self: Host, one: Any, *state: Any, is_fenced: bool = False) -> bool:
        return claim(self, one, *state)

    patch.setattr(Host, "_claim", only_end)


def _orphans_live(patch: Patch) -> None:
    patch.setattr(Host, "_fence_orphans", lambda self, parent: None)


def _reversed_steps(kind: str) -> Callable[[Patch], None]:
    def plant(patch: Patch) -> None:
        add = Steps.add

        def reverse(self: Steps, what: Literal["start", "stop"], names: Iterable[str]) -> None:
            add(self, what, reversed(list(names)) if what == kind else names)

        patch.setattr(Steps, "add", reverse)

    return plant


def _reported_twice(patch: Patch) -> None:
    report = Host._report

    def twice(self: Host, one: Any, reason: str, detail: str, failure: str | None, culprit: Envelope | None) -> None:
        report(self, one, reason, detail, failure, culprit)
        slot = one.slot
        if slot.parent is not None and reason == "error":
            down = ChildDown(child=slot.name, epoch=one.epoch, reason=reason, detail=detail, correlation_id=None)
            self.tell(slot.parent, down, sender="host")

    patch.setattr(Host, "_report", twice)


def _told_down_twice(patch: Patch) -> None:
    report = Host._report

    def again(self: Host, one: Any, *rest: Any) -> None:
        self.on_liveness(one.slot.name, False)
        report(self, one, *rest)

    patch.setattr(Host, "_report", again)


def _raised_from_the_dead(patch: Patch) -> None:
    def mark(self: Host, name: str, state: Any, _: int) -> None:
        self._slots[name].state = state

    patch.setattr(Host, "mark", mark)


def _restarts_outlive(patch: Patch) -> None:
    patch.setattr(Host, "_fence_orphans", lambda self, parent: self._displace(self._subtree(parent)[1:], "alone"))


def _stuckness_outlives(patch: Patch) -> None:
    patch.setattr(Lifecycle, "_no_longer_stuck", lambda self, name, why, ctx: None)


def _never_reported(patch: Patch) -> None:
    report = Host._report

    def silent(self: Host, one: Any, reason: str, *rest: Any) -> None:
        if reason != "tired":
            report(self, one, reason, *rest)

    patch.setattr(Host, "_report", silent)


def _stale_accepted(patch: Patch) -> None:
    patch.setattr(cell, "is_stale", lambda envelope, world: False)


def _message_lost(patch: Patch) -> None:
    put = Mailbox.put

    def lose(self: Mailbox, envelope: Envelope) -> Put:
        return Put.QUEUED if isinstance(envelope.body, Note) and envelope.seq % 40 == 39 else put(self, envelope)

    patch.setattr(Mailbox, "put", lose)


def _killer_handed_on(patch: Patch) -> None:
    died = Host._died

    def again(self: Host, one: Any, reason: str, error: BaseException, culprit: Envelope | None = None) -> None:
        died(self, one, reason, error, None)
        if culprit is not None:
            one.slot.mailbox.put(culprit)

    patch.setattr(Host, "_died", again)


def _old_data_kept(patch: Patch) -> None:
    freed = Mailbox._freed

    def oldest(self: Mailbox, placeholder: Envelope) -> Envelope:
        freed(self, placeholder)
        return placeholder

    patch.setattr(Mailbox, "_freed", oldest)


def _endless_credit(patch: Patch) -> None:
    patch.setattr(Mailbox, "_has_credit", lambda self: True)


def _system_reordered(patch: Patch) -> None:
    put = Mailbox.put

    def turn(self: Mailbox, envelope: Envelope) -> Put:
        verdict = put(self, envelope)
        self._system.rotate(1)
        return verdict

    patch.setattr(Mailbox, "put", turn)


def _group_skips_one(patch: Patch) -> None:
    def skip(*args: Any) -> tuple[str, ...]:
        group = affected(*args)
        return group[:-1] if len(group) > 2 else group

    patch.setattr("supervisor.lifecycle.affected", skip)


def _stopped_comes_back(patch: Patch) -> None:
    stop = WatchedSupervisor.handlers[StopChild]

    def forget(self: Any, command: Any, ctx: Any) -> None:
        stop(self, command, ctx)
        for child in self._children.values():
            child.is_held = False

    handlers: dict[Any, Any] = WatchedSupervisor.handlers
    patch.setitem(handlers, StopChild, forget)


def _temporary_restarted(patch: Patch) -> None:
    patch.setattr("supervisor.lifecycle.should_restart", lambda restart, reason: True)


def _told_of_restarts(patch: Patch) -> None:
    start = SimulatedHost.start_child

    def tell(self: Any, name: str, *args: Any, **how: Any) -> int:
        if how["parent"] is not None:
            self.gone(name, "restart")
        return start(self, name, *args, **how)

    patch.setattr(SimulatedHost, "start_child", tell)


def _never_told(patch: Patch) -> None:
    patch.setattr(Directory, "gone", lambda self, name, reason: None)


def _timers_survive(patch: Patch) -> None:
    patch.setattr(SimulatedHost, "_cancel_timers", lambda self, owner: None)


def _no_deadlines(patch: Patch) -> None:
    set_timer = Lifecycle._set_timer

    def without(self: Lifecycle, kind: str, child: Child, seconds: float, ctx: Context) -> None:
        if kind == "quiet":
            set_timer(self, kind, child, seconds, ctx)

    patch.setattr(Lifecycle, "_set_timer", without)


def _no_backoff(patch: Patch) -> None:
    patch.setattr("supervisor.lifecycle.backoff_s", lambda backoff, attempt, rng: 0.0)


def _long_backoff(patch: Patch) -> None:
    patch.setattr("supervisor.lifecycle.backoff_s", lambda backoff, attempt, rng: 5.0)


def _answers_lost(patch: Patch) -> None:
    reply = Supervisor._reply

    def lose(self: Supervisor, command: Any, outcome: Any, ctx: Any, detail: str = "") -> None:
        if ctx.rng.random() < 0.5:
            reply(self, command, outcome, ctx, detail)

    patch.setattr(Supervisor, "_reply", lose)


def _plant(plant: Callable[[Patch], None], *rules: str) -> Plant:
    return Plant(plant, frozenset(rules))


PLANTS: dict[str, Plant] = {
    "the budget is ignored": _plant(_budget_ignored, "held child started", "does not end"),
    "the budget is spent at once": _plant(_budget_too_small, "end", "stop without a reason"),
    "who is given up is not fenced": _plant(_no_fence, "stale command", "act of the dead"),
    "orphans live on": _plant(_orphans_live, "lives after its report"),
    "the stop goes left to right": _plant(_reversed_steps("stop"), "stop order"),
    "the start goes right to left": _plant(_reversed_steps("start"), "start order"),
    "a death is reported twice": _plant(_reported_twice, "reported twice"),
    "the gate hears of an end twice": _plant(_told_down_twice, "liveness"),
    "who has ended is shown as ready": _plant(_raised_from_the_dead, "status"),
    "a restart is shown that nobody will do": _plant(_restarts_outlive, "status"),
    "who was stuck is so for ever": _plant(_stuckness_outlives, "stuck for ever"),
    "a death is not reported": _plant(_never_reported, "ended without a report"),
    "stale commands are taken": _plant(_stale_accepted, "stale command"),
    "a message is lost": _plant(_message_lost, "conservation", "message withheld"),
    "the message that killed is handed on": _plant(_killer_handed_on, "handled unasked"),
    "old data outlives new": _plant(_old_data_kept, "mailbox order"),
    "intents have endless credit": _plant(_endless_credit, "mailbox verdict"),
    "the system lane is out of order": _plant(_system_reordered, "mailbox order"),
    "a group restart skips a child": _plant(_group_skips_one, "stop order", "stalled", "group order"),
    "who was stopped by an operator comes back": _plant(_stopped_comes_back, "held child started"),
    "a temporary child is restarted": _plant(_temporary_restarted, "start of a stranger", "end"),
    "watchers are told of restarts": _plant(_told_of_restarts, "Terminated on restart"),
    "watchers are never told": _plant(_never_told, "Terminated never"),
    "timers outlive their incarnation": _plant(_timers_survive, "timer outlives"),
    "deadlines are not kept": _plant(_no_deadlines, "overdue"),
    "there is no backoff": _plant(_no_backoff, "start without a reason"),
    "the backoff is too long": _plant(_long_backoff, "backoff"),
    "half of the answers are lost": _plant(_answers_lost, "no answer"),
}
