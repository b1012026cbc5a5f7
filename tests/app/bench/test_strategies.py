"""The strategies of the bench do what its figures assume."""

from decimal import Decimal

from bulkhead.app.bench.strategies import Busy, PingPong
from bulkhead.strategy.testkit import Bench
from messages.values import Action

SYMBOL = "BTCUSDT"


def actions(bench: Bench, ticks: int) -> list[Action]:
    answers = [bench.quote(SYMBOL, "100", "101") for _ in range(ticks)]
    return [answer.action for answer in answers if answer is not None]


def test_it_goes_in_and_out_by_the_count_and_answers_each_tick() -> None:
    bench = Bench(PingPong, (SYMBOL,), auto_fill=True, every=3)

    hold, enter, leave = Action.HOLD, Action.ENTER, Action.EXIT
    assert actions(bench, 9) == [hold, hold, enter, hold, hold, leave, hold, hold, enter]


def test_it_waits_for_the_order_under_way() -> None:
    bench = Bench(PingPong, (SYMBOL,), every=2)

    assert actions(bench, 6).count(Action.ENTER) == 1

    bench.fill(price=Decimal(101))
    assert actions(bench, 2) == [Action.HOLD, Action.EXIT]


def test_the_busy_one_decides_nothing() -> None:
    bench = Bench(Busy, (SYMBOL,), burn_ms=0.01)

    assert actions(bench, 3) == []
