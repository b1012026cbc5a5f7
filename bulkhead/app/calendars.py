"""The calendar of each symbol, from the settings and from what the adapter knows of its symbols.

Refused at start, with what to do: a name that no exchange has, a calendar whose library is not installed, one that is
not that of the symbol's exchange, and a symbol that nobody trades.
"""

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import Settings
from bulkhead.app.venue import adapter_of
from bulkhead.market.calendar import ALWAYS, NEVER_CLOSED, Calendar, MarketSession
from bulkhead.venues import exchanges


def calendars(settings: Settings) -> dict[str, Calendar]:
    """One for each traded symbol. Raises Stopped."""
    given, traded = settings.market_data, adapter_of(settings).exchange(settings)
    for symbol in given.calendars:
        if symbol not in settings.symbols:
            raise _refused(f"calendars names {symbol}, which no strategy trades: take it out")
    named = {symbol: given.calendars.get(symbol, given.calendar or traded.calendar) for symbol in settings.symbols}
    for symbol, name in named.items():
        if traded.known is not None and name not in traded.known:
            known = " or ".join(f'"{each}"' for each in sorted(traded.known))
            raise _refused(f'{symbol} is not traded at "{name}": its calendar is {known}, or leave it out')
    return {symbol: _made(name) for symbol, name in named.items()}


def _made(name: str) -> Calendar:
    if name == ALWAYS:
        return NEVER_CLOSED
    try:
        found = exchanges.exchange(name)
    except exchanges.CalendarMissing as error:
        raise _refused(f'calendar = "{name}": {error}') from None
    except exchanges.UnknownExchange as error:
        raise _refused(f'{error}; "always" is a calendar without hours') from None
    return Calendar(name, (MarketSession(*session) for session in found.sessions), found.zone)


def _refused(words: str) -> Stopped:
    return Stopped(ExitCode.CONFIG, f"market_data: {words}")
