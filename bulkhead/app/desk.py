"""The operator's desk: what a person at the command line asks of a running tree, and what came of it.

Requests are files (`desk_requests.py`). The desk is an actor that finds them, writes the act into the ledger, and asks
whom it concerns: a child's supervisor, the OMS, Portfolio. An operator's act is on record before it is carried out, and
the answer is put beside the request whenever it comes, also by an incarnation that has not asked.
"""

import json
from pathlib import Path

from loguru import logger
from pydantic import ValidationError

from actors import addresses
from bulkhead.app.desk_acts import NEED_STRATEGY, command_of, flatten_reason, request_of_escape
from bulkhead.app.desk_requests import FOLDER, REQUEST, Action, Answer, Request, answer_path, put, request_id_of
from messages.base import Command
from messages.escapes import Escape
from messages.operator import ActAnswered, EscapeAnswered, ReconcileAnswered
from messages.records import Append, AppendFailed, OperatorActed
from messages.supervision import ChildAnswer, ChildCommand, Outcome, RestartChild, StopChild, TimerFired
from supervisor.gate import Gate
from supervisor.runtime.behaviour import Behaviour, Context, receives
from supervisor.runtime.host import Host

LOOK_EVERY_S = 0.25
MAX_AGE_S = 30.0
"""A request that nobody took for so long is refused: its author has long given up."""

COMMANDS: dict[Action, type[ChildCommand]] = {Action.RESTART: RestartChild, Action.STOP: StopChild}


class DeskActor(Behaviour):
    """One request at a time. `folder` is the session's; `strategies` and `symbols` are those there are. What strategies
    of earlier runs hold (`earlier`) can be flattened; nothing more becomes theirs."""

    def __init__(
        self,
        folder: Path,
        host: Host,
        gate: Gate,
        strategies: tuple[str, ...],
        symbols: frozenset[str],
        earlier: frozenset[str] = frozenset(),
    ) -> None:
        self._folder = folder / FOLDER
        self._host = host
        self._gate = gate
        self._strategies, self._symbols = strategies, symbols
        self._holders = tuple(dict.fromkeys((*strategies, *sorted(earlier))))
        self._open: dict[str, Path] = {}
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
            self._open[request_id] = answer
            to, command = command_of(request, request_id, ctx.name)
            self._carry_out(request, to, command, ctx)

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
        self._open[request.child] = answer
        command = COMMANDS[request.action](child=request.child, reply_to=ctx.name)
        self._carry_out(request, supervisor, command, ctx)

    def _carry_out(self, request: Request, to: str, command: Command, ctx: Context) -> None:
        """On record first: the ledger posts the command once the act is on disk."""
        acted = OperatorActed(
            operator=request.operator, action=request.words, reason=request.reason, at_ns=ctx.now_ns()
        )
        ctx.tell(addresses.LEDGER, Append(records=(acted,), release=(ctx.seal(to, command),)))

    @receives(Escape)
    def on_flatten(self, escape: Escape, ctx: Context) -> None:
        """It is on record now. The gate shuts first, so that nothing is opened behind what closes, and stays shut."""
        self._open.pop(request_of_escape(escape.escape_id), None)
        self._gate.shut(flatten_reason(escape, ctx.now_ns()), by=ctx)
        ctx.tell(addresses.OMS, escape)

    # -- answers ------------------------------------------------------------------------------------------------------

    @receives(ChildAnswer)
    def on_answer(self, told: ChildAnswer, _: Context) -> None:
        path = self._open.pop(told.child, None)
        if path is not None:
            put(path, Answer(outcome=told.outcome, detail=told.detail))

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
        for path in self._open.values():
            put(path, Answer(outcome=Outcome.FAILED, detail=f"the act could not be recorded: {failed.reason}"))
        self._open.clear()
