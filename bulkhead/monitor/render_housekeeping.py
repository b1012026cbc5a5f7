"""Words for what is written down beside orders, fills and positions: aliases, deadlines, adjustments, settings, leases.

As render.py, which takes them from here.
"""

import json
from collections.abc import Callable
from typing import Any

from bulkhead.monitor.words import amount, clock, short

_Payload = dict[str, Any]
_Shown = tuple[str, str]


def _alias(p: _Payload) -> _Shown:
    return (
        "ALIAS",
        f"order {short(p['client_order_id'])} is number {p['venue_order_id']} at {p['venue']}: {p['reason']}",
    )


def _deadline(p: _Payload) -> _Shown:
    what, said = f"{p['kind']} {p['deadline_id']}", json.loads(p["payload"])
    if p["kind"] == "child":
        price = f" at {amount(said['limit_price'])}" if said["limit_price"] else ""
        what = f"part {said['number'] + 1} of intent {said['intent_id']}: {amount(said['quantity'])}{price}"
        if said["waits_for"] is not None:
            return "DUE", f"{what}, once part {said['waits_for'] + 1} is filled"
    elif p["kind"] == "resend":
        what = f"order {short(said['client_order_id'])} again, for the {said['tried']}. time"
    return "DUE", f"{what}, at {clock(p['due_ns'])}"


def _cleared(p: _Payload) -> _Shown:
    return "DUE", f"no more {p['deadline_id']}: {p['reason']}"


def _adjustment(p: _Payload) -> _Shown:
    return "ADJUST", f"{p['kind']} {amount(p['amount'])} {p['asset']} in {p['account']}: {p['reason']}"


def _stranger(p: _Payload) -> _Shown:
    whose = f" for {p['strategy_id']}" if p.get("strategy_id") else ""
    said = f"{p['verdict']} by {p['operator']}{whose}: {p['reason']}"
    return "STRANGER", f"{p['kind']} {p['number']} in {p['symbol']} {said}"


def _config(p: _Payload) -> _Shown:
    changed = f", changed: {'; '.join(p['changes'])}" if p.get("changes") else ""
    return "CONFIG", f"settings {p['config_snapshot_id']}{changed}"


def _lease(p: _Payload) -> _Shown:
    return "LEASE", f"{p['venue']}/{p['account']} taken by {p['owner']}, epoch {p['epoch']}"


def _lease_released(p: _Payload) -> _Shown:
    return "LEASE", f"{p['venue']}/{p['account']} released, epoch {p['epoch']}"


def _instruments(p: _Payload) -> _Shown:
    halted = [rules["symbol"] for rules in p["instruments"] if not rules["is_trading"]]
    not_traded = f"; not traded: {', '.join(halted)}" if halted else ""
    return "RULES", f"{len(p['instruments'])} instruments of {p['venue']}, version {p['version']}{not_traded}"


HOUSEKEEPING: dict[str, Callable[[_Payload], _Shown]] = {
    "OrderAliasRecorded": _alias,
    "DeadlineSet": _deadline,
    "DeadlineCleared": _cleared,
    "AdjustmentRecorded": _adjustment,
    "StrangerSettled": _stranger,
    "ConfigSnapshotRecorded": _config,
    "LeaseTaken": _lease,
    "LeaseReleased": _lease_released,
    "InstrumentsRecorded": _instruments,
}
