"""StrategyActor: decisions become recorded, and intents where something is to be done; a raise ends the incarnation."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from actors import addresses
from actors.strategy import ANSWER_MARGIN_S, INTENT_VALID_S, Seat, StrategyActor
from bulkhead.strategy.api import Answer, Strategy, Tick, View
from bulkhead.strategy.sizing import LotRules, SizingPolicy
from messages.base import Body
from messages.failure import StopLevelTold
from messages.intents import IntentSettled
from messages.market import Trade
from messages.market_health import DataSource, SourceChanged
from messages.orders import OrdersTold, OrderUpdated
from messages.portfolio import EquityTold, PositionChanged, PositionsTold, TellState
from messages.supervision import Busy
from messages.trading import Decision, DecisionMade, OrderIntent, RiskRefused
from messages.values import IntentType, OrderStatus, OrderType, Side, StopLevel
from tests.actors.kit import NS_PER_S, Story
from tests.actors.test_market_data import quote, trade
from tests.execution.orders import T0, order
from tests.market.streams import quote as quote_of
from tests.risk.portfolios import position

LOTS = LotRules(lot_size=Decimal("0.01"), min_quantity=Decimal("0.01"), min_notional=Decimal(5))
SEAT = Seat(
    strategy_id="trend",
    session_id="s-1",
    venue="sim",
    account="paper",
    sizing=SizingPolicy(notional=Decimal(200)),
    lots={"BTCUSDT": LOTS},
)
Script = Callable[[Tick, View], Answer]
ENTER = Decision.enter("BTCUSDT", Side.BUY, "it rises", reason_codes=("UP",))
EXIT = Decision.exit("BTCUSDT", "enough")


class Scripted(Strategy):
    """Answers each print as the test says; notes what it saw."""

    def __init__(self, script: Script) -> None:
        super().__init__(("BTCUSDT",), Strategy.Parameters())
        self.script = script
        self.updates: list[str] = []
        self.working: list[Decimal] = []

    def on_tick(self, tick: Tick, view: View) -> Answer:
        if not isinstance(tick, Trade):
            return None
        self.working.append(view.working("BTCUSDT"))
        return self.script(tick, view)

    def on_order_update(self, update: OrderUpdated, view: View) -> Answer:
        self.updates.append(update.change)
        return None


class Trader(Story):
    def __init__(
        self, answer: Answer | Script, held: str = "0", *, told: bool = True, epoch: int = 1, seat: Seat = SEAT
    ) -> None:
        self.strategy = Scripted(answer if callable(answer) else lambda tick, view: answer)
        super().__init__(StrategyActor(seat, lambda: self.strategy), addresses.strategy("trend"), epoch)
        self.start()
        if told:
            self.hear(PositionsTold(positions=(position(held),)), OrdersTold(orders=(), reserved_notional={}))
            self.hear(StopLevelTold(level=StopLevel.RUN, change=0))

    def intents(self) -> list[OrderIntent]:
        return self.ctx.tells(OrderIntent, addresses.RISK_GUARD)

    def decisions(self) -> list[DecisionMade]:
        return self.ctx.publishes(DecisionMade, addresses.DECISIONS)

    def working(self) -> Decimal:
        self.hear(trade(0))
        return self.strategy.working[-1]


@pytest.mark.req("P-03")
@pytest.mark.req("P-04")
def test_an_entry_becomes_an_intent_with_its_identity_and_its_chain() -> None:
    trader = Trader(ENTER)
    trader.hear(quote(1), trade(0))
    (intent,), (made,) = trader.intents(), trader.decisions()
    assert (intent.side, intent.intent_type, intent.quantity) == (Side.BUY, IntentType.ENTRY, Decimal(2))
    assert intent.order_type is OrderType.MKT
    assert intent.intent_id == made.intent_id
    assert intent.intent_id.startswith("s-1/")
    assert intent.action_key.startswith(intent.intent_id)
    assert intent.decision_id == made.decision_id
    assert intent.correlation_id == "test.1.5", "the tick that it came from"
    assert intent.market is not None
    assert intent.market.bid == 99
    assert intent.strategy_epoch == 1
    assert intent.reason_codes == ("UP",)


def test_two_decisions_and_two_incarnations_never_share_an_identity() -> None:
    first, second = Trader(ENTER), Trader(ENTER, epoch=2)
    for trader in (first, second):
        trader.hear(trade(0), trade(1))
    ids = [intent.action_key for trader in (first, second) for intent in trader.intents()]
    assert len(set(ids)) == len(ids) == 4


@pytest.mark.req("S-04")
def test_doing_nothing_is_recorded_too() -> None:
    trader = Trader(Decision.hold("BTCUSDT", "wait", reason_codes=("FLAT",)))
    trader.hear(trade(0))
    assert not trader.intents()
    (made,) = trader.decisions()
    assert made.decision.reason_codes == ("FLAT",)
    assert made.intent_id is None


@pytest.mark.req("S-15")
def test_each_decision_names_the_source_that_is_in_force_and_its_market_that_of_the_quote() -> None:
    story = Trader(Decision.hold("BTCUSDT", "no reason to act"))
    story.hear(quote_of(0, symbol="BTCUSDT"), trade(0))
    change = SourceChanged(
        venue="sim",
        symbol="BTCUSDT",
        source=DataSource.BROKER,
        before=DataSource.FEED,
        reason="feed: no tick for 31 s",
        at_ns=1,
    )
    story.hear(change, quote_of(1, symbol="BTCUSDT", source=DataSource.BROKER), trade(1))
    story.hear(change.model_copy(update={"source": DataSource.FEED}), trade(2))
    told = [(made.source, made.market.source if made.market else None) for made in story.decisions()]
    assert told == [("feed", "feed"), ("broker", "broker"), ("feed", "feed")]


def test_no_answer_is_no_decision() -> None:
    trader = Trader(None)
    trader.hear(trade(0))
    assert not trader.decisions()


@pytest.mark.parametrize(
    ("decision", "note"),
    [
        (Decision.enter("BTCUSDT", Side.BUY, "tiny", quantity=Decimal("0.001")), "SIZE_BELOW_LOT"),
        (Decision.enter("BTCUSDT", Side.BUY, "small", quantity=Decimal("0.04")), "SIZE_BELOW_MIN_NOTIONAL"),
        (Decision.enter("DOGEUSDT", Side.BUY, "not mine"), "UNKNOWN_SYMBOL"),
        (EXIT, "NOTHING_TO_EXIT"),
    ],
)
def test_what_cannot_be_an_intent_is_recorded_with_the_reason(decision: Decision, note: str) -> None:
    trader = Trader(decision)
    trader.hear(trade(0))
    assert not trader.intents()
    (made,) = trader.decisions()
    assert (made.note or "").startswith(note)


def test_an_exit_is_what_is_held_less_what_is_being_exited() -> None:
    trader = Trader(EXIT, held="3.005")
    selling = order(OrderStatus.SUBMITTED, side=Side.SELL, quantity="1", intent_id="other")
    trader.hear(OrderUpdated(order=selling, change="accepted"), trade(0))
    (intent,) = trader.intents()
    assert (intent.side, intent.quantity) == (Side.SELL, Decimal("2.00"))
    assert intent.intent_type is IntentType.EXIT_FULL
    trader.hear(trade(1))
    assert len(trader.intents()) == 1, "everything is being exited already"


def test_a_partial_exit_never_asks_for_more_than_is_free() -> None:
    trader = Trader(Decision.exit("BTCUSDT", "half", quantity=Decimal(5)), held="3")
    trader.hear(trade(0))
    (intent,) = trader.intents()
    assert (intent.quantity, intent.intent_type) == (Decimal(3), IntentType.EXIT_PARTIAL)


def test_a_short_position_is_exited_by_buying() -> None:
    trader = Trader(EXIT, held="-2")
    trader.hear(trade(0))
    assert [(i.side, i.quantity) for i in trader.intents()] == [(Side.BUY, Decimal(2))]


@pytest.mark.lesson("L21")
def test_a_raise_comes_out_and_ends_the_incarnation() -> None:
    def raising(_: Tick, __: View) -> Answer:
        raise ZeroDivisionError("the user's own")

    trader = Trader(raising)
    with pytest.raises(ZeroDivisionError):
        trader.hear(trade(0))


@pytest.mark.lesson("L27")
@pytest.mark.parametrize("missing", ["positions", "orders", "level"])
def test_no_decision_before_positions_orders_and_the_stop_level_are_told(missing: str) -> None:
    trader = Trader(ENTER, told=False)
    assert len(trader.ctx.tells(TellState)) == 3
    told: dict[str, Body] = {
        "positions": PositionsTold(positions=()),
        "orders": OrdersTold(orders=(), reserved_notional={}),
        "level": StopLevelTold(level=StopLevel.RUN, change=0),
    }
    trader.hear(*(body for name, body in told.items() if name != missing), quote(1), trade(0))
    assert not trader.decisions()
    trader.hear(told[missing], trade(1))
    assert len(trader.decisions()) == 1


def test_an_intent_counts_as_working_until_its_order_does() -> None:
    trader = Trader(ENTER)
    trader.hear(trade(0))
    trader.strategy.script = lambda tick, view: None
    assert trader.working() == Decimal(2)
    (intent,) = trader.intents()
    row = order(OrderStatus.SUBMITTED, quantity="2", intent_id=intent.intent_id)
    trader.hear(OrderUpdated(order=row, change="accepted"))
    assert trader.working() == Decimal(2)
    part = row.model_copy(update={"filled": Decimal("0.5"), "status": OrderStatus.PARTIAL})
    trader.hear(OrderUpdated(order=part, change="partial"))
    assert trader.working() == Decimal("1.5")
    trader.hear(OrderUpdated(order=part.model_copy(update={"status": OrderStatus.CANCELLED}), change="cancelled"))
    assert trader.working() == 0
    assert trader.strategy.updates == ["accepted", "partial", "cancelled"]


@pytest.mark.req("X-12")
@pytest.mark.parametrize("how", ["refused", "settled"])
def test_a_refusal_frees_what_the_intent_held(how: str) -> None:
    trader = Trader(ENTER)
    trader.hear(trade(0))
    trader.strategy.script = lambda tick, view: None
    (intent,) = trader.intents()
    if how == "refused":
        said = {"code": "X", "limit_name": "x", "value": "1", "limit": "0", "detail": "no"}
        trader.hear(RiskRefused(intent_id=intent.intent_id, strategy_id="trend", symbol="BTCUSDT", **said))
    else:
        trader.hear(IntentSettled(intent_id=intent.intent_id, strategy_id="trend", code="X", reason="no"))
    assert trader.working() == 0


@pytest.mark.lesson("L28")
def test_an_intent_whose_answer_was_lost_is_forgotten_only_after_it_has_expired() -> None:
    trader = Trader(ENTER)
    trader.hear(trade(0))
    trader.strategy.script = lambda tick, view: None
    (intent,) = trader.intents()
    assert intent.expires_at_ns == trader.ctx.now + int(INTENT_VALID_S * NS_PER_S)
    trader.later(INTENT_VALID_S + ANSWER_MARGIN_S - 0.001)
    assert trader.working() == Decimal(2)
    trader.later(0.001)
    assert trader.working() == 0


def test_positions_follow_the_portfolio() -> None:
    seen: list[Decimal] = []
    trader = Trader(lambda tick, view: seen.append(view.position(tick.symbol)), held="1")
    trader.hear(trade(0), PositionChanged(position=position("4")), trade(1))
    assert seen == [Decimal(1), Decimal(4)]


def test_an_older_word_about_the_stop_level_does_not_undo_a_newer_one() -> None:
    seen: list[StopLevel] = []

    def script(_: Tick, view: View) -> Answer:
        seen.append(view.stop_level)
        return None

    trader = Trader(script)
    trader.hear(StopLevelTold(level=StopLevel.SOFT, change=5), trade(0))
    trader.hear(StopLevelTold(level=StopLevel.RUN, change=4), trade(1))
    trader.hear(StopLevelTold(level=StopLevel.RUN, change=6), trade(2))
    assert seen == [StopLevel.SOFT, StopLevel.SOFT, StopLevel.RUN]


@pytest.mark.lesson("L19")
def test_an_intent_that_found_no_room_does_not_bind_the_strategy() -> None:
    answers: list[Answer] = [ENTER]
    trader = Trader(lambda tick, view: answers.pop() if answers else None)
    trader.hear(quote(1), trade(0))
    (sent,) = trader.intents()
    assert trader.working() == 2
    trader.hear(Busy(to=addresses.RISK_GUARD, message_id="m", message_type="OrderIntent", about=sent.intent_id))
    assert trader.working() == 0


# -- sizes that need to know more -----------------------------------------------------------------------------------


def seat_with(**sizing: object) -> Seat:
    return SEAT._replace(sizing=SizingPolicy.model_validate(sizing))


def equity(amount: str, at_ns: int = T0) -> EquityTold:
    return EquityTold(equity=Decimal(amount), currency="USDT", at_ns=at_ns)


@pytest.mark.req("P-04")
def test_a_share_of_equity_is_sized_by_the_equity_told_last_and_the_stop_of_the_decision() -> None:
    stopped = ENTER.model_copy(update={"stop_price": Decimal(95)})
    trader = Trader(stopped, seat=seat_with(kind="share_of_equity", risk_share="0.01"))
    trader.hear(quote(1), trade(0))
    assert trader.decisions()[-1].note == "NO_EQUITY: share_of_equity needs the account's equity, and it is None"
    trader.hear(equity("5000"), equity("10000"), trade(0))
    (intent,) = trader.intents()
    assert intent.quantity == 20, "100 at risk and 5 to the stop"


def test_an_equity_that_is_old_sizes_nothing() -> None:
    stopped = ENTER.model_copy(update={"stop_price": Decimal(95)})
    trader = Trader(stopped, seat=seat_with(kind="share_of_equity", risk_share="0.01"))
    trader.hear(equity("10000"))
    trader.later(60)
    trader.hear(quote(1), trade(0))
    assert len(trader.intents()) == 1
    trader.later(0.001)
    trader.hear(trade(0))
    assert len(trader.intents()) == 1
    assert (trader.decisions()[-1].note or "").startswith("NO_EQUITY")


def test_a_volatility_target_is_sized_by_the_prints_that_the_seat_has_seen() -> None:
    seat = seat_with(kind="volatility_target", risk_share="0.01", atr_multiple=2, atr_bar_s=1, atr_bars=2)
    trader = Trader(lambda tick, view: ENTER if tick.event_time_ns >= T0 + 2 * NS_PER_S else None, seat=seat)
    trader.hear(equity("10000"), quote(1))
    for at_s, price in ((0.0, "100"), (0.5, "101"), (1.0, "101"), (1.5, "100"), (2.0, "100")):
        moment = T0 + int(at_s * NS_PER_S)
        print_ = trade(0).model_copy(update={"price": Decimal(price), "event_time_ns": moment})
        trader.hear(print_)
    (intent,) = trader.intents()
    assert intent.quantity == 50, "bars of 1 each: 100 at risk, twice the range of 1 away"


@pytest.mark.req("S-09")
@pytest.mark.parametrize(
    ("levels", "share", "shown"),
    [
        ({}, 1, StopLevel.RUN),
        ({"all": StopLevel.REDUCED}, 2, StopLevel.REDUCED),
        ({"symbol:BTCUSDT": StopLevel.REDUCED}, 2, StopLevel.REDUCED),
        ({"strategy:trend": StopLevel.REDUCED}, 2, StopLevel.REDUCED),
        ({"symbol:ETHUSDT": StopLevel.REDUCED, "strategy:other": StopLevel.REDUCED}, 1, StopLevel.RUN),
    ],
)
def test_at_reduced_an_entry_is_sized_by_its_share(levels: dict[str, StopLevel], share: int, shown: StopLevel) -> None:
    trader = Trader(ENTER)
    trader.actor._seat = SEAT._replace(reduced_size_share=Decimal("0.5"))  # type: ignore[attr-defined]
    trader.hear(trade(0))
    level = levels.get("all", StopLevel.RUN)
    trader.hear(StopLevelTold(level=level, change=1, levels=levels), trade(1))
    whole, reduced = trader.intents()
    assert whole.quantity == reduced.quantity * share
    assert trader.decisions()[-1].stop_level is shown


def test_at_reduced_an_exit_is_whole() -> None:
    trader = Trader(EXIT, held="3")
    trader.actor._seat = SEAT._replace(reduced_size_share=Decimal("0.5"))  # type: ignore[attr-defined]
    levels = {"all": StopLevel.REDUCED}
    trader.hear(StopLevelTold(level=StopLevel.REDUCED, change=1, levels=levels), trade(1))
    assert [intent.quantity for intent in trader.intents()] == [Decimal(3)]


@pytest.mark.req("S-15")
@pytest.mark.parametrize("has_prints", [True, False])
def test_what_stood_in_for_the_feed_prices_nothing_once_the_feed_is_back(has_prints: bool) -> None:
    """A feed of prints alone would never replace the quote, and each print would make it look young."""
    seen: list[tuple[Decimal | None, str] | None] = []

    def look(tick: Tick, view: View) -> Answer:
        market = view.market("BTCUSDT")
        seen.append(None if market is None else (market.mid, market.source))
        return None

    trader = Trader(look)
    asked = quote_of(0, symbol="BTCUSDT", source=DataSource.SNAPSHOT)
    fed = SourceChanged(
        venue="sim", symbol="BTCUSDT", source=DataSource.FEED, before=DataSource.SNAPSHOT, reason="ticks", at_ns=T0
    )
    if has_prints:
        trader.hear(trade(0))
    trader.hear(asked, fed)
    assert isinstance(trader.actor, StrategyActor)
    left = trader.actor.market("BTCUSDT")
    assert left is None if not has_prints else left is not None and left.bid is None
    trader.hear(trade(1))
    assert seen[-1] == (trade(1).price, "feed")
