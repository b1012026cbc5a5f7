"""An OMS told its story by hand, with a ledger that answers at once."""

from decimal import Decimal
from typing import Any

from actors import addresses
from actors.oms import OmsActor
from actors.oms_seat import OmsSeat
from bulkhead.chaos.model.market import CAPABILITIES, INSTRUMENTS
from bulkhead.execution.micro_pipeline import PipelineSettings
from messages.base import Body
from messages.orders import (
    CancelOrder,
    OrderChannelUp,
    OrderRow,
    Reconciled,
    VenueSnapshotTaken,
)
from messages.portfolio import Marks
from messages.records import (
    OrderRecorded,
    RecoveryLoaded,
)
from messages.trading import OrderIntent, RiskApproved
from tests.actors.kit import NS_PER_S, Story, open_gate, released
from tests.execution.orders import T0, intent, market

BROKER = addresses.broker("sim")
SEAT = OmsSeat(
    session_id="s-1",
    venue="sim",
    account="paper",
    symbols=("BTCUSDT",),
    instruments=INSTRUMENTS,
    capabilities=CAPABILITIES,
    pipeline=PipelineSettings(),
    answer_timeout_s=60.0,
    reconcile_interval_s=30.0,
    reconcile_interval_without_stream_s=5.0,
    query_unknown_interval_s=5.0,
)


def loaded(*orders: OrderRow, intents: tuple[OrderIntent, ...] = (), **more: Any) -> RecoveryLoaded:
    return RecoveryLoaded(
        **more,
        open_intents=intents,
        orders=orders,
        positions=(),
        last_portfolio=None,
        opening_balances=None,
        balance_changes={},
        fill_ids=(),
        watermark_ns=T0 - NS_PER_S,
        has_history=True,
    )


def snapshot(at_ns: int = T0, **changes: object) -> VenueSnapshotTaken:
    fields = {"balances": (), "open_orders": (), "orders": (), "executions": (), **changes}
    return VenueSnapshotTaken.model_validate({"venue": "sim", "account": "paper", "as_of_ns": at_ns, **fields})


class Oms(Story):
    """An OMS whose ledger answers at once: what an append releases to the OMS itself comes back to it."""

    def __init__(self, *recovered: OrderRow, epoch: int = 1, seat: OmsSeat = SEAT) -> None:
        self.gate = open_gate()
        super().__init__(OmsActor(seat, self.gate), addresses.OMS, epoch)
        self.start()
        intents = tuple(intent(intent_id=row.intent_id, action_key=row.intent_id) for row in recovered)
        self.hear(loaded(*recovered, intents=intents))

    def trading(self) -> "Oms":
        """Stream up, books compared, gate open."""
        self.trading_but_shut()
        assert self.gate.is_open, self.gate.reasons()
        return self

    def trading_but_shut(self) -> "Oms":
        """Stream up and books compared; whatever else keeps the gate shut does."""
        self.hear(OrderChannelUp(venue="sim"))
        for _ in range(3):
            self.hear(snapshot(self.ctx.now))
            self.commit()
        assert self.gate.is_recovered, self.gate.reasons()
        self.ctx.forget()
        return self

    def commit(self) -> None:
        for append in self.ctx.appends():
            for name, done in released(append, Reconciled):
                assert name == addresses.OMS
                self.hear(done)

    def approve(self, **changes: object) -> str:
        """Hand in an approved intent; returns its order's client order id."""
        self.hear(approval(**changes))
        (recorded,) = self.ctx.records(OrderRecorded)
        return recorded.order.ticket.client_order_id

    def quote(self, bid: str = "99.99", ask: str = "100.01") -> None:
        """The market as it is told once a second, at the story's time."""
        quotes = (market(bid, ask, self.ctx.now),)
        self.hear(Marks(venue="sim", prices={}, quotes=quotes, at_ns=self.ctx.now))

    def rows(self) -> dict[tuple[int, int], OrderRow]:
        """The newest row of each child and attempt, as recorded."""
        found = (record.order for record in self.ctx.records(OrderRecorded))
        return {(row.child, row.attempt): row for row in found}

    def cancels(self) -> list[str]:
        """Client order ids of all cancels that left at once or behind their records."""
        letters = (*self.ctx.posted, *(letter for append in self.ctx.appends() for letter in append.release))
        bodies = (letter.envelope.body for letter in letters)
        return [body.client_order_id for body in bodies if isinstance(body, CancelOrder)]

    def last(self) -> OrderRow:
        return self.ctx.records(OrderRecorded)[-1].order

    def releases(self, kind: type[Body]) -> list[str]:
        return [name for append in self.ctx.appends() for name, _ in released(append, kind)]


def approval(**changes: object) -> RiskApproved[OrderIntent]:
    return RiskApproved[OrderIntent](
        approved=intent(**{"quantity": Decimal(1), **changes}), reserved_notional=Decimal(100), checks=("a 1<=2",)
    )
