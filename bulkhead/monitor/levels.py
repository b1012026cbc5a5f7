"""How much a line of a stream asks for attention: a table, and one function on it."""

from enum import IntEnum

from bulkhead.monitor.lines import Line


class LineLevel(IntEnum):
    """How much a line asks for attention."""

    DEBUG = 10
    """Decisions to do nothing, positions, snapshots."""
    INFO = 20
    WARNING = 30
    ERROR = 40


_ORDER_LEVELS = {
    "rejected": LineLevel.WARNING,
    "failed": LineLevel.WARNING,
    "not_sent": LineLevel.WARNING,
    "cancel_rejected": LineLevel.WARNING,
    "unknown": LineLevel.ERROR,
    "cancel_unknown": LineLevel.ERROR,
    "overfilled": LineLevel.ERROR,
}
_FIXED_LEVELS = {
    "PositionRecorded": LineLevel.DEBUG,
    "PortfolioRecorded": LineLevel.DEBUG,
    "DeadlineSet": LineLevel.DEBUG,
    "DeadlineCleared": LineLevel.DEBUG,
    "DecisionOutcome": LineLevel.DEBUG,
    "RiskRefusalRecorded": LineLevel.WARNING,
    "LimitApproachRecorded": LineLevel.WARNING,
    "LimitRearmRecorded": LineLevel.WARNING,
    "ForeignOrderSeen": LineLevel.WARNING,
    "OrphanFillSeen": LineLevel.WARNING,
    "DeadLetterRecorded": LineLevel.WARNING,
    "InboxRowRefused": LineLevel.WARNING,
    "RiskTripRecorded": LineLevel.ERROR,
    "ChildDownRecorded": LineLevel.ERROR,
    "EscapeRecorded": LineLevel.ERROR,
    "ReductionRecorded": LineLevel.ERROR,
    "StopPlansRecorded": LineLevel.WARNING,
}


def level_of(line: Line) -> LineLevel:
    """What a reader who asks for warnings and worse should see."""
    payload = line.payload
    try:
        match line.type:
            case "DecisionMade":
                is_idle = payload["decision"]["action"] in ("HOLD", "SKIP")
                return LineLevel.DEBUG if is_idle else LineLevel.INFO
            case "OrderRecorded":
                return (
                    LineLevel.ERROR if payload.get("is_late") else _ORDER_LEVELS.get(payload["change"], LineLevel.INFO)
                )
            case "IntentStatusChanged":
                is_bad = payload["status"] in ("REJECTED", "FAILED", "DUPLICATE")
                return LineLevel.WARNING if is_bad else LineLevel.INFO
            case "AccountObserved":
                return LineLevel.ERROR if payload["differences"] else LineLevel.DEBUG
            case "ReconciliationRecorded":
                return LineLevel.INFO if payload["result"]["is_clean"] else LineLevel.WARNING
            case "StopLevelRecorded":
                return LineLevel.WARNING if payload["change"]["level"] else LineLevel.INFO
            case "SourceRecorded":
                return LineLevel.INFO if payload["change"]["source"] == "feed" else LineLevel.WARNING
            case "FailureRecorded":
                return LineLevel.INFO if payload["failure"]["recovered"] else LineLevel.WARNING
    except (KeyError, TypeError):
        return LineLevel.INFO
    return _FIXED_LEVELS.get(line.type, LineLevel.INFO)
