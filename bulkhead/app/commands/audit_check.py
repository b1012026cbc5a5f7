"""Whether the audit file holds, for the commands that say so."""

import json
from pathlib import Path

from bulkhead.ledger import audit_file
from bulkhead.ledger.sqlite import LedgerReader
from bulkhead.ledger.verify import MAX_FINDINGS_PER_FILE, Finding
from messages.records import OperatorActed, Stream

NAME = f"{audit_file.FOLDER}/{audit_file.FILE_NAME}"


def audit_findings(logs_dir: Path, ledger: Path | None = None, session_id: str = "") -> tuple[int, list[Finding]]:
    """How many lines the file below `logs_dir` has, and what is wrong with it; beside a ledger also what a session
    took from it that is not there any more, which no chain can show. Raises LedgerUnavailable."""
    try:
        found = audit_file.check(audit_file.path_in(logs_dir))
    except OSError as error:
        return 0, [Finding(file=NAME, line=None, what=f"the file cannot be read: {error.strerror or error}")]
    findings = [Finding(file=NAME, line=line, what=what) for line, what in found.breaks[:MAX_FINDINGS_PER_FILE]]
    left_off = len(found.breaks) - len(findings)
    whole = [f"and {left_off} more lines do not hold"] if left_off else []
    if found.torn_bytes:
        whole.append(
            f"the last line is torn ({found.torn_bytes} bytes): its act was not done; the next record heals it"
        )
    if ledger is not None:
        gone = _acts(ledger, session_id) - {line.hash for line in found.lines}
        whole += [f"the ledger has {len(gone)} acts of this session that are not there: lines were cut off"] * bool(
            gone
        )
    return len(found.lines) + found.unchained, [
        *findings,
        *(Finding(file=NAME, line=None, what=what) for what in whole),
    ]


def _acts(ledger: Path, session_id: str) -> set[str]:
    reader = LedgerReader(ledger)
    try:
        acts = (
            json.loads(event.payload).get("audit_id")
            for event in reader.events(streams=(Stream.OPS,), session_id=session_id)
            if event.type == OperatorActed.__name__
        )
        return {audit_id for audit_id in acts if audit_id is not None}
    finally:
        reader.close()
