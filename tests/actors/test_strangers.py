"""OMS: foreign orders are known and never touched; an operator adopts them or leaves them alone, over restarts."""

from decimal import Decimal

import pytest

from actors import addresses
from actors.oms import OmsActor
from actors.oms_seat import OmsFigures
from messages.escapes import Escape
from messages.failure import CancelEntries
from messages.operator import (
    ActAnswered,
    AdoptOrder,
    IgnoreStranger,
    IntentAdopted,
    PositionAdjusted,
    ReconcileAnswered,
    StrangerSettled,
)
from messages.orders import (
    FillBooked,
    OrderAccepted,
    OrderStatusReported,
    QueryOrder,
    Reconcile,
    TakeVenueSnapshot,
    VenueSnapshotFailed,
)
from messages.portfolio import ReconcilePortfolio
from messages.records import ForeignOrderSeen, IntentRecorded, IntentStatusChanged, OrphanFillSeen
from messages.strangers import KnownStrangers, Stranger, StrangerKind, Verdict
from messages.supervision import Outcome
from messages.values import IntentStatus, OnStop, OrderStatus, Origin, Side
from tests.actors.kit import released
from tests.actors.oms_story import SEAT, Oms, loaded, snapshot
from tests.execution.orders import executed, order, venue_execution, venue_order

D = Decimal
DESK = "operator-desk"
HAND = venue_order(OrderStatus.PARTIAL, "4", key="by-hand", venue_order_id="77", limit_price=D(90))
FILLED = venue_execution("4", 9, venue_order_id="77", price=D(90))


def adopt(name: str = "by-hand", strategy_id: str = "trend") -> AdoptOrder:
    return AdoptOrder(
        request_id="r1", operator="mina", reason="mine", reply_to=DESK, order_id=name, strategy_id=strategy_id
    )


def ignore(number: str, kind: StrangerKind = StrangerKind.ORDER) -> IgnoreStranger:
    return IgnoreStranger(request_id="r2", operator="mina", reason="so", reply_to=DESK, kind=kind, number=number)


class Watched(Oms):
    """An OMS of a session with the strategy trend, which has seen an order placed by hand."""

    def __init__(self, known: KnownStrangers | None = None) -> None:
        super().__init__(seat=SEAT._replace(on_stop={"trend": OnStop.KEEP}))
        if known is not None:
            self.hear(loaded(known=known))
        self.trading()

    def compare(self, **listed: object) -> None:
        self.later(30, "reconcile")
        self.hear(snapshot(self.ctx.now, **listed))
        self.commit()

    @property
    def figures(self) -> OmsFigures:
        assert isinstance(self.actor, OmsActor)
        return self.actor.figures()

    def sees_it(self) -> "Watched":
        self.compare(open_orders=(HAND,), executions=(FILLED,))
        self.ctx.forget()
        return self

    def answers(self) -> list[ActAnswered]:
        later = [body for append in self.ctx.appends() for to, body in released(append, ActAnswered) if to == DESK]
        return [*self.ctx.tells(ActAnswered, DESK), *later]


def seen(verdict: Verdict, kind: StrangerKind = StrangerKind.ORDER) -> KnownStrangers:
    is_order = kind is StrangerKind.ORDER
    stranger = Stranger(
        kind=kind,
        symbol="BTCUSDT",
        number="77" if is_order else "9",
        verdict=verdict,
        decided_ns=None if verdict is Verdict.SEEN else 5,
        order=HAND if is_order else None,
        execution=None if is_order else FILLED,
        seq=3,
    )
    return KnownStrangers(strangers=(stranger,))


@pytest.mark.lesson("L12")
def test_an_order_by_hand_and_its_executions_are_written_down_once_and_never_touched() -> None:
    oms = Watched()
    oms.compare(open_orders=(HAND,), executions=(FILLED,))
    oms.compare(open_orders=(HAND,), executions=(FILLED,))
    assert [record.order for record in oms.ctx.records(ForeignOrderSeen)] == [HAND]
    assert [record.execution for record in oms.ctx.records(OrphanFillSeen)] == [FILLED]
    oms.hear(CancelEntries(reason="a stop plan", everything=True))
    assert not oms.cancels()
    told = [body for append in oms.ctx.appends() for _, body in released(append, ReconcilePortfolio)]
    assert [body.strangers for body in told] == [(FILLED,), (FILLED,)]


def test_a_restart_writes_down_nothing_again_and_knows_whose_execution_it_is() -> None:
    """The order is not in the listing any more; its execution comes late."""
    oms = Watched(seen(Verdict.SEEN))
    oms.compare(executions=(FILLED,))
    assert not oms.ctx.records(ForeignOrderSeen)
    assert oms.gate.is_open
    assert oms.figures.foreign_orders == 1


def test_fills_by_the_dozen_of_a_known_foreign_order_are_looked_at_every_few_seconds() -> None:
    """Each comparison asks the venue for everything, and costs of the same budget as our orders."""
    oms = Watched().sees_it()
    for number in range(40):
        oms.hear(executed("0.01", 100 + number, key="by-hand", venue_order_id="77"))
        oms.hear(snapshot(oms.ctx.now))
        oms.later(0.1)
    assert len(oms.ctx.tells(TakeVenueSnapshot)) == 1
    oms.later(1, "look")
    assert len(oms.ctx.tells(TakeVenueSnapshot)) == 2, "once more, behind the last of them"


def test_news_of_a_known_foreign_order_makes_a_comparison_and_shuts_nothing() -> None:
    oms = Watched().sees_it()
    oms.hear(executed("1", 10, key="by-hand", venue_order_id="77"))
    assert oms.gate.is_open
    assert oms.ctx.tells(TakeVenueSnapshot)


def test_executions_are_asked_for_in_symbols_that_only_strangers_trade() -> None:
    oms = Watched()
    oms.hear(OrderAccepted(client_order_id="by-hand", symbol="ETHUSDT", venue_order_id="5"))
    oms.hear(OrderAccepted(client_order_id="by-hand", symbol="UNLISTED", venue_order_id="5"))
    oms.hear(snapshot(oms.ctx.now))
    assert oms.ctx.tells(TakeVenueSnapshot)[-1].symbols == ("BTCUSDT", "ETHUSDT")


# -- adopting ---------------------------------------------------------------------------------------------------------


def test_an_adopted_order_is_ours_with_its_executions_and_its_state() -> None:
    oms = Watched().sees_it()
    oms.hear(adopt())
    (recorded,) = oms.ctx.records(IntentRecorded)
    assert (recorded.intent.origin, recorded.intent.strategy_id) == (Origin.OPERATOR, "trend")
    assert recorded.reserved_notional == 10 * 90
    assert [record.verdict for record in oms.ctx.records(StrangerSettled)] == [Verdict.ADOPTED]
    (append,) = [each for each in oms.ctx.appends() if recorded in each.records]
    assert released(append, QueryOrder)
    ((guard, told),) = released(append, IntentAdopted)
    assert (guard, told.intent, told.reserved_notional) == (addresses.RISK_GUARD, recorded.intent, D(900))
    (answer,) = oms.answers()
    assert (answer.outcome, answer.facts["client_order_id"]) == (Outcome.DONE, "by-hand")
    oms.hear(snapshot(oms.ctx.now, open_orders=(HAND,), executions=(FILLED,)))
    row = oms.last()
    assert (row.status, row.filled, row.strategy_id) == (OrderStatus.PARTIAL, D(4), "trend")
    assert addresses.PORTFOLIO in oms.releases(FillBooked)
    oms.commit()
    assert oms.gate.is_open
    assert oms.figures.foreign_orders == oms.figures.orphan_fills == 0


def test_what_an_adopted_order_had_filled_long_ago_comes_by_a_query() -> None:
    """From before what a comparison may ask for."""
    oms = Watched().sees_it()
    oms.hear(adopt())
    done = HAND.model_copy(update={"status": OrderStatus.CANCELLED})
    oms.hear(
        OrderStatusReported(
            client_order_id="by-hand", symbol="BTCUSDT", order=done, executions=(FILLED,), as_of_ns=oms.ctx.now
        )
    )
    assert (oms.last().status, oms.last().filled) == (OrderStatus.CANCELLED, D(4))
    assert oms.ctx.records(IntentStatusChanged)[-1].status is IntentStatus.DONE


@pytest.mark.parametrize("price", ["90", "99.98"], ids=["far away", "near the market"])
def test_an_adopted_order_is_watched_and_never_worked(price: str) -> None:
    oms = Watched()
    hand = HAND.model_copy(update={"limit_price": D(price)})
    oms.compare(open_orders=(hand,))
    oms.ctx.forget()
    oms.quote()
    oms.hear(adopt())
    oms.hear(snapshot(oms.ctx.now, open_orders=(hand,), executions=(FILLED,)))
    for _ in range(90):
        oms.later(1, "work")
        oms.quote()
    assert not oms.cancels(), "whoever placed it wants it at that price"
    assert not oms.ctx.tells(Escape), "and may wait as long as that takes"
    oms.hear(CancelEntries(reason="a stop plan"))
    assert oms.cancels() == ["by-hand"], "but it is ours to cancel"


def test_an_order_that_only_sells_what_is_held_is_an_exit() -> None:
    oms = Watched()
    oms.hear(PositionAdjusted(adjustment_id="a1", strategy_id="trend", symbol="BTCUSDT", change=D(10)))
    oms.compare(open_orders=(HAND.model_copy(update={"side": Side.SELL}),))
    oms.hear(adopt())
    assert not oms.ctx.records(IntentRecorded)[-1].intent.intent_type.is_entry


@pytest.mark.parametrize(
    ("act", "outcome", "why"),
    [
        (adopt("nobody"), Outcome.NOT_FOUND, "no foreign order 'nobody' waits for a decision"),
        (ignore("nobody"), Outcome.NOT_FOUND, "no foreign order 'nobody'"),
        (ignore("77", StrangerKind.FILL), Outcome.NOT_FOUND, "no execution '77' of nobody's order"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    act: AdoptOrder | IgnoreStranger, outcome: Outcome, why: str
) -> None:
    oms = Watched().sees_it()
    oms.hear(act)
    (answer,) = oms.answers()
    assert (answer.outcome, why in answer.detail) == (outcome, True), answer.detail
    assert not oms.ctx.appends()


def test_an_id_that_ours_never_have_cannot_be_adopted() -> None:
    oms = Watched()
    oms.compare(open_orders=(HAND.model_copy(update={"client_order_id": "web/1.2"}),))
    oms.ctx.forget()
    oms.hear(adopt("77"))
    assert "cannot be an order of ours" in oms.answers()[-1].detail
    assert not oms.ctx.appends()


def test_a_number_in_two_symbols_is_to_be_named_with_its_symbol() -> None:
    oms = Watched()
    other = HAND.model_copy(update={"symbol": "ETHUSDT", "client_order_id": "by-hand-2"})
    oms.compare(open_orders=(HAND, other))
    oms.hear(ignore("77"))
    assert "any of BTCUSDT:77, ETHUSDT:77" in oms.answers()[-1].detail
    oms.hear(ignore("ETHUSDT:77"))
    assert oms.answers()[-1].facts["symbol"] == "ETHUSDT"


# -- ignoring ---------------------------------------------------------------------------------------------------------


def test_an_execution_of_nobodys_order_is_a_doubt_until_it_is_ignored() -> None:
    oms = Watched()
    oms.hear(Reconcile(reason="a doubt"))
    oms.hear(snapshot(oms.ctx.now, executions=(FILLED,)))
    oms.commit()
    assert not is_open(oms)
    oms.hear(ignore("9", StrangerKind.FILL))
    (settled,) = oms.ctx.records(StrangerSettled)
    assert (settled.verdict, settled.operator, settled.number) == (Verdict.IGNORED, "mina", "9")
    oms.hear(snapshot(oms.ctx.now, executions=(FILLED,)))
    oms.commit()
    assert oms.gate.is_open
    told = [body for append in oms.ctx.appends() for _, body in released(append, ReconcilePortfolio)]
    assert told[-1].decided_ns == {"BTCUSDT": settled.at_ns}


@pytest.mark.parametrize("kind", StrangerKind)
def test_a_restart_knows_what_is_left_alone(kind: StrangerKind) -> None:
    oms = Watched(seen(Verdict.IGNORED, kind))
    oms.compare(executions=(FILLED,))
    assert oms.gate.is_open
    assert oms.figures.foreign_orders == 0
    told = [body for append in oms.ctx.appends() for _, body in released(append, ReconcilePortfolio)]
    assert (told[-1].is_clean, told[-1].decided_ns) == (True, {"BTCUSDT": 5})


# -- asked for --------------------------------------------------------------------------------------------------------

ASK = Reconcile(reason="an operator", is_look=True, request_id="r3", reply_to=DESK)


def is_open(oms: Oms) -> bool:
    return oms.gate.is_open


def told_to_desk(oms: Oms) -> list[ReconcileAnswered]:
    return [body for append in oms.ctx.appends() for to, body in released(append, ReconcileAnswered) if to == DESK]


def test_who_asks_for_a_comparison_is_answered_when_one_that_began_later_is_on_disk() -> None:
    oms = Watched()
    oms.later(30, "reconcile")
    oms.hear(ASK)
    assert oms.gate.is_open, "only a look"
    oms.hear(snapshot(oms.ctx.now))
    assert not told_to_desk(oms), "that one began before"
    oms.hear(snapshot(oms.ctx.now, open_orders=(HAND,)))
    (answer,) = told_to_desk(oms)
    assert (answer.request_id, answer.result.foreign_orders, answer.result.is_clean) == ("r3", 1, True)
    oms.compare()
    assert len(told_to_desk(oms)) == 1


def test_a_venue_that_cannot_be_asked_is_said_so() -> None:
    oms = Watched()
    oms.hear(ASK, VenueSnapshotFailed(venue="sim", reason="503"))
    (answer,) = oms.answers()
    assert (answer.outcome, answer.detail) == (Outcome.FAILED, "sim could not be asked: 503")


def test_the_doubts_of_a_comparison_are_in_words() -> None:
    oms = Watched()
    lost = order(OrderStatus.SUBMITTED, key="b" + "c" * 32)
    marked = venue_order(OrderStatus.SUBMITTED, key=lost.ticket.client_order_id, venue_order_id="88")
    oms.hear(ASK)
    oms.hear(snapshot(oms.ctx.now, open_orders=(marked,), executions=(FILLED,)))
    (answer,) = told_to_desk(oms)
    assert answer.result.drifts == (
        "order 88 in BTCUSDT bears our mark, in no book of ours",
        "execution 9 in BTCUSDT belongs to no order that is known",
    )


# -- positions --------------------------------------------------------------------------------------------------------


def test_a_position_that_changed_without_a_fill_is_counted_once_over_a_restart() -> None:
    oms = Watched(KnownStrangers(adjustment_ids=("known",)))
    for adjustment_id in ("known", "new", "new"):
        moved = PositionAdjusted(adjustment_id=adjustment_id, strategy_id="trend", symbol="BTCUSDT", change=D("0.5"))
        oms.hear(moved)
    oms.compare(open_orders=(HAND.model_copy(update={"side": Side.SELL, "quantity": D("4.5")}),))
    oms.hear(adopt())
    assert not oms.ctx.records(IntentRecorded)[-1].intent.intent_type.is_entry, "0.5 are held, and 0.5 are left to sell"


def test_an_order_in_a_symbol_that_is_not_traded_is_not_adopted() -> None:
    oms = Watched()
    oms.compare(open_orders=(HAND.model_copy(update={"symbol": "ETHUSDT"}),))
    oms.ctx.forget()
    oms.hear(adopt())
    assert "ETHUSDT is not traded by this session" in oms.answers()[-1].detail
    assert not oms.ctx.appends()
