"""Checks a session's files against themselves, each other and the ledger, and names the first bad line of each.

Checked: every line is whole and gives its hash; merged by seq the streams are one chain without a gap; they are what
the ledger has; they end where the session says it ended; the decision chain; the tables are what the events give;
positions, fills and balances agree. Without a ledger the tables are left out, and so is the last unless the session
began at the ledger's first event.
Not checked: that the whole of the ledger and the files were not written anew together.
"""

import heapq
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from bulkhead.ledger import chain, decisions
from bulkhead.ledger.balances import Assets, check_balances, last_agreed
from bulkhead.ledger.export import EXPORTED_STREAMS, event_of, file_of, line_of
from bulkhead.ledger.jsonl import Line, read_lines
from bulkhead.ledger.rebuild import RebuildFailed, check_tables, exported_events
from bulkhead.ledger.session import METADATA_NAME, SessionFolder, SessionFolderError, SessionMetadata
from bulkhead.ledger.sqlite import LedgerReader
from messages.records import LedgerEvent, SessionStarted, Stream
from messages.values import Value

MAX_FINDINGS_PER_FILE = 20
"""The first is what matters; the rest shows whether it is one line or all of them."""


class Finding(Value):
    file: str
    line: int | None
    """From 1; None when the finding is about the whole file or a table."""
    what: str


class VerifyReport(Value):
    session_id: str
    ok: bool
    findings: tuple[Finding, ...]
    counts: dict[str, int]
    """Lines per file, events compared, findings left off."""


class _Place(NamedTuple):
    event: LedgerEvent
    file: str
    line: int


class _Verifier:
    """One run; collects findings and counts."""

    def __init__(self, session_dir: Path) -> None:
        self.session_dir = session_dir
        self.session_id = session_dir.name
        self.findings: list[Finding] = []
        self.counts: Counter[str] = Counter()
        self._per_file: Counter[str] = Counter()
        self._broken: set[str] = set()
        self._first_seq: int | None = None

    def find(self, file: str, line: int | None, what: str) -> None:
        self._per_file[file] += 1
        if self._per_file[file] > MAX_FINDINGS_PER_FILE:
            self.counts["findings_left_off"] += 1
        else:
            self.findings.append(Finding(file=file, line=line, what=what))

    # -- the files by themselves --------------------------------------------------------------------------------------

    def metadata(self) -> SessionMetadata | None:
        try:
            return SessionFolder.open(self.session_dir).metadata
        except SessionFolderError as error:
            self.find(METADATA_NAME, None, str(error))
            return None

    def places(self) -> Iterator[_Place]:
        """Every line that holds by itself, merged by seq; those that do not become findings."""
        return heapq.merge(*(self._file(stream) for stream in EXPORTED_STREAMS), key=lambda place: place.event.seq)

    def _file(self, stream: Stream) -> Iterator[_Place]:
        path = file_of(self.session_dir, stream)
        last_seq = 0
        try:
            for line in read_lines(path):
                self.counts[path.name] += 1
                event, error = self._read(line, stream)
                if event is not None and event.seq <= last_seq:
                    error = f"seq {event.seq} follows {last_seq}: the line is doubled or out of order"
                if error is not None:
                    self._broken.add(path.name)
                    self.find(path.name, line.number, error)
                elif event is not None:
                    last_seq = event.seq
                    yield _Place(event, path.name, line.number)
        except FileNotFoundError:
            return  # if the ledger has events of this stream, they are found missing there
        except OSError as error:
            self.find(path.name, None, f"the file cannot be read: {error.strerror}")

    def _read(self, line: Line, stream: Stream) -> tuple[LedgerEvent | None, str | None]:
        if not line.is_whole:
            return None, "the line is torn: its end is missing"
        try:
            event = event_of(json.loads(line.data))
            is_as_written = line_of(event).encode() == line.data
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            what = f"{error.error_count()} fields are wrong" if isinstance(error, ValidationError) else str(error)
            return None, f"the line is not an exported event: {what}"
        if event.hash != chain.hash_of(event):
            return None, f"the content of event {event.seq} does not give its hash"
        if not is_as_written:
            return None, f"event {event.seq} is not written as it was exported"
        if event.stream is not stream or event.session_id != self.session_id:
            return None, f"event {event.seq} is of stream {event.stream.value}, session {event.session_id}"
        return event, None

    # -- the files together -------------------------------------------------------------------------------------------

    def linked(self, places: Iterator[_Place]) -> Iterator[_Place]:
        """The same places; whatever does not link to the one before becomes a finding."""
        before: LedgerEvent | None = None
        for place in places:
            event = place.event
            if self._first_seq is None:
                self._first_seq = event.seq
            if before is not None and event.seq == before.seq + 1 and event.prev_hash != before.hash:
                self.find(place.file, place.line, f"event {event.seq} is not chained to the event before it")
            yield place
            before = event

    def without_ledger(self) -> int:
        """Contiguity alone, from the SessionStarted with which every session begins. Returns the last seq."""
        last_seq = 0
        for place in self.linked(self.places()):
            seq = place.event.seq
            if not last_seq and place.event.type != SessionStarted.__name__:
                self.find(place.file, place.line, f"the session begins with event {seq}, not with its SessionStarted")
            if last_seq and seq != last_seq + 1:
                gap = f"event {last_seq + 1}" if seq == last_seq + 2 else f"events {last_seq + 1} to {seq - 1}"
                self.find(place.file, place.line, f"{gap} should come before this line and are in no file")
            last_seq = seq
            self.counts["events"] += 1
        return last_seq

    def against(self, ledger: LedgerReader) -> int:
        """The files and the ledger side by side. Returns the last seq in the files."""
        last_seq = 0
        lines: Counter[str] = Counter()
        places = self.linked(self.places())
        place = next(places, None)
        for event in ledger.events(session_id=self.session_id):
            while place is not None and place.event.seq < event.seq:
                self.find(place.file, place.line, f"event {place.event.seq} is not in the ledger")
                lines[place.file], last_seq = place.line, place.event.seq
                place = next(places, None)
            if place is None or place.event.seq > event.seq:
                self._missing(event, lines)
                continue
            if place.event != event:
                self.find(place.file, place.line, f"event {event.seq} is not what the ledger has")
            lines[place.file], last_seq = place.line, event.seq
            self.counts["events"] += 1
            place = next(places, None)
        while place is not None:
            self.find(place.file, place.line, f"event {place.event.seq} is not in the ledger")
            last_seq = place.event.seq
            place = next(places, None)
        return last_seq

    def _missing(self, event: LedgerEvent, lines: Counter[str]) -> None:
        """An event without a line. One that stands broken in its file was found there already."""
        name = file_of(self.session_dir, event.stream).name
        self.counts["events_not_exported"] += 1
        if name not in self._broken:
            at = lines[name] + 1
            is_cut = self.counts[name] < at
            what = "the file is cut off before" if is_cut else "a line is missing here:"
            self.find(name, at, f"{what} event {event.seq} ({event.type}), which the ledger has")

    # -- the rest -----------------------------------------------------------------------------------------------------

    def check_decisions(self, metadata: SessionMetadata | None) -> None:
        path = self.session_dir / decisions.FILE_NAME
        if not path.exists():
            if metadata is not None and metadata.decision_lines:
                self.find(path.name, 1, f"the file is missing; it had {metadata.decision_lines} lines")
            return
        head, broken = decisions.verify_file(path)
        self.counts[path.name] = head.seq
        if broken is not None:
            self.find(path.name, broken.line, broken.reason)
        elif metadata is not None and metadata.decision_lines is not None:
            if head.seq != metadata.decision_lines:
                what = f"the file is cut off: the session ended with {metadata.decision_lines} lines"
                self.find(path.name, head.seq + 1, what)
            elif metadata.decision_hash not in (None, head.hash):
                self.find(path.name, head.seq, "the last hash is not the one that the session ended with")

    def check_ending(self, metadata: SessionMetadata | None, last_seq: int) -> None:
        if metadata is not None and metadata.last_seq is not None and last_seq < metadata.last_seq:
            what = f"the files end at event {last_seq} and the session ended at {metadata.last_seq}"
            self.find(METADATA_NAME, None, what)

    def check_tables(self, ledger: LedgerReader) -> None:
        broken = chain.verify(ledger.events())
        if broken is not None:
            self.find(ledger.path.name, None, f"event {broken.seq}: {broken.reason}")
        try:
            for found in check_tables(ledger):
                self.find(ledger.path.name, None, f"table {found.table}, row {found.key}: {found.what}")
        except RebuildFailed as error:
            self.find(ledger.path.name, None, str(error))

    def check_balances(self, ledger: LedgerReader | None, assets: Assets | None) -> None:
        name = file_of(self.session_dir, Stream.PORTFOLIO).name
        own = (Stream.PORTFOLIO,)
        if ledger is not None:
            seq = last_agreed(ledger.events(0, own, self.session_id))
            events = ledger.events()
        elif self._broken or self._first_seq != 1:
            return
        else:
            seq = last_agreed(exported_events([self.session_dir], own))
            events = exported_events([self.session_dir])
        if seq is None:
            return
        check = check_balances(events, seq, assets)
        self.counts["balances_checked"] = 1
        self.counts["symbols_unsplit"] = len(check.symbols_unsplit)
        for error in check.errors:
            self.find(name, None, f"at event {seq}: {error}")


def verify_session(session_dir: Path, ledger_path: Path | None, assets: Assets | None = None) -> VerifyReport:
    """Everything that can be checked of one session, with or without its ledger. Raises LedgerUnavailable, LedgerNewer.

    `assets` names base and quote per symbol, for symbols that do not spell them out.
    """
    run = _Verifier(session_dir)
    metadata = run.metadata()
    ledger = None if ledger_path is None else LedgerReader(ledger_path)
    try:
        last_seq = run.without_ledger() if ledger is None else run.against(ledger)
        run.check_ending(metadata, last_seq)
        run.check_decisions(metadata)
        if ledger is not None:
            run.check_tables(ledger)
        run.check_balances(ledger, assets)
    finally:
        if ledger is not None:
            ledger.close()
    return VerifyReport(
        session_id=run.session_id, ok=not run.findings, findings=tuple(run.findings), counts=dict(run.counts)
    )
