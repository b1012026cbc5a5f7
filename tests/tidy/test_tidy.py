"""Style rules of the house as tests (docs/ARCHITECTURE.md)."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.long_first import LONG_FILES

ROOT = Path(__file__).parents[2]
PACKAGES = ("actors", "bulkhead", "messages", "supervisor")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70

# Who may ask the machine for time, randomness or sleep: the runtime, the transports, what stands outside the tree
# (the command line and the simulated venue are processes of their own), and monitors that read the clock on the wall.
AMBIENT_ALLOWED = (
    "supervisor/runtime/",
    "bulkhead/venues/transport/",
    "bulkhead/venues/simulator/",
    "bulkhead/app/",
    "bulkhead/chaos/",
    "bulkhead/monitor/",
    "bulkhead/ledger/session.py",
)
AMBIENT = re.compile(
    r"\btime\.(time|time_ns|monotonic|monotonic_ns|perf_counter|perf_counter_ns|sleep)\(|\brandom\.(random|randint|choice|"
    r"uniform|shuffle|seed)\(|\buuid4\(|\bdatetime\.(now|utcnow|today)\("
)
EMPTY_PROMISES = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\bfor now\b|\bsimplified\b", re.IGNORECASE)


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages or PACKAGES for path in (ROOT / package).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("path", sources(), ids=name)
def test_source_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says what it is in its docstring"
    assert len(text.splitlines()) <= MAX_FILE_LINES, "split it"
    for function in functions(tree):
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= MAX_FUNCTION_LINES, f"{function.name} has {length} lines"
    found = EMPTY_PROMISES.search(text)
    assert found is None, f"promises nothing: {found.group()}"
    if not name(path).startswith(AMBIENT_ALLOWED):
        ambient = AMBIENT.search(text)
        assert ambient is None, f"time and randomness come from the context: {ambient.group()}"


def test_the_ambient_rule_can_fail() -> None:
    assert AMBIENT.search("now = time.time()")
    assert AMBIENT.search("id = uuid4()")


@pytest.mark.parametrize("path", sources("tests"), ids=name)
def test_skips_have_reasons(path: Path) -> None:
    for match in re.finditer(r"pytest\.(?:mark\.)?skip(?:if)?\(([^)]*)\)", path.read_text(encoding="utf-8")):
        assert "reason=" in match.group(1) or '"' in match.group(1)


def test_the_long_test_files_that_begin_first_exist() -> None:
    assert len(set(LONG_FILES)) == len(LONG_FILES)
    assert not [file for file in LONG_FILES if not (ROOT / "tests" / file).is_file()]


def test_every_file_is_small_enough_to_be_code() -> None:
    """Data belongs beside the project, not in it."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    ).stdout.split("\0")
    too_big = [file for file in tracked if file and (ROOT / file).exists() and (ROOT / file).stat().st_size > 300_000]
    assert not too_big
