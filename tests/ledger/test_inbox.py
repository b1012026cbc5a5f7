"""The inbox in its file: taken once, answered once, and no harm from what others do to the file."""

import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Self

import pytest

from bulkhead.ledger import inbox as module
from bulkhead.ledger.inbox import Inbox
from bulkhead.ledger.inbox_answers import answer_at_once
from bulkhead.ledger.inbox_port import (
    InboxAnswer,
    InboxBusy,
    InboxNewer,
    InboxPort,
    InboxRow,
    InboxUnavailable,
    IntentFinder,
    KnownIntent,
    Settled,
    order_intent,
)
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from messages.codes import ErrorCode
from messages.records import IntentRecorded, IntentStatusChanged
from messages.values import IntentStatus, Origin
from tests.ledger.inbox_process import INSERT
from tests.ledger.stories import entry, intent_recorded

ROOT = Path(__file__).parents[2]
SUBMITTED = InboxAnswer(IntentStatus.SUBMITTED, None, "on disk")


def now_ns() -> int:
    return time.time_ns()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.db"


@pytest.fixture
def inbox(path: Path) -> Iterator[Inbox]:
    opened = Inbox(path)
    yield opened
    opened.close()


def execute(path: Path, *statements: str, **more: object) -> None:
    connection = sqlite3.connect(path)
    try:
        for statement in statements:
            connection.execute(statement, more)
        connection.commit()
    finally:
        connection.close()


def insert(path: Path, *keys: str) -> None:
    connection = sqlite3.connect(path)
    connection.executemany(INSERT, [(key,) for key in keys])
    connection.commit()
    connection.close()


def answers(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT status, code, answer FROM order_intents ORDER BY row_id").fetchall()
    connection.close()
    return rows


def keys(rows: tuple[InboxRow, ...]) -> list[str]:
    return [row.action_key for row in rows]


# -- the usual way ----------------------------------------------------------------------------------------------------


@pytest.mark.lesson("L24")
def test_a_row_is_taken_once_and_answered_once(inbox: Inbox, path: Path) -> None:
    port: InboxPort = inbox
    insert(path, "first", "second")
    rows = port.take(now_ns())
    assert keys(rows) == ["first", "second"]
    assert port.take(now_ns()) == (), "given out already"
    assert port.answer(rows[0], SUBMITTED, now_ns()) is Settled.WRITTEN
    assert port.answer(rows[0], InboxAnswer(IntentStatus.FAILED, "X", "again"), now_ns()) is Settled.LOST
    assert answers(path) == [("SUBMITTED", None, "on disk"), ("NEW", None, None)]
    assert inbox.unanswered == 1


def test_its_defaults_make_a_whole_intent(inbox: Inbox, path: Path) -> None:
    insert(path, "first")
    (row,) = inbox.take(now_ns())
    assert row.intent is not None
    assert abs(row.intent.created_ns - now_ns()) < 10e9
    assert row.intent.expires_at_ns - row.intent.created_ns == 60 * 10**9
    intent = order_intent(
        row, venue="sim", account="paper", quantity=Decimal("0.015"), correlation_id="poll-1", decision_time_ns=5
    )
    assert (intent.origin, intent.action_key, intent.intent_id) == (Origin.INBOX, "first", row.intent_id)
    assert re.fullmatch(r"[0-9a-f]{32}", row.intent_id)


def test_an_intent_for_another_venue_or_quantity_is_not_made(inbox: Inbox, path: Path) -> None:
    insert(path, "first")
    execute(path, "DROP TRIGGER order_intents_stay_as_sent", "UPDATE order_intents SET venue = 'kis'")
    (row,) = inbox.take(now_ns())
    said = {"account": "paper", "correlation_id": "c", "decision_time_ns": 5}
    with pytest.raises(ValueError, match="trades on sim/paper, not on kis/None"):
        order_intent(row, venue="sim", quantity=Decimal("0.015"), **said)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"asks for 0.015, not for 1"):
        order_intent(row, venue="kis", quantity=Decimal(1), **said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("INSERT INTO order_intents (action_key) VALUES ('x')", "NOT NULL constraint failed"),
        (INSERT.replace("'BUY'", "'buy'"), "side is BUY or SELL"),
        (INSERT.replace("'0.015'", "NULL"), "quantity may be left out only with EXIT_FULL"),
        (INSERT.replace("(action_key", "(order_type, action_key").replace("(?", "('LMT', ?"), "limit_price is given"),
        (INSERT.replace("(action_key", "(status, action_key").replace("(?", "('SUBMITTED', ?"), "begins as NEW"),
        ("UPDATE order_intents SET quantity = '99'", "never changed"),
        ("UPDATE order_intents SET status = 'DONE'", "status is a known word"),
    ],
)
def test_the_file_itself_refuses_what_cannot_be_meant(inbox: Inbox, path: Path, statement: str, words: str) -> None:
    insert(path, "good")
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match=words):
        connection.execute(statement, ("bad",) * statement.count("?"))
    connection.close()
    assert inbox.unanswered == 0


def test_an_answer_cannot_be_changed(inbox: Inbox, path: Path) -> None:
    insert(path, "good")
    inbox.answer(inbox.take(now_ns())[0], SUBMITTED, now_ns())
    with pytest.raises(sqlite3.IntegrityError, match="answered once"):
        execute(path, "UPDATE order_intents SET status = 'NEW'")


def test_a_row_that_repeats_another_is_a_duplicate(inbox: Inbox, path: Path) -> None:
    insert(path, "first", "first")
    execute(
        path,
        "INSERT INTO order_intents (intent_id, action_key, strategy_id, symbol, side, intent_type, quantity) "
        "SELECT intent_id, 'other', strategy_id, symbol, side, intent_type, quantity FROM order_intents LIMIT 1",
    )
    first, second, third = inbox.take(now_ns())
    assert answer_at_once(first, None) is None
    for row in (second, third):
        said = answer_at_once(row, None)
        assert said is not None
        assert (said.status, said.code) == (IntentStatus.DUPLICATE, ErrorCode.INTENT_DUPLICATE)
        assert "row 1" in said.reason


def test_what_is_given_out_is_bounded(inbox: Inbox, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TAKE", 3)
    monkeypatch.setattr(module, "MAX_TAKEN", 5)
    insert(path, *(f"k{number}" for number in range(8)))
    first = inbox.take(now_ns())
    assert keys(first) == ["k0", "k1", "k2"]
    assert keys(inbox.take(now_ns())) == ["k3", "k4"]
    assert inbox.take(now_ns()) == ()
    inbox.answer(first[0], SUBMITTED, now_ns())
    assert keys(inbox.take(now_ns())) == ["k5"]


# -- a crash of ours --------------------------------------------------------------------------------------------------


def story(ledger: SqliteLedger, reader: LedgerReader, row: InboxRow, *records: IntentStatusChanged) -> InboxAnswer:
    """The row's intent is written; then our process dies, and the row is taken again."""
    recorded = intent_recorded(1)
    intent = recorded.intent.model_copy(
        update={"intent_id": row.intent_id, "action_key": row.action_key, "origin": Origin.INBOX}
    )
    ledger.append([entry(recorded.model_copy(update={"intent": intent})), *map(entry, records)])
    finder: IntentFinder = reader
    said = answer_at_once(row, finder.find_intent(row.action_key, row.intent_id))
    assert said is not None
    return said


def test_a_crash_between_taking_and_answering_makes_no_second_intent(path: Path) -> None:
    ledger, first = SqliteLedger(path.with_name("ledger.db")), Inbox(path)
    reader = LedgerReader(ledger.path)
    insert(path, "only")
    (row,) = first.take(now_ns())
    first.close()
    again = Inbox(path)
    (found,) = again.take(now_ns() + 3600 * 10**9)
    assert found.refusal is not None, "it has expired meanwhile, and was carried out all the same"
    assert found.key == row.key
    said = story(ledger, reader, found)
    assert said.status is IntentStatus.SUBMITTED
    assert again.answer(found, said, now_ns()) is Settled.WRITTEN
    assert again.take(now_ns()) == ()
    for opened in (again, reader, ledger):
        opened.close()


def test_its_answer_is_what_the_ledger_says_of_it(ledger: SqliteLedger, tmp_path: Path) -> None:
    row = InboxRow(1, "key", "id", None, None)
    failed = IntentStatusChanged(intent_id="id", status=IntentStatus.FAILED, code="X", reason="no room")
    reader = LedgerReader(ledger.path)
    assert story(ledger, reader, row, failed) == InboxAnswer(IntentStatus.FAILED, "X", "no room")
    assert reader.find_intent("none", "none") is None
    reader.close()


@pytest.mark.parametrize(
    ("known", "same"),
    [
        (KnownIntent("id", "other", Origin.INBOX, IntentStatus.DONE, None, ""), "intent id"),
        (KnownIntent("other", "key", Origin.INBOX, IntentStatus.DONE, None, ""), "action key"),
        (KnownIntent("id", "key", Origin.STRATEGY, IntentStatus.DONE, None, ""), "action key"),
    ],
)
def test_somebody_elses_intent_with_its_key_makes_it_a_duplicate(known: KnownIntent, same: str) -> None:
    said = answer_at_once(InboxRow(1, "key", "id", None, None), known)
    assert said is not None
    assert said.status is IntentStatus.DUPLICATE
    assert same in said.reason


def test_the_ledger_prefers_the_action_key(ledger: SqliteLedger) -> None:
    ledger.append([entry(intent_recorded(1)), entry(intent_recorded(2))])
    known = ledger.find_intent("a2", "i1")
    assert known is not None
    assert (known.intent_id, known.origin, known.status) == ("i2", Origin.STRATEGY, IntentStatus.NEW)
    assert isinstance(intent_recorded(1), IntentRecorded)


# -- what others do to the file ---------------------------------------------------------------------------------------


class Sender:
    """A process of its own, which has done what it was asked when this returns."""

    def __init__(self, what: str, path: Path, *more: str) -> None:
        # -S and no package of ours: it is the sqlite3 module and nothing else.
        command = [sys.executable, "-S", str(ROOT / "tests/ledger/inbox_process.py"), what, str(path), *more]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "done\n"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.process
def test_many_processes_insert_while_rows_are_taken_and_answered(inbox: Inbox, path: Path) -> None:
    senders = [Sender("many", path, name) for name in ("a", "b", "c")]
    done, numbers, until = 0, [], time.monotonic() + 60
    while done < 600 and time.monotonic() < until:
        for row in inbox.take(now_ns()):
            numbers.append(row.row_id)
            inbox.answer(row, SUBMITTED, now_ns())
        inbox.flush()
        done = len(numbers) - inbox.waiting
    for sender in senders:
        with sender:
            pass
    assert numbers == list(range(1, 601)), "in the order in which they were inserted, each once"
    assert {said[0] for said in answers(path)} == {"SUBMITTED"}


@pytest.mark.process
def test_a_foreign_transaction_left_open_stops_neither_taking_nor_us(inbox: Inbox, path: Path) -> None:
    insert(path, "first")
    with Sender("open", path):
        began = time.monotonic()
        (row,) = inbox.take(now_ns())
        assert inbox.answer(row, SUBMITTED, now_ns()) is Settled.WAITING
        assert time.monotonic() - began < 2
        assert inbox.flush() == {row.key: Settled.WAITING}
    assert inbox.flush() == {row.key: Settled.WRITTEN}, "it was killed, and its transaction with it"
    assert answers(path) == [("SUBMITTED", None, "on disk")]


def test_a_foreign_reader_left_open_stops_nothing(inbox: Inbox, path: Path) -> None:
    insert(path, "first")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM order_intents").fetchall()
    assert inbox.answer(inbox.take(now_ns())[0], SUBMITTED, now_ns()) is Settled.WRITTEN
    reader.close()


@pytest.mark.process
def test_a_file_held_by_another_is_busy_and_then_works(path: Path) -> None:
    inbox = Inbox(path)
    inbox.close()  # an exclusive hold is only had where nobody else has the file open
    with Sender("exclusive", path):
        with pytest.raises(InboxBusy, match="in use by another process"):
            inbox.take(now_ns())
        with pytest.raises(InboxBusy):
            Inbox(path)
    assert keys(inbox.take(now_ns())) == ["exclusive"]
    inbox.close()


def test_our_taking_holds_nobody_up(inbox: Inbox, path: Path) -> None:
    insert(path, "first")
    inbox.take(now_ns())
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    other.execute("COMMIT")
    assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    other.close()


def test_a_row_changed_after_it_was_taken_is_answered_for_what_it_was(inbox: Inbox, path: Path) -> None:
    insert(path, "first")
    (row,) = inbox.take(now_ns())
    execute(path, "DROP TRIGGER order_intents_stay_as_sent", "UPDATE order_intents SET quantity = '99', symbol = 'X'")
    assert inbox.answer(row, SUBMITTED, now_ns()) is Settled.WRITTEN
    ((_, _, words),) = answers(path)
    assert words == "on disk [changed after it was taken; this answers what it was: symbol 'BTCUSDT', quantity '0.015']"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM order_intents",
        "UPDATE order_intents SET status = 'FAILED'",
        "UPDATE order_intents SET action_key = 'z'",
    ],
)
def test_an_answer_to_a_row_that_is_not_there_any_more_is_lost(inbox: Inbox, path: Path, statement: str) -> None:
    insert(path, "first")
    (row,) = inbox.take(now_ns())
    execute(path, "DROP TRIGGER order_intents_stay_as_sent", statement)
    assert inbox.answer(row, SUBMITTED, now_ns()) is Settled.LOST
    assert inbox.waiting == inbox.unanswered == 0


@pytest.mark.parametrize("how", ["moved", "replaced", "copied back"])
def test_a_replaced_file_is_taken_up_and_gets_no_answer_of_another(inbox: Inbox, path: Path, how: str) -> None:
    insert(path, "first")
    shutil.copy(path, path.with_name("copy"))
    shutil.copy(f"{path}-wal", path.with_name("copy-wal"))
    (row,) = inbox.take(now_ns())
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").rename(path.with_name(f"old{suffix}"))
    if how == "copied back":
        path.with_name("copy").rename(path)
        path.with_name("copy-wal").rename(f"{path}-wal")
        assert inbox.take(now_ns()) == (), "the same row, which is on its way"
        assert inbox.answer(row, SUBMITTED, now_ns()) is Settled.WRITTEN
        return
    if how == "replaced":
        Inbox(path).close()
        insert(path, "other")
    assert keys(inbox.take(now_ns())) == (["other"] if how == "replaced" else [])
    assert inbox.answer(row, SUBMITTED, now_ns()) is Settled.LOST
    assert [said[0] for said in answers(path)] == (["NEW"] if how == "replaced" else [])


def test_garbage_in_text_columns_is_refused_row_by_row(inbox: Inbox, path: Path) -> None:
    insert(path, "first", "second", "third", "fourth")
    execute(
        path,
        "DROP TRIGGER order_intents_stay_as_sent",
        "PRAGMA ignore_check_constraints=ON",
        "UPDATE order_intents SET quantity = CAST(x'ff00fe' AS TEXT) WHERE row_id = 1",
        "UPDATE order_intents SET symbol = x'80', action_key = CAST(x'ff' AS TEXT) WHERE row_id = 2",
        "UPDATE order_intents SET reason = zeroblob(50000000), side = 3.5, leg = 'x' WHERE row_id = 3",
    )
    bad = inbox.take(now_ns())
    assert [row.refusal and row.refusal.code for row in bad] == [*[ErrorCode.INTENT_MALFORMED] * 3, None]
    assert bad[1].action_key == r"\xff"
    for row in bad[:3]:
        said = answer_at_once(row, None)
        assert said is not None
        assert inbox.answer(row, said, now_ns()) is Settled.WRITTEN
    assert [said[0] for said in answers(path)] == ["REJECTED", "REJECTED", "REJECTED", "NEW"]


def test_a_damaged_file_is_an_error_of_the_call_and_is_left_alone(inbox: Inbox, path: Path) -> None:
    insert(path, "first")
    (row,) = inbox.take(now_ns())
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").rename(path.with_name(f"old{suffix}"))
    path.write_bytes(b"garbage " * 1000)
    for _ in range(2):
        with pytest.raises(InboxUnavailable, match="not a database"):
            inbox.take(now_ns())
    assert inbox.answer(row, SUBMITTED, now_ns()) is Settled.WAITING
    assert path.read_bytes() == b"garbage " * 1000
    for suffix in ("", "-wal", "-shm"):
        if Path(f"{path.with_name('old')}{suffix}").exists():
            path.with_name(f"old{suffix}").rename(f"{path}{suffix}")
    assert inbox.flush() == {row.key: Settled.WRITTEN}


def test_another_database_and_a_newer_inbox_are_refused_and_not_touched(inbox: Inbox, path: Path) -> None:
    execute(path, "PRAGMA user_version=2", "PRAGMA wal_checkpoint")
    with pytest.raises(InboxNewer, match="has version 2"):
        Inbox(path)
    other = path.with_name("recipes.db")
    execute(other, "CREATE TABLE recipes (name TEXT)")
    before = other.read_bytes()
    with pytest.raises(InboxUnavailable, match="not a Bulkhead inbox"):
        Inbox(other)
    assert other.read_bytes() == before
    with pytest.raises(InboxUnavailable, match="No such file"):
        Inbox(path.parent / "nowhere" / "inbox.db")


def test_it_is_made_for_its_owner_alone(inbox: Inbox, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    insert(path, "first")
    assert stat.S_IMODE(Path(f"{path}-wal").stat().st_mode) == 0o600


def test_only_an_answer_is_an_answer(inbox: Inbox, path: Path) -> None:
    insert(path, "first")
    (row,) = inbox.take(now_ns())
    for status in (IntentStatus.NEW, IntentStatus.DONE):
        with pytest.raises(ValueError, match="no answer"):
            inbox.answer(row, InboxAnswer(status, None, ""), now_ns())


# -- the document -----------------------------------------------------------------------------------------------------


def example() -> str:
    """The program of docs/INBOX.md, as it stands there."""
    text = (ROOT / "docs" / "INBOX.md").read_text(encoding="utf-8")
    found = re.search(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found
    return found.group(1)


def test_the_example_of_the_document_hands_in_what_it_says_and_waits_for_the_answer(inbox: Inbox, path: Path) -> None:
    command = [sys.executable, "-W", "error", "-S", "-c", example(), str(path), "decision-1"]
    sender = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 20
    while not (rows := inbox.take(now_ns())) and time.monotonic() < until:
        time.sleep(0.05)
    (row,) = rows
    assert row.intent is not None
    assert (row.action_key, row.intent.quantity) == ("decision-1", Decimal("0.015"))
    inbox.answer(row, SUBMITTED, now_ns())
    assert sender.communicate(timeout=20)[0] == "1 SUBMITTED None on disk\n"
    assert sender.returncode == 0


def test_the_documents_statement_for_the_shell_is_a_whole_intent(inbox: Inbox, path: Path) -> None:
    text = (ROOT / "docs" / "INBOX.md").read_text(encoding="utf-8")
    found = re.search(r'inbox\.db "(INSERT[^"]*)"', text)
    assert found
    execute(path, found.group(1))
    (row,) = inbox.take(now_ns())
    assert row.intent is not None
    assert row.intent.quantity is None


def test_the_document_has_every_column_and_its_default(inbox: Inbox, path: Path) -> None:
    text = (ROOT / "docs" / "INBOX.md").read_text(encoding="utf-8")
    connection = sqlite3.connect(path)
    for _, name, _, needed, default, is_key in connection.execute("PRAGMA table_info(order_intents)"):
        assert f"`{name}`" in text
        if needed and default is None and not is_key:
            assert f"| `{name}` | |" in text, "it must be given, and the document says so"
    connection.close()
