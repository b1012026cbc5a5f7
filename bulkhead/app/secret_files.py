"""Secrets: from the environment, or from a file of which the environment names the path. Nowhere else, and in no word.

What is read is checked before it is used: a library that refuses a header shows what it refuses.
"""

import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from bulkhead.app.exit_codes import ExitCode, Stopped

MAX_BYTES = 64 * 1024
"""No key is longer; a file that is was named by mistake."""
_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


def read_secret(env_name: str) -> SecretStr:
    """The secret in the variable `env_name`, or in the file that `<env_name>_FILE` names, without spaces around it.

    Raises Stopped (exit code 4) when there is none, or it cannot be one; the message never holds a value.
    """
    value = os.environ.get(env_name, "").strip()
    if value:
        return _checked(value, env_name)
    file_name = os.environ.get(f"{env_name}_FILE")
    if file_name:
        return _checked(_read(Path(file_name), env_name), f"the file that {env_name}_FILE names")
    sentence = f"no key: set {env_name}, or {env_name}_FILE to the path of a file that holds it"
    raise Stopped(ExitCode.CONFIG, sentence)


def _read(path: Path, env_name: str) -> str:
    try:
        if not path.is_file() and path.exists():
            raise Stopped(ExitCode.CONFIG, f"{env_name}_FILE names something that is no file: name the file itself")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        sentence = f"{env_name}_FILE names a file that cannot be read ({error.strerror})"
        raise Stopped(ExitCode.CONFIG, sentence) from None
    if len(data) > MAX_BYTES:
        raise Stopped(ExitCode.CONFIG, f"{env_name}_FILE names a file of more than {MAX_BYTES} bytes: that is no key")
    try:
        return data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise Stopped(ExitCode.CONFIG, f"{env_name}_FILE names a file that is not text") from None


def _checked(value: str, where: str) -> SecretStr:
    """Printable ASCII in one line, as every venue gives it out."""
    if not value:
        raise Stopped(ExitCode.CONFIG, f"{where} is empty: put the key there")
    if "\n" in value or "\r" in value:
        raise Stopped(ExitCode.CONFIG, f"{where} has more than one line: put the key alone there")
    if re.fullmatch(r"[\x20-\x7e]+", value) is None:
        raise Stopped(ExitCode.CONFIG, f"{where} has characters that no key has: copy it again, without any around it")
    return SecretStr(value)


class Exposed(NamedTuple):
    """A secret's file that others than its owner may read."""

    env_name: str
    path: Path
    mode: int
    """The permission bits."""

    @property
    def words(self) -> str:
        return f"{self.env_name}_FILE: {self.path} may be read by others than its owner (mode {self.mode:o})"

    @property
    def advice(self) -> str:
        return f"chmod 600 {self.path}"


def exposed(env_names: tuple[str, ...]) -> list[Exposed]:
    """Of the files that are in use for these variables; one that cannot be looked at is somebody else's finding."""
    found = []
    for name in env_names:
        file_name = os.environ.get(f"{name}_FILE")
        if not file_name or os.environ.get(name, "").strip():
            continue
        try:
            mode = stat.S_IMODE(Path(file_name).stat().st_mode)
        except OSError:
            continue
        if mode & _READABLE_BY_OTHERS:
            found.append(Exposed(name, Path(file_name), mode))
    return found
