"""`bulkhead tail`: what has happened and what happens, one line each."""

import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

from bulkhead.app.commands.explain import completed
from bulkhead.app.commands.output import QuietConsole, write
from bulkhead.app.commands.places import find_session, sessions_dir
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.monitor.levels import LineLevel
from bulkhead.monitor.lines import STREAMS
from bulkhead.monitor.render import render
from bulkhead.monitor.tail import Filters, SessionNotFound, Tail

DEFAULT_LINES = 20
_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True)
class TailOptions:
    logs_dir: Path
    session_id: str | None
    follow: bool | None
    """None: in a terminal."""
    last: int | None
    streams: tuple[str, ...]
    symbol: str | None
    strategy: str | None
    order: str | None
    code: str | None
    level: str
    since: str | None
    as_json: bool


def run(options: TailOptions) -> ExitCode:
    """Ends by itself when it does not follow, else with Ctrl-C."""
    tail = _open(options)
    follow = sys.stdout.isatty() if options.follow is None else options.follow
    if not follow:
        find_session(options.logs_dir, options.session_id)
    last = options.last if options.last is not None else None if options.since else DEFAULT_LINES
    console = QuietConsole()
    is_empty = True
    try:
        for line in tail.follow(last) if follow else tail.history(last):
            is_empty = False
            if options.as_json:
                write(line.raw)
            else:
                console.print(render(line))
    except KeyboardInterrupt:
        return ExitCode.OK
    if is_empty and last != 0:
        words = "nothing of this session passes what was asked for; `--level debug` shows decisions to do nothing, too"
        typer.echo(f"bulkhead: {words}", err=True)
    return ExitCode.OK


def _whole(options: TailOptions) -> str | None:
    """An id may be given as it is shown here; one that nobody knows yet may come."""
    return options.order and (completed(sessions_dir(options.logs_dir), options.order) or options.order)


def _open(options: TailOptions) -> Tail:
    filters = Filters(
        streams=tuple(stream for asked in options.streams for stream in streams_of(asked)),
        symbol=options.symbol,
        strategy=options.strategy,
        order=_whole(options),
        code=options.code,
        level=level_of(options.level),
        since_ns=since_ns(options.since, datetime.now(UTC)) if options.since else 0,
    )
    try:
        return Tail(sessions_dir(options.logs_dir), options.session_id, filters)
    except SessionNotFound as error:
        raise Stopped(ExitCode.NOT_FOUND, str(error)) from None


def streams_of(asked: str) -> list[str]:
    """Streams by name, or by any part of one: `orders` is obs_orders_fills. Raises Stopped."""
    found = [asked] if asked in STREAMS else [stream for stream in STREAMS if asked.lower() in stream]
    if not found:
        raise Stopped(ExitCode.ERROR, f"there is no stream {asked!r}; there are {', '.join(STREAMS)}")
    return found


def level_of(name: str) -> LineLevel:
    """Raises Stopped."""
    try:
        return LineLevel[name.upper()]
    except KeyError:
        known = ", ".join(level.name.lower() for level in LineLevel)
        raise Stopped(ExitCode.ERROR, f"there is no level {name!r}; there are {known}") from None


def since_ns(text: str, now: datetime) -> int:
    """`10m`, `2h` and so on before `now`, or a moment in ISO form, UTC unless it says otherwise. Raises Stopped."""
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return int((now.timestamp() - float(ago[1]) * _UNIT_S[ago[2]]) * 1e9)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        sentence = f"--since takes a span like 90s, 10m, 2h, 1d or a time like 2025-01-31T09:30, not {text!r}"
        raise Stopped(ExitCode.ERROR, sentence) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e9)
