"""What a digest counts, one small reader for each: lines of one session in, in their order; plain values out. Pure."""

from collections import defaultdict
from decimal import Decimal

from bulkhead.monitor.lines import Line
from messages.values import Number, StopLevel, Value

NS_PER_S = 1_000_000_000


class Stop(Value):
    """One reason to stop, from its beginning to its end within a session."""

    reason_id: str
    level: str
    cause: str
    began_ns: int
    seconds: float
    is_over: bool
    """False: it was in force when the session ended, or still is."""


class Trip(Value):
    at_ns: int
    code: str
    limit_name: str
    value: str
    limit: str


class Failures(Value):
    """Of one mode."""

    mode: str
    count: int
    recovered: int
    seconds: tuple[float, ...]
    """To each recovery."""


class Doubt(Value):
    """An order of which the venue did not tell what became of it."""

    client_order_id: str
    symbol: str
    at_ns: int
    resolved: str
    """By which change, and into which status; empty: it is in doubt still."""
    seconds: float | None


class Money(Value):
    """Of round trips that ended, in one currency."""

    currency: str
    round_trips: int
    wins: int
    pnl: Number
    """After fees."""
    fees: Number


def stops(lines: list[Line], end_ns: int) -> list[Stop]:
    """`end_ns`: up to when a reason that nobody lifted counts."""
    begun: dict[str, tuple[int, int, str]] = {}
    found = []

    def over(reason_id: str, at_ns: int, *, is_over: bool) -> Stop:
        began_ns, level, cause = begun.pop(reason_id)
        return Stop(
            reason_id=reason_id,
            level=StopLevel(level).name,
            cause=cause,
            began_ns=began_ns,
            seconds=max(0, at_ns - began_ns) / NS_PER_S,
            is_over=is_over,
        )

    for line in lines:
        if line.type != "StopLevelRecorded":
            continue
        now = {reason["reason_id"]: reason for reason in line.payload["change"]["reasons"]}
        found += [over(gone, line.at_ns, is_over=True) for gone in begun.keys() - now.keys()]
        for reason_id, reason in now.items():
            began_ns, level, _ = begun.get(reason_id, (line.at_ns, 0, ""))
            begun[reason_id] = (began_ns, max(level, reason["level"]), reason["cause"])
    found += [over(left, end_ns, is_over=False) for left in list(begun)]
    return sorted(found, key=lambda stop: (stop.began_ns, stop.reason_id))


def trips(lines: list[Line]) -> list[Trip]:
    said = [(line.at_ns, line.payload["trip"]) for line in lines if line.type == "RiskTripRecorded"]
    return [
        Trip(at_ns=at_ns, **{name: trip[name] for name in ("code", "limit_name", "value", "limit")})
        for at_ns, trip in said
    ]


def failures(lines: list[Line]) -> list[Failures]:
    counts: dict[str, int] = defaultdict(int)
    seconds: dict[str, list[float]] = defaultdict(list)
    open_since: dict[tuple[str, str], int] = {}
    for line in lines:
        if line.type != "FailureRecorded":
            continue
        failure = line.payload["failure"]
        key = (failure["mode"], failure["scope"])
        if not failure["recovered"]:
            if key not in open_since:
                counts[failure["mode"]] += 1
                open_since[key] = line.at_ns
        elif (since_ns := open_since.pop(key, None)) is not None:
            seconds[failure["mode"]].append((line.at_ns - since_ns) / NS_PER_S)
    return [
        Failures(mode=mode, count=count, recovered=len(seconds[mode]), seconds=tuple(seconds[mode]))
        for mode, count in sorted(counts.items())
    ]


def doubts(lines: list[Line]) -> list[Doubt]:
    found: dict[str, Doubt] = {}
    done = []
    for line in lines:
        if line.type != "OrderRecorded":
            continue
        order, change = line.payload["order"], line.payload["change"]
        key = order["ticket"]["client_order_id"]
        if order["status"] == "UNKNOWN":
            symbol = order["ticket"]["symbol"]
            new = Doubt(client_order_id=key, symbol=symbol, at_ns=line.at_ns, resolved="", seconds=None)
            found.setdefault(key, new)
        elif (doubt := found.pop(key, None)) is not None:
            seconds = (line.at_ns - doubt.at_ns) / NS_PER_S
            done.append(doubt.model_copy(update={"resolved": f"{change}: {order['status']}", "seconds": seconds}))
    return [*done, *found.values()]


def drifts(lines: list[Line]) -> list[str]:
    """What was called a drift, and what was booked to settle one."""
    called = [
        f"{line.payload['failure']['scope']}: {line.payload['failure']['detail']}"
        for line in lines
        if line.type == "FailureRecorded"
        and line.payload["failure"]["mode"] == "position_drift"
        and not line.payload["failure"]["recovered"]
    ]
    settled = [
        f"settled: {line.payload['kind']} {line.payload['amount']} {line.payload['asset']} ({line.payload['reason']})"
        for line in lines
        if line.type == "AdjustmentRecorded"
    ]
    return [*dict.fromkeys(called), *settled]


def money(lines: list[Line]) -> list[Money]:
    by_currency: dict[str, list[dict[str, str]]] = defaultdict(list)
    for line in lines:
        if line.type == "RoundTripRecorded":
            by_currency[line.payload["trade"]["currency"]].append(line.payload["trade"])
    return [
        Money(
            currency=currency,
            round_trips=len(trades),
            wins=sum(Decimal(trade["pnl"]) > 0 for trade in trades),
            pnl=sum((Decimal(trade["pnl"]) for trade in trades), Decimal(0)),
            fees=sum((Decimal(trade["fees"]) for trade in trades), Decimal(0)),
        )
        for currency, trades in sorted(by_currency.items())
    ]


def config_changes(lines: list[Line]) -> list[str]:
    return [
        change for line in lines if line.type == "ConfigSnapshotRecorded" for change in line.payload.get("changes", ())
    ]
