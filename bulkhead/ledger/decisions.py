"""The decision log (stream OBS-500): every decision, HOLD and SKIP too, chained within its own file.

Decisions are many and nothing depends on them, so they are not in the ledger and not synced: a crash may cost the lines
since the last `flush`, and the chain goes on from the last whole line. A line's hash is
`sha256(prev_hash + the line up to ,"prev_hash" and a closing brace)`: it covers the text as it stands, byte for byte.
"""

import hashlib
import json
from json.encoder import encode_basestring
from pathlib import Path
from typing import NamedTuple

from bulkhead.ledger.chain import GENESIS, SCHEMA_VERSION, Head
from bulkhead.ledger.jsonl import JsonlFile, LineDamaged, iso_text, read_lines
from messages.catalogue import canonical
from messages.records import Stream
from messages.trading import DecisionMade

FILE_NAME = f"{Stream.DECISIONS.value}.jsonl"
_TAIL = ',"prev_hash":"{}","hash":"{}"}}'
_TAIL_LENGTH = len(_TAIL.format(GENESIS.hash, GENESIS.hash))


class DecisionWriter:
    """Appends to one decision file. Raises OSError, or LineDamaged when the file ends in something else."""

    def __init__(self, path: Path) -> None:
        self._file = JsonlFile(path)
        try:
            self._head = _head_of(self._file)
        except BaseException:
            self._file.close()
            raise

    @property
    def head(self) -> Head:
        """Seq and hash of the last line: the session's metadata keeps them when it ends."""
        return self._head

    def write(
        self, made: DecisionMade, *, at_ns: int, session_id: str, correlation_id: str, causation_id: str | None
    ) -> None:
        """Buffer one decision's line."""
        self._append("DecisionMade", made.model_dump_json(), at_ns, session_id, correlation_id, causation_id)

    def write_outcome(
        self,
        decision_id: str,
        outcome: dict[str, str],
        *,
        at_ns: int,
        session_id: str,
        correlation_id: str,
        causation_id: str | None,
    ) -> None:
        """Buffer a later line linked to a decision: what came of it (`executed`, `client_order_id`, ...)."""
        payload = canonical({"decision_id": decision_id, **outcome})
        self._append("DecisionOutcome", payload, at_ns, session_id, correlation_id, causation_id)

    def _append(
        self, kind: str, payload: str, at_ns: int, session_id: str, correlation_id: str, causation_id: str | None
    ) -> None:
        quote = encode_basestring
        seq, prev_hash = self._head.seq + 1, self._head.hash
        body = (
            f'{{"schema_version":{SCHEMA_VERSION},"seq":{seq},"at_ns":{at_ns},"at":"{iso_text(at_ns)}",'
            f'"stream":"{Stream.DECISIONS.value}","type":"{kind}","session_id":{quote(session_id)},'
            f'"correlation_id":{quote(correlation_id)},'
            f'"causation_id":{"null" if causation_id is None else quote(causation_id)},"payload":{payload}'
        )
        digest = _hash(prev_hash, body)
        self._file.write(body + _TAIL.format(prev_hash, digest))
        self._head = Head(seq, digest)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Idempotent; flushes first."""
        self._file.close()


def _hash(prev_hash: str, body: str) -> str:
    return hashlib.sha256(f"{prev_hash}{body}}}".encode()).hexdigest()


def _head_of(file: JsonlFile) -> Head:
    last = file.last_object()
    if last is None:
        return GENESIS
    seq, digest = last.get("seq"), last.get("hash")
    if not isinstance(seq, int) or not isinstance(digest, str):
        raise LineDamaged(f"the last line of {file.path} has no seq and hash")
    return Head(seq, digest)


class LineBreak(NamedTuple):
    """The first line at which a decision file does not hold, and why."""

    line: int
    reason: str


def verify_file(path: Path) -> tuple[Head, LineBreak | None]:
    """Where the file's chain ends, and its first break. Raises OSError."""
    head = GENESIS
    for line in read_lines(path):
        if not line.is_whole:
            return head, LineBreak(line.number, "the line is torn: its end is missing")
        reason, head = _check(line.data, head)
        if reason is not None:
            return head, LineBreak(line.number, reason)
    return head, None


def _check(data: bytes, head: Head) -> tuple[str | None, Head]:
    try:
        text = data.decode()
        fields = json.loads(text)
        seq, prev_hash, digest = fields["seq"], fields["prev_hash"], fields["hash"]
    except (ValueError, KeyError, TypeError) as error:
        return f"the line is not a decision line: {error}", head
    if seq != head.seq + 1:
        return f"seq {seq} follows {head.seq}: lines between are missing or doubled", head
    if prev_hash != head.hash:
        return "its prev_hash is not the hash of the line before it", head
    body = text[:-_TAIL_LENGTH]
    if text != body + _TAIL.format(prev_hash, digest) or digest != _hash(prev_hash, body):
        return "its content does not give its hash", head
    return None, Head(seq, digest)
