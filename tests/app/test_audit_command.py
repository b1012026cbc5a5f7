"""`bulkhead audit`: a week of a real session's files, and a chain that somebody broke."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bulkhead.app.audit import record
from bulkhead.app.commands.audit import window
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.ledger import audit_file
from tests.app.kit import Cli

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY_NS = 86_400 * 10**9
IN_2013 = ("audit", "--week", "2013-W41")
"""When the tape of the finished session was recorded."""


def test_the_time_is_a_week_or_the_last_seven_days() -> None:
    monday = int(datetime(2026, 11, 9, tzinfo=UTC).timestamp() * 1e9)
    now_ns = int(NOW.timestamp() * 1e9)
    assert window("2026-W46", None, NOW) == (monday, monday + 7 * DAY_NS)
    assert window("2026-W47", None, NOW) == (monday + 7 * DAY_NS, now_ns), "not beyond now"
    assert window(None, None, NOW) == (now_ns - 7 * DAY_NS, now_ns)
    assert window(None, "2d", NOW) == (now_ns - 2 * DAY_NS, now_ns)
    for week in ("2026-W60", "last", "2026-46"):
        with pytest.raises(Stopped, match="ISO week"):
            window(week, None, NOW)
    with pytest.raises(Stopped, match="two things"):
        window("2026-W46", "2d", NOW)


@pytest.mark.req("S-21")
def test_the_week_of_a_session_with_its_chain(cli: Cli, project: Path) -> None:
    done = cli(*IN_2013)
    assert done.code == ExitCode.OK
    assert "1 sessions" in done.out
    assert "the tape has ended (in order); files: holds" in done.out
    assert "USD after" in done.out
    answer = json.loads(cli(*IN_2013, "--json").out)
    (session,) = answer["sessions"]
    kpi = json.loads((project / "logs" / "sessions" / session["session_id"] / "kpi.json").read_bytes())
    assert answer["money"][0]["pnl"] == kpi["total_pnl"]
    assert answer["money"][0]["round_trips"] == kpi["round_trips_completed"] > 0
    assert answer["chains"] == {session["session_id"]: "holds"}
    assert json.loads(cli("audit", "--json").out)["sessions"] == [], "not of this week"


@pytest.mark.req("S-17")
def test_acts_are_told_and_a_broken_chain_is_a_verdict(cli: Cli, session_dir: Path) -> None:
    path = audit_file.path_in(Path("logs"))
    record(path, {"action": "kill", "operator": "ada", "reason": "enough"})
    record(path, {"action": "resume", "operator": "grace", "reason": "better", "state": "done"})
    done = cli("audit")
    assert done.code == ExitCode.OK
    assert "ada: kill: enough" in done.out
    assert "grace: resume done: better" in done.out
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"enough", b"nought"))
    done = cli("audit")
    assert done.code == ExitCode.VERDICT_FAILED
    assert "AUDIT FILE audit/operator_actions.jsonl, line 1" in done.out
    path.write_bytes(whole)
    ops = session_dir / "ops.jsonl"
    ops.write_bytes(ops.read_bytes().replace(b"LeaseTaken", b"LeaseTokan", 1))
    assert cli(*IN_2013).code == ExitCode.VERDICT_FAILED
    assert "files: not verified" in cli(*IN_2013, "--no-verify").out


def test_a_folder_in_which_nothing_ran(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("audit")
    assert done.code == ExitCode.OK
    assert "0 sessions, 0 audit lines" in done.out
    audit_file.path_in(Path("logs")).mkdir(parents=True)
    assert "cannot be read: Is a directory" in cli("audit").sentence
