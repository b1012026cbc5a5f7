"""Each actor in turn dies over a message; the house recovers, and its books are the venue's."""

from random import Random

import pytest

from actors import addresses
from actors.risk_guard import RiskGuardActor
from bulkhead.chaos.model.words import ROUGH
from bulkhead.execution.recent import Recent
from messages.supervision import ChildState
from tests.simulation.conftest import StartRun

ORDER_PATH = (
    addresses.LEDGER,
    addresses.RISK_GUARD,
    addresses.FAILURE_HANDLER,
    addresses.transport("sim"),
    addresses.PORTFOLIO,
    addresses.broker("sim"),
    addresses.OMS,
)
OTHERS = (
    addresses.market_data("feed"),
    f"{addresses.market_data('feed')}.io",
    addresses.strategy("heads"),
    addresses.RECORDER,
    addresses.OBSERVER,
)


def crash_after_s(name: str, seed: int) -> float:
    return Random(f"{name}:{seed}").uniform(5.0, 20.0)


@pytest.mark.req("P-15")
@pytest.mark.lesson("L09")
@pytest.mark.lesson("L13")
@pytest.mark.lesson("L20")
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ORDER_PATH)
def test_a_crash_on_the_order_path_shuts_the_gate_until_the_books_are_compared(
    start: StartRun, name: str, seed: int
) -> None:
    run = start(seed=seed, faults=ROUGH)
    house = run.house
    run.work(crash_after_s(name, seed))
    run.open_gate()
    sent_before, snapshots_before = len(house.venue.orders), house.venue.snapshots
    house.poison(name)
    run.host.run_until_idle()
    assert not house.gate.is_open, "shut in the instant of the death"
    assert house.epoch(name) >= 1
    run.open_gate()
    assert house.venue.snapshots > snapshots_before, "it opened after a comparison, not by itself"
    assert house.epoch(name) == 2
    run.until(lambda: len(house.venue.orders) > sent_before)
    run.settle()
    assert house.differences() == ()
    assert not house.root_downs


@pytest.mark.lesson("L20")
@pytest.mark.lesson("L21")
@pytest.mark.parametrize("name", OTHERS)
def test_a_crash_beside_the_order_path_does_not_stop_trading(start: StartRun, name: str) -> None:
    run = start(seed=4)
    house = run.house
    run.work(crash_after_s(name, 4))
    run.open_gate()
    house.poison(name)
    run.host.run_until_idle()
    assert house.gate.is_open
    sent_before = len(house.venue.orders)
    run.until(lambda: house.epoch(name) == 2 and house.states()[name] is ChildState.READY)
    run.until(lambda: len(house.venue.orders) > sent_before)
    run.settle()
    assert house.differences() == ()


@pytest.mark.lesson("L34")
def test_the_gate_stays_shut_while_the_stream_is_down_also_for_a_new_order_manager(start: StartRun) -> None:
    run = start(seed=4)
    house = run.house
    run.open_gate()
    house.venue.drop_stream()
    run.until(lambda: not house.gate.is_open)
    house.poison(addresses.OMS)
    run.work(45)  # longer, and an operator would be asked for
    assert house.epoch(addresses.OMS) == 2
    assert not house.gate.is_open
    house.venue.raise_stream()
    run.open_gate()
    run.settle()
    assert house.differences() == ()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everything_on_the_order_path_dies_at_once(start: StartRun, seed: int) -> None:
    run = start(seed=seed, faults=ROUGH)
    house = run.house
    run.work(20)
    run.open_gate()
    for name in (addresses.OMS, addresses.PORTFOLIO, addresses.RISK_GUARD, addresses.strategy("tails")):
        house.poison(name)
    sent_before = len(house.venue.orders)
    run.work(1)
    run.open_gate()
    run.work(60)
    after = list(house.venue.orders.values())[sent_before:]
    assert {order.ticket.symbol for order in after} == {"BTCUSDT", "ETHUSDT"}
    run.settle()
    assert house.differences() == ()


class Deadly(Recent):
    """Kills whoever wants to remember an intent."""

    def add(self, key: str) -> bool:
        raise RuntimeError(f"killed over {key}")


@pytest.mark.parametrize("seed", range(3))
def test_an_intent_in_a_dying_actor_does_not_bind_its_strategy_for_ever(start: StartRun, seed: int) -> None:
    """The message that kills is lost for good; a strategy that waited for its answer must go on."""
    run = start(seed=seed)
    house = run.house
    run.open_gate()
    guard = house.host.behaviour(addresses.RISK_GUARD)
    assert isinstance(guard, RiskGuardActor)
    guard.__dict__["_watch"].__dict__["_actions"] = Deadly(1)
    run.until(lambda: house.epoch(addresses.RISK_GUARD) == 2)
    run.open_gate()
    sent_before = len(house.venue.orders)
    run.work(60)
    after = list(house.venue.orders.values())[sent_before:]
    assert {order.ticket.symbol for order in after} == {"BTCUSDT", "ETHUSDT"}
