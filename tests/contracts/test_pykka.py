"""What supervisor/runtime/threaded.py relies on in pykka 4.5: each fact was run, and is run here again."""

import logging
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import version
from queue import SimpleQueue
from typing import Any, NamedTuple

import pykka
import pytest

PATIENCE_S = 5.0


@pytest.fixture(autouse=True)
def _alone(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Actors of other tests are out of pykka's sight meanwhile: the cells of our host do not obey its stop."""
    caplog.set_level(logging.CRITICAL, logger="pykka")
    others = pykka.ActorRegistry.get_all()
    for ref in others:
        pykka.ActorRegistry.unregister(ref)
    yield
    pykka.ActorRegistry.stop_all(timeout=PATIENCE_S)
    for ref in others:
        pykka.ActorRegistry.register(ref)


class Item(NamedTuple):
    message: Any
    reply_to: None = None


class View:
    """An inbox of our own, as the threaded host makes one."""

    def __init__(self) -> None:
        self.items: SimpleQueue[Any] = SimpleQueue()
        self.asked_whether_empty = 0

    def put(self, item: Any, /) -> None:
        self.items.put(item)

    def get(self) -> Any:
        return self.items.get()

    def empty(self) -> bool:
        self.asked_whether_empty += 1
        return True


class Viewed(pykka.ThreadingActor):
    use_daemon_thread = True

    def __init__(self, made: "list[Viewed] | None" = None) -> None:
        super().__init__()
        if made is not None:
            made.append(self)
        self.got: list[Any] = []
        self.stopped_by_hook = False
        self.thread: threading.Thread | None = None

    @staticmethod
    def _create_actor_inbox() -> Any:
        return View()

    def on_start(self) -> None:
        self.thread = threading.current_thread()

    def on_receive(self, message: Any) -> None:
        if callable(message):
            message(self)
        self.got.append(message)

    def on_stop(self) -> None:
        self.stopped_by_hook = True


def started() -> tuple[Viewed, View]:
    made: list[Viewed] = []
    Viewed.start(made)
    wait(lambda: made[0].thread is not None)
    inbox: Any = made[0].actor_inbox
    return made[0], inbox


def wait(what: Callable[[], object]) -> None:
    ticking = threading.Event()
    for _ in range(int(PATIENCE_S / 0.005)):
        if what():
            return
        ticking.wait(0.005)
    raise AssertionError("it never came true")


def dead(actor: Viewed) -> bool:
    return actor.thread is not None and not actor.thread.is_alive()


def leave(actor: Any) -> None:
    pykka.ActorRegistry.unregister(actor.actor_ref)
    actor.actor_stopped.set()


def test_it_is_the_version_that_was_studied() -> None:
    assert version("pykka").startswith("4.5.")


def test_the_inbox_is_what_the_hook_returns_and_is_read_by_get() -> None:
    actor, view = started()
    view.items.put(Item("hello"))
    wait(lambda: actor.got == ["hello"])


def test_none_as_a_message_reaches_on_receive() -> None:
    actor, view = started()
    view.items.put(Item(None))
    wait(lambda: actor.got == [None])


def test_setting_actor_stopped_ends_the_loop_after_the_message_in_hand() -> None:
    actor, view = started()
    view.items.put(Item(leave))
    view.items.put(Item("left in the queue"))
    wait(lambda: dead(actor))
    assert actor.got == [leave]
    assert view.items.qsize() == 1, "what waits stays for the next incarnation"


def test_leaving_calls_no_hook_of_pykka() -> None:
    actor, view = started()
    view.items.put(Item(leave))
    wait(lambda: dead(actor))
    assert not actor.stopped_by_hook
    assert actor.actor_ref not in pykka.ActorRegistry.get_all()


def test_teardown_asks_empty_and_takes_nothing_when_it_is_true() -> None:
    actor, view = started()
    view.items.put(Item(leave))
    view.items.put(Item("waiting"))
    wait(lambda: dead(actor))
    assert view.asked_whether_empty == 1
    assert view.items.qsize() == 1


def test_on_start_that_leaves_ends_the_thread_without_reading_a_message() -> None:
    class Stillborn(Viewed):
        def on_start(self) -> None:
            super().on_start()
            leave(self)

    made: list[Viewed] = []
    Stillborn.start(made)
    wait(lambda: dead(made[0]))
    assert made[0].got == []
    inbox: Any = made[0].actor_inbox
    assert inbox.asked_whether_empty == 1


def test_an_exception_in_a_tell_stops_the_actor_and_its_queue_vanishes() -> None:
    """Why the host never lets pykka see one."""

    class Plain(pykka.ThreadingActor):
        def on_receive(self, message: Any) -> None:
            entered.set()
            release.wait(PATIENCE_S)
            raise ValueError("on purpose")

    entered, release = threading.Event(), threading.Event()
    ref = Plain.start()
    ref.tell("first")
    assert entered.wait(PATIENCE_S)
    answer = ref.ask("second", block=False)
    release.set()
    with pytest.raises(pykka.ActorDeadError):
        answer.get(timeout=PATIENCE_S)
    assert not ref.is_alive()


def test_an_exception_in_an_ask_goes_to_the_caller_and_no_hook_hears_of_it() -> None:
    class Plain(pykka.ThreadingActor):
        failures = 0

        def on_receive(self, message: Any) -> None:
            raise ValueError("on purpose")

        def on_failure(self, *_: Any) -> None:
            Plain.failures += 1

    ref = Plain.start()
    with pytest.raises(ValueError, match="on purpose"):
        ref.ask("question", timeout=PATIENCE_S)
    assert ref.is_alive()
    assert Plain.failures == 0


def test_a_base_exception_in_one_actor_stops_every_other() -> None:
    """Why the cell's driver catches BaseException."""

    class Plain(pykka.ThreadingActor):
        def on_receive(self, message: Any) -> None:
            raise SystemExit("on purpose")

    bystanders = [Viewed.start() for _ in range(2)]
    plain = [pykka.ThreadingActor.start() for _ in range(2)]
    Plain.start().tell("go")
    wait(lambda: not any(ref.is_alive() for ref in plain))
    wait(lambda: not any(ref.is_alive() for ref in bystanders))


def test_threads_are_daemons_when_asked() -> None:
    actor, _ = started()
    assert actor.thread is not None
    assert actor.thread.daemon
