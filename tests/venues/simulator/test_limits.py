"""Rate limits on a clock of our own: windows, refusals, the ban."""

import pytest

from bulkhead.venues.simulator.errors import Refused
from bulkhead.venues.simulator.limits import RateLimiter
from bulkhead.venues.simulator.settings import Limits


def test_weight_is_counted_per_ip_and_minute() -> None:
    limiter = RateLimiter(Limits(request_weight_per_minute=10))
    limiter.charge("a", 10, 1_000)
    limiter.charge("b", 10, 1_000)
    with pytest.raises(Refused) as refused:
        limiter.charge("a", 1, 59_500)
    assert (refused.value.status, refused.value.code, refused.value.retry_after_s) == (429, -1003, 1)
    limiter.charge("a", 1, 60_000)
    assert limiter.headers("a", 60_000, with_orders=False) == {"X-MBX-USED-WEIGHT": "1", "X-MBX-USED-WEIGHT-1M": "1"}


def test_going_on_over_the_limit_ends_in_a_ban() -> None:
    limiter = RateLimiter(Limits(request_weight_per_minute=1, requests_over_limit_before_ban=3, ban_s=120))
    limiter.charge("a", 1, 0)
    statuses = []
    for _ in range(5):
        with pytest.raises(Refused) as refused:
            limiter.charge("a", 1, 1_000)
        statuses.append((refused.value.status, refused.value.retry_after_s))
    assert statuses == [(429, 59), (429, 59), (429, 59), (418, 120), (418, 120)]
    with pytest.raises(Refused, match="IP banned until 121000"):
        limiter.charge("a", 1, 120_999)
    limiter.charge("a", 1, 121_000)


def test_orders_are_counted_per_interval() -> None:
    limiter = RateLimiter(Limits(orders_per_10s=2, orders_per_day=3))
    for now_ms in (0, 9_999):
        limiter.check_order(now_ms)
        limiter.count_order(now_ms)
    with pytest.raises(Refused, match="current limit is 2 orders per 10 SECOND") as refused:
        limiter.check_order(9_999)
    assert (refused.value.code, refused.value.status) == (-1015, 429)
    limiter.check_order(10_000)
    limiter.count_order(10_000)
    with pytest.raises(Refused, match="current limit is 3 orders per 1 DAY"):
        limiter.check_order(20_000)
    headers = limiter.headers("a", 20_000, with_orders=True)
    assert (headers["X-MBX-ORDER-COUNT-10S"], headers["X-MBX-ORDER-COUNT-1D"]) == ("0", "3")
