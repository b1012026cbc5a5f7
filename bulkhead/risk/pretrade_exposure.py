"""Pre-trade checks of size: the order itself, what would then be held and in flight, and the cash that it may take."""

from decimal import Decimal

from bulkhead.risk.exposure import by_symbol, held_notional, open_positions, reserved_notional, worst_net
from bulkhead.risk.numbers import WIDE, ZERO, is_within, text
from bulkhead.risk.verdict import Check, Question, Refused, upper
from messages.codes import ErrorCode
from messages.values import Side


def order_notional(q: Question) -> str | Refused:
    detail = f"worst case in {q.limits.currency}"
    return upper(ErrorCode.RISK_ORDER_NOTIONAL, "max_order_notional", q.notional, q.limits.max_order_notional, detail)


def order_quantity(q: Question) -> str | Refused:
    limit = q.limits.max_order_quantity
    if limit is None:
        return "max_order_quantity unset"
    return upper(ErrorCode.RISK_ORDER_QUANTITY, "max_order_quantity", q.intent.quantity, limit, "in base units")


def adv_share(q: Question) -> str | Refused:
    limit, symbol = q.limits.max_adv_share, q.intent.symbol
    if limit is None:
        return "max_adv_share unset"
    adv = q.limits.adv_notional.get(symbol)
    if adv is None:
        detail = f"[risk.adv_notional] has no average daily volume of {symbol}, and max_adv_share needs it"
        return Refused(ErrorCode.RISK_VALUE_MISSING, "adv_notional", "none", "a value", detail)
    share = WIDE.divide(WIDE.add(reserved_notional(q.now.exposure, symbol), q.notional), adv)
    detail = f"of {text(adv)} {q.limits.currency} traded in {symbol} on an average day, with what is in flight"
    return upper(ErrorCode.RISK_ADV_SHARE, "max_adv_share", share, limit, detail)


def positions(q: Question) -> str | Refused:
    taken = open_positions(q.now.exposure, q.portfolio, q.marks, q.limits.dust_notional)
    mine = (q.intent.strategy_id, q.intent.symbol)
    if mine in taken:
        return f"max_positions {len(taken)} (held already)"
    detail = "one position more would be open"
    return upper(ErrorCode.RISK_MAX_POSITIONS, "max_positions", len(taken) + 1, q.limits.max_positions, detail)


def symbol_exposure(q: Question) -> str | Refused:
    symbol = q.intent.symbol
    held = held_notional(q.portfolio, q.marks, symbol)
    reserved = reserved_notional(q.now.exposure, symbol)
    total = WIDE.add(WIDE.add(held, reserved), q.notional)
    detail = f"{symbol}: {_made_of(held, reserved, q.notional)}"
    return upper(ErrorCode.RISK_SYMBOL_EXPOSURE, "max_symbol_exposure", total, q.limits.max_symbol_exposure, detail)


def sector_exposure(q: Question) -> str | Refused:
    limit, sectors = q.limits.max_sector_exposure, q.limits.sectors
    if limit is None:
        return "max_sector_exposure unset"
    sector = sectors.get(q.intent.symbol)
    if sector is None:
        detail = f"[risk.sectors] has no sector of {q.intent.symbol}, and max_sector_exposure needs it"
        return Refused(ErrorCode.RISK_VALUE_MISSING, "sectors", "none", "a sector", detail)
    there = in_sector(by_symbol(q.now.exposure, q.portfolio, q.marks), sectors, sector)
    detail = f"{sector}: {text(there)} held and in flight, {text(q.notional)} asked for"
    total = WIDE.add(there, q.notional)
    return upper(ErrorCode.RISK_SECTOR_EXPOSURE, "max_sector_exposure", total, limit, detail)


def in_sector(symbols: dict[str, Decimal], sectors: dict[str, str], sector: str) -> Decimal:
    """Of what is held and in flight by symbol. What has no sector may be of this one, and counts."""
    total = ZERO
    for symbol, worth in symbols.items():
        if sectors.get(symbol, sector) == sector:
            total = WIDE.add(total, worth)
    return total


def gross_exposure(q: Question) -> str | Refused:
    held = held_notional(q.portfolio, q.marks)
    reserved = reserved_notional(q.now.exposure)
    total = WIDE.add(WIDE.add(held, reserved), q.notional)
    detail = _made_of(held, reserved, q.notional)
    return upper(ErrorCode.RISK_GROSS_EXPOSURE, "max_gross_exposure", total, q.limits.max_gross_exposure, detail)


def net_exposure(q: Question) -> str | Refused:
    before = worst_net(q.now.exposure, q.portfolio, q.marks, q.intent.side)
    total = WIDE.add(before, q.notional)
    detail = f"{q.intent.side} side: {text(before)} held and in flight, {text(q.notional)} asked for"
    return upper(ErrorCode.RISK_NET_EXPOSURE, "max_net_exposure", total, q.limits.net_exposure_limit, detail)


def _made_of(held: Decimal, reserved: Decimal, asked: Decimal) -> str:
    return f"{text(held)} held, {text(reserved)} in flight, {text(asked)} asked for"


def cash(q: Question) -> str | Refused:
    if q.intent.side is Side.SELL:
        return "min_cash not touched"
    promised = WIDE.add(reserved_notional(q.now.exposure, side=Side.BUY), q.notional)
    left = WIDE.subtract(q.portfolio.cash, promised)
    shown, bound = text(left), text(q.limits.min_cash)
    if not is_within(q.limits.min_cash, left):
        detail = f"{text(q.portfolio.cash)} {q.limits.currency} less {text(promised)} promised"
        return Refused(ErrorCode.RISK_MIN_CASH, "min_cash", shown, bound, detail)
    return f"min_cash {shown}>={bound}"


CHECKS: tuple[Check, ...] = (
    order_notional,
    order_quantity,
    adv_share,
    positions,
    symbol_exposure,
    sector_exposure,
    gross_exposure,
    net_exposure,
    cash,
)
