"""A session that is run to be measured: one that ended early has no figures."""

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.run import Outcome, RunOptions, run
from bulkhead.app.settings import Settings

AS_PLANNED = ("ran for", "the tape has ended")


def run_to_the_end(settings: Settings, options: RunOptions) -> Outcome:
    """As `run`. Raises Stopped when something (Ctrl-C, a failure) ended the session before its time."""
    outcome = run(settings, options)
    if not outcome.reason.startswith(AS_PLANNED):
        raise Stopped(ExitCode.ERROR, f"the bench was stopped: {outcome.reason}")
    return outcome
