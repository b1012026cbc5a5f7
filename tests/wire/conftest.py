"""One town for a module: a test that fails leaves it behind, and the next begins in a new one."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.wire.kit import Town, town

USES = 20
"""So many tests share one town: its book stands still, and each of them takes a little from it."""


class Towns:
    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders, self._stack = folders, ExitStack()
        self._town: Town | None = None
        self._uses = 0

    def get(self) -> Town:
        self._uses += 1
        if self._uses % USES == 0:
            self.leave()
        if self._town is None:
            self._town = self._stack.enter_context(town(self._folders.mktemp("town")))
        return self._town

    def leave(self) -> None:
        self._town = None
        self._stack.close()


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Towns]:
    made = Towns(tmp_path_factory)
    yield made
    made.leave()


@pytest.fixture
def here(towns: Towns, request: pytest.FixtureRequest) -> Iterator[Town]:
    """Calm, open and with nothing of ours at the venue, before and after each test."""
    failed_before = request.session.testsfailed
    found = towns.get()
    yield found
    if request.session.testsfailed > failed_before or found.is_spent:
        towns.leave()
        return
    try:
        found.clear()
        assert found.faults == []
    except BaseException:
        towns.leave()
        raise
