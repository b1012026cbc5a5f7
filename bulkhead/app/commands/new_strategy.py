"""`bulkhead new-strategy NAME`: a strategy to start from, with its test and its configuration."""

from pathlib import Path

from bulkhead.app.commands.output import write, write_json
from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.strategy.template import AlreadyThere, BadName, write_skeleton


def run(name: str, folder: Path, as_json: bool) -> ExitCode:
    """Never overwrites. Raises Stopped."""
    try:
        files = write_skeleton(name, folder)
    except (BadName, AlreadyThere) as error:
        raise Stopped(ExitCode.ERROR, str(error)) from None
    except OSError as error:
        raise Stopped(ExitCode.ERROR, f"cannot write below {folder}: {error.strerror or error}") from None
    strategy, test, config = files
    if as_json:
        write_json({"strategy": str(strategy), "test": str(test), "config": str(config)})
        return ExitCode.OK
    for file in files:
        write(f"written: {file}")
    write("")
    write("Next:")
    at = "" if folder == Path() else f"cd {folder} && "
    write(f"  1. write your rules in {strategy}; it runs as it is")
    write(f"  2. test it on the bench:     {at}pytest {test.relative_to(folder)}")
    write(f"  3. see the settings:         {at}bulkhead show-config --config {config.relative_to(folder)}")
    write(f"  4. run it on paper:          {at}bulkhead run --config {config.relative_to(folder)}")
    return ExitCode.OK
