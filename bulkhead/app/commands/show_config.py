"""`bulkhead show-config`: every setting in force, and whether the file said so or it is the default. Never a secret.

Settings name secrets and hold none, with two exceptions that are masked here: a URL may carry a password, and a
strategy's own parameters may be called anything.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any, TypeGuard

from rich.text import Text

from bulkhead.app.commands.output import QuietConsole, write_json
from bulkhead.app.exit_codes import ExitCode
from bulkhead.app.settings import load_settings

MASK = "********"
_SECRET_KEY = re.compile(r"secret|passw|token|api_?key|credential|private", re.IGNORECASE)
_URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_NAMES_ONLY = frozenset({"api_key_env", "api_secret_env"})
"""Names of environment variables, not what is in them."""

Flat = dict[str, Any]


def run(config: Path, as_json: bool) -> ExitCode:
    """Raises Stopped (exit code 4) when the file cannot be used."""
    settings = load_settings(config)
    told = flatten(tomllib.loads(config.read_text(encoding="utf-8")))
    given = {key for key, value in told.items() if value != {}}  # an empty section says nothing
    values = {key: masked(key, value) for key, value in flatten(settings.model_dump(mode="json")).items()}
    if as_json:
        entries = {key: {"value": value, "from": _source(key, given)} for key, value in values.items()}
        write_json({"file": str(config), "settings": entries})
        return ExitCode.OK
    console = QuietConsole()
    console.print(f"# {config}: what stands there is marked 'file', everything else is the default", markup=False)
    section = ""
    for key, value in values.items():
        head, _, name = key.rpartition(".")
        if head != section:
            section = head
            console.print(f"\n[{section}]", markup=False, style="bold")
        is_given = _source(key, given) == "file"
        shown = Text(f"{name} = {'none' if value is None else json.dumps(value, ensure_ascii=False)}")
        shown.pad_right(max(1, 50 - len(shown)))
        shown.append("file" if is_given else "default", style="green" if is_given else "dim")
        console.print(shown)
    return ExitCode.OK


def _source(key: str, given: set[str]) -> str:
    """A value may be normalised into several, so what lies below a given key was given too."""
    return "file" if any(key == name or key.startswith(f"{name}.") for name in given) else "default"


def flatten(data: object, prefix: str = "") -> Flat:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`; tables in a list are told apart by their id, or else their place."""
    if isinstance(data, dict) and (data or not prefix):
        items = [(str(key), value) for key, value in data.items()]
    elif _is_table_list(data):
        items = [(str(item.get("id", place)), item) for place, item in enumerate(data)]
    else:
        return {prefix: data}
    flat: Flat = {}
    for key, value in sorted(items, key=lambda item: isinstance(item[1], dict) or _is_table_list(item[1])):
        flat |= flatten(value, f"{prefix}.{key}" if prefix else key)
    return flat


def _is_table_list(data: object) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(data, list) and bool(data) and all(isinstance(item, dict) for item in data)


def masked(key: str, value: object) -> object:
    """The value, unless it is or holds a secret."""
    name = key.rpartition(".")[2]
    if value is not None and name not in _NAMES_ONLY and _SECRET_KEY.search(name):
        return MASK
    return _URL_LOGIN.sub(f"{MASK}@", value) if isinstance(value, str) else value
