"""The bench plays fair: its orders, positions and timers behave as the engine's do."""

from decimal import Decimal

import pytest

import bulkhead
from bulkhead import Bar, Decision, OrderStatus, OrderUpdated, Side, Strategy, Tick, View
from bulkhead.strategy.testkit import START_NS, Bench
from messages.market import Trade

SYMBOL = "BTCUSDT"


class Script(Strategy):
    """Answers each price with what a test wants: buys at 1, sells at 2, sets a timer at 3, says two things at 4."""

    def __init__(self, symbols: tuple[str, ...], parameters: Strategy.Parameters) -> None:
        super().__init__(symbols, parameters)
        self.changes: list[str] = []

    def on_tick(self, tick: Tick, view: View) -> Decision | list[Decision] | None:
        market = view.market(tick.symbol)
        assert market is not None
        match market.last:
            case Decimal() as price if price == 1:
                return Decision.enter(tick.symbol, Side.BUY, "one")
            case Decimal() as price if price == 2:
                return Decision.exit(tick.symbol, "two", limit_price="2")
            case Decimal() as price if price == 3:
                view.after(5, "wake")
                return None
            case Decimal() as price if price == 4:
                return [Decision.hold(tick.symbol, "a"), Decision.skip(tick.symbol, "b")]
        return None

    def on_bar(self, bar: Bar, view: View) -> Decision:
        return Decision.hold(bar.symbol, f"closed at {bar.close}")

    def on_timer(self, key: str, view: View) -> Decision:
        return Decision.hold(SYMBOL, f"{key} at {(view.now_ns() - START_NS) // 1_000_000_000} s")

    def on_order_update(self, update: OrderUpdated, view: View) -> None:
        self.changes.append(f"{update.change} {update.order.filled}")


def bench(**more: bool) -> Bench:
    return Bench(Script, (SYMBOL,), default_quantity="0.5", **more)


@pytest.mark.req("X-12")
def test_an_order_lives_through_its_states() -> None:
    on = bench()
    on.trade(SYMBOL, 1)
    assert on.view.working(SYMBOL) == Decimal("0.5")
    on.accept()
    on.fill(quantity="0.2", price=10)
    assert on.view.working(SYMBOL) == Decimal("0.3")
    assert on.view.position(SYMBOL) == Decimal("0.2")
    on.cancel()
    assert on.view.working(SYMBOL) == 0
    assert on.orders[0].average_price == 10
    assert isinstance(on.strategy, Script)
    assert on.strategy.changes == ["accepted 0", "partial 0.2", "cancelled 0.2"]


def test_an_exit_sells_the_position_and_none_from_nothing() -> None:
    on = bench(auto_fill=True)
    on.trade(SYMBOL, 2)
    assert on.orders == []
    on.trade(SYMBOL, 1)
    on.trade(SYMBOL, 2)
    assert on.view.position(SYMBOL) == 0
    assert [order.status for order in on.orders] == [OrderStatus.FILLED, OrderStatus.FILLED]
    assert len(on.entries()) == 1
    assert len(on.exits()) == 2


def test_timers_fire_at_their_time() -> None:
    on = bench()
    on.trade(SYMBOL, 3)
    on.advance(100)
    assert on.last.reason == "wake at 6 s"


def test_several_answers_are_all_kept() -> None:
    on = bench()
    assert on.trade(SYMBOL, 4) is on.last
    assert [decision.reason for decision in on.decisions] == ["a", "b"]


def test_recorded_ticks_bring_their_own_time() -> None:
    on = bench()
    times = (5, 7)
    on.feed(
        Trade(
            venue="tape", symbol=SYMBOL, price=Decimal(9), quantity=Decimal(1),
            event_time_ns=at, received_at_ns=at, received_monotonic_ns=at,
        )
        for at in times
    )  # fmt: skip
    assert on.view.now_ns() == 7


@pytest.mark.req("P-02")
def test_bars_are_handed_over() -> None:
    one = Decimal(1)
    bar = Bar(
        venue="tape", symbol=SYMBOL, event_time_ns=1, received_at_ns=1, received_monotonic_ns=1, open_time_ns=0,
        close_time_ns=1, open=one, high=one, low=one, close=one, volume=one, trade_count=1,
    )  # fmt: skip
    decision = bench().bar(bar)
    assert decision is not None
    assert decision.reason == "closed at 1"


def test_what_a_test_forgot_is_said() -> None:
    on = bench()
    for act in (on.open_order, on.fill, lambda: on.last):
        with pytest.raises(AssertionError):
            act()


def test_the_package_exports_what_users_need() -> None:
    assert all(hasattr(bulkhead, name) for name in bulkhead.__all__)
    assert bulkhead.__version__[0].isdigit()
