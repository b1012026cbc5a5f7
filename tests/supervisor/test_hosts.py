"""What both hosts promise: one report for each death, dead letters, and the fencing of ended incarnations."""

import threading

import pytest

from messages.base import Body, Letter
from messages.supervision import ChildDown, DeadLetter, Stop, TimerFired
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.threaded import ThreadedHost
from tests.supervisor.hosts import Downs, Driver, Threaded
from tests.supervisor.letters import Data, Note, Order, Proof, Urgent, sealed


class Listener(Behaviour):
    """Keeps every body it is told; a note of -1 kills it."""

    def __init__(self, got: list[Body]) -> None:
        self._got = got

    @receives(Note)
    def on_note(self, note: Note, _: Context) -> None:
        if note.n == -1:
            raise ValueError("killed on purpose")
        self._got.append(note)

    @receives(Body)
    def on_body(self, body: Body, _: Context) -> None:
        self._got.append(body)


class Speaker(Behaviour):
    """On its timer it tells `to` a command and a piece of evidence."""

    def __init__(self, to: str) -> None:
        self._to = to

    @receives(TimerFired)
    def on_timer(self, _: TimerFired, ctx: Context) -> None:
        ctx.tell(self._to, Order(n=ctx.epoch))
        ctx.tell(self._to, Proof(n=ctx.epoch))


def begin(driver: Driver, name: str = "listener") -> tuple[list[Body], Downs]:
    got: list[Body] = []
    downs = Downs(driver.host)
    driver.host.start_child(name, lambda: Listener(got), parent=None)
    return got, downs


def test_commands_of_an_ended_incarnation_are_refused_and_evidence_passes(driver: Driver) -> None:
    host = driver.host
    got: list[Body] = []
    host.register("listener", None)
    host.start_child("speaker", lambda: Speaker("listener"), parent=None)
    host.tell("speaker", TimerFired(key="go"), sender="test")
    host.tell("speaker", Stop(reason="done"), sender="test")
    driver.until(lambda: host.status()[0].mailbox_depth == 2)
    host.start_child("speaker", lambda: Speaker("listener"), parent=None)
    host.start_child("listener", lambda: Listener(got), parent=None)
    host.tell("speaker", TimerFired(key="go"), sender="test")
    driver.until(lambda: len(got) == 3)
    assert got == [Proof(n=1), Order(n=2), Proof(n=2)]


def test_a_sealed_command_of_an_older_epoch_is_refused(driver: Driver) -> None:
    got, _ = begin(driver)
    driver.host.start_child("speaker", lambda: Speaker("listener"), parent=None)
    driver.host.start_child("speaker", lambda: Speaker("listener"), parent=None)
    for body in (Order(n=1), Proof(n=1), Note(n=1)):
        driver.host.deliver(Letter(to="listener", envelope=sealed(body, "speaker", epoch=1)))
    driver.until(lambda: Note(n=1) in got)
    assert got == [Proof(n=1), Note(n=1)]


class Late(Behaviour):
    """Keeps its context, so that it can speak after its time."""

    def __init__(self, kept: list[Context]) -> None:
        self._kept = kept

    def on_start(self, ctx: Context) -> None:
        self._kept.append(ctx)


@pytest.mark.lesson("L20")
def test_what_one_that_was_given_up_says_is_not_heard_but_for_evidence(driver: Driver) -> None:
    got, _ = begin(driver)
    kept: list[Context] = []
    driver.host.start_child("late", lambda: Late(kept), parent=None)
    driver.until(lambda: len(kept) == 1)
    kept[0].tell("listener", Note(n=1))
    driver.host.abandon("late", "a test")
    letter = kept[0].seal("listener", Note(n=2))
    for body in (Note(n=3), Order(n=4), Proof(n=5)):
        kept[0].tell("listener", body)
    kept[0].post(letter)
    driver.host.start_child("late", lambda: Late(kept), parent=None)
    driver.until(lambda: len(kept) == 2)
    kept[1].tell("listener", Note(n=6))
    driver.until(lambda: Note(n=6) in got)
    assert got == [Note(n=1), Proof(n=5), Note(n=6)]


@pytest.mark.lesson("L20")
def test_one_death_is_reported_once_with_its_cause(driver: Driver) -> None:
    got, downs = begin(driver)
    alive: list[tuple[str, bool]] = []
    driver.host.on_liveness = lambda name, is_up: alive.append((name, is_up))
    driver.host.tell("listener", Note(n=-1), sender="test", correlation_id="tick-7")
    driver.until(lambda: bool(downs.seen))
    driver.pass_time(0.05)
    (down,) = downs.seen
    assert (down.child, down.epoch, down.reason, down.correlation_id) == ("listener", 1, "error", "tick-7")
    assert "killed on purpose" in down.detail
    assert ("listener", False) in alive
    assert got == []


def test_messages_wait_for_the_next_incarnation_and_the_killer_does_not(driver: Driver) -> None:
    got, downs = begin(driver)
    driver.host.tell("listener", Note(n=-1), sender="test")
    driver.until(lambda: bool(downs.seen))
    driver.host.tell("listener", Note(n=2), sender="test")
    driver.host.start_child("listener", lambda: Listener(got), parent=None)
    driver.until(lambda: bool(got))
    assert got == [Note(n=2)]
    assert driver.host.current_epoch("listener") == 2


def test_dead_letters_are_told_with_their_reason(driver: Driver) -> None:
    got, downs = begin(driver, "undertaker")
    driver.host.dead_letter_to = "undertaker"
    driver.host.tell("nobody", Note(n=5), sender="test", correlation_id="tick-1")
    driver.until(lambda: len(got) == 1)
    (letter,) = got
    assert isinstance(letter, DeadLetter)
    assert (letter.to, letter.message_type, letter.correlation_id) == ("nobody", "Note", "tick-1")
    assert letter.reason == "no such address"
    assert not downs.seen


def test_a_removed_child_leaves_its_messages_as_dead_letters(driver: Driver) -> None:
    driver.host.register("idle", None)
    for n in range(3):
        driver.host.tell("idle", Note(n=n), sender="test")
    driver.host.remove_child("idle")
    assert driver.host.dead_letters == 3
    driver.host.tell("idle", Note(n=4), sender="test")
    assert driver.host.dead_letters == 4


def test_timers_end_with_their_incarnation(driver: Driver) -> None:
    class Alarm(Behaviour):
        def on_start(self, ctx: Context) -> None:
            if ctx.epoch == 1:
                ctx.after(0.02, "late")

        @receives(TimerFired)
        def on_timer(self, timer: TimerFired, _: Context) -> None:
            fired.append(timer.key)

        @receives(Urgent)
        def on_urgent(self, _: Urgent, __: Context) -> None:
            raise ValueError("killed on purpose")

    fired: list[str] = []
    downs = Downs(driver.host)
    driver.host.start_child("alarm", Alarm, parent=None)
    driver.host.tell("alarm", Urgent(), sender="test")
    driver.until(lambda: bool(downs.seen))
    driver.host.start_child("alarm", Alarm, parent=None)
    driver.pass_time(0.08)
    assert fired == []


def test_a_report_of_an_abandoned_incarnation_comes_once_and_its_end_says_nothing_more() -> None:
    """A stuck handler cannot be killed: it is fenced, and when it comes back it works for nobody."""
    release, entered = threading.Event(), threading.Event()
    got: list[Body] = []

    class Stuck(Listener):
        @receives(Urgent)
        def on_urgent(self, _: Urgent, __: Context) -> None:
            entered.set()
            release.wait(timeout=10)

    driver = Threaded()
    host = driver.host
    assert isinstance(host, ThreadedHost)
    downs = Downs(host)
    host.start_child("worker", lambda: Stuck(got), parent=None)
    host.tell("worker", Urgent(), sender="test")
    assert entered.wait(timeout=10)
    host.abandon("worker", "no progress")
    host.start_child("worker", lambda: Listener(got), parent=None)
    for n in range(20):
        host.tell("worker", Note(n=n), sender="test")
    release.set()
    driver.until(lambda: len(got) == 20)
    driver.until(lambda: "worker.1" not in {thread.name for thread in threading.enumerate()})
    assert got == [Note(n=n) for n in range(20)]
    assert [(down.epoch, down.reason) for down in downs.seen] == [(1, "stuck")]
    driver.close()


def test_conflated_data_reaches_a_lagging_reader_once(driver: Driver) -> None:
    host = driver.host
    host.register("slow", None)
    for n in range(5):
        host.tell("slow", Data(n=n, key="btc"), sender="feed")
    got: list[Body] = []
    host.start_child("slow", lambda: Listener(got), parent=None)
    host.tell("slow", Data(n=9), sender="feed")
    driver.until(lambda: Data(n=9) in got)
    # A simulated host keeps all, since virtual time waits for the reader.
    expected = [Data(n=4, key="btc")] if isinstance(host, ThreadedHost) else [Data(n=n, key="btc") for n in range(5)]
    assert got == [*expected, Data(n=9)]


def test_the_parent_is_told_of_a_death_as_a_message(driver: Driver) -> None:
    got, _ = begin(driver, "parent")
    driver.host.start_child("child", lambda: Listener([]), parent="parent")
    driver.host.tell("child", Note(n=-1), sender="test")
    driver.until(lambda: any(isinstance(body, ChildDown) for body in got))
    assert sum(isinstance(body, ChildDown) for body in got) == 1
