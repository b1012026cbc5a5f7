"""The whole house with its alerts actor: what happens is told, and whoever is told can never stop trading."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from actors import addresses
from bulkhead.app.alert_settings import AlertSettings
from bulkhead.app.house import tree
from bulkhead.chaos.house import START_NS, House
from bulkhead.chaos.model.busting import BustingVenue
from bulkhead.chaos.model.words import CALM, Faults
from bulkhead.monitor.alerting.actor import AlertDoor
from bulkhead.monitor.alerting.alarms import AlertsStatus, Notice, Severity
from messages.failure import StopReason
from messages.supervision import ChildState
from messages.values import StopLevel
from supervisor.runtime.simulated import SimulatedHost
from supervisor.spec import nodes

NS_PER_S = 1_000_000_000


class Town:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[Notice] = []
        self.houses: list[House] = []

    def grow(self, door: AlertDoor, faults: Faults = CALM) -> House:
        house = House(SimulatedHost(1, START_NS), self.folder, BustingVenue(1, faults), alerts=door)
        self.houses.append(house)
        return house

    @property
    def text(self) -> str:
        return "\n".join(notice.text for notice in self.told)


def work(house: House, seconds: float) -> None:
    host = house.host
    assert isinstance(host, SimulatedHost)
    host.run_until(host.now_ns() + int(seconds * NS_PER_S))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    for house in made.houses:
        house.file.close()


@pytest.mark.req("S-19")
def test_a_crash_and_a_stop_are_told_and_a_calm_house_is_silent(town: Town) -> None:
    house = town.grow(AlertDoor(town.told.append, AlertsStatus))
    work(house, 60)
    assert house.gate.is_open
    assert town.told == [], "a start is no alarm"
    house.poison(addresses.OMS)
    work(house, 10)
    assert "oms has ended (error)" in town.text
    assert "a part of the order path" in town.text
    reason = StopReason(
        reason_id="operator:1", level=StopLevel.HARD, cause="kill", since_ns=house.host.now_ns(), needs_operator=True
    )
    house.gate.shut(reason, by=None)
    work(house, 0.5)
    assert town.told[-1].severity is Severity.P0
    assert "stop level HARD for all: kill" in town.told[-1].text
    house.stop()
    work(house, 5)
    assert "has ended (error)" not in "".join(notice.text for notice in town.told[2:]), "the end was meant"


@pytest.mark.req("S-19")
@pytest.mark.lesson("L29")
def test_alerts_that_break_at_every_message_are_parked_and_trading_goes_on(town: Town) -> None:
    def refuse(_: Notice) -> None:
        raise OSError("no way out")

    house = town.grow(AlertDoor(refuse, AlertsStatus))
    work(house, 20)
    reason = StopReason(reason_id="x:1", level=StopLevel.REDUCED, cause="x", since_ns=0)
    for number in range(8):
        house.gate.shut(reason.model_copy(update={"reason_id": f"x:{number}"}), by=None)
        work(house, 8)
    states = {node.id: node.state for node in house.host.status()}
    assert states[addresses.ALERTS] is ChildState.PARKED
    assert states[addresses.RECORDER] is ChildState.READY
    sent = len(house.venue.orders)
    work(house, 60)
    assert house.gate.is_open
    assert len(house.venue.orders) > sent
    assert not house.root_downs


def test_strategies_in_a_process_of_their_own_do_not_see_the_urls(town: Town) -> None:
    parts = town.grow(AlertDoor(town.told.append, AlertsStatus)).parts
    alerts = AlertSettings(urls_env="ALERT_URLS", heartbeat_url_env="BEAT_URL")
    spec = tree(replace(parts, settings=parts.settings.model_copy(update={"alerts": alerts})))
    hidden = [node.compartment.hidden_env for node, _ in nodes(spec) if node.id.startswith("strategy:")]  # type: ignore[union-attr]
    assert len(hidden) == 2
    for names in hidden:
        assert {"ALERT_URLS", "ALERT_URLS_FILE", "BEAT_URL", "BEAT_URL_FILE"} <= set(names)
