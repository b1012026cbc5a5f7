"""What `run` shows: a live panel in a terminal, a plain line now and then elsewhere, one JSON object when asked."""

import os
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console as RichConsole
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bulkhead.app.report import Figures
from bulkhead.app.session import Session
from bulkhead.monitor.kpi import Kpi, summary_text
from bulkhead.monitor.status import StatusReport
from bulkhead.monitor.words import rounded

PLAIN_INTERVAL_S = 5.0
MAX_BAD_ROWS_SHOWN = 5
TAPE_DIRT = (
    "repeated_rows",
    "crossed_quotes",
    "off_hours_trades",
    "odd_lots",
    "suspicious_rows",
    "late_rows",
    "bad_rows",
    "withdrawn_quotes",
)


class _Screen(RichConsole):
    """A session outlives its reader: when the pipe breaks, it goes on in silence to its ordered end."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Console:
    """Quiet when told so. Never asks anything."""

    def __init__(self, session: Session, as_json: bool, quiet: bool) -> None:
        self._session = session
        self._as_json = as_json
        self._quiet = quiet
        self._rich = _Screen(highlight=False)
        self._live: Live | None = None
        self._next_line = 0.0
        self._rows = (0, time.monotonic())
        self._rate = 0.0

    def __enter__(self) -> Self:
        if self._quiet or self._as_json:
            return self
        session = self._session
        self._rich.print(f"session {session.session_id}  {session.settings.session.mode.value}  {session.folder.path}")
        if self._rich.is_terminal:
            self._live = Live(console=self._rich, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, report: StatusReport, figures: Figures, rows: int | None) -> None:
        """Called once a second by the run."""
        if self._quiet or self._as_json:
            return
        self._measure(rows)
        if self._live is not None:
            self._live.update(self._panel(report, figures, rows))
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + PLAIN_INTERVAL_S
            self._rich.print(self._line(report, figures, rows), soft_wrap=True)

    def _measure(self, rows: int | None) -> None:
        if rows is not None:
            before, at = self._rows
            now = time.monotonic()
            if now - at >= 1.0:
                self._rate = (rows - before) / (now - at)
                self._rows = (rows, now)

    def _line(self, report: StatusReport, figures: Figures, rows: int | None) -> str:
        pnl = report.pnl
        gate = "open" if report.gate_open else f"SHUT ({'; '.join(reason.cause for reason in report.reasons)})"
        parts = [
            report.state.value,
            f"gate {gate}",
            f"ticks {figures.feed.ticks if figures.feed else 0:,}",
            f"decisions {figures.decisions:,}",
            f"open orders {len(report.open_orders)}",
        ]
        if rows is not None:
            parts.insert(1, f"tape rows {rows:,} ({self._rate:,.0f}/s)")
        if pnl is not None:
            parts.append(f"equity {rounded(pnl.equity, 2)} {pnl.currency}, realised {rounded(pnl.realised, 2)}")
        return "  ".join(parts)

    def _panel(self, report: StatusReport, figures: Figures, rows: int | None) -> Table:
        table = Table.grid(padding=(0, 2))
        for line in self._line(report, figures, rows).split("  "):
            table.add_row(Text(line))
        for position in report.positions:
            held = f"{position.quantity:f} {position.symbol} at {rounded(position.average_price, 4)}"
            table.add_row(Text(f"{position.strategy_id}: {held}"))
        return table

    def summary(self, kpi: Kpi, tape: list[dict[str, object]], reason: str) -> None:
        """The last words: figures of the session, and the dirt of the tape if one was played."""
        if self._as_json:
            self._rich.print_json(data={"reason": reason, "kpi": kpi.model_dump(mode="json"), "tape": tape})
            return
        if self._quiet:
            return
        self._rich.print(f"\nended: {reason}")
        self._rich.print(summary_text(kpi), soft_wrap=True)
        for file in tape:
            dirt = ", ".join(f"{name.replace('_', ' ')} {file.get(name, 0):,}" for name in TAPE_DIRT)
            self._rich.print(f"tape {file.get('file')}: {file.get('rows'):,} rows; {dirt}", soft_wrap=True)
            for at_line, why in _bad_rows(file):
                self._rich.print(f"  line {at_line} is left out: {why}", soft_wrap=True, markup=False)
        self._rich.print(f"written to {self._session.folder.path}")


def _bad_rows(file: dict[str, object]) -> list[tuple[object, object]]:
    """Line and reason of the first bad rows."""
    examples = file.get("bad_examples")
    rows = examples if isinstance(examples, list) else []
    return [(row.get("line"), row.get("reason")) for row in rows[:MAX_BAD_ROWS_SHOWN]]
