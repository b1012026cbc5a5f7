"""Every fault of the wire in every state of an order: no order twice, no fill lost, and afterwards the gate is open.

A state says which request is under way when the fault strikes: the order's own, its cancel, or the query for it. Each
case ends with the venue's books beside the ledger file: one order at most for each id and intent, each execution once,
cash, positions and open orders the same.
"""

from enum import StrEnum

import pytest

from tests.wire.kit import Town

pytestmark = pytest.mark.process
SYMBOL, OTHER = "BTCUSDT", "ETHUSDT"
HELD = dict.fromkeys(("query", "list"), "arrival")
"""While the venue answers no question, nothing that its order stream left out is known."""
REFUSED_FOR_S = 0.3
"""Shorter than two pauses of the streams between their attempts: after three that fail an operator is asked."""
MANY, LOST, STORM = 100, 3, 3


class State(StrEnum):
    BEFORE_BYTES = "pending submit: the connection stands, no byte has left"
    AT_THE_DOOR = "pending submit: the bytes are at the venue, nothing of them is carried out"
    IN_THE_BOOKS = "pending submit: accepted by the venue, and we know nothing of it"
    SUBMITTED = "submitted"
    PARTIAL = "partly filled"
    PENDING_CANCEL = "pending cancel: its bytes are at the venue"
    UNKNOWN = "unknown: accepted by the venue, the answer lost, and no question is answered"


class Fault(StrEnum):
    ANSWER_LOST = "carried out, and the connection is cut instead of an answer"
    ERROR_AND_DONE = "carried out, and answered with 503"
    ERROR_NOT_DONE = "not carried out, and answered with 503"
    CONTRADICTION = "answered with what contradicts itself"
    STORM = "429 for this request and those after it"
    FILLED_FIRST = "the fill is told before the answer, and on the stream before the acceptance"
    REPORTS_LOST = "the order stream leaves out what happens next, and says nothing of it"
    STREAMS_CUT = "every stream is cut"
    SOCKETS_CUT = "every connection is cut and none made for a while, and the order fills meanwhile"


SUBMITS = (State.BEFORE_BYTES, State.AT_THE_DOOR, State.IN_THE_BOOKS)
REQUEST = {
    **dict.fromkeys(SUBMITS, "order"),
    **dict.fromkeys((State.SUBMITTED, State.PARTIAL, State.PENDING_CANCEL), "cancel"),
    State.UNKNOWN: "query",
}
SPOILS: dict[Fault, dict[str, object]] = {
    Fault.ANSWER_LOST: {"answer": "none"},
    Fault.ERROR_AND_DONE: {"answer": 503},
    Fault.ERROR_NOT_DONE: {"answer": 503, "is_carried_out": False},
    Fault.CONTRADICTION: {"answer": "contradiction"},
}
SAME = {(State.IN_THE_BOOKS, Fault.ERROR_NOT_DONE)}
"""It is carried out already: the same as ERROR_AND_DONE."""
CASES = [(state, fault) for state in State for fault in Fault if (state, fault) not in SAME]


def bring(here: Town, state: State, *, crosses: bool) -> str:
    """An order in that state, held there; returns its client order id."""
    if state is State.BEFORE_BYTES:
        here.turnstile.shut()
        key = here.bought(SYMBOL, crosses=crosses)
        here.until(lambda: here.turnstile.waiting == key, "the order stands before its connection")
        return key
    if state is State.AT_THE_DOOR:
        here.fault(hold={"order": "arrival"})
        key = here.bought(SYMBOL, crosses=crosses)
        here.until_held("order")
        return key
    if state is State.IN_THE_BOOKS:
        here.fault(hold={"order": "answer", **HELD}, lose_reports=MANY)
        key = here.bought(SYMBOL, crosses=crosses)
        here.until_held("order")
        here.fault(lose_reports=0)
        assert here.row(key).status == "PENDING_SUBMIT"
        return key
    if state is State.UNKNOWN:
        return bring_unknown(here, crosses=crosses)
    key = here.bought(SYMBOL)
    here.until_status(key, "SUBMITTED")
    if state is State.PARTIAL:
        here.fill(key, "0.5")
        here.until_status(key, "PARTIAL")
    if state is State.PENDING_CANCEL:
        here.fault(hold={"cancel": "arrival"})
        here.cancel(SYMBOL)
        here.until_held("cancel")
        here.until_status(key, "PENDING_CANCEL")
    return key


def bring_unknown(here: Town, *, crosses: bool) -> str:
    """And while it is unknown the symbol is frozen, and no other."""
    here.fault(spoil={"requests": "order", "answer": "none"}, lose_reports=MANY, hold=HELD)
    key = here.bought(SYMBOL, crosses=crosses)
    here.until_status(key, "ERROR")
    here.fault(lose_reports=0)
    refusal = here.refused(lambda: here.buy(SYMBOL))
    assert refusal["code"] == "SYMBOL_FROZEN"
    assert key in refusal["detail"]
    here.until_status(here.bought(OTHER), "SUBMITTED")
    return key


def strike(here: Town, state: State, fault: Fault, key: str) -> None:
    """The fault, at this instant; what was held goes on."""
    kind = REQUEST[state]
    if fault in SPOILS and state is State.UNKNOWN:
        spoil_a_question(here, SPOILS[fault])
    elif fault in SPOILS:
        here.fault(spoil={"requests": kind, **SPOILS[fault]})
    elif fault is Fault.STORM:
        here.fault(rate_limit_next=STORM)
    elif fault is Fault.FILLED_FIRST:
        here.fault(acks_after_fills=True, repeat_reports=True)
        if state in (State.SUBMITTED, State.PARTIAL, State.PENDING_CANCEL):
            here.fill(key)
    elif fault is Fault.REPORTS_LOST:
        here.fault(lose_reports=LOST)
        if state not in (State.BEFORE_BYTES, State.AT_THE_DOOR):
            here.fill(key, "0.25")
    elif fault is Fault.STREAMS_CUT:
        here.fault(drop_connections=True)
    elif fault is Fault.SOCKETS_CUT:
        here.fill(key, "0.25", after_s=REFUSED_FOR_S / 2)
        here.fault(refuse_connections_s=REFUSED_FOR_S)
    if state in (State.SUBMITTED, State.PARTIAL):
        here.cancel(SYMBOL)
    here.turnstile.let_go()
    here.until(here.venue.answers, "the venue answers")
    here.fault(hold=dict.fromkeys(("order", "cancel", "query", "list")))
    if fault is Fault.STORM:
        here.until(lambda: here.venue.faults()["rate_limit_next"] < STORM, "a request was refused with 429")


def spoil_a_question(here: Town, spoil: dict[str, object]) -> None:
    """Those that are held have been given up by whoever asked: one more is spoilt, which is waited for. Lists stay
    held, or they would answer for the question."""
    held = here.venue.faults()["held"].get("query", 0)
    here.fault(spoil={"requests": "query", "count": held + 1, **spoil})
    here.fault(hold={"query": None})
    here.until(lambda: here.venue.faults()["spoil"]["query"] == 0, "a question was spoilt")


def has_struck(here: Town, state: State, fault: Fault) -> bool:
    left = here.venue.faults()
    if fault in SPOILS:
        return bool(left["spoil"][REQUEST[state]] == 0)
    return fault is not Fault.REPORTS_LOST or bool(left["lose_reports"] < LOST)


def is_proven_unsent(here: Town, key: str) -> bool:
    """Whether each sending but the last came to nothing by the venue's own word, before the next."""
    proofs = ("not_sent", "resent")  # refused before acceptance; proven absent
    return sum(change in proofs for change in here.changes(key)) >= here.posted[key] - 1


@pytest.mark.req("X-10", "P-13", "P-16")
@pytest.mark.lesson("L01", "L02", "L03", "L04", "L05", "L06", "L07", "L11", "L13", "L26")
@pytest.mark.parametrize(("state", "fault"), CASES, ids=[f"{s.name}-{f.name}".lower() for s, f in CASES])
def test_no_order_twice_and_no_fill_lost(here: Town, state: State, fault: Fault) -> None:
    executions = here.venue.executions()
    key = bring(here, state, crosses=fault is Fault.FILLED_FIRST)
    strike(here, state, fault, key)
    here.settle()
    assert has_struck(here, state, fault), "the fault never struck: this case shows nothing"
    assert here.at_venue(key)["orders"] <= 1
    if here.posted[key] > 1:
        assert is_proven_unsent(here, key), "it may have been accepted, and its bytes left again"
    if state is State.IN_THE_BOOKS and fault in (*SPOILS, Fault.SOCKETS_CUT):
        assert "unknown" in here.changes(key), "no verdict is no failure"
    if key in here.open_at_venue():
        here.fill(key)
        here.until_status(key, "FILLED")
    if fault in (Fault.FILLED_FIRST, Fault.SOCKETS_CUT) and state not in (State.BEFORE_BYTES, State.AT_THE_DOOR):
        assert here.venue.executions() > executions, "nothing was filled: this case shows nothing"
    if fault is Fault.SOCKETS_CUT:
        here.is_spent = True  # its data is in doubt for a while, and whoever comes next is to see no fault but his own
