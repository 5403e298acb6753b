"""Measure a sound in short windows, with the numbers of pydub's slices at a small part of their time.

A slice of pydub is an object, and a sound has thousands of them. An array gives all windows at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int64]


def measure_peaks(segment: Any, ms: int) -> list[int]:
    """Return the highest amplitude of each window of `ms`."""
    samples, edges = _cut_windows(segment, ms)
    peaks: list[int] = np.maximum.reduceat(np.abs(samples), edges[:-1]).tolist() if len(samples) else []
    return peaks


def measure_powers(segment: Any, ms: int) -> list[int]:
    """Return the root mean square of each window of `ms`, as a whole number."""
    samples, edges = _cut_windows(segment, ms)
    if not len(samples):
        return []
    powers = np.add.reduceat(samples * samples, edges[:-1]) / np.diff(edges)
    rounded: list[int] = np.sqrt(powers).astype(np.int64).tolist()
    return rounded


def _cut_windows(segment: Any, ms: int) -> tuple[Samples, list[int]]:
    """Return the samples, and the edges of the windows, where slices of pydub begin and end."""
    samples = np.frombuffer(segment.raw_data, "<i2").astype(np.int64)
    per_ms = segment.frame_rate / 1000
    edges = [int(at * per_ms) * segment.channels for at in (*range(0, len(segment), ms), len(segment))]
    # pydub rounds the length to whole milliseconds, and fills what is missing of the last one with silence.
    missing = max(0, edges[-1] - len(samples))
    return np.pad(samples[: edges[-1]], (0, missing)), edges
