"""The report as one page that needs nothing else: no script, no picture, no font from anywhere."""

from html import escape
from pathlib import Path

from bulkhead.chaos.report import figures, judged_words, planted_words, times_of, verdict
from bulkhead.chaos.tally import Red, Report
from bulkhead.chaos.vacuity import Kind

WIDTH, ROW, LEFT = 900, 22, 190
"""Of a timeline, in pixels: all, the height of a strike, and the room for its name."""
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1, h2, h3 { line-height: 1.2; } code, pre { font-size: 13px; background: #f4f4f4; padding: .1rem .3rem; }
pre { padding: .6rem; overflow-x: auto; } table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
td, th { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top; }
td.n { text-align: right; white-space: nowrap; } .bad { color: #b00020; font-weight: 600; } .good { color: #1b6e2e; }
.dim { color: #888; } svg { max-width: 100%; height: auto; background: #fafafa; border: 1px solid #ddd; }
"""


def write_html(report: Report, path: Path) -> None:
    """Raises OSError."""
    path.write_text(page(report), encoding="utf-8")


def page(report: Report) -> str:
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><title>Chaos report</title>',
        f"<style>{STYLE}</style></head><body>",
        "<h1>Chaos report</h1>",
        f'<p class="{"good" if report.is_ok else "bad"}">{escape(verdict(report))}</p>',
        *(f"<p>{escape(line)}</p>" for line in (*figures(report), *report.notes)),
        f"<h2>Red runs: {report.red_count}</h2>",
        *(_red(red) for red in report.red),
        _planted(report),
        *(_vacuity(report, kind) for kind in Kind),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _red(red: Red) -> str:
    rows = "".join(
        f'<tr><td class="n">{violation.number}</td><td>{escape(violation.invariant)}</td>'
        f'<td class="n">{violation.at_s:g} s</td><td class="n">{violation.step}</td>'
        f"<td>{escape(violation.detail)}</td></tr>"
        for violation in red.violations
    )
    table = f"<table><tr><th>no.</th><th>invariant</th><th>at</th><th>step</th><th>detail</th></tr>{rows}</table>"
    return "\n".join(
        (
            f"<h3>Seed {red.plan.seed}, {escape(red.plan.venue)}, {red.plan.minutes:g} minutes</h3>",
            f'<p class="bad">{escape(red.headline)}</p>',
            timeline(red),
            table if rows else "",
            "" if red.error is None else f"<pre>{escape(red.error)}</pre>",
            f"<p>Again: <code>{escape(red.command)}</code></p>",
            _shrunk(red),
            "" if red.kept is None else f"<p>Kept: <code>{escape(red.kept)}</code></p>",
        )
    )


def _shrunk(red: Red) -> str:
    if red.shrunk is None or red.plan_file is None:
        return ""
    words = f"{len(red.shrunk.plan.strikes)} of {len(red.plan.strikes)} strikes after {red.shrunk.runs} runs"
    return f"<p>Shrunk: <code>{escape(red.plan_file)}</code> ({words})</p>"


def timeline(red: Red) -> str:
    """When each strike begins, for how long, and where the violations are."""
    strikes, violations = red.plan.strikes, red.violations
    end_s = max(red.plan.minutes * 60, *(v.at_s for v in violations), 1.0)
    height = (len(strikes) + 2) * ROW

    def x_of(at_s: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 10) * min(at_s, end_s) / end_s, 1)

    drawn = []
    for number, strike in enumerate(strikes):
        top, begins = number * ROW + 6, x_of(strike.at_s)
        width = max(3.0, round(x_of(strike.at_s + strike.lasts_s) - begins, 1))
        what = f"{strike.fault} at {strike.at_s:g} s, {strike.moment}, {strike.lasts_s:g} s"
        what += "" if strike.target is None else f", {strike.target}"
        drawn.append(f'<text x="6" y="{top + 11}" font-size="12">{escape(strike.fault)}</text>')
        box = f'<rect x="{begins}" y="{top}" width="{width}" height="12" fill="#d98324">'
        drawn.append(f"{box}<title>{escape(what)}</title></rect>")
    healing = x_of(red.plan.minutes * 60)
    bottom = height - ROW + 4
    drawn.append(f'<line x1="{healing}" x2="{healing}" y1="0" y2="{bottom}" stroke="#1b6e2e" stroke-dasharray="4 3"/>')
    for violation in violations:
        at = x_of(violation.at_s)
        said = escape(f"{violation.number} {violation.invariant}: {violation.detail}")
        line = f'<line x1="{at}" x2="{at}" y1="0" y2="{bottom}" stroke="#b00020" stroke-width="2">'
        drawn.append(f"{line}<title>{said}</title></line>")
    scale = f'<text x="{LEFT}" y="{height - 6}" font-size="12">0 s</text>'
    scale += f'<text x="{WIDTH - 8}" y="{height - 6}" font-size="12" text-anchor="end">{end_s:g} s</text>'
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return f'<svg {size} role="img">{"".join(drawn)}{scale}</svg>'


def _planted(report: Report) -> str:
    if not report.planted:
        return ""
    rows = []
    for row in report.planted:
        style = ' class="bad"' if row.seeds is None else ""
        rows.append(
            f'<tr{style}><td><code>{escape(row.name)}</code></td><td class="n">{row.number}</td>'
            f"<td>{escape(planted_words(row))}</td><td>{escape(row.sentence)}</td></tr>"
        )
    head = "<tr><th>name</th><th>invariant</th><th>verdict</th><th>what it is</th></tr>"
    return f"<h2>Planted bugs</h2><table>{head}{''.join(rows)}</table>"


def _vacuity(report: Report, kind: Kind) -> str:
    rows = []
    for row in report.vacuity:
        if row.kind is kind:
            style = ' class="bad"' if row.name in report.zeros else "" if row.times else ' class="dim"'
            times = escape(times_of(row, report.is_vacuity_judged))
            rows.append(
                f'<tr{style}><td><code>{escape(row.name)}</code></td><td class="n">{times}</td>'
                f"<td>{escape(row.sentence)}</td></tr>"
            )
    title = "Faults that struck" if kind is Kind.FAULT else "Ways of recovering that were taken"
    head = "<tr><th>name</th><th>times</th><th>what it is</th></tr>"
    return f"<h2>{title}</h2><p>{escape(judged_words(report))}</p><table>{head}{''.join(rows)}</table>"
