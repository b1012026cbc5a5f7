"""How long a strategy has run on paper, as the sessions in a folder say."""

from pathlib import Path

from bulkhead.ledger.session import SessionFolder, SessionFolderError, SessionMetadata, session_paths
from messages.values import Mode

NS_PER_HOUR = 3_600 * 10**9


def paper_hours(logs_dir: Path, fingerprint: str) -> tuple[float, int]:
    """Hours, and sessions, in which this very strategy ran on paper and that ended in order. Folders that cannot be
    read prove nothing."""
    found = [metadata for path in session_paths(logs_dir) if (metadata := _metadata(path)) is not None]
    counted = [each for each in found if _counts(each) and fingerprint in each.fingerprints.values()]
    return sum(_length_ns(each) for each in counted) / NS_PER_HOUR, len(counted)


def _metadata(path: Path) -> SessionMetadata | None:
    try:
        return SessionFolder.open(path).metadata
    except (SessionFolderError, OSError):
        return None


def _counts(metadata: SessionMetadata) -> bool:
    is_real = metadata.mode is Mode.PAPER and not metadata.is_replay
    return is_real and metadata.ended_in_order is True and metadata.stopped_ns is not None


def _length_ns(metadata: SessionMetadata) -> int:
    return max(0, (metadata.stopped_ns or 0) - metadata.started_ns)
