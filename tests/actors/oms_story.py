"""An OMS told its story by hand, with a ledger that answers at once."""

from decimal import Decimal

from actors import addresses
from actors.oms import OmsActor
from actors.reconciler import OmsSeat
from bulkhead.execution.micro_pipeline import PipelineSettings
from messages.base import Body
from messages.orders import (
    OrderChannelUp,
    OrderRow,
    Reconciled,
    VenueSnapshotTaken,
)
from messages.records import (
    OrderRecorded,
    RecoveryLoaded,
)
from messages.trading import OrderIntent, RiskApproved
from tests.actors.kit import NS_PER_S, Story, open_gate, released
from tests.execution.orders import T0, intent
from tests.simulation.market import CAPABILITIES, INSTRUMENTS

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


def loaded(*orders: OrderRow, intents: tuple[OrderIntent, ...] = ()) -> RecoveryLoaded:
    return RecoveryLoaded(
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
        self.hear(OrderChannelUp(venue="sim"))
        for _ in range(3):
            self.hear(snapshot(self.ctx.now))
            self.commit()
        assert self.gate.is_open, self.gate.reasons()
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

    def last(self) -> OrderRow:
        return self.ctx.records(OrderRecorded)[-1].order

    def releases(self, kind: type[Body]) -> list[str]:
        return [name for append in self.ctx.appends() for name, _ in released(append, kind)]


def approval(**changes: object) -> RiskApproved[OrderIntent]:
    return RiskApproved[OrderIntent](
        approved=intent(**{"quantity": Decimal(1), **changes}), reserved_notional=Decimal(100), checks=("a 1<=2",)
    )
