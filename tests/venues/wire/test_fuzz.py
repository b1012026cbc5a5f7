"""Whatever a peer sends, no decoder raises, and what it returns can be stored."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from bulkhead.venues.wire.binance import quotes, replies, streams
from bulkhead.venues.wire.facts import Answered, HttpFact, NothingLeft, NoVerdict, ProtocolError, Received
from messages.market_health import DataSource
from messages.orders import OrderOutcomeUnknown
from tests.venues.wire import samples
from tests.venues.wire.making import cancel, market_ticket
from tests.venues.wire.staining import with_one_change

RECEIVED = Received(at_ns=7, monotonic_ns=8)
TICKET = market_ticket("6gCrw2kRUAF9CvJDGP16IP", quantity="10")

HOSTILE = ["1e999999", "1e-999999", "0e-999999", "9" * 25, "0." + "0" * 24 + "1", "9" * 100_000, "Infinity", "sNaN"]
"""No amount: written out, or as a step to round to, it would keep the house busy for ever."""

_leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["NaN", "-1", "1e9", "0", "1.0", "TRADE", "NEW", "CANCELED", "BUY", "9" * 40, "\ud800", *HOSTILE])
)
_json = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A sample of the venue with one field replaced, removed or added somewhere, or its text cut or stained."""
    sample: str = draw(st.sampled_from(samples.REST + samples.STREAMS))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(sample)))
        return f"{sample[:at]}{draw(st.text(max_size=3))}{sample[draw(st.integers(at, len(sample))) :]}"
    return with_one_change(draw, sample, _json)


_texts = st.text() | _json.map(json.dumps) | mutated()
_facts: st.SearchStrategy[HttpFact] = (
    st.builds(Answered, st.sampled_from([200, 200, 400, 418, 429, 500, 302]), _texts)
    | st.builds(NothingLeft, st.text(max_size=10))
    | st.builds(NoVerdict, st.text(max_size=10))
)


def check(result: object, raw: str) -> None:
    if isinstance(result, ProtocolError):
        assert raw.encode("utf-8", "replace").decode().startswith(result.raw)
        result.reason.encode()
    elif isinstance(result, tuple):
        for item in result:
            check(item, raw)
    elif isinstance(result, BaseModel):
        result.model_dump_json().encode()


def _amounts(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a document a string of digits stands."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from _amounts(value, (*at, key))
        if isinstance(value, str) and value.replace(".", "", 1).isdigit():
            yield (*at, key)


def _with(sample: str, at: tuple[Any, ...], value: object) -> str:
    document = node = json.loads(sample)
    for key in at[:-1]:
        node = node[key]
    node[at[-1]] = value
    return json.dumps(document)


def _read(text: str) -> list[object]:
    """What the reader that understands the sample makes of it."""
    results = [
        *(read(text) for read in (replies.order, replies.orders, replies.executions, replies.balances)),
        replies.instruments(text),
        replies.depth(text, "binance", "BTCUSDT", RECEIVED),
        quotes.read(text, "binance", DataSource.BROKER, RECEIVED),
        streams.market_event(text, "binance", RECEIVED),
        streams.user_event(text),
    ]
    return [result for result in results if not isinstance(result, ProtocolError)]


AMOUNTS = [(sample, at) for sample in samples.REST + samples.STREAMS for at in _amounts(json.loads(sample))]
_MATTERS = [(sample, at) for sample, at in AMOUNTS if len(_read(_with(sample, at, "x"))) < len(_read(sample))]


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: text[:12])
def test_an_amount_nobody_can_write_out_is_a_protocol_error(hostile: str) -> None:
    assert len(_MATTERS) > 20, "every amount that some reader reads"
    for sample, at in _MATTERS:
        assert len(_read(_with(sample, at, hostile))) < len(_read(sample)), at
        bare = _with(sample, at, "$").replace('"$"', hostile)  # a JSON number, or no JSON at all
        assert len(_read(bare)) < len(_read(sample)), at


def test_an_acceptance_with_such_an_amount_is_an_unknown_outcome() -> None:
    """The venue has the order, whatever it says of it: it must not be sent again, and is asked for."""
    for at in (("executedQty",), ("fills", 0, "qty"), ("fills", 0, "price"), ("fills", 0, "commission")):
        for hostile in HOSTILE:
            answer = Answered(200, _with(samples.ORDER_FULL, at, hostile))
            (outcome,) = replies.submit_outcome(TICKET, answer)
            assert isinstance(outcome, OrderOutcomeUnknown), (at, hostile[:12])


@settings(max_examples=400)
@given(_texts)
def test_rest_readers(text: str) -> None:
    for read in (
        replies.order,
        replies.orders,
        replies.executions,
        replies.balances,
        replies.instruments,
        replies.server_time_ms,
    ):
        check(read(text), text)
    check(replies.depth(text, "binance", "BTCUSDT", RECEIVED), text)
    check(quotes.read(text, "binance", DataSource.SNAPSHOT, RECEIVED), text)


@settings(max_examples=400)
@given(_texts)
def test_stream_readers(text: str) -> None:
    check(streams.market_event(text, "binance", RECEIVED), text)
    check(streams.user_event(text), text)


@settings(max_examples=400)
@given(_facts)
def test_outcomes(fact: HttpFact) -> None:
    first, *_ = replies.submit_outcome(TICKET, fact)
    assert first.client_order_id == TICKET.client_order_id
    check(first, "")
    (answer,) = replies.cancel_outcome(cancel("myOrder1", "LTCBTC"), fact)
    check(answer, "")
