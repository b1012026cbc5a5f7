"""The OMS reduces: bit by bit, on disk, for as long as it is told to."""

from decimal import Decimal

import pytest

from actors import addresses
from bulkhead.execution.stages.adjust import AdjustSettings
from bulkhead.execution.working import WorkSettings
from messages.orders import OrderAccepted, OrderCancelled
from messages.portfolio import Position
from messages.records import DeadlineCleared, DeadlineSet
from messages.stops import Reduction, ReductionRecorded, SetReductions
from messages.supervision import TimerFired
from messages.values import IntentType, OrderStatus, Side, StopLevel
from tests.actors.oms_story import SEAT, Oms, loaded
from tests.actors.test_oms_escape import closes, holding, next_round
from tests.execution.orders import executed
from tests.supervisor.test_gate import reason

ALL = SetReductions(reductions=(Reduction(reduction_id="all", reason="risk:x"),), share_per_min=Decimal("0.2"))
NONE = ALL.model_copy(update={"reductions": ()})


def fill(oms: Oms, quantity: str, number: int) -> None:
    row = oms.last()
    key = row.ticket.client_order_id
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id=f"v-{number}"))
    oms.hear(executed(quantity, number, key=key, side=Side.SELL))


@pytest.mark.req("S-09")
def test_it_sells_a_fifth_at_once_and_each_minute_at_the_level_that_shuts_all_other_exits() -> None:
    oms = Oms().trading()
    holding(oms, "10")
    oms.gate.shut(reason("kill:HARD:all", StopLevel.HARD), by=None)
    oms.hear(ALL)
    assert closes(oms) == [(Side.SELL, Decimal(2))]
    assert oms.last().ticket.is_stop_plan
    fill(oms, "2", 2)
    next_round(oms, 30)
    assert len(closes(oms)) == 1
    next_round(oms, 31)
    assert closes(oms) == [(Side.SELL, Decimal(2))] * 2
    record = oms.ctx.records(ReductionRecorded)[-1]
    assert (record.step, record.closes, record.is_over) == (2, ("SELL 2 BTCUSDT for trend",), False)


def test_told_again_it_goes_on_and_told_of_none_it_ends() -> None:
    oms = Oms().trading()
    holding(oms, "10")
    oms.hear(ALL, ALL)
    assert len(closes(oms)) == 1
    fill(oms, "2", 2)
    oms.hear(NONE)
    assert oms.ctx.records(DeadlineCleared)[-1].deadline_id == "reduction/all"
    next_round(oms, 90)
    assert len(closes(oms)) == 1


@pytest.mark.lesson("L22")
@pytest.mark.req("S-09")
def test_after_a_kill_it_goes_on_where_it_was_once_it_is_told_that_it_is_still_wanted() -> None:
    oms = Oms().trading()
    holding(oms, "10")
    oms.hear(ALL)
    fill(oms, "2", 2)
    assert oms.last().status is OrderStatus.FILLED
    on_disk = {deadline.deadline_id: deadline for deadline in oms.ctx.records(DeadlineSet)}
    again = Oms(epoch=2)
    again.ctx.now = oms.ctx.now
    position = Position(
        strategy_id="trend",
        venue="sim",
        account="paper",
        symbol="BTCUSDT",
        quantity=Decimal(8),
        average_price=Decimal(100),
        realised_pnl=Decimal(0),
        fees_quote=Decimal(0),
        last_fill_id=None,
        updated_ns=again.ctx.now,
    )
    again.hear(loaded(deadlines=tuple(on_disk.values())).model_copy(update={"positions": (position,)}))
    next_round(again, 61)
    assert closes(again) == [], "nobody has said that it is still in force"
    again.hear(ALL)
    assert closes(again) == [(Side.SELL, Decimal(2))], "the second fifth of ten, not a fifth of eight"


def test_one_that_was_lifted_meanwhile_is_cleared() -> None:
    oms = Oms().trading()
    holding(oms, "10")
    oms.hear(ALL)
    on_disk = oms.ctx.records(DeadlineSet)[-1]
    again = Oms(epoch=2)
    again.hear(loaded(deadlines=(on_disk,)))
    again.hear(NONE)
    assert again.ctx.records(DeadlineCleared)[-1].deadline_id == "reduction/all"


@pytest.mark.req("S-09")
def test_a_target_that_rests_for_all_of_it_makes_room_for_each_step() -> None:
    patient = WorkSettings(adjusting=AdjustSettings(fill_timeout_s=3600.0))
    oms = Oms(seat=SEAT._replace(work=patient)).trading()
    holding(oms, "10")
    exit_full = {"side": Side.SELL, "intent_type": IntentType.EXIT_FULL, "quantity": Decimal(10)}
    target = oms.approve(limit_price=Decimal("101.00"), intent_id="i-tp", action_key="k-tp", **exit_full)
    oms.hear(OrderAccepted(client_order_id=target, symbol="BTCUSDT", venue_order_id="v-tp"))
    oms.ctx.forget()
    oms.hear(ALL)
    next_round(oms, 30)
    assert not oms.cancels()
    next_round(oms, 31)
    next_round(oms, 1)
    assert oms.cancels() == [target], "asked once"
    assert not closes(oms), "it may still fill"
    oms.hear(OrderCancelled(client_order_id=target, symbol="BTCUSDT"))
    (soon,) = oms.ctx.tells(TimerFired, addresses.OMS)
    oms.hear(soon)
    assert closes(oms) == [(Side.SELL, Decimal(4))], "before anybody can rest another one there"
