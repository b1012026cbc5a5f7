"""Which orders are to be cancelled past the actors: wanted by a stop plan, and nobody has asked the venue. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bulkhead.app.stops.tap import Working
from messages.values import OrderType, StopPlan
from supervisor.stop_plans import Plans, plan_for

NS_PER_S = 1_000_000_000
MAX_PAUSE_S = 60.0
"""Between two tries at one order at most: a venue that refuses again and again is not asked every second."""
UNANSWERED_TIMES = 10
"""A cancel that was asked for and is not answered for so many times the grace counts as not asked: what carries it
hangs, and a second cancel does no harm."""


class Try(NamedTuple):
    """What we have done about an order."""

    times: int
    """Beyond the first."""
    last_ns: int


class Facts(NamedTuple):
    """What the decision remembers from look to look."""

    wanted_ns: Mapping[str, int]
    """By order: since when a plan wants it cancelled."""
    tries: Mapping[str, Try]


NOTHING = Facts({}, {})


def is_wanted(order: Working, plans: Plans) -> bool:
    """Whether a plan that runs wants it cancelled. An exit that gets out is never one, nor any exit at the market."""
    ticket = order.ticket
    plan = plan_for(plans, order.strategy_id, ticket.symbol)
    if ticket.intent_type.is_entry:
        return plan >= StopPlan.CANCEL_ENTRIES
    return plan >= StopPlan.FLATTEN and not ticket.is_stop_plan and ticket.order_type is not OrderType.MKT


def decide(
    working: Iterable[Working], plans: Plans, before: Facts, now_ns: int, grace_s: float
) -> tuple[tuple[Working, ...], Facts]:
    """Whom to cancel now, and what to remember, these tries included. Times are monotonic."""
    grace_ns = int(grace_s * NS_PER_S)
    wanted = {order.ticket.client_order_id: order for order in working if is_wanted(order, plans)}
    since = {key: before.wanted_ns.get(key, now_ns) for key in wanted}
    tries = {key: before.tries[key] for key in wanted if key in before.tries}
    due = []
    for key, order in wanted.items():
        tried = tries.get(key)
        if tried is None:
            is_due = now_ns - since[key] >= grace_ns
        else:
            pause_s = min(MAX_PAUSE_S, grace_s * 2.0 ** min(tried.times, 10))
            is_due = now_ns - tried.last_ns >= int(pause_s * NS_PER_S)
        is_asked = order.asked_ns is not None and now_ns - order.asked_ns < UNANSWERED_TIMES * grace_ns
        if is_due and not is_asked:
            due.append(order)
            tries[key] = Try(0 if tried is None else tried.times + 1, now_ns)
    return tuple(due), Facts(since, tries)
