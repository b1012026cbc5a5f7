"""docs/REQUIREMENTS.md: every requirement has its row, and what the rows say is true."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "REQUIREMENTS.md"
IDS = (
    *(f"P-{n:02}" for n in range(1, 20)),
    *(f"TEST-{n}" for n in range(710, 715)),
    *(f"X-{n:02}" for n in range(1, 13)),
    *(f"S-{n:02}" for n in range(1, 22)),
    *(f"N-{n:02}" for n in range(1, 9)),
    *(f"D-{n:02}" for n in range(1, 9)),
)
ROW = re.compile(r"\| ([A-Z]+-\d+) \| (.+?) \| (shown|part|open) \| (.*?) \| (.*?) \| (.*?) \|")
TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")


class Row(NamedTuple):
    id: str
    asks: str
    state: str
    where: str
    tests: str
    missing: str


def rows() -> list[Row]:
    return [Row(*found.groups()) for found in ROW.finditer(DOCUMENT.read_text(encoding="utf-8"))]


@cache
def marks() -> dict[str, set[str]]:
    """Ids of every test's `req` marks, by `file::test`, found without running anything."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        everywhere = {each for node in tree.body if isinstance(node, ast.Assign) for each in _ids(node.value)}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                own = {each for decorator in node.decorator_list for each in _ids(decorator)}
                found[f"{path.relative_to(ROOT).as_posix()}::{node.name}"] = own | everywhere
    return found


def _ids(expression: ast.expr) -> set[str]:
    """Arguments of `pytest.mark.req(...)` anywhere in an expression."""
    calls = (node for node in ast.walk(expression) if isinstance(node, ast.Call))
    return {
        str(argument.value)
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "req"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }


def test_every_id_is_listed_once() -> None:
    listed = Counter(row.id for row in rows())
    assert [each for each in IDS if listed[each] != 1] == []
    assert [each for each in listed if each not in IDS] == []


def test_every_mark_names_a_known_id() -> None:
    assert {each for ids in marks().values() for each in ids} <= set(IDS)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.id)
def test_a_row_says_the_truth(row: Row) -> None:
    named = [f"{file}::{test}" for file, test in TEST.findall(row.tests)]
    assert [test for test in named if test not in marks()] == [], "there is no such test"
    marked = [test for test, ids in marks().items() if row.id in ids]
    if row.state == "open":
        assert not named, "a row with a test is part or shown"
        assert not marked, f"marked as showing {row.id}: the row is part or shown by now"
    else:
        assert named, "a row that is not open names its test"
    assert (row.state == "shown") == (row.missing == "–"), "what is missing stands in every row but a shown one"


def test_the_count_of_states_is_told() -> None:
    states = Counter(row.state for row in rows())
    told = f"shown {states['shown']} · part {states['part']} · open {states['open']}"
    assert told in DOCUMENT.read_text(encoding="utf-8"), f"the summary line should say: {told}"
