"""The one socket of an app key at KIS: who is told of what, when it is up, and why it is not; and the feed on it."""

from decimal import Decimal
from typing import Any

import pytest

from bulkhead.venues.transport.ws_connection import WsSettings
from messages.market import Book, FeedConnected, FeedDisconnected, FeedGap, FeedProtocolError, Quote, Trade
from messages.orders import OrderChannelDown, OrderChannelUp, VenueProtocolError
from tests.venues.adapters.kis_kit import House, house
from tests.venues.adapters.kis_peer import APPROVAL, CUT, HTS_ID, KisPeer, filled, kis_peer, refusal
from tests.venues.transport.peers import until
from tests.venues.wire import kis_samples as samples

NO_KEY = samples.ack("OPSP0000", "SUBSCRIBE SUCCESS", "H0STCNI9")


def trade(volume: int, quantity: int = 1, **more: str) -> str:
    return samples.frame("H0STCNT0", samples.trade(ACML_VOL=str(volume), CNTG_VOL=str(quantity), **more))


def opened(peer: KisPeer, port: int, url: str, **more: Any) -> House:
    desk = House(peer, port, url, **more)
    desk.orders.open(desk.log)
    return desk


# -- up and down ------------------------------------------------------------------------------------------------------


def test_one_connection_carries_notices_and_market_data() -> None:
    with house(symbols=("005930", "000660")) as desk:
        desk.ticks.wait_for(FeedConnected)
        until(lambda: len(desk.peer.subscribed) == 5, "all are registered")
        assert desk.peer.subscribed == [
            ("H0STCNI9", HTS_ID),
            ("H0STCNT0", "005930"),
            ("H0STASP0", "005930"),
            ("H0STCNT0", "000660"),
            ("H0STASP0", "000660"),
        ]
        assert len(desk.peer.sockets) == 1
        assert set(desk.peer.approvals) == {samples.APPROVAL_KEY}


@pytest.mark.parametrize(
    ("ack", "reason"),
    [
        (samples.SECOND_SESSION, "end the other program that uses this app key"),
        (samples.ack("OPSP0010", "invalid appkey", "H0STCNI9", rt_cd="9"), "check the app key"),
        (samples.ack("OPSP8992", "bad tr_key", "H0STCNI9", rt_cd="9"), "check hts_id"),
        (NO_KEY, "without a key"),
        ("", "no answer within"),
    ],
)
def test_why_the_channel_is_down_is_told_with_what_to_do(ack: str, reason: str) -> None:
    with kis_peer() as (peer, port, url):
        peer.acks.append(ack)
        desk = opened(peer, port, url, subscribe_timeout_s=0.2)
        (down, *_) = desk.log.wait_for(OrderChannelDown)
        assert reason in down.reason
        assert down.attempt == 1
        desk.log.wait_for(OrderChannelUp)
        assert isinstance(desk.orders.channel(), OrderChannelUp), "it comes back by itself"
        assert len(peer.asked(APPROVAL)) == (1 if ack else 2), "a key that gets no answer is not used all day"
        desk.orders.close(5.0)


def test_an_approval_key_that_is_refused_is_asked_for_anew() -> None:
    with kis_peer() as (peer, port, url):
        peer.acks.append(samples.ack("OPSP0011", "invalid approval", "H0STCNI9", rt_cd="9"))
        desk = opened(peer, port, url, rates={"is_enforced": False})
        desk.log.wait_for(OrderChannelUp)
        assert len(peer.asked(APPROVAL)) == 2
        desk.orders.close(5.0)


def test_a_venue_that_cuts_without_a_word_gets_a_new_approval_key_and_the_hts_id_is_named() -> None:
    with kis_peer() as (peer, port, url):
        peer.acks.append(CUT)
        desk = opened(peer, port, url, rates={"is_enforced": False})
        (down, *_) = desk.log.wait_for(OrderChannelDown)
        assert "check hts_id, a wrong one is cut off without a word" in down.reason
        desk.log.wait_for(OrderChannelUp)
        assert len(peer.asked(APPROVAL)) == 2
        desk.orders.close(5.0)


def test_without_an_approval_key_it_is_down_and_tries_again() -> None:
    with kis_peer() as (peer, port, url):
        peer.scripts[APPROVAL].append(refusal("EGW00103", "유효하지 않은 AppKey입니다."))
        desk = opened(peer, port, url, rates={"is_enforced": False})
        (down, *_) = desk.log.wait_for(OrderChannelDown)
        assert "EGW00103" in down.reason
        desk.log.wait_for(OrderChannelUp)
        desk.orders.close(5.0)


def test_a_second_session_that_takes_the_socket_is_told() -> None:
    with house() as desk:
        desk.peer.push(samples.SECOND_SESSION)
        (down, *_) = desk.log.wait_for(OrderChannelDown)
        assert "OPSP8996" in down.reason
        (feed_down, *_) = desk.ticks.wait_for(FeedDisconnected)
        assert feed_down.reason == down.reason
        desk.log.wait_for(OrderChannelUp, 2)
        desk.ticks.wait_for(FeedConnected, 2)


def test_pings_are_answered_with_their_text_in_a_pong() -> None:
    with house(ws=WsSettings(ping_after_s=30.0)) as desk:
        desk.peer.push(samples.PING)
        until(lambda: desk.peer.pongs == [samples.PING], "the pong")


def test_a_feed_alone_registers_what_it_needs_and_orders_that_open_later_are_up_at_once() -> None:
    with kis_peer() as (peer, port, url):
        desk = House(peer, port, url)
        desk.feed.open(desk.ticks)
        desk.ticks.wait_for(FeedConnected)
        desk.orders.open(desk.log)
        desk.log.wait_for(OrderChannelUp)
        assert len(peer.sockets) == 1
        desk.orders.close(5.0)
        desk.peer.push(trade(1))
        desk.ticks.wait_for(Trade)
        desk.orders.open(desk.log)
        desk.log.wait_for(OrderChannelUp, 2)
        desk.orders.close(5.0)
        desk.feed.close(5.0)
        until(lambda: peer.sockets[-1].protocol.state.name != "OPEN", "the last one out ends it")
        desk.feed.open(desk.ticks)
        desk.ticks.wait_for(FeedConnected, 2)
        desk.feed.close(5.0)


def test_a_feed_does_not_need_the_notices_of_orders_that_are_never_opened() -> None:
    with kis_peer() as (peer, port, url):
        peer.acks.append(samples.ack("OPSP8992", "bad tr_key", "H0STCNI9", rt_cd="9"))
        desk = House(peer, port, url)
        desk.feed.open(desk.ticks)
        desk.ticks.wait_for(FeedConnected)
        peer.push(trade(1))
        desk.ticks.wait_for(Trade)
        assert not desk.ticks.of(FeedDisconnected)
        desk.orders.open(desk.log)
        desk.log.wait_for(OrderChannelUp)
        assert len(peer.sockets) == 2, "orders do, and so it connects again"
        desk.orders.close(5.0)
        desk.feed.close(5.0)


def test_what_is_made_later_is_registered_on_a_new_connection() -> None:
    with kis_peer() as (peer, port, url):
        early = House(peer, port, url)
        early.orders.open(early.log)
        early.log.wait_for(OrderChannelUp)
        late = type(early.feed)(early.session)
        late.open(early.ticks)
        early.ticks.wait_for(FeedConnected)
        assert len(peer.sockets) == 2
        early.orders.close(5.0)
        late.close(5.0)


# -- the feed ---------------------------------------------------------------------------------------------------------


def test_trades_and_books_are_told() -> None:
    with house() as desk:
        desk.peer.push(samples.TRADES)
        first, second = desk.ticks.wait_for(Trade, 2)
        assert (first.price, second.quantity, second.trade_id) == (Decimal(71_900), Decimal(7), None)
        desk.peer.push(samples.BOOK_60)
        (book,) = desk.ticks.wait_for(Book)
        (quote,) = desk.ticks.of(Quote)
        assert (quote.bid, quote.bid_quantity) == (book.bids[0].price, book.bids[0].quantity)
        assert (quote.ask, quote.ask_quantity) == (book.asks[0].price, book.asks[0].quantity)
        assert desk.feed.received_market_events == 3


def test_a_book_without_a_side_has_a_quote_without_one() -> None:
    with house() as desk:
        bare = {f"ASKP{n}": "0" for n in range(1, 11)}
        desk.peer.push(samples.frame("H0STASP0", samples.book(**bare)))
        (quote,) = desk.ticks.wait_for(Quote)
        assert (quote.ask, quote.ask_quantity) == (None, None)
        assert quote.bid is not None


def test_what_is_missing_shows_in_the_volume_of_the_day() -> None:
    with house() as desk:
        desk.peer.push(trade(1_000))
        desk.peer.push(trade(1_005, 5))
        desk.peer.push(trade(1_020, 5))
        (gap,) = desk.ticks.wait_for(FeedGap)
        assert (gap.symbol, gap.expected_id, gap.received_id) == ("005930", 1_010, 1_020)
        desk.peer.push(trade(1_015, 5))  # late
        desk.peer.push(trade(1_021, 1))
        desk.peer.push(trade(3, 3, BSOP_DATE="20261124"))  # the next day
        desk.peer.push(trade(5, 2, BSOP_DATE="20261124"))
        desk.ticks.wait_for(Trade, 7)
        assert len(desk.ticks.of(FeedGap)) == desk.feed.gaps == 1


@pytest.mark.parametrize(
    "text",
    [
        samples.TRADE_47[:-20],
        samples.TRADE_47.replace("|001|", "|003|"),
        samples.frame("H0STCNT0", samples.trade()[:40]),
        samples.BOOK_60[:30],
        samples.frame("H0STCNT0", samples.trade(STCK_PRPR="-1")),
    ],
)
def test_frames_cut_anywhere_are_told_and_the_next_one_is_read(text: str) -> None:
    with house() as desk:
        desk.peer.push(text)
        desk.ticks.wait_for(FeedProtocolError)
        desk.peer.push(samples.TRADE_47)
        desk.ticks.wait_for(Trade)


def test_what_nobody_can_read_is_told_to_the_orders() -> None:
    with house() as desk:
        desk.peer.push("hello")
        desk.log.wait_for(VenueProtocolError)
        assert not desk.ticks.of(FeedProtocolError)


def test_a_registration_of_market_data_that_is_refused_is_told_and_the_others_stand() -> None:
    with house(symbols=("005930", "999999")) as desk:
        desk.peer.push(samples.ack("OPSP8992", "bad tr_key", rt_cd="9").replace("005930", "999999"))
        (refused,) = desk.ticks.wait_for(FeedProtocolError)
        assert "999999" in refused.reason
        desk.peer.push(samples.TRADE_47)
        desk.ticks.wait_for(Trade)
        assert not desk.log.of(OrderChannelDown)


def test_fills_are_told_after_the_socket_came_back() -> None:
    with house() as desk:
        ticket, row = desk.place()
        desk.peer.sockets[-1].close()
        desk.log.wait_for(OrderChannelUp, 2)
        filled(row, 4)
        desk.peer.notice(row)
        desk.heard(ticket.client_order_id, 4)


def test_a_feed_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no symbols"):
        House(KisPeer(), 1, "ws://127.0.0.1:1/", symbols=())
