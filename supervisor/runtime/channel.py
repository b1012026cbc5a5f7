"""Frames on a socket: what a parent process and the child that runs a behaviour for it say to each other.

A frame is a length, a kind and a payload of JSON lines. The one exception goes one way only: the parent's BEGIN ends in
a pickled factory, for the parent trusts itself; from a child nothing but JSON is ever read. Every frame is bounded, and
what is not understood raises BadFrame, whatever the peer has sent.

The rules of the conversation: the parent asks (BEGIN, STEP, STOP) and the child answers each question once, in order,
by DONE, LEFT or FAILED; before that answer it says what its behaviour does. What it says leaves the child with the
answer, in one piece: a thread of the parent's that is woken by each word would wait for its turn each time. Several
STEPs may be under way; the answers tell which of them the child was at.
"""

import socket
from contextlib import suppress
from enum import IntEnum
from struct import Struct
from typing import Any, TypeVar

from pydantic_core import from_json, to_json

from messages.base import Body, Envelope
from messages.catalogue import BODIES, UnknownMessage, body_from_json, body_to_json, name_of
from messages.records import Append
from messages.values import Value

MAX_FRAME_BYTES = 16 * 1024 * 1024
MAX_TEXT_CHARS = 32_000
"""Of a traceback or an error's message."""
MAX_DELAY_S = 1e9
"""Of a timer, either way: about 32 years."""
_READ_BYTES = _FLUSH_BYTES = 16 * 1024
_HEADER = Struct("!IB")
_SHOWN_CHARS = 500

V = TypeVar("V", bound=Value)
P = TypeVar("P", str, int)


class ChannelClosed(ConnectionError):
    """The other end is gone."""


class BadFrame(ValueError):
    """The other end sent what is not understood."""


class FrameTooLarge(ValueError):
    """This end was to send more than a frame may hold; nothing of it was sent."""


class Kind(IntEnum):
    # parent to child
    BEGIN = 1
    """Begin as a line, then the pickled factory."""
    STEP = 2
    """`[number, until_ns]`, with a message to handle, if that can be begun before that monotonic time; 0: always."""
    STOP = 3
    """`[number, reason]`."""
    SUBSCRIBED = 4
    """The answer to SUBSCRIBERS: a list of names, which holds until FORGET."""
    FORGET = 5
    """Somebody listens to something else now: ask for SUBSCRIBERS again."""
    # child to parent
    DONE = 16
    FAILED = 17
    DELIVER = 18
    """The address, with the sealed message."""
    SUBSCRIBERS = 19
    """A topic. The child waits for the answer."""
    SET_TIMER = 20
    """`[key, delay_s]`, with the sealed message."""
    CANCEL_TIMER = 21
    READY = 22
    WATCH = 23
    UNWATCH = 24
    LEFT = 25
    """The number of a STEP that came too late to be begun, or after the end."""


_KINDS = {int(kind): kind for kind in Kind}


class Begin(Value):
    """All that a child must know to become an incarnation."""

    number: int
    name: str
    epoch: int
    seed: str
    parent_pid: int
    sys_path: tuple[str, ...]
    python_path: str | None
    """What the variable PYTHONPATH was before it had to carry `sys_path`."""
    memory_mb: int | None
    cpus: tuple[int, ...] | None


class Done(Value):
    """The question of that number has been dealt with; `ending` is what the behaviour said to `ctx.end`."""

    number: int
    ending: tuple[str, str] | None = None


class Failed(Value):
    """The behaviour raised. The child is of no more use."""

    error_type: str
    message: str
    detail: str
    is_fatal: bool


class Channel:
    """One end of a connected stream socket, which it owns. Not thread-safe but for `hang_up`."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._received = bytearray()
        self._added = bytearray()

    def add(self, kind: Kind, payload: bytes = b"") -> None:
        """Have it leave with the next `flush`, or now if much has been added. Raises FrameTooLarge or ChannelClosed."""
        if len(payload) > MAX_FRAME_BYTES:
            raise FrameTooLarge(f"{kind.name} of {len(payload)} bytes; a frame holds {MAX_FRAME_BYTES}")
        self._added += _HEADER.pack(len(payload), kind) + payload
        if len(self._added) > _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Blocks until the kernel has all that was added. Raises ChannelClosed."""
        added, self._added = self._added, bytearray()
        if not added:
            return
        try:
            self._socket.sendall(added)
        except OSError as error:
            raise ChannelClosed(f"sending failed: {error}") from error

    def send(self, kind: Kind, payload: bytes = b"") -> None:
        """Add it and flush."""
        self.add(kind, payload)
        self.flush()

    def receive(self) -> tuple[Kind, bytes]:
        """Blocks until a frame is there. Raises BadFrame or ChannelClosed."""
        size, number = _HEADER.unpack(self._take(_HEADER.size))
        kind = _KINDS.get(number)
        if kind is None:
            raise BadFrame(f"no frame is of the kind {number}")
        if size > MAX_FRAME_BYTES:
            raise BadFrame(f"{kind.name} of {size} bytes; a frame holds {MAX_FRAME_BYTES}")
        return kind, self._take(size)

    def _take(self, size: int) -> bytes:
        received = self._received
        while len(received) < size:
            try:
                chunk = self._socket.recv(_READ_BYTES)
            except OSError as error:
                raise ChannelClosed(f"receiving failed: {error}") from error
            if not chunk:
                raise ChannelClosed("the other end has closed")
            received += chunk
        taken = bytes(received[:size])
        del received[:size]
        return taken

    def hang_up(self) -> None:
        """Wake whoever waits in `receive`: it gets what has arrived, then ChannelClosed. From any thread."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


# -- payloads ---------------------------------------------------------------------------------------------------------


def pack(address: Any, envelope: Envelope) -> bytes:
    """Three lines of JSON: the address, the envelope without its body, the body.

    Raises UnknownMessage for a body that is not in the catalogue. The body is a line of its own because pydantic writes
    and reads it twice as fast as the catalogue's dictionaries, which only an Append needs.
    """
    body = envelope.body
    name = name_of(body)
    if BODIES.get(name) is not type(body):
        raise UnknownMessage(f"{name} is not in the catalogue (messages/), so it cannot leave its process")
    head = {
        "type": name,
        "id": envelope.id,
        "sender": envelope.sender,
        "seq": envelope.seq,
        "epoch": envelope.epoch,
        "at_ns": envelope.at_ns,
        "received_at_ns": envelope.received_at_ns,
        "correlation_id": envelope.correlation_id,
        "causation_id": envelope.causation_id,
    }
    text = to_json(body_to_json(body)) if isinstance(body, Append) else body.model_dump_json().encode()
    return b"\n".join((to_json(address), to_json(head), text))


def unpack(payload: bytes) -> tuple[Any, Envelope]:
    """Inverse of `pack`. Raises BadFrame; what the address must be is the caller's to check."""
    try:
        address, head, text = payload.split(b"\n")
        fields = from_json(head)
        body = _body_of(fields.pop("type"), text)
        return from_json(address), Envelope(**fields, body=body)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadFrame(f"no message: {shown(error)}") from error


def _body_of(name: str, text: bytes) -> Body:
    if name == Append.__name__:
        return body_from_json(from_json(text))
    if name not in BODIES:
        raise UnknownMessage(f"no message is called {name!r}")
    return BODIES[name].model_validate_json(text)


def read(payload: bytes, model: type[V]) -> V:
    """The payload as that model. Raises BadFrame."""
    try:
        return model.model_validate_json(payload)
    except ValueError as error:
        raise BadFrame(f"no {model.__name__}: {shown(error)}") from error


def plain(payload: bytes, kind: type[P]) -> P:
    """A payload that is one JSON text or number. Raises BadFrame."""
    try:
        found: object = from_json(payload)
    except ValueError as error:
        raise BadFrame(f"no {kind.__name__}: {shown(error)}") from error
    if not isinstance(found, kind):
        raise BadFrame(f"a {type(found).__name__} where a {kind.__name__} belongs")
    return found


def shown(error: BaseException) -> str:
    """Type and words of an error, bounded."""
    return f"{type(error).__name__}: {error}"[:_SHOWN_CHARS]
