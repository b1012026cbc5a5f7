"""The words for what stop plans come to. As render.py, which takes them in."""

from collections.abc import Callable
from typing import Any

from messages.values import StopPlan


def plan_words(plan: int, scope: str, reason_ids: list[str], waits_for: str | None) -> str:
    """`FLATTEN for all (risk:x)`, with what it waits for."""
    pending = "" if waits_for is None else f" PENDING: {waits_for}"
    return f"{StopPlan(plan).name} for {scope} ({', '.join(reason_ids)}){pending}"


def _plans(payload: dict[str, Any]) -> tuple[str, str]:
    said = (plan_words(p["plan"], p["scope"], p["reason_ids"], p["waits_for"]) for p in payload["plans"])
    return "PLAN", "; ".join(said) or "no stop plan in force"


def _reduction(p: dict[str, Any]) -> tuple[str, str]:
    parts = (("closes", p["closes"]), ("left over", p["left_over"]), ("holds", p["positions"]))
    said = "".join(f"; {name} {', '.join(items)}" for name, items in parts if items)
    what = "is over" if p["is_over"] else f"step {p['step']}"
    return "REDUCE", f"{p['scope']} {what}: {p['reason']}{said}"


STOPS: dict[str, Callable[[dict[str, Any]], tuple[str, str]]] = {
    "StopPlansRecorded": _plans,
    "ReductionRecorded": _reduction,
}
