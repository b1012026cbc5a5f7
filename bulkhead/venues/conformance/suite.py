"""Every check of the suite, in the order of the port.

@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_it_keeps_the_promise(check: Check) -> None:
    with my_harness() as harness:
        reason = why_not(check, harness)
        if reason is not None:
            pytest.skip(reason=reason)
        check.run(harness)
"""

from bulkhead.venues.conformance import asking, cancelling, filling, living, sending

CHECKS = (*sending.CHECKS, *cancelling.CHECKS, *filling.CHECKS, *asking.CHECKS, *living.CHECKS)
"""Names are unique. Amending and cancel-all have none: the port has no call for them."""
