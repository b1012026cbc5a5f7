"""The observation files of a session, exported from the ledger's events: one file per stream.

Each line holds the event's own seq and hashes, so a file can be checked without the ledger. The files are never ahead
of the ledger; a crash can delay a line, never lose or double one: on opening, a torn last line is cut off, and
`catch_up` writes what the ledger has and the files have not.
"""

from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any, Protocol

from bulkhead.ledger.jsonl import JsonlFile, LineDamaged, iso_text
from messages.catalogue import canonical
from messages.records import LedgerEvent, Stream

EXPORTED_STREAMS = tuple(stream for stream in Stream if stream is not Stream.DECISIONS)
"""Decisions are not in the ledger; DecisionWriter keeps them."""


class EventSource(Protocol):
    """A ledger to catch up from: SqliteLedger or LedgerReader."""

    def events(
        self, after_seq: int = 0, streams: Sequence[Stream] = (), session_id: str | None = None
    ) -> Iterator[LedgerEvent]: ...


class ExportGap(RuntimeError):
    """Events between the last line and this one were not seen: call `catch_up` first."""


class Exporter:
    """Writes one session's lines; the folder's name is the session's id. Raises OSError, LineDamaged or ExportGap."""

    def __init__(self, session_dir: Path) -> None:
        self.session_id = session_dir.name
        self._files: dict[Stream, JsonlFile] = {}
        self._last_seq: dict[Stream, int] = {}
        try:
            for stream in EXPORTED_STREAMS:
                file = JsonlFile(file_of(session_dir, stream))
                self._files[stream] = file
                self._last_seq[stream] = _seq_of(file)
        except BaseException:
            self.close()
            raise
        self._seen_seq = self.last_seq
        self._is_behind = self.last_seq > 0

    @property
    def last_seq(self) -> int:
        """Of the newest line in any file; 0 when there is none."""
        return max(self._last_seq.values(), default=0)

    def append(self, events: Iterable[LedgerEvent]) -> None:
        """Write and flush the lines of these events; those already there and those of other sessions are passed over.

        Raises ExportGap, having written nothing of what comes after the gap.
        """
        try:
            for event in events:
                if self._is_behind or (self._seen_seq and event.seq > self._seen_seq + 1):
                    raise ExportGap(f"event {event.seq} comes after {self._seen_seq}: catch up from the ledger first")
                self._seen_seq = max(self._seen_seq, event.seq)
                self._write(event)
        finally:
            self.flush()

    def catch_up(self, ledger: EventSource) -> int:
        """Write what the ledger has of this session and the files have not. Returns the number of lines.

        Beside a running ledger pass a LedgerReader: the owner's connection belongs to the owner's thread.
        """
        count = 0
        for stream in EXPORTED_STREAMS:
            for event in ledger.events(self._last_seq[stream], (stream,), self.session_id):
                count += self._write(event)
        self.flush()
        self._seen_seq = max(self._seen_seq, self.last_seq)
        self._is_behind = False
        return count

    def _write(self, event: LedgerEvent) -> bool:
        if event.session_id != self.session_id or event.seq <= self._last_seq[event.stream]:
            return False
        self._files[event.stream].write(line_of(event))
        self._last_seq[event.stream] = event.seq
        return True

    def flush(self) -> None:
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        """Idempotent."""
        for file in self._files.values():
            file.close()


def file_of(session_dir: Path, stream: Stream) -> Path:
    return session_dir / f"{stream.value}.jsonl"


def _seq_of(file: JsonlFile) -> int:
    last = file.last_object()
    if last is None:
        return 0
    seq = last.get("seq")
    if not isinstance(seq, int):
        raise LineDamaged(f"the last line of {file.path} has no seq")
    return seq


def line_of(event: LedgerEvent) -> str:
    """The event's line. The payload stands as the JSON object it is, in its canonical text."""
    quote = encode_basestring
    causation = "null" if event.causation_id is None else quote(event.causation_id)
    return (
        f'{{"schema_version":{event.schema_version},"seq":{event.seq},"at_ns":{event.at_ns},'
        f'"at":"{iso_text(event.at_ns)}","stream":"{event.stream.value}","type":{quote(event.type)},'
        f'"session_id":{quote(event.session_id)},"correlation_id":{quote(event.correlation_id)},'
        f'"causation_id":{causation},"payload":{event.payload},'
        f'"prev_hash":"{event.prev_hash}","hash":"{event.hash}"}}'
    )


def event_of(line: dict[str, Any]) -> LedgerEvent:
    """Inverse of `line_of`, from the parsed line. Raises KeyError or pydantic's ValidationError for what is no line."""
    fields = {name: value for name, value in line.items() if name != "at"}
    return LedgerEvent.model_validate({**fields, "payload": canonical(fields["payload"])})
