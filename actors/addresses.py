"""The names under which the actors know one another."""

from messages.values import Origin

LEDGER = "ledger"
RISK_GUARD = "risk-guard"
FAILURE_HANDLER = "failure-handler"
PORTFOLIO = "portfolio"
OMS = "oms"
RECORDER = "recorder"
OBSERVER = "observer"
INSTRUMENT_MASTER = "instrument-master"
INBOX = "intent-inbox"
ALERTS = "alerts"
CLOCK_WATCH = "clock-watch"


def broker(venue: str) -> str:
    return f"broker:{venue}"


def transport(venue: str) -> str:
    return f"transport:{venue}"


def market_data(feed: str) -> str:
    return f"market-data:{feed}"


def strategy(strategy_id: str) -> str:
    return f"strategy:{strategy_id}"


def answer_to(origin: Origin, strategy_id: str) -> str:
    """Who is told that nothing came of an intent: whoever handed it in. Its owner hears of its orders either way."""
    return INBOX if origin is Origin.INBOX else strategy(strategy_id)


# -- topics -----------------------------------------------------------------------------------------------------------

MARKS = "marks"
PORTFOLIO_CHANGES = "portfolio"
EQUITY = "equity"
ORDER_CHANGES = "orders"
STOP_LEVEL = "stop-level"
GATE = "gate"
FAILURES = "failures"
"""Failure reports, trips, limits that come near, and deaths that were not meant."""
INPUTS = "inputs"
EVENTS = "events"
DECISIONS = "decisions"
LOST_APPENDS = "lost-appends"
INSTRUMENTS = "instruments"
DATA_HEALTH = "data-health"


def ticks(symbol: str) -> str:
    return f"ticks:{symbol}"


def bars(symbol: str, interval_s: int) -> str:
    return f"bars:{symbol}:{interval_s}"
