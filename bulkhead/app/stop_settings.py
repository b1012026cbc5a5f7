"""`[stops]`: what the stop levels and their plans come to."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from bulkhead.app.execution_settings import PositiveSeconds, Section
from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.reduced import tightened
from supervisor.stop_plans import PlanPolicy

Share = Annotated[Decimal, Field(gt=0, le=1, allow_inf_nan=False)]


class StopSettings(Section):
    technical_plans: Literal["confirm", "automatic"] = "confirm"
    """What a failure of the machinery would reduce or close (`plan` REDUCE or FLATTEN) waits until the books are
    compared, and then for an operator (`bulkhead confirm-plan`); `automatic`: for nobody more."""
    reduce_share_per_min: Share = Decimal("0.2")
    """MEDIUM: this share of what was held when the plan began is sold each minute, the first at once, until flat."""
    reduced_size_share: Share = Decimal("0.5")
    """REDUCED: entries are sized by this share, and so is `risk.max_order_notional`."""
    reduced_rate_share: Share = Decimal("0.5")
    """REDUCED: this share of `risk.max_orders_per_s`, of one order per second at least."""
    emergency_after_s: PositiveSeconds = 1.0
    """A working order that a stop wants cancelled, and that nobody has asked the venue to cancel for so long, is
    cancelled past the actors: one of them hangs."""

    @property
    def is_automatic(self) -> bool:
        return self.technical_plans == "automatic"

    def reduced(self, limits: RiskLimits) -> RiskLimits:
        """The limits on entries at REDUCED."""
        return tightened(limits, self.reduced_size_share, self.reduced_rate_share)

    def policy(self) -> PlanPolicy:
        return PlanPolicy(self.is_automatic, self.reduce_share_per_min)
