"""KIS's notices of orders: encrypted, in two layouts, without an execution id."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.venues.wire.facts import Ignored, ProtocolError, Received
from bulkhead.venues.wire.fields import Malformed
from bulkhead.venues.wire.kis import notices, streams
from bulkhead.venues.wire.kis_cipher import NoticeKey, decrypt, encrypt
from bulkhead.venues.wire.kis_fields import kst_ns
from messages.values import Side
from tests.venues.wire import kis_samples as samples

RECEIVED = Received(at_ns=kst_ns("20261123", "100514"), monotonic_ns=8)
OTHER_KEY = NoticeKey(samples.KEY[::-1], samples.IV)
PERSONAL = ("HTSUSER1", "1234567801", "홍길동")
K, R = notices.Kind, notices.Request


def read(text: str, key: NoticeKey | None = samples.NOTICE_KEY) -> notices.NoticeEvents:
    frame = streams.message(text)
    assert isinstance(frame, streams.Frame)
    return notices.notices(frame, key, RECEIVED)


def one(plain: str) -> notices.OrderNotice:
    found = read(samples.encrypted(plain))
    assert isinstance(found, tuple)
    (notice,) = found
    return notice


# -- layouts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", [samples.FILL_23, samples.FILL_26])
def test_a_fill_in_either_layout(fill: list[str]) -> None:
    notice = one(samples.notice(fill))
    assert (notice.account, notice.number, notice.original) == ("1234567801", "0000004711", None)
    assert (notice.symbol, notice.side, notice.branch) == ("005930", Side.BUY, "06010")
    assert (notice.kind, notice.request) == (K.FILLED, R.NEW)
    assert [notice.filled, notice.price] == [4, 70_950]
    assert notice.at_ns == kst_ns("20261123", "100513")


def test_several_notices_in_one_frame_and_a_frame_that_is_not_encrypted() -> None:
    two = (samples.notice(samples.FILL_23), samples.notice(samples.FILL_23, {9: "0000000006"}))
    encrypted, plain = read(samples.encrypted(*two)), read(f"0|H0STCNI0|002|{'^'.join(two)}", None)
    assert encrypted == plain
    assert isinstance(plain, tuple)
    assert [notice.filled for notice in plain] == [4, 6]


def test_two_equal_fills_and_a_repeat_look_the_same() -> None:
    """Why a notice is a reason to ask for the lists, and never a fill to book."""
    assert one(samples.notice()) == one(samples.notice())


def test_an_order_number_without_padding_is_the_same_number() -> None:
    assert one(samples.notice(at={2: "4711"})).number == one(samples.notice()).number


# -- what it says -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "request_kind", "kind"),
    [
        ({13: "1", 14: "1"}, R.NEW, K.RECEIVED),
        ({13: "1", 14: "2"}, R.NEW, K.CONFIRMED),
        ({13: "1", 14: "3"}, R.NEW, K.ENDED),
        ({13: "1", 14: "2", 5: "1", 3: "0000004710"}, R.AMEND, K.CONFIRMED),
        ({13: "1", 14: "2", 5: "2", 3: "0000004710"}, R.CANCEL, K.CONFIRMED),
        ({13: "1", 12: "1"}, R.NEW, K.REFUSED),
        ({13: "1", 12: "1", 14: ""}, R.NEW, K.REFUSED),
        ({13: "1", 14: "1", 9: "0000000000", 10: "0"}, R.NEW, K.RECEIVED),
        ({13: "1", 14: "1", 9: "", 10: ""}, R.NEW, K.RECEIVED),
    ],
)
def test_what_is_no_fill_has_no_filled_quantity(
    changes: dict[int, str], request_kind: notices.Request, kind: notices.Kind
) -> None:
    """The same fields hold the order's own quantity and price then, or zero."""
    notice = one(samples.notice(at=changes))
    assert (notice.request, notice.kind) == (request_kind, kind)
    assert [notice.filled, notice.price] == [0, 0]
    assert notice.original == ("0000004710" if 3 in changes else None)


@pytest.mark.parametrize(
    "changes",
    [
        {9: "0"},
        {9: ""},
        {9: "-4"},
        {10: "0"},
        {12: "1"},
        {12: ""},
        {13: "3"},
        {13: "1", 14: ""},
        {1: "123456780"},
        {1: "12345678XX"},
        {2: ""},
        {2: "0000000000"},
        {4: "03"},
        {5: "9"},
        {8: ""},
        {11: "250000"},
    ],
)
def test_a_notice_that_contradicts_itself_or_the_table(changes: dict[int, str]) -> None:
    error = read(samples.encrypted(samples.notice(at=changes)))
    assert isinstance(error, ProtocolError)
    assert "^".join(samples.FILL_26[18:]) in error.raw, "what it said is kept"


# -- who may know -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "plain",
    [
        samples.notice(),
        samples.notice(at={13: "9"}),
        samples.notice(samples.FILL_23, {13: "9"}),
        samples.notice() + "^",
        samples.notice().rpartition("^")[0],
        "^".join(samples.FILL_26[:18]),
    ],
)
@pytest.mark.req("S-16")
def test_neither_an_error_nor_what_is_kept_names_person_or_account(plain: str) -> None:
    found = read(samples.encrypted(plain))
    if isinstance(found, ProtocolError):
        shown = found.reason + found.raw
    else:
        assert isinstance(found, tuple)
        shown = repr(found) + "".join(notice.raw for notice in found)
        assert "0000004711" in shown
    for name in (*PERSONAL, samples.KEY, samples.IV):
        assert name not in shown


def test_of_several_notices_each_keeps_its_own_words_without_the_person() -> None:
    found = read(samples.encrypted(samples.notice(), samples.notice(at={2: "0000004712"})))
    assert isinstance(found, tuple)
    for notice, number in zip(found, ("0000004711", "0000004712"), strict=True):
        assert notice.raw.split("^")[2] == number
        assert [notice.raw.split("^")[at] for at in (0, 1, 17)] == ["***"] * 3
        assert notice.raw.split("^")[18:] == samples.FILL_26[18:]


# -- encryption -------------------------------------------------------------------------------------------------------


def test_what_was_encrypted_with_openssl_is_read() -> None:
    """`printf %s '…' | openssl enc -aes-256-cbc -K <hex of key> -iv <hex of iv> -a -A`."""
    text = "iuEhsiGO3sXqgb5r1eVd6bsdKhGrFaaEMv2Pqp1NTyk="
    assert decrypt(samples.NOTICE_KEY, text) == "0000004711^005930"


@given(st.text())
def test_encryption_and_back(text: str) -> None:
    assert decrypt(samples.NOTICE_KEY, encrypt(samples.NOTICE_KEY, text)) == text


def test_without_a_key_or_with_another_nothing_is_read() -> None:
    text = samples.encrypted(samples.notice())
    for key in (None, OTHER_KEY):
        error = read(text, key)
        assert isinstance(error, ProtocolError)
        assert error.raw == text.split("|", 3)[3], "kept as it came"


def test_a_frame_cut_anywhere_is_an_error() -> None:
    text = samples.encrypted(samples.notice())
    head = len("1|H0STCNI9|001|")
    for end in range(head + 1, len(text)):
        assert isinstance(read(text[:end]), ProtocolError), end


def test_a_wrong_padding_is_an_error() -> None:
    sealed = bytearray(base64.b64decode(samples.encrypted(samples.notice()).split("|", 3)[3]))
    for at in range(len(sealed) - 32, len(sealed)):
        changed = bytes(byte ^ (0xFF if index == at else 0) for index, byte in enumerate(sealed))
        found = read(f"1|H0STCNI9|001|{base64.b64encode(changed).decode()}")
        assert isinstance(found, ProtocolError), at


@pytest.mark.parametrize(("key", "iv"), [("", ""), (samples.KEY[:-1], samples.IV), (samples.KEY, samples.IV + "x")])
def test_a_key_of_another_length_is_none(key: str, iv: str) -> None:
    with pytest.raises(Malformed, match="32 and 16 ASCII"):
        NoticeKey(key, iv)
    with pytest.raises(Malformed, match="32 and 16 ASCII"):
        NoticeKey("é" * 32, samples.IV)


def test_other_streams_are_not_for_this_reader() -> None:
    assert read(samples.TRADE_46) == Ignored("H0STCNT0")
