"""The table of failure modes, and the pure decision on a report.

Each row: how strict the gate becomes, and whether it opens again by itself or only by an operator. Detection is in the
actors; carrying out is the FailureHandler's.
"""

from typing import NamedTuple

from messages.failure import FailureMode, FailureReported, StopReason
from messages.values import StopLevel


class Row(NamedTuple):
    level: StopLevel
    needs_operator: bool
    meaning: str


TABLE: dict[FailureMode, Row] = {
    FailureMode.DATA_DELAY: Row(StopLevel.SOFT, False, "no tick within the limit; ticks must flow again"),
    FailureMode.EXCHANGE_DISCONNECT: Row(StopLevel.MEDIUM, True, "the feed could not be reconnected"),
    FailureMode.EXECUTION_DELAY: Row(StopLevel.SOFT, False, "no answer to an order; its symbol is skipped until then"),
    FailureMode.RATE_LIMIT: Row(StopLevel.REDUCED, False, "the venue's request limit is used up"),
    FailureMode.BROKER_DISCONNECT: Row(StopLevel.HARD, True, "the order channel could not be established"),
    FailureMode.ACTOR_CRASH_LOOP: Row(StopLevel.SOFT, True, "an actor used up its restart budget"),
    FailureMode.ACTOR_STUCK: Row(StopLevel.SOFT, False, "an actor did not answer and was replaced"),
    FailureMode.LEDGER_FAILURE: Row(StopLevel.SOFT, False, "a commit failed; what cannot be written must not be sent"),
    FailureMode.CLOCK_SKEW: Row(StopLevel.SOFT, False, "our clock and the venue's differ beyond the budget"),
    FailureMode.POSITION_DRIFT: Row(StopLevel.SOFT, True, "the books and the venue differ and nothing explains it"),
    FailureMode.SPLIT_BRAIN: Row(StopLevel.HARD, True, "the account is held by another process"),
    FailureMode.AUTH_EXPIRED: Row(StopLevel.SOFT, False, "the venue refuses our key"),
    FailureMode.INSTRUMENTS_OLD: Row(StopLevel.RUN, False, "trading rules could not be fetched; the last ones hold"),
    FailureMode.INBOX_UNAVAILABLE: Row(StopLevel.RUN, False, "rows wait in the intent inbox, and nothing else does"),
}


class Shut(NamedTuple):
    reason: StopReason


class Lift(NamedTuple):
    reason_id: str


class Nothing(NamedTuple):
    why: str


def reason_id(report: FailureReported) -> str:
    return f"{report.mode.value}:{report.scope}"


def decide(report: FailureReported, now_ns: int) -> Shut | Lift | Nothing:
    """What a report does to the gate. A recovery lifts what needs an operator only if one has seen to it."""
    row = TABLE[report.mode]
    if report.recovered:
        may_lift = report.by_operator or not row.needs_operator
        return Lift(reason_id(report)) if may_lift else Nothing("an operator must re-arm it")
    return Shut(
        StopReason(
            reason_id=reason_id(report),
            level=row.level,
            scope=report.scope,
            cause=report.detail,
            since_ns=now_ns,
            needs_operator=row.needs_operator,
        )
    )
