"""A status as rich renders it: a headline that says whether to believe the rest, the tree, and tables."""

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bulkhead.monitor.alerting.alarms import AlertsStatus
from bulkhead.monitor.status import Liveness, StatusReport, StatusView
from bulkhead.monitor.tree_view import TreeView
from bulkhead.monitor.words import amount, date_and_clock, one_line, rounded, short, span
from messages.values import OrderStatus, StopLevel

_LIVENESS_STYLE = {
    Liveness.LIVE: "bold green",
    Liveness.STALE: "bold yellow",
    Liveness.STOPPED: "bold blue",
    Liveness.DEAD: "bold red",
    Liveness.ABSENT: "bold red",
}
RATE_NEARLY_USED_UP = 0.8
_TEXT_COLUMNS = frozenset(
    {"feed", "connected", "instead of ticks"}
    | {"kind", "stage", "strategy", "symbol", "order", "side", "status", "currency"}
)
MAX_CAUSE = 600
"""Signs of a stop reason that are shown: its end says what to do about it."""
_WORRYING = ("abandoned_threads", "dead_letters", "escapes", "ledger_failures", "orphan_fills", "unknown")
"""Counters that stand at 0 while all is well."""


def render_status(view: StatusView) -> RenderableType:
    """Everything on one screen. Of a process that does not live, the figures are headed as its last words."""
    head = Text.assemble((view.liveness.value.upper(), _LIVENESS_STYLE[view.liveness]), f"  {view.detail}")
    report = view.report
    if report is None:
        return head
    parts: list[RenderableType] = [head]
    if view.liveness is not Liveness.LIVE:
        parts.append(Text("What follows is what it last reported; it may no longer be so.", style="yellow"))
    parts += [_stop_panel(report), TreeView(report.tree, report.written_at_ns)]
    parts += [table for table in _tables(report) if table]
    return Group(*parts)


def _tables(report: StatusReport) -> tuple[Table | None, ...]:
    live = (_feeds(report), _rates(report), _positions(report), _orders(report), _inbox(report))
    return (*live, _money(report), _stages(report))


def _stop_panel(report: StatusReport) -> RenderableType:
    lines = [
        Text(
            f"session {report.session_id}   {report.mode.value}   {report.state.value}"
            f"   since {date_and_clock(report.started_at_ns)} UTC"
        ),
        Text.assemble(
            "gate ",
            ("open", "bold green") if report.gate_open else ("shut", "bold red"),
            f"   stop level {report.stop_level.name}",
        ),
    ]
    if report.hours_words:
        lines.append(Text(report.hours_words, style="yellow"))
    for reason in report.reasons:
        since = f"since {date_and_clock(reason.since_ns)} UTC"
        lift = ", an operator must lift it" if reason.needs_operator else ""
        cause = one_line(reason.cause, MAX_CAUSE)
        lines.append(Text(f"  {reason.level.name}  {cause}  ({reason.reason_id}, {reason.scope}, {since}{lift})"))
    if report.alerts is not None:
        style = "bold red" if report.alerts.is_troubled else ""
        lines.append(Text(alerts_words(report.alerts, report.written_at_ns), style=style))
    if report.pending_words:
        lines.append(Text(report.pending_words, style="bold yellow"))
        lines.append(
            Text("  `bulkhead confirm-plan ID --reason …` runs it, `bulkhead resume` lifts it", style="yellow")
        )
    return Panel(Group(*lines), border_style="green" if report.stop_level is StopLevel.RUN else "red", expand=False)


def alerts_words(alerts: AlertsStatus, now_ns: int) -> str:
    """`alerts: log only`, or how the way to each target is; and the heartbeat, where there is one."""

    def ago(at_ns: int) -> str:
        return f"{span(max(0, now_ns - at_ns))} ago"

    said = []
    for target in alerts.targets:
        last = "nothing sent yet" if target.last_sent_ns is None else f"last sent {ago(target.last_sent_ns)}"
        if target.failing_since_ns is not None:
            last = f"FAILING, began {ago(target.failing_since_ns)} ({target.why}), {last}"
        counts = ((target.waiting, "waiting"), (target.lost, "lost"))
        said.append(", ".join((f"{target.name} {last}", *(f"{count} {what}" for count, what in counts if count))))
    heart = alerts.heartbeat
    if heart is not None:
        last = "none sent yet" if heart.last_sent_ns is None else f"last sent {ago(heart.last_sent_ns)}"
        if heart.failing_since_ns is not None:
            last = f"FAILING, began {ago(heart.failing_since_ns)} ({heart.why}), {last}"
        elif heart.withheld is not None:
            last = f"WITHHELD ({one_line(heart.withheld)}), {last}"
        said.append(f"heartbeat {last}")
    return f"alerts: {'; '.join(said) if alerts.targets else '; '.join(('log only', *said))}"


def _table(title: str, *columns: str) -> Table:
    """Without lines, which a narrow or low terminal has no room for; a figure that does not fit is folded, not cut."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, padding=(0, 1))
    for column in columns:
        is_text = column in _TEXT_COLUMNS
        table.add_column(column, justify="left" if is_text else "right", overflow="fold")
    return table


def _row(table: Table, *cells: str | Text) -> None:
    """Names are shown as they are: rich would read square brackets in a plain string as markup."""
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


def _feeds(report: StatusReport) -> Table | None:
    if not report.feeds:
        return None
    table = _table("feeds", "feed", "connected", "last tick, s ago", "ticks", "instead of ticks")
    for feed in report.feeds:
        age = "never" if feed.last_tick_age_s is None else f"{feed.last_tick_age_s:.1f}"
        is_up = "yes" if feed.connected else Text("no", style="bold red")
        instead = ", ".join(f"{symbol} {source.value}" for symbol, source in sorted(feed.instead.items()))
        _row(table, feed.name, is_up, age, f"{feed.ticks:,}", Text(instead or "–", style="bold red" if instead else ""))
    return table


def _rates(report: StatusReport) -> Table | None:
    if not report.rates:
        return None
    table = _table("requests to the venue", "kind", "used", "of", "share")
    for rate in report.rates:
        share = rate.used / rate.limit
        style = "bold red" if share >= RATE_NEARLY_USED_UP else ""
        name = f"{rate.kind.replace('_', ' ').lower()} in {rate.length_s:,} s"
        _row(table, name, f"{rate.used:,}", f"{rate.limit:,}", Text(f"{share:.0%}", style=style))
    return table


def _positions(report: StatusReport) -> Table | None:
    positions = report.positions
    if not positions:
        return None
    is_marked = any(position.mark is not None or position.unrealised_pnl is not None for position in positions)
    marks = ("mark", "unrealised") if is_marked else ()
    table = _table("positions", "strategy", "symbol", "quantity", "average", *marks, "realised")
    for position in positions:
        mark = "–" if position.mark is None else amount(position.mark)
        _row(
            table,
            position.strategy_id,
            position.symbol,
            amount(position.quantity, signed=True),
            rounded(position.average_price, 8),
            *((mark, _gain(position.unrealised_pnl)) if is_marked else ()),
            _gain(position.realised_pnl),
        )
    return table


def _orders(report: StatusReport) -> Table | None:
    if not report.open_orders:
        return None
    table = _table(
        "open orders", "order", "strategy", "symbol", "side", "quantity", "filled", "limit", "status", "age, s"
    )
    for order in report.open_orders:
        is_unknown = order.status is OrderStatus.UNKNOWN
        _row(
            table,
            short(order.client_order_id),
            order.strategy_id,
            order.symbol,
            order.side.value,
            amount(order.quantity),
            amount(order.filled),
            "market" if order.limit_price is None else amount(order.limit_price),
            Text(order.status.value, style="bold red" if is_unknown else ""),
            f"{order.age_s:.1f}",
        )
    return table


def _inbox(report: StatusReport) -> Table | None:
    inbox = report.inbox
    if inbox is None:
        return None
    names = ("taken", "waiting", "submitted", "duplicate", "rejected", "failed", "unwritten")
    table = _table(f"inbox {escape(inbox.file)}", *names)
    _row(table, *(f"{getattr(inbox, name):,}" for name in names))
    if inbox.trouble is not None:
        table.caption, table.caption_justify = Text(one_line(inbox.trouble), style="bold red"), "left"
    return table


def _money(report: StatusReport) -> Table | None:
    if report.pnl is None and not report.counters:
        return None
    table = Table(show_header=False, box=None)
    if report.pnl is not None:
        pnl = report.pnl
        _row(table, "equity", f"{rounded(pnl.equity, 2)} {pnl.currency}")
        for name in ("day", "realised", "unrealised"):
            _row(table, f"P&L {name}", _gain(getattr(pnl, name)))
        _row(table, "drawdown", rounded(pnl.drawdown, 2))
    for counter, count in report.counters.items():
        style = "bold red" if counter in _WORRYING and count else ""
        _row(table, counter.replace("_", " "), Text(f"{count:,}", style=style))
    return table


def _stages(report: StatusReport) -> Table | None:
    if not report.stages:
        return None
    table = _table("stages of the order path", "stage", "p50, µs", "p99, µs", "count")
    for name, stage in report.stages.items():
        _row(table, name, f"{stage.p50_us:,}", f"{stage.p99_us:,}", f"{stage.count:,}")
    return table


def _gain(value: object) -> Text:
    if value is None:
        return Text("–")
    text = rounded(value, 2, signed=True)
    if not text.strip("+-0"):
        return Text("0")
    return Text(text, style="red" if text.startswith("-") else "green")
