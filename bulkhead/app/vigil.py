"""Who waits for a sign of life of this run, and what it is earned by: systemd or a guard, and the dead-man heartbeat.

Both hear one only while every critical actor answers. The heartbeat goes to somebody far away, so it wants more: the
gate open, the feed connected, and some alert target that still takes what it is sent.
"""

from collections.abc import Iterable

from bulkhead.app.alerting import Alerts
from bulkhead.app.notify import Notifier
from bulkhead.app.pulse import Pulse, Watchdog
from bulkhead.app.report import figures_of
from bulkhead.monitor.alerting.outbox import Verdicts
from supervisor.gate import Gate
from supervisor.runtime.host import Host


class Vigil:
    def __init__(
        self,
        host: Host,
        gate: Gate,
        names: Iterable[str],
        notifier: Notifier,
        alerts: Alerts | None,
        began: Verdicts | None,
    ) -> None:
        """`began` is what the alert targets say of the message of the start."""
        self._host, self._gate, self._alerts, self._began = host, gate, alerts, began
        self._heartbeat = None if alerts is None else alerts.heartbeat
        names = tuple(names)
        watched: list[Watchdog] = [notifier] if self._heartbeat is None else [notifier, self._heartbeat]
        self._pulses = [Pulse(host, names, each) for each in watched]

    def look(self, now_ns: int) -> None:
        """To be called several times a second. `now_ns`: the monotonic clock."""
        for pulse in self._pulses:
            pulse.look(now_ns)

    def begin(self) -> None:
        """The start is over: from here on silence is an alarm."""
        if self._heartbeat is not None:
            self._heartbeat.start(self._why_unready)

    def end(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.close()

    def news(self) -> str | None:
        """Once: who took the message of the start, and who did not."""
        began = self._began
        if began is None or not began.are_all_in:
            return None
        self._began = None
        said = [
            f"{name} {'took' if why is None else 'DID NOT TAKE'} the message of the start"
            for name, why in began.items()
        ]
        return f"alerts: {', '.join(said)}" if said else None

    def _why_unready(self) -> str | None:
        if not self._gate.is_open:
            return f"the gate is shut: {'; '.join(reason.cause for reason in self._gate.reasons())}"
        feed = figures_of(self._host).feed
        if feed is None or not feed.connected:
            return "the feed is not connected"
        if self._alerts is not None and self._alerts.status().is_deaf:
            return "no alert target takes anything"
        return None
