"""reconcile, flatten, adopt, ignore: what is asked of a live run, what is printed, and how it ends."""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from bulkhead.app.desk_requests import FOLDER, Action, Answer, Request, put
from bulkhead.app.exit_codes import ExitCode
from bulkhead.monitor.procfs import process_started
from bulkhead.monitor.status import FILE_NAME, RunState, StatusReport, read_status, write_status
from messages.supervision import ChildState, NodeStatus, Outcome
from messages.values import Mode, StopLevel
from tests.app.kit import Cli

WHY = ("--reason", "a test", "--operator", "ada", "--timeout", "20")
COMMANDS = (
    ("reconcile",),
    ("flatten", "--yes"),
    ("adopt", "order", "77", "--strategy", "trend"),
    ("ignore", "drift", "BTC"),
)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that is live: it is this very process."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "logs" / "sessions" / "s-1"
    folder.mkdir(parents=True)
    (folder.parent / "CURRENT").write_text("s-1")
    report = StatusReport(
        written_at_ns=time.time_ns(),
        pid=os.getpid(),
        pid_started=process_started(os.getpid()),
        session_id="s-1",
        mode=Mode.PAPER,
        state=RunState.TRADING,
        started_at_ns=time.time_ns(),
        gate_open=True,
        stop_level=StopLevel.RUN,
    )
    write_status(folder / FILE_NAME, report)
    return folder


@contextmanager
def answering(session: Path, answer: Answer) -> Iterator[list[Request]]:
    """Somebody sits at the desk, and answers one request."""
    seen: list[Request] = []
    over = threading.Event()

    def sit() -> None:
        while not over.wait(0.01):
            for path in (session / FOLDER).glob("*.request.json"):
                seen.append(Request.model_validate_json(path.read_bytes()))
                path.unlink()
                put(path.with_name(path.name.replace("request", "answer")), answer)
                return

    sitting = threading.Thread(target=sit)
    sitting.start()
    try:
        yield seen
    finally:
        over.set()
        sitting.join()


def found(is_clean: bool, *drifts: str) -> Answer:
    facts = {"venue": "sim", "is_clean": is_clean, "fills_booked": 1, "orders_resolved": 2, "foreign_orders": 3}
    return Answer(outcome=Outcome.DONE, facts={**facts, "drifts": list(drifts), "took_s": 0.25})


def test_a_clean_comparison_is_told_in_figures(cli: Cli, session: Path) -> None:
    with answering(session, found(is_clean=True)) as seen:
        done = cli("reconcile", *WHY)
    assert done.code == ExitCode.OK
    assert done.out.splitlines() == [
        "sim compared in 0.25 s: 1 fills booked, 2 orders resolved, 3 foreign orders",
        "nothing is in doubt",
    ]
    (request,) = seen
    assert (request.action, request.operator, request.reason) == (Action.RECONCILE, "ada", "a test")


def test_a_doubt_is_a_verdict(cli: Cli, session: Path) -> None:
    with answering(session, found(False, "execution 9 belongs to nobody")):
        done = cli("reconcile", *WHY)
    assert done.code == ExitCode.VERDICT_FAILED
    assert "  execution 9 belongs to nobody" in done.out
    with answering(session, found(False, "execution 9 belongs to nobody")):
        again = cli("reconcile", *WHY, "--json")
    assert json.loads(again.out)["drifts"] == ["execution 9 belongs to nobody"]


OUT = {
    "escape_id": "operator/1",
    "rounds": 3,
    "cancelled": ["a", "b"],
    "closes": ["SELL 1 BTCUSDT for trend: FILLED, 1 filled at 100 on average"],
    "left_over": [],
    "unknown": [],
    "seconds": 1.25,
}


def test_a_flattening_says_what_it_did_and_that_entries_stay_shut(cli: Cli, session: Path) -> None:
    with answering(session, Answer(outcome=Outcome.DONE, facts=OUT)) as seen:
        done = cli("flatten", "--symbol", "BTCUSDT", "--strategy", "trend", *WHY)
    assert done.code == ExitCode.OK
    assert done.out.splitlines()[:5] == [
        "out of symbol:BTCUSDT after 3 rounds in 1.2 s",
        "  cancelled: a",
        "  cancelled: b",
        "  closed: SELL 1 BTCUSDT for trend: FILLED, 1 filled at 100 on average",
        "  left over: nothing",
    ]
    assert "bulkhead resume" in done.out
    assert (seen[0].symbol, seen[0].strategy_id, seen[0].words) == (
        "BTCUSDT",
        "trend",
        "flatten --strategy trend --symbol BTCUSDT",
    )


def test_everything_is_closed_only_when_somebody_is_sure(
    cli: Cli, session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = cli("flatten", *WHY)
    assert done.code == ExitCode.ERROR
    assert "--yes" in done.sentence
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: False)
    assert "nothing was done" in cli("flatten", *WHY).sentence
    assert not list((session / FOLDER).glob("*")) if (session / FOLDER).exists() else True
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: True)
    with answering(session, Answer(outcome=Outcome.DONE, facts=OUT)):
        assert cli("flatten", *WHY).code == ExitCode.OK


def test_a_flattening_that_lasts_shows_its_rounds_and_goes_on(cli: Cli, session: Path) -> None:
    """Nobody answers in time; what was done so far stands in the session's files."""

    def write_round() -> None:
        while not (paths := list((session / FOLDER).glob("*.request.json"))):
            time.sleep(0.01)
        stem = paths[0].name.removesuffix(".request.json")
        names = ("cancelled", "pending", "unknown", "closes", "left_over", "positions")
        lists: dict[str, list[str]] = {name: [] for name in names}
        said = {"escape_id": f"operator/{stem}", "is_over": False, "scope": "all", "reason": "a test", **lists}
        payload = {**said, "priority": "P0", "trigger": "operator", "unknown": ["o-1"]}
        frame = {"session_id": "s-1", "stream": "risk_events", "type": "EscapeRecorded", "correlation_id": "c"}
        line = {**frame, "seq": 1, "at_ns": time.time_ns(), "causation_id": None, "payload": payload}
        (session / "risk_events.jsonl").write_text(json.dumps(line) + "\n")

    writing = threading.Thread(target=write_round)
    writing.start()
    done = cli("flatten", "--yes", "--reason", "a test", "--timeout", "1")
    writing.join()
    assert done.code == ExitCode.TIMEOUT
    assert "P0 gets out of all: a test (operator); unknown o-1" in done.out
    assert "it goes on" in done.sentence
    assert "bulkhead resume" in done.sentence


@pytest.mark.parametrize(
    ("arguments", "action", "strategy_id"),
    [
        (("adopt", "order", "77", "--strategy", "trend"), Action.ADOPT_ORDER, "trend"),
        (("adopt", "drift", "77", "--strategy", "trend"), Action.ADOPT_DRIFT, "trend"),
        (("ignore", "order", "77"), Action.IGNORE_ORDER, None),
        (("ignore", "fill", "77"), Action.IGNORE_FILL, None),
        (("ignore", "drift", "77"), Action.IGNORE_DRIFT, None),
    ],
)
def test_a_decision_is_asked_and_its_answer_told(
    cli: Cli, session: Path, arguments: tuple[str, ...], action: Action, strategy_id: str | None
) -> None:
    answer = Answer(outcome=Outcome.DONE, detail="77 is so", facts={"amount": "1"})
    with answering(session, answer) as seen:
        done = cli(*arguments, *WHY)
    assert (done.code, done.out) == (ExitCode.OK, "77 is so\n")
    assert (seen[0].action, seen[0].subject, seen[0].strategy_id) == (action, "77", strategy_id)
    with answering(session, answer):
        told = json.loads(cli(*arguments, *WHY, "--json").out)
    assert (told["action"], told["outcome"], told["amount"]) == (action.value, "done", "1")


@pytest.mark.parametrize(
    ("outcome", "code"), [(Outcome.NOT_FOUND, ExitCode.NOT_FOUND), (Outcome.FAILED, ExitCode.ERROR)]
)
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda each: each[0])
def test_a_refusal_is_one_sentence_and_a_code(
    cli: Cli, session: Path, arguments: tuple[str, ...], outcome: Outcome, code: ExitCode
) -> None:
    with answering(session, Answer(outcome=outcome, detail="there is none")):
        done = cli(*arguments, *WHY)
    assert done.code == code
    assert done.sentence == "bulkhead: there is none"


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda each: each[0])
def test_without_a_live_run_it_says_what_to_do(cli: Cli, session: Path, arguments: tuple[str, ...]) -> None:
    (session / FILE_NAME).unlink()
    done = cli(*arguments, *WHY)
    assert done.code == ExitCode.NOT_RUNNING
    assert "Start it, and ask again" in done.sentence


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda each: each[0])
def test_a_reason_needs_words(cli: Cli, session: Path, arguments: tuple[str, ...]) -> None:
    assert "--reason needs words" in cli(*arguments, "--reason", " ").sentence


def test_nobody_at_the_desk_is_said_so(cli: Cli, session: Path) -> None:
    done = cli("ignore", "drift", "BTC", "--reason", "a test", "--timeout", "0.1")
    assert done.code == ExitCode.TIMEOUT
    assert not list((session / FOLDER).glob("*.request.json")), "and nobody will find it later"


def test_a_name_that_cannot_be_one_is_refused_before_it_is_asked(cli: Cli, session: Path) -> None:
    assert "Not A Name" in cli("flatten", "--strategy", "Not A Name", *WHY).sentence
    assert "--symbol is for a drift" in cli(*COMMANDS[2], "--symbol", "BTCUSDT", *WHY).sentence


@pytest.mark.parametrize("command", [*COMMANDS, ("stop", "strategy:trend"), ("restart", "strategy:trend")])
def test_where_nothing_has_ever_run_nothing_runs(cli: Cli, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = cli(*command, "--reason", "a test", "--logs-dir", tmp_path)
    assert done.code == ExitCode.NOT_RUNNING, "2 would say that there is no such order"
    assert "nothing has run under" in done.sentence


def node(name: str) -> NodeStatus:
    return NodeStatus(
        id=name,
        kind="worker",
        host="thread",
        pid=None,
        parent=None,
        state=ChildState.READY,
        epoch=1,
        restarts_in_window=0,
        last_failure=None,
        mailbox_depth=0,
        oldest_message_age_s=0.0,
        busy_since_ns=None,
        handled=0,
        conflated=0,
        dropped=0,
        refused_busy=0,
    )


def test_an_actor_is_offered_by_a_part_of_its_name(cli: Cli, session: Path) -> None:
    report = read_status(session / FILE_NAME, time.time_ns()).report
    assert report is not None
    nodes = ("root", "oms", "strategy:trend", "seat:trend")
    tree = tuple(node(name) for name in nodes)
    write_status(session / FILE_NAME, report.model_copy(update={"tree": tree}))
    assert "did you mean strategy:trend or seat:trend?" in cli("stop", "trend", "--reason", "a test").sentence
    assert "did you mean strategy:trend" in cli("stop", "strategy:trnd", "--reason", "a test").sentence
    assert "there are root, oms" in cli("stop", "xyz", "--reason", "a test").sentence


def another(session: Path, name: str, state: RunState) -> Path:
    """A session that began later, in the same folder."""
    folder = session.with_name(name)
    folder.mkdir()
    (folder.parent / "CURRENT").write_text(name)
    report = read_status(session / FILE_NAME, time.time_ns()).report
    assert report is not None
    write_status(folder / FILE_NAME, report.model_copy(update={"session_id": name, "state": state}))
    return folder


def test_a_session_that_came_and_went_does_not_hide_the_one_that_lives(cli: Cli, session: Path) -> None:
    another(session, "s-2", RunState.STOPPED)
    with answering(session, found(is_clean=True)):
        assert cli("reconcile", *WHY).code == ExitCode.OK
    assert json.loads(cli("status", "--json").out)["report"]["session_id"] == "s-1"


def test_between_two_that_live_nobody_chooses_but_the_operator(cli: Cli, session: Path) -> None:
    second = another(session, "s-2", RunState.TRADING)
    for command in (*COMMANDS, ("stop", "strategy:trend")):
        done = cli(*command, "--reason", "a test")
        assert "2 sessions are live: say which with --session: s-2, s-1" in done.sentence
    with answering(second, found(is_clean=True)):
        assert cli("reconcile", "--session", "s-2", *WHY).code == ExitCode.OK
    assert cli("reconcile", "--session", "s-3", *WHY).code == ExitCode.NOT_FOUND
