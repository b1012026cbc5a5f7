"""Value types that every message is built from: exact decimals, names, enumerations, small frozen records.

Rules: money and quantity are `Decimal`, finite and bounded, and travel as plain strings in JSON (never as a float);
time is an integer of nanoseconds since the Unix epoch, UTC, and its name ends in `_ns`; nothing here can be changed
once made.

Why bounded: `1E+999999` is nine characters on a wire and a million when it is written out, and a venue, a tape or a
child process chooses the exponent. What is *stated* (a price, a quantity, a fee) has tight bounds, so that sums and
products of stated values stay far inside those of a `Number`, which the house itself works out.
"""

from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Rounded
from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

STATED_PLACES = 30
"""Before the point, and as many behind it. A venue's finest unit is 1e-18, and its codec reads 24 digits on either side
(`bulkhead/venues/wire/fields.py`): the sum of a million such values, or the middle of two, still fits."""
NUMBER_PLACES = 200
"""Before the point, and as many behind it: products of stated values fit, and quotients of them at the 100 digits of
`bulkhead/execution/exact.py`."""


def _at_most(places: int) -> AfterValidator:
    """Refuses what takes more than `places` digits before the point, or behind it, to write out."""

    finest = Decimal((0, (1,), -places))
    fits = Context(prec=2 * places, traps=[InvalidOperation, Inexact, Rounded])

    def check(value: Decimal) -> Decimal:
        try:
            fits.quantize(value, finest)
        except DecimalException:
            refuse_too_wide(value)
        if not value:  # any zero fits a quantum, however far away its exponent
            refuse_too_wide(value)
        return value

    def refuse_too_wide(value: Decimal) -> None:
        # In this order: of a number with a million digits before the point, nobody looks at each of them.
        if value.adjusted() >= places or -_exponent(value) > places:
            raise ValueError(f"more than {places} digits before or behind the point: that is no amount")

    return AfterValidator(check)


def _exponent(value: Decimal) -> int:
    return int(value.as_tuple().exponent)  # only NaN and Infinity have a letter there, and they are refused before


_plain = PlainSerializer(lambda value: format(value, "f"), return_type=str, when_used="json")
_stated = _at_most(STATED_PLACES)

Number = Annotated[Decimal, Field(allow_inf_nan=False), _at_most(NUMBER_PLACES), _plain]
"""Any decimal: an amount of money, a signed position, a score."""
Price = Annotated[Decimal, Field(gt=0, allow_inf_nan=False), _stated, _plain]
Quantity = Annotated[Decimal, Field(gt=0, allow_inf_nan=False), _stated, _plain]
Size = Annotated[Decimal, Field(ge=0, allow_inf_nan=False), _stated, _plain]
"""A quantity that may be zero: what is displayed, filled or left."""
Fee = Annotated[Decimal, Field(allow_inf_nan=False), _stated, _plain]
"""What a fill was charged, as the venue stated it; below zero it is a rebate."""
Holding = Annotated[Decimal, Field(ge=0, allow_inf_nan=False), _at_most(NUMBER_PLACES), _plain]
"""What an account has of an asset: as stated, with quantity times price of each fill since."""

Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9._-]{0,31}$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
"""A venue, account, strategy or feed, as configuration names it."""
ClientOrderId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,36}$")]
"""Fits the strictest venue: 36 characters of `[A-Za-z0-9_-]`."""
Nanoseconds = Annotated[int, Field(ge=0)]


class Value(BaseModel):
    """A frozen record; unknown fields are refused, so a misspelt one cannot pass unseen."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    MKT = "MKT"
    LMT = "LMT"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    DAY = "DAY"


class IntentType(StrEnum):
    ENTRY = "ENTRY"
    EXIT_PARTIAL = "EXIT_PARTIAL"
    EXIT_FULL = "EXIT_FULL"

    @property
    def is_entry(self) -> bool:
        return self is IntentType.ENTRY


class Origin(StrEnum):
    """Who asked for an intent."""

    STRATEGY = "strategy"
    STOP_PLAN = "stop_plan"
    OPERATOR = "operator"
    INBOX = "inbox"


class SplitPolicy(StrEnum):
    SINGLE = "SINGLE"
    TWAP = "TWAP"
    VWAP = "VWAP"
    ICEBERG = "ICEBERG"
    AUTO = "AUTO"
    """Chosen by size against average daily volume and visible liquidity."""


class Action(StrEnum):
    """What a strategy decided; HOLD and SKIP are decisions too, and are recorded with their reasons."""

    ENTER = "ENTER"
    EXIT = "EXIT"
    HOLD = "HOLD"
    SKIP = "SKIP"


class OrderStatus(StrEnum):
    PENDING_SUBMIT = "PENDING_SUBMIT"
    SUBMITTED = "SUBMITTED"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    REJECTED = "REJECTED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    """Proven never to have reached the venue, and given up."""
    UNKNOWN = "UNKNOWN"
    """Bytes left and no verdict came back. Only evidence from the venue ends it."""

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL

    @property
    def public(self) -> str:
        """The word of the source documents: UNKNOWN is shown as ERROR."""
        return "ERROR" if self is OrderStatus.UNKNOWN else self.value


_TERMINAL = frozenset(
    {OrderStatus.FILLED, OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.FAILED}
)


class IntentStatus(StrEnum):
    NEW = "NEW"
    SUBMITTED = "SUBMITTED"
    STOPPING = "STOPPING"
    """Not worked any more: nothing new is sent for it, and its orders are to end."""
    DONE = "DONE"
    DUPLICATE = "DUPLICATE"
    REJECTED = "REJECTED"
    FAILED = "FAILED"


class Mode(StrEnum):
    PAPER = "paper"
    LIVE = "live"


class StopLevel(IntEnum):
    """Strictness of the gate, in rising order; the strictest reason in force wins."""

    RUN = 0
    REDUCED = 1
    SOFT = 2
    MEDIUM = 3
    HARD = 4


class StopPlan(IntEnum):
    """What is done to what exists, in rising order; of several in force the furthest counts."""

    NONE = 0
    CANCEL_ENTRIES = 1
    REDUCE = 2
    """Entries are cancelled, and what is held is sold off bit by bit."""
    FLATTEN = 3
    """All orders are cancelled, and what is held is closed at the market."""

    @classmethod
    def of(cls, level: StopLevel) -> "StopPlan":
        """The plan that belongs to a level, unless a reason names another."""
        return _PLANS.get(level, cls.NONE)


_PLANS = {
    StopLevel.SOFT: StopPlan.CANCEL_ENTRIES,
    StopLevel.MEDIUM: StopPlan.REDUCE,
    StopLevel.HARD: StopPlan.FLATTEN,
}


class OnStop(StrEnum):
    """What becomes of a strategy's orders and position when it is stopped or parked."""

    CANCEL_ENTRIES = "cancel_entries"
    KEEP = "keep"
    FLATTEN = "flatten"


class Level(Value):
    """One price level of a book."""

    price: Price
    quantity: Size


class MarketSnapshot(Value):
    """What the market looked like at a decision. Any side may be missing."""

    symbol: Symbol
    last: Price | None = None
    bid: Price | None = None
    bid_quantity: Size | None = None
    ask: Price | None = None
    ask_quantity: Size | None = None
    event_time_ns: Nanoseconds
    source: Name = "feed"
    """That of its quote: a value of `messages.market_health.DataSource`."""

    @property
    def mid(self) -> Decimal | None:
        """Middle of bid and ask, else the last price, else None."""
        if self.bid is not None and self.ask is not None:
            return (self.bid + self.ask) / 2
        return self.last

    @property
    def spread_bps(self) -> Decimal | None:
        """(ask - bid) / mid in basis points; negative when the quotes are crossed; None without both sides."""
        if self.bid is None or self.ask is None:
            return None
        return (self.ask - self.bid) / ((self.ask + self.bid) / 2) * 10_000
