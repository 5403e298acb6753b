"""Announced at once, on a real Asterisk: heard in the menu and by who waits, closes a service, survives a restart."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.lifecycle import SOUNDS
from lab.phones import audio
from lab.phones.leg import Leg
from lab.session import LabSession
from tests.system.stage import Stage, growing
from tests.until import until_async

pytestmark = [pytest.mark.system, pytest.mark.long]  # in short: test_ivr_announcement

TEXT = "Ankara'da kar nedeniyle bugün okullar kapalıdır."
BEGAN = time.time()
SERVICE, KEY = "gorus_oneri", "4"


async def santral(lab: LabSession, *words: str) -> str:
    """A command of the operator; what it said."""
    done = await asyncio.to_thread(lambda: subprocess.run(
        [sys.executable, "-m", "santral", "announce", *words, "--state", str(lab.folder)], capture_output=True,
        text=True, check=False, timeout=60.0, env={**os.environ, "COLUMNS": "200"}))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sounds(number: int) -> list[Path]:
    """Of the announcement, the newest first (other labs use the same folder)."""
    ours = [path for path in (SOUNDS / "tr" / "duyuru").glob(f"{number}-*.wav") if "yavas" not in path.name]
    return sorted((path for path in ours if path.stat().st_mtime > BEGAN), key=lambda path: -path.stat().st_mtime)


def found(leg: Leg, number: int) -> int:
    """How often the announcement is in the recording so far."""
    assert leg.recording is not None
    sound, samples = audio.read_wav(sounds(number)[0]), growing(leg.recording)
    times = 0
    while (match := audio.find_prompt(sound, samples)).found:
        times, begin = times + 1, int(match.offset_s * audio.RATE)
        samples[begin: begin + len(sound)] = 0.0
    return times


async def test_everybody_hears_it_once(stage: Stage) -> None:
    lab = stage.lab
    menu = await stage.caller()
    waits = await stage.waiting(KEY, SERVICE)
    number = int((await santral(lab, "on", TEXT, "--until", "1h")).split()[1])
    try:
        await until_async(lambda: found(menu, number), what="heard in the menu")
        await until_async(lambda: found(waits, number), 60.0, "heard by who waits")
        await stage.hears_music(waits)
        assert found(menu, number) == found(waits, number) == 1, "once"
    finally:
        await santral(lab, "off", str(number))
    assert not sounds(number), "its sounds are gone too"
    rows = lab.query_store("select by, ended_by from announcements where id = ?", number)
    assert rows and all(str(rows[0][key]).startswith("supervisor") for key in ("by", "ended_by"))


async def test_a_service_that_is_closed_at_once_leads_back_to_the_menu(stage: Stage) -> None:
    lab = stage.lab
    await stage.waiting(KEY, SERVICE)
    number = int((await santral(lab, "on", "--service", SERVICE, "--close")).split()[1])
    try:
        assert not (await lab.fetch_queue(SERVICE))["open"]
        late = await stage.hurried(KEY)
        await stage.hears(late, "hizmet-kapali")
        assert (await lab.fetch_queue(SERVICE))["waiting"] == 1, "who waits is served"
        assert SERVICE in await santral(lab, "list")
    finally:
        await santral(lab, "off", str(number))
    assert (await lab.fetch_queue(SERVICE))["open"]
