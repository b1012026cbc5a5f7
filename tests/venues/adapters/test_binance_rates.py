"""What goes out and what waits, on clocks of our own and with scripted answers."""

import pytest

from bulkhead.venues.adapters.binance_rates import BinanceRates
from bulkhead.venues.rate_settings import RateSettings
from bulkhead.venues.transport.http import HttpChannel
from bulkhead.venues.transport.rate_budget import Purpose
from bulkhead.venues.transport.turns import Held, Turn
from bulkhead.venues.wire.binance import limits
from bulkhead.venues.wire.facts import Answered, HttpFact, NothingLeft, NoVerdict, RateLimit, WireRequest

S = 1_000_000_000
ORDER = WireRequest("POST", "/api/v3/order", costs=limits.ORDER_COST)
OK = Answered(200, "{}")


class Clock:
    """Moves on by itself each time it is read, if it is told to."""

    def __init__(self, step_ns: int = 0) -> None:
        self.now_ns = 5 * S
        self.step_ns = step_ns

    def __call__(self) -> int:
        self.now_ns += self.step_ns
        return self.now_ns


class Script(HttpChannel):
    """Answers with the given facts, the last one for ever; an exception is raised instead."""

    def __init__(self, *facts: HttpFact | Exception) -> None:
        self.facts = list(facts)
        self.sent: list[WireRequest] = []

    def exchange(self, request: WireRequest, before_write: object = None, on_written: object = None) -> HttpFact:
        self.sent.append(request)
        fact = self.facts.pop(0) if len(self.facts) > 1 else self.facts[0]
        if isinstance(fact, Exception):
            raise fact
        return fact


def turn(purpose: Purpose = Purpose.ENTRY, wait_s: float = 0.0) -> Turn:
    return Turn(purpose, wait_s, lambda: False)


def send(rates: BinanceRates, channel: Script, of: Turn | None = None) -> HttpFact | Held:
    return rates.exchange(channel, of or turn(), lambda: ORDER)


def rates_of(clock: Clock, **more: object) -> BinanceRates:
    return BinanceRates(RateSettings.model_validate(more), clock, clock)


def used(rates: BinanceRates) -> int:
    window = rates.state.window(limits.ORDERS, 10)
    assert window is not None
    return window.used


def test_counts_are_taken_from_headers() -> None:
    rates = rates_of(Clock())
    send(rates, Script(Answered(200, "", {"x-mbx-used-weight-1m": "17", "x-mbx-order-count-10s": "3"})))
    send(rates, Script(Answered(200, "", {"x-mbx-used-weight-1m": "18", "x-mbx-order-count-1d": "nonsense"})))
    assert [(w.used, w.stated) for w in rates.state.windows] == [(18, 18), (4, 3), (2, None)]


@pytest.mark.req("S-13")
@pytest.mark.lesson("L18")
def test_after_429_orders_wait_and_cancels_do_not() -> None:
    clock, channel = Clock(), Script(Answered(429, "", {"retry-after": "3"}), OK)
    rates = rates_of(clock)
    send(rates, channel)
    held = send(rates, channel)
    assert isinstance(held, Held)
    assert (held.code, held.retry_after_s) == ("RATE_LIMITED", 3.0)
    assert send(rates, channel, turn(Purpose.CANCEL)) == OK
    clock.now_ns += 3 * S - 1
    assert isinstance(send(rates, channel), Held)
    clock.now_ns += 1
    assert send(rates, channel) == OK


@pytest.mark.req("S-13")
@pytest.mark.parametrize(("headers", "ban_s"), [({"retry-after": "10"}, 10), ({}, 120)])
def test_after_418_nothing_is_sent(headers: dict[str, str], ban_s: int) -> None:
    clock, channel = Clock(), Script(Answered(418, "", headers), OK)
    rates = rates_of(clock, is_enforced=False)
    send(rates, channel)
    for purpose in (Purpose.ENTRY, Purpose.CANCEL):
        held = send(rates, channel, turn(purpose, wait_s=5.0))
        assert isinstance(held, Held)
        assert (held.code, held.retry_after_s) == ("BANNED", float(ban_s))
    clock.now_ns += ban_s * S
    assert send(rates, channel, turn(Purpose.CANCEL)) == OK
    assert len(channel.sent) == 2


@pytest.mark.parametrize(
    ("fact", "counted"), [(OK, 1), (Answered(500, ""), 1), (NoVerdict("lost"), 1), (NothingLeft("refused"), 0)]
)
def test_what_may_have_left_is_counted(fact: HttpFact, counted: int) -> None:
    rates = rates_of(Clock())
    send(rates, Script(fact))
    assert used(rates) == counted


def test_our_own_failure_under_way_is_counted_too() -> None:
    rates = rates_of(Clock())
    with pytest.raises(ValueError, match="a bug"):
        send(rates, Script(ValueError("a bug")))
    assert used(rates) == 1


def test_what_waited_is_made_anew() -> None:
    clock = Clock(S // 5)
    rates, channel, made = rates_of(clock), Script(OK), list[int]()
    for _ in range(45):
        rates.exchange(channel, turn(), lambda: ORDER)
        clock.now_ns -= 3 * S // 5

    def make() -> WireRequest:
        made.append(clock.now_ns)
        return ORDER

    assert rates.exchange(channel, turn(wait_s=60.0), make) == OK
    assert len(made) == 2
    assert made[1] - made[0] > 2 * S
    assert len(channel.sent) == 46


def test_a_request_that_cannot_be_made_anew_costs_nothing() -> None:
    clock = Clock(S // 2)
    rates, channel, made = rates_of(clock), Script(Answered(429, "", {"retry-after": "2"}), OK), list[int]()
    send(rates, channel)

    def make() -> WireRequest:
        made.append(1)
        if len(made) == 2:
            raise ValueError("too late")
        return ORDER

    with pytest.raises(ValueError, match="too late"):
        rates.exchange(channel, turn(wait_s=60.0), make)
    assert used(rates) == 1


def test_waiting_ends_although_the_clock_stands_still() -> None:
    rates = rates_of(Clock())
    send(rates, Script(Answered(429, "", {"retry-after": "1"})))
    held = send(rates, Script(OK), turn(wait_s=1.0))
    assert isinstance(held, Held)


def test_nobody_waits_for_what_nobody_wants() -> None:
    rates = rates_of(Clock())
    send(rates, Script(Answered(429, "", {"retry-after": "5"})))
    asked: list[bool] = []

    def is_void() -> bool:
        asked.append(True)
        return len(asked) > 1

    held = rates.exchange(Script(OK), Turn(Purpose.ENTRY, 60.0, is_void), lambda: ORDER)
    assert isinstance(held, Held)
    assert len(asked) == 2


def test_limits_learnt_hold_at_once() -> None:
    rates, channel = rates_of(Clock()), Script(OK)
    rates.learn((RateLimit(limits.ORDERS, 10, 2),))
    assert [(w.kind, w.limit) for w in rates.state.windows] == [(limits.ORDERS, 2), (limits.WEIGHT, 6_000)]
    assert [isinstance(send(rates, channel), Held) for _ in range(3)] == [False, False, True]


def test_a_subscription_to_the_user_stream_weighs_two() -> None:
    rates = rates_of(Clock())
    rates.charge_user_stream()
    window = rates.state.window(limits.WEIGHT, 60)
    assert window is not None
    assert window.used == 2


def test_reserves_must_leave_something() -> None:
    with pytest.raises(ValueError, match="less than a tenth"):
        RateSettings(cancel_reserve_share=0.5, exit_reserve_share=0.5)
