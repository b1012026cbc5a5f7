"""Session folders written by hand from real messages, as the exporter and the decision writer write them."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from messages.catalogue import record_to_json
from messages.inbox import InboxRowRefused, InboxRowTaken
from messages.orders import Fill, OrderRow, OrderTicket, Reconciled
from messages.portfolio import PortfolioSnapshot, Position, RoundTrip
from messages.records import (
    FillRecorded,
    IntentRecorded,
    OrderRecorded,
    PortfolioRecorded,
    PositionRecorded,
    ReconciliationRecorded,
    Record,
    RoundTripRecorded,
    SessionStarted,
)
from messages.trading import Decision, DecisionMade, OrderIntent
from messages.values import (
    IntentStatus,
    IntentType,
    MarketSnapshot,
    Mode,
    OrderStatus,
    OrderType,
    Origin,
    Side,
    StopLevel,
)

NS = 1_000_000_000
T0 = 1_735_732_800 * NS  # 2025-01-01 12:00:00 UTC
MS = 1_000_000


def at(seconds: float) -> int:
    return T0 + round(seconds * 1000) * MS


def frame(session_id: str, stream: str, kind: str, seq: int, at_ns: int, payload: dict[str, Any]) -> str:
    moment = datetime.fromtimestamp(at_ns // NS, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    line = {
        "schema_version": 1, "seq": seq, "at_ns": at_ns, "at": f"{moment}.{at_ns % NS:09d}Z", "stream": stream,
        "type": kind, "session_id": session_id, "correlation_id": "feed.1.7", "causation_id": None,
        "payload": payload, "prev_hash": "0" * 64, "hash": "f" * 64,
    }  # fmt: skip
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n"


class Session:
    """Appends lines to the files of one session."""

    def __init__(self, sessions_dir: Path, session_id: str, started_ns: int = T0, *, current: bool = True) -> None:
        self.id = session_id
        self.path = sessions_dir / session_id
        self.path.mkdir(parents=True)
        (self.path / "ops_metadata.json").write_text(json.dumps({"session_id": session_id, "started_ns": started_ns}))
        self.seq = started_ns // NS - T0 // NS
        self.decisions = 0
        if current:
            (sessions_dir / "CURRENT").write_text(f"{session_id}\n")

    def add(self, at_ns: int, *records: Record) -> str:
        """Returns the last line written."""
        line = ""
        for record in records:
            self.seq += 1
            payload = record_to_json(record)
            kind = payload.pop("type")
            line = frame(self.id, record.stream, kind, self.seq, at_ns, payload)
            self.append(record.stream, line)
        return line

    def decide(self, made: DecisionMade) -> None:
        self.decisions += 1
        payload = made.model_dump(mode="json")
        line = frame(self.id, "obs_decisions", "DecisionMade", self.decisions, made.decision_time_ns, payload)
        self.append("obs_decisions", line)

    def append(self, stream: str, text: str) -> None:
        with (self.path / f"{stream}.jsonl").open("a", encoding="utf-8") as file:
            file.write(text)


# -- messages ---------------------------------------------------------------------------------------------------------

SYMBOL = "BTCUSDT"
MARKET = MarketSnapshot(
    symbol=SYMBOL, last=Decimal("64010.10"), bid=Decimal("64010.10"), bid_quantity=Decimal(2), ask=Decimal("64010.20"),
    ask_quantity=Decimal(1), event_time_ns=at(1),
)  # fmt: skip


def decision(n: int, at_ns: int, session: str = "S1", **more: Any) -> DecisionMade:
    acts = {"decision": Decision.hold(SYMBOL, "no signal to enter", reason_codes=("NO_SIGNAL",)), **more}
    return DecisionMade(
        decision_id=f"trend.1.{n}", strategy_id="trend", market=MARKET, position=Decimal(0),
        strategy_state={"phase": "flat"}, stop_level=StopLevel.RUN, decision_time_ns=at_ns, **acts,
    )  # fmt: skip


def enter(n: int, at_ns: int, session: str = "S1", **more: Any) -> DecisionMade:
    wish = Decision.enter(
        SYMBOL, Side.BUY, "the fast mean is above the slow one", reason_codes=("CROSS_UP",), scores={"gap_bps": "2.5"}
    )
    return decision(n, at_ns, **{"decision": wish, "intent_id": f"{session}/trend.1.{n}", **more})


def intent(
    n: int,
    at_ns: int,
    side: Side = Side.BUY,
    session: str = "S1",
    quantity: str = "0.5",
    origin: Origin = Origin.STRATEGY,
) -> IntentRecorded:
    intent_id = f"{session}/trend.1.{n}"
    return IntentRecorded(
        intent=OrderIntent(
            intent_id=intent_id, action_key=f"{intent_id}/0", correlation_id="feed.1.7", origin=origin,
            strategy_id="trend", venue="sim", account="main", group_id=intent_id, symbol=SYMBOL, side=side,
            intent_type=IntentType.ENTRY if side is Side.BUY else IntentType.EXIT_FULL, quantity=Decimal(quantity),
            order_type=OrderType.MKT, reason="the fast mean is above the slow one", market=MARKET,
            decision_id=f"trend.1.{n}", decision_time_ns=at_ns,
        ),
        checks=("order_notional 32005.10<=50000", "max_positions 0<3", "duplicate_intent none"),
        reserved_notional=Decimal("32005.10"),
    )  # fmt: skip


def row_taken(record: IntentRecorded, row_id: int = 7) -> InboxRowTaken:
    """The row that the intent was made of, half a second after it was inserted."""
    created_ns = record.intent.decision_time_ns - NS // 2
    return InboxRowTaken(row_id=row_id, intent=record.intent, created_ns=created_ns)


def row_refused(**more: Any) -> InboxRowRefused:
    fields = {
        "row_id": 9, "intent_id": "abc", "action_key": "key-9", "status": IntentStatus.REJECTED,
        "code": "NUMBER_IMPOSSIBLE", "reason": "quantity is '-1' and must be a number above zero", "asked": "",
    }  # fmt: skip
    return InboxRowRefused.model_validate({**fields, **more})


def order(
    n: int,
    status: OrderStatus,
    change: str,
    at_ns: int,
    *,
    filled: str = "0",
    price: str = "64010.20",
    side: Side = Side.BUY,
    session: str = "S1",
    quantity: str = "0.5",
    created_ns: int | None = None,
    **more: Any,
) -> OrderRecorded:
    has_answer = status not in (OrderStatus.PENDING_SUBMIT, OrderStatus.UNKNOWN) or filled != "0"
    ticket = OrderTicket(
        client_order_id=f"client-{n}", venue="sim", account="main", symbol=SYMBOL, side=side,
        order_type=OrderType.MKT, quantity=Decimal(quantity),
        intent_type=IntentType.ENTRY if side is Side.BUY else IntentType.EXIT_FULL,
    )  # fmt: skip
    row = OrderRow(
        ticket=ticket, intent_id=f"{session}/trend.1.{n}", correlation_id="feed.1.7", strategy_id="trend",
        status=status, filled=Decimal(filled), filled_notional=Decimal(filled) * Decimal(price),
        venue_order_id=f"90{n}" if has_answer else None, reason=more.pop("reason", None),
        created_ns=created_ns or at_ns, submitted_ns=more.pop("submitted_ns", None), updated_ns=at_ns,
    )  # fmt: skip
    return OrderRecorded(order=row, change=change, **more)


def fill(
    n: int,
    part: int,
    quantity: str,
    at_ns: int,
    price: str = "64010.20",
    side: Side = Side.BUY,
    source: str = "stream",
) -> FillRecorded:
    return FillRecorded(
        fill=Fill(
            fill_id=f"sim:{SYMBOL}:{n}{part}", client_order_id=f"client-{n}", strategy_id="trend", venue="sim",
            account="main", symbol=SYMBOL, side=side, quantity=Decimal(quantity), price=Decimal(price),
            fee=Decimal("3.2"), fee_asset="USDT", executed_ns=at_ns,
        ),
        intent_type=IntentType.ENTRY if side is Side.BUY else IntentType.EXIT_FULL,
        decision_price=Decimal("64010.15"),
        source=source,
    )  # fmt: skip


def position(quantity: str, fill_id: str, at_ns: int) -> PositionRecorded:
    return PositionRecorded(position=_position(quantity, fill_id, at_ns))


def _position(quantity: str, fill_id: str, at_ns: int) -> Position:
    return Position(
        strategy_id="trend", venue="sim", account="main", symbol=SYMBOL, quantity=Decimal(quantity),
        average_price=Decimal("64010.20"), realised_pnl=Decimal("-3.2"), fees_quote=Decimal("3.2"),
        last_fill_id=fill_id, updated_ns=at_ns,
    )  # fmt: skip


def portfolio(equity: str, at_ns: int, fill_id: str = "", peak: str = "100000") -> PortfolioRecorded:
    worth = Decimal(equity)
    return PortfolioRecorded(
        snapshot=PortfolioSnapshot(
            venue="sim", account="main", currency="USDT", cash=worth, equity=worth, realised_pnl=Decimal(0),
            unrealised_pnl=Decimal(0), day_pnl=worth - 100_000, peak_equity=Decimal(peak),
            drawdown=Decimal(peak) - worth, positions=(_position("0.5", fill_id, at_ns),), balances=(), at_ns=at_ns,
        )
    )  # fmt: skip


def trip_of(n: int, entry_ns: int, exit_ns: int, pnl: str = "12.5") -> RoundTripRecorded:
    return RoundTripRecorded(
        trade=RoundTrip(
            trade_id=f"trade-{n}", strategy_id="trend", venue="sim", symbol=SYMBOL, quantity=Decimal("0.5"),
            entry_price=Decimal("64010.20"), exit_price=Decimal(64050), entry_ns=entry_ns, exit_ns=exit_ns,
            pnl=Decimal(pnl), currency="USDT", fees=Decimal("6.4"), buy_slippage_bps=Decimal("0.2"),
            sell_slippage_bps=Decimal("0.4"), buy_fill_ratio=Decimal(1), sell_fill_ratio=Decimal("0.5"),
            trade_result="win" if Decimal(pnl) > 0 else "loss",
        )
    )  # fmt: skip


def started(session_id: str, at_ns: int) -> SessionStarted:
    return SessionStarted(
        session_id=session_id, mode=Mode.PAPER, venue="sim", account_masked="ma**", strategies=("trend",),
        config_snapshot_id="c1", code_version="0.1.0", seed=1, at_ns=at_ns,
    )  # fmt: skip


def reconciled(**more: Any) -> ReconciliationRecorded:
    fields = {
        name: () if "tuple" in str(field.annotation) else 0 for name, field in Reconciled.model_fields.items()
    }  # fmt: skip
    return ReconciliationRecorded(
        result=Reconciled.model_validate({**fields, "venue": "sim", "is_clean": True, "took_s": 0.5, **more})
    )


def write_round_trip(session: Session) -> None:
    """A whole story: two idle decisions, an entry in two fills, an exit, the round trip."""
    session.add(at(0), started(session.id, at(0)))
    session.decide(decision(0, at(0.5)))
    session.decide(enter(1, at(1.002), session.id))
    session.add(at(1.004), intent(1, at(1.002), session=session.id))
    session.add(at(1.005), order(1, OrderStatus.PENDING_SUBMIT, "created", at(1.005), session=session.id))
    times: dict[str, Any] = {"created_ns": at(1.005), "submitted_ns": at(1.030), "session": session.id}
    session.add(at(1.030), order(1, OrderStatus.SUBMITTED, "accepted", at(1.030), evidence_at_ns=at(1.020), **times))
    session.add(
        at(1.040),
        fill(1, 1, "0.2", at(1.035)),
        order(1, OrderStatus.PARTIAL, "partial", at(1.040), filled="0.2", **times),
    )
    session.add(at(1.041), position("0.2", f"sim:{SYMBOL}:11", at(1.041)))
    session.add(
        at(1.060),
        fill(1, 2, "0.3", at(1.055)),
        order(1, OrderStatus.FILLED, "filled", at(1.060), filled="0.5", **times),
    )
    session.add(
        at(1.061), position("0.5", f"sim:{SYMBOL}:12", at(1.061)), portfolio("99990", at(1.061), f"sim:{SYMBOL}:12")
    )
    session.add(at(5.0), portfolio("99995", at(5.0), f"sim:{SYMBOL}:12"))
    session.decide(decision(2, at(6.0)))
    session.decide(
        enter(
            3, at(9), session.id, decision=Decision.exit(SYMBOL, "the mean crossed down", reason_codes=("CROSS_DOWN",))
        )
    )
    session.add(at(9.001), intent(3, at(9), Side.SELL, session.id))
    sold: dict[str, Any] = {"side": Side.SELL, "price": "64050", "session": session.id}
    session.add(at(9.002), order(3, OrderStatus.PENDING_SUBMIT, "created", at(9.002), **sold))
    session.add(at(9.050), fill(3, 1, "0.5", at(9.045), "64050", Side.SELL))
    session.add(
        at(9.050),
        order(
            3,
            OrderStatus.FILLED,
            "filled",
            at(9.050),
            filled="0.5",
            created_ns=at(9.002),
            submitted_ns=at(9.050),
            **sold,
        ),
    )
    session.add(at(9.051), trip_of(1, at(1.035), at(9.045)), portfolio("100006.7", at(9.051), peak="100006.7"))
