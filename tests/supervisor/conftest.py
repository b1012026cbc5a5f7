"""`driver`: both hosts, or those that a test asks for (hosts.py). `nest`: for child processes; none is left behind."""

from collections.abc import Iterator

import pytest

from tests.supervisor.hosts import SIMULATED, THREADED, Driver
from tests.supervisor.nest import Belongings, Nest


@pytest.fixture(params=[THREADED, SIMULATED])
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    made: Driver = request.param()
    yield made
    made.close()


@pytest.fixture
def nest() -> Iterator[Nest]:
    before = Belongings()
    nest = Nest()
    yield nest
    nest.close()
    before.assert_nothing_is_left()
