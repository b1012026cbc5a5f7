"""app.log: what a session said, what ended it, and no secret that a traceback could carry."""

from pathlib import Path

import pytest
from loguru import logger

from bulkhead.app.exit_codes import ExitCode, Stopped
from bulkhead.app.logs import FILE_NAME, session_log, to_stderr


def test_it_holds_what_is_said_meanwhile(tmp_path: Path) -> None:
    with session_log(tmp_path):
        logger.debug("within")
    logger.warning("after")
    text = (tmp_path / FILE_NAME).read_text(encoding="utf-8")
    assert "within" in text
    assert "after" not in text


def test_an_error_of_our_own_leaves_its_traceback_and_says_where(tmp_path: Path) -> None:
    def burst(password: str) -> None:
        raise RuntimeError(f"a pipe of {len(password)} bars has burst")

    with pytest.raises(RuntimeError) as raised, session_log(tmp_path):
        burst("hunter2")
    text = (tmp_path / FILE_NAME).read_text(encoding="utf-8")
    assert "Traceback" in text
    assert "in burst" in text
    assert "hunter2'" not in text, "values of variables are left out"
    assert raised.value.__notes__ == [f"the traceback is in {tmp_path / FILE_NAME}"]


def test_an_ordered_end_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(Stopped), session_log(tmp_path):
        raise Stopped(ExitCode.TIMEOUT, "not recovered")
    text = (tmp_path / FILE_NAME).read_text(encoding="utf-8")
    assert "not recovered" in text
    assert "Traceback" not in text


def test_warnings_go_to_stderr_as_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    to_stderr()
    logger.info("quiet")
    logger.warning("loud")
    assert capsys.readouterr().err == "WARNING: loud\n"
