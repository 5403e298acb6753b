"""Tell whom a caller heard, and when: each agent's phone plays another tone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lab.phones.audio import QUIET_LEVEL, RATE, TONE_SHARE, WINDOW_S, read_wav

SHORTEST_S = 0.2
"""Shortest tone that counts: four windows. The beep of a prompt may have the frequency of an agent by chance."""
BREAK_S = 0.5
"""Longest break within one talk. A busy machine drops or delays packets."""


class HeardAgent(NamedTuple):
    """A stretch of a recording in which one agent was heard, in seconds from its beginning."""

    agent: str
    began: float
    ended: float


def find_agents(recording: Path, tones: Mapping[str, int]) -> list[HeardAgent]:
    """Return whom the recording of a caller holds, in order. `tones` has the frequency of each agent in Hz."""
    samples, size = read_wav(recording), int(WINDOW_S * RATE)
    windows = samples[: len(samples) // size * size].reshape(-1, size)
    if not len(windows) or not tones:
        return []
    # 1. The share of each tone in the energy of each window, all at once (Goertzel as one product).
    energy = np.einsum("ij,ij->i", windows, windows)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(size), list(tones.values())) / RATE)
    shares = 2.0 * np.abs(windows @ waves) ** 2 / (size * np.maximum(energy, 1.0)[:, np.newaxis])
    loud = energy >= QUIET_LEVEL ** 2 * size
    # 2. Stretches of windows in which a tone stands out.
    found = []
    for agent, share in zip(tones, shares.T, strict=True):
        at = np.flatnonzero((share >= TONE_SHARE) & loud) * WINDOW_S
        for stretch in np.split(at, np.flatnonzero(np.diff(at) > BREAK_S) + 1):
            if len(stretch) and stretch[-1] + WINDOW_S - stretch[0] >= SHORTEST_S:
                found.append(HeardAgent(agent, round(float(stretch[0]), 2), round(float(stretch[-1]) + WINDOW_S, 2)))
    return sorted(found, key=lambda one: one.began)
