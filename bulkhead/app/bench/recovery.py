"""Recovery with a long history: a run is killed and started again, on a ledger with a million fills and on a new one.

From the start of the process to the gate's opening, as the ledger itself tells it. The empty ledger is the peer: what
it takes is Python, the venue's answers and the comparison of the books; what the other one takes more is the history.
"""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from statistics import median

from bulkhead.app.live_run import LiveRun, until, write_config
from bulkhead.app.simulator_process import SimulatorProcess
from bulkhead.ledger.port import Entry
from bulkhead.ledger.sqlite import LedgerReader, SqliteLedger
from bulkhead.venues.simulator.settings import Limits, SimulatorSettings
from messages.orders import Balance, Fill
from messages.portfolio import Position
from messages.records import FillRecorded, OpeningBalancesRecorded, PositionRecorded, Record, Stream
from messages.values import IntentType, Side, StopLevel, Value

FILLS = 1_000_000
GROUP = 5_000
KILLS = 5
TARGET_S = 1.0
SYMBOL, STRATEGY = "BTCUSDT", "history"
_BEGAN_NS = 1_700_000_000_000_000_000
_NS_PER_S = 1_000_000_000
_PAUSE_NS = _NS_PER_S
"""Between two fills: a million of them are twelve days of trading, and not one burst."""


class RecoveryFigures(Value):
    fills: int
    with_history_s: float
    """Median from the start of the process to the open gate."""
    without_history_s: float
    history_s: float
    """The difference: what a long history costs."""
    load_ms: float
    """Of that, reading what a restarted OMS or Portfolio needs."""


def measure(folder: Path) -> RecoveryFigures:
    """Several minutes, most of them for writing the history."""
    spans = {}
    for name, fills in (("empty", 0), ("long", FILLS)):
        place = folder / name
        (place / "logs").mkdir(parents=True)
        write_history(place / "logs" / "ledger.db", fills)
        spans[name] = _restarts(place)
    with closing(SqliteLedger(folder / "long" / "logs" / "ledger.db")) as ledger:
        load_ms = median(_load_ms(ledger) for _ in range(KILLS))
    return RecoveryFigures(
        fills=FILLS,
        with_history_s=round(spans["long"], 2),
        without_history_s=round(spans["empty"], 2),
        history_s=round(spans["long"] - spans["empty"], 2),
        load_ms=round(load_ms, 1),
    )


def write_history(path: Path, fills: int) -> None:
    """`fills` fills that bought and sold the same at one price, so that they left nothing behind."""
    with closing(SqliteLedger(path)) as ledger:
        if not fills:
            return
        for first in range(0, fills, GROUP):
            ledger.append([_entry(_fill(number)) for number in range(first, min(first + GROUP, fills))])
        ledger.append([_entry(record) for record in _outcome(fills)])


def _entry(record: Record) -> Entry:
    return Entry(record, _BEGAN_NS, "before", "history", None)


def _fill(number: int) -> FillRecorded:
    is_buy = number % 2 == 0
    fill = Fill(
        fill_id=f"sim:{SYMBOL}:h{number}",
        client_order_id=f"h{number}",
        strategy_id=STRATEGY,
        venue="sim",
        account="paper",
        symbol=SYMBOL,
        side=Side.BUY if is_buy else Side.SELL,
        quantity=Decimal("0.01"),
        price=Decimal("60000.00"),
        fee=Decimal(0),
        fee_asset="USDT",
        executed_ns=_BEGAN_NS + number * _PAUSE_NS,
    )
    intent_type = IntentType.ENTRY if is_buy else IntentType.EXIT_FULL
    return FillRecorded(fill=fill, intent_type=intent_type, decision_price=None, source="stream")


def _outcome(fills: int) -> Iterator[Record]:
    balance = Balance(asset="USDT", free=SimulatorSettings().opening_balances["USDT"], locked=Decimal(0))
    yield OpeningBalancesRecorded(venue="sim", account="paper", balances=(balance,), at_ns=_BEGAN_NS)
    yield PositionRecorded(
        position=Position(
            strategy_id=STRATEGY,
            venue="sim",
            account="paper",
            symbol=SYMBOL,
            quantity=Decimal(0),
            average_price=Decimal(0),
            realised_pnl=Decimal(0),
            fees_quote=Decimal(0),
            last_fill_id=f"sim:{SYMBOL}:h{fills - 1}",
            updated_ns=_BEGAN_NS + fills * _PAUSE_NS,
        )
    )


def _restarts(folder: Path) -> float:
    """Median seconds from a start after a SIGKILL to the open gate."""
    many = 1_000_000
    settings = SimulatorSettings(
        symbols=(SYMBOL,),
        events_per_s=100,
        commission_bps=Decimal(0),
        commission_in="quote",
        limits=Limits(request_weight_per_minute=many, orders_per_10s=many),
    )
    with SimulatorProcess(settings) as process:
        strategy: dict[str, object] = {
            "id": "trend",
            "use": "bulkhead.app.bench.strategies:PingPong",
            "symbols": [SYMBOL],
            "sizing": {"notional": "100"},
        }
        config = write_config(folder, process.port, {}, [strategy])
        spans = [_one_life(config) for _ in range(1 + KILLS)]
    return median(spans[1:])


def _one_life(config: Path) -> float:
    ledger_file = config.parent / "logs" / "ledger.db"
    with closing(LiveRun(config)) as run:
        run.until_trading()
        session_id = run.session_dir.name
        opened_ns = until(lambda: _opened_ns(ledger_file, session_id), "the gate's opening is on record")
        run.kill()
    return (int(opened_ns) - run.started_ns) / _NS_PER_S


def _opened_ns(ledger_file: Path, session_id: str) -> int | None:
    with closing(LedgerReader(ledger_file)) as reader:
        for event in reader.events(streams=(Stream.RISK,), session_id=session_id):
            if event.type == "StopLevelRecorded" and json.loads(event.payload)["change"]["level"] == StopLevel.RUN:
                return event.at_ns
    return None


def _load_ms(ledger: SqliteLedger) -> float:
    began_ns = time.monotonic_ns()
    ledger.load_recovery()
    return (time.monotonic_ns() - began_ns) / 1e6
