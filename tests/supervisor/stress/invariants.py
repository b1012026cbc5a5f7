"""The oracle: who lives, who has been reported, who watches whom; kept in plain dicts beside the host, and compared
with it after every step of the scheduler."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from messages.base import Body, Envelope, Letter
from messages.failure import FailureMode, FailureReported
from messages.supervision import ChildAnswer, ChildDown, ChildState, Stop, Terminated
from supervisor.runtime.behaviour import Context, Unhandled
from supervisor.runtime.host import Host
from supervisor.runtime.mailbox import Bounds
from supervisor.spec import AnySpec, SupervisorSpec, nodes
from tests.supervisor.stress import settling
from tests.supervisor.stress.family import Family
from tests.supervisor.stress.kids import S_NS, View
from tests.supervisor.stress.mail import PostOffice

OUT_OF_ORDER = frozenset({"error", "fatal", "stuck", "killed", "init_error", "stop_error"})
FENCED = frozenset({"stuck", "killed"})
OF_THE_LIVING = frozenset({ChildState.STARTING, ChildState.READY, ChildState.STOPPING})
HISTORY = 60
CONSOLE = "console"


class Violation(AssertionError):
    """A rule was broken; `rule` is its name."""

    def __init__(self, rule: str, text: str, history: str) -> None:
        super().__init__(rule, text, history)
        self.rule, self.text, self.history = rule, text, history

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}\n{self.history}"


class Words(NamedTuple):
    """A message in a line of the history."""

    body: Body

    def __str__(self) -> str:
        parts = [f"{key}={value}" for key, value in self.body if key not in ("detail", "correlation_id")]
        return f"{type(self.body).__name__}({', '.join(parts)})"


class Oracle:
    """Knows what must be true of the whole tree."""

    def __init__(self, bounds: Bounds) -> None:
        self.host: Host
        self.post = PostOffice(bounds, self)
        self.events: Counter[str] = Counter()
        self.living: dict[str, int] = {}
        self.epochs: dict[str, int] = {}
        self.floor: dict[str, int] = {}
        """Commands of an older epoch than this are stale."""
        self.parents: dict[str, str | None] = {}
        self.supervisors: set[str] = set()
        self.families: dict[str, Family] = {}
        self.reports: Counter[tuple[str, int]] = Counter()
        self.root = ""
        self.root_is_gone = False
        self.root_downs: list[ChildDown] = []
        self.static: frozenset[str] = frozenset()
        self.kept_down: set[str] = set()
        self.finished: set[str] = set()
        """Ended for good, as far as their supervisor went; a later one may have started them since."""
        self.watches: Counter[tuple[str, int, str]] = Counter()
        self.told: Counter[tuple[str, int, str]] = Counter()
        self.timers: dict[str, tuple[str, int]] = {}
        """Every timer message, with the incarnation that set it."""
        self.stops: dict[str, int] = {}
        """Every Stop of a supervisor, with the incarnation that it was to end."""
        self.stuck: set[str] = set()
        """Reported stuck, and not yet recovered."""
        self.up: dict[str, bool] = {}
        self.ends_untold: set[str] = set()
        """Whose end the gate is still to hear of, once."""
        self.is_late = ""
        """The name whose given-up incarnation is just coming back."""
        self._acting: list[tuple[Family, bool]] = []
        self._history: deque[tuple[int, str, tuple[Any, ...]]] = deque(maxlen=HISTORY)
        self._wrong: list[tuple[str, str]] = []

    @staticmethod
    def of(host: Host) -> "Oracle":
        oracle = getattr(host, "oracle", None)
        assert isinstance(oracle, Oracle)
        return oracle

    # -- telling ------------------------------------------------------------------------------------------------------

    def now_ns(self) -> int:
        return self.host.now_ns()

    def wrong(self, rule: str, text: str) -> None:
        self.note("!! {}: {}", rule, text)
        self._wrong.append((rule, text))

    def note(self, form: str, *values: Any) -> None:
        """A line of the history, formatted when it is needed."""
        self._history.append((self.now_ns(), form, values))

    def history(self) -> str:
        return "\n".join(f"{ns / S_NS:12.6f}  {form.format(*values)[:240]}" for ns, form, values in self._history)

    def raise_first(self) -> None:
        """Here and not where it was found: the runtime would take it for an actor's own failure."""
        if self._wrong:
            rule, text = self._wrong[0]
            raise Violation(rule, text, self.history())

    # -- incarnations -------------------------------------------------------------------------------------------------

    def registered(self, name: str, parent: str | None) -> None:
        self.post.opened(name)
        self.parents[name] = parent

    def removed(self, name: str) -> None:
        self.parents.pop(name, None)

    def started(self, name: str, parent: str | None, kind: str, epoch: int) -> None:
        self.note("start {}.{} by {}", name, epoch, parent)
        if name in self.living:
            self.wrong("two incarnations", f"{name}.{epoch} starts while {name}.{self.living[name]} lives")
        if epoch <= self.epochs.get(name, 0):
            self.wrong("epoch", f"{name}.{epoch} starts after {name}.{self.epochs[name]}")
        self.finished.discard(name)
        self.living[name] = self.epochs[name] = self.floor[name] = epoch
        self.parents[name] = parent
        self.ends_untold.add(name)
        if kind == "supervisor":
            self.supervisors.add(name)
        else:
            self.supervisors.discard(name)  # the name may have been a supervisor's before
            self.families.pop(name, None)
        if family := self._actor("start", name):
            family.starts(name, epoch)

    def _actor(self, what: str, name: str) -> Family | None:
        """The supervisor that acts just now."""
        if not self._acting:
            return None
        family, is_stale = self._acting[-1]
        if is_stale:
            self.wrong("act of the dead", f"{family.spec.id}.{family.epoch} has ended, and its {what} of {name} counts")
            return None
        return family

    def stopped(self, name: str) -> None:
        self.note("stop {}", name)
        if family := self._actor("stop", name):
            family.stops(name, is_brutal=False)

    def abandoned(self, name: str, why: str, reason: str) -> None:
        self.note("abandon {}: {} ({})", name, reason, why)
        if family := self._actor("giving up", name):
            family.abandons(name, reason)
        elif reason == "stuck" and name in self.living:
            self.events["abandoned stuck"] += 1
            if not any(mail.to == name and mail.taken_ns < self.now_ns() for mail in self.post.in_hand.values()):
                self.wrong("given up early", f"{name} holds nothing")

    def down(self, event: ChildDown, to: str | None) -> None:
        """The one report of an incarnation's end."""
        self.note("down {}.{}: {}", event.child, event.epoch, event.reason)
        name, epoch = event.child, event.epoch
        self.events[f"down: {event.reason}"] += 1
        self.reports[name, epoch] += 1
        if self.reports[name, epoch] > 1:
            self.wrong("reported twice", f"{name}.{epoch}")
        elif self.living.get(name) != epoch:
            self.wrong("report of one that lives", f"{name}.{epoch}, and {self.living.get(name)} lives")
        if to != self.parents.get(name):
            self.wrong("report", f"{name}.{epoch} goes to {to}")
        if name == self.root:
            self.root_downs.append(event)
        self.living.pop(name, None)
        if event.reason in FENCED:
            self.floor[name] = epoch + 1
        family = self.families.get(name)
        if name in self.supervisors:
            self._orphans(name, in_order=event.reason not in OUT_OF_ORDER)
        if family is not None and not family.is_over:
            family.is_over = True
            if event.reason not in OUT_OF_ORDER:
                self._ended_in_order(family, event)

    def _ended_in_order(self, family: Family, event: ChildDown) -> None:
        if event.reason != family.ending:
            family.wrong("end", f"ends with {event.reason}, and {family.ending or 'nothing'} was due")
        if open_ := +family.asked:
            family.wrong("no answer", f"ends, and owes {dict(open_)}")

    def _orphans(self, name: str, *, in_order: bool) -> None:
        for child in [child for child, parent in self.parents.items() if parent == name]:
            if child in self.living:
                if in_order:
                    self.wrong("left behind", f"{child}.{self.living[child]} lives, and {name} has ended in order")
                self.events["orphan"] += 1
                self.floor[child] = self.living.pop(child) + 1
                if child in self.families:
                    self.families[child].is_over = True
            if child in self.supervisors:
                self._orphans(child, in_order=in_order)

    def is_stale(self, sender: str, epoch: int) -> bool:
        return epoch < self.floor.get(sender, 0)

    def became_ready(self, name: str, epoch: int) -> None:
        family = self.families.get(name)
        if self.living.get(name) == epoch and family is not None:
            settling.says_ready(family)

    def liveness(self, name: str, is_up: bool) -> None:
        self.up[name] = is_up
        if not is_up and name not in self.ends_untold:
            self.wrong("liveness", f"{name} is said to be down again")
        if not is_up:
            self.ends_untold.discard(name)

    # -- messages -----------------------------------------------------------------------------------------------------

    def seen(self, ctx: Context) -> bool:
        """A behaviour is given its message. Whether it was given up before that."""
        envelope = ctx.current
        assert envelope is not None
        is_late = self.is_late == ctx.name
        self.note("{}.{} gets {} {}", ctx.name, ctx.epoch, envelope.id, Words(envelope.body))
        if not is_late and self.living.get(ctx.name) != ctx.epoch:
            self.wrong("work of the dead", f"{ctx.name}.{ctx.epoch} handles {envelope.id}")
        self.post.seen(ctx.name, ctx.epoch, envelope, is_late=is_late)
        if not is_late:
            self._check_body(ctx.name, ctx.epoch, envelope)
        return is_late

    def _check_body(self, name: str, epoch: int, envelope: Envelope) -> None:
        body = envelope.body
        if isinstance(body, Terminated):
            key = (name, epoch, body.child)
            self.told[key] -= 1
            if self.told[key] < 0:
                self.wrong("Terminated twice", f"{name}.{epoch} is told of {body.child}, and did not ask")
        elif self.timers.get(envelope.id, (name, epoch)) != (name, epoch):
            self.wrong("timer outlives", f"{name}.{epoch} gets {Words(body)} of {name}.{envelope.epoch}")

    def delivering(self, letter: Letter) -> None:
        body = letter.envelope.body
        owner, epoch = self.timers.get(letter.envelope.id, ("", 0))
        if owner and self.living.get(owner) != epoch:
            self.wrong("timer outlives", f"the timer {letter.envelope.id} fires, and {owner}.{epoch} has ended")
        if isinstance(body, Stop) and letter.envelope.sender == "host":
            self.stops[letter.envelope.id] = self.living.get(letter.to, 0)
        if isinstance(body, Terminated):
            self._terminated(letter.to, body)
        elif isinstance(body, ChildAnswer) and self._acting and not self._acting[-1][1]:
            self._acting[-1][0].answers_with(body)
        elif isinstance(body, ChildDown) and letter.envelope.sender == "host":
            self.down(body, letter.to)

    def fed_stop(self, name: str, epoch: int, message_id: str, *, has_ended: bool) -> None:
        """The runtime has finished with a message, perhaps with a Stop."""
        is_heeded = has_ended or self.post.mails[name, message_id].seen_by is not None
        if is_heeded and self.stops.get(message_id, epoch) != epoch:
            self.wrong("stop of the next", f"{name}.{epoch} heeds what {name}.{self.stops[message_id]} was to do")

    def hears(self, report: FailureReported) -> None:
        """What the operator is told of failures."""
        if report.mode is FailureMode.ACTOR_STUCK:
            (self.stuck.discard if report.recovered else self.stuck.add)(report.scope)

    @contextmanager
    def acting(self, ctx: Context, spec: SupervisorSpec, body: Body | None) -> Iterator[None]:
        """A supervisor is at work."""
        if body is None:
            family = self.families[ctx.name] = Family(self, spec, ctx.epoch)
        else:
            family = self.families[ctx.name]
        is_stale = self.is_late == ctx.name
        if is_stale:
            family = Family(self, spec, ctx.epoch)
        elif body is not None:
            settling.hears(family, body, ctx.current.at_ns if ctx.current else 0)
        self._acting.append((family, is_stale))
        try:
            yield
        except Unhandled:  # a message that is not for a supervisor: one of the planned faults
            raise
        except BaseException as error:
            if not is_stale:
                self.wrong("supervisor raised", f"{ctx.name}.{ctx.epoch} over {body}: {error!r}")
            raise
        finally:
            self._acting.pop()
        if not is_stale:
            settling.settles(family, body)

    # -- watching -----------------------------------------------------------------------------------------------------

    def watched(self, watcher: str, epoch: int, target: str) -> None:
        self.note("{}.{} watches {}", watcher, epoch, target)
        if self.living.get(watcher) == epoch:
            self.watches[watcher, epoch, target] = 1

    def unwatched(self, watcher: str, epoch: int, target: str) -> None:
        self.note("{}.{} watches {} no more", watcher, epoch, target)
        self.watches.pop((watcher, epoch, target), None)

    def _terminated(self, watcher: str, body: Terminated) -> None:
        self.events["terminated"] += 1
        if not self.is_gone(body.child):
            self.wrong("Terminated on restart", f"{watcher} is told that {body.child} is gone: {body.reason}")
        key = (watcher, self.living.get(watcher, 0), body.child)
        if self.watches[key] > 0:
            self.watches[key] -= 1
            self.told[key] += 1

    def is_gone(self, name: str) -> bool:
        """Whether nobody will start it again by itself."""
        if name not in self.parents:
            return True
        if self.root_is_gone:
            return True
        if name in self.living:
            return False
        parent = self.parents[name]
        if parent is None or name in self.finished:
            return True
        family = self.families[parent]
        if family.is_over or family.ending:
            return self.is_gone(parent) or name not in [kid.id for kid in family.spec.children]
        kid = family.kids.get(name)
        if kid is None or kid.is_held or kid.is_leaving:
            return True
        return kid.view is View.DOWN and not kid.is_owed and not kid.waits

    # -- for the families ---------------------------------------------------------------------------------------------

    def hold(self, name: str, is_held: bool) -> None:
        (self.kept_down.add if is_held else self.kept_down.discard)(name)

    def is_kept_down(self, name: str) -> bool:
        return name in self.kept_down

    def is_in_use(self, spec: AnySpec) -> bool:
        used = {kid for family in self.families.values() if not family.is_over for kid in family.kids}
        ids = _ids(spec)
        return len(set(ids)) < len(ids) or any(i in used or i in self.static or i == CONSOLE for i in ids)

    def is_left_over(self, spec: AnySpec) -> bool:
        """Whether its name is still that of a child whose supervisor is down: it may be refused for that."""
        return any(i in self.parents and self.parents[i] not in self.living for i in _ids(spec))

    # -- after each step ----------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        for name, slot in self.host._slots.items():
            live = slot.live.epoch if slot.live is not None else None
            if live != self.living.get(name):
                ours = self.living.get(name)
                rule = "ended without a report" if live is None else "lives after its report"
                self.wrong(rule, f"{name}: {live} lives, and {ours} ought to")
            if live is None and slot.state in OF_THE_LIVING:
                self.wrong("status", f"{name} has ended, and is shown as {slot.state}")
        for mail in self.post.in_hand.values():
            if self.living.get(mail.to) != mail.holder:
                self.wrong("message lost", f"{mail}: it was in the hand of {mail.to}.{mail.holder}, which has ended")
        for name in sorted(self.post.touched & set(self.post.shadows)):
            shadow, counts = self.post.shadows[name], self.host._slots[name].mailbox.counts()
            if not shadow.agrees(counts):
                self.wrong("conservation", f"{name}: {shadow.counts} against {counts}")
        self.post.touched.clear()
        if not self.post.is_balanced():
            self.wrong("conservation", f"{self.post.fates}")
        for name in sorted(self.ends_untold ^ set(self.living)):
            self.wrong("liveness", f"of {name} an end is told, and it lives: {name in self.living}")
        self.raise_first()

    def at_rest(self) -> None:
        """Nothing is runnable; before the clock moves, every limit must have been kept, and every end reached."""
        for name, family in self.families.items():
            if family.is_over or any(mail.to == name for mail in self.post.in_hand.values()):
                continue
            if family.ending and all(kid.view is View.DOWN for kid in family.kids.values()):
                family.wrong("does not end", f"all are down: {family.ending}")
            for kid in family.kids.values():
                if settling.is_overdue(family, kid):
                    family.wrong("overdue", f"{kid.name} is {kid.view.value} for {family.waited_s(kid)} s")
        self.raise_first()

    def states(self) -> dict[str, ChildState]:
        return {row.id: row.state for row in self.host.status()}


def _ids(spec: AnySpec) -> list[str]:
    return [node.id for node, _ in nodes(spec)] if isinstance(spec, SupervisorSpec) else [spec.id]
