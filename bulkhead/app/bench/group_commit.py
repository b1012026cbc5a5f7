"""Group commit: what waits together shares one sync, so a slow disk costs an order one or two syncs, whatever the rate.

The real ledger actor on the threaded host, on a real file, in front of a disk that takes SYNC_S longer than it does:
from the append handed in to the letter that it releases.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from actors import addresses
from actors.ledger import LedgerActor, LedgerFigures
from bulkhead.app.bench.figures import Spread
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.ledger import owners
from bulkhead.ledger.port import Entry
from bulkhead.ledger.sqlite import SqliteLedger
from bulkhead.ledger.writers import Writers
from messages.base import Envelope, Letter
from messages.orders import OrderTicket
from messages.records import Append, LedgerEvent, OperatorActed
from messages.supervision import Busy
from messages.values import Value
from supervisor.gate import Voice
from supervisor.recorded import RecordedOnly
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.threaded import ThreadedHost

RATE_PER_S = 500
SECONDS = 8.0
SYNC_S = 0.010
TARGET_SYNCS = 3.0
_PATIENCE_S = 30.0
_SENDER = owners.DESK  # whose records these are


class GroupCommitFigures(Value):
    appends_per_s: int
    commit: Spread
    """From the append handed in to its letter posted."""
    sync_ms: float
    """What was put on top of each real commit."""
    p99_syncs: float
    """The p99 in units of one slow commit, as measured."""
    appends_per_commit: float
    largest_group: int


class _SlowDisk(SqliteLedger):
    """Takes SYNC_S longer for each commit, and notes how long that is in all."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.spans_ns: list[int] = []

    def append(self, entries: Sequence[Entry]) -> tuple[LedgerEvent, ...]:
        began_ns = time.monotonic_ns()
        written = super().append(entries)
        time.sleep(SYNC_S)
        self.spans_ns.append(time.monotonic_ns() - began_ns)
        return written


class _NoGate:
    is_ledger_failed = False

    def ledger_failed(self, detail: str, now_ns: int, *, by: Voice | None) -> None:
        raise Stopped(ExitCode.ERROR, f"the ledger of the bench failed: {detail}")

    def ledger_works(self, detail: str, now_ns: int, *, by: Voice | None) -> None:
        """It never failed."""

    def lease_lost(self, detail: str, now_ns: int, *, by: Voice | None) -> None:
        raise Stopped(ExitCode.ERROR, f"the ledger of the bench was taken: {detail}")

    def refusal(self, ticket: OrderTicket, issuer: str, epoch: int, strategy_id: str | None) -> str | None:
        """Nothing is sent."""


def _actor(ledger: SqliteLedger) -> LedgerActor:
    return LedgerActor(Writers(ledger), "bench", _NoGate(), RecordedOnly(_NoGate()))


class _Receiver(Behaviour):
    """Notes when each released letter comes."""

    def __init__(self, came_ns: dict[str, int], count: int) -> None:
        self._came_ns, self._count = came_ns, count
        self.is_complete = threading.Event()

    @receives(Busy)
    def on_letter(self, letter: Busy, _: Context) -> None:
        self._came_ns[letter.message_id] = time.monotonic_ns()
        if len(self._came_ns) == self._count:
            self.is_complete.set()


def measure(folder: Path) -> GroupCommitFigures:
    """RATE_PER_S appends a second for SECONDS, evenly spaced."""
    count = int(RATE_PER_S * SECONDS)
    sent_ns: dict[str, int] = {}
    came_ns: dict[str, int] = {}
    receiver = _Receiver(came_ns, count)
    with closing(_SlowDisk(folder / "group.db")) as ledger, closing(ThreadedHost(seed=1)) as host:
        host.start_child("receiver", lambda: receiver, parent=None)
        host.start_child(
            addresses.LEDGER,
            lambda: _actor(ledger),
            parent=None,
        )
        began = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, began + number / RATE_PER_S - time.monotonic()))
            letter = _letter(number)
            sent_ns[f"m{number}"] = time.monotonic_ns()
            acted = OperatorActed(operator="bench", action=f"append {number}", reason="measured", at_ns=number)
            host.tell(addresses.LEDGER, Append(records=(acted,), release=(letter,)), sender=_SENDER)
        took_s = time.monotonic() - began
        if not receiver.is_complete.wait(_PATIENCE_S):
            raise Stopped(ExitCode.ERROR, f"only {len(came_ns)} of {count} appends came back")
        actor = host.behaviour(addresses.LEDGER)
        figures = actor.figures() if isinstance(actor, LedgerActor) else _never()
        for name in ("receiver", addresses.LEDGER):
            host.stop_child(name, "the bench is over")
    slow = Spread.of(ledger.spans_ns)
    spread = Spread.of([came_ns[key] - at_ns for key, at_ns in sent_ns.items()])
    return GroupCommitFigures(
        appends_per_s=round(count / took_s),
        commit=spread,
        sync_ms=SYNC_S * 1_000,
        p99_syncs=round(spread.p99_ms / slow.p50_ms, 2),
        appends_per_commit=round(count / figures.commits, 1),
        largest_group=figures.largest_group,
    )


def _letter(number: int) -> Letter:
    body = Busy(to="nobody", message_id=f"m{number}", message_type="Append", about="")
    envelope = Envelope(
        id=f"{_SENDER}.0.{number}",
        sender=_SENDER,
        seq=number,
        epoch=0,
        at_ns=0,
        received_at_ns=0,
        correlation_id=_SENDER,
        causation_id=None,
        body=body,
    )
    return Letter(to="receiver", envelope=envelope)


def _never() -> LedgerFigures:
    raise Stopped(ExitCode.ERROR, "the ledger of the bench has ended")
