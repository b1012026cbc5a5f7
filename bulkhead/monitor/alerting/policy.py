"""What is told when, of all that comes up: pure, with the time handed in.

- The same key is told once; again within `dedup_window_s` it is only counted, and told with that count afterwards.
- P0 is told at the next look. P1 waits `group_s`, and goes out in one message with whatever came up meanwhile.
- What ended before it was told is only counted in the digest, unless it was P0. What ended after it was told is told
  to have ended.
- At most `max_messages` leave in `rate_window_s`, half of them for P0 alone. What does not fit waits, and goes out
  together when there is room: the message says how many there were and shows the first of them.
- INFO goes into a digest every `digest_interval_s`. It is sent also when there is nothing in it: it shows that the
  way to its reader still works.

However much comes up, the memory is bounded: beyond MAX_KEYS an alarm is counted and nothing else of it is kept.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from bulkhead.monitor.alerting.alarms import Alarm, Notice, Severity
from bulkhead.monitor.words import span

T = TypeVar("T")

MAX_KEYS = 1_000
"""Half of them for P0 alone."""
MAX_LINES = 12
"""Alarms shown in one message; it is read on a telephone."""
MAX_TEXT = 600
"""Characters of one alarm."""
_S = 1_000_000_000


@dataclass(frozen=True)
class PolicySettings:
    dedup_window_s: float = 900.0
    group_s: float = 5.0
    max_messages: int = 20
    rate_window_s: float = 600.0
    digest_interval_s: float = 86_400.0


@dataclass
class _Known:
    alarm: Alarm
    begun_ns: int
    is_active: bool = True
    over_ns: int | None = None
    due_ns: int | None = None
    """When the next of it may be told; None: nothing waits."""
    told_ns: int | None = None
    is_believed: bool = False
    """Whoever reads the messages takes it to be going on."""
    again: int = 0
    """Came up again since it was told."""


@dataclass
class _Quiet:
    """What the digest counts."""

    text: str
    count: int = 0


@dataclass
class AlertPolicy:
    settings: PolicySettings
    next_digest_ns: int
    _known: dict[str, _Known] = field(default_factory=dict)
    _sent_ns: deque[int] = field(default_factory=deque)
    _quiet: dict[str, _Quiet] = field(default_factory=dict)
    _beyond: int = 0
    """Alarms of which only the number is kept."""
    _quiet_beyond: int = 0

    def raise_alarm(self, alarm: Alarm, now_ns: int) -> None:
        alarm = alarm._replace(text=_short(alarm.text))
        if alarm.severity is Severity.INFO:
            self._count_quietly(alarm)
            return
        known = self._known.get(alarm.key)
        if known is None:
            if len(self._known) >= (MAX_KEYS if alarm.severity is Severity.P0 else MAX_KEYS // 2):
                self._beyond += 1
                return
            known = self._known[alarm.key] = _Known(alarm, now_ns)
            known.due_ns = now_ns + self._wait_ns(alarm.severity)
        else:
            self._raise_again(known, alarm, now_ns)
        if alarm.is_event:
            known.is_active = False

    def _raise_again(self, known: _Known, alarm: Alarm, now_ns: int) -> None:
        if not known.is_active:
            known.begun_ns, known.is_active, known.over_ns = now_ns, True, None
        is_worse = alarm.severity > known.alarm.severity
        if is_worse:
            known.due_ns = now_ns + self._wait_ns(alarm.severity)
        elif self._is_told_lately(known, now_ns):
            known.again += 1
            known.due_ns = None if known.is_believed else known.due_ns  # that it was over need not be told any more
        elif known.due_ns is None or known.is_believed:
            known.again += known.told_ns is not None
            known.due_ns = now_ns + self._wait_ns(alarm.severity)
        else:
            known.again += 1
            return  # it waits to be told, in the words that came first
        known.alarm = alarm if alarm.severity >= known.alarm.severity else known.alarm._replace(text=alarm.text)

    def recover(self, key: str, now_ns: int) -> None:
        """It is over. Nothing happens where it was not going on."""
        known = self._known.get(key)
        if known is None or not known.is_active:
            return
        known.is_active, known.over_ns = False, now_ns
        if known.is_believed:
            known.due_ns = now_ns + self._wait_ns(Severity.P1)
        elif known.due_ns is not None and known.alarm.severity is Severity.P1:
            known.due_ns = None  # short and past: nobody is called for it
            self._count_quietly(known.alarm)

    def is_active(self, key: str) -> bool:
        known = self._known.get(key)
        return known is not None and known.is_active

    def due(self, now_ns: int) -> tuple[Notice, ...]:
        """What is to be sent at this moment; whoever calls does send it."""
        while self._sent_ns and now_ns - self._sent_ns[0] >= int(self.settings.rate_window_s * _S):
            self._sent_ns.popleft()
        self._wake(now_ns)
        notices = []
        if self._has_room(self.settings.max_messages):
            urgent = [each for each in self._due(now_ns) if each.alarm.severity is Severity.P0]
            if urgent:
                notices.append(self._tell(urgent, now_ns))
        if self._has_room(max(1, self.settings.max_messages // 2)):
            others = self._due(now_ns)
            if others or self._beyond:
                notices.append(self._tell(others, now_ns))
        if now_ns >= self.next_digest_ns:
            notices.append(self._digest(now_ns))
        return tuple(notices)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _wait_ns(self, severity: Severity) -> int:
        return 0 if severity is Severity.P0 else int(self.settings.group_s * _S)

    def _is_told_lately(self, known: _Known, now_ns: int) -> bool:
        return known.told_ns is not None and now_ns - known.told_ns < int(self.settings.dedup_window_s * _S)

    def _has_room(self, limit: int) -> bool:
        return len(self._sent_ns) < limit

    def _wake(self, now_ns: int) -> None:
        """What came up again while it was only counted, and lasts: told when its window is over. What has ended and was
        told long ago is forgotten."""
        for key, known in list(self._known.items()):
            if known.due_ns is not None or known.is_believed or self._is_told_lately(known, now_ns):
                continue
            if known.is_active:
                known.due_ns = now_ns
                continue
            if known.again:
                self._count_quietly(known.alarm, known.again)
            del self._known[key]

    def _due(self, now_ns: int) -> list[_Known]:
        waiting = [each for each in self._known.values() if each.due_ns is not None and each.due_ns <= now_ns]
        return sorted(waiting, key=lambda each: (-each.alarm.severity, each.begun_ns))

    def _tell(self, told: list[_Known], now_ns: int) -> Notice:
        lines = [_line(each) for each in told[:MAX_LINES]]
        more = len(told) - len(lines) + self._beyond
        if more:
            lines.append(f"and {more:,} more that are not shown: see `bulkhead status` and `bulkhead tail`")
        severity = max((each.alarm.severity for each in told if each.over_ns is None), default=Severity.P1)
        for each in told:
            each.due_ns, each.again = None, 0
            each.is_believed = each.is_active
            if each.over_ns is None or each.told_ns is None:
                each.told_ns = now_ns
        self._beyond = 0
        self._sent_ns.append(now_ns)
        return Notice(severity, "\n".join(lines))

    def _count_quietly(self, alarm: Alarm, count: int = 1) -> None:
        quiet = self._quiet.get(alarm.key)
        if quiet is None:
            if len(self._quiet) >= MAX_KEYS:
                self._quiet_beyond += count
                return
            quiet = self._quiet[alarm.key] = _Quiet(alarm.text)
        quiet.text, quiet.count = alarm.text, quiet.count + count

    def _digest(self, now_ns: int) -> Notice:
        self.next_digest_ns = now_ns + int(self.settings.digest_interval_s * _S)
        lines = ["digest: nothing to report beside what was told at once"]
        if self._quiet:
            lines = ["digest of what was not worth a message of its own:"]
            lines += [f"{each.count:,} × {each.text}" for each in _first(self._quiet.values())]
            more = sum(each.count for each in islice(self._quiet.values(), MAX_LINES, None)) + self._quiet_beyond
            if more:
                lines.append(f"and {more:,} more")
        active = [each for each in self._known.values() if each.is_active]
        if active:
            lines.append(f"still in force: {'; '.join(each.alarm.text for each in _first(active))}")
        self._quiet.clear()
        self._quiet_beyond = 0
        return Notice(Severity.INFO, "\n".join(lines))


def _first(items: Iterable[T]) -> list[T]:
    return list(islice(items, MAX_LINES))


def _line(known: _Known) -> str:
    name = known.alarm.severity.name
    times = f" (again {known.again:,} ×)" if known.again else ""
    if known.over_ns is None:
        return f"{name} {known.alarm.text}{times}"
    return f"over after {span(known.over_ns - known.begun_ns)}: {name} {known.alarm.text}{times}"


def _short(text: str) -> str:
    """One line; the end of a long one is kept too, where what to do about it often stands."""
    text = " ".join(text.split())
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT // 2]} … {text[-MAX_TEXT // 2 :]}"
