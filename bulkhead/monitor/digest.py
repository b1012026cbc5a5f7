"""A digest of what happened in all sessions of a folder between two moments, from the files that they left.

A session's last events stand in the ledger alone until its next start when it was killed; they are not seen here.
"""

import heapq
import json
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from bulkhead.ledger.audit_file import AuditLine
from bulkhead.ledger.session import METADATA_NAME
from bulkhead.monitor import digest_parts as parts
from bulkhead.monitor.digest_parts import Doubt, Failures, Money, Stop, Trip
from bulkhead.monitor.lines import Line, read_lines
from messages.records import Stream
from messages.values import Value

STREAMS = (Stream.OPS, Stream.RISK, Stream.FAILURES, Stream.ORDERS_FILLS, Stream.TRADES, Stream.PORTFOLIO)


class Act(Value):
    at_ns: int
    operator: str
    action: str
    reason: str


class SessionDigest(Value):
    """What one session did within the time."""

    session_id: str
    mode: str
    venue: str
    started_ns: int
    stopped_ns: int | None
    ended: str
    """In words."""
    in_order: bool | None
    config_changes: tuple[str, ...]
    stops: tuple[Stop, ...]
    trips: tuple[Trip, ...]
    failures: tuple[Failures, ...]
    doubts: tuple[Doubt, ...]
    drifts: tuple[str, ...]
    money: tuple[Money, ...]


class Digest(Value):
    since_ns: int
    until_ns: int
    acts: tuple[Act, ...]
    sessions: tuple[SessionDigest, ...]
    money: tuple[Money, ...]
    """Of all sessions together."""


def digest(folders: Sequence[Path], acts: Sequence[AuditLine], since_ns: int, until_ns: int) -> Digest:
    """`folders` are sessions'. One that cannot be read, or lies outside of the time, is left out."""
    found = [made for folder in folders if (made := _session(folder, since_ns, until_ns)) is not None]
    return Digest(
        since_ns=since_ns,
        until_ns=until_ns,
        acts=tuple(act for line in acts if (act := _act(line)) is not None and since_ns <= act.at_ns < until_ns),
        sessions=tuple(sorted(found, key=lambda session: session.started_ns)),
        money=_together([money for session in found for money in session.money]),
    )


def _act(line: AuditLine) -> Act | None:
    fields = line.fields
    if not isinstance(fields.get("at_ns"), int):
        return None
    state = fields.get("state", "asked")
    said = str(fields.get("action", ""))
    return Act(
        at_ns=fields["at_ns"],
        operator=str(fields.get("operator", "")),
        action=said if state == "asked" else f"{said} {state}",
        reason=str(fields.get("reason", "")),
    )


def _session(folder: Path, since_ns: int, until_ns: int) -> SessionDigest | None:
    try:
        metadata = json.loads((folder / METADATA_NAME).read_bytes())
        started_ns, stopped_ns = metadata["started_ns"], metadata["stopped_ns"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if started_ns >= until_ns or (stopped_ns is not None and stopped_ns < since_ns):
        return None
    lines = _lines(folder, since_ns, until_ns)
    last_ns = lines[-1].at_ns if lines else since_ns
    return SessionDigest(
        session_id=folder.name,
        mode=metadata["mode"],
        venue=metadata["venue"],
        started_ns=started_ns,
        stopped_ns=stopped_ns,
        ended=metadata.get("stop_reason") or "not ended in order, or running",
        in_order=metadata.get("ended_in_order"),
        config_changes=tuple(parts.config_changes(lines)),
        stops=tuple(parts.stops(lines, min(until_ns, stopped_ns or last_ns))),
        trips=tuple(parts.trips(lines)),
        failures=tuple(parts.failures(lines)),
        doubts=tuple(parts.doubts(lines)),
        drifts=tuple(parts.drifts(lines)),
        money=tuple(parts.money(lines)),
    )


def _lines(folder: Path, since_ns: int, until_ns: int) -> list[Line]:
    """Of all streams, in the order of the ledger; only types that somebody counts are kept."""
    files = (_until(folder, stream.value, since_ns, until_ns) for stream in STREAMS)
    return [line for line in heapq.merge(*files, key=lambda line: line.seq) if line.type in _COUNTED]


def _until(folder: Path, stream: str, since_ns: int, until_ns: int) -> "takewhile[Line]":
    return takewhile(lambda line: line.at_ns < until_ns, read_lines(folder, stream, since_ns))


_COUNTED = frozenset(
    {
        *("StopLevelRecorded", "RiskTripRecorded", "FailureRecorded", "OrderRecorded", "AdjustmentRecorded"),
        *("RoundTripRecorded", "ConfigSnapshotRecorded"),
    }
)


def _together(found: Sequence[Money]) -> tuple[Money, ...]:
    by_currency: dict[str, Money] = {}
    for each in found:
        sum_so_far = by_currency.get(each.currency)
        if sum_so_far is None:
            by_currency[each.currency] = each
            continue
        added = {
            name: getattr(sum_so_far, name) + getattr(each, name) for name in ("round_trips", "wins", "pnl", "fees")
        }
        by_currency[each.currency] = sum_so_far.model_copy(update=added)
    return tuple(by_currency[currency] for currency in sorted(by_currency))
