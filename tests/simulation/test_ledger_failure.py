"""The disk fails for a while: what cannot be written is not sent, and afterwards everything goes on."""

import pytest

from bulkhead.chaos.model.words import ROUGH
from bulkhead.ledger.port import LedgerPort
from tests.simulation.conftest import Run, StartRun
from tests.simulation.failing_ledger import FailingLedger


def exits_only(run: Run, sent: int) -> bool:
    later = list(run.house.venue.orders.values())[sent:]
    return not any(order.ticket.intent_type.is_entry for order in later)


@pytest.mark.lesson("L10")
@pytest.mark.parametrize(("seed", "full_for_s"), [(1, 20.0), (2, 20.0), (3, 300.0)])
def test_the_disk_is_full_for_a_while(start: StartRun, seed: int, full_for_s: float) -> None:
    ledgers: list[FailingLedger] = []

    def wrap(ledger: LedgerPort) -> LedgerPort:
        ledgers.append(FailingLedger(ledger))
        return ledgers[0]

    run = start(seed=seed, faults=ROUGH, wrap=wrap)
    house, ledger = run.house, ledgers[0]
    run.work(15)
    ledger.fail(is_full=True)
    run.until(lambda: ledger.refused > 0)
    assert not house.gate.is_open
    run.work(1)
    sent = len(house.venue.orders)
    run.work(full_for_s)
    assert not house.root_downs, house.root_downs[0].detail
    assert len(house.venue.orders) == sent, "no order without a record"
    ledger.fail(is_full=False)
    run.work(30)
    assert exits_only(run, sent), "entries wait for an operator"
    run.rearm()
    run.open_gate()
    run.work(60)
    traded = {order.ticket.symbol for order in list(house.venue.orders.values())[sent:]}
    assert traded == {"BTCUSDT", "ETHUSDT"}, "no strategy waits for ever for an intent that was lost"
    run.settle()
    assert house.differences() == ()
