"""The operator's desk: what a person at the command line asks of a running tree, and what came of it.

Requests are files (`desk_requests.py`). The desk is an actor that finds them, writes the act into the audit file and
into the ledger, and asks whom it concerns: a child's supervisor, the OMS, Portfolio. An operator's act is on record
before it is carried out, and the answer is put beside the request whenever it comes, also by an incarnation that has
not asked.
"""

import json
from pathlib import Path
from typing import NamedTuple

from loguru import logger
from pydantic import ValidationError

from actors import addresses
from bulkhead.app.audit import NotRecorded
from bulkhead.app.audit_trail import AuditTrail
from bulkhead.app.desk_acts import (
    NEED_STRATEGY,
    command_of,
    confirm_plan,
    flatten_reason,
    lift_stops,
    request_of_escape,
)
from bulkhead.app.desk_requests import FOLDER, REQUEST, Action, Answer, Request, answer_path, put, request_id_of
from messages.base import Letter
from messages.escapes import Escape
from messages.operator import ActAnswered, ConfirmPlan, EscapeAnswered, LiftStops, ReconcileAnswered
from messages.records import Append, AppendFailed, OperatorActed
from messages.supervision import ChildAnswer, ChildCommand, Outcome, RestartChild, StopChild, TimerFired
from supervisor.gate import Gate
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.host import Host

LOOK_EVERY_S = 0.25
MAX_AGE_S = 30.0
"""A request that nobody took for so long is refused: its author has long given up."""

COMMANDS: dict[Action, type[ChildCommand]] = {Action.RESTART: RestartChild, Action.STOP: StopChild}


class _Owed(NamedTuple):
    """An answer that somebody waits for."""

    answer: Path
    request: Request


class DeskActor(Behaviour):
    """One request at a time. `folder` is the session's; `strategies` and `symbols` are those there are. What strategies
    of earlier runs hold (`earlier`) can be flattened; nothing more becomes theirs."""

    def __init__(
        self,
        folder: Path,
        audit: AuditTrail,
        host: Host,
        gate: Gate,
        strategies: tuple[str, ...],
        symbols: frozenset[str],
        earlier: frozenset[str] = frozenset(),
    ) -> None:
        self._folder = folder / FOLDER
        self._session_id = folder.name
        self._audit = audit
        self._host = host
        self._gate = gate
        self._strategies, self._symbols = strategies, symbols
        self._holders = tuple(dict.fromkeys((*strategies, *sorted(earlier))))
        self._open: dict[str, _Owed] = {}
        """Answers that are owed to acts which may not be on record yet, by child or by request."""

    def on_start(self, ctx: Context) -> None:
        self._folder.mkdir(exist_ok=True)
        ctx.after(LOOK_EVERY_S, "look")

    @receives(TimerFired)
    def on_look(self, _: TimerFired, ctx: Context) -> None:
        try:
            for path in sorted(self._folder.glob(f"*{REQUEST}")):
                self._take(path, ctx)
        except OSError as error:
            logger.warning("the operator's desk {} cannot be read: {}", self._folder, error)
        self._take_from_audit(ctx)
        ctx.after(LOOK_EVERY_S, "look")

    def _take(self, path: Path, ctx: Context) -> None:
        request_id = request_id_of(path)
        answer = answer_path(self._folder, request_id)
        try:
            request = Request.model_validate_json(path.read_bytes())
        except (ValidationError, json.JSONDecodeError) as error:
            path.unlink(missing_ok=True)
            put(answer, Answer(outcome=Outcome.BAD_SPEC, detail=f"the request cannot be read: {error}"))
            return
        path.unlink(missing_ok=True)
        refusal = self._refusal(request, ctx.now_ns())
        if refusal is not None:
            put(answer, refusal)
        elif request.action in COMMANDS:
            self._ask_supervisor(request, answer, ctx)
        else:
            to, command = command_of(request, request_id, ctx.name)
            self._carry_out(request, request_id, answer, ctx.seal(to, command), ctx)

    def _refusal(self, request: Request, now_ns: int) -> Answer | None:
        if now_ns - request.at_ns > MAX_AGE_S * 1e9:
            return Answer(outcome=Outcome.FAILED, detail="the request was too old")
        strategy_id = request.strategy_id
        if strategy_id is None and request.action in NEED_STRATEGY:
            return Answer(outcome=Outcome.BAD_SPEC, detail=f"{request.action} needs a strategy")
        named = self._holders if request.action is Action.FLATTEN else self._strategies
        if strategy_id is not None and strategy_id not in named:
            known = ", ".join(named) or "none"
            return Answer(outcome=Outcome.NOT_FOUND, detail=f"no strategy is called {strategy_id!r}; there are {known}")
        if request.symbol is not None and request.symbol not in self._symbols:
            return Answer(outcome=Outcome.NOT_FOUND, detail=f"the venue lists no {request.symbol}")
        return None

    def _ask_supervisor(self, request: Request, answer: Path, ctx: Context) -> None:
        supervisor = self._host.parent_of(request.child)
        if supervisor is None:
            put(answer, Answer(outcome=Outcome.NOT_FOUND))
            return
        command = COMMANDS[request.action](child=request.child, reply_to=ctx.name)
        self._carry_out(request, request.child, answer, ctx.seal(supervisor, command), ctx)

    def _carry_out(self, request: Request, owed_to: str, answer: Path, letter: Letter, ctx: Context) -> None:
        """On record first, in the audit file and in the ledger, which posts the letter once the act is on disk."""
        try:
            acted = self._record(request)
        except NotRecorded as refused:
            put(answer, Answer(outcome=Outcome.FAILED, detail=refused.sentence))
            return
        self._open[owed_to] = _Owed(answer, request)
        ctx.tell(addresses.LEDGER, Append(records=(acted,), release=(letter,)))

    def _record(self, request: Request, **more: str) -> OperatorActed:
        return self._audit.record(request.words, request.operator, request.reason, session=self._session_id, **more)

    def _take_from_audit(self, ctx: Context) -> None:
        """What others have written there beside this run: `bulkhead kill` waits for nobody."""
        try:
            acts = self._audit.take()
        except OSError as error:
            logger.warning("the audit file {} cannot be read: {}", self._audit.path, error)
            return
        if acts:
            ctx.tell(addresses.LEDGER, Append(records=acts))

    @receives(Escape)
    def on_flatten(self, escape: Escape, ctx: Context) -> None:
        """It is on record now. The gate shuts first, so that nothing is opened behind what closes, and stays shut."""
        self._open.pop(request_of_escape(escape.escape_id), None)
        self._gate.shut(flatten_reason(escape, ctx.now_ns()), by=ctx)
        ctx.tell(addresses.OMS, escape)

    @receives(LiftStops)
    def on_lift(self, command: LiftStops, ctx: Context) -> None:
        """It is on record now."""
        self.on_act(lift_stops(command, self._gate, ctx.now_ns(), by=ctx), ctx)

    @receives(ConfirmPlan)
    def on_confirm(self, command: ConfirmPlan, ctx: Context) -> None:
        """It is on record now; the failure handler hears of the gate's change, and runs the plan."""
        self.on_act(confirm_plan(command, self._gate, ctx.now_ns(), by=ctx), ctx)

    # -- answers ------------------------------------------------------------------------------------------------------

    @receives(ChildAnswer)
    def on_answer(self, told: ChildAnswer, _: Context) -> None:
        owed = self._open.pop(told.child, None)
        if owed is not None:
            put(owed.answer, Answer(outcome=told.outcome, detail=told.detail))

    @receives(ActAnswered)
    def on_act(self, told: ActAnswered, _: Context) -> None:
        self._answer(told.request_id, Answer(outcome=told.outcome, detail=told.detail, facts=told.facts))

    @receives(ReconcileAnswered)
    def on_reconciled(self, told: ReconcileAnswered, _: Context) -> None:
        self._answer(told.request_id, Answer(outcome=Outcome.DONE, facts=told.result.model_dump(mode="json")))

    @receives(EscapeAnswered)
    def on_escaped(self, told: EscapeAnswered, _: Context) -> None:
        answer = Answer(outcome=Outcome.DONE, facts=told.model_dump(mode="json"))
        self._answer(request_of_escape(told.escape_id), answer)

    def _answer(self, request_id: str, answer: Answer) -> None:
        self._open.pop(request_id, None)
        try:
            put(answer_path(self._folder, request_id), answer)
        except OSError as error:
            logger.warning("the answer to {} cannot be written: {}", request_id, error)

    @receives(AppendFailed)
    def on_append_failed(self, failed: AppendFailed, _: Context) -> None:
        """Unrecorded acts are not carried out."""
        for answer, request in self._open.values():
            put(answer, Answer(outcome=Outcome.FAILED, detail=f"the act could not be recorded: {failed.reason}"))
            try:
                self._record(request, state="failed", error=failed.reason)
            except NotRecorded as refused:
                logger.warning("that it was not done: {}", refused)
        self._open.clear()
