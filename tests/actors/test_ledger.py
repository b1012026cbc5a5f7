"""LedgerActor: one transaction for what waits together, and nothing released before it is on disk."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import pytest

from actors import addresses
from actors.ledger import MAX_GROUP, LedgerActor
from bulkhead.ledger import chain
from bulkhead.ledger.port import DuplicateRecord, Entry, LedgerTaken, LedgerUnavailable
from bulkhead.ledger.writers import Writers
from messages.codes import ErrorCode
from messages.failure import FailureMode, FailureReported
from messages.orders import SubmitOrder
from messages.records import (
    Append,
    AppendFailed,
    CommitNow,
    EventsCommitted,
    LedgerEvent,
    LoadRecovery,
    OrderRecorded,
    PortfolioRecorded,
    RecoveryLoaded,
    Stream,
)
from messages.risk_history import LoadRiskHistory, RiskHistoryLoaded
from messages.supervision import TimerFired
from messages.values import StopLevel
from supervisor.gate import LEDGER_REASON
from supervisor.recorded import RecordedOnly
from tests.actors.kit import Story, open_gate
from tests.execution.orders import order
from tests.ledger.stories import fill_recorded, order_recorded, portfolio


class FakeLedger:
    """Remembers batches; refuses a fill id that it has, or everything while `is_full`."""

    def __init__(self) -> None:
        self.batches: list[list[Entry]] = []
        self.is_full = self.forgets = self.is_taken = False
        self.written: list[LedgerEvent] = []
        self._fills: set[str] = set()

    def append(self, entries: Sequence[Entry]) -> tuple[LedgerEvent, ...]:
        if self.is_full:
            raise LedgerUnavailable("no space left on device")
        fills = [entry.record.fill.fill_id for entry in entries if hasattr(entry.record, "fill")]
        if self._fills.intersection(fills) or len(set(fills)) < len(fills):
            raise DuplicateRecord("fills.fill_id")
        self._fills.update(fills)
        self.batches.append(list(entries))
        begin = len(self.written)
        for entry in entries:
            head = chain.Head(self.written[-1].seq, self.written[-1].hash) if self.written else chain.GENESIS
            event = chain.link(
                head,
                at_ns=entry.at_ns,
                stream=entry.record.stream,
                type_name=type(entry.record).__name__,
                session_id=entry.session_id,
                correlation_id=entry.correlation_id,
                causation_id=entry.causation_id,
                payload="{}",
            )
            self.written.append(event)
        return tuple(self.written[begin:])

    def check_owner(self) -> None:
        if self.is_taken:
            raise LedgerTaken("somebody else has written into it")

    def load_recovery(self, tombstone_count: int = 1000) -> RecoveryLoaded:
        return RecoveryLoaded(
            open_intents=(),
            orders=(),
            positions=(),
            last_portfolio=None,
            opening_balances=None,
            balance_changes={},
            fill_ids=tuple(sorted(self._fills)),
            watermark_ns=0,
            has_history=False,
        )

    def load_risk_history(self, asked: LoadRiskHistory) -> RiskHistoryLoaded:
        return RiskHistoryLoaded(day_start_ns=asked.day_start_ns, orders_today=len(self.batches), trades_today=0)

    def events(self, after_seq: int = 0, streams: Sequence[Stream] = ()) -> Iterator[LedgerEvent]:
        return iter(() if self.forgets else self.written[after_seq:])

    def close(self) -> None:
        """Nothing is open."""


class Told:
    def __init__(self) -> None:
        self.ledger = FakeLedger()
        self.gate = open_gate()
        self.guard = RecordedOnly(self.gate)
        self.writers = Writers(self.ledger)
        self.story = Story(LedgerActor(self.writers, "s-1", self.gate, self.guard), addresses.LEDGER)
        self.story.start()

    def append(self, number: int, sender: str = addresses.OMS, load_id: str | None = None) -> None:
        letter = self.story.ctx.seal("broker:sim", SubmitOrder(ticket=order(key=f"o{number}").ticket))
        self.story.hear(Append(records=(fill_recorded(number),), release=(letter,), load_id=load_id), sender=sender)

    def load(self, sender: str = addresses.OMS) -> str:
        self.story.hear(LoadRecovery(), sender=sender)
        return self.story.ctx.tells(RecoveryLoaded, sender)[-1].load_id

    def commit(self) -> None:
        self.story.hear(CommitNow(), sender=addresses.LEDGER)

    def posted(self) -> list[str]:
        bodies = (letter.envelope.body for letter in self.story.ctx.posted)
        return [body.ticket.client_order_id for body in bodies if isinstance(body, SubmitOrder)]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Where anybody may write anything."""
    monkeypatch.setattr("actors.ledger.forbidden", lambda sender, records: ())
    return Told()


@pytest.mark.req("X-01")
def test_what_is_not_its_senders_to_write_is_refused_whole() -> None:
    told = Told()
    load_id = told.load(addresses.PORTFOLIO)
    told.append(1, addresses.PORTFOLIO, load_id)
    told.append(2, addresses.OMS)
    own = PortfolioRecorded(snapshot=portfolio(Decimal(1)))
    told.story.hear(Append(records=(own,), load_id=load_id), sender=addresses.PORTFOLIO)
    told.commit()
    assert told.posted() == ["o2"]
    assert len(told.ledger.batches[0]) == 1, "what it wrote next rests on what was refused"
    (refused,) = told.story.ctx.tells(AppendFailed, addresses.PORTFOLIO)
    assert refused.reason == "not portfolio's to write: FillRecorded"
    assert not told.gate.reasons(), "a fault of one actor's is no failure of the disk"


def test_what_waits_together_shares_one_commit_and_is_released_after_it(told: Told) -> None:
    for number in range(3):
        told.append(number)
    assert told.ledger.batches == []
    assert told.posted() == []
    assert len(told.story.ctx.tells(CommitNow, addresses.LEDGER)) == 1, "one note to itself for the group"
    told.commit()
    assert [len(batch) for batch in told.ledger.batches] == [3]
    assert told.posted() == ["o0", "o1", "o2"]
    assert len(told.story.ctx.publishes(EventsCommitted)) == 1


def test_a_group_has_a_bound(told: Told) -> None:
    for number in range(MAX_GROUP):
        told.append(number)
    assert [len(batch) for batch in told.ledger.batches] == [MAX_GROUP]
    told.commit()
    assert len(told.ledger.batches) == 1


def test_a_full_disk_releases_nothing_tells_each_sender_and_shuts_the_gate(told: Told) -> None:
    told.ledger.is_full = True
    told.append(1, addresses.OMS)
    told.append(2, addresses.PORTFOLIO)
    told.commit()
    ctx = told.story.ctx
    assert told.posted() == []
    assert [name for name, body in ctx.told if isinstance(body, AppendFailed)] == [addresses.OMS, addresses.PORTFOLIO]
    assert told.gate.is_in_force(LEDGER_REASON)


@pytest.mark.code("LEDGER_UNAVAILABLE")
def test_a_failure_is_reported_once_until_commits_succeed_again(told: Told) -> None:
    """The report is an append too: one for each failure would be a loop without end."""
    told.ledger.is_full = True
    for number in range(5):
        told.append(number)
        told.commit()
    reports = told.story.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)
    assert [(r.mode, r.recovered) for r in reports] == [(FailureMode.LEDGER_FAILURE, False)]
    assert reports[0].detail.startswith(ErrorCode.LEDGER_UNAVAILABLE)
    assert told.story.ctx.tells(AppendFailed)[0].reason.startswith(f"{ErrorCode.LEDGER_UNAVAILABLE}: no space left")
    told.ledger.is_full = False
    told.append(9)
    told.commit()
    assert told.story.ctx.tells(FailureReported)[-1].recovered
    (reason,) = told.gate.reasons()
    assert (reason.reason_id, reason.level) == (LEDGER_REASON, StopLevel.SOFT), "exits leave, an operator re-arms"
    assert told.posted() == ["o9"]
    told.ledger.is_full = True
    told.append(10)
    told.commit()
    assert len(told.story.ctx.tells(FailureReported)) == 3


def test_what_does_not_read_back_as_it_was_written_is_no_recovery(told: Told) -> None:
    told.ledger.is_full = True
    told.append(1)
    told.commit()
    told.ledger.is_full, told.ledger.forgets = False, True
    told.append(2)
    told.commit()
    (reason,) = told.gate.reasons()
    assert reason.level is StopLevel.HARD
    assert told.posted() == [], "what cannot be read releases nothing"
    told.ledger.forgets = False
    told.append(3)
    told.commit()
    assert told.gate.level() is StopLevel.SOFT
    assert told.posted() == ["o3"]


@pytest.mark.parametrize("is_full", [False, True])
def test_the_next_ledger_ends_the_failure_that_the_one_before_has_reported(told: Told, *, is_full: bool) -> None:
    """Also that of an earlier run, which is latched: else every exit is held back although the disk is well."""
    told.gate.ledger_failed("disk full", 1, by=None)
    told.story = Story(LedgerActor(told.writers, "s-2", told.gate, told.guard), addresses.LEDGER, epoch=2)
    told.story.start()
    told.ledger.is_full = is_full
    told.append(1)
    told.commit()
    assert told.gate.level() is (StopLevel.HARD if is_full else StopLevel.SOFT)
    assert [report.recovered for report in told.story.ctx.tells(FailureReported)] == ([] if is_full else [True])


def test_a_lease_that_is_anothers_is_seen_at_rest_and_said_once(told: Told) -> None:
    told.ledger.is_taken = True
    told.story.hear(TimerFired(key="owner"), TimerFired(key="owner"))
    (report,) = told.story.ctx.tells(FailureReported, addresses.FAILURE_HANDLER)
    assert report.mode is FailureMode.SPLIT_BRAIN
    assert told.gate.level() is StopLevel.HARD


@pytest.mark.lesson("L07")
@pytest.mark.lesson("L10")
def test_one_senders_duplicate_does_not_take_its_neighbours_with_it(told: Told) -> None:
    told.append(1)
    told.commit()
    told.append(2, "before")
    told.append(1, "repeater")
    told.append(3, "behind")
    told.commit()
    ctx = told.story.ctx
    assert [name for name, body in ctx.told if isinstance(body, AppendFailed)] == ["repeater"]
    assert told.posted() == ["o1", "o2", "o3"]
    assert not told.gate.is_in_force(LEDGER_REASON), "the disk is well"


def test_recovery_is_answered_from_after_what_waits(told: Told) -> None:
    told.append(1)
    told.story.hear(LoadRecovery(), sender=addresses.OMS)
    (loaded,) = told.story.ctx.tells(RecoveryLoaded, addresses.OMS)
    assert loaded.fill_ids == ("sim:BTCUSDT:1",)


def test_an_ordered_stop_writes_what_waits(told: Told) -> None:
    told.story.hear(Append(records=(order_recorded(1),)))
    told.story.actor.on_stop(told.story.ctx, "shutdown")
    assert len(told.ledger.batches) == 1


def test_records_keep_the_chain_of_their_cause(told: Told) -> None:
    told.append(1)
    told.commit()
    (entry,) = told.ledger.batches[0]
    assert entry.session_id == "s-1"
    assert entry.correlation_id == "oms.1.1"


# -- what rests on what ------------------------------------------------------------------------------------------------


@pytest.mark.lesson("L10")
def test_after_a_refusal_nothing_is_written_that_rests_on_it_until_its_sender_has_read_again(told: Told) -> None:
    before, beside = told.load(), told.load(addresses.PORTFOLIO)
    told.ledger.is_full = True
    told.append(1, load_id=before)
    told.commit()
    told.ledger.is_full = False
    told.append(2, load_id=before)
    told.append(3, addresses.PORTFOLIO, beside)
    told.append(4, "desk")
    told.commit()
    assert told.posted() == ["o3", "o4"]
    assert len(told.story.ctx.tells(AppendFailed, addresses.OMS)) == 1, "once: it is reading again already"
    after = told.load()
    told.append(5, load_id=before)
    told.append(6, load_id=after)
    told.commit()
    assert told.posted() == ["o3", "o4", "o6"]
    actor = told.story.actor
    assert isinstance(actor, LedgerActor)
    assert actor.figures().refused == 2


def test_whoever_reads_anew_gives_up_what_it_believed_before(told: Told) -> None:
    """What it sends between asking and hearing would be on disk, and not in what it is about to be told."""
    before = told.load()
    told.append(1, load_id=before)
    after = told.load()
    told.append(2, load_id=before)
    told.append(3, load_id=after)
    told.commit()
    assert told.posted() == ["o1", "o3"]


@pytest.mark.code("OMS_IDEMPOTENCY_MISSING")
def test_what_is_not_on_disk_may_not_leave_and_what_is_may(told: Told) -> None:
    row = order(key="o1")
    letter = told.story.ctx.seal("broker:sim", SubmitOrder(ticket=row.ticket))
    refusal = told.guard.refusal(row.ticket, addresses.OMS, 1)
    assert refusal is not None
    assert refusal.startswith(f"{ErrorCode.OMS_IDEMPOTENCY_MISSING}: o1")
    recorded = OrderRecorded(order=row, change="created")
    told.story.hear(Append(records=(recorded,), release=(letter,)), sender=addresses.OMS)
    assert told.guard.refusal(row.ticket, addresses.OMS, 1) is not None, "handed in, and not committed"
    told.commit()
    assert told.guard.refusal(row.ticket, addresses.OMS, 1) is None


@pytest.mark.lesson("L20")
def test_a_restarted_ledger_says_so_and_takes_nothing_that_rests_on_what_it_does_not_know(told: Told) -> None:
    before = told.load()
    assert not told.story.ctx.publishes(AppendFailed)
    told.append(1, load_id=before)  # and it is lost with the one that took it
    late = told.story
    told.story = Story(LedgerActor(told.writers, "s-1", told.gate, told.guard), addresses.LEDGER, epoch=2)
    told.story.start()
    assert told.story.ctx.publishes(AppendFailed, addresses.LOST_APPENDS)
    told.append(2, load_id=before)
    told.append(3, load_id=told.load())
    told.commit()
    assert told.posted() == ["o3"]
    late.hear(CommitNow(), sender=addresses.LEDGER)
    assert not late.ctx.posted, "whenever the one before comes back"
    assert len(told.ledger.batches) == 1


def test_a_risk_guard_is_told_the_past_after_what_waits_is_written() -> None:
    told = Told()
    told.story.hear(Append(records=(fill_recorded(1),)), sender=addresses.OMS)
    told.story.hear(LoadRiskHistory(day_start_ns=5, latest=10), sender=addresses.RISK_GUARD)
    (history,) = told.story.ctx.tells(RiskHistoryLoaded, addresses.RISK_GUARD)
    assert (history.day_start_ns, history.orders_today) == (5, 1)
