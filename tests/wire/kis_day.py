"""A whole day at the simulated KIS over the wire, in scaled time, with lost outcomes and somebody who trades by hand.

    python -m tests.wire.kis_day --orders 2000 --unknown 0.05 --speed 40

Afterwards the venue's books and our ledger, which share nothing, are laid beside each other: no order twice, no fill
lost, no stranger's order ours, no order in doubt that nobody was told of, and never a request too many in any second of
the venue's time. An operator is played by somebody who looks into the venue's own app.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from actors import addresses
from bulkhead.chaos.oracle import LedgerFile
from bulkhead.strategy.api import Answer, Strategy, Tick, View
from bulkhead.venues.simulator.kis.settings import KisSection
from messages.market import Quote
from messages.operator import ResolveOrder, SettleDrift
from messages.trading import Decision
from messages.values import Side
from tests.wire.kis_audit import WON, disagreements, placed_by_us, truths
from tests.wire.kis_town import NS_PER_S, KisTown, KisVenue, simulator

OPENS = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
"""Nine o'clock in Seoul, on a Monday."""
LEAD_S, WHOLE_DAY_S = 120, int(6.5 * 3_600)
LAST_ENTRIES_S = 600
"""Before the close no more is begun."""
TRADED = ("005930", "000660", "035720", "035420", "068270")
BY_HAND = "069500"
"""What the customer trades by hand and we do not."""


class Trader(Strategy):
    """Buys and sells one symbol, in many ways, at a pace that makes so many orders of a day."""

    every_s: float
    until_ns: int

    def on_tick(self, tick: Tick, view: View) -> Answer:
        if not isinstance(tick, Quote) or tick.bid is None or tick.ask is None or view.working(tick.symbol):
            return None
        if tick.event_time_ns < getattr(self, "_next_ns", 0) or tick.event_time_ns > self.until_ns:
            return None
        rng = view.rng
        self._next_ns = tick.event_time_ns + int(self.every_s * rng.uniform(0.5, 1.5) * NS_PER_S)
        if view.position(tick.symbol) > 0:
            way = {} if rng.random() < 0.4 else {"limit_price": tick.bid if rng.random() < 0.7 else tick.ask}
            return Decision.exit(tick.symbol, "the die says leave", **way)
        throw = rng.random()
        price = tick.ask if throw < 0.6 else tick.bid
        more: dict[str, object] = {} if throw > 0.9 else {"limit_price": price}
        return Decision.enter(tick.symbol, Side.BUY, "the die says go", quantity=Decimal(rng.randint(1, 9)), **more)


class Found(NamedTuple):
    """The verdict, and the figures that it rests on."""

    figures: dict[str, Any]
    wrong: list[str]


class Day:
    def __init__(
        self, folder: Path, *, orders: int, unknown: float, speed: int, seconds: int, host: str, seed: int
    ) -> None:
        self.folder, self.seconds, self.host = folder, seconds, host
        self.rng = random.Random(seed)
        self.unknown, self.seed, self.speed = unknown, seed, speed
        self.told: Counter[str] = Counter()
        """What the operator said."""
        self.by_hand = 0
        self._mine: list[str] = []
        self._next_word_s = 0
        pace_s = seconds * len(TRADED) / orders
        opens_ns = int(OPENS.timestamp()) * NS_PER_S
        self.ends_ns = opens_ns + seconds * NS_PER_S
        self.traders: dict[str, Strategy] = {}
        for symbol in TRADED:
            trader = Trader((symbol,), Trader.Parameters())
            trader.every_s, trader.until_ns = pace_s, self.ends_ns - LAST_ENTRIES_S * NS_PER_S
            self.traders[f"t{symbol}"] = trader

    def run(self) -> Found:
        starts_at_ms = int((OPENS - timedelta(seconds=LEAD_S)).timestamp() * 1_000)
        kis = KisSection.model_validate({"host": self.host})
        markets = {"balances": {WON: 1_000_000_000}, "events_per_s": 200, "symbols": (*TRADED, BY_HAND)}
        with simulator(starts_at_ms, self.speed, kis, **markets) as process:
            venue = KisVenue(process)
            town = KisTown(self.folder, venue, self.traders, self.host)
            town.grow()
            venue.call("/sim/faults", {"unknown_share": {"share": self.unknown, "seed": self.seed}})
            try:
                self._work(town)
                return self._audit(town)
            finally:
                town.host.on_liveness = lambda name, is_up: None

    # -- the day ------------------------------------------------------------------------------------------------------

    def _work(self, town: KisTown) -> None:
        clock = town.clock
        while clock.now_ns() < self.ends_ns - LAST_ENTRIES_S * NS_PER_S:
            clock.pause(30)
            self._say_how_far(town)
            self._hand(town)
            self._operator(town)
        town.venue.call("/sim/faults", {"unknown_share": {"share": 0, "seed": 0}})
        town.end_trading()
        self._settle(town)

    def _say_how_far(self, town: KisTown) -> None:
        """Every half an hour of the venue's."""
        gone_s = self.seconds - (self.ends_ns - town.clock.now_ns()) // NS_PER_S
        if gone_s < self._next_word_s:
            return
        self._next_word_s += 1_800
        orders = town.rows("select count(*), sum(is_open) from orders")[0]
        reasons = ", ".join(reason.reason_id for reason in town.gate.reasons()) or "gate open"
        print(f"{gone_s // 60} min: {orders[0]} orders, {orders[1] or 0} open; {reasons}", flush=True)

    def _settle(self, town: KisTown) -> None:
        def is_settled() -> bool:
            town.clock.pause(10)
            self._operator(town)
            open_rows = town.rows("select count(*) from orders where is_open")[0][0]
            return not open_rows and not town.orders.pending() and town.gate.is_recovered

        town.until(is_settled, "everything has ended", 60)

    def _hand(self, town: KisTown) -> None:
        """Somebody trades what we do not, and now and then places an order like one of ours, to take it back later."""
        for number in self._mine:
            town.venue.by_hand(cancel=number)
        self._mine = []
        if self.rng.random() < 0.2:
            side = "buy" if self.rng.random() < 0.6 else "sell"
            self.by_hand += town.venue.by_hand(symbol=BY_HAND, side=side, quantity=self.rng.randint(1, 5)) is not None
        if self.rng.random() < 0.3:
            orders = [order for order in town.venue.books()["orders"] if order["channel"] == "api"]
            like = [order for order in orders if order["side"] == "BUY" and Decimal(order["price"]) > 0]
            if like:
                last = like[-1]
                low = Decimal(last["price"]) * Decimal("0.9")  # too low to be filled by accident
                price = last["price"] if self.rng.random() < 0.3 else str(low - low % 1_000)
                placed = town.venue.by_hand(symbol=last["symbol"], side="buy", quantity=last["quantity"], price=price)
                if placed is not None:
                    self.by_hand += 1
                    self._mine.append(placed["order_id"])

    # -- the operator -------------------------------------------------------------------------------------------------

    def _operator(self, town: KisTown) -> None:
        """Looks into the venue's app for each order that the house asks about, and settles what was traded by hand."""
        ledger = LedgerFile(town.path)
        for reason in town.gate.reasons():
            mode, _, symbol = reason.reason_id.partition(":symbol:")
            if mode == "order_in_doubt":
                for asked, key, number in truths(town.venue.books(), ledger):
                    if asked == symbol:
                        self._say(town, ResolveOrder, order_id=key, venue_order_id=number)
            elif mode == "position_drift":
                for asset in (symbol, WON):
                    self._say(town, SettleDrift, asset=asset)

    def _say(self, town: KisTown, act: type[ResolveOrder] | type[SettleDrift], **what: str | None) -> None:
        self.told[act.__name__] += 1
        who = {"request_id": f"o{self.told.total()}", "operator": "mina", "reason": "looked", "reply_to": "test"}
        to = addresses.OMS if act is ResolveOrder else addresses.PORTFOLIO
        town.tell(act.model_validate({**who, **what}), to)

    # -- the verdict --------------------------------------------------------------------------------------------------

    def _audit(self, town: KisTown) -> Found:
        town.stop()
        books = town.venue.books()
        ours = placed_by_us(books)
        rows = town.rows("select status from orders")
        wrong = disagreements(books, town.path, BY_HAND)
        wrong += [f"{key} went out {count} times" for key, count in town.sent.items() if count > 1]
        limit = books["rate_limit"]
        if limit["most_in_any_s"] > limit["limit_per_s"]:
            wrong.append(f"{limit['most_in_any_s']} requests in one second of the venue's")
        recorded = "select count(*) from events where type = '{}' and payload like '%{}%'"
        lost = town.rows(recorded.format("OrderRecorded", '"change":"unknown"'))
        doubts = town.rows(recorded.format("FailureRecorded", "order_in_doubt"))
        figures = {
            "orders at the venue": len(ours),
            "orders in our books": len(rows),
            "of them without a verdict": lost[0][0],
            "doubts told to an operator, or lifted": doubts[0][0],
            "said by the operator": dict(self.told),
            "placed by hand": self.by_hand,
            "shares filled": str(sum(Decimal(o["filled"]) for o in ours.values())),
            "requests": limit,
            "failed": sum(status == "FAILED" for (status,) in rows),
            "faults of our own": town.faults[:5],
        }
        return Found(figures, wrong)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=2_000)
    parser.add_argument("--unknown", type=float, default=0.05)
    parser.add_argument("--speed", type=int, default=40)
    parser.add_argument("--seconds", type=int, default=WHOLE_DAY_S, help="of the day, from the opening")
    parser.add_argument("--host", choices=("paper", "real"), default="paper")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = Day(Path(folder), **vars(args)).run()
    for name, figure in found.figures.items():
        print(f"{name}: {figure}")
    print(f"{time.monotonic() - began:.0f} s")
    print("\n".join(found.wrong) or "nothing is wrong")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
