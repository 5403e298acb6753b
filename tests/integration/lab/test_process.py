"""Processes are known by more than their pid; ports are given to one lab only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.pbx import ports as ports_module
from lab.pbx import process
from lab.pbx.ports import BLOCK, HIGH, LOW, PortBlock, is_free
from lab.pbx.process import Identity
from tests.until import LIMIT_S, until

pytestmark = pytest.mark.integration

STUBBORN = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def start(code: str, log: Path) -> Identity:
    return process.start_process([sys.executable, "-c", code], log)


def test_a_process_is_ended_and_its_words_are_kept(tmp_path: Path) -> None:
    one = start("import time; print('hello', flush=True); time.sleep(60)", tmp_path / "log")
    until(lambda: "hello" in process.read_tail(tmp_path / "log"))
    assert os.getsid(one.pid) == one.pid, "Ctrl-C of the terminal must not reach it"
    assert process.is_alive(one)
    process.end_process(one)
    assert not process.is_alive(one)
    process.end_process(one)


def test_a_stubborn_process_is_killed(tmp_path: Path) -> None:
    one = start(STUBBORN, tmp_path / "log")
    until(lambda: "up" in process.read_tail(tmp_path / "log"))
    process.end_process(one, grace=0.1)
    assert not process.is_alive(one)


def test_another_process_with_the_same_pid_is_never_touched(tmp_path: Path) -> None:
    one = start("import time; time.sleep(60)", tmp_path / "log")
    stranger = Identity(one.pid, one.started + 1)
    assert not process.send_signal(stranger, signal.SIGKILL)
    process.end_process(stranger)
    assert process.is_alive(one)
    process.end_process(one)


def test_a_process_that_ended_by_itself_is_seen(tmp_path: Path) -> None:
    one = start("raise SystemExit('no')", tmp_path / "log")
    assert process.wait_end(one, LIMIT_S)
    assert process.read_tail(tmp_path / "log") == "no"
    assert process.identify_process(2**22 + 1) is None


def test_who_must_not_wait_goes_before_others_where_the_system_allows_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    first = process.start_process(command, tmp_path / "log", nice=usual + 1)

    def refused(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refused)
    second = process.start_process(command, tmp_path / "log", nice=-1)
    assert os.getpriority(os.PRIO_PROCESS, first.pid) == usual + 1
    assert process.is_alive(second) and os.getpriority(os.PRIO_PROCESS, second.pid) == usual
    for one in (first, second):
        process.end_process(one)


def test_two_labs_get_ports_of_their_own() -> None:
    first, second = PortBlock(), PortBlock()
    try:
        assert first.first != second.first
        taken = [first.free_port() for _ in range(5)]
        assert len(set(taken)) == 5
        assert all(first.first <= port < first.first + BLOCK for port in taken)
        low, high = first.media_range(100)
        assert low % 2 == 0
        assert high - low == 99
        with pytest.raises(LabError, match="media"):
            first.media_range(BLOCK)
    finally:
        first.close()
        second.close()


def test_a_lab_of_another_process_has_other_ports_wherever_its_temporary_files_are(tmp_path: Path) -> None:
    """It asks for our very block first, before anybody listens there."""
    ports = PortBlock()
    ours = (ports.first - LOW) // BLOCK
    code = f"from lab.pbx import ports; ports.os.getpid = lambda: {ours}; print(ports.PortBlock().first)"
    try:
        done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)},
                              capture_output=True, text=True, check=True, timeout=60)
        assert LOW <= int(done.stdout) < HIGH and int(done.stdout) != ports.first
    finally:
        ports.close()


def test_a_usual_port_is_not_given_to_two_labs_that_start_together() -> None:
    """Nothing listens there yet, so it looked free to both."""
    first, second, third = PortBlock(), PortBlock(), PortBlock()
    try:
        wanted = third.free_port()
        assert first.choose_port(wanted) == wanted
        other = second.choose_port(wanted)
        assert second.first <= other < second.first + BLOCK
        first.close()
        assert second.choose_port(wanted) == wanted
        with socket.socket() as busy:
            busy.bind(("127.0.0.1", third.free_port()))
            assert third.choose_port(busy.getsockname()[1]) != busy.getsockname()[1]
    finally:
        for block in (first, second, third):
            block.close()


def test_a_port_that_is_used_is_not_given() -> None:
    ports = PortBlock()
    try:
        with socket.socket() as busy:
            with suppress(OSError):  # another program has it
                busy.bind(("127.0.0.1", ports.first))
                busy.listen()
            assert not is_free(ports.first)
            assert ports.free_port() != ports.first
        with pytest.raises(LabError, match="no free port"):
            for _ in range(BLOCK + 1):
                ports.free_port()
    finally:
        ports.close()


def test_when_every_block_is_taken_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = PortBlock()
    monkeypatch.setattr(ports_module, "LOW", ports.first)
    monkeypatch.setattr(ports_module, "HIGH", ports.first + BLOCK + 1)
    try:
        with pytest.raises(LabError, match="too many labs"):
            PortBlock()
    finally:
        ports.close()
