"""What `bulkhead doctor` asks of the venue: is it there, does its clock agree with ours, does it know our key."""

import time

from bulkhead.app.clock_check import check_clock
from bulkhead.app.commands.checks import ANY_TAPE, Check, fail, ok, warn
from bulkhead.app.exit_codes import Stopped
from bulkhead.app.settings import Settings
from bulkhead.app.venue import connect
from bulkhead.venues.port import OrderVenue, VenueRefused, VenueUnavailable
from messages.orders import OrderTicket
from supervisor.runtime.threaded import ThreadedHost


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
        clock = check_clock(orders, time.time_ns)
    except (VenueUnavailable, VenueRefused) as error:
        return [fail("venue", str(error), "is it running, are the URLs right? (`bulkhead simulator` starts ours)")]
    checks = [ok("venue", f"answers within {clock.took_ms} ms")]
    if clock.is_beyond:
        checks.append(fail("clock", clock.words, "synchronise this machine's clock (NTP)"))
    else:
        checks.append(ok("clock", f"differs from the venue's by {clock.skew_ms} ms"))
    try:
        orders.check_key()
    except VenueRefused as error:
        checks.append(fail("key", str(error), "check the key, its secret, its permissions and the allowed addresses"))
    except VenueUnavailable as error:
        checks.append(fail("key", str(error), "try again; it did answer a moment ago"))
    else:
        checks.append(ok("key", "accepted"))
    return checks
