"""The synthetic market: repeatable, lively, deep, and bounded."""

import hashlib
from itertools import pairwise

from bulkhead.venues.simulator.settings import SimulatorSettings
from bulkhead.venues.simulator.synthetic import STEP_MS
from bulkhead.venues.simulator.venue import Venue
from tests.venues.simulator.kit import Recorder, limit


def run(seed: int, virtual_s: float, wall_step_ms: int = STEP_MS, events_per_s: int = 200) -> tuple[Venue, Recorder]:
    clock = [1_700_000_000_000]
    recorder = Recorder()
    venue = Venue(SimulatorSettings(seed=seed, events_per_s=events_per_s), recorder, lambda: clock[0])
    for _ in range(int(virtual_s * 1000) // STEP_MS):
        clock[0] += wall_step_ms
        venue.step_synthetic()
    return venue, recorder


def fingerprint(recorder: Recorder) -> str:
    return hashlib.sha256(repr(recorder.events).encode()).hexdigest()


def test_the_same_seed_gives_the_same_events_whatever_the_wall_clock_does() -> None:
    first, again, jittered = run(7, 5), run(7, 5), run(7, 5, wall_step_ms=37)
    assert fingerprint(first[1]) == fingerprint(again[1]) == fingerprint(jittered[1])
    assert len(first[1].events) > 500


def test_another_seed_gives_other_events() -> None:
    assert fingerprint(run(7, 2)[1]) != fingerprint(run(8, 2)[1])


def test_the_number_of_events_follows_the_setting() -> None:
    for events_per_s in (200, 2_000):
        venue, recorder = run(1, 0, events_per_s=events_per_s)
        opening = len(recorder.events)
        for _ in range(500):
            venue.step_synthetic()
        assert 0.95 < (len(recorder.events) - opening) / (5 * events_per_s) < 1.1


def test_books_are_deep_and_never_crossed() -> None:
    venue, _ = run(3, 5)
    for book in venue.books.values():
        bids, asks = book.depth(100)
        assert len(bids) >= 10
        assert len(asks) >= 10
        assert bids[0][0] < asks[0][0]
        assert all(better[0] > worse[0] for better, worse in pairwise(bids))


def test_prices_move_visibly_within_seconds() -> None:
    """A strategy on one-second bars must find something: several basis points in most seconds, on every seed."""
    for seed in range(5):
        venue, _ = run(seed, 0)
        moves = []
        book = venue.books["BTCUSDT"]
        before = book.top()[0]
        for _ in range(20):
            for _ in range(100):
                venue.step_synthetic()
            after = book.top()[0]
            assert before is not None
            assert after is not None
            moves.append(abs(after / before - 1) * 10_000)
            before = after
        assert 2 < sum(moves) / len(moves) < 60


def test_state_stays_bounded_over_a_long_run() -> None:
    venue, recorder = run(2, 0, events_per_s=2_000)
    for _ in range(6_000):
        venue.step_synthetic()
        recorder.events.clear()
    assert venue.synthetic is not None
    assert all(abs(offset) < 0.2 for offset in venue.synthetic.offsets().values())
    for book in venue.books.values():
        assert sum(len(side) for side in book.depth(10_000)) < 200
        assert len(venue.recent[book.rules.symbol]) <= 1_000


def test_accounts_trade_with_the_agents() -> None:
    venue, recorder = run(1, 0)
    ask = venue.books["BTCUSDT"].top()[2]
    assert ask is not None
    order, fills = venue.place(limit("BUY", "0.001", str(ask)))
    assert order.status == "FILLED"
    assert fills[0].price == ask
    assert [report.execution_type for report in recorder.reports] == ["NEW", "TRADE"]


def test_a_resting_order_is_reached_by_the_market() -> None:
    venue, recorder = run(1, 0)
    bid = venue.books["BTCUSDT"].top()[0]
    assert bid is not None
    venue.place(limit("BUY", "0.01", str(bid)))
    for _ in range(3_000):
        venue.step_synthetic()
    assert recorder.reports[-1].status == "FILLED"
    assert recorder.reports[-1].fill is not None
    assert recorder.reports[-1].fill.is_maker
