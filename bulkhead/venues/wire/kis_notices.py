"""Reader of KIS's notices of orders (H0STCNI0, on the paper host H0STCNI9). Never raises.

There is no execution id: two partial fills of one size in one second cannot be told from a notice that came twice. A
notice is therefore a reason to ask for the lists, not a fill to book; `filled` says what it claims. It may come before
the answer to the order, and it is of every account of the HTS id: the account is there to be compared.

The layout had 23 fields and has 26 (the official table and the official example differ); fields 0 to 17 are the same in
both, and only they are read.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from bulkhead.venues.wire import fields
from bulkhead.venues.wire.facts import Ignored, ProtocolError, Received, clipped
from bulkhead.venues.wire.fields import JsonObject, Malformed
from bulkhead.venues.wire.kis_cipher import NoticeKey, decrypt
from bulkhead.venues.wire.kis_fields import branch, nearest_ns, order_digits, order_digits_or_none, side, symbol
from bulkhead.venues.wire.kis_streams import Frame, records
from bulkhead.venues.wire.kis_terms import NOTICES
from messages.values import Side

NAMES: tuple[str, ...] = (
    *("CUST_ID", "ACNT_NO", "ODER_NO", "OODER_NO", "SELN_BYOV_CLS", "RCTF_CLS", "ODER_KIND", "ODER_COND"),
    *("STCK_SHRN_ISCD", "CNTG_QTY", "CNTG_UNPR", "STCK_CNTG_HOUR", "RFUS_YN", "CNTG_YN", "ACPT_YN", "BRNC_NO"),
    *("ODER_QTY", "ACNT_NAME"),
)
WIDTHS = (23, 26)

_PERSONAL = tuple(NAMES.index(name) for name in ("CUST_ID", "ACNT_NO", "ACNT_NAME"))
_HIDDEN = "***"


class Request(StrEnum):
    """RCTF_CLS: what was asked of the venue."""

    NEW = "new"
    AMEND = "amend"
    CANCEL = "cancel"


class Kind(StrEnum):
    """What became of it."""

    RECEIVED = "received"
    CONFIRMED = "confirmed"
    ENDED = "ended"
    """The rest of an IOC or FOK order."""
    REFUSED = "refused"
    FILLED = "filled"


_REQUESTS = {"0": Request.NEW, "1": Request.AMEND, "2": Request.CANCEL}
_ACCEPTANCES = {"1": Kind.RECEIVED, "2": Kind.CONFIRMED, "3": Kind.ENDED}


@dataclass(frozen=True, slots=True)
class OrderNotice:
    """Quantities in shares, prices in won. `repr` shows no account."""

    account: str = field(repr=False)
    """CANO and product code, ten digits."""
    number: str
    """In ten digits. The notice has no date, and whether BRNC_NO is the branch of the lists, no source says: match by
    the number among the day's orders of this account."""
    original: str | None
    """The order that it amends or cancels."""
    branch: str
    symbol: str
    side: Side
    request: Request
    kind: Kind
    filled: Decimal
    """Zero unless this is a fill: otherwise the same field holds the quantity of the order, or zero."""
    price: Decimal
    """Of the fill; zero otherwise."""
    at_ns: int
    """Of the venue, to the second."""
    raw: str = field(repr=False)
    """As it came, without the person, the account's number and its name."""


NoticeEvents = tuple[OrderNotice, ...] | Ignored | ProtocolError


def notices(frame: Frame, key: NoticeKey | None, received: Received) -> NoticeEvents:
    """Every notice of a frame, or none. The time of day gets its date from when it was received."""
    if frame.tr_id not in (NOTICES.real, NOTICES.paper):
        return Ignored(frame.tr_id)
    plain = fields.guarded(frame.payload, lambda: _plain(frame, key))
    if isinstance(plain, ProtocolError):
        return plain
    shown = _impersonal(plain, frame.count)
    return fields.guarded("^".join(shown), lambda: _notices(plain, shown, frame.count, received))


def _plain(frame: Frame, key: NoticeKey | None) -> str:
    if not frame.is_encrypted:
        return frame.payload  # the official sample has one: judged by the frame, not by the subscription's answer
    if key is None:
        raise Malformed("an encrypted notice, and no key for it has come")
    return decrypt(key, frame.payload)


def _impersonal(plain: str, count: int) -> list[str]:
    """The fields, without those that name somebody. In a layout that is none of ours, every field is hidden that would
    do so in one of them."""
    values = plain.split("^")
    width, rest = divmod(len(values), count)
    widths = (width,) if not rest and width in WIDTHS else WIDTHS
    hidden = {start + at for each in widths for start in range(0, len(values), each) for at in _PERSONAL}
    return [_HIDDEN if at in hidden else value for at, value in enumerate(values)]


def _notices(plain: str, shown: list[str], count: int, received: Received) -> tuple[OrderNotice, ...]:
    rows = records(plain, count, NAMES, WIDTHS)
    width = len(shown) // count
    raws = ["^".join(shown[at : at + width]) for at in range(0, len(shown), width)]
    return tuple(_notice(row, received, raw) for row, raw in zip(rows, raws, strict=True))


def _notice(row: JsonObject, received: Received, raw: str) -> OrderNotice:
    account = fields.text(row, "ACNT_NO").strip()
    if not (account.isascii() and account.isdigit() and len(account) == 10):
        raise Malformed("ACNT_NO is not an account of ten digits")
    request = _REQUESTS.get(fields.text(row, "RCTF_CLS"))
    if request is None:
        raise Malformed("RCTF_CLS is none of 0, 1, 2")
    kind = _kind(row)
    filled = price = Decimal(0)
    if kind is Kind.FILLED:
        filled, price = fields.decimal(row, "CNTG_QTY"), fields.decimal(row, "CNTG_UNPR")
        if not filled or not price:
            raise Malformed(f"a fill of {filled:f} at {price:f}")
    return OrderNotice(
        account=account,
        number=order_digits(fields.text(row, "ODER_NO"), "ODER_NO"),
        original=order_digits_or_none(fields.text(row, "OODER_NO"), "OODER_NO"),
        branch=branch(row, "BRNC_NO"),
        symbol=symbol(row, "STCK_SHRN_ISCD"),
        side=side(row, "SELN_BYOV_CLS"),
        request=request,
        kind=kind,
        filled=filled,
        price=price,
        at_ns=nearest_ns(fields.text(row, "STCK_CNTG_HOUR"), received.at_ns),
        raw=clipped(raw),
    )


def _kind(row: JsonObject) -> Kind:
    """By CNTG_YN first: 2 is a fill, 1 is everything else, and then fields 9 and 10 are the order's own."""
    is_fill, is_refused = fields.text(row, "CNTG_YN"), fields.text(row, "RFUS_YN")
    if is_fill not in ("1", "2") or is_refused not in ("0", "1"):
        raise Malformed("CNTG_YN is not 1 or 2, or RFUS_YN is not 0 or 1")
    if is_fill == "2":
        if is_refused == "1":
            raise Malformed("it contradicts itself: a fill that is refused")
        return Kind.FILLED
    if is_refused == "1":
        return Kind.REFUSED
    kind = _ACCEPTANCES.get(fields.text(row, "ACPT_YN"))
    if kind is None:
        raise Malformed("ACPT_YN is none of 1, 2, 3")
    return kind
