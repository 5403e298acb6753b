"""Gather the invariants: sentences that a caller or an agent would say of a day, one in each function.

`MOMENTS` look at an observation before it is taken, and yield what is wrong with it. `STANDING` look at everything and
yield what must not last, with the time that it may.
"""

from __future__ import annotations

from tests.callers_side.invariants import (
    breaks,
    callbacks,
    crisis_line,
    crossed_lines,
    figures,
    promises,
    sentences,
    talks,
)

MOMENTS = (*breaks.MOMENTS, *callbacks.MOMENTS, *crisis_line.MOMENTS, *crossed_lines.MOMENTS, *figures.MOMENTS,
           *promises.MOMENTS, *sentences.MOMENTS, *talks.MOMENTS)
STANDING = (*crisis_line.STANDING, *promises.STANDING, *sentences.STANDING, *talks.STANDING)
