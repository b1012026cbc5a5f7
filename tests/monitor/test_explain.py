"""From any id of a trade to the whole chain, in words, from files alone."""

from pathlib import Path

import pytest

from bulkhead.monitor.explain import Explanation, NotFound, explain, explanation_text
from messages.failure import LimitApproached, StopLevelChanged, StopReason
from messages.orders import VenueExecution, VenueOrder
from messages.records import (
    ForeignOrderSeen,
    IntentStatusChanged,
    LimitApproachRecorded,
    OrphanFillSeen,
    StopLevelRecorded,
)
from messages.values import IntentStatus, OrderStatus, Origin, Side, StopLevel
from tests.monitor.sessions import (
    SYMBOL,
    Session,
    at,
    decision,
    enter,
    fill,
    intent,
    order,
    portfolio,
    position,
    row_refused,
    row_taken,
    write_round_trip,
)
from tests.monitor.test_summary import refused, tripped


@pytest.fixture
def session(tmp_path: Path) -> Session:
    session = Session(tmp_path, "S1")
    write_round_trip(session)
    return session


def whats(explanation: Explanation) -> list[str]:
    return [link.what for link in explanation.links]


def words_of(explanation: Explanation, what: str) -> str:
    return " ".join(link.words for link in explanation.links if link.what == what)


CHAIN = [
    "tick", "decision", "risk checks", "intent", "order", "accepted", "fill", "position", "fill", "filled", "position",
    "portfolio", "round trip",
]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ("client-1", "order"),
        ("901", "order"),
        ("S1/trend.1.1", "intent"),
        ("trend.1.1", "decision"),
        (f"sim:{SYMBOL}:12", "fill"),
    ],
)
def test_any_id_leads_to_the_same_chain(session: Session, wanted: str, kind: str) -> None:
    explanation = explain(session.path.parent, wanted)
    assert explanation.kind == kind
    assert whats(explanation) == CHAIN
    assert explanation.sessions == ("S1",)
    assert explanation.notes == ()


def test_the_words_say_prices_reasons_and_numbers(session: Session) -> None:
    told = explain(session.path.parent, "client-1")
    assert told.headline == "BUY 0.5 BTCUSDT at the market, ENTRY by trend: filled at 64,010.2 on average."
    assert "bid 64,010.1 × 2, ask 64,010.2 × 1" in words_of(told, "tick")
    assert "the fast mean is above the slow one. Codes: CROSS_UP. Scores: gap_bps 2.5." in words_of(told, "decision")
    assert "order_notional 32,005.1 ≤ 50,000; max_positions 0 < 3; duplicate_intent none" in words_of(
        told, "risk checks"
    )
    assert "as number 901" in words_of(told, "accepted")
    assert "0.008 bps worse than at the decision (64,010.15)" in words_of(told, "fill")
    assert "recovery" not in words_of(told, "fill")
    assert "held 0.5 BTCUSDT" in words_of(told, "position")
    assert "99,990 USDT" in words_of(told, "portfolio")
    assert "+12.5 USDT after 6.4 of fees" in words_of(told, "round trip")


def test_links_carry_times_and_spans(session: Session) -> None:
    told = explain(session.path.parent, "client-1")
    spans = [link.since_previous_ns for link in told.links]
    assert spans[0] is None
    assert sum(span for span in spans if span is not None) == told.took_ns
    assert told.links[1].since_previous_ns == 2_000_000
    assert told.links[0].at == "2025-01-01 12:00:01.000"


def test_a_trade_shows_both_its_orders(session: Session) -> None:
    told = explain(session.path.parent, "trade-1")
    assert told.kind == "trade"
    assert whats(told).count("decision") == 2
    assert whats(told).count("fill") == 3
    assert told.headline.endswith("ended with +12.5 USDT after fees.")


def test_a_decision_to_do_nothing_is_explained_too(session: Session) -> None:
    told = explain(session.path.parent, "trend.1.0")
    assert whats(told) == ["tick", "decision"]
    assert told.headline == "trend decided HOLD in BTCUSDT: no signal to enter."


def test_a_decision_without_intent_says_why(session: Session) -> None:
    session.decide(enter(8, at(20), intent_id=None, note="SIZE_BELOW_LOT: too small"))
    assert explain(session.path.parent, "trend.1.8").headline.endswith(
        "no order came of it: SIZE_BELOW_LOT: too small."
    )
    session.decide(enter(9, at(21)))
    assert "was never recorded" in explain(session.path.parent, "trend.1.9").headline


@pytest.mark.parametrize("wanted", ["trend.1.8", "S1/trend.1.8"])
def test_a_refusal_shows_the_numbers(session: Session, wanted: str) -> None:
    session.decide(enter(8, at(20)))
    session.add(at(20.001), refused())
    told = explain(session.path.parent, wanted)
    assert whats(told) == ["tick", "decision", "refused"]
    assert "max_positions was 3, the limit is 3" in words_of(told, "refused")
    assert told.headline == "The risk guard refused it (MAX_POSITIONS); nothing was sent."


@pytest.mark.parametrize("wanted", ["S1/trend.1.8", "S1/trend.1.8/0", "client-8"])
def test_a_row_of_the_inbox_stands_where_a_strategy_has_its_decision(session: Session, wanted: str) -> None:
    made = intent(8, at(20), origin=Origin.INBOX)
    session.add(at(20), row_taken(made))
    session.add(at(20.001), made, order(8, OrderStatus.PENDING_SUBMIT, "created", at(20.001)))
    told = explain(session.path.parent, wanted)
    assert whats(told) == ["tick", "inbox", "risk checks", "intent", "order"]
    words = words_of(told, "inbox")
    assert "put row 7 into the inbox for trend: ENTRY BUY 0.5 BTCUSDT at the market" in words
    assert "Action key S1/trend.1.8/0. It was taken 0.5 s after" in words


def test_a_row_of_the_inbox_that_the_risk_guard_refused_says_what_it_wanted(session: Session) -> None:
    session.add(at(20), row_taken(intent(8, at(20), origin=Origin.INBOX)))
    session.add(at(20.001), refused())
    assert whats(explain(session.path.parent, "S1/trend.1.8")) == ["tick", "inbox", "refused"]


@pytest.mark.parametrize("wanted", ["abc", "key-9"])
def test_a_row_that_became_no_intent_is_explained_by_its_keys(session: Session, wanted: str) -> None:
    session.add(at(20), row_refused(asked="ENTRY BUY 1 BTCUSDT at the market for model"))
    told = explain(session.path.parent, wanted)
    assert told.headline == "The inbox answered its row 9 with REJECTED (NUMBER_IMPOSSIBLE); nothing was sent."
    assert whats(told) == ["refused"]
    assert "quantity is '-1' and must be a number above zero. It asked for ENTRY BUY 1" in words_of(told, "refused")


def test_an_unknown_outcome_over_two_sessions(tmp_path: Path) -> None:
    """The process dies after the bytes left; the next session finds the fill by asking the venue."""
    first = Session(tmp_path, "S1")
    first.decide(enter(1, at(1.002)))
    first.add(at(1.004), intent(1, at(1.002)), order(1, OrderStatus.PENDING_SUBMIT, "created", at(1.004)))
    first.add(at(6), order(1, OrderStatus.UNKNOWN, "unknown", at(6), reason="no answer within 5 s"))
    told = explain(tmp_path, "client-1")
    assert whats(told)[-1] == "UNKNOWN"
    assert "no answer came (no answer within 5 s)" in words_of(told, "UNKNOWN")
    assert "its outcome is UNKNOWN" in told.headline

    second = Session(tmp_path, "S2", at(60))
    second.decide(decision(1, at(62)))  # the same decision id, in another session
    second.add(at(61), fill(1, 1, "0.5", at(1.2), source="snapshot"))
    second.add(at(61), order(1, OrderStatus.FILLED, "resolved", at(61), filled="0.5", created_ns=at(1.004)))
    second.add(
        at(61.1), position("0.5", f"sim:{SYMBOL}:11", at(61.1)), portfolio("99990", at(61.1), f"sim:{SYMBOL}:11")
    )
    told = explain(tmp_path, "client-1")
    assert told.sessions == ("S1", "S2")
    assert whats(told) == [
        "tick", "decision", "risk checks", "intent", "order", "UNKNOWN", "fill", "resolved", "position", "portfolio",
    ]  # fmt: skip
    assert "It came from recovery" in words_of(told, "fill")
    assert "executed it at 12:00:01.200" in words_of(told, "fill")
    assert told.headline.endswith("filled at 64,010.2 on average.")
    assert explain(tmp_path, "trend.1.1").notes, "the id of a decision is ambiguous between sessions, and said so"


def test_a_fill_of_a_venue_that_tells_only_totals_is_no_recovery(tmp_path: Path) -> None:
    session = Session(tmp_path, "S1")
    session.decide(enter(1, at(1.002)))
    session.add(at(1.004), intent(1, at(1.002)), order(1, OrderStatus.PENDING_SUBMIT, "created", at(1.004)))
    session.add(at(2), fill(1, 1, "0.5", at(2), source="totals"))
    said = words_of(explain(tmp_path, "client-1"), "fill")
    assert "by how much the order's totals in its list had grown" in said
    assert "recovery" not in said


def test_every_end_of_an_order_has_its_words(tmp_path: Path) -> None:
    session = Session(tmp_path, "S1")
    session.add(
        at(1), intent(1, at(1), origin=Origin.STOP_PLAN), order(1, OrderStatus.PENDING_SUBMIT, "created", at(1))
    )
    steps = (
        ("not_sent", OrderStatus.PENDING_SUBMIT), ("resent", OrderStatus.PENDING_SUBMIT),
        ("acknowledged", OrderStatus.SUBMITTED), ("cancel_requested", OrderStatus.PENDING_CANCEL),
        ("cancel_rejected", OrderStatus.SUBMITTED), ("cancel_unknown", OrderStatus.PENDING_CANCEL),
        ("cancelled", OrderStatus.CANCELLED), ("overfilled", OrderStatus.FILLED), ("something_new", OrderStatus.FILLED),
    )  # fmt: skip
    for n, (change, status) in enumerate(steps):
        session.add(
            at(2 + n),
            order(1, status, change, at(2 + n), reason="busy", is_late=change == "overfilled", notes=("odd",)),
        )
    session.add(at(20), IntentStatusChanged(intent_id="S1/trend.1.1", status=IntentStatus.DONE, reason="all ended"))
    told = explain(tmp_path, "client-1")
    assert whats(told) == [
        "tick", "risk checks", "intent", "order", "not sent", "sent again", "accepted", "cancel asked",
        "cancel refused", "cancel unanswered", "cancelled", "overfilled", "something_new", "intent",
    ]  # fmt: skip
    assert "The stop plan wished" in words_of(told, "intent")
    assert "came late" in words_of(told, "overfilled")
    assert "Noted: odd." in words_of(told, "overfilled")


@pytest.mark.parametrize(
    ("status", "change", "end"),
    [
        (OrderStatus.REJECTED, "rejected", "REJECTED, too poor."),
        (OrderStatus.FAILED, "failed", "FAILED, too poor."),
        (OrderStatus.EXPIRED, "expired", "EXPIRED, 0 of 0.5 filled."),
    ],
)
def test_how_it_ended_is_the_headline(tmp_path: Path, status: OrderStatus, change: str, end: str) -> None:
    session = Session(tmp_path, "S1")
    session.add(at(1), intent(1, at(1)), order(1, status, change, at(2), reason="too poor"))
    assert explain(tmp_path, "client-1").headline.endswith(end)


def test_a_trip_from_its_approach_to_its_lifting(tmp_path: Path) -> None:
    session = Session(tmp_path, "S1")
    reason = StopReason(
        reason_id="risk:daily_loss", level=StopLevel.SOFT, cause="loss of the day", since_ns=at(2), needs_operator=True
    )
    near = LimitApproached(limit_name="daily_loss", value="-410", limit="-500", share="0.82")
    session.add(at(1), LimitApproachRecorded(approach=near))
    session.add(at(2), tripped(), StopLevelRecorded(change=StopLevelChanged(level=StopLevel.SOFT, reasons=(reason,))))
    session.add(at(9), StopLevelRecorded(change=StopLevelChanged(level=StopLevel.RUN, reasons=())))
    by_limit = explain(tmp_path, "daily_loss")
    assert by_limit.headline == "daily_loss was -510, limit -500: trading stopped at level SOFT for all."
    assert whats(by_limit) == ["approach", "trip", "stop level"]
    by_reason = explain(tmp_path, "risk:daily_loss")
    assert whats(by_reason) == ["stop level", "stop level"]
    assert "an operator must lift it" in by_reason.links[0].words
    assert "no reason is in force any more" in by_reason.links[1].words
    assert explain(tmp_path, "RISK_GUARD_TRIPPED").kind == "trip"


def test_what_is_not_ours_is_said(tmp_path: Path) -> None:
    session = Session(tmp_path, "S1")
    session.add(
        at(1),
        ForeignOrderSeen(
            order=VenueOrder(
                client_order_id="by-hand", venue_order_id="555", symbol=SYMBOL, side=Side.BUY, order_type="LIMIT",
                status=OrderStatus.SUBMITTED, quantity="1", filled="0", filled_notional="0", created_ns=1, updated_ns=1,
            )
        ),
        OrphanFillSeen(
            execution=VenueExecution(
                execution_id="777", venue_order_id="555", symbol=SYMBOL, side=Side.BUY, quantity="1", price="5",
                fee="0", fee_asset="USDT", executed_ns=1,
            )
        ),
    )  # fmt: skip
    told = explain(tmp_path, "555")
    assert whats(told) == ["foreign order", "orphan fill"]
    assert told.headline == "No order of ours came of it."
    assert told.kind == "order that is not ours"


@pytest.mark.parametrize("wanted", ["client-9", "client", "", "BTCUSDT", "trend", '"', "sim"])
def test_what_no_session_knows(session: Session, wanted: str) -> None:
    with pytest.raises(NotFound, match="1 sessions"):
        explain(session.path.parent, wanted)


def test_unreadable_lines_are_owned_up_to(session: Session) -> None:
    line = session.add(at(30), order(1, OrderStatus.FILLED, "filled", at(30), filled="0.5"))
    session.append("obs_orders_fills", line.replace('"filled":"0.5"', '"filled":"half"').replace('"seq":', '"seq":9'))
    assert any("1 lines could not be read" in note for note in explain(session.path.parent, "client-1").notes)


def test_as_text_and_as_json(session: Session) -> None:
    told = explain(session.path.parent, "client-1")
    text = explanation_text(told).plain
    assert text.startswith("order client-1\nBUY 0.5 BTCUSDT")
    assert "session S1" in text
    assert "+25 ms" in text
    assert "From first to last: 8.05 s." in text
    assert Explanation.model_validate_json(told.model_dump_json()) == told
