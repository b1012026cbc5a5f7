"""The venue's trading rules: fetched daily without blocking, on disk before they are used, kept while it is away."""

from decimal import Decimal

import pytest

from actors import addresses
from actors.instrument_master import (
    ANSWER_S,
    CHECK_S,
    NS_PER_DAY,
    OF_EARLIER_RUNS,
    REPORTED_AFTER,
    InstrumentBook,
    InstrumentMasterActor,
)
from bulkhead.chaos.model.market import INSTRUMENTS, VENUE
from messages.failure import FailureMode, FailureReported
from messages.instruments import (
    Instrument,
    InstrumentsFailed,
    InstrumentsLoaded,
    InstrumentsRecorded,
    InstrumentsTold,
    LoadInstruments,
)
from messages.records import AppendFailed
from supervisor.failure_modes import Shut, decide
from supervisor.gate import Gate
from tests.actors.kit import NoLatch, Story, released
from tests.execution.orders import T0

BROKER = addresses.broker(VENUE)
AWAY = InstrumentsFailed(venue=VENUE, reason="the venue is away")


def listed(version: str, as_of_ns: int | None = T0, **changes: object) -> tuple[Instrument, ...]:
    """Both symbols; the changes are of BTCUSDT."""
    common = {"version": version, "as_of_ns": as_of_ns}
    first, second = (rules.model_copy(update=common) for rules in INSTRUMENTS.values())
    return first.model_copy(update=changes), second


def loaded(story: Story, rules: tuple[Instrument, ...]) -> InstrumentsLoaded:
    return InstrumentsLoaded(venue=VENUE, instruments=rules, as_of_ns=story.ctx.now)


def master() -> tuple[Story, InstrumentBook]:
    book = InstrumentBook(listed("v1"))
    story = Story(InstrumentMasterActor(VENUE, book), addresses.INSTRUMENT_MASTER)
    story.ctx.subscribed = {addresses.INSTRUMENTS: ("oms", "strategy:trend")}
    story.start()
    return story, book


def next_day(story: Story) -> None:
    story.later((NS_PER_DAY - T0 % NS_PER_DAY) / 1e9, "check")


def commit(story: Story) -> None:
    """The ledger writes what it was handed and releases its letters; ours comes back to us."""
    (append,) = story.ctx.appends()
    for to, told in released(append, InstrumentsTold):
        if to == addresses.INSTRUMENT_MASTER:
            story.hear(told)


def test_it_asks_once_a_day_and_says_again_what_holds() -> None:
    story, book = master()
    story.later(CHECK_S, "check")
    assert story.ctx.tells(LoadInstruments) == [], "the preflight has asked today"
    assert story.ctx.publishes(InstrumentsTold, addresses.INSTRUMENTS) == [
        InstrumentsTold(instruments=tuple(book.current.values()))
    ]
    next_day(story)
    assert len(story.ctx.tells(LoadInstruments, BROKER)) == 1
    story.later(CHECK_S, "check")
    assert len(story.ctx.tells(LoadInstruments)) == 1, "one question at a time"


def test_the_same_version_is_younger_now_and_not_recorded_again() -> None:
    story, book = master()
    next_day(story)
    story.ctx.forget()
    story.hear(loaded(story, listed("v1", None)))
    assert book.current["BTCUSDT"].as_of_ns == story.ctx.now
    assert story.ctx.appends() == []
    assert len(story.ctx.publishes(InstrumentsTold, addresses.INSTRUMENTS)) == 1
    story.later(CHECK_S, "check")
    assert story.ctx.tells(LoadInstruments) == []


def test_a_new_version_is_on_disk_before_anybody_trades_by_it() -> None:
    story, book = master()
    next_day(story)
    story.ctx.forget()
    story.hear(loaded(story, listed("v2", None, tick_size=Decimal("0.5"))))
    (record,) = story.ctx.records(InstrumentsRecorded)
    assert (record.version, record.instruments[0].tick_size) == ("v2", Decimal("0.5"))
    assert story.ctx.publishes(InstrumentsTold) == []
    assert book.current["BTCUSDT"].version == "v1"
    (append,) = story.ctx.appends()
    assert [to for to, _ in released(append, InstrumentsTold)] == [
        *(addresses.INSTRUMENT_MASTER, "oms", "strategy:trend")
    ]
    commit(story)
    assert book.current["BTCUSDT"].tick_size == Decimal("0.5")


def test_what_the_ledger_refuses_is_asked_for_again() -> None:
    story, book = master()
    next_day(story)
    story.hear(loaded(story, listed("v2", None)), AppendFailed(reason="disk full"))
    assert book.current["BTCUSDT"].version == "v1"
    story.ctx.forget()
    story.later(CHECK_S, "check")
    assert len(story.ctx.tells(LoadInstruments, BROKER)) == 1


def test_a_symbol_that_is_not_listed_any_more_is_not_traded_and_stays_known() -> None:
    story, book = master()
    next_day(story)
    story.hear(loaded(story, listed("v2", None)[:1]))
    commit(story)
    gone = book.current["ETHUSDT"]
    assert (gone.is_trading, gone.status, gone.version) == (False, "not listed", "v2")


def test_what_only_earlier_runs_traded_is_not_said_to_be_gone_from_the_venue() -> None:
    story, book = master()
    first, second = listed("v1")
    book.install((first, second.model_copy(update={"is_trading": False, "status": OF_EARLIER_RUNS})))
    next_day(story)
    story.hear(loaded(story, listed("v2", None)[:1]))
    commit(story)
    assert (book.current["ETHUSDT"].is_trading, book.current["ETHUSDT"].status) == (False, OF_EARLIER_RUNS)


@pytest.mark.parametrize("changes", [{"quote_asset": "EUR"}, {"base_asset": "XBT"}])
def test_a_list_that_contradicts_the_books_is_not_taken(changes: dict[str, object]) -> None:
    story, book = master()
    next_day(story)
    story.hear(loaded(story, listed("v2", None, **changes)))
    assert story.ctx.appends() == []
    assert book.current["BTCUSDT"].version == "v1"


def test_an_empty_list_is_not_taken() -> None:
    story, book = master()
    next_day(story)
    story.hear(loaded(story, ()))
    assert set(book.current) == set(INSTRUMENTS)


def test_while_the_venue_is_away_the_last_version_holds_and_it_is_reported_once() -> None:
    story, book = master()
    next_day(story)
    reports: list[FailureReported] = []
    for count in range(1, REPORTED_AFTER + 3):
        story.hear(AWAY)
        reports = story.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)
        assert len(reports) == (1 if count >= REPORTED_AFTER else 0)
        story.later(CHECK_S, "check")
    assert reports[0].mode is FailureMode.INSTRUMENTS_OLD
    assert "the venue is away" in reports[0].detail
    assert book.current["BTCUSDT"].version == "v1"
    story.hear(loaded(story, listed("v1", None)))
    assert [report.recovered for report in story.ctx.tells(FailureReported)] == [False, True]


def test_the_report_stops_nothing() -> None:
    verdict = decide(FailureReported(mode=FailureMode.INSTRUMENTS_OLD, detail="away"), T0)
    assert isinstance(verdict, Shut)
    gate = Gate((verdict.reason,), lambda name: 1, NoLatch())
    assert gate.is_open
    assert gate.refusal_in(frozenset({"all"}), is_entry=True) is None


def test_a_question_that_got_lost_is_asked_again() -> None:
    story, _ = master()
    next_day(story)
    story.later(ANSWER_S, "check")
    assert len(story.ctx.tells(LoadInstruments, BROKER)) == 2
