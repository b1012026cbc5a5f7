"""The command line. Each command is a few lines here; its work is in a module of its own, imported when it is called."""

from pathlib import Path
from typing import Annotated

import typer

from bulkhead.app.exit_codes import ExitCode, Stopped

app = typer.Typer(
    name="bulkhead",
    help="Supervised execution for trading strategies, from paper to live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _every_command() -> None:
    """Supervised execution for trading strategies, from paper to live."""


ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="TOML file with every setting.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")]
DEFAULT_CONFIG = Path("config/paper.toml")
TAPE_CONFIG = Path("config/tape.toml")


@app.command()
def run(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="TOML file [default: config/paper.toml, with a tape tape.toml]"),
    ] = None,
    for_s: Annotated[
        float | None, typer.Option("--for", help="Stop by itself after this many seconds.", min=0.1)
    ] = None,
    replay_ticks: Annotated[
        list[Path] | None, typer.Option("--replay-ticks", help="CSV of recorded ticks; may be given several times.")
    ] = None,
    speed: Annotated[str, typer.Option(help="Of a tape: times faster than recorded, or 'max'.")] = "max",
    as_json: JsonOption = False,
) -> None:
    """Run a supervised session until Ctrl-C, until --for, or until the tape has ended."""
    from bulkhead.app.run import RunOptions
    from bulkhead.app.run import run as run_session
    from bulkhead.app.settings import load_settings

    options = RunOptions(for_s=for_s, tape_files=tuple(replay_ticks or ()), speed=_speed(speed), as_json=as_json)
    chosen = config or (TAPE_CONFIG if replay_ticks else DEFAULT_CONFIG)
    outcome = run_session(load_settings(chosen), options)
    raise typer.Exit(outcome.code)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise Stopped(ExitCode.CONFIG, f"--speed takes a number above zero or 'max', not {text!r}")
    return speed


def main() -> None:
    """Entry point of the `bulkhead` command: one sentence and an exit code for whatever ends it."""
    try:
        app()
    except Stopped as stopped:
        code = f" [{stopped.error_code}]" if stopped.error_code else ""
        typer.echo(f"bulkhead: {stopped.sentence}{code}", err=True)
        raise SystemExit(stopped.code) from None
