"""A session that is run to be measured: one that ended early has no figures."""

from pathlib import Path
from typing import Any

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.run import Outcome, RunOptions, run
from bulkhead.app.settings import Settings, check_settings

AS_PLANNED = ("ran for", "the tape has ended")
NO_LIMIT = 10**9


def run_to_the_end(settings: Settings, options: RunOptions) -> Outcome:
    """As `run`. Raises Stopped when something (Ctrl-C, a failure) ended the session before its time."""
    outcome = run(settings, options)
    if not outcome.reason.startswith(AS_PLANNED):
        raise Stopped(ExitCode.ERROR, f"the bench was stopped: {outcome.reason}")
    return outcome


def tape_settings(
    folder: Path, strategy: dict[str, Any], execution: dict[str, Any] | None = None, risk: dict[str, Any] | None = None
) -> Settings:
    """Of a session below `folder` that plays a tape with one strategy, whose losses stop nothing."""
    logs = folder / "logs"
    unlimited = dict.fromkeys(("max_daily_loss", "max_drawdown", "max_consecutive_losses"), NO_LIMIT)
    return check_settings(
        {
            "session": {"logs_dir": logs, "ledger_file": logs / "tape.db", "stop_dir": folder / "stop"},
            "venue": {"name": "tape", "max_silence_s": 300.0},
            "simulator": {"commission_bps": "0.5", "commission_in": "quote"},
            "execution": {"max_market_age_s": 60.0, **(execution or {})},
            "risk": {"currency": "USD", "max_market_age_s": 60.0, "cooldown_s": 0, **unlimited, **(risk or {})},
            "strategies": [strategy],
        },
        "bench",
    )
