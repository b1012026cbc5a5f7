"""How commands show things: rich for people, one JSON object for programs. A reader that has gone ends us quietly."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import typer
from rich.console import Console as RichConsole

from bulkhead.app.exit_codes import ExitCode
from messages.values import Value


class QuietConsole(RichConsole):
    """Standard output that may be a pipe to a reader which has seen enough."""

    def __init__(self) -> None:
        super().__init__(highlight=False, soft_wrap=True)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        leave_quietly()


def leave_quietly() -> None:
    """Nobody reads any more: not an error of ours, and nothing to be said of it when the interpreter flushes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(ExitCode.OK)


def write(line: str) -> None:
    """One plain line, seen at once."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        leave_quietly()


def write_json(data: Value | Mapping[str, Any]) -> None:
    """One object."""
    plain = data.model_dump(mode="json") if isinstance(data, Value) else data
    write(json.dumps(plain, indent=2, ensure_ascii=False, default=str))
