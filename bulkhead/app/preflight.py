"""Preflight (stage L00): everything that can be refused is refused here, before the first actor starts.

Each refusal is one sentence with a code; nothing has been written when it is given.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from loguru import logger

from actors.instrument_master import OF_EARLIER_RUNS
from bulkhead.app.clock_check import check_clock
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.house import LoadedStrategy
from bulkhead.app.settings import Settings, StrategySettings
from bulkhead.app.venue import LOOPBACK
from bulkhead.risk.limits import GuardNotEnabled, require_guard
from bulkhead.strategy.loader import StrategyError, build_strategy, check_parameters, load_strategy
from bulkhead.venues.port import OrderVenue, VenueBusy, VenueRefused, VenueUnavailable
from messages.codes import ErrorCode
from messages.instruments import Instrument
from messages.values import Mode

PAPER_READY_TIER = 3
MAX_WAIT_S = 150.0
"""In all, for a venue that asks to wait: a short ban (two minutes on Binance) is outlasted, a longer one is not."""
SHORTEST_WAIT_S = 1.0
T = TypeVar("T")


def check_guard(settings: Settings) -> None:
    """Live without the risk guard is refused (TEST-711)."""
    try:
        require_guard(settings.risk, settings.session.mode)
    except GuardNotEnabled as error:
        raise Stopped(ExitCode.CONFIG, str(error), error.code) from None
    if settings.session.mode is Mode.LIVE and settings.venue.start_simulator:
        raise Stopped(ExitCode.CONFIG, "mode = live contradicts start_simulator = true: a simulated venue is paper")
    if settings.session.mode is Mode.LIVE and settings.paper.is_local:
        raise Stopped(ExitCode.CONFIG, 'mode = live contradicts paper.execution = "fill_model": no order would leave')


def load_strategies(settings: Settings) -> tuple[LoadedStrategy, ...]:
    """Find, check and bind every configured strategy."""
    if not settings.strategies:
        raise Stopped(ExitCode.CONFIG, "no strategy is configured: add one under [[strategies]]")
    return tuple(_load(configured) for configured in settings.strategies)


def _load(configured: StrategySettings) -> LoadedStrategy:
    try:
        found = load_strategy(configured.use)
        check_parameters(found, configured.parameters)
    except StrategyError as error:
        raise Stopped(ExitCode.CONFIG, f"strategy {configured.id}: {error}") from None
    if found.tier < PAPER_READY_TIER:
        raise Stopped(
            ExitCode.CONFIG,
            f"strategy {configured.id} declares tier {found.tier}; only tier {PAPER_READY_TIER} (paper-ready) or better"
            " is started",
            ErrorCode.STRATEGY_TIER_TOO_LOW,
        )
    return LoadedStrategy(
        strategy_id=configured.id,
        symbols=configured.traded,
        # Words, not the class: a child process imports it anew, and must find the same.
        make=partial(build_strategy, configured.use, configured.traded, configured.parameters),
        bar_intervals_s=found.bar_intervals_s,
        on_stop=found.on_stop,
    )


def check_writable(folder: Path) -> None:
    """Make the folder if it is missing; refuse one that cannot be written, before anything half-written exists."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stopped(ExitCode.CONFIG, f"the folder {folder} cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Stopped(ExitCode.CONFIG, f"the folder {folder} cannot be written; change its rights or session.logs_dir")


def patiently(ask: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """A run that is started again and again uses up the venue's request limit: waiting for it is no failure.

    Raises what `ask` raises; VenueBusy once MAX_WAIT_S would be exceeded.
    """
    waited_s = 0.0
    while True:
        try:
            return ask()
        except VenueBusy as error:
            wait_s = max(error.retry_after_s, SHORTEST_WAIT_S)
            if waited_s + wait_s > MAX_WAIT_S:
                raise
            logger.warning("the venue asks to wait {:.0f} s: {}", wait_s, error)
            sleep(wait_s)
            waited_s += wait_s


def ask_venue(
    orders: OrderVenue, settings: Settings, now_ns: Callable[[], int], *, has_our_clock: bool
) -> dict[str, Instrument]:
    """Key, clock and trading rules, asked of the venue itself. Waits where the venue asks for it."""
    try:
        clock = patiently(lambda: check_clock(orders, now_ns))
        listed = {instrument.symbol: instrument for instrument in patiently(orders.load_instruments)}
    except VenueRefused as error:
        advice = (
            "check the strategies' symbols"
            if has_our_clock
            else 'strategies name a tape\'s symbols by symbols = "tape"'
        )
        sentence = f"the venue refuses to tell its trading rules: {error}; {advice}"
        raise Stopped(ExitCode.CONFIG, sentence) from None
    except VenueUnavailable as error:
        is_here = urlsplit(settings.venue.rest_url or "").hostname in LOOPBACK
        hint = "; `bulkhead simulator` starts ours" if is_here else ""
        raise Stopped(ExitCode.ERROR, f"the venue cannot be reached: {error}{hint}") from None
    try:
        patiently(orders.check_key)
    except VenueRefused as error:
        raise Stopped(
            ExitCode.CONFIG,
            f"the venue refuses this key: {error}; check venue.api_key_env and api_secret_env",
            ErrorCode.BROKER_REJECTED,
        ) from None
    except VenueUnavailable as error:
        raise Stopped(ExitCode.ERROR, f"the venue cannot be reached: {error}") from None
    if has_our_clock and clock.is_beyond:
        raise Stopped(ExitCode.ERROR, f"{clock.words}: set ours by NTP", ErrorCode.CLOCK_SKEW)
    for symbol in settings.symbols:
        if symbol not in listed:
            near = ", ".join(sorted(listed)[:8])
            raise Stopped(ExitCode.CONFIG, f"the venue does not list {symbol}; it has {near} …")
        if not listed[symbol].is_trading:
            raise Stopped(ExitCode.CONFIG, f"{symbol} is not trading at the venue now")
    if not has_our_clock:
        return listed
    as_of = {"as_of_ns": now_ns()}
    return {symbol: rules.model_copy(update=as_of) for symbol, rules in listed.items()}


def with_earlier(
    listed: dict[str, Instrument], recorded: dict[str, Instrument], booked: frozenset[str]
) -> dict[str, Instrument]:
    """What the venue lists for this run, and the rules on record of what earlier runs have traded: without them the
    books cannot be read. Raises Stopped for a booked symbol that has no rules anywhere."""
    unknown = sorted(booked - listed.keys() - recorded.keys())
    if unknown:
        words = (
            f"the ledger holds fills of {', '.join(unknown)} and no trading rules: let a strategy name what is listed"
        )
        raise Stopped(ExitCode.CONFIG, f"{words} for one run, or begin with another session.ledger_file")
    as_of_ns = next((rules.as_of_ns for rules in listed.values()), None)
    gone = {"is_trading": False, "status": OF_EARLIER_RUNS, "as_of_ns": as_of_ns}
    earlier = {symbol: recorded[symbol].model_copy(update=gone) for symbol in sorted(booked - listed.keys())}
    return {**listed, **earlier}


def currency_of(settings: Settings, instruments: dict[str, Instrument]) -> str:
    """The one quote asset that limits and equity are counted in."""
    quotes = {instruments[symbol].quote_asset for symbol in settings.symbols}
    if settings.symbols and quotes != {settings.risk.currency}:
        raise Stopped(
            ExitCode.CONFIG,
            f"risk.currency is {settings.risk.currency}, but the strategies' symbols are quoted in"
            f" {', '.join(sorted(quotes))}; one currency for all, named in risk.currency",
        )
    return settings.risk.currency


def mask(text: str) -> str:
    """Enough of an account to recognise it, not enough to use it."""
    return text if len(text) <= 4 else f"{text[:2]}{'*' * (len(text) - 4)}{text[-2:]}"
