"""Check that operations.md, metrics.md and queue-log.md say what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

from centres.settings import QueueLog
from metrics.prometheus import names
from metrics.prometheus.alerts import RECORDING_RULES
from metrics.prometheus.recorder import ANSWERED, RESULTS
from routing.core.model.centre_model import Outcome
from tests.readers import words

pytestmark = pytest.mark.unit

HOME = Path(__file__).resolve().parents[3]
GUIDE = (HOME / "docs" / "operate" / "operations.md").read_text(encoding="utf-8")
METRICS = (HOME / "docs" / "operate" / "metrics.md").read_text(encoding="utf-8")
ROOMS = ("ivr", "routing", "metrics", "desk", "santral", "prompts", "asterisk_conf", "centres")


def section(title: str) -> str:
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def code_of(*rooms: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for room in rooms for path in sorted((HOME / room).rglob("*.py")))


def logged(level: str) -> set[str]:
    return set(re.findall(rf"\blog\.(?:{level})\(\s*\"([a-z_.]+)\"", code_of(*ROOMS)))


def test_every_recorded_figure_is_explained() -> None:
    # Figures of several windows serve alerts only.
    assert all(one.name in METRICS for one in RECORDING_RULES if "_rate" in one.name)


def test_every_outcome_and_result_and_no_unknown_metric() -> None:
    for value in (*Outcome, ANSWERED, *RESULTS.values()):
        assert f"`{value}`" in METRICS, value
    told = "".join(path.read_text(encoding="utf-8") for path in (HOME / "docs").rglob("*.md"))
    assert set(re.findall(r"(?<![:\w])(?:acd|ivr)_[a-z_]+", told)) <= {metric.name for metric in names.TABLE}


def test_the_lines_to_watch_after_a_restart_are_written() -> None:
    told = set(re.findall(r"`((?:node|ami)\.[a-z_]+)`", section("Check a restart")))
    assert {"node.restored", "node.ready", "ami.connected"} <= told
    assert told <= logged("info|warning")


def test_every_event_of_queue_log() -> None:
    """Its table, its examples, and what readers know of it."""
    guide = (HOME / "docs" / "integrate" / "queue-log.md").read_text(encoding="utf-8")
    verbs = guide.partition("\n## Verbs\n")[2].partition("\n## ")[0]
    told = set(re.findall(r"`([A-Z]{5,})`", "".join(re.findall(r"^(`[^|\n]+)\|", verbs, re.MULTILINE))))
    code = (HOME / "metrics" / "queue_log" / "lines.py").read_text(encoding="utf-8")
    written = set(re.findall(r"\"([A-Z]{5,})\"", code)) | set(re.findall(r"\|([A-Z]{5,})\|", code))
    written |= {f"{event}ALL" for event in ("PAUSE", "UNPAUSE")}
    assert told == written - {"MANAGER", "PAUSED", "BRIDGE"} == set(words.FIELDS)
    examples = re.findall(r"^    (\d{10}\|.+)$", guide, re.MULTILINE)
    read = words.check("".join(f"{line}\n" for line in examples), finished=True)
    assert len(read.state) == 3 and {"BLINDTRANSFER", "CALLBACKREACHED", "SURVEY"} <= set(read.events)
    settings = re.findall(r"^    \[queue_log\]\n((?:    \w.*\n)+)", guide, re.MULTILINE)
    found = [QueueLog(**tomllib.loads(dedent(one))) for one in settings]
    assert [(one.compat, one.rotate, one.rotate_mb) for one in found] == [("asternic", "never", None),
                                                                         ("none", "daily", 100)]
