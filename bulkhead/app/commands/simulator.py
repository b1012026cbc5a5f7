"""`bulkhead simulator`: the simulated venue alone, until Ctrl-C; runs come and go and find their account again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError

from bulkhead.app.commands.output import write
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.venues.simulator.process import serve
from bulkhead.venues.simulator.settings import SimulatorSettings

DEFAULT_PORT = 8765
BOOKS_FILE = Path("logs/simulator.db")
TAPE_BOOKS_FILE = Path("logs/simulator-tape.db")
"""A tape is traded in another currency, so its accounts are kept apart."""
KIS_BOOKS_FILE = Path("logs/simulator-kis.db")
"""Another venue's accounts, in won."""
CONFIG = "config/standalone.toml"
COMMISSION_BPS = Decimal(1)
OPENING = {"synthetic": {"USDT": Decimal(100_000)}, "tape": {"USD": Decimal(1_000_000)}}


@dataclass(frozen=True)
class SimulatorOptions:
    port: int
    dialect: str
    market: str
    tape_files: Sequence[Path]
    speed: float | None
    seed: int
    events_per_s: int
    books_file: Path | None
    as_json: bool


def run(options: SimulatorOptions) -> ExitCode:
    """Serve until told to stop. Raises Stopped when it cannot start."""
    settings = _settings(options)

    def announce(line: dict[str, object]) -> None:
        if options.as_json:
            write(json.dumps(line))
            return
        where = f"http://{line['host']}:{line['port']}"
        write(f"a simulated {line['market']} venue listens on {where}; its books are in {settings.books_file}")
        if options.dialect == "kis":
            write("trade on it as docs/SIMULATOR_KIS.md says under *A rehearsal*; Ctrl-C ends it")
        elif line["port"] == DEFAULT_PORT:
            write(f"trade on it with `bulkhead run --config {CONFIG}`; Ctrl-C ends it")
        else:
            write(f"trade on it with a copy of {CONFIG} whose three URLs name this port; Ctrl-C ends it")

    return ExitCode(serve(settings, announce))


def _settings(options: SimulatorOptions) -> SimulatorSettings:
    market = "tape" if options.tape_files else options.market
    if market == "tape" and not options.tape_files:
        raise Stopped(ExitCode.CONFIG, "--market tape needs at least one file: add --replay-ticks FILE")
    if market == "tape" and options.speed is None:
        sentence = "--speed max is for `bulkhead run`, which waits for the tape; alone, give a number like 1 or 60"
        raise Stopped(ExitCode.CONFIG, sentence)
    if options.tape_files and options.market == "synthetic":
        raise Stopped(ExitCode.CONFIG, "--market synthetic contradicts --replay-ticks: take one of them out")
    is_kis = options.dialect == "kis"
    ours = TAPE_BOOKS_FILE if market == "tape" else KIS_BOOKS_FILE if is_kis else BOOKS_FILE
    books_file = options.books_file or ours
    try:
        settings = SimulatorSettings.model_validate(
            {
                "port": options.port,
                "dialect": options.dialect,
                "kis": {"always_open": True},
                "market": market,
                "seed": options.seed,
                "events_per_s": options.events_per_s,
                "tape_files": tuple(options.tape_files),
                "speed": Decimal(str(options.speed or 1)),
                "books_file": books_file,
                "commission_bps": COMMISSION_BPS,
                "balances": None if is_kis else OPENING.get(market),
            }
        )
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc'])) or 'settings'}: {fault['msg']}" for fault in error.errors())
        raise Stopped(ExitCode.CONFIG, "; ".join(faults).replace("Value error, ", "")) from None
    try:
        books_file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sentence = f"the folder {books_file.parent} cannot be made ({error.strerror}); name another --books-file"
        raise Stopped(ExitCode.CONFIG, sentence) from None
    return settings
