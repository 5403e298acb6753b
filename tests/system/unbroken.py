"""Whether what was heard goes on without a gap."""

from __future__ import annotations

from collections.abc import Iterable

from lab.phones import audio
from lab.phones.audio import Samples
from lab.phones.leg import Leg

FRAME_S = 0.02
"""One packet of RTP: a gap is measured in whole packets."""


def between(leg: Leg, start: float, end: float) -> Samples:
    """Return the sound of a leg between two times in Unix seconds."""
    assert leg.recording is not None and leg.answered_at is not None
    samples = audio.read_wav(leg.recording)
    first, last = (max(0, int((at - leg.answered_at) * audio.RATE)) for at in (start, end))
    assert last <= len(samples) + audio.RATE, f"{leg} was recorded for {len(samples) / audio.RATE:.1f} s only"
    return samples[first:last]


def longest_silence(samples: Samples) -> float:
    """The longest silence in seconds."""
    size = int(FRAME_S * audio.RATE)
    return _longest(audio.root_mean_square(samples[at: at + size]) < audio.QUIET_LEVEL
        for at in range(0, len(samples) - size, size)) \
        * FRAME_S


def longest_without(samples: Samples, hertz: float) -> float:
    """The longest time without this tone in seconds."""
    size = int(audio.WINDOW_S * audio.RATE)
    pieces = [samples[at: at + size] for at in range(0, len(samples) - size, size)]
    return _longest(audio.root_mean_square(piece) < audio.QUIET_LEVEL
        or audio.tone_energy(piece, hertz) < audio.TONE_SHARE
                    for piece in pieces) * audio.WINDOW_S


def _longest(missing: Iterable[bool]) -> int:
    longest = run = 0
    for one in missing:
        run = run + 1 if one else 0
        longest = max(longest, run)
    return longest
