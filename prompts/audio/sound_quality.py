"""Check whether a folder of built sounds is good enough to be played. Every file is measured, and all faults are told.

At both rates the check measures:

* samples at full scale
* loudness, the RMS of the spoken windows (`prompts.audio.sound_level`)
* silence at both ends, by windows of 5 ms that peak more than 42 dB below the prompt's peak
* the largest step between two samples at an end or where pieces were joined, which is heard as a click
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from prompts.audio import sound_level
from prompts.catalogue import FORMATS
from prompts.errors import SoundError
from prompts.manifest import Entry, Manifest
from prompts.text_reader import PAUSES, Prompt

MOST_SPREAD_DB = 2.0
"""Distance from the softest to the loudest prompt of a rate. Listeners notice nothing between two sentences."""

MOST_SILENCE_MS = 60
"""Silence at either end. Two pieces of a number are then no further apart than words."""

MOST_STEP_DBFS = -40.0
"""Largest step. A smaller one is lost in the quantisation of A-law, next to speech. A larger one is a click."""

WINDOW_MS = 5
JOIN_S = 0.0005
"""Time around a join that is measured, because resampling smears it. Further away a voice may rise freely."""


class Quality(NamedTuple):
    """Measurements of one file. Levels are in dBFS."""

    rate: int
    seconds: float
    peak: float
    loudness: float
    clipped: int
    """Samples at full scale."""
    lead_ms: int
    tail_ms: int
    step: float
    """Largest step at the ends and at the joins of pieces."""


class Finding(NamedTuple):
    """A fault of a sound."""

    id: str
    what: str

    def __str__(self) -> str:
        return f"{self.id}: {self.what}"


class QualityCheck(NamedTuple):
    """Measurements and faults of a folder."""

    measures: Mapping[str, Mapping[str, Quality]]
    """Measurements by prompt (`Prompt.id`), then by ending of the file."""
    findings: Sequence[Finding]

    def measures_of(self, ending: str) -> list[Quality]:
        """Return all measurements of one rate."""
        return [each[ending] for each in self.measures.values() if ending in each]

    def loudness_spread(self, ending: str) -> float:
        """Return the dB between the loudest and the softest prompt."""
        loud = [one.loudness for one in self.measures_of(ending)]
        return max(loud) - min(loud) if loud else 0.0

    def summarise_rate(self, ending: str) -> str:
        """Return the extremes of one rate, on one line."""
        found = self.measures_of(ending)
        if not found:
            return f"{FORMATS[ending]} Hz: no sounds"
        loud, step = [one.loudness for one in found], max(one.step for one in found)
        return (
            f"{FORMATS[ending]} Hz: {len(found)} sounds, {sum(one.clipped for one in found)} clipped samples, loudness "
            f"{min(loud)} to {max(loud)} dBFS (spread {self.loudness_spread(ending):.2f} dB), silence at the ends at "
            f"most "
            f"{max(one.lead_ms for one in found)} and {max(one.tail_ms for one in found)} ms, largest step at ends and "
            f"joins {step} dBFS"
        )


def check_sounds(root: Path, prompts: Mapping[str, Prompt]) -> QualityCheck:
    """Measure all sounds below `root`. A bad sound is a finding and raises nothing.

    Raise CatalogueError if the manifest cannot be understood.
    """
    # 1. The folder as a whole.
    manifest = Manifest.read_manifest(root)
    if manifest is None:
        return QualityCheck({}, [Finding(str(root), f"no sounds are built there: santral prompts build --out {root}")])
    findings = [] if manifest.complete else [Finding(str(root), "its build did not end: build again")]
    # 2. Each prompt by itself, at both rates.
    measures: dict[str, dict[str, Quality]] = {}
    for key, prompt in prompts.items():
        entry = manifest.entries.get(key)
        if entry is None:
            findings.append(Finding(key, f"not built: santral prompts build --out {root}"))
            continue
        for ending, rate in FORMATS.items():
            name = f"{prompt.place}.{ending}"
            try:
                found = measure_file(root / name, entry.joins.get(name, ()))
            except SoundError as error:
                findings.append(Finding(key, str(error)))
                continue
            measures.setdefault(key, {})[ending] = found
            findings += [Finding(key, f"{ending}: {fault}") for fault in find_faults(found, rate)]
    # 3. Music and pauses, then the prompts compared with each other.
    findings += _check_others(root, manifest.entries)
    checked = QualityCheck(measures, findings)
    for ending in FORMATS:
        if checked.loudness_spread(ending) > MOST_SPREAD_DB:
            order = sorted((each[ending].loudness, key) for key, each in measures.items() if ending in each)
            what = f"loudness spreads over {checked.loudness_spread(ending):.1f} dB, {MOST_SPREAD_DB} at most"
            findings.append(Finding(ending, f"{what}: softest {order[0][1]}, loudest {order[-1][1]}"))
    return checked


def find_faults(found: Quality, rate: int) -> Iterator[str]:
    """Yield the faults of one file by itself."""
    if found.rate != rate:
        yield f"{found.rate} Hz instead of {rate}"
    if found.clipped:
        yield f"{found.clipped} samples at full scale"
    for end, ms in (("before", found.lead_ms), ("after", found.tail_ms)):
        if ms > MOST_SILENCE_MS:
            yield f"{ms} ms of silence {end} the words, {MOST_SILENCE_MS} at most"
    if found.step > MOST_STEP_DBFS:
        yield f"a step of {found.step:.0f} dBFS at an end or a join, heard as a click; {MOST_STEP_DBFS:.0f} at most"


def measure_file(path: Path, joins: Sequence[float] = ()) -> Quality:
    """Measure one file. `joins` has the seconds at which pieces were joined.

    Raise SoundError if the file cannot be read, is not mono or holds nothing.
    """
    # 1. Refuse files that cannot be measured.
    segment = sound_level.load_wav(path)
    if segment.channels != 1:
        raise SoundError(f"{path.name}: {segment.channels} channels, one is needed")
    if sound_level.is_silent(segment):
        raise SoundError(f"{path.name}: no sound in it")
    # 2. Find the silence at both ends.
    samples = np.frombuffer(segment.raw_data, dtype=np.int16).astype(np.float64)
    rate = segment.frame_rate
    window = rate * WINDOW_MS // 1000
    peaks = np.abs(samples[: len(samples) // window * window]).reshape(-1, window).max(axis=1)
    floor = np.abs(samples).max() / 10 ** (sound_level.SILENCE_BELOW_PEAK_DB / 20)
    loud = np.flatnonzero(peaks > floor)
    # 3. Find the largest step. Before and after a sound there is silence, so both ends count as steps from 0.
    steps = np.abs(np.diff(samples, prepend=0.0, append=0.0))
    around = round(rate * JOIN_S)
    places = [slice(0, 1), slice(-1, None), *(slice(max(0, at - around), at + around)
                                              for at in (round(join * rate) for join in joins))]  # fmt: skip
    step = max(float(steps[place].max(initial=0.0)) for place in places)
    return Quality(
        rate, round(len(samples) / rate, 3), round(segment.max_dBFS, 2), round(sound_level.speech_rms(segment), 2),
        int((np.abs(samples) >= sound_level.FULL_SCALE).sum()), int(loud[0]) * WINDOW_MS,
        int(len(peaks) - 1 - loud[-1]) * WINDOW_MS,
        round(20 * math.log10(step / -sound_level.LOWEST), 1) if step else -math.inf,
    )  # fmt: skip


def _check_others(root: Path, entries: Mapping[str, Entry]) -> Iterator[Finding]:
    """Yield faults of sounds other than prompts. The music and the pauses only have to be readable."""
    for key, entry in entries.items():
        for name in entry.sha256 if key in PAUSES or key.startswith("moh/") else ():
            try:
                sound_level.load_wav(root / name)
            except SoundError as error:
                yield Finding(key, str(error))
