"""Behaviour and Context: what an actor is, and all that it may ask of the world.

A behaviour is a plain class with typed handlers. It knows nothing of threads, sockets or clocks: a cell feeds it one
message at a time, and everything it does to the outside goes through its context. The same class therefore runs
unchanged on every host: a thread, a child process, a simulation.

    class Greeter(Behaviour):
        @receives(Trade)
        def on_trade(self, trade: Trade, ctx: Context) -> None:
            ctx.tell("portfolio", ...)
"""

from collections.abc import Callable
from random import Random
from typing import Any, ClassVar, Protocol, TypeVar

from messages.base import Body, Envelope, Letter

B = TypeVar("B", bound=Body)
Handler = Callable[[Any, Any, "Context"], None]


class Unhandled(TypeError):
    """A message was posted to a behaviour that has no handler for it: a mistake in the wiring, never ignored."""


class Context(Protocol):
    """The world of one incarnation of one actor."""

    @property
    def name(self) -> str:
        """The actor's address."""

    @property
    def epoch(self) -> int:
        """Rises by one with each incarnation of this name."""

    @property
    def rng(self) -> Random:
        """The only randomness: seeded per actor and epoch."""

    @property
    def current(self) -> Envelope | None:
        """What is being handled now; None while starting."""

    def now_ns(self) -> int:
        """The trading clock: UTC nanoseconds; the tape's time when a tape drives the run."""

    def monotonic_ns(self) -> int:
        """For measuring spans; never for trading."""

    def tell(self, to: str, body: Body, *, correlation_id: str | None = None) -> None:
        """Post `body` to the address `to`. Never blocks and never raises for the receiver's sake.

        The chain goes on from the message being handled, unless `correlation_id` names another beginning.
        """

    def publish(self, topic: str, body: Body) -> None:
        """Post `body` to every subscriber of `topic`."""

    def seal(self, to: str, body: Body, *, correlation_id: str | None = None) -> Letter:
        """Make the letter that `tell` would have posted, without posting it."""

    def seal_all(self, topic: str, body: Body, *, correlation_id: str | None = None) -> tuple[Letter, ...]:
        """The letters that `publish` would have posted, without posting them."""

    def post(self, letter: Letter) -> None:
        """Post a sealed letter as it is, with its own sender and epoch."""

    def after(self, delay_s: float, key: str, body: Body | None = None) -> None:
        """Send `body` (default `TimerFired(key)`) to oneself after `delay_s` of the trading clock.

        A timer of the same key is replaced. Timers end with the incarnation.
        """

    def cancel_timer(self, key: str) -> None:
        """Forget the timer of that key; nothing happens if there is none."""

    def ready(self) -> None:
        """Say that this incarnation has started. Said by itself after `on_start`, unless `starts_ready` is False."""

    def end(self, reason: str = "normal", detail: str = "") -> None:
        """End in order once the message in hand is handled: `on_stop` runs, and the parent gets ChildDown(reason)."""

    def watch(self, name: str) -> None:
        """Be told once, by `Terminated`, when `name` has ended for good: also if it has already; not of restarts.

        A watch ends with the incarnation that asked for it.
        """

    def unwatch(self, name: str) -> None:
        """Take the watch back; nothing happens if there is none."""


def receives(body_type: type[B]) -> Callable[[Callable[[Any, B, Context], None]], Callable[[Any, B, Context], None]]:
    """Mark a method as the handler of a body type and of its subclasses that have no handler of their own."""

    def mark(method: Callable[[Any, B, Context], None]) -> Callable[[Any, B, Context], None]:
        method.__dict__.setdefault("receives", []).append(body_type)
        return method

    return mark


class Behaviour:
    """Base of all actors. One instance is one incarnation: a restart makes a new one from its factory."""

    handlers: ClassVar[dict[type[Body], Handler]] = {}
    starts_ready: ClassVar[bool] = True
    """False: the behaviour calls `ctx.ready()` itself, for example once it has recovered."""
    ends_itself: ClassVar[bool] = False
    """True: `Stop` is handed to it like any message, and it calls `ctx.end()` once its own work is wound up."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        found: dict[type[Body], Handler] = {}
        for base in reversed(cls.__mro__):
            for method in vars(base).values():
                for body_type in getattr(method, "receives", ()):
                    found[body_type] = method
        cls.handlers = found

    @classmethod
    def handler_of(cls, body_type: type[Body]) -> Handler | None:
        """The handler of the type or of its nearest base that has one; remembered for the next time."""
        for base in body_type.__mro__:
            handler = cls.handlers.get(base)
            if handler is not None:
                cls.handlers[body_type] = handler
                return handler
        return None

    def on_start(self, ctx: Context) -> None:
        """Before the first message. May raise: the start has then failed."""

    def on_stop(self, ctx: Context, reason: str) -> None:
        """After the last message of an ordered stop; not called after a crash."""

    def receive(self, body: Body, ctx: Context) -> None:
        """Hand `body` to its handler. Raises Unhandled where there is none."""
        handler = self.handlers.get(type(body)) or self.handler_of(type(body))
        if handler is None:
            raise Unhandled(f"{type(self).__name__} has no handler for {type(body).__name__}")
        handler(self, body, ctx)
