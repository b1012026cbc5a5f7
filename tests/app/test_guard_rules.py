"""What a guard does, row by row and as stories; no process, no clock."""

import signal
from random import Random

import pytest

from bulkhead.app.guard_rules import (
    Action,
    Event,
    Guard,
    Leave,
    Note,
    Phase,
    Rules,
    Send,
    Start,
    Tell,
    Word,
    words,
)
from supervisor.spec import Backoff, Budget

S = 1_000_000_000
RULES = Rules(
    watchdog_s=10.0,
    start_deadline_s=100.0,
    stop_deadline_s=50.0,
    kill_patience_s=5.0,
    budget=Budget(intensity=2, period_s=600.0),
    backoff=Backoff(min_s=1.0, max_s=60.0),
)
KILLED = -signal.SIGKILL
WAY: dict[Phase, list[tuple[Event, int]]] = {
    Phase.WAITING: [(Event.DUE, 0), (Event.ENDED, 1)],
    Phase.STARTING: [(Event.DUE, 0)],
    Phase.READY: [(Event.DUE, 0), (Event.READY, 0)],
    Phase.ENDING: [(Event.DUE, 0), (Event.READY, 0), (Event.STOPPING, 0)],
    Phase.KILLED: [(Event.DUE, 0), (Event.READY, 0), (Event.DUE, 0)],
    Phase.STOPPING: [(Event.DUE, 0), (Event.READY, 0), (Event.ASKED, signal.SIGTERM)],
    Phase.FORCED: [(Event.DUE, 0), (Event.INTERRUPTED, 0), (Event.INTERRUPTED, 0)],
    Phase.OVER: [(Event.DUE, 0), (Event.ENDED, 0)],
}
"""How to get into each phase."""


def guard_in(phase: Phase, rules: Rules = RULES) -> Guard:
    guard = Guard(rules, Random(1))
    for event, number in WAY[phase]:
        guard.handle(event, 0, number)
    assert guard.phase is phase
    return guard


def kinds(actions: list[Action]) -> str:
    """Short names of what is done, notes by their event."""
    names = {Start: "start", Send: "send", Leave: "leave"}
    return " ".join(
        each.event if isinstance(each, Note) else f"tell-{each.word}" if isinstance(each, Tell) else names[type(each)]
        for each in actions
    )


# phase: what follows READY, BEAT, STOPPING, ENDED with code 1, ASKED, INTERRUPTED, DUE; "." changes and does nothing
NEXT = {
    Phase.WAITING: ". . . . over over starting",
    Phase.STARTING: "ready . ending waiting stopping stopping killed",
    Phase.READY: ". ready ending waiting stopping stopping killed",
    Phase.ENDING: ". . . waiting stopping stopping killed",
    Phase.KILLED: ". . . waiting forced forced killed",
    Phase.STOPPING: ". . . over . forced forced",
    Phase.FORCED: ". . . over . over over",
    Phase.OVER: ". . . . . . .",
}
EVENTS = (
    (Event.READY, 0),
    (Event.BEAT, 0),
    (Event.STOPPING, 0),
    (Event.ENDED, 1),
    (Event.ASKED, signal.SIGTERM),
    (Event.INTERRUPTED, signal.SIGINT),
    (Event.DUE, 0),
)
DONE = {
    (Phase.WAITING, Event.ASKED): "tell-stopping leave",
    (Phase.WAITING, Event.INTERRUPTED): "tell-stopping leave",
    (Phase.WAITING, Event.DUE): "start",
    (Phase.STARTING, Event.READY): "ready tell-ready",
    (Phase.STARTING, Event.STOPPING): "tell-away",
    (Phase.STARTING, Event.ENDED): "ended restarting tell-away",
    (Phase.STARTING, Event.ASKED): "tell-stopping send",
    (Phase.STARTING, Event.INTERRUPTED): "tell-stopping send",
    (Phase.STARTING, Event.DUE): "killed send tell-away",
    (Phase.READY, Event.BEAT): "tell-beat",
    (Phase.READY, Event.STOPPING): "tell-away",
    (Phase.READY, Event.ENDED): "ended restarting tell-away",
    (Phase.READY, Event.ASKED): "tell-stopping send",
    (Phase.READY, Event.INTERRUPTED): "tell-stopping send",
    (Phase.READY, Event.DUE): "killed send tell-away",
    (Phase.ENDING, Event.ENDED): "ended restarting tell-away",
    (Phase.ENDING, Event.ASKED): "tell-stopping send",
    (Phase.ENDING, Event.INTERRUPTED): "tell-stopping send",
    (Phase.ENDING, Event.DUE): "killed send tell-away",
    (Phase.KILLED, Event.ENDED): "ended restarting tell-away",
    (Phase.KILLED, Event.ASKED): "tell-stopping send",
    (Phase.KILLED, Event.INTERRUPTED): "tell-stopping send",
    (Phase.KILLED, Event.DUE): "send",
    (Phase.STOPPING, Event.ENDED): "ended tell-stopping leave",
    (Phase.STOPPING, Event.INTERRUPTED): "killed send",
    (Phase.STOPPING, Event.DUE): "killed send",
    (Phase.FORCED, Event.ENDED): "ended tell-stopping leave",
    (Phase.FORCED, Event.INTERRUPTED): "leave",
    (Phase.FORCED, Event.DUE): "leave",
}
ROWS = [
    (phase, event, number, following)
    for phase, line in NEXT.items()
    for (event, number), following in zip(EVENTS, line.split(), strict=True)
]


@pytest.mark.parametrize(("phase", "event", "number", "following"), ROWS)
def test_every_row_of_the_table(phase: Phase, event: Event, number: int, following: str) -> None:
    guard = guard_in(phase)
    due_ns = guard.due_ns
    done = kinds(guard.handle(event, S, number))
    assert guard.phase.value == (phase.value if following == "." else following)
    assert done == DONE.get((phase, event), "")
    if following == ".":
        assert (done, guard.due_ns) == ("", due_ns)


def test_the_table_is_whole() -> None:
    assert {(phase, event) for phase, event, _, _ in ROWS} == {(phase, event) for phase in Phase for event in Event}


@pytest.mark.parametrize(
    ("phase", "limit_s"),
    [
        (Phase.STARTING, 100),
        (Phase.READY, 10),
        (Phase.ENDING, 50),
        (Phase.STOPPING, 50),
        (Phase.FORCED, 5),
        (Phase.KILLED, 1),
        (Phase.OVER, None),
    ],
)
def test_the_deadline_of_each_phase(phase: Phase, limit_s: int | None) -> None:
    assert guard_in(phase).due_ns == (None if limit_s is None else limit_s * S)


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.READY, Phase.ENDING])
def test_a_child_that_is_late_is_asked_for_its_stacks_and_then_killed(phase: Phase) -> None:
    guard = guard_in(phase)
    assert Send(signal.SIGUSR1) in guard.handle(Event.DUE, 100 * S)
    assert guard.due_ns == 101 * S
    assert guard.handle(Event.DUE, 101 * S) == [Send(signal.SIGKILL)]
    assert guard.due_ns is None, "there is nothing more that could be done to it"


# -- how it ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.READY, Phase.ENDING, Phase.KILLED])
@pytest.mark.parametrize("code", [0, 4, 8])
def test_what_a_restart_cannot_help_is_the_guards_end_too(phase: Phase, code: int) -> None:
    assert guard_in(phase).handle(Event.ENDED, S, code)[-1] == Leave(code)


@pytest.mark.parametrize("code", [1, 2, 3, 5, 6, 7, 99, KILLED, -signal.SIGSEGV])
def test_everything_else_is_started_again(code: int) -> None:
    guard = guard_in(Phase.READY)
    (restarting,) = (each for each in guard.handle(Event.ENDED, S, code) if kinds([each]) == "restarting")
    assert isinstance(restarting, Note)
    assert restarting.cause == words(code)
    assert restarting.exit_code == (code if code >= 0 else None)
    assert guard.handle(Event.DUE, 2 * S) == [Start()]


@pytest.mark.parametrize(("code", "left"), [(0, 0), (1, 1), (7, 7), (5, 5)])
def test_asked_to_stop_it_leaves_with_the_childs_code(code: int, left: int) -> None:
    assert guard_in(Phase.STOPPING).handle(Event.ENDED, S, code)[-1] == Leave(left)


def test_a_child_that_had_to_be_killed_in_its_stop_is_an_error_with_a_sentence() -> None:
    guard = guard_in(Phase.STOPPING)
    assert guard.handle(Event.DUE, 50 * S)[-1] == Send(signal.SIGKILL)
    (left,) = (each for each in guard.handle(Event.ENDED, 51 * S, KILLED) if isinstance(each, Leave))
    assert left.code == 1
    assert "still there 50 s after it was asked to end" in (left.sentence or "")


def test_asked_to_stop_while_it_kills_it_starts_nothing_again() -> None:
    guard = guard_in(Phase.KILLED)
    guard.handle(Event.ASKED, S, signal.SIGTERM)
    (left,) = (each for each in guard.handle(Event.ENDED, S, KILLED) if isinstance(each, Leave))
    assert "no sign of life for 10 s" in (left.sentence or "")
    assert guard.due_ns is None


def test_asked_to_stop_while_nothing_runs_it_leaves_with_the_last_code() -> None:
    guard = guard_in(Phase.READY)
    guard.handle(Event.ENDED, S, 7)
    left = guard.handle(Event.ASKED, S, signal.SIGTERM)[-1]
    assert isinstance(left, Leave)
    assert left.code == 7
    assert "the next start recovers" in (left.sentence or "")


@pytest.mark.parametrize(
    ("event", "number"), [(Event.ASKED, signal.SIGTERM), (Event.ASKED, signal.SIGHUP), (Event.INTERRUPTED, 0)]
)
def test_a_signal_is_passed_on_once(event: Event, number: int) -> None:
    guard = guard_in(Phase.READY)
    assert guard.handle(event, S, number)[-1] == Send(signal.Signals(number or signal.SIGINT))
    assert guard.handle(Event.ASKED, S, signal.SIGTERM) == []


# -- budget and delay -------------------------------------------------------------------------------------------------


def fail(guard: Guard, at_s: int, code: int = 7) -> list[Action]:
    """Let the child be started and fail at once."""
    guard.handle(Event.DUE, at_s * S)
    assert guard.phase is Phase.STARTING
    return guard.handle(Event.ENDED, at_s * S, code)


def test_a_spent_budget_is_told_with_what_to_do() -> None:
    guard = Guard(RULES, Random(1))
    assert [kinds(fail(guard, at_s)) for at_s in (0, 100)] == ["ended restarting tell-away"] * 2
    actions = fail(guard, 200)
    assert kinds(actions) == "ended gave_up tell-stopping leave"
    left = actions[-1]
    assert isinstance(left, Leave)
    assert left.code == 7
    for said in ("failed 3 times within 600 s", "exit code 7 (STUCK)", "unattended", "guard.jsonl", "start again"):
        assert said in (left.sentence or "")
    (gave_up,) = (each for each in actions if isinstance(each, Note) and each.event == "gave_up")
    assert left.sentence == f"the guard gave up: {gave_up.sentence}", "and it is kept, for `bulkhead status`"


def test_a_budget_spent_by_signals_is_an_error() -> None:
    guard = Guard(RULES, Random(1))
    for at_s in (0, 100):
        fail(guard, at_s, KILLED)
    left = fail(guard, 200, KILLED)[-1]
    assert isinstance(left, Leave)
    assert left.code == 1
    assert "ended by SIGKILL" in (left.sentence or "")


def test_failures_that_are_long_over_do_not_count() -> None:
    guard = Guard(RULES, Random(1))
    assert [kinds(fail(guard, at_s)) for at_s in range(0, 6000, 400)] == ["ended restarting tell-away"] * 15


def test_no_restart_at_all_when_the_budget_is_none() -> None:
    guard = guard_in(Phase.READY, Rules(budget=Budget(intensity=0, period_s=60.0)))
    assert kinds(guard.handle(Event.ENDED, S, 1)) == "ended gave_up tell-stopping leave"


def test_the_delay_grows_from_quick_to_patient() -> None:
    rules = Rules()
    longest: dict[int, float] = {}
    for seed in range(200):
        guard = Guard(rules, Random(seed))
        for attempt in range(rules.budget.intensity):
            (note,) = (each for each in fail(guard, 1000) if isinstance(each, Note) and each.event == "restarting")
            assert note.restarts_in_window == attempt + 1
            assert note.delay_s is not None
            longest[attempt] = max(longest.get(attempt, 0.0), note.delay_s)
            guard.due_ns = 0
    assert longest[0] == 1.0
    assert sorted(longest.values()) == list(longest.values())
    assert 100 < longest[4] <= rules.backoff.max_s


# -- words ------------------------------------------------------------------------------------------------------------


def test_to_our_own_manager_the_end_of_a_child_is_not_our_end() -> None:
    guard = guard_in(Phase.READY)
    told = guard.handle(Event.STOPPING, S) + guard.handle(Event.ENDED, S, 1)
    assert Tell(Word.STOPPING) not in told
    assert Tell(Word.AWAY) in told


@pytest.mark.parametrize(
    ("code", "said"),
    [(7, "exit code 7 (STUCK)"), (99, "exit code 99"), (KILLED, "ended by SIGKILL"), (-200, "ended by signal 200")],
)
def test_an_end_in_words(code: int, said: str) -> None:
    assert words(code) == said
