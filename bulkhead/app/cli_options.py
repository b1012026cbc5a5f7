"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="TOML file with every setting.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]
LogsOption = Annotated[Path, typer.Option("--logs-dir", help="Where runs leave their files.")]
SessionOption = Annotated[str | None, typer.Option("--session", help="A session's id [default: the current one].")]
OperatorOption = Annotated[str | None, typer.Option("--operator", help="Who says so [default: $USER]")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is recorded.")]
DEFAULT_LOGS = Path("logs")
