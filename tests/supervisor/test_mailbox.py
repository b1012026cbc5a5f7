"""The mailbox: lanes, fairness, conflation, bounds, and that no message is lost without being counted."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.base import Envelope
from supervisor.runtime.mailbox import FAIRNESS_RUN, Bounds, Mailbox, Put
from tests.supervisor.letters import Data, Note, Proof, Urgent, Wish, sealed


def drain(box: Mailbox) -> list[Envelope]:
    taken = []
    while (envelope := box.take_nowait()) is not None:
        taken.append(envelope)
    return taken


def balance(box: Mailbox) -> bool:
    c = box.counts()
    return c.put == c.taken + c.conflated + c.dropped + c.busy + c.refused + c.drained + c.queued


def test_lanes_are_served_in_order_and_each_is_first_in_first_out() -> None:
    box = Mailbox()
    for body in (Data(n=1), Note(n=1), Urgent(n=1), Data(n=2), Note(n=2), Urgent(n=2)):
        box.put(sealed(body))
    assert [e.body for e in drain(box)] == [Urgent(n=1), Urgent(n=2), Note(n=1), Note(n=2), Data(n=1), Data(n=2)]


@pytest.mark.lesson("L19")
def test_data_does_not_starve_for_ever() -> None:
    box = Mailbox()
    box.put(sealed(Data(n=1)))
    for n in range(FAIRNESS_RUN + 1):
        box.put(sealed(Note(n=n)))
    taken = [type(e.body) for e in drain(box)]
    assert taken[:FAIRNESS_RUN] == [Note] * FAIRNESS_RUN
    assert taken[FAIRNESS_RUN:] == [Data, Note]


def test_a_stop_is_not_held_up_by_fairness() -> None:
    box = Mailbox()
    box.put(sealed(Data(n=1)))
    for n in range(FAIRNESS_RUN):
        box.put(sealed(Note(n=n)))
    for _ in range(FAIRNESS_RUN):
        box.take_nowait()
    box.put(sealed(Urgent(n=1)))
    first = box.take_nowait()
    assert first is not None
    assert first.body == Urgent(n=1)


@pytest.mark.lesson("L19")
def test_conflation_keeps_the_newest_in_the_place_of_the_oldest() -> None:
    box = Mailbox()
    verdicts = [
        box.put(sealed(body))
        for body in (Data(n=1, key="btc"), Data(n=2), Data(n=3, key="eth"), Data(n=4, key="btc"), Data(n=5, key="btc"))
    ]
    assert verdicts == [Put.QUEUED, Put.QUEUED, Put.QUEUED, Put.CONFLATED, Put.CONFLATED]
    assert [e.body for e in drain(box)] == [Data(n=5, key="btc"), Data(n=2), Data(n=3, key="eth")]
    box.put(sealed(Data(n=6, key="btc")))
    assert [e.body for e in drain(box)] == [Data(n=6, key="btc")], "a place that was taken is free again"


@pytest.mark.lesson("L19")
def test_a_full_data_lane_drops_its_oldest_and_counts_it() -> None:
    box = Mailbox(Bounds(data=3))
    verdicts = [box.put(sealed(Data(n=n))) for n in range(5)]
    assert verdicts == [Put.QUEUED] * 3 + [Put.OVERFLOWED] * 2
    assert box.counts().dropped == 2
    assert [e.body for e in drain(box)] == [Data(n=2), Data(n=3), Data(n=4)]
    assert balance(box)


def test_a_dropped_place_frees_its_key() -> None:
    box = Mailbox(Bounds(data=1))
    box.put(sealed(Data(n=1, key="btc")))
    box.put(sealed(Data(n=2)))
    box.put(sealed(Data(n=3, key="btc")))
    assert [e.body for e in drain(box)] == [Data(n=3, key="btc")]
    assert balance(box)


@pytest.mark.lesson("L12")
def test_orders_and_evidence_are_never_dropped() -> None:
    box = Mailbox(Bounds(data=1))
    for n in range(50):
        box.put(sealed(Note(n=n)))
    assert len(drain(box)) == 50


def test_a_tape_waits_for_its_reader_so_nothing_is_conflated_or_dropped() -> None:
    box = Mailbox(Bounds(data=None))
    for n in range(20_000):
        box.put(sealed(Data(n=n, key="btc")))
    assert [e.body.n for e in drain(box) if isinstance(e.body, Data)] == list(range(20_000))


def test_close_returns_what_was_left_and_refuses_the_rest() -> None:
    box = Mailbox()
    for body in (Data(n=1, key="k"), Data(n=2, key="k"), Note(n=1)):
        box.put(sealed(body))
    assert [e.body for e in box.close()] == [Note(n=1), Data(n=2, key="k")]
    assert box.put(sealed(Note(n=2))) is Put.REFUSED
    assert box.take_nowait() is None
    assert balance(box)
    assert box.counts().refused == 1
    assert box.counts().drained == 2


def test_wake_makes_one_take_return_nothing_and_loses_nothing() -> None:
    box = Mailbox()
    box.wake()
    assert box.take() is None
    box.put(sealed(Note(n=1)))
    taken = box.take()
    assert taken is not None
    assert taken.body == Note(n=1)


def test_a_wake_beside_a_message_costs_no_message() -> None:
    """The token of `wake` may be the one that fetches the message; the message's own then finds nothing."""
    box = Mailbox()
    box.wake()
    box.put(sealed(Note(n=1)))
    assert [e for e in (box.take_nowait(), box.take_nowait()) if e is not None] == [sealed(Note(n=1))]


def test_take_waits_no_longer_than_told() -> None:
    assert Mailbox().take(timeout_s=0.0) is None


def test_the_oldest_message_is_the_oldest_of_all_lanes() -> None:
    box = Mailbox()
    assert box.oldest_ns() is None
    box.put(sealed(Urgent(), at_ns=30))
    box.put(sealed(Data(), at_ns=10))
    box.put(sealed(Note(), at_ns=20))
    assert box.oldest_ns() == 10
    assert box.depth() == 3


bodies = st.one_of(
    st.builds(Urgent, n=st.integers(0, 9)),
    st.builds(Note, n=st.integers(0, 9)),
    st.builds(Data, n=st.integers(0, 9), key=st.sampled_from([None, "a", "b"])),
)
steps = st.lists(st.one_of(bodies, st.sampled_from(["take", "ahead", "back", "close", "wake"])), max_size=120)


@given(steps=steps, bound=st.sampled_from([1, 3, None]))
def test_every_message_is_accounted_for_after_each_step(steps: list[object], bound: int | None) -> None:
    box = Mailbox(Bounds(data=bound))
    handed, got = 0, 0
    ahead: list[Envelope] = []
    for step in steps:
        if step == "take":
            got += box.take_nowait() is not None
        elif step == "ahead":
            taken = box.take_ahead(3)
            assert not any(isinstance(envelope.body, Urgent) for envelope in taken)
            got += len(taken)
            ahead += taken
        elif step == "back":
            got -= len(ahead) - len(box.put_back(ahead))
            ahead.clear()
        elif step == "close":
            got += len(box.close())
        elif step == "wake":
            box.wake()
        elif isinstance(step, Urgent | Note | Data):
            handed += 1
            box.put(sealed(step, seq=handed))
        assert balance(box)
        assert box.counts().queued == box.depth()
    # A wake's token beside an empty mailbox must not hide a message from the reader.
    left = box.depth()
    seen = sum(box.take_nowait() is not None for _ in range(len(steps) + 1))
    assert seen == left
    counts = box.counts()
    assert handed == counts.put
    assert got + seen == counts.taken + counts.drained


@given(senders=st.lists(st.integers(0, 3), max_size=60))
def test_each_senders_messages_keep_their_order(senders: list[int]) -> None:
    box = Mailbox()
    for seq, sender in enumerate(senders):
        box.put(sealed(Note(), sender=str(sender), seq=seq))
    taken = drain(box)
    for sender in range(4):
        own = [e.seq for e in taken if e.sender == str(sender)]
        assert own == sorted(own)
        assert len(own) == senders.count(sender)


@pytest.mark.lesson("L19")
def test_threads_hammer_it_and_the_counts_still_agree() -> None:
    box = Mailbox(Bounds(data=10))
    senders, each = 4, 2_000
    last_seen: dict[str, int] = {}
    out_of_order: list[str] = []
    got = [0]

    def send(name: str) -> None:
        for n in range(each):
            box.put(sealed(Data(n=n, key=f"k{n % 3}") if n % 2 else Note(n=n), sender=name, seq=n))

    def read() -> None:
        while (envelope := box.take()) is not None:
            got[0] += 1
            if isinstance(envelope.body, Note):
                if envelope.seq <= last_seen.get(envelope.sender, -1):
                    out_of_order.append(envelope.id)
                last_seen[envelope.sender] = envelope.seq

    threads = [threading.Thread(target=send, args=(f"s{n}",)) for n in range(senders)]
    reader = threading.Thread(target=read)
    for thread in (reader, *threads):
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    box.wake()
    reader.join(timeout=30)
    assert not reader.is_alive()
    got[0] += len(drain(box))
    counts = box.counts()
    assert counts.put == senders * each
    assert counts.taken == got[0]
    assert balance(box)
    assert not out_of_order
    assert set(last_seen.values()) <= {each - 2}


# -- credit, flood, readers -------------------------------------------------------------------------------------------


@pytest.mark.lesson("L19")
def test_what_needs_credit_is_refused_at_once_without_it_and_has_it_again_later() -> None:
    box = Mailbox(Bounds(intents=2))
    assert [box.put(sealed(Wish(n=n))) for n in range(3)] == [Put.QUEUED, Put.QUEUED, Put.BUSY]
    assert box.put(sealed(Note())) is Put.QUEUED, "others of its lane need none"
    assert box.put(sealed(Proof())) is Put.QUEUED
    box.take_nowait()
    assert box.put(sealed(Wish(n=4))) is Put.QUEUED
    assert box.counts().busy == 1
    assert balance(box)


@pytest.mark.lesson("L12")
def test_a_flood_is_said_once_keeps_everything_and_ends_at_half() -> None:
    box = Mailbox(Bounds(orders=10))
    verdicts = [box.put(sealed(Proof(n=n))) for n in range(15)]
    assert verdicts.count(Put.FLOODED) == 1
    assert verdicts[10] is Put.FLOODED
    seen = [box.is_flooded]
    for _ in range(10):
        box.take_nowait()
        seen.append(box.is_flooded)
    assert seen == [True] * 10 + [False], "six are more than half of ten, five are not"
    assert len(drain(box)) == 5
    assert balance(box)


def test_only_the_reader_it_was_handed_to_may_take() -> None:
    box = Mailbox()
    box.hand_to(1)
    box.put(sealed(Note(n=1)))
    box.hand_to(2)
    assert box.take_nowait(1) is None
    assert box.depth() == 1, "and nothing is lost by its asking"
    found = [box.take_nowait(2) for _ in range(3)]
    assert [e.body for e in found if e is not None] == [Note(n=1)]


def test_a_reader_that_waits_is_woken_when_another_takes_its_place() -> None:
    box = Mailbox()
    box.hand_to(1)
    got: list[Envelope | None] = []
    waiting = threading.Thread(target=lambda: got.append(box.take(30.0, 1)))
    waiting.start()
    box.hand_to(2)
    waiting.join(timeout=30)
    assert got == [None]


@pytest.mark.parametrize("attempt", range(5))
def test_nothing_is_lost_between_put_and_close(attempt: int) -> None:
    """Each message is drained or refused, whichever thread came first."""
    box = Mailbox()
    senders, each = 4, 500
    verdicts: list[Put] = []
    go = threading.Event()

    def send() -> None:
        go.wait(30)
        verdicts.extend([box.put(sealed(Note(n=n))) for n in range(each)])

    threads = [threading.Thread(target=send) for _ in range(senders)]
    for thread in threads:
        thread.start()
    go.set()
    while box.depth() < 50 * (attempt + 1):
        pass
    left = box.close()
    for thread in threads:
        thread.join(timeout=30)
    assert len(verdicts) == senders * each
    assert len(left) == verdicts.count(Put.QUEUED)
    assert box.counts().refused == verdicts.count(Put.REFUSED)
    assert box.depth() == 0
    assert balance(box)


def test_what_is_put_back_is_taken_next_and_in_its_order() -> None:
    box = Mailbox()
    for body in (Note(n=1), Note(n=2), Data(n=1), Data(n=2), Note(n=3)):
        box.put(sealed(body))
    first, *more = box.take_ahead(10)
    box.put(sealed(Note(n=4)))
    box.put(sealed(Urgent(n=1)))
    assert box.take_ahead(10) == [], "what is urgent comes first"
    assert box.put_back(more) == ()
    left = [e.body for e in (first, *drain(box))]
    assert left == [Note(n=1), Urgent(n=1), *(Note(n=n) for n in (2, 3, 4)), Data(n=1), Data(n=2)]
    assert balance(box)


def test_what_is_put_back_gives_way_to_what_is_newer() -> None:
    box = Mailbox(Bounds(data=10))
    box.put(sealed(Data(n=1, key="a")))
    box.put(sealed(Data(n=2, key="b")))
    taken = box.take_ahead(10)
    box.put(sealed(Data(n=3, key="a")))
    box.put_back(taken)
    assert [e.body for e in drain(box)] == [Data(n=2, key="b"), Data(n=3, key="a")]
    assert balance(box)


def test_credit_is_taken_again_by_what_is_put_back() -> None:
    box = Mailbox(Bounds(intents=1))
    box.put(sealed(Wish()))
    box.put_back(box.take_ahead(1))
    assert box.put(sealed(Wish())) is Put.BUSY


def test_nothing_is_put_back_into_a_closed_mailbox() -> None:
    box = Mailbox()
    box.put(sealed(Note()))
    taken = box.take_ahead(1)
    box.close()
    assert box.put_back(taken) == tuple(taken)
