"""What `bulkhead doctor` looks at for KIS before it asks the venue: keys by their names, the socket's room, the hours.

The token and the account are asked for afterwards, as any venue's key is (checks_venue.py).
"""

from datetime import datetime

from bulkhead.app.commands.checks import Check, fail, ok, warn
from bulkhead.app.exit_codes import Stopped
from bulkhead.app.secret_files import read_secret
from bulkhead.app.settings import Settings
from bulkhead.app.venue_kis import token_file
from bulkhead.venues import krx
from bulkhead.venues.wire.kis_terms import MAX_REGISTRATIONS

STREAMS = 2
"""Of each symbol: its trades and its book. The notices of orders take one more."""


def look(settings: Settings, now_ns: int) -> list[Check]:
    return [*_names(settings), _registrations(len(settings.symbols)), _hours(now_ns), _token(settings, now_ns)]


def _names(settings: Settings) -> list[Check]:
    """Each that is missing, by its name; what it holds is never shown."""
    missing = []
    for name in settings.venue.kis.env_names:
        try:
            read_secret(name)
        except Stopped as stopped:
            missing.append(fail("keys", stopped.sentence, "docs/venues/kis.md says where each comes from"))
    said = f"{', '.join(settings.venue.kis.env_names)} are set" if settings.venue.kis.env_names else "none named"
    return missing or [ok("keys", said)]


def _registrations(symbols: int) -> Check:
    needed = symbols * STREAMS + 1
    said = f"{symbols} symbols take {needed} of the socket's {MAX_REGISTRATIONS} registrations"
    if needed > MAX_REGISTRATIONS:
        most = (MAX_REGISTRATIONS - 1) // STREAMS
        return fail("socket", said, f"trade at most {most} symbols with one app key")
    return ok("socket", f"{said}; no other program may use this app key meanwhile")


def _hours(now_ns: int) -> Check:
    try:
        if krx.is_trading_at(now_ns):
            return ok("hours", f"KRX trades until {_kst(krx.close_ns(krx.kst_day(now_ns)))}")
        return ok("hours", f"KRX is closed; it opens {_kst(krx.next_open_ns(now_ns))}")
    except (krx.CalendarMissing, krx.OutsideCalendar) as error:
        return warn("hours", str(error), 'install it, or leave the hours to KIS by venue.kis.hours = "any"')


def _kst(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // 10**9, tz=krx.KST):%Y-%m-%d %H:%M} KST"


def _token(settings: Settings, now_ns: int) -> Check:
    # Imported when wanted: with it comes what only this venue needs (AES for its notices).
    from bulkhead.venues.adapters.kis_tokens import read_kept

    path = token_file(settings)
    try:
        kept = read_kept(path)
        if kept is None:
            return ok("token", f"none in {path} yet: KIS gives one a minute, and tells you by KakaoTalk each time")
        others = path.stat().st_mode & 0o077
    except (OSError, ValueError) as error:
        said = f"{path} holds no token that can be read ({type(error).__name__})"
        return warn("token", said, f"remove {path}: KIS is asked for a new one (a KakaoTalk message)")
    if others:
        return warn("token", f"{path} may be read by others than its owner", f"chmod 600 {path}")
    if kept.token.expires_ns <= now_ns:
        return ok("token", f"the one in {path} has ended; KIS is asked for a new one (a KakaoTalk message)")
    return ok("token", f"kept in {path} until {_kst(kept.token.expires_ns)}")
