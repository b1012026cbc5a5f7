"""Recognisable secrets, and the search for them in everything that a run wrote: as they are and in other spellings."""

import base64
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

import pyarrow.parquet as pq

_SHORTEST = 9
"""Of a piece of base64: a shorter one may be anything."""


def patterns(secret: str) -> list[re.Pattern[bytes]]:
    """A number must stand alone: eight digits are found in many a timestamp."""
    if secret.isdigit():
        return [re.compile(rb"(?<![0-9.])" + secret.encode() + rb"(?![0-9])")]
    spelled = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], secret.encode().hex()}
    spelled |= {secret.lower(), secret.upper(), secret.encode().hex().upper()} | set(_in_base64(secret.encode()))
    return [re.compile(re.escape(each.encode())) for each in spelled]


def _in_base64(secret: bytes) -> Iterator[str]:
    """Wherever it may stand in what was encoded: what depends on its neighbours is left off."""
    for shift in range(3):
        for alphabet in (None, b"-_"):
            text = base64.b64encode(b"\0" * shift + secret, alphabet).decode().rstrip("=")
            piece = text[-(-shift * 8 // 6) : len(text) - 1]
            if len(piece) >= _SHORTEST:
                yield piece


def leaks(secrets: dict[str, str], texts: Iterable[tuple[str, bytes]]) -> list[str]:
    """`<name of the secret> in <where>: <what is around it>`."""
    wanted = {name: patterns(secret) for name, secret in secrets.items()}
    found = []
    for where, data in texts:
        for name, spelled in wanted.items():
            for match in (pattern.search(data) for pattern in spelled):
                if match is not None:
                    around = data[max(0, match.start() - 60) : match.end() + 20]
                    found.append(f"{name} in {where}: {around!r}")
                    break
    return found


def written(folder: Path, *but: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below `folder`, without those in `but`; what is packed is unpacked too."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path in but:
            continue
        yield str(path.relative_to(folder)), path.read_bytes()
        if path.suffix == ".parquet":
            yield f"{path.name}, unpacked", repr(pq.read_table(path).to_pylist()).encode()
        if path.suffix == ".db":
            yield f"{path.name}, dumped", _dump(path)


def _dump(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as db:
        return "\n".join(db.iterdump()).encode()
