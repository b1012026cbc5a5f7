"""How a tape meets account orders: displayed size, the queue at a price, prints through it, crossed books."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bulkhead.venues.simulator.orders import Order, OrderRequest
from bulkhead.venues.simulator.settings import SimulatorSettings
from bulkhead.venues.simulator.venue import Venue
from tests.venues.simulator.kit import T0, D, Recorder, ask, bid, limit, market, tape, trade

Play = Callable[..., tuple[Venue, Recorder]]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """A lockstep venue over these rows, free of commission; the account holds cash and shares."""
    with ExitStack() as stack:

        def start(*rows: str) -> tuple[Venue, Recorder]:
            settings = SimulatorSettings(
                market="tape",
                lockstep=True,
                tape_files=(tape(tmp_path / "BAC-1.csv", rows),),
                commission_bps=D(0),
                balances={"USD": D(100_000), "BAC": D(10_000)},
            )
            recorder = Recorder()
            venue = Venue(settings, recorder)
            stack.callback(venue.close)
            return venue, recorder

        yield start


def step(venue: Venue, instants: int = 1) -> None:
    assert venue.tape is not None
    for _ in range(instants):
        venue.tape.play_instant(0)


def order(side: str, quantity: str, price: str, tif: str = "GTC", number: str = "a1") -> OrderRequest:
    return limit(side, quantity, price, tif, number, "BACUSD")


def place(venue: Venue, request: OrderRequest) -> Order:
    return venue.place(request)[0]


def fills(recorder: Recorder) -> list[tuple[object, object]]:
    return [(report.fill.price, report.fill.quantity) for report in recorder.reports if report.fill]


def tops(recorder: Recorder) -> list[tuple[object, ...]]:
    return [event[3:] for event in recorder.events if event[0] == "top"]


def test_an_order_takes_displayed_size_best_price_first_across_exchanges(play: Play) -> None:
    venue, recorder = play(ask(0, "10.02", 300, "P"), ask(0, "10.01", 100, "Q"), ask(0, "10.01", 50, "N"))
    step(venue)
    assert place(venue, order("BUY", "400", "10.05", "IOC")).status == "FILLED"
    assert fills(recorder) == [(D("10.01"), D(100)), (D("10.01"), D(50)), (D("10.02"), D(250))]


def test_size_stays_taken_until_the_next_row_of_that_exchange_and_side(play: Play) -> None:
    venue, recorder = play(
        ask(0, "10.01", 100, "Q"),
        bid(1, "10.00", 100, "Q"),
        ask(2, "10.01", 100, "N"),
        ask(3, "10.01", 100, "Q"),
    )
    step(venue)
    assert place(venue, order("BUY", "60", "10.01", "IOC")).filled == 60
    step(venue)
    assert place(venue, order("BUY", "100", "10.01", "IOC", "a2")).filled == 40
    step(venue)
    assert place(venue, order("BUY", "200", "10.01", "IOC", "a3")).filled == 100
    step(venue)
    assert place(venue, order("BUY", "200", "10.01", "IOC", "a4")).filled == 100
    assert sum(fill[1] for fill in fills(recorder)) == 300  # type: ignore[misc]


def test_an_arriving_quote_fills_what_it_crosses_at_the_resting_price_up_to_its_size(play: Play) -> None:
    venue, recorder = play(ask(0, "10.05", 100), ask(1, "10.00", 150), ask(2, "10.00", 150))
    step(venue)
    low = place(venue, order("BUY", "100", "10.00", number="low"))
    high = place(venue, order("BUY", "100", "10.02", number="high"))
    step(venue)
    assert fills(recorder) == [(D("10.02"), D(100)), (D("10.00"), D(50))]
    assert (high.status, low.leaves) == ("FILLED", D(50))
    assert venue.books["BACUSD"].top()[2] is None  # all of the quote was taken
    step(venue)
    assert low.status == "FILLED"
    assert venue.books["BACUSD"].top()[2:] == (D("10.00"), D(100))


def test_a_print_through_a_resting_order_fills_it_at_its_limit(play: Play) -> None:
    venue, recorder = play(bid(0, "10.00", 500), trade(1, "9.99", 120))
    step(venue)
    buy = place(venue, order("BUY", "200", "10.00"))
    sell = place(venue, order("SELL", "200", "10.10", number="a2"))
    step(venue)
    assert fills(recorder) == [(D("10.00"), D(120))]
    assert (buy.leaves, sell.leaves) == (D(80), D(200))


def test_a_sale_is_filled_by_prints_above_it(play: Play) -> None:
    venue, _ = play(bid(0, "10.00", 500), trade(1, "10.11", 500))
    step(venue)
    sell = place(venue, order("SELL", "200", "10.10"))
    step(venue)
    assert (sell.status, sell.quote_filled) == ("FILLED", D(2020))


def test_at_its_own_price_an_order_waits_for_the_queue_ahead(play: Play) -> None:
    venue, _ = play(
        bid(0, "10.00", 300, "Q"),
        bid(0, "10.00", 200, "N"),
        trade(1, "10.00", 400),
        bid(2, "10.00", 900, "Q"),  # joins behind us
        trade(3, "10.00", 150),
        trade(4, "10.00", 70),
    )
    step(venue)
    buy = place(venue, order("BUY", "100", "10.00"))
    step(venue)
    assert buy.leaves == 100
    step(venue, 2)
    assert buy.leaves == 50  # 400 + 150 printed, 500 stood before us
    step(venue)
    assert buy.status == "FILLED"


def test_one_print_is_shared_and_never_filled_twice(play: Play) -> None:
    venue, recorder = play(bid(0, "9.00", 1), trade(1, "10.00", 100), trade(2, "10.00", 300))
    step(venue)
    first = place(venue, order("BUY", "60", "10.01", number="a1"))
    second = place(venue, order("BUY", "60", "10.00", number="a2"))
    third = place(venue, order("BUY", "60", "10.00", number="a3"))
    step(venue)
    assert (first.leaves, second.leaves, third.leaves) == (D(0), D(20), D(60))
    step(venue)
    assert (second.leaves, third.leaves) == (D(0), D(0))
    assert sum(fill[1] for fill in fills(recorder)) == 180  # type: ignore[misc]


def test_crossed_and_locked_books_are_published_as_they_are_and_trade_nothing(play: Play) -> None:
    venue, recorder = play(bid(0, "10.02", 100, "Q"), ask(0, "10.01", 200, "N"), ask(1, "10.02", 200, "N"))
    step(venue, 2)
    assert tops(recorder) == [
        (D("10.02"), D(100), None, D(0)),
        (D("10.02"), D(100), D("10.01"), D(200)),
        (D("10.02"), D(100), D("10.02"), D(200)),
    ]
    assert len(recorder.events) == 3


def test_the_top_is_published_only_when_it_changes(play: Play) -> None:
    venue, recorder = play(
        bid(0, "10.00", 100, "Q"),
        bid(1, "10.00", 100, "Q"),  # the same again
        bid(2, "9.99", 500, "N"),  # behind the best
        bid(3, "10.00", 50, "N"),  # more at the best
        bid(4, "10.00", 0, "Q"),  # withdrawn
        bid(5, "9.98", 0, "P"),  # was not there
    )
    step(venue, 6)
    assert [top[:2] for top in tops(recorder)] == [(D("10.00"), D(100)), (D("10.00"), D(150)), (D("10.00"), D(50))]


def test_every_print_is_published_with_the_tapes_time_and_rising_ids(play: Play) -> None:
    venue, recorder = play(bid(0, "10.00", 100), ask(0, "10.02", 100), *(trade(1, "10.00", 5) for _ in range(3)))
    step(venue, 2)
    prints = [event for event in recorder.events if event[0] == "trade"]
    assert prints == [("trade", "BACUSD", number, D("10.00"), D(5), True) for number in (1, 2, 3)]
    assert venue.now_ms() == T0 + 1


def test_a_market_order_takes_the_displayed_size_and_the_rest_expires(play: Play) -> None:
    venue, _ = play(ask(0, "10.01", 100, "Q"), ask(0, "10.09", 100, "N"))
    step(venue)
    taken = place(venue, market("BUY", "500", symbol="BACUSD"))
    assert (taken.status, taken.filled, taken.quote_filled) == ("EXPIRED", D(200), D(2010))


def test_fok_counts_displayed_size_and_own_orders_meet_in_price_time(play: Play) -> None:
    venue, recorder = play(ask(0, "10.02", 100, "Q"))
    step(venue)
    place(venue, order("SELL", "50", "10.01", number="own"))
    assert place(venue, order("BUY", "151", "10.02", "FOK", "a1")).filled == 0
    assert place(venue, order("BUY", "150", "10.02", "FOK", "a2")).filled == 150
    assert [fill for fill in fills(recorder) if fill[0] == D("10.01")] == [(D("10.01"), D(50))] * 2


def test_depth_adds_up_exchanges_and_tells_changes(play: Play) -> None:
    venue, _ = play(
        bid(0, "10.00", 100, "Q"), bid(0, "10.00", 200, "N"), bid(0, "9.99", 5, "P"), bid(1, "9.98", 7, "Q")
    )
    book = venue.books["BACUSD"]
    book.track_depth(is_wanted=True)
    step(venue)
    assert book.depth(5) == ([(D("10.00"), D(300)), (D("9.99"), D(5))], [])
    assert book.take_changes() == (1, [(D("10.00"), D(300)), (D("9.99"), D(5))], [])
    step(venue)
    assert book.take_changes() == (4, [(D("10.00"), D(200)), (D("9.98"), D(7))], [])
    assert book.take_changes() is None


def test_commission_of_a_tape_is_in_the_quote_asset(tmp_path: Path) -> None:
    path = tape(tmp_path / "BAC-1.csv", [ask(0, "10.00", 100)])
    venue = Venue(SimulatorSettings(market="tape", lockstep=True, tape_files=(path,), commission_bps=D(10)), Recorder())
    step(venue)
    assert venue.place(order("BUY", "100", "10.00"))[1][0].commission_asset == "USD"
    assert venue.client.balance("USD").free == D(1_000_000) - 1_000 - 1
    venue.close()
