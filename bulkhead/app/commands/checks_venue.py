"""What `bulkhead doctor` asks of the venue: is it there, does its clock agree with ours, does it know our key."""

import time

from bulkhead.app.commands.checks import ANY_TAPE, Check, fail, ok, warn
from bulkhead.app.exit_codes import Stopped
from bulkhead.app.preflight import MAX_CLOCK_SKEW_MS
from bulkhead.app.settings import Settings
from bulkhead.app.venue import connect
from bulkhead.venues.port import OrderVenue, VenueRefused, VenueUnavailable
from messages.orders import OrderTicket
from supervisor.runtime.threaded import ThreadedHost

NS_PER_MS = 1_000_000


class _SendsNothing:
    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int) -> str | None:
        return "the doctor sends no orders"


def venue(settings: Settings) -> list[Check]:
    if settings.venue.start_simulator:
        return [ok("venue", "simulated, started with each run: no key and no clock to compare")]
    if not settings.strategies:
        return [warn("venue", "not asked, since no strategy names a symbol", "configure a strategy")]
    host = ThreadedHost(settings.session.seed)
    try:
        with connect(settings.with_tape(ANY_TAPE), None, host, _SendsNothing()) as found:
            return _ask(found.orders)
    except Stopped as stopped:
        return [fail("venue", stopped.sentence, "set the two variables that the configuration names, or correct it")]
    finally:
        host.close()


def _ask(orders: OrderVenue) -> list[Check]:
    try:
        before_ns = time.time_ns()
        venue_ms = orders.server_time_ms()
        after_ns = time.time_ns()
    except (VenueUnavailable, VenueRefused) as error:
        return [fail("venue", str(error), "is it running, are the URLs right? (`bulkhead simulator` starts ours)")]
    # The answer was made somewhere between the two looks at our clock; half way is the best guess.
    skew_ms = (before_ns + after_ns) // 2 // NS_PER_MS - venue_ms
    checks = [ok("venue", f"answers within {(after_ns - before_ns) / NS_PER_MS:.0f} ms")]
    if abs(skew_ms) > MAX_CLOCK_SKEW_MS:
        said = f"our clock and the venue's differ by {skew_ms} ms (at most {MAX_CLOCK_SKEW_MS})"
        checks.append(fail("clock", said, "synchronise this machine's clock (NTP)"))
    else:
        checks.append(ok("clock", f"differs from the venue's by {skew_ms} ms"))
    try:
        orders.check_key()
    except VenueRefused as error:
        checks.append(fail("key", str(error), "check the key, its secret, its permissions and the allowed addresses"))
    except VenueUnavailable as error:
        checks.append(fail("key", str(error), "try again; it did answer a moment ago"))
    else:
        checks.append(ok("key", "accepted"))
    return checks
