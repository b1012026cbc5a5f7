"""The venue's clock: the wall's, or one that starts elsewhere and runs faster."""

from decimal import Decimal

from bulkhead.venues.simulator.clock import VenueClock
from bulkhead.venues.simulator.process import in_thread
from tests.venues.simulator.kit import QUIET, Client, now_ms

STARTS_MS = 1_772_496_000_000


class Wall:
    now_ns = 5_000_000_000

    def __call__(self) -> int:
        return self.now_ns


def test_it_is_the_walls_unless_told_otherwise() -> None:
    wall = Wall()
    clock = VenueClock(None, Decimal(1), wall)
    wall.now_ns += 7
    assert clock.now_ns() == wall.now_ns


def test_it_starts_where_it_is_told_and_runs_as_fast() -> None:
    wall = Wall()
    clock = VenueClock(STARTS_MS, Decimal("2.5"), wall)
    assert clock.now_ms() == STARTS_MS
    wall.now_ns += 4_000_000_000
    assert clock.now_ns() == STARTS_MS * 1_000_000 + 10_000_000_000


def test_a_client_that_reads_the_same_wall_can_tell_its_time() -> None:
    wall = Wall()
    clock = VenueClock(STARTS_MS, Decimal(60), wall)
    said = clock.as_json()
    wall.now_ns += 123_456_789
    speed, start, since = (said[name] for name in ("speed_millionths", "start_ns", "wall_start_ns"))
    assert isinstance(speed, int)
    assert isinstance(start, int)
    assert isinstance(since, int)
    assert start + (wall.now_ns - since) * speed // 1_000_000 == clock.now_ns()


def test_every_dialect_goes_by_it() -> None:
    with in_thread(QUIET.model_copy(update={"clock_starts_at_ms": STARTS_MS})) as sim:
        client = Client(sim.http_url)
        assert 0 <= client.get("/api/v3/time").json()["serverTime"] - STARTS_MS < 60_000
        assert abs(now_ms() - STARTS_MS) > 60_000
        client.close()
