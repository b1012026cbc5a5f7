"""KIS's WebSocket: control messages, trades and books."""

from decimal import Decimal

import pytest

from bulkhead.venues.wire.facts import Ignored, ProtocolError, Received
from bulkhead.venues.wire.fields import Malformed
from bulkhead.venues.wire.kis import market, streams
from bulkhead.venues.wire.kis_fields import kst_ns
from messages.market import Book
from messages.values import Level, Side
from tests.venues.wire import kis_samples as samples

RECEIVED = Received(at_ns=kst_ns("20261123", "093731") + 5, monotonic_ns=8)
M = streams.Meaning

# Field by field as the venue's table has them, so that a name in the wrong place is seen.
GOLDEN_TRADE = (
    "0|H0STCNT0|001|005930^093354^71900^5^-100^-0.14^72023.83^72100^72400^71700^71900^71800^1^3052507^219853241700"
    "^5105^6937^1832^84.90^1366314^1159996^1^0.39^20.28^090020^5^-200^090820^5^-500^092619^2^200^20261123^20^N^65945"
    "^216924^1118750^2199206^0.05^2424142^125.92^0^^72100"
)
GOLDEN_BOOK = (
    "0|H0STASP0|001|005930^093730^0"
    "^71900^72000^72100^72200^72300^72400^72500^72600^72700^72800"
    "^71800^71700^71600^71500^71400^71300^71200^71100^71000^70900"
    "^91918^117942^92673^77708^101730^156160^120101^172001^120520^106445"
    "^173422^172341^168930^181222^152711^130045^110213^91112^80220^70151"
    "^1157198^1330367^0^0^0^0^525778^-72000^5^-100.00^3159115^0^8^0^0^0"
)


def message(text: str) -> streams.Frame:
    frame = streams.message(text)
    assert isinstance(frame, streams.Frame)
    return frame


def events(text: str) -> market.MarketEvents:
    return market.market_events(message(text), "kis", RECEIVED)


def prints(text: str) -> tuple[market.Print, ...]:
    found = events(text)
    assert isinstance(found, tuple)
    return tuple(each for each in found if isinstance(each, market.Print))


# -- control ----------------------------------------------------------------------------------------------------------


def test_a_subscription_is_answered() -> None:
    ack = streams.message(samples.SUBSCRIBED)
    assert isinstance(ack, streams.Ack)
    assert (ack.tr_id, ack.tr_key, ack.meaning, ack.notice_key) == ("H0STCNT0", "005930", M.SUBSCRIBED, None)
    assert "SUBSCRIBE SUCCESS" in ack.reason


def test_the_key_of_notices_comes_with_their_answer_whatever_encrypt_says() -> None:
    """The sample says encrypt N, as an official one does."""
    ack = streams.message(samples.NOTICES_SUBSCRIBED)
    assert isinstance(ack, streams.Ack)
    assert ack.notice_key == samples.NOTICE_KEY


@pytest.mark.parametrize(
    ("code", "rt_cd", "meaning"),
    [
        ("OPSP0001", "0", M.UNSUBSCRIBED),
        ("OPSP0002", "1", M.SUBSCRIBED),
        ("OPSP0003", "1", M.UNSUBSCRIBED),
        ("OPSP0008", "1", M.REFUSED),
        ("OPSP0011", "1", M.KEY_REFUSED),
        ("OPSP8996", "9", M.KEY_REFUSED),
        ("OPSP9999", "1", M.REFUSED),
        ("OPSP9999", "0", M.REFUSED),
    ],
)
def test_what_an_answer_means(code: str, rt_cd: str, meaning: streams.Meaning) -> None:
    ack = streams.message(samples.ack(code, "WORDS", rt_cd=rt_cd))
    assert isinstance(ack, streams.Ack)
    assert (ack.code, ack.meaning) == (code, meaning)


def test_every_code_has_a_reason() -> None:
    assert all(len(why) > 9 for _, why in streams.CODES.values())


def test_a_ping_keeps_its_text_for_the_pong() -> None:
    assert streams.message(samples.PING) == streams.Ping(samples.PING)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "2|H0STCNT0|001|x",
        "0|H0STCNT0|001",
        "0|H0STCNT0|001|",
        "0|H0STCNT0|000|x",
        "0|H0STCNT0|1|x",
        "0|h0stcnt0|001|x",
        "{}",
        '{"header":{"tr_id":"H0STCNT0"}}',
        samples.SUBSCRIBED[:-9],
        samples.ack("OPSP0000", "SUBSCRIBE SUCCESS", rt_cd="1"),
        samples.ack("OPSP0000", "SUBSCRIBE SUCCESS", key=samples.KEY),
        samples.ack("OPSP0000", "SUBSCRIBE SUCCESS", key=samples.KEY[:-1], iv=samples.IV),
    ],
)
def test_a_message_that_cannot_be_read(text: str) -> None:
    error = streams.message(text)
    assert isinstance(error, ProtocolError)
    assert samples.KEY[:8] not in error.raw + error.reason


@pytest.mark.req("S-16")
def test_a_message_shows_no_key_and_no_person() -> None:
    ack = streams.message(samples.NOTICES_SUBSCRIBED)
    plain = message(f"0|H0STCNI9|001|{samples.notice()}")
    for secret in (samples.KEY, samples.IV, "HTSUSER1", "1234567801", "005930"):
        assert secret not in repr(ack) + repr(plain)


# -- trades -----------------------------------------------------------------------------------------------------------


def test_a_trade_of_46_fields() -> None:
    (found,) = prints(GOLDEN_TRADE)
    trade = found.trade
    assert (trade.venue, trade.symbol) == ("kis", "005930")
    assert [trade.price, trade.quantity] == [71_900, 1]
    assert (trade.event_time_ns, trade.aggressor) == (kst_ns("20261123", "093354"), Side.BUY)
    assert (trade.received_at_ns, trade.received_monotonic_ns) == (RECEIVED.at_ns, 8)
    assert (trade.event_time_is_receipt, trade.trade_id) == (False, None)
    assert found.day_volume == 3_052_507


def test_a_trade_of_47_fields_says_the_same() -> None:
    assert prints(GOLDEN_TRADE + "^2") == prints(GOLDEN_TRADE)


@pytest.mark.parametrize("session", ["1", "3", "5"])
def test_prices_of_another_session_are_not_for_us(session: str) -> None:
    """Our kinds of order are refused there."""
    other = samples.trade(MARKET_CLS_CODE=session)
    assert len(prints(samples.frame("H0STCNT0", other, samples.trade()))) == 1
    alone = market.market_events(message(samples.frame("H0STCNT0", other)), "kis", RECEIVED)
    book = market.market_events(
        message(samples.frame("H0STASP0", samples.book(MARKET_CLS_CODE=session))), "kis", RECEIVED
    )
    assert alone == book == Ignored("outside of the regular session")


def test_the_names_stand_where_the_venues_table_has_them() -> None:
    """Those too that this house does not read: a simulated venue writes by them."""
    trade = dict(zip(market.TRADE_NAMES, message(GOLDEN_TRADE).payload.split("^"), strict=False))
    named = {"STCK_OPRC": "72100", "STCK_HGPR": "72400", "STCK_LWPR": "71700", "ASKP1": "71900", "BIDP1": "71800"}
    named |= {"ACML_TR_PBMN": "219853241700", "CTTR": "84.90", "SHNU_RATE": "0.39", "OPRC_HOUR": "090020"}
    named |= {"HGPR_HOUR": "090820", "LWPR_HOUR": "092619", "TRHT_YN": "N", "BIDP_RSQN1": "216924"}
    named |= {"TOTAL_BIDP_RSQN": "2199206", "VOL_TNRT": "0.05", "VI_STND_PRC": "72100"}
    assert trade.items() >= named.items()
    book = dict(zip(market.BOOK_NAMES, message(GOLDEN_BOOK).payload.split("^"), strict=False))
    assert (book["TOTAL_ASKP_RSQN"], book["TOTAL_BIDP_RSQN"]) == ("1157198", "1330367")
    assert (book["ANTC_CNQN"], book["ANTC_VOL"], book["ACML_VOL"]) == ("0", "525778", "3159115")
    for names, widths in ((market.TRADE_NAMES, market.TRADE_WIDTHS), (market.BOOK_NAMES, market.BOOK_WIDTHS)):
        assert len(set(names)) == len(names) == widths[-1]
        assert names[-1] == "MARKET_CLS_CODE"


def test_fields_that_no_number_of_records_explains() -> None:
    assert streams.records("a^b^c^d", 2, ("x", "y"), (2,)) == ({"x": "a", "y": "b"}, {"x": "c", "y": "d"})
    for count in (1, 3, 4):
        with pytest.raises(Malformed, match=f"4 fields in {count} records: a record has 2"):
            streams.records("a^b^c^d", count, ("x", "y"), (2,))
    with pytest.raises(Malformed):
        streams.records("a^b^c", 2, ("x",), (1,))


def test_several_trades_in_one_frame() -> None:
    first, second = prints(samples.TRADES)
    assert [first.trade.price, second.trade.price] == [71_900, 71_800]
    assert (first.trade.aggressor, second.trade.aggressor) == (Side.BUY, Side.SELL)
    assert second.day_volume - first.day_volume == second.trade.quantity, "nothing is missing between them"
    (before_opening,) = prints(samples.frame("H0STCNT0", samples.trade(CCLD_DVSN="3")))
    assert before_opening.trade.aggressor is None


@pytest.mark.parametrize(
    "text",
    [
        samples.frame("H0STCNT0", samples.trade()[:45]),
        samples.frame("H0STCNT0", [*samples.trade(), ""]),
        samples.frame("H0STCNT0", samples.trade(), samples.trade()[:46]),
        samples.TRADES.replace("|002|", "|001|"),
        samples.TRADES.replace("|002|", "|003|"),
        samples.TRADE_47.replace("0|H", "1|H"),
        samples.frame("H0STCNT0", samples.trade(STCK_PRPR="0")),
        samples.frame("H0STCNT0", samples.trade(STCK_PRPR="-71900")),
        samples.frame("H0STCNT0", samples.trade(CNTG_VOL="")),
        samples.frame("H0STCNT0", samples.trade(BSOP_DATE="20261332")),
        samples.frame("H0STCNT0", samples.trade(STCK_CNTG_HOUR="9:33")),
        samples.frame("H0STCNT0", samples.trade(), samples.trade(MKSC_SHRN_ISCD="삼성전자")),
    ],
)
def test_a_frame_with_one_bad_record_makes_no_trade(text: str) -> None:
    error = events(text)
    assert isinstance(error, ProtocolError)
    assert error.raw == message(text).payload


@pytest.mark.parametrize("text", [GOLDEN_TRADE, samples.TRADE_47, samples.TRADES, GOLDEN_BOOK, samples.BOOK_60])
def test_a_frame_cut_anywhere_is_an_error_or_says_the_same(text: str) -> None:
    """The same: where only the end of the last field is missing, which nobody reads, or the newest field whole."""
    whole = events(text)
    same = 0
    for end in range(len("0|H0STCNT0|001|") + 1, len(text)):
        found = events(text[:end])
        assert isinstance(found, ProtocolError) or found == whole, end
        same += not isinstance(found, ProtocolError)
    assert same < 10


# -- books ------------------------------------------------------------------------------------------------------------


def test_a_book_of_59_fields() -> None:
    found = events(GOLDEN_BOOK)
    assert isinstance(found, tuple)
    (book,) = found
    assert isinstance(book, Book)
    assert (book.symbol, len(book.asks), len(book.bids)) == ("005930", 10, 10)
    assert book.asks[0] == Level(price=Decimal(71_900), quantity=Decimal(91_918))
    assert book.asks[9] == Level(price=Decimal(72_800), quantity=Decimal(106_445))
    assert book.bids[0] == Level(price=Decimal(71_800), quantity=Decimal(173_422))
    assert book.bids[9] == Level(price=Decimal(70_900), quantity=Decimal(70_151))
    assert book.event_time_ns == kst_ns("20261123", "093730"), "its day is that of its arrival"
    assert events(GOLDEN_BOOK + "^2") == found, "60 fields say the same"


def test_levels_that_are_not_there_are_left_out() -> None:
    thin = samples.book(ASKP10="0", ASKP_RSQN10="0", **{f"BIDP{n}": "0" for n in range(1, 11)})
    found = events(samples.frame("H0STASP0", thin))
    assert isinstance(found, tuple)
    (book,) = found
    assert isinstance(book, Book)
    assert (len(book.asks), book.bids) == (9, ())


@pytest.mark.parametrize(
    "record",
    [
        samples.book()[:58],
        [*samples.book(), ""],
        samples.book(ASKP2="71900"),
        samples.book(BIDP1="70000"),
        samples.book(ASKP_RSQN1="x"),
        samples.book(BSOP_HOUR="247000"),
    ],
)
def test_a_book_out_of_order_is_no_book(record: list[str]) -> None:
    assert isinstance(events(samples.frame("H0STASP0", record)), ProtocolError)


def test_other_streams_are_not_for_this_reader() -> None:
    assert events(samples.encrypted(samples.notice())) == Ignored("H0STCNI9")
