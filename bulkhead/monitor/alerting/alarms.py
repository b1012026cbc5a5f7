"""What is told: alarms as they come up, notices as they are sent, and how the way to each target is."""

from enum import IntEnum
from typing import NamedTuple

from messages.values import Nanoseconds, Value


class Severity(IntEnum):
    INFO = 0
    """Waits for the digest."""
    P1 = 1
    """Somebody should look; what comes up together is told together."""
    P0 = 2
    """Somebody must act, or money is at stake: told at once."""


class Alarm(NamedTuple):
    """One thing that somebody should know."""

    key: str
    """The same for the same thing: a failing order channel is told once, however often it is reported."""
    severity: Severity
    text: str
    is_event: bool = False
    """It happened, and nothing of it lasts that could be over."""


class Notice(NamedTuple):
    """A message as it is sent: one alarm, or several that came up together."""

    severity: Severity
    text: str


class TargetStatus(Value):
    """The way to one target. Times are of the wall clock."""

    name: str
    """Never more than its scheme, and its host where a host can be no secret."""
    last_sent_ns: Nanoseconds | None = None
    failing_since_ns: Nanoseconds | None = None
    """None: the last attempt got through, or there was none yet."""
    why: str | None = None
    """Of the failure; never a word of an address."""
    waiting: int = 0
    lost: int = 0
    """Given up after their time, or dropped because too many waited; each is in app.log with its text."""


class HeartbeatStatus(Value):
    last_sent_ns: Nanoseconds | None = None
    failing_since_ns: Nanoseconds | None = None
    why: str | None = None
    withheld: str | None = None
    """Why none is sent on purpose: the house is not ready, or an actor has fallen silent."""


class AlertsStatus(Value):
    targets: tuple[TargetStatus, ...] = ()
    """Empty: nobody is told; alerts are lines of alerts.jsonl and app.log."""
    heartbeat: HeartbeatStatus | None = None

    @property
    def is_deaf(self) -> bool:
        """Targets there are, and none of them takes anything."""
        return bool(self.targets) and all(target.failing_since_ns is not None for target in self.targets)

    @property
    def is_troubled(self) -> bool:
        """Some way out does not work, or the heartbeat is withheld."""
        heart = self.heartbeat
        is_heart_well = heart is None or (heart.failing_since_ns is None and heart.withheld is None)
        return not is_heart_well or any(target.failing_since_ns is not None for target in self.targets)
