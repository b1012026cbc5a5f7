"""From the words of a configuration file to a strategy: find the class, check it, check its parameters.

    StrategyError
    ├── StrategyNotFound   no such module, file or class, or importing it failed
    ├── NotAStrategy       found, but not a subclass of bulkhead.Strategy
    └── BadParameters      a key is unknown, missing or has a bad value; names the key

A target is `package.module:Class`, or `file.py:Class` inside the strategies folder (also without `.py`). Importing runs
the user's module, so this belongs in the process that will run the strategy.
"""

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from pydantic import ValidationError

from bulkhead.strategy.api import Strategy

_MODULE_PREFIX = "bulkhead_strategy_file_"


class StrategyError(Exception):
    """What is wrong with a strategy as configured; the message is for the person who wrote the configuration."""


class StrategyNotFound(StrategyError):
    pass


class NotAStrategy(StrategyError):
    pass


class BadParameters(StrategyError):
    """`key` is the first parameter at fault, as it stands in the configuration."""

    def __init__(self, message: str, key: str) -> None:
        super().__init__(message)
        self.key = key


def load_strategy(target: str, folder: Path | None = None) -> type[Strategy]:
    """The class that `target` names. `folder` is where strategy files live (default `strategies`).

    Raises StrategyNotFound or NotAStrategy.
    """
    module_name, separator, class_name = target.rpartition(":")
    if not separator or not module_name or not class_name.isidentifier():
        raise StrategyNotFound(f"{target!r} is not of the form 'module:Class' or 'file.py:Class'")
    module = _load_module(module_name, folder or Path("strategies"))
    found = getattr(module, class_name, None)
    if found is None:
        raise StrategyNotFound(f"{module_name} has no {class_name!r}{_hint(class_name, _strategies_in(module))}")
    if not isinstance(found, type) or not issubclass(found, Strategy) or found is Strategy:
        raise NotAStrategy(f"{target} is not a subclass of bulkhead.Strategy")
    return found


def check_parameters(strategy: type[Strategy], parameters: Mapping[str, object]) -> Strategy.Parameters:
    """The strategy's own Parameters made of `parameters`. Raises BadParameters naming the first key at fault."""
    known = tuple(strategy.Parameters.model_fields)
    try:
        return strategy.Parameters.model_validate(dict(parameters))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            takes = ", ".join(known) or "none"
            message = f"{strategy.__name__} has no parameter {key!r}{_hint(key, known)}; it takes: {takes}"
        elif first["type"] == "missing":
            message = f"{strategy.__name__} needs the parameter {key!r}"
        elif not key:
            message = f"{strategy.__name__}: {first['msg']}"
        else:
            message = f"{strategy.__name__}: {key} = {first['input']!r}: {first['msg']}"
        raise BadParameters(message, key) from error


def build_strategy(
    target: str, symbols: tuple[str, ...], parameters: Mapping[str, object], folder: Path | None = None
) -> Strategy:
    """A new incarnation of the strategy that `target` names. Raises StrategyError; what its __init__ raises passes."""
    strategy = load_strategy(target, folder)
    return strategy(symbols, check_parameters(strategy, parameters))


def _load_module(name: str, folder: Path) -> ModuleType:
    file = folder / (name if name.endswith(".py") else f"{name}.py")
    if name.endswith(".py") or ("." not in name and file.is_file()):
        return _load_file(file)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise StrategyNotFound(f"there is no module {name!r} and no file {file}") from error
        raise StrategyNotFound(f"importing {name!r} failed: {error}") from error
    except Exception as error:
        raise StrategyNotFound(f"importing {name!r} failed: {type(error).__name__}: {error}") from error


def _load_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise StrategyNotFound(f"there is no file {file}")
    name = _MODULE_PREFIX + file.stem
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise StrategyNotFound(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic and pickle look classes up by their module's name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise StrategyNotFound(f"importing {file} failed: {type(error).__name__}: {error}") from error
    return module


def _strategies_in(module: ModuleType) -> tuple[str, ...]:
    return tuple(
        name for name, thing in vars(module).items() if isinstance(thing, type) and issubclass(thing, Strategy)
    )


def _hint(word: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
