"""The streams as one, filtered, in words, and followed into the next session."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from bulkhead.monitor.levels import LineLevel, level_of
from bulkhead.monitor.lines import Line
from bulkhead.monitor.render import RENDERED, render
from bulkhead.monitor.tail import Filters, SessionNotFound, Tail
from messages.catalogue import RECORDS
from messages.values import OrderStatus
from tests.monitor.sessions import Session, at, decision, fill, order, reconciled, started, write_round_trip


@pytest.fixture
def session(tmp_path: Path) -> Session:
    session = Session(tmp_path, "S1")
    write_round_trip(session)
    return session


def plain(lines: list[Line] | Iterator[Line]) -> list[str]:
    return [render(line).plain for line in lines]


def tail(session: Session, **filters: object) -> Tail:
    return Tail(session.path.parent, filters=Filters.model_validate(filters))


def test_streams_are_merged_in_time_and_idle_decisions_left_out(session: Session) -> None:
    lines = list(tail(session).history())
    assert [line.at_ns for line in lines] == sorted(line.at_ns for line in lines)
    assert {line.stream for line in lines} == {"ops", "obs_decisions", "obs_orders_fills", "obs_trades"}
    shown = plain(lines)
    assert shown[0].startswith("12:00:00.000 SESSION  S1 started: paper at sim")
    assert not any("no signal to enter" in text for text in shown)


def test_a_fill_reads_like_a_sentence(session: Session) -> None:
    (first, *_) = plain(line for line in tail(session).history() if line.type == "FillRecorded")
    assert first == ("12:00:01.040 FILL     BUY 0.2 BTCUSDT @ 64,010.2  fee 3.2 USDT  order client-1  strategy trend")


def test_debug_shows_everything(session: Session) -> None:
    count = sum(len(path.read_text().splitlines()) for path in session.path.glob("*.jsonl"))
    assert len(list(tail(session, level=LineLevel.DEBUG).history())) == count


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"streams": ("obs_trades",)}, 1),
        ({"symbol": "btcusdt", "streams": ("obs_orders_fills",)}, 11),
        ({"symbol": "ETHUSDT"}, 0),
        ({"strategy": "trend", "streams": ("ops",)}, 1),
        ({"strategy": "other"}, 0),
        ({"code": "cross_up"}, 1),
        ({"code": "partial"}, 1),
        ({"since_ns": at(9.05)}, 3),
        ({"level": LineLevel.WARNING}, 0),
    ],
)
def test_filters(session: Session, filters: dict[str, object], count: int) -> None:
    assert len(list(tail(session, **filters).history())) == count


def test_an_intent_brings_all_that_belongs_to_it(session: Session) -> None:
    lines = list(tail(session, order="S1/trend.1.1").history())
    assert {line.type for line in lines} == {"DecisionMade", "IntentRecorded", "OrderRecorded", "FillRecorded"}
    assert not any("client-3" in line.raw for line in lines)


def test_an_order_brings_its_fills(session: Session) -> None:
    lines = list(tail(session, order="client-1").history())
    assert [line.type for line in lines].count("FillRecorded") == 2
    assert not any("client-3" in line.raw for line in lines)


def test_a_venue_id_leads_to_the_order(session: Session) -> None:
    lines = list(tail(session, order="901").history())
    assert [line.type for line in lines] == [
        "OrderRecorded", "FillRecorded", "OrderRecorded", "FillRecorded", "OrderRecorded",
    ]  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 5, 1000])
def test_the_last_lines_are_the_end_of_all_of_them(session: Session, count: int) -> None:
    everything = [line.raw for line in tail(session).history()]
    assert [line.raw for line in tail(session).history(count)] == everything[
        len(everything) - min(count, len(everything)) :
    ]
    of_order = [line.raw for line in tail(session, order="client-1").history()]
    expected = of_order[len(of_order) - min(count, len(of_order)) :]
    assert [line.raw for line in tail(session, order="client-1").history(count)] == expected


def test_raw_lines_are_the_lines_of_the_files(session: Session) -> None:
    for line in tail(session).history():
        assert json.loads(line.raw)["seq"] == line.seq


def test_a_session_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SessionNotFound):
        Tail(tmp_path, "S9")
    with pytest.raises(SessionNotFound):
        Tail(tmp_path / "sessions", "..")
    assert list(Tail(tmp_path).history()) == []


class Script:
    """Stands in for the pause between polls: does the next thing each time, and ends the following after the last."""

    def __init__(self, *acts: object) -> None:
        self.acts = list(acts)

    def __call__(self) -> bool:
        if not self.acts:
            return False
        act = self.acts.pop(0)
        assert callable(act)
        act()
        return True


def test_following_tells_history_once_and_then_what_is_new(session: Session) -> None:
    script = Script(
        lambda: session.add(at(20), order(5, OrderStatus.PENDING_SUBMIT, "created", at(20))),
        lambda: session.decide(decision(9, at(21))),
        lambda: session.add(at(22), fill(5, 1, "0.5", at(22))),
    )
    lines = list(tail(session).follow(last=2, wait=script))
    history = list(tail(session).history())[:-2]
    assert [line.raw for line in lines[:2]] == [line.raw for line in history[-2:]]
    assert [line.type for line in lines[2:]] == ["OrderRecorded", "FillRecorded"]


def test_following_goes_on_in_the_next_session(session: Session) -> None:
    def restart() -> None:
        session.add(at(29), fill(6, 1, "0.5", at(29)))
        following = Session(session.path.parent, "S2", at(30))
        following.add(at(30), started("S2", at(30)))

    lines = list(tail(session).follow(last=0, wait=Script(restart)))
    assert [(line.session_id, line.type) for line in lines] == [("S1", "FillRecorded"), ("S2", "SessionStarted")]


def test_following_a_named_session_stays_with_it(session: Session) -> None:
    def restart() -> None:
        Session(session.path.parent, "S2", at(30)).add(at(30), started("S2", at(30)))

    named = Tail(session.path.parent, "S1")
    assert list(named.follow(last=0, wait=Script(restart))) == []


def test_following_waits_for_the_first_session(tmp_path: Path) -> None:
    def begin() -> None:
        Session(tmp_path, "S1").add(at(0), started("S1", at(0)))

    assert len(list(Tail(tmp_path).follow(wait=Script(begin)))) == 1


def test_following_can_be_left_at_any_time(session: Session) -> None:
    following = tail(session).follow(last=None, wait=Script())
    assert len(list(islice(following, 3))) == 3


def test_every_record_has_words() -> None:
    assert {*RECORDS, "DecisionMade", "DecisionOutcome"} == RENDERED


def test_a_line_of_another_version_is_shown_as_far_as_it_goes() -> None:
    line = Line("S1", "ops", "SomethingNew", 1, at(0), "c", None, {"a": "\x1b[31m[bold]b\nc"}, "")
    assert render(line).plain == '12:00:00.000 SomethingNew {"a": "\\u001b[31m[bold]b\\nc"}'
    misshapen = Line("S1", "obs_orders_fills", "FillRecorded", 1, at(0), "c", None, {"fill": {}}, "")
    assert "FillRecorded" in render(misshapen).plain
    assert level_of(Line("S1", "x", "OrderRecorded", 1, at(0), "c", None, {}, "")) is LineLevel.INFO


def test_what_comes_from_outside_cannot_steer_the_terminal(tmp_path: Path) -> None:
    session = Session(tmp_path, "S1")
    session.add(at(1), order(1, OrderStatus.REJECTED, "rejected", at(1), reason="\x1b[2J[red]no\n"))
    (shown,) = plain(tail(session, level=LineLevel.WARNING).history())
    assert "\x1b" not in shown
    assert "[red]no" in shown


def test_levels_follow_what_happened(tmp_path: Path) -> None:
    session = Session(tmp_path, "S1")
    session.add(at(1), order(1, OrderStatus.UNKNOWN, "unknown", at(1), reason="timeout"))
    session.add(at(2), reconciled(), reconciled(is_clean=False, drifts=("BTC 0.1",)))
    levels = [level_of(line) for line in tail(session, level=LineLevel.DEBUG).history()]
    assert levels == [LineLevel.ERROR, LineLevel.INFO, LineLevel.WARNING]
