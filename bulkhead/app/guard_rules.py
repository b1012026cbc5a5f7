"""What a guard does about its child, as a table: (phase, event) gives actions. Pure; guard.py carries them out.

    WAITING ──due──> STARTING ──ready──> READY ──says that it ends──> ENDING
       ^               late│               silent│                     late│
       │                   └────────────> KILLED <─────────────────────────┘
       └──── ended, and the budget allows ───── from any of them

    asked to stop:  STARTING, READY, ENDING ──> STOPPING ──late, or Ctrl-C again──> FORCED ──> OVER

Rules: exit code 0 is an end. So are 4 (configuration) and 8 (fenced): a restart cannot help. Everything else, and a
death by signal, is a failure: it is charged to the budget, and the child is started again after a growing delay. A
child that is silent too long is asked for its stacks (SIGUSR1, which faulthandler answers in C) and then ended with
SIGKILL and nothing gentler: a thread that holds the GIL answers no SIGTERM.
"""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random

from bulkhead.app.exit_codes import ExitCode
from bulkhead.monitor.guard_log import GAVE_UP
from supervisor.policy import RestartWindow, backoff_s
from supervisor.spec import Backoff, Budget

FINAL = frozenset({ExitCode.OK, ExitCode.CONFIG, ExitCode.FENCED})
"""Exit codes after which nothing is started again."""
DOUBLINGS_PER_RESTART = 2
"""The delay is quadrupled: 1 s, 4 s, 16 s … The first restart is quick, since positions stand unattended meanwhile;
all five together outlast a short outage of the venue."""


@dataclass(frozen=True, slots=True)
class Rules:
    watchdog_s: float = 15.0
    """A child that was ready and is silent for this long hangs."""
    start_deadline_s: float = 120.0
    """From the start to READY: recovery may take 60 s, and asking the venue comes before it."""
    stop_deadline_s: float = 75.0
    """From the request to the end: to cancel, compare and take down the tree may take 60 s; the summary follows."""
    dump_patience_s: float = 1.0
    """From SIGUSR1 to SIGKILL: for writing the stacks. A child without a handler for it ends by it: as well."""
    kill_patience_s: float = 5.0
    """After SIGKILL, before the guard leaves; only a process that waits for a dead disk takes longer."""
    budget: Budget = field(default_factory=lambda: Budget(intensity=5, period_s=600.0))
    backoff: Backoff = field(default_factory=lambda: Backoff(min_s=1.0, max_s=120.0))


class Phase(StrEnum):
    WAITING = "waiting"
    """Nothing runs; it is started when the delay is over."""
    STARTING = "starting"
    READY = "ready"
    ENDING = "ending"
    """The child has said by itself that it ends."""
    KILLED = "killed"
    """It has been asked for its stacks, then killed; it is judged when it is gone."""
    STOPPING = "stopping"
    """We were asked to stop, and have passed that on."""
    FORCED = "forced"
    """SIGKILL is on its way, and we leave after it."""
    OVER = "over"


class Event(StrEnum):
    READY = "ready"
    BEAT = "beat"
    STOPPING = "stopping"
    ENDED = "ended"
    """`number` is the exit code, or a signal's number with a minus."""
    ASKED = "asked"
    """SIGTERM or SIGHUP came to us; `number` tells which."""
    INTERRUPTED = "interrupted"
    """SIGINT came to us."""
    DUE = "due"
    """The moment in `due_ns` has come."""


class Word(StrEnum):
    """What is passed on to our own service manager."""

    READY = "ready"
    BEAT = "beat"
    AWAY = "away"
    """For a while there will be no beat, and that is in order."""
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Start:
    """Start the child."""


@dataclass(frozen=True, slots=True)
class Send:
    """A signal to the child."""

    signal: signal.Signals


@dataclass(frozen=True, slots=True)
class Tell:
    word: Word


@dataclass(frozen=True, slots=True)
class Note:
    """A line of guard.jsonl; `restarting` is also one on stderr, and a sentence is also for our service manager."""

    event: str
    cause: str
    exit_code: int | None = None
    restarts_in_window: int = 0
    delay_s: float | None = None
    sentence: str | None = None
    """For people, who read it in `bulkhead status` long after stderr is gone."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The guard's own end."""

    code: int
    """That of the run's last end, or 1 (ERROR) when that was by a signal."""
    sentence: str | None = None
    """None: the child has said what there is to say."""


Action = Start | Send | Tell | Note | Leave


class Guard:
    """One child from its first start to the guard's end. Times are of the monotonic clock, in nanoseconds."""

    def __init__(self, rules: Rules, rng: Random) -> None:
        self.rules = rules
        self.phase = Phase.WAITING
        self.due_ns: int | None = 0
        """When to hand in DUE; None: nothing is waited for but the child. The first start is due at once."""
        self._rng = rng
        self._window = RestartWindow(rules.budget)
        self._cause: str | None = None
        """Why it was killed."""
        self._last_code = int(ExitCode.OK)

    def handle(self, event: Event, now_ns: int, number: int = 0) -> list[Action]:
        """What to do now. Every pair of phase and event has its row; one that comes too late does nothing."""
        return _TABLE[self.phase][event](self, now_ns, number)

    def restarts(self, now_ns: int) -> int:
        """Failures within the budget's window."""
        return self._window.count(now_ns)

    def _go(self, phase: Phase, now_ns: int, limit_s: float | None) -> None:
        self.phase = phase
        self.due_ns = None if limit_s is None else now_ns + int(limit_s * 1e9)

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _ignore(self, now_ns: int, number: int) -> list[Action]:
        return []

    def _start(self, now_ns: int, number: int) -> list[Action]:
        self._go(Phase.STARTING, now_ns, self.rules.start_deadline_s)
        return [Start()]

    def _ready(self, now_ns: int, number: int) -> list[Action]:
        self._go(Phase.READY, now_ns, self.rules.watchdog_s)
        return [self._note("ready", "recovered", now_ns), Tell(Word.READY)]

    def _beat(self, now_ns: int, number: int) -> list[Action]:
        self._go(Phase.READY, now_ns, self.rules.watchdog_s)
        return [Tell(Word.BEAT)]

    def _ends_by_itself(self, now_ns: int, number: int) -> list[Action]:
        """Not passed on as STOPPING: if it fails, the guard goes on."""
        self._go(Phase.ENDING, now_ns, self.rules.stop_deadline_s)
        return [Tell(Word.AWAY)]

    def _kill(self, now_ns: int, number: int) -> list[Action]:
        self._cause = {
            Phase.STARTING: f"not ready within {self.rules.start_deadline_s:g} s",
            Phase.READY: f"no sign of life for {self.rules.watchdog_s:g} s",
        }.get(self.phase, f"still there {self.rules.stop_deadline_s:g} s after it said that it ends")
        self._go(Phase.KILLED, now_ns, self.rules.dump_patience_s)
        return [self._note("killed", self._cause, now_ns), Send(signal.SIGUSR1), Tell(Word.AWAY)]

    def _kill_dumped(self, now_ns: int, number: int) -> list[Action]:
        self._go(Phase.KILLED, now_ns, None)
        return [Send(signal.SIGKILL)]

    def _judge(self, now_ns: int, code: int) -> list[Action]:
        """It has ended and nobody asked for it: leave, or start it again."""
        cause, self._cause = self._cause or words(code), None
        self._last_code = code if code >= 0 else ExitCode.ERROR
        if code in FINAL:
            return self._leave(now_ns, code, cause)
        is_allowed = self._window.charge(now_ns)
        count = self._window.count(now_ns)
        ended = self._note("ended", cause, now_ns, code)
        if not is_allowed:
            self._go(Phase.OVER, now_ns, None)
            budget = self.rules.budget
            sentence = (
                f"the run failed {count} times within {budget.period_s:g} s, the last time: {cause}; it is not started"
                " again, and positions and resting orders stand unattended. `bulkhead tail --level error` and"
                " guard.jsonl tell what happened; mend it, then start again"
            )
            gave_up = replace(self._note(GAVE_UP, cause, now_ns, code), sentence=sentence)
            return [ended, gave_up, Tell(Word.STOPPING), Leave(self._last_code, f"the guard gave up: {sentence}")]
        delay_s = backoff_s(self.rules.backoff, (count - 1) * DOUBLINGS_PER_RESTART, self._rng)
        self._go(Phase.WAITING, now_ns, delay_s)
        return [ended, self._note("restarting", cause, now_ns, code, delay_s), Tell(Word.AWAY)]

    def _stop(self, now_ns: int, number: int) -> list[Action]:
        self._go(Phase.STOPPING, now_ns, self.rules.stop_deadline_s)
        return [Tell(Word.STOPPING), Send(signal.Signals(number or signal.SIGINT))]

    def _stop_killed(self, now_ns: int, number: int) -> list[Action]:
        self._go(Phase.FORCED, now_ns, self.rules.kill_patience_s)
        return [Tell(Word.STOPPING), Send(signal.SIGKILL)]

    def _stop_waiting(self, now_ns: int, number: int) -> list[Action]:
        self._go(Phase.OVER, now_ns, None)
        sentence = "stopped while the run was down, after a failure; the next start recovers from the ledger"
        return [Tell(Word.STOPPING), Leave(self._last_code, sentence if self._last_code else None)]

    def _force(self, now_ns: int, number: int) -> list[Action]:
        return self._kill_stopping(now_ns, "asked to stop at once")

    def _force_late(self, now_ns: int, number: int) -> list[Action]:
        return self._kill_stopping(now_ns, f"still there {self.rules.stop_deadline_s:g} s after it was asked to end")

    def _kill_stopping(self, now_ns: int, cause: str) -> list[Action]:
        self._cause = cause
        self._go(Phase.FORCED, now_ns, self.rules.kill_patience_s)
        return [self._note("killed", cause, now_ns), Send(signal.SIGKILL)]

    def _stopped(self, now_ns: int, code: int) -> list[Action]:
        return self._leave(now_ns, code, self._cause or words(code))

    def _abandon(self, now_ns: int, number: int) -> list[Action]:
        self._go(Phase.OVER, now_ns, None)
        sentence = f"the run was killed ({self._cause}) and is not gone yet; look at the disk before the next start"
        return [Leave(ExitCode.ERROR, sentence)]

    def _leave(self, now_ns: int, code: int, cause: str) -> list[Action]:
        self._go(Phase.OVER, now_ns, None)
        ended = self._note("ended", cause, now_ns, code)
        if code >= 0:
            return [ended, Tell(Word.STOPPING), Leave(code)]
        sentence = f"the run was ended while it stopped ({cause}); the next start recovers from the ledger"
        return [ended, Tell(Word.STOPPING), Leave(ExitCode.ERROR, sentence)]

    def _note(self, event: str, cause: str, now_ns: int, code: int | None = None, delay_s: float | None = None) -> Note:
        exit_code = code if code is not None and code >= 0 else None
        return Note(event, cause, exit_code, self._window.count(now_ns), delay_s)


def words(code: int) -> str:
    """What an exit code, or a signal with a minus, says: `exit code 7 (STUCK)`, `ended by SIGKILL`."""
    if code >= 0:
        return f"exit code {code}" + (f" ({ExitCode(code).name})" if code in tuple(ExitCode) else "")
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


_Row = Callable[[Guard, int, int], list[Action]]
_NOTHING: Mapping[Event, _Row] = dict.fromkeys(Event, Guard._ignore)
_STOPS: Mapping[Event, _Row] = {Event.ASKED: Guard._stop, Event.INTERRUPTED: Guard._stop}
_TABLE: Mapping[Phase, Mapping[Event, _Row]] = {
    Phase.WAITING: {
        **_NOTHING,
        Event.DUE: Guard._start,
        Event.ASKED: Guard._stop_waiting,
        Event.INTERRUPTED: Guard._stop_waiting,
    },
    Phase.STARTING: {
        **_STOPS,
        Event.READY: Guard._ready,
        Event.BEAT: Guard._ignore,
        Event.STOPPING: Guard._ends_by_itself,
        Event.ENDED: Guard._judge,
        Event.DUE: Guard._kill,
    },
    Phase.READY: {
        **_STOPS,
        Event.READY: Guard._ignore,
        Event.BEAT: Guard._beat,
        Event.STOPPING: Guard._ends_by_itself,
        Event.ENDED: Guard._judge,
        Event.DUE: Guard._kill,
    },
    Phase.ENDING: {**_NOTHING, **_STOPS, Event.ENDED: Guard._judge, Event.DUE: Guard._kill},
    Phase.KILLED: {
        **_NOTHING,
        Event.ENDED: Guard._judge,
        Event.ASKED: Guard._stop_killed,
        Event.INTERRUPTED: Guard._stop_killed,
        Event.DUE: Guard._kill_dumped,
    },
    Phase.STOPPING: {
        **_NOTHING,
        Event.ENDED: Guard._stopped,
        Event.INTERRUPTED: Guard._force,
        Event.DUE: Guard._force_late,
    },
    Phase.FORCED: {
        **_NOTHING,
        Event.ENDED: Guard._stopped,
        Event.INTERRUPTED: Guard._abandon,
        Event.DUE: Guard._abandon,
    },
    Phase.OVER: _NOTHING,
}
