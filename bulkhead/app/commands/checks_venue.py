"""What `bulkhead doctor` asks of the venue: is it there, does its clock agree with ours, does it know our key."""

import time
from collections.abc import Callable

from bulkhead.app.clock_check import NO_VENUE_CLOCK, check_clock
from bulkhead.app.commands import checks_kis
from bulkhead.app.commands.checks import ANY_TAPE, Check, Level, fail, ok, warn
from bulkhead.app.exit_codes import Stopped
from bulkhead.app.settings import Settings
from bulkhead.app.venue import adapter_of, connect
from bulkhead.app.venue_making import is_here
from bulkhead.venues.port import OrderVenue, VenueRefused, VenueUnavailable
from messages.orders import OrderTicket
from supervisor.runtime.threaded import ThreadedHost


def _nothing(_settings: Settings, _now_ns: int) -> list[Check]:
    return []


_BEFORE: dict[str, Callable[[Settings, int], list[Check]]] = {"kis": checks_kis.look}
"""By adapter: what can be looked at before the venue is asked."""
_NOT_THERE = "is it running, are the URLs right?"
_KEY_REFUSED = "check the key, its secret, its permissions and the allowed addresses"
_STARTS_OURS = " (`bulkhead simulator` starts ours)"


class _SendsNothing:
    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        return "the doctor sends no orders"


def venue(settings: Settings) -> list[Check]:
    if settings.venue.start_simulator:
        return [ok("venue", "simulated, started with each run: no key and no clock to compare")]
    if not settings.strategies:
        return [warn("venue", "not asked, since no strategy names a symbol", "configure a strategy")]
    settings = settings.with_tape(ANY_TAPE)
    before = _BEFORE.get(settings.venue.adapter, _nothing)(settings, time.time_ns())
    if any(check.level is Level.FAIL for check in before):
        return before
    host = ThreadedHost(settings.session.seed)
    try:
        with connect(settings, None, host, _SendsNothing()) as found:
            key_names = adapter_of(settings).key_names
            asked = ask(found.orders, f"{_KEY_REFUSED}: {key_names}", is_ours=is_here(settings.venue.rest_url))
            if settings.symbols != ANY_TAPE and not any(check.level is Level.FAIL for check in asked):
                asked.append(_symbols(found.orders, settings.symbols))
            return [*before, *asked]
    except Stopped as stopped:
        advice = "set the variables that the configuration names, or correct it"
        return [*before, fail("venue", stopped.sentence, advice)]
    finally:
        host.close()


def ask(orders: OrderVenue, key_refused: str = _KEY_REFUSED, *, is_ours: bool = True) -> list[Check]:
    """Of a venue that has not been opened. `key_refused`: what to do about that."""
    not_there = f"{_NOT_THERE}{_STARTS_OURS if is_ours else ' Is the network?'}"
    try:
        clock = check_clock(orders, time.time_ns)
    except (VenueUnavailable, VenueRefused) as error:
        return [fail("venue", str(error), not_there)]
    if clock is None:
        return [ok("clock", NO_VENUE_CLOCK), *_ask_about_key(orders, not_there, key_refused)]
    checks = [ok("venue", f"answers within {clock.took_ms} ms")]
    if clock.is_beyond:
        checks.append(fail("clock", clock.words, "synchronise this machine's clock (NTP)"))
    else:
        checks.append(ok("clock", f"differs from the venue's by {clock.skew_ms} ms"))
    return [*checks, *_ask_about_key(orders, "try again; it did answer a moment ago", key_refused)]


def _ask_about_key(orders: OrderVenue, when_silent: str, when_refused: str) -> list[Check]:
    try:
        orders.check_key()
    except VenueRefused as error:
        return [fail("key", str(error), when_refused)]
    except VenueUnavailable as error:
        return [fail("key", str(error), when_silent)]
    return [ok("key", "accepted")]


def _symbols(orders: OrderVenue, wanted: tuple[str, ...]) -> Check:
    """Whether the venue has them: a start refuses one that it has not."""
    advice = "correct the strategies' symbols"
    try:
        listed = {instrument.symbol: instrument for instrument in orders.load_instruments()}
    except (VenueUnavailable, VenueRefused) as error:
        return fail("symbols", str(error), advice)
    missing = [symbol for symbol in wanted if symbol not in listed]
    halted = [symbol for symbol in wanted if symbol in listed and not listed[symbol].is_trading]
    if missing:
        return fail("symbols", f"the venue does not list {', '.join(missing)}", advice)
    if halted:
        return fail("symbols", f"{', '.join(halted)} is not trading at the venue now", "wait, or take it out")
    return ok("symbols", f"{', '.join(wanted)}: listed, and trading")
