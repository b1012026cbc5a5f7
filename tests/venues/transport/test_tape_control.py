"""The lockstep client: one question, one answer, and words for everything else."""

import json

import pytest
from websockets.sync.server import ServerConnection

from bulkhead.venues.transport.tape_control import TapeControl, TapeControlError
from tests.venues.transport.peers import free_port, ws_peer

pytestmark = pytest.mark.process

STEPPED = {
    "op": "stepped",
    "time_ms": 1_000,
    "next_time_ms": 2_000,
    "rows": 3,
    "market_events": 4,
    "user_events": 5,
    "ended": False,
}


def test_questions_and_answers() -> None:
    asked: list[object] = []

    def handle(connection: ServerConnection) -> None:
        for text in connection:
            asked.append(json.loads(text))
            connection.send(json.dumps({**STEPPED, "extra": 1}))

    with ws_peer(handle) as url, TapeControl(url) as control:
        stepped = control.step(window_ms=50)
        control.status()
        control.report()
    assert (stepped.time_ms, stepped.next_time_ms, stepped.rows, stepped.ended) == (1_000, 2_000, 3, False)
    assert (stepped.market_events, stepped.user_events) == (4, 5)
    assert asked == [
        {"op": "step", "window_ms": 50},
        {"op": "status"},
        {"op": "report"},
    ]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ('{"op":"error","msg":"plays no tape"}', "plays no tape"),
        ("nonsense", "not JSON"),
        ('{"op":"stepped","time_ms":"x"}', "cannot be read"),
        ('{"op":"stepped"}', "cannot be read"),
    ],
)
def test_answers_that_cannot_be_used(answer: str, words: str) -> None:
    def handle(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(answer)
        connection.recv()

    with ws_peer(handle) as url, TapeControl(url) as control, pytest.raises(TapeControlError, match=words):
        control.step()


def test_no_answer_and_nobody_there() -> None:
    def handle(connection: ServerConnection) -> None:
        connection.recv()
        connection.recv()

    with ws_peer(handle) as url, TapeControl(url, answer_timeout_s=0.1) as control:
        refused = pytest.raises(TapeControlError, match=r"step: no answer within 0\.1 s")
        with refused:
            control.step()
    with pytest.raises(TapeControlError, match="cannot reach"):
        TapeControl(f"ws://127.0.0.1:{free_port()}/sim/tape")
