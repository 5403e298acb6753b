"""A lab with calls and a killed node: what everybody saw agrees, and the checker says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lab.history.checker import check_history
from lab.history.recorder import HistoryRecorder
from lab.people.agent import SimAgent
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain

pytestmark = pytest.mark.system

ENDS, TALKS, WAITS = "ihbar_sikayet", "gorus_oneri", "uzaktan_egitim"
"""A service for each caller: one whose talk ends before the kill, one who talks through it, one who waits through it.
"""
KEYS = {ENDS: "3", TALKS: "4", WAITS: "2"}
TONES = {ENDS: 500, TALKS: 600, WAITS: 700}
CALLER = 440
"""Hz."""
SETTINGS = "\n[profile]\nwrapup_s = 1\n"


async def test_calls_through_a_killed_node_leave_a_history_without_findings(new_lab: NewLab, tmp_path: Path) -> None:
    folder = tmp_path / "history"
    lab = await new_lab(centre=patient(tmp_path), extra=SETTINGS, history=folder)
    stage, recorder = Stage(lab, tmp_path), HistoryRecorder(lab, folder)
    await recorder.start()

    async def sit(service: str) -> SimAgent:
        name = plain(service, 1)[0]
        recorder.note_agent(name, TONES[service])
        return await lab.sign_in_agent(name, PhoneBehaviour("0", tone=TONES[service]))

    async def call(service: str) -> Leg:
        leg = await stage.hurried(KEYS[service], tone=CALLER)
        recorder.note_caller(leg)
        return leg

    ender, talker = await asyncio.gather(sit(ENDS), sit(TALKS))
    ends, talks, waits, leaves = await asyncio.gather(*map(call, (ENDS, TALKS, WAITS, WAITS)))
    await asyncio.gather(stage.hears_tone(ends, TONES[ENDS]), stage.hears_tone(talks, TONES[TALKS]),
                         stage.counts(WAITS, 2))
    await ends.hang_up()
    await stage.reaches(ender, "ready")

    await asyncio.to_thread(lab.kill_node)
    await leaves.hang_up()
    await lab.start_node()
    await stage.reaches(talker, "talking")
    await sit(WAITS)
    await stage.hears_tone(waits, TONES[WAITS])
    await asyncio.gather(waits.hang_up(), talks.hang_up())
    await asyncio.gather(*(leg.wait_ended() for leg in (ends, talks, waits, leaves)))
    await lab.clear_lab()
    await recorder.stop()
    assert check_history(folder).findings == ()
    assert check_history(folder).notes == ()
