"""Started by test_process.py: appends to a ledger and exports, naming each batch once it is acknowledged.

Arguments: ledger file, session folder, and optionally the most bytes that any file may have.
"""

import resource
import sys
from itertools import count
from pathlib import Path

from bulkhead.ledger.decisions import DecisionWriter
from bulkhead.ledger.export import Exporter
from bulkhead.ledger.port import LedgerUnavailable
from bulkhead.ledger.sqlite import SqliteLedger
from tests.ledger.stories import entry, fill_recorded, order_recorded
from tests.ledger.test_decisions import made, write


def write_until_killed(ledger: SqliteLedger, session_dir: Path) -> None:
    exporter = Exporter(session_dir)
    exporter.catch_up(ledger)
    decisions = DecisionWriter(session_dir / "obs_decisions.jsonl")
    for number in count(ledger.head.seq):
        events = ledger.append([entry(order_recorded(number)), entry(fill_recorded(number))])
        print(events[-1].seq, flush=True)
        exporter.append(events)
        write(decisions, made(number))
        decisions.flush()


def write_until_full(ledger: SqliteLedger, most_bytes: int) -> None:
    """Then say where it ended, take the limit away, and go on."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    number = 0
    try:
        for number in count():
            ledger.append([entry(order_recorded(number)), entry(fill_recorded(number))])
    except LedgerUnavailable as error:
        print(f"{ledger.head.seq} {error}", flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    ledger.append([entry(order_recorded(number)), entry(fill_recorded(number))])
    print(ledger.head.seq, flush=True)


if __name__ == "__main__":
    opened = SqliteLedger(Path(sys.argv[1]))
    if len(sys.argv) > 3:
        write_until_full(opened, int(sys.argv[3]))
        opened.close()
    else:
        write_until_killed(opened, Path(sys.argv[2]))
