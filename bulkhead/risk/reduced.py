"""The limits on entries while a stop level REDUCED is in force: smaller and slower. Pure."""

from decimal import Decimal

from bulkhead.risk.limits import RiskLimits


def tightened(limits: RiskLimits, size_share: Decimal, rate_share: Decimal) -> RiskLimits:
    """A share of each order's notional, and of the orders per second: of these one at least, or nothing would be left
    to REDUCED that SOFT does not have. Every other limit stands as it is."""
    return limits.model_copy(
        update={
            "max_order_notional": limits.max_order_notional * size_share,
            "max_orders_per_s": max(1, int(limits.max_orders_per_s * rate_share)),
        }
    )
