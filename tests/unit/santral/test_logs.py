"""Log lines: no value of a local variable gets into a traceback, no control character onto a terminal."""

from __future__ import annotations

import pytest
import structlog
from structlog.testing import capture_logs

from routing.core.model.centre_model import AgentState
from santral.node import log_setup
from santral.node.projections import log_phone_faults
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


def test_a_phone_that_hangs_up_is_logged_once() -> None:
    story = Story()
    story.agent("a1", AgentState.RINGING, AgentState.NOT_RESPONDING, "phone_drops")
    story.agent("a2", AgentState.RINGING, AgentState.NOT_RESPONDING, "ring_no_answer")
    story.agent("a1", AgentState.NOT_RESPONDING, AgentState.NOT_RESPONDING, "phone_drops")
    with capture_logs() as logs:
        log_phone_faults(story.facts)
    assert [(one["event"], one["agent"], one["log_level"]) for one in logs] == [
        ("agent.phone_dropped", "a1", "warning")]
