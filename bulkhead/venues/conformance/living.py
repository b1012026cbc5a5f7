"""Promises about life: opening, the channel, closing, counting, threads, and what must never be shown."""

import threading
from collections.abc import Callable

from bulkhead.venues.conformance.check import Check
from bulkhead.venues.conformance.desk import (
    ANSWERS,
    CANCEL_ANSWERS,
    CLOSE_WITHIN_S,
    Desk,
    PromiseBroken,
    expect,
    opened,
    running,
)
from bulkhead.venues.conformance.harness import Asked, Flaw, Harness
from messages.base import Body
from messages.orders import (
    OrderAccepted,
    OrderCancelled,
    OrderChannelDown,
    OrderChannelUp,
    OrderNotSent,
    OrderQueryFailed,
    OrderStatusReported,
    OrderTicket,
    VenueSnapshotFailed,
)

_CLOSE_SLACK_S = 2.0
_THREADS, _ORDERS_EACH = 3, 6


def capabilities(harness: Harness) -> None:
    with opened(harness) as desk:
        stated = desk.venue.capabilities
        expect(stated.venue == desk.terms.venue, f"it calls itself {stated.venue}, and not {desk.terms.venue}")
        expect(stated.request_validity_s > 0, "for how long may a lost request still be accepted?")
        desk.rest()
        expect(desk.venue.capabilities == stated, "facts of a venue do not change while it runs")


def before_open(harness: Harness) -> None:
    desk = Desk(harness)
    expect(not isinstance(desk.venue.channel(), OrderChannelUp), "not opened, and its channel is said to be up")
    ticket = desk.ticket()
    for ask in (desk.submit, desk.cancel, desk.ask):
        _expect_refusal(lambda ask=ask: ask(ticket), "a request before open()")  # type: ignore[misc]
    expect(desk.venue.pending() == 0, "a request that was refused is counted as pending")
    with running(desk):
        _expect_refusal(lambda: desk.venue.open(desk.sink), "open() when it is open")


def channel_is_told(harness: Harness) -> None:
    desk = Desk(harness)
    at_the_time: list[tuple[Body, Body]] = []

    def look(body: Body) -> None:
        if isinstance(body, OrderChannelUp | OrderChannelDown):
            at_the_time.append((body, desk.venue.channel()))

    desk.on_told = look
    with running(desk):
        desk.up()
        harness.cut_channel()
        desk.until(lambda: len(desk.of(OrderChannelUp)) > 1, "the channel is told to be up again")
        venues = {body.venue for body in desk.of(OrderChannelUp)} | {body.venue for body in desk.of(OrderChannelDown)}
        expect(venues == {desk.terms.venue}, f"a channel event names its venue, and not {venues}")
        kinds = [type(body) for body, _ in at_the_time]
        expect(
            OrderChannelDown in kinds[kinds.index(OrderChannelUp) :],
            f"it was cut, and nothing says that it was down: {kinds}",
        )
        expect(all(body == channel for body, channel in at_the_time), "channel() does not say what the sink is told")


def channel_comes_back(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = desk.rest()
        harness.cut_channel()
        desk.until(lambda: len(desk.of(OrderChannelUp)) > 1, "the channel comes back by itself")
        harness.fill(ticket, ticket.quantity)
        desk.until(lambda: desk.filled(ticket) > 0, "what happens after that is told")


def pending_counts(harness: Harness) -> None:
    with opened(harness) as desk:
        early: list[Body] = []

        def look(body: Body) -> None:
            if desk.venue.pending() == 0 and isinstance(body, OrderStatusReported):
                early.append(body)

        desk.on_told = look
        expect(desk.venue.pending() == 0, "nothing was handed in, and something is pending")
        ticket = desk.rest()
        harness.hold(Asked.QUERY)
        for _ in range(3):
            desk.ask(ticket)
        expect(desk.venue.pending() == 3, f"three questions hang, and {desk.venue.pending()} are pending")
        harness.let_go()
        desk.answered()
        expect(len(desk.of(OrderStatusReported)) == 3, "nothing is pending, and not every answer has been given")
        expect(not early, "an answer was counted off before it was given to the sink")


def never_blocks(harness: Harness) -> None:
    with opened(harness) as desk:
        resting = desk.rest()
        for asked in Asked:
            harness.hold(asked)

        def hand_in() -> None:
            desk.submit(desk.ticket())
            desk.cancel(resting)
            desk.ask(resting)
            desk.survey()

        expect(_run(harness, hand_in, hand_in), "a call did not return while the venue was slow")
        harness.let_go()
        desk.answered()


def closes_in_time(harness: Harness) -> None:
    with opened(harness) as desk:
        harness.hold(Asked.ORDER)
        tickets = [desk.submit(desk.ticket()) for _ in range(3)]
        before_ns, deadline_s = harness.monotonic_ns(), 0.1
        desk.venue.close(deadline_s)
        took_s = (harness.monotonic_ns() - before_ns) / 1e9
        expect(took_s < deadline_s + _CLOSE_SLACK_S, f"closing within {deadline_s} s took {took_s:.2f} s")
        harness.let_go()
        desk.answered()
        for ticket in tickets:
            answers = desk.words(ticket, ANSWERS)
            expect(bool(answers), "an order that was under way when it closed is never answered")
            if desk.of(OrderNotSent, ticket):
                expect(desk.taken(ticket) == 0, f"closed on its way: {answers}, and the venue has it")
        desk.venue.open(desk.sink)


def nothing_after_the_end(harness: Harness) -> None:
    with opened(harness) as desk:
        resting = desk.rest()
        desk.venue.close(CLOSE_WITHIN_S)
        ticket = desk.submit(desk.ticket())
        desk.cancel(resting)
        desk.ask(resting)
        desk.survey()
        desk.answered()
        expect(desk.words(ticket) == ["OrderNotSent CLOSED"], f"handed in after the end: {desk.words(ticket)}")
        cancels = desk.words(resting, CANCEL_ANSWERS)
        expect(cancels == ["CancelRejected CLOSED"], f"a cancel after the end: {cancels}")
        expect(len(desk.of(OrderQueryFailed)) == len(desk.of(VenueSnapshotFailed)) == 1, "a question after the end")
        expect(desk.taken(ticket) == 0, "closed, and an order left")
        desk.venue.open(desk.sink)


def opens_again(harness: Harness) -> None:
    with opened(harness) as desk:
        ticket = desk.rest()
        desk.venue.close(CLOSE_WITHIN_S)
        desk.venue.open(desk.sink)
        desk.until(lambda: len(desk.of(OrderChannelUp)) > 1, "its channel is told to be up again")
        order = desk.query(ticket).order
        expect(order is not None and not order.status.is_terminal, f"an order rested when it closed: {order!r}")
        desk.cancel(ticket)
        desk.answered()
        expect(bool(desk.of(OrderCancelled, ticket)), f"after it was opened again: {desk.words(ticket)}")


def many_threads(harness: Harness) -> None:
    with opened(harness) as desk:
        tickets = [[desk.ticket() for _ in range(_ORDERS_EACH)] for _ in range(_THREADS)]

        def work(mine: list[OrderTicket]) -> Callable[[], None]:
            def hand_in() -> None:
                for ticket in mine:
                    desk.submit(ticket)
                    desk.ask(ticket)
                    desk.cancel(ticket)

            return hand_in

        expect(_run(harness, *(work(mine) for mine in tickets)), "a call from one of several threads did not return")
        desk.answered()
        for ticket in (ticket for mine in tickets for ticket in mine):
            expect(bool(desk.said(ticket, ANSWERS)), f"never answered: {desk.words(ticket)}")
            expect(
                desk.taken(ticket) == bool(desk.of(OrderAccepted, ticket)), f"venue and answer: {desk.words(ticket)}"
            )
            reports, failures = len(desk.of(OrderStatusReported, ticket)), len(desk.of(OrderQueryFailed, ticket))
            if desk.capabilities.has_execution_ids:
                expect(reports + failures == 1, f"one question has {reports + failures} answers")
            else:  # reports are also told unasked
                expect(failures <= 1 <= reports + failures, f"one question: {reports} reports, {failures} failures")
        expect(desk.faults == [], f"our own code failed: {desk.faults}")


def no_secrets(harness: Harness) -> None:
    for flaw in (None, *sorted(harness.flaws)):
        with opened(harness, flaw) as desk:
            told = _provoked(desk, flaw)
        for body in (*desk.told, *desk.faults, *told):
            shown = [secret for secret in harness.secrets if secret in f"{body!r} {body}"]
            expect(not shown, f"a secret is shown in {type(body).__name__} (flaw: {flaw})")


def _provoked(desk: Desk, flaw: Flaw | None) -> list[str]:
    """Errors of every kind; those that were raised come back as text."""
    raised = []
    for ask in (desk.venue.load_instruments, desk.venue.server_time_ms, desk.venue.check_key):
        try:
            ask()
        except OSError as error:
            raised += [str(error), repr(error), repr(error.__cause__), repr(error.__context__)]
    ticket = desk.place(desk.ticket())
    if flaw is None:
        for asked in Asked:
            desk.harness.lose(asked, is_carried_out=True)
    desk.place(desk.ticket())
    desk.cancel(ticket)
    desk.ask(ticket)
    desk.survey()
    desk.answered()
    return [*raised, repr(desk.venue), str(desk.venue)]


def _run(harness: Harness, *works: Callable[[], None]) -> bool:
    """Each on a thread of its own, begun together; whether all came to their end in time."""
    together = threading.Barrier(len(works))

    def begin(work: Callable[[], None]) -> None:
        together.wait(harness.patience_s)
        work()

    threads = [threading.Thread(target=begin, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    until_ns = harness.monotonic_ns() + int(harness.patience_s * 1e9)
    for thread in threads:
        thread.join(max(0.0, (until_ns - harness.monotonic_ns()) / 1e9))
    return not any(thread.is_alive() for thread in threads)


def _expect_refusal(call: Callable[[], object], words: str) -> None:
    try:
        call()
    except RuntimeError:
        return
    raise PromiseBroken(f"{words} must raise RuntimeError")


CHECKS = (
    Check(
        "capabilities",
        "Capabilities are facts: they name the venue, and do not change while it runs, since decisions depend on them.",
        capabilities,
    ),
    Check(
        "before-open",
        "A request before open(), and a second open(), raise RuntimeError: there is nobody to answer to, or two.",
        before_open,
    ),
    Check(
        "channel-is-told",
        "Every loss and return of the order channel is told, and channel() says what was told last: latecomers ask it.",
        channel_is_told,
    ),
    Check(
        "channel-comes-back",
        "A channel that was cut comes back by itself, and tells what happens from then on: nobody sits beside it.",
        channel_comes_back,
    ),
    Check(
        "pending-counts",
        "pending() counts requests until their answer is with the sink: at zero a replay takes it that all was told.",
        pending_counts,
    ),
    Check(
        "never-blocks",
        "No call waits for the venue, however slow it is: the callers are actors, and the house stands still too.",
        never_blocks,
    ),
    Check(
        "closes-in-time",
        "close() returns within its deadline, and what was under way is answered all the same, truly.",
        closes_in_time,
    ),
    Check(
        "nothing-after-the-end",
        "What is handed in after close() is answered with CLOSED, and nothing of it leaves.",
        nothing_after_the_end,
    ),
    Check(
        "opens-again",
        "It can be opened again after it was closed, and knows its orders: a restarted transport does just that.",
        opens_again,
    ),
    Check(
        "many-threads",
        "Several threads may call at once, and each request is answered as if it were alone.",
        many_threads,
    ),
    Check(
        "no-secrets",
        "No message, error or report shows a key or a signed request: they are written to logs and shown to people.",
        no_secrets,
    ),
)
