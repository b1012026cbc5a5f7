"""What an operator gives to a strategy: a holding that came about without a fill, and an order placed by somebody else.

Pure. A holding is taken in at the mark: it costs what it is worth, so that nobody has made or lost money by it; one
that is taken away leaves at the mark, and what it had made by then is realised. An adopted order is watched and never
worked: it is not repriced, not timed out and not sent again, since nobody here has decided it.
"""

from decimal import Decimal

from bulkhead.execution.accounting import Booked, FillContext, Holding, apply_fill, flat
from messages.adjustments import AdjustmentRecorded
from messages.orders import Fill, OrderRow, OrderTicket, VenueOrder
from messages.trading import OrderIntent
from messages.values import IntentType, OrderStatus, OrderType, Origin, Side

ADOPTED = "ADOPTED"
"""Reason code of the intent of an adopted order."""
NOT_WORKED = "adopted: it is watched and not worked"


def take_in(holding: Holding | None, adjustment: AdjustmentRecorded, context: FillContext) -> Booked:
    """The holding after an adopted change, as after a trade at the mark without a fee. Raises ValueError."""
    if adjustment.symbol is None or adjustment.strategy_id is None or adjustment.price is None:
        raise ValueError(f"adjustment {adjustment.adjustment_id} changes no position")
    as_fill = Fill(
        fill_id=adjustment.adjustment_id,
        client_order_id="adopted",
        strategy_id=adjustment.strategy_id,
        venue=adjustment.venue,
        account=adjustment.account,
        symbol=adjustment.symbol,
        side=Side.BUY if adjustment.amount > 0 else Side.SELL,
        quantity=abs(adjustment.amount),
        price=adjustment.price,
        fee=Decimal(0),
        fee_asset=context.quote_asset,
        executed_ns=adjustment.effective_ns,
    )
    before = holding or flat(as_fill)
    booked = apply_fill(before, as_fill, context)
    # The ledger finds fills that no position has taken in by the last one that some position has: this was none.
    position = booked.position.model_copy(update={"last_fill_id": before.position.last_fill_id})
    return booked._replace(holding=booked.holding.model_copy(update={"position": position}))


def is_adopted(intent: OrderIntent) -> bool:
    return ADOPTED in intent.reason_codes


def adopted_intent(
    order: VenueOrder, strategy_id: str, venue: str, account: str, position: Decimal, reason: str, now_ns: int
) -> OrderIntent:
    """An operator's intent for an order that is at the venue already. `position` is the strategy's, signed: what only
    makes it smaller is an exit."""
    key = f"adopt/{venue}/{order.symbol}/{order.venue_order_id}"
    is_exit = position * order.side.sign < 0 and abs(position) >= order.quantity - order.filled
    limit_price = order.limit_price or None  # a market order is listed with a price of zero
    return OrderIntent(
        intent_id=key,
        action_key=key,
        correlation_id=key,
        origin=Origin.OPERATOR,
        strategy_id=strategy_id,
        venue=venue,
        account=account,
        group_id=key,
        symbol=order.symbol,
        side=order.side,
        intent_type=IntentType.EXIT_PARTIAL if is_exit else IntentType.ENTRY,
        quantity=order.quantity,
        order_type=OrderType.MKT if limit_price is None else OrderType.LMT,
        limit_price=limit_price,
        reason=reason,
        reason_codes=(ADOPTED,),
        decision_time_ns=now_ns,
    )


def adopted_row(intent: OrderIntent, order: VenueOrder, now_ns: int) -> OrderRow:
    """Accepted, with nothing filled yet: its executions and its state come from the venue, as any order's."""
    return OrderRow(
        ticket=OrderTicket(
            client_order_id=order.client_order_id,
            venue=intent.venue,
            account=intent.account,
            symbol=intent.symbol,
            side=intent.side,
            order_type=intent.order_type,
            quantity=intent.quantity,
            limit_price=intent.limit_price,
            intent_type=intent.intent_type,
        ),
        intent_id=intent.intent_id,
        correlation_id=intent.correlation_id,
        strategy_id=intent.strategy_id,
        status=OrderStatus.SUBMITTED,
        filled=Decimal(0),
        filled_notional=Decimal(0),
        venue_order_id=order.venue_order_id,
        reason=NOT_WORKED,
        created_ns=order.created_ns,
        submitted_ns=order.created_ns,
        updated_ns=now_ns,
    )
