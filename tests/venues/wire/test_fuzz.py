"""Whatever a peer sends, no decoder raises, and what it returns can be stored."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from bulkhead.venues.wire.binance import replies, streams
from bulkhead.venues.wire.facts import Answered, HttpFact, NothingLeft, NoVerdict, ProtocolError
from tests.venues.wire import samples
from tests.venues.wire.making import cancel, market_ticket

RECEIVED = replies.Received(at_ns=7, monotonic_ns=8)
TICKET = market_ticket("6gCrw2kRUAF9CvJDGP16IP", quantity="10")

_leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["NaN", "-1", "1e9", "0", "1.0", "TRADE", "NEW", "CANCELED", "BUY", "9" * 40, "\ud800"])
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
    document = json.loads(sample)
    node = document
    while True:
        keys: list[object] = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if isinstance(node[key], dict | list) and draw(st.booleans()):
            node = node[key]
            continue
        if isinstance(node, dict) and draw(st.booleans()):
            del node[key]
        else:
            node[key] = draw(_json)
        break
    return json.dumps(document)


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
