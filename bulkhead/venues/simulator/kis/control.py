"""Our own side of the KIS dialect: orders placed and changed by hand, halted stocks, the books laid open.

- POST /sim/kis/manual: what the customer does by hand, in the app key's account or in the other of the same person.
- POST /sim/kis/stock: halt a stock, or let it be traded again.
"""

import json
from decimal import Decimal
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import Response

from bulkhead.venues.simulator.accounts import ZERO, Account
from bulkhead.venues.simulator.kis.desk import Asked, Desk
from bulkhead.venues.simulator.kis.errors import KisRefused
from bulkhead.venues.simulator.kis.listing import marks_of
from bulkhead.venues.simulator.kis.records import Record, Records


class ManualRequest(BaseModel):
    """A new order (symbol, side, quantity, and a price unless at the market), or `cancel` or `amend` with the number
    of an order of today, whoever placed it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: Literal["main", "other"] = "main"
    symbol: str = ""
    side: Literal["buy", "sell"] | None = None
    quantity: Decimal | None = Field(None, gt=0)
    """Of a cancel or an amendment: None for all that is left."""
    price: Decimal | None = Field(None, gt=0)
    cancel: str | None = None
    amend: str | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        is_new = bool(self.symbol and self.side and self.quantity)
        if [is_new, self.cancel is not None, self.amend is not None].count(True) != 1:
            raise ValueError("either symbol, side and quantity, or cancel, or amend")
        if self.amend is not None and self.price is None:
            raise ValueError("amend needs a price")
        return self


class StockRequest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str
    is_halted: bool


class KisControl:
    def __init__(self, desk: Desk, records: Records, accounts: tuple[Account, Account]) -> None:
        self._desk = desk
        self._records = records
        self._accounts = dict(zip(("main", "other"), accounts, strict=True))

    async def manual(self, request: Request) -> Response:
        try:
            asked = ManualRequest.model_validate_json(await request.body())
        except ValidationError as error:
            return _json({"error": str(error)}, 422)
        self._desk.advance()
        try:
            record = self._carry_out(asked)
        except KisRefused as refused:
            return _json({"error": refused.body}, 409)
        return _json(order_json(record))

    def _carry_out(self, asked: ManualRequest) -> Record:
        account, desk = self._accounts[asked.account], self._desk
        if asked.cancel is not None:
            return desk.cancel(account, self._number(asked.cancel), asked.quantity, "manual")
        if asked.amend is not None:
            return desk.amend(account, self._number(asked.amend), asked.price or ZERO, asked.quantity, "manual")
        division = "01" if asked.price is None else "00"
        new = Asked(asked.symbol, asked.side == "buy", division, asked.quantity or ZERO, asked.price or ZERO)
        return desk.place(account, new, "manual")

    def _number(self, text: str) -> int:
        found = self._records.find(text, self._desk.today())
        return 0 if found is None else found.number

    async def stock(self, request: Request) -> Response:
        try:
            asked = StockRequest.model_validate_json(await request.body())
        except ValidationError as error:
            return _json({"error": str(error)}, 422)
        if asked.symbol not in self._desk.bases:
            return _json({"error": f"no stock {asked.symbol!r}"}, 422)
        (self._desk.halted.add if asked.is_halted else self._desk.halted.discard)(asked.symbol)
        return _json({"halted": sorted(self._desk.halted)})


def order_json(record: Record) -> dict[str, object]:
    """One record as GET /sim/books shows it."""
    return {
        "order_id": record.client_order_id,
        "number": record.odno,
        "date": record.date,
        "branch": record.branch,
        "account": record.account.name,
        "symbol": record.symbol,
        "side": "BUY" if record.is_buy else "SELL",
        "division": record.division,
        "price": f"{record.price:f}",
        "quantity": f"{record.quantity:f}",
        "filled": f"{record.filled:f}",
        "amount": f"{record.amount:f}",
        "remaining": f"{record.remaining:f}",
        "cancelled": f"{record.cancelled:f}",
        "refused": f"{record.refused:f}",
        "channel": record.channel,
        "marks": "|".join(marks_of(record)),
        "request": record.request,
        "original": None if record.original is None else f"{record.original:010d}",
        "placed_ms": record.placed_ms,
    }


def _json(body: dict[str, object], status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, media_type="application/json")
