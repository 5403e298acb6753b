"""Log lines: no value of a local variable gets into a traceback, no control character onto a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from routing.core.model.centre_model import AgentState, Outcome
from santral.node import log_setup
from santral.node.projections import log_ended_calls, log_phone_faults
from tests.fakes.facts import Story

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_places_and_no_values(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    log_setup.configure_logs(as_json=as_json)
    try:
        number = "05321234567"
        try:
            raise ValueError(len(number))
        except ValueError:
            structlog.get_logger().error("it.failed", exc_info=True)
    finally:
        structlog.reset_defaults()
    shown = capsys.readouterr().err
    assert "it.failed" in shown
    assert "ValueError: 11" in shown
    assert "05321234567" not in shown


@pytest.mark.parametrize("as_json", [True, False])
def test_a_full_disk_ends_nothing_and_the_lost_lines_are_counted(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_json: bool) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full, (tmp_path / "log").open("w", encoding="utf-8") as free:
        stream = log_setup.SafeStream(full, as_json=as_json)
        stream.write("first\n")
        stream.write("second\n")
        # There is room again.
        monkeypatch.setattr(stream, "_stream", free)
        stream.write("third\n")
        stream.write("fourth\n")
        lost, *others = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
        assert log_setup.LOST in lost and "2" in lost and others == ["third", "fourth"]
        with suppress(OSError):
            full.close()


def test_a_node_logs_to_a_full_disk_and_goes_on() -> None:
    code = ("import structlog; from santral.node.log_setup import configure_logs; configure_logs(as_json=False); "
            "[structlog.get_logger().warning('it.came', number=one) for one in range(9)]; print('alive')")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=full, text=True, check=False)
    assert done.stdout == "alive\n"


HOSTILE = "a\x1b[2J\r\nforged \u202e\x9b \u2028\udc80 ığş"


@pytest.mark.parametrize("as_json", [True, False])
def test_what_a_peer_sent_is_one_line_without_escapes(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    log_setup.configure_logs(as_json=as_json)
    try:
        structlog.get_logger().warning("it.came", path=HOSTILE, known=[HOSTILE, {HOSTILE: (HOSTILE, 1, None)}])
    finally:
        structlog.reset_defaults()
    shown = capsys.readouterr().err
    assert shown.removesuffix("\n").isprintable()
    assert r"a\x1b[2J\r\nforged \u202e\x9b \u2028\udc80 ığş" in shown.replace("\\\\", "\\")


@pytest.mark.parametrize("as_json", [True, False])
def test_the_journal_gets_a_priority_for_each_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                   as_json: bool) -> None:
    with (tmp_path / "journal").open("w+", encoding="utf-8") as stream:
        about = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{about.st_dev}:{about.st_ino}")
        monkeypatch.setattr(sys, "stderr", stream)
        log_setup.configure_logs(as_json=as_json)
        try:
            structlog.get_logger().info("node.started")
            structlog.get_logger().warning("it.came")
            try:
                raise ValueError
            except ValueError:
                structlog.get_logger().exception("it.failed")
        finally:
            structlog.reset_defaults()
        stream.seek(0)
        began, came, *failed = stream.read().splitlines()
    assert began.startswith("<6>") and "node.started" in began
    assert came.startswith("<4>") and "it.came" in came
    assert all(line.startswith("<3>") for line in failed) and len(failed) >= (1 if as_json else 3)


@pytest.mark.parametrize("stream", ["", "1:1"])
def test_other_streams_get_no_priority(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
                                       stream: str) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", stream)
    log_setup.configure_logs(as_json=False)
    try:
        structlog.get_logger().warning("it.came")
    finally:
        structlog.reset_defaults()
    assert not capsys.readouterr().err.startswith("<")


def test_each_call_has_one_line_without_number_and_name() -> None:
    story = Story()
    story.queued("1700000000.7", "destek", box="+905321234567")
    story.at += 12.34
    story.connected("1700000000.7", "a1001")
    story.talked("1700000000.7", "a1001")
    story.wrapped("1700000000.7", "a1001", 5.0)
    story.queued("1700000000.8", "destek")
    story.ended("1700000000.8", Outcome.ABANDONED)
    with capture_logs() as logs:
        log_ended_calls(story.facts)
    assert logs == [
        {"event": "call.ended", "log_level": "info", "contact": "1700000000.7", "service": "destek",
         "outcome": "answered", "wait_s": 12.3},
        {"event": "call.ended", "log_level": "info", "contact": "1700000000.8", "service": "destek",
         "outcome": "abandoned", "wait_s": 0.0}]


def test_a_phone_that_hangs_up_is_logged_once() -> None:
    story = Story()
    story.agent("a1", AgentState.RINGING, AgentState.NOT_RESPONDING, "phone_drops")
    story.agent("a2", AgentState.RINGING, AgentState.NOT_RESPONDING, "ring_no_answer")
    story.agent("a1", AgentState.NOT_RESPONDING, AgentState.NOT_RESPONDING, "phone_drops")
    with capture_logs() as logs:
        log_phone_faults(story.facts)
    assert [(one["event"], one["agent"], one["log_level"]) for one in logs] == [
        ("agent.phone_dropped", "a1", "warning")]
