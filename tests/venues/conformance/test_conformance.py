"""Each venue that the house has, held to each promise of the port."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from bulkhead.venues.conformance.check import Check, why_not
from bulkhead.venues.conformance.harness import Harness
from bulkhead.venues.conformance.suite import CHECKS
from tests.venues.conformance.binance import binance
from tests.venues.conformance.kis import kis
from tests.venues.conformance.paper import paper

Makes = Callable[[], AbstractContextManager[Harness]]
VENUES: dict[str, Makes] = {"binance": binance, "kis": kis, "paper": paper}

pytestmark = pytest.mark.process


@pytest.mark.req("S-14", "X-06")
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
@pytest.mark.parametrize("venue", VENUES)
def test_it_keeps_the_promise(venue: str, check: Check) -> None:
    with VENUES[venue]() as harness:
        reason = why_not(check, harness)
        if reason is not None:
            pytest.skip(reason=reason)
        check.run(harness)
