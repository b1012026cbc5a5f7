"""OMS at a venue without client ids and execution ids: claimed by evidence or by an operator, and fills by growth."""

from datetime import UTC, datetime
from typing import Any

import pytest

from actors import addresses
from actors.doubts import SHOWN
from bulkhead.chaos.model.market import CAPABILITIES
from bulkhead.venues.port import ClientIdScheme
from messages.failure import CancelEntries, FailureMode, FailureReported
from messages.operator import ActAnswered, AdoptOrder, IgnoreStranger, ResolveOrder, StrangerSettled
from messages.orders import (
    CancelRejected,
    FillBooked,
    OrderAccepted,
    OrderChannelDown,
    OrderChannelUp,
    OrderOutcomeUnknown,
    OrderRow,
    OrderStatusReported,
    QueryOrder,
    Reconcile,
    TakeVenueSnapshot,
    VenueOrder,
)
from messages.portfolio import ReconcilePortfolio
from messages.records import FillRecorded, ForeignOrderSeen, IntentStatusChanged
from messages.strangers import KnownStrangers, Stranger, StrangerKind, Verdict
from messages.supervision import Outcome
from messages.values import IntentStatus, IntentType, OrderStatus, Side, TimeInForce
from tests.actors.kit import NS_PER_S, released
from tests.actors.oms_story import SEAT, Oms, approval, loaded, snapshot
from tests.execution.orders import ID, T0, D, order, venue_order

API, BY_HAND = "||31", "||11"
BARE = CAPABILITIES.model_copy(update={"client_id": ClientIdScheme.NONE, "has_execution_ids": False})
DESK = "operator-desk"


def listed(
    number: str = "7", status: OrderStatus = OrderStatus.SUBMITTED, filled: str = "0", **more: Any
) -> VenueOrder:
    fields = {"order_type": "LMT", "limit_price": D(100), "quantity": D(1), "channel": API, "created_ns": T0, **more}
    return venue_order(status, filled, key=f"v-{number}", venue_order_id=number, **fields)


class Bare(Oms):
    """It trades, and knows our own channel if `channels` has it."""

    def __init__(self, *recovered: OrderRow, channels: tuple[str, ...] = (API,)) -> None:
        capabilities = BARE.model_copy(update={"own_channels": channels})
        super().__init__(*recovered, seat=SEAT._replace(capabilities=capabilities))

    def buy(self, intent_id: str = "i1", **changes: object) -> str:
        """Hand in an approved limit order; returns its client order id."""
        self.ctx.forget()
        fields = {"intent_id": intent_id, "action_key": intent_id, "limit_price": D(100), **changes}
        return self.approve(**fields)

    def lose(self, key: str) -> None:
        self.hear(OrderOutcomeUnknown(client_order_id=key, symbol="BTCUSDT", reason="timeout"))
        self.ctx.forget()

    def compare(self, *orders: VenueOrder) -> None:
        """Five seconds later the venue shows these."""
        self.ctx.forget()
        self.later(5)
        self.hear(Reconcile(reason="a test", is_look=True))
        open_orders = tuple(order for order in orders if not order.status.is_terminal)
        self.hear(snapshot(self.ctx.now, orders=orders, open_orders=open_orders))
        self.commit()

    def resolve(self, key: str, number: str | None) -> ActAnswered:
        self.hear(
            ResolveOrder(
                request_id="r1", operator="mina", reason="seen", reply_to=DESK, order_id=key, venue_order_id=number
            )
        )
        later = [body for append in self.ctx.appends() for to, body in released(append, ActAnswered) if to == DESK]
        return [*self.ctx.tells(ActAnswered, DESK), *later][-1]

    def doubts(self) -> list[tuple[str, bool]]:
        reports = self.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)
        return [(r.scope, r.recovered) for r in reports if r.mode is FailureMode.ORDER_IN_DOUBT]


@pytest.fixture
def oms() -> Bare:
    found = Bare()
    found.trading()
    return found


# -- claimed by evidence ----------------------------------------------------------------------------------------------


def test_an_order_whose_answer_was_lost_is_found_among_the_listed_ones(oms: Bare) -> None:
    key = oms.buy()
    oms.lose(key)
    oms.compare(listed())
    assert (oms.last().venue_order_id, oms.last().status) == ("7", OrderStatus.SUBMITTED)
    assert not oms.ctx.records(ForeignOrderSeen)


def test_what_it_has_filled_meanwhile_is_booked_with_it(oms: Bare) -> None:
    key = oms.buy()
    oms.lose(key)
    oms.compare(listed(status=OrderStatus.FILLED, filled="1"))
    assert oms.last().status is OrderStatus.FILLED
    assert [record.fill.fill_id for record in oms.ctx.records(FillRecorded)] == ["sim:BTCUSDT:7@1"]


def test_it_is_looked_for_and_never_queried_by_an_id_that_the_venue_does_not_keep(oms: Bare) -> None:
    oms.lose(oms.buy())
    oms.later(5, "query")
    assert oms.ctx.tells(TakeVenueSnapshot)
    assert not oms.ctx.tells(QueryOrder)


def test_our_channel_is_learnt_from_an_order_that_the_venue_has_answered_for() -> None:
    oms = Bare(channels=())
    oms.trading()
    first = oms.buy()
    oms.hear(OrderAccepted(client_order_id=first, symbol="BTCUSDT", venue_order_id="6"))
    oms.compare(listed("6"))
    oms.ctx.forget()
    second = oms.buy("i2", decision_time_ns=T0 + 1)
    oms.lose(second)
    oms.compare(listed("6"), listed("7"))
    assert (oms.last().ticket.client_order_id, oms.last().venue_order_id) == (second, "7")


def test_after_a_restart_our_channel_is_asked_for_where_no_order_of_ours_is_listed() -> None:
    """A kill while an order is under way: else each of them would wait for an operator."""
    earlier: dict[str, Any] = {
        "key": "b" + "d" * 32,
        "venue_order_id": "6",
        "intent_id": "earlier",
        "created_ns": T0 - 1,
    }
    ended = order(OrderStatus.FILLED, "1", quantity="1", **earlier)
    oms = Bare(ended, order(OrderStatus.UNKNOWN, quantity="1"), channels=())
    oms.trading_but_shut()
    oms.compare(listed("7"))
    (asked,) = oms.ctx.tells(QueryOrder)
    assert asked.venue_order_id == "6"
    oms.hear(status(asked.client_order_id, listed("6", OrderStatus.FILLED, "1"), oms.ctx.now))
    oms.compare(listed("7"))
    assert (oms.last().ticket.client_order_id, oms.last().venue_order_id) == (ID, "7")


def test_while_its_request_is_under_way_what_may_be_it_is_nobodys_yet(oms: Bare) -> None:
    key = oms.buy()
    oms.compare(listed(status=OrderStatus.FILLED, filled="1"))
    assert not oms.ctx.records(ForeignOrderSeen)
    told = [body for append in oms.ctx.appends() for _, body in released(append, ReconcilePortfolio)]
    assert [body.strangers for body in told] == [()]
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id="7"))
    oms.compare(listed(status=OrderStatus.FILLED, filled="1"))
    assert oms.last().status is OrderStatus.FILLED


@pytest.mark.parametrize("others", [(listed("8"),), (listed("8", channel=BY_HAND),)])
def test_a_twin_is_an_operators_to_tell_apart_and_is_told_once(oms: Bare, others: tuple[VenueOrder, ...]) -> None:
    key = oms.buy()
    sent = datetime.fromtimestamp(oms.ctx.now // NS_PER_S, UTC)
    oms.lose(key)
    oms.compare(listed(), *others)
    assert oms.doubts() == [("symbol:BTCUSDT", False)]
    (report,) = oms.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)
    assert f"`bulkhead resolve {key[:SHOWN]} --is NUMBER --reason …`, or --never-arrived" in report.detail
    assert f"sent at {sent:%H:%M:%S} UTC" in report.detail
    oms.compare(listed(), *others)
    assert oms.doubts() == []
    assert not oms.ctx.records(FillRecorded)


def test_a_stranger_that_was_seen_before_is_never_taken_for_it() -> None:
    oms = Bare()
    oms.hear(
        loaded(
            known=KnownStrangers(
                strangers=(
                    Stranger(
                        kind=StrangerKind.ORDER,
                        symbol="BTCUSDT",
                        number="7",
                        verdict=Verdict.SEEN,
                        order=listed(),
                        seen_ns=T0 - NS_PER_S,
                        seq=1,
                    ),
                )
            )
        )
    )
    oms.trading()
    oms.lose(oms.buy())
    oms.compare(listed())
    assert oms.doubts() == []
    assert all(row.venue_order_id is None for row in oms.rows().values())


def test_after_its_time_an_operator_is_asked_and_evidence_still_settles_it(oms: Bare) -> None:
    oms.lose(oms.buy())
    for _ in range(13):
        oms.compare()
    assert oms.doubts() == [("symbol:BTCUSDT", False)]
    oms.gate.shut(_reason(oms), by=oms.ctx)  # as the failure handler does
    oms.compare(listed())
    assert oms.last().venue_order_id == "7"
    oms.compare(listed())
    assert oms.doubts() == [("symbol:BTCUSDT", True)]


def _reason(oms: Bare) -> Any:
    from supervisor.failure_modes import Shut, decide

    found = decide(oms.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)[-1], oms.ctx.now)
    assert isinstance(found, Shut)
    return found.reason


@pytest.mark.parametrize("filled", ["0", "0.4"])
def test_what_was_to_be_cancelled_while_it_was_in_doubt_is_cancelled_when_it_is_found(oms: Bare, filled: str) -> None:
    """A cancel needs the venue's number here, and there was none yet."""
    key = oms.buy()
    oms.hear(CancelEntries(reason="the strategy has ended"))
    oms.hear(OrderOutcomeUnknown(client_order_id=key, symbol="BTCUSDT", reason="timeout"))
    oms.hear(CancelRejected(client_order_id=key, symbol="BTCUSDT", code="NO_ORDER_NUMBER", reason="not known"))
    oms.compare(listed(status=OrderStatus.SUBMITTED if filled == "0" else OrderStatus.PARTIAL, filled=filled))
    assert oms.cancels() == [key]
    assert (oms.last().status, oms.last().venue_order_id) == (OrderStatus.PENDING_CANCEL, "7")


def test_an_exit_at_the_market_that_is_found_again_goes_on_while_it_is_got_out() -> None:
    exit_: dict[str, Any] = {"side": Side.SELL, "intent_type": IntentType.EXIT_FULL, "limit": None, "quantity": "1"}
    oms = Bare(order(OrderStatus.UNKNOWN, **exit_))
    oms.trading_but_shut()
    oms.actor._book.stop_working("i1", "flatten")  # type: ignore[attr-defined]
    oms.compare(listed(side=Side.SELL, order_type="MKT", limit_price=None))
    assert (oms.last().status, oms.last().venue_order_id) == (OrderStatus.SUBMITTED, "7")
    assert oms.cancels() == []


# -- an operator's word -----------------------------------------------------------------------------------------------


def test_an_operator_says_which_order_it_is(oms: Bare) -> None:
    key = oms.buy()
    oms.lose(key)
    oms.compare(listed(), listed("8", channel=BY_HAND))
    oms.ctx.forget()
    answer = oms.resolve(key[:12], "7")
    assert answer.outcome is Outcome.DONE, answer.detail
    assert oms.last().venue_order_id == "7"
    assert [(s.number, s.verdict) for s in oms.ctx.records(StrangerSettled)] == [("7", Verdict.ADOPTED)]
    oms.compare(listed(status=OrderStatus.FILLED, filled="1"), listed("8", channel=BY_HAND))
    assert [record.fill.client_order_id for record in oms.ctx.records(FillRecorded)] == [key]


def test_that_it_never_arrived_cannot_be_said_while_the_venue_may_still_list_it(oms: Bare) -> None:
    """A list lags; an exit that is called dead too early is sold a second time."""
    key = oms.buy()
    oms.lose(key)
    oms.compare()
    answer = oms.resolve(key, None)
    assert answer.outcome is Outcome.FAILED
    assert "it was sent 5 s ago" in answer.detail
    oms.compare(listed())
    assert oms.last().venue_order_id == "7"


def test_what_an_operator_said_teaches_nothing_of_our_channel() -> None:
    """They may be wrong, and from then on whatever was placed by hand would pass for ours."""
    oms = Bare(channels=())
    oms.trading()
    key = oms.buy()
    oms.lose(key)
    oms.compare(by_hand := listed("7", channel=BY_HAND))
    assert oms.resolve(key, "7").outcome is Outcome.DONE
    ended = by_hand.model_copy(update={"status": OrderStatus.CANCELLED})
    oms.compare(ended)
    oms.hear(status(key, ended, oms.ctx.now))
    oms.lose(second := oms.buy("i2", decision_time_ns=T0 + 1))
    oms.compare(ended, listed("8", channel=BY_HAND, created_ns=oms.ctx.now))
    assert oms.doubts() == [("symbol:BTCUSDT", False)]
    assert [row.venue_order_id for row in oms.rows().values() if row.ticket.client_order_id == second] == []


def test_an_operator_says_that_it_never_arrived(oms: Bare) -> None:
    key = oms.buy()
    oms.lose(key)
    for _ in range(13):
        oms.compare()
    oms.ctx.forget()
    answer = oms.resolve(key, None)
    assert answer.outcome is Outcome.DONE, answer.detail
    assert (oms.last().status, oms.last().reason) == (OrderStatus.FAILED, "ORDER_PROVEN_ABSENT: mina: seen")
    assert [record.status for record in oms.ctx.records(IntentStatusChanged)] == [IntentStatus.FAILED]


@pytest.mark.parametrize(
    ("number", "orders", "outcome", "why"),
    [
        ("9", (listed(), listed("8")), Outcome.NOT_FOUND, "no foreign order '9'"),
        ("8", (listed(), listed("8", created_ns=T0 - 59 * NS_PER_S)), Outcome.DONE, "is the venue's order 8"),
        ("8", (listed(), listed("8", quantity=D(2))), Outcome.FAILED, "is BUY 2 BTCUSDT, and ours is BUY 1"),
        ("8", (listed(), listed("8", created_ns=T0 - 61 * NS_PER_S)), Outcome.FAILED, "was there before ours was made"),
    ],
)
def test_what_it_cannot_be_is_refused_with_the_numbers(
    oms: Bare, number: str, orders: tuple[VenueOrder, ...], outcome: Outcome, why: str
) -> None:
    key = oms.buy()
    oms.lose(key)
    oms.hear(OrderOutcomeUnknown(client_order_id=key, symbol="BTCUSDT", reason="again"))
    oms.compare(*(o.model_copy(update={"channel": BY_HAND}) for o in orders))
    oms.ctx.forget()
    answer = oms.resolve(key, number)
    assert answer.outcome is outcome
    assert why in answer.detail


def test_an_order_that_the_venue_has_answered_for_is_no_ones_to_resolve(oms: Bare) -> None:
    key = oms.buy()
    assert "it is PENDING_SUBMIT" in oms.resolve(key, None).detail
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id="6"))
    oms.ctx.forget()
    assert "it is SUBMITTED" in oms.resolve(key, None).detail
    assert oms.resolve("bzzz", None).outcome is Outcome.NOT_FOUND


def test_a_venue_that_keeps_our_ids_is_not_overruled() -> None:
    oms = Oms(order(OrderStatus.UNKNOWN))
    oms.hear(ResolveOrder(request_id="r1", operator="mina", reason="seen", reply_to=DESK, order_id="b"))
    assert "keeps our ids" in oms.ctx.tells(ActAnswered, DESK)[-1].detail


# -- one at a time ----------------------------------------------------------------------------------------------------


@pytest.mark.code("SIDE_IN_DOUBT")
@pytest.mark.parametrize("is_lost", [False, True])
def test_no_second_order_of_a_symbol_and_side_leaves_while_one_has_no_answer(oms: Bare, is_lost: bool) -> None:
    key = oms.buy()
    if is_lost:
        oms.lose(key)
    oms.ctx.forget()
    oms.hear(approval(intent_id="i2", action_key="k2", limit_price=D(100), decision_time_ns=T0 + 1))
    (refused,) = [r for r in oms.ctx.records(IntentStatusChanged) if r.intent_id == "i2"]
    assert refused.code == ("SYMBOL_FROZEN" if is_lost else "SIDE_IN_DOUBT")


@pytest.mark.parametrize(("side", "code"), [(Side.SELL, "SIDE_IN_DOUBT"), (Side.BUY, None)])
def test_an_exit_is_held_back_by_its_own_side_alone(side: Side, code: str | None) -> None:
    oms = Bare(order(OrderStatus.UNKNOWN, side=side, quantity="1", intent_id="earlier"))
    oms.actor._confirmed[("trend", "BTCUSDT")] = D(5)  # type: ignore[attr-defined]
    exit_ = {"side": Side.SELL, "intent_type": IntentType.EXIT_PARTIAL, "limit_price": D(100)}
    oms.hear(approval(intent_id="i2", action_key="k2", time_in_force=TimeInForce.DAY, **exit_))
    refused = [r.code for r in oms.ctx.records(IntentStatusChanged) if r.intent_id == "i2"]
    assert refused == ([] if code is None else [code])


# -- fills by growth --------------------------------------------------------------------------------------------------


def status(key: str, shown: VenueOrder, at_ns: int) -> OrderStatusReported:
    return OrderStatusReported(client_order_id=key, symbol="BTCUSDT", order=shown, as_of_ns=at_ns)


def test_totals_that_are_told_unasked_are_booked_by_their_growth(oms: Bare) -> None:
    key = oms.buy()
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id="7"))
    oms.ctx.forget()
    for filled in ("0.4", "0.4", "0.7"):
        oms.hear(status(key, listed("7", OrderStatus.PARTIAL, filled), oms.ctx.now))
    assert [str(record.fill.quantity) for record in oms.ctx.records(FillRecorded)] == ["0.4", "0.3"]
    assert {record.source for record in oms.ctx.records(FillRecorded)} == {"totals"}, "which is no recovery"
    assert len(oms.releases(FillBooked)) == 4, "to portfolio and risk guard"
    oms.compare(listed("7", OrderStatus.FILLED, "1"))
    assert oms.last().status is OrderStatus.FILLED


def test_an_order_of_an_earlier_run_is_known_by_its_number_and_doubts_nothing() -> None:
    """The adapter was just started, too, and has no other name for it."""
    oms = Bare(order(OrderStatus.SUBMITTED, venue_order_id="7", quantity="1"))
    oms.trading()
    oms.hear(status("7", listed("7", OrderStatus.PARTIAL, "0.4"), oms.ctx.now))
    assert [str(record.fill.quantity) for record in oms.ctx.records(FillRecorded)] == ["0.4"]
    assert oms.gate.is_open


def test_shares_that_are_told_without_their_amount_wait_for_it_and_ask_no_faster(oms: Bare) -> None:
    key = oms.buy()
    oms.hear(OrderAccepted(client_order_id=key, symbol="BTCUSDT", venue_order_id="7"))
    oms.ctx.forget()
    unpriced = listed("7", OrderStatus.UNKNOWN, "0.4", filled_notional=D(0))
    oms.hear(status(key, unpriced, oms.ctx.now))
    assert oms.ctx.tells(TakeVenueSnapshot)
    assert not oms.ctx.tells(QueryOrder)
    oms.compare(unpriced)
    assert not oms.ctx.records(FillRecorded)
    oms.compare(listed("7", OrderStatus.PARTIAL, "0.4"))
    assert [str(record.fill.price.normalize()) for record in oms.ctx.records(FillRecorded)] == ["1E+2"]


def test_the_growth_of_a_strangers_order_explains_balances_once_over_a_restart(oms: Bare) -> None:
    by_hand = {"channel": BY_HAND, "quantity": D(5)}
    oms.compare(listed("8", OrderStatus.PARTIAL, "2", **by_hand))
    oms.compare(listed("8", OrderStatus.PARTIAL, "2", **by_hand))
    oms.compare(listed("8", OrderStatus.FILLED, "5", **by_hand))
    told = [body for append in oms.ctx.appends() for _, body in released(append, ReconcilePortfolio)]
    assert [(e.execution_id, str(e.quantity)) for e in told[0].strangers] == [("8@5", "3")]


@pytest.mark.parametrize(("made_ns", "is_looked_for"), [(T0 - 3_600 * NS_PER_S, True), (T0 - 10**15, False)])
def test_after_a_restart_the_comparison_looks_back_to_it_too_and_not_for_ever(
    made_ns: int, is_looked_for: bool
) -> None:
    """It rested while a fill of ours was booked, which is as far as the ledger looks back by itself."""
    order = listed("8", channel=BY_HAND, created_ns=made_ns)
    seen = Stranger(
        kind=StrangerKind.ORDER, symbol="BTCUSDT", number="8", verdict=Verdict.SEEN, order=order, seen_ns=made_ns, seq=1
    )
    oms = Bare()
    oms.hear(loaded(known=KnownStrangers(strangers=(seen,))))
    oms.ctx.forget()
    oms.later(130, "reconcile")
    (asked,) = oms.ctx.tells(TakeVenueSnapshot)
    assert (asked.since_ns < made_ns) is is_looked_for


def test_the_comparison_looks_back_to_what_was_left_alone_while_it_worked(oms: Bare) -> None:
    """Its last fill, told by nobody, would be money that nothing explains, and shut everything."""
    early = T0 - 3_600 * NS_PER_S
    oms.compare(listed("8", channel=BY_HAND, created_ns=early))
    act = {"request_id": "r1", "operator": "mina", "reason": "mine", "reply_to": DESK}
    oms.hear(IgnoreStranger(**act, kind=StrangerKind.ORDER, number="8"))
    oms.compare()
    oms.ctx.forget()
    oms.later(300, "reconcile")
    assert [asked.since_ns <= early for asked in oms.ctx.tells(TakeVenueSnapshot)] == [True]
    oms.compare()
    oms.ctx.forget()
    oms.later(86_400, "reconcile")
    assert [asked.since_ns <= early for asked in oms.ctx.tells(TakeVenueSnapshot)] == [False]


def test_the_comparison_looks_back_to_what_was_adopted_though_it_is_older_than_the_run(oms: Bare) -> None:
    """It would have vanished from the lists with its last fill, and the gate would have waited for it for ever."""
    early = T0 - 3_600 * NS_PER_S
    oms.compare(order_ := listed("8", channel=BY_HAND, created_ns=early))
    act = {"request_id": "r1", "operator": "mina", "reason": "mine", "reply_to": DESK, "strategy_id": "trend"}
    oms.hear(AdoptOrder.model_validate({**act, "order_id": "8"}))
    oms.compare(order_)
    oms.ctx.forget()
    oms.later(300, "reconcile")
    assert [asked.since_ns <= early for asked in oms.ctx.tells(TakeVenueSnapshot)] == [True]


def test_what_ended_so_long_ago_that_the_books_forgot_it_is_nobodys_execution(oms: Bare) -> None:
    """The adapter still has its name."""
    forgotten = listed("8", OrderStatus.FILLED, "1").model_copy(update={"client_order_id": "b" + "a" * 32})
    oms.compare(forgotten)
    told = [body for append in oms.ctx.appends() for _, body in released(append, ReconcilePortfolio)]
    assert [(body.strangers, body.is_clean) for body in told] == [((), True)]


def test_a_strangers_open_order_keeps_the_comparison_looking_back_to_it(oms: Bare) -> None:
    early = T0 - NS_PER_S
    oms.compare(listed("8", channel=BY_HAND, created_ns=early))
    oms.ctx.forget()
    oms.later(600, "reconcile")
    (asked,) = oms.ctx.tells(TakeVenueSnapshot)
    assert asked.since_ns <= early


# -- what goes on meanwhile -------------------------------------------------------------------------------------------


def test_an_order_in_doubt_stops_its_own_symbol_and_nothing_else(oms: Bare) -> None:
    """Nobody may be there to say what became of it: the gate opens after a reconnect all the same."""
    oms.lose(oms.buy())
    for _ in range(40):
        oms.compare()
    modes = {report.mode for report in oms.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)}
    assert FailureMode.POSITION_DRIFT not in modes
    oms.hear(OrderChannelDown(venue="sim", reason="reset", attempt=1))
    assert not oms.gate.is_open
    oms.hear(OrderChannelUp(venue="sim"))
    oms.compare()
    assert oms.gate.is_recovered


def test_news_of_an_order_that_came_in_another_way_doubts_nothing(oms: Bare) -> None:
    oms.hear(status("v-8", listed("8", channel=BY_HAND), oms.ctx.now))
    assert oms.gate.is_open
    assert len(oms.ctx.tells(TakeVenueSnapshot)) == 1


def test_news_of_an_order_that_may_be_ours_puts_the_books_in_doubt(oms: Bare) -> None:
    oms.hear(status("v-8", listed("8"), oms.ctx.now))
    assert not oms.gate.is_open
