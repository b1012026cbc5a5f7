"""The digest of a week: each thing counted once, with its length, and nothing from outside of the time."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from bulkhead.ledger.audit_file import AuditLine
from bulkhead.ledger.session import session_paths
from bulkhead.monitor.digest import Digest, SessionDigest, digest
from messages.failure import FailureMode, FailureReported, RiskTripped, StopLevelChanged, StopReason
from messages.records import ConfigSnapshotRecorded, FailureRecorded, RiskTripRecorded, StopLevelRecorded
from messages.values import OrderStatus, StopLevel
from tests.monitor.sessions import Session, at, order, trip_of


def ended(session: Session, stopped_s: float | None, **more: object) -> None:
    metadata = {"session_id": session.id, "started_ns": at(0), "mode": "paper", "venue": "sim", **more}
    metadata |= {"stopped_ns": None if stopped_s is None else at(stopped_s), "stop_reason": "told to"}
    (session.path / "ops_metadata.json").write_text(json.dumps(metadata))


def level(*reasons: tuple[str, StopLevel]) -> StopLevelRecorded:
    made = tuple(StopReason(reason_id=name, level=value, cause=f"of {name}", since_ns=0) for name, value in reasons)
    return StopLevelRecorded(change=StopLevelChanged(level=max((r.level for r in made), default=0), reasons=made))


def failed(mode: FailureMode, scope: str, *, recovered: bool = False) -> FailureRecorded:
    return FailureRecorded(failure=FailureReported(mode=mode, scope=scope, detail="it differs", recovered=recovered))


def made_of(tmp_path: Path, since_s: float = 0, until_s: float = 1_000, acts: tuple[AuditLine, ...] = ()) -> Digest:
    return digest(session_paths(tmp_path), acts, at(since_s), at(until_s))


@pytest.fixture
def session(tmp_path: Path) -> Session:
    made = Session(tmp_path / "sessions", "S1")
    ended(made, 100, ended_in_order=True)
    return made


def only(found: Digest) -> SessionDigest:
    (session,) = found.sessions
    return session


@pytest.mark.req("S-21")
def test_stops_last_from_their_beginning_to_their_end(tmp_path: Path, session: Session) -> None:
    session.add(at(10), level(("a", StopLevel.SOFT)))
    session.add(at(15), level(("a", StopLevel.HARD), ("b", StopLevel.MEDIUM)))
    session.add(at(20), level(("b", StopLevel.MEDIUM)))
    first, second = only(made_of(tmp_path)).stops
    assert (first.reason_id, first.level, first.seconds, first.is_over) == ("a", "HARD", 10, True)
    assert (second.reason_id, second.seconds, second.is_over) == ("b", 85, False), "to the end of the session"
    assert first.cause == "of a"


@pytest.mark.req("S-21")
def test_failures_by_mode_with_the_time_to_each_recovery(tmp_path: Path, session: Session) -> None:
    delay = FailureMode.DATA_DELAY
    session.add(at(1), failed(delay, "symbol:A"))
    session.add(at(2), failed(delay, "symbol:A"), failed(delay, "symbol:B"))
    session.add(at(4), failed(delay, "symbol:A", recovered=True), failed(delay, "symbol:C", recovered=True))
    session.add(at(5), failed(FailureMode.POSITION_DRIFT, "symbol:A"))
    found = only(made_of(tmp_path))
    assert [(each.mode, each.count, each.recovered, each.seconds) for each in found.failures] == [
        ("data_delay", 2, 1, (3.0,)),
        ("position_drift", 1, 0, ()),
    ]
    assert found.drifts == ("symbol:A: it differs",)


@pytest.mark.req("S-21")
def test_orders_in_doubt_and_how_each_was_resolved(tmp_path: Path, session: Session) -> None:
    session.add(at(1), order(1, OrderStatus.UNKNOWN, "unknown", at(1)), order(2, OrderStatus.UNKNOWN, "unknown", at(1)))
    session.add(at(2), order(1, OrderStatus.UNKNOWN, "unknown", at(2)))
    session.add(at(6), order(1, OrderStatus.FILLED, "filled", at(6), filled="0.5"))
    session.add(at(7), order(3, OrderStatus.FILLED, "filled", at(7), filled="0.5"))
    first, second = only(made_of(tmp_path)).doubts
    assert (first.client_order_id, first.resolved, first.seconds) == ("client-1", "filled: FILLED", 5.0)
    assert (second.client_order_id, second.resolved, second.seconds) == ("client-2", "", None)


@pytest.mark.req("S-21")
def test_trips_settings_acts_and_money(tmp_path: Path, session: Session) -> None:
    trip = RiskTripped(
        code="RISK_GUARD_TRIPPED",
        limit_name="max_daily_loss",
        value="120",
        limit="100",
        level=StopLevel.MEDIUM,
        scope="all",
        detail="",
        portfolio=None,
        execution_quality={},
    )
    session.add(at(1), RiskTripRecorded(trip=trip), trip_of(1, at(0), at(1)), trip_of(2, at(0), at(1), pnl="-20"))
    session.add(
        at(2), ConfigSnapshotRecorded(config_snapshot_id="c", content="{}", at_ns=0, changes=("risk.x: 1 -> 2",))
    )
    other = Session(tmp_path / "sessions", "S2", at(50))
    ended(other, None)
    other.add(at(60), trip_of(3, at(50), at(60)))
    did = {"action": "kill", "operator": "ada", "reason": "enough"}
    acts = tuple(AuditLine(n, str(n), {**did, "at_ns": at(n), "state": "done"}) for n in (-5, 5, 2_000))
    found = made_of(tmp_path, acts=(*acts, AuditLine(9, "x", {"at_ns": "junk"})))
    first, second = found.sessions
    assert [(each.limit_name, each.value, each.limit) for each in first.trips] == [("max_daily_loss", "120", "100")]
    assert (first.config_changes, first.in_order, second.in_order) == (("risk.x: 1 -> 2",), True, None)
    assert [(act.action, act.operator, act.at_ns) for act in found.acts] == [("kill done", "ada", at(5))]
    (money,) = found.money
    assert (money.round_trips, money.wins, money.pnl, money.fees) == (3, 2, Decimal(5), Decimal("19.2"))


def test_what_lies_outside_of_the_time_is_left_out(tmp_path: Path, session: Session) -> None:
    for second in (5, 50, 95):
        session.add(at(second), trip_of(second, at(0), at(second)))
    assert only(made_of(tmp_path, 10, 90)).money[0].round_trips == 1
    assert made_of(tmp_path, 101).sessions == ()
    assert made_of(tmp_path, -50, 0).sessions == ()
    (tmp_path / "sessions" / "junk").mkdir()
    assert len(made_of(tmp_path).sessions) == 1
