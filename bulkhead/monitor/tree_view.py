"""The supervision tree on a terminal: one line for each node, and a second one under a node that has failed.

                            state      incarnation  restarts  waiting   …
    root                    ready                1         –        –
    └── strategies          ready                1         –        –
        └── strategy:trend  PARKED               4         3        –
              ValueError: …

Where the terminal is wide enough for them, figures stand in columns; on a narrow one each node tells only what is out
of the ordinary.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from bulkhead.monitor.words import one_line, span
from messages.supervision import ChildState, NodeStatus

BUSY_LONG_NS = 1_000_000_000
BUSY_TOO_LONG_NS = 5_000_000_000
"""As long as an actor may take over one message by default."""
STATE_STYLE = {
    ChildState.READY: "green",
    ChildState.STARTING: "yellow",
    ChildState.RESTARTING: "bold black on yellow",
    ChildState.STOPPING: "yellow",
    ChildState.STOPPED: "dim",
    ChildState.PARKED: "bold white on red",
    ChildState.ABANDONED: "bold white on red",
}
STANDS_OUT = (ChildState.PARKED, ChildState.ABANDONED, ChildState.RESTARTING)
_STATE_WIDTH = 10
_FIGURES = {"incarnation": 12, "restarts": 9, "waiting": 9, "oldest": 10, "busy": 10, "handled": 12}
"""Title and width of each column behind the state."""
_NONE = "–"


class Row(NamedTuple):
    """A node and the guides that lead to it, and to what stands below it."""

    guides: str
    below: str
    node: NodeStatus


class TreeView:
    """A rich renderable. `now_ns` is the moment at which the nodes were read, on the clock of `busy_since_ns`."""

    def __init__(self, nodes: tuple[NodeStatus, ...], now_ns: int) -> None:
        self._rows = tuple(rows(nodes))
        self._now_ns = now_ns

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield _summary(row.node for row in self._rows)
        width = max((len(row.guides) + len(_name(row.node)) for row in self._rows), default=0) + 2
        is_wide = options.max_width >= width + _STATE_WIDTH + sum(_FIGURES.values())
        if is_wide and self._rows:
            titles = "".join(title.rjust(size) for title, size in _FIGURES.items())
            yield Text(f"{' ' * width}{'state'.ljust(_STATE_WIDTH)}{titles}", style="dim")
        for row in self._rows:
            if is_wide:
                yield self._wide(row, width)
            else:
                yield from self._narrow(row, options.max_width)
            if row.node.last_failure:
                style = "red" if row.node.state is not ChildState.READY else "dim red"
                limit = max(10, options.max_width - len(row.below) - 2)
                yield Text.assemble((row.below, "dim"), "  ", (one_line(row.node.last_failure, limit), style))

    def _head(self, row: Row) -> Text:
        style = STATE_STYLE[row.node.state] if row.node.state in STANDS_OUT else "bold"
        return Text.assemble((row.guides, "dim"), (_name(row.node), style))

    def _state(self, node: NodeStatus) -> Text:
        word = node.state.value.upper() if node.state in STANDS_OUT else node.state.value
        return Text(word, style=STATE_STYLE[node.state])

    def _wide(self, row: Row, width: int) -> Text:
        node, line = row.node, self._head(row)
        line.append(" " * (width - len(line.plain))).append_text(self._state(node))
        line.append(" " * (width + _STATE_WIDTH - len(line.plain)))
        for size, (figure, style) in zip(_FIGURES.values(), self._figures(node), strict=True):
            line.append(" " * (size - len(figure))).append(figure, style=style)
        return line.append(f"  dropped {node.dropped:,}", style="yellow") if node.dropped else line

    def _figures(self, node: NodeStatus) -> tuple[tuple[str, str], ...]:
        """Text and style for each column."""
        none = (_NONE, "dim")
        is_waiting, is_busy = node.mailbox_depth > 0, node.busy_since_ns is not None
        return (
            (str(node.epoch), ""),
            (str(node.restarts_in_window), "yellow") if node.restarts_in_window else none,
            (f"{node.mailbox_depth:,}", "yellow") if is_waiting else none,
            (_age(node), "yellow") if is_waiting else none,
            (span(self._busy_ns(node)), self._busy_style(node)) if is_busy else none,
            (f"{node.handled:,}", "dim") if node.kind == "worker" else none,
        )

    def _narrow(self, row: Row, width: int) -> Iterator[Text]:
        """Name and state; what is out of the ordinary behind them, or below where that is too long."""
        node = row.node
        line = Text.assemble(self._head(row), " ", self._state(node))
        facts = Text("  ").join(self._facts(node))
        if not facts.plain:
            yield line
        elif len(line.plain) + 2 + len(facts.plain) <= width:
            yield Text.assemble(line, "  ", facts)
        else:
            yield line
            yield Text.assemble((row.below, "dim"), "  ", facts)

    def _facts(self, node: NodeStatus) -> Iterator[Text]:
        if node.epoch > 1:
            yield Text(f"incarnation {node.epoch}", style="dim")
        if node.restarts_in_window:
            yield Text(f"restarts {node.restarts_in_window}", style="yellow")
        if node.mailbox_depth:
            yield Text(f"waiting {node.mailbox_depth:,} ({_age(node)})", style="yellow")
        if node.dropped:
            yield Text(f"dropped {node.dropped:,}", style="yellow")
        if self._busy_style(node):
            yield Text(f"busy {span(self._busy_ns(node))}", style=self._busy_style(node))

    def _busy_ns(self, node: NodeStatus) -> int:
        return 0 if node.busy_since_ns is None else max(0, self._now_ns - node.busy_since_ns)

    def _busy_style(self, node: NodeStatus) -> str:
        """Empty while it has not been busy for long."""
        busy_ns = self._busy_ns(node)
        return "bold red" if busy_ns >= BUSY_TOO_LONG_NS else "yellow" if busy_ns >= BUSY_LONG_NS else ""


def rows(nodes: tuple[NodeStatus, ...]) -> Iterator[Row]:
    """Nodes under their parents; one whose parent is missing or in a circle hangs on the top rather than vanish."""
    children: dict[str | None, list[NodeStatus]] = {}
    for node in nodes:
        children.setdefault(node.parent, []).append(node)
    shown: set[str] = set()

    def hang(level: Iterable[NodeStatus], guides: str, *, is_top: bool) -> Iterator[Row]:
        fresh = [node for node in level if node.id not in shown]
        shown.update(node.id for node in fresh)
        for place, node in enumerate(fresh, 1):
            is_last = place == len(fresh)
            own = "" if is_top else f"{guides}{'└── ' if is_last else '├── '}"
            below = "" if is_top else f"{guides}{'    ' if is_last else '│   '}"
            yield Row(own, below, node)
            yield from hang(children.get(node.id, ()), below, is_top=False)

    yield from hang(children.get(None, ()), "", is_top=True)
    for node in nodes:
        yield from hang([node], "", is_top=True)


def _name(node: NodeStatus) -> str:
    """With the process, where the node has one of its own."""
    return node.id if node.pid is None else f"{node.id} [{node.host} {node.pid}]"


def _age(node: NodeStatus) -> str:
    return span(int(node.oldest_message_age_s * 1e9))


def _summary(nodes: Iterable[NodeStatus]) -> Text:
    """`tree  17 nodes, all ready`, or who is not."""
    counted: dict[ChildState, int] = {}
    for node in nodes:
        counted[node.state] = counted.get(node.state, 0) + 1
    text = Text.assemble(("tree", "bold"), f"  {sum(counted.values())} nodes")
    if set(counted) == {ChildState.READY}:
        return text.append(", all ready", style="green")
    for state, count in counted.items():
        text.append(", ").append(f"{count} {state.value}", style=STATE_STYLE[state])
    return text
