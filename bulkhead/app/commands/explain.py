"""`bulkhead explain ID`: the whole chain of one thing, in words. The beginning of an id will do if only one has it, and
so will what stands behind the session's id, as `bulkhead tail` shows it."""

import re
from pathlib import Path

from bulkhead.app.commands.output import QuietConsole, write_json
from bulkhead.app.commands.places import find_session, sessions_dir
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.monitor.explain import NotFound, explain, explanation_text
from bulkhead.monitor.lines import read_lines, session_folders
from messages.records import Stream

MIN_BEGINNING = 4
MAX_NAMED = 5
_STREAMS = (Stream.ORDERS_FILLS, Stream.TRADES, Stream.RISK)
_HINT = "`bulkhead tail --level debug` shows ids; another log folder is named with --logs-dir"


def run(logs_dir: Path, wanted: str, as_json: bool) -> ExitCode:
    """Raises Stopped (exit code 2) when nobody knows the id."""
    sessions = sessions_dir(logs_dir)
    if not session_folders(sessions):
        find_session(logs_dir, None)  # which says that nothing has run
    try:
        explanation = explain(sessions, wanted)
    except NotFound as error:
        whole = completed(sessions, wanted)
        if whole is None:
            short = f"give {MIN_BEGINNING} characters at least; " if len(wanted.strip("…")) < MIN_BEGINNING else ""
            raise Stopped(ExitCode.NOT_FOUND, f"{error}; {short}{_HINT}") from None
        explanation = explain(sessions, whole)
    if as_json:
        write_json(explanation)
    else:
        QuietConsole().print(explanation_text(explanation))
    return ExitCode.OK


def completed(sessions: Path, beginning: str) -> str | None:
    """The one id that begins so, in the newest session that has one; None when none does, or when it is too short to
    say. Raises Stopped when there are several."""
    beginning = beginning.strip("…")
    if len(beginning) < MIN_BEGINNING:
        return None
    pattern = re.compile(rf'_(?:id|key)":"((?:\d{{8}}T\d{{6}}Z-[0-9a-f]+/)?{re.escape(beginning)}[^"]*)"')
    for folder in session_folders(sessions):
        found: dict[str, None] = {}
        for stream in _STREAMS:
            for line in read_lines(folder, stream):
                if beginning in line.raw:
                    found.update(dict.fromkeys(pattern.findall(line.raw)))
        behind = [each for each in found if each.endswith(f"/{beginning}")]
        if len(behind) == 1:
            return behind[0]
        if beginning in found:
            return beginning
        if len(found) > 1:
            some = ", ".join(list(found)[:MAX_NAMED])
            sentence = f"{len(found)} ids of session {folder.name} begin with {beginning!r}: {some}; write more of it"
            raise Stopped(ExitCode.NOT_FOUND, sentence)
        if found:
            return next(iter(found))
    return None
