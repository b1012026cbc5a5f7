"""What a service manager hears, and what happens where there is none."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from bulkhead.app.notify import MAX_STATUS, SEND_TIMEOUT_S, Notifier, end_with_parent, without_notify


class Manager:
    """A socket like that of systemd."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1))
        self.socket.settimeout(5)

    @property
    def env(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.address}

    def heard(self) -> str:
        return self.socket.recv(4096).decode()


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify") if request.param == "file" else f"@bulkhead-test-{os.getpid()}"
    made = Manager(address)
    with made.socket:
        yield made


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    said: list[str] = []
    sink = logger.add(lambda message: said.append(str(message)), level="WARNING", format="{message}")
    yield said
    logger.remove(sink)


def test_each_word_is_one_message(manager: Manager) -> None:
    notifier = Notifier.from_environment({**manager.env, "WATCHDOG_USEC": "15000000"})
    notifier.ready()
    notifier.watchdog()
    notifier.status("recovering:\n 3 orders")
    notifier.expect_within(2.5)
    notifier.stopping()
    heard = [manager.heard() for _ in range(5)]
    assert heard == ["READY=1", "WATCHDOG=1", "STATUS=recovering: 3 orders", "WATCHDOG_USEC=2500000", "STOPPING=1"]


def test_a_status_is_short_and_survives_any_text(manager: Manager) -> None:
    Notifier.from_environment(manager.env).status("x" * 1000 + "\ud800")
    assert manager.heard() == f"STATUS={'x' * MAX_STATUS}"


@pytest.mark.parametrize("env", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "@"}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_manager_nothing_happens(env: dict[str, str], warnings: list[str]) -> None:
    notifier = Notifier.from_environment({**env, "WATCHDOG_USEC": "1000000"})
    notifier.ready()
    notifier.watchdog()
    notifier.stopping()
    assert notifier.watchdog_s is None
    assert not warnings


@pytest.mark.parametrize(
    ("env", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "15000000"}, 15.0),
        ({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({}, None),
    ],
)
def test_the_interval_that_is_expected(env: dict[str, str], watchdog_s: float | None) -> None:
    assert Notifier.from_environment({"NOTIFY_SOCKET": "/nowhere", **env}).watchdog_s == watchdog_s


def test_who_does_not_count_is_not_asked_to(manager: Manager) -> None:
    notifier = Notifier.from_environment(manager.env)
    notifier.expect_within(60.0)
    notifier.watchdog()
    assert manager.heard() == "WATCHDOG=1"


@pytest.mark.parametrize("address", ["/nowhere/at/all", f"/{'long/' * 50}", "@nobody-listens-here"])
def test_a_manager_that_is_gone_is_one_warning_and_no_error(address: str, warnings: list[str]) -> None:
    notifier = Notifier(address)
    notifier.ready()
    notifier.watchdog()
    assert len(warnings) == 1


def test_ready_is_said_again_until_it_gets_through(tmp_path: Path, warnings: list[str]) -> None:
    notifier = Notifier(str(tmp_path / "notify"))
    notifier.ready()
    late = Manager(str(tmp_path / "notify"))
    with late.socket:
        notifier.watchdog()
        notifier.watchdog()
        assert [late.heard(), late.heard()] == ["READY=1\nWATCHDOG=1", "WATCHDOG=1"]


def test_a_manager_that_does_not_read_holds_nobody_up(manager: Manager, warnings: list[str]) -> None:
    notifier = Notifier.from_environment(manager.env)
    while not warnings:
        notifier.watchdog()
    began = time.monotonic()
    notifier.watchdog()
    assert time.monotonic() - began < SEND_TIMEOUT_S + 1.0


def test_children_do_not_inherit_what_was_meant_for_us() -> None:
    env = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "BULKHEAD_GUARD": "1", "HOME": "/"}
    assert without_notify({**env, "BULKHEAD_GUARD_PID": "1"}) == {"HOME": "/"}


@pytest.mark.process
def test_the_kernel_tells_a_child_of_its_parents_death() -> None:
    """The parent is killed; the child, which only waits, ends of the SIGTERM that it asked for."""
    child = "from bulkhead.app.notify import end_with_parent; end_with_parent(); print('set', flush=True); input()"
    parent = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {child!r}]); print(p.pid); p.wait()"
    with subprocess.Popen(
        [sys.executable, "-u", "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = {process.stdout.readline().strip(), process.stdout.readline().strip()}
        (pid,) = (int(word) for word in said - {"set"})
        child_end = os.pidfd_open(pid)
        try:
            process.kill()
            assert select.select([child_end], [], [], 10)[0], "the child outlives its parent"
        finally:
            os.close(child_end)


def test_a_guard_that_died_before_it_could_be_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    end_with_parent(signal.SIGURG, {"BULKHEAD_GUARD_PID": str(os.getppid())})
    assert not sent
    end_with_parent(signal.SIGURG, {"BULKHEAD_GUARD_PID": "1" if os.getppid() != 1 else "2"})
    assert sent == [(os.getpid(), signal.SIGURG)]
