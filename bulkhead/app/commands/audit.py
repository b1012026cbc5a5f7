"""`bulkhead audit`: what operators did and what happened, over all sessions of a folder; for a weekly look."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bulkhead.app.commands.audit_check import audit_findings
from bulkhead.app.commands.output import write, write_json
from bulkhead.app.commands.places import ledger_of, status_of
from bulkhead.app.commands.tail import since_ns
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.ledger import audit_file
from bulkhead.ledger.port import LedgerNewer, LedgerUnavailable
from bulkhead.ledger.session import session_paths
from bulkhead.ledger.verify import Finding, verify_session
from bulkhead.monitor.digest import Digest, SessionDigest, digest
from bulkhead.monitor.words import one_line, rounded

WEEK = timedelta(days=7)
_WEEK_WORD = re.compile(r"(\d{4})-W(\d{2})")


def run(logs_dir: Path, week: str | None, since: str | None, *, is_verified: bool, as_json: bool) -> ExitCode:
    """0, or 6 when a chain does not hold. Raises Stopped for words that name no time, or an unreadable file."""
    begin_ns, end_ns = window(week, since, datetime.now(UTC))
    lines, findings = audit_findings(logs_dir)
    try:
        acts = audit_file.check(audit_file.path_in(logs_dir)).lines
    except OSError as error:
        raise Stopped(ExitCode.ERROR, f"the audit file below {logs_dir} cannot be read: {error.strerror}") from None
    found = digest(session_paths(logs_dir), acts, begin_ns, end_ns)
    chains = {session.session_id: _chain(logs_dir, session.session_id) for session in found.sessions if is_verified}
    is_broken = bool(findings) or any(chain.startswith(_BROKEN) for chain in chains.values())
    if as_json:
        audit = {"lines": lines, "findings": [finding.model_dump(mode="json") for finding in findings]}
        write_json({**found.model_dump(mode="json"), "audit_file": audit, "chains": chains})
    else:
        for line in _words(found, lines, findings, chains):
            write(line)
    return ExitCode.VERDICT_FAILED if is_broken else ExitCode.OK


def window(week: str | None, since: str | None, now: datetime) -> tuple[int, int]:
    """From when to when, ns: an ISO week (`2026-W47`, UTC), since a time, or the last seven days. Raises Stopped."""
    now_ns = int(now.timestamp() * 1e9)
    if week is not None and since is not None:
        raise Stopped(ExitCode.ERROR, "--week and --since say two things: take one of them out")
    if week is None:
        return since_ns(since or "7d", now), now_ns
    named = _WEEK_WORD.fullmatch(week)
    try:
        if named is None:
            raise ValueError(week)
        monday = datetime.fromisocalendar(int(named[1]), int(named[2]), 1).replace(tzinfo=UTC)
    except ValueError:
        raise Stopped(ExitCode.ERROR, f"--week takes an ISO week like 2026-W47, not {week!r}") from None
    begin_ns = int(monday.timestamp()) * 10**9
    return begin_ns, min(now_ns, begin_ns + int(WEEK.total_seconds()) * 10**9)


_BROKEN = "does not hold"


def _chain(logs_dir: Path, session_id: str) -> str:
    """Of a session's files and its ledger, in words."""
    folder = logs_dir / "sessions" / session_id
    if status_of(folder).is_running:
        return "running: not verified"
    ledger = ledger_of(folder, logs_dir)
    try:
        report = verify_session(folder, ledger if ledger.is_file() else None)
    except (LedgerUnavailable, LedgerNewer) as error:
        return f"{_BROKEN}: {error}"
    if report.ok:
        return "holds"
    first = report.findings[0]
    return f"{_BROKEN}: {first.file}: {first.what} (`bulkhead verify {session_id}`)"


def _words(found: Digest, lines: int, findings: list[Finding], chains: dict[str, str]) -> Iterator[str]:
    yield f"{_time(found.since_ns)} to {_time(found.until_ns)} UTC: {len(found.sessions)} sessions, {lines} audit lines"
    for finding in findings:
        yield f"AUDIT FILE {finding.file}{f', line {finding.line}' if finding.line else ''}: {finding.what}"
    yield ""
    yield f"operators ({len(found.acts)} acts)"
    for act in found.acts:
        yield f"  {_time(act.at_ns)}  {act.operator}: {one_line(act.action)}: {one_line(act.reason)}"
    for session in found.sessions:
        yield ""
        yield from _session(session, chains.get(session.session_id))
    yield ""
    yield "money"
    for each in found.money:
        won = f"{each.round_trips} round trips, {each.wins} won"
        yield f"  {rounded(each.pnl, 2, signed=True)} {each.currency} after {rounded(each.fees, 2)} fees; {won}"
    if not found.money:
        yield "  no round trip has ended"


def _session(session: SessionDigest, chain: str | None) -> Iterator[str]:
    order = {True: "in order", False: "NOT in order", None: "not known whether in order"}[session.in_order]
    yield f"session {session.session_id}  {session.mode} at {session.venue}, from {_time(session.started_ns)}"
    yield f"  ended: {one_line(session.ended)} ({order}); files: {chain or 'not verified'}"
    for change in session.config_changes:
        yield f"  setting: {one_line(change)}"
    for stop in session.stops:
        lasted = f"{stop.seconds:,.0f} s" if stop.is_over else f"{stop.seconds:,.0f} s and on"
        yield f"  stop: {stop.level} {stop.reason_id}, {lasted}: {one_line(stop.cause)}"
    for trip in session.trips:
        yield f"  trip: {trip.code} {trip.limit_name}: {trip.value} against {trip.limit}, {_time(trip.at_ns)}"
    for failure in session.failures:
        took = f", recovered in {max(failure.seconds):,.1f} s at most" if failure.seconds else ""
        yield f"  failure: {failure.mode} {failure.count} times, {failure.recovered} recovered{took}"
    for doubt in session.doubts:
        end = f"{doubt.resolved} after {doubt.seconds:,.1f} s" if doubt.seconds is not None else "IN DOUBT STILL"
        yield f"  in doubt: {doubt.client_order_id} {doubt.symbol}: {end}"
    for drift in session.drifts:
        yield f"  drift: {one_line(drift)}"


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M")
