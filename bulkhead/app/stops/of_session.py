"""The stop threads of a session."""

from contextlib import AbstractContextManager, nullcontext

from actors import addresses
from bulkhead.app.session import Session
from bulkhead.app.stops.notes import Notes
from bulkhead.app.stops.service import Parts, stop_threads


def stop_threads_of(session: Session) -> AbstractContextManager[object]:
    """Not where a tape owns the clock: nothing hangs there but the one thread that plays it."""
    if session.venue.owns_trading_clock:
        return nullcontext()
    settings, parts = session.settings, session.parts
    broker = addresses.broker(settings.venue.name)
    return stop_threads(
        Parts(
            session_id=session.session_id,
            gate=parts.gate,
            watch=session.latch_watch,
            venue=session.venue.orders,
            venue_name=settings.venue.name,
            tap=session.tap,
            notes=Notes(settings.session.logs_dir / "audit", settings.session.stop_dir),
            tell_broker=lambda body: parts.host.tell(broker, body, sender="emergency-canceller"),
            monotonic_ns=parts.host.monotonic_ns,
            grace_s=settings.stops.emergency_after_s,
            is_automatic=settings.stops.is_automatic,
        )
    )
