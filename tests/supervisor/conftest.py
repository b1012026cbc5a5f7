"""The one `driver` of all tests of the runtime: both hosts, or those that a test asks for (see hosts.py)."""

from collections.abc import Iterator

import pytest

from tests.supervisor.hosts import SIMULATED, THREADED, Driver


@pytest.fixture(params=[THREADED, SIMULATED])
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    made: Driver = request.param()
    yield made
    made.close()
