"""What came in from outside, kept so that a session can be replayed: ticks as Parquet, all else as JSON lines.

    inputs/ticks-000001.parquet      finished parts: they appear whole, by a rename
    inputs/ticks-000002.open.jsonl   the part being written, as lines; after a crash, opening makes a part of it
    inputs/evidence.jsonl            sealed envelopes: venue replies, feed events, operator commands

Prices are kept as text, exactly as their messages spell them. Quotes and trades share one table, in the order in which
they came. pyarrow is imported when the first part is finished: a run without ticks never pays for it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bulkhead.ledger.files import sync_file, sync_folder
from bulkhead.ledger.jsonl import JsonlFile, read_lines
from messages.base import Envelope
from messages.catalogue import BODIES, canonical, envelope_from_json, envelope_to_json
from messages.market import Quote, Trade

ROW_GROUP_ROWS = 50_000
PART_ROWS = 200_000
"""A part is finished at this many rows: it bounds the memory held and the time a recovery takes."""

_COLUMNS: dict[str, str] = {
    "type": "text",
    "venue": "text",
    "symbol": "text",
    "event_time_ns": "int",
    "received_at_ns": "int",
    "received_monotonic_ns": "int",
    "event_time_is_receipt": "bool",
    "price": "text",
    "quantity": "text",
    "trade_id": "int",
    "aggressor": "text",
    "bid": "text",
    "bid_quantity": "text",
    "ask": "text",
    "ask_quantity": "text",
    "update_id": "int",
    "source": "text",
}
_FIELDS: dict[str, tuple[str, ...]] = {
    "Trade": tuple(name for name in _COLUMNS if name in Trade.model_fields),
    "Quote": tuple(name for name in _COLUMNS if name in Quote.model_fields),
}


class InputsWriter:
    """Records one session's inputs in `<folder>`, which it makes. Raises OSError."""

    def __init__(self, folder: Path, part_rows: int = PART_ROWS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._part_rows = part_rows
        recover(folder)
        self._part = 1 + max((_part_number(path) for path in tick_parts(folder)), default=0)
        self._rows = 0
        self._open_part = JsonlFile(_open_path(folder, self._part))
        self._evidence = JsonlFile(folder / "evidence.jsonl")

    def add_tick(self, tick: Trade | Quote) -> None:
        """Buffer one tick; every `part_rows` of them a part is finished, in some tenths of a second."""
        self._open_part.write(f'{{"type":"{type(tick).__name__}",{tick.model_dump_json()[1:]}')
        self._rows += 1
        if self._rows >= self._part_rows:
            self.finish_part()

    def add_evidence(self, envelope: Envelope) -> None:
        """Buffer one sealed message."""
        self._evidence.write(canonical(envelope_to_json(envelope)))

    def finish_part(self) -> None:
        """Make a Parquet part of the ticks so far, if there are any."""
        if not self._rows:
            return
        self._open_part.close()
        _finish(self._folder, self._part)
        self._part += 1
        self._rows = 0
        self._open_part = JsonlFile(_open_path(self._folder, self._part))

    def flush(self) -> None:
        self._open_part.flush()
        self._evidence.flush()

    def close(self) -> None:
        """Finish the last part and close."""
        self.finish_part()
        self._open_part.close()
        _open_path(self._folder, self._part).unlink(missing_ok=True)
        self._evidence.close()


def recover(folder: Path) -> int:
    """Make parts of what a crash left open. Returns how many."""
    count = 0
    for path in sorted(folder.glob("ticks-*.open.jsonl")):
        JsonlFile(path).close()  # cuts a torn last line off
        part = _part_number(path)
        if path.stat().st_size and not _part_path(folder, part).exists():
            _finish(folder, part)
            count += 1
        path.unlink(missing_ok=True)
    return count


def tick_parts(folder: Path) -> tuple[Path, ...]:
    """The finished parts, oldest first."""
    return tuple(sorted(folder.glob("ticks-*.parquet")))


def read_ticks(folder: Path) -> Iterator[Trade | Quote]:
    """Every tick of the finished parts, in the order in which it came."""
    import pyarrow.parquet as pq

    for path in tick_parts(folder):
        with pq.ParquetFile(path) as part:
            for batch in part.iter_batches():
                for row in batch.to_pylist():
                    yield _tick(row)


def read_evidence(folder: Path) -> Iterator[Envelope]:
    """Every sealed message, in the order in which it was recorded; a torn last line is left out."""
    for line in read_lines(folder / "evidence.jsonl"):
        if line.is_whole:
            yield envelope_from_json(json.loads(line.data))


def _tick(row: dict[str, Any]) -> Trade | Quote:
    name = row.pop("type")
    tick = BODIES[name].model_validate({field: row[field] for field in _FIELDS[name] if field in row})
    if not isinstance(tick, Trade | Quote):
        raise TypeError(f"{name} is not a tick")
    return tick


def _part_number(path: Path) -> int:
    return int(path.name.split(".")[0].removeprefix("ticks-"))


def _part_path(folder: Path, part: int) -> Path:
    return folder / f"ticks-{part:06d}.parquet"


def _open_path(folder: Path, part: int) -> Path:
    return folder / f"ticks-{part:06d}.open.jsonl"


def _finish(folder: Path, part: int) -> None:
    """From the lines of an open part to its Parquet file. The lines go only when the file is durable.

    The lines are read by pyarrow, not by Python: it does so without holding the interpreter, which trades meanwhile.
    """
    import pyarrow as pa
    import pyarrow.json as pj
    import pyarrow.parquet as pq

    kinds = {"text": pa.string(), "int": pa.int64(), "bool": pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in _COLUMNS.items()])
    lines = _open_path(folder, part)
    path = _part_path(folder, part)
    draft = path.with_suffix(".draft")
    table = pj.read_json(
        lines,
        read_options=pj.ReadOptions(use_threads=False),
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
    )
    pq.write_table(table.select(list(_COLUMNS)), draft, row_group_size=ROW_GROUP_ROWS, compression="zstd")
    sync_file(draft)
    draft.rename(path)
    sync_folder(folder)
    lines.unlink()
