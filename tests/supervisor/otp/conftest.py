"""Whatever a test has hung is let go in the end."""

from collections.abc import Iterator

import pytest

from tests.supervisor.otp.kit import LET_GO


@pytest.fixture(autouse=True)
def _let_go() -> Iterator[None]:
    LET_GO.clear()
    yield
    LET_GO.set()
