"""SimpleFillModel: the best price, the quantity displayed there, and slippage in proportion to the share taken."""

from bulkhead.venues.paper.fill_model import ModelBase
from bulkhead.venues.paper.market import ZERO, Asked, Market, Slice


class SimpleFillModel(ModelBase):
    """Fill ratio = available / asked, at most 1. Slippage = alpha x impact, impact = filled / available.

    Available is what is displayed at the best price; where nothing says how much that is, twice the order
    (`assumed_volume_ratio`). The price is rounded to the tick against the order, and stays within its limit.
    """

    def take(self, asked: Asked, market: Market) -> tuple[Slice, ...]:
        rungs, settings = market.against(asked.is_buy), self._settings
        if not rungs or not asked.accepts(rungs[0].price):
            return ()
        luck, best = self.luck(asked.number), rungs[0]
        if luck.fails:
            return ()
        available = self.volume(best, asked) * (1 - luck.crowding_share)
        filled = self.enough(asked, available, market)
        if not filled:
            return ()
        impact = (filled / available if available else 1) if settings.slippage else ZERO
        return (Slice(market.slipped(best.price, settings.alpha * impact, asked), filled),)
