"""What the model venue and its ports say to one another, and how often it misbehaves."""

from dataclasses import dataclass

from messages.base import Body
from messages.market import Trade
from messages.orders import CancelOrder, OrderTicket, QueryOrder, SubmitOrder, TakeVenueSnapshot


@dataclass(frozen=True)
class Faults:
    """How often, from 0 to 1, each thing goes wrong with an order or a print, whatever a plan's strikes do besides."""

    reject: float = 0.0
    not_sent: float = 0.0
    lost_request: float = 0.0
    lost_reply: float = 0.0
    late_ack: float = 0.0
    """The acknowledgement comes a second after the fills."""
    duplicate: float = 0.0
    """A report, or a print, is told twice."""


CALM = Faults()
ROUGH = Faults(reject=0.03, not_sent=0.05, lost_request=0.03, lost_reply=0.05, late_ack=0.1, duplicate=0.2)


class Submitted(Body):
    command: SubmitOrder
    issuer: str
    issuer_epoch: int


class Arrived(Body):
    ticket: OrderTicket
    is_reply_lost: bool
    is_ack_late: bool


class Asked(Body):
    question: CancelOrder | QueryOrder | TakeVenueSnapshot
    has_arrived: bool = False


class Straggles(Body):
    """An execution is about to follow the end of its order."""

    client_order_id: str


class Say(Body):
    said: Body
    is_stream: bool
    connection: int = 0
    """On which it travels: what is on its way on one that was reset does not come."""
    number: int = 0
    """Of a report, in the order in which the venue made them; 0: of no account."""
    is_lost: bool = False
    """It only says that nothing came: nothing more can be lost of it."""


class LatePrint(Body):
    """It has been on its way for longer than those after it."""

    trade: Trade


class Opened(Body):
    is_feed: bool


class Step(Body):
    symbol: str
