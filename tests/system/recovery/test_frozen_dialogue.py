"""The node freezes in the middle of a dialogue: after one step of silence the caller hears the next sound, and no key
is lost.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lab.phones.leg import Leg
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.stage import Stage
from tests.until import until_async

pytestmark = pytest.mark.system

WAITS, KEY = "uzaktan_egitim", "2"
NEXT_S = 25.0
"""The dialplan's limit of a step is 5 s, and the sentence that is heard is found some seconds later."""


async def in_menu(stage: Stage) -> Leg:
    """A caller who hears the menu."""
    leg = await stage.caller()
    await stage.hears_begin(leg, "ana-menu-1")
    return leg


async def test_a_node_that_freezes_in_a_menu_keeps_nobody_in_silence(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(centre=patient(tmp_path))
    stage = Stage(lab, tmp_path)
    presses, listens = await in_menu(stage), await in_menu(stage)
    lab.freeze_node()
    frozen = time.monotonic()
    try:
        # The key ends the sentence. Without a key the sentence goes on to its end.
        await presses.press_keys(KEY)
        await stage.hears_begin(presses, "system/outage", limit=NEXT_S)
        print(f"\nfrozen in a menu: next sound {time.monotonic() - frozen:.1f} s after the key")
        await stage.hears_begin(listens, "system/outage", limit=NEXT_S)
        print(f"and {time.monotonic() - frozen:.1f} s after the freeze for who has pressed no key")
    finally:
        lab.thaw_node()
    assert not presses.ended.is_set() and not listens.ended.is_set()


async def test_a_node_that_is_killed_in_a_menu_goes_on_there_with_the_key(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(centre=patient(tmp_path))
    stage = Stage(lab, tmp_path)
    caller = await in_menu(stage)
    lab.freeze_node()
    await caller.press_keys(KEY)
    lab.kill_node()
    await lab.start_node()
    await stage.counts(WAITS, 1)
    assert not caller.ended.is_set()


@pytest.mark.long
async def test_the_other_node_goes_on_with_the_key_of_a_frozen_one(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(nodes=2, store="postgres", standby=True, centre=patient(tmp_path))
    stage = Stage(lab, tmp_path)
    presses, listens = await in_menu(stage), await in_menu(stage)
    lab.freeze_node("a")
    frozen = time.monotonic()
    try:
        await presses.press_keys(KEY)
        await until_async(lambda: lab.find_leader(), what="the other node leads")
        await stage.counts(WAITS, 1)
        print(f"\nthe key counted {time.monotonic() - frozen:.1f} s after it was pressed")
        await stage.hears_begin(listens, "ana-menu-1", after=stage.heard_so_far(listens))
        await listens.press_keys(KEY)
        await stage.counts(WAITS, 2)
        for leg in (presses, listens):
            stage.not_heard(leg, "system/outage")
    finally:
        lab.thaw_node("a")
