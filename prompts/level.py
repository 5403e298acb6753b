"""Levels: cut silence off, bring every prompt to one loudness, refuse what cannot be used. Build time only.

pydub holds the audio; it is imported on first use, because it is heavy, warns at import, and nothing that runs in a
call needs it.
"""

from __future__ import annotations

import math
import os
import warnings
import wave
from array import array
from pathlib import Path
from typing import Any, NamedTuple

from prompts.errors import SoundTrouble

PEAK_DBFS = -3.0
"""No prompt peaks above this: room for A-law and for what a codec adds."""

RMS_DBFS = -21.0
"""Loudness of the spoken part. espeak-ng and mbrola lie between -20 and -23 with a peak of -3."""

HIGHEST_PEAK_DBFS = -1.0
RMS_WINDOW_DBFS = (-22.5, -20.5)
"""Outside of these a finished prompt is refused: two that lie inside are never more than 2 dB apart."""

MOST_LIMITED_DB = 6.0
"""Peaks that stand out of a voice are pressed by so much at most, so that the rest can be as loud as in other prompts.
Synthetic voices and clean recordings need up to 4; more would be heard, and is a click or a bang."""

CLIPPED_RUN = 3
"""So many samples in a row at full scale are a clipped wave; one or two may be a peak that just fits."""

FULL_SCALE = 32767
LOWEST = -32768
WINDOW_MS = 50
LOUD_SHARE = 10
"""What is reached by one window in ten is how loud the voice gets; fewer may be a bang."""

BELOW_LOUD_DB, ABOVE_LOUD_DB = 25.0, 10.0
"""A window counts as speech when it is not further from that: pauses would lower the loudness, bangs raise it."""

FAINTEST_PEAK_DBFS = -55.0
"""What peaks below this holds nothing but noise."""

SILENCE_BELOW_PEAK_DB = 42.0
"""What is further below the peak is silence at the ends."""

KEPT_MS = 30
"""Left of the silence at both ends, so that soft consonants stay whole."""

FADE_MS = 8
"""At both ends, against clicks."""


class Measure(NamedTuple):
    """Levels in dBFS. `rms` is that of the spoken part."""

    peak: float
    rms: float
    seconds: float


def pydub_segment() -> Any:
    """pydub's AudioSegment, its import warnings tamed (WAV needs no ffmpeg). Call it once before any thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pydub import AudioSegment
    return AudioSegment


def load(path: Path) -> Any:
    """A 16 bit PCM WAV as a pydub segment. SoundTrouble when it is none."""
    try:
        with wave.open(str(path), "rb") as file:
            width, rate, channels = file.getsampwidth(), file.getframerate(), file.getnchannels()
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise SoundTrouble(f"{path.name}: not a readable WAV file ({error})") from error
    if width != 2:
        raise SoundTrouble(f"{path.name}: {8 * width} bit, 16 are needed")
    return pydub_segment()(data=data, sample_width=width, frame_rate=rate, channels=channels)


def save(segment: Any, path: Path) -> None:
    """Write a WAV whole or not at all: beside its place, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with scratch.open("wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(segment.channels)
            file.setsampwidth(segment.sample_width)
            file.setframerate(segment.frame_rate)
            file.writeframes(segment.raw_data)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def silence(ms: int, like: Any) -> Any:
    """Silence with the rate and width of another segment."""
    return pydub_segment().silent(duration=ms, frame_rate=like.frame_rate).set_sample_width(like.sample_width)


def trimmed(segment: Any, name: str) -> Any:
    """Without the silence at both ends. SoundTrouble when there is nothing but silence."""
    begin, end = ends(segment, name)
    return segment[begin:end]


def ends(segment: Any, name: str) -> tuple[int, int]:
    """Milliseconds between which it is heard, and a little more. SoundTrouble when there is nothing but silence."""
    if silent(segment):
        raise SoundTrouble(f"{name}: no sound in it")
    floor = segment.max_dBFS - SILENCE_BELOW_PEAK_DB
    step = 10
    loud = [at for at in range(0, len(segment), step) if segment[at : at + step].max_dBFS > floor]
    return max(0, loud[0] - KEPT_MS), loud[-1] + step + KEPT_MS


def silent(segment: Any) -> bool:
    """Nothing in it, or nothing but noise."""
    return len(segment) == 0 or bool(segment.max_dBFS < FAINTEST_PEAK_DBFS)


def standing_out(segment: Any) -> float:
    """dB by which the peaks would be above `PEAK_DBFS` when the voice is at `RMS_DBFS`. Below 0 they fit."""
    return float((RMS_DBFS - speech_rms(segment)) - (PEAK_DBFS - segment.max_dBFS))


def faded(segment: Any) -> Any:
    """Without a step at both ends."""
    return segment.fade_in(FADE_MS).fade_out(FADE_MS)


def levelled(segment: Any) -> Any:
    """At `RMS_DBFS`, or as near as a peak of `PEAK_DBFS` allows."""
    gain = min(RMS_DBFS - speech_rms(segment), PEAK_DBFS - segment.max_dBFS)
    return faded(segment.apply_gain(gain))


def speech_rms(segment: Any) -> float:
    """dBFS of the windows in which somebody speaks; -inf for silence."""
    windows = sorted((segment[at : at + WINDOW_MS].rms for at in range(0, len(segment), WINDOW_MS)), reverse=True)
    loud = windows[len(windows) // LOUD_SHARE] if windows else 0
    if loud == 0:
        return -math.inf
    low, high = loud / 10 ** (BELOW_LOUD_DB / 20), loud * 10 ** (ABOVE_LOUD_DB / 20)
    active = [rms for rms in windows if low <= rms <= high]
    return 20 * math.log10(math.sqrt(sum(rms * rms for rms in active) / len(active)) / segment.max_possible_amplitude)


def measured(segment: Any, name: str) -> Measure:
    """Levels of a finished prompt. SoundTrouble when it is not fit to be heard."""
    measure = Measure(round(segment.max_dBFS, 2), round(speech_rms(segment), 2), round(len(segment) / 1000, 3))
    if measure.seconds == 0:
        raise SoundTrouble(f"{name}: no sound in it")
    if measure.peak > HIGHEST_PEAK_DBFS:
        raise SoundTrouble(f"{name}: peak {measure.peak} dBFS is above {HIGHEST_PEAK_DBFS}")
    low, high = RMS_WINDOW_DBFS
    if not low <= measure.rms <= high:
        raise SoundTrouble(
            f"{name}: loudness {measure.rms} dBFS is outside {low} to {high} even after levelling; a click or a bang "
            "in it is much louder than the voice: record it again"
        )
    return measure


def refuse_clipped(segment: Any, name: str) -> None:
    """SoundTrouble when a wave is cut off at full scale: levelling cannot mend that."""
    for channel in segment.split_to_mono():
        run, before = 0, 0
        for sample in _samples(channel):
            sign = (sample >= FULL_SCALE) - (sample <= -FULL_SCALE)
            run = run + 1 if sign and sign == before else abs(sign)
            before = sign
            if run >= CLIPPED_RUN:
                raise SoundTrouble(
                    f"{name}: clipped ({CLIPPED_RUN} samples in a row at full scale); record it again with less gain"
                )


def _samples(channel: Any) -> array[int]:
    samples: array[int] = array("h")
    samples.frombytes(channel.raw_data)
    return samples
