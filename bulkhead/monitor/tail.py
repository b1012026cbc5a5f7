"""`bulkhead tail`: the streams of a session as one, filtered, in the order in which things happened.

    Tail(sessions_dir, filters=Filters(symbol="BTCUSDT")).history(last=20)   what has happened
    Tail(sessions_dir).follow()                                              and what happens, until interrupted

Without a named session it follows CURRENT, also into the next session when that begins. Read-only and in bounded
memory. Order across streams is by time; what two streams say within one flush of the recorder may come a little late.
"""

import heapq
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from bulkhead.monitor.levels import LineLevel, level_of
from bulkhead.monitor.lines import STREAMS, Follower, Line, current_session, read_backwards, read_lines
from messages.values import Value

POLL_INTERVAL_S = 0.2
_REMEMBERED_IDS = 1000
_ORDER_KEYS = frozenset({"client_order_id", "venue_order_id", "intent_id", "fill_id", "trade_id", "decision_id"})
_LINKING_KEYS = frozenset({"client_order_id", "intent_id"})
_CODE_KEYS = frozenset({"code", "reason_codes", "mode", "limit_name", "reason_id", "change", "status", "action"})


class SessionNotFound(LookupError):
    """There is no such session, or none at all yet."""


class Filters(Value):
    """What to show; a line must pass all that are set. Words are compared without regard to case."""

    streams: tuple[str, ...] = ()
    """Empty: all."""
    symbol: str | None = None
    strategy: str | None = None
    order: str | None = None
    """A client order id, venue order id or intent id; what belongs to the same order is shown with it."""
    code: str | None = None
    """An error or reason code, failure mode, limit, status or action."""
    level: LineLevel = LineLevel.INFO
    """Below INFO are decisions to do nothing and portfolio snapshots."""
    since_ns: int = 0

    def sees(self, stream: str) -> bool:
        return not self.streams or stream in self.streams


class Sieve:
    """Filters at work. It learns which ids belong to the order asked for as lines go by."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._order_ids = {filters.order} if filters.order else set()

    def passes(self, line: Line) -> bool:
        filters = self._filters
        if line.at_ns < filters.since_ns or not filters.sees(line.stream) or level_of(line) < filters.level:
            return False
        payload = line.payload
        return (
            (filters.symbol is None or _has(payload, frozenset({"symbol"}), filters.symbol))
            and (filters.strategy is None or _has(payload, frozenset({"strategy_id", "strategies"}), filters.strategy))
            and (filters.code is None or _has(payload, _CODE_KEYS, filters.code))
            and (filters.order is None or self._is_of_order(payload))
        )

    def _is_of_order(self, payload: dict[str, Any]) -> bool:
        if self._order_ids.isdisjoint(_values(payload, _ORDER_KEYS)):
            return False
        if len(self._order_ids) < _REMEMBERED_IDS:
            self._order_ids.update(_values(payload, _LINKING_KEYS))
        return True


class Tail:
    """The streams of the current session, or of a named one. Raises SessionNotFound for a name that is none."""

    def __init__(self, sessions_dir: Path, session_id: str | None = None, filters: Filters | None = None) -> None:
        self._sessions_dir = sessions_dir
        self._filters = filters or Filters()
        self._sieve = Sieve(self._filters)
        self._is_named = session_id is not None
        folder = current_session(sessions_dir) if session_id is None else sessions_dir / session_id
        if self._is_named and (folder is None or not folder.is_dir() or folder.parent != sessions_dir):
            raise SessionNotFound(f"there is no session {session_id!r} in {sessions_dir}")
        self._folder = folder

    def history(self, last: int | None = None, until_seq: dict[str, int] | None = None) -> Iterator[Line]:
        """What passes the filters, oldest first: everything, or only the `last` lines (found from the end).

        `until_seq` leaves out, per stream, what comes after.
        """
        if self._folder is None:
            return
        sieve = self._sieve
        streams = [stream for stream in STREAMS if self._filters.sees(stream)]
        if last is None or self._filters.order is not None:
            # What belongs to an order is learned from its beginning on, so this one always reads forwards.
            forwards = (read_lines(self._folder, stream, self._filters.since_ns) for stream in streams)
            merged = (line for line in heapq.merge(*forwards, key=_order_of) if _is_within(line, until_seq))
            lines = (line for line in merged if sieve.passes(line))
            yield from lines if last is None else _last(lines, last)
            return
        backwards = (read_backwards(self._folder, stream) for stream in streams)
        newest_first = heapq.merge(*backwards, key=_order_of, reverse=True)
        recent = takewhile(lambda line: line.at_ns >= self._filters.since_ns, newest_first)
        found = (line for line in recent if _is_within(line, until_seq) and sieve.passes(line))
        yield from reversed(list(islice(found, last)))

    def follow(self, last: int | None = 10, wait: Callable[[], bool] | None = None) -> Iterator[Line]:
        """History first (`last` lines of it, None for all), then each new line as it comes.

        `wait` is called when there is nothing new; it pauses and says whether to go on (default: for ever).
        """
        wait = wait or _pause
        followers: list[Follower] = []
        try:
            followers = self._followers(from_end=True)
            sieve = self._sieve
            # The followers begin where they stand now; what is written meanwhile is theirs, not history's.
            yield from self.history(last, {stream: follower.last_seq for stream, follower in self._seen(followers)})
            while True:
                lines = self._poll(followers)
                yield from (line for line in lines if sieve.passes(line))
                if lines:
                    continue
                following = self._next_folder()
                if following is not None:
                    yield from (line for line in self._poll(followers) if sieve.passes(line))
                    _close(followers)
                    self._folder, followers = following, []
                    followers = self._followers(from_end=False)
                elif not wait():
                    return
        finally:
            _close(followers)

    def _followers(self, *, from_end: bool) -> list[Follower]:
        if self._folder is None:
            return []
        paths = [self._folder / f"{stream}.jsonl" for stream in STREAMS if self._filters.sees(stream)]
        followers = [Follower(path, from_end=from_end) for path in paths]
        if from_end:
            for follower in followers:
                follower.start()
        return followers

    def _seen(self, followers: list[Follower]) -> Iterator[tuple[str, Follower]]:
        return zip((stream for stream in STREAMS if self._filters.sees(stream)), followers, strict=False)

    @staticmethod
    def _poll(followers: Iterable[Follower]) -> list[Line]:
        return sorted((line for follower in followers for line in follower.poll()), key=_order_of)

    def _next_folder(self) -> Path | None:
        """The new current session, when it is another than the one being followed."""
        if self._is_named:
            return None
        current = current_session(self._sessions_dir)
        return current if current is not None and current != self._folder else None


def _order_of(line: Line) -> tuple[int, int]:
    return line.at_ns, line.seq


def _is_within(line: Line, until_seq: dict[str, int] | None) -> bool:
    return until_seq is None or line.seq <= until_seq.get(line.stream, 0)


def _last(lines: Iterator[Line], count: int) -> list[Line]:
    kept: list[Line] = []
    for line in lines:
        kept.append(line)
        if len(kept) >= 2 * count + 1000:
            del kept[:-count]
    return kept[-count:] if count else []


def _pause() -> bool:
    time.sleep(POLL_INTERVAL_S)
    return True


def _close(followers: Iterable[Follower]) -> None:
    for follower in followers:
        follower.close()


def _has(payload: dict[str, Any], keys: frozenset[str], wanted: str) -> bool:
    folded = wanted.casefold()
    return any(value.casefold() == folded for value in _values(payload, keys))


def _values(thing: object, keys: frozenset[str]) -> Iterator[str]:
    """Every string that stands under one of `keys`, at any depth."""
    if isinstance(thing, dict):
        for key, value in thing.items():
            if key in keys:
                if isinstance(value, str):
                    yield value
                elif isinstance(value, list):
                    yield from (item for item in value if isinstance(item, str))
            if isinstance(value, dict | list):
                yield from _values(value, keys)
    elif isinstance(thing, list):
        for item in thing:
            yield from _values(item, keys)
