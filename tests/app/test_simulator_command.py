"""simulator and new-strategy."""

import json
import shlex
import signal
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

from bulkhead.app.exit_codes import ExitCode
from bulkhead.app.settings import load_settings
from tests.app.kit import COMMAND, ROOT, TREND, Cli, real, tape_rows, write_config, write_tape


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([COMMAND, "simulator", *arguments], cwd=folder, stdout=subprocess.PIPE, text=True)


@pytest.mark.process
def test_a_run_trades_on_a_simulator_that_was_there_before(tmp_path: Path) -> None:
    process = start(tmp_path, "--port", "0", "--json")
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        assert ready["ready"] is True
        text = (ROOT / "config" / "standalone.toml").read_text(encoding="utf-8")
        assert text.count(":8765") == 3
        config = tmp_path / "standalone.toml"
        config.write_text(text.replace(":8765", f":{ready['port']}"), encoding="utf-8")
        assert load_settings(config).venue.start_simulator is False
        done = real("run", "--config", config, "--for", "2", "--json", cwd=tmp_path)
        assert done.code == ExitCode.OK, done.err
        assert json.loads(done.out)["reason"] == "ran for 2 s"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == ExitCode.OK
        process.stdout.close()
    assert (tmp_path / "logs" / "simulator.db").exists()


@pytest.mark.process
def test_it_says_where_it_listens_and_how_to_use_it(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "TEST.csv", tape_rows(30))
    process = start(tmp_path, "--port", "0", "--replay-ticks", str(tape))
    assert process.stdout is not None
    try:
        said = process.stdout.readline() + process.stdout.readline()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == ExitCode.OK
        process.stdout.close()
    assert "a simulated tape venue listens on http://127.0.0.1:" in said
    assert "logs/simulator-tape.db" in said
    assert "config/standalone.toml" in said


@pytest.mark.process
def test_the_rehearsal_at_kis_goes_as_its_document_says(tmp_path: Path) -> None:
    document = (ROOT / "docs" / "SIMULATOR_KIS.md").read_text(encoding="utf-8")
    (tmp_path / "config").symlink_to(ROOT / "config")
    process = start(tmp_path, "--dialect", "kis", "--port", "0", "--json")
    assert process.stdout is not None
    try:
        port = json.loads(process.stdout.readline())["port"]
        copy = document[document.index("    sed -e") : document.index("    bulkhead run --config my_rehearsal.toml")]
        subprocess.run(["sh", "-c", copy.replace("8766", str(port))], cwd=tmp_path, check=True)
        assert load_settings(tmp_path / "my_rehearsal.toml").venue.start_simulator is False
        done = real("run", "--config", "my_rehearsal.toml", "--for", "1", "--json", cwd=tmp_path)
        assert done.code == ExitCode.OK, done.err
        first, *_ = (line for line in document.splitlines() if line.startswith("    curl -d"))
        _, _, body, url = shlex.split(first.replace("8766", str(port)).split("#")[0])
        with urlopen(url, body.encode()) as answer:  # noqa: S310 - loopback, as the document says
            assert json.load(answer)["unknown_share"] == 1.0
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == ExitCode.OK
        process.stdout.close()
    assert (tmp_path / "logs" / "simulator-kis.db").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dialect", "moon"], "dialect: "),
        (["--market", "tape"], "--market tape needs at least one file: add --replay-ticks FILE"),
        (["--market", "synthetic", "--replay-ticks", "x.csv"], "--market synthetic contradicts --replay-ticks"),
        (["--replay-ticks", "x.csv", "--speed", "max"], "--speed max is for `bulkhead run`"),
        (["--market", "moon"], "market: "),
        (["--books-file", "/dev/null/x.db"], "the folder /dev/null cannot be made"),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, arguments: list[str], said: str) -> None:
    done = cli("simulator", *arguments)
    assert done.code == ExitCode.CONFIG
    assert said in done.sentence


def test_a_new_strategy_runs_as_it_is(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("new-strategy", "my_breakout")
    assert done.code == ExitCode.OK
    assert "bulkhead run --config config/my_breakout.toml" in done.out
    assert cli("doctor", "--config", "config/my_breakout.toml").code == ExitCode.OK

    again = cli("new-strategy", "my_breakout")
    assert again.code == ExitCode.ERROR
    assert "not overwritten: " in again.sentence
    assert "like 'my_breakout'" in cli("new-strategy", "My-Breakout").sentence
    assert json.loads(cli("new-strategy", "other", "--json").out)["config"] == "config/other.toml"


@pytest.mark.process
def test_a_run_outlives_its_reader(tmp_path: Path) -> None:
    config = write_config(tmp_path / "test.toml", strategies=TREND)
    tape = write_tape(tmp_path / "TEST.csv", tape_rows(60))
    piped = f"{COMMAND} run --config {config} --replay-ticks {tape} --speed 20 | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", piped], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "0\n", done.stderr
    assert json.loads(real("status", "--json", cwd=tmp_path).out)["detail"].startswith("stopped in order")
