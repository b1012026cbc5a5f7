"""An inbox actor between a real file and a real ledger, with everybody else played by hand."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors import addresses
from actors.inbox import InboxActor, InboxSeat
from bulkhead.ledger.inbox import Inbox
from bulkhead.ledger.inbox_answers import House
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from messages.failure import StopLevelTold
from messages.inbox import InboxRowRefused
from messages.market import MarketTold, TellMarket
from messages.orders import OrdersTold
from messages.portfolio import Position, PositionsTold
from messages.records import Append, IntentRecorded, Record
from messages.trading import OrderIntent
from messages.values import StopLevel
from supervisor.gate import Gate
from tests.actors.kit import Story, open_gate, released
from tests.execution.orders import T0, market
from tests.ledger.stories import entry
from tests.risk.portfolios import portfolio

HOUSE = House(
    session_id="s1",
    venue="sim",
    account="paper",
    owners=frozenset({"model", "trend"}),
    symbols=frozenset({"BTCUSDT"}),
    listed=frozenset({"BTCUSDT", "ETHUSDT"}),
)
SEAT = InboxSeat(HOUSE, "market-data:feed", 3, 1.0, 3.0, 5.0)


class InboxStory(Story):
    """The file is `<folder>/inbox.db`, the ledger `<folder>/ledger.db`."""

    def __init__(self, folder: Path, gate: Gate | None = None, epoch: int = 1, *, is_informed: bool = True) -> None:
        self.folder, self.path = folder, folder / "inbox.db"
        SqliteLedger(folder / "ledger.db").close()  # is there before the tree is
        self.gate = gate or open_gate()
        self.inbox = InboxActor(SEAT, self.gate, lambda: Inbox(self.path), lambda: LedgerReader(folder / "ledger.db"))
        super().__init__(self.inbox, addresses.INBOX, epoch)
        self.start()
        if is_informed:
            self.inform()

    def inform(self, *positions: Position) -> None:
        self.hear(PositionsTold(positions=positions), OrdersTold(orders=(), reserved_notional={}))
        self.hear(portfolio(*positions))

    # -- the sender ---------------------------------------------------------------------------------------------------

    def insert(self, action_key: str, **changes: Any) -> int:
        """With plain sqlite3, as anybody would; whatever the file itself would refuse is put in all the same."""
        row = {
            "action_key": action_key,
            "intent_id": f"id-{action_key}",
            "strategy_id": "model",
            "symbol": "BTCUSDT",
            "side": "BUY",
            "intent_type": "ENTRY",
            "quantity": "0.5",
            "created_ns": T0,
            "expires_at_ns": T0 + 60 * 10**9,
            **changes,
        }
        if not self.path.exists():
            Inbox(self.path).close()
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("PRAGMA ignore_check_constraints=ON")
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            insert = f"INSERT INTO order_intents ({names}) VALUES ({marks})"  # noqa: S608 - names of our own
            done = connection.execute(insert, tuple(row.values()))
            return int(done.lastrowid or 0)

    def said(self, action_key: str) -> tuple[str, str | None, str | None]:
        """Status, code and words of the newest row with this key."""
        query = "SELECT status, code, answer FROM order_intents WHERE action_key = ? ORDER BY row_id DESC"
        with closing(sqlite3.connect(self.path)) as connection:
            status, code, answer = connection.execute(query, (action_key,)).fetchone()
        return status, code, answer

    # -- the house ----------------------------------------------------------------------------------------------------

    def poll(self, seconds: float = 3.0) -> None:
        self.later(seconds, "poll")

    def asked_market(self) -> list[str]:
        return [ask.symbol for ask in self.ctx.tells(TellMarket, SEAT.market_data)]

    def tell_market(self, symbol: str = "BTCUSDT") -> None:
        self.hear(MarketTold(symbol=symbol, market=market(at_ns=self.ctx.now)))

    def commit(self) -> list[Append]:
        """As the ledger does with all that it was handed: what was to be released to the inbox itself is heard."""
        appends = self.ctx.appends()
        self.ctx.told = [(to, body) for to, body in self.ctx.told if not isinstance(body, Append)]
        for append in appends:
            for letter in append.release:
                if letter.to == addresses.INBOX:
                    self.hear(letter.envelope.body, sender=addresses.LEDGER)
        return appends

    def hand_in(self, action_key: str, **changes: Any) -> OrderIntent:
        """From the sender to the risk guard."""
        self.insert(action_key, **changes)
        self.poll()
        self.tell_market()
        (intent,) = [intent for append in self.commit() for _, intent in released(append, OrderIntent)]
        return intent

    def refusals(self) -> list[InboxRowRefused]:
        """Of all that is handed to the ledger until nothing more is."""
        found: list[InboxRowRefused] = []
        while appends := self.commit():
            records = [record for append in appends for record in append.records]
            found += (record for record in records if isinstance(record, InboxRowRefused))
        return found

    def handed_in(self) -> list[str]:
        """Intent ids that the ledger was asked to post to the risk guard."""
        letters = [each for append in self.ctx.appends() for each in released(append, OrderIntent)]
        assert {to for to, _ in letters} <= {addresses.RISK_GUARD}
        return [intent.intent_id for _, intent in letters]

    def answer_search(self) -> str:
        """Risk guard, order manager and ledger answer what they are asked of a search; returns its chain."""
        chain = self.chain()
        self.hear(StopLevelTold(level=StopLevel.RUN, change=1), sender=addresses.RISK_GUARD, chain=chain)
        self.hear(OrdersTold(orders=(), reserved_notional={}), sender=addresses.OMS, chain=chain)
        self.commit()
        return chain

    def chain(self) -> str:
        """Of the last search that was begun."""
        return [chain for chain in self.ctx.chains if chain is not None and ".search." in chain][-1]


def write(folder: Path, *records: Record) -> None:
    """What somebody else has written to the ledger."""
    ledger = SqliteLedger(folder / "ledger.db")
    ledger.append([entry(record) for record in records])
    ledger.close()


def in_ledger(intent: OrderIntent) -> IntentRecorded:
    return IntentRecorded(intent=intent, checks=(), reserved_notional=Decimal(0))
