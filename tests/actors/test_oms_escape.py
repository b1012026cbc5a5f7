"""Getting out: cancel, await the evidence, close the rest, until it is flat; over restarts and refusals."""

from decimal import Decimal

import pytest

from actors import addresses
from actors.oms import OmsActor
from messages.escapes import Escape, EscapeRecorded, EscapeTrigger
from messages.operator import EscapeAnswered
from messages.orders import CancelOrder, CancelRejected, FillBooked, OrderAccepted, OrderCancelled, OrderRejected
from messages.records import (
    AppendFailed,
    DeadlineCleared,
    DeadlineSet,
    IntentRecorded,
    IntentStatusChanged,
    OrderRecorded,
)
from messages.supervision import Terminated
from messages.values import IntentStatus, IntentType, OnStop, OrderStatus, Origin, Side, SplitPolicy, StopLevel
from supervisor.gate import SESSION_REASON
from tests.actors.kit import NS_PER_S, Story, open_gate, released
from tests.actors.oms_story import SEAT, Oms, approval, loaded
from tests.execution.orders import executed
from tests.supervisor.test_gate import reason

OUT = Escape(escape_id="e1", trigger=EscapeTrigger.OPERATOR, reason="a test")


def holding(oms: Oms, quantity: str = "1") -> None:
    """A bought position, and its order at its end."""
    oms.quote()
    key = oms.approve(quantity=Decimal(quantity), intent_id="i-buy", action_key="k-buy")
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id="v-buy"))
    oms.hear(executed(quantity, 1, key=key))
    assert oms.last().status is OrderStatus.FILLED
    oms.ctx.forget()


def resting(oms: Oms, number: int = 1) -> str:
    key = oms.approve(limit_price=Decimal("99.90"), intent_id=f"i-{number}", action_key=f"k-{number}")
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id=f"v-{number}"))
    oms.ctx.forget()
    return key


def closes(oms: Oms) -> list[tuple[Side, Decimal]]:
    found = [r.order for r in oms.ctx.records(OrderRecorded) if r.change == "created" and r.order.ticket.is_stop_plan]
    return [(row.ticket.side, row.ticket.quantity) for row in found]


def next_round(oms: Oms, after_s: float = 1.0) -> None:
    oms.ctx.now += int(after_s * NS_PER_S)
    oms.quote()
    oms.later(0, "work")


@pytest.mark.req("N-06")
def test_it_cancels_what_works_waits_for_the_proof_and_sells_what_is_held() -> None:
    oms = Oms().trading()
    holding(oms)
    entry = resting(oms)
    oms.hear(OUT)
    assert oms.cancels() == [entry]
    assert not closes(oms), "the entry might still trade against it"
    assert not oms.gate.is_open
    oms.hear(OrderCancelled(client_order_id=entry, symbol="BTCUSDT"))
    oms.later(0, "escape")
    assert closes(oms) == [(Side.SELL, Decimal(1))]
    close = oms.last()
    assert oms.ctx.records(IntentRecorded)[-1].intent.origin is Origin.OPERATOR
    oms.hear(executed("1", 2, key=close.ticket.client_order_id, side=Side.SELL))
    oms.later(0, "escape")
    assert oms.ctx.records(EscapeRecorded)[-1].is_over
    assert oms.ctx.records(DeadlineCleared)[-1].deadline_id == "escape/e1"
    assert oms.gate.is_open


def test_it_closes_what_is_held_at_the_very_level_that_shuts_all_other_exits() -> None:
    """As the risk guard asks for it: the gate is at HARD before the command is sent."""
    oms = Oms().trading()
    holding(oms)
    oms.gate.shut(reason("risk:max_daily_loss", StopLevel.HARD), by=None)
    tripped = {"escape_id": "risk_guard/max_daily_loss", "trigger": EscapeTrigger.RISK_GUARD}
    oms.hear(OUT.model_copy(update=tripped))
    assert closes(oms) == [(Side.SELL, Decimal(1))]
    exit_of_its_own = approval(side=Side.SELL, intent_type=IntentType.EXIT_FULL, intent_id="i-x", action_key="k-x")
    oms.hear(exit_of_its_own)
    assert oms.ctx.records(IntentStatusChanged)[-1].code == "GATE_SHUT"


def test_two_rounds_never_sell_more_than_is_held() -> None:
    oms = Oms().trading()
    holding(oms)
    oms.hear(OUT, OUT)
    for _ in range(5):
        next_round(oms)
    assert closes(oms) == [(Side.SELL, Decimal(1))]


def test_a_close_that_the_venue_refuses_is_made_anew_ever_more_seldom() -> None:
    oms = Oms().trading()
    holding(oms)
    oms.hear(OUT)
    for _ in range(60):
        if oms.last().status is OrderStatus.PENDING_SUBMIT:
            key = oms.last().ticket.client_order_id
            oms.hear(OrderRejected(client_order_id=key, symbol="BTCUSDT", code="-2010", reason="no"))
        next_round(oms)
    assert 4 <= len(closes(oms)) <= 7
    assert len({r.order.ticket.client_order_id for r in oms.ctx.records(OrderRecorded)}) == len(closes(oms))


def test_a_market_that_refuses_every_close_for_days_neither_stops_it_nor_fills_the_ledger() -> None:
    oms = Oms().trading()
    holding(oms)
    oms.hear(OUT)
    for number in range(2, 1_100):
        key = oms.last().ticket.client_order_id
        oms.hear(OrderRejected(client_order_id=key, symbol="BTCUSDT", code="-2010", reason="closed"))
        oms.ctx.forget()
        next_round(oms, after_s=61.0)
        assert closes(oms) == [(Side.SELL, Decimal(1))], number
    assert len(oms.ctx.records(DeadlineSet)[-1].payload) < 5_000


def test_a_cancel_that_the_venue_refuses_is_asked_for_anew_ever_more_seldom_and_at_once_after_news() -> None:
    oms = Oms().trading()
    holding(oms)
    entry, other = resting(oms), resting(oms, 2)
    oms.hear(OUT)
    asked: list[int] = []
    for second in range(300):
        if entry in oms.cancels():
            asked.append(second)
            oms.hear(CancelRejected(client_order_id=entry, symbol="BTCUSDT", code="-1", reason="no"))
        oms.ctx.forget()
        next_round(oms)
    assert asked[:10] == list(range(10))
    assert len(asked) < 30
    oms.hear(OrderCancelled(client_order_id=other, symbol="BTCUSDT"))
    oms.later(0, "escape")
    assert entry in oms.cancels()


def test_the_same_escape_again_when_it_is_over_makes_other_intents() -> None:
    """A limit trips, an operator re-arms, it trips again: the ledger refuses an intent that it has."""
    oms = Oms().trading()
    made: list[str] = []
    for number in (1, 3):
        oms.ctx.now += NS_PER_S
        oms.quote()
        entry = oms.approve(intent_id=f"i-{number}", action_key=f"k-{number}")
        oms.hear(executed("1", number, key=entry))
        oms.hear(OUT)
        oms.hear(executed("1", number + 1, key=oms.last().ticket.client_order_id, side=Side.SELL))
        made.append(oms.ctx.records(IntentRecorded)[-1].intent.intent_id)
        oms.later(0, "escape")
        assert oms.ctx.records(EscapeRecorded)[-1].is_over
        oms.ctx.forget()
    assert len(set(made)) == 2, made


def test_children_that_have_not_been_sent_never_are() -> None:
    oms = Oms().trading()
    oms.quote()
    oms.hear(approval(split=SplitPolicy.TWAP, quantity=Decimal(1)))
    oms.hear(OUT)
    statuses = [record.status for record in oms.ctx.records(IntentStatusChanged)]
    assert statuses == [IntentStatus.STOPPING]
    for _ in range(310):
        next_round(oms)
    made = [r for r in oms.ctx.records(OrderRecorded) if r.change == "created"]
    assert len(made) == 1


def test_a_restart_goes_on_getting_out() -> None:
    oms = Oms().trading()
    holding(oms)
    entry = resting(oms)
    oms.hear(OUT)
    deadlines = tuple(oms.ctx.records(DeadlineSet))
    again = Oms()
    again.hear(loaded(deadlines=deadlines))
    again.trading_but_shut()
    assert "escape/e1" in {each.reason_id for each in again.gate.reasons()}
    next_round(again)
    assert again.ctx.records(EscapeRecorded)[-1].is_over, "these books hold nothing"
    assert entry


def test_an_escape_that_the_ledger_could_not_take_begins_again_when_it_can() -> None:
    """The disk is full when a limit trips: the cancels leave, and what is held is closed once that can be recorded."""
    oms = Oms().trading()
    oms.quote()
    key = oms.approve()
    oms.hear(executed("1", 1, key=key))
    (held,) = {body for append in oms.ctx.appends() for _, body in released(append, FillBooked)}
    oms.hear(OUT)
    oms.hear(AppendFailed(reason="disk full"))
    for _ in range(2):  # the second time, too
        oms.ctx.forget()
        oms.hear(loaded(unapplied_fills=(held,)))
        assert [each.deadline_id for each in oms.ctx.records(DeadlineSet)] == ["escape/e1"]
        oms.hear(AppendFailed(reason="disk full"))
    oms.trading_but_shut()
    next_round(oms)
    assert closes(oms) == [(Side.SELL, Decimal(1))]
    oms.hear(executed("1", 2, key=oms.last().ticket.client_order_id, side=Side.SELL))
    oms.later(0, "escape")
    assert oms.gate.is_open


def test_dust_is_reported_and_not_hidden() -> None:
    oms = Oms().trading()
    holding(oms, "0.1")
    oms.quote("1.00", "1.01")
    oms.hear(OUT)
    record = oms.ctx.records(EscapeRecorded)[-1]
    assert record.is_over
    assert record.left_over == ("0.1 BTCUSDT of trend: NOTIONAL_TOO_SMALL, dust (min_notional: 0.1005 against 5)",)


def test_a_round_that_changes_nothing_is_not_written_down_again() -> None:
    oms = Oms().trading()
    holding(oms)
    resting(oms)
    oms.hear(OUT)
    for _ in range(3):
        next_round(oms)
    assert len(oms.ctx.records(EscapeRecorded)) == 2, "asked, and then pending"


def test_what_dust_is_worth_is_no_news() -> None:
    """An order of which the venue says nothing keeps the escape going; the price moves every second."""
    oms = Oms().trading()
    holding(oms, "0.1")
    resting(oms)
    oms.quote("1.00", "1.01")
    oms.hear(OUT)
    for tick in range(10):
        oms.ctx.now += NS_PER_S
        oms.quote(f"1.{tick:02}", "1.20")
        oms.later(0, "work")
    assert len(oms.ctx.records(EscapeRecorded)) == 2, "asked, and then pending"


# -- who asks for it --------------------------------------------------------------------------------------------------

GONE = Terminated(child=addresses.strategy("trend"), reason="parked")


@pytest.mark.parametrize("ending", [False, True])
def test_a_strategy_that_wants_to_be_flat_is_when_it_has_ended_but_not_at_the_end_of_a_session(ending: bool) -> None:
    oms = Oms(seat=SEAT._replace(on_stop={"trend": OnStop.FLATTEN})).trading()
    holding(oms)
    if ending:
        oms.gate.shut(reason(SESSION_REASON, StopLevel.SOFT), by=None)
    oms.hear(GONE)
    assert closes(oms) == ([] if ending else [(Side.SELL, Decimal(1))])


def test_another_strategys_position_and_orders_are_none_of_its_business() -> None:
    oms = Oms().trading()
    holding(oms)
    entry = resting(oms)
    oms.hear(OUT.model_copy(update={"strategy_id": "other"}))
    assert not closes(oms)
    assert not [letter for letter in oms.ctx.posted if isinstance(letter.envelope.body, CancelOrder)]
    assert entry
    assert oms.gate.is_open


def test_an_exit_that_works_already_is_not_sold_twice() -> None:
    oms = Oms().trading()
    holding(oms)
    key = oms.approve(
        quantity=Decimal("0.4"), side=Side.SELL, intent_type=IntentType.EXIT_PARTIAL, intent_id="i-x", action_key="k-x"
    )
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id="v-x"))
    oms.ctx.forget()
    oms.hear(OUT)
    assert closes(oms) == [(Side.SELL, Decimal("0.6"))]


# -- who is told ------------------------------------------------------------------------------------------------------


def answers(oms: Oms) -> list[EscapeAnswered]:
    return [body for append in oms.ctx.appends() for to, body in released(append, EscapeAnswered) if to == "desk"]


def test_who_asked_is_told_what_it_came_to_when_it_is_over_also_over_a_restart() -> None:
    oms = Oms().trading()
    holding(oms)
    entry = resting(oms)
    oms.hear(OUT.model_copy(update={"reply_to": "desk"}))
    oms.hear(OrderCancelled(client_order_id=entry, symbol="BTCUSDT"))
    oms.later(0, "escape")
    close = oms.last()
    assert not answers(oms)
    kept = tuple(each for each in oms.ctx.records(DeadlineSet) if each.kind == "escape")[-1:]
    oms.hear(executed("1", 2, key=close.ticket.client_order_id, side=Side.SELL, price="101"))
    oms.later(0, "escape")
    (answer,) = answers(oms)
    assert (answer.escape_id, answer.cancelled, answer.left_over, answer.unknown) == ("e1", (entry,), (), ())
    assert answer.closes == ("SELL 1 BTCUSDT for trend: FILLED, 1 filled at 101 on average",)

    again = Oms(epoch=2)
    again.hear(loaded(oms.last(), deadlines=kept))
    again.trading_but_shut()
    next_round(again)
    (told,) = answers(again)
    assert (told.escape_id, told.cancelled, told.closes) == ("e1", (entry,), answer.closes)


def test_one_that_comes_before_the_ledger_was_read_waits_for_it() -> None:
    """Books that are empty yet would seem to be flat."""
    story = Story(OmsActor(SEAT, open_gate()), addresses.OMS)
    story.start()
    story.hear(OUT)
    assert not story.ctx.records(EscapeRecorded)
    story.hear(loaded())
    story.later(1, "escape:e1")
    assert story.ctx.records(EscapeRecorded)


@pytest.mark.lesson("L22")
@pytest.mark.parametrize("level", [StopLevel.HARD, StopLevel.SOFT])
def test_a_fill_after_everything_was_closed_makes_the_plan_run_again(level: StopLevel) -> None:
    """The escape is over, and its reason in force: whoever compares the books is told of every plan anew."""
    oms = Oms().trading()
    oms.quote()
    entry = resting(oms)
    oms.gate.shut(reason("kill:x", level, "symbol:BTCUSDT"), by=None)
    oms.hear(OrderCancelled(client_order_id=entry, symbol="BTCUSDT"))
    doubts = oms.gate.doubts
    oms.hear(executed("1", 7, key=entry))
    assert oms.last().filled == 1
    assert (oms.gate.doubts > doubts) is (level is StopLevel.HARD)
