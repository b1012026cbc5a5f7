"""What each request on the operator's desk asks of whom: requests in, commands and stop reasons out. Pure."""

from collections.abc import Callable

from actors import addresses
from bulkhead.app.desk_requests import Action, Request
from messages.base import Command
from messages.escapes import Escape, EscapeTrigger, scope_of
from messages.failure import StopReason
from messages.operator import AdoptOrder, IgnoreStranger, SettleDrift
from messages.orders import Reconcile
from messages.strangers import StrangerKind
from messages.values import StopLevel

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


def _adopt_order(request: Request, request_id: str, desk: str) -> tuple[str, Command]:
    return addresses.OMS, AdoptOrder(
        request_id=request_id,
        operator=request.operator,
        reason=request.reason,
        reply_to=desk,
        order_id=request.subject,
        strategy_id=request.strategy_id or "",
    )


def _ignore(kind: StrangerKind) -> Callable[[Request, str, str], tuple[str, Command]]:
    def make(request: Request, request_id: str, desk: str) -> tuple[str, Command]:
        return addresses.OMS, IgnoreStranger(
            request_id=request_id,
            operator=request.operator,
            reason=request.reason,
            reply_to=desk,
            kind=kind,
            number=request.subject,
        )

    return make


def _settle(request: Request, request_id: str, desk: str) -> tuple[str, Command]:
    return addresses.PORTFOLIO, SettleDrift(
        request_id=request_id,
        operator=request.operator,
        reason=request.reason,
        reply_to=desk,
        asset=request.subject,
        strategy_id=request.strategy_id,
        symbol=request.symbol,
    )


_MAKERS: dict[Action, Callable[[Request, str, str], tuple[str, Command]]] = {
    Action.RECONCILE: _reconcile,
    Action.FLATTEN: _flatten,
    Action.ADOPT_ORDER: _adopt_order,
    Action.ADOPT_DRIFT: _settle,
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
