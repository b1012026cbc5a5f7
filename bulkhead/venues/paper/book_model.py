"""BookFillModel: an order walks the displayed levels, moves them, waits in queues, and takes time to arrive."""

from decimal import Decimal
from random import Random

from bulkhead.venues.paper.fill_model import ModelBase
from bulkhead.venues.paper.market import ZERO, Asked, Market, Rung, Slice

_NS_PER_MS = 1_000_000


class BookFillModel(ModelBase):
    """Each level gives what it displays, so the mean price of an order is its volume-weighted walk down the book.

    On top of that comes impact, which grows with a power of the share taken of all that the order could have had:
    alpha x (filled / visible) ^ exponent. Prices are on the tick, rounded against the order, within its limit.
    """

    def take(self, asked: Asked, market: Market) -> tuple[Slice, ...]:
        settings = self._settings
        rungs = [rung for rung in market.against(asked.is_buy) if asked.accepts(rung.price)]
        luck = self.luck(asked.number)
        if not rungs or luck.fails:
            return ()
        levels = [Slice(rung.price, self._left_of(rung, asked, luck.crowding_share, market)) for rung in rungs]
        visible = sum((level.quantity for level in levels), ZERO)
        filled = self.enough(asked, visible, market)
        if not filled:
            return ()
        walk = _walk(levels, filled)
        if not settings.slippage:
            return (Slice(market.slipped(rungs[0].price, ZERO, asked), filled),)
        share_taken = min(Decimal(1), filled / visible) if visible else Decimal(1)
        impact = settings.alpha * share_taken**settings.impact_exponent
        return tuple(Slice(market.slipped(level.price, impact, asked), level.quantity) for level in walk)

    def _left_of(self, rung: Rung, asked: Asked, crowding_share: Decimal, market: Market) -> Decimal:
        return market.lots(self.volume(rung, asked) * (1 - crowding_share))

    def queue_ahead(self, asked: Asked, market: Market) -> Decimal:
        """Nothing where it would be the best of all. Deeper than what is displayed, as much as on the last level
        displayed: somebody is there, and nobody says how much."""
        beside = market.beside(asked.is_buy)
        if not self._settings.queue_position or asked.limit is None or not beside:
            return ZERO
        at_price = next((rung for rung in beside if rung.price == asked.limit), None)
        if at_price is not None:
            return self.volume(at_price, asked)
        last = beside[-1]
        is_deeper = asked.limit < last.price if asked.is_buy else asked.limit > last.price
        return self.volume(last, asked) if is_deeper else ZERO

    def queue_left(self, asked: Asked, ahead: Decimal, market: Market) -> Decimal:
        """Whoever cancels, cancels before us for as long as more stands before us than is displayed."""
        beside = market.beside(asked.is_buy)
        at_price = next((rung.quantity for rung in beside if rung.price == asked.limit), None)
        if at_price is not None:
            return min(ahead, at_price)
        if not beside or asked.limit is None:
            return ahead
        is_within = asked.limit >= beside[-1].price if asked.is_buy else asked.limit <= beside[-1].price
        return ZERO if is_within else ahead  # displayed range, and nobody is there

    def latency_ns(self, number: int) -> int:
        settings = self._settings
        rng = Random(f"{settings.seed}/latency/{number}")  # noqa: S311 - replayable, not secret
        jitter_ns = rng.randrange(int(settings.latency_jitter_ms * _NS_PER_MS) + 1)
        return int(settings.latency_ms * _NS_PER_MS) + jitter_ns


def _walk(levels: list[Slice], quantity: Decimal) -> list[Slice]:
    """The levels that `quantity` uses up; what is beyond all of them goes at the last price."""
    walked: list[Slice] = []
    left = quantity
    for level in levels:
        taken = min(left, level.quantity)
        if taken:
            walked.append(Slice(level.price, taken))
            left -= taken
    if left:
        last = walked.pop() if walked else Slice(levels[0].price, ZERO)
        walked.append(Slice(last.price, last.quantity + left))
    return walked
