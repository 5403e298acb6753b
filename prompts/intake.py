"""Recordings as a studio delivers them: matched to prompts by name, and every fault of every file found before one of
them is taken in.

What is wrong with a recording cannot be mended here: a wave cut off at full scale, a room that is heard, a sentence
that is not whole. So it is told, with what to do, and the old sound stays.
"""

from __future__ import annotations

import difflib
import math
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from prompts import level
from prompts.catalogue import Prompt
from prompts.errors import PromptError, SoundTrouble
from prompts.process import run
from prompts.studio import ENDINGS
from prompts.text import SLOW_SPEED, pieces

NOT_WANTED = (".mp3", ".m4a", ".aac", ".ogg", ".opus", ".wma", ".aif", ".aiff", ".amr", ".gsm")
"""Sounds, but none that may be built from: losses add up, and what these hold is easily a copy of a copy."""

LOWEST_RATE = 16_000
LOWEST_BITS = 16

SHORTEST_SYLLABLE_S, LONGEST_SYLLABLE_S = 0.09, 0.5
"""People read aloud with 0.14 to 0.25 s a syllable, espeak-ng with 0.28; a name of one syllable takes 0.5."""
SLACK_S = 2.0
"""Silence at the ends and breaths, over what the pauses of the text take."""

LOUDNESS_DBFS = (-38.0, -10.0)
"""Of the spoken part, as recorded. Softer: the noise of the room is lifted with the voice; louder: no room is left."""

EDGE_MS = 100
"""So much at both ends must be silent: it shows the noise of the room, and no sound of the word is cut off."""
LEAST_ABOVE_NOISE_DB = 35.0
"""The voice over the room: at -21 dBFS the noise is then below -56, about the noise of A-law itself."""
VOICE_BEGINS_DB = 15.0
"""An end that is not softer than the voice by this is no noise: somebody speaks there already."""

HEADER = re.compile(r"Channels\s*: (\d+)\nSample Rate\s*: (\d+)\nPrecision\s*: (\d+)-bit\nDuration.* = (\d+) samples")
"""What sox tells of a file."""
DAMAGED = re.compile(rb"sox (?:WARN|FAIL) (?!dither|rate|gain)[^\n]*")
"""What sox says of a file that ends too early or whose sum is wrong; its exit code does not tell."""

VOWELS = {"tr": re.compile("[aeıioöuüâîû]"), "en": re.compile("[aeiouy]+|[0-9]")}
"""What makes a syllable: in Turkish every vowel does."""


class Delivery(NamedTuple):
    """What a folder holds."""

    good: Mapping[Path, Prompt]
    faults: list[str]
    """`file: what is wrong; what to do`, one for each fault of each file."""


def look(folder: Path, prompts: Mapping[str, Prompt]) -> Delivery:
    """Every sound below `folder`, checked. SoundTrouble when there is no such folder."""
    if not folder.is_dir():
        raise SoundTrouble(f"the folder of recordings {folder} does not exist")
    run(["sox", "--version"])  # without it every file would look damaged
    good: dict[Path, Prompt] = {}
    faults: list[str] = []
    by_id: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        suffix = path.suffix.lower()
        if path.name.startswith(".") or not path.is_file() or suffix not in (*ENDINGS, *NOT_WANTED):
            continue
        name = path.relative_to(folder)
        if suffix in NOT_WANTED:
            faults.append(f"{name}: {suffix[1:]} is not taken; deliver WAV or FLAC")
            continue
        id_ = name.with_suffix("").as_posix().lower()
        if id_ not in prompts:
            near = difflib.get_close_matches(id_, prompts, 1)
            faults.append(f"{name}: no prompt has this name{f'; is it {near[0]}?' if near else ''}")
            continue
        by_id.setdefault(id_, []).append(path)
    for id_, paths in by_id.items():
        if len(paths) > 1:
            names = ", ".join(str(path.relative_to(folder)) for path in paths)
            faults.append(f"{names}: recordings of one prompt; keep one")
            continue
        found = [f"{paths[0].relative_to(folder)}: {fault}" for fault in faults_of(paths[0], prompts[id_])]
        faults += found
        if not found:
            good[paths[0]] = prompts[id_]
    return Delivery(good, faults)


def faults_of(path: Path, prompt: Prompt) -> Iterator[str]:
    """What is wrong with one recording of a prompt."""
    try:
        header = HEADER.search(run(["sox", "--info", path]).stdout.decode("utf-8", "replace"))
    except PromptError:
        header = None
    if header is None:
        yield "damaged, or not what its name says; deliver it again"
        return
    channels, rate, bits, samples = map(int, header.groups())
    seconds = samples / rate
    if rate < LOWEST_RATE:
        yield f"{rate} Hz; {LOWEST_RATE} at least, 48000 is usual. A file that was raised afterwards does not help"
    if channels != 1:
        yield f"{channels} channels; mix it to one"
    if bits < LOWEST_BITS:
        yield f"{bits} bit; {LOWEST_BITS} at least"
    shortest, longest = lengths(prompt)
    if not shortest <= seconds <= longest:
        yield (f"{seconds:.1f} s for {prompt.text!r}, which takes {shortest:.1f} to {longest:.1f} s: "
               + ("a part is missing" if seconds < shortest else "there is more in it than this sentence"))  # fmt: skip
        if seconds > longest:
            return  # an hour of sound is not read
    with tempfile.TemporaryDirectory(prefix="prompt-") as name:
        plain = Path(name) / "plain.wav"
        try:
            done = run(["sox", "-R", path, "-b", "16", "-e", "signed-integer", "-c", "1", plain])
        except PromptError:
            yield "damaged: it cannot be read to its end; deliver it again"
            return
        if DAMAGED.search(done.stderr):
            yield "damaged: it ends too early, or its sum is wrong; deliver it again"
            return
        yield from _by_ear(level.load(plain))


def lengths(prompt: Prompt) -> tuple[float, float]:
    """The shortest and the longest time in seconds in which somebody says it."""
    text = prompt.text.replace("İ", "i").replace("I", "ı" if prompt.language == "tr" else "i").lower()
    syllables = max(1, len(VOWELS[prompt.language].findall(text)))
    pauses = sum(piece.pause_ms for piece in pieces(prompt.text, slow=prompt.slow)) / 1000
    slower = 1 / SLOW_SPEED if prompt.slow else 1.0
    return SHORTEST_SYLLABLE_S * syllables, (LONGEST_SYLLABLE_S * syllables + SLACK_S) * slower + 2 * pauses


def _by_ear(segment: Any) -> Iterator[str]:
    if level.silent(segment):
        yield "silent"
        return
    try:
        level.refuse_clipped(segment, "the wave")
    except SoundTrouble as error:
        yield str(error)
    loudness = level.speech_rms(segment)
    softest, loudest = LOUDNESS_DBFS
    if not softest <= loudness <= loudest:
        yield (f"loudness {loudness:.0f} dBFS; between {softest:.0f} and {loudest:.0f}: record it "
               + ("nearer or with more gain" if loudness < softest else "with less gain"))  # fmt: skip
    ends = {"beginning": segment[:EDGE_MS], "end": segment[-EDGE_MS:]}
    noise = {where: end.dBFS for where, end in ends.items()}
    for where, dbfs in noise.items():
        if dbfs > loudness - VOICE_BEGINS_DB:
            yield f"no silence at its {where}; leave a quarter of a second, or the word is cut"
    rooms = [dbfs for dbfs in noise.values() if dbfs <= loudness - VOICE_BEGINS_DB]
    above = loudness - max(rooms) if rooms else math.inf
    if above < LEAST_ABOVE_NOISE_DB:
        yield f"the voice is only {above:.0f} dB above the noise of the room; {LEAST_ABOVE_NOISE_DB:.0f} at least"
