"""`bulkhead show-config`: every setting in force, and whether the file said so or it is the default. Never a secret.

With a session's id: the settings that it ran with, as it recorded them.
"""

import json
import tomllib
from pathlib import Path

from rich.text import Text

from bulkhead.app.commands.output import QuietConsole, write_json
from bulkhead.app.commands.places import find_session, settings_of
from bulkhead.app.exit_codes import ExitCode
from bulkhead.app.flat import Flat, flatten
from bulkhead.app.masking import masked
from bulkhead.app.settings import load_settings


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
    _show(console, values, {key: _source(key, given) for key in values})
    return ExitCode.OK


def run_recorded(logs_dir: Path, session_id: str, as_json: bool) -> ExitCode:
    """Raises Stopped (exit code 2) when there is no such session, or it has recorded no settings."""
    folder = find_session(logs_dir, session_id)
    values = {key: masked(key, value) for key, value in flatten(settings_of(folder, logs_dir)).items()}
    if as_json:
        write_json({"session": folder.name, "settings": {key: {"value": value} for key, value in values.items()}})
        return ExitCode.OK
    console = QuietConsole()
    console.print(f"# what session {folder.name} ran with", markup=False)
    _show(console, values, {})
    return ExitCode.OK


def _show(console: QuietConsole, values: Flat, sources: dict[str, str]) -> None:
    section = ""
    for key, value in values.items():
        head, _, name = key.rpartition(".")
        if head != section:
            section = head
            console.print(f"\n[{section}]", markup=False, style="bold")
        shown = Text(f"{name} = {'none' if value is None else json.dumps(value, ensure_ascii=False)}")
        if key in sources:
            shown.pad_right(max(1, 50 - len(shown)))
            shown.append(sources[key], style="green" if sources[key] == "file" else "dim")
        console.print(shown)


def _source(key: str, given: set[str]) -> str:
    """A value may be normalised into several, so what lies below a given key was given too."""
    return "file" if any(key == name or key.startswith(f"{name}.") for name in given) else "default"
