"""What live wants beyond every start: each lack is said, all at once, with what to do; paper is not held to it."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from bulkhead import Strategy
from bulkhead.app import preflight
from bulkhead.app.disks import file_system_of, is_remote
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.live_checks import NOT_TOLD, check_live, lacks, rights_of
from bulkhead.app.paper_record import NS_PER_HOUR, paper_hours
from bulkhead.app.settings import Settings, check_settings
from bulkhead.ledger.session import SessionFolder, SessionMetadata
from bulkhead.venues.simulator.process import in_thread
from bulkhead.venues.simulator.settings import KeyRightsSection, SimulatorSettings
from messages.codes import ErrorCode
from messages.values import Mode, OnStop
from tests.venues.adapters.kit import Desk


class Undeclared(Strategy):
    pass


class Declared(Strategy):
    on_stop: ClassVar[OnStop] = OnStop.KEEP


class Heir(Declared):
    pass


def settings(folder: Path, use: str = "Declared", mode: str = "live", **more: object) -> Settings:
    sizing = {"kind": "fixed_notional", "notional": "100"}
    venue = {f"{name}_url": f"{scheme}://127.0.0.1:1" for name, scheme in URLS.items()}
    data = {
        "session": {"mode": mode, "logs_dir": str(folder), "ledger_file": str(folder / "ledger.db")},
        "venue": {"start_simulator": False, **venue},
        "live": {"min_paper_hours": 2, **more},
        "strategies": [{"id": "mine", "use": f"{__name__}:{use}", "symbols": ["BTCUSDT"], "sizing": sizing}],
    }
    return check_settings(data, "test")


URLS = {"rest": "http", "ws_api": "ws", "stream": "ws"}


def ran(folder: Path, name: str, hours: float, fingerprint: str, **changes: object) -> None:
    """A session that is over."""
    common = {"mode": Mode.PAPER, "venue": "sim", "account_masked": "p", "strategies": ("mine",), "seed": 1}
    metadata = SessionMetadata.model_validate(
        {
            **common,
            "session_id": name,
            "config_snapshot_id": "c",
            "code_version": "0",
            "started_ns": 0,
            "stopped_ns": int(hours * NS_PER_HOUR),
            "ended_in_order": True,
            "fingerprints": {"mine": fingerprint},
            **changes,
        }
    )
    folder.mkdir(exist_ok=True)
    SessionFolder.create(folder, name, metadata)


def found(made: Settings) -> dict[str, str]:
    return {lack.name: lack.said for lack in lacks(made, preflight.load_strategies(made))}


@pytest.mark.req("P-19")
@pytest.mark.code("LIVE_NOT_READY")
def test_live_is_refused_with_all_that_is_missing_and_paper_is_not(tmp_path: Path) -> None:
    live = settings(tmp_path, "Undeclared")
    with pytest.raises(Stopped) as refused:
        check_live(live, preflight.load_strategies(live))
    assert (refused.value.code, refused.value.error_code) == (ExitCode.CONFIG, ErrorCode.LIVE_NOT_READY)
    for said in ("declare its on_stop", "2 h are wanted"):
        assert said in refused.value.sentence
    paper = settings(tmp_path, "Undeclared", "paper")
    check_live(paper, preflight.load_strategies(paper))


@pytest.mark.req("P-19")
def test_with_all_of_it_live_is_started(tmp_path: Path) -> None:
    made = settings(tmp_path)
    (loaded,) = preflight.load_strategies(made)
    ran(tmp_path, "one", 1.5, loaded.fingerprint)
    assert found(made).keys() == {"paper record"}
    ran(tmp_path, "two", 0.5, loaded.fingerprint)
    assert found(made) == {}
    check_live(made, (loaded,))


def test_on_stop_may_be_inherited_from_a_class_of_the_authors(tmp_path: Path) -> None:
    assert "on_stop" in found(settings(tmp_path, "Undeclared"))
    assert "on_stop" not in found(settings(tmp_path, "Heir"))


@pytest.mark.parametrize(
    "changes",
    [
        {"ended_in_order": False},
        {"ended_in_order": None},
        {"stopped_ns": None},
        {"mode": Mode.LIVE},
        {"is_replay": True},
        {"fingerprints": {"mine": "another"}},
        {"started_ns": 4 * NS_PER_HOUR},
    ],
)
def test_what_is_no_paper_record(tmp_path: Path, changes: dict[str, object]) -> None:
    ran(tmp_path, "one", 3, "me", **changes)
    assert paper_hours(tmp_path, "me")[0] == 0
    ran(tmp_path, "two", 3, "me")
    (tmp_path / "sessions" / "junk").mkdir()
    assert paper_hours(tmp_path, "me")[0] == 3


def test_zero_hours_still_want_a_session(tmp_path: Path) -> None:
    made = settings(tmp_path, min_paper_hours=0)
    (loaded,) = preflight.load_strategies(made)
    assert "paper record" in found(made)
    ran(tmp_path, "one", 0, loaded.fingerprint)
    assert found(made) == {}


def test_a_strategy_is_another_with_other_code_symbols_or_parameters(tmp_path: Path) -> None:
    def print_of(change: Callable[[str], str] = lambda text: text, **more: object) -> str:
        file = tmp_path / "mine.py"
        file.write_text(change("from bulkhead import Strategy\nclass Mine(Strategy):\n    on_stop = None\n"))
        strategy = {"id": "mine", "use": f"{file}:Mine", "symbols": ["BTCUSDT"], "sizing": {"notional": "1"}, **more}
        (loaded,) = preflight.load_strategies(check_settings({"strategies": [strategy]}, "test"))
        return loaded.fingerprint

    same = print_of()
    assert print_of(id="renamed", sizing={"notional": "2"}) == same
    assert print_of(lambda text: text + "# a word\n") != same
    assert print_of(symbols=["ETHUSDT"]) != same


@pytest.mark.req("S-16")
def test_secret_files_that_others_may_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings(tmp_path)
    keys = {"api_key_env": "TEST_A", "api_secret_env": "TEST_B"}
    made = made.model_copy(update={"venue": made.venue.model_copy(update=keys)})
    for name in keys.values():
        (tmp_path / name).write_text("k")
        (tmp_path / name).chmod(0o600)
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    assert "secrets" not in found(made)
    (tmp_path / "TEST_B").chmod(0o644)
    assert found(made)["secrets"].startswith("TEST_B_FILE: ")


def test_the_file_system_of_a_path_is_that_of_its_nearest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "23 22 0:40 / /mnt/a\\040b rw,relatime shared:1 - nfs4 host:/x rw\n"
        "24 22 0:41 / /mnt/fuse rw - fuse.sshfs host:/y rw\n"
        "junk\n"
    )
    assert file_system_of(Path("/mnt/a b/logs"), mounts) == "nfs4"
    assert file_system_of(Path("/mnt/a"), mounts) == "ext4"
    assert file_system_of(Path("/mnt/fuse"), mounts) == "fuse.sshfs"
    assert file_system_of(Path("/x"), tmp_path / "none") is None
    assert [is_remote(kind) for kind in ("ext4", "nfs4", "fuse.sshfs", "overlay")] == [False, True, True, False]


@pytest.mark.req("P-19")
@pytest.mark.process
@pytest.mark.parametrize(
    ("rights", "said"),
    [
        (KeyRightsSection(), None),
        (KeyRightsSection(withdraw=True), "the key may withdraw"),
        (KeyRightsSection(transfer=True), "the key may withdraw or transfer"),
        (KeyRightsSection(trade=False), "the key may not trade"),
        (None, None),
    ],
)
def test_what_the_venue_says_of_the_key(tmp_path: Path, rights: KeyRightsSection | None, said: str | None) -> None:
    made = settings(tmp_path)
    simulated = SimulatorSettings(events_per_s=0, symbols=("BTCUSDT",), key_rights=rights)
    with in_thread(simulated) as venue, Desk(venue.port) as desk:
        told = rights_of(desk.orders)
        assert (told is None) is (rights is None)
        if said is None:
            words = preflight.check_rights(desk.orders, made)
            assert words == NOT_TOLD if rights is None else "trade and not withdraw" in words
            return
        with pytest.raises(Stopped, match=said) as refused:
            preflight.check_rights(desk.orders, made)
        assert refused.value.error_code is ErrorCode.LIVE_NOT_READY
        preflight.check_rights(desk.orders, settings(tmp_path, mode="paper"))
