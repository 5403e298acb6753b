"""Asternic Lite and QueueMetrics, each written from its rules alone, read a made day as the store has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.people import day
from metrics.queue_log.log_file import Rotation
from metrics.queue_log.writer import QueueLog
from routing.core.model.facts import Fact
from tests.fakes import report_day
from tests.readers import words
from tests.readers.compare import differences

pytestmark = pytest.mark.integration

CONTACTS = 700


def logged(folder: Path, facts: list[Fact], *, asternic: bool) -> str:
    """The lines that a node writes of these facts, rotated among it, in their order."""
    log = QueueLog(folder / "queue_log", asternic=asternic, rotation=Rotation(True, 40_000))
    for at in range(0, len(facts), 100):
        log.write_facts(facts[at:at + 100])
    log.write_start(facts[-1].at)
    log.close()
    names = sorted(one for one in folder.iterdir() if re.match(r"queue_log-\d+-\d+$", one.name))
    assert names, "rotated"
    return "".join(one.read_text() for one in (*names, folder / "queue_log"))


@pytest.mark.parametrize("asternic", [False, True])
async def test_a_made_day(tmp_path: Path, asternic: bool) -> None:
    """As `santral lab day` makes it."""
    heard = day.simulate_day(day.build_centre(), 1_772_398_800.0, CONTACTS)
    await day.store_day(tmp_path / "santral.db", heard)
    text = logged(tmp_path, heard.happened, asternic=asternic)
    assert differences(text, tmp_path / "santral.db") == []
    read = words.check(text, finished=True)
    assert read.events["ENTERQUEUE"] > CONTACTS * 0.8 and read.events["ABANDON"] and read.events["SURVEY"]


async def test_a_day_with_every_way_a_call_can_go(tmp_path: Path) -> None:
    made = report_day.written()
    await made.keep(str(tmp_path / "santral.db"))
    text = logged(tmp_path, made.facts, asternic=True)
    assert differences(text, tmp_path / "santral.db") == []
    read = words.check(text)
    assert {"TRANSFER", "CALLBACKREACHED", "CALLBACKFAILED", "EXITWITHTIMEOUT", "CALLERONHOLD",
            "SURVEY"} <= set(read.events)


@pytest.mark.parametrize(("old", "new"), [
    ("|COMPLETECALLER|", "|COMPLETEXALLER|"), ("|ABANDON|", "|ABANDONED|"), ("|BLINDTRANSFER|", "|BLIND|"),
    ("|CONNECT|10|", "|CONNECT|100|"), ("|CALLBACKASKED|", "|CALLBACK|"), ("|REMOVEMEMBER|", "|GONE|")])
async def test_one_line_that_is_otherwise_is_seen(tmp_path: Path, old: str, new: str) -> None:
    """The comparison is worth something."""
    made = report_day.written()
    await made.keep(str(tmp_path / "santral.db"))
    text = logged(tmp_path, made.facts, asternic=False)
    assert old in text and differences(text.replace(old, new, 1), tmp_path / "santral.db")
