"""Settings as one line for each key, and what differs between two of them. Pure."""

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

Flat = dict[str, Any]
_ABSENT = object()


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """`key: old -> new` for each that differs, in order of their names; what is masked in both shows no difference."""
    old, new = flatten(dict(before)), flatten(dict(after))
    return tuple(
        f"{key}: {_shown(old.get(key, _ABSENT))} -> {_shown(new.get(key, _ABSENT))}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key, _ABSENT) != new.get(key, _ABSENT)
    )


def _shown(value: object) -> str:
    return "absent" if value is _ABSENT else json.dumps(value, ensure_ascii=False)


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
