"""The recorder's files, opened for one session, and the audit snapshot of its configuration."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bulkhead.app.masking import masked
from bulkhead.app.settings import Settings
from bulkhead.ledger.decisions import FILE_NAME as DECISIONS_FILE
from bulkhead.ledger.decisions import DecisionWriter
from bulkhead.ledger.export import Exporter, ExportGap
from bulkhead.ledger.files import replace_text
from bulkhead.ledger.inputs import InputsWriter
from bulkhead.ledger.sqlite import LedgerReader
from messages.records import LedgerEvent


class ExportSink:
    """The observation files, which are never ahead of the ledger and fill their own gaps from it."""

    def __init__(self, session_dir: Path, ledger_file: Path) -> None:
        self._exporter = Exporter(session_dir)
        self._ledger_file = ledger_file
        self._catch_up()

    def append(self, events: Sequence[LedgerEvent]) -> None:
        try:
            self._exporter.append(events)
        except ExportGap:
            self._catch_up()

    def close(self) -> None:
        self._catch_up()
        self._exporter.close()

    def _catch_up(self) -> None:
        reader = LedgerReader(self._ledger_file)
        try:
            self._exporter.catch_up(reader)
        finally:
            reader.close()


def open_sinks(session_dir: Path, ledger_file: Path) -> tuple[ExportSink, DecisionWriter, InputsWriter]:
    return (
        ExportSink(session_dir, ledger_file),
        DecisionWriter(session_dir / DECISIONS_FILE),
        InputsWriter(session_dir / "inputs"),
    )


class ConfigSnapshot(NamedTuple):
    snapshot_id: str
    """A hash of the content: the same configuration has the same id."""
    content: str
    """JSON of every setting; what is or holds a secret is masked."""


def snapshot_config(settings: Settings, logs_dir: Path, at_iso: str, code_version: str, reason: str) -> ConfigSnapshot:
    """Write the configuration as it is in force to the audit folder, unless it is there already. Raises OSError."""
    made = snapshot_of(settings)
    path = snapshot_path(logs_dir, made.snapshot_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        about = {"id": made.snapshot_id, "at": at_iso, "reason": reason, "code_version": code_version}
        content = {**about, "values": json.loads(made.content)}
        replace_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")
    return made


def snapshot_of(settings: Settings) -> ConfigSnapshot:
    """Nothing is written."""
    values = masked("", settings.model_dump(mode="json"))
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    return ConfigSnapshot(hashlib.sha256(text.encode()).hexdigest()[:16], text)


def snapshot_path(logs_dir: Path, snapshot_id: str) -> Path:
    return logs_dir / "audit" / f"config_{snapshot_id}.json"
