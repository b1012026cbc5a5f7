"""InstrumentMaster: keeps the venue's trading rules of today, and tells them to whoever trades by them.

They are fetched at the start by the preflight, and here once a UTC day, through the broker, which never blocks. A new
version is in the ledger before anybody trades by it. What cannot be fetched is asked for again each minute, and the
last version holds meanwhile; that it does not hold for ever is the precheck's to see, by the rules' own age, so that
it also works when this actor is down.
"""

from collections.abc import Iterable

from actors import addresses
from messages.failure import FailureMode, FailureReported
from messages.instruments import (
    Instrument,
    InstrumentsFailed,
    InstrumentsLoaded,
    InstrumentsRecorded,
    InstrumentsTold,
    LoadInstruments,
)
from messages.records import Append, AppendFailed
from messages.supervision import TimerFired
from supervisor.runtime.behaviour import Behaviour, Context, receives

NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S
CHECK_S = 60.0
"""Between two looks at the date; the rules in force are told again each time."""
ANSWER_S = 120.0
"""A question without an answer for this long was lost, and counts as failed."""
REPORTED_AFTER = 3
"""Failures in a row before it is reported: a venue may be away for a minute."""


NOT_LISTED = "not listed"
OF_EARLIER_RUNS = "not traded by this run"
"""Status of what the books hold and the venue was not asked for: no entries, while exits and the books go on."""


class InstrumentBook:
    """The rules in force, by symbol: read by whoever is made later. One reference is replaced, so any thread may."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.install(instruments)

    def install(self, instruments: Iterable[Instrument]) -> None:
        self.current = {instrument.symbol: instrument for instrument in instruments}


class InstrumentMasterActor(Behaviour):
    def __init__(self, venue: str, book: InstrumentBook) -> None:
        self._venue = venue
        self._book = book
        self._asked_ns: int | None = None
        self._failures = 0
        self._is_reported = False

    def on_start(self, ctx: Context) -> None:
        ctx.after(CHECK_S, "check")

    @receives(TimerFired)
    def on_timer(self, _: TimerFired, ctx: Context) -> None:
        ctx.after(CHECK_S, "check")
        ctx.publish(addresses.INSTRUMENTS, self._told())
        now_ns = ctx.now_ns()
        if self._asked_ns is not None and now_ns - self._asked_ns >= int(ANSWER_S * NS_PER_S):
            self._note_failure(f"no answer for {ANSWER_S:.0f} s", ctx)
        if self._asked_ns is None and self._is_due(now_ns):
            self._asked_ns = now_ns
            ctx.tell(addresses.broker(self._venue), LoadInstruments())

    def _is_due(self, now_ns: int) -> bool:
        today = now_ns // NS_PER_DAY
        known = self._book.current.values()
        return any(rules.as_of_ns is None or rules.as_of_ns // NS_PER_DAY != today for rules in known)

    def _told(self) -> InstrumentsTold:
        return InstrumentsTold(instruments=tuple(self._book.current.values()))

    @receives(InstrumentsLoaded)
    def on_loaded(self, loaded: InstrumentsLoaded, ctx: Context) -> None:
        self._asked_ns = None
        wrong = self._contradiction(loaded)
        if wrong is not None:
            self._note_failure(wrong, ctx)
            return
        self._note_success(ctx)
        told = InstrumentsTold(instruments=self._merged(loaded))
        known = {rules.version for rules in self._book.current.values()}
        version = loaded.instruments[0].version
        if known == {version}:
            self._book.install(told.instruments)
            ctx.publish(addresses.INSTRUMENTS, told)
            return
        record = InstrumentsRecorded(
            venue=loaded.venue, version=version, instruments=told.instruments, at_ns=loaded.as_of_ns
        )
        release = (ctx.seal(ctx.name, told), *ctx.seal_all(addresses.INSTRUMENTS, told))
        ctx.tell(addresses.LEDGER, Append(records=(record,), release=release))

    def _contradiction(self, loaded: InstrumentsLoaded) -> str | None:
        """Why nobody may trade by this list."""
        if not loaded.instruments:
            return "the venue's list is empty"
        for rules in loaded.instruments:
            known = self._book.current.get(rules.symbol)
            if known is not None and (known.base_asset, known.quote_asset) != (rules.base_asset, rules.quote_asset):
                pairs = f"{known.base_asset}/{known.quote_asset} and now {rules.base_asset}/{rules.quote_asset}"
                return f"{rules.symbol} was {pairs}: the books are kept in these assets"
        return None

    def _merged(self, loaded: InstrumentsLoaded) -> tuple[Instrument, ...]:
        """The list, and what it leaves out of what we know: not traded any more, while its positions stay booked."""
        listed = {rules.symbol for rules in loaded.instruments}
        version = loaded.instruments[0].version
        gone = {"version": version, "is_trading": False}
        left_out = [
            rules.model_copy(update=gone if rules.status == OF_EARLIER_RUNS else {**gone, "status": NOT_LISTED})
            for rules in self._book.current.values()
            if rules.symbol not in listed
        ]
        both = (*loaded.instruments, *left_out)
        return tuple(rules.model_copy(update={"as_of_ns": loaded.as_of_ns}) for rules in both)

    @receives(InstrumentsTold)
    def on_told(self, told: InstrumentsTold, _: Context) -> None:
        """Our own letter, released: the version is on disk."""
        self._book.install(told.instruments)

    @receives(AppendFailed)
    def on_append_failed(self, failed: AppendFailed, ctx: Context) -> None:
        """What is not on disk nobody trades by: it is asked for again at the next look."""

    @receives(InstrumentsFailed)
    def on_failed(self, failed: InstrumentsFailed, ctx: Context) -> None:
        self._note_failure(failed.reason, ctx)

    def _note_failure(self, reason: str, ctx: Context) -> None:
        self._asked_ns = None
        self._failures += 1
        if self._failures >= REPORTED_AFTER and not self._is_reported:
            self._is_reported = True
            detail = f"{self._venue}: {self._failures} times in a row the trading rules could not be fetched: {reason}"
            self._report(detail, ctx)

    def _note_success(self, ctx: Context) -> None:
        self._failures = 0
        if self._is_reported:
            self._is_reported = False
            self._report(f"{self._venue}: the trading rules were fetched again", ctx, recovered=True)

    def _report(self, detail: str, ctx: Context, *, recovered: bool = False) -> None:
        report = FailureReported(mode=FailureMode.INSTRUMENTS_OLD, detail=detail, recovered=recovered)
        ctx.tell(addresses.FAILURE_HANDLER, report)
