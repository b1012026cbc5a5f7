"""The report as one JSON object, for programs."""

import json
from pathlib import Path
from typing import Any

from bulkhead.chaos.tally import Report


def as_data(report: Report) -> dict[str, Any]:
    """Every field, the verdict, and the figures that are worked out from others."""
    return {
        "is_ok": report.is_ok,
        "simulated_h": round(report.simulated_h, 3),
        "simulated_h_per_wall_h": round(report.simulated_h_per_h, 1),
        "messages_per_s": round(report.messages_per_s),
        **report.model_dump(mode="json"),
    }


def write_json(report: Report, path: Path) -> None:
    """Raises OSError."""
    path.write_text(json.dumps(as_data(report), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
