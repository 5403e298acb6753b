"""Run a range of seeds in several processes, and tell which ones broke a rule."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

from lab.simulation.simulation import USUAL, Outcome, Variation, run_seed

CHUNK = 25
"""Seeds that a process takes at once."""


class Broken(NamedTuple):
    """A seed that broke rules."""

    seed: int
    rules: tuple[str, ...]
    what: tuple[str, ...]
    repeat: str
    """The command that shows it."""


class Result(NamedTuple):
    """Result of a range of seeds."""

    seeds: int
    callers: int
    virtual_s: float
    broken: tuple[Broken, ...]


def run_chunk(seeds: range, variation: Variation = USUAL) -> list[Outcome]:
    """Run some seeds in this process.

    Loops and their tasks refer to each other, so each world is garbage. It is collected while it is small, and without
    a look at what was there before.
    """
    found = []
    gc.disable()
    gc.freeze()
    try:
        for seed in seeds:
            found.append(run_seed(seed, variation))
            gc.collect()
    finally:
        gc.unfreeze()
        gc.enable()
    return found


def run_seeds(seeds: range, variation: Variation = USUAL, processes: int = 1) -> Result:
    """Run a range of seeds and gather what they found."""
    return gather_result(iterate_outcomes(seeds, variation, processes), variation)


def iterate_outcomes(seeds: range, variation: Variation = USUAL, processes: int = 1) -> Iterator[Outcome]:
    """Yield the outcome of each seed, in order."""
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    if processes == 1:
        for chunk in chunks:
            yield from run_chunk(chunk, variation)
        return
    # A new interpreter for each process: threads of this one must not be copied.
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for found in pool.map(partial(run_chunk, variation=variation), chunks):
            yield from found


def gather_result(outcomes: Iterable[Outcome], variation: Variation = USUAL) -> Result:
    """Return the sums of some outcomes."""
    seeds = callers = 0
    seconds, broken = 0.0, []
    for one in outcomes:
        seeds, callers, seconds = seeds + 1, callers + one.callers, seconds + one.seconds
        if one.violations:
            broken.append(Broken(one.seed, tuple(dict.fromkeys(v.rule for v in one.violations)),
                                 tuple(v.what for v in one.violations), variation.repeat_command(one.seed)))
    return Result(seeds, callers, round(seconds, 1), tuple(broken))
