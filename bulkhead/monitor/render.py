"""One line of a stream as one line for a person: time, a word for what happened, and the figures that matter.

    12:00:01.234 FILL     BUY 0.5 BTCUSDT @ 64,010.2  fee 0.0005 BTC  order b7f2…  strategy trend

Payloads are read as plain JSON and loosely: a line of another version is shown as far as it can be understood.
"""

import json
from collections.abc import Callable
from typing import Any

from rich.text import Text

from bulkhead.monitor.levels import LineLevel, level_of
from bulkhead.monitor.lines import Line
from bulkhead.monitor.render_housekeeping import HOUSEKEEPING
from bulkhead.monitor.render_stops import STOPS
from bulkhead.monitor.words import amount, clock, one_line, rounded, short
from messages.values import StopLevel

_Payload = dict[str, Any]
_Shown = tuple[str, str]


_STYLES = {LineLevel.DEBUG: "dim", LineLevel.INFO: "", LineLevel.WARNING: "yellow", LineLevel.ERROR: "bold red"}
_LABEL_STYLES = {
    "FILL": "bold green", "ENTER": "bold cyan", "EXIT": "bold magenta", "TRADE": "bold blue", "SESSION": "bold",
}  # fmt: skip


def render(line: Line) -> Text:
    """A coloured line without its newline; plain text is `render(line).plain`."""
    try:
        label, words = _WORDS[line.type](line.payload)
    except (KeyError, TypeError, ValueError, AttributeError):
        label, words = line.type, json.dumps(line.payload, ensure_ascii=False)
    style = _STYLES[level_of(line)]
    shown = Text(clock(line.at_ns), style="dim")
    shown.append(f" {label:<8} ", style=_LABEL_STYLES.get(label, style))
    shown.append(one_line(words, 400), style=style)
    return shown


# -- words for each type ----------------------------------------------------------------------------------------------


def _decision(payload: _Payload) -> _Shown:
    decision = payload["decision"]
    parts = [decision["symbol"]]
    if decision.get("side"):
        parts.append(decision["side"])
    if decision.get("quantity"):
        parts.append(amount(decision["quantity"]))
    if decision.get("limit_price"):
        parts.append(f"limit {amount(decision['limit_price'])}")
    codes = ",".join(decision.get("reason_codes", ()))
    parts.append(f"– {decision['reason']}{f' [{codes}]' if codes else ''}")
    if payload.get("source", "feed") != "feed":
        parts.append(f"– on {payload['source']} data")
    if payload.get("note"):
        parts.append(f"– no intent: {payload['note']}")
    if payload.get("intent_id"):
        parts.append(f" intent {short(payload['intent_id'])}")
    return decision["action"], f"{' '.join(parts)}  strategy {payload['strategy_id']}"


def _outcome(payload: _Payload) -> _Shown:
    rest = ", ".join(f"{name} {value}" for name, value in payload.items() if name != "decision_id")
    return "OUTCOME", f"of decision {payload['decision_id']}: {rest}"


def _price(fields: _Payload) -> str:
    return "market" if fields.get("limit_price") is None else f"@ {amount(fields['limit_price'])}"


def _intent(payload: _Payload) -> _Shown:
    intent = payload["intent"]
    return "INTENT", (
        f"{intent['intent_type']} {intent['side']} {amount(intent['quantity'])} {intent['symbol']} {_price(intent)}"
        f"  approved by {len(payload['checks'])} checks  intent {short(intent['intent_id'])}"
        f"  strategy {intent['strategy_id']}"
    )


def _inbox_taken(payload: _Payload) -> _Shown:
    intent = payload["intent"]
    return "INBOX", (
        f"row {payload['row_id']}: {intent['intent_type']} {intent['side']} {amount(intent['quantity'])}"
        f" {intent['symbol']} {_price(intent)} – {intent['reason'] or 'no reason given'}"
        f"  intent {short(intent['intent_id'])}  strategy {intent['strategy_id']}"
    )


def _inbox_refused(payload: _Payload) -> _Shown:
    code = f"{payload['code']}: " if payload.get("code") else ""
    asked = f"  asked {payload['asked']}" if payload["asked"] else ""
    return "INBOX", (
        f"row {payload['row_id']} {payload['status']}  {code}{payload['reason']}{asked}"
        f"  intent {short(payload['intent_id'])}"
    )


def _intent_status(payload: _Payload) -> _Shown:
    code = f"{payload['code']}: " if payload.get("code") else ""
    reason = payload["reason"].removeprefix(code)  # an order's, which may say it already
    return "INTENT", f"{short(payload['intent_id'])} {payload['status']}  {code}{reason}"


def _order(payload: _Payload) -> _Shown:
    order = payload["order"]
    ticket = order["ticket"]
    late = " LATE" if payload.get("is_late") else ""
    reason = f"  {order['reason']}" if order.get("reason") else ""
    notes = f"  noted: {'; '.join(payload['notes'])}" if payload.get("notes") else ""
    venue_id = f"  venue id {order['venue_order_id']}" if order.get("venue_order_id") else ""
    return "ORDER", (
        f"{payload['change']}{late}  {ticket['side']} {amount(ticket['quantity'])} {ticket['symbol']} {_price(ticket)}"
        f"  {order['status']}, {amount(order['filled'])} filled{reason}{notes}"
        f"  order {short(ticket['client_order_id'])}{venue_id}  strategy {order['strategy_id']}"
    )


def _fill(payload: _Payload) -> _Shown:
    fill = payload["fill"]
    source = payload.get("source")
    recovered = "  found by recovery" if source in ("query", "snapshot") else ""
    return "FILL", (
        f"{fill['side']} {amount(fill['quantity'])} {fill['symbol']} @ {amount(fill['price'])}"
        f"  fee {amount(fill['fee'])} {fill['fee_asset']}{recovered}"
        f"  order {short(fill['client_order_id'])}  strategy {fill['strategy_id']}"
    )


def _foreign(payload: _Payload) -> _Shown:
    order = payload["order"]
    return "FOREIGN", (
        f"an order that is not ours: {order['side']} {amount(order['quantity'])} {order['symbol']}"
        f"  {order['status']}  venue id {order['venue_order_id']}"
    )


def _orphan(payload: _Payload) -> _Shown:
    execution = payload["execution"]
    return "ORPHAN", (
        f"an execution of no order of ours: {execution['side']} {amount(execution['quantity'])} {execution['symbol']}"
        f" @ {amount(execution['price'])}  venue id {execution['venue_order_id']}"
    )


def _reconciled(payload: _Payload) -> _Shown:
    result = payload["result"]
    word = "waits" if result["is_clean"] else "drift"  # what is in doubt waits, and the books agree all the same
    drifts = f"  {word}: {'; '.join(result['drifts'])}" if result["drifts"] else ""
    return "RECONCIL", (
        f"{result['venue']} {'clean' if result['is_clean'] else 'NOT clean'}: {result['fills_booked']} fills booked,"
        f" {result['orders_resolved']} orders resolved, {result['foreign_orders']} foreign,"
        f" {result['skipped']} skipped, took {result['took_s']:.2f} s{drifts}"
    )


def _position(payload: _Payload) -> _Shown:
    position = payload["position"]
    return "POSITION", (
        f"{amount(position['quantity'], signed=True)} {position['symbol']} at {rounded(position['average_price'], 8)}"
        f"  realised {rounded(position['realised_pnl'], 4, signed=True)}  strategy {position['strategy_id']}"
    )


def _portfolio(payload: _Payload) -> _Shown:
    snapshot = payload["snapshot"]
    return "BOOKS", (
        f"equity {rounded(snapshot['equity'], 2)} {snapshot['currency']}  cash {rounded(snapshot['cash'], 2)}"
        f"  day {rounded(snapshot['day_pnl'], 2, signed=True)}  drawdown {rounded(snapshot['drawdown'], 2)}"
    )


def _opening(payload: _Payload) -> _Shown:
    held = ", ".join(f"{amount(b['free'])} {b['asset']}" for b in payload["balances"])
    return "OPENING", f"{payload['venue']} holds {held or 'nothing'}"


def _account(payload: _Payload) -> _Shown:
    differences = ", ".join(f"{asset}: {text}" for asset, text in payload["differences"].items())
    return "ACCOUNT", f"{payload['venue']} {f'differs from our books: {differences}' if differences else 'agrees'}"


def _trade(payload: _Payload) -> _Shown:
    trade = payload["trade"]
    return "TRADE", (
        f"{trade['trade_result']} {rounded(trade['pnl'], 4, signed=True)} {trade['currency']}"
        f"  {amount(trade['quantity'])} {trade['symbol']} {rounded(trade['entry_price'], 8)} →"
        f" {rounded(trade['exit_price'], 8)}  fees {rounded(trade['fees'], 4)}"
        f"  trade {trade['trade_id']}  strategy {trade['strategy_id']}"
    )


def _refusal(payload: _Payload) -> _Shown:
    refusal = payload["refusal"]
    return "REFUSED", (
        f"{refusal['code']} {refusal['symbol']}: {refusal['limit_name']} is {amount(refusal['value'])}, limit"
        f" {amount(refusal['limit'])}  {refusal['detail']}  intent {short(refusal['intent_id'])}"
        f"  strategy {refusal['strategy_id']}"
    )


def _trip(payload: _Payload) -> _Shown:
    trip = payload["trip"]
    return "TRIP", (
        f"{trip['code']}: {trip['limit_name']} is {amount(trip['value'])}, limit {amount(trip['limit'])}"
        f"  → {StopLevel(trip['level']).name} for {trip['scope']}  {trip['detail']}"
    )


def _approach(payload: _Payload) -> _Shown:
    near = payload["approach"]
    about = "".join(f"  {near[name]}" for name in ("about", "detail") if near.get(name))
    return "NEAR", (
        f"{near['limit_name']} is {amount(near['value'])}, limit {amount(near['limit'])} ({near['share']}){about}"
    )


def _rearm(payload: _Payload) -> _Shown:
    armed = payload["rearm"]
    by = "an operator; what it counts begins anew" if armed["by_operator"] else "itself: its figure is well below again"
    return "REARM", f"{armed['limit_name']} was armed again by {by}"


def _stop_level(payload: _Payload) -> _Shown:
    change = payload["change"]
    reasons = "; ".join(f"{r['cause']} ({r['reason_id']}, {r['scope']})" for r in change["reasons"])
    return "STOP", f"level {StopLevel(change['level']).name}{f': {reasons}' if reasons else ', no reason in force'}"


def _escape(p: _Payload) -> _Shown:
    parts = (
        ("cancels", p["cancelled"]),
        ("still cancelling", p["pending"]),
        ("unknown", p["unknown"]),
        ("closes", p["closes"]),
        ("left over", p["left_over"]),
    )
    said = "".join(f"; {name} {', '.join(items)}" for name, items in parts if items)
    what = "is out" if p["is_over"] else "gets out"
    return "ESCAPE", f"{p['priority']} {what} of {p['scope']}: {p['reason']} ({p['trigger']}){said}"


def _failure(payload: _Payload) -> _Shown:
    failure = payload["failure"]
    return (
        "RECOVER" if failure["recovered"] else "FAILURE"
    ), f"{failure['mode']} {failure['scope']}: {failure['detail']}"


def _source(payload: _Payload) -> _Shown:
    change = payload["change"]
    return "SOURCE", f"{change['symbol']} {change['before']} -> {change['source']}: {change['reason']}"


def _down(payload: _Payload) -> _Shown:
    down = payload["down"]
    last = (down["detail"].strip().splitlines() or [""])[-1]  # of a traceback the last line says what happened
    return "DOWN", f"{down['child']} (epoch {down['epoch']}) {down['reason']}: {last}"


def _ready(payload: _Payload) -> _Shown:
    return "UP", f"{payload['ready']['child']} (epoch {payload['ready']['epoch']})"


def _dead_letter(payload: _Payload) -> _Shown:
    letter = payload["letter"]
    return "LOST", f"{letter['message_type']} to {letter['to']}: {letter['reason']}"


def _started(payload: _Payload) -> _Shown:
    return "SESSION", (
        f"{payload['session_id']} started: {payload['mode']} at {payload['venue']}"
        f"  account {payload['account_masked']}  code {payload['code_version']}"
        f"  strategies {', '.join(payload['strategies']) or 'none'}"
    )


def _stopped(payload: _Payload) -> _Shown:
    return "SESSION", f"{payload['session_id']} stopped: {payload['reason']}"


def _operator(payload: _Payload) -> _Shown:
    return "OPERATOR", f"{payload['operator']} {payload['action']}: {payload['reason']}"


_WORDS: dict[str, Callable[[_Payload], _Shown]] = {
    "DecisionMade": _decision,
    "DecisionOutcome": _outcome,
    "IntentRecorded": _intent,
    "IntentStatusChanged": _intent_status,
    "InboxRowTaken": _inbox_taken,
    "InboxRowRefused": _inbox_refused,
    "OrderRecorded": _order,
    "FillRecorded": _fill,
    "ForeignOrderSeen": _foreign,
    "OrphanFillSeen": _orphan,
    "ReconciliationRecorded": _reconciled,
    "PositionRecorded": _position,
    "PortfolioRecorded": _portfolio,
    "OpeningBalancesRecorded": _opening,
    **HOUSEKEEPING,
    "AccountObserved": _account,
    "RoundTripRecorded": _trade,
    "RiskRefusalRecorded": _refusal,
    "RiskTripRecorded": _trip,
    "LimitApproachRecorded": _approach,
    "LimitRearmRecorded": _rearm,
    "StopLevelRecorded": _stop_level,
    "EscapeRecorded": _escape,
    **STOPS,
    "FailureRecorded": _failure,
    "SourceRecorded": _source,
    "ChildDownRecorded": _down,
    "ChildReadyRecorded": _ready,
    "DeadLetterRecorded": _dead_letter,
    "SessionStarted": _started,
    "SessionStopped": _stopped,
    "OperatorActed": _operator,
}
RENDERED = frozenset(_WORDS)
"""Types that have words of their own; a test holds them against the catalogue."""
