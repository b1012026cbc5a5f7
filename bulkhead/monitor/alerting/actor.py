"""AlertsActor: hears of what somebody should know, and hands what the policy lets through to whoever sends it.

It decides nothing about trading and waits for nobody: `post` only puts a message into a queue. Its time is monotonic:
a wall clock that is set back would hold every alert up until it has caught up.
"""

from collections.abc import Callable
from typing import NamedTuple

from bulkhead.monitor.alerting import words
from bulkhead.monitor.alerting.alarms import Alarm, AlertsStatus, Notice, Severity
from bulkhead.monitor.alerting.policy import AlertPolicy, PolicySettings
from messages.failure import FailureReported, LimitApproached, RiskTripped, StopLevelTold, StopReason
from messages.supervision import ChildDown, TimerFired
from supervisor.runtime.behaviour import Behaviour, Context, receives

LOOK_INTERVAL_S = 1.0
URGENT_S = 0.2
"""A P0 waits this long for its like: a trip shuts the gate, and both are one message."""


class AlertDoor(NamedTuple):
    """How alerts leave the house, and how the ways out are. Neither blocks."""

    post: Callable[[Notice], None]
    ways: Callable[[], AlertsStatus]


class AlertsActor(Behaviour):
    def __init__(
        self,
        settings: PolicySettings,
        door: AlertDoor,
        reasons: Callable[[], tuple[StopReason, ...]],
        critical: frozenset[str],
    ) -> None:
        """`reasons` are those of the gate, in force at the moment of asking; `critical` are the actors without which no
        entry leaves."""
        self._settings, self._door = settings, door
        self._stops, self._critical = reasons, critical
        self._reasons: dict[str, StopReason] = {}
        self._policy = AlertPolicy(settings, next_digest_ns=0)

    def on_start(self, ctx: Context) -> None:
        self._policy.next_digest_ns = ctx.monotonic_ns() + int(self._settings.digest_interval_s * 1e9)
        self._reasons = self._in_force()
        for alarm in words.at_start(self._reasons):
            self._raise(alarm, ctx)
        ctx.after(LOOK_INTERVAL_S, "look")

    def on_stop(self, ctx: Context, reason: str) -> None:
        self._look_at_gate(ctx)
        self._post_due(ctx.monotonic_ns() + int(self._settings.group_s * 1e9))

    @receives(StopLevelTold)
    def on_gate(self, _: StopLevelTold, ctx: Context) -> None:
        self._look_at_gate(ctx)

    @receives(FailureReported)
    def on_failure(self, report: FailureReported, ctx: Context) -> None:
        self._look_at_gate(ctx)
        alarm = words.of_failure(report)
        if not report.recovered:
            if alarm.key not in self._reasons:  # else its stop reason says the same and more
                self._raise(alarm, ctx)
        elif alarm.key in self._reasons:
            self._raise(words.of_lasting_stop(report), ctx)
        else:
            self._policy.recover(alarm.key, ctx.monotonic_ns())

    @receives(RiskTripped)
    def on_trip(self, trip: RiskTripped, ctx: Context) -> None:
        self._look_at_gate(ctx)
        self._raise(words.of_trip(trip), ctx)

    @receives(LimitApproached)
    def on_approach(self, near: LimitApproached, ctx: Context) -> None:
        self._raise(words.of_approach(near), ctx)

    @receives(ChildDown)
    def on_child_down(self, down: ChildDown, ctx: Context) -> None:
        alarm = words.of_death(down, self._critical)
        if alarm is not None:
            self._raise(alarm, ctx)

    @receives(TimerFired)
    def on_look(self, fired: TimerFired, ctx: Context) -> None:
        if fired.key == "look":
            ctx.after(LOOK_INTERVAL_S, "look")
            self._look_at_gate(ctx)
            self._look_at_ways(ctx)
        self._post_due(ctx.monotonic_ns())

    # -- inside -------------------------------------------------------------------------------------------------------

    def _in_force(self) -> dict[str, StopReason]:
        return {reason.reason_id: reason for reason in self._stops()}

    def _look_at_gate(self, ctx: Context) -> None:
        before, self._reasons = self._reasons, self._in_force()
        for key, reason in self._reasons.items():
            known = before.get(key)
            is_news = known is None or (known.level, known.scope) != (reason.level, reason.scope)
            alarm = words.of_reason(reason) if is_news else None
            if alarm is not None:
                self._raise(alarm, ctx)
        for key in before.keys() - self._reasons.keys():
            self._policy.recover(key, ctx.monotonic_ns())

    def _look_at_ways(self, ctx: Context) -> None:
        for key, alarm in words.of_ways(self._door.ways()).items():
            if alarm is None:
                self._policy.recover(key, ctx.monotonic_ns())
            elif not self._policy.is_active(key):
                self._raise(alarm, ctx)

    def _raise(self, alarm: Alarm, ctx: Context) -> None:
        self._policy.raise_alarm(alarm, ctx.monotonic_ns())
        if alarm.severity is Severity.P0:
            ctx.after(URGENT_S, "urgent")

    def _post_due(self, now_ns: int) -> None:
        for notice in self._policy.due(now_ns):
            self._door.post(notice)
