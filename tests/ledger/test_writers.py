"""The door of the ledger: a writer that was replaced writes no more, and what it had under way is settled first."""

import threading
from collections.abc import Sequence

import pytest

from bulkhead.ledger.port import Entry, LedgerPort
from bulkhead.ledger.sqlite import SqliteLedger
from bulkhead.ledger.writers import WriterReplaced, Writers
from messages.records import LedgerEvent
from tests.ledger.stories import entry, fill_recorded

PATIENCE_S = 30.0


class Slow:
    """A ledger whose next append stops until it is let go, as in a sync that does not return."""

    def __init__(self, ledger: LedgerPort) -> None:
        self._ledger = ledger
        self.is_in, self.may_go = threading.Event(), threading.Event()

    def append(self, entries: Sequence[Entry]) -> tuple[LedgerEvent, ...]:
        self.is_in.set()
        assert self.may_go.wait(PATIENCE_S)
        return self._ledger.append(entries)

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)


def test_one_that_was_replaced_neither_writes_nor_reads(ledger: SqliteLedger) -> None:
    writers = Writers(ledger)
    first = writers.admit(1)
    first.append([entry(fill_recorded(1))])
    second = writers.admit(2)
    with pytest.raises(WriterReplaced, match="writer 1 of the ledger was replaced by 2"):
        first.append([entry(fill_recorded(2))])
    with pytest.raises(WriterReplaced):
        first.load_recovery()
    with pytest.raises(WriterReplaced):
        writers.admit(1)
    second.append([entry(fill_recorded(3))])
    assert len(second.load_recovery().fill_ids) == 2
    assert len(list(ledger.events())) == 2


def test_the_next_one_waits_for_what_is_under_way_and_finds_it(ledger: SqliteLedger) -> None:
    slow = Slow(ledger)
    writers = Writers(slow)  # type: ignore[arg-type]
    first = writers.admit(1)
    found: list[int] = []
    hung = threading.Thread(target=lambda: first.append([entry(fill_recorded(1))]), daemon=True)
    after = threading.Thread(target=lambda: found.append(len(writers.admit(2).load_recovery().fill_ids)), daemon=True)
    hung.start()
    assert slow.is_in.wait(PATIENCE_S)
    after.start()
    after.join(0.05)
    assert after.is_alive()
    assert not found
    slow.may_go.set()
    for thread in (hung, after):
        thread.join(PATIENCE_S)
    assert found == [1]
