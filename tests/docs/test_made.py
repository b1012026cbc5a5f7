"""Documents made from the code say what the code says."""

import pytest

from bulkhead.app import docs

DOCUMENTS = docs.documents()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_is_up_to_date(name: str) -> None:
    path = docs.ROOT / name
    there = path.read_text(encoding="utf-8") if path.exists() else ""
    assert there == DOCUMENTS[name], f"{name} is not what the code says: renew it with `{docs.COMMAND}`"


def test_making_them_twice_gives_the_same() -> None:
    assert docs.documents() == DOCUMENTS


def test_every_key_says_what_it_is() -> None:
    silent = [line for line in DOCUMENTS["docs/CONFIG.md"].splitlines() if line.endswith("|  |")]
    assert not silent, "give the field a docstring, or the key a remark in config/paper.toml"
