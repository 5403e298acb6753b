"""A person who reads sentences into the recording studio: a browser whose microphone plays a file of espeak-ng."""

from __future__ import annotations

import random
import shutil
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Page, async_playwright

from prompts.audio import sound_level
from prompts.audio.run_program import run_program
from prompts.audio.voices import Espeak
from santral.studio.page_server import StudioPage
from tests.until import until_async

CHROMIUM = "/usr/bin/chromium"
RATE = 48_000
ROOM = 6.0
"""Noise of the room, in samples: about -75 dBFS."""
LEAD_MS, TAIL_MS = 3000, 6000
"""Silence before and after the words. A browser on a busy machine opens the microphone late."""
TRIES = 4


def say_into(path: Path, text: str, loudness: float = -24.0, room: float = ROOM, pace: float = 1.0) -> None:
    """Write the words as a microphone in a room hears them."""
    spoken = path.with_name("spoken.wav")
    Espeak("tr").speak_text(text, spoken, pace)
    run_program(["sox", "-R", spoken, "-r", str(RATE), path])
    voice = sound_level.trim_silence(sound_level.load_wav(path), "voice")
    voice = voice.apply_gain(loudness - sound_level.speech_rms(voice))
    whole = sound_level.make_silence(LEAD_MS, voice) + voice + sound_level.make_silence(TAIL_MS, voice)
    chance = random.Random(text)
    noise = array("h", (round(chance.gauss(0, room)) for _ in range(RATE * len(whole) // 1000)))
    whole = whole.overlay(sound_level.pydub_segment()(data=noise.tobytes(), sample_width=2, frame_rate=RATE,
                                                      channels=1))
    sound_level.save_wav(whole, path)


@asynccontextmanager
async def opened_studio(studio: StudioPage) -> AsyncIterator[str]:
    """Serve a studio and yield its address."""
    runner = web.AppRunner(studio.build_application())
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class StudioReader:
    """A page of the studio with a microphone that says what `say_into` wrote."""

    def __init__(self, page: Page, spoken: Path) -> None:
        self.page, self._spoken = page, spoken
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)

    async def said(self) -> str:
        """Return what the page says of the sentence."""
        return await self.page.inner_text("#said")

    async def read_once(self, text: str, **how: float) -> str:
        """Load the page, which plays the file from its start, and read. Return what the page says then."""
        say_into(self._spoken, text, **how)
        await self.page.reload()
        await self.page.click("#open")
        await self.page.wait_for_selector("#record:enabled")
        # The button has the focus, so one key is enough.
        await self.page.keyboard.press("Space")

        async def is_over() -> str:
            said = await self.said()
            over = said.startswith(("Kayıt iyi", "Önceki kayıt iyi", "Yeniden", "Ses duyulmadı", "Stüdyo"))
            return said if over else ""

        return str(await until_async(is_over, 40, "a verdict of the page"))

    async def read_well(self, text: str, **how: float) -> str:
        """Read until the page is content, as a person does."""
        said = ""
        for _ in range(TRIES):
            said = await self.read_once(text, **how)
            if "kayıt iyi" in said.lower():
                return said
        raise AssertionError(f"{text!r}: {said}")


@asynccontextmanager
async def reading_person(folder: Path, address: str) -> AsyncIterator[StudioReader]:
    """Open the studio in a new browser with a separate microphone."""
    assert shutil.which(CHROMIUM), "the package chromium is missing: make setup installs it"
    spoken = folder / "microphone.wav"
    say_into(spoken, "Deneme.")
    flags: list[Any] = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
                        "--autoplay-policy=no-user-gesture-required", "--use-fake-ui-for-media-stream",
                        "--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={spoken}"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="tr-TR")
            page = await context.new_page()
            reader = StudioReader(page, spoken)
            await page.goto(address)
            yield reader
        finally:
            await browser.close()
