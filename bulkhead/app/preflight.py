"""Preflight (stage L00): everything that can be refused is refused here, before the first actor starts.

Each refusal is one sentence with a code; nothing has been written when it is given.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from loguru import logger

from actors.instrument_master import OF_EARLIER_RUNS
from bulkhead.app.clock_check import NO_VENUE_CLOCK, check_clock
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.fingerprint import fingerprint_of
from bulkhead.app.house import LoadedStrategy
from bulkhead.app.live_checks import lacking_rights, refuse_live, rights_of, rights_words
from bulkhead.app.settings import Settings, StrategySettings
from bulkhead.app.tiers import TierOverride, check_tiers
from bulkhead.app.venue import adapter_of
from bulkhead.app.venue_making import is_here
from bulkhead.risk.limits import GuardNotEnabled, require_guard
from bulkhead.strategy.api import Strategy
from bulkhead.strategy.loader import StrategyError, build_strategy, check_parameters, load_strategy
from bulkhead.venues.port import OrderVenue, VenueBusy, VenueRefused, VenueUnavailable
from messages.codes import ErrorCode
from messages.instruments import Instrument
from messages.values import Mode

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
    adapter_of(settings).check(settings)


def load_strategies(settings: Settings, override: TierOverride | None = None) -> tuple[LoadedStrategy, ...]:
    """Find, check and bind every configured strategy."""
    if not settings.strategies:
        raise Stopped(ExitCode.CONFIG, "no strategy is configured: add one under [[strategies]]")
    loaded = tuple(_load(configured) for configured in settings.strategies)
    check_tiers(settings, {strategy.strategy_id: strategy.tier for strategy in loaded}, override)
    return loaded


def _load(configured: StrategySettings) -> LoadedStrategy:
    try:
        found = load_strategy(configured.use)
        check_parameters(found, configured.parameters)
    except StrategyError as error:
        raise Stopped(ExitCode.CONFIG, f"strategy {configured.id}: {error}") from None
    return LoadedStrategy(
        strategy_id=configured.id,
        symbols=configured.traded,
        # Words, not the class: a child process imports it anew, and must find the same.
        make=partial(build_strategy, configured.use, configured.traded, configured.parameters),
        bar_intervals_s=found.bar_intervals_s,
        on_stop=found.on_stop,
        tier=found.tier,
        declares_on_stop=any("on_stop" in vars(kind) for kind in found.__mro__ if kind is not Strategy),
        fingerprint=fingerprint_of(found, configured.traded, configured.parameters),
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
    # The key before the rules: a venue that tells nothing without a key would be taken to refuse the symbols.
    key = f"the venue refuses this key: {{}}; check {adapter_of(settings).key_names}"
    clock = _asked(lambda: check_clock(orders, now_ns), "the venue refuses to tell its time: {}", settings)
    _asked(orders.check_key, key, settings, ErrorCode.BROKER_REJECTED)
    advice = (
        "check the strategies' symbols" if has_our_clock else 'strategies name a tape\'s symbols by symbols = "tape"'
    )
    rules = f"the venue refuses to tell its trading rules: {{}}; {advice}"
    listed = {instrument.symbol: instrument for instrument in _asked(orders.load_instruments, rules, settings)}
    if clock is None:
        logger.info("{}", NO_VENUE_CLOCK)
    elif has_our_clock and clock.is_beyond:
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


def _asked(ask: Callable[[], T], refused: str, settings: Settings, code: ErrorCode | None = None) -> T:
    """Raises Stopped: with `refused`, which has room for the venue's words, where it says no."""
    try:
        return patiently(ask)
    except VenueRefused as error:
        raise Stopped(ExitCode.CONFIG, refused.format(error), code) from None
    except VenueUnavailable as error:
        hint = "; `bulkhead simulator` starts ours" if is_here(settings.venue.rest_url) else ""
        raise Stopped(ExitCode.ERROR, f"the venue cannot be reached: {error}{hint}") from None


def check_rights(orders: OrderVenue, settings: Settings) -> str:
    """What the key may do, in words; asked where that matters, and a key that may do too much is refused for live."""
    if settings.session.mode is not Mode.LIVE:
        return "paper: what the key may do is not asked"
    refused = f"the venue refuses to tell what the key may do: {{}}; check {adapter_of(settings).key_names}"
    rights = _asked(lambda: rights_of(orders), refused, settings, ErrorCode.BROKER_REJECTED)
    refuse_live(lacking_rights(rights))
    return rights_words(rights)


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
            f" {', '.join(sorted(quotes))}; one currency for all, named in risk.currency: nothing here converts",
        )
    return settings.risk.currency


def mask(text: str) -> str:
    """Enough of an account to recognise it, not enough to use it."""
    return text if len(text) <= 4 else f"{text[:2]}{'*' * (len(text) - 4)}{text[-2:]}"
