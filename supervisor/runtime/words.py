"""What the behaviour in a child process asks of its context, done here, as far as it speaks for itself."""

from pydantic_core import to_json

from messages.base import Envelope, Letter
from messages.records import Append
from supervisor.runtime.cell import World
from supervisor.runtime.channel import MAX_DELAY_S, BadFrame, Channel, Kind, plain, unpack


class Words:
    """Acts on the words of one incarnation: each message in them must be sealed with its own name and epoch."""

    def __init__(self, name: str, epoch: int, world: World) -> None:
        self._name, self._epoch, self._world = name, epoch, world

    def act_on(self, kind: Kind, payload: bytes, channel: Channel) -> None:
        """One word; its answer, if it has one, goes into the channel. Raises BadFrame."""
        name, epoch, world = self._name, self._epoch, self._world
        match kind:
            case Kind.DELIVER:
                world.deliver(self._letter(payload))
            case Kind.SUBSCRIBERS:
                channel.send(Kind.SUBSCRIBED, to_json(world.subscribers(plain(payload, str))))
            case Kind.SET_TIMER:
                key, delay_s, envelope = self._timer(payload)
                world.set_timer(name, epoch, key, delay_s, envelope)
            case Kind.CANCEL_TIMER:
                world.cancel_timer(name, epoch, plain(payload, str))
            case Kind.READY:
                world.child_ready(name, epoch)
            case Kind.WATCH:
                world.watch(name, epoch, plain(payload, str))
            case Kind.UNWATCH:
                world.unwatch(name, epoch, plain(payload, str))
            case _:
                raise BadFrame(f"{kind.name} is not for a child to say")

    def _letter(self, payload: bytes) -> Letter:
        to, envelope = unpack(payload)
        if not isinstance(to, str):
            raise BadFrame(f"a letter to {to!r:.100}")
        self._check_own(envelope)
        return Letter(to=to, envelope=envelope)

    def _timer(self, payload: bytes) -> tuple[str, float, Envelope]:
        address, envelope = unpack(payload)
        self._check_own(envelope)
        match address:
            case [str(key), int() | float() as delay_s] if abs(delay_s) <= MAX_DELAY_S:
                return key, delay_s, envelope
            case _:
                raise BadFrame(f"a timer of {address!r:.100}")

    def _check_own(self, envelope: Envelope) -> None:
        """Nobody speaks for another, nor puts another's letter into an append for the ledger to post."""
        if (envelope.sender, envelope.epoch, envelope.id) != (
            self._name,
            self._epoch,
            f"{self._name}.{self._epoch}.{envelope.seq}",
        ):
            raise BadFrame(
                f"a message {envelope.id!r:.100} of {envelope.sender!r:.100}, epoch {envelope.epoch}, "
                f"and it is {self._name}, epoch {self._epoch}"
            )
        if isinstance(envelope.body, Append):
            for letter in envelope.body.release:
                self._check_own(letter.envelope)
