"""Settings: one TOML file, read whole, checked whole, before anything starts.

Unknown keys, wrong types and contradictions are refused with the file, the key and what to do. Secrets never stand in
the file: it names environment variables, or files that hold them.
"""

import tomllib
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError, model_validator

from bulkhead.app.alert_settings import AlertSettings
from bulkhead.app.execution_settings import ExecutionSettings, PositiveSeconds, Section
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.failure_settings import DetectionSection, ModeSection, checked
from bulkhead.app.live_settings import LiveSettings
from bulkhead.app.market_data_settings import MarketDataSettings
from bulkhead.app.secret_files import read_secret as read_secret
from bulkhead.app.stop_settings import StopSettings
from bulkhead.app.venue_settings import VenueSettings
from bulkhead.ledger.inbox import FILE_NAME as INBOX_FILE
from bulkhead.risk.contradictions import missing_symbols
from bulkhead.risk.limits import RiskLimits
from bulkhead.strategy.sizing import SizingPolicy
from bulkhead.venues.paper.settings import FillSettings
from messages.failure import FailureMode
from messages.values import Mode, Name, Symbol
from supervisor.spec import HostKind


class SessionSettings(Section):
    mode: Mode = Mode.PAPER
    seed: int = 1
    """Decides backoff jitter and, in simulation, everything."""
    logs_dir: Path = Path("logs")
    ledger_file: Path = Path("logs/ledger.db")
    fresh_ledger: bool = False
    """Begin with a new ledger and no stop reasons, and keep the last ledger as `<name>.previous`: for replays, whose
    venue begins anew too."""
    stop_dir: Path = Path("logs/stop")
    """Where stop reasons that only an operator may lift are latched."""
    on_stop: Literal["cancel_entries", "keep"] = "cancel_entries"
    """What becomes of working entries when the session ends. Exits are kept either way."""
    max_abandoned_threads: Annotated[int, Field(ge=1)] = 3
    """So many actors whose thread hangs for good end the process at once (exit code 7), to start again from disk."""
    portfolio_interval_s: PositiveSeconds = 10.0
    """A portfolio snapshot goes to the ledger this often, beside one after each fill."""


class SimulatorSection(Section):
    """The simulated venue that `run` starts for itself; it ends with the run."""

    seed: int = 1
    events_per_s: Annotated[int, Field(ge=1, le=10_000)] = 200
    symbols: tuple[Symbol, ...] = ()
    """Empty: all of the synthetic market's."""
    commission_bps: Decimal = Decimal(1)
    """With `adapter = "kis"` the rates of `[venue.kis]` stand for this."""
    commission_in: Literal["received", "quote"] = "received"
    always_open: bool = True
    """With `adapter = "kis"`: no trading hours and no holidays, so that it can be tried at any time; false: KRX's."""
    books_file: Path | None = None
    """Where its accounts and orders are kept; None: beside the ledger, since the two belong together."""


class PaperSection(FillSettings):
    """Who fills the orders of a paper run."""

    execution: Literal["simulator", "fill_model"] = "simulator"
    """`simulator`: the venue at the other end of the wire. `fill_model`: this machine, from the data of the feed; no
    order leaves it and no key is needed. All other keys here are about that."""

    @property
    def is_local(self) -> bool:
        return self.execution == "fill_model"

    @property
    def wants_depth(self) -> bool:
        """Whether the feed is asked for level-2 books: only for who walks them."""
        return self.is_local and self.wants_books


class InboxSettings(Section):
    """Intents of other processes, see docs/INBOX.md."""

    enabled: bool = False
    """Take rows from the inbox. Never while a recorded tape is played: its clock is not that of the senders."""
    file: Path | None = None
    """None: `inbox.db` beside the ledger. On a disk of this machine, never on a network file system."""
    owners: tuple[Name, ...] = ()
    """Whose positions a row may change, beside those of the strategies of this run: programs that decide elsewhere."""
    poll_with_positions_s: PositiveSeconds = 1.0
    """The inbox is looked into this often while something is held."""
    poll_without_positions_s: PositiveSeconds = 3.0
    """The same while nothing is held."""
    poll_rate_limited_s: Annotated[float, Field(ge=5)] = 5.0
    """The same while the venue's request limit is used up; 5 at least."""


class StrategySettings(Section):
    id: Name
    use: str
    """`package.module:Class`, or `file.py:Class` in the strategies folder."""
    symbols: Annotated[tuple[Symbol, ...], Field(min_length=1)] | Literal["tape"]
    """`"tape"`: every symbol of the recorded tape that is played."""
    sizing: SizingPolicy
    parameters: dict[str, Any] = Field(default_factory=dict)
    host: HostKind = HostKind.PROCESS
    """`process`: one of its own, which cannot slow the others and can be killed. `thread`: inside the run's own."""
    stuck_after_s: PositiveSeconds = 5.0
    """A callback that takes longer is given up, and the strategy started anew."""
    memory_mb: Annotated[int, Field(ge=64)] = 1024
    """The most that its process may allocate."""
    nice: Annotated[int, Field(ge=0, le=19)] = 10
    """How far its process steps back for the others where the processors are busy."""
    cpus: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    """Processors that its process may use; unset: all."""

    @property
    def traded(self) -> tuple[str, ...]:
        """Its symbols, once `Settings.with_tape` has filled them in."""
        if isinstance(self.symbols, str):
            raise Stopped(
                ExitCode.CONFIG, f"strategy {self.id} trades the symbols of a tape: give one with --replay-ticks"
            )
        return self.symbols


class Settings(Section):
    session: SessionSettings = Field(default_factory=SessionSettings)
    venue: VenueSettings = Field(default_factory=VenueSettings)
    simulator: SimulatorSection = Field(default_factory=SimulatorSection)
    paper: PaperSection = Field(default_factory=PaperSection)
    execution: ExecutionSettings = Field(default_factory=ExecutionSettings)
    risk: RiskLimits = Field(default_factory=RiskLimits)
    stops: StopSettings = Field(default_factory=StopSettings)
    inbox: InboxSettings = Field(default_factory=InboxSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    market_data: MarketDataSettings = Field(default_factory=MarketDataSettings)
    live: LiveSettings = Field(default_factory=LiveSettings)
    detection: DetectionSection = Field(default_factory=DetectionSection)
    failure_modes: dict[FailureMode, ModeSection] = Field(default_factory=dict)
    strategies: tuple[StrategySettings, ...] = ()

    @model_validator(mode="after")
    def _failure_modes_may_be_so(self) -> "Settings":
        checked(self.failure_modes)
        return self

    @model_validator(mode="after")
    def _strategies_are_distinct(self) -> "Settings":
        ids = [strategy.id for strategy in self.strategies]
        for strategy_id in ids:
            if ids.count(strategy_id) > 1:
                raise ValueError(f"two strategies are called {strategy_id!r}")
        for owner in self.inbox.owners:
            if owner in ids or self.inbox.owners.count(owner) > 1:
                raise ValueError(f"inbox.owners names {owner!r}, which has its positions already: take it out")
        return self

    @model_validator(mode="after")
    def _limits_can_be_met(self) -> "Settings":
        """What the limits need of the other sections; all faults at once."""
        named = [strategy for strategy in self.strategies if not isinstance(strategy.symbols, str)]
        symbols = dict.fromkeys(symbol for strategy in named for symbol in strategy.symbols)
        faults = missing_symbols(self.risk, tuple(symbols))
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def inbox_file(self) -> Path:
        return self.inbox.file or self.session.ledger_file.with_name(INBOX_FILE)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol that some strategy trades, in order of appearance."""
        return tuple(dict.fromkeys(symbol for strategy in self.strategies for symbol in strategy.traded))

    def with_tape(self, tape_symbols: tuple[str, ...]) -> "Settings":
        """With `symbols = "tape"` filled in, where there is a tape."""
        if not tape_symbols:
            return self
        strategies = (
            strategy.model_copy(update={"symbols": tape_symbols}) if strategy.symbols == "tape" else strategy
            for strategy in self.strategies
        )
        return self.model_copy(update={"strategies": tuple(strategies)})


def load_settings(path: Path) -> Settings:
    """Read and check one file. Raises Stopped (exit code 4) with a sentence for each fault."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        sentence = f"{path} does not exist; give one with --config, or run from the project's root"
        raise Stopped(ExitCode.CONFIG, sentence) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Stopped(ExitCode.CONFIG, f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except tomllib.TOMLDecodeError as error:
        raise Stopped(ExitCode.CONFIG, f"{path} is not valid TOML: {error}") from None
    return check_settings(data, str(path))


def check_settings(data: dict[str, Any], source: str) -> Settings:
    """Raises Stopped (exit code 4) naming `source`, each key at fault, and what is wrong with it."""
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        raise Stopped(ExitCode.CONFIG, "; ".join(_faults(error, source))) from None


def _faults(error: ValidationError, source: str) -> list[str]:
    faults = []
    for fault in error.errors(include_url=False, include_input=False):
        key = "".join(f"{part}: " for part in [".".join(str(part) for part in fault["loc"])] if part)
        said = _unknown(fault["loc"]) if fault["type"] == "extra_forbidden" else fault["msg"]
        faults.append(f"{source}: {key}{said.removeprefix('Value error, ')}")
    return faults


def _unknown(where: tuple[int | str, ...]) -> str:
    """What to do about a key that nobody knows: the one that it resembles, where there is one."""
    table: Any = Settings
    for part in where[:-1]:
        field = getattr(table, "model_fields", {}).get(part)
        table = table if field is None else field.annotation
        held = [kind for kind in get_args(table) if hasattr(kind, "model_fields")]
        table = held[0] if held else table
    close = get_close_matches(str(where[-1]), getattr(table, "model_fields", {}), n=1)
    return f"unknown key; did you mean {close[0]}?" if close else "unknown key; remove it or check its spelling"
