"""Frames on a socket: what goes in comes out, and nothing that a peer sends does any harm."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messages.base import Letter
from messages.catalogue import BODIES, UnknownMessage
from messages.records import Append
from messages.supervision import TimerFired
from supervisor.runtime.channel import (
    MAX_FRAME_BYTES,
    BadFrame,
    Begin,
    Channel,
    ChannelClosed,
    Done,
    FrameTooLarge,
    Kind,
    pack,
    plain,
    read,
    unpack,
)
from tests.ledger.generated import instances
from tests.ledger.stories import fill_recorded
from tests.supervisor.letters import Note, sealed
from tests.supervisor.nest import InThread


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    """A channel, and the bare socket at its other end."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    yield channel, theirs
    channel.close()
    theirs.close()


def test_frames_come_out_as_they_went_in_however_they_are_cut(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    ours, other = socket.socketpair()
    sender = Channel(ours)
    sender.send(Kind.READY)
    sender.send(Kind.DELIVER, b"payload")
    sent = other.recv(1_000)
    sender.close()
    other.close()
    for byte in sent:
        theirs.sendall(bytes([byte]))
    assert channel.receive() == (Kind.READY, b"")
    assert channel.receive() == (Kind.DELIVER, b"payload")


def test_a_frame_may_be_as_large_as_the_bound_and_no_larger(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    full = b"x" * MAX_FRAME_BYTES
    with pytest.raises(FrameTooLarge, match="DELIVER of 16777217 bytes"):
        channel.send(Kind.DELIVER, full + b"x")
    peer = Channel(theirs)
    sending = InThread(lambda: peer.send(Kind.DELIVER, full))
    assert channel.receive() == (Kind.DELIVER, full)
    assert sending.join() is None


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (bytes([255, 255, 255, 255, Kind.DELIVER]), "DELIVER of 4294967295 bytes"),
        (bytes([0, 0, 0, 0, 0]), "no frame is of the kind 0"),
        (b"GET / HTTP/1.1\r\n\r\n", "no frame is of the kind 47"),
    ],
)
def test_what_is_no_frame_is_said_to_be_none(ends: tuple[Channel, socket.socket], sent: bytes, why: str) -> None:
    channel, theirs = ends
    theirs.sendall(sent)
    with pytest.raises(BadFrame, match=why):
        channel.receive()


def test_the_other_end_is_gone(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    Channel(theirs).send(Kind.READY)
    theirs.sendall(b"\0\0\0")  # the begin of one more
    theirs.close()
    assert channel.receive() == (Kind.READY, b"")
    with pytest.raises(ChannelClosed):
        channel.receive()
    with pytest.raises(ChannelClosed):
        channel.send(Kind.READY)


def test_hanging_up_wakes_the_reader_after_what_has_arrived(ends: tuple[Channel, socket.socket]) -> None:
    channel, _ = ends
    waiting = InThread(channel.receive)
    channel.hang_up()
    assert isinstance(waiting.join(), ChannelClosed)
    channel.close()
    channel.hang_up()  # also when it is closed
    with pytest.raises(ChannelClosed):
        channel.receive()


def test_hanging_up_leaves_what_has_arrived(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    Channel(theirs).send(Kind.READY)
    channel.hang_up()
    assert channel.receive() == (Kind.READY, b"")


@pytest.mark.parametrize("name", sorted(set(BODIES) - {"Append"}))
@settings(max_examples=5, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_body_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    envelope = sealed(data.draw(instances(BODIES[name])), seq=7, epoch=2, at_ns=3)
    address, again = unpack(pack(["key", 1.5], envelope))
    assert address == ["key", 1.5]
    assert again == envelope
    assert type(again.body) is type(envelope.body)


def test_an_append_keeps_the_kinds_of_what_is_nested_in_it() -> None:
    inner = Letter(to="broker:sim", envelope=sealed(TimerFired(key="\n\u2028 \x00")))
    envelope = sealed(Append(records=(fill_recorded(1),), release=(inner,)))
    assert unpack(pack("ledger", envelope)) == ("ledger", envelope)


def test_a_body_outside_the_catalogue_stays_here() -> None:
    with pytest.raises(UnknownMessage, match="Note is not in the catalogue"):
        pack("oms", sealed(Note()))


READINGS: list[Callable[[bytes], object]] = [
    unpack,
    lambda payload: unpack(b'"oms"\n' + payload + b"\n{}"),
    lambda payload: read(payload, Begin),
    lambda payload: read(payload, Done),
]


@given(st.sampled_from(READINGS), st.binary(max_size=200))
def test_no_payload_raises_anything_but_a_bad_frame(reading: Callable[[bytes], object], payload: bytes) -> None:
    with suppress(BadFrame):
        reading(payload)


HEAD = b'{"type":"TimerFired","id":"a.1.1","sender":"a","seq":1,"epoch":1,"at_ns":0,"received_at_ns":0'


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[" * 100_000 + b"\n{}\n{}",
        b'"oms"\n[]\n{}',
        b'"oms"\n{}\n{}',
        b'"oms"\n' + HEAD + b'}\n{"key":"x"}',
        b'"oms"\n' + HEAD + b',"correlation_id":"c","causation_id":null,"body":1}\n{"key":"x"}',
        b'"oms"\n' + HEAD + b',"correlation_id":"c","causation_id":null,"self":1}\n{"key":"x"}',
        b'"oms"\n' + HEAD + b',"correlation_id":"c","causation_id":null}\n{"key":NaN}',
        b'"oms"\n' + HEAD.replace(b'"TimerFired"', b"[]") + b',"correlation_id":"c","causation_id":null}\n{"key":"x"}',
        b'"oms"\n' + HEAD.replace(b"TimerFired", b"Note") + b',"correlation_id":"c","causation_id":null}\n{"n":1}',
        b'"oms"\n' + HEAD.replace(b"TimerFired", b"Append") + b',"correlation_id":"c","causation_id":null}\n[]',
        b'"oms"\n'
        + HEAD.replace(b"TimerFired", b"Append")
        + b',"correlation_id":"c","causation_id":null}\n{"records":7}',
        b'"\xed\xb3\xbf"\n' + HEAD + b',"correlation_id":"c","causation_id":null}\n{"key":"x"}',
    ],
)
def test_what_is_no_message_is_said_to_be_none(payload: bytes) -> None:
    with pytest.raises(BadFrame):
        unpack(payload)


@pytest.mark.parametrize("payload", [b"", b"7", b'["a"]', b"\xff", b'"\xed\xb3\xbf"', b"null"])
def test_what_is_no_text_is_said_to_be_none(payload: bytes) -> None:
    with pytest.raises(BadFrame):
        plain(payload, str)
