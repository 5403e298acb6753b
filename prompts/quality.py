"""Whether a folder of built sounds is fit to be heard: every file is read and measured, and all that is wrong is told.

What is measured, at both rates: samples at full scale; loudness, the RMS of the spoken windows (`prompts.level`); the
silence at both ends, by windows of 5 ms that peak more than 42 dB below the prompt's peak; and the largest step from
one sample to the next where a sound begins or ends and where pieces were joined, which is heard as a click.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from prompts import level
from prompts.catalogue import FORMATS, PAUSES, Prompt
from prompts.errors import SoundTrouble
from prompts.manifest import Entry, Manifest

MOST_SPREAD_DB = 2.0
"""Between the loudest and the softest prompt of a rate: less than a listener notices from one sentence to the next."""

MOST_SILENCE_MS = 60
"""At either end: two pieces of a number are then no further apart than words."""

MOST_STEP_DBFS = -40.0
"""A step below this is lost in the quantisation of A-law beside speech; above it is a click."""

WINDOW_MS = 5
JOIN_S = 0.0005
"""So far around the moment of a join, for what resampling smears. Further on a voice may rise as it likes."""


class Quality(NamedTuple):
    """What was measured of one file. Levels in dBFS."""

    rate: int
    seconds: float
    peak: float
    loudness: float
    clipped: int
    """Samples at full scale."""
    lead_ms: int
    tail_ms: int
    step: float
    """The largest at the ends and at the joins of pieces."""


class Finding(NamedTuple):
    """Something that is wrong with a sound."""

    id: str
    what: str

    def __str__(self) -> str:
        return f"{self.id}: {self.what}"


class Checked(NamedTuple):
    """A folder, measured."""

    measures: Mapping[str, Mapping[str, Quality]]
    """By prompt (`Prompt.id`), then by ending of the file."""
    findings: Sequence[Finding]

    def of(self, ending: str) -> list[Quality]:
        """All that was measured of one rate."""
        return [each[ending] for each in self.measures.values() if ending in each]

    def spread(self, ending: str) -> float:
        """dB between the loudest and the softest prompt."""
        loud = [one.loudness for one in self.of(ending)]
        return max(loud) - min(loud) if loud else 0.0

    def summary(self, ending: str) -> str:
        """The extremes of one rate, on a line."""
        found = self.of(ending)
        if not found:
            return f"{FORMATS[ending]} Hz: no sounds"
        loud, step = [one.loudness for one in found], max(one.step for one in found)
        return (
            f"{FORMATS[ending]} Hz: {len(found)} sounds, {sum(one.clipped for one in found)} clipped samples, loudness "
            f"{min(loud)} to {max(loud)} dBFS (spread {self.spread(ending):.2f} dB), silence at the ends at most "
            f"{max(one.lead_ms for one in found)} and {max(one.tail_ms for one in found)} ms, largest step at ends and "
            f"joins {step} dBFS"
        )


def check(root: Path, prompts: Mapping[str, Prompt]) -> Checked:
    """Measure everything below `root`. Nothing is raised for a bad sound: it is a finding. CatalogueTrouble when the
    manifest cannot be understood."""
    manifest = Manifest.read(root)
    if manifest is None:
        return Checked({}, [Finding(str(root), f"no sounds are built there: santral prompts build --out {root}")])
    findings = [] if manifest.complete else [Finding(str(root), "its build did not end: build again")]
    measures: dict[str, dict[str, Quality]] = {}
    for key, prompt in prompts.items():
        entry = manifest.entries.get(key)
        if entry is None:
            findings.append(Finding(key, f"not built: santral prompts build --out {root}"))
            continue
        for ending, rate in FORMATS.items():
            name = f"{prompt.place}.{ending}"
            try:
                found = measured(root / name, entry.joins.get(name, ()))
            except SoundTrouble as error:
                findings.append(Finding(key, str(error)))
                continue
            measures.setdefault(key, {})[ending] = found
            findings += [Finding(key, f"{ending}: {fault}") for fault in faults(found, rate)]
    findings += _beside(root, manifest.entries)
    checked = Checked(measures, findings)
    for ending in FORMATS:
        if checked.spread(ending) > MOST_SPREAD_DB:
            order = sorted((each[ending].loudness, key) for key, each in measures.items() if ending in each)
            what = f"loudness spreads over {checked.spread(ending):.1f} dB, {MOST_SPREAD_DB} at most"
            findings.append(Finding(ending, f"{what}: softest {order[0][1]}, loudest {order[-1][1]}"))
    return checked


def faults(found: Quality, rate: int) -> Iterator[str]:
    """What is wrong with one file by itself."""
    if found.rate != rate:
        yield f"{found.rate} Hz instead of {rate}"
    if found.clipped:
        yield f"{found.clipped} samples at full scale"
    for end, ms in (("before", found.lead_ms), ("after", found.tail_ms)):
        if ms > MOST_SILENCE_MS:
            yield f"{ms} ms of silence {end} the words, {MOST_SILENCE_MS} at most"
    if found.step > MOST_STEP_DBFS:
        yield f"a step of {found.step:.0f} dBFS at an end or a join, heard as a click; {MOST_STEP_DBFS:.0f} at most"


def measured(path: Path, joins: Sequence[float] = ()) -> Quality:
    """Measure one file. `joins`: seconds at which pieces were joined. SoundTrouble when it cannot be read, is not mono
    or holds nothing."""
    segment = level.load(path)
    if segment.channels != 1:
        raise SoundTrouble(f"{path.name}: {segment.channels} channels, one is needed")
    if level.silent(segment):
        raise SoundTrouble(f"{path.name}: no sound in it")
    samples = np.frombuffer(segment.raw_data, dtype=np.int16).astype(np.float64)
    rate = segment.frame_rate
    window = rate * WINDOW_MS // 1000
    peaks = np.abs(samples[: len(samples) // window * window]).reshape(-1, window).max(axis=1)
    floor = np.abs(samples).max() / 10 ** (level.SILENCE_BELOW_PEAK_DB / 20)
    loud = np.flatnonzero(peaks > floor)
    steps = np.abs(np.diff(samples, prepend=0.0, append=0.0))  # before and after a sound there is silence
    around = round(rate * JOIN_S)
    places = [slice(0, 1), slice(-1, None), *(slice(max(0, at - around), at + around)
                                              for at in (round(join * rate) for join in joins))]  # fmt: skip
    step = max(float(steps[place].max(initial=0.0)) for place in places)
    return Quality(
        rate, round(len(samples) / rate, 3), round(segment.max_dBFS, 2), round(level.speech_rms(segment), 2),
        int((np.abs(samples) >= level.FULL_SCALE).sum()), int(loud[0]) * WINDOW_MS,
        int(len(peaks) - 1 - loud[-1]) * WINDOW_MS,
        round(20 * math.log10(step / -level.LOWEST), 1) if step else -math.inf,
    )  # fmt: skip


def _beside(root: Path, entries: Mapping[str, Entry]) -> Iterator[Finding]:
    """What is there beside the prompts: the music and the pauses, which only have to be whole."""
    for key, entry in entries.items():
        for name in entry.sha256 if key in PAUSES or key.startswith("moh/") else ():
            try:
                level.load(root / name)
            except SoundTrouble as error:
                yield Finding(key, str(error))
