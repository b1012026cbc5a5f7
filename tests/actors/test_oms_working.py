"""An intent is worked until it has everything: turns of children, prices that follow the market, over restarts too."""

from decimal import Decimal

import pytest

from actors import addresses
from actors.oms import OmsActor
from actors.order_worker import WORK_INTERVAL_S
from bulkhead.execution.stages.adjust import ADJUST_REASON, AdjustSettings
from bulkhead.execution.stages.split import SplitSettings
from bulkhead.execution.working import OnFillTimeout, WorkSettings
from messages.escapes import Escape, EscapeTrigger
from messages.failure import CancelEntries
from messages.intents import IntentClosed, IntentWaits
from messages.orders import OrderAccepted, OrderCancelled, OrderRejected, SubmitOrder
from messages.records import DeadlineCleared, DeadlineSet, IntentRecorded, IntentStatusChanged, OrderRecorded
from messages.values import IntentStatus, OrderStatus, SplitPolicy, StopLevel
from tests.actors.kit import NS_PER_S, released
from tests.actors.oms_story import SEAT, Oms, approval, loaded
from tests.execution.orders import T0, executed
from tests.supervisor.test_gate import reason

IN_FOUR = SEAT._replace(
    work=WorkSettings(splitting=SplitSettings(max_children=4, horizon_s=40.0, jitter_share=Decimal(0)))
)
QUICK = SEAT._replace(work=WorkSettings(adjusting=AdjustSettings(fill_timeout_s=10.0)))


def trading(seat: object = IN_FOUR) -> Oms:
    oms = Oms(seat=seat).trading()  # type: ignore[arg-type]
    oms.quote()
    return oms


def accepted(oms: Oms, child: int = 0, attempt: int = 0) -> str:
    key = oms.rows()[child, attempt].ticket.client_order_id
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id=f"v{child}.{attempt}"))
    return key


def waits(oms: Oms) -> list[Decimal]:
    """What the strategy was told that its intent waits for, in order."""
    told = [wait for append in oms.ctx.appends() for _, wait in released(append, IntentWaits)]
    return [wait.quantity for wait in told]


def seconds(oms: Oms, count: int) -> None:
    """The market goes on being quoted, and the order manager looks at its work."""
    for _ in range(count):
        oms.later(0)
        oms.ctx.now += NS_PER_S
        oms.quote()
        oms.later(0, "work")


# -- turns ------------------------------------------------------------------------------------------------------------


@pytest.mark.req("N-02")
def test_children_are_on_disk_with_their_intent_and_leave_when_their_turn_comes() -> None:
    oms = trading()
    oms.hear(approval(split=SplitPolicy.TWAP, quantity=Decimal(1)))
    (append,) = oms.ctx.appends()
    names = [type(record).__name__ for record in append.records]
    assert names == ["IntentRecorded", "DeadlineSet", "DeadlineSet", "DeadlineSet", "OrderRecorded"]
    assert waits(oms) == [Decimal("0.75")]
    seconds(oms, 9)
    assert len(oms.rows()) == 1
    seconds(oms, 1)
    assert sorted(oms.rows()) == [(0, 0), (1, 0)]
    seconds(oms, 25)
    assert sorted(oms.rows()) == [(0, 0), (1, 0), (2, 0), (3, 0)]
    assert sum(row.ticket.quantity for row in oms.rows().values()) == 1
    assert waits(oms)[-1] == 0
    assert {r.deadline_id for r in oms.ctx.records(DeadlineSet)} == {
        r.deadline_id for r in oms.ctx.records(DeadlineCleared)
    }
    assert len(oms.releases(SubmitOrder)) == 4


def test_a_split_intent_is_closed_when_its_last_child_has_ended_and_not_before() -> None:
    oms = trading()
    oms.hear(approval(split=SplitPolicy.TWAP, quantity=Decimal(1)))
    oms.hear(executed("0.25", 1, key=accepted(oms)))
    assert not oms.releases(IntentClosed), "three children are still to come"
    seconds(oms, 35)
    for child in (1, 2, 3):
        oms.hear(executed("0.25", child + 1, key=accepted(oms, child)))
    assert oms.releases(IntentClosed) == [addresses.RISK_GUARD]
    assert oms.ctx.records(IntentStatusChanged)[-1].status is IntentStatus.DONE


@pytest.mark.req("N-02")
def test_an_iceberg_shows_the_next_child_when_the_one_before_is_filled() -> None:
    work = WorkSettings(splitting=SplitSettings(iceberg_visible_quantity=Decimal("0.4")))
    oms = trading(SEAT._replace(work=work))
    oms.hear(approval(split=SplitPolicy.ICEBERG, limit_price=Decimal(100), quantity=Decimal(1)))
    oms.hear(executed("0.2", 1, key=accepted(oms)))
    assert len(oms.rows()) == 1
    oms.hear(executed("0.134", 2, key=oms.rows()[0, 0].ticket.client_order_id))
    assert sorted(oms.rows()) == [(0, 0), (1, 0)], "at once, with the fill"


def test_no_child_follows_one_that_the_venue_has_refused() -> None:
    work = WorkSettings(splitting=SplitSettings(iceberg_visible_quantity=Decimal("0.4")))
    oms = trading(SEAT._replace(work=work))
    oms.hear(approval(split=SplitPolicy.ICEBERG, limit_price=Decimal(100), quantity=Decimal(1)))
    key = oms.rows()[0, 0].ticket.client_order_id
    oms.hear(OrderRejected(client_order_id=key, symbol="BTCUSDT", code="-2010", reason="balance"))
    assert len(oms.ctx.records(DeadlineCleared)) == 2
    assert oms.releases(IntentClosed)
    assert oms.ctx.records(IntentStatusChanged)[-1].status is IntentStatus.REJECTED


def test_a_child_is_held_back_while_the_gate_is_shut_and_dropped_when_its_intent_expires() -> None:
    oms = trading()
    oms.hear(approval(split=SplitPolicy.TWAP, quantity=Decimal(1), expires_at_ns=T0 + 60 * NS_PER_S))
    oms.gate.require_recovery("a test", oms.ctx.now, by=None)
    seconds(oms, 50)
    assert len(oms.rows()) == 1
    assert waits(oms)[-1] == Decimal("0.75")
    seconds(oms, 15)
    dropped = {record.reason for record in oms.ctx.records(DeadlineCleared)}
    assert len(oms.ctx.records(DeadlineCleared)) == 3
    assert all(reason.startswith("INTENT_EXPIRED") for reason in dropped)


def test_a_restart_goes_on_with_the_children_that_are_still_to_come() -> None:
    oms = trading()
    oms.hear(approval(split=SplitPolicy.TWAP, quantity=Decimal(1)))
    key = accepted(oms)
    recorded = oms.ctx.records(IntentRecorded)[0].intent
    deadlines = tuple(oms.ctx.records(DeadlineSet))
    again = Oms(seat=IN_FOUR)
    first = oms.rows()[0, 0].model_copy(update={"status": OrderStatus.SUBMITTED, "venue_order_id": "v"})
    again.hear(loaded(first, intents=(recorded,), deadlines=deadlines))
    again.trading()
    again.ctx.now = oms.ctx.now
    again.quote()
    seconds(again, 35)
    later = {row.child: row.ticket for row in again.rows().values()}
    assert sorted(later) == [1, 2, 3]
    expected = {child: ticket.client_order_id for child, ticket in later.items()}
    seconds(oms, 35)
    assert {row.child: row.ticket.client_order_id for row in oms.rows().values() if row.child} == expected
    assert key == first.ticket.client_order_id


def test_cancelling_entries_takes_back_what_has_not_been_sent() -> None:
    oms = trading()
    oms.hear(approval(split=SplitPolicy.TWAP, quantity=Decimal(1)))
    key = accepted(oms)
    oms.hear(CancelEntries(reason="a test"))
    assert oms.cancels() == [key]
    assert waits(oms)[-1] == 0
    assert oms.ctx.records(IntentStatusChanged)[-1].status is IntentStatus.STOPPING
    oms.hear(OrderCancelled(client_order_id=key, symbol="BTCUSDT"))
    seconds(oms, 60)
    assert len(oms.rows()) == 1
    assert oms.releases(IntentClosed)


# -- prices that follow -----------------------------------------------------------------------------------------------


def resting(oms: Oms) -> str:
    oms.hear(approval(limit_price=Decimal("99.90"), quantity=Decimal(1)))
    return accepted(oms)


@pytest.mark.req("N-05")
def test_what_does_not_fill_is_cancelled_first_and_replaced_only_upon_the_proof() -> None:
    oms = trading(QUICK)
    key = resting(oms)
    seconds(oms, 11)
    assert oms.cancels() == [key]
    assert oms.last().reason is not None
    assert oms.last().reason.startswith(ADJUST_REASON)  # type: ignore[union-attr]
    assert sorted(oms.rows()) == [(0, 0)], "nothing replaces it while it may trade"
    oms.hear(executed("0.4", 1, key=key), OrderCancelled(client_order_id=key, symbol="BTCUSDT"))
    assert sorted(oms.rows()) == [(0, 0), (0, 1)]
    replacement = oms.rows()[0, 1]
    assert replacement.ticket.quantity == Decimal("0.6")
    assert replacement.ticket.limit_price is not None
    assert Decimal("99.90") < replacement.ticket.limit_price <= Decimal("100.01")
    assert not oms.releases(IntentClosed)


def test_the_rest_waits_while_no_order_works_for_it_and_the_strategy_knows() -> None:
    oms = trading(QUICK)
    key = resting(oms)
    seconds(oms, 11)
    oms.gate.shut(reason("a-test", StopLevel.SOFT), by=None)
    oms.hear(OrderCancelled(client_order_id=key, symbol="BTCUSDT"))
    assert sorted(oms.rows()) == [(0, 0)]
    assert waits(oms) == [Decimal(1)]
    assert not oms.releases(IntentClosed)
    oms.gate.lift("a-test", by=None)
    seconds(oms, 1)
    assert sorted(oms.rows()) == [(0, 0), (0, 1)]
    assert waits(oms) == [Decimal(1), Decimal(0)]


@pytest.mark.req("N-04")
def test_when_nothing_is_left_to_try_the_rest_is_cancelled_for_good() -> None:
    oms = trading(SEAT._replace(work=WorkSettings(adjusting=AdjustSettings(max_adjustments=0, fill_timeout_s=10.0))))
    key = resting(oms)
    seconds(oms, 11)
    (out,) = {escape.escape_id: escape for escape in oms.ctx.tells(Escape, addresses.OMS)}.values()
    assert (out.trigger, out.is_closing) == (EscapeTrigger.TIMEOUT, False)
    oms.hear(out)
    assert oms.cancels() == [key]
    oms.hear(OrderCancelled(client_order_id=key, symbol="BTCUSDT"))
    seconds(oms, 2)
    assert sorted(oms.rows()) == [(0, 0)]
    assert oms.releases(IntentClosed)


@pytest.mark.parametrize("keep", [OnFillTimeout.KEEP])
def test_an_order_may_be_left_to_rest(keep: OnFillTimeout) -> None:
    adjusting = AdjustSettings(max_adjustments=0, fill_timeout_s=10.0)
    oms = trading(SEAT._replace(work=WorkSettings(adjusting=adjusting, on_fill_timeout=keep)))
    resting(oms)
    seconds(oms, 120)
    assert not oms.cancels()
    assert not oms.ctx.tells(Escape)


def test_work_is_looked_at_every_second() -> None:
    oms = trading()
    assert oms.ctx.timers["work"][0] == WORK_INTERVAL_S
    assert not oms.ctx.records(OrderRecorded)


@pytest.mark.req("N-07")
def test_what_each_stage_takes_is_recorded_with_the_order() -> None:
    oms = trading()
    oms.ctx.tick_ns = 7_000
    oms.approve()
    (created,) = oms.ctx.records(OrderRecorded)
    assert created.stages_us == {"precheck": 7, "split": 7, "send": 7}
    assert isinstance(oms.actor, OmsActor)
    figures = oms.actor.figures()
    assert {name: (stage.p50_us, stage.p99_us) for name, stage in figures.stages.items()}["split"] == (7, 7)
