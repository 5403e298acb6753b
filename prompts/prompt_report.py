"""Write a page of all prompts: text, wave, length, level, voice and a play button of each, and those not yet recorded.

The page needs nothing but the folder of sounds, which it names relative to itself.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from prompts.audio import sound_level
from prompts.audio.run_program import run_program
from prompts.audio.sound_quality import MOST_SILENCE_MS, MOST_SPREAD_DB, MOST_STEP_DBFS, QualityCheck
from prompts.catalogue import FORMATS
from prompts.errors import SoundError, VoiceError
from prompts.manifest import Entry
from prompts.text_reader import Prompt

BARS = 80
"""Bars of a wave: one for each two pixels of its picture."""
WIDTH, HEIGHT = 160, 36
PICTURE = (1280, 1250)
HEARD = "wav"
"""Ending of the file that is played and drawn: most callers hear 8 kHz."""

LANGUAGE_NAMES = {"tr": "Turkish", "en": "English"}

TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), undefined=StrictUndefined,
                        autoescape=True, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)

MEASURES: tuple[tuple[str, str, Callable[[QualityCheck, str], str]], ...] = (
    ("Samples at full scale", "0", lambda checked,
        ending: str(sum(one.clipped for one in checked.measures_of(ending)))),
    ("Loudness, softest to loudest", f"{MOST_SPREAD_DB:.0f} dB",
     lambda checked, ending: f"{checked.loudness_spread(ending):.1f} dB"),
    ("Silence before the words", f"{MOST_SILENCE_MS} ms",
     lambda checked, ending: f"{max((one.lead_ms for one in checked.measures_of(ending)), default=0)} ms"),
    ("Silence after the words", f"{MOST_SILENCE_MS} ms",
     lambda checked, ending: f"{max((one.tail_ms for one in checked.measures_of(ending)), default=0)} ms"),
    ("Step at an end or a join", f"{MOST_STEP_DBFS:.0f} dBFS",
     lambda checked, ending: f"{max((one.step for one in checked.measures_of(ending)), default=-math.inf):.0f} dBFS"),
)
"""Name of each measurement, its limit, and the function that returns its value at one rate."""


class BuiltSounds(NamedTuple):
    """A folder of sounds as the page needs it."""

    root: Path
    href: str
    """Path of the folder as seen from the page."""
    entries: Mapping[str, Entry]
    checked: QualityCheck
    old: list[str]
    """Recordings that are not played, because their text was changed."""
    lacking: Mapping[str, list[str]]
    """Keys by language that callers hear in the first language instead."""


def render_page(prompts: Mapping[str, Prompt], built: BuiltSounds) -> str:
    """Return the whole page."""
    lists = [("To fix", list(map(str, built.checked.findings))),
             ("Recorded with another text: record them again", built.old),
             *((f"Said in Turkish to callers who chose {LANGUAGE_NAMES[language]}", keys)
               for language, keys in built.lacking.items())]
    return TEMPLATES.get_template("report.html.j2").render(
        title="Santral: what is said", prompts=prompts, built=built, lists=lists, rates=FORMATS.values(),
        minutes=sum(each[HEARD].seconds for each in built.checked.measures.values() if HEARD in each) / 60,
        measures=[(title, [most, *(tell(built.checked, ending) for ending in FORMATS)])
                  for title, most, tell in MEASURES],
        waiting=_render_synthesised(prompts, built), languages=LANGUAGE_NAMES, heard=HEARD, wave=draw_wave, width=WIDTH,
        height=HEIGHT, text_to_search=_text_to_search)


def take_screenshot(page: Path, out: Path) -> None:
    """Save the top of the page as PNG, as a real browser shows it. Raise VoiceError if Chromium is missing or fails."""
    with tempfile.TemporaryDirectory(prefix="prompt-", ignore_cleanup_errors=True) as profile:
        # Chromium refuses to run as root with a sandbox.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        run_program(["chromium", "--headless=new", *sandbox, "--disable-gpu", "--hide-scrollbars",
                     f"--user-data-dir={profile}", f"--window-size={PICTURE[0]},{PICTURE[1]}",
                     f"--screenshot={out.resolve()}", page.resolve().as_uri()])
    if not out.is_file():
        raise VoiceError(f"chromium drew nothing into {out}")


def draw_wave(path: Path) -> str:
    """Return the path of an SVG that shows the wave of a sound, or an empty path if the sound cannot be read."""
    try:
        segment = sound_level.load_wav(path)
    except SoundError:
        return ""
    samples = np.frombuffer(segment.raw_data, dtype=np.int16).astype(np.float64)
    edges = np.linspace(0, len(samples), BARS + 1).astype(int)
    middle, strokes = HEIGHT / 2, []
    for bar, (low, high) in enumerate(pairwise(edges)):
        # Silence is drawn as a thin line, so that every bar is visible.
        reach = np.abs(samples[low:high]).max(initial=0.0) / -sound_level.LOWEST * middle
        strokes.append(f"M{bar * WIDTH / BARS + 1:.0f} {middle - max(reach, 0.5):.1f}v{2 * max(reach, 0.5):.1f}")
    return "".join(strokes)


def _render_synthesised(prompts: Mapping[str, Prompt], built: BuiltSounds) -> dict[tuple[str, str], list[str]]:
    """Return the prompts that synthesis still says, by language and group.

    A slow version is stretched from the normal one and does not count.
    """
    waiting: dict[tuple[str, str], list[str]] = {}
    for id_, prompt in prompts.items():
        entry = built.entries.get(id_)
        if not prompt.slow and entry is not None and entry.backend != "recorded":
            waiting.setdefault((prompt.language, prompt.group), []).append(id_)
    return waiting


def _text_to_search(prompt: Prompt) -> str:
    """Return the text in which words are searched, in small letters of Turkish."""
    return f"{prompt.id} {prompt.group} {prompt.text}".replace("I", "ı").replace("İ", "i").lower()
