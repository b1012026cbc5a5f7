"""Tick-to-order: from the parsed tick to the order's bytes in the socket, through the whole house.

Nothing is faked: threaded host, simulated venue as a process of its own on the real wire, ledger with synced commits.
The stamps are the house's own: MarketData.received_monotonic_ns, which the intent carries into the ledger, and the
adapter's `on_sent`. The floor beside it is measured in the same process, on the same disk and against the same venue,
right after: one commit of the same two records, and one signed POST by the same lane. Not measured: the network.
"""

import json
import time
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from bulkhead.app.bench import floor
from bulkhead.app.bench.figures import Spread
from bulkhead.app.bench.session import run_to_the_end
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.run import RunOptions
from bulkhead.app.settings import Settings, check_settings
from bulkhead.app.simulator_process import SimulatorProcess
from bulkhead.ledger.sqlite import LedgerReader
from bulkhead.venues.simulator.settings import Limits, SimulatorSettings
from messages.records import Stream
from messages.values import Value

EVENTS_PER_S = 2_000
"""Of the measured symbol. They come in bursts, in which a later quote replaces one that still waits: that leaves about
1,000 ticks/s for the strategy."""
TICKS_PER_ORDER = 25
WARM_UP_S = 3.0
SYMBOL, NEXT_SYMBOL = "BTCUSDT", "ETHUSDT"
BURN_MS = 2.5
"""Of Python for each tick of the busy strategy. It gets half as many ticks, which still is more than a core can do."""
DEEDS = ("loop", "leak", "segfault", "exit")
DEED_AFTER_TICKS = 500
FAILING_STUCK_AFTER_S = 1.0
FAILING_MEMORY_MB = 256
_NO_LIMIT = 10**9
_MANY = 1_000_000


class Neighbour(StrEnum):
    """Who else runs beside the measured strategy, on a symbol of its own with half as many events."""

    NOBODY = "nobody"
    QUIET = "quiet"
    """Answers and rests: what the others are compared with, since the market is as loud."""
    BUSY = "busy"
    """Never rests."""
    FAILING = "failing"
    """Four that loop, leak, crash in C and exit, over and over until they are parked."""


class LatencyFigures(Value):
    """One run, its floor, and how many times the floor the house takes."""

    ticks_per_s: int
    """That the strategy was told of and answered, as measured."""
    house: Spread
    order_path: Spread
    """The part of it from the decision on: what the house does, and not how long a strategy took to get to its tick."""
    floor: Spread
    commit: Spread
    """The part of the floor that is the synced commit."""
    ratio_p50: float
    ratio_p99: float


def measure(folder: Path, seconds: float, neighbour: Neighbour = Neighbour.NOBODY) -> LatencyFigures:
    """Run the house for `seconds` after its warm-up, then measure the floor. Writes below `folder` only."""
    sent: dict[str, int] = {}
    wall_less_monotonic_ns = time.time_ns() - time.monotonic_ns()
    with SimulatorProcess(_venue(neighbour)) as process:
        settings = _settings(folder, process.port, neighbour)
        options = RunOptions(for_s=WARM_UP_S + seconds, quiet=True, on_sent=sent.__setitem__)
        outcome = run_to_the_end(settings, options)
        stamped = _stamps(settings.session.ledger_file)
        from_ns = min(sent.values(), default=0) + int(WARM_UP_S * 1e9)
        stamped = {key: stamp for key, stamp in stamped.items() if from_ns <= sent.get(key, 0)}
        spans = [sent[key] - stamp.tick_ns for key, stamp in stamped.items()]
        decided = [sent[key] - (stamp.decision_ns - wall_less_monotonic_ns) for key, stamp in stamped.items()]
        if not spans:
            raise Stopped(ExitCode.ERROR, f"the house sent no order in {seconds:g} s; give the bench more time")
        below = floor.measure(settings, folder / "floor.db")
    house = Spread.of(spans)
    return LatencyFigures(
        ticks_per_s=round(sum(outcome.kpi.decisions.values()) / (WARM_UP_S + seconds)),
        house=house,
        order_path=Spread.of(decided),
        floor=below.whole,
        commit=below.commit,
        ratio_p50=round(house.p50_ms / below.whole.p50_ms, 2),
        ratio_p99=round(house.p99_ms / below.whole.p99_ms, 2),
    )


def _venue(neighbour: Neighbour) -> SimulatorSettings:
    """Gives the measured symbol EVENTS_PER_S, and has limits that no bench reaches."""
    is_alone = neighbour is Neighbour.NOBODY
    return SimulatorSettings(
        symbols=(SYMBOL,) if is_alone else (SYMBOL, NEXT_SYMBOL),
        # The first of two symbols gets two thirds of the events.
        events_per_s=EVENTS_PER_S if is_alone else EVENTS_PER_S * 3 // 2,
        commission_bps=Decimal(0),
        commission_in="quote",
        limits=Limits(request_weight_per_minute=_MANY, orders_per_10s=_MANY),
    )


def _strategy(name: str, symbol: str, parameters: dict[str, object], **bounds: object) -> dict[str, object]:
    return {
        "id": str(parameters.get("deed", name.lower())),
        "use": f"bulkhead.app.bench.strategies:{name}",
        "symbols": [symbol],
        "sizing": {"notional": "100"},
        "parameters": parameters,
        **bounds,
    }


def _neighbours(neighbour: Neighbour) -> Sequence[dict[str, object]]:
    match neighbour:
        case Neighbour.NOBODY:
            return ()
        case Neighbour.QUIET:
            return (_strategy("Busy", NEXT_SYMBOL, {"burn_ms": 0}),)
        case Neighbour.BUSY:
            return (_strategy("Busy", NEXT_SYMBOL, {"burn_ms": BURN_MS}),)
        case Neighbour.FAILING:
            bounds = {"stuck_after_s": FAILING_STUCK_AFTER_S, "memory_mb": FAILING_MEMORY_MB}
            parameters = {"after_ticks": DEED_AFTER_TICKS}
            return tuple(_strategy("Failing", NEXT_SYMBOL, {"deed": deed, **parameters}, **bounds) for deed in DEEDS)


def _settings(folder: Path, port: int, neighbour: Neighbour) -> Settings:
    measured = _strategy("PingPong", SYMBOL, {"every": TICKS_PER_ORDER})
    stream = f"ws://127.0.0.1:{port}"
    return check_settings(
        {
            "session": {
                "logs_dir": folder / "logs",
                "ledger_file": folder / "logs" / "ledger.db",
                "stop_dir": folder / "stop",
            },
            "venue": {
                "start_simulator": False,
                "rest_url": f"http://127.0.0.1:{port}",
                "ws_api_url": f"{stream}/ws-api/v3",
                "stream_url": stream,
            },
            "risk": {
                **dict.fromkeys(("max_orders_per_s", "max_orders_per_day", "max_trades_per_day"), _NO_LIMIT),
                **dict.fromkeys(("max_daily_loss", "max_drawdown", "max_consecutive_losses"), _NO_LIMIT),
                "max_slippage_bps_p95": 10_000,
                "cooldown_s": 0,
            },
            "strategies": [measured, *_neighbours(neighbour)],
        },
        "bench",
    )


class _Stamp(NamedTuple):
    tick_ns: int
    """Monotonic: when the tick behind the order was parsed."""
    decision_ns: int
    """By the clock: when the strategy had decided."""


def _stamps(ledger_file: Path) -> dict[str, _Stamp]:
    """By client order id."""
    intents: dict[str, _Stamp] = {}
    stamps: dict[str, _Stamp] = {}
    with closing(LedgerReader(ledger_file)) as reader:
        for event in reader.events(streams=(Stream.ORDERS_FILLS,)):
            fields = json.loads(event.payload)
            if event.type == "IntentRecorded" and fields["intent"]["tick_received_monotonic_ns"] is not None:
                intent = fields["intent"]
                stamp = _Stamp(intent["tick_received_monotonic_ns"], intent["decision_time_ns"])
                intents[intent["intent_id"]] = stamp
            elif event.type == "OrderRecorded" and fields["order"]["intent_id"] in intents:
                order = fields["order"]
                stamps[order["ticket"]["client_order_id"]] = intents[order["intent_id"]]
    return stamps
