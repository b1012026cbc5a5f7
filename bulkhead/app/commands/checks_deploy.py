"""`bulkhead doctor --deploy`: the checklist of a deployment (operational policies, section 8), and what belongs to it.

Each line of the checklist is looked at by what it left behind: the kill switch by its record, decisions and settings by
the last session's files. The table of failure modes is applied to a gate in memory.
"""

import ctypes
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bulkhead.app import preflight
from bulkhead.app.audit_trail import about
from bulkhead.app.commands.alerts import last_test
from bulkhead.app.commands.audit_check import audit_findings
from bulkhead.app.commands.backup import last_backup
from bulkhead.app.commands.checks import ANY_TAPE, Check, fail, ok, warn
from bulkhead.app.commands.checks_env import dot_env
from bulkhead.app.exit_codes import Stopped
from bulkhead.app.live_checks import Lack, lacks, secret_env_names
from bulkhead.app.secret_files import exposed
from bulkhead.app.settings import Settings
from bulkhead.app.sinks import snapshot_of, snapshot_path
from bulkhead.ledger import audit_file, decisions
from bulkhead.ledger.session import SessionFolder, SessionFolderError
from bulkhead.monitor.lines import current_session
from messages.failure import FailureMode, FailureReported, StopReason
from messages.values import Mode, StopLevel
from supervisor.failure_modes import TABLE, Lift, Shut, decide
from supervisor.gate import ENTRY_LIMIT, EXIT_LIMIT, Gate

NS_PER_DAY = 86_400 * 10**9
BACKUP_DAYS, ALERT_TEST_DAYS = 7, 30
TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""


def look(settings: Settings, now_ns: int) -> Iterator[Check]:
    yield kill_switch(settings, now_ns)
    yield failure_modes()
    yield broker_disconnect()
    yield decision_log(settings.session.logs_dir)
    yield config_snapshot(settings)
    yield audit_chain(settings.session.logs_dir)
    yield dot_env(Path())
    yield backups(settings, now_ns)
    yield alerts(settings, now_ns)
    yield time_sync(clock_state())
    yield from for_live(settings)


def secrets(settings: Settings) -> list[Check]:
    """Files that others may read: live refuses them."""
    make = fail if settings.session.mode is Mode.LIVE else warn
    return [make("secrets", found.words, found.advice) for found in exposed(secret_env_names(settings))]


def kill_switch(settings: Settings, now_ns: int) -> Check:
    """By its record: a kill of this ledger, or of none in particular."""
    days = settings.live.kill_switch_days
    advice = "beside a paper run: `bulkhead kill --reason drill`, see that it stops, then `bulkhead resume`"
    ledger = about(settings.session.ledger_file)["ledger"]
    try:
        lines = audit_file.check(audit_file.path_in(settings.session.logs_dir)).lines
    except OSError as error:
        return fail("kill switch", f"the audit file cannot be read: {error.strerror}", "correct its rights")
    kills = [
        line.fields["at_ns"]
        for line in lines
        if str(line.fields.get("action", "")).split(" ")[0] == "kill"
        and line.fields.get("ledger") in (None, ledger)
        and isinstance(line.fields.get("at_ns"), int)
    ]
    if not kills:
        return fail("kill switch", "it was never exercised here", advice)
    age_days = (now_ns - max(kills)) / NS_PER_DAY
    said = f"last exercised {age_days:,.0f} days ago"
    return ok("kill switch", said) if age_days <= days else fail("kill switch", f"{said}; {days} at most", advice)


class _NoLatch:
    def write(self, reason: StopReason) -> None:
        """Nothing is kept."""

    def remove(self, reason_id: str) -> None:
        """Nothing was kept."""


def failure_modes() -> Check:
    """Each mode is reported to a gate in memory, and recovers: who may send then, and who may lift it."""
    wrong = [f"{mode.value}: {fault}" for mode in FailureMode if (fault := _fault_of(mode))]
    if wrong:
        return fail("failure modes", "; ".join(wrong), "this build is not to be deployed: report it")
    stop = sum(TABLE[mode].level >= ENTRY_LIMIT for mode in FailureMode)
    manual = sum(TABLE[mode].needs_operator for mode in FailureMode)
    said = f"{len(FailureMode)} modes tried on a gate: {stop} stop entries, {manual} wait for an operator"
    return ok("failure modes", f"{said}; docs/FAILURE_MODES.md has each")


def _fault_of(mode: FailureMode) -> str | None:
    row = TABLE.get(mode)
    if row is None:
        return "no row says what to do"
    gate = Gate((), lambda _: 0, _NoLatch())
    report = FailureReported(mode=mode, scope="all", detail="tried by the doctor")
    decision = decide(report, 0)
    if not isinstance(decision, Shut):
        return "it does nothing to the gate"
    gate.shut(decision.reason, by=None)
    scopes = frozenset({"all"})
    for is_entry, limit in ((True, ENTRY_LIMIT), (False, EXIT_LIMIT)):
        is_refused = gate.refusal_in(scopes, is_entry=is_entry) is not None
        if is_refused is not (row.level >= limit):
            return f"{'entries' if is_entry else 'exits'} are {'refused' if is_refused else 'let out'}"
    is_lifted = isinstance(decide(report.model_copy(update={"recovered": True}), 0), Lift)
    return "its recovery lifts what an operator must" if is_lifted and row.needs_operator else None


def broker_disconnect() -> Check:
    row = TABLE[FailureMode.BROKER_DISCONNECT]
    if row.level < StopLevel.SOFT:
        return fail("broker gone", f"it only counts as {row.level.name}", "let it stop entries at least")
    by = "an operator" if row.needs_operator else "its return"
    return ok("broker gone", f"{row.level.name} until {by} lifts it; its plan waits until the books are compared")


def decision_log(logs_dir: Path) -> Check:
    advice = "run on paper for a while, then look again; a run without it is not to be trusted"
    folder = current_session(logs_dir / "sessions")
    if folder is None:
        return fail("decisions", f"no session below {logs_dir} has shown that they are logged", advice)
    path = folder / decisions.FILE_NAME
    try:
        head, broken = decisions.verify_file(path)
    except OSError as error:
        return fail("decisions", f"{path} cannot be read: {error.strerror}", advice)
    if broken is not None and "torn" not in broken.reason:
        said = f"{path}, line {broken.line}: {broken.reason}"
        return fail("decisions", said, "somebody changed it: `bulkhead verify`")
    if not head.seq:
        return fail("decisions", f"session {folder.name} has logged none", advice)
    return ok("decisions", f"session {folder.name} logged {head.seq:,}, chained")


def config_snapshot(settings: Settings) -> Check:
    logs_dir = settings.session.logs_dir
    advice = "a start writes it: run on paper with this configuration"
    folder = current_session(logs_dir / "sessions")
    try:
        last = None if folder is None else SessionFolder.open(folder).metadata.config_snapshot_id
    except SessionFolderError as error:
        return fail("settings", str(error), advice)
    if last is None or not snapshot_path(logs_dir, last).is_file():
        return fail("settings", "no snapshot of the last session's settings is in the audit folder", advice)
    mine = snapshot_of(settings).snapshot_id
    if mine != last:
        return warn("settings", f"snapshot {last} is of other settings than these ({mine})", advice)
    return ok("settings", f"snapshot {mine} is in the audit folder")


def audit_chain(logs_dir: Path) -> Check:
    lines, findings = audit_findings(logs_dir)
    if not findings:
        return ok("audit", f"{lines:,} lines, chained")
    first = findings[0]
    at = "" if first.line is None else f", line {first.line}"
    return fail("audit", f"{first.file}{at}: {first.what}", "find out who changed it; put the file aside and keep it")


def backups(settings: Settings, now_ns: int) -> Check:
    ledger = settings.session.ledger_file
    if not ledger.exists():
        return ok("backup", f"{ledger} does not exist yet: nothing to keep")
    advice = "`bulkhead backup DEST`, to another disk, by a timer"
    made = last_backup(settings.session.logs_dir, ledger)
    if made is None:
        return fail("backup", f"none of {ledger} is known", advice)
    if not Path(made.backup).is_file():
        return warn("backup", f"the last one, {made.backup}, is not there now", advice)
    age_days = (now_ns - made.at_ns) / NS_PER_DAY
    said = f"{made.backup} is {age_days:,.1f} days old"
    return ok("backup", said) if age_days <= BACKUP_DAYS else warn("backup", f"{said}; {BACKUP_DAYS} at most", advice)


def alerts(settings: Settings, now_ns: int) -> Check:
    if settings.alerts.urls_env is None:
        said = "nobody is told when something goes wrong"
        if settings.alerts.required:
            return fail("alert test", said, "set alerts.urls_env, or alerts.required = false")
        return warn("alert test", f"{said}: alerts.required = false", "set alerts.urls_env")
    advice = "`bulkhead alerts test`, and see that it arrives"
    made = last_test(settings.session.logs_dir)
    if made is None:
        return fail("alert test", "never tried", advice)
    if not made.ok or made.log_only:
        return fail("alert test", f"the test of {made.at} did not reach everybody", advice)
    age_days = now_ns / NS_PER_DAY - datetime.fromisoformat(made.at).astimezone(UTC).timestamp() / 86_400
    said = f"tried {age_days:,.0f} days ago, and each target took it"
    return ok("alert test", said) if age_days <= ALERT_TEST_DAYS else warn("alert test", said, advice)


def clock_state() -> int | None:
    """What the kernel says of its clock, which needs no right; None where there is no adjtimex(2)."""
    try:
        return int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)))
    except (OSError, AttributeError):
        return None


def time_sync(state: int | None) -> Check:
    if state is None or state < 0:
        return warn("time", "whether the clock is synchronised cannot be told", "see that NTP runs")
    if state == TIME_ERROR:
        said = "the kernel says that its clock is not synchronised"
        return warn("time", said, "let chrony or systemd-timesyncd run; in a container the host's counts")
    return ok("time", "the kernel's clock is synchronised")


def for_live(settings: Settings) -> Iterator[Check]:
    """What live wants: a failure where live is configured, else what is to be done before."""
    try:
        strategies = preflight.load_strategies(settings.with_tape(ANY_TAPE))
    except Stopped:
        return  # the doctor has said it
    is_live = settings.session.mode is Mode.LIVE
    found = [lack for lack in lacks(settings, strategies) if lack.name != "secrets"]
    for lack in found:
        yield _lacking(lack, is_live)
    if not found:
        yield ok("for live", "on_stop declared, a paper record, a ledger on a local disk")


def _lacking(lack: Lack, is_live: bool) -> Check:
    return (fail if is_live else warn)("for live", f"{lack.name}: {lack.said}", lack.advice)
