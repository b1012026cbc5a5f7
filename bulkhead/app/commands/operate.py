"""`bulkhead reconcile`, `flatten`, `adopt`, `ignore`, `resolve`: what an operator decides, asked of the live run.

Exit code 0 when it is done, 1 when it is refused, 2 when there is no such thing, 3 when nothing runs, 5 without an
answer in time, 6 when a comparison left something in doubt.
"""

import sys
import time
from pathlib import Path
from typing import NamedTuple

import typer
from pydantic import ValidationError

from bulkhead.app.audit import current_user
from bulkhead.app.commands.output import write, write_json
from bulkhead.app.commands.places import live_session
from bulkhead.app.desk_requests import Action, Answer, Request, ask, stem_of
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.monitor.lines import read_lines
from bulkhead.monitor.render import render
from messages.escapes import scope_of
from messages.records import Stream
from messages.supervision import Outcome


class Asked(NamedTuple):
    """What every one of these commands is told."""

    logs_dir: Path
    session_id: str | None
    why: str
    operator: str | None
    timeout_s: float
    as_json: bool


def reconcile(asked: Asked) -> ExitCode:
    """Raises Stopped unless the comparison was made."""
    folder = running_session(asked)
    answer = _answered(folder, asked, request_of(asked, Action.RECONCILE))
    facts = answer.facts
    is_clean = bool(facts["is_clean"]) and not facts["drifts"]
    if asked.as_json:
        write_json(facts)
    else:
        write(
            f"{facts['venue']} compared in {facts['took_s']:.2f} s: {facts['fills_booked']} fills booked,"
            f" {facts['orders_resolved']} orders resolved, {facts['foreign_orders']} foreign orders"
        )
        write("nothing is in doubt" if is_clean else "in doubt:")
        for doubt in facts["drifts"]:
            write(f"  {doubt}")
    return ExitCode.OK if is_clean else ExitCode.VERDICT_FAILED


def flatten(asked: Asked, strategy_id: str | None, symbol: str | None, *, is_sure: bool) -> ExitCode:
    """Raises Stopped unless it is over and nothing is unknown."""
    folder = running_session(asked)
    if strategy_id is None and symbol is None and not is_sure:
        _confirm()
    request = request_of(asked, Action.FLATTEN, strategy_id=strategy_id, symbol=symbol)
    scope = scope_of(strategy_id, symbol)
    shut = f"entries of {scope} stay shut until `bulkhead resume --reason …`"
    answer = ask_desk(folder, asked, request)
    if answer is None:
        for line in read_lines(folder, Stream.RISK.value, since_ns=request.at_ns):
            if line.type == "EscapeRecorded" and line.payload["escape_id"].endswith(f"/{stem_of(request)}"):
                write(render(line).plain)
        sentence = f"not over within {asked.timeout_s:.0f} s, and it goes on: `bulkhead tail --stream risk` shows each"
        raise Stopped(ExitCode.TIMEOUT, f"{sentence} round; {shut}")
    _raise_unless_done(answer)
    facts = answer.facts
    if asked.as_json:
        write_json({**facts, "scope": scope, "entries": "shut until resume"})
        return ExitCode.OK
    write(f"out of {scope} after {facts['rounds']} rounds in {facts['seconds']:.1f} s")
    for title, name in (("cancelled", "cancelled"), ("closed", "closes"), ("left over", "left_over")):
        for each in facts[name] or ("nothing",):
            write(f"  {title}: {each}")
    write(f"  unknown: {', '.join(facts['unknown']) or 'nothing'}")
    write(shut)
    return ExitCode.OK


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise Stopped(ExitCode.ERROR, "that closes everything of every strategy: say --yes, --strategy or --symbol")
    if not typer.confirm("Cancel every order and close every position of every strategy at the market?", err=True):
        raise Stopped(ExitCode.ERROR, "nothing was done")


def adopt(asked: Asked, what: str, name: str, strategy_id: str, symbol: str | None) -> ExitCode:
    """Raises Stopped unless it is done."""
    if what == "order" and symbol is not None:
        raise Stopped(ExitCode.ERROR, "--symbol is for a drift: an order says itself what it is in")
    return _decided(asked, f"adopt {what}", name, strategy_id=strategy_id, symbol=symbol)


def ignore(asked: Asked, what: str, name: str) -> ExitCode:
    """Raises Stopped unless it is done."""
    return _decided(asked, f"ignore {what}", name)


def resolve(asked: Asked, order_id: str, number: str | None, *, never_arrived: bool) -> ExitCode:
    """Raises Stopped unless it is done."""
    if (number is None) is not never_arrived:
        raise Stopped(ExitCode.ERROR, "say what became of it: --is with the venue's number, or --never-arrived")
    return _decided(asked, Action.RESOLVE_ORDER, order_id, number=number)


def confirm_plan(asked: Asked, reason_id: str) -> ExitCode:
    """Raises Stopped unless the plan runs now."""
    return _decided(asked, Action.CONFIRM_PLAN, reason_id)


def _decided(asked: Asked, action: str, name: str, **more: str | None) -> ExitCode:
    folder = running_session(asked)
    request = request_of(asked, Action(action), subject=name, **more)
    answer = _answered(folder, asked, request)
    if asked.as_json:
        write_json({"action": action, "outcome": answer.outcome.value, "detail": answer.detail, **answer.facts})
    else:
        write(answer.detail)
    return ExitCode.OK


# -- asking -----------------------------------------------------------------------------------------------------------


def running_session(asked: Asked) -> Path:
    """The folder of the run that is live. Raises Stopped when nothing runs, or when no reason was given."""
    if not asked.why.strip():
        raise Stopped(ExitCode.ERROR, "--reason needs words: they go on record")
    advice = ". Start it, and ask again; orders at the venue are cancelled there"
    return live_session(asked.logs_dir, asked.session_id, advice)[0]


def request_of(asked: Asked, action: Action, **more: str | None) -> Request:
    """Raises Stopped for a name that cannot be one."""
    operator = asked.operator or current_user()
    fields = {"operator": operator, "reason": asked.why.strip(), "at_ns": time.time_ns(), **more}
    try:
        return Request.model_validate({"action": action, **fields})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Stopped(ExitCode.ERROR, f"{where} {first['input']!r}: {first['msg']}") from None


def ask_desk(folder: Path, asked: Asked, request: Request) -> Answer | None:
    """None without an answer in time. Raises Stopped when the request cannot be written."""
    try:
        return ask(folder, request, asked.timeout_s)
    except OSError as error:
        raise Stopped(ExitCode.ERROR, f"the request cannot be written to {folder}: {error.strerror or error}") from None


def _answered(folder: Path, asked: Asked, request: Request) -> Answer:
    answer = ask_desk(folder, asked, request)
    if answer is None:
        raise Stopped(ExitCode.TIMEOUT, f"no answer within {asked.timeout_s:.0f} s; see `bulkhead status`")
    _raise_unless_done(answer)
    return answer


def _raise_unless_done(answer: Answer) -> None:
    if answer.outcome is not Outcome.DONE:
        code = ExitCode.NOT_FOUND if answer.outcome is Outcome.NOT_FOUND else ExitCode.ERROR
        raise Stopped(code, answer.detail or answer.outcome.value)
