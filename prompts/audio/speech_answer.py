"""Read the sound that a speech service answers with, and refuse everything that is not this sentence."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from prompts.audio import sound_level

LOWEST_RATE, HIGHEST_RATE = 16_000, 48_000
"""Rates that are taken. A lower one lacks the sounds of a 16 kHz file, and no voice has a higher one."""
MOST_CHANNELS = 2
SAMPLE_BYTES = 2
HEADER_BYTES = 65_536
"""Room for everything in an answer that is no sound."""

PCM, EXTENSIBLE = 1, 0xFFFE
"""Formats of a WAV that hold whole numbers."""
UNKNOWN_SIZE = 0x7FFF_0000
"""Sizes from here on, and 0, are written by services that do not know the length when they begin."""

KINDS = {b"ID3": "MP3", b"\xff\xfb": "MP3", b"\xff\xf3": "MP3", b"\xff\xf2": "MP3", b"OggS": "Ogg", b"fLaC": "FLAC",
         b"{": "JSON", b"<": "a page of HTML"}
"""Kind of an answer by its first bytes, for the message."""


class WrongFormat(Exception):
    """The answer is no WAV that can be used. The same question would have the same answer."""


class WrongSound(Exception):
    """The answer is a WAV, but not of this sentence. Another try may be better."""


class SoundLimits(NamedTuple):
    """Limits in seconds for the sound of one text."""

    shortest_s: float
    longest_s: float

    @property
    def most_bytes(self) -> int:
        """Size of the longest sound in the largest format, with a header."""
        return HEADER_BYTES + int(self.longest_s * HIGHEST_RATE) * MOST_CHANNELS * SAMPLE_BYTES


def read_answer(body: bytes, limits: SoundLimits) -> Any:
    """Return the sound of an answer as a mono segment of pydub.

    Raise WrongFormat if the answer is no WAV of 16 bit, and WrongSound if it is cut off, silent, or too short or too
    long for the text.
    """
    # 1. The format.
    if not (body[:4] == b"RIFF" and body[8:12] == b"WAVE"):
        raise WrongFormat(f"it answers with {_name_kind(body)} instead of WAV")
    channels, rate, data = _read_chunks(body)
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise WrongFormat(f"it answers with {rate} Hz; {LOWEST_RATE} to {HIGHEST_RATE} can be used")
    # 2. The length, compared with the text.
    seconds = len(data) / (rate * channels * SAMPLE_BYTES)
    if not limits.shortest_s <= seconds <= limits.longest_s:
        raise WrongSound(f"it answers with {seconds:.1f} s of sound, and this text takes {limits.shortest_s:.1f} to "
                         f"{limits.longest_s:.1f} s")
    # 3. The sound itself.
    segment = sound_level.pydub_segment()(data=data, sample_width=SAMPLE_BYTES, frame_rate=rate, channels=channels)
    if sound_level.is_silent(segment):
        raise WrongSound("it answers with silence")
    return segment.set_channels(1)


def _read_chunks(body: bytes) -> tuple[int, int, bytes]:
    """Return channels, rate and samples of a WAV."""
    at, shape = 12, None
    while at + 8 <= len(body):
        name, size = body[at:at + 4], struct.unpack_from("<I", body, at + 4)[0]
        at += 8
        if name == b"fmt " and at + 16 <= len(body):
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body, at)
            if kind not in (PCM, EXTENSIBLE) or bits != 8 * SAMPLE_BYTES or not 1 <= channels <= MOST_CHANNELS:
                raise WrongFormat(f"it answers with WAV of {bits} bit, {channels} channels, format {kind}; plain "
                                  "16 bit with one or two channels can be used")
            shape = channels, rate
        elif name == b"data":
            if shape is None:
                raise WrongFormat("it answers with a WAV without a format")
            left = len(body) - at
            if size and size < UNKNOWN_SIZE:
                if size > left:
                    raise WrongSound(f"its sound is cut off: {left} of {size} bytes")
                left = size
            frame = shape[0] * SAMPLE_BYTES
            return *shape, body[at:at + left // frame * frame]
        at += size + size % 2
    raise WrongSound("its sound is cut off in the header")


def _name_kind(body: bytes) -> str:
    start = body.lstrip()[:8]
    return next((name for mark, name in KINDS.items() if start.startswith(mark)),
                "something unknown" if body else "nothing")
