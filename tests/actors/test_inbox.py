"""The inbox actor: each row is handed in once at most, and answered with what became of it."""

from decimal import Decimal
from pathlib import Path

import pytest

from actors import addresses
from messages.codes import ErrorCode
from messages.inbox import InboxRowTaken
from messages.intents import IntentSettled
from messages.market import MarketTold
from messages.orders import OrderUpdated
from messages.records import IntentStatusChanged
from messages.trading import OrderIntent, RiskRefused
from messages.values import IntentStatus, IntentType, OrderStatus, Origin, Side
from tests.actors.inbox_story import InboxStory, in_ledger, write
from tests.actors.kit import released
from tests.execution import orders as made
from tests.execution.orders import T0, market, order
from tests.risk.portfolios import portfolio, position

DUPLICATE = ErrorCode.INTENT_DUPLICATE


@pytest.fixture
def story(tmp_path: Path) -> InboxStory:
    return InboxStory(tmp_path)


def a_strategys_intent(intent_id: str, action_key: str) -> OrderIntent:
    return made.intent(intent_id=intent_id, action_key=action_key)


def updated(intent: OrderIntent, status: OrderStatus, filled: str = "0", reason: str | None = None) -> OrderUpdated:
    row = order(status, filled).model_copy(update={"intent_id": intent.intent_id, "reason": reason})
    return OrderUpdated(order=row, change="told")


def refused(intent: OrderIntent, code: str = "RISK_ORDER_NOTIONAL") -> RiskRefused:
    return RiskRefused(
        intent_id=intent.intent_id,
        strategy_id=intent.strategy_id,
        symbol=intent.symbol,
        code=code,
        limit_name="max_order_notional",
        value="6000",
        limit="5000",
        detail="worst case in USDT",
    )


def settled(intent: OrderIntent, code: str = "GATE_SHUT") -> IntentSettled:
    return IntentSettled(intent_id=intent.intent_id, strategy_id=intent.strategy_id, code=code, reason="the gate")


# -- the usual way ----------------------------------------------------------------------------------------------------


@pytest.mark.req("X-03")
@pytest.mark.lesson("L24")
def test_a_row_becomes_an_intent_that_is_on_record_before_the_risk_guard_has_it(story: InboxStory) -> None:
    story.insert("a", reason="the model says so")
    story.poll()
    assert story.asked_market() == ["BTCUSDT"]
    assert not story.ctx.appends(), "first the market"
    story.tell_market()
    (append,) = story.ctx.appends()
    (taken,) = append.records
    assert isinstance(taken, InboxRowTaken)
    assert (taken.row_id, taken.created_ns) == (1, T0)
    ((to, intent),) = released(append, OrderIntent)
    assert (to, intent) == (addresses.RISK_GUARD, taken.intent)
    assert (intent.origin, intent.strategy_id, intent.quantity) == (Origin.INBOX, "model", Decimal("0.5"))
    assert (intent.intent_id, intent.correlation_id, intent.reason) == ("id-a", "id-a", "the model says so")
    assert intent.market == market(at_ns=story.ctx.now)
    assert not story.ctx.tells(OrderIntent), "nobody is handed it but by the ledger"
    assert story.said("a")[0] == "NEW"


@pytest.mark.parametrize(
    ("status", "filled", "code", "words"),
    [
        (OrderStatus.SUBMITTED, "0", None, "is SUBMITTED, 0 of"),
        (OrderStatus.FILLED, "1", None, "is FILLED, 1 of"),
        (OrderStatus.CANCELLED, "0", None, "is CANCELLED, 0 of"),
        (OrderStatus.UNKNOWN, "0", "BROKER_TIMEOUT_TRANSIENT", "no verdict has come back"),
    ],
)
def test_it_is_submitted_once_the_venue_has_spoken(
    story: InboxStory, status: OrderStatus, filled: str, code: str | None, words: str
) -> None:
    intent = story.hand_in("a")
    story.hear(updated(intent, OrderStatus.PENDING_SUBMIT))
    assert story.said("a")[0] == "NEW"
    story.hear(updated(intent, status, filled))
    said = story.said("a")
    assert said[:2] == ("SUBMITTED", code)
    assert words in str(said[2])
    story.hear(updated(intent, OrderStatus.REJECTED))
    assert story.said("a") == said, "once"


def test_what_the_risk_guard_and_the_precheck_refuse_is_rejected_with_code_and_numbers(story: InboxStory) -> None:
    story.hear(refused(story.hand_in("a")))
    assert story.said("a") == (
        "REJECTED",
        "RISK_ORDER_NOTIONAL",
        "worst case in USDT (max_order_notional: 6000 against 5000)",
    )
    story.hear(settled(story.hand_in("b")))
    assert story.said("b") == ("REJECTED", "GATE_SHUT", "the gate")
    figures = story.inbox.figures()
    assert (figures.taken, figures.rejected, figures.waiting) == (2, 2, 0)


@pytest.mark.parametrize(
    ("status", "ended", "code"),
    [
        (OrderStatus.REJECTED, IntentStatus.REJECTED, "BROKER_REJECTED"),
        (OrderStatus.FAILED, IntentStatus.FAILED, "ORDER_NOT_SENT"),
    ],
)
def test_what_the_venue_never_had_is_answered_once_the_whole_intent_has_ended(
    story: InboxStory, status: OrderStatus, ended: IntentStatus, code: str
) -> None:
    intent = story.hand_in("a")
    write(story.folder, in_ledger(intent))
    story.hear(updated(intent, status, reason="no"))
    assert story.said("a")[0] == "NEW", "its other orders may live"
    write(story.folder, IntentStatusChanged(intent_id=intent.intent_id, status=ended, reason="not enough cash"))
    story.hear(updated(intent, status, reason="no"))
    assert story.said("a") == (ended.value, code, "not enough cash")


def test_rows_go_one_after_the_other_and_so_many_with_each_poll(story: InboxStory) -> None:
    for key in "abcde":
        story.insert(key)
    story.poll()
    for key in "abc":
        story.tell_market()
        assert story.handed_in() == [f"id-{key}"]
        story.commit()
    assert len(story.asked_market()) == 3, "the rest with the next poll"
    story.poll()
    story.tell_market()
    assert story.handed_in() == ["id-d"]


def test_an_exit_without_a_quantity_is_for_all_that_its_owner_holds(story: InboxStory) -> None:
    story.hear(portfolio(position("0.7", strategy_id="model"), position("5")))
    intent = story.hand_in("a", side="SELL", intent_type="EXIT_FULL", quantity=None)
    assert (intent.quantity, intent.side, intent.intent_type) == (Decimal("0.7"), Side.SELL, IntentType.EXIT_FULL)


def test_an_exit_may_go_without_a_market_when_nobody_knows_one(story: InboxStory) -> None:
    """The market's actor is parked: limits on entries refuse those without a price, exits leave."""
    story.insert("a", side="SELL", intent_type="EXIT_PARTIAL")
    story.poll()
    story.poll()
    assert story.handed_in() == ["id-a"]
    story.hear(MarketTold(symbol="BTCUSDT", market=market()))
    assert story.handed_in() == ["id-a"], "too late, and not twice"


# -- what cannot become an intent -------------------------------------------------------------------------------------


@pytest.mark.req("X-03")
@pytest.mark.code("INTENT_MALFORMED", "INTENT_MISDIRECTED", "OWNER_UNKNOWN")
@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"quantity": "NaN"}, "NUMBER_IMPOSSIBLE", "quantity is 'NaN'"),
        ({"quantity": "-1"}, "NUMBER_IMPOSSIBLE", "quantity is '-1'"),
        ({"quantity": "1" * 600}, "INTENT_MALFORMED", "longer than 500 bytes"),
        ({"expires_at_ns": b"9999999999999999999"}, "NUMBER_IMPOSSIBLE", "9223372036854775807 at most"),
        ({"symbol": ""}, "INTENT_MALFORMED", "symbol is missing"),
        ({"side": "HOLD"}, "INTENT_MALFORMED", "side is 'HOLD'"),
        ({"symbol": "DOGEUSDT"}, "INSTRUMENT_UNKNOWN", "the venue does not list"),
        ({"symbol": "ETHUSDT"}, "INSTRUMENT_UNKNOWN", "it has BTCUSDT"),
        ({"strategy_id": "nobody"}, "OWNER_UNKNOWN", "this run has model, trend"),
        ({"venue": "kis"}, "INTENT_MISDIRECTED", "kis/paper, and this run trades on sim/paper"),
        ({"account": "other"}, "INTENT_MISDIRECTED", "sim/other"),
        ({"intent_id": "s1/trend.1.7"}, "INTENT_MALFORMED", "this run's own strategies"),
        ({"expires_at_ns": T0 + 1}, "INTENT_EXPIRED", "3.0 s after its expires_at_ns"),
        ({"side": "SELL", "intent_type": "EXIT_FULL", "quantity": None}, "NOTHING_TO_EXIT", "model holds 0 BTCUSDT"),
    ],
)
def test_what_cannot_be_an_intent_is_on_record_and_then_refused(
    story: InboxStory, changes: dict[str, object], code: str, words: str
) -> None:
    story.insert("a", **changes)
    story.poll()
    assert story.said("a")[0] == "NEW", "not before it is on record"
    (record,) = story.refusals()
    assert (record.action_key, record.row_id, record.status, record.code) == ("a", 1, IntentStatus.REJECTED, code)
    assert words in record.reason
    assert story.said("a") == ("REJECTED", code, record.reason)
    assert not story.asked_market()


def test_an_exit_of_what_this_run_does_not_trade_any_more_is_let_through(story: InboxStory) -> None:
    story.insert("a", symbol="ETHUSDT", side="SELL", intent_type="EXIT_PARTIAL")
    story.poll()
    story.tell_market("ETHUSDT")
    assert story.handed_in() == ["id-a"]


def test_the_same_key_in_the_file_in_the_ledger_or_on_its_way_is_a_duplicate(story: InboxStory) -> None:
    write(story.folder, in_ledger(a_strategys_intent("trend-known", "known")))
    story.hand_in("way")
    story.insert("known")
    story.insert("other", intent_id="id-way")
    story.poll()
    by_key = {record.action_key: record for record in story.refusals()}
    assert {key: record.status for key, record in by_key.items()} == dict.fromkeys(
        ("known", "other"), IntentStatus.DUPLICATE
    )
    assert story.said("known")[:2] == ("DUPLICATE", DUPLICATE)
    assert "trend-known" in by_key["known"].reason
    assert story.said("way")[0] == "NEW"
