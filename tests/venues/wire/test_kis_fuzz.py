"""Whatever KIS sends, no decoder raises, what it returns can be stored, and no error shows a secret."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from bulkhead.venues.wire.facts import Answered, HttpFact, NothingLeft, NoVerdict, ProtocolError, Received, Verdict
from bulkhead.venues.wire.kis import account, auth, market, notices, orders, price, quote, streams, terms
from bulkhead.venues.wire.kis_cipher import NoticeKey
from bulkhead.venues.wire.kis_fields import kst_ns
from messages.market_health import DataSource
from messages.orders import OrderNotSent, OrderOutcomeUnknown
from tests.venues.wire import kis_samples as samples
from tests.venues.wire.making import cancel, market_ticket
from tests.venues.wire.staining import with_one_change

NOW_NS = kst_ns("20261123", "100514")
RECEIVED = Received(at_ns=NOW_NS, monotonic_ns=8)
TICKET = market_ticket("b-1", "005930")
CALLER = terms.Caller(
    terms.Host.PAPER, terms.Keys(samples.APP_KEY, samples.APP_SECRET), "token", terms.Account("12345678")
)
OTHER_KEY = NoticeKey(samples.KEY[::-1], samples.IV[::-1])
SECRETS = (samples.ACCESS_TOKEN, samples.APPROVAL_KEY, samples.KEY, samples.IV)
SHOWN_AT_MOST = 8
"""Characters of a secret that a piece, cut or stained, may show."""

HOSTILE = ["NaN", "-1", "1e9", "", "0", "9" * 40, "9" * 25, "1e999999", "Infinity", "\ud800", "^", "|", "한", "٣", "²"]
_words = st.text(max_size=8) | st.sampled_from(HOSTILE)
_leaves = st.none() | st.booleans() | st.integers() | st.floats() | _words
_json = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


@st.composite
def stained(draw: st.DrawFn, seeds: tuple[str, ...]) -> str:
    """A sample cut, with a piece of it replaced, or said twice."""
    sample: str = draw(st.sampled_from(seeds))
    start = draw(st.integers(0, len(sample)))
    end = draw(st.integers(start, len(sample)))
    return draw(st.sampled_from([sample[:start], sample[start:], sample[:start] + draw(_words) + sample[end:]]))


@st.composite
def replaced(draw: st.DrawFn, seeds: tuple[str, ...]) -> str:
    """A document with one value replaced, removed or added somewhere."""
    return with_one_change(draw, draw(st.sampled_from(seeds)), _json)


@st.composite
def records(draw: st.DrawFn, seeds: tuple[list[str], ...], most: int = 3) -> str:
    """Records with some fields replaced, missing or too many, joined as the venue does."""
    made = []
    for _ in range(draw(st.integers(1, most))):
        record = list(draw(st.sampled_from(seeds)))
        for _ in range(draw(st.integers(0, 3))):
            record[draw(st.integers(0, len(record) - 1))] = draw(_words)
        if draw(st.booleans()):
            record = record[: draw(st.integers(0, len(record)))] + draw(st.lists(_words, max_size=2))
        made.append("^".join(record))
    return "^".join(made)


_documents = samples.AUTH + samples.REST + samples.CONTROL
_texts = st.text() | _json.map(json.dumps) | replaced(_documents) | stained(_documents)
_answers = st.builds(
    Answered,
    st.sampled_from([200, 200, 200, 403, 429, 500, 302]),
    _texts,
    st.dictionaries(st.just("tr_cont"), st.sampled_from(["M", "F", "D", "E", "", "x"])),
)
_facts: st.SearchStrategy[HttpFact] = (
    _answers | st.builds(NothingLeft, st.text(max_size=9)) | st.builds(NoVerdict, st.text(max_size=9))
)
_market = records((samples.trade(), samples.trade()[:46], samples.book(), samples.book()[:59]))
_notices = records((samples.FILL_23, samples.FILL_26))


def check(result: object) -> None:
    """It can be written down: text as UTF-8, messages as JSON, numbers to the last digit."""
    if isinstance(result, BaseModel):
        result.model_dump_json().encode()
    elif isinstance(result, tuple):
        for item in result:
            check(item)
    elif dataclasses.is_dataclass(result) and not isinstance(result, type):
        for each in dataclasses.fields(result):
            check(getattr(result, each.name))
    elif isinstance(result, str):
        result.encode()
        assert len(result) <= 100_000


def shows_a_secret(result: object) -> str:
    """A piece of a secret in what is said of an error, or nothing."""
    if not isinstance(result, ProtocolError | Verdict):
        return ""
    said = result.reason + result.raw
    pieces = (secret[at : at + SHOWN_AT_MOST] for secret in SECRETS for at in range(len(secret) - SHOWN_AT_MOST + 1))
    return next((piece for piece in pieces if piece in said), "")


@settings(max_examples=300)
@given(_facts)
def test_getting_in(fact: HttpFact) -> None:
    for read in (auth.token_answer, auth.approval_answer, auth.hashkey_answer):
        result = read(fact)
        assert isinstance(result, auth.Token | str | Verdict | ProtocolError)
        check(result)


@settings(max_examples=300)
@given(_facts)
def test_outcomes(fact: HttpFact) -> None:
    (evidence,) = orders.submit_outcome(TICKET, fact, NOW_NS)
    assert evidence.client_order_id == TICKET.client_order_id
    check(evidence)
    check(orders.cancel_outcome(cancel("b-1", "005930"), fact, NOW_NS))
    if isinstance(fact, NoVerdict):
        assert isinstance(evidence, OrderOutcomeUnknown)
    if isinstance(fact, NothingLeft):
        assert isinstance(evidence, OrderNotSent)


@settings(max_examples=300)
@given(_answers)
def test_lists(answer: Answered) -> None:
    for read in (account.orders_page, account.balance_page, account.buying_power_answer):
        result = read(answer)
        check(result)
        if isinstance(result, account.OrdersPage):
            for row in result.rows:
                check((row.status.value, row.contradiction, row.raw, row.is_request_only, str(row.channel)))
                check(row.as_venue_order("b-1", "20261123"))


@settings(max_examples=300)
@given(_answers)
def test_prices(answer: Answered) -> None:
    result = price.price_answer(answer, "005930")
    check(result)
    if not isinstance(result, ProtocolError):
        check(price.instruments([result]))
    check(quote.read(answer, "005930", "kis", DataSource.SNAPSHOT, RECEIVED))


@settings(max_examples=300)
@given(_texts | stained(samples.FRAMES) | stained(samples.CONTROL))
def test_messages(text: str) -> None:
    message = streams.message(text)
    assert isinstance(message, streams.Frame | streams.Ack | streams.Ping | ProtocolError)
    if isinstance(message, streams.Frame):
        check(market.market_events(message, "kis", RECEIVED))
        for key in (None, samples.NOTICE_KEY, OTHER_KEY):
            check(notices.notices(message, key, RECEIVED))


@settings(max_examples=300)
@given(st.sampled_from(["H0STCNT0", "H0STASP0"]), st.integers(1, 999) | st.integers(1, 3), _market)
def test_market_records(tr_id: str, count: int, payload: str) -> None:
    check(market.market_events(streams.Frame(False, tr_id, count, payload), "kis", RECEIVED))


@settings(max_examples=300)
@given(st.integers(1, 999) | st.integers(1, 3), _notices | st.text())
def test_notices(count: int, payload: str) -> None:
    frame = streams.Frame(False, "H0STCNI9", count, payload)
    plain = notices.notices(frame, None, RECEIVED)
    check(plain)
    if payload.isprintable():
        sealed = streams.message(samples.encrypted(payload).replace("|001|", f"|{count:03}|"))
        assert isinstance(sealed, streams.Frame)
        assert notices.notices(sealed, samples.NOTICE_KEY, RECEIVED) == plain
        assert isinstance(notices.notices(sealed, OTHER_KEY, RECEIVED), ProtocolError)


@pytest.mark.req("S-16")
@settings(max_examples=300)
@given(stained((samples.TOKEN, samples.APPROVAL)), st.sampled_from([200, 200, 403, 500]))
def test_no_error_of_getting_in_shows_a_secret(text: str, status: int) -> None:
    for read in (auth.token_answer, auth.approval_answer, auth.hashkey_answer):
        assert shows_a_secret(read(Answered(status, text))) == ""


@pytest.mark.req("S-16")
@settings(max_examples=300)
@given(stained((samples.NOTICES_SUBSCRIBED,)) | replaced((samples.NOTICES_SUBSCRIBED,)))
def test_no_error_of_subscribing_shows_a_key(text: str) -> None:
    message = streams.message(text)
    assert shows_a_secret(message) == ""
    if isinstance(message, streams.Ack):
        said = repr(message)
        assert samples.KEY not in said
        assert samples.IV not in said


def _leaves_of(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a document a value stands."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from _leaves_of(value, (*at, key))
        yield (*at, key)


LEAVES = [(sample, at) for sample in samples.AUTH + samples.REST for at in _leaves_of(json.loads(sample))]


@pytest.mark.parametrize("hostile", [*HOSTILE, None, 7, [], {}, "x" * 20_000], ids=lambda value: repr(value)[:12])
def test_every_value_of_every_answer_may_be_anything(hostile: object) -> None:
    assert len(LEAVES) > 90
    for sample, at in LEAVES:
        document = node = json.loads(sample)
        for key in at[:-1]:
            node = node[key]
        node[at[-1]] = hostile
        answer = Answered(200, json.dumps(document), {"tr_cont": "M"})
        for grant in (auth.token_answer, auth.approval_answer, auth.hashkey_answer):
            check(grant(answer))
        check(orders.submit_outcome(TICKET, answer, NOW_NS))
        check(account.buying_power_answer(answer))
        check(quote.read(answer, "005930", "kis", DataSource.SNAPSHOT, RECEIVED))
        check(account.balance_page(answer))
        priced = price.price_answer(answer, "005930")
        check(priced if isinstance(priced, ProtocolError) else price.instruments([priced]))
        page = account.orders_page(answer)
        check(page)
        if isinstance(page, account.OrdersPage):
            check(tuple(row.as_venue_order("b-1", "20261123") for row in page.rows))
            if page.next is not None:
                check(account.orders(CALLER, account.Asked("20261123", "20261123"), page.next).query)


def test_every_sample_is_read_by_its_reader() -> None:
    """Else the fuzzing above would start from nothing."""
    frames = [streams.message(text) for text in samples.FRAMES]
    for frame in frames:
        assert isinstance(frame, streams.Frame)
        read = (
            notices.notices(frame, samples.NOTICE_KEY, RECEIVED)
            if frame.is_encrypted
            else market.market_events(frame, "kis", RECEIVED)
        )
        assert isinstance(read, tuple), read
    last = {"tr_cont": "D"}
    assert isinstance(account.orders_page(Answered(200, samples.ORDERS_PAGE, last)), account.OrdersPage)
    assert isinstance(account.balance_page(Answered(200, samples.BALANCE, last)), account.BalancePage)
    assert not [text for text in samples.CONTROL if isinstance(streams.message(text), ProtocolError)]
