"""ClockWatch: holds our clock beside the venue's, and the wall's beside the monotonic one.

Not grown where a tape owns the clock. Beyond the budget, or after a jump, CLOCK_SKEW is reported; it is over when both
have been in order for a settle time. What an earlier incarnation had reported is read from the gate.
"""

from collections.abc import Callable
from typing import NamedTuple

from actors import addresses
from messages.clock import AskVenueTime, VenueTimeFailed, VenueTimeTold
from messages.failure import FailureMode, FailureReported, StopReason
from messages.supervision import TimerFired
from messages.values import Name
from supervisor.runtime.behaviour import Behaviour, Context, receives

LOOK_S = 1.0
"""The two clocks of this machine are compared this often: a clock that NTP leads moves 0.5 ms in it."""
_REASON_ID = f"{FailureMode.CLOCK_SKEW.value}:all"
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


class ClockSeat(NamedTuple):
    venue: Name
    tells_time: bool
    max_skew_ms: int
    max_jump_ms: int
    check_interval_s: float
    settle_s: float


class ClockWatchActor(Behaviour):
    def __init__(self, seat: ClockSeat, reasons: Callable[[], tuple[StopReason, ...]]) -> None:
        """`reasons` tells the stop reasons in force, from any thread."""
        self._seat = seat
        self._reasons = reasons
        self._is_beyond = False
        self._offset_ns = 0
        """The wall's clock less the monotonic one, when it was last looked at."""
        self._trouble_ns = 0
        """Monotonic, of the last time that anything was out of order."""
        self._agreed_ns: int | None = None
        """Monotonic, of the last time that the venue's clock was seen to agree."""

    def on_start(self, ctx: Context) -> None:
        self._offset_ns, self._trouble_ns = ctx.now_ns() - ctx.monotonic_ns(), ctx.monotonic_ns()
        self._is_beyond = any(reason.reason_id == _REASON_ID for reason in self._reasons())
        ctx.after(LOOK_S, "look")
        if self._seat.tells_time:
            ctx.after(LOOK_S, "ask")

    @receives(TimerFired)
    def on_timer(self, timer: TimerFired, ctx: Context) -> None:
        if timer.key == "ask":
            ctx.after(self._seat.check_interval_s, "ask")
            self._ask(ctx)
            return
        ctx.after(LOOK_S, "look")
        self._look(ctx)
        self._settle(ctx)

    def _look(self, ctx: Context) -> None:
        """The two clocks cannot be read at once: where this thread was held up between them, nothing is seen."""
        before_ns, now_ns, after_ns = ctx.monotonic_ns(), ctx.now_ns(), ctx.monotonic_ns()
        allowed_ns = self._seat.max_jump_ms * _NS_PER_MS
        if after_ns - before_ns > allowed_ns // 2:
            return
        jump_ns = now_ns - before_ns - self._offset_ns
        self._offset_ns += jump_ns
        if abs(jump_ns) > allowed_ns:
            self._trouble(f"the wall's clock jumped by {jump_ns // _NS_PER_MS} ms", ctx)
            self._ask(ctx)

    def _ask(self, ctx: Context) -> None:
        if self._seat.tells_time:
            ctx.tell(addresses.broker(self._seat.venue), AskVenueTime())

    @receives(VenueTimeTold)
    def on_told(self, told: VenueTimeTold, ctx: Context) -> None:
        """The venue looked at its clock somewhere between question and answer: a slow answer alone is no skew."""
        skew_ns = (told.asked_ns + told.answered_ns) // 2 - told.venue_ns
        unsure_ns = max(0, told.answered_ns - told.asked_ns) // 2
        if abs(skew_ns) - unsure_ns > self._seat.max_skew_ms * _NS_PER_MS:
            said = f"our clock and the venue's differ by {skew_ns // _NS_PER_MS} ms"
            self._trouble(f"{said} (at most {self._seat.max_skew_ms})", ctx)
        else:
            self._agreed_ns = ctx.monotonic_ns()

    @receives(VenueTimeFailed)
    def on_failed(self, _: VenueTimeFailed, __: Context) -> None:
        """Nothing is known by it: what was known stays, and the next question may be answered."""

    def _trouble(self, detail: str, ctx: Context) -> None:
        self._trouble_ns = ctx.monotonic_ns()
        if not self._is_beyond:
            self._is_beyond = True
            self._report(detail, ctx)

    def _settle(self, ctx: Context) -> None:
        quiet_ns = ctx.monotonic_ns() - self._trouble_ns
        agrees = not self._seat.tells_time or (self._agreed_ns is not None and self._agreed_ns > self._trouble_ns)
        if self._is_beyond and agrees and quiet_ns >= self._seat.settle_s * _NS_PER_S:
            self._is_beyond = False
            self._report(f"the clocks have been in order for {quiet_ns / _NS_PER_S:.0f} s", ctx, recovered=True)

    def _report(self, detail: str, ctx: Context, *, recovered: bool = False) -> None:
        report = FailureReported(mode=FailureMode.CLOCK_SKEW, detail=detail, recovered=recovered)
        ctx.tell(addresses.FAILURE_HANDLER, report)
