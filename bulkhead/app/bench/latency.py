"""Tick-to-order: from the parsed tick to the order's bytes in the socket, through the whole house.

Nothing is faked: threaded host, simulated venue as a process of its own on the real wire, ledger with synced commits.
The stamps are the house's own: MarketData.received_monotonic_ns, which the intent carries into the ledger, and the
adapter's `on_sent`. The floor beside it is measured in the same process, on the same disk and against the same venue,
right after: one commit of the same two records, and one signed POST by the same lane. Not measured: the network.
"""

import json
from contextlib import closing
from decimal import Decimal
from pathlib import Path

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
SYMBOL, BUSY_SYMBOL = "BTCUSDT", "ETHUSDT"
BURN_MS = 2.5
"""Of Python for each tick of the busy strategy. It gets half as many ticks, which still is more than a core can do."""
_NO_LIMIT = 10**9
_MANY = 1_000_000


class LatencyFigures(Value):
    """One run, its floor, and how many times the floor the house takes."""

    ticks_per_s: int
    """That the strategy was told of and answered, as measured."""
    house: Spread
    floor: Spread
    commit: Spread
    """The part of the floor that is the synced commit."""
    ratio_p50: float
    ratio_p99: float


def measure(folder: Path, seconds: float, *, is_busy: bool) -> LatencyFigures:
    """Run the house for `seconds` after its warm-up, then measure the floor. Writes below `folder` only."""
    sent: dict[str, int] = {}
    with SimulatorProcess(_venue(is_busy)) as process:
        settings = _settings(folder, process.port, is_busy)
        options = RunOptions(for_s=WARM_UP_S + seconds, quiet=True, on_sent=sent.__setitem__)
        outcome = run_to_the_end(settings, options)
        stamped = _stamps(settings.session.ledger_file)
        from_ns = min(sent.values(), default=0) + int(WARM_UP_S * 1e9)
        spans = [sent[key] - stamped[key] for key in stamped if from_ns <= sent.get(key, 0)]
        if not spans:
            raise Stopped(ExitCode.ERROR, f"the house sent no order in {seconds:g} s; give the bench more time")
        below = floor.measure(settings, folder / "floor.db")
    house = Spread.of(spans)
    return LatencyFigures(
        ticks_per_s=round(sum(outcome.kpi.decisions.values()) / (WARM_UP_S + seconds)),
        house=house,
        floor=below.whole,
        commit=below.commit,
        ratio_p50=round(house.p50_ms / below.whole.p50_ms, 2),
        ratio_p99=round(house.p99_ms / below.whole.p99_ms, 2),
    )


def _venue(is_busy: bool) -> SimulatorSettings:
    """Gives the measured symbol EVENTS_PER_S, and has limits that no bench reaches."""
    return SimulatorSettings(
        symbols=(SYMBOL, BUSY_SYMBOL) if is_busy else (SYMBOL,),
        # The first of two symbols gets two thirds of the events.
        events_per_s=EVENTS_PER_S * 3 // 2 if is_busy else EVENTS_PER_S,
        commission_bps=Decimal(0),
        commission_in="quote",
        limits=Limits(request_weight_per_minute=_MANY, orders_per_10s=_MANY),
    )


def _settings(folder: Path, port: int, is_busy: bool) -> Settings:
    sizing = {"notional": "100"}
    strategies: list[dict[str, object]] = [
        {
            "id": "ping-pong",
            "use": "bulkhead.app.bench.strategies:PingPong",
            "symbols": [SYMBOL],
            "sizing": sizing,
            "parameters": {"every": TICKS_PER_ORDER},
        }
    ]
    if is_busy:
        strategies.append(
            {
                "id": "busy",
                "use": "bulkhead.app.bench.strategies:Busy",
                "symbols": [BUSY_SYMBOL],
                "sizing": sizing,
                "parameters": {"burn_ms": BURN_MS},
            }
        )
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
            },
            "strategies": strategies,
        },
        "bench",
    )


def _stamps(ledger_file: Path) -> dict[str, int]:
    """When the tick behind each order was parsed, by client order id."""
    ticks: dict[str, int] = {}
    stamps: dict[str, int] = {}
    with closing(LedgerReader(ledger_file)) as reader:
        for event in reader.events(streams=(Stream.ORDERS_FILLS,)):
            fields = json.loads(event.payload)
            if event.type == "IntentRecorded" and fields["intent"]["tick_received_monotonic_ns"] is not None:
                ticks[fields["intent"]["intent_id"]] = fields["intent"]["tick_received_monotonic_ns"]
            elif event.type == "OrderRecorded" and fields["order"]["intent_id"] in ticks:
                order = fields["order"]
                stamps[order["ticket"]["client_order_id"]] = ticks[order["intent_id"]]
    return stamps
