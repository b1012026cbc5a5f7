"""status, tail, explain and verify on a session that has ended."""

import json
import os
import re
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from bulkhead.app.audit import record
from bulkhead.app.commands.tail import since_ns
from bulkhead.app.exit_codes import ExitCode
from bulkhead.app.guard import Journal
from bulkhead.app.guard_rules import Event, Guard, Note, Rules
from bulkhead.ledger import audit_file
from bulkhead.monitor.procfs import process_started
from messages.failure import StopReason
from messages.values import StopLevel
from supervisor.latch import StopLatch
from supervisor.spec import Budget
from tests.app.kit import COMMAND, Cli, real

EMPTY = ("--logs-dir", "nowhere")


def rewrite_status(session_dir: Path, **changes: object) -> None:
    path = session_dir / "status.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}), encoding="utf-8")


def be_live(session_dir: Path, **changes: object) -> None:
    """As if this very process were the run."""
    own = {"pid": os.getpid(), "pid_started": process_started(os.getpid()), "written_at_ns": time.time_ns()}
    rewrite_status(session_dir, **{"state": "trading", **own, **changes})


# -- status -----------------------------------------------------------------------------------------------------------


def test_status_of_a_live_run(cli: Cli, session_dir: Path) -> None:
    be_live(session_dir)
    done = cli("status")
    assert done.code == ExitCode.OK
    assert done.out.startswith("LIVE")
    assert "risk-guard" in done.out
    assert json.loads(cli("status", "--json").out)["running"] is True


def test_status_of_a_run_that_ended(cli: Cli, session_dir: Path) -> None:
    done = cli("status", "--session", session_dir.name)
    assert done.code == ExitCode.NOT_RUNNING
    assert done.out.startswith("STOPPED")
    assert "what it last reported" in done.out


def test_status_never_shows_a_dead_process_as_live(cli: Cli, session_dir: Path) -> None:
    be_live(session_dir, pid_started=1)
    done = cli("status", "--json")
    assert done.code == ExitCode.NOT_RUNNING
    answer = json.loads(done.out)
    assert answer["liveness"] == "dead"
    assert answer["running"] is False


def test_status_of_a_run_that_hangs(cli: Cli, session_dir: Path) -> None:
    be_live(session_dir, written_at_ns=time.time_ns() - 60 * 10**9)
    done = cli("status")
    assert done.code == ExitCode.STUCK
    assert done.out.startswith("STALE")


def test_status_where_nothing_ever_ran(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("status")
    assert done.code == ExitCode.NOT_RUNNING
    assert "nothing has run under logs yet" in done.out
    assert not list(tmp_path.iterdir())


def test_status_shows_what_is_latched(cli: Cli, project: Path) -> None:
    reason = StopReason(reason_id="risk:daily_loss", level=StopLevel.SOFT, cause="lost too much", since_ns=0)
    StopLatch(project / "logs" / "stop").write(reason)
    done = cli("status")
    assert "lost too much  (risk:daily_loss, all, since 1970-01-01 00:00:00 UTC)" in done.out
    assert "bulkhead resume" in done.out
    assert json.loads(cli("status", "--json").out)["latched"][0]["reason_id"] == "risk:daily_loss"


def give_up(project: Path, at_ns: int) -> None:
    """As a guard does whose budget is spent: by its own rules and its own journal."""
    guard = Guard(Rules(budget=Budget(intensity=0, period_s=60.0)), Random(1))
    guard.handle(Event.DUE, 0)
    journal = Journal(project / "logs")
    for action in guard.handle(Event.ENDED, 1, -signal.SIGKILL):
        if isinstance(action, Note):
            journal.append(action, 4711)
    path = project / "logs" / "guard.jsonl"
    *before, last = path.read_text().splitlines()
    at = datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="milliseconds")
    path.write_text("\n".join([*before, json.dumps({**json.loads(last), "at": at})]) + "\n")


def test_status_says_that_the_guard_gave_up_until_something_is_started_again(
    cli: Cli, project: Path, session_dir: Path
) -> None:
    start_ns = 1_700_000_000 * 10**9
    rewrite_status(session_dir, started_at_ns=start_ns)
    give_up(project, at_ns=start_ns + 60 * 10**9)
    done = cli("status")
    assert done.code == ExitCode.NOT_RUNNING
    words = " ".join(done.out.split())
    assert words.startswith("The guard gave up at 2023-11-14 22:14:20.000 UTC: the run failed 1 times within 60 s")
    for said in ("ended by SIGKILL", "unattended", "`bulkhead tail --level error`", "then start again."):
        assert said in words
    answer = json.loads(cli("status", "--json").out)["guard_gave_up"]
    assert answer["at_ns"] == start_ns + 60 * 10**9
    assert "gave up" not in cli("status", "--session", session_dir.name).out, "that is about the present"

    rewrite_status(session_dir, started_at_ns=start_ns + 61 * 10**9)
    assert "gave up" not in cli("status").out, "somebody has started it since, without a guard"
    rewrite_status(session_dir, started_at_ns=start_ns)
    Journal(project / "logs").append(Note("started", "the guard starts it"), 4712)
    assert "gave up" not in cli("status").out, "somebody has started a guard since"
    assert json.loads(cli("status", "--json").out)["guard_gave_up"] is None


def test_status_where_the_guard_gave_up_before_any_session(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    give_up(tmp_path, at_ns=time.time_ns())
    done = cli("status")
    assert done.code == ExitCode.NOT_RUNNING
    assert "The guard gave up" in done.out
    assert "nothing has run under logs yet" in done.out


@pytest.mark.parametrize("command", [["status", "--session", "x"], ["tail", "--session", "x"], ["verify", "x"]])
def test_a_session_that_is_none(cli: Cli, project: Path, command: list[str]) -> None:
    done = cli(*command)
    assert done.code == ExitCode.NOT_FOUND
    assert "no session 'x'" in done.sentence


# -- tail -------------------------------------------------------------------------------------------------------------


def test_tail_without_a_terminal_shows_the_last_lines_and_ends(cli: Cli, project: Path) -> None:
    done = cli("tail", "-n", "5")
    assert done.code == ExitCode.OK
    assert len(done.out.splitlines()) == 5
    assert "the tape has ended" in done.out.splitlines()[-1]


def test_tail_passes_lines_through_as_they_are(cli: Cli, session_dir: Path) -> None:
    done = cli("tail", "--json", "--stream", "orders", "-n", "1000", "--level", "debug")
    assert done.out == (session_dir / "obs_orders_fills.jsonl").read_text(encoding="utf-8")


def test_tail_filters(cli: Cli, project: Path) -> None:
    fills = cli("tail", "--stream", "orders", "--symbol", "testusd", "--strategy", "trend", "--since", "2013-10-10")
    assert fills.code == ExitCode.OK
    assert " FILL " in fills.out
    held = cli("tail", "--stream", "decisions", "--level", "debug", "-n", "3")
    assert "HOLD" in held.out
    assert cli("tail", "--level", "error").out == ""
    assert cli("tail", "--since", "1h").out == "", "the tape is of 2013"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stream", "rumours"], "there is no stream 'rumours'; there are "),
        (["--level", "loud"], "there is no level 'loud'; there are debug, info, warning, error"),
        (["--since", "yesterday"], "--since takes a span like 90s, 10m, 2h, 1d"),
    ],
)
def test_tail_says_what_there_is(cli: Cli, project: Path, arguments: list[str], said: str) -> None:
    done = cli("tail", *arguments)
    assert done.code == ExitCode.ERROR
    assert said in done.sentence


def test_since_is_a_span_or_a_moment_in_utc() -> None:
    now = datetime(2025, 1, 31, 12, tzinfo=UTC)
    assert since_ns("90s", now) == since_ns("1.5m", now) == since_ns("2025-01-31T11:58:30", now)
    assert since_ns("2h", now) == since_ns("2025-01-31T11:00+01:00", now)


def test_tail_where_nothing_ever_ran(cli: Cli, project: Path) -> None:
    done = cli("tail", *EMPTY)
    assert done.code == ExitCode.NOT_FOUND
    assert "nothing has run under nowhere yet" in done.sentence


# -- explain ----------------------------------------------------------------------------------------------------------


def an_order(session_dir: Path) -> str:
    text = (session_dir / "obs_orders_fills.jsonl").read_text(encoding="utf-8")
    found = re.search(r'"client_order_id":"([^"]+)"', text)
    assert found
    return found[1]


def test_explain_tells_the_chain_of_an_order(cli: Cli, session_dir: Path) -> None:
    done = cli("explain", an_order(session_dir))
    assert done.code == ExitCode.OK
    assert all(f" {word} " in done.out for word in ("decision", "intent", "order", "fill", "position"))


def test_explain_takes_an_id_as_tail_shows_it(cli: Cli, session_dir: Path) -> None:
    whole = an_order(session_dir)
    assert f"{whole[:10]}…" in cli("tail", "--stream", "orders", "-n", "1000").out
    done = cli("explain", f"{whole[:10]}…", "--json")
    assert json.loads(done.out)["asked"] == whole


def test_tail_takes_an_order_as_it_shows_it(cli: Cli, session_dir: Path) -> None:
    whole = an_order(session_dir)
    told = cli("tail", "--order", f"{whole[:10]}…").out
    assert told
    assert told == cli("tail", "--order", whole).out


def test_tail_says_it_when_nothing_passes(cli: Cli, project: Path) -> None:
    done = cli("tail", "--symbol", "NOPE")
    assert (done.code, done.out) == (ExitCode.OK, "")
    assert "nothing of this session passes" in done.sentence
    assert not cli("tail", "-n", "1").err


def test_verify_of_a_ledger_that_is_not_there(cli: Cli, project: Path) -> None:
    done = cli("verify", "--ledger", "nope.db")
    assert (done.code, "there is no ledger nope.db" in done.sentence) == (ExitCode.NOT_FOUND, True)


def test_explain_takes_an_intent_as_tail_shows_it(cli: Cli, session_dir: Path) -> None:
    shown = re.search(r"intent …(\S+)", cli("tail", "--stream", "orders", "-n", "1000").out)
    assert shown, "the session's id, which all of them begin with, is left out"
    assert json.loads(cli("explain", f"…{shown[1]}", "--json").out)["asked"] == f"{session_dir.name}/{shown[1]}"
    assert cli("explain", shown[1]).code == ExitCode.OK, "the decision that it came of has this id"


def test_explain_of_too_little(cli: Cli, project: Path) -> None:
    assert "give 4 characters at least" in cli("explain", "b7a").sentence


def test_explain_where_nothing_has_run(cli: Cli, tmp_path: Path) -> None:
    done = cli("explain", "b7a4", "--logs-dir", tmp_path)
    assert (done.code, "nothing has run under" in done.sentence) == (ExitCode.NOT_FOUND, True)


def test_explain_of_something_unknown(cli: Cli, project: Path) -> None:
    done = cli("explain", "no-such-order")
    assert done.code == ExitCode.NOT_FOUND
    assert "'no-such-order' is in none of the 1 sessions" in done.sentence
    assert "`bulkhead tail --level debug` shows ids" in done.sentence


def test_explain_does_not_guess_between_two(cli: Cli, session_dir: Path) -> None:
    done = cli("explain", session_dir.name[:8])
    assert done.code == ExitCode.NOT_FOUND
    assert "write more of it" in done.sentence


# -- verify -----------------------------------------------------------------------------------------------------------


def test_verify_of_a_session_that_holds(cli: Cli, session_dir: Path) -> None:
    done = cli("verify")
    assert done.code == ExitCode.OK
    assert "everything holds" in done.out
    answer = json.loads(cli("verify", session_dir.name, "--json").out)
    assert answer["ok"] is True
    assert answer["ledger"] == "logs/ledger.db"


def test_verify_names_the_line_that_was_changed(cli: Cli, session_dir: Path) -> None:
    file = session_dir / "obs_orders_fills.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    place = next(place for place, line in enumerate(lines) if "TESTUSD" in line)
    lines[place] = lines[place].replace("TESTUSD", "TESTEUR")
    file.write_text("".join(lines), encoding="utf-8")
    done = cli("verify")
    assert done.code == ExitCode.VERDICT_FAILED
    assert f"obs_orders_fills.jsonl, line {place + 1}: the content of event" in done.out


@pytest.mark.req("S-17")
def test_verify_checks_what_operators_did_and_finds_an_edit(cli: Cli, project: Path) -> None:
    path = audit_file.path_in(Path("logs"))
    for operator in ("ada", "grace"):
        record(path, {"action": "kill", "operator": operator, "reason": "enough"})
    answer = json.loads(cli("verify", "--json").out)
    assert (answer["ok"], answer["counts"]["audit/operator_actions.jsonl"]) == (True, 2)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"ada", b"eve"))
    done = cli("verify")
    assert done.code == ExitCode.VERDICT_FAILED
    assert "audit/operator_actions.jsonl, line 1: its content does not give its hash" in done.out
    path.write_bytes(whole + b"{")
    assert "the last line is torn (1 bytes)" in cli("verify").out
    path.unlink()
    path.mkdir()
    assert "the file cannot be read: Is a directory" in cli("verify").out


def test_verify_without_the_ledger_says_so(cli: Cli, project: Path) -> None:
    (project / "logs" / "ledger.db").unlink()
    done = cli("verify")
    assert done.code == ExitCode.OK
    assert "compared with each other only" in done.out


def test_verify_does_not_judge_a_live_session(cli: Cli, session_dir: Path) -> None:
    be_live(session_dir)
    done = cli("verify")
    assert done.code == ExitCode.ERROR
    assert "is running" in done.sentence


# -- as a process -----------------------------------------------------------------------------------------------------


@pytest.mark.process
def test_a_reader_that_has_seen_enough_ends_it_quietly(finished: Path) -> None:
    many = f"{COMMAND} tail --json --level debug -n 100000 | head -n 1; echo ${{PIPESTATUS[0]}} >&2"
    done = subprocess.run(["bash", "-c", many], cwd=finished, capture_output=True, text=True, check=True, timeout=30)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == "0\n"


@pytest.mark.process
def test_the_session_has_a_log_of_its_own(finished: Path) -> None:
    (log,) = (finished / "logs" / "sessions").glob("*/app.log")
    text = log.read_text(encoding="utf-8")
    assert "begins" in text
    assert "has ended" in text
    assert real("status", cwd=finished).code == ExitCode.NOT_RUNNING


@pytest.mark.process
def test_following_ends_quietly_with_ctrl_c(finished: Path) -> None:
    follow = [str(COMMAND), "tail", "--follow", "-n", "1"]
    with subprocess.Popen(follow, cwd=finished, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "the tape has ended" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert process.returncode == ExitCode.OK
    assert said == ""
