"""Tape lockstep over real sockets: counts that add up, a clock that moves only when told, orders in between."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from bulkhead.venues.simulator.process import RunningSimulator, in_thread
from bulkhead.venues.simulator.settings import SimulatorSettings
from tests.venues.simulator.kit import T0, Client, ask, ask_ws, bid, open_ws, receive, subscribe_user, tape, trade

pytestmark = pytest.mark.process

Start = Callable[..., RunningSimulator]
TICKS = ("bacusd@trade", "bacusd@bookTicker")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def run(*rows: str, **settings: object) -> RunningSimulator:
            files = (tape(tmp_path / "BAC-2013-10-10.csv.gz", rows),)
            values: dict[str, Any] = {"market": "tape", "lockstep": True, "tape_files": files, **settings}
            return stack.enter_context(in_thread(SimulatorSettings(**values)))

        yield run


def step(control: ClientConnection, window_ms: int = 0) -> dict[str, Any]:
    return ask_ws(control, {"op": "step", "window_ms": window_ms})


def test_a_step_plays_one_instant_and_counts_what_it_sent(start: Start) -> None:
    sim = start(bid(0, "10.00", 100), ask(0, "10.02", 100), trade(5, "10.01", 7), trade(9, "10.01", 8))
    with open_ws(sim, f"/stream?streams={'/'.join(TICKS)}") as ticks, open_ws(sim, "/sim/tape") as control:
        assert ask_ws(control, {"op": "status"}) == {
            "op": "stepped",
            "time_ms": T0,
            "next_time_ms": T0,
            "rows": 0,
            "market_events": 0,
            "user_events": 0,
            "ended": False,
        }
        answers = [step(control) for _ in range(4)]
        counts = [(a["time_ms"] - T0, a["rows"], a["market_events"], a["ended"]) for a in answers]
        assert counts == [(0, 2, 2, False), (5, 3, 3, False), (9, 4, 4, True), (9, 4, 4, True)]
        assert [answer["next_time_ms"] for answer in answers] == [T0 + 5, T0 + 9, None, None]
        messages = [receive(ticks) for _ in range(4)]
        assert [message["stream"] for message in messages] == [TICKS[1], TICKS[1], TICKS[0], TICKS[0]]
        assert [message["data"].get("T") for message in messages] == [None, None, T0 + 5, T0 + 9]
        assert [message["data"].get("t") for message in messages] == [None, None, 1, 2]


def test_a_window_joins_instants(start: Start) -> None:
    sim = start(trade(0, "10", 1), trade(4, "10", 1), trade(5, "10", 1))
    with open_ws(sim, "/ws/bacusd@trade"), open_ws(sim, "/sim/tape") as control:
        assert step(control, window_ms=4)["rows"] == 2


def test_a_step_goes_on_until_something_was_published(start: Start) -> None:
    sim = start(*(bid(number, "10.00", 100) for number in range(20)), trade(30, "10.00", 5))
    with open_ws(sim, "/ws/bacusd@trade"), open_ws(sim, "/sim/tape") as control:
        answer = step(control)
        assert (answer["rows"], answer["market_events"], answer["time_ms"]) == (21, 1, T0 + 30)


def test_a_step_that_publishes_nothing_ends_after_a_bounded_number_of_rows(start: Start) -> None:
    sim = start(*(trade(number, "10", 1) for number in range(6_000)))
    with open_ws(sim, "/sim/tape") as control:
        assert step(control)["rows"] == 5_000
        assert step(control) | {"time_ms": 0} == {
            "op": "stepped",
            "time_ms": 0,
            "next_time_ms": None,
            "rows": 6_000,
            "market_events": 0,
            "user_events": 0,
            "ended": True,
        }


@pytest.mark.req("S-06")
def test_orders_between_steps_meet_the_present_book_at_the_tapes_time(start: Start) -> None:
    sim = start(ask(0, "10.00", 100), ask(50, "10.00", 100), trade(99, "9.99", 10))
    client = Client(sim.http_url)
    ticks = open_ws(sim, "/ws/bacusd@bookTicker")
    with ticks, open_ws(sim, "/ws-api/v3") as user, open_ws(sim, "/sim/tape") as control:
        subscribe_user(user)
        step(control)
        placed = client.order(symbol="BACUSD", quantity="250", price="10.00", timestamp=T0).json()
        assert (placed["executedQty"], placed["transactTime"]) == ("100.00000000", T0)
        assert [receive(user)["event"]["e"] for _ in range(3)][-1] == "outboundAccountPosition"
        moved = step(control)
        assert (moved["user_events"], moved["time_ms"]) == (5, T0 + 50)
        filled = receive(user)["event"]
        assert (filled["x"], filled["T"], filled["l"], filled["m"]) == ("TRADE", T0 + 50, "100.00000000", True)
        assert step(control)["user_events"] == 7
        assert client.signed("GET", "order", symbol="BACUSD", orderId=1).json()["executedQty"] == "210.00000000"
    client.close()


def test_a_signed_request_between_steps_moves_the_clock_to_its_own_time(start: Start) -> None:
    """A timer of the client's may be due between two rows; what it sends happens then, and never past the next row."""
    sim = start(ask(0, "10.00", 100), trade(1_000, "9.99", 10))
    client = Client(sim.http_url)
    with open_ws(sim, "/sim/tape") as control, open_ws(sim, "/ws/bacusd@bookTicker"):
        step(control)
        placed = client.order(symbol="BACUSD", quantity="1", price="9.00", timestamp=T0 + 400).json()
        assert placed["transactTime"] == T0 + 400
        late = client.order(symbol="BACUSD", quantity="1", price="9.00", timestamp=T0 + 60_000).json()
        assert late["transactTime"] == T0 + 1_000
    client.close()


def test_the_clock_moves_forward_only_and_not_past_the_next_row(start: Start) -> None:
    sim = start(trade(0, "10", 1), trade(1_000, "10", 1))
    client = Client(sim.http_url)
    with open_ws(sim, "/sim/tape") as control, open_ws(sim, "/ws/bacusd@trade"):
        step(control)
        clock = [ask_ws(control, {"op": "clock", "time_ms": T0 + at})["time_ms"] - T0 for at in (400, 300, 5_000)]
        assert clock == [400, 400, 1_000]
        assert client.get("/api/v3/time").json() == {"serverTime": T0 + 1_000}
        step(control)
        assert ask_ws(control, {"op": "clock", "time_ms": T0 + 9_000})["time_ms"] == T0 + 9_000
    client.close()


def test_the_report_names_the_dirt(start: Start) -> None:
    sim = start(trade(0, "10", 1), "broken", trade(0, "10", 1))
    with open_ws(sim, "/sim/tape") as control:
        step(control)
        report = ask_ws(control, {"op": "report"})
        assert report["op"] == "report"
        (found,) = report["files"]
        assert (found["file"], found["symbol"]) == ("BAC-2013-10-10.csv.gz", "BACUSD")
        assert (found["rows"], found["repeated_rows"], found["odd_lots"], found["bad_rows"]) == (3, 1, 2, 1)
        assert found["bad_examples"] == [{"line": 3, "reason": "1 fields instead of 10"}]


@pytest.mark.parametrize(
    "request_text",
    [
        "[]",
        "not json",
        '{"op":"jump"}',
        '{"op":"step","window_ms":-1}',
        '{"op":"step","window_ms":"1"}',
        '{"op":"clock"}',
    ],
)
def test_what_cannot_be_done_is_answered_with_an_error(start: Start, request_text: str) -> None:
    sim = start(trade(0, "10", 1))
    with open_ws(sim, "/sim/tape") as control:
        control.send(request_text)
        assert receive(control)["op"] == "error"
        assert ask_ws(control, {"op": "status"})["rows"] == 0


def test_depth_follows_every_row(start: Start) -> None:
    sim = start(bid(0, "10.00", 100), bid(0, "9.99", 5, "N"), bid(1, "10.00", 0))
    with open_ws(sim, "/ws/bacusd@depth") as depth, open_ws(sim, "/sim/tape") as control:
        assert step(control)["market_events"] == 2
        step(control)
        updates = [receive(depth) for _ in range(3)]
        assert [(update["U"], update["u"]) for update in updates] == [(1, 1), (2, 2), (3, 3)]
        assert updates[2]["b"] == [["10.00000000", "0.00000000"]]
        assert updates[2]["E"] == T0 + 1


def test_without_lockstep_a_tape_plays_by_the_wall_clock(start: Start) -> None:
    sim = start(*(trade(at, "10", 1) for at in range(0, 4_000, 100)), lockstep=False, speed="10")
    with open_ws(sim, "/ws/bacusd@trade") as ticks, open_ws(sim, "/sim/tape") as control:
        first = receive(ticks)
        while (last := receive(ticks))["t"] < 40:
            pass
        assert abs((last["T"] - first["T"]) - 10 * (last["t"] - first["t"])) <= 2
        assert ask_ws(control, {"op": "step"})["op"] == "error"
        assert ask_ws(control, {"op": "status"})["ended"] is True
        assert first["T"] > T0 + 10_000_000


def test_a_synthetic_venue_has_no_tape(sim: RunningSimulator) -> None:
    with open_ws(sim, "/sim/tape") as control:
        assert ask_ws(control, {"op": "status"}) == {"op": "error", "msg": "this simulator plays no tape"}
