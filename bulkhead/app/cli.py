"""The command line. Each command is a few lines here; its work is in a module of its own, imported when it is called.

Rules: exit codes are those of exit_codes.py; whatever ends a command is one sentence on stderr; nothing is ever asked
of the person at the keyboard, but whether everything is to be closed; no secret is ever an argument.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from bulkhead.app import cli_alerts, cli_bench, cli_chaos, cli_operator, cli_stops
from bulkhead.app.cli_options import (
    DEFAULT_CONFIG,
    DEFAULT_LOGS,
    ConfigOption,
    JsonOption,
    LedgerOption,
    LogsOption,
    OperatorOption,
    OverrideReasonOption,
    OverrideTierOption,
    SessionOption,
)
from bulkhead.app.exit_codes import ExitCode, Stopped

app = typer.Typer(
    name="bulkhead",
    help="Supervised execution for trading strategies, from paper to live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"bulkhead {version('bulkhead')}")
        raise typer.Exit


@app.callback()
def _every_command(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Supervised execution for trading strategies, from paper to live."""


TAPE_CONFIG = Path("config/tape.toml")


@app.command()
def run(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="TOML file.", show_default="config/paper.toml, with a tape config/tape.toml"
        ),
    ] = None,
    for_s: Annotated[
        float | None, typer.Option("--for", help="Stop by itself so many seconds after it began to trade.", min=0.1)
    ] = None,
    replay_ticks: Annotated[
        list[Path] | None, typer.Option("--replay-ticks", help="CSV of recorded ticks; may be given several times.")
    ] = None,
    speed: Annotated[
        str | None, typer.Option(help="Of a tape: times faster than recorded, or 'max'.", show_default="max")
    ] = None,
    guard: Annotated[
        bool, typer.Option("--guard", help="Start it again, within a budget, when it dies or hangs.")
    ] = False,
    watchdog_s: Annotated[
        float | None, typer.Option("--watchdog", help="With --guard: it hangs after so many silent seconds.", min=2.0)
    ] = None,
    override_tier: OverrideTierOption = None,
    reason: OverrideReasonOption = None,
    operator: OperatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a supervised session until Ctrl-C, until --for, or until the tape has ended."""
    from bulkhead.app.settings import load_settings

    times_faster = None if speed is None else _speed(speed)
    if speed is not None and not replay_ticks:
        raise Stopped(ExitCode.CONFIG, "--speed is for a recorded tape: add --replay-ticks")
    settings = load_settings(config or (TAPE_CONFIG if replay_ticks else DEFAULT_CONFIG))
    if guard:
        from bulkhead.app.guard import guard_run

        raise typer.Exit(guard_run(context, settings, watchdog_s))
    if watchdog_s is not None:
        raise Stopped(ExitCode.CONFIG, "--watchdog is for the guard: add --guard")
    from bulkhead.app.run import RunOptions
    from bulkhead.app.run import run as run_session
    from bulkhead.app.tiers import override_of

    override = override_of(override_tier, reason, operator)
    tapes = tuple(replay_ticks or ())
    options = RunOptions(for_s=for_s, tape_files=tapes, speed=times_faster, as_json=as_json, override=override)
    outcome = run_session(settings, options)
    if outcome.code is not ExitCode.OK:
        raise Stopped(outcome.code, outcome.reason)


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


@app.command()
def simulator(
    port: Annotated[int, typer.Option(help="On loopback; 0 takes any free one.", min=0, max=65_535)] = 8765,
    dialect: Annotated[str, typer.Option(help="binance, or kis (docs/SIMULATOR_KIS.md).")] = "binance",
    market: Annotated[
        str | None, typer.Option(help="synthetic, or tape.", show_default="synthetic; tape with --replay-ticks")
    ] = None,
    replay_ticks: Annotated[
        list[Path] | None, typer.Option("--replay-ticks", help="CSV of recorded ticks; may be given several times.")
    ] = None,
    speed: Annotated[str, typer.Option(help="Of a tape: times faster than recorded.")] = "1",
    seed: Annotated[int, typer.Option(help="Same seed, same synthetic market.", min=0)] = 1,
    events_per_s: Annotated[int, typer.Option(help="Synthetic market events per second.", min=0, max=20_000)] = 200,
    books_file: Annotated[
        Path | None,
        typer.Option(
            help="Keeps accounts and orders.", show_default="logs/simulator.db, simulator-kis.db, simulator-tape.db"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start the simulated venue alone, on loopback; `run --config config/standalone.toml` trades on it."""
    from bulkhead.app.commands import simulator as command

    files = tuple(replay_ticks or ())
    options = command.SimulatorOptions(
        port,
        dialect,
        market or ("tape" if files else "synthetic"),
        files,
        _speed(speed),
        seed,
        events_per_s,
        books_file,
        as_json,
    )
    raise typer.Exit(command.run(options))


@app.command()
def status(logs_dir: LogsOption = DEFAULT_LOGS, session: SessionOption = None, as_json: JsonOption = False) -> None:
    """Show the tree, stop reasons, feeds, positions and orders. Exit code: 0 live, 3 not running, 7 hangs."""
    from bulkhead.app.commands import status as command

    raise typer.Exit(command.run(logs_dir, session, as_json))


@app.command()
def top(logs_dir: LogsOption = DEFAULT_LOGS, as_json: JsonOption = False) -> None:
    """Show `status` live, once a second, until Ctrl-C; follows the next session too. With --json one object a line."""
    from bulkhead.app.commands import top as command

    raise typer.Exit(command.run(logs_dir, as_json))


@app.command()
def tail(
    logs_dir: LogsOption = DEFAULT_LOGS,
    session: SessionOption = None,
    follow: Annotated[
        bool | None, typer.Option("--follow/--no-follow", help="Go on with what happens.", show_default="in a terminal")
    ] = None,
    lines: Annotated[
        int | None,
        typer.Option("-n", "--lines", help="Begin with this many lines.", min=0, show_default="20; all with --since"),
    ] = None,
    stream: Annotated[list[str] | None, typer.Option(help="A stream or part of its name; may be repeated.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Only of this symbol.")] = None,
    strategy: Annotated[str | None, typer.Option(help="A strategy's id.")] = None,
    order: Annotated[str | None, typer.Option(help="Everything of one order, by any of its ids.")] = None,
    level: Annotated[str, typer.Option(help="debug (with decisions to do nothing), info, warning, error.")] = "info",
    code: Annotated[str | None, typer.Option(help="An error or reason code, failure mode, limit or status.")] = None,
    since: Annotated[str | None, typer.Option(help="90s, 10m, 2h, 1d, or a time like 2025-01-31T09:30 (UTC).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what happened and, in a terminal, what happens, until Ctrl-C; follows the next session too."""
    from bulkhead.app.commands import tail as command

    streams = tuple(stream or ())
    options = command.TailOptions(
        logs_dir, session, follow, lines, streams, symbol, strategy, order, code, level, since, as_json
    )
    raise typer.Exit(command.run(options))


@app.command()
def explain(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="Of an order, intent, decision, fill, trade or trip.")],
    logs_dir: LogsOption = DEFAULT_LOGS,
    as_json: JsonOption = False,
) -> None:
    """Tell the whole chain of one thing, from the tick to the books, with the times between. Exit code 2: not found."""
    from bulkhead.app.commands import explain as command

    raise typer.Exit(command.run(logs_dir, wanted, as_json))


@app.command()
def show_config(
    config: ConfigOption = DEFAULT_CONFIG,
    session: Annotated[str | None, typer.Option(help="Instead of a file: what this session ran with.")] = None,
    logs_dir: LogsOption = DEFAULT_LOGS,
    as_json: JsonOption = False,
) -> None:
    """Show every setting in force, and which of them the file set. Never shows a secret."""
    from bulkhead.app.commands import show_config as command

    shown = command.run(config, as_json) if session is None else command.run_recorded(logs_dir, session, as_json)
    raise typer.Exit(shown)


@app.command()
def verify(
    session: Annotated[
        str | None, typer.Argument(metavar="SESSION", help="Its id.", show_default="the current one")
    ] = None,
    logs_dir: LogsOption = DEFAULT_LOGS,
    ledger: Annotated[
        Path | None, typer.Option(help="The ledger's file.", show_default="the one that the session wrote to")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a session's files against each other and the ledger. Exit code 6 with the findings."""
    from bulkhead.app.commands import verify as command

    raise typer.Exit(command.run(logs_dir, session, ledger, as_json))


@app.command()
def backup(
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="The file to write. It must not exist.")],
    ledger: LedgerOption = None,
    logs_dir: LogsOption = DEFAULT_LOGS,
    as_json: JsonOption = False,
) -> None:
    """Copy the ledger, also while a session runs, and check the copy. Overwrites nothing. Exit code 6: it is broken."""
    from bulkhead.app.commands import backup as command

    raise typer.Exit(command.run(dest, ledger, logs_dir, as_json))


@app.command()
def rebuild(
    ledger: LedgerOption = None,
    source: Annotated[str, typer.Option("--from", help="events, files or both.")] = "both",
    dest: Annotated[
        Path | None, typer.Option("--to", help="Keep what was made as a new ledger. It must not exist.")
    ] = None,
    logs_dir: LogsOption = DEFAULT_LOGS,
    as_json: JsonOption = False,
) -> None:
    """Make every table again from the events alone and the files alone, and compare. Exit code 6 if they differ."""
    from bulkhead.app.commands import rebuild as command

    raise typer.Exit(command.run(ledger, logs_dir, source, dest, as_json))


@app.command()
def new_strategy(
    name: Annotated[str, typer.Argument(help="Like my_breakout.")],
    folder: Annotated[Path, typer.Option(help="The project to write it to.")] = Path(),
    as_json: JsonOption = False,
) -> None:
    """Write a strategy to start from, with its test and its configuration. Overwrites nothing."""
    from bulkhead.app.commands import new_strategy as command

    raise typer.Exit(command.run(name, folder, as_json))


@app.command()
def restart(
    actor: Annotated[str, typer.Argument(help="As `bulkhead status` names it, for example strategy:trend.")],
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")],
    operator: OperatorOption = None,
    logs_dir: LogsOption = DEFAULT_LOGS,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start an actor again that was parked or stopped, with a fresh budget. The act is recorded first."""
    from bulkhead.app.commands import child as command
    from bulkhead.app.desk_requests import Action

    raise typer.Exit(command.run(Action.RESTART, command.Asked(logs_dir, session, actor, reason, operator, as_json)))


@app.command()
def stop(
    actor: Annotated[str, typer.Argument(help="As `bulkhead status` names it, for example strategy:trend.")],
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")],
    operator: OperatorOption = None,
    logs_dir: LogsOption = DEFAULT_LOGS,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop one actor of the run until it is asked for again. What a strategy holds is closed if its on_stop says so."""
    from bulkhead.app.commands import child as command
    from bulkhead.app.desk_requests import Action

    raise typer.Exit(command.run(Action.STOP, command.Asked(logs_dir, session, actor, reason, operator, as_json)))


cli_operator.add_to(app)
cli_alerts.add_to(app)
cli_stops.add_to(app)
cli_bench.add_to(app)
cli_chaos.add_to(app)

_UsageError: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""typer's own kind for a wrong argument; it has no public name for it."""


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the `bulkhead` command: one sentence and an exit code for whatever ends it."""
    from bulkhead.app.logs import to_stderr

    to_stderr()
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(given or ["--help"], prog_name="bulkhead", standalone_mode=False)
    except Stopped as stopped:
        error_code = f" [{stopped.error_code}]" if stopped.error_code else ""
        _end(stopped.code, f"{stopped.sentence}{error_code}")
    except _UsageError as error:
        said = getattr(error, "format_message", error.__str__)().replace("Value error, ", "")
        command = getattr(getattr(error, "ctx", None), "command_path", "bulkhead")
        _end(ExitCode.ERROR, f"{said.rstrip('.')}; see `{command} --help`")
    except Exception as error:
        if os.environ.get("BULKHEAD_DEBUG") == "1":
            raise
        where = "; ".join(getattr(error, "__notes__", ())) or "BULKHEAD_DEBUG=1 shows the traceback"
        said = " ".join(str(error).split())[:300]
        _end(ExitCode.ERROR, f"an error of our own, please report it: {type(error).__name__}: {said}; {where}")
    raise SystemExit(code or ExitCode.OK)


def _end(code: ExitCode, sentence: str) -> NoReturn:
    typer.echo(f"bulkhead: {sentence}", err=True)
    raise SystemExit(code) from None
