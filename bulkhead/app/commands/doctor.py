"""`bulkhead doctor`: is everything there that a run needs? Looks, changes nothing, and says what to do."""

import time
from collections.abc import Iterator
from pathlib import Path

from rich.text import Text

from bulkhead.app.commands import checks, checks_deploy
from bulkhead.app.commands.checks import Check, Level, fail, ok
from bulkhead.app.commands.checks_deploy import secrets
from bulkhead.app.commands.checks_venue import venue
from bulkhead.app.commands.output import QuietConsole, write_json
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import load_settings

_NAME_WIDTH = 14
_STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}


def run(config: Path, as_json: bool, *, is_deploy: bool = False) -> ExitCode:
    """0, or 6 when a check fails; warnings do not count as failures."""
    console = QuietConsole()
    made: list[Check] = []
    for check in _checks(config, is_deploy):
        made.append(check)
        if not as_json:
            _show(console, check)
    failed = sum(check.level is Level.FAIL for check in made)
    warned = sum(check.level is Level.WARN for check in made)
    if as_json:
        write_json({"ok": not failed, "checks": [check.model_dump(mode="json") for check in made]})
    else:
        words = f"{failed} failed, {warned} to look at" if failed or warned else "all is well"
        console.print(f"\n{len(made)} checks: {words}", style="bold")
    return ExitCode.VERDICT_FAILED if failed else ExitCode.OK


def _checks(config: Path, is_deploy: bool) -> Iterator[Check]:
    yield from checks.versions()
    try:
        settings = load_settings(config)
    except Stopped as stopped:
        yield fail("config", stopped.sentence, "correct it; nothing else can be looked at without it")
        return
    yield ok("config", f"{config}: {settings.session.mode.value} at {settings.venue.name}")
    yield from checks.strategies(settings)
    yield from checks.folders(settings)
    yield from checks.ledger(settings.session.ledger_file)
    yield from checks.last_session(settings.session.logs_dir)
    yield from checks.stop_latch(settings.session.stop_dir)
    yield from checks.alerts(settings)
    yield from secrets(settings)
    yield from venue(settings)
    if is_deploy:
        yield from checks_deploy.look(settings, time.time_ns())


def _show(console: QuietConsole, check: Check) -> None:
    line = Text.assemble((f"{check.level.value:<5}", _STYLES[check.level]), f"{check.name:<{_NAME_WIDTH}}{check.said}")
    if check.advice:
        line.append(f"\n{'':{_NAME_WIDTH + 5}}→ {check.advice}", style="yellow")
    console.print(line)
