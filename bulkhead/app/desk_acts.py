"""What each request on the operator's desk asks of whom: requests in, commands and stop reasons out. Pure."""

from collections.abc import Callable

from actors import addresses
from bulkhead.app.desk_requests import Action, Request
from messages.base import Command
from messages.escapes import Escape, EscapeTrigger, scope_of
from messages.failure import StopReason
from messages.operator import (
    ActAnswered,
    AdoptOrder,
    ConfirmPlan,
    IgnoreStranger,
    LiftStops,
    OperatorCommand,
    ResolveOrder,
    SettleDrift,
)
from messages.orders import Reconcile
from messages.strangers import StrangerKind
from messages.supervision import Outcome
from messages.values import StopLevel, StopPlan
from supervisor.gate import Gate, Voice
from supervisor.latch import UNREADABLE

FLATTEN_REASON = "operator:flatten:"
"""How the stop reason of a flattening begins."""


def command_of(request: Request, request_id: str, desk: str) -> tuple[str, Command]:
    """To whom, and what. A flattening goes to the desk itself, which shuts the gate and sends it on. Raises KeyError
    for what goes to a supervisor."""
    return _MAKERS[request.action](request, request_id, desk)


def _reconcile(request: Request, request_id: str, desk: str) -> tuple[str, Command]:
    asked = f"{request.operator}: {request.reason}"
    return addresses.OMS, Reconcile(reason=asked, is_look=True, request_id=request_id, reply_to=desk)


def _flatten(request: Request, request_id: str, desk: str) -> tuple[str, Command]:
    return desk, Escape(
        escape_id=f"{EscapeTrigger.OPERATOR}/{request_id}",
        trigger=EscapeTrigger.OPERATOR,
        reason=f"{request.operator}: {request.reason}",
        strategy_id=request.strategy_id,
        symbol=request.symbol,
        is_closing=True,
        reply_to=desk,
    )


def request_of_escape(escape_id: str) -> str:
    """The request that the escape came from."""
    return escape_id.partition("/")[2]


def _act(act: type[OperatorCommand], request: Request, request_id: str, desk: str, **what: object) -> OperatorCommand:
    """With what all of them say of who asked, and why."""
    who = {"request_id": request_id, "operator": request.operator, "reason": request.reason, "reply_to": desk}
    return act.model_validate({**who, **what})


def _adopt_order(request: Request, request_id: str, desk: str) -> tuple[str, Command]:
    named = {"order_id": request.subject, "strategy_id": request.strategy_id or ""}
    return addresses.OMS, _act(AdoptOrder, request, request_id, desk, **named)


def _resolve(request: Request, request_id: str, desk: str) -> tuple[str, Command]:
    named = {"order_id": request.subject, "venue_order_id": request.number}
    return addresses.OMS, _act(ResolveOrder, request, request_id, desk, **named)


def _ignore(kind: StrangerKind) -> Callable[[Request, str, str], tuple[str, Command]]:
    return lambda request, request_id, desk: (
        addresses.OMS,
        _act(IgnoreStranger, request, request_id, desk, kind=kind, number=request.subject),
    )


def _settle(request: Request, request_id: str, desk: str) -> tuple[str, Command]:
    named = {"asset": request.subject, "strategy_id": request.strategy_id, "symbol": request.symbol}
    return addresses.PORTFOLIO, _act(SettleDrift, request, request_id, desk, **named)


def _resume(request: Request, request_id: str, desk: str) -> tuple[str, Command]:
    named = tuple(reason_id for reason_id in request.subject.split("\n") if reason_id)
    return desk, _act(LiftStops, request, request_id, desk, reason_ids=named, asked_ns=request.at_ns)


def _confirm_plan(request: Request, request_id: str, desk: str) -> tuple[str, Command]:
    return desk, _act(ConfirmPlan, request, request_id, desk, reason_id=request.subject, asked_ns=request.at_ns)


_MAKERS: dict[Action, Callable[[Request, str, str], tuple[str, Command]]] = {
    Action.RECONCILE: _reconcile,
    Action.FLATTEN: _flatten,
    Action.RESUME: _resume,
    Action.CONFIRM_PLAN: _confirm_plan,
    Action.ADOPT_ORDER: _adopt_order,
    Action.ADOPT_DRIFT: _settle,
    Action.RESOLVE_ORDER: _resolve,
    Action.IGNORE_ORDER: _ignore(StrangerKind.ORDER),
    Action.IGNORE_FILL: _ignore(StrangerKind.FILL),
    Action.IGNORE_DRIFT: _settle,
}
NEED_STRATEGY = frozenset({Action.ADOPT_ORDER, Action.ADOPT_DRIFT})


def flatten_reason(escape: Escape, now_ns: int) -> StopReason:
    """What keeps entries of the scope shut, after the last close too, until an operator lifts it."""
    scope = scope_of(escape.strategy_id, escape.symbol)
    return StopReason(
        reason_id=f"{FLATTEN_REASON}{scope}",
        level=StopLevel.SOFT,
        scope=scope,
        cause=f"flattened by {escape.reason}",
        since_ns=now_ns,
        needs_operator=True,
    )


# -- stops ------------------------------------------------------------------------------------------------------------


def lift_stops(command: LiftStops, gate: Gate, now_ns: int, *, by: Voice) -> ActAnswered:
    """Lift what is named, or all that an operator must lift; what stands for a file nobody can read only by its name:
    it is to be looked at first. What was said again since it was asked for stays."""
    mine = {reason.reason_id for reason in gate.reasons() if reason.needs_operator}
    missing = [reason_id for reason_id in command.reason_ids if reason_id not in mine]
    if missing:
        known = ", ".join(sorted(mine)) or "none"
        detail = f"no stop reason {', '.join(missing)} is in force that an operator lifts; there are: {known}"
        return ActAnswered(request_id=command.request_id, outcome=Outcome.NOT_FOUND, detail=detail)
    named = command.reason_ids or tuple(sorted(each for each in mine if not each.startswith(UNREADABLE)))
    since = (command.asked_ns, now_ns)
    lifted = [reason_id for reason_id in named if gate.lift(reason_id, by=by, unless_said=since)]
    left = [reason.reason_id for reason in gate.reasons() if reason.reason_id in mine]
    facts = {"lifted": "\n".join(lifted), "left": "\n".join(left)}
    return ActAnswered(request_id=command.request_id, outcome=Outcome.DONE, facts=facts)


def confirm_plan(command: ConfirmPlan, gate: Gate, now_ns: int, *, by: Voice) -> ActAnswered:
    """Let the plan of a technical reason run. Refused while the books are in doubt: nothing is sold blind."""
    request_id, reason_id = command.request_id, command.reason_id
    found = next((reason for reason in gate.reasons() if reason.reason_id == reason_id), None)
    if found is None:
        detail = f"no stop reason {reason_id!r} is in force"
        return ActAnswered(request_id=request_id, outcome=Outcome.NOT_FOUND, detail=detail)
    if not found.is_technical or found.effective_plan <= StopPlan.CANCEL_ENTRIES:
        return ActAnswered(request_id=request_id, outcome=Outcome.FAILED, detail=f"no plan of {reason_id} is pending")
    if command.asked_ns < found.since_ns <= now_ns:
        detail = f"{reason_id} came after it was asked for: look at it, then confirm it"
        return ActAnswered(request_id=request_id, outcome=Outcome.FAILED, detail=detail)
    if not gate.is_recovered:
        detail = "the books are not compared yet: confirm it once they are"
        return ActAnswered(request_id=request_id, outcome=Outcome.FAILED, detail=detail)
    gate.confirm(reason_id, f"its plan was confirmed by {command.operator}: {command.reason}", by=by)
    detail = f"{found.effective_plan.name} runs for {found.scope}"
    return ActAnswered(request_id=request_id, outcome=Outcome.DONE, detail=detail)
