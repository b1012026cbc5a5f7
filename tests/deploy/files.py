"""Readers of the deployment files, for what these files use of their formats and no more. What they do not understand
is an error, so nothing is passed over in silence."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
_KEY = re.compile(r"([A-Za-z_][\w.-]*):(?: +(.+))?")
_SPAN = re.compile(r"(\d+)(ms|s|min|m|h)?")
_UNIT_S = {"ms": 0.001, "s": 1.0, None: 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """`90`, `90s`, `2min`."""
    found = _SPAN.fullmatch(text)
    assert found, text
    return int(found[1]) * _UNIT_S[found[2]]


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """A systemd unit: sections, and of each key every value in its order."""
    sections: dict[str, dict[str, list[str]]] = {}
    current: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), {})
            continue
        key, sign, value = line.partition("=")
        assert sign, line
        current.setdefault(key, []).append(value)
    return sections


def dockerfile(path: Path) -> list[tuple[str, str]]:
    """Instructions with their arguments, continued lines joined."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def yaml(text: str) -> Any:
    """Maps, lists and plain, quoted or [JSON] values, by indentation."""
    lines = [
        (len(line) - len(line.lstrip()), line.strip())
        for line in text.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    value, rest = _block(lines, lines[0][0])
    assert not rest, rest
    return value


_Lines = list[tuple[int, str]]


def _block(lines: _Lines, indent: int) -> tuple[Any, _Lines]:
    if lines[0][1].startswith("- "):
        items = []
        while lines and lines[0][0] == indent and lines[0][1].startswith("- "):
            items.append(_value(lines[0][1][2:]))
            lines = lines[1:]
        return items, lines
    found: dict[str, Any] = {}
    while lines and lines[0][0] == indent:
        key = _KEY.fullmatch(lines[0][1])
        assert key, lines[0]
        assert key[1] not in found, f"{key[1]} stands there twice"
        lines = lines[1:]
        if key[2] is None and lines and lines[0][0] > indent:
            found[key[1]], lines = _block(lines, lines[0][0])
        else:
            found[key[1]] = None if key[2] is None else _value(key[2])
    return found, lines


def _value(text: str) -> Any:
    return json.loads(text) if text[0] in '["' or text.isdigit() else text
