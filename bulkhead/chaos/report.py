"""The report for people, in a terminal: figures, what never happened, each red run with the command that repeats it."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bulkhead.chaos.tally import PlantedRow, Red, Report
from bulkhead.chaos.vacuity import ENOUGH_MINUTES, ENOUGH_SEEDS, Kind, Row

MOST_SHOWN = 10
"""Red runs in a terminal; the JSON and HTML reports have more."""
MOST_VIOLATIONS_SHOWN = 3


def show(report: Report, console: Console) -> None:
    if report.planted:
        console.print(planted_table(report))
    for kind in Kind:
        console.print(vacuity_table(report, kind))
    for red in report.red[:MOST_SHOWN]:
        _show_red(red, console)
    if report.red_count > MOST_SHOWN:
        console.print(f"and {report.red_count - min(MOST_SHOWN, len(report.red))} more red runs")
    for line in (*figures(report), *report.notes):
        console.print(line, markup=False)
    console.print(Text(verdict(report), style="bold green" if report.is_ok else "bold red"))


def figures(report: Report) -> tuple[str, ...]:
    hours = (
        f"{report.simulated_h:,.1f} simulated hours in {report.wall_s:,.0f} s: {report.simulated_h_per_h:,.0f} per hour"
    )
    return (
        f"{report.what}: {report.plans:,} runs, {report.again:,} of them played twice and compared",
        f"{hours}; {report.messages:,} messages, {report.messages_per_s:,.0f}/s",
    )


def verdict(report: Report) -> str:
    found = []
    if report.red_count:
        found.append(f"{report.red_count} red runs")
    escaped = [row.name for row in report.planted if row.seeds is None]
    if escaped:
        found.append(f"planted and not caught: {', '.join(escaped)}")
    if report.zeros:
        found.append(f"never happened: {', '.join(report.zeros)}")
    if report.unlisted:
        found.append(f"counted, and listed nowhere: {', '.join(report.unlisted)}")
    said = "; ".join(found) or "nothing found"
    return f"cut short; so far: {said}" if report.is_cut_short else said


def times_of(row: Row, is_judged: bool) -> str:
    """The count, and what is to be thought of a zero."""
    if row.times:
        return f"{row.times:,}"
    if not row.is_judged:
        return "nothing in the catalogue brings it about"
    return "NEVER" if is_judged else "not yet"


def judged_words(report: Report) -> str:
    if report.is_vacuity_judged:
        return "a zero fails the run"
    return f"a zero counts from {ENOUGH_SEEDS} runs of {ENOUGH_MINUTES:g} minutes or more on"


def vacuity_table(report: Report, kind: Kind) -> Table:
    title = "faults that struck" if kind is Kind.FAULT else "ways of recovering that were taken"
    """Zeros are shown where they count, and only how many they are where they do not."""
    rows = [row for row in report.vacuity if row.kind is kind]
    shown = [row for row in rows if row.times or (row.is_judged and report.is_vacuity_judged)]
    unbroken = sum(1 for row in rows if not (row.is_judged or row.times))
    not_yet = len(rows) - len(shown) - unbroken
    left_out = ((not_yet, "not yet"), (unbroken, "with nothing in the catalogue that brings them about"))
    caption = "; ".join(f"{count} more {why}" for count, why in left_out if count) or None
    table = _table(f"{title} ({judged_words(report)})", caption)
    table.add_column("name", no_wrap=True)
    table.add_column("times", justify="right", no_wrap=True)
    table.add_column("what it is")
    for row in shown:
        style = "red" if row.name in report.zeros else ""
        table.add_row(row.name, times_of(row, report.is_vacuity_judged), row.sentence, style=style)
    return table


def _table(title: str, caption: str | None = None) -> Table:
    return Table(title=title, caption=caption, title_justify="left", caption_justify="left", box=SIMPLE_HEAD)


def planted_words(row: PlantedRow) -> str:
    if row.seeds is None:
        return f"NOT CAUGHT in {row.tried} seeds"
    return f"caught after {row.seeds} seed{'s' if row.seeds > 1 else ''}"


def planted_table(report: Report) -> Table:
    table = _table("planted bugs")
    for name in ("name", "invariant", "verdict", "what it is"):
        table.add_column(name)
    for row in report.planted:
        style = "red" if row.seeds is None else ""
        table.add_row(row.name, str(row.number), planted_words(row), row.sentence, style=style)
    return table


def _show_red(red: Red, console: Console) -> None:
    console.print(Text(f"seed {red.plan.seed}, {red.plan.venue}: {red.headline}", style="red"), soft_wrap=True)
    for violation in red.violations[1:MOST_VIOLATIONS_SHOWN]:
        console.print(f"  then {violation.number} at {violation.at_s:g} s: {violation.detail}", markup=False)
    if len(red.violations) > MOST_VIOLATIONS_SHOWN:
        console.print(f"  and {len(red.violations) - MOST_VIOLATIONS_SHOWN} more")
    if red.error is not None:
        console.print(red.error.rstrip(), markup=False, soft_wrap=True)
    console.print(f"  again: {red.command}", markup=False, soft_wrap=True)
    if red.plan_file is not None and red.shrunk is not None:
        strikes = f"{len(red.shrunk.plan.strikes)} of {len(red.plan.strikes)} strikes, {red.shrunk.runs} runs"
        console.print(f"  shrunk: {red.plan_file} ({strikes})", markup=False, soft_wrap=True)
    if red.kept is not None:
        console.print(f"  kept: {red.kept}", markup=False, soft_wrap=True)
