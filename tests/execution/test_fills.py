"""Executions become fills, each once."""

import pytest

from bulkhead.execution.fills import FillBook, execution_of, fill_id_of, fill_of
from messages.values import Side
from tests.execution.orders import ID, T0, D, executed, order, venue_execution


def test_a_fill_carries_the_execution_and_its_order() -> None:
    fill = fill_of(order(), executed("2", 7, price="99.5", fee=D("0.1"), is_maker=True), now_ns=T0 + 99)
    assert fill.fill_id == "sim:BTCUSDT:7"
    assert (fill.strategy_id, fill.venue, fill.account) == ("trend", "sim", "paper")
    assert (fill.quantity, fill.price, fill.fee, fill.is_maker) == (D(2), D("99.5"), D("0.1"), True)
    assert fill.executed_ns == T0 + 7


def test_our_clock_stands_in_where_the_venue_gave_no_time() -> None:
    assert fill_of(order(), executed("2", venue_time_ns=None), now_ns=T0 + 99).executed_ns == T0 + 99


def test_the_stream_and_a_listing_tell_of_the_same_fill() -> None:
    streamed = fill_of(order(), executed("2", 7), T0)
    listed = fill_of(order(), execution_of(venue_execution("2", 7), ID), T0)
    assert streamed == listed


@pytest.mark.req("X-10")
@pytest.mark.lesson("L07")
def test_lesson_l07_an_execution_is_booked_once_whatever_tells_of_it() -> None:
    book = FillBook()
    streamed, listed = executed("2", 7), execution_of(venue_execution("2", 7), ID)
    assert book.is_new(order(), streamed)
    assert book.add(fill_of(order(), streamed, T0).fill_id)
    assert not book.is_new(order(), listed)
    assert not book.add(fill_of(order(), listed, T0).fill_id)


def test_the_same_execution_id_at_another_venue_or_symbol_is_another_fill() -> None:
    made = {fill_id_of(venue, symbol, "1") for venue in ("a", "b") for symbol in ("X", "Y")}
    assert len(made) == 4


def test_the_book_is_bounded_and_forgets_the_oldest() -> None:
    book = FillBook((str(n) for n in range(5)), capacity=3)
    assert list(book) == ["2", "3", "4"]
    assert len(book) == 3
    assert "1" not in book


def test_a_book_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="room for one"):
        FillBook(capacity=0)


def test_the_side_is_the_venues_own() -> None:
    assert fill_of(order(), executed("1", side=Side.SELL), T0).side is Side.SELL
