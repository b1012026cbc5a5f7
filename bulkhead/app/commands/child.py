"""`bulkhead restart` and `bulkhead stop`: an operator starts a parked or stopped actor again, or stops one.

Exit code 0 when it is done, 1 when it is refused, 2 when there is no such actor, 3 when nothing runs, 5 without an
answer.
"""

import time
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from bulkhead.app.audit import current_user
from bulkhead.app.commands.output import write, write_json
from bulkhead.app.commands.places import live_session
from bulkhead.app.desk_requests import Action, Request, ask
from bulkhead.app.exit_codes import ExitCode, Stopped
from messages.supervision import Outcome

ANSWER_TIMEOUT_S = 40.0
"""A child may take its ready timeout of 30 s to come up."""
_WORDS = {
    Outcome.ALREADY_STARTED: "it is up already",
    Outcome.RESTARTING: "its supervisor is about to start it again by itself",
    Outcome.RUNNING: "it is on its way down",
    Outcome.STOPPING: "its supervisor is on its way down",
    Outcome.FAILED: "it did not come up",
    Outcome.BAD_SPEC: "the request was not understood",
}


class Asked(NamedTuple):
    logs_dir: Path
    session_id: str | None
    child: str
    why: str
    operator: str | None
    as_json: bool


def run(action: Action, asked: Asked) -> ExitCode:
    """Raises Stopped unless it is done."""
    logs_dir, session_id, child, why, operator, as_json = asked
    if not why.strip():
        raise Stopped(ExitCode.ERROR, "--reason needs words: they go on record")
    folder, report = live_session(logs_dir, session_id)
    known = [node.id for node in report.tree]
    if child not in known:
        meant = [name for name in known if name.endswith(f":{child}")] or get_close_matches(child, known)
        hint = f"did you mean {' or '.join(meant)}?" if meant else f"there are {', '.join(known)}"
        raise Stopped(ExitCode.NOT_FOUND, f"no actor is called {child!r}; {hint}")
    request = Request(
        action=action, child=child, operator=operator or current_user(), reason=why.strip(), at_ns=time.time_ns()
    )
    try:
        answer = ask(folder, request, ANSWER_TIMEOUT_S)
    except OSError as error:
        raise Stopped(ExitCode.ERROR, f"the request cannot be written to {folder}: {error.strerror or error}") from None
    if answer is None:
        raise Stopped(ExitCode.TIMEOUT, f"no answer within {ANSWER_TIMEOUT_S:.0f} s; see `bulkhead status`")
    if answer.outcome is not Outcome.DONE:
        detail = f" ({answer.detail})" if answer.detail else ""
        code = ExitCode.NOT_FOUND if answer.outcome is Outcome.NOT_FOUND else ExitCode.ERROR
        raise Stopped(code, f"{child}: {_WORDS.get(answer.outcome, answer.outcome.value)}{detail}")
    if as_json:
        write_json({"child": child, "action": action.value, "outcome": answer.outcome.value})
    else:
        write(f"{child}: {'started' if action is Action.RESTART else 'stopped'}")
    return ExitCode.OK
