"""The sound of waiting, by ear: the expected wait, a restored position, music, and the words of a service for distress.
All run at once, in services that do not influence each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab import lifecycle
from lab.lifecycle import SOUNDS
from lab.pbx.fetch import AsteriskProgram
from lab.phones import audio
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from tests.ministry import patient
from tests.system import ended
from tests.system import stage as ear
from tests.system.stage import Stage, plain

pytestmark = pytest.mark.system

BEFORE = 9
"""Callers before the last one: with one agent, whose talks are believed to take four minutes, nobody doubts that the
wait is longer than ten."""
RETURN, RETURN_TOO = "05321234567", "05321234568"
MUSIC_S = 2.0


async def hears_calm_music(leg: Leg, limit: float = ear.HEARS_S) -> None:
    """Until seconds of the music of distress were heard."""
    whole = audio.read_wav(SOUNDS / "moh" / "sakin" / "sakin.wav")
    loop = np.concatenate((whole, whole[: 4 * audio.RATE]))
    end = asyncio.get_running_loop().time() + limit
    assert leg.recording is not None
    while asyncio.get_running_loop().time() < end:
        piece = ear.growing(leg.recording)[-int(MUSIC_S * audio.RATE):]
        if len(piece) == MUSIC_S * audio.RATE and audio.root_mean_square(piece) > audio.QUIET_LEVEL \
                and audio.find_prompt(piece, loop).found:
            return
        await asyncio.sleep(1.0)
    raise AssertionError(f"{leg} did not hear the calm music: {leg.describe_moments()}")


async def the_wait_is_told(stage: Stage) -> None:
    """Ten callers and one agent, who talks: the last one hears the place and that it takes more than ten minutes, and
    both once more on `#`; the first is told the place alone, since nobody knows better."""
    agent = await stage.agent(plain("gorus_oneri", 1)[0], PhoneBehaviour())
    await stage.hurried("4")
    await stage.reaches(agent, "talking")
    first = await stage.hurried("4")
    await stage.counts("gorus_oneri", 1)
    await asyncio.gather(*(stage.hurried("4") for _ in range(BEFORE - 2)))
    await stage.counts("gorus_oneri", BEFORE - 1, ear.HEARS_S)
    last = await stage.hurried("4")
    await stage.hears(last, "sure-uzun-10")
    stage.in_order(last, "bekleme-ilk", f"sira-{BEFORE}", "sure-uzun-10")
    await stage.hears(first, "bekleme-siradaki")
    await stage.hears_music(last)  # a key over the words would end them
    await last.press_keys("#")
    await _twice(stage, last, "sure-uzun-10")
    stage.not_heard(first, "sure-uzun-10", "sure-10", "sure-5", "sure-kisa")


async def _twice(stage: Stage, leg: Leg, key: str) -> None:
    """Until the caller has heard it a second time."""
    end = asyncio.get_running_loop().time() + ear.HEARS_S
    while True:
        try:
            stage.twice(leg, key)
            return
        except AssertionError:
            if asyncio.get_running_loop().time() > end:
                raise
        await asyncio.sleep(1.0)


async def an_old_place_is_given_back(stage: Stage) -> None:
    """Two wait; the first one's call drops and they ring again: they are the next one as before and told so. They do
    not want it, and are the second one then."""
    first = await stage.hurried("2", number=RETURN)
    await stage.counts("uzaktan_egitim", 1)
    await stage.hurried("2")
    await stage.counts("uzaktan_egitim", 2)
    await first.hang_up()
    await stage.counts("uzaktan_egitim", 1)
    again = await stage.hurried("2", number=RETURN)
    await stage.hears(again, "bekleme-donus-sor")
    stage.in_order(again, "bekleme-siradaki", "bekleme-donus-sor")
    stage.not_heard(again, "bekleme-ilk")
    await again.press_keys("2")
    await stage.hears(again, "sira-2")
    stage.in_order(again, "bekleme-donus-sor", "bekleme-donus-yeni", "sira-2")


async def distress_is_no_number(stage: Stage) -> None:
    """The counsellor talks: kind words, calm music, no place in a line; and after a drop no question either."""
    agent = await stage.agent(plain("psikososyal", 1)[0], PhoneBehaviour())
    await stage.hurried("1")
    await stage.reaches(agent, "talking")
    first = await stage.hurried("1", number=RETURN_TOO)
    await stage.hears(first, "bekleme-ilk-destek")
    await hears_calm_music(first)
    stage.not_heard(first, "bekleme-ilk", "bekleme-siradaki", "sira-1")
    await first.hang_up()
    await stage.counts("psikososyal", 0)
    again = await stage.hurried("1", number=RETURN_TOO)
    await stage.hears(again, "bekleme-donus-destek")
    stage.not_heard(again, "bekleme-donus-sor", "bekleme-donus", "bekleme-siradaki")


STORIES: tuple[Callable[[Stage], Coroutine[Any, Any, None]], ...] = (
    the_wait_is_told, an_old_place_is_given_back, distress_is_no_number)


async def alone(story: Callable[[Stage], Coroutine[Any, Any, None]], stage: Stage) -> None:
    """A story that leaves nobody on the line, however it goes: the others' labs end together with it."""
    try:
        await story(stage)
    finally:
        for leg in list(stage.network.calls.values()):
            await leg.hang_up()


@pytest.fixture(scope="module")
def told(asterisk_tree: AsteriskProgram, tmp_path_factory: pytest.TempPathFactory) -> dict[str, BaseException | None]:
    """Return how each story went, in a separate lab, because the expected wait depends on earlier talks. No rule leads
    a caller with a long wait out."""
    folder = tmp_path_factory.mktemp("waiting")
    info = lifecycle.start_lab(patient(folder), folder / "lab")

    async def everything() -> list[BaseException | None]:
        async with AsyncExitStack() as stack:
            labs = [await stack.enter_async_context(LabSession(info)) for _ in STORIES]
            folders: list[Path] = [tmp_path_factory.mktemp("story") for _ in STORIES]
            return await asyncio.gather(*(alone(story, Stage(lab, folder)) for lab, folder, story
                                          in zip(labs, folders, STORIES, strict=True)), return_exceptions=True)

    try:
        return dict(zip((story.__name__ for story in STORIES), asyncio.run(everything()), strict=True))
    finally:
        ended.down(folder / "lab")


@pytest.mark.parametrize("story", [story.__name__ for story in STORIES])
def test_what_is_heard(told: dict[str, BaseException | None], story: str) -> None:
    trouble = told[story]
    if trouble is not None:
        raise trouble
