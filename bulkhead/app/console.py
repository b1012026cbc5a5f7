"""What `run` shows: a live panel in a terminal, a plain line now and then elsewhere, one JSON object when asked."""

import os
import sys
import time
from decimal import Decimal
from types import TracebackType
from typing import NamedTuple, Self

from rich.console import Console as RichConsole
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bulkhead.app.report import Figures
from bulkhead.app.session import Session
from bulkhead.monitor.kpi import Kpi, summary_text
from bulkhead.monitor.status import StatusReport
from bulkhead.monitor.status_view import alerts_words
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


class TapeProgress(NamedTuple):
    """How far a tape has been played."""

    rows: int
    total_rows: int

    def words(self, elapsed_s: float) -> str:
        """`120,000 of 858,881 rows, 14 %, 5,900/s, 125 s left`."""
        rate = self.rows / elapsed_s if elapsed_s > 0 else 0.0
        share = self.rows / self.total_rows if self.total_rows else 1.0
        left = f", {max(0, self.total_rows - self.rows) / rate:,.0f} s left" if rate > 0 else ""
        return f"{self.rows:,} of {self.total_rows:,} rows, {share:.0%}, {rate:,.0f}/s{left}"


class Console:
    """Quiet when told so. Never asks anything."""

    def __init__(self, session: Session, as_json: bool, quiet: bool) -> None:
        self._session = session
        self._as_json = as_json
        self._quiet = quiet
        self._rich = _Screen(highlight=False)
        self._live: Live | None = None
        self._next_line = 0.0
        self._last: StatusReport | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        if self._quiet or self._as_json:
            return self
        session = self._session
        self._rich.print(f"session {session.session_id}  {session.settings.session.mode.value}  {session.folder.path}")
        if session.alerts is not None and not session.alerts.status().targets:
            self._rich.print(alerts_words(session.alerts.status(), time.time_ns()), soft_wrap=True, markup=False)
        if self._rich.is_terminal:
            self._live = Live(console=self._rich, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, report: StatusReport, figures: Figures, tape: TapeProgress | None) -> None:
        """Called once a second by the run."""
        self._last = report
        if self._quiet or self._as_json:
            return
        facts = facts_of(report, figures)
        if tape is not None:
            facts.insert(1, ("tape", tape.words(time.monotonic() - self._began)))
        if self._live is not None:
            self._live.update(_panel(facts, report))
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + PLAIN_INTERVAL_S
            self._rich.print("  ".join(f"{name} {value}".strip() for name, value in facts), soft_wrap=True)

    def note(self, line: str | None) -> None:
        """One line beside what is shown each second; nothing for None."""
        if line is not None and not (self._quiet or self._as_json):
            self._rich.print(line, soft_wrap=True, markup=False)

    def summary(self, kpi: Kpi, tape: list[dict[str, object]], reason: str) -> None:
        """The last words: figures of the session, the dirt of the tape if one was played, and what is left behind."""
        left = left_behind(self._last, self._session.settings.risk.dust_notional)
        if self._as_json:
            data = {"reason": reason, "kpi": kpi.model_dump(mode="json"), "tape": tape, "left_behind": left}
            self._rich.print_json(data=data)
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
        if left:
            said = f"left behind, and watched by nobody until the next start: {'; '.join(left)}"
            self._rich.print(said, soft_wrap=True, markup=False)
        self._rich.print(f"written to {self._session.folder.path}")


def left_behind(report: StatusReport | None, dust_notional: Decimal) -> list[str]:
    """Orders that may still fill, and positions worth more than dust, by the last word of a run that has ended."""
    if report is None:
        return []
    left = [f"{len(report.open_orders)} orders at the venue"] if report.open_orders else []
    for held in report.positions:
        price = held.average_price if held.mark is None else held.mark
        if abs(held.quantity) * price >= dust_notional:
            left.append(f"{held.quantity:f} {held.symbol} of {held.strategy_id}")
    return left


def facts_of(report: StatusReport, figures: Figures) -> list[tuple[str, str]]:
    """What is worth a look every second: a name (empty where the value speaks for itself) and its value."""
    pnl, alerts = report.pnl, report.alerts
    gate = "open" if report.gate_open else f"SHUT ({'; '.join(reason.cause for reason in report.reasons)})"
    facts = [
        ("", report.state.value),
        ("gate", f"{gate}; {report.hours_words}" if report.hours_words else gate),
        ("ticks", f"{figures.feed.ticks if figures.feed else 0:,}"),
        ("decisions", f"{figures.decisions:,}"),
        ("open orders", str(len(report.open_orders))),
    ]
    if report.pending_words:
        facts.insert(2, ("plan", report.pending_words))
    if pnl is not None:
        facts.append(("equity", f"{rounded(pnl.equity, 2)} {pnl.currency}, realised {rounded(pnl.realised, 2)}"))
    if alerts is not None and alerts.is_troubled:
        facts.append(("", alerts_words(alerts, report.written_at_ns)))
    return facts


def _panel(facts: list[tuple[str, str]], report: StatusReport) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in facts:
        style = "bold red" if name == "gate" and not report.gate_open else "bold" if not name else ""
        table.add_row(Text(name or "state", style="dim"), Text(value, style=style))
    for position in report.positions:
        if position.quantity:
            held = f"{position.quantity:f} {position.symbol} at {rounded(position.average_price, 4)}"
            table.add_row(Text(position.strategy_id, style="dim"), Text(held))
    table.add_row(
        Text("", style="dim"), Text("Ctrl-C ends it in order; `bulkhead tail` shows what happens", style="dim")
    )
    return table


def _bad_rows(file: dict[str, object]) -> list[tuple[object, object]]:
    """Line and reason of the first bad rows."""
    examples = file.get("bad_examples")
    rows = examples if isinstance(examples, list) else []
    return [(row.get("line"), row.get("reason")) for row in rows[:MAX_BAD_ROWS_SHOWN]]
