"""A surge profile on a real Asterisk: one switch, another menu for the next caller, and calls that end by a key."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from ivr.routes.deflection import LIMIT_S
from tests.system.conftest import NewLab
from tests.system.stage import Stage
from tests.until import until_async

pytestmark = pytest.mark.system

WAITING = 4
"""Callers who may wait for a service in the shipped profile."""


async def santral(stage: Stage, *arguments: str) -> str:
    """Run `santral surge` as a supervisor at a terminal would."""
    done = await asyncio.to_thread(subprocess.run, [
        sys.executable, "-m", "santral", "surge", *arguments, "--state", str(stage.lab.folder)],
        capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_one_sentence_changes_the_menu_and_deflects_all_but_distress(new_lab: NewLab, tmp_path: Path) -> None:
    stage = Stage(await new_lab(), tmp_path)
    assert "no surge profile is in force" in await santral(stage, "status")
    assert "quake is in force" in await santral(stage, "on", "quake")
    # 1. The menu is short, and distress is its first sentence.
    listener = await stage.caller()
    await stage.hears(listener, "yogun-menu-0")
    stage.in_order(listener, "yogun-menu-1", "yogun-menu-0")
    stage.not_heard(listener, "karsilama")
    await listener.hang_up()
    # 2. The service takes as many as may wait; the next caller hears a few words, and the call ends.
    waiting = [await stage.waiting("0", "temsilci") for _ in range(WAITING)]
    deflected = await stage.hurried("0")
    await deflected.wait_ended()
    stage.heard(deflected, "yogun-ozur")
    assert deflected.talked_s <= LIMIT_S and not any(leg.ended.is_set() for leg in waiting)
    # 3. Key 1 leads to help, there as in the menu.
    distress = await stage.caller("0@1500ms")
    await stage.hears(distress, "yogun-ozur")
    await distress.press_keys("1")
    await stage.counts("psikososyal", 1)
    assert not distress.ended.is_set()
    # 4. Off again: the next caller hears the usual greeting.
    await santral(stage, "off")
    usual = await stage.caller()
    await stage.hears(usual, "karsilama")

    async def audited() -> bool:
        text = await asyncio.to_thread((stage.lab.folder / "audit.jsonl").read_text, "utf-8")
        return "surge_on" in text and "surge_off" in text

    await until_async(audited, what="both switches in the audit log")
