"""Cut silence off, bring every prompt to one loudness, and refuse sounds that cannot be used. For builds only.

pydub holds the audio. It is imported on first use, because it is heavy, warns at import, and is not needed in a call.
"""

from __future__ import annotations

import math
import os
import warnings
import wave
from array import array
from pathlib import Path
from typing import Any, NamedTuple

from prompts.errors import SoundError

PEAK_DBFS = -3.0
"""Highest peak of a prompt. The rest is room for A-law and for what a codec adds."""

RMS_DBFS = -21.0
"""Loudness of the spoken part. espeak-ng and mbrola are between -20 and -23 with a peak of -3."""

HIGHEST_PEAK_DBFS = -1.0
RMS_WINDOW_DBFS = (-22.5, -20.5)
"""Limits of a finished prompt. Two prompts within this window are never more than 2 dB apart."""

MOST_LIMITED_DB = 6.0
"""Limit for pressing single peaks down, so that the rest can be as loud as in other prompts.

Synthetic voices and clean recordings need up to 4 dB. More would be heard, and comes from a click or a bang.
"""

CLIPPED_RUN = 3
"""Samples in a row at full scale that mean a clipped wave. One or two may be a peak that just fits."""

FULL_SCALE = 32767
LOWEST = -32768
WINDOW_MS = 50
"""Length of the windows in which loudness is measured."""
BOUND_MS = 10
"""Length of the windows in which the ends of a sound are looked for."""
LOUD_SHARE = 10
"""Inverse share of windows that defines how loud the voice gets. A smaller share may be a bang."""

BELOW_LOUD_DB, ABOVE_LOUD_DB = 25.0, 10.0
"""Distance from that loudness within which a window counts as speech. Pauses would lower the result, bangs raise it."""

FAINTEST_PEAK_DBFS = -55.0
"""Peak below which a sound is nothing but noise."""

SILENCE_BELOW_PEAK_DB = 42.0
"""Distance from the peak below which the ends are silence."""

KEPT_MS = 30
"""Silence left at both ends, so that soft consonants stay complete."""

FADE_MS = 8
"""Length of the fades at both ends, against clicks."""


class LevelMeasure(NamedTuple):
    """Levels in dBFS. `rms` belongs to the spoken part."""

    peak: float
    rms: float
    seconds: float


def pydub_segment() -> Any:
    """Return pydub's AudioSegment without its import warnings. Call this once before any thread."""
    with warnings.catch_warnings():
        # pydub warns that ffmpeg is missing, but WAV needs none.
        warnings.simplefilter("ignore")
        from pydub import AudioSegment
    return AudioSegment


def load_wav(path: Path) -> Any:
    """Load a 16 bit PCM WAV as a pydub segment. Raise SoundError if the file is not one."""
    try:
        with wave.open(str(path), "rb") as file:
            width, rate, channels = file.getsampwidth(), file.getframerate(), file.getnchannels()
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise SoundError(f"{path.name}: not a readable WAV file ({error})") from error
    if width != 2:
        raise SoundError(f"{path.name}: {8 * width} bit, 16 are needed")
    return pydub_segment()(data=data, sample_width=width, frame_rate=rate, channels=channels)


def save_wav(segment: Any, path: Path) -> None:
    """Write a WAV completely or not at all: under another name in the same folder, then renamed."""
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


def make_silence(ms: int, like: Any) -> Any:
    """Return silence with the rate and width of another segment."""
    return pydub_segment().silent(duration=ms, frame_rate=like.frame_rate).set_sample_width(like.sample_width)


def trim_silence(segment: Any, name: str) -> Any:
    """Return the sound without the silence at both ends. Raise SoundError if there is nothing but silence."""
    begin, end = sound_bounds(segment, name)
    return segment[begin:end]


def sound_bounds(segment: Any, name: str) -> tuple[int, int]:
    """Return the milliseconds between which the sound is heard, with a margin. Raise SoundError for silence."""
    if is_silent(segment):
        raise SoundError(f"{name}: no sound in it")
    # Imported here, because it loads numpy, which is not needed in a call.
    from prompts.audio.sound_windows import measure_peaks

    # The limit follows the peak, because recordings and voices differ in level.
    floor = segment.max * 10 ** (-SILENCE_BELOW_PEAK_DB / 20)
    loud = [number for number, peak in enumerate(measure_peaks(segment, BOUND_MS)) if peak > floor]
    return max(0, loud[0] * BOUND_MS - KEPT_MS), (loud[-1] + 1) * BOUND_MS + KEPT_MS


def is_silent(segment: Any) -> bool:
    """Return whether a sound is empty or nothing but noise."""
    return len(segment) == 0 or bool(segment.max_dBFS < FAINTEST_PEAK_DBFS)


def peak_excess_db(segment: Any) -> float:
    """Return the dB by which peaks would exceed `PEAK_DBFS` with the voice at `RMS_DBFS`. Below 0 they fit."""
    return float((RMS_DBFS - speech_rms(segment)) - (PEAK_DBFS - segment.max_dBFS))


def fade_ends(segment: Any) -> Any:
    """Return the sound without a step at both ends."""
    return segment.fade_in(FADE_MS).fade_out(FADE_MS)


def level_sound(segment: Any) -> Any:
    """Return the sound at `RMS_DBFS`, or as near to it as a peak of `PEAK_DBFS` allows."""
    gain = min(RMS_DBFS - speech_rms(segment), PEAK_DBFS - segment.max_dBFS)
    return fade_ends(segment.apply_gain(gain))


def speech_rms(segment: Any) -> float:
    """Return the dBFS of the windows with speech, or -inf for silence."""
    # Imported here, because it loads numpy, which is not needed in a call.
    from prompts.audio.sound_windows import measure_powers

    # 1. Measure how loud the voice gets.
    windows = sorted(measure_powers(segment, WINDOW_MS), reverse=True)
    loud = windows[len(windows) // LOUD_SHARE] if windows else 0
    if loud == 0:
        return -math.inf
    # 2. Measure only windows near that loudness.
    low, high = loud / 10 ** (BELOW_LOUD_DB / 20), loud * 10 ** (ABOVE_LOUD_DB / 20)
    active = [rms for rms in windows if low <= rms <= high]
    return 20 * math.log10(math.sqrt(sum(rms * rms for rms in active) / len(active)) / segment.max_possible_amplitude)


def measure_levels(segment: Any, name: str) -> LevelMeasure:
    """Return the levels of a finished prompt. Raise SoundError if it is not good enough to be played."""
    measure = LevelMeasure(round(segment.max_dBFS, 2), round(speech_rms(segment), 2), round(len(segment) / 1000, 3))
    if measure.seconds == 0:
        raise SoundError(f"{name}: no sound in it")
    if measure.peak > HIGHEST_PEAK_DBFS:
        raise SoundError(f"{name}: peak {measure.peak} dBFS is above {HIGHEST_PEAK_DBFS}")
    low, high = RMS_WINDOW_DBFS
    if not low <= measure.rms <= high:
        raise SoundError(
            f"{name}: loudness {measure.rms} dBFS is outside {low} to {high} even after levelling; a click or a bang "
            "in it is much louder than the voice: record it again"
        )
    return measure


def refuse_clipped(segment: Any, name: str) -> None:
    """Raise SoundError if a wave is cut off at full scale, because levelling cannot repair that."""
    for channel in segment.split_to_mono():
        run, before = 0, 0
        for sample in _channel_samples(channel):
            # A clipped wave stays on the same side. A change of sign is a loud but complete wave.
            sign = (sample >= FULL_SCALE) - (sample <= -FULL_SCALE)
            run = run + 1 if sign and sign == before else abs(sign)
            before = sign
            if run >= CLIPPED_RUN:
                raise SoundError(
                    f"{name}: clipped ({CLIPPED_RUN} samples in a row at full scale); record it again with less gain"
                )


def _channel_samples(channel: Any) -> array[int]:
    samples: array[int] = array("h")
    samples.frombytes(channel.raw_data)
    return samples
