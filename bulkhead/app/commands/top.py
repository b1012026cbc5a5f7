"""`bulkhead top`: what `bulkhead status` shows, once a second, until Ctrl-C.

Each look is a new one: it asks which session is the current one, so it goes on with the next when that begins, and
whether its process lives, so a dead one is shown as dead from the next second on.
"""

import json
import sys
import time
from pathlib import Path

import typer
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.text import Text

from bulkhead.app.commands import status
from bulkhead.app.commands.output import QuietConsole, write
from bulkhead.app.exit_codes import ExitCode
from bulkhead.monitor.words import clock

INTERVAL_S = 1.0
"""A run writes its status once a second."""


def run(logs_dir: Path, as_json: bool) -> ExitCode:
    """Ends with Ctrl-C; without a terminal, after one look, with the exit code of `bulkhead status`."""
    try:
        if as_json:
            _lines(logs_dir)
        elif sys.stdout.isatty():
            _screen(logs_dir)
        else:
            code = status.run(logs_dir, None, as_json=False)
            typer.echo("bulkhead: top is live in a terminal only; this was one look", err=True)
            return code
    except KeyboardInterrupt:
        pass
    return ExitCode.OK


def _lines(logs_dir: Path) -> None:
    while True:
        write(json.dumps(status.as_data(status.look(logs_dir, None)), ensure_ascii=False, default=str))
        time.sleep(INTERVAL_S)


def _screen(logs_dir: Path) -> None:
    console = QuietConsole()
    console.soft_wrap = False  # what is too wide for the screen is folded, not cut
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            head = f"{clock(time.time_ns())[:8]} UTC  {logs_dir}  Ctrl-C leaves, the run goes on"
            live.update(
                _Fitted(Group(Text(head, style="dim"), status.as_screen(status.look(logs_dir, None)))), refresh=True
            )
            time.sleep(INTERVAL_S)


class _Fitted:
    """Says so when the screen is too low for everything, instead of ending in silence."""

    def __init__(self, whole: RenderableType) -> None:
        self._whole = whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._whole, options.update(height=None), pad=False)
        height = console.size.height
        hidden = 0 if len(lines) <= height else len(lines) - height + 1
        for line in lines[: len(lines) - hidden]:
            yield from line
            yield Segment.line()
        if hidden:
            yield Text(f"… {hidden} lines more: `bulkhead status` has them", style="yellow", end="")
