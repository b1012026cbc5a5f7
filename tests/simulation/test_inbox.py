"""The inbox in the whole house: whoever dies, whatever the venue does, each row is carried out once at most."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from actors import addresses
from actors.ledger import LedgerActor
from bulkhead.chaos.model.words import CALM, ROUGH
from bulkhead.ledger.inbox import Inbox
from messages.base import Letter
from messages.inbox import InboxRowRefused, InboxRowTaken
from messages.records import FillRecorded, IntentRecorded, IntentStatusChanged, OrderRecorded, RiskRefusalRecorded
from messages.supervision import ChildState
from messages.values import IntentStatus, Origin
from tests.simulation.conftest import NS_PER_S, Run, StartRun
from tests.simulation.failing_ledger import FailingLedger

OWNER = "model"
VALID_S = 3_600
CRASHED = (addresses.INBOX, addresses.RISK_GUARD, addresses.OMS, addresses.LEDGER, addresses.PORTFOLIO)


class Row(NamedTuple):
    intent_id: str
    action_key: str
    status: str
    code: str | None
    answer: str | None


class Sender:
    """With plain sqlite3. A third of what it sends is wrong, or repeats itself."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.path, self.rng, self.numbers = folder / "inbox.db", Random(seed), count(1)
        Inbox(self.path).close()

    def send(self, now_ns: int, **changes: object) -> None:
        row = {
            "action_key": f"key-{next(self.numbers)}",
            "strategy_id": OWNER,
            "symbol": "BTCUSDT",
            "side": "BUY",
            "intent_type": "ENTRY",
            "quantity": "0.1",
            "created_ns": now_ns,
            "expires_at_ns": now_ns + VALID_S * NS_PER_S,
            **changes,
        }
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        with closing(sqlite3.connect(self.path)) as connection, connection:
            insert = f"INSERT INTO order_intents ({names}) VALUES ({marks})"  # noqa: S608 - names of our own
            connection.execute(insert, tuple(row.values()))

    def send_any(self, now_ns: int) -> None:
        exit_all = {"side": "SELL", "intent_type": "EXIT_FULL", "quantity": None}
        wrong: tuple[dict[str, object], ...] = (
            {"quantity": "-1"},
            {"quantity": "9999999"},
            {"symbol": "NONE"},
            {"strategy_id": "nobody"},
            {"action_key": "key-1"},
            {"expires_at_ns": 1},
        )
        throw = self.rng.random()
        self.send(now_ns, **(self.rng.choice(wrong) if throw < 0.3 else exit_all if throw < 0.6 else {}))

    def rows(self) -> list[Row]:
        query = "SELECT intent_id, action_key, status, code, answer FROM order_intents ORDER BY row_id"
        with closing(sqlite3.connect(self.path)) as connection:
            return [Row(*row) for row in connection.execute(query)]

    def waiting(self) -> list[Row]:
        return [row for row in self.rows() if row.status == "NEW"]


def assert_each_row_was_told_the_truth(run: Run, sender: Sender, *, may_fail: bool = False) -> None:
    """What the ledger says of each row's intent, and what the sender was told."""
    house = run.house
    made = Counter(r.intent.intent_id for r in house.records(IntentRecorded) if r.intent.origin is Origin.INBOX)
    assert set(made.values()) <= {1}
    ids = {r.order.ticket.client_order_id: r.order.intent_id for r in house.records(OrderRecorded)}
    assert set(Counter(owner for owner in ids.values() if owner in made).values()) <= {1}, "one order for each"
    ended = {r.intent_id: r.status for r in house.records(IntentStatusChanged)}
    ordered = set(ids.values())
    executed = {ids[r.fill.client_order_id] for r in house.records(FillRecorded)}
    explained = {r.refusal.intent_id for r in house.records(RiskRefusalRecorded)}
    explained |= {r.intent_id for r in house.records(InboxRowRefused)} | made.keys()
    for row in sender.rows():
        assert row.intent_id in explained, "each is on record"
        if row.status == "SUBMITTED":
            assert row.intent_id in ordered, row
        else:
            assert row.intent_id not in executed, row
            assert row.code, row
        if ended.get(row.intent_id) in (IntentStatus.REJECTED, IntentStatus.FAILED) and row.intent_id not in ordered:
            assert row.status == "REJECTED", row
    ledger = house.host.behaviour(addresses.LEDGER)
    assert isinstance(ledger, LedgerActor)
    # A restart of the order path may book a fill twice, which the ledger refuses; that is not the inbox's.
    assert may_fail or ledger.figures().failures == 0, "the ledger's own keys are the last resort, and shut the gate"


def positions(run: Run) -> dict[str, Decimal]:
    return {p.strategy_id: p.quantity for p in run.house.file.load_recovery().positions if p.symbol == "BTCUSDT"}


@pytest.mark.req("X-03")
@pytest.mark.lesson("L24")
def test_a_calm_run_carries_out_what_it_is_handed_and_raises_no_alarm(start: StartRun) -> None:
    run = start(faults=CALM, owners=(OWNER,))
    sender = Sender(run.folder, 1)
    sender.send(run.host.now_ns(), quantity="0.5")
    run.work(10)
    (row,) = sender.rows()
    assert row.status == "SUBMITTED"
    assert abs(positions(run)[OWNER] - Decimal("0.5")) < Decimal("0.001")
    sender.send(run.host.now_ns(), side="SELL", intent_type="EXIT_FULL", quantity=None)
    run.work(10)
    assert positions(run)[OWNER] < Decimal("0.001")
    assert run.host.dead_letters == 0
    assert not [event for event in run.house.memory.events if event.stream == "failures"]
    assert len(run.house.records(InboxRowTaken)) == 2
    run.settle()
    assert run.house.differences() == ()


def strike(run: Run, row: str, number: int, act: Callable[[], None]) -> None:
    """Do something in the instant in which the row's own `number`-th letter is posted, before it arrives."""
    deliver, seen = run.host.deliver, count(1)

    def watched(letter: Letter) -> None:
        if letter.envelope.correlation_id == row and next(seen) == number:
            act()
        deliver(letter)

    run.host.__dict__["deliver"] = watched


def cut_power(run: Run) -> None:
    """Whoever is at work ends his message; nobody hears anything any more."""
    run.host.__dict__["deliver"] = lambda letter: None


LETTERS = 16
"""More than the row of an entry causes until it is filled and booked."""


@pytest.mark.lesson("L09", "L20")
@pytest.mark.parametrize("victim", CRASHED)
def test_whoever_dies_over_whichever_letter_a_row_is_carried_out_once_at_most_and_told(
    start: StartRun, victim: str
) -> None:
    run = start(seed=1, faults=CALM, owners=(OWNER,))
    sender, struck = Sender(run.folder, 1), set[int]()

    def hit(number: int) -> None:
        run.house.poison(victim)
        struck.add(number)

    for number in range(1, LETTERS + 1):
        run.open_gate()
        run.work(2)
        strike(run, f"row-{number}", number, partial(hit, number))
        sender.send(run.host.now_ns(), intent_id=f"row-{number}")
        run.work(35)  # a budget is three in a minute
        run.host.__dict__.pop("deliver")
    run.until(lambda: not sender.waiting())
    run.settle()
    assert run.house.differences() == ()
    assert_each_row_was_told_the_truth(run, sender, may_fail=victim != addresses.INBOX)
    assert len(struck) >= 10
    assert run.house.epoch(victim) == len(struck) + 1
    told = Counter(row.status for row in sender.rows())
    # The gate shuts when somebody on the order path dies, and an entry that is behind it is given up.
    assert told["SUBMITTED"] >= (LETTERS - 4 if victim == addresses.INBOX else 1), told
    assert not run.house.root_downs


@pytest.mark.lesson("L09")
def test_the_power_goes_at_whichever_letter_and_the_next_process_answers_truly(start: StartRun) -> None:
    run = start(seed=2, faults=CALM, owners=(OWNER,))
    sender = Sender(run.folder, 1)
    for number in range(1, LETTERS + 1):
        run.open_gate()
        run.until(lambda: not sender.waiting())
        strike(run, f"row-{number}", number, partial(cut_power, run))
        sender.send(run.host.now_ns(), intent_id=f"row-{number}")
        run.work(5)
        run.house.file.close()
        run = start(seed=number, faults=CALM, before=run, owners=(OWNER,))
    run.until(lambda: not sender.waiting())
    run.settle()
    assert run.house.differences() == ()
    assert_each_row_was_told_the_truth(run, sender)
    told = Counter(row.status for row in sender.rows())
    # An order that was on disk and provably never left is given up.
    assert told["SUBMITTED"] >= LETTERS // 3, told
    assert told["SUBMITTED"] + told["FAILED"] >= LETTERS - 2, told


@pytest.mark.lesson("L09")
def test_what_was_carried_out_and_could_not_be_answered_is_not_even_tried_again(start: StartRun) -> None:
    run = start(seed=1, owners=(OWNER,))
    sender = Sender(run.folder, 1)
    run.open_gate()
    sender.send(run.host.now_ns(), intent_id="row-1")
    holder = sqlite3.connect(sender.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    run.until(lambda: any(r.intent_id == "row-1" for r in run.house.records(IntentStatusChanged)))
    run.house.file.close()  # the process is gone
    holder.close()
    run = start(seed=2, before=run, owners=(OWNER,))
    run.until(lambda: not sender.waiting())
    (row,) = sender.rows()
    assert row.status == "SUBMITTED"
    run.settle()
    assert run.house.differences() == ()
    assert_each_row_was_told_the_truth(run, sender)
    assert len(run.house.records(InboxRowTaken)) == 1


@pytest.mark.lesson("L09", "L20")
@pytest.mark.parametrize("seed", range(4))
def test_whoever_dies_whenever_and_whatever_the_venue_does(start: StartRun, seed: int) -> None:
    run = start(seed=seed, faults=ROUGH, owners=(OWNER,))
    sender, rng = Sender(run.folder, seed), Random(f"deaths:{seed}")
    run.open_gate()
    for number in range(4):
        row = f"row-{number}"
        strike(run, row, rng.randint(1, LETTERS), lambda: run.house.poison(rng.choice(CRASHED)))
        sender.send(run.host.now_ns(), intent_id=row)
        for _ in range(10):
            sender.send_any(run.host.now_ns())
            run.work(rng.uniform(0.1, 2.5))
        run.house.poison(addresses.INBOX)
        run.work(30)
        run.host.__dict__.pop("deliver")
        run.open_gate()
    run.house.venue.faults = CALM
    run.until(lambda: not sender.waiting())
    run.settle()
    assert run.house.differences() == ()
    assert_each_row_was_told_the_truth(run, sender, may_fail=True)
    told = Counter(row.status for row in sender.rows())
    assert told["SUBMITTED"] >= 5
    assert told["REJECTED"] >= 3
    assert not run.house.root_downs


def test_a_full_disk_leaves_rows_waiting_and_loses_none(start: StartRun) -> None:
    ledgers: list[FailingLedger] = []

    def wrap(ledger: object) -> FailingLedger:
        ledgers.append(FailingLedger(ledger))  # type: ignore[arg-type]
        return ledgers[0]

    run = start(seed=2, wrap=wrap, owners=(OWNER,))
    sender = Sender(run.folder, 2)
    run.open_gate()
    ledgers[0].fail(is_full=True)
    for _ in range(5):
        sender.send_any(run.host.now_ns())
        run.work(3)
    assert len(sender.waiting()) == 5
    ledgers[0].fail(is_full=False)
    run.work(1)
    run.rearm()
    run.open_gate()
    run.until(lambda: not sender.waiting())
    run.settle()
    assert run.house.differences() == ()
    assert_each_row_was_told_the_truth(run, sender, may_fail=True)


@pytest.mark.lesson("L21")
def test_an_inbox_that_cannot_live_is_parked_and_trading_goes_on(start: StartRun) -> None:
    run = start(owners=(OWNER,))
    house = run.house
    run.open_gate()
    for _ in range(5):
        house.poison(addresses.INBOX)
        run.work(3)
    assert house.states()[addresses.INBOX] is ChildState.PARKED
    assert house.gate.is_open
    before = len(house.venue.orders)
    run.work(30)
    after = list(house.venue.orders.values())[before:]
    assert {order.ticket.symbol for order in after} == {"BTCUSDT", "ETHUSDT"}


@pytest.mark.failure_mode("INBOX_UNAVAILABLE")
def test_a_file_that_is_no_inbox_stops_nothing(start: StartRun) -> None:
    run = start(owners=(OWNER,))
    (run.folder / "inbox.db").write_bytes(b"garbage " * 1000)
    run.work(60)
    assert run.house.gate.is_open
    assert len(run.house.venue.orders) > 5
    failures = [event for event in run.house.memory.events if event.stream == "failures"]
    assert len(failures) == 1, "reported once"
    assert run.house.epoch(addresses.INBOX) == 1
