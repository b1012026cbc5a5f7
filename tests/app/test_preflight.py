"""What a start asks of the venue: it waits where it is asked to, within reason, and for nothing else."""

import time
from collections.abc import Callable

import pytest

from bulkhead import Strategy
from bulkhead.app.exit_codes import Stopped
from bulkhead.app.preflight import MAX_WAIT_S, SHORTEST_WAIT_S, ask_venue, load_strategies, patiently, with_earlier
from bulkhead.app.settings import Settings, check_settings
from bulkhead.chaos.model.market import INSTRUMENTS
from bulkhead.venues.port import VenueBusy, VenueRefused, VenueUnavailable
from bulkhead.venues.simulator.process import in_thread
from bulkhead.venues.simulator.settings import SimulatorSettings
from messages.codes import ErrorCode
from tests.venues.adapters.kit import Desk


def asking(*answers: object) -> Callable[[], object]:
    left = list(answers)

    def ask() -> object:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def test_a_busy_venue_is_asked_again_after_the_wait_it_names() -> None:
    slept: list[float] = []
    ask = asking(VenueBusy("429", 3.0), VenueBusy("429", 0.0), "the answer")
    assert patiently(ask, slept.append) == "the answer"
    assert slept == [3.0, SHORTEST_WAIT_S]


def test_it_does_not_wait_for_ever() -> None:
    slept: list[float] = []
    with pytest.raises(VenueBusy, match="banned"):
        patiently(asking(*[VenueBusy("banned", 100.0)] * 3), slept.append)
    assert sum(slept) <= MAX_WAIT_S


@pytest.mark.parametrize("error", [VenueUnavailable("no route"), VenueRefused("-1121", "Invalid symbol.")])
def test_nothing_else_is_waited_for(error: Exception) -> None:
    with pytest.raises(type(error)):
        patiently(asking(error), lambda _: pytest.fail("it slept"))


class Unfinished(Strategy):
    tier = 2


def trading(use: str) -> Settings:
    sizing = {"kind": "fixed_notional", "notional": "100"}
    return check_settings(
        {"strategies": [{"id": "mine", "use": use, "symbols": ["BTCUSDT"], "sizing": sizing}]}, "test"
    )


@pytest.mark.req("P-19")
@pytest.mark.code("STRATEGY_TIER_TOO_LOW")
def test_a_strategy_that_says_it_is_not_ready_is_not_started() -> None:
    with pytest.raises(Stopped) as stopped:
        load_strategies(trading(f"{__name__}:Unfinished"))
    assert stopped.value.error_code is ErrorCode.STRATEGY_TIER_TOO_LOW
    assert "declares tier 2; only tier 3" in stopped.value.sentence


@pytest.mark.process
@pytest.mark.code("CLOCK_SKEW")
def test_a_clock_that_differs_too_much_from_the_venues_is_refused() -> None:
    settings = trading("bulkhead.strategy.trend:EmaTrend")
    with in_thread(SimulatorSettings(events_per_s=0, symbols=("BTCUSDT",))) as venue, Desk(venue.port) as desk:
        ask_venue(desk.orders, settings, time.time_ns, has_our_clock=True)
        with pytest.raises(Stopped) as stopped:
            ask_venue(desk.orders, settings, lambda: time.time_ns() + 60 * 10**9, has_our_clock=True)
    assert stopped.value.error_code is ErrorCode.CLOCK_SKEW


def test_what_earlier_runs_traded_stays_known_for_exits_and_books() -> None:
    bitcoin, ether = INSTRUMENTS["BTCUSDT"], INSTRUMENTS["ETHUSDT"]
    known = with_earlier({"BTCUSDT": bitcoin}, {"ETHUSDT": ether, "XRPUSDT": ether}, frozenset({"BTCUSDT", "ETHUSDT"}))
    assert known.keys() == {"BTCUSDT", "ETHUSDT"}, "what no book needs is left where it is"
    assert known["BTCUSDT"] is bitcoin
    earlier = known["ETHUSDT"]
    assert (earlier.is_trading, earlier.lot_size, earlier.version) == (False, ether.lot_size, ether.version)
    assert earlier.as_of_ns == bitcoin.as_of_ns, "the master does not ask at once for what it has just been given"


def test_books_that_cannot_be_read_are_refused_before_anything_starts() -> None:
    with pytest.raises(Stopped, match=r"fills of ETHUSDT and no trading rules") as refused:
        with_earlier({"BTCUSDT": INSTRUMENTS["BTCUSDT"]}, {}, frozenset({"BTCUSDT", "ETHUSDT"}))
    assert refused.value.code == 4
