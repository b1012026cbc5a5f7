"""The lines of the audit file: what operators did, one JSON object a line, each chained to the one before.

A line's hash is `sha256(prev_hash + the line up to ,"prev_hash" and a closing brace)`: it covers the text as it stands,
byte for byte. A line that nothing can be chained to (written by hand, or before there was a chain) is sealed by the
next one, whose `prev_hash` is the hash of all bytes before it. What a chain cannot show is that its end was cut off.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bulkhead.ledger.chain import GENESIS_HASH, Break
from bulkhead.ledger.jsonl import read_lines

FOLDER = "audit"
FILE_NAME = "operator_actions.jsonl"
SCHEMA_VERSION = 1
_TAIL = ',"prev_hash":"{}","hash":"{}"}}'
_TAIL_LENGTH = len(_TAIL.format(GENESIS_HASH, GENESIS_HASH))


def path_in(logs_dir: Path) -> Path:
    return logs_dir / FOLDER / FILE_NAME


class AuditLine(NamedTuple):
    """One act on record."""

    seq: int
    hash: str
    """Names the act for ever: the ledger knows by it what it has already."""
    fields: dict[str, Any]


class Made(NamedTuple):
    text: str
    """As it is written, without its newline."""
    line: AuditLine


class Checked(NamedTuple):
    """A file looked through from its beginning."""

    lines: tuple[AuditLine, ...]
    """Those that could be read and have a hash of their own, right or wrong."""
    unchained: int
    """Lines without a hash before the first that has one: of a version that had no chain."""
    breaks: tuple[Break, ...]
    """Where the chain does not hold, by line number from 1."""
    torn_bytes: int
    """Of a last line without its end. The next record cuts it off: what was not recorded whole was not done."""


def make_line(seq: int, prev_hash: str, fields: dict[str, Any]) -> Made:
    """The next line. Raises ValueError for what has no place in JSON."""
    head = {"schema_version": SCHEMA_VERSION, "seq": seq, **fields}
    body = json.dumps(head, ensure_ascii=False, allow_nan=False, default=str).removesuffix("}")
    digest = _hash(prev_hash, body)
    text = body + _TAIL.format(prev_hash, digest)
    return Made(text, AuditLine(seq, digest, json.loads(text)))


def line_of(data: bytes) -> AuditLine | None:
    """None for what is no line with a seq and a hash."""
    try:
        fields = json.loads(data)
        seq, digest = fields["seq"], fields["hash"]
    except (ValueError, KeyError, TypeError):
        return None
    return AuditLine(seq, digest, fields) if isinstance(seq, int) and isinstance(digest, str) else None


def is_intact(data: bytes, line: AuditLine) -> bool:
    """Whether the line's own content gives its hash; what it is chained to is another question."""
    text = data.decode(errors="replace")
    body, prev_hash = text[:-_TAIL_LENGTH], line.fields.get("prev_hash")
    return text == body + _TAIL.format(prev_hash, line.hash) and line.hash == _hash(str(prev_hash), body)


def check(path: Path) -> Checked:
    """Every line against the one before. A file that is not there holds nothing, and nothing wrong. Raises OSError."""
    lines: list[AuditLine] = []
    breaks: list[Break] = []
    unchained = torn = 0
    try:
        for link in _links(path):
            if link.torn_bytes:
                torn = link.torn_bytes
            elif link.reason is not None:
                breaks.append(Break(link.number, link.reason))
            elif link.line is None:
                unchained += 1
            if link.line is not None:
                lines.append(link.line)
    except FileNotFoundError:
        return Checked((), 0, (), 0)
    return Checked(tuple(lines), unchained, tuple(breaks), torn)


class _Link(NamedTuple):
    number: int
    line: AuditLine | None
    reason: str | None
    torn_bytes: int = 0


def _links(path: Path) -> Iterator[_Link]:
    before: AuditLine | None = None
    has_begun, all_before = False, hashlib.sha256()
    expected = GENESIS_HASH
    for number, data, is_whole in read_lines(path):
        if not is_whole:
            yield _Link(number, None, None, len(data))
            return
        line = line_of(data)
        if line is None:
            is_old = not has_begun and _is_object(data)
            yield _Link(number, None, None if is_old else "the line is not chained: nobody can say who wrote it")
        else:
            has_begun = True
            yield _Link(number, line, _fault(data, line, before, expected))
        before = line
        all_before.update(data + b"\n")
        expected = line.hash if line is not None else all_before.hexdigest()


def _fault(data: bytes, line: AuditLine, before: AuditLine | None, expected: str) -> str | None:
    prev_hash = line.fields.get("prev_hash")
    if prev_hash != expected:
        return "its prev_hash is not the hash of what is before it: something was changed, added or taken out"
    if before is not None and line.seq != before.seq + 1:
        return f"seq {line.seq} follows {before.seq}: lines between are missing or doubled"
    return None if is_intact(data, line) else "its content does not give its hash"


def _hash(prev_hash: str, body: str) -> str:
    return hashlib.sha256(f"{prev_hash}{body}}}".encode()).hexdigest()


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except ValueError:
        return False
