"""Broker, transport, FailureHandler, recorder and observer: each a few small stories."""

from decimal import Decimal

import pytest

from actors import addresses
from actors.broker import CHANNEL_ATTEMPTS, CHANNEL_TIMEOUT_S, BrokerActor, OrderTransportActor, TransportActor
from actors.failure_handler import FailureHandlerActor
from actors.recorder import RecorderActor
from bulkhead.chaos.memory import Memory
from bulkhead.chaos.model.ports import ModelOrders
from bulkhead.chaos.model.venue import ModelVenue
from bulkhead.monitor.observer import ObserverActor
from messages.base import Evidence
from messages.clock import AskVenueTime, AuthAccepted, AuthRefused, VenueTimeFailed, VenueTimeTold
from messages.failure import FailureMode, FailureReported, StopLevelChanged, StopLevelTold
from messages.instruments import InstrumentsFailed, InstrumentsLoaded, LoadInstruments
from messages.orders import (
    CancelOrder,
    OrderAccepted,
    OrderChannelDown,
    OrderChannelUp,
    OrderNotSent,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderUpdated,
    QueryOrder,
    Reconcile,
    SubmitOrder,
    TakeVenueSnapshot,
    TellChannel,
    VenueProtocolError,
)
from messages.rates import RateLimitOver, RateLimitReached
from messages.records import ChildDownRecorded, DeadLetterRecorded, FailureRecorded, StopLevelRecorded
from messages.supervision import ChildDown, DeadLetter, TimerFired
from messages.values import OrderStatus, StopLevel
from supervisor.runtime.simulated import SimulatedHost
from tests.actors.kit import Story, enveloped, open_gate
from tests.actors.test_market_data import quote, trade
from tests.execution.orders import T0, order
from tests.risk.portfolios import portfolio


class NotingVenue(ModelOrders):
    """Only notes what it is asked."""

    def __init__(self) -> None:
        host = SimulatedHost(1, 0)
        self.model = ModelVenue(1)
        super().__init__(host, self.model)
        self.asked: list[object] = []

    def submit(self, command: SubmitOrder, issuer: str, epoch: int) -> None:
        self.asked.append((command, issuer, epoch))

    def cancel(self, command: CancelOrder) -> None:
        self.asked.append(command)

    def query(self, command: QueryOrder) -> None:
        self.asked.append(command)

    def snapshot(self, command: TakeVenueSnapshot) -> None:
        self.asked.append(command)

    def instruments(self, command: LoadInstruments) -> None:
        self.asked.append(command)

    def venue_time(self, command: AskVenueTime) -> None:
        self.asked.append(command)


# -- broker -----------------------------------------------------------------------------------------------------------


def broker() -> tuple[Story, NotingVenue]:
    venue = NotingVenue()
    return Story(BrokerActor(venue), addresses.broker("sim")), venue


def test_the_broker_hands_orders_in_with_the_epoch_of_their_sender() -> None:
    story, venue = broker()
    submit = SubmitOrder(ticket=order().ticket)
    story.ctx.current = enveloped(submit, "oms", epoch=7)
    story.actor.receive(submit, story.ctx)
    others = (
        CancelOrder(client_order_id="k", symbol="BTCUSDT", reason="r"),
        QueryOrder(client_order_id="k", symbol="BTCUSDT"),
        TakeVenueSnapshot(symbols=("BTCUSDT",), since_ns=1),
    )
    story.hear(*others)
    assert venue.asked == [(submit, "oms", 7), *others]


@pytest.mark.lesson("L01")
def test_an_order_that_is_under_way_is_not_handed_in_again_whoever_believes_it_lost() -> None:
    """It may wait in a lane for its turn while a reader of the ledger takes it for lost and proves it absent."""
    story, venue = broker()
    submit = SubmitOrder(ticket=order(key="k").ticket)
    about = {"client_order_id": "k", "symbol": "BTCUSDT"}
    story.hear(submit, submit, sender="oms")
    assert len(venue.asked) == 1
    for number, answer in enumerate(
        (
            OrderNotSent(**about, code="CONNECT", reason="refused"),
            OrderOutcomeUnknown(**about, reason="timeout"),
            OrderRejected(**about, code="-2010", reason="no"),
            OrderAccepted(**about),
        )
    ):
        story.hear(answer)
        story.hear(submit, submit, sender="oms")
        assert len(venue.asked) == number + 2, "answered, so it may go again where somebody proves that it must"


def test_evidence_goes_to_the_oms_and_into_the_recording() -> None:
    story, _ = broker()
    accepted = OrderAccepted(client_order_id="k", symbol="BTCUSDT")
    story.hear(accepted)
    assert story.ctx.told == [(addresses.OMS, accepted)]
    assert story.ctx.publishes(Evidence, addresses.INPUTS) == [accepted]


@pytest.mark.req("S-14")
def test_the_fifth_attempt_counts_as_disconnected_once() -> None:
    story, _ = broker()
    for attempt in range(1, CHANNEL_ATTEMPTS + 3):
        story.hear(OrderChannelDown(venue="sim", reason="refused", attempt=attempt))
        reported = len(story.ctx.tells(FailureReported, addresses.FAILURE_HANDLER))
        assert reported == (1 if attempt >= CHANNEL_ATTEMPTS else 0)
    story.hear(OrderChannelUp(venue="sim"))
    assert [report.recovered for report in story.ctx.tells(FailureReported)] == [False, True]
    assert len(story.ctx.tells(OrderChannelDown, addresses.OMS)) == CHANNEL_ATTEMPTS + 2


@pytest.mark.req("S-14")
def test_so_long_without_the_channel_counts_as_disconnected_however_often_it_was_tried() -> None:
    story, _ = broker()
    story.hear(OrderChannelDown(venue="sim", reason="refused", attempt=1))
    assert story.ctx.timers["channel-overdue"][0] == CHANNEL_TIMEOUT_S
    story.hear(OrderChannelDown(venue="sim", reason="hangs", attempt=2), TimerFired(key="channel-overdue"))
    (report,) = story.ctx.tells(FailureReported)
    assert (report.mode, report.detail) == (
        FailureMode.BROKER_DISCONNECT,
        "sim: order channel down for 60 s: hangs",
    )
    story.hear(OrderChannelUp(venue="sim"))
    assert "channel-overdue" not in story.ctx.timers
    story.hear(OrderChannelDown(venue="sim", reason="refused", attempt=1))
    assert "channel-overdue" in story.ctx.timers, "a new loss has its own time"


@pytest.mark.parametrize("is_up", [False, True])
def test_a_broker_that_was_restarted_waits_for_a_channel_that_is_down(is_up: bool) -> None:
    story, venue = broker()
    venue.model.is_stream_up = is_up
    story.actor.on_start(story.ctx)
    assert ("channel-overdue" in story.ctx.timers) is not is_up


def test_a_refused_key_is_reported_for_its_venue_and_so_is_its_end() -> None:
    story, _ = broker()
    story.hear(AuthRefused(venue="sim", reason="Invalid API-key (-2015)"), AuthAccepted(venue="sim"))
    reports = story.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)
    assert [(r.mode, r.scope, r.recovered) for r in reports] == [
        (FailureMode.AUTH_EXPIRED, "venue:sim", False),
        (FailureMode.AUTH_EXPIRED, "venue:sim", True),
    ]


def test_the_venues_time_is_asked_for_and_goes_to_who_watches_the_clocks() -> None:
    story, venue = broker()
    told = VenueTimeTold(venue="sim", venue_ns=1, asked_ns=1, answered_ns=2)
    failed = VenueTimeFailed(venue="sim", reason="away")
    story.hear(AskVenueTime(), told, failed)
    assert venue.asked == [AskVenueTime()]
    assert story.ctx.told == [(addresses.CLOCK_WATCH, told), (addresses.CLOCK_WATCH, failed)]


def test_a_used_up_limit_is_reported_for_its_venue_and_so_is_its_end() -> None:
    story, _ = broker()
    story.hear(RateLimitReached(venue="sim", reason="429"), RateLimitOver(venue="sim"))
    reports = story.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)
    assert [(r.mode, r.scope, r.recovered) for r in reports] == [
        (FailureMode.RATE_LIMIT, "venue:sim", False),
        (FailureMode.RATE_LIMIT, "venue:sim", True),
    ]
    assert story.ctx.told == [(addresses.FAILURE_HANDLER, report) for report in reports]


def test_trading_rules_are_asked_of_the_venue_and_go_to_their_keeper() -> None:
    story, venue = broker()
    ask, failed = LoadInstruments(), InstrumentsFailed(venue="sim", reason="away")
    loaded = InstrumentsLoaded(venue="sim", instruments=(), as_of_ns=1)
    story.hear(ask, loaded, failed)
    assert venue.asked == [ask]
    assert story.ctx.told == [(addresses.INSTRUMENT_MASTER, loaded), (addresses.INSTRUMENT_MASTER, failed)]


@pytest.mark.lesson("L34")
def test_whoever_missed_how_the_channel_is_may_ask() -> None:
    story, venue = broker()
    story.hear(TellChannel(), sender=addresses.OMS)
    assert story.ctx.tells(OrderChannelDown, addresses.OMS)
    venue.model.is_stream_up = True
    story.hear(TellChannel(), sender=addresses.OMS)
    assert story.ctx.told[-1] == (addresses.OMS, OrderChannelUp(venue="sim"))


def test_what_cannot_be_read_is_a_reason_to_compare() -> None:
    story, _ = broker()
    story.hear(VenueProtocolError(venue="sim", reason="no JSON", raw="<html>"))
    assert len(story.ctx.tells(Reconcile, addresses.OMS)) == 1


# -- transport --------------------------------------------------------------------------------------------------------


SIM = addresses.transport("sim")


def test_a_transport_says_that_its_channel_is_down_before_it_opens_it() -> None:
    seen: list[str] = []
    story = Story(OrderTransportActor("sim", lambda: seen.append("open"), lambda: seen.append("close")), SIM)
    story.start()
    assert [down.venue for down in story.ctx.tells(OrderChannelDown, addresses.broker("sim"))] == ["sim"]
    assert seen == ["open"]
    story.actor.on_stop(story.ctx, "shutdown")
    assert seen == ["open", "close"]


def test_after_a_crash_what_was_left_open_is_closed_first() -> None:
    seen: list[str] = []
    actor = OrderTransportActor("sim", lambda: seen.append("open"), lambda: seen.append("close"))
    Story(actor, SIM, epoch=2).start()
    assert seen == ["close", "open"]


def test_a_feeds_transport_says_nothing_of_orders() -> None:
    story = Story(TransportActor(lambda: None, lambda: None), "market-data:feed.io")
    assert not story.start().told


# -- failure handler --------------------------------------------------------------------------------------------------


def handler(epoch: int = 1) -> tuple[Story, FailureHandlerActor]:
    actor = FailureHandlerActor(open_gate(), leave=pytest.fail, venue="sim")
    story = Story(actor, addresses.FAILURE_HANDLER, epoch)
    story.start()
    return story, actor


def test_each_change_of_the_level_goes_on_record_whoever_made_it() -> None:
    gate = open_gate()
    story = Story(FailureHandlerActor(gate, leave=pytest.fail, venue="sim"), addresses.FAILURE_HANDLER)
    story.start()
    gate.require_recovery("a restart", T0, by=None)
    for _ in range(2):
        story.hear(StopLevelTold(level=gate.level(), change=gate.changes))
    gate.recovered(gate.doubts, by=None)
    story.hear(StopLevelTold(level=gate.level(), change=gate.changes))
    levels = [record.change.level for record in story.ctx.records(StopLevelRecorded)]
    assert levels == [StopLevel.RUN, StopLevel.SOFT, StopLevel.RUN]


def failure(mode: FailureMode, *, recovered: bool = False) -> FailureReported:
    return FailureReported(mode=mode, detail="a test", recovered=recovered)


def levels(story: Story) -> list[StopLevel]:
    return [change.level for change in story.ctx.publishes(StopLevelChanged, addresses.STOP_LEVEL)]


def test_a_failure_moves_the_gate_is_recorded_and_announced_when_it_changed_something() -> None:
    story, _ = handler()
    assert levels(story) == [StopLevel.RUN]
    delay = FailureMode.DATA_DELAY
    story.hear(failure(delay), failure(delay), failure(delay, recovered=True))
    assert levels(story) == [StopLevel.RUN, StopLevel.SOFT, StopLevel.RUN]
    assert len(story.ctx.records(FailureRecorded)) == 3
    assert len(story.ctx.records(StopLevelRecorded)) == 3


def test_a_recovery_does_not_lift_what_an_operator_must_lift() -> None:
    story, _ = handler()
    mode = FailureMode.BROKER_DISCONNECT
    story.hear(failure(mode), failure(mode, recovered=True))
    assert levels(story) == [StopLevel.RUN, StopLevel.HARD]


@pytest.mark.lesson("L20")
@pytest.mark.parametrize(("reason", "recorded"), [("error", 1), ("fatal", 1), ("stuck", 1), ("shutdown", 0)])
def test_deaths_are_recorded_and_ordered_ends_are_not(reason: str, recorded: int) -> None:
    story, _ = handler()
    story.hear(ChildDown(child="oms", epoch=1, reason=reason, detail="", correlation_id=None))
    assert len(story.ctx.records(ChildDownRecorded)) == recorded


@pytest.mark.parametrize(
    ("to", "message_type", "compares"),
    [
        ("oms", "OrderAccepted", True),
        ("broker:sim", "SubmitOrder", True),
        ("portfolio", "FillBooked", True),
        ("strategy:trend", "Trade", False),
        ("oms", "Reconcile", False),
    ],
)
def test_a_message_lost_on_the_order_path_leaves_the_books_in_doubt(to: str, message_type: str, compares: bool) -> None:
    story, _ = handler()
    lost = DeadLetter(to=to, message_id="m", message_type=message_type, correlation_id="c", reason="died")
    story.hear(lost)
    assert len(story.ctx.records(DeadLetterRecorded)) == 1
    assert bool(story.ctx.tells(Reconcile, addresses.OMS)) is compares


def test_a_restart_of_the_guard_group_asks_for_a_comparison() -> None:
    assert not handler(epoch=1)[0].ctx.tells(Reconcile)
    assert handler(epoch=2)[0].ctx.tells(Reconcile, addresses.OMS)


# -- recorder and observer --------------------------------------------------------------------------------------------


@pytest.mark.req("P-17")
def test_the_recorder_keeps_inputs_and_links_outcomes_to_their_decisions() -> None:
    memory = Memory()
    story = Story(RecorderActor("s-1", memory.open), addresses.RECORDER)
    story.start()
    story.hear(trade(0), quote(1), OrderAccepted(client_order_id="k", symbol="BTCUSDT"))
    assert (memory.ticks, memory.evidence) == (2, 1)
    for status in (OrderStatus.SUBMITTED, OrderStatus.FILLED):
        row = order(status, "10" if status is OrderStatus.FILLED else "0", intent_id="s-1/d7")
        story.hear(OrderUpdated(order=row, change="changed"))
    story.hear(OrderUpdated(order=order(OrderStatus.FILLED, "10", intent_id="s-0/d7"), change="filled"))
    assert memory.outcomes == ["d7"], "settled, and of this session"


def test_the_observer_shows_open_orders_and_the_latest_portfolio() -> None:
    story = Story(ObserverActor(), addresses.OBSERVER)
    actor = story.actor
    assert isinstance(actor, ObserverActor)
    working = order(OrderStatus.SUBMITTED)
    story.hear(OrderUpdated(order=working, change="accepted"), portfolio(cash=Decimal(7)))
    assert actor.open_orders == (working,)
    assert actor.portfolio is not None
    assert actor.portfolio.cash == 7
    story.hear(OrderUpdated(order=order(OrderStatus.FILLED, "10"), change="filled"))
    assert not actor.open_orders
