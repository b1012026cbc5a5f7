"""Session folders appear whole, are found again, and say clearly why they cannot be made."""

from pathlib import Path

import pytest

from bulkhead.ledger import files
from bulkhead.ledger.session import METADATA_NAME, SessionFolder, SessionFolderError, session_paths
from tests.ledger.stories import metadata, session_folder


@pytest.mark.req("P-17")
def test_a_session_is_made_finished_and_found_again(tmp_path: Path) -> None:
    folder = session_folder(tmp_path)
    assert folder.path == tmp_path / "sessions" / "s-1"
    assert SessionFolder.latest(tmp_path).metadata == metadata()
    folder.finish(99, "asked to", last_seq=7, decision_lines=2, decision_hash="ab")
    found = SessionFolder.open(folder.path).metadata
    assert (found.stopped_ns, found.stop_reason, found.last_seq, found.decision_lines) == (99, "asked to", 7, 2)
    assert found.started_ns == metadata().started_ns
    assert sorted(path.name for path in folder.path.iterdir()) == [METADATA_NAME]


def test_the_pointer_follows_the_newest(tmp_path: Path) -> None:
    for session_id in ("s-2", "s-1"):
        session_folder(tmp_path, session_id)
    assert (tmp_path / "sessions" / "CURRENT").read_text() == "s-1\n"
    assert SessionFolder.latest(tmp_path).metadata.session_id == "s-1"
    assert [path.name for path in session_paths(tmp_path)] == ["s-1", "s-2"]
    assert session_paths(tmp_path / "nowhere") == ()


@pytest.mark.parametrize("session_id", ["", "..", "a/b", "CURRENT", ".hidden", "a" * 129])
def test_an_id_must_be_a_folders_name(tmp_path: Path, session_id: str) -> None:
    with pytest.raises(SessionFolderError, match="cannot be a session id"):
        session_folder(tmp_path, session_id)
    assert list(tmp_path.iterdir()) == []


def test_an_id_is_used_once(tmp_path: Path) -> None:
    session_folder(tmp_path)
    with pytest.raises(SessionFolderError, match="exists already"):
        session_folder(tmp_path)


def test_metadata_must_be_of_the_session(tmp_path: Path) -> None:
    with pytest.raises(SessionFolderError, match="not 's-2'"):
        SessionFolder.create(tmp_path, "s-2", metadata())


def test_a_missing_log_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SessionFolderError, match="does not exist; make it"):
        session_folder(tmp_path / "nowhere")


def test_a_folder_that_takes_no_files_is_named() -> None:
    """/proc refuses even root, as a read-only disk does."""
    with pytest.raises(SessionFolderError, match="cannot make the session folder /proc"):
        session_folder(Path("/proc"))


def test_a_crash_while_making_it_leaves_no_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def disk_full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "sync_file", disk_full)
        with pytest.raises(SessionFolderError, match="No space left"):
            session_folder(tmp_path)
    assert session_paths(tmp_path) == ()
    session_folder(tmp_path)


def test_what_is_no_session_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(SessionFolderError, match="no session under"):
        SessionFolder.latest(tmp_path)
    with pytest.raises(SessionFolderError, match="not a readable session folder"):
        SessionFolder.open(tmp_path)
    folder = session_folder(tmp_path)
    (folder.path / METADATA_NAME).write_text("{}")
    with pytest.raises(SessionFolderError, match="damaged"):
        SessionFolder.open(folder.path)
    (tmp_path / "sessions" / "CURRENT").write_text("../../etc")
    with pytest.raises(SessionFolderError, match="does not name a session"):
        SessionFolder.latest(tmp_path)


def test_the_end_of_a_session_that_cannot_be_written_leaves_the_old_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = session_folder(tmp_path)
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
    with pytest.raises(SessionFolderError, match="Read-only"):
        folder.finish(1, "asked to")
    assert SessionFolder.open(folder.path).metadata.stopped_ns is None
    assert [path.name for path in folder.path.iterdir()] == [METADATA_NAME]
