"""The figures of a session: counted live and from its files, they are the same."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from bulkhead.monitor.histogram import Histogram
from bulkhead.monitor.kpi import KPI_NAME, Kpi, summary_text, write_summary
from bulkhead.monitor.lines import STREAMS, read_lines
from bulkhead.monitor.summary import SummaryBuilder, summarise
from messages.catalogue import RECORDS, canonical
from messages.failure import RiskTripped
from messages.records import LedgerEvent, RiskRefusalRecorded, RiskTripRecorded, Stream
from messages.trading import DecisionMade, RiskRefused
from messages.values import OrderStatus, StopLevel
from tests.monitor.sessions import (
    SYMBOL,
    Session,
    at,
    decision,
    fill,
    order,
    portfolio,
    trip_of,
    write_round_trip,
)


def refused(intent_id: str = "S1/trend.1.8") -> RiskRefusalRecorded:
    return RiskRefusalRecorded(
        refusal=RiskRefused(
            intent_id=intent_id, strategy_id="trend", symbol=SYMBOL, code="MAX_POSITIONS", limit_name="max_positions",
            value="3", limit="3", detail="three positions are open",
        )
    )  # fmt: skip


def tripped() -> RiskTripRecorded:
    return RiskTripRecorded(
        trip=RiskTripped(
            code="RISK_GUARD_TRIPPED", limit_name="daily_loss", value="-510", limit="-500", level=StopLevel.SOFT,
            scope="all", detail="the day's loss is beyond its limit", portfolio=None, execution_quality={},
        )
    )  # fmt: skip


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """The round trip, and everything that can go wrong beside it."""
    session = Session(tmp_path, "S1")
    write_round_trip(session)
    session.add(at(20), refused(), tripped(), portfolio("99900", at(20), peak="100006.7"))
    for n, status, change in (
        (5, OrderStatus.REJECTED, "rejected"),
        (6, OrderStatus.UNKNOWN, "unknown"),
        (7, OrderStatus.CANCELLED, "cancelled"),
    ):
        session.add(at(21), order(n, OrderStatus.PENDING_SUBMIT, "created", at(21)))
        filled = "0.1" if n == 7 else "0"
        session.add(at(22), order(n, status, change, at(22), filled=filled, created_ns=at(21)))
    session.add(at(23), order(6, OrderStatus.UNKNOWN, "unknown", at(23)))
    session.add(at(30), fill(6, 1, "0.5", at(22), source="snapshot"))
    session.add(at(30), order(6, OrderStatus.FILLED, "resolved", at(30), filled="0.5", created_ns=at(21)))
    session.add(at(40), trip_of(2, at(22), at(39), pnl="-2.5"))
    return session


@pytest.mark.req("P-10", "P-14", "D-04")
def test_the_figures(session: Session) -> None:
    kpi = summarise(session.path)
    assert kpi.session_id == "S1"
    assert (kpi.round_trips_completed, kpi.wins, kpi.win_rate_pct) == (2, 1, Decimal(50))
    assert (kpi.currency, kpi.total_pnl, kpi.total_pnl_usd) == ("USDT", Decimal(10), Decimal(10))
    assert (kpi.costs, kpi.fees_by_asset) == (Decimal("12.8"), {"USDT": Decimal("12.8")})
    assert (kpi.avg_buy_slippage_bps, kpi.avg_sell_slippage_bps) == (Decimal("0.2"), Decimal("0.4"))
    assert (kpi.avg_buy_fill_ratio, kpi.avg_sell_fill_ratio) == (Decimal(1), Decimal("0.5"))
    assert (kpi.orders, kpi.fills, kpi.recovered_fills) == (5, 4, 1)
    assert (kpi.partial_fills_count, kpi.failed_fills_count) == (1, 1)
    assert (kpi.rejects, kpi.refusals, kpi.unknowns, kpi.trips) == (1, 1, 1, 1)
    assert (kpi.max_drawdown, kpi.final_equity) == (Decimal("106.7"), Decimal(99_900))
    assert kpi.decisions == {"ENTER": 1, "EXIT": 1, "HOLD": 2}
    assert kpi.latency["order_to_ack"].count == 2
    assert kpi.latency["order_to_ack"].p50_ms == pytest.approx(25, rel=0.06)
    assert kpi.latency["order_to_first_fill"].p99_ms == pytest.approx(9000, rel=0.06)


@pytest.mark.req("P-10")
@pytest.mark.req("D-04")
def test_live_and_from_files_agree(session: Session) -> None:
    from_records, from_events = SummaryBuilder("S1"), SummaryBuilder("S1")
    for stream in STREAMS:
        for line in read_lines(session.path, stream):
            if line.type == "DecisionMade":
                made = DecisionMade.model_validate(line.payload)
                from_records.add(made)
                from_events.add(made)
                continue
            from_records.add(RECORDS[line.type].model_validate(line.payload))
            from_events.add(
                LedgerEvent(
                    seq=line.seq, at_ns=line.at_ns, stream=Stream(stream), type=line.type, session_id="S1",
                    correlation_id=line.correlation_id, causation_id=None, prev_hash="", hash="",
                    payload=canonical({**line.payload, "type": line.type}),
                )
            )  # fmt: skip
    assert from_records.kpi() == from_events.kpi() == summarise(session.path)


@pytest.mark.req("D-04")
def test_what_is_written_can_be_read(session: Session) -> None:
    kpi = summarise(session.path)
    kpi_path, summary_path = write_summary(session.path, kpi)
    assert Kpi.model_validate_json(kpi_path.read_text()) == kpi
    assert json.loads(kpi_path.read_text())["total_pnl_usd"] == "10.0"
    summary = summary_path.read_text()
    assert "| Round trips | 2 |" in summary
    assert "| Win rate | 50 % |" in summary
    assert "| Rejected by the venue / refused by the risk guard | 1 / 1 |" in summary
    assert not list(session.path.glob(".*draft"))


def test_a_failed_write_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / KPI_NAME / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_summary(tmp_path, SummaryBuilder().kpi())
    assert [path.name for path in tmp_path.iterdir()] == [KPI_NAME]


def test_an_empty_session_has_figures_too(tmp_path: Path) -> None:
    kpi = summarise(tmp_path)
    assert kpi.orders == kpi.total_pnl == 0
    assert kpi.win_rate_pct is None
    assert kpi.currency is None
    assert "| Win rate | – |" in summary_text(kpi)


def test_other_currencies_are_kept_apart() -> None:
    builder = SummaryBuilder()
    trade = trip_of(1, at(0), at(1)).trade
    builder.add(trip_of(1, at(0), at(1)))
    builder.add(trip_of(2, at(0), at(1)).model_copy(update={"trade": trade.model_copy(update={"currency": "KRW"})}))
    kpi = builder.kpi()
    assert (kpi.currency, kpi.total_pnl) == ("USDT", Decimal("12.5"))
    assert kpi.pnl_by_currency == {"KRW": Decimal("12.5"), "USDT": Decimal("12.5")}
    assert "| P&L in KRW | +12.5 |" in summary_text(kpi)


def test_a_late_fill_corrects_how_the_order_ended() -> None:
    builder = SummaryBuilder()
    builder.add(order(1, OrderStatus.PENDING_SUBMIT, "created", at(1)))
    builder.add(order(1, OrderStatus.CANCELLED, "cancelled", at(2)))
    assert builder.kpi().failed_fills_count == 1
    builder.add(order(1, OrderStatus.FILLED, "filled", at(3), filled="0.5", is_late=True))
    kpi = builder.kpi()
    assert (kpi.orders, kpi.failed_fills_count, kpi.partial_fills_count) == (1, 0, 0)


def test_an_order_of_an_earlier_session_is_not_counted_again() -> None:
    builder = SummaryBuilder()
    builder.add(order(1, OrderStatus.FILLED, "resolved", at(9), filled="0.5", created_ns=at(1), submitted_ns=at(2)))
    assert builder.kpi().orders == 0
    assert builder.kpi().latency == {}


def test_damage_is_passed_over(session: Session) -> None:
    before = summarise(session.path)
    session.append("obs_trades", session.add(at(50), trip_of(3, at(1), at(2))).replace('"pnl":"12.5"', '"pnl":"many"'))
    assert summarise(session.path).round_trips_completed == before.round_trips_completed + 1


def test_decisions_are_counted_by_action() -> None:
    builder = SummaryBuilder()
    for n in range(3):
        builder.add(decision(n, at(n)))
    assert builder.kpi().decisions == {"HOLD": 3}


def test_quantiles_are_within_five_percent() -> None:
    spans = Histogram()
    assert spans.quantile_ms(0.5) is None
    for ms in range(1, 1001):
        spans.add(ms * 1_000_000)
    for share in (0.5, 0.95, 0.99):
        assert spans.quantile_ms(share) == pytest.approx(1000 * share, rel=0.05)
    negative = Histogram()
    negative.add(-5)
    assert negative.quantile_ms(0.99) == 0.0
