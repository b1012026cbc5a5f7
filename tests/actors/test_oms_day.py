"""At a venue where nothing rests longer than its day every order of the house says so, whoever has asked for it."""

from decimal import Decimal

import pytest

from bulkhead.chaos.model.market import CAPABILITIES
from messages.orders import OrderCancelled
from messages.values import TimeInForce
from tests.actors.oms_story import SEAT, Oms
from tests.actors.test_oms_escape import OUT, holding
from tests.actors.test_oms_working import QUICK, accepted, seconds

BY_DAY = CAPABILITIES.model_copy(update={"orders_end_with_day": True})
IN_A_DAY = SEAT._replace(capabilities=BY_DAY)


def asked_of_the_venue(oms: Oms) -> list[TimeInForce]:
    return [row.ticket.time_in_force for row in oms.rows().values()]


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        (TimeInForce.GTC, TimeInForce.DAY),
        (TimeInForce.DAY, TimeInForce.DAY),
        (TimeInForce.IOC, TimeInForce.IOC),
        (TimeInForce.FOK, TimeInForce.FOK),
    ],
)
def test_what_is_to_rest_rests_for_the_day_and_all_else_is_as_it_was(wanted: TimeInForce, sent: TimeInForce) -> None:
    oms = Oms(seat=IN_A_DAY).trading()
    oms.approve(limit_price=Decimal(100), time_in_force=wanted)
    assert asked_of_the_venue(oms) == [sent]


@pytest.mark.parametrize("wanted", list(TimeInForce))
def test_elsewhere_it_is_as_the_intent_says(wanted: TimeInForce) -> None:
    oms = Oms().trading()
    oms.approve(limit_price=Decimal(100), time_in_force=wanted)
    assert asked_of_the_venue(oms) == [wanted]


def test_a_replacement_is_for_the_day_too() -> None:
    oms = Oms(seat=QUICK._replace(capabilities=BY_DAY)).trading()
    oms.quote()
    oms.approve(limit_price=Decimal("99.90"))
    key = accepted(oms)
    seconds(oms, 11)
    oms.hear(OrderCancelled(client_order_id=key, symbol="BTCUSDT"))
    assert sorted(oms.rows()) == [(0, 0), (0, 1)], "it was replaced"
    assert asked_of_the_venue(oms) == [TimeInForce.DAY, TimeInForce.DAY]


def test_so_is_the_way_out_which_no_strategy_asked_for() -> None:
    oms = Oms(seat=IN_A_DAY).trading()
    holding(oms)
    oms.hear(OUT)
    close = oms.last()
    assert close.ticket.is_stop_plan
    assert close.ticket.time_in_force is TimeInForce.DAY
