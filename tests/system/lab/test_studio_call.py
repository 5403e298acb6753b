"""Twenty sentences read into the recording studio, imported, built, and heard in a call."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from lab import lifecycle
from lab.phones import audio
from prompts.audio.sound_level import load_wav, speech_rms
from prompts.audio.voices import choose_voices
from prompts.build import Options, build_prompts
from prompts.text_reader import all_prompts
from santral.centre.config import node_config
from santral.studio.heard_order import count_heard, simulate_waits
from santral.studio.page_server import StudioPage
from santral.studio.takes import Takes, order_sentences
from tests.ministry import MEB, WORDS
from tests.studio_reader import opened_studio, reading_person
from tests.system.conftest import NewLab
from tests.system.stage import Stage, growing
from tests.until import until_async

pytestmark = [pytest.mark.system, pytest.mark.long]

READ = 20
PACE = 1.1
"""The person speaks faster than the voice of the build, so that a call tells one from the other."""
LISTENED = ("karsilama", "ana-menu-1", "ana-menu-2", "ana-menu-3")


async def test_a_caller_hears_what_a_person_has_read(new_lab: NewLab, tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    await asyncio.to_thread(shutil.copytree, lifecycle.SOUNDS, sounds)
    prompts = all_prompts(WORDS)
    config = node_config(MEB)
    heard = count_heard(config.flow, config.ivr_settings("test"), 15.0, simulate_waits(config.centre))
    sentences = order_sentences(prompts, heard, "tr")
    studio = StudioPage(sentences, Takes(tmp_path / "takes", prompts, sounds), "santral prompts build")
    # 1. The person reads the sentences heard most, one after the other.
    async with opened_studio(studio) as address, \
            reading_person(tmp_path, f"{address}/?token={studio.token}") as reader:
        for one in sentences[:READ]:
            assert await reader.page.inner_text("#text") == one.prompt.text
            await reader.read_well(one.prompt.text, pace=PACE)
        assert f"{READ} / " in await reader.page.inner_text("#progress")
        await reader.page.click("#import")

        async def imported() -> str:
            return await reader.page.inner_text("#imported")

        assert f"{READ} kayıt alındı" in await until_async(imported, 60)
        assert reader.errors == []
    # 2. The build plays them, all at one level.
    report = await asyncio.to_thread(build_prompts, prompts, Options(sounds, choose_voices("espeak"), words=WORDS))
    assert report.recorded >= READ
    levels = [speech_rms(load_wav(sounds / f"tr/{one.prompt.key}.wav")) for one in sentences[:READ]]
    assert max(levels) - min(levels) < 2.0, levels
    # 3. A caller hears the person, and not the voice that said it before.
    lab = await new_lab(sounds=sounds, extra=lifecycle.ANY_HOUR)
    caller = await Stage(lab, tmp_path).caller()
    recording = caller.recording
    assert recording is not None
    new = {key: audio.read_wav(sounds / f"tr/{key}.wav") for key in LISTENED}
    old = {key: audio.read_wav(lifecycle.SOUNDS / f"tr/{key}.wav") for key in LISTENED}

    async def is_heard() -> bool:
        return recording.exists() and audio.find_prompt(new[LISTENED[-1]], growing(recording)).found

    await until_async(is_heard, 60, "the last of the sentences")
    said = growing(recording)
    for key in LISTENED:
        assert audio.find_prompt(new[key], said).found, key
        assert not audio.find_prompt(old[key], said).found, key
    await caller.hang_up()
