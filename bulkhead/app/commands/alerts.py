"""`bulkhead alerts test`: a message to each target and one heartbeat, and what came of it.

The result is kept in `logs/audit/alerts_test.json`, for whoever asks later whether this was ever tried. Exit code 6
when a target or the heartbeat did not work.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from bulkhead.app.alerting import Alerts, open_alerts
from bulkhead.app.commands.output import QuietConsole, write_json
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import load_settings
from bulkhead.ledger.files import replace_text
from bulkhead.monitor.alerting.alarms import Notice, Severity
from bulkhead.monitor.alerting.log_target import FILE_NAME as LOG_FILE
from messages.values import Value

FILE_NAME = "alerts_test.json"


class Tried(Value):
    """One target, or the heartbeat. `why` is None where it worked."""

    name: str
    ok: bool
    why: str | None


class AlertsTest(Value):
    at: str
    """UTC, ISO 8601."""
    ok: bool
    log_only: bool
    """No target is configured: nobody is told of anything."""
    targets: tuple[Tried, ...]
    heartbeat: Tried | None


def test(config: Path, as_json: bool) -> ExitCode:
    settings = load_settings(config)
    with open_alerts(settings, "test") as alerts:
        made = try_out(alerts, settings.alerts.self_test_timeout_s)
    path = settings.session.logs_dir / "audit" / FILE_NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, json.dumps(made.model_dump(mode="json"), indent=2) + "\n")
    except OSError as error:
        raise Stopped(ExitCode.ERROR, f"{path} cannot be written: {error.strerror or error}") from None
    if as_json:
        write_json(made)
    else:
        _show(made, settings.session.logs_dir)
    return ExitCode.OK if made.ok else ExitCode.VERDICT_FAILED


def try_out(alerts: Alerts, timeout_s: float) -> AlertsTest:
    at = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
    notice = Notice(Severity.INFO, f"Bulkhead: a test of the alerts, {at}; nothing is wrong")
    said = alerts.begin(notice).wait(timeout_s)
    targets = tuple(Tried(name=name, ok=why is None, why=why) for name, why in said.items())
    heartbeat = None
    if alerts.heartbeat is not None:
        why = alerts.heartbeat.send_once()
        heartbeat = Tried(name="heartbeat", ok=why is None, why=why)
    is_ok = all(each.ok for each in (*targets, *((heartbeat,) if heartbeat else ())))
    return AlertsTest(at=at, ok=is_ok, log_only=not targets, targets=targets, heartbeat=heartbeat)


def last_test(logs_dir: Path) -> AlertsTest | None:
    """What the command left behind; None if it was never run, or that cannot be read."""
    try:
        return AlertsTest.model_validate_json((logs_dir / "audit" / FILE_NAME).read_bytes())
    except (OSError, ValueError):
        return None


def _show(made: AlertsTest, logs_dir: Path) -> None:
    console = QuietConsole()
    if made.log_only:
        console.print(f"log only: nobody is told; the line is in {logs_dir / LOG_FILE}", markup=False)
    for tried in (*made.targets, *((made.heartbeat,) if made.heartbeat else ())):
        verdict = "ok" if tried.ok else f"FAILED: {tried.why}"
        console.print(f"{tried.name}  {verdict}", markup=False)
