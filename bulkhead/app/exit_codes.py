"""What the process says by its exit code; the same for every command."""

import os
from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    ERROR = 1
    NOT_FOUND = 2
    NOT_RUNNING = 3
    CONFIG = 4
    """The configuration, or what it names, cannot be used. Nothing was started or written."""
    TIMEOUT = 5
    VERDICT_FAILED = 6
    """A check ran to its end and found something wrong."""
    STUCK = 7
    FENCED = 8
    """Another process holds what this one needs."""


class Stopped(Exception):
    """Ends a command with one sentence for its user: what is wrong, and what to do."""

    def __init__(self, code: ExitCode, sentence: str, error_code: str | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.error_code = error_code


def leave_at_once(code: ExitCode) -> None:
    """End the process now, with nothing flushed and no handler run. Everything that matters is in the ledger."""
    os._exit(code)
