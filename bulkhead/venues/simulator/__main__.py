"""`python -m bulkhead.venues.simulator`: the simulated venue as a process, with plain arguments or settings in JSON."""

import argparse
import sys
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError

from bulkhead.venues.simulator.process import serve
from bulkhead.venues.simulator.settings import SimulatorSettings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "bulkhead.venues.simulator", description="A venue on loopback that speaks Binance Spot, or KIS."
    )
    parser.add_argument("--settings-json", help="all settings as one JSON object; other arguments override it")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int, help="0 takes any free port")
    parser.add_argument("--dialect", choices=("binance", "kis"))
    parser.add_argument("--market", choices=("synthetic", "tape"))
    parser.add_argument("--seed", type=int)
    parser.add_argument("--symbols", nargs="+", help="synthetic markets to open (default: all)")
    parser.add_argument("--events-per-s", type=int, help="synthetic market events per second")
    parser.add_argument("--tape-files", nargs="+", type=Path)
    parser.add_argument("--speed", type=Decimal, help="times real time, for a tape without lockstep")
    parser.add_argument("--lockstep", action="store_true", default=None)
    parser.add_argument("--books-file", type=Path, help="SQLite file that keeps accounts, orders and fills")
    parser.add_argument("--commission-bps", type=Decimal)
    parser.add_argument("--commission-in", choices=("received", "quote"))
    parser.add_argument("--exit-with-parent", action="store_true", default=None, help="end when stdin closes")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Exit code of the simulator; settings that make no sense are one sentence each and exit code 2."""
    given = {name: value for name, value in vars(_parser().parse_args(arguments)).items() if value is not None}
    try:
        base = SimulatorSettings.model_validate_json(given.pop("settings_json", "{}"))
        if given.get("tape_files"):
            given.setdefault("market", "tape")
        settings = SimulatorSettings.model_validate(base.model_dump(exclude_unset=True) | given)
    except ValidationError as error:
        for problem in error.errors():
            name = ".".join(str(part) for part in problem["loc"]) or "settings"
            sys.stderr.write(f"simulator: {name}: {problem['msg']}\n")
        return 2
    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
