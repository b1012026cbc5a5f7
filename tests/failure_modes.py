"""The marks of the failure modes: a test that names a row must see that row reported, and no other.

`@pytest.mark.failure_mode("CLOCK_SKEW")`. What the house in this process reports is noted where the FailureHandler asks
the table (an end alone is no failure: who was restarted says what is over by now); a test whose house is a process of
its own hands in what its ledger says, by the fixture `reported`.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from actors import failure_handler
from bulkhead.ledger.sqlite import LedgerReader
from messages.failure import FailureReported
from messages.records import Stream
from supervisor.failure_modes import directives

MARK = "failure_mode"


def named(node: pytest.Item) -> set[str]:
    return {str(name) for mark in node.iter_markers(MARK) for name in mark.args}


@pytest.fixture
def reported() -> set[str]:
    """Names of the modes that were reported while the test ran."""
    return set()


@pytest.fixture(autouse=True)
def _only_what_it_names(request: pytest.FixtureRequest) -> Iterator[None]:
    expected = named(request.node)
    if not expected:
        yield
        return
    seen: set[str] = request.getfixturevalue("reported")
    with patch.object(failure_handler, "directives", noting(seen, directives)):
        yield
    assert seen == expected, f"{request.node.name} is marked with {sorted(expected)} and reported {sorted(seen)}"


def noting(seen: set[str], decide: Callable[..., Any]) -> Callable[..., Any]:
    def note(report: FailureReported, *arguments: Any) -> Any:
        if not report.recovered:
            seen.add(report.mode.name)
        return decide(report, *arguments)

    return note


def on_record(ledger: Path) -> set[str]:
    """Of a house that ran in a process of its own."""
    reader = LedgerReader(ledger)
    try:
        events = [json.loads(event.payload) for event in reader.events(0, (Stream.FAILURES,))]
    finally:
        reader.close()
    failures = (event["failure"] for event in events if event["type"] == "FailureRecorded")
    return {failure["mode"].upper() for failure in failures if not failure["recovered"]}
