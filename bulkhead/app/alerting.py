"""Alerts of one run: made from the settings and the environment, tried out at the start, closed after everything else.

apprise is imported only where URLs are configured: it takes a third of a second and 40 MB.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from bulkhead.app import exit_codes
from bulkhead.app.alert_settings import AlertSettings
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.settings import Settings, read_secret
from bulkhead.ledger.session import SessionFolder, SessionFolderError, session_paths
from bulkhead.monitor.alerting.alarms import AlertsStatus, Notice, Severity
from bulkhead.monitor.alerting.heartbeat import BadHeartbeatUrl, Heartbeat
from bulkhead.monitor.alerting.log_target import LogTarget
from bulkhead.monitor.alerting.outbox import Outbox, Target, Verdicts
from messages.codes import ErrorCode
from messages.values import Mode

TREE_ENDED = "the tree ended"
"""How the reason begins with which a session ends that did not mean to."""
CLOSE_PATIENCE_S = 5.0
"""For what waits at the end of a run."""


LEAVE_PATIENCE_S = 2.0
"""The same where the process must not go on."""


@dataclass(frozen=True)
class Alerts:
    """The ways out of a run. Its methods may be called from any thread, and none waits but `close`."""

    outbox: Outbox
    log: Outbox
    heartbeat: Heartbeat | None

    def post(self, notice: Notice) -> None:
        self.log.post(notice)
        self.outbox.post(notice)
        if self.heartbeat is not None and notice.severity is Severity.P0:
            self.heartbeat.fail(notice.text)

    def begin(self, notice: Notice) -> Verdicts:
        """The message of the start, which is the self-test."""
        self.log.post(notice)
        return self.outbox.post_test(notice)

    def status(self) -> AlertsStatus:
        heartbeat = None if self.heartbeat is None else self.heartbeat.status()
        return AlertsStatus(targets=self.outbox.status(), heartbeat=heartbeat)

    def close(self) -> None:
        if self.heartbeat is not None:
            self.heartbeat.close()
        self.outbox.close(CLOSE_PATIENCE_S)
        self.log.close(CLOSE_PATIENCE_S)  # last: it may tell of what was lost


def make_targets(settings: AlertSettings, label: str) -> tuple[Target, ...]:
    """One for each URL. Raises Stopped (exit code 4) where one cannot be used; it is named by its place."""
    if settings.urls_env is None:
        return ()
    from bulkhead.monitor.alerting.apprise_target import AppriseTarget, BadUrl, named

    found = named(read_secret(settings.urls_env))
    try:
        return tuple(AppriseTarget(each.url, each.name, label) for each in found)
    except BadUrl as error:
        sentence = f"{settings.urls_env}: {error}; {len(found)} URLs are there, parted by white space"
        raise Stopped(ExitCode.CONFIG, sentence) from None


def make_heartbeat(settings: AlertSettings) -> Heartbeat | None:
    """Raises Stopped (exit code 4) where its URL cannot be used."""
    if settings.heartbeat_url_env is None:
        return None
    try:
        return Heartbeat(read_secret(settings.heartbeat_url_env), settings.heartbeat())
    except BadHeartbeatUrl as error:
        raise Stopped(ExitCode.CONFIG, f"{settings.heartbeat_url_env}: {error}") from None


def check_alerts(settings: Settings) -> None:
    """What can be refused before anything starts. Raises Stopped."""
    alerts = settings.alerts
    if settings.session.mode is Mode.LIVE and alerts.required and alerts.urls_env is None:
        raise Stopped(
            ExitCode.CONFIG,
            "live trading needs somebody who is told: name apprise URLs by alerts.urls_env, or set"
            " alerts.required = false",
            ErrorCode.ALERT_TARGET_DEAF,
        )


@contextmanager
def open_alerts(settings: Settings, session_id: str) -> Iterator[Alerts]:
    """Raises Stopped (exit code 4) where a URL cannot be used."""
    mine, session = settings.alerts, settings.session
    targets = make_targets(mine, f"Bulkhead {session.mode.value}")
    alerts = Alerts(
        heartbeat=make_heartbeat(mine),
        outbox=Outbox(targets, mine.outbox()),
        log=Outbox((LogTarget(session.logs_dir, session_id),), mine.outbox()),
    )
    try:
        yield alerts
    except Stopped:
        raise
    except Exception as error:
        alerts.post(
            Notice(Severity.P0, f"session {session_id} was ended by an error of our own: {type(error).__name__}")
        )
        raise
    finally:
        alerts.close()


def how_the_last_ended(logs_dir: Path) -> str | None:
    """Of the session before this one: words if it did not end in order, else None. Whoever starts a run again (a guard,
    systemd, a person) finds it so."""
    for path in session_paths(logs_dir)[-1:]:
        try:
            last = SessionFolder.open(path).metadata
        except (OSError, SessionFolderError):
            return None
        if last.stopped_ns is None:
            return f"{last.session_id} before it was cut off"
        if last.stop_reason is not None and last.stop_reason.startswith(TREE_ENDED):
            return f"{last.session_id} before it failed: {last.stop_reason}"
    return None


def begin_session(alerts: Alerts, settings: Settings, session_id: str) -> Verdicts:
    """Say that the session starts, to everybody.

    Live waits until all have taken it, and raises Stopped (exit code 4) when one does not. Not where that is allowed,
    nor where the last session did not end in order: what it holds is better attended than left alone.
    """
    mode, last = settings.session.mode, how_the_last_ended(settings.session.logs_dir)
    words, severity = f"Bulkhead session {session_id} starts ({mode.value})", Severity.INFO
    if last is not None:
        words, severity = f"{words}; {last}", Severity.P1
    verdicts = alerts.begin(Notice(severity, words))
    if mode is Mode.LIVE and settings.alerts.required and last is None:
        deaf = {name: why for name, why in verdicts.wait(settings.alerts.self_test_timeout_s).items() if why}
        if deaf:
            named = "; ".join(f"{name}: {why}" for name, why in deaf.items())
            raise Stopped(
                ExitCode.CONFIG,
                f"an alert target does not take alerts, and live does not start without ({named}): mend it and try"
                " `bulkhead alerts test`, or set alerts.required = false",
                ErrorCode.ALERT_TARGET_DEAF,
            )
    return verdicts


def end_session(alerts: Alerts | None, session_id: str, reason: str, code: ExitCode) -> None:
    """Say how it ended: to the digest's readers if it was meant, else to somebody at once."""
    if alerts is None:
        return
    is_meant = code is ExitCode.OK
    words = f"Bulkhead session {session_id} has ended{'' if is_meant else f' with exit code {code.value}'}: {reason}"
    alerts.post(Notice(Severity.INFO if is_meant else Severity.P0, words))


def leave_fenced(alerts: Alerts | None, why: str) -> None:
    """End the process: its account is another's. Without a word in the ledger, which is another's too; nothing but
    cancels leaves any more while the targets are told, for `LEAVE_PATIENCE_S` at most."""
    words = f"{why}: the account is held by another process, so this one ends"
    logger.critical("{}", words)
    if alerts is not None:
        alerts.post(Notice(Severity.P0, words))
        alerts.outbox.close(LEAVE_PATIENCE_S)
        alerts.log.close(LEAVE_PATIENCE_S)
    exit_codes.leave_at_once(ExitCode.FENCED)


def last_word(settings: Settings, sentence: str) -> None:
    """A P0 from outside a run, by the guard that has given up. Waits for its targets for a while; never raises. With
    none configured nothing is done: the guard has said it on stderr and in its own file."""
    if settings.alerts.urls_env is None:
        return
    try:
        with open_alerts(settings, "guard") as alerts:
            alerts.begin(Notice(Severity.P0, sentence)).wait(settings.alerts.self_test_timeout_s)
    except Stopped as stopped:
        logger.warning("nobody is told that the guard gave up: {}", stopped.sentence)
