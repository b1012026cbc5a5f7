"""Loader of recorded tapes: CSV or CSV.gz of trades and quotes, streamed row by row, with an account of its dirt.

It parses and counts; it plays nothing and holds no book. Never more than the rows of one millisecond are in memory.
A malformed row is counted, named and left out; too large a share of them stops the tape with one clear error.
Format: see the header below; times are Unix ms UTC; a quote row carries one side of one exchange.
"""

import csv
import gzip
import heapq
import re
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from bulkhead.venues.simulator.accounts import ZERO
from bulkhead.venues.simulator.errors import SimulatorError

HEADER = ["event_time_ms", "kind", "price", "size", "bid", "bid_size", "ask", "ask_size", "exchange", "suspicious"]
TRADE_ROW, BID_ROW, ASK_ROW = 0, 1, 2
Row = tuple[int, str, int, Decimal | None, Decimal, str]
"""Time in ms, symbol, one of *_ROW, price (None: side withdrawn), size, exchange."""

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,8})?", re.ASCII)
_CACHE_ENTRIES = 65_536
_EXAMPLES = 20
_ODD_LOT_BELOW = Decimal(100)
_MIN_TIME_MS, _MAX_TIME_MS = 10**9, 10**14
_EXCHANGE_ZONE = ZoneInfo("America/New_York")
_OPENS, _CLOSES = time(9, 30), time(16)


@dataclass(slots=True)
class BadRow:
    line: int
    reason: str


@dataclass(slots=True)
class TapeCounts:
    """What was found in one file so far; the loader reads a row ahead of what has been played."""

    file: str
    symbol: str
    rows: int = 0
    trades: int = 0
    quotes: int = 0
    repeated_rows: int = 0
    """Rows equal in every field to an earlier row of the same millisecond."""
    repeated_in_a_row: int = 0
    """Those of them that are equal to the row right above."""
    crossed_quotes: int = 0
    """Quote rows after which that exchange's own bid was at or above its own ask."""
    off_hours_trades: int = 0
    odd_lots: int = 0
    suspicious_rows: int = 0
    late_rows: int = 0
    """Rows whose time lies before the row above; they are played at that row's time."""
    bad_rows: int = 0
    bad_examples: list[BadRow] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def base_of(path: Path) -> str:
    """The traded asset by the file's name: BAC-2013-10-10.csv.gz holds BAC."""
    return path.name.split("-")[0].split(".")[0].upper()


def symbol_of(path: Path) -> str:
    """The symbol that a tape file is traded under: BACUSD."""
    return f"{base_of(path)}USD"


class TapeFile:
    """One file of one symbol. Opening checks that it exists and has the right header."""

    def __init__(self, path: Path, bad_row_share: Decimal, bad_row_grace_rows: int) -> None:
        self.base = base_of(path)
        self.counts = TapeCounts(file=path.name, symbol=symbol_of(path))
        self._path = path
        self._share = bad_row_share
        self._grace_rows = bad_row_grace_rows
        self._numbers: dict[str, Decimal] = {}
        self._sides: dict[str, list[Decimal | None]] = {}
        self._opens_ms = self._closes_ms = self._day_ends_ms = 0
        self._stream = _open(path)
        self._reader = csv.reader(self._stream)
        try:
            header = self._next_fields()
        except SimulatorError:
            self.close()
            raise
        if header != HEADER:
            self.close()
            raise SimulatorError(
                f"{path}: line 1 must be the header {','.join(HEADER)}, found {','.join(header or [])!r}"
            )

    def close(self) -> None:
        self._stream.close()

    def rows(self) -> Iterator[Row]:
        """All good rows in file order, times never going back. Raises SimulatorError when the file is unusable."""
        counts = self.counts
        symbol = counts.symbol
        last_ms = 0
        seen: set[tuple[str, ...]] = set()
        last_fields: list[str] = []
        while (fields := self._next_fields()) is not None:
            counts.rows += 1
            try:
                time_ms, kind, price, size, exchange, is_suspicious = self._parse(fields)
            except ValueError as error:
                self._bad(str(error))
                continue
            if time_ms <= last_ms:
                if time_ms < last_ms:
                    counts.late_rows += 1
                    time_ms = last_ms
                key = tuple(fields)
                if key in seen:
                    counts.repeated_rows += 1
                    counts.repeated_in_a_row += fields == last_fields
                seen.add(key)
            else:
                last_ms = time_ms
                seen = {tuple(fields)}
            last_fields = fields
            if is_suspicious:
                counts.suspicious_rows += 1
            if kind == TRADE_ROW:
                self._count_trade(time_ms, size)
            else:
                self._count_quote(kind, price, exchange)
            yield time_ms, symbol, kind, price, size, exchange
        self.close()

    def _next_fields(self) -> list[str] | None:
        while True:
            try:
                return next(self._reader, None)
            except csv.Error as error:
                self.counts.rows += 1
                self._bad(f"not CSV ({error})")
            except (OSError, EOFError, zlib.error) as error:
                raise SimulatorError(
                    f"{self._path}: cannot be read after line {self._reader.line_num}: {error}"
                ) from error

    def _parse(self, fields: list[str]) -> tuple[int, int, Decimal | None, Decimal, str, bool]:
        if len(fields) != len(HEADER):
            raise ValueError(f"{len(fields)} fields instead of {len(HEADER)}")
        time_text, kind, price, size, bid, bid_size, ask, ask_size, exchange, flag = fields
        if not (
            time_text.isdecimal() and time_text.isascii() and _MIN_TIME_MS < (time_ms := int(time_text)) < _MAX_TIME_MS
        ):
            raise ValueError(f"event_time_ms {time_text!r} is not a time in Unix ms")
        if flag not in ("0", "1"):
            raise ValueError(f"suspicious {flag!r} is neither 0 nor 1")
        if kind == "quote":
            if not exchange:
                raise ValueError("a quote without an exchange")
            if bid or bid_size:
                if ask or ask_size:
                    raise ValueError("a quote of both sides in one row")
                return time_ms, BID_ROW, self._price(bid), self._size(bid_size), exchange, flag == "1"
            if ask or ask_size:
                return time_ms, ASK_ROW, self._price(ask), self._size(ask_size), exchange, flag == "1"
            raise ValueError("a quote of neither side")
        if kind != "trade":
            raise ValueError(f"kind {kind!r} is neither trade nor quote")
        traded_at, traded = self._price(price), self._size(size)
        if traded_at is None or not traded:
            raise ValueError("a trade without a price or a size")
        return time_ms, TRADE_ROW, traded_at, traded, exchange, flag == "1"

    def _price(self, text: str) -> Decimal | None:
        return (self._numbers.get(text) or self._number(text) or None) if text else None

    def _size(self, text: str) -> Decimal:
        return (self._numbers.get(text) or self._number(text)) if text else ZERO

    def _number(self, text: str) -> Decimal:
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"{text!r} is not a number of at most 8 decimals")
        if len(self._numbers) >= _CACHE_ENTRIES:
            self._numbers.clear()
        number = self._numbers[text] = Decimal(text)
        return number

    def _bad(self, reason: str) -> None:
        counts, line = self.counts, self._reader.line_num
        counts.bad_rows += 1
        if len(counts.bad_examples) < _EXAMPLES:
            counts.bad_examples.append(BadRow(line, reason))
        if counts.rows >= self._grace_rows and counts.bad_rows > self._share * counts.rows:
            raise SimulatorError(
                f"{self._path}, line {line}: {reason}; {counts.bad_rows} of {counts.rows} rows are malformed, "
                f"more than the {self._share:%} that are tolerated"
            )

    def _count_quote(self, kind: int, price: Decimal | None, exchange: str) -> None:
        self.counts.quotes += 1
        sides = self._sides.get(exchange)
        if sides is None:
            sides = self._sides[exchange] = [None, None]
        sides[kind - BID_ROW] = price
        bid, ask = sides
        if bid is not None and ask is not None and bid >= ask:
            self.counts.crossed_quotes += 1

    def _count_trade(self, time_ms: int, size: Decimal) -> None:
        self.counts.trades += 1
        if size < _ODD_LOT_BELOW:
            self.counts.odd_lots += 1
        if time_ms >= self._day_ends_ms:
            self._set_day(time_ms)
        if not self._opens_ms <= time_ms < self._closes_ms:
            self.counts.off_hours_trades += 1

    def _set_day(self, time_ms: int) -> None:
        day = datetime.fromtimestamp(time_ms // 1000, _EXCHANGE_ZONE).date()
        self._opens_ms = _to_ms(datetime.combine(day, _OPENS, _EXCHANGE_ZONE))
        self._closes_ms = _to_ms(datetime.combine(day, _CLOSES, _EXCHANGE_ZONE))
        self._day_ends_ms = _to_ms(datetime.combine(day + timedelta(days=1), time(0), _EXCHANGE_ZONE))


def merged(files: list[TapeFile]) -> Iterator[Row]:
    """Rows of all files by event time; rows of one ms keep file order, and the order in which the files were named."""
    if len(files) == 1:
        return files[0].rows()
    return heapq.merge(*(file.rows() for file in files), key=itemgetter(0))


def _to_ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _open(path: Path) -> TextIO:
    # A byte that is not UTF-8 spoils its row only: it is replaced here and refused as malformed by the parser.
    try:
        if path.suffix == ".gz":
            return gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="")
        return path.open(encoding="utf-8", errors="replace", newline="")
    except OSError as error:
        raise SimulatorError(f"tape file {path} cannot be opened: {error.strerror}") from error
