"""KIS's own words, as data: hosts, TR ids, order divisions, limits, and who we are to it.

Buying and selling differ only in the TR id, which travels in a header. Source: the venue's document of 2026-09-11 and
koreainvestment/open-trading-api; notice of 2026-04-20 for the limits.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bulkhead.venues.wire.facts import NotSupported, RateLimit
from messages.values import OrderType, Side, TimeInForce


class Host(StrEnum):
    """Money is real at one of them; each has its own keys, TR ids and limits."""

    REAL = "real"
    PAPER = "paper"


@dataclass(frozen=True, slots=True)
class TrId:
    """Which call it is, in the words of either host; None where the paper host does not have it."""

    call: str
    real: str
    paper: str | None

    def at(self, host: Host) -> str:
        """Raises NotSupported."""
        found = self.real if host is Host.REAL else self.paper
        if found is None:
            raise NotSupported(f"the paper host has no {self.call}")
        return found


BUY = TrId("cash buy", "TTTC0012U", "VTTC0012U")
SELL = TrId("cash sell", "TTTC0011U", "VTTC0011U")
CHANGE = TrId("amend or cancel", "TTTC0013U", "VTTC0013U")
ORDERS = TrId("orders of the last three months", "TTTC0081R", "VTTC0081R")
OLDER_ORDERS = TrId("orders older than three months", "CTSC9215R", "VTSC9215R")
CANCELLABLE = TrId("list of cancellable orders", "TTTC0084R", None)
BALANCE = TrId("balance", "TTTC8434R", "VTTC8434R")
BUYING_POWER = TrId("buying power", "TTTC8908R", "VTTC8908R")
PRICE = TrId("price of a symbol", "FHKST01010100", "FHKST01010100")
ASKING_PRICE = TrId("bids and asks of a symbol", "FHKST01010200", "FHKST01010200")
TRADES = TrId("trades", "H0STCNT0", "H0STCNT0")
BOOK = TrId("book of ten levels", "H0STASP0", "H0STASP0")
NOTICES = TrId("notices of orders", "H0STCNI0", "H0STCNI9")

ORDER_SIDES = {Side.BUY: BUY, Side.SELL: SELL}

DIVISIONS: Mapping[tuple[OrderType, TimeInForce], str] = {
    # ORD_DVSN. A market order that says GTC has left the default as it is: it does not rest, so nothing is lost.
    (OrderType.MKT, TimeInForce.GTC): "01",
    (OrderType.MKT, TimeInForce.DAY): "01",
    (OrderType.MKT, TimeInForce.IOC): "13",
    (OrderType.MKT, TimeInForce.FOK): "14",
    (OrderType.LMT, TimeInForce.DAY): "00",
    (OrderType.LMT, TimeInForce.IOC): "11",
    (OrderType.LMT, TimeInForce.FOK): "12",
}
"""Nothing rests at KRX longer than its day: a limit order GTC is refused, since it would end unnoticed."""


class Exchange(StrEnum):
    """EXCG_ID_DVSN_CD."""

    KRX = "KRX"
    NXT = "NXT"
    SOR = "SOR"
    """The venue chooses between the two."""


# -- limits -----------------------------------------------------------------------------------------------------------

REQUESTS, TOKENS, APPROVALS = "REQUESTS", "TOKENS", "APPROVALS"

LIMITS: Mapping[Host, tuple[RateLimit, ...]] = {
    # That its windows slide is assumed: it is the stricter reading. Tokens: 1/s by the notice, 1/min by the README.
    Host.REAL: (
        RateLimit(REQUESTS, 1, 18, is_aligned=False),
        RateLimit(TOKENS, 60, 1, is_aligned=False),
        RateLimit(APPROVALS, 1, 1, is_aligned=False),
    ),
    Host.PAPER: (
        RateLimit(REQUESTS, 1, 1, is_aligned=False),
        RateLimit(TOKENS, 60, 1, is_aligned=False),
        RateLimit(APPROVALS, 1, 1, is_aligned=False),
    ),
}
NEW_CUSTOMER_REQUESTS = RateLimit(REQUESTS, 1, 3, is_aligned=False)
"""In the first three days of a new real customer."""
ONE_REQUEST: Mapping[str, int] = {REQUESTS: 1}
MAX_REGISTRATIONS = 41
"""On the one WebSocket session of an app key: trades, books and notices together."""


# -- who we are to it -------------------------------------------------------------------------------------------------

_HEADER_SAFE = re.compile(r"[\x21-\x7e]{1,4096}")


def is_header_safe(value: str) -> bool:
    """Printable ASCII without spaces: what a key or a token may consist of, so that none can end a header."""
    return _HEADER_SAFE.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Keys:
    """An app key and its secret. `repr` shows neither. Raises ValueError for what no header may carry."""

    app_key: str = field(repr=False)
    app_secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if not (is_header_safe(self.app_key) and is_header_safe(self.app_secret)):
            raise ValueError("an app key or secret is empty or has characters that no header may carry")


@dataclass(frozen=True, slots=True)
class Account:
    """CANO (eight digits) and ACNT_PRDT_CD (two digits). Raises ValueError, without the number in it."""

    number: str = field(repr=False)
    product: str = "01"

    def __post_init__(self) -> None:
        if re.fullmatch(r"[0-9]{8}", self.number) is None or re.fullmatch(r"[0-9]{2}", self.product) is None:
            raise ValueError("a KIS account is eight digits, and its product code two")

    @property
    def params(self) -> dict[str, str]:
        return {"CANO": self.number, "ACNT_PRDT_CD": self.product}


@dataclass(frozen=True, slots=True)
class Caller:
    """Everything that each authorised request says of us."""

    host: Host
    keys: Keys
    token: str = field(repr=False)
    account: Account
    customer: str = "P"
    """custtype: P a person, B a company."""

    def headers(self, tr_id: TrId, continued: bool = False) -> dict[str, str]:
        """Raises NotSupported."""
        return {
            "content-type": "application/json; charset=utf-8",
            "authorization": f"Bearer {self.token}",
            "appkey": self.keys.app_key,
            "appsecret": self.keys.app_secret,
            "tr_id": tr_id.at(self.host),
            "tr_cont": "N" if continued else "",
            "custtype": self.customer,
        }
