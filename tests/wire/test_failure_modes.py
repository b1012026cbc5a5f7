"""Each row of the failure table over the real wire: seen, what may leave meanwhile, its end and its re-arming.

One house whose limits are some seconds, and for each row a fault switch of the venue, or the real thing: the ledger's
file is taken away, a strategy hangs. DATA_DELAY needs a market that moves: see test_fallback.py.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from actors import addresses
from bulkhead.chaos.house import Poison
from bulkhead.ledger.inbox import FILE_NAME as INBOX_FILE
from bulkhead.ledger.port import LedgerTaken
from messages.failure import FailureMode, StopReason
from messages.supervision import RestartChild, TimerFired
from messages.values import StopLevel, StopPlan
from tests.wire.kit import PUPPET, Tables, Town, town

pytestmark = pytest.mark.process
SYMBOL, OTHER = "BTCUSDT", "ETHUSDT"
QUICK: Tables = {
    "execution": {"answer_timeout_s": 1.5},
    "detection": {
        "channel_timeout_s": 60.0,
        "max_clock_skew_ms": 400,
        "clock_check_interval_s": 0.5,
        "clock_settle_s": 1.0,
    },
    "market_data": {"settle_s": 0.2, "health_interval_s": 0.2},
    "inbox": {"enabled": True, "poll_without_positions_s": 0.2, "poll_with_positions_s": 0.2},
}
SETTLE_S = 0.5
"""In which an order that the gate lets out would be at the venue."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("modes"), QUICK) as found:
        yield found


@pytest.fixture
def here(house: Town) -> Iterator[Town]:
    """Calm, open and with nothing of ours at the venue, before and after each test."""
    yield house
    house.calm()
    rearm(house)
    house.clear()


def reasons_of(here: Town, mode: FailureMode) -> list[StopReason]:
    return [reason for reason in here.gate.reasons() if reason.reason_id.startswith(f"{mode.value}:")]


def seen(here: Town, mode: FailureMode) -> StopReason:
    here.until(lambda: reasons_of(here, mode), f"{mode.name} is seen")
    return reasons_of(here, mode)[0]


def over(here: Town, mode: FailureMode) -> None:
    here.until(lambda: not reasons_of(here, mode), f"{mode.name} is over")


def rearm(here: Town) -> None:
    for reason in here.gate.reasons():
        if reason.needs_operator:
            here.gate.lift(reason.reason_id, by=None)


def may_leave(here: Town, scope: str, *, is_entry: bool) -> bool:
    return here.gate.refusal_in(frozenset({"all", "venue:sim", scope}), is_entry=is_entry) is None


def no_entry_leaves(here: Town, symbol: str = SYMBOL) -> None:
    """Decided on, handed in, and never at the venue."""
    before = here.venue.books()["last_order_id"]
    here.buy(symbol)
    time.sleep(SETTLE_S)
    assert here.venue.books()["last_order_id"] == before


def rests(here: Town, symbol: str = SYMBOL) -> str:
    key = here.bought(symbol)
    here.until_status(key, "SUBMITTED")
    return key


def cancel_leaves(here: Town, key: str) -> None:
    here.cancel(here.row(key).symbol)
    here.until(lambda: key not in here.open_at_venue(), "the cancel has left")


def enters(here: Town) -> bool:
    before = len(here.rows())
    here.learn_markets()
    here.buy(SYMBOL)
    time.sleep(SETTLE_S)
    return len(here.rows()) > before


def told_over(here: Town, mode: FailureMode) -> bool:
    query = "select payload from events where type = 'FailureRecorded' order by seq desc limit 1"
    ((payload,),) = here.ledger.rows(query)
    return f'"mode":"{mode.value}"' in payload and '"recovered":true' in payload


@pytest.mark.failure_mode("EXCHANGE_DISCONNECT")
@pytest.mark.req("S-11")
def test_exchange_disconnect(here: Town) -> None:
    key = rests(here)
    here.fault(refuse_streams="market")
    reason = seen(here, FailureMode.EXCHANGE_DISCONNECT)
    assert (reason.level, reason.effective_plan, reason.is_technical) == (StopLevel.MEDIUM, StopPlan.REDUCE, True)
    no_entry_leaves(here)
    assert may_leave(here, f"symbol:{SYMBOL}", is_entry=False)
    cancel_leaves(here, key)
    here.fault(refuse_streams="none")
    here.learn_markets()  # nothing moves here by itself, and a feed that tells nothing is not up
    here.until(lambda: told_over(here, FailureMode.EXCHANGE_DISCONNECT), "it is over")
    assert reasons_of(here, FailureMode.EXCHANGE_DISCONNECT), "an operator re-arms it"
    rearm(here)
    here.until(lambda: enters(here), "the data is sound again")


@pytest.mark.failure_mode("EXECUTION_DELAY")
@pytest.mark.req("S-12")
def test_execution_delay(here: Town) -> None:
    here.fault(hold={"order": "answer", "query": "arrival", "list": "arrival"}, lose_reports=10)
    key = here.bought(SYMBOL)
    here.until_held("order")
    assert seen(here, FailureMode.EXECUTION_DELAY).scope == f"symbol:{SYMBOL}"
    here.fault(lose_reports=0)
    no_entry_leaves(here)
    assert may_leave(here, f"symbol:{OTHER}", is_entry=True), "its symbol is skipped, and no other"
    here.fault(hold=dict.fromkeys(("order", "query", "list")))
    over(here, FailureMode.EXECUTION_DELAY)
    here.until_status(key, "SUBMITTED", "CANCELLED")


@pytest.mark.failure_mode("BROKER_DISCONNECT")
@pytest.mark.req("S-14")
@pytest.mark.lesson("L34")
def test_broker_disconnect(here: Town) -> None:
    key = rests(here)
    here.fault(refuse_streams="orders")
    reason = seen(here, FailureMode.BROKER_DISCONNECT)
    assert (reason.level, reason.effective_plan, reason.is_technical) == (StopLevel.HARD, StopPlan.FLATTEN, True)
    assert not may_leave(here, f"symbol:{SYMBOL}", is_entry=False)
    no_entry_leaves(here)
    cancel_leaves(here, key)
    here.fault(refuse_streams="none")
    here.until(lambda: told_over(here, FailureMode.BROKER_DISCONNECT), "the channel is up again")
    here.until(lambda: here.gate.is_recovered, "the books are compared")
    assert not here.gate.is_open, "an operator re-arms it"
    rearm(here)
    here.until_status(here.bought(SYMBOL), "SUBMITTED")


@pytest.mark.failure_mode("ACTOR_CRASH_LOOP")
def test_actor_crash_loop(here: Town) -> None:
    here.until(lambda: _crashed(here), "it is parked")
    assert not may_leave(here, PUPPET, is_entry=True)
    assert may_leave(here, "strategy:another", is_entry=True)
    here.host.tell("seat:puppet", RestartChild(child=PUPPET), sender="test")
    over(here, FailureMode.ACTOR_CRASH_LOOP)
    here.learn_markets()
    here.until_status(here.bought(SYMBOL), "SUBMITTED")


def _crashed(here: Town) -> bool:
    here.host.tell(PUPPET, Poison(), sender="test")
    time.sleep(0.2)
    return bool(reasons_of(here, FailureMode.ACTOR_CRASH_LOOP))


@pytest.mark.failure_mode("ACTOR_STUCK")
def test_actor_stuck(here: Town) -> None:
    held = here.hang()
    try:
        assert seen(here, FailureMode.ACTOR_STUCK).scope == PUPPET
        over(here, FailureMode.ACTOR_STUCK)
    finally:
        held.set()
    here.learn_markets()
    here.until_status(here.bought(SYMBOL), "SUBMITTED")


@pytest.mark.failure_mode("LEDGER_FAILURE")
def test_ledger_failure(here: Town) -> None:
    path = here.folder / "logs" / "ledger.db"
    away = path.with_suffix(".away")
    path.rename(away)
    try:
        reason = seen(here, FailureMode.LEDGER_FAILURE)
        assert (reason.level, reason.effective_plan) == (StopLevel.HARD, StopPlan.NONE)
        assert not may_leave(here, f"symbol:{SYMBOL}", is_entry=False)
        no_entry_leaves(here)
    finally:
        away.rename(path)
    here.until(lambda: may_leave(here, f"symbol:{SYMBOL}", is_entry=False), "exits leave again")
    assert seen(here, FailureMode.LEDGER_FAILURE).level is StopLevel.SOFT
    no_entry_leaves(here)
    rearm(here)
    here.until_open()
    here.until_status(here.bought(SYMBOL), "SUBMITTED")


@pytest.mark.failure_mode("CLOCK_SKEW")
def test_clock_skew(here: Town) -> None:
    key = rests(here)
    here.fault(clock_ahead_ms=-700)
    reason = seen(here, FailureMode.CLOCK_SKEW)
    assert reason.level is StopLevel.SOFT
    no_entry_leaves(here)
    assert may_leave(here, f"symbol:{SYMBOL}", is_entry=False)
    cancel_leaves(here, key)
    here.fault(clock_ahead_ms=0)
    over(here, FailureMode.CLOCK_SKEW)
    here.until_status(here.bought(SYMBOL), "SUBMITTED")


@pytest.mark.failure_mode("AUTH_EXPIRED")
def test_auth_expired(here: Town) -> None:
    here.fault(refuse_keys=True)
    reason = seen(here, FailureMode.AUTH_EXPIRED)
    assert (reason.level, reason.scope) == (StopLevel.SOFT, "venue:sim")
    assert "-2015" in reason.cause
    no_entry_leaves(here)
    assert may_leave(here, f"symbol:{SYMBOL}", is_entry=False)
    here.fault(refuse_keys=False)
    over(here, FailureMode.AUTH_EXPIRED)
    here.until_status(here.bought(SYMBOL), "SUBMITTED")


@pytest.mark.failure_mode("INSTRUMENTS_OLD")
def test_instruments_old(here: Town) -> None:
    here.fault(fail_public=True)
    book = here.host.behaviour(addresses.INSTRUMENT_MASTER)._book  # type: ignore[union-attr]
    book.install(rules.model_copy(update={"as_of_ns": 1}) for rules in book.current.values())

    def is_seen() -> bool:
        here.host.tell(addresses.INSTRUMENT_MASTER, TimerFired(key="check"), sender="test")
        time.sleep(0.1)
        return bool(reasons_of(here, FailureMode.INSTRUMENTS_OLD))

    here.until(is_seen, "the rules are asked for in vain")
    assert may_leave(here, f"symbol:{SYMBOL}", is_entry=True)
    here.fault(fail_public=False)
    here.until(lambda: not is_seen(), "it is over")


@pytest.mark.failure_mode("INBOX_UNAVAILABLE")
def test_inbox_unavailable(here: Town) -> None:
    path = here.folder / "logs" / INBOX_FILE
    away = path.with_suffix(".away")
    here.until(path.exists, "the inbox is there")
    path.rename(away)
    path.mkdir()  # nothing that could be opened
    try:
        seen(here, FailureMode.INBOX_UNAVAILABLE)
        here.until_status(here.bought(SYMBOL), "SUBMITTED")
    finally:
        path.rmdir()
        away.rename(path)
    over(here, FailureMode.INBOX_UNAVAILABLE)


@pytest.mark.failure_mode("SPLIT_BRAIN")
def test_split_brain(tmp_path: Path) -> None:
    """In a house of its own, since it does not live on: the real end is in tests/process/test_split_brain.py."""
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(LedgerTaken, match="somebody else has written"))
        here = stack.enter_context(town(tmp_path, QUICK))
        key = rests(here)
        with closing(sqlite3.connect(here.folder / "logs" / "ledger.db")) as other, other:
            other.execute("update leases set owner = 'elsewhere:1'")
        here.until(lambda: here.left, "the process would end")
        assert not may_leave(here, f"symbol:{SYMBOL}", is_entry=False)
        assert key in here.open_at_venue(), "what rests is the other's now"
        assert not list((here.folder / "logs" / "stop").glob("*.json"))
