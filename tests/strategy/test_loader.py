"""From configuration to a strategy: what is wrong is said in words, and the key is named."""

from decimal import Decimal
from pathlib import Path

import pytest

from bulkhead.strategy.loader import (
    BadParameters,
    NotAStrategy,
    StrategyNotFound,
    build_strategy,
    check_parameters,
    load_strategy,
)
from bulkhead.strategy.trend import EmaTrend

MINE = """
from bulkhead import Strategy

class Mine(Strategy):
    class Parameters(Strategy.Parameters):
        size: int

class Helper:
    pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "broken.py").write_text("raise RuntimeError('no luck')\n")
    (tmp_path / "typo.py").write_text("def f(:\n")
    (tmp_path / "lacks.py").write_text("import a_module_that_is_not_there\n")
    return tmp_path


def test_an_importable_class_is_found() -> None:
    assert load_strategy("bulkhead.strategy.trend:EmaTrend") is EmaTrend


@pytest.mark.parametrize("target", ["mine.py:Mine", "mine:Mine"])
def test_a_file_of_the_folder_is_found(target: str, folder: Path) -> None:
    built = build_strategy(target, ("BTCUSDT",), {"size": 3}, folder)
    assert type(built).__name__ == "Mine"
    assert built.symbols == ("BTCUSDT",)
    assert built.parameters.model_dump() == {"size": 3}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("EmaTrend", "not of the form"),
        ("bulkhead.strategy.trend:", "not of the form"),
        ("bulkhead.strategy.tend:EmaTrend", "no module"),
        ("nowhere.at_all:X", "no module"),
        ("absent.py:X", "no file"),
        ("bulkhead.strategy.trend:EmaTrand", "did you mean 'EmaTrend'"),
        ("broken.py:X", "RuntimeError: no luck"),
        ("typo.py:X", "SyntaxError"),
        ("lacks.py:X", "a_module_that_is_not_there"),
    ],
)
def test_what_cannot_be_found_is_said(target: str, words: str, folder: Path) -> None:
    with pytest.raises(StrategyNotFound, match=words):
        load_strategy(target, folder)


def test_an_import_that_fails_inside_a_package_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = folder / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "needs.py").write_text("import a_module_that_is_not_there\n")
    (package / "bad.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(StrategyNotFound, match=r"importing 'pack.needs' failed.*a_module_that_is_not_there"):
        load_strategy("pack.needs:X")
    with pytest.raises(StrategyNotFound, match="ZeroDivisionError"):
        load_strategy("pack.bad:X")


@pytest.mark.parametrize("target", ["mine.py:Helper", "bulkhead.strategy.api:Strategy", "bulkhead.strategy.api:Answer"])
def test_what_is_no_strategy_is_refused(target: str, folder: Path) -> None:
    with pytest.raises(NotAStrategy):
        load_strategy(target, folder)


@pytest.mark.parametrize(
    ("parameters", "key", "words"),
    [
        ({"fsat_s": 3}, "fsat_s", "did you mean 'fast_s'"),
        ({"stop_loss_bps": "many"}, "stop_loss_bps", "stop_loss_bps = 'many'"),
        ({"fast_s": 90}, "", "fast_s must be shorter"),
    ],
)
def test_bad_parameters_are_named(parameters: dict[str, object], key: str, words: str) -> None:
    with pytest.raises(BadParameters, match=words) as caught:
        check_parameters(EmaTrend, parameters)
    assert caught.value.key == key


def test_a_missing_parameter_is_named(folder: Path) -> None:
    with pytest.raises(BadParameters, match="needs the parameter 'size'"):
        build_strategy("mine.py:Mine", (), {}, folder)


def test_decimals_of_a_toml_file_stay_exact() -> None:
    parameters = check_parameters(EmaTrend, {"stop_loss_bps": 12.3, "quantity": "0.1"})
    assert isinstance(parameters, EmaTrend.Parameters)
    assert parameters.stop_loss_bps == Decimal("12.3")
    assert parameters.quantity == Decimal("0.1")
