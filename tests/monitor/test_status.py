"""A status file is believed only as far as its writer lives."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bulkhead.monitor.procfs import process_started
from bulkhead.monitor.status import (
    FeedStatus,
    InboxStatus,
    Liveness,
    OpenOrderStatus,
    PnlStatus,
    PositionStatus,
    RunState,
    StatusReport,
    StatusView,
    read_status,
    write_status,
)
from bulkhead.monitor.status_view import render_status
from messages.failure import StopReason
from messages.market_health import DataSource
from messages.supervision import ChildState, NodeStatus
from messages.values import IntentType, Mode, OrderStatus, Side, StopLevel
from tests.monitor.sessions import NS, at

PID = 4711


def node(name: str, parent: str | None, state: ChildState = ChildState.READY, **more: Any) -> NodeStatus:
    counters = dict.fromkeys(NodeStatus.model_fields, 0)
    fields = {
        **counters, "kind": "worker", "host": "thread", "pid": None, "epoch": 1, "last_failure": None,
        "busy_since_ns": None, "handled": 1234, **more,
    }  # fmt: skip
    return NodeStatus.model_validate({**fields, "id": name, "parent": parent, "state": state})


def report(**more: Any) -> StatusReport:
    fields = {
        "written_at_ns": at(100), "pid": PID, "pid_started": 77, "session_id": "S1", "mode": Mode.PAPER,
        "state": RunState.TRADING, "started_at_ns": at(0), "gate_open": True, "stop_level": StopLevel.RUN, **more,
    }  # fmt: skip
    return StatusReport.model_validate(fields)


def full_report() -> StatusReport:
    return report(
        gate_open=False,
        stop_level=StopLevel.SOFT,
        reasons=(StopReason(
            reason_id="risk:daily_loss", level=StopLevel.SOFT, cause="loss of the day", since_ns=at(50),
            needs_operator=True,
        ),),
        tree=(
            node("root", None, kind="supervisor"),
            node("execution", "root", kind="supervisor"),
            node("oms", "execution", mailbox_depth=3, oldest_message_age_s=0.4),
            node("strategy:trend", "root", ChildState.PARKED, restarts_in_window=3, last_failure="ValueError: [bad]"),
            node("lost", "nowhere"),
            node("ring", "ring"),
        ),
        feeds=(
            FeedStatus(name="sim[0]", connected=True, last_tick_age_s=0.2, ticks=12_345),
            FeedStatus(
                name="other", connected=False, last_tick_age_s=None, ticks=0, instead={"BTCUSDT": DataSource.BROKER}
            ),
        ),
        positions=(PositionStatus(
            strategy_id="trend", symbol="BTCUSDT", quantity=Decimal("0.5"), average_price=Decimal("64010.2"),
            mark=Decimal(64020), unrealised_pnl=Decimal("4.9"), realised_pnl=Decimal("-3.2"),
        ),),
        open_orders=(OpenOrderStatus(
            client_order_id="client-1", strategy_id="trend", symbol="BTCUSDT", side=Side.SELL,
            intent_type=IntentType.EXIT_FULL, quantity=Decimal("0.5"), filled=Decimal(0), status=OrderStatus.UNKNOWN,
            age_s=3.2,
        ),),
        pnl=PnlStatus(
            currency="USDT", equity=Decimal(99_990), realised=Decimal("-3.2"), unrealised=Decimal("4.9"),
            day=Decimal(-10), drawdown=Decimal(10),
        ),
        inbox=InboxStatus(
            file="logs/[in]box.db", taken=4_321, waiting=2, unwritten=0, submitted=4_000, duplicate=19, rejected=300,
            failed=0, trouble="logs/[in]box.db is in use by another process",
        ),
        counters={"orders_sent": 3},
    )  # fmt: skip


def view_of(path: Path, after_s: float, started: int | None) -> StatusView:
    return read_status(path, at(100) + int(after_s * NS), started_of=lambda pid: started if pid == PID else None)


@pytest.mark.parametrize(
    ("after_s", "started", "liveness"),
    [
        (1, 77, Liveness.LIVE),
        (60, 77, Liveness.STALE),
        (1, None, Liveness.DEAD),
        (1, 78, Liveness.DEAD),
        (-5, 77, Liveness.LIVE),
    ],
)
def test_liveness(tmp_path: Path, after_s: float, started: int | None, liveness: Liveness) -> None:
    path = tmp_path / "status.json"
    write_status(path, report())
    view = view_of(path, after_s, started)
    assert view.liveness is liveness
    assert view.is_running is (liveness in (Liveness.LIVE, Liveness.STALE))
    assert view.report == report()
    assert view.detail


def test_an_ordered_stop_is_no_death(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_status(path, report(state=RunState.STOPPED))
    assert view_of(path, 100, None).liveness is Liveness.STOPPED


@pytest.mark.parametrize("text", [None, "", "{", '{"pid": 1}', "[]"])
def test_what_is_no_report_is_absent_and_says_why(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "status.json"
    if text is not None:
        path.write_text(text)
    view = view_of(path, 1, 77)
    assert view.liveness is Liveness.ABSENT
    assert "status.json" in view.detail
    assert not view.is_running


def test_a_folder_in_its_place_is_absent(tmp_path: Path) -> None:
    assert view_of(tmp_path, 1, 77).liveness is Liveness.ABSENT


def test_writing_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_status(path, report())
    write_status(path, full_report())
    assert view_of(path, 1, 77).report == full_report()
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    (path / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_status(path, report())
    assert list(tmp_path.iterdir()) == [path]


def test_a_real_process_is_known_by_its_start_and_missed_after_its_death() -> None:
    own = process_started(os.getpid())
    assert own is not None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        born = process_started(child.pid)
        assert born is not None
        assert born >= own
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process_started(child.pid) is None, "a zombie does not live"
    assert process_started(child.pid) is None


def test_a_killed_writer_is_never_shown_as_live(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        write_status(path, report(pid=child.pid, pid_started=process_started(child.pid)))
        assert read_status(path, at(101)).liveness is Liveness.LIVE
        child.kill()
    assert read_status(path, at(101)).liveness is Liveness.DEAD


def shown(view: StatusView) -> str:
    console = Console(width=140, record=True, file=open(os.devnull, "w"))  # noqa: SIM115 - closed with the console
    with console.file:
        console.print(render_status(view))
        return console.export_text()


def test_the_screen_says_what_matters(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_status(path, full_report())
    text = shown(view_of(path, 1, 77))
    for words in (
        "LIVE", "gate shut", "SOFT", "loss of the day", "an operator must lift it", "strategy:trend", "PARKED",
        "ValueError: [bad]", "400 ms", "lost", "ring", "sim[0]", "12,345", "never", "BTCUSDT broker",
        "64,010.2", "+4.9", "UNKNOWN",
        "99,990 USDT", "orders sent", "inbox logs/[in]box.db", "4,321", "in use by another process",
    ):  # fmt: skip
        assert words in text, words
    assert "last reported" not in text


def test_the_screen_says_that_the_exchange_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    for is_open, said in ((False, True), (True, False), (None, False)):
        write_status(path, report(is_exchange_open=is_open))
        assert ("the exchange is closed: entries wait" in shown(view_of(path, 1, 77))) == said


def test_what_to_do_about_a_stop_is_not_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    cause = f"{'why ' * 60}then `bulkhead resolve b1`"
    reason = StopReason(reason_id="doubt", level=StopLevel.SOFT, scope="symbol:X", cause=cause, since_ns=1)
    write_status(path, report(reasons=(reason,)))
    assert "`bulkhead resolve b1`" in " ".join(shown(view_of(path, 1, 77)).replace("│", " ").split())


def test_the_last_words_of_the_dead_are_headed_as_such(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_status(path, report())
    text = shown(view_of(path, 100, None))
    assert text.startswith("DEAD")
    assert "it may no longer be so" in text
    assert shown(StatusView(liveness=Liveness.ABSENT, detail="nothing")).startswith("ABSENT")
