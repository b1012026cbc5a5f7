"""No entry rests on data older than its budget, or across a gap that nobody has declared."""

from collections.abc import Sequence

from bulkhead.chaos.invariants.kit import Invariant
from bulkhead.chaos.world import NS_PER_S
from bulkhead.ledger.port import Entry
from messages.base import Envelope
from messages.market import FeedGap, Quote, Trade
from messages.market_health import SourceChanged
from messages.records import IntentRecorded, IntentStatusChanged, LedgerEvent
from messages.trading import OrderIntent
from messages.values import IntentStatus

BUDGET_S = 10.0
"""`risk.max_market_age_s` as it comes; of quotes that were asked for, those of `market_data.max_fallback_age_s`."""
FALLBACK_BUDGET_S = 60.0
MARGIN_S = 1.0
MARKET_DATA = "market-data:feed"
STRATEGY = "strategy:"
RISK_GUARD = "risk-guard"
KEPT = 4_000
"""Ticks whose arrival is remembered until a strategy takes them."""

Tick = tuple[type, str, int]
Seat = tuple[str, str]
"""A strategy, and a symbol."""


class FreshData(Invariant):
    """By what really came: when each numbered tick first reached the house, how far its own time lay behind then, and
    which ticks the strategy had taken when it handed in the intent. What the intent says of its market is not believed.
    Held to it are entries that the house approved and wrote down; what its guards refuse may rest on anything.

    Not looked at: exits, which leave on any data; what goes by between approval and the wire, where an order that waits
    is judged anew; and whether a price is right."""

    number = 16
    name = "fresh-data"

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._of: dict[Tick, int] = {}
        """Of which instant of the world each tick tells."""
        self._newest_ns: dict[Seat, tuple[int, float]] = {}
        """The newest that a strategy has taken of a symbol: of when it tells, and its budget."""
        self._last_trade: dict[Seat, int] = {}
        self._declared: dict[Seat, int] = {}
        self._undeclared: dict[Seat, str] = {}
        """Gaps that it has traded across unknowingly."""
        self._wrong: dict[str, str] = {}
        """Intents that should be refused, and why."""

    def started(self, name: str, epoch: int) -> None:
        if name == MARKET_DATA or name.startswith(STRATEGY):  # what they know of numbers begins anew
            self._last_trade, self._undeclared = {}, {}

    def killed(self) -> None:
        self._newest_ns, self._last_trade, self._undeclared, self._wrong = {}, {}, {}, {}

    def handling(self, name: str, epoch: int, envelope: Envelope) -> None:
        body = envelope.body
        if isinstance(body, Trade | Quote):
            if name == MARKET_DATA:
                self._came(body)
            elif name.startswith(STRATEGY):
                self._taken((name, body.symbol), body)
        elif isinstance(body, FeedGap):
            if name.startswith(STRATEGY):
                seat = name, body.symbol
                self._declared[seat] = self._declared.get(seat, 0) + 1
                self._undeclared.pop(seat, None)
        elif isinstance(body, SourceChanged):
            self._last_trade.pop((name, body.symbol), None)
        elif isinstance(body, OrderIntent) and name == RISK_GUARD and body.intent_type.is_entry:
            self._judge(body, (envelope.sender, body.symbol))

    def _came(self, tick: Trade | Quote) -> None:
        known = _key(tick)
        if known in self._of:
            return  # a repeat tells of the same instant
        behind_ns = max(0, self.world.host.now_ns() - tick.event_time_ns)
        self._of[known] = self.world.elapsed_ns() - behind_ns
        if len(self._of) > KEPT:
            del self._of[next(iter(self._of))]

    def _taken(self, seat: Seat, tick: Trade | Quote) -> None:
        of_ns = self._of.get(_key(tick))
        if of_ns is not None:
            budget_s = BUDGET_S if isinstance(tick, Trade) or tick.source.value == "feed" else FALLBACK_BUDGET_S
            self._newest_ns[seat] = of_ns, budget_s
        if not isinstance(tick, Trade) or tick.trade_id is None:
            return
        last = self._last_trade.get(seat)
        self._last_trade[seat] = tick.trade_id
        if last is not None and tick.trade_id > last + 1:
            left = self._declared.get(seat, 0)
            if left:
                self._declared[seat] = left - 1
            else:
                self._undeclared[seat] = f"from trade {last} to {tick.trade_id}"

    def _judge(self, intent: OrderIntent, seat: Seat) -> None:
        newest = self._newest_ns.get(seat)
        if newest is not None:
            age_s = (self.world.elapsed_ns() - newest[0]) / NS_PER_S
            if age_s > newest[1] + MARGIN_S:
                self._wrong[intent.intent_id] = f"rests on data that is {age_s:.1f} s old"
        if seat in self._undeclared:
            self._wrong[intent.intent_id] = f"rests on prices across a gap {self._undeclared[seat]}"

    def committed(self, entries: Sequence[Entry], events: tuple[LedgerEvent, ...]) -> None:
        if not self._wrong:
            return
        refused = {
            entry.record.intent_id
            for entry in entries
            if isinstance(entry.record, IntentStatusChanged) and entry.record.status is IntentStatus.REJECTED
        }
        for entry in entries:
            if isinstance(entry.record, IntentRecorded):
                intent_id = entry.record.intent.intent_id
                why = self._wrong.pop(intent_id, None)
                if why is not None and intent_id not in refused:
                    self.violated(f"the entry {intent_id} {why}")


def _key(tick: Trade | Quote) -> Tick:
    """By its number; an asked-for quote has none, and is known by its time."""
    number = tick.trade_id if isinstance(tick, Trade) else tick.update_id
    return type(tick), tick.symbol, tick.event_time_ns if number is None else number
