"""The skeleton that `bulkhead new-strategy` writes works as it is written."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from bulkhead.app.settings import load_settings
from bulkhead.strategy.loader import build_strategy
from bulkhead.strategy.template import AlreadyThere, BadName, class_name, write_skeleton


def test_its_own_test_passes(tmp_path: Path) -> None:
    files = write_skeleton("my_breakout", tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in files] == [
        "strategies/my_breakout.py",
        "tests/test_my_breakout.py",
        "config/my_breakout.toml",
    ]
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(files[1])],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 passed" in run.stdout


def test_its_configuration_loads_it(tmp_path: Path) -> None:
    strategy_file, _, config_file = write_skeleton("dip2", tmp_path)
    (config,) = load_settings(config_file).strategies
    built = build_strategy(config.use, config.traded, config.parameters, strategy_file.parent)
    assert type(built).__name__ == "Dip2"
    assert config.sizing.notional == Decimal(100)


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path) -> None:
    existing = tmp_path / "tests" / "test_mine.py"
    existing.parent.mkdir()
    existing.write_text("mine")
    with pytest.raises(AlreadyThere, match=r"test_mine\.py"):
        write_skeleton("mine", tmp_path)
    assert existing.read_text() == "mine"
    assert not (tmp_path / "strategies").exists()


@pytest.mark.parametrize("name", ["", "x", "Mine", "1st", "my-one", "../up", "class", "match", "random", "bulkhead"])
def test_names_that_cannot_be_modules_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadName):
        write_skeleton(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_class_names() -> None:
    assert class_name("my_2nd_try") == "My2ndTry"
