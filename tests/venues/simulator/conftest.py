"""Fixtures: one quiet venue over real sockets, shared by the tests of a module that do not change its settings."""

from collections.abc import Iterator

import pytest

from bulkhead.venues.simulator.process import RunningSimulator, in_thread
from tests.venues.simulator.kit import QUIET, Client


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with in_thread(QUIET) as running:
        yield running


@pytest.fixture
def client(sim: RunningSimulator) -> Iterator[Client]:
    made = Client(sim.http_url)
    yield made
    made.close()
