"""The table of OTP's cases, in the docstring of this package, says the truth."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.supervisor import otp

HERE = Path(__file__).parent
CASES = 66
LINE = re.compile(r"^  (?P<case>\w+)?\s*(?:- (?P<reason>.+)|(?P<tests>[\w. ]+))?$")


class Case(NamedTuple):
    name: str
    tests: list[str]
    reason: str


def cases() -> list[Case]:
    found: list[Case] = []
    for text in (otp.__doc__ or "").splitlines():
        line = LINE.match(text)
        if line is None:
            continue
        if line["case"]:
            found.append(Case(line["case"], [], line["reason"] or ""))
        found[-1].tests.extend((line["tests"] or "").split())
    return found


def names_in(file: str) -> set[str]:
    tree = ast.parse((HERE / f"test_{file}.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_case_stands_there_once() -> None:
    names = [case.name for case in cases()]
    assert len(names) == len(set(names)) == CASES


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_case_has_its_tests_or_a_reason(case: Case) -> None:
    assert bool(case.tests) != bool(case.reason)
    for name in case.tests:
        file, _, test = name.partition(".")
        assert f"test_{test}" in names_in(file), name
