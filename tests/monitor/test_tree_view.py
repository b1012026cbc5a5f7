"""The tree on a terminal: every node, what stands out, and that a narrow one can be read."""

import io
from typing import Any

import pytest
from rich.console import Console

from bulkhead.monitor.tree_view import TreeView, rows
from messages.supervision import ChildState, NodeStatus
from tests.monitor.sessions import NS, at
from tests.monitor.test_status import node

NOW_NS = at(100)


def supervisor(name: str, parent: str | None, **more: Any) -> NodeStatus:
    return node(name, parent, kind="supervisor", **more)


TREE = (
    supervisor("root", None),
    supervisor("execution", "root"),
    node("oms", "execution", mailbox_depth=1200, oldest_message_age_s=0.4, busy_since_ns=NOW_NS - 2 * NS, epoch=3),
    node("broker", "execution", ChildState.RESTARTING, restarts_in_window=2, last_failure="OSError: gone"),
    supervisor("strategies", "root"),
    node("trend", "strategies", ChildState.PARKED, last_failure="ValueError: [bad]\nin two lines " + "x" * 200),
    node("dip", "strategies", ChildState.ABANDONED, busy_since_ns=NOW_NS - 90 * NS, host="process", pid=4711),
    node("calm", "strategies", last_failure="KeyError: once"),
)


def shown(nodes: tuple[NodeStatus, ...], width: int, *, colours: bool = False) -> list[str]:
    file = io.StringIO()
    Console(width=width, file=file, force_terminal=colours, color_system="standard" if colours else None).print(
        TreeView(nodes, NOW_NS)
    )
    return [line.rstrip() for line in file.getvalue().splitlines()]


def line_of(lines: list[str], name: str) -> str:
    (found,) = (line for line in lines if f" {name}" in line or line.startswith(name))
    return found


def test_figures_in_columns() -> None:
    lines = shown(TREE, 100)
    heads = lines[1].split()
    assert heads == ["state", "incarnation", "restarts", "waiting", "oldest", "busy", "handled"]
    assert line_of(lines, "root").split() == ["root", "ready", "1", "–", "–", "–", "–", "–"]
    assert line_of(lines, "oms").split("oms ")[1].split() == [
        "ready",
        "3",
        "–",
        "1,200",
        "400",
        "ms",
        "2",
        "s",
        "1,234",
    ]
    assert line_of(lines, "broker").split("broker ")[1].split() == ["RESTARTING", "1", "2", "–", "–", "–", "1,234"]
    ends = {len(line_of(lines, name)) for name in ("oms", "broker", "trend")}
    assert len(ends) == 1, "figures stand below each other"


@pytest.mark.parametrize("width", [40, 80, 100, 160])
def test_every_node_under_its_parent_at_any_width(width: int) -> None:
    lines = shown(TREE, width)
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("tree  8 nodes")
    assert line_of(lines, "execution").startswith("├── execution")
    assert line_of(lines, "oms").startswith("│   ├── oms")
    assert line_of(lines, "calm").startswith("    └── calm")
    assert any(line.startswith("│         OSError: gone") for line in lines), "below its node"
    (bad,) = (line for line in lines if "ValueError" in line)
    assert bad.strip(" │").startswith("ValueError: [bad] in two lines xx"[: width - 12])


def test_a_narrow_terminal_is_told_only_what_is_out_of_the_ordinary() -> None:
    lines = shown(TREE, 60)
    assert line_of(lines, "strategies") == "└── strategies ready"
    oms = lines.index(line_of(lines, "oms"))
    assert lines[oms] == "│   ├── oms ready"
    assert lines[oms + 1] == "│   │     incarnation 3  waiting 1,200 (400 ms)  busy 2 s"
    assert line_of(lines, "broker") == "│   └── broker RESTARTING  restarts 2"


def test_columns_need_room_for_the_longest_name() -> None:
    long = (node("strategy:" + "x" * 60, None),)
    assert len(shown(long, 100)) == 2
    assert len(shown(long, 150)) == 3, "with a line of titles"


@pytest.mark.parametrize("width", [60, 120])
def test_what_a_slow_reader_has_lost_is_told(width: int) -> None:
    assert "dropped 1,200" in "\n".join(shown((node("recorder", None, dropped=1200),), width))


def test_who_is_not_well_is_counted_and_stands_out() -> None:
    assert shown(TREE, 120)[0] == "tree  8 nodes, 5 ready, 1 restarting, 1 parked, 1 abandoned"
    assert shown(TREE[:3], 120)[0] == "tree  3 nodes, all ready"
    lines = shown(TREE, 120, colours=True)
    on_red, on_yellow = "\x1b[1;37;41m", "\x1b[1;30;43m"
    for word in (f"{on_red}trend", f"{on_red}PARKED", f"{on_red}ABANDONED", f"{on_yellow}RESTARTING"):
        assert any(word in line for line in lines), word


def test_a_process_of_its_own_is_named() -> None:
    assert "dip [process 4711]" in line_of(shown(TREE, 120), "dip")


def test_a_clock_that_went_back_makes_nobody_busy_since_the_future() -> None:
    ahead = (node("oms", None, busy_since_ns=NOW_NS + NS),)
    assert line_of(shown(ahead, 120), "oms").split()[-2:] == ["0", "1,234"]


def test_no_node_vanishes() -> None:
    """A parent that is missing, a circle, a node under itself."""
    odd = (node("lost", "nowhere"), node("a", "b"), node("b", "a"), node("ring", "ring"))
    assert sorted(row.node.id for row in rows(odd)) == ["a", "b", "lost", "ring"]
    assert shown((), 80) == ["tree  0 nodes"]
