"""Which of the things that actors say is an alarm, how urgent it is, and in which words. Pure.

The key of a stop reason is its id. A failure report has the id that the reason made of it has, so that the two are told
as one.
"""

from collections.abc import Mapping

from bulkhead.monitor.alerting.alarms import Alarm, AlertsStatus, Severity
from bulkhead.monitor.words import rounded
from messages.failure import FailureMode, FailureReported, LimitApproached, RiskTripped, StopReason
from messages.supervision import ChildDown
from messages.values import StopLevel, StopPlan
from supervisor.failure_modes import TABLE, reason_id
from supervisor.gate import RECOVERY_REASON, SESSION_REASON
from supervisor.policy import NORMAL_ENDS

CALLS_SOMEBODY = frozenset({FailureMode.LEDGER_FAILURE, FailureMode.ORDER_IN_DOUBT, FailureMode.AUTH_EXPIRED})
"""Modes that may end by themselves, and seldom do: a full disk, an order that the venue does not know, a dead key."""
_PLANS = {
    StopPlan.CANCEL_ENTRIES: "entries are cancelled",
    StopPlan.REDUCE: "entries are cancelled and positions reduced",
    StopPlan.FLATTEN: "all orders are cancelled and positions closed",
}


def of_reason(reason: StopReason) -> Alarm | None:
    """None for what belongs to the ordered end of a session."""
    if reason.reason_id == SESSION_REASON:
        return None
    name = reason.reason_id.partition(":")[0]
    is_urgent = reason.level >= StopLevel.MEDIUM or reason.needs_operator or name in CALLS_SOMEBODY
    parts = [f"stop level {reason.level.name} for {reason.scope}: {reason.cause} [{reason.reason_id}]"]
    plan = reason.effective_plan
    if reason.is_technical and plan >= StopPlan.REDUCE:
        parts.append(f"pending until the books are compared and it is confirmed: {_PLANS[plan]}")
    elif plan is not StopPlan.NONE:
        parts.append(_PLANS[plan])
    if reason.needs_operator:
        parts.append("it stays until `bulkhead resume`")
    return Alarm(reason.reason_id, Severity.P0 if is_urgent else Severity.P1, "; ".join(parts))


def at_start(reasons: Mapping[str, StopReason]) -> tuple[Alarm, ...]:
    """What is in force when the listening begins. That the books are not compared yet is how every session begins."""
    found = (of_reason(reason) for reason in reasons.values() if reason.reason_id != RECOVERY_REASON)
    return tuple(alarm for alarm in found if alarm is not None)


def of_failure(report: FailureReported) -> Alarm:
    row = TABLE[report.mode]
    is_urgent = row.level >= StopLevel.MEDIUM or row.needs_operator or report.mode in CALLS_SOMEBODY
    words = f"{report.mode.value.replace('_', ' ')} ({report.scope}): {report.detail}"
    if report.fallback is not None:
        words = f"{words}; {report.fallback} stands in for it"
    return Alarm(reason_id(report), Severity.P0 if is_urgent else Severity.P1, words)


def of_lasting_stop(report: FailureReported) -> Alarm:
    """It has recovered, and the stop that it caused is an operator's to lift."""
    mode = report.mode.value.replace("_", " ")
    words = f"{mode} ({report.scope}) is over: {report.detail}; its stop stays until `bulkhead resume`"
    return Alarm(f"{reason_id(report)}:over", Severity.P1, words, is_event=True)


def of_trip(trip: RiskTripped) -> Alarm:
    words = f"risk limit {trip.limit_name}: {trip.value} reached {trip.limit}, {trip.level.name} for {trip.scope}"
    held = "" if trip.portfolio is None else f"; equity {trip.portfolio.equity:f} {trip.portfolio.currency}"
    return Alarm(f"risk:{trip.limit_name}", Severity.P0, f"{words}: {trip.detail}{held}")


def of_approach(near: LimitApproached) -> Alarm:
    words = f"{near.limit_name} is at {near.value}, {rounded(near.share, 2)} of its limit {near.limit}"
    return Alarm(f"near:{near.limit_name}", Severity.P1, words, is_event=True)


def of_death(down: ChildDown, critical: frozenset[str]) -> Alarm | None:
    """None for an end that was meant."""
    if down.reason in NORMAL_ENDS:
        return None
    lines = down.detail.strip().splitlines()
    last = lines[-1] if lines else "no detail"
    what = "a part of the order path" if down.child in critical else "beside the order path"
    words = f"{down.child} has ended ({down.reason}): {last}; {what}, its supervisor sees to it"
    return Alarm(f"crash:{down.child}", Severity.P1, words, is_event=True)


def of_ways(status: AlertsStatus) -> dict[str, Alarm | None]:
    """For each way out whether it is an alarm of its own: the other ways tell of it (field lesson L29)."""
    ways: dict[str, Alarm | None] = {}
    for target in status.targets:
        key = f"alerts:{target.name}"
        is_failing = target.failing_since_ns is not None
        words = f"alert target {target.name} takes nothing: {target.why}"
        ways[key] = Alarm(key, Severity.P1, words) if is_failing else None
    if status.heartbeat is not None:
        key = "alerts:heartbeat"
        is_failing = status.heartbeat.failing_since_ns is not None
        words = f"the heartbeat does not get through: {status.heartbeat.why}"
        ways[key] = Alarm(key, Severity.P1, words) if is_failing else None
    return ways
