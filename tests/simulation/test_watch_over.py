"""The gate hangs on the house: a lost message of the order path and a flood shut it in the same instant."""

import pytest

from actors import addresses
from actors.strategy import StrategyActor
from messages.base import Body, Lane, Letter
from messages.failure import StopReason
from messages.orders import Reconcile
from messages.values import StopLevel
from supervisor.gate import RECOVERY_REASON
from tests.simulation.conftest import StartRun
from tests.supervisor.letters import Note, sealed


class OrderPoison(Body):
    """Of the order lane; no behaviour has a handler for it."""

    lane = Lane.ORDER


def doubt(run_gate_reasons: tuple[StopReason, ...]) -> str:
    return next((reason.cause for reason in run_gate_reasons if reason.reason_id == RECOVERY_REASON), "")


@pytest.mark.parametrize("name", [addresses.PORTFOLIO, addresses.RISK_GUARD, addresses.OMS])
def test_a_message_of_the_order_path_that_is_lost_is_a_doubt_until_the_books_are_compared(
    start: StartRun, name: str
) -> None:
    run = start()
    run.open_gate()
    before = run.house.oms.figures().reconciliations
    run.host.tell(name, OrderPoison(), sender="test")
    run.until(lambda: not run.house.gate.is_recovered, step_s=0.0)
    run.open_gate()
    is_another = run.house.epoch(addresses.OMS) > 1  # who counts from the beginning
    assert run.house.oms.figures().reconciliations > (0 if is_another else before)


def test_it_is_a_doubt_at_once_and_says_what_was_lost(start: StartRun) -> None:
    run = start()
    run.open_gate()
    letter = Letter(to=addresses.PORTFOLIO, envelope=sealed(Note()))
    run.host.on_dead_letter(letter, "its handler ended with ValueError")
    assert not run.house.gate.is_open
    assert "Note to portfolio was lost: its handler ended with ValueError" in doubt(run.house.gate.reasons())


@pytest.mark.parametrize(
    ("to", "body"),
    [(addresses.strategy("heads"), Note()), (addresses.OMS, Reconcile(reason="a lost request to compare"))],
    ids=["to a strategy", "a request to compare"],
)
def test_what_leaves_no_doubt_about_the_books_shuts_nothing(start: StartRun, to: str, body: Body) -> None:
    run = start()
    run.open_gate()
    run.host.on_dead_letter(Letter(to=to, envelope=sealed(body)), "mailbox closed")
    assert run.house.gate.is_open


@pytest.mark.lesson("L19")
def test_a_flood_shuts_the_gate_and_has_the_books_compared(start: StartRun) -> None:
    run = start()
    run.open_gate()
    before = run.house.oms.figures().reconciliations
    run.host.on_flood(addresses.broker("sim"))
    assert "messages pile up at broker:sim" in doubt(run.house.gate.reasons())
    run.open_gate()
    assert run.house.oms.figures().reconciliations > before


def test_strategies_learn_of_every_change_of_the_gate(start: StartRun) -> None:
    run = start()
    run.open_gate()
    run.work(1)
    actor = run.host.behaviour(addresses.strategy("heads"))
    assert isinstance(actor, StrategyActor)
    assert actor.stop_level() is StopLevel.RUN
    run.house.gate.shut(StopReason(reason_id="test", level=StopLevel.MEDIUM, cause="a test", since_ns=1), by=None)
    run.work(0.001)
    assert actor.stop_level() is StopLevel.MEDIUM
    run.house.gate.lift("test", by=None)
    run.work(0.001)
    assert actor.stop_level() is StopLevel.RUN
