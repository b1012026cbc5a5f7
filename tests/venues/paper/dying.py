"""A process that trades on paper until it is killed, and prints each thing that it was told: `python … BOOKS RUN`."""

import os
import random
import sys
from pathlib import Path

from bulkhead.venues.paper.settings import FillSettings
from messages.base import Body
from messages.orders import ExecutionReported, OrderAccepted
from messages.values import Side
from tests.venues.paper.kit import Desk, quote, ticket, trade
from tests.venues.wire.making import cancel


def tell(body: Body) -> None:
    if isinstance(body, OrderAccepted):
        _say(f"accepted {body.client_order_id} {body.venue_order_id}")
    elif isinstance(body, ExecutionReported):
        _say(f"filled {body.client_order_id} {body.execution_id}")


def _say(line: str) -> None:
    """In one write: evidence is told by more than one thread, and lines must not mix."""
    os.write(1, f"{line}\n".encode())


def main(books: Path, run: str) -> None:
    rng = random.Random(run)
    desk = Desk(FillSettings(fill_model="book", alpha="0"), books, USDT="1000000")
    desk.venue.open(tell)
    number = 0
    while True:
        number += 1
        ask = f"{100 + rng.randrange(100) / 100:.2f}"
        desk.venue.see(quote("99.00", ask, ask_quantity=f"{1 + rng.randrange(9)}"))
        side = Side.SELL if number % 3 == 0 else Side.BUY
        limit = None if number % 2 else ("99.00" if side is Side.BUY else "99.01")
        desk.submit(ticket(f"r{run}-{number}", "1", side=side, limit=limit))
        desk.venue.see(trade("98.99", "0.5"))
        if number % 5 == 0:
            desk.venue.cancel(cancel(f"r{run}-{number - 1}"))
        desk.answered()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
