"""Where the program's own words go: warnings to stderr, and everything of a session to its app.log.

Values of variables are never added to a traceback (loguru's `diagnose`): one of them may be a secret.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from bulkhead.app.exit_codes import Stopped

if TYPE_CHECKING:
    from loguru import Message

FILE_NAME = "app.log"
MAX_FILE = "20 MB"
MAX_FILES = 10
"""Older parts of one session's log are deleted; what matters is in the ledger."""
_FILE_FORMAT = "{time:YYYY-MM-DDTHH:mm:ss.SSS!UTC}Z {level: <8} {thread.name}: {message}"


def to_stderr() -> None:
    """Warnings and worse, one plain line each."""
    logger.remove()
    logger.add(_write_stderr, level="WARNING", format="{level}: {message}", backtrace=False, diagnose=False)


def _write_stderr(text: "Message") -> None:
    """Looks stderr up each time: a live display redirects it while it is on the screen."""
    sys.stderr.write(text)


@contextmanager
def session_log(folder: Path, notes: Sequence[str] = ()) -> Iterator[None]:
    """Everything that is logged meanwhile also goes to `folder`/app.log, and so does what ends it. `notes`: what was
    found before there was a file."""
    path = folder / FILE_NAME
    sink = logger.add(
        path,
        level="DEBUG",
        format=_FILE_FORMAT,
        rotation=MAX_FILE,
        retention=MAX_FILES,
        encoding="utf-8",
        backtrace=False,
        diagnose=False,
    )
    logger.info("session {} begins", folder.name)
    for note in notes:
        logger.info("{}", note)
    try:
        yield
        logger.info("session {} has ended", folder.name)
    except Stopped as stopped:
        logger.info("session {} has ended: {}", folder.name, stopped.sentence)
        raise
    except Exception as error:
        logger.opt(exception=True).critical("session {} was ended by an error of our own", folder.name)
        error.add_note(f"the traceback is in {path}")
        raise
    finally:
        logger.remove(sink)
