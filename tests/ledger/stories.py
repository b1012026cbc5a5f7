"""Records that a run would write, small and true to each other: fills, positions and balances agree."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from bulkhead.ledger.port import Entry
from bulkhead.ledger.session import SessionFolder, SessionMetadata
from messages.adjustments import AdjustmentKind, AdjustmentRecorded
from messages.failure import FailureMode, FailureReported
from messages.instruments import Instrument, InstrumentsRecorded
from messages.orders import Balance, Fill, OrderRow, OrderTicket, VenueExecution, VenueOrder
from messages.portfolio import PortfolioSnapshot, Position, RoundTrip
from messages.records import (
    AccountObserved,
    ConfigSnapshotRecorded,
    DeadlineSet,
    FailureRecorded,
    FillRecorded,
    ForeignOrderSeen,
    IntentRecorded,
    IntentStatusChanged,
    LeaseTaken,
    OpeningBalancesRecorded,
    OperatorActed,
    OrderAliasRecorded,
    OrderRecorded,
    OrphanFillSeen,
    PortfolioRecorded,
    PositionRecorded,
    Record,
    RiskRefusalRecorded,
    RoundTripRecorded,
    SessionStarted,
    SessionStopped,
)
from messages.trading import OrderIntent, RiskRefused
from messages.values import IntentStatus, IntentType, Mode, OrderStatus, OrderType, Origin, Side

START_NS = 1_735_689_600_000_000_000
SECOND_NS = 1_000_000_000
SESSION = "s-1"
PRICE = Decimal("64000.12")
QUANTITY = Decimal("0.01")
FEE = Decimal("0.00001")


def entry(record: Record, at_ns: int = START_NS, session_id: str = SESSION) -> Entry:
    return Entry(record, at_ns, session_id, "tick-1", None)


def intent(number: int) -> OrderIntent:
    return OrderIntent(
        intent_id=f"i{number}",
        action_key=f"a{number}",
        correlation_id="tick-1",
        origin=Origin.STRATEGY,
        strategy_id="momentum",
        venue="sim",
        account="paper",
        group_id="g",
        symbol="BTCUSDT",
        side=Side.BUY,
        intent_type=IntentType.ENTRY,
        quantity=QUANTITY,
        order_type=OrderType.LMT,
        limit_price=PRICE,
        reason="it rises",
        decision_time_ns=START_NS,
    )


def intent_recorded(number: int) -> IntentRecorded:
    return IntentRecorded(intent=intent(number), checks=("loss 0<=100",), reserved_notional=Decimal("640.0012"))


def order(
    number: int, status: OrderStatus = OrderStatus.SUBMITTED, created_ns: int = START_NS, child: int = 0
) -> OrderRow:
    filled = QUANTITY if status is OrderStatus.FILLED else Decimal(0)
    return OrderRow(
        ticket=OrderTicket(
            client_order_id=f"o{number}",
            venue="sim",
            account="paper",
            symbol="BTCUSDT",
            side=Side.BUY,
            order_type=OrderType.LMT,
            quantity=QUANTITY,
            limit_price=PRICE,
            intent_type=IntentType.ENTRY,
        ),
        intent_id=f"i{number}",
        correlation_id="tick-1",
        strategy_id="momentum",
        child=child,
        status=status,
        filled=filled,
        filled_notional=filled * PRICE,
        created_ns=created_ns,
        updated_ns=created_ns,
        raw='{"status":"NEW","note":"한국어\u2028"}',
    )


def order_recorded(
    number: int, status: OrderStatus = OrderStatus.SUBMITTED, created_ns: int = START_NS, child: int = 0
) -> OrderRecorded:
    return OrderRecorded(order=order(number, status, created_ns, child), change="accepted")


def fill(number: int, executed_ns: int = START_NS, side: Side = Side.BUY) -> Fill:
    return Fill(
        fill_id=f"sim:BTCUSDT:{number}",
        client_order_id=f"o{number}",
        strategy_id="momentum",
        venue="sim",
        account="paper",
        symbol="BTCUSDT",
        side=side,
        quantity=QUANTITY,
        price=PRICE,
        fee=FEE,
        fee_asset="BTC",
        executed_ns=executed_ns,
    )


def fill_recorded(number: int, executed_ns: int = START_NS, side: Side = Side.BUY) -> FillRecorded:
    return FillRecorded(
        fill=fill(number, executed_ns, side), intent_type=IntentType.ENTRY, decision_price=PRICE, source="stream"
    )


def position(quantity: Decimal, last_fill_id: str | None) -> Position:
    return Position(
        strategy_id="momentum",
        venue="sim",
        account="paper",
        symbol="BTCUSDT",
        quantity=quantity,
        average_price=PRICE,
        realised_pnl=Decimal(0),
        fees_quote=Decimal(0),
        last_fill_id=last_fill_id,
        updated_ns=START_NS,
    )


def balance(asset: str, total: Decimal) -> Balance:
    return Balance(asset=asset, free=total, locked=Decimal(0))


def portfolio(cash: Decimal) -> PortfolioSnapshot:
    zero = Decimal(0)
    return PortfolioSnapshot(
        venue="sim",
        account="paper",
        currency="USDT",
        cash=cash,
        equity=cash,
        realised_pnl=zero,
        unrealised_pnl=zero,
        day_pnl=zero,
        peak_equity=cash,
        drawdown=zero,
        positions=(),
        balances=(),
        at_ns=START_NS,
    )


def round_trip(number: int) -> RoundTrip:
    return RoundTrip(
        trade_id=f"t{number}",
        strategy_id="momentum",
        venue="sim",
        symbol="BTCUSDT",
        quantity=QUANTITY,
        entry_price=PRICE,
        exit_price=PRICE,
        entry_ns=START_NS,
        exit_ns=START_NS,
        pnl=Decimal("-0.1"),
        currency="USDT",
        fees=Decimal("0.1"),
        buy_slippage_bps=None,
        sell_slippage_bps=Decimal("1.5"),
        buy_fill_ratio=Decimal(1),
        sell_fill_ratio=Decimal(1),
        trade_result="loss",
    )


def opening(total: Decimal = Decimal(1_000_000)) -> OpeningBalancesRecorded:
    return OpeningBalancesRecorded(venue="sim", account="paper", balances=(balance("USDT", total),), at_ns=START_NS)


def session_started(session_id: str = SESSION) -> SessionStarted:
    return SessionStarted(
        session_id=session_id,
        mode=Mode.PAPER,
        venue="sim",
        account_masked="pa***",
        strategies=("momentum",),
        config_snapshot_id="c1",
        code_version="0.1",
        seed=2**70,
        at_ns=START_NS,
    )


def adjustment(number: int, amount: Decimal = Decimal(500), **changes: object) -> AdjustmentRecorded:
    deposit = AdjustmentRecorded(
        adjustment_id=f"sim:{number}",
        kind=AdjustmentKind.DEPOSIT,
        venue="sim",
        account="paper",
        asset="USDT",
        amount=amount,
        source="venue",
        reason="seen in the account",
        effective_ns=START_NS,
    )
    return AdjustmentRecorded.model_validate({**dict(deposit), **changes})


def foreign(number: int) -> ForeignOrderSeen:
    """An order of somebody else's in the same account."""
    return ForeignOrderSeen(
        order=VenueOrder(
            client_order_id=f"by-hand-{number}",
            venue_order_id=f"{number}",
            symbol="BTCUSDT",
            side=Side.BUY,
            order_type="LIMIT",
            status=OrderStatus.SUBMITTED,
            quantity=QUANTITY,
            filled=Decimal(0),
            filled_notional=Decimal(0),
            limit_price=PRICE,
            created_ns=START_NS,
            updated_ns=START_NS,
        )
    )


def orphan(number: int) -> OrphanFillSeen:
    """An execution of an order that is not ours."""
    return OrphanFillSeen(
        execution=VenueExecution(
            execution_id=f"{number}",
            venue_order_id=f"{number}",
            symbol="BTCUSDT",
            side=Side.BUY,
            quantity=QUANTITY,
            price=PRICE,
            fee=FEE,
            fee_asset="BTC",
            executed_ns=START_NS,
        )
    )


def lease(epoch: int, owner: str = "one") -> LeaseTaken:
    return LeaseTaken(venue="sim", account="paper", owner=owner, epoch=epoch, at_ns=START_NS)


def alias(number: int, venue_order_id: str, venue_date: str | None = None, branch: str = "") -> OrderAliasRecorded:
    return OrderAliasRecorded(
        client_order_id=f"o{number}",
        venue="sim",
        account="paper",
        venue_order_id=venue_order_id,
        venue_date=venue_date,
        branch=branch,
        reason="amended",
    )


def config_snapshot(content: str = "{}") -> ConfigSnapshotRecorded:
    return ConfigSnapshotRecorded(config_snapshot_id="c1", content=content, at_ns=START_NS)


def instruments(version: str = "v1", **changes: object) -> InstrumentsRecorded:
    rules = Instrument(
        symbol="BTCUSDT",
        base_asset="BTC",
        quote_asset="USDT",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        max_quantity=Decimal(9000),
        min_notional=Decimal(5),
        is_trading=True,
        status="TRADING",
        version=version,
        as_of_ns=START_NS,
    )
    changed = Instrument.model_validate({**dict(rules), **changes})
    return InstrumentsRecorded(venue="sim", version=version, instruments=(changed,), at_ns=START_NS)


def deadline(number: int, due_ns: int = START_NS) -> DeadlineSet:
    return DeadlineSet(deadline_id=f"d{number}", due_ns=due_ns, kind="query", payload='{"order":"o1"}')


def housekeeping() -> list[Entry]:
    """A row in each of the tables that a plain session does not fill."""
    acted = OperatorActed(operator="me", action="stop", reason="to see", at_ns=START_NS)
    records = (
        config_snapshot(),
        lease(1),
        alias(1, "901", "20250101"),
        deadline(1),
        adjustment(1),
        acted,
        instruments(),
        foreign(1),
    )
    return [entry(record) for record in records]


def story(buys: int = 3, session_id: str = SESSION, first: int = 0) -> Iterator[list[Entry]]:
    """Batches of a whole session that buys a few times and is then compared with the venue."""
    records: list[list[Record]] = [[session_started(session_id)]]
    if not first:
        records.append([opening()])
    cash, held = Decimal(1_000_000) - first * QUANTITY * PRICE, first * (QUANTITY - FEE)
    for number in range(first, first + buys):
        cash -= QUANTITY * PRICE
        held += QUANTITY - FEE
        records += [
            [intent_recorded(number), order_recorded(number, OrderStatus.PENDING_SUBMIT)],
            [order_recorded(number)],
            [
                fill_recorded(number),
                order_recorded(number, OrderStatus.FILLED),
                IntentStatusChanged(intent_id=f"i{number}", status=IntentStatus.DONE, reason="filled"),
            ],
            [PositionRecorded(position=position(held, f"sim:BTCUSDT:{number}"))],
            [PortfolioRecorded(snapshot=portfolio(cash)), RoundTripRecorded(trade=round_trip(number))],
        ]
    refused = RiskRefused(
        intent_id="i99",
        strategy_id="momentum",
        symbol="BTCUSDT",
        code="MAX_LOSS",
        limit_name="loss",
        value="101",
        limit="100",
        detail="enough",
    )
    observed = AccountObserved(
        venue="sim",
        account="paper",
        balances=(balance("USDT", cash), balance("BTC", held)),
        differences={},
        at_ns=START_NS,
    )
    records += [
        [RiskRefusalRecorded(refusal=refused)],
        [FailureRecorded(failure=FailureReported(mode=FailureMode.DATA_DELAY, detail="late"))],
        [observed],
        [SessionStopped(session_id=session_id, reason="asked to", at_ns=START_NS)],
    ]
    for second, batch in enumerate(records):
        yield [entry(record, START_NS + second * SECOND_NS, session_id) for record in batch]


def metadata(session_id: str = SESSION) -> SessionMetadata:
    return SessionMetadata(
        session_id=session_id,
        mode=Mode.PAPER,
        venue="sim",
        account_masked="pa***",
        strategies=("momentum",),
        config_snapshot_id="c1",
        code_version="0.1",
        seed=7,
        started_ns=START_NS,
    )


def session_folder(logs_dir: Path, session_id: str = SESSION) -> SessionFolder:
    return SessionFolder.create(logs_dir, session_id, metadata(session_id))
