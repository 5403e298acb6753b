"""Check recordings as a studio delivers them. They are matched to prompts by name.

Every fault of every file is found before any file is taken in. The faults cannot be repaired here: a clipped wave, an
audible room, a sentence that is not complete. So each is reported with a solution, and the old sound remains.
"""

from __future__ import annotations

import difflib
import math
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from prompts.audio import sound_level
from prompts.audio.run_program import run_program
from prompts.errors import PromptError, SoundError
from prompts.studio import ENDINGS
from prompts.text_reader import Prompt
from prompts.verbalise.spoken_length import spoken_bounds

NOT_WANTED = (".mp3", ".m4a", ".aac", ".ogg", ".opus", ".wma", ".aif", ".aiff", ".amr", ".gsm")
"""Endings of sounds that are refused. Losses add up, and such a file is easily a copy of a copy."""

LOWEST_RATE = 16_000
LOWEST_BITS = 16

LOUDNESS_DBFS = (-38.0, -10.0)
"""Limits of the spoken part, as recorded. Softer recordings lift the noise of the room. Louder ones leave no room."""

EDGE_MS = 100
"""Length of silence that both ends need. It shows the noise of the room, and proves that no sound is cut off."""
LEAST_ABOVE_NOISE_DB = 35.0
"""Distance of the voice from the room. At -21 dBFS the noise is then below -56, about the noise of A-law itself."""
VOICE_BEGINS_DB = 15.0
"""Distance from the voice below which an end is no noise: somebody already speaks there."""

HEADER = re.compile(r"Channels\s*: (\d+)\nSample Rate\s*: (\d+)\nPrecision\s*: (\d+)-bit\nDuration.* = (\d+) samples")
"""Pattern of sox's report about a file."""
DAMAGED = re.compile(rb"sox (?:WARN|FAIL) (?!dither|rate|gain)[^\n]*")
"""Pattern of sox's warning about a file that ends too early or has a wrong sum. The exit code does not tell."""


class Fault(NamedTuple):
    """One fault of a recording."""

    kind: str
    """Name of the fault, for a page that says it in other words."""
    what: str
    """The fault and its solution."""

    def __str__(self) -> str:
        return self.what


class Delivery(NamedTuple):
    """Content of a delivered folder."""

    good: Mapping[Path, Prompt]
    faults: list[str]
    """Faults as `file: fault; solution`, one for each fault of each file."""


def check_delivery(folder: Path, prompts: Mapping[str, Prompt]) -> Delivery:
    """Check every sound below `folder`. Raise SoundError if the folder does not exist."""
    if not folder.is_dir():
        raise SoundError(f"the folder of recordings {folder} does not exist")
    # Without sox every file would look damaged.
    run_program(["sox", "--version"])
    good: dict[Path, Prompt] = {}
    faults: list[str] = []
    by_id: dict[str, list[Path]] = {}
    # 1. Match the files to prompts by name.
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
    # 2. Check each recording. Two recordings of one prompt are a question for the studio.
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


def faults_of(path: Path, prompt: Prompt) -> Iterator[Fault]:
    """Yield the faults of one recording of a prompt."""
    # 1. The header, which is cheap to read.
    try:
        header = HEADER.search(run_program(["sox", "--info", path]).stdout.decode("utf-8", "replace"))
    except PromptError:
        header = None
    if header is None:
        yield Fault("damaged", "damaged, or not what its name says; deliver it again")
        return
    channels, rate, bits, samples = map(int, header.groups())
    seconds = samples / rate
    if rate < LOWEST_RATE:
        yield Fault("format", f"{rate} Hz; {LOWEST_RATE} at least, 48000 is usual. A file that was raised afterwards "
                              "does not help")
    if channels != 1:
        yield Fault("format", f"{channels} channels; mix it to one")
    if bits < LOWEST_BITS:
        yield Fault("format", f"{bits} bit; {LOWEST_BITS} at least")
    # 2. The length, compared with the text.
    shortest, longest = duration_bounds(prompt)
    if not shortest <= seconds <= longest:
        short = seconds < shortest
        yield Fault("short" if short else "long",
                    f"{seconds:.1f} s for {prompt.text!r}, which takes {shortest:.1f} to {longest:.1f} s: "
                    + ("a part is missing" if short else "there is more in it than this sentence"))
        if seconds > longest:
            # The file may be an hour of sound, so it is not read.
            return
    # 3. The sound itself.
    with tempfile.TemporaryDirectory(prefix="prompt-") as name:
        plain = Path(name) / "plain.wav"
        try:
            done = run_program(["sox", "-R", path, "-b", "16", "-e", "signed-integer", "-c", "1", plain])
        except PromptError:
            yield Fault("damaged", "damaged: it cannot be read to its end; deliver it again")
            return
        if DAMAGED.search(done.stderr):
            yield Fault("damaged", "damaged: it ends too early, or its sum is wrong; deliver it again")
            return
        yield from _sound_faults(sound_level.load_wav(plain))


def duration_bounds(prompt: Prompt) -> tuple[float, float]:
    """Return the shortest and the longest time in seconds that a person needs for the prompt."""
    return spoken_bounds(prompt.text, prompt.language, slow=prompt.slow)


def _sound_faults(segment: Any) -> Iterator[Fault]:
    if sound_level.is_silent(segment):
        yield Fault("silent", "silent")
        return
    try:
        sound_level.refuse_clipped(segment, "the wave")
    except SoundError as error:
        yield Fault("clipped", str(error))
    # 1. The voice.
    loudness = sound_level.speech_rms(segment)
    softest, loudest = LOUDNESS_DBFS
    if not softest <= loudness <= loudest:
        soft = loudness < softest
        yield Fault("soft" if soft else "loud",
                    f"loudness {loudness:.0f} dBFS; between {softest:.0f} and {loudest:.0f}: record it "
                    + ("nearer or with more gain" if soft else "with less gain"))
    # 2. The room, which only the silent ends show.
    ends = {"beginning": segment[:EDGE_MS], "end": segment[-EDGE_MS:]}
    noise = {where: end.dBFS for where, end in ends.items()}
    for where, dbfs in noise.items():
        if dbfs > loudness - VOICE_BEGINS_DB:
            yield Fault(where, f"no silence at its {where}; leave a quarter of a second, or the word is cut")
    rooms = [dbfs for dbfs in noise.values() if dbfs <= loudness - VOICE_BEGINS_DB]
    above = loudness - max(rooms) if rooms else math.inf
    if above < LEAST_ABOVE_NOISE_DB:
        yield Fault("noise", f"the voice is only {above:.0f} dB above the noise of the room; "
                             f"{LEAST_ABOVE_NOISE_DB:.0f} at least")
