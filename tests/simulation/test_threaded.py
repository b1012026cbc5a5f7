"""The same house and the same venue on threads, for two seconds: no class differs, and the books still agree."""

import time
from collections.abc import Callable
from pathlib import Path

from actors import addresses
from actors.broker import BrokerActor
from actors.failure_handler import FailureHandlerActor
from actors.market_data import MarketDataActor
from actors.oms import OmsActor
from actors.portfolio import PortfolioActor
from actors.risk_guard import RiskGuardActor
from actors.strategy import StrategyActor
from bulkhead.chaos.house import House
from bulkhead.chaos.model.busting import BustingVenue
from bulkhead.chaos.model.words import ROUGH
from messages.values import StopLevel
from supervisor.runtime.host import Host
from supervisor.runtime.threaded import ThreadedHost
from tests.simulation.conftest import StartRun

SEVEN = {
    addresses.market_data("feed"): MarketDataActor,
    addresses.strategy("heads"): StrategyActor,
    addresses.RISK_GUARD: RiskGuardActor,
    addresses.OMS: OmsActor,
    addresses.broker("sim"): BrokerActor,
    addresses.PORTFOLIO: PortfolioActor,
    addresses.FAILURE_HANDLER: FailureHandlerActor,
}
PATIENCE_S = 60.0


def classes(host: Host) -> dict[str, type]:
    return {name: type(host.behaviour(name)) for name in SEVEN}


def wait(what: Callable[[], bool], house: House) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, house.gate.reasons()
        time.sleep(0.005)


def test_the_seven_actors_are_the_same_on_both_hosts(start: StartRun, tmp_path: Path) -> None:
    run = start()
    run.open_gate()
    assert classes(run.host) == SEVEN

    host = ThreadedHost(seed=1)
    (tmp_path / "threaded").mkdir()
    house = House(host, tmp_path / "threaded", BustingVenue(1, ROUGH, tick_s=0.01))
    try:
        wait(lambda: house.gate.is_open and classes(host) == SEVEN, house)
        wait(lambda: len(house.venue.executions) > 20, house)
        house.poison(addresses.OMS)
        wait(lambda: house.epoch(addresses.OMS) == 2 and house.gate.is_open, house)
        sent = len(house.venue.orders)
        wait(lambda: len(house.venue.orders) > sent + 10, house)
        house.stop_trading(StopLevel.HARD)
        wait(lambda: house.oms.figures().working == 0 and house.gate.is_recovered, house)
        wait(lambda: house.fills() == house.executed(), house)
        house.stop()
        wait(lambda: bool(house.root_downs), house)
    finally:
        host.close()
    assert house.root_downs[0].reason == "shutdown"
    assert house.balances() == house.venue.balances
    assert not house.venue.repeated_ids
    house.file.close()
