"""What a run says while it runs, and its last words: what nobody watches any more."""

from decimal import Decimal

import pytest

from bulkhead.app.console import facts_of, left_behind
from bulkhead.app.report import Figures
from bulkhead.monitor.status import OpenOrderStatus, PositionStatus, RunState, StatusReport
from messages.values import IntentType, Mode, OrderStatus, Side, StopLevel

DUST = Decimal(5)


def held(symbol: str, quantity: str, mark: str | None) -> PositionStatus:
    return PositionStatus(
        strategy_id="trend",
        symbol=symbol,
        quantity=Decimal(quantity),
        average_price=Decimal(3000),
        mark=None if mark is None else Decimal(mark),
        realised_pnl=Decimal(0),
    )


RESTING = OpenOrderStatus(
    client_order_id="b1",
    strategy_id="trend",
    symbol="BTCUSDT",
    side=Side.SELL,
    intent_type=IntentType.EXIT_FULL,
    quantity=Decimal(1),
    filled=Decimal(0),
    status=OrderStatus.SUBMITTED,
    age_s=1.0,
)


def last_word(*positions: PositionStatus, orders: tuple[OpenOrderStatus, ...] = ()) -> StatusReport:
    return StatusReport(
        written_at_ns=1,
        pid=1,
        pid_started=1,
        session_id="s-1",
        mode=Mode.PAPER,
        state=RunState.STOPPING,
        started_at_ns=1,
        gate_open=False,
        stop_level=StopLevel.SOFT,
        positions=positions,
        open_orders=orders,
    )


def test_orders_that_rest_and_positions_of_worth_are_named() -> None:
    report = last_word(held("BTCUSDT", "-0.5", "60000"), held("ETHUSDT", "0.1", None), orders=(RESTING, RESTING))
    assert left_behind(report, DUST) == ["2 orders at the venue", "-0.5 BTCUSDT of trend", "0.1 ETHUSDT of trend"]


NO_FIGURES = Figures(None, None, None, None, None, (), 0)


@pytest.mark.parametrize(("is_open", "said"), [(False, True), (True, False), (None, False)])
def test_an_exchange_that_is_closed_is_told_beside_the_gate(is_open: bool | None, said: bool) -> None:
    report = last_word().model_copy(update={"gate_open": True, "is_exchange_open": is_open})
    assert ("entries wait" in dict(facts_of(report, NO_FIGURES))["gate"]) == said


def test_dust_is_nothing_and_so_is_a_run_that_never_said_a_word() -> None:
    assert left_behind(last_word(held("BTCUSDT", "0.00001", "60000"), held("ETHUSDT", "0", "1")), DUST) == []
    assert left_behind(None, DUST) == []
