"""The inbox actor when something is wrong: nothing is lost, nothing is sent twice, and nobody waits for it."""

import sqlite3
from pathlib import Path

import pytest

from actors import addresses
from actors.inbox import START_PATIENCE_S
from actors.inbox_keeper import ANSWER_TIMEOUT_S, SEARCH_TIMEOUT_S
from bulkhead.ledger.inbox import Inbox
from messages.codes import ErrorCode
from messages.failure import FailureMode, FailureReported, StopLevelTold, StopReason
from messages.market import MarketTold
from messages.orders import OrdersTold
from messages.portfolio import PositionsTold, TellState
from messages.records import AppendFailed, IntentStatusChanged
from messages.supervision import Busy
from messages.values import IntentStatus, OrderStatus, StopLevel
from supervisor.gate import RECOVERY_REASON, Gate
from tests.actors.inbox_story import InboxStory, in_ledger, write
from tests.actors.kit import NS_PER_S, NoLatch
from tests.actors.test_inbox import refused, updated
from tests.execution.orders import T0
from tests.risk.portfolios import portfolio, position

pytestmark = pytest.mark.lesson("L24")


@pytest.fixture
def story(tmp_path: Path) -> InboxStory:
    return InboxStory(tmp_path)


def reports(story: InboxStory) -> list[tuple[bool, str]]:
    found = story.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)
    assert {report.mode for report in found} <= {FailureMode.INBOX_UNAVAILABLE}
    return [(report.recovered, report.detail) for report in found]


def interval_s(story: InboxStory) -> float:
    story.poll(0.1)
    return story.ctx.timers["poll"][0]


# -- how often, and when not ------------------------------------------------------------------------------------------


@pytest.mark.req("X-03")
def test_it_looks_more_often_while_something_is_held_and_seldom_while_rate_limited(story: InboxStory) -> None:
    assert interval_s(story) == 3.0
    story.hear(portfolio(position("1")))
    assert interval_s(story) == 1.0
    limit = StopReason(reason_id="rate_limit:all", level=StopLevel.REDUCED, cause="full", since_ns=T0)
    story.gate.shut(limit, by=None)
    assert interval_s(story) == 5.0
    story.gate.lift("rate_limit:all", by=None)
    assert interval_s(story) == 1.0
    story.hear(portfolio(position("0")))
    assert interval_s(story) == 3.0


def test_an_order_that_was_held_back_for_the_venues_limit_slows_it_down_too(story: InboxStory) -> None:
    intent = story.hand_in("a")
    story.hear(updated(intent, OrderStatus.PENDING_SUBMIT, reason="RATE_LIMITED: 1200 of 1200 weight used"))
    assert interval_s(story) == 5.0
    story.later(60)
    assert interval_s(story) == 3.0


def test_nothing_is_taken_before_positions_and_orders_are_told(tmp_path: Path) -> None:
    story = InboxStory(tmp_path, is_informed=False)
    story.insert("a")
    for _ in range(2):
        asked = [name for name, body in story.ctx.told if isinstance(body, TellState)]
        assert asked == [addresses.PORTFOLIO, addresses.OMS]
        story.ctx.forget()
        story.poll()
    story.hear(PositionsTold(positions=()))
    story.ctx.forget()
    story.poll()
    assert [name for name, body in story.ctx.told if isinstance(body, TellState)] == [addresses.OMS]
    assert not story.asked_market()
    story.hear(OrdersTold(orders=(), reserved_notional={}))
    story.poll()
    assert not story.asked_market(), "no entry would pass before an account is seen"
    story.hear(portfolio())
    story.poll()
    assert story.asked_market()


def test_after_a_start_a_row_waits_for_the_first_price_but_not_for_ever(story: InboxStory) -> None:
    story.insert("a")
    story.poll()
    story.hear(MarketTold(symbol="BTCUSDT", market=None))
    assert not story.ctx.appends()
    story.poll()
    story.poll(START_PATIENCE_S)
    story.hear(MarketTold(symbol="BTCUSDT", market=None))
    assert story.handed_in() == ["id-a"], "for the risk guard to refuse"


@pytest.mark.parametrize("how", ["compared", "patience"])
def test_rows_wait_for_the_first_comparison_of_the_books_but_not_for_ever(tmp_path: Path, how: str) -> None:
    start = StopReason(reason_id=RECOVERY_REASON, level=StopLevel.SOFT, cause="not compared yet", since_ns=T0)
    story = InboxStory(tmp_path, Gate((start,), lambda name: 1, NoLatch()))
    story.insert("a")
    story.poll()
    assert not story.asked_market()
    if how == "compared":
        story.gate.recovered(0, by=None)
        story.poll()
    else:
        story.poll(START_PATIENCE_S)
    assert story.asked_market()


def test_while_the_session_ends_what_is_in_the_file_is_left_to_the_next(story: InboxStory) -> None:
    stopping = StopReason(reason_id="session:stopping", level=StopLevel.SOFT, cause="SIGTERM", since_ns=T0)
    story.insert("a")
    story.insert("b")
    story.poll()
    story.tell_market()
    story.gate.shut(stopping, by=None)
    story.commit()
    story.insert("c")
    story.poll()
    assert len(story.asked_market()) == 1
    assert [story.said(key)[0] for key in "abc"] == ["NEW"] * 3


# -- the file, and the ledger -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["locked", "garbage", "foreign", "newer"])
def test_a_file_that_cannot_be_read_is_reported_once_and_tried_again(tmp_path: Path, how: str) -> None:
    path = tmp_path / "inbox.db"
    holder: sqlite3.Connection | None = None
    if how == "garbage":
        path.write_bytes(b"garbage " * 1000)
    else:
        if how != "foreign":
            Inbox(path).close()
        holder = sqlite3.connect(path, isolation_level=None)
        statement = {
            "locked": "PRAGMA locking_mode=EXCLUSIVE",
            "foreign": "CREATE TABLE recipes (name TEXT)",
            "newer": "PRAGMA user_version=2",
        }
        holder.execute(statement[how])
        if how == "locked":
            holder.execute("DELETE FROM order_intents")
    story = InboxStory(tmp_path)
    for _ in range(3):
        story.poll()
    ((recovered, detail),) = reports(story)
    assert not recovered
    assert str(path) in detail
    assert str(story.inbox.figures().trouble) in detail
    if holder is not None:
        holder.close()
    if how != "locked":
        path.unlink()
    story.insert("a")
    story.poll()
    assert [recovered for recovered, _ in reports(story)] == [False, True]
    assert story.inbox.figures().trouble is None
    assert story.asked_market(), "and rows are taken again"


def test_a_missing_file_is_made_again(story: InboxStory) -> None:
    story.poll()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{story.path}{suffix}").unlink(missing_ok=True)
    story.poll()
    story.insert("a")
    story.poll()
    assert story.asked_market()
    assert not reports(story)


def test_without_a_word_of_the_ledger_nothing_is_handed_in(story: InboxStory) -> None:
    """Whether it was sent before is not known."""
    (story.folder / "ledger.db").rename(story.folder / "away")
    story.insert("a")
    story.poll()
    story.poll()
    assert not story.asked_market()
    assert [recovered for recovered, _ in reports(story)] == [False]
    (story.folder / "away").rename(story.folder / "ledger.db")
    story.poll()
    assert story.asked_market()
    assert [recovered for recovered, _ in reports(story)] == [False, True]


def test_an_answer_that_another_process_keeps_out_is_written_later(story: InboxStory) -> None:
    intent = story.hand_in("a")
    other = sqlite3.connect(story.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    story.hear(refused(intent))
    assert story.inbox.figures().unwritten == 1
    other.execute("ROLLBACK")
    other.close()
    story.poll()
    assert story.said("a")[0] == "REJECTED"


def test_a_replaced_file_hands_nothing_in_twice(story: InboxStory) -> None:
    story.hand_in("a")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{story.path}{suffix}").rename(f"{story.path}.old{suffix}")
    story.insert("z")
    story.insert("a")
    story.poll()
    story.tell_market()
    (record,) = story.refusals()
    assert (record.action_key, record.status, record.row_id) == ("a", IntentStatus.DUPLICATE, 2)


# -- what did not get through -----------------------------------------------------------------------------------------


def test_what_the_ledger_refused_to_write_is_handed_in_with_the_next_poll(story: InboxStory) -> None:
    story.insert("a")
    story.insert("b", quantity="nan")
    story.poll()
    story.tell_market()
    story.ctx.forget()
    story.hear(AppendFailed(reason="disk full"))
    assert not story.ctx.appends()
    story.poll()
    story.tell_market()
    assert story.handed_in() == ["id-a"]
    story.commit()
    story.ctx.forget()  # the refusal of b
    story.hear(AppendFailed(reason="disk full"))
    assert story.said("b")[0] == "NEW"
    story.poll()
    assert [record.action_key for record in story.refusals()] == ["b"]
    assert story.said("b")[0] == "REJECTED"


def test_what_was_answered_before_its_record_was_lost_is_not_handed_in_again(story: InboxStory) -> None:
    """The ledger's actor died between posting the intent and telling of it; the risk guard was quicker."""
    story.insert("a")
    story.poll()
    story.tell_market()
    (intent,) = (record.intent for append in story.ctx.appends() for record in append.records)  # type: ignore[attr-defined]
    story.hear(refused(intent))
    story.hear(AppendFailed(reason="the ledger was restarted"))
    story.ctx.forget()
    story.poll()
    assert not story.asked_market()
    assert story.said("a")[0] == "REJECTED"


def test_an_entry_that_found_no_room_is_handed_in_with_the_next_poll(story: InboxStory) -> None:
    intent = story.hand_in("a")
    story.hear(Busy(to=addresses.RISK_GUARD, message_id="m", message_type="OrderIntent", about=intent.intent_id))
    assert story.said("a")[0] == "NEW"
    story.poll()
    story.tell_market()
    assert story.handed_in() == ["id-a"]


def test_a_row_that_waits_too_long_for_its_turn_expires(story: InboxStory) -> None:
    intent = story.hand_in("a", expires_at_ns=T0 + 5 * NS_PER_S)
    story.hear(Busy(to=addresses.RISK_GUARD, message_id="m", message_type="OrderIntent", about=intent.intent_id))
    story.poll()
    (record,) = story.refusals()
    assert (record.code, record.status) == (ErrorCode.INTENT_EXPIRED, IntentStatus.REJECTED)


# -- the search -------------------------------------------------------------------------------------------------------


def test_what_nobody_speaks_of_is_looked_for_behind_everybody_and_only_then_lost(story: InboxStory) -> None:
    story.hand_in("a")
    story.ctx.forget()
    story.poll(ANSWER_TIMEOUT_S)
    assert [name for name, body in story.ctx.told if isinstance(body, TellState)] == [addresses.RISK_GUARD]
    chain = story.chain()
    story.hear(OrdersTold(orders=(), reserved_notional={}), sender=addresses.OMS)
    assert not story.ctx.appends(), "no answer to this"
    story.hear(StopLevelTold(level=StopLevel.RUN, change=1), sender=addresses.RISK_GUARD, chain=chain)
    assert [name for name, body in story.ctx.told if isinstance(body, TellState)][1:] == [addresses.OMS]
    story.hear(OrdersTold(orders=(), reserved_notional={}), sender=addresses.OMS, chain=chain)
    assert [append.records for append in story.ctx.appends()] == [()]
    assert story.said("a")[0] == "NEW"
    story.commit()
    (record,) = story.refusals()
    assert (record.status, record.code) == (IntentStatus.FAILED, ErrorCode.ORDER_NOT_SENT)
    assert story.said("a")[:2] == ("FAILED", "ORDER_NOT_SENT")


def test_what_is_found_in_the_ledger_is_submitted(story: InboxStory) -> None:
    intent = story.hand_in("a")
    story.poll(ANSWER_TIMEOUT_S)
    write(story.folder, in_ledger(intent))
    story.answer_search()
    assert story.said("a")[0] == "SUBMITTED"
    assert not story.refusals()


def test_answers_to_an_earlier_search_prove_nothing_about_a_later_one(story: InboxStory) -> None:
    story.hand_in("a")
    story.poll(ANSWER_TIMEOUT_S)
    first = story.chain()
    story.poll(SEARCH_TIMEOUT_S)
    assert story.chain() != first
    story.ctx.forget()
    story.hear(StopLevelTold(level=StopLevel.RUN, change=1), sender=addresses.RISK_GUARD, chain=first)
    assert not story.ctx.tells(TellState)
    story.answer_search()
    assert [record.status for record in story.refusals()] == [IntentStatus.FAILED]


def test_several_that_were_lost_are_all_answered(story: InboxStory) -> None:
    for key in "abc":
        story.hand_in(key)
    story.poll(ANSWER_TIMEOUT_S + 10)
    for _ in "abc":
        story.answer_search()
        story.refusals()
        story.poll()
    assert [story.said(key)[0] for key in "abc"] == ["FAILED"] * 3


def test_a_failed_append_ends_the_search_and_the_next_poll_begins_another(story: InboxStory) -> None:
    story.hand_in("a")
    story.poll(ANSWER_TIMEOUT_S)
    first = story.chain()
    story.hear(AppendFailed(reason="disk full"))
    story.poll()
    assert story.chain() != first
    assert story.said("a")[0] == "NEW"


# -- a restart of ours ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_on_disk", [True, False])
def test_a_row_that_is_taken_again_after_a_restart_is_not_sent_twice(tmp_path: Path, *, is_on_disk: bool) -> None:
    """The risk guard remembers it. Whether it got further, the ledger says."""
    intent = InboxStory(tmp_path).hand_in("a")
    again = InboxStory(tmp_path, epoch=2)
    again.poll()
    again.tell_market()
    assert again.handed_in() == ["id-a"], "the ledger does not know it yet"
    again.commit()
    if is_on_disk:
        write(tmp_path, in_ledger(intent))
    again.hear(refused(intent, code=ErrorCode.INTENT_DUPLICATE))
    assert again.said("a")[0] == "NEW"
    again.answer_search()
    again.refusals()
    assert again.said("a")[0] == ("SUBMITTED" if is_on_disk else "FAILED")


@pytest.mark.parametrize("how", ["ended", "open", "silent", "stopping"])
def test_a_row_whose_intent_is_on_disk_is_not_handed_in_again(tmp_path: Path, how: str) -> None:
    """While it is open the venue may yet say what became of it; else the ledger's word is the answer."""
    intent = InboxStory(tmp_path).hand_in("a")
    write(tmp_path, in_ledger(intent))
    if how == "ended":
        write(tmp_path, IntentStatusChanged(intent_id="id-a", status=IntentStatus.FAILED, reason="proven absent"))
    if how == "stopping":
        write(tmp_path, IntentStatusChanged(intent_id="id-a", status=IntentStatus.STOPPING, reason="an escape"))
    again = InboxStory(tmp_path)
    again.ctx.now += 3600 * NS_PER_S  # it has expired meanwhile
    again.poll()
    if how == "open":
        again.hear(updated(intent, OrderStatus.FILLED, "1"))
    if how in ("silent", "stopping"):
        assert again.said("a")[0] == "NEW"
        again.poll(ANSWER_TIMEOUT_S)
        again.answer_search()
    assert again.said("a")[:2] == (("FAILED", "ORDER_NOT_SENT") if how == "ended" else ("SUBMITTED", None))
    assert not again.asked_market()
    assert again.handed_in() == []


def test_the_end_leaves_nothing_open_and_writes_what_it_can(story: InboxStory) -> None:
    intent = story.hand_in("a")
    other = sqlite3.connect(story.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    story.hear(refused(intent))
    other.execute("ROLLBACK")
    other.close()
    story.actor.on_stop(story.ctx, "shutdown")
    assert story.said("a")[0] == "REJECTED"
