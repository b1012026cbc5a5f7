"""docs/RISK.md, made from the limits themselves and the table of what trips. As docs.py, which writes it."""

import inspect
from collections.abc import Callable, Iterator

from pydantic import BaseModel

from bulkhead.risk.limits import RiskLimits
from bulkhead.risk.trips import TRIPPABLE, Kind, TripRule

Table = Callable[[type[BaseModel], dict[str, str]], Iterator[str]]

_BEFORE = """
    The risk guard is asked about every intent, and watches every fill, order, price and portfolio. Amounts are in
    `risk.currency`; a symbol that is quoted in another one is refused at the start, since nothing here converts.
    Limits that contradict each other are refused at the start too, all of them in one message.

    ## What is always so

    - An entry passes every limit, or is refused with a code and the two numbers that were compared (`risk_events`).
      An exit is refused for three reasons only: it was handed in before, it has a number that no order can have, or it
      would flip or enlarge the position by what a fresh portfolio and the exits in flight say.
    - What is approved counts at its worst case until there is terminal evidence for the whole intent; an order of
      unknown outcome counts in full. A price or portfolio that cannot be (NaN, infinite, nothing) refuses entries and
      trips; it disables no limit.
    - Trips are by loss and never by profit. A figure that is at `approach_share` of its limit alerts once, and again
      only after it was well below.
    - Days, weeks and rows outlive the process: orders and trades of the day, the day's and the week's loss, rows of
      losses and rejects, pauses and the drawdown are read back from the ledger, and until then no entry is made. A day
      begins with the last equity told before it, so a loss over night counts whether the process ran or not.
    - What an operator lifts (`bulkhead resume`) counts anew from there: rows and rates begin again, and the drawdown is
      measured from the equity of that moment. A loss of the day or the week that is still there trips again: wait for
      the next one, or raise the limit on purpose.
    - Data quality: once a feed has told of its symbols, an entry is made on sound data only.

    ## Every limit
"""
_TRIPS = """
    ## What trips

    Each limit below may have a table `[risk.trips.<limit>]`. Those that only alert trip once they have one.
"""


def risk(made: str, table: Table, row: Callable[..., str]) -> str:
    yes = {True: "yes", False: "no"}

    def line(name: str, kind: Kind) -> str:
        scopes = ", ".join(f"`{scope}`" for scope in sorted(kind.subjects)) or "none"
        return row(f"`{name}`", "trips" if kind.trips_unasked else "alerts", yes[kind.falls_by_itself], scopes)

    return "\n".join(
        [
            "# Risk limits\n",
            made,
            inspect.cleandoc(_BEFORE),
            "",
            *table(RiskLimits, {}),
            "",
            inspect.cleandoc(_TRIPS),
            "",
            row("limit", "without a table", "may lift itself (`automatic`)", "scopes of the one concerned"),
            row("---", "---", "---", "---"),
            *(line(name, kind) for name, kind in TRIPPABLE.items()),
            "",
            "The keys of such a table:\n",
            *table(TripRule, {}),
            "",
        ]
    )
