"""What a risk guard that begins must not forget, and the record of a limit that was armed again."""

from typing import Annotated

from pydantic import Field

from messages.base import Body, Command
from messages.failure import LimitRearmed
from messages.orders import FillBooked, OrderRow
from messages.portfolio import RoundTrip
from messages.records import Record, Stream
from messages.values import Nanoseconds


class LimitRearmRecorded(Record):
    """A trip of this limit is over; by an operator, its rows and rates count from here on."""

    stream = Stream.RISK
    rearm: LimitRearmed


class LoadRiskHistory(Command):
    """Ask the ledger for what a risk guard that begins must not forget."""

    day_start_ns: Nanoseconds
    latest: Annotated[int, Field(ge=1)]
    """So many ended orders, fills and round trips at most."""


class RiskHistoryLoaded(Body):
    """The day's counts, and the latest of what rows and rates are counted over, each oldest first."""

    day_start_ns: Nanoseconds
    orders_today: int
    """Approved intents: a split one is one."""
    trades_today: int
    ended_orders: tuple[OrderRow, ...] = ()
    fills: tuple[FillBooked, ...] = ()
    """`order_quantity` is the fill's own: that of its order is not looked up."""
    trades: tuple[RoundTrip, ...] = ()
    tripped_ns: dict[str, Nanoseconds] = Field(default_factory=dict)
    """By limit, its latest trip that an operator must lift."""
    rearmed_ns: dict[str, Nanoseconds] = Field(default_factory=dict)
    """By limit, when an operator armed it again last."""
