"""Which tests bear which marks, found without running anything."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def marked(mark: str) -> dict[str, list[str]]:
    """`file::test` of every test with this mark, by each word that the mark names."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for word in (word for decorator in node.decorator_list for word in _words(decorator, mark)):
                    found.setdefault(word, []).append(f"{path.relative_to(ROOT).as_posix()}::{node.name}")
    return found


def _words(expression: ast.expr, mark: str) -> list[str]:
    """Arguments of `pytest.mark.<mark>(...)` in a decorator."""
    if isinstance(expression, ast.Call) and ast.unparse(expression.func) == f"pytest.mark.{mark}":
        return [str(word.value) for word in expression.args if isinstance(word, ast.Constant)]
    return []
